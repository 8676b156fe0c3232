# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renew the table of torch_npu's releases, roles/road/files/torch_npu.json, from a clone of Ascend/pytorch.

    git clone --bare https://gitcode.com/Ascend/pytorch.git
    .venv/bin/python tools/releases.py pytorch.git

A row is what a tag of a release says: its layout, its commit, its submodules, the Pythons and options of its ci/build.sh, the
switches that its setup.py reads. Which package goes with which CANN is the table of COMPATIBILITY.md on the default branch; a
patch release, of which that says nothing, goes with the CANN of what it patches. The stock torch wheels are those that the
READMEs of all tags link to. --check writes nothing, and fails where the table differs.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from checkout import ROOT

TABLE = ROOT / "roles/road/files/torch_npu.json"
Json = dict[str, Any]

# Options of ci/build.sh that the role gives; the others are for the vendor's own builds.
OPTIONS = ("--disable_torchair", "--disable_rpc")
# A release's tag: v7.3.0-pytorch2.6.0. Tags with alpha, beta or 0day are previews.
_TAG = re.compile(r"[vV](?P<line>[0-9]+\.[0-9]+\.(?:rc)?[0-9]+(?:\.[0-9]+)?)-pytorch(?P<torch>[0-9.]+)\Z")
# Previews whose package is on PyPI all the same.
_PREVIEWS = ("v26.2.0-0day-pytorch2.13.0",)
_PREVIEW = re.compile(r"v[0-9.]+-0day-pytorch(?P<torch>[0-9.]+)\Z")
_PAIR = re.compile(
    r"\|\s*(?P<package>[0-9][^|（\s]*)(?:（[^|]*)?\s*\|\s*(?P<branch>\S+)\s*\|\s*(?P<torch>[0-9.]+)\s*\|\s*CANN (?P<cann>\S+)\s*\|"
)
_WHEEL = re.compile(
    r"https://download[^\s)\"'<>]*?/(?P<file>torch-(?P<torch>[0-9.]+)[^\s)\"'<>/]*?\.whl)(?:#sha256=(?P<sha256>[0-9a-f]{64}))?"
)
_BRANCH = re.compile(r"v(?P<torch>[0-9.]+)-(?P<line>[0-9.rc]+)\Z")


class Pair(NamedTuple):
    """A line of the vendor's table of releases."""

    package: str
    branch: str
    torch: str
    cann: str


class Clone:
    """A clone of a repository, asked with git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *arguments: str) -> str:
        """Run git and return what it prints. Raises subprocess.CalledProcessError."""
        return subprocess.run(
            ["git", "-C", str(self.folder), *arguments], capture_output=True, text=True, check=True
        ).stdout

    def read(self, ref: str, path: str) -> str:
        """Return a file of a commit, "" where it is not there."""
        try:
            return self.git("show", f"{ref}:{path}")
        except subprocess.CalledProcessError:
            return ""

    def commit(self, ref: str) -> str:
        """Return the commit of a tag or branch, "" where there is none."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
        except subprocess.CalledProcessError:
            return ""


# --- what a tree says


def find_pairs(text: str) -> list[Pair]:
    """Return the rows of the tables in COMPATIBILITY.md."""
    return [Pair(**found.groupdict()) for found in _PAIR.finditer(text)]


def find_wheels(text: str) -> Iterator[tuple[str, Json]]:
    """Yield (torch version, {"file", "url", "sha256"}) of the stock torch wheels that a text links to; sha256 may be ""."""
    for found in _WHEEL.finditer(text):
        url = found[0].partition("#")[0]
        yield found["torch"], {"file": unquote(found["file"]), "url": url, "sha256": found["sha256"] or ""}


def find_pythons(script: str) -> list[str]:
    """Return the Pythons that a ci/build.sh accepts, in its order."""
    found = re.search(r"SUPPORTED_PY_VERSION=\(([^)]*)\)", script)
    return found[1].split() if found else []


