# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the request of one or more roles from their variables: see Request in module_utils/plan/requests.py.

The whole guide is one request of all roles. A role that is used alone requests only its own product, and refers to products
of other roles that it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request
from ansible_collections.ascend.pytorch.plugins.plugin_utils import recipes
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import Settings, Source

TORCH, CHECK = "torch_npu_build", "cann_check"
# All roles that a request can be made of.
ROLES = (*recipes.ROLES, CHECK)

# The variables of a request besides products, with the values for requests without a role that has them. If several roles
# have a variable, the first one counts.
GENERAL: dict[str, Any] = {
    "python": "auto",
    "venv": "",
    "env_file": "auto",
    "work_dir": "auto",
    "mirrors": [],
    "jobs": "auto",
    "timeout_s": 43200,
    "rebuild": False,
    "keep_builds": False,
    "replace_link": False,
    "install_packages": True,
    "packages_become": False,
    # Without cann_check, only what is built needs tools.
    "needs": [],
    "require_cann": True,
    "cann_path": "",
}
# For these the first one is cann_check, for the others torch_npu_build.
OF_CHECK = ("needs", "require_cann", "cann_path")
FITNESS = ("require_npu", "run_user", "max_clock_skew_s", "check_sources")


def make(roles: Sequence[str], source: Source, release_of: Callable[[str, str], dict[str, Any]]) -> Request:
    """Return the request of some roles.

    :param roles: in any order; all of them for the whole guide
    :param release_of: called with the release that a role's variable names, and the variable; returns the release
    """
    of = {role: Settings(role, source) for role in roles}
    releases = {role: release_of(*recipes.wanted_release(of[role])) for role in roles}
    chosen = next((releases[role] for role in _for_torch(roles)), {})
    products = [role for role in recipes.ROLES if role in roles]
    by_weight = _by_weight(roles)
    general = {
        name: next((of[role][name] for role in _first(by_weight, name) if name in of[role]), usual)
        for name, usual in GENERAL.items()
    }
    general["needs"] = recipes.resolve_auto(general["needs"], recipes.tools_for(Settings(TORCH, source), chosen))
    own = [recipe for role in products for recipe in recipes.recipes_of(of[role], releases[role])]
    with recipes.refuse_incomplete(chosen):
        references = _references(of, products, chosen)
    if TORCH in roles and recipes.comes_ready_made(of[TORCH], chosen):
        own, references = _without_tools(own), _without_tools(references)
    return Request(
        recipes=references + own,
        release=chosen,
        environment=_environment(of[TORCH]) if TORCH in roles else None,
        fitness=_fitness(of[CHECK]) if CHECK in roles else None,
        **general,
    )


def release(roles: Sequence[str], source: Source, release_of: Callable[[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return the release of a request of some roles, see make(); {} for none."""
    return next((release_of(*recipes.wanted_release(Settings(role, source))) for role in _for_torch(roles)), {})


def _by_weight(roles: Sequence[str]) -> list[str]:
    """Return the roles in the order of precedence for most variables."""
    return [role for role in (TORCH, *recipes.ROLES[::-1], CHECK) if role in roles]


def _for_torch(roles: Sequence[str]) -> list[str]:
    """Return the roles, in this order, that have to do with torch itself, not only with what it is built with."""
    return [role for role in _by_weight(roles) if role not in ("cmake", "gcc730")]


def groups(roles: Sequence[str], source: Source) -> list[list[str]]:
    """Return the roles in groups with the same values of GENERAL, in the order in which they run.

    There is one group, unless a user sets such a variable for one role only, for example gcc730_work_dir.
    """
    found: list[tuple[list[str], dict[str, Any]]] = []
    for role in (role for role in recipes.ROLES if role in roles):
        settings = Settings(role, source)
        asked = {name: settings[name] for name in GENERAL if name not in OF_CHECK and name in settings}
        group, shared = found[-1] if found else ([], {})
        if not found or any(shared.get(name, value) != value for name, value in asked.items()):
            group, shared = [], {}
            found.append((group, shared))
        group.append(role)
        shared.update(asked)
    made = [group for group, _shared in found]
    if CHECK in roles:
        # The checks for running PyTorch are made in its group.
        made = made or [[]]
        next((group for group in made if TORCH in group), made[-1]).append(CHECK)
    return made


def _first(roles: Sequence[str], name: str) -> list[str]:
    """Return the roles in the order of precedence for a variable."""
    return sorted(roles, key=lambda role: role != CHECK) if name in OF_CHECK else list(roles)


def _references(of: dict[str, Settings], products: list[str], release: dict[str, Any]) -> list[dict[str, Any]]:
    """Return references to the products that PyTorch and Apex are built with and whose roles are not in this request."""
    wheels = [role for role in products if role in (TORCH, "apex_build")]
    if not wheels:
        return []
    settings, found = of[wheels[0]], []
    if TORCH in wheels and "cmake" not in products:
        cmake = {
            "name": "cmake",
            "reference": True,
            "version": "",
            "product": "tree",
            "prefix": settings["cmake_prefix"],
        }
        found.append(dict(cmake, accept=_accept(settings, release, "cmake", ["cmake"])))
    if "gcc730" not in products:
        gcc = {"name": "gcc730", "reference": True, "product": "tree", "prefix": settings["gcc_prefix"]}
        accept = _accept(settings, release, "gcc", ["gcc", "g++"]) if settings["accept_installed"] else {}
        version = recipes.tool_version(settings["gcc_version"], release, "gcc")
        found.append(dict(gcc, version=version, accept=accept))
    if TORCH not in wheels:
        found.append({"name": "torch", "reference": True, "version": "", "product": "wheel", "distribution": "torch"})
    return found


def _without_tools(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return recipes without those of CMake and gcc where nothing is built with them."""
    used = {tool for entry in found if entry.get("state") != "absent" for tool in entry.get("built_with", [])}
    return [
        entry
        for entry in found
        if entry["product"] != "tree" or entry.get("state") == "absent" or entry["name"] in used
    ]


def _accept(settings: Settings, release: dict[str, Any], tool: str, commands: list[str]) -> dict[str, Any]:
    """Return which versions of a tool are accepted if the host has its own, see module_utils/product/recipe.py."""
    newest = recipes.resolve_auto(settings[f"{tool}_max_version"], recipes.newest_supported(release, tool))
    return {"commands": commands, "minimum": release[tool], "maximum": newest}


def _environment(settings: Settings) -> dict[str, Any]:
    return {
        "state": settings["state"],
        "hccl_interface": settings["hccl_interface"],
        "nnal": settings["nnal"],
        "set": {name: settings[name.lower()] for name in environment.VARIABLES},
    }


def _fitness(settings: Settings) -> dict[str, Any]:
    return {**{name: settings[name] for name in FITNESS}, "packages": recipes.CANN_PACKAGES}
