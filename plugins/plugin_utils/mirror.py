# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrors that are folders on the controller: find in them what an order needs, and pack it to be sent to a host."""

from __future__ import annotations

import os
import tarfile

from ansible_collections.ascend.pytorch.plugins.module_utils import fetch, fingerprint


def is_folder(mirror: str) -> bool:
    """Say whether a mirror is a folder on the controller, and not a URL that hosts reach."""
    return mirror.startswith(("/", "~", "./", "../"))


def contents(folder: str, sources: list[dict]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return what a mirror holds of the sources, and in words what it ought to hold and lacks.

    What it holds is (path below the folder, sha256 or commit), submodules too. A repository that lacks the commit, or a
    submodule, is as good as none: the next place is asked for it.
    """
    held, lacking = [], []
    for source in sources:
        if source["kind"] == "archive":
            if os.path.isfile(os.path.join(folder, source["file"])):
                held.append((source["file"], source["sha256"]))
        elif os.path.isdir(os.path.join(folder, source["repo"] + ".git")):
            needed = [source]
            if source.get("submodules"):
                try:
                    needed = fetch.git_closure(fetch.bare_repositories(folder), source["repo"], source["commit"])
                except fetch.FetchError as error:
                    lacking.append(str(error))
                    continue
            held += [(entry["repo"] + ".git", entry["commit"]) for entry in needed]
    return sorted(set(held)), lacking


def name(held: list[tuple[str, str]]) -> str:
    """Return the name under which the contents stand on a host."""
    return fingerprint.short(fingerprint.digest(held))


def pack(folder: str, held: list[tuple[str, str]], archive: str) -> None:
    """Write the contents into one tar archive, not compressed again: git and the archives have done that."""
    with tarfile.open(archive, "w") as tar:
        for path in sorted({path for path, _pin in held}):
            # A mirror may be made of links; the host gets what they lead to.
            tar.add(os.path.realpath(os.path.join(folder, path)), arcname=path)
