# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each bad input gets one clear message that names the variable or the host, and leaves nothing half."""

import subprocess

import pytest
from rig import MIRROR, on

BEFORE_THE_HOST_IS_ASKED = [
    (
        "torch_npu_build",
        {"ascend_torch_version": "9.9.9"},
        ["torch_npu_build_version: '9.9.9' is not a known release", "1.5.0, 1.8.1", "ascend_extra_releases"],
    ),
    ("torch_npu_build", {"ascend_python": "python3.11"}, ["ascend_python", "python3.11", "3.7, 3.8, 3.9"]),
    ("torch_npu_build", {"torch_npu_build_hccl_if_ip": "1.2.3"}, ["torch_npu_build_hccl_if_ip", "1.2.3", "IPv4"]),
    ("torch_npu_build", {"torch_npu_build_ascend_global_log_level": "9"}, ["torch_npu_build_ascend_global_log_level"]),
    ("torch_npu_build", {"torch_npu_build_native_commit": "v1.8.1"}, ["commit of pytorch/pytorch", "40", "v1.8.1"]),
    ("torch_npu_build", {"torch_npu_build_dynamic_compile_enable": "1"}, ["torch_npu_build_dynamic_compile_enable"]),
    ("gcc730", {"gcc730_prefix": "/usr/local"}, ["gcc730_prefix", "/usr/local", "refused"]),
    ("gcc730", {"gcc730_prefix": "/"}, ["gcc730_prefix", "refused"]),
    (
        "gcc730",
        {"gcc730_version": "6.6.6"},
        ["gcc730_version: '6.6.6' is not a known release", "gcc730_extra_releases"],
    ),
    ("cmake", {"cmake_prefix": "//usr/"}, ["cmake_prefix", "refused"]),
    ("cmake", {"cmake_sha256": "c53d5c2c"}, ["sha256 of cmake-3.12.1.tar.gz", "64", "8 characters"]),
    ("cmake", {"ascend_jobs": "many"}, ["ascend_jobs", "many"]),
    ("cmake", {"cmake_state": "gone"}, ["cmake_state", "gone"]),
]

BEFORE_THE_HOST_IS_CHANGED = [
    ("torch_npu_build", "root", {"ascend_python": "python3.8"}, ["root", "python3.8", "ascend_python"]),
    ("torch_npu_build", "root", {"ascend_torch_version": "1.5.0"}, ["python3.7, python3.8", "1.5.0"]),
    ("torch_npu_build", "root", {"torch_npu_build_hccl_interface": "eth7"}, ["eth7", "eth0"]),
    ("torch_npu_build", "root", {"gcc730_accept_installed": False}, ["cmake", "Apply the role", "gcc730"]),
    ("cann_check", "nocann", {}, ["nocann", "no CANN", "ascend_require_cann"]),
    ("cann_check", "plain", {}, ["missing: ", "patch", "apt-get install", "ascend_packages_become"]),
    (
        "cmake",
        "plain",
        {"cmake_prefix": "/usr/local/cmake"},
        ["plain", "ascend may not write in /usr/local", "cmake_prefix"],
    ),
    ("cmake", "plain", {"cmake_work_dir": "/var/lib/mine"}, ["ascend may not write in /var/lib", "ascend_work_dir"]),
    ("cmake", "full", {}, ["full", "GiB free in /var/lib/ascend-pytorch", "ascend_work_dir"]),
]


def listing(name):
    return (
        on(name)
        .run("ls -A /usr/local /usr/bin/cmake /var/lib/ascend-pytorch /home/ascend /home/ascend/.local 2>&1")
        .stdout
    )


def holds(result, words):
    assert result.returncode != 0
    text = " ".join(result.stdout.split())
    missing = [word for word in words if " ".join(word.split()).replace("\\", "") not in text.replace("''", "'")]
    assert not missing, result.stdout[-3000:]
    assert "Traceback" not in result.stdout


@pytest.mark.parametrize(("role", "variables", "words"), BEFORE_THE_HOST_IS_ASKED)
def test_wrong_variables(apply, role, variables, words):
    before = listing("root")
    holds(apply([role], "root", **variables), words)
    assert listing("root") == before


