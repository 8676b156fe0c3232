# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin line of Ascend/pytorch: trees by release, and the repositories of their submodules.

What a release takes (Pythons, submodules with their URLs, the oldest CMake, whether MAX_JOBS counts) is read from the
collection's table of releases; the commits are the stand-ins' own.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

from mirror_trees import Commit, Facts, Tree, below, make_repository, tree

TABLE = Path(__file__).resolve().parents[2] / "roles" / "road" / "files" / "torch_npu.json"
TAGS = (
    "v3.0.0-pytorch1.8.1",
    "v7.2.0-pytorch2.1.0",
    "v7.1.0.2-pytorch2.6.0",
    "v7.2.0-pytorch2.6.0",
    "v7.3.0-pytorch2.6.0",
    "v7.3.1-pytorch2.9.0",
    "v26.1.0-pytorch2.12.0",
)
# From 7.2.0 on, the releases of 2.6.0 download this header while they are built, from an address outside of any mirror.
MINIZ_URL = "https://gitee.com/mirrors/pytorch/raw/v2.6.0/third_party/miniz-3.0.2/miniz.h"
MINIZ = b"// miniz.h (stand-in)\n#pragma once\n"

# The modules that these modules hold, by their path.
TORCHAIR = {"third_party/googletest": "mirrors/googletest", "third_party/secure_c": "openeuler/libboundscheck"}
NESTED = {
    "ascend/torchair": TORCHAIR,
    "ascend/Tensorpipe": dict(
        TORCHAIR,
        **{"third_party/" + name: "mirrors/" + name for name in ("libnop", "libuv", "pybind11")},
    ),
}

Row = Dict[str, Any]
States = Dict[Tuple[str, str], str]  # (owner/repo, state) -> commit


def rows() -> List[Row]:
    """Return the table's rows of TAGS, in the same order."""
    table = {row["tag"]: row for row in json.loads(TABLE.read_text(encoding="utf-8"))["releases"]}
    return [table[tag] for tag in TAGS]


def owner_and_name(url: str) -> str:
    """Return the name of a repository in a mirror: the last two elements of its URL, without .git."""
    return re.sub(r"\.git$", "", "/".join(url.split("/")[-2:]))


def downloads_miniz(row: Row) -> bool:
    """Say whether the build of a release downloads a header, see MINIZ_URL."""
    return row["torch"] == "2.6.0" and not row["tag"].startswith("v7.1.")


def facts(row: Row) -> Facts:
    """Return what the templates of sources/plugin need to know of a release."""
    torch, suite = row["torch"], row["tag"].partition("-")[0].lstrip("vV")
    major, minor, _patch = torch.split(".")
    new = int(suite.partition(".")[0]) >= 26
    old = not row["submodules"]
    return {
        "package": row["package"],
        "tree_version": row["version"],
        "torch": torch,
        "major": major,
        "minor": minor,
        "series": "v{}r{}".format(major, minor),
        "pythons": " ".join(row["pythons"]),
        "cxx": str(row["cxx"]),
        "cmake": row["cmake"],
        "cmake_numbers": row["cmake"].replace(".", ", "),
        "submodules": not old,
        "acl_src": new,
        "takes_torch": row["tag"] == "v26.1.0-pytorch2.12.0",
        "torchgen": not old,
        "codegen": "torchnpugen" if new else "scripts.codegen" if old else "codegen",
        "generate": "scripts/generate_code.sh" if old else "generate_code.sh",
        "up": "/.." if old else "",
        "max_jobs": row["max_jobs"],
        "ninja": new,
        "autoload": row["autoload"],
        "abi_variable": not old and (int(major), int(minor)) < (2, 7),
        "sha": not old,
        "miniz": downloads_miniz(row),
        "miniz_url": MINIZ_URL,
        "miniz_sha256": hashlib.sha256(MINIZ).hexdigest(),
        "requires": "none" if old else "installed" if new else "exact",
    }


def gitmodules(urls: Dict[str, str], unwanted: Tuple[str, ...] = ()) -> bytes:
    """Return a .gitmodules for {path: URL}; git does not check out those that are unwanted."""
    lines = []
    for path, url in sorted(urls.items()):
        lines += ['[submodule "{}"]'.format(path), "\tpath = " + path, "\turl = " + url]
        lines += ["\tupdate = none"] if path in unwanted else []
    return ("\n".join(lines) + "\n").encode()


def plugin_tree(row: Row) -> Tree:
    """Return Ascend/pytorch's tree at a plugin release, without its submodules."""
    known = facts(row)
    files = {}
    for name, content in tree("plugin", known, crlf=False).items():
        if name.startswith("codegen/"):
            name = str(known["codegen"]).replace(".", "/") + name[len("codegen") :]
        files[str(known["generate"]) if name == "generate_code.sh" else name] = content
    heavy = tree("pytorch", {"version": "1.8.1", "more_modules": ""})["aten/src/ATen/native/cpu/Kernel.cpp.tmpl"]
    files["torch_npu/csrc/Kernel.cpp.tmpl"] = heavy
    if row["submodules"]:
        unwanted = tuple(path for path, module in row["submodules"].items() if module.get("update") == "none")
        urls = {path: module["url"] for path, module in row["submodules"].items()}
        files[".gitmodules"] = gitmodules(urls, unwanted)
    return files


# ---------------------------------------------------------------- submodules


