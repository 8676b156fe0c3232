# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product's fingerprint: one sha256 of all that decides the product's bytes."""

import hashlib
import json
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions

SHORT = 12


def digest(data: Any) -> str:
    """Return the sha256 (64 hex digits) of data that JSON can hold, whatever the order of its keys."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def file_digest(path: str) -> str:
    """Return the sha256 (64 hex digits) of a file's content."""
    sha = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            sha.update(block)
    return sha.hexdigest()


def short(fingerprint: str) -> str:
    """Return the part of a fingerprint that is used in file names."""
    return fingerprint[:SHORT]


def identity(recipe: Dict[str, Any], platform: Dict[str, str], built_with: Dict[str, str]) -> Dict[str, Any]:
    """Return what is hashed for a recipe. It leaves out what does not change the product's bytes (URLs, jobs, limits).

    :param recipe: the recipe, with its actual prefix (see recipe.py)
    :param platform: arch, libc and, for wheels, python_abi and distribution of the host that builds
    :param built_with: name of each tool it is built with -> the tool's fingerprint, or "<name> <series>" of a host's own
        tool. The series is the leading part of its version: hosts share what releases of the same series have built
    """
    sources = {
        source["name"]: dict(
            # A key that is new in recipes does not change the identity of products without it.
            {"without": sorted(source["without"])} if source.get("without") else {},
            pin=source.get("sha256") or source.get("commit"),
            dest=source["dest"],
            submodules=bool(source.get("submodules")),
        )
        for source in recipe["sources"]
    }  # type: Dict[str, Any]
    # What only checks the product (sanity, verify) does not change its bytes.
    stages = {name: steps for name, steps in recipe["stages"].items() if name != "sanity"}
    # A wheel links to libraries of the distribution, whose names differ between distributions; a tree has its own.
    keys = ["arch", "libc"] + (["python_abi", "distribution"] if recipe["product"] == "wheel" else [])
    return {
        "name": recipe["name"],
        "version": recipe["version"],
        "product": recipe["product"],
        "prefix": recipe.get("prefix", ""),
        "sources": sources,
        "environment": recipe.get("environment", {}),
        "stages": stages,
        "platform": {key: platform.get(key, "") for key in keys},
        "built_with": dict(built_with),
    }


def newer_tools(
    before: Dict[str, Any], after: Dict[str, Any], tools: Iterable[str]
) -> Optional[Dict[str, Tuple[str, str]]]:
    """Return name -> (then, now) of the host's own tools that are newer than in a product's build; None if more differs.

    A product is built again when what it is built from changes, but not when the system's updates bring newer tools. A
    newer distribution does not count either: another libc or Python is a difference of its own.

    :param before: the identity in the manifest of the installed product; :param after: that of what would be built now
    :param tools: names of the tools of which a host's own may be newer
    """
    found = {}
    for name, now in after["built_with"].items():
        then = (before.get("built_with") or {}).get(name, "")
        if then == now:
            continue
        if name not in tools or not _is_newer(name, then, now):
            return None
        found[name] = then[len(name) + 1 :], now[len(name) + 1 :]
    then, now = (each.get("platform", {}).get("distribution") for each in (before, after))
    if then and then != now:
        found["distribution"] = then, now
    return found if _without_host_tools(before) == _without_host_tools(after) else None


def _is_newer(name: str, then: str, now: str) -> bool:
    """Say whether both are the host's own, "<name> <version>", and the second is no older, in as many numbers as it has."""
    own = name + " "
    return then.startswith(own) and now.startswith(own) and versions.is_within(then[len(own) :], "", now[len(own) :])


def _without_host_tools(identity: Dict[str, Any]) -> Dict[str, Any]:
    """Return an identity without the values that updates of the system change."""
    platform = {key: value for key, value in identity.get("platform", {}).items() if key != "distribution"}
    return dict(identity, platform=platform, built_with=sorted(identity.get("built_with") or {}))


def describe_changes(before: Dict[str, Any], after: Dict[str, Any]) -> List[str]:
    """Return in a few words each difference of two identities, to say why a product is built again."""
    words = {
        "version": "version",
        "prefix": "prefix",
        "environment": "build environment",
        "platform": "platform",
        "product": "kind of product",
        "name": "name",
    }
    if before.get("part") != after.get("part"):
        return [
            "{0} instead of {1}".format(
                *("its runtime libraries" if one.get("part") else "the whole" for one in (after, before))
            )
        ]
    changes = []
    for key, word in words.items():
        old, new = before.get(key), after.get(key)
        if old != new:
            detail = " {0} -> {1}".format(old, new) if isinstance(old, str) and isinstance(new, str) else ""
            changes.append(word + detail + " changed" if not detail else word + detail)
    for group, word in (("sources", "source"), ("stages", "flags of stage"), ("built_with", "built with another")):
        old, new = before.get(group) or {}, after.get(group) or {}
        for name in sorted(set(old) | set(new)):
            if old.get(name) != new.get(name):
                changes.append("{0} {1}{2}".format(word, name, "" if group == "built_with" else " changed"))
    if not changes and before.get("part_of") != after.get("part_of"):
        changes.append("built from another whole")
    return changes
