# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests have in common: of fetching places to fetch from, and a checked fetch_git; stand-ins of programs."""

import os
import socket

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.repositories import fetch_git
from servers import serving
from sources import Forge, git


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """None stands between the tests and the servers of this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with serving() as one:
        yield one


@pytest.fixture
def deaf():
    """The URL of a port that takes connections and never says a word."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(16)
        yield "http://127.0.0.1:%d" % sock.getsockname()[1]


@pytest.fixture
def closed():
    """The URL of a port that nobody listens on: bound, so that nobody else takes it meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield "http://127.0.0.1:%d" % sock.getsockname()[1]


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """pytorch (old, tagged v1; then master) > third_party/middle (absolute URL) > deps/leaf (relative URL)."""
    forge = Forge(tmp_path_factory.mktemp("forge"))
    forge.leaf = forge.commit("Other/leaf", {"leaf.c": b"int leaf;\n"})
    forge.commit("Other/leaf", {"leaf.c": b"int newer;\n"})  # the recorded commit is no tip
    forge.middle = forge.commit(
        "pytorch/middle",
        {"m.c": b"int m;\n", ".gitignore": b"*.o\n"},
        [("deps/leaf", "../../Other/leaf.git", forge.leaf)],
    )
    forge.old = forge.commit(
        "Owner/pytorch",
        {"a.c": b"int a;\n", "big": os.urandom(400_000)},
        [("third_party/middle", "https://forge.invalid/pytorch/middle.git", forge.middle)],
    )
    git("tag", "-a", "-m", "v1", "v1", forge.old, cwd=forge.base / "Owner/pytorch.git")
    git("tag", "light", forge.old, cwd=forge.base / "Owner/pytorch.git")
    forge.unnamed = forge.commit("Owner/pytorch", {"a.c": b"int unnamed;\n"})
    forge.tip = forge.commit("Owner/pytorch", {"a.c": b"int newer;\n"})
    return forge


@pytest.fixture
def clone(tmp_path):
    """fetch_git with quick retries, and a check that what it gives is the commit, clean. `.log`: what it said."""

    def run(source, mirrors=(), dest="src/pytorch", **more):
        options = dict({"attempts": 3, "pause_s": 0.01, "stall_s": 10.0}, **more)
        done = fetch_git(
            source,
            [str(one) for one in mirrors],
            str(tmp_path / "git"),
            str(tmp_path / dest),
            run.log.append,
            **options,
        )
        assert done["commit"] == git("rev-parse", "HEAD", cwd=tmp_path / dest) == source["commit"]
        assert git("status", "--porcelain", "--ignored", cwd=tmp_path / dest) == ""
        return done["submodules"]

    run.log, run.dest, run.store = [], tmp_path / "src/pytorch", tmp_path / "git/Owner/pytorch.git"
    return run


@pytest.fixture
def program(tmp_path):
    """make(name, script, folder) -> path of a program."""

    def make(name, script, folder="bin"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        path = tmp_path / folder / name
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)
        return str(path)

    return make