def find_layout(tree: str) -> str:
    """Return how a tree is built, "" where it is neither: "plugin" has its own build, "patch" is laid over a stock torch.

    :param tree: what `git ls-tree -r` prints
    """
    paths = set(re.findall(r"\t(.+)$", tree, re.MULTILINE))
    if "ci/build.sh" in paths:
        return "plugin"
    is_patch = "scripts/gen.sh" in paths and any(
        re.fullmatch(r"patch/pytorch[0-9.]+_npu\.patch", path) for path in paths
    )
    return "patch" if is_patch else ""


def find_version(version_txt: str, setup: str) -> str:
    """Return the version that a tree gives its wheel: setup.py may replace that of version.txt."""
    fixed = re.search(r"^ *VERSION = ['\"]([^'\"]+)['\"]", setup, re.MULTILINE)
    return fixed[1] if fixed else version_txt.strip()


def find_submodules(gitmodules: str, tree: str) -> dict[str, Json]:
    """Return path -> {"url", "commit"}, and "update": "none" of one that git itself leaves out.

    :param gitmodules: the file .gitmodules; :param tree: what `git ls-tree -r` prints
    """
    commits = {path: commit for commit, path in re.findall(r"^160000 commit ([0-9a-f]{40})\t(.+)$", tree, re.MULTILINE)}
    found: dict[str, Json] = {}
    for section in re.split(r"^\[submodule .*\]$", gitmodules, flags=re.MULTILINE)[1:]:
        keys = dict(re.findall(r"^\s*(\w+) = (.+?)\s*$", section, re.MULTILINE))
        if keys.get("path") in commits:
            row = {"url": keys["url"], "commit": commits[keys["path"]]}
            found[keys["path"]] = {**row, "update": "none"} if keys.get("update") == "none" else row
    return dict(sorted(found.items()))


def find_cmake(setup: str, lists: str) -> str:
    """Return the oldest CMake that a setup.py accepts, or else CMakeLists.txt; "" where neither says."""
    found = re.search(r"no cmake or cmake3 with version >= ([0-9.]+)", setup) or re.search(
        r"(?i)cmake_minimum_required\(\s*VERSION ([0-9.]+)", lists
    )
    return found[1] if found else ""


# --- rows


def describe(clone: Clone, ref: str, package: str, torch: str, cann: str) -> Json:
    """Return what a row says of a tag or branch."""
    script, setup = clone.read(ref, "ci/build.sh"), clone.read(ref, "setup.py")
    lists, tree = clone.read(ref, "CMakeLists.txt"), clone.git("ls-tree", "-r", ref)
    standard = re.search(r"CMAKE_CXX_STANDARD ([0-9]+)", lists)
    return {
        "package": package,
        "commit": clone.commit(ref),
        "torch": torch,
        "cann": cann,
        "layout": find_layout(tree),
        "version": find_version(clone.read(ref, "version.txt"), setup) if script else "",
        "pythons": find_pythons(script),
        "options": [option for option in OPTIONS if option in script],
        "cmake": find_cmake(setup, lists) if script else "",
        "cxx": int(standard[1]) if standard and script else 0,
        "max_jobs": '"MAX_JOBS"' in setup,
        "autoload": "torch.backends" in setup,
        "submodules": find_submodules(clone.read(ref, ".gitmodules"), tree),
    }


def patched_line(line: str, known: set[str]) -> str:
    """Return the release line that a line's patches are for, itself where it is known: 7.2.0 of 7.2.0.1, 5.0.0 of 5.0.1.2.

    :param line: such as 7.2.0.1 or 6.0.rc1.1; :param known: lines of the vendor's table
    """
    parts = line.split(".")
    for candidate in (line, ".".join(parts[:3]), ".".join([*parts[:2], "0"])):
        if candidate in known:
            return candidate
    return ""


