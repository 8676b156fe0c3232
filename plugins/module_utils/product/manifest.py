# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: JSON inside a published product that describes it and lists its files.

A product counts as installed only if it has a readable manifest. In a tree it is <prefix>/.ascend-manifest.json; in a wheel
it is ascend-manifest.json in the dist-info folder, where the wheel's own RECORD lists the files.
"""

import json
import os
import stat
from typing import Any, Dict, List, Optional, Union

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, file_names, foreign
from ansible_collections.ascend.pytorch.plugins.module_utils.product.fingerprint import file_digest

SCHEMA = 1
TREE_NAME = ".ascend-manifest.json"
WHEEL_NAME = "ascend-manifest.json"


def compose(
    name: str,
    version: str,
    product: str,
    fingerprint: str,
    identity: Dict[str, Any],
    built: Dict[str, Any],
    collection_version: str,
) -> Dict[str, Any]:
    """Return a manifest without its list of files.

    :param identity: what was hashed into the fingerprint, so that a later run can report what changed
    :param built: {"when": UTC ISO time, "host": name, "seconds": {stage: seconds}, "jobs": n, "objects": {stage: n},
        "tools": {name: version of the host's own}}
    """
    return {
        "schema": SCHEMA,
        "name": name,
        "version": version,
        "product": product,
        "fingerprint": fingerprint,
        "identity": identity,
        "built": built,
        "collection_version": collection_version,
    }


def scan(root: str) -> Dict[str, Dict[str, Any]]:
    """Return every file and link below root: relative path -> {sha256, size (bytes), mode} or {link: target}."""
    found = {}
    for folder, names, files in os.walk(root):
        links = [name for name in names if os.path.islink(os.path.join(folder, name))]
        for name in files + links:
            path = os.path.join(folder, name)
            relative = file_names.to_text(os.path.relpath(path, root))
            # Not the manifest itself, nor what a killed write has left of it.
            if relative in (TREE_NAME, TREE_NAME + ".partial"):
                continue
            info = os.lstat(path)
            if stat.S_ISLNK(info.st_mode):
                found[relative] = {"link": file_names.to_text(os.readlink(path))}
            elif stat.S_ISREG(info.st_mode):
                found[relative] = {
                    "sha256": file_digest(path),
                    "size": info.st_size,
                    "mode": "%04o" % permissions(info),
                }
    return found


def permissions(info: os.stat_result) -> int:
    """Return a file's permissions without the setuid, setgid and sticky bits, which are dropped when a tree is packed."""
    return stat.S_IMODE(info.st_mode) & 0o777


def write(root: str, manifest: Dict[str, Any]) -> None:
    """Write a tree's manifest, durably, by a rename."""
    durable.write(os.path.join(root, TREE_NAME), json.dumps(manifest, sort_keys=True, indent=1), mode=0o644)


def parse(text: Union[str, bytes]) -> Optional[Dict[str, Any]]:
    """Return the manifest in a text, which may be untrusted; None when the text is not a manifest of this schema."""
    try:
        data = foreign.mapping(text)
        for key in ("name", "version"):
            foreign.file_name(data.get(key))
        foreign.sha256(data.get("fingerprint"))
        foreign.table(data.get("identity", {}))
        for line in foreign.sequence(data.get("requirements", [])):
            foreign.nonempty_text(line)
        for path, entry in foreign.table(data.get("files", {})).items():
            _admit(path, entry)
    except foreign.ForeignValueError:
        return None
    return data if data.get("schema") == SCHEMA else None


def _admit(path: str, entry: Any) -> None:
    """Raise ForeignValueError when an entry does not describe a file or link below a tree's root."""
    foreign.relative_path(path)
    if "link" in foreign.table(entry):
        foreign.nonempty_text(entry["link"])
    else:
        foreign.sha256(entry.get("sha256"))
        foreign.size(entry.get("size"))
        foreign.nonempty_text(entry.get("mode"))


def read(root: str) -> Optional[Dict[str, Any]]:
    """Return the manifest of the tree at root, None when it is missing or cannot be read."""
    try:
        with open(os.path.join(root, TREE_NAME), encoding="utf-8", errors="replace") as stream:
            return parse(stream.read())
    except OSError:
        return None


def damage(root: str, manifest: Dict[str, Any], full: bool = False) -> List[str]:
    """Return what differs from the manifest, as "path: what is wrong"; empty when the tree is whole.

    :param full: also compare every file's digest, which reads all of it; else presence, size, mode and link targets
    """
    wrong = []
    for relative, wanted in sorted(manifest.get("files", {}).items()):
        path = os.path.join(root, file_names.to_native(relative))
        try:
            info = os.lstat(path)
        except OSError:
            wrong.append(relative + ": missing")
            continue
        if "link" in wanted:
            if not stat.S_ISLNK(info.st_mode) or file_names.to_text(os.readlink(path)) != wanted["link"]:
                wrong.append("{0}: not a link to {1}".format(relative, wanted["link"]))
        elif not stat.S_ISREG(info.st_mode) or info.st_size != wanted["size"]:
            wrong.append(relative + ": size differs")
        elif "%04o" % permissions(info) != wanted["mode"]:
            wrong.append("{0}: mode {1:04o}, wanted {2}".format(relative, permissions(info), wanted["mode"]))
        elif full and file_digest(path) != wanted["sha256"]:
            wrong.append(relative + ": content differs")
    return wrong
