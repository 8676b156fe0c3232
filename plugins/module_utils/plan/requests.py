# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request: what the variables want of a host, and what follows from that alone."""

from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places


class Request(NamedTuple):
    """What the variables want of a host.

    A request is never changed in place; _replace() makes one that differs.
    """

    # In the order in which they are built; see product/recipe.py. One with "reference": true is only used by others.
    recipes: List[Dict[str, Any]]
    # The torch release's row, {} when none is wanted.
    release: Dict[str, Any]
    # The environment file: {"set": {NAME: value, see environment.resolve()}, "unset": [..], "hccl_interface": name,
    # "nnal": see nnal.WANTED, "state"}, None when no file is wanted.
    environment: Optional[Dict[str, Any]]
    # What a host must be, apart from being able to build: {"require_npu", "run_user", "max_clock_skew_s", "check_sources",
    # "packages": [{"from": release of CANN, "packages": {name: limits}}]}, None when that is not checked.
    fitness: Optional[Dict[str, Any]]

    # --- paths

    # "auto" or an interpreter's name.
    python: str
    # Path of a virtual environment, "" for none.
    venv: str
    # Paths, or "auto".
    work_dir: str
    env_file: str
    # The CANN that counts, by its path or release; "" for the newest.
    cann_path: str
    require_cann: bool

    # --- builds

    # What a host that may build must have, even when nothing is built; see host/needs.py.
    needs: List[str]
    # A number, or "auto".
    jobs: Any
    # Limit of a build's duration, in seconds.
    timeout_s: int
    # Where sources are looked for first: URLs, and folders of the controller.
    mirrors: List[str]
    # Whether to build again when only a tool of the host's own is newer.
    rebuild: bool
    # Whether to keep the folders of a successful build.
    keep_builds: bool
    # Whether a link may replace a foreign file, which is saved.
    replace_link: bool
    # Whether to install missing packages, and whether an account that is not root becomes root for that.
    install_packages: bool
    packages_become: bool

    # --- what the plan's action adds to the roles' variables

    # Whether sources come from the mirrors only.
    offline: bool = False
    # Whether this host may build; otherwise it takes what others have built.
    builds: bool = True
    # "whole", or "runtime" where nothing is built: of a tool only what programs built with it need.
    toolchain: str = "whole"
    # Tools by name, see Plan.tools, that are in no tree here: what earlier plans of this run would have provided (check mode),
    # and the tools of the builders (toolchain "runtime").
    promised: Dict[str, Any] = {}
    # Ids of the checks that are not made.
    silenced: List[str] = []
    # The collection's version, for manifests.
    collection_version: str = ""


def python_names(request):
    # type: (Request) -> List[str]
    """Return the names of the interpreters to look for, the preferred one first."""
    if request.python != places.AUTO:
        return [request.python]
    return ["python" + version for version in request.release.get("pythons", [])]


def may_build(request):
    # type: (Request) -> bool
    """Say whether this host may build what is missing on it."""
    return request.builds


def makes_environment(request):
    # type: (Request) -> bool
    """Say whether a build on this host makes a virtual environment of its own, with a step `venv`."""
    stages = [entry.get("stages", {}) for entry in request.recipes if entry.get("state") != "absent"]
    return may_build(request) and any("venv" in step for each in stages for steps in each.values() for step in steps)


def wants_runtime_only(request, recipe):
    # type: (Request, Dict[str, Any]) -> bool
    """Say whether a host wants only the part of a recipe's product that programs built with it need."""
    return recipe["product"] == "tree" and request.toolchain == "runtime"


def wanted_release(request):
    # type: (Request) -> Dict[str, Any]
    """Return the release's row, {} where products are removed: that needs no CANN and no Python."""
    leaving = any(entry.get("state") == "absent" and entry.get("in_release", True) for entry in request.recipes)
    return {} if leaving else request.release


def is_all_absent(request):
    # type: (Request) -> bool
    """Say whether all products of the request are to be absent."""
    made = [entry for entry in request.recipes if not entry.get("reference")]
    return bool(made) and all(entry.get("state") == "absent" for entry in made)
