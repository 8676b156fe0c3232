# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle of torch_npu and its stock torch: from source, then with the vendor's ready-made wheel."""

import json
import re

import pytest
import rig
import yaml

NONE = {"host": 0, "controller": 0}
RELEASE = "2.6.0.post5"
LOOK = """. /etc/ascend-pytorch/env.sh && cd / && python3.9 -c '
import json, torch, torch_npu
print(json.dumps([torch.__version__, torch_npu.__version__, "cxx" in torch_npu.build_info()]))'"""
READY = {"torch_npu_build_from": "wheel"}


@pytest.fixture(scope="module")
def bundle(bundle_for):
    given = yaml.safe_load((rig.MIRROR / f"vars-{RELEASE}.yml").read_text())
    return bundle_for("today", RELEASE, {**given, "gcc730_accept_installed": True})


def test_it_holds_the_sources_the_stock_torch_and_what_both_require(bundle):
    said = bundle.run()
    assert f"collecting wheels for torch {RELEASE}, Python 3.9 on x86_64" in said.brought
    manifest = bundle.manifest
    assert manifest["releases"] == [RELEASE]
    assert manifest["wheels"][f"{RELEASE}-3.9-x86_64"]["lacking"] == []
    assert {"torch-2.6.0+cpu-cp39-cp39-linux_x86_64.whl", "miniz.h", "cmake-3.18.4.tar.gz"} <= set(manifest["files"])
    assert {"Ascend/pytorch", "ascend/op-plugin", "ascend/Tensorpipe", "mirrors/libuv"} <= set(manifest["repositories"])
    wheels = {name.split("/")[1].split("-")[0] for name in manifest["files"] if name.startswith("wheels/")}
    assert {"filelock", "typing_extensions", "auditwheel"} <= {name.lower() for name in wheels}
    assert not wheels & {"torch", "torch_npu"}
    assert (bundle.run().changed, "is whole" in bundle.run("verified")) == (0, True)


def test_a_host_is_told_only_what_torch_npu_needs(bundle, controller, host):
    said = controller.site(bundle, well=False)
    command = re.search(r"`(apt-get install -y [^`]*)`", said).group(1)
    assert set(command.split()[3:]) == {"elfutils", "patchelf"}
    # An administrator does that before the network goes.
    host.check_output("apt-get update -qq && DEBIAN_FRONTEND=noninteractive " + command)


def test_site_builds_from_it_alone_and_no_connection_is_tried(bundle, controller, host, cut):
    controller.site(bundle)
    assert cut.refused() == NONE
    assert min(cut.passed().values()) > 100
    assert json.loads(host.check_output(LOOK)) == ["2.6.0+cpu", RELEASE, True]
    assert controller.site(bundle).changed == 0


def test_the_ready_made_wheel_is_carried_from_the_users_index(bundle, controller, host, cut):
    ready = {**READY, "torch_npu_build_npu_index": (rig.MIRROR / "simple").as_uri()}
    said = bundle.run(**ready)
    assert said.brought == [f"collecting wheels for torch {RELEASE}, Python 3.9 on x86_64"]
    assert [name for name in bundle.manifest["files"] if name.startswith("wheels/torch_npu-2.6.0.post5-cp39-")]
    assert bundle.run(**ready).changed == 0
    assert controller.site(bundle, **READY).changed
    assert cut.refused() == NONE
    assert json.loads(host.check_output(LOOK)) == ["2.6.0+cpu", RELEASE, False]
    assert controller.site(bundle, **READY).changed == 0
