# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published stays whole: builds that are killed, files that go missing, flags that change, removal."""

import json

import pytest
from rig import on, until

WORK = "/var/lib/ascend-pytorch"
PREFIX = "/usr/local/cmake"


def statuses(host):
    """The status of every build of torch that there is or was."""
    found = []
    for path in host.run("ls -d %s/builds/torch-*/status.json" % WORK).stdout.split():
        try:
            found.append(json.loads(host.run("cat %s", path).stdout))
        except ValueError:
            continue
    return found


def building(host):
    """The process of the build of torch that is in its build stage, None when there is none."""
    return next(
        (found["pid"] for found in statuses(host) if found["state"] == "running" and found["stage"] == "build"), None
    )


def built(host, name):
    return host.check_output("stat -c %%Y:%%n %s/products/%s-*/product.json" % (WORK, name)).splitlines()


@pytest.fixture(scope="module")
def host():
    there = on("root")
    yield there
    there.check_output("rm -rf %s" % WORK)


def test_first_publish_from_a_mirror_over_http_whose_connections_are_cut(apply, host, served):
    result = apply(["cmake"], "root", ascend_mirrors=[served + "/flaky"])
    assert result.returncode == 0, result.stdout[-3000:]
    assert host.file(PREFIX).is_symlink


def test_a_deleted_file_is_put_back_without_a_build(apply, host):
    before, tree = built(host, "cmake"), host.file(PREFIX).linked_to
    victim = host.check_output("find %s/ -name '*.cmake' | head -1", PREFIX)
    host.check_output("rm %s", victim)
    result = apply(["cmake"], "root")
    assert result.returncode == 0, result.stdout[-3000:]
    assert host.file(victim).exists
    assert host.file(PREFIX).linked_to == tree
    assert built(host, "cmake") == before
    assert "changed=1" in result.stdout


def test_a_wrong_digest_leaves_the_former_tree_whole(apply, host):
    tree = host.file(PREFIX).linked_to
    result = apply(["cmake"], "root", cmake_sha256="0" * 64)
    assert result.returncode != 0
    assert host.file(PREFIX).linked_to == tree
    assert host.run(PREFIX + "/bin/cmake --version").rc == 0


def test_a_changed_flag_builds_anew_and_keeps_the_former_tree(apply, host):
    former = host.file(PREFIX).linked_to
    result = apply(["cmake"], "root", cmake_configure_options=["--no-system-curl"])
    assert result.returncode == 0, result.stdout[-3000:]
    now = host.file(PREFIX).linked_to
    assert now != former
    assert host.file(former + "/bin/cmake").exists
    assert apply(["cmake"], "root", cmake_configure_options=["--no-system-curl"]).stdout.count("changed=0") == 1


def test_removal_takes_what_is_ours(apply, host):
    host.check_output("mkdir -p /usr/local/cmake-mine-000000000000")
    result = apply(["cmake"], "root", cmake_state="absent")
    assert result.returncode == 0, result.stdout[-3000:]
    assert host.check_output("ls -d /usr/local/cmake*") == "/usr/local/cmake-mine-000000000000"
    assert not host.file("/usr/bin/cmake").exists
    assert "changed=0" in apply(["cmake"], "root", cmake_state="absent").stdout
    host.check_output("rmdir /usr/local/cmake-mine-000000000000")


def test_a_foreign_program_is_left_alone_then_replaced_then_put_back(apply, host):
    host.check_output("printf '#!/bin/sh\necho cmake version 3.5.1\n' > /usr/bin/cmake && chmod 755 /usr/bin/cmake")
    try:
        assert apply(["cmake"], "root").returncode == 0
        assert "3.5.1" in host.check_output("/usr/bin/cmake --version")
        assert "3.12.1" in host.check_output(PREFIX + "/bin/cmake --version")
        assert "changed=0" in apply(["cmake"], "root").stdout
        assert apply(["cmake"], "root", cmake_replace_link=True).returncode == 0
        assert "3.12.1" in host.check_output("/usr/bin/cmake --version")
        assert apply(["cmake"], "root", cmake_state="absent").returncode == 0
        assert "3.5.1" in host.check_output("/usr/bin/cmake --version")
    finally:
        host.check_output("rm -f /usr/bin/cmake")


def test_a_stock_torch_stands_in_the_way(host):
    """What the next test must replace, and must not touch before the new one is whole."""
    host.check_output(
        "mkdir -p /root/stock/torch && cd /root/stock && echo '__version__ = \"1.7.0\"' > torch/__init__.py && "
        'echo \'from setuptools import setup; setup(name="torch", version="1.7.0", packages=["torch"])\' > setup.py '
        "&& python3.9 -m pip install -q . && rm -r /root/stock"
    )


HEAVY = {"torch_npu_build_build_environment": {"MIRROR_WORK": "1"}}


def test_a_killed_build_goes_on_where_it_was(apply, begin, host, served):
    assert apply(["cmake"], "root").returncode == 0
    first = begin(["torch_npu_build"], "root", ascend_mirrors=[served], **HEAVY)
    pid = until(lambda: building(host))
    first.kill()
    host.check_output("kill -9 %d" % pid)
    assert "1.7.0" in host.check_output("python3.9 -m pip show torch")
    result = apply(["torch_npu_build"], "root", ascend_mirrors=[served], **HEAVY)
    assert result.returncode == 0, result.stdout[-3000:]
    log = host.check_output("cat %s/builds/torch-*/build.log" % WORK)
    again = log[log.rindex("=== torch-") :]
    for stage in ("fetch", "patch", "configure"):
        assert "=== %s: done before" % stage in again


def test_the_stock_torch_is_gone(host):
    assert "1.8.1+ascend" in host.check_output("python3.9 -m pip show torch")
    assert host.check_output("ls -d /usr/local/lib/python3.9/dist-packages/torch-*").count("torch-") == 1


def test_the_tag_check_changes_nothing(apply, host):
    result = apply([], "root", "--tags", "check", **HEAVY)
    assert result.returncode == 0, result.stdout[-3000:]
    assert "changed=0" in result.stdout
    assert host.run("python3.9 -m pip show apex").rc != 0


def test_the_tag_verify_tells_what_is_not_there(apply):
    # With the flags that torch was built with; it would be told as outdated else.
    result = apply([], "root", "--tags", "verify", **HEAVY)
    assert result.returncode != 0
    assert "apex is not installed" in result.stdout
    assert "changed=0" in result.stdout
