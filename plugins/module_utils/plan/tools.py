# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools, which products are built with: the host's own that are accepted, and those that this collection made."""

import os
import re

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import requests
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, published

_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")

# How many numbers of the version of a host's own tool count for what is built with it. CMake's patch releases write the same
# build files; since gcc 5 the first number is the release, with its ABI and libstdc++, and the others are bug fixes.
SERIES = {"cmake": 2, "gcc730": 1}


def accept_for_host(recipe, state):
    # type: (Dict[str, Any], State) -> Dict[str, Any]
    """Return what this host may have instead of a recipe's product, see product/recipe.py, with the maximum for its arch."""
    accept = recipe.get("accept") or {}
    newest = accept.get("maximum") or ""
    if isinstance(newest, dict):
        newest = newest.get(state.arch, "")
    return dict(accept, minimum=str(accept.get("minimum") or ""), maximum=str(newest)) if accept else {}


def find_host_program(accept, state, own_prefix):
    # type: (Dict[str, Any], State, str) -> Optional[Dict[str, Any]]
    """Return {"folder", "version"} of the host's own program in an accepted version, all its commands of one version.

    :param accept: see accept_for_host
    :param own_prefix: this collection's, whose programs do not count
    """
    if not accept:
        return None
    published = re.compile(re.escape(own_prefix) + r"(-.+-[0-9a-f]{%d})?/" % fingerprint.SHORT)
    first, others = accept["commands"][0], accept["commands"][1:]
    for found in state.tools.get(first, []):
        folder = os.path.dirname(found["path"])
        # A program of this collection is not the host's own, also when a link such as /usr/bin/cmake leads to it.
        if not found["version"] or published.match(found.get("real", found["path"])):
            continue
        same = all(
            any(
                other["path"] == os.path.join(folder, name) and other["version"] == found["version"]
                for other in state.tools.get(name, [])
            )
            for name in others
        )
        if same and versions.is_within(found["version"], accept.get("minimum", ""), accept.get("maximum", "")):
            return {"folder": folder, "version": found["version"]}
    return None


def describe_found(accept, state):
    # type: (Dict[str, Any], State) -> str
    """Say which programs of a tool the host has; none of them is accepted."""
    installed = [
        "{0} {1}".format(found["path"], found["version"] or "(" + found["problem"] + ")")
        for command in accept.get("commands", [])
        for found in state.tools.get(command, [])
    ]
    return ", ".join(installed) or "none"


def describe_accepted(accept):
    # type: (Dict[str, Any]) -> str
    """Say what is accepted as a tool, such as "gcc and g++ of one version, at least 7.3.0"."""
    if not accept:
        return "the one that its role publishes, since the host's own is not accepted"
    words = " and ".join(accept["commands"]) + (" of one version" if len(accept["commands"]) > 1 else "")
    words += ", at least " + accept["minimum"] if accept.get("minimum") else ""
    return words + (", at most " + accept["maximum"] if accept.get("maximum") else "")


def make_tool(name, folder, identity, library="", version=""):
    # type: (str, str, str, str, str) -> Dict[str, Any]
    """Return a tool; the version is given for the host's own, whose identity has only a part of it."""
    return {"name": name, "folder": folder, "identity": identity, "library": library, "version": version}


def host_identity(name, version):
    # type: (str, str) -> str
    """Return the identity of a host's own tool, such as "cmake 3.22", with the numbers of its version that count."""
    return "{0} {1}".format(name, ".".join(version.split(".")[: SERIES.get(name)]))


def published_tool(prefix, name, version, identity):
    # type: (str, str, str, str) -> Dict[str, Any]
    """Return a tool that this collection made, with its "tree", and in "lives" the folder where programs find its libraries.

    A build uses the path of the tree, since the link may lead to another one before the build ends.
    """
    tree = published.tree_path(prefix, version, identity)
    below = "/lib64" if name == "gcc730" else ""
    return dict(
        make_tool(name, tree + "/bin", identity, below and tree + below), tree=tree, lives=below and prefix + below
    )


def is_published(identity):
    # type: (str) -> bool
    """Say whether a tool was made by this collection: its identity is a fingerprint, the host's own has a name and version."""
    return bool(_FINGERPRINT.match(identity))


def host_tool(recipe, installed, state):
    # type: (Dict[str, Any], Dict[str, Any], State) -> Optional[Dict[str, Any]]
    """Return the host's own tool that is accepted for a recipe's product, None when there is none."""
    own = (
        find_host_program(accept_for_host(recipe, state), state, installed["prefix"])
        if recipe["product"] == "tree"
        else None
    )
    name = recipe["name"]
    return own and make_tool(name, own["folder"], host_identity(name, own["version"]), version=own["version"])


def builders_tool(request, recipe, installed):
    # type: (Request, Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return the tool that the builders use, where a host only runs what they build, so that both are of one cohort."""
    tool = request.promised.get(recipe["name"]) if requests.wants_runtime_only(request, recipe) else None
    version = (installed["manifest"] or {}).get("version") or recipe["version"]
    return (
        published_tool(installed["prefix"], tool["name"], version, tool["identity"])
        if tool and is_published(tool["identity"])
        else tool
    )


def referenced_tool(request, recipe, installed, state):
    # type: (Request, Dict[str, Any], Dict[str, Any], State) -> Optional[Dict[str, Any]]
    """Return the tool that another role has provided, or the host has; None when none is accepted."""
    name, manifest, promised = recipe["name"], installed["manifest"], request.promised.get(recipe["name"])
    if recipe["product"] == "wheel":
        if not installed["version"]:
            return promised
        return make_tool(
            name, "", manifest["fingerprint"] if manifest else "{0} {1}".format(name, installed["version"])
        )
    accept = accept_for_host(recipe, state)
    part_of = manifest.get("identity", {}).get("part_of") if manifest else None
    usable = (
        manifest
        and not installed["damage"]
        and versions.is_within(manifest["version"], accept.get("minimum", ""), accept.get("maximum", ""))
        # A runtime part cannot build anything.
        and (not part_of or requests.wants_runtime_only(request, recipe))
    )
    own = (
        published_tool(installed["prefix"], name, manifest["version"], part_of or manifest["fingerprint"])
        if usable
        else None
    )
    return builders_tool(request, recipe, installed) or own or host_tool(recipe, installed, state) or promised