def leaf(name: str, state: str) -> Tree:
    """Return the tree of a submodule that holds no other."""
    short = re.sub(r"\W", "_", name.split("/")[1])
    files = tree("submodule", {"name": short, "state": state, "nested": ""})
    if short.endswith("json"):
        files["include/nlohmann/json.hpp"] = b"// nlohmann/json (stand-in)\n#pragma once\n"
    if short == "libuv":  # CMake 4 refuses it, as the real one
        files["CMakeLists.txt"] = b"cmake_minimum_required(VERSION 3.4)\n" + files["CMakeLists.txt"]
    header = b"// A header of CANN (stand-in)\n#pragma once\n"
    if name == "cann/runtime":
        files["include/external/acl/acl.h"] = header + b"int aclInit(const char *config);\n"
    if name == "cann/ge":
        files["inc/external/acl/acl_op_compiler.h"] = header
    if name == "cann/graph-autofusion":
        files["super_kernel/include/super_kernel/super_kernel.h"] = header
    return files


def make_leaf(out: Path, name: str) -> States:
    """Write the repository of a submodule that holds no other, at two commits; its branch has moved on from both."""
    states = ("old", "new", "moved on")
    commits = [
        Commit(state, leaf(name, state), {}, number - 1 if number else None, ("master",) if number == 2 else ())
        for number, state in enumerate(states)
    ]
    return {(name, state): commit for state, commit in zip(states, make_repository(out, name, commits))}


def make_holder(out: Path, name: str, leaves: States) -> States:
    """Write the repository of torchair or Tensorpipe, which hold modules of their own."""
    nested = NESTED[name]
    short = name.split("/")[1]
    files = tree("plugin-modules/" + short, {"nested": " ".join(path.split("/")[1] for path in nested)}, crlf=False)
    files[".gitmodules"] = gitmodules({path: "https://gitee.com/{}.git".format(one) for path, one in nested.items()})
    links = {path: leaves[one, "old"] for path, one in nested.items()}
    moved = Commit("Moved on", dict(files, README=b"Moved on.\n"), links, 0, ("master",))
    return {(name, "new"): make_repository(out, name, [Commit("The release's", files, links), moved])[0]}


def make_op_plugin(out: Path, name: str) -> States:
    """Write op-plugin, which has a commit for each release: its state is the release's tag."""
    commits = []
    for number, row in enumerate(one for one in rows() if one["submodules"]):
        files = tree("plugin-modules/op-plugin", {"name": facts(row)["series"]})
        files["README.md"] = "# op-plugin (stand-in) of {}\n".format(row["tag"]).encode()
        commits.append(Commit(row["tag"], files, {}, number - 1 if number else None, branches(row)))
    commits.append(Commit("Moved on", {"README.md": b"# op-plugin\n"}, {}, len(commits) - 1, ("master",)))
    made = make_repository(out, name, commits)
    return {(name, commit.message): sha for commit, sha in zip(commits, made)}


def make_modules(out: Path) -> States:
    """Write the repositories of all submodules but those that git does not check out."""
    wanted = {owner_and_name(module["url"]) for row in rows() for module in row["submodules"].values()
              if module.get("update") != "none"}  # fmt: skip
    wanted |= {one for nested in NESTED.values() for one in nested.values()}
    made = {}  # type: States
    for name in sorted(wanted, key=lambda name: (name in NESTED, name)):  # those that others hold come first
        if name.endswith("/op-plugin"):
            made.update(make_op_plugin(out, name))
        else:
            made.update(make_holder(out, name, made) if name in NESTED else make_leaf(out, name))
    return made


def links(row: Row, modules: States) -> Dict[str, str]:
    """Return the commits of a release's submodules, by path."""
    found = {}
    for path, module in row["submodules"].items():
        name = owner_and_name(module["url"])
        state = row["tag"] if name.endswith("/op-plugin") else "new"
        # Nobody gets what git does not check out: there is no such repository in the mirror.
        found[path] = module["commit"] if module.get("update") == "none" else modules[name, state]
    return found


def branches(row: Row) -> Tuple[str, ...]:
    """Return the branches that a release is on: none for one that only its tag names."""
    return (row["branch"],) if row["branch"] else ()


def next_version(version: str) -> str:
    """Return what the tree says on a branch's tip: the version after a release's."""
    release, _post, number = version.partition(".post")
    return "{}.post{}".format(release, int(number or 0) + 1)


def plugin_commits(out: Path, first: int) -> List[Commit]:
    """Write the submodules' repositories; return the commits of Ascend/pytorch, for each release its tag's and its branch's.

    first: the place of the first of them in the repository's list.
    """
    modules = make_modules(out)
    commits = []  # type: List[Commit]
    for row in rows():
        held = links(row, modules)
        commits.append(Commit(row["tag"], plugin_tree(row), held, None, (), (row["tag"],)))
        # A branch's tip says already what comes next: who builds it gets another version than the release's.
        tip = plugin_tree(dict(row, version=next_version(row["version"])))
        if row["branch"]:
            commits.append(Commit(row["branch"], tip, held, first + len(commits) - 1, branches(row)))
    table = "| CANN | PyTorch | Extension |\n|---|---|---|\n"
    table += "".join("| {cann} | {torch} | {package} |\n".format(**row) for row in rows())
    newest = dict(commits[-1].files, **{"COMPATIBILITY.md": table.encode()})
    commits.append(Commit("Plugin layout", newest, commits[-1].links, first + len(commits) - 1, ("master",)))
    return commits


def ready_files(row: Row) -> Tree:
    """Return the Python files of a ready-made torch_npu, which has nothing compiled in it."""
    files = {name: content for name, content in plugin_tree(row).items()
             if name.startswith("torch_npu/") and name.endswith(".py")}  # fmt: skip
    files.update(tree("ready", {}))
    files["torch_npu/version.py"] = "__version__ = '{}'\ngit_version = 'Unknown'\n".format(row["package"]).encode()
    if row["submodules"]:
        torchair = tree("plugin-modules/torchair", {"nested": ""})["python/torchair/__init__.py"]
        files.update(below("torch_npu/dynamo/torchair", {"__init__.py": torchair}))
    return files
