# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real trees of torch_npu are complete, at their pins, and configured against the right torch when the first file is compiled."""

import json
import re
from pathlib import Path

import pytest
import real
import rig

RELEASES = [real.OLD, real.NEW]
GENERATED = {
    real.OLD: ["torch_npu/csrc/aten/RegisterNPU.cpp", "torch_npu/version.py"],
    real.NEW: [
        "torch_npu/csrc/aten/RegisterNPU.cpp",
        "torch_npu/csrc/aten/CustomFunctions.cpp",
        "torch_npu/version.py",
    ],
}
# Prints an object that is not one of CMake's own trials.
COMPILED = (
    "find build -maxdepth 2 -name compile_commands.json 2>/dev/null | grep -q . && "
    "find build -name '*.o' -not -path '*/CMakeFiles/CMake*' 2>/dev/null | head -n 1"
)
by_release = pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.row["package"])


@pytest.fixture(scope="module", autouse=True)
def stopped(tmp_path_factory):
    """Both builds have come to their compilers, and were stopped there by the project's own playbook."""
    folder = tmp_path_factory.mktemp("run")
    options = real.inventory(folder / "releases.yml", RELEASES, [real.CLONES])
    run = real.run("site.yml", folder / "site.log", *options)
    try:
        for release in RELEASES:
            begun = f"{real.TREE} 2>/dev/null && {COMPILED}"

            def compiled(release=release, begun=begun):
                done = rig.finish(rig.inside(release.host, "bash", "-c", begun))
                return done.stdout.strip() or run.process.poll() is not None

            rig.until(compiled, limit_s=1200, what=lambda: "nothing was compiled:\n" + run.said[-3000:])
            assert run.process.poll() is None, run.said[-6000:]
        real.run("playbooks/stop.yml", folder / "stop.log", *options).ended(limit_s=120)
        run.ended(well=False, limit_s=300)
    finally:
        run.kill()


@by_release
def test_the_tree_and_its_submodules_are_at_their_pins(release):
    paths = ["", *release.row["submodules"]]
    found = real.ask(
        release.host,
        f"{real.TREE}; for path in {' '.join('./' + path for path in paths)}; do git -C $path rev-parse HEAD; done",
    )
    wanted = [release.row["commit"], *(module["commit"] for module in release.row["submodules"].values())]
    assert found.split() == wanted
    # Two levels deep, and none is an empty folder.
    listed = real.ask(release.host, f"{real.TREE}; git submodule status --recursive").splitlines()
    assert [line for line in listed if not re.match(r" [0-9a-f]{40} ", line)] == []
    if release is real.NEW:
        assert any("third_party/Tensorpipe/third_party/libuv " in line for line in listed), listed


@by_release
def test_the_code_is_generated(release):
    for path in GENERATED[release]:
        assert int(real.ask(release.host, f"{real.TREE}; wc -c < {path}")) > 0
    version = real.ask(release.host, f"{real.TREE}; cat torch_npu/version.py")
    assert f"'{release.row['version']}'" in version, version


@by_release
def test_cmake_has_found_the_torch_of_the_build_and_lists_all_units(release):
    cache = real.ask(release.host, f"{real.TREE}; cat $(find build -maxdepth 2 -name CMakeCache.txt)")
    assert re.search(
        r"^PYTORCH_INSTALL_DIR:\w+=/var/lib/ascend-pytorch/builds/torch_npu-\S+/obj/venv/lib/\S+/torch$",
        cache,
        re.MULTILINE,
    )
    assert re.search(r"^CMAKE_GENERATOR:INTERNAL=Unix Makefiles$", cache, re.MULTILINE)
    listed = json.loads(
        real.ask(release.host, f"{real.TREE}; cat $(find build -maxdepth 2 -name compile_commands.json)")
    )
    assert len(listed) == release.units
    if release is real.NEW:
        assert re.search(r"^BUILD_TENSORPIPE:\w+=on$", cache, re.MULTILINE | re.IGNORECASE)
        assert re.search(r"^BUILD_TORCHAIR:\w+=on$", cache, re.MULTILINE | re.IGNORECASE)


@by_release
def test_stubs_stand_in_for_cann(release):
    found = real.ask(release.host, f"{real.TREE}; ls third_party/acl/libs/*.so").split()
    assert {"libhccl.so", "libascendcl.so", "libacl_op_compiler.so"} <= {Path(path).name for path in found}


def test_a_mirror_without_a_submodule_is_refused_before_anything_is_built(tmp_path):
    mirror = tmp_path / "mirror"
    for path in Path(real.CLONES).glob("*/*.git"):
        if path.name != "op-plugin.git":
            (mirror / path.parent.name).mkdir(parents=True, exist_ok=True)
            (mirror / path.parent.name / path.name).symlink_to(path)
    options = real.inventory(tmp_path / "releases.yml", [real.NEW], [str(mirror)])
    # Whatever network this machine has, there is only the mirror.
    options += ["--limit", real.NEW.host, "-e", json.dumps({"torch_npu_build_adapter_urls": []})]
    done = real.run("playbooks/check.yml", tmp_path / "check.log", *options).ended(well=False)
    assert "source-unreachable" in done.words
    assert "Ascend/op-plugin.git (submodule third_party/op-plugin): missing" in done.words, done.said[-3000:]
