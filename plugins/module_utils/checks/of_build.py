# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the sources and tools of builds, and of the paths of their products."""

import os
from typing import Iterator, List

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.checks.finding import (
    BUILD,
    ERROR,
    HOST,
    NOTE,
    WARNING,
    Check,
    Seen,
    check,
    seen,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan as plans
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import pythons
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import tools as toolbox
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request

CHECKS: List[Check] = []

_TOOLS = "guide, prerequisites: CMake and gcc"
_PREFIX = "design: where products are published"


@check(CHECKS, "source-unreachable", BUILD, ERROR, "fact: repositories move, and networks drop")
def _source_unreachable(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """No URL of a source answers the host that is to build with it."""
    remedy = (
        "make one of them reachable (http_proxy, https_proxy and no_proxy are used), or set ascend_mirrors to a mirror"
    )
    if request.offline:
        remedy = "complete the bundle with playbooks/bundle.yml for this release, or leave ascend_bundle empty"
    for name, tried in sorted(state.unanswered.items()):
        yield seen(
            "{0}: {1}".format(name, "; ".join("{0} ({1})".format(url, why) for url, why in tried)),
            "an answer from one of its URLs",
            remedy,
        )


@check(CHECKS, "requisite-missing", BUILD, ERROR, _TOOLS)
def _requisite_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A product that another one is built with is missing, and its role is not in this run."""
    # Without it, the fingerprint of a product that another host builds is not known either.
    used = {
        name
        for entry in request.recipes
        if not entry.get("reference") and plan.does(entry["name"]) in (plans.BUILD, plans.TAKE)
        for name in entry.get("built_with", [])
    }
    for entry in request.recipes:
        if entry.get("reference") and entry["name"] in used and entry["name"] not in plan.tools:
            if entry["product"] == "wheel":
                yield seen(
                    "{0} is missing in {1}".format(
                        entry["name"], pythons.interpreter(state).get("path") or "the chosen Python"
                    ),
                    entry["name"] + " for that Python",
                    "apply the role that builds it first",
                )
            else:
                yield seen(
                    "{0}: {1}".format(
                        entry["name"], toolbox.describe_found(toolbox.accept_for_host(entry, state), state)
                    ),
                    toolbox.describe_accepted(toolbox.accept_for_host(entry, state)),
                    "apply the role {0} first".format(entry["name"]),
                )


@check(CHECKS, "tool-too-new", BUILD, ERROR, "fact: CMake 4 and newer compilers refuse older sources")
def _tool_too_new(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The CMake or gcc that is to be built is newer than the newest that is accepted."""
    for entry in request.recipes:
        newest = toolbox.accept_for_host(entry, state).get("maximum", "")
        bringing = not entry.get("reference") and plan.does(entry["name"]) in plans.PROVIDING
        if bringing and not versions.is_within(entry["version"], "", newest):
            yield seen(
                "{0}_version is {1}".format(entry["name"], entry["version"]),
                "at most {0} on {1}".format(newest, state.arch),
                "set {0}_version to an older one, or raise {0}_max_version if you know that a newer one works".format(
                    entry["name"]
                ),
            )


@check(CHECKS, "gcc-of-torch", BUILD, WARNING, "fact: the gcc of the stock torch, and pybind's ABI check")
def _gcc_of_torch(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A wheel would be built with the host's own gcc, and the stock torch was built with another major version."""
    wanted = request.release.get("built_with_gcc", "")
    if isinstance(wanted, dict):
        wanted = wanted.get(state.arch, "")
    gcc = plan.tools.get("gcc730", {})
    building = [
        entry["name"]
        for entry in request.recipes
        if "gcc730" in entry.get("built_with", [])
        and not entry.get("reference")
        and plan.does(entry["name"]) == plans.BUILD
    ]
    # Only the host's own tools have a version here.
    if not wanted or not building or not gcc.get("version") or gcc["version"].split(".")[0] == wanted.split(".")[0]:
        return
    yield seen(
        "gcc {0} in {1} would build {2}".format(gcc["version"], gcc["folder"], ", ".join(building)),
        "gcc {0}, with which torch {1} was built: with another one, the import of {2} may fail or crash".format(
            wanted, request.release["torch"].get("version") or request.release["version"], " or ".join(building)
        ),
        "set gcc730_accept_installed: false, {0}".format(_gcc_remedy(request, wanted)),
    )


def _gcc_remedy(request: Request, wanted: str) -> str:
    """Return which gcc the role gcc730 is to build."""
    built = request.release.get("toolchain", {}).get("gcc", "")
    if built.split(".")[0] == wanted.split(".")[0]:
        return "and gcc730_version: auto or {0}, which is then built".format(built)
    return "and gcc730_version to a gcc {0}, with its row in gcc730_extra_releases".format(wanted)


@check(CHECKS, "compilers-mixed", HOST, WARNING, "fact: compilers and libstdc++ of different versions crash")
def _compilers_mixed(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """gcc, g++, cc and c++ of one folder are of different versions."""
    folders = {}  # type: Dict[str, List[Dict[str, Any]]]
    for name in ("gcc", "g++", "cc", "c++"):
        for found in state.tools.get(name, []):
            if found["version"]:
                folders.setdefault(os.path.dirname(found["path"]), []).append(found)
    for folder, there in sorted(folders.items()):
        if len({found["version"] for found in there}) > 1:
            yield seen(
                ", ".join("{path} {version}".format(**found) for found in there),
                "one version of all compilers in {0}".format(folder),
                "have the package manager install gcc and g++ of one version, or point their links at one",
            )


@check(CHECKS, "tools-outgrown", BUILD, NOTE, "design: updates of the system do not start builds")
def _tools_outgrown(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A product was built with an older tool than the host has now."""
    for name, entry in plan.products.items():
        if entry.kept:
            yield seen(
                "{0} was built with an older tool than the host has now: {1}".format(name, entry.kept),
                "nothing: it is complete and is kept",
                "set ascend_rebuild: true to build it again",
            )


@check(CHECKS, "link-foreign", BUILD, WARNING, "guide, CMake: ln -s fails where /usr/bin/cmake exists")
def _link_foreign(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A file or link that this collection did not make is in the place of a link such as /usr/bin/cmake."""
    for name, entry in plan.products.items():
        if entry.do in plans.PROVIDING and not entry.order.replace_link:
            for path, link in state.products[name].get("links", {}).items():
                if link == "foreign":
                    yield seen(
                        "{0} was not made by this collection".format(path),
                        "to link it to {0}".format(entry.order.prefix),
                        "leave it, and call {0}/bin/{1}; or set {2}_replace_link: true, which saves the old file and "
                        "makes the link".format(entry.order.prefix, os.path.basename(path), name),
                    )


def _trees_to_change(request: Request, state: State, plan: Plan) -> Iterator[str]:
    for entry in request.recipes:
        if not entry.get("reference") and entry["product"] == "tree" and plan.does(entry["name"]) != plans.NOTHING:
            yield entry["name"]


@check(CHECKS, "prefix-unwritable", BUILD, ERROR, _PREFIX)
def _prefix_unwritable(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The folder of a prefix is not writable."""
    for name in _trees_to_change(request, state, plan):
        prefix = state.products[name]["prefix"]
        parent = state.disk[os.path.dirname(prefix)]
        if not parent["writable"]:
            yield seen(
                "{0} may not write in {1}".format(state.user["name"], parent["stands_at"]),
                "to publish {0} at {1}".format(name, prefix),
                "set {0}_prefix to a path that it may write to (auto: under its home), or run the play as root".format(
                    name
                ),
            )


@check(CHECKS, "prefix-occupied", BUILD, ERROR, _PREFIX)
def _prefix_occupied(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Something that this collection did not make is in the place of a prefix."""
    for name in _trees_to_change(request, state, plan):
        there = state.products[name]
        if there["occupied"]:
            yield seen(
                "{0} is {1} that this collection did not make".format(there["prefix"], there["occupied"]),
                "a free path for {0}".format(name),
                "move it away, or set {0}_prefix to another path".format(name),
            )
