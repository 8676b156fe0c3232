# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request: what the variables want of a host, and what follows from that alone.

A request is a mapping:
  recipes           in the order in which they are built; see product/recipe.py;
                    one with "reference": true is only used by others
  release           the torch release's row, {} when none is wanted
  python, venv      "auto" or an interpreter's name; a virtual environment's path or ""
  environment       {"set": {NAME: value}, "unset": [..], "hccl_interface": name}, None when no file is wanted
  cann_path         the CANN that counts, by its path or release; "" for the newest
  needs             what a host that may build must have, even when nothing is built
  fitness           what a host must be, apart from being able to build: {"require_npu", "run_user", "max_clock_skew_s",
                    "check_sources", "packages": [{"from": release of CANN, "packages": {name: limits}}]},
                    None when that is not checked
  silenced          ids of the checks that are not made
  jobs, timeout_s, mirrors, keep_builds, replace_link, install_packages, packages_become, require_cann,
  collection_version
  rebuild           whether to build again when only a tool of the host's own is newer
  builds            whether this host may build; otherwise it takes what others have built
  toolchain         "whole", or "runtime" where nothing is built: of a tool only what programs built with it need
  promised          tools by name (as plan.make returns them) that are in no tree here: what earlier plans of this run would
                    have provided (check mode), and the tools of the builders (toolchain "runtime")
"""

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places


def python_names(request):
    # type: (Dict[str, Any]) -> List[str]
    """Return the names of the interpreters to look for, the preferred one first."""
    if request["python"] != places.AUTO:
        return [request["python"]]
    return ["python" + version for version in request["release"].get("pythons", [])]


def may_build(request):
    # type: (Dict[str, Any]) -> bool
    """Say whether this host may build what is missing on it."""
    return bool(request.get("builds", True))


def wants_runtime_only(request, recipe):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Say whether a host wants only the part of a recipe's product that programs built with it need."""
    return recipe["product"] == "tree" and request.get("toolchain", "whole") == "runtime"


def wanted_release(request):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return the release's row, {} where products are removed: that needs no CANN and no Python."""
    leaving = any(entry.get("state") == "absent" for entry in request["recipes"])
    return {} if leaving else request["release"]


def is_all_absent(request):
    # type: (Dict[str, Any]) -> bool
    """Say whether all products of the request are to be absent."""
    made = [entry for entry in request["recipes"] if not entry.get("reference")]
    return bool(made) and all(entry.get("state") == "absent" for entry in made)
