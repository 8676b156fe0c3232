# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools, which is what products are built with: the host's own that will do, and those that this collection made."""

import os
import re

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import requests
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, published

_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")

# How many numbers of the version of a host's own tool decide what is built with it. CMake's patch releases write the same
# build files; since gcc 5 the first number is the release, with its ABI and libstdc++, and the others mend faults in it.
SERIES = {"cmake": 2, "gcc730": 1}


def accepted(recipe, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return what this host may have instead of a recipe's product, see product/recipe.py: of maxima by architecture its own."""
    accept = recipe.get("accept") or {}
    newest = accept.get("maximum") or ""
    if isinstance(newest, dict):
        newest = newest.get(state["arch"], "")
    return dict(accept, minimum=str(accept.get("minimum") or ""), maximum=str(newest)) if accept else {}


def foreign(accept, state, ours):
    # type: (Dict[str, Any], Dict[str, Any], str) -> Optional[Dict[str, Any]]
    """Return {"folder", "version"} of what the host has itself of acceptable versions, all its commands of one version.

    :param accept: see accepted
    :param ours: the prefix whose programs do not count
    """
    if not accept:
        return None
    published = re.compile(re.escape(ours) + r"(-.+-[0-9a-f]{%d})?/" % fingerprint.SHORT)
    first, others = accept["commands"][0], accept["commands"][1:]
    for found in state["tools"].get(first, []):
        folder = os.path.dirname(found["path"])
        # Our own program counts for the host's own neither by its folder nor by a link such as /usr/bin/cmake.
        if not found["version"] or published.match(found.get("real", found["path"])):
            continue
        same = all(
            any(
                other["path"] == os.path.join(folder, name) and other["version"] == found["version"]
                for other in state["tools"].get(name, [])
            )
            for name in others
        )
        if same and versions.within(found["version"], accept.get("minimum", ""), accept.get("maximum", "")):
            return {"folder": folder, "version": found["version"]}
    return None


def unfit(accept, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> str
    """Say what the host has of a tool and why it will not do."""
    there = [
        "{0} {1}".format(found["path"], found["version"] or "(" + found["problem"] + ")")
        for command in accept.get("commands", [])
        for found in state["tools"].get(command, [])
    ]
    return ", ".join(there) or "none"


def wanted_words(accept):
    # type: (Dict[str, Any]) -> str
    """Say what of a tool will do, such as "gcc and g++ of one version, at least 7.3.0"."""
    if not accept:
        return "the one that its role publishes, since the host's own shall not do"
    words = " and ".join(accept["commands"]) + (" of one version" if len(accept["commands"]) > 1 else "")
    words += ", at least " + accept["minimum"] if accept.get("minimum") else ""
    return words + (", at most " + accept["maximum"] if accept.get("maximum") else "")


def entry(name, folder, mark, library="", version=""):
    # type: (str, str, str, str, str) -> Dict[str, Any]
    """Return a tool; its version is told where it is the host's own, of whose identity only the series is part."""
    return {"name": name, "folder": folder, "identity": mark, "library": library, "version": version}


def series(name, version):
    # type: (str, str) -> str
    """Return the identity of a host's own tool, such as "cmake 3.22": of its version what decides what it builds."""
    return "{0} {1}".format(name, ".".join(version.split(".")[: SERIES.get(name)]))


def of_ours(prefix, name, version, mark):
    # type: (str, str, str, str) -> Dict[str, Any]
    """Return a tool that this collection made, with the tree that it is and, "lives", its libraries as programs find them.

    A build names the tree: the link may lead to another before it ends. What is in that path is in the tool's fingerprint.
    """
    tree = published.tree_path(prefix, version, mark)
    below = "/lib64" if name == "gcc730" else ""
    return dict(entry(name, tree + "/bin", mark, below and tree + below), tree=tree, lives=below and prefix + below)


def is_ours(identity):
    # type: (str) -> bool
    """Say whether a tool is one that this collection made: that has a fingerprint, the host's own a name and version."""
    return bool(_FINGERPRINT.match(identity))


def of_host(recipe, there, state):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return the host's own tool that will do for a recipe's product, None when there is none."""
    own = foreign(accepted(recipe, state), state, there["prefix"]) if recipe["product"] == "tree" else None
    name = recipe["name"]
    return own and entry(name, own["folder"], series(name, own["version"]), version=own["version"])


def of_builders(request, recipe, there):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return the tool that the builders work with, where a host only runs what they build: so their cohort is its own."""
    tool = request["promised"].get(recipe["name"]) if requests.only_runs(request, recipe) else None
    version = (there["manifest"] or {}).get("version") or recipe["version"]
    return (
        of_ours(there["prefix"], tool["name"], version, tool["identity"])
        if tool and is_ours(tool["identity"])
        else tool
    )


def referred(request, recipe, there, state):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return the tool that another role has provided, or the host has; None when it has none that will do."""
    name, manifest, promised = recipe["name"], there["manifest"], request["promised"].get(recipe["name"])
    if recipe["product"] == "wheel":
        if not there["version"]:
            return promised
        return entry(name, "", manifest["fingerprint"] if manifest else "{0} {1}".format(name, there["version"]))
    accept = accepted(recipe, state)
    part_of = manifest.get("identity", {}).get("part_of") if manifest else None
    usable = (
        manifest
        and not there["damage"]
        and versions.within(manifest["version"], accept.get("minimum", ""), accept.get("maximum", ""))
        # With a runtime part nothing can be built.
        and (not part_of or requests.only_runs(request, recipe))
    )
    ours = of_ours(there["prefix"], name, manifest["version"], part_of or manifest["fingerprint"]) if usable else None
    return of_builders(request, recipe, there) or ours or of_host(recipe, there, state) or promised