def find_rows(clone: Clone) -> list[Json]:
    """Return the rows of all releases: those of the vendor's table in its order, then the others by tag."""
    rows, canns = [], {}
    for pair in find_pairs(clone.read("HEAD", "COMPATIBILITY.md")):
        branch = _BRANCH.match(pair.branch)
        tag = f"v{branch['line']}-pytorch{branch['torch']}" if branch else ""
        if branch:
            canns[branch["line"]] = pair.cann
        is_tagged = bool(tag and clone.commit(tag))
        if not is_tagged and not clone.commit(pair.branch):
            raise SystemExit(
                f"{clone.folder} has neither the tag {tag!r} nor the branch {pair.branch} of {pair.package}: fetch all tags and branches"
            )
        row = describe(clone, tag if is_tagged else pair.branch, pair.package, pair.torch, pair.cann)
        rows.append({**row, "tag": tag if is_tagged else "", "branch": pair.branch, "in_vendors_table": True})
    tagged = {row["tag"] for row in rows}
    for tag in clone.git("tag").split():
        found = _TAG.match(tag) or (_PREVIEW.match(tag) if tag in _PREVIEWS else None)
        if found and tag not in tagged:
            line = patched_line(found.groupdict().get("line", ""), set(canns))
            row = describe(clone, tag, "", found["torch"], canns.get(line, ""))
            rows.append({**row, "package": row["version"], "tag": tag, "branch": "", "in_vendors_table": False})
    return rows


def find_stock_wheels(clone: Clone, tags: list[str]) -> dict[str, list[Json]]:
    """Return torch version -> its stock wheels, of all documents of some tags; one that has a digest counts before one without."""
    found: dict[str, dict[str, Json]] = {}
    for tag in tags:
        text = clone.git("grep", "-h", "-e", "torch-[0-9]", tag, "--", "*.md") if clone.commit(tag) else ""
        for torch, wheel in find_wheels(text):
            # Another C++ ABI than the plugin is built for; and a link to a wheel for another system.
            if "cxx11.abi" in wheel["file"] or "linux" not in wheel["file"]:
                continue
            wheels = found.setdefault(torch, {})
            if not wheels.get(wheel["file"], {}).get("sha256"):
                wheels[wheel["file"]] = wheel
    return {torch: [wheels[name] for name in sorted(wheels)] for torch, wheels in sorted(found.items())}


def make_table(clone: Clone) -> Json:
    """Return the whole table."""
    rows = find_rows(clone)
    stock = find_stock_wheels(clone, [row["tag"] for row in rows if row["tag"]])
    torches = {row["torch"] for row in rows}
    return {
        "schema": 1,
        "source": "Ascend/pytorch",
        "commit": clone.commit("HEAD"),
        "releases": rows,
        "stock_torch": {torch: wheels for torch, wheels in stock.items() if torch in torches},
    }


def to_text(table: Json) -> str:
    """Return a table as its file has it: a row of values a line, so that a renewed table can be reviewed by its difference."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    def block(rows: list[Json], indent: str) -> str:
        return "[\n" + ",\n".join(indent + " " + fields(row, indent + " ") for row in rows) + "\n" + indent + "]"

    def fields(row: Json, indent: str) -> str:
        submodules = row.get("submodules")
        if submodules is None:
            return line(row)
        simple = [f"{line(key)}: {line(value)}" for key, value in row.items() if key != "submodules"]
        nested = ",".join(f"\n{indent}   {line(path)}: {line(each)}" for path, each in submodules.items())
        return "{" + f",\n{indent} ".join([*simple, '"submodules": {' + nested + "}"]) + "}"

    head = [f"{line(key)}: {line(table[key])}" for key in ("schema", "source", "commit")]
    stock = ",\n".join(f"  {line(torch)}: {block(wheels, '  ')}" for torch, wheels in table["stock_torch"].items())
    head += ['"releases": ' + block(table["releases"], " "), '"stock_torch": {\n' + stock + "\n }"]
    return "{\n " + ",\n ".join(head) + "\n}\n"


def main(argv: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clone", type=Path, help="a clone of Ascend/pytorch with all tags")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where the table differs")
    options = parser.parse_args(argv)
    text = to_text(make_table(Clone(options.clone)))
    if options.check:
        same = TABLE.is_file() and TABLE.read_text(encoding="utf-8") == text
        print(f"{TABLE.relative_to(ROOT)} {'is what the clone says' if same else 'differs from what the clone says'}")
        return 0 if same else 1
    TABLE.write_text(text, encoding="utf-8")
    print(f"{TABLE.relative_to(ROOT)}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
