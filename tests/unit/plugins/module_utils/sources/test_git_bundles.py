# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories as files: made, built from alone, damaged, and read."""

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.fetch import FetchError
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.git_bundles import (
    patch_file,
    read_bundled_file,
    write_bundle,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.git_urls import bundle_name
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.reaching import find_unanswered
from sources import git, repository


@pytest.fixture
def bundles(forge, tmp_path):
    """bundles(commit, repo): make a git bundle from the forge in the folder bundles.base; gives its submodules."""

    def make(commit, repo="Owner/pytorch", **more):
        path = str(make.base / bundle_name(repo, commit))
        source = repository(commit, repo=repo, **more)
        return write_bundle(source, [str(forge.base)], str(tmp_path / "stores"), path, make.log.append, pause_s=0.01)

    make.base, make.log = tmp_path / "bundles", []
    return make


def test_a_tree_comes_out_of_bundles_alone(forge, bundles, clone):
    url = "https://forge.invalid/pytorch/middle.git"
    assert bundles(forge.old) == [{"path": "third_party/middle", "commit": forge.middle, "urls": [url]}]
    below = bundles(forge.middle, "pytorch/middle", urls=[url])
    assert below == [{"path": "deps/leaf", "commit": forge.leaf, "urls": ["https://forge.invalid/Other/leaf.git"]}]
    assert bundles(forge.leaf, "Other/leaf") == []
    assert not list(bundles.base.rglob("*.partial"))
    source = repository(forge.old, "https://forge.invalid/Owner/pytorch.git", submodules=True, offline=True)
    assert find_unanswered(source, [str(bundles.base)]) == []
    assert clone(source, [bundles.base]) == {
        "third_party/middle": forge.middle,
        "third_party/middle/deps/leaf": forge.leaf,
    }
    assert not any("invalid" in line for line in clone.log), "nothing but the bundles is asked"


def test_a_bundle_has_the_commit_alone_and_the_store_goes_on(forge, bundles, clone):
    """What a store had before a bundle came, and what it gets after it, is as good as ever."""
    bundles(forge.tip)
    clone(repository(forge.old), [forge.base])
    clone(repository(forge.tip, ref="master"), [bundles.base], dest="src/second")
    assert git("rev-list", "--count", forge.tip, cwd=clone.store) == "1"
    clone(repository(forge.unnamed, ref=""), [forge.base], dest="src/third")
    git("fsck", "--connectivity-only", cwd=clone.store)


def test_a_run_that_is_killed_in_the_midst_leaves_nothing_beside_the_bundle(forge, bundles, tmp_path, monkeypatch):
    """git locks the file that it writes; who is killed cannot unlock it."""
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'case " $* " in *" bundle create "*) : > "$4"; : > "$4.lock"; kill -9 $PPID;; *) exec {shutil.which("git")} "$@";; esac\n'
    )
    program.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        killed = multiprocessing.get_context("fork").Process(target=bundles, args=(forge.tip,))
        killed.start()
        killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert [path for path in bundles.base.rglob("*") if path.is_file()] == []
    bundles(forge.tip)
    assert [path for path in bundles.base.rglob("*") if path.is_file()] == [
        bundles.base / bundle_name("Owner/pytorch", forge.tip)
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, other: path.write_bytes(path.read_bytes()[:-200]),
        lambda path, other: path.write_bytes(b""),
        lambda path, other: path.write_bytes(other.read_bytes()),
    ],
    ids=["cut", "empty", "another commit"],
)
def test_a_damaged_bundle_is_named_and_does_no_harm(forge, bundles, clone, spoil):
    for commit in (forge.tip, forge.old):
        bundles(commit)
    path = bundles.base / bundle_name("Owner/pytorch", forge.tip)
    spoil(path, bundles.base / bundle_name("Owner/pytorch", forge.old))
    with pytest.raises(FetchError, match="bundle.yml") as caught:
        clone(repository(forge.tip, "https://forge.invalid/x.git", offline=True), [bundles.base])
    assert len(caught.value.tried) == 1 and str(path) in caught.value.tried[0][1]
    clone(repository(forge.tip), [bundles.base, forge.base])


def test_a_file_out_of_a_bundle_and_as_a_patch_leaves_it(forge, bundles):
    bundles(forge.tip)
    path = str(bundles.base / bundle_name("Owner/pytorch", forge.tip))
    assert read_bundled_file(path, forge.tip, "a.c") == b"int newer;\n"
    assert read_bundled_file(path, forge.tip, "none.c") is None
    patch = git("diff", forge.old, forge.tip, cwd=forge.base / "Owner/pytorch.git").encode() + b"\n"
    assert patch_file(b"int a;\n", "a.c", patch) == b"int newer;\n"
    assert patch_file(b"as it was", "other/file", patch) == b"as it was"
    with pytest.raises(FetchError, match="Use the patch and the file of one release"):
        patch_file(b"something else\n", "a.c", patch)
    Path(path).write_bytes(b"no bundle")
    with pytest.raises(FetchError, match="written again"):
        read_bundled_file(path, forge.tip, "a.c")
