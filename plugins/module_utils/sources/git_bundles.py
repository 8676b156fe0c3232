# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a commit as a git bundle, a file for a mirror folder, and read files out of one.

repositories.py fetches commits from such bundles. Times, log lines and sources are those of fetch.py.
"""

import os
import shutil
from typing import Any, Dict, List, Optional, Sequence

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, logins
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch, git_command, git_urls, repositories


def write_bundle(
    source: fetch.Source,
    mirrors: Sequence[str],
    git_dir_root: str,
    path: str,
    log: fetch.Log,
    deadline: Optional[float] = None,
    attempts: int = 3,
    pause_s: float = 2.0,
    stall_s: float = 60.0,
    known: Optional[logins.Logins] = None,
) -> List[Dict[str, Any]]:
    """Write the pinned commit of a git source as the git bundle `path`, and return the submodules that it records.

    The bundle has one ref, refs/pins/<commit>, and only this commit of the history: all that a build needs, at a
    fraction of the size. repositories.fetch_git finds it in a mirror folder under the name of git_urls.bundle_name.
    It is written in `git_dir_root`, which must be on the same file system, synced and renamed: a killed run leaves
    nothing beside `path`. The commit is fetched into a store in `git_dir_root`, as by fetch_git.

    A submodule is {"path", "commit", "urls"}, with its URLs resolved as by fetch_git. Raises FetchError.
    """
    top = repositories.validate_source(source)
    git_dir_root = os.path.abspath(git_dir_root)
    patience = {"attempts": attempts, "pause_s": pause_s, "tired": set()}
    with repositories.report_local_errors(source["name"], git_dir_root, "Remove %s, and run again." % git_dir_root):
        with git_command.Git(source["name"], log, deadline, stall_s, git_dir_root, known) as git:

            def use(store: str) -> List[git_command.Gitlink]:
                _write_shallow_bundle(git, store, top["commit"], os.path.abspath(path))
                return git_command.gitlinks(git, store, top["commit"])

            links = repositories.with_store(git, top, mirrors, git_dir_root, patience, use)
    return [
        {"path": link.path, "commit": link.commit, "urls": git_urls.submodule_urls(git_urls.parent_urls(top), link.url)}
        for link in links
    ]


def _write_shallow_bundle(git: git_command.Git, store: str, commit: str, path: str) -> None:
    """Write a commit of the store as a git bundle, without its history."""
    # The store is locked, so files of these names were left by a run that was killed, and the .lock by its git.
    scratch, made = os.path.join(git.home, "bundle.git"), store + ".bundle"
    fetch.remove_if_there(made + ".lock")
    git.must("init", "-q", "--bare", "--template=", scratch)
    repositories.write_line(os.path.join(scratch, "objects", "info", "alternates"), os.path.join(store, "objects"))
    repositories.write_line(os.path.join(scratch, "shallow"), commit)
    git.must("update-ref", "refs/pins/" + commit, commit, git_dir=scratch)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        git.must("bundle", "create", made, "refs/pins/" + commit, git_dir=scratch)
        durable.replace(made, path)
    finally:
        fetch.remove_if_there(made)
        shutil.rmtree(scratch)


def read_bundled_file(bundle: str, commit: str, path: str) -> Optional[bytes]:
    """Return the content of the file `path` of the commit in a git bundle, None when there is none. Raises FetchError."""
    with git_command.Git(bundle, lambda line: None, None, 60.0) as git:
        store = os.path.join(git.home, "store.git")
        try:
            git.must("init", "-q", "--bare", "--template=", store)
            git.must("bundle", "unbundle", os.path.abspath(bundle), git_dir=store)
        except git_command.Broken as error:
            raise fetch.FetchError(
                bundle, "%s." % error, (), "Remove it and run again: it is written again."
            ) from error
        done = git("cat-file", "blob", "%s:%s" % (commit, path), git_dir=store)
        return done.out if done.code == 0 else None


def patch_file(text: bytes, path: str, patch: bytes) -> bytes:
    """Return the file `path` after a patch of its whole tree (as for `patch -p1`). Raises FetchError if that does not apply."""
    with git_command.Git(path, lambda line: None, None, 60.0) as git:
        tree = os.path.join(git.home, "tree")
        os.makedirs(os.path.dirname(os.path.join(tree, path)))
        with open(os.path.join(git.home, "patch"), "wb") as out:
            out.write(patch)
        with open(os.path.join(tree, path), "wb") as out:
            out.write(text)
        try:
            dot = os.path.join(tree, ".git")
            git.must("init", "-q", "--template=", tree)
            git.must("apply", "--include=" + path, os.path.join(git.home, "patch"), git_dir=dot, tree=tree)
        except git_command.Broken as error:
            raise fetch.FetchError(path, "%s." % error, (), "Use the patch and the file of one release.") from error
        with open(os.path.join(tree, path), "rb") as made:
            return made.read()
