# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all stand-ins are made with: templates of sources/ become trees, trees become commits of bare git repositories."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

SOURCES = Path(__file__).resolve().parent / "sources"

Tree = Dict[str, bytes]
Facts = Dict[str, Union[str, bool]]

EPOCH = 1640995200  # 2022-01-01T00:00:00Z: every date in the mirror counts from here
AUTHOR = "Mirror <mirror@example.invalid>"


# ---------------------------------------------------------------- templates


def holds(condition: str, facts: Facts) -> bool:
    """Whether a condition holds: `name` (is a true fact), `!name` (is not), or `name=value`."""
    if condition.startswith("!"):
        return not facts.get(condition[1:])
    name, equals, value = condition.partition("=")
    return facts.get(name) == value if equals else bool(facts.get(name))


def render(text: str, facts: Facts) -> str:
    """Fill in a template of sources/: `@@{name}`, and the lines `@@if condition`, `@@else`, `@@end`, which nest.

    Raises ValueError where the lines do not pair, KeyError where a name is not among the facts.
    """
    kept, open_ifs = [], []  # type: List[str], List[bool]
    for line in text.splitlines(keepends=True):
        word, _space, rest = line.strip().partition(" ")
        if word == "@@if":
            open_ifs.append(holds(rest, facts))
        elif word == "@@else":
            open_ifs[-1] = not open_ifs[-1]
        elif word == "@@end":
            if not open_ifs:
                raise ValueError("@@end without @@if")
            open_ifs.pop()
        elif all(open_ifs):
            kept.append(re.sub(r"@@\{(\w+)\}", lambda match: str(facts[match.group(1)]), line))
    if open_ifs:
        raise ValueError("@@if without @@end")
    return "".join(kept)


def tree(folder: str, facts: Facts, crlf: bool = True) -> Tree:
    """Path to content of every file of sources/<folder>, rendered.

    The names lose their `.in` (with it no linter takes a stand-in for the collection's own code), `@@name@@` in a
    name is the fact `name`, and a file that renders to nothing is not there, unless it is a package's __init__.py.
    crlf: whether build_stub.sh has CR LF, as in the patched line.
    """
    root = SOURCES / folder
    known = dict(facts, bash="#!/bin/bash")  # type: Facts
    files = {}
    for path in sorted(root.rglob("*.in")):
        name = path.relative_to(root).as_posix()[: -len(".in")].replace("@@name@@", str(facts.get("name")))
        try:
            content = render(path.read_text(encoding="utf-8"), known)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError("{}: {}".format(path, error)) from error
        if crlf and name.endswith("build_stub.sh"):
            content = content.replace("\n", "\r\n")
        if content:
            files[name] = content.encode()
    return files


def below(prefix: str, files: Tree) -> Tree:
    """The same files in a folder."""
    return {"{}/{}".format(prefix, name): content for name, content in files.items()}


# ---------------------------------------------------------------- git


class Commit(NamedTuple):
    """One commit of a stand-in: a whole tree, its submodules' commits, the branches and tags that point at it."""

    message: str
    files: Tree
    links: Dict[str, str] = {}
    parent: Optional[int] = None  # index into the repository's list; None is a root
    branches: Tuple[str, ...] = ()
    tags: Tuple[str, ...] = ()


def git(*args: str, stdin: bytes = b"") -> str:
    """What git prints. Raises RuntimeError with git's own words where it fails."""
    # A git hook that runs this has GIT_DIR set, which would lead git to the wrong repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ("git",) + args, input=stdin, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise RuntimeError("git {}: {}".format(" ".join(args), done.stderr.decode("utf-8", "replace")))
    return done.stdout.decode()


def data(content: bytes) -> bytes:
    """A `data` command of git fast-import."""
    return b"data %d\n%s\n" % (len(content), content)


def make_repository(out: Path, name: str, commits: List[Commit]) -> List[str]:
    """Write the bare repository out/<name>.git with these commits; returns their ids, in the same order.

    It can be cloned by path, file:// (shallow too) and dumb HTTP. Tags are annotated: a tag's id is not its commit's.
    """
    path = out / (name + ".git")
    if path.exists():
        shutil.rmtree(path)
    git("init", "--quiet", "--bare", "--template=", "--initial-branch=master", str(path))
    stream = []  # type: List[bytes]
    for number, commit in enumerate(commits):
        who = "{} {} +0000".format(AUTHOR, EPOCH + 86400 * number)
        stream.append(
            "commit refs/import/{}\nmark :{}\nauthor {who}\ncommitter {who}\n".format(
                number, number + 1, who=who
            ).encode()
        )
        stream.append(data(commit.message.encode()))
        if commit.parent is not None:
            stream.append(b"from :%d\n" % (commit.parent + 1))
        stream.append(b"deleteall\n")
        for file, content in sorted(commit.files.items()):
            stream.append("M 100644 inline {}\n".format(file).encode() + data(content))
        for folder, link in sorted(commit.links.items()):
            stream.append("M 160000 {} {}\n".format(link, folder).encode())
        for branch in commit.branches:
            stream.append("reset refs/heads/{}\nfrom :{}\n\n".format(branch, number + 1).encode())
        for tag in commit.tags:
            stream.append("tag {}\nfrom :{}\ntagger {}\n".format(tag, number + 1, who).encode())
            stream.append(data(tag.encode()))
    marks = path / "marks"
    git(
        "-C",
        str(path),
        "-c",
        "fastimport.unpackLimit=1",
        "fast-import",
        "--quiet",
        "--force",
        "--export-marks=" + str(marks),
        stdin=b"".join(stream),
    )
    ids = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    for number in range(len(commits)):
        git("-C", str(path), "update-ref", "-d", "refs/import/{}".format(number))
    for key in ("uploadpack.allowReachableSHA1InWant", "uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
        git("-C", str(path), "config", key, "true")
    (path / "info").mkdir(exist_ok=True)
    git("-C", str(path), "update-server-info")
    return [ids[":{}".format(number + 1)] for number in range(len(commits))]
