# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle from its making to a host that has everything from it alone. Each test goes on from where the last one ended."""

import os
import re

import pytest

NONE = {"host": 0, "controller": 0}
GIT = "pytorch/cpuinfo/"

# A name is asked for, and an address called that is nobody's.
TRY = """
import socket
for call in (lambda: socket.getaddrinfo("a.test", 443), lambda: socket.create_connection(("198.51.100.1", 443), 20)):
    try:
        call()
    except OSError as error:
        print(type(error).__name__)
"""
LOOK = ". /etc/ascend-pytorch/env.sh && cd / && python3.9 -c 'import apex, torch; print(torch.__version__)'"
BUILDS = "ls -d /var/lib/ascend-pytorch/builds/*-*"

# As if the host had been installed anew.
ANEW = """
python3.9 -m pip uninstall -q -y torch apex typing-extensions
rm -rf /var/lib/ascend-pytorch /usr/local/cmake* /usr/local/linux_gcc* /usr/bin/cmake /etc/ascend-pytorch
"""


@pytest.fixture(scope="module")
def bundle(bundle_for):
    return bundle_for("carried", "1.8.1")


def test_a_run_that_was_killed_leaves_no_bundle_and_the_next_goes_on(bundle):
    bundle.killed("fetching onnx/onnx")
    assert "never finished" in bundle.run("verified", well=False)
    brought = bundle.run().brought
    assert "fetching cmake-3.12.1.tar.gz" not in brought
    assert not [line for line in brought if line.startswith(("fetching Ascend/pytorch", "fetching pytorch/pytorch"))]
    assert [line for line in brought if line.startswith("fetching NVIDIA/apex")]
    assert "collecting wheels for torch 1.8.1, Python 3.9 on x86_64" in brought


def test_it_holds_what_was_chosen_and_nothing_else(bundle):
    manifest = bundle.manifest
    assert manifest["releases"] == ["1.8.1"]
    assert list(manifest["wheels"]) == ["1.8.1-3.9-x86_64"]
    assert manifest["wheels"]["1.8.1-3.9-x86_64"]["lacking"] == []
    assert set(bundle.files()) == {*manifest["files"], "bundle.json"}
    wheels = [name for name in manifest["files"] if name.startswith("wheels/")]
    assert [name for name in wheels if "numpy" in name]
    assert not [name for name in wheels if not re.search(r"-cp39-.*x86_64|-none-any", name)]


def test_again_it_changes_nothing(bundle):
    before = bundle.files()
    said = bundle.run()
    assert (said.changed, said.brought, bundle.files()) == (0, [], before)
    assert "is whole" in bundle.run("verified")


def test_what_is_damaged_is_named_and_only_that_is_made_anew(bundle, controller):
    before = bundle.files()
    spoilt, lost = sorted(name for name in before if name.startswith((GIT, "wheels/numpy-")))[-2:]
    file = bundle.path / spoilt
    # Neither its length nor its time tells.
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    os.utime(file, ns=(before[spoilt], before[spoilt]))
    (bundle.path / lost).unlink()
    said = bundle.run("verified", well=False)
    assert f"{spoilt}: sha256 is" in said
    assert f"{lost}: missing" in said
    assert set(re.findall(r"^ +- (\w\S*): ", said, re.MULTILINE)) == {spoilt, lost}
    assert f"{lost} of its bundle.json is missing" in " ".join(controller.site(bundle, well=False).split())
    assert bundle.run().changed == 1
    after = bundle.files()
    assert {name for name in after if after[name] != before[name]} == {spoilt, lost, "bundle.json"}
    assert "is whole" in bundle.run("verified")


def test_a_host_is_told_what_no_bundle_brings(bundle, controller, host):
    said = controller.site(bundle, well=False)
    command = re.search(r"`(apt-get install -y [^`]*)`", said).group(1)
    assert set(command.split()[3:]) == {"bzip2", "dos2unix", "m4", "patch"}
    # An administrator does that before the network goes.
    host.check_output("apt-get update -qq && DEBIAN_FRONTEND=noninteractive " + command)


def test_site_comes_from_the_bundle_alone_and_no_connection_is_tried(bundle, controller, host, cut):
    controller.site(bundle)
    assert cut.refused() == NONE
    # The rules saw it: what it did went through them.
    assert min(cut.passed().values()) > 100
    assert host.check_output(LOOK) == "1.8.1+ascend"
    assert len(host.check_output(BUILDS).split()) == 4
    assert controller.site(bundle).changed == 0
    assert cut.refused() == NONE


def test_a_bundle_with_products_spares_a_host_the_building(bundle, controller, host, cut):
    said = bundle.run(products=controller.cache)
    assert len([line for line in said.brought if line.startswith("copying ")]) == len(said.brought) >= 4
    host.check_output(ANEW)
    controller.forget()
    controller.site(bundle)
    assert cut.refused() == NONE
    assert host.check_output(LOOK) == "1.8.1+ascend"
    assert host.run(BUILDS).stdout == ""


def test_these_rules_count_what_is_tried(controller, host, cut):
    wanted = ["gaierror", "ConnectionRefusedError"]
    assert host.check_output("python3 -c %s", TRY).split() == wanted
    once = cut.refused()
    assert once["host"] >= 2 and once["controller"] == 0
    assert controller.run(["python3", "-c", TRY]).split() == wanted
    twice = cut.refused()
    assert twice["host"] == once["host"] and twice["controller"] >= 2
    # With the host's own settings.
    assert host.run("python3.9 -m pip download --retries 0 --no-deps -d /tmp six").failed
    assert cut.refused()["host"] > twice["host"]