@pytest.mark.parametrize(("role", "name", "variables", "words"), BEFORE_THE_HOST_IS_CHANGED)
def test_unfit_hosts(apply, role, name, variables, words):
    before = listing(name)
    holds(apply([role], name, **variables), words)
    assert listing(name) == before


def test_all_problems_are_told_at_once(apply):
    result = apply(["torch_npu_build"], "root", ascend_python="python2.7", ascend_jobs="many")
    holds(result, ["2 problems", "python2.7", "ascend_jobs"])


def test_missing_compiler(apply):
    host = on("root")
    host.check_output("mv /usr/bin/g++ /usr/bin/g++.away")
    try:
        holds(apply(["cmake"], "root", ascend_install_packages=False), ["missing: g++", "apt-get install -y g++"])
    finally:
        host.check_output("mv /usr/bin/g++.away /usr/bin/g++")
    assert not host.file("/usr/local/cmake").exists


def test_unreachable_mirror(apply, controller):
    holds(
        apply(["cmake"], "root", ascend_mirrors=[], cmake_urls=["http://%s:9/cmake-3.12.1.tar.gz" % controller]),
        ["stage fetch", "http://%s:9/cmake-3.12.1.tar.gz" % controller, "refused", "Log: root:/var/lib"],
    )
    assert not on("root").file("/usr/local/cmake").exists


def test_mirror_that_is_no_folder(apply):
    holds(apply(["cmake"], "root", ascend_mirrors=["/nowhere/at/all"]), ["ascend_mirrors", "/nowhere/at/all"])


def test_corrupted_archive(apply, served):
    holds(
        apply(["cmake"], "root", ascend_mirrors=[], cmake_urls=[served + "/corrupt/cmake-3.12.1.tar.gz"]),
        ["stage fetch", "digest is", "wanted"],
    )
    assert not on("root").file("/usr/local/cmake").exists


def test_archive_that_is_none(apply):
    host = on("root")
    host.check_output("mkdir -p /srv/bad && echo 'not an archive' > /srv/bad/cmake-3.12.1.tar.gz")
    sha256 = host.file("/srv/bad/cmake-3.12.1.tar.gz").sha256sum
    result = apply(["cmake"], "root", ascend_mirrors=["file:///srv/bad"], cmake_sha256=sha256)
    holds(result, ["stage extract", "is not an archive"])
    assert not host.file("/usr/local/cmake").exists


def test_occupied_prefix_is_left_alone(apply):
    host = on("root")
    host.check_output("mkdir -p /usr/local/cmake/bin && echo mine > /usr/local/cmake/bin/thing")
    try:
        holds(
            apply(["cmake"], "root"), ["/usr/local/cmake is a folder that this collection did not make", "cmake_prefix"]
        )
        assert host.file("/usr/local/cmake/bin/thing").content_string == "mine\n"
    finally:
        host.check_output("rm -r /usr/local/cmake")


class TestTorch:
    """With CMake there, the faults of torch's own sources."""

    @pytest.fixture(scope="class", autouse=True)
    def cmake(self, request):
        yield
        on("root").check_output("rm -rf /var/lib/ascend-pytorch/builds/torch-*")

    def test_wrong_ref(self, apply):
        moved_on = subprocess.run(
            ["git", "-C", str(MIRROR / "Ascend/pytorch.git"), "rev-parse", "master"],
            text=True,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout.strip()
        result = apply(
            ["cmake", "torch_npu_build"],
            "root",
            torch_npu_build_adapter_commit=moved_on,
            torch_npu_build_adapter_ref="master",
        )
        holds(result, ["stage patch", "does not have the guide's layout", "ref"])

    def test_native_tree_that_the_patch_does_not_fit(self, apply, commits):
        result = apply(
            ["torch_npu_build"],
            "root",
            torch_npu_build_native_commit=commits["1.5.0"]["native"],
            torch_npu_build_native_ref="v1.5.0",
        )
        holds(result, ["stage patch", "does not fit the native sources", "Nothing was patched"])

    def test_commit_that_is_nowhere(self, apply):
        result = apply(["torch_npu_build"], "root", torch_npu_build_native_commit="0" * 40)
        holds(result, ["0" * 40])

    def test_torch_is_not_installed_by_any_of_these(self):
        assert on("root").run("python3.9 -m pip show torch").rc != 0
