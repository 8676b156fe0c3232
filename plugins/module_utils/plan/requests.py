# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a host, and what follows from that alone.

A request is a mapping:
  recipes           in the order in which they are built; see product/recipe.py. One with "reference": true is only used by others
  release           the torch release's row, {} when none is asked for
  python, venv      "auto" or an interpreter's name; a virtual environment's path or ""
  environment       {"set": {NAME: value}, "unset": [..], "hccl_interface": name}, None when no file is asked for
  cann_path         the CANN that counts, by its path or release; "" for the newest
  needs             what must be there on a host that may build, even when nothing is built
  fitness           what a host must be besides able to build: {"require_npu", "run_user", "max_clock_skew_s",
                    "check_sources", "packages": [{"from": release of CANN, "packages": {name: limits}}]}, None when that is not asked
  silenced          ids of the checks that are not made
  jobs, timeout_s, mirrors, keep_builds, replace_link, install_packages, packages_become, require_cann,
  collection_version
  rebuild           whether what stands is built anew when only a tool of the host's own is newer
  builds            whether this host may build; one that may not takes what others have built
  toolchain         "whole", or "runtime" where nothing is built: of a tool only what programs need that were built with it
  promised          tools by name (as plan.make returns them) that stand in no tree here: what earlier plans of this run would
                    have provided (check mode), and what the builders work with (toolchain "runtime")
"""

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places


def pythons(request):
    # type: (Dict[str, Any]) -> List[str]
    """Return the interpreters to look for, the one to prefer first."""
    if request["python"] != places.AUTO:
        return [request["python"]]
    return ["python" + version for version in request["release"].get("pythons", [])]


def may_build(request):
    # type: (Dict[str, Any]) -> bool
    """Say whether this host may build what it lacks."""
    return bool(request.get("builds", True))


def only_runs(request, recipe):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Say whether a host wants of a recipe's product only what programs need that were built with it."""
    return recipe["product"] == "tree" and request.get("toolchain", "whole") == "runtime"


def release_to_come(request):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return the release's row, {} where things are taken away: that needs no CANN, nor a Python."""
    leaving = any(entry.get("state") == "absent" for entry in request["recipes"])
    return {} if leaving else request["release"]


def is_leaving(request):
    # type: (Dict[str, Any]) -> bool
    """Say whether all that is asked for is to be absent."""
    made = [entry for entry in request["recipes"] if not entry.get("reference")]
    return bool(made) and all(entry.get("state") == "absent" for entry in made)
