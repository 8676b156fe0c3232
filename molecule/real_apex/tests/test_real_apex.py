# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Apex was built from the guide's commits, and real patches refuse a native tree that they do not fit."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[3]
REAL = os.environ["REAL_MIRROR"]


def test_apex_is_installed(host):
    assert "0.1+ascend" in host.check_output("cd / && python3.9 -m pip show apex")


def test_its_cpp_extension_loads(host):
    host.check_output("cd / && python3.9 -c 'import torch, apex_C; apex_C.flatten([torch.zeros(2)])'")


def test_the_manifest_has_the_guides_commits(host):
    path = host.check_output("ls /usr/local/lib/python3.9/dist-packages/apex-*.dist-info/ascend-manifest.json")
    pins = {
        name: entry["pin"] for name, entry in json.loads(host.file(path).content_string)["identity"]["sources"].items()
    }
    assert pins["native"] == "4ef930c1c884fdca5f472ab2ce7cb9b505d26c1a"
    assert pins["adapter"] == "67de5d64951495cb20ab040ca7af0227648faa72"


@pytest.mark.parametrize("version", ["1.5.0", "1.8.1"])
def test_a_native_tree_of_another_project_is_refused(version, tmp_path):
    """The real patch of each release is applied to a tree that is not PyTorch."""
    for name in ("Ascend/pytorch.git", "pytorch/pytorch.git"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / "Ascend/pytorch.git").symlink_to(Path(REAL) / "Ascend/pytorch.git")
    (tmp_path / "pytorch/pytorch.git").symlink_to(Path(REAL) / "Ascend/apex.git")
    # The host has only Python 3.9, which 1.5.0 does not support; the patch is applied long before Python is used.
    row = yaml.safe_load((PROJECT / "roles/road/files/releases.yml").read_text())[version]
    variables = {
        "scenario_roles": ["cmake", "torch_npu_build"],
        "ascend_mirrors": [str(tmp_path), os.environ["FLEET_MIRROR"]],
        "cmake_sha256": yaml.safe_load(Path(os.environ["FLEET_MIRROR_VARS"]).read_text())["cmake_sha256"],
        "ascend_torch_version": version,
        "ascend_extra_releases": {version: {**row, "pythons": ["3.9"]}},
        "torch_npu_build_native_ref": "",
        "torch_npu_build_native_commit": "67de5d64951495cb20ab040ca7af0227648faa72",
    }
    result = subprocess.run(
        [
            "ansible-playbook",
            str(PROJECT / "molecule/shared/converge.yml"),
            "-i",
            os.environ["FLEET_INVENTORY"],
            "-e",
            json.dumps(variables),
        ],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / "collections")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    said = " ".join(result.stdout.split())
    assert "pytorch%s_npu.patch does not fit the native sources" % version in said, result.stdout[-3000:]
    assert "Nothing was patched" in said
