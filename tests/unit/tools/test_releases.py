# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of torch_npu's releases: how it is made from a clone, and the rules that its rows keep."""

import json
import re
import subprocess

import pytest
import releases
from checkout import ROOT

TABLE = json.loads(releases.TABLE.read_text(encoding="utf-8"))
ROWS, STOCK = TABLE["releases"], TABLE["stock_torch"]
# The same facts as somebody else read them, where they are beside the checkout.
OTHERS = ROOT.parent / "shared/releases/torch_npu.json"

COMPATIBILITY = """
| package | branch | torch | CANN |
|:---:|:---:|:---:|:---:|
|    2.6.0.post5     | v2.6.0-7.3.0 |   2.6.0    |  CANN 8.5.0  |
| 1.11.0.rc2（beta） |  v1.11.0-3.0.0   |   1.11.0   |   CANN 6.0.1   |
|   1.5.0.post4    |     2.0.4.tr5     |   1.5.0    |   CANN 5.0.4   |
"""
BUILD = """#!/bin/bash
SUPPORTED_PY_VERSION=(3.9 3.10)
case "$1" in
    --disable_rpc) ;;
esac
"""
SETUP = """
with open('version.txt') as version_f:
    VERSION = version_f.read().strip()
max_jobs = os.getenv("MAX_JOBS", "1")
raise RuntimeError('no cmake or cmake3 with version >= 3.18.0 found')
"""
GITMODULES = """[submodule "third_party/op-plugin"]
\tpath = third_party/op-plugin
\turl = https://git.example.org/op-plugin.git
\tbranch = 7.3.0
[submodule "third_party/torch-mlir"]
\tpath = third_party/torch-mlir
\turl = https://git.example.org/torch-mlir.git
\tupdate = none
[submodule "gone"]
\tpath = gone
\turl = https://git.example.org/gone.git
"""
INDEX = "https://download.pytorch.org/whl/cpu/"
OP_PLUGIN, MLIR = "a" * 40, "b" * 40


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path):
    """A clone with three releases: one of the table, a patch of it, and one that is a branch alone; and with a preview."""
    git(tmp_path, "init", "-q", "-b", "master")
    (tmp_path / "ci").mkdir()
    for path, text in [("ci/build.sh", BUILD), ("setup.py", SETUP), ("version.txt", "2.6.0.post5\n")]:
        (tmp_path / path).write_text(text)
    (tmp_path / ".gitmodules").write_text(GITMODULES)
    (tmp_path / "CMakeLists.txt").write_text("set(CMAKE_CXX_STANDARD 17)\n")
    (tmp_path / "README.md").write_text(f"[x]({INDEX}torch-2.6.0%2Bcpu-cp39-cp39-linux_x86_64.whl)\n")
    for path, commit in [("third_party/op-plugin", OP_PLUGIN), ("third_party/torch-mlir", MLIR)]:
        git(tmp_path, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    git(tmp_path, "add", "ci", "setup.py", "version.txt", ".gitmodules", "CMakeLists.txt", "README.md")
    git(tmp_path, "commit", "-qm", "release")
    git(tmp_path, "tag", "v7.3.0-pytorch2.6.0")
    git(tmp_path, "tag", "v7.3.0.alpha001-pytorch2.6.0")
    git(tmp_path, "tag", "v3.0.0-pytorch1.11.0")
    (tmp_path / "version.txt").write_text("2.6.0.post6\n")
    linked = f"{INDEX}torch-2.6.0%2Bcpu-cp39-cp39-linux_x86_64.whl#sha256={'c' * 64}"
    abi = f"{INDEX}torch-2.6.0%2Bcpu.cxx11.abi-cp39-cp39-linux_x86_64.whl"
    (tmp_path / "README.md").write_text(
        f"| [x]({linked}) |\n| [y]({abi}) | {INDEX}torch-9.9.9-cp39-cp39-linux_x86_64.whl\n"
    )
    git(tmp_path, "commit", "-qam", "patch release")
    git(tmp_path, "tag", "v7.3.1-pytorch2.6.0")
    git(tmp_path, "checkout", "-q", "-b", "2.0.4.tr5")
    git(tmp_path, "rm", "-q", "ci/build.sh")
    for path in ("scripts/gen.sh", "patch/pytorch1.5.0_npu.patch"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).touch()
        git(tmp_path, "add", path)
    git(tmp_path, "commit", "-qm", "patched tree")
    git(tmp_path, "checkout", "-q", "master")
    (tmp_path / "COMPATIBILITY.md").write_text(COMPATIBILITY)
    git(tmp_path, "add", "COMPATIBILITY.md")
    git(tmp_path, "commit", "-qm", "table")
    return releases.Clone(tmp_path)


def test_rows_of_a_clone(clone):
    table = releases.make_table(clone)
    first, _rc, old, patch = table["releases"]
    assert first == {
        "package": "2.6.0.post5",
        "tag": "v7.3.0-pytorch2.6.0",
        "branch": "v2.6.0-7.3.0",
        "in_vendors_table": True,
        "commit": clone.commit("v7.3.0-pytorch2.6.0"),
        "torch": "2.6.0",
        "cann": "8.5.0",
        "layout": "plugin",
        "version": "2.6.0.post5",
        "pythons": ["3.9", "3.10"],
        "options": ["--disable_rpc"],
        "cmake": "3.18.0",
        "cxx": 17,
        "max_jobs": True,
        "autoload": False,
        "submodules": {
            "third_party/op-plugin": {"url": "https://git.example.org/op-plugin.git", "commit": OP_PLUGIN},
            "third_party/torch-mlir": {
                "url": "https://git.example.org/torch-mlir.git",
                "commit": MLIR,
                "update": "none",
            },
        },
    }
    assert (patch["package"], patch["tag"], patch["cann"]) == ("2.6.0.post6", "v7.3.1-pytorch2.6.0", "8.5.0")
    assert not patch["in_vendors_table"] and patch["branch"] == ""
    assert (old["package"], old["tag"], old["branch"], old["pythons"]) == ("1.5.0.post4", "", "2.0.4.tr5", [])
    assert old["layout"] == "patch"


def test_stock_wheels_of_a_clone(clone):
    """A link with a digest counts before one without; another ABI, and a torch that no release is for, are left out."""
    url = INDEX + "torch-2.6.0%2Bcpu-cp39-cp39-linux_x86_64.whl"
    wheel = {"file": "torch-2.6.0+cpu-cp39-cp39-linux_x86_64.whl", "url": url, "sha256": "c" * 64}
    assert releases.make_table(clone)["stock_torch"] == {"2.6.0": [wheel]}


def test_the_file_is_the_table(clone, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(releases, "TABLE", tmp_path / "table.json")
    monkeypatch.setattr(releases, "ROOT", tmp_path)
    assert releases.main([str(clone.folder), "--check"]) == 1
    assert releases.main([str(clone.folder)]) == 0
    assert json.loads((tmp_path / "table.json").read_text()) == releases.make_table(clone)
    assert releases.main([str(clone.folder), "--check"]) == 0
    assert "table.json is what the clone says" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line, known",
    [
        ("7.2.0.1", "7.2.0"),
        ("6.0.rc1.1", "6.0.rc1"),
        ("5.0.1.2", "5.0.0"),
        ("26.0.1", "26.0.0"),
        ("6.0.rc1", "6.0.rc1"),
        ("9.9.9", ""),
    ],
)
def test_what_a_patch_release_is_for(line, known):
    assert releases.patched_line(line, {"7.2.0", "6.0.rc1", "5.0.0", "26.0.0"}) == known


def test_a_clone_without_all_releases_is_refused(clone):
    git(clone.folder, "tag", "-d", "v3.0.0-pytorch1.11.0")
    with pytest.raises(
        SystemExit, match="the tag 'v3.0.0-pytorch1.11.0' nor the branch v1.11.0-3.0.0 of 1.11.0.rc2: fetch all"
    ):
        releases.make_table(clone)


def test_a_version_that_setup_py_gives_itself():
    assert releases.find_version("2.2.0\n", "    VERSION = '2.2.0.post1'\n") == "2.2.0.post1"


@pytest.mark.parametrize(
    ("paths", "layout"),
    [
        (["ci/build.sh", "setup.py"], "plugin"),
        (["patch/pytorch1.8.1_npu.patch", "scripts/gen.sh"], "patch"),
        # The oldest of the patched trees: its patch has another name, and its sources another folder.
        (["patch/npu.patch", "scripts/gen.sh"], ""),
        (["scripts/gen.sh"], ""),
        ([], ""),
    ],
)
def test_layout_of_a_tree(paths, layout):
    assert releases.find_layout("".join(f"100644 blob {'a' * 40}\t{path}\n" for path in paths)) == layout


# --- the table that is there


def test_every_row_is_pinned():
    assert len(ROWS) == 106 and len({row["commit"] for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert re.fullmatch("[0-9a-f]{40}", row["commit"]), row["package"]
        assert row["tag"] or row["branch"], row["package"]
        for path, each in row["submodules"].items():
            assert re.fullmatch("[0-9a-f]{40}", each["commit"]), (row["tag"], path)
            assert each["url"].startswith("https://"), (row["tag"], path)


def test_a_tag_is_a_key_and_a_package_is_none():
    tags = [row["tag"] for row in ROWS if row["tag"]]
    assert len(tags) == len(set(tags)) == 103
    packages = [row["package"] for row in ROWS]
    assert sorted({each for each in packages if packages.count(each) > 1}) == ["2.1.0.post4"]


def test_every_plugin_has_what_a_build_asks():
    """Trees without ci/build.sh are patched ones."""
    for row in ROWS:
        if row["torch"] == "1.5.0" or not row["tag"]:
            assert row["pythons"] == [], row
            continue
        assert row["pythons"] and row["version"], row["tag"]
        # The first one of all is built without CMake.
        assert (row["cmake"], row["cxx"]) in [("3.12.0", 14), ("3.18.0", 14), ("3.18.0", 17)] or row[
            "cann"
        ] == "5.1.RC1"


def test_layouts_of_the_table():
    """The releases for torch 1.5.0 are patched trees; the layout of the oldest is not supported."""
    others = {row["package"]: row["layout"] for row in ROWS if row["layout"] != "plugin"}
    assert others == {"1.5.0.post2": "", **{f"1.5.0.post{number}": "patch" for number in range(3, 9)}}
    assert all(bool(row["pythons"]) == (row["layout"] == "plugin") for row in ROWS)


def test_every_stock_wheel_has_a_name_that_says_for_whom_it_is():
    for torch, wheels in STOCK.items():
        for wheel in wheels:
            assert re.match(
                rf"torch-{re.escape(torch)}(\+cpu)?-cp3[0-9]+-cp3[0-9]+m?-\w+_(x86_64|aarch64)(\.\w+)?\.whl\Z",
                wheel["file"],
            )
            assert wheel["sha256"] == "" or re.fullmatch("[0-9a-f]{64}", wheel["sha256"])
            assert wheel["url"].startswith("https://download") and wheel["url"].endswith(".whl")


@pytest.mark.skipif(not OTHERS.is_file(), reason="somebody else's reading of the same repository is not here")
def test_it_says_what_somebody_else_has_read():
    others = {row["tag"] or row["branch"]: row for row in json.loads(OTHERS.read_text(encoding="utf-8"))}
    assert set(others) == {row["tag"] or row["branch"] for row in ROWS}
    for row in ROWS:
        other = others[row["tag"] or row["branch"]]
        same = ("package", "commit", "torch", "cann", "pythons", "version", "autoload")
        assert {key: row[key] for key in same} == {key: other[key] for key in same}
        assert {"path": None, **row["submodules"]}.keys() - {"path"} == {each["path"] for each in other["submodules"]}
        for each in other["submodules"]:
            assert row["submodules"][each["path"]] == {key: value for key, value in each.items() if key != "path"}
        assert row["max_jobs"] == ("MAX_JOBS" in other["env_switches"])
        assert row["cmake"] == other["cmake_minimum_in_setup"] or not other["cmake_minimum_in_setup"]
        known = {wheel["file"]: wheel["sha256"] for wheel in STOCK.get(row["torch"], [])}
        for wheel in (each for each in other["stock_torch"] if "linux" in each["file"]):
            assert wheel["sha256"] in ("", known[wheel["file"]])
