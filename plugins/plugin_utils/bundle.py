# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle: a folder with all that releases are built from, for sites without a network.

It is a mirror folder:
  <file>                           archives
  <Owner>/<name>/<commit>.bundle   git bundles of one commit each, those of submodules too
  wheels/                          what pip installs on the hosts
  products/<label>/                a build cache, where that is asked for
  bundle.json                      what belongs to it, with the digest of every file; written last
  .work/                           what a run under way needs besides; gone when that ends well
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.base import foreign
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import git_urls

Json = dict[str, Any]

MANIFEST = "bundle.json"
WHEELS = "wheels"
PRODUCTS = "products"
FORMAT = 1

_REMEDY = "Run playbooks/bundle.yml again where there is a network: undamaged files are not fetched again"


class BundleError(Exception):
    """A bundle cannot be made or used; the message says what failed, where, and what to do."""


def read(folder: str | Path) -> Json | None:
    """Return the manifest of a finished bundle, None when the folder has none.

    :raises BundleError: it is there and is no manifest of a bundle
    """
    return read_manifest(Path(folder) / MANIFEST)


def read_manifest(path: Path) -> Json | None:
    """Return the manifest that stands at a path, None when there is none.

    :raises BundleError: see read
    """
    try:
        found = foreign.mapping(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, foreign.ForeignValueError) as error:
        raise BundleError(f"{path} cannot be read ({error}). {_REMEDY}")
    if found.get("format") != FORMAT:
        raise BundleError(
            f"{path} is not a manifest of format {FORMAT}: make the bundle with this version of the collection"
        )
    try:
        _validate(found)
    except foreign.ForeignValueError as error:
        raise BundleError(f"{path} does not match the format of this collection: {error}. Do not use that bundle")
    return found


def _validate(manifest: Json) -> None:
    """Raise ForeignValueError for what no bundle has: it came from elsewhere, and no name in it may lead out of its folder."""
    for release in foreign.sequence(manifest.get("releases")):
        foreign.nonempty_text(release)
    files = foreign.table(manifest.get("files"))
    for name, entry in files.items():
        foreign.relative_path(name)
        foreign.sha256(foreign.table(entry).get("sha256"))
        foreign.size(entry.get("size"))
    for repo, commits in foreign.table(manifest.get("repositories")).items():
        foreign.repository(repo)
        for commit, entry in foreign.table(commits).items():
            foreign.commit(commit)
            for below in foreign.sequence(foreign.table(entry).get("submodules")):
                foreign.repository(foreign.table(below).get("repo"))
                foreign.commit(below.get("commit"))
                foreign.relative_path(below.get("path"))
                for url in foreign.sequence(below.get("urls")):
                    foreign.nonempty_text(url)
    for text in foreign.table(manifest.get("requirements")).values():
        foreign.text(text)
    for wheels_of in foreign.table(manifest.get("wheels")).values():
        for key in ("python", "arch", "libc", "release"):
            foreign.nonempty_text(foreign.table(wheels_of).get(key))
        for line in foreign.sequence(wheels_of.get("requirements")):
            foreign.nonempty_text(line)
        for name in foreign.sequence(wheels_of.get("files")):
            if foreign.relative_path(name) not in files:
                raise foreign.ForeignValueError(f"{name!r} of its wheels is none of its files")
        for each in foreign.sequence(wheels_of.get("lacking")):
            for key in ("requirement", "why", "remedy"):
                foreign.text(foreign.table(each).get(key))


def find_damage(folder: str | Path, name: str, entry: Json) -> str:
    """Return in words what is wrong with a file of the bundle, "" when it is as the manifest has it."""
    path = Path(folder) / name
    if not path.is_file():
        return f"{name}: missing"
    try:
        size = path.stat().st_size
        if size != entry["size"]:
            return f"{name}: {size} bytes, wanted {entry['size']}"
        found = fingerprint.file_digest(str(path))
    except OSError as error:
        return f"{name}: cannot be read ({error.strerror})"
    return "" if found == entry["sha256"] else f"{name}: sha256 is {found}, wanted {entry['sha256']}"


def verify(folder: str | Path) -> list[str]:
    """Return what is wrong with a bundle, in words, file by file; empty when it is whole. Reads every byte of it.

    :raises BundleError: it has a manifest that cannot be used
    """
    manifest = read(folder)
    if manifest is None:
        return [f"{MANIFEST}: missing: {folder} is not a bundle, or was never finished"]
    return [words for words in (find_damage(folder, *item) for item in sorted(manifest["files"].items())) if words]


def unknown_files(folder: str | Path) -> list[str]:
    """Return the files in a finished bundle's folder that its manifest does not know."""
    known, found = set((read(folder) or {"files": {}})["files"]) | {MANIFEST}, []
    for above, folders, files in os.walk(folder):
        # Of this file's own work, and of a build cache's locks.
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(above, name), folder) for name in files]
    return sorted(set(found) - known)


def repositories(manifest: Json, source: Json) -> list[Json]:
    """Return [{"repo", "commit", "file"}] of a git source and, if it wants them, of all its submodules.

    Empty when the bundle was made without them.
    """
    needed, waiting = [], [("", source["repo"], source["commit"])]
    while waiting:
        above, repo, commit = waiting.pop(0)
        entry = manifest["repositories"].get(repo, {}).get(commit)
        if entry is None:
            return []
        needed.append({"repo": repo, "commit": commit, "file": git_urls.bundle_name(repo, commit)})
        if source.get("submodules"):
            below = [(os.path.join(above, each["path"]), each["repo"], each["commit"]) for each in entry["submodules"]]
            waiting += [each for each in below if not git_urls.is_left_out(each[0], source.get("without") or ())]
    return needed


def wheels(manifest: Json, python: str, arch: str) -> list[tuple[str, str]]:
    """Return (path below the bundle, sha256) of the wheels for a Python such as 3.9 and an arch, of all releases."""
    names = {
        name
        for entry in manifest["wheels"].values()
        if (entry["python"], entry["arch"]) == (python, arch)
        for name in entry["files"]
    }
    return [(name, manifest["files"][name]["sha256"]) for name in sorted(names)]
