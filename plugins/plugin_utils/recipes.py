# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of the roles, filled in from their variables and from the tables of releases.

A recipe is a file of its role, see FILES. Of its `layouts`, the part for the release's layout is added to it. A value, or an
item of a list, that is only ${name} is replaced by the data of that name; an item is replaced by all items if that is a list.
Within a text, ${name} is replaced by text. ${a.b} is b of a. The names are the variables of the role without its prefix, and
those that `_names` adds.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases as planning
from ansible_collections.ascend.pytorch.plugins.plugin_utils import releases
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import Settings, data

# The roles that make a product, in the order in which they are built.
ROLES = ("cmake", "gcc730", "torch_npu_build", "apex_build")
# The recipes of each role, in the order in which their products are built.
FILES = {role: ["recipe.yml", "torch_npu.yml"] if role == "torch_npu_build" else ["recipe.yml"] for role in ROLES}
# Read when this module is imported, which Ansible does once, before it starts a worker for each host.
RECIPES = {role: [data(role, "files/" + name) for name in names] for role, names in FILES.items()}
# The releases of CMake and of gcc, version -> row.
CMAKE_RELEASES = data("cmake", "files/releases.yml")
GCC_RELEASES = data("gcc730", "files/releases.yml")
# Python packages that CANN's operators import, by the release of CANN.
CANN_PACKAGES = data("cann_check", "files/packages.yml")

# Source a host's environment file, if it exists, and run the program that follows.
WITH_ENVIRONMENT = ["bash", "-c", 'if [ -r "$0" ]; then . "$0"; fi; exec "$@"', "{env_file}"]

# What the plugin's build can leave out: the submodule that is not needed then, and what the wheel has otherwise.
DISABLED = {
    "torchair": {"submodule": "third_party/torchair/torchair", "holds": "torch_npu/dynamo/torchair/"},
    "rpc": {"submodule": "third_party/Tensorpipe", "holds": "torch_npu/lib/libtensorpipe.so"},
}

_NAME = re.compile(r"\$\{([a-z0-9_.]+)\}")


def fill(value: Any, names: Mapping[str, Any]) -> Any:
    """Return nested data with every ${name} in it replaced; replaced text is not searched again.

    :raises KeyError: nothing has that name
    """

    def named(path: str) -> Any:
        first, *rest = path.split(".")
        found = names[first]
        for part in rest:
            found = found[part]
        return found

    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        return named(whole[1]) if whole else _NAME.sub(lambda match: str(named(match[1])), value)
    if isinstance(value, dict):
        return {key: fill(part, names) for key, part in value.items()}
    if not isinstance(value, list):
        return value
    items: list[Any] = []
    for item in value:
        part = fill(item, names)
        items += part if isinstance(item, str) and isinstance(part, list) else [part]
    return items


def resolve_auto(value: Any, releases: Any) -> Any:
    """Return the value of a variable, for `auto` that of the release; an item `auto` of a list is replaced by its items."""
    if isinstance(value, list):
        return [item for part in value for item in (releases if part == places.AUTO else [part])]
    return releases if value == places.AUTO else value


def find_row(table: Mapping[str, Any], version: str, variable: str, more_variable: str, more: Mapping[str, Any]) -> Any:
    """Return the row of a version in a table of releases.

    :param more: rows that the user added, which take precedence; :param more_variable: the variable that has them
    :raises AnsibleActionFail: there is no such row; the message has the variable and the known versions
    """
    for rows in (more, table):
        if version in rows:
            return rows[version]
    raise AnsibleActionFail(
        f"{variable}: {str(version)!r} is not a known release. Known are {', '.join(sorted({*table, *more}))}; set {variable} "
        f"to one of these, or add a row to {more_variable}"
    )


def release_variable(role: str) -> str:
    """Return the variable of a role, without its prefix, that has the torch release."""
    return "version" if role == "torch_npu_build" else "torch_version"


def wanted_release(settings: Settings) -> tuple[str, str]:
    """Return the torch release that a role's variable names, and the variable."""
    name = release_variable(settings.role)
    return str(settings[name]), settings.variable(name)


@contextmanager
def refuse_incomplete(torch_release: Mapping[str, Any]) -> Iterator[None]:
    """Report a key that is missing in the row of a torch release, such as a user's own row.

    :raises AnsibleActionFail: the code in this context raised KeyError; the message has the row and the key
    """
    try:
        yield
    except KeyError as error:
        raise AnsibleActionFail(
            f"ascend_extra_releases: the row of torch {torch_release.get('version', '')} has no {error.args[0]!r}. "
            "docs/releases.md has a complete row"
        ) from error


def tool_version(value: str, torch_release: Mapping[str, Any], tool: str) -> str:
    """Return the version of cmake or gcc to build, for `auto` the one that the vendor's guide builds for the release."""
    return str(resolve_auto(value, torch_release["toolchain"][tool]))


def fill_urls(urls: Iterable[str], version: str) -> list[str]:
    """Return URLs with {version} and {series}, such as 3.18 of 3.18.4, replaced."""
    series = ".".join(version.split(".")[:2])
    return [url.replace("{version}", version).replace("{series}", series) for url in urls]


def newest_supported(torch_release: Mapping[str, Any], tool: str) -> Any:
    """Return the newest cmake or gcc that a torch release supports, "" if its row does not limit it."""
    return (torch_release.get("newest") or {}).get(tool, "")


def gcc_sources(
    gcc_release: Mapping[str, Any], urls: Iterable[str], prerequisite_urls: Iterable[str], digests: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the sources of a gcc release: its own archive, and each prerequisite inside its tree.

    :param urls: URLs of folders with gcc's archive; :param prerequisite_urls: with the prerequisites
    :param digests: file name -> sha256, for archives that differ from those of the table
    """

    def source(name: str, entry: Mapping[str, str], folders: Iterable[str], dest: str) -> dict[str, Any]:
        return {
            "name": name,
            "kind": "archive",
            "file": entry["file"],
            "dest": dest,
            "urls": ["{0}/{1}".format(folder.rstrip("/"), entry["file"]) for folder in folders],
            "sha256": digests.get(entry["file"], entry["sha256"]),
        }

    return [source("gcc", gcc_release["archive"], urls, "gcc")] + [
        source(name, entry, prerequisite_urls, "gcc/" + name) for name, entry in gcc_release["prerequisites"].items()
    ]


def _names(settings: Settings, torch_release: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names for a role's recipes that are added to the role's variables, or replace them."""
    names: dict[str, Any] = {"with_environment": WITH_ENVIRONMENT, "release": torch_release}
    makers = {"cmake": _cmake_names, "gcc730": _gcc_names, "torch_npu_build": _torch_names, "apex_build": _apex_names}
    return {**names, **makers[settings.role](settings, torch_release)}


def _cmake_names(settings: Settings, torch_release: Mapping[str, Any]) -> dict[str, Any]:
    version = tool_version(settings["version"], torch_release, "cmake")
    known = CMAKE_RELEASES.get(version, {"sha256": ""})
    return {
        "version": version,
        "min_version": resolve_auto(settings["min_version"], torch_release.get("cmake", releases.OLDEST_CMAKE)),
        "max_version": resolve_auto(settings["max_version"], newest_supported(torch_release, "cmake")),
        "sha256": resolve_auto(settings["sha256"], known["sha256"]),
        "urls": fill_urls(settings["urls"], version),
    }


def _gcc_names(settings: Settings, torch_release: Mapping[str, Any]) -> dict[str, Any]:
    version = tool_version(settings["version"], torch_release, "gcc")
    gcc = find_row(GCC_RELEASES, version, "gcc730_version", "gcc730_extra_releases", settings["extra_releases"])
    return {
        "version": version,
        "gcc": gcc,
        "min_version": resolve_auto(settings["min_version"], torch_release.get("gcc", releases.OLDEST_GCC)),
        "max_version": resolve_auto(settings["max_version"], newest_supported(torch_release, "gcc")),
        "sources": gcc_sources(
            gcc, fill_urls(settings["urls"], version), settings["prerequisite_urls"], settings["digests"]
        ),
        "bootstrap_options": [] if settings["bootstrap"] else ["--disable-bootstrap"],
        "disk_gib": 12 if settings["bootstrap"] else 8,
    }


def _pins(
    settings: Settings, made: Mapping[str, Any], sources: Iterable[str] = ("adapter", "native")
) -> dict[str, Any]:
    """Return ref, commit and URLs of the sources of PyTorch or Apex, as the variables or the release have them."""
    return {
        f"{source}_{key}": resolve_auto(settings[f"{source}_{key}"], made[source][key])
        for source in sources
        for key in ("ref", "commit", "urls")
        if f"{source}_{key}" in settings
    }


def _torch_names(settings: Settings, torch_release: Mapping[str, Any]) -> dict[str, Any]:
    made = torch_release["torch"]
    is_plugin = made["layout"] == planning.PLUGIN
    names = {
        **_pins(settings, made, ["adapter"] if is_plugin else ["adapter", "native"]),
        "version": torch_release["version"],
        # Some layouts do not need them.
        "patch": made.get("patch", ""),
        "gen_options": made.get("gen_options", []),
        "drop_requirements": made.get("drop_requirements", []),
    }
    if is_plugin:
        names.update(_plugin_names(settings, made, releases.package_requirements(torch_release)))
    return names


def _plugin_names(settings: Settings, made: Mapping[str, Any], limits: list[str]) -> dict[str, Any]:
    """Return the names that the recipes of stock torch and torch_npu have besides.

    :param made: the release's "torch"; :param limits: see releases.package_requirements
    """
    downloads = [
        {**each, "sha256": settings["digests"].get(each["file"], each["sha256"])} for each in made["downloads"]
    ]
    left_out = [option for option in settings["disable"] if f"--disable_{option}" in made["options"]]
    return {
        "stock": made["stock"],
        # pip would take the newest numpy, with which an older torch does not work.
        "package_limits": limits,
        "numpy": next((line for line in limits if line.startswith("numpy")), "numpy"),
        "options": [f"--disable_{option}" for option in left_out],
        "without": [DISABLED[option]["submodule"] for option in left_out],
        "holds": [
            DISABLED[option]["holds"]
            for option in DISABLED
            if option not in left_out and DISABLED[option]["submodule"] in made["submodules"]
        ],
        "tree_version": made["tree_version"],
        "mem_gib_first": made["mem_gib_first"],
        "plugin_environment": _with_flags(settings["build_environment"], made["cxx_flags"]),
        "imports": made["imports"],
        "downloads": downloads,
        "download_files": [{"url": each["urls"][0], "path": "{src}/downloads/" + each["file"]} for each in downloads],
    }


def _with_flags(environment: Mapping[str, str], flags: str) -> dict[str, str]:
    """Return the environment of a build with a release's own flags of the C++ compiler before the user's."""
    if not flags:
        return dict(environment)
    return {**environment, "CXXFLAGS": " ".join([flags, *filter(None, [environment.get("CXXFLAGS", "")])])}


def _apex_names(settings: Settings, torch_release: Mapping[str, Any]) -> dict[str, Any]:
    made, state = torch_release["apex"], settings["state"]
    if not made:
        # A guess may be wrong.
        if state == "present" and torch_release.get("is_settled", True):
            raise AnsibleActionFail(
                f"apex_build_state: there is no Apex for torch {torch_release['version']}: set apex_build_state to auto or absent"
            )
        return {
            "state": "absent",
            "in_release": False,
            "apex_version": "",
            "adapter_ref": "",
            "adapter_commit": "",
            "native_commit": "",
            "options": [],
        }
    return {
        "state": "present" if state == places.AUTO else state,
        "in_release": True,
        "apex_version": made["version"],
        **_pins(settings, made),
        "options": resolve_auto(settings["options"], made["options"]),
    }


def layout_of(written: Mapping[str, Any], settings: Settings, torch_release: Mapping[str, Any]) -> str:
    """Return the key of a recipe's `layouts` for a release.

    That of the release; for torch and torch_npu, how the vendor's part comes, and how the stock torch is pinned.
    """
    layout: str = torch_release["torch"]["layout"]
    if layout != planning.PLUGIN or written["name"] == "apex":
        return layout
    if written["name"] == "torch_npu" and comes_ready_made(settings, torch_release):
        return "wheel"
    pinned = "" if torch_release["torch"]["stock"].get("sha256") else "_by_version"
    return ("source" if written["name"] == "torch_npu" else "stock") + pinned


def comes_ready_made(settings: Settings, torch_release: Mapping[str, Any]) -> bool:
    """Say whether the variables of torch_npu_build ask for the vendor's ready-made wheel."""
    is_plugin = torch_release["torch"]["layout"] == planning.PLUGIN
    # Where only other roles are used, nobody asks.
    return bool(is_plugin and "from" in settings and settings["from"] == "wheel")


def tools_for(settings: Settings, torch_release: Mapping[str, Any]) -> list[str]:
    """Return the tools that a host must have for a release of torch to be built there, see module_utils/host/needs.py.

    :param settings: the variables of torch_npu_build; without them, as without any release, nothing is left out
    """
    found: set[str] = set()
    if not torch_release or ("state" in settings and settings["state"] == "absent"):
        return []
    for written in RECIPES["torch_npu_build"]:
        # A layout that there is not is reported with its recipe.
        found.update(written["layouts"].get(layout_of(written, settings, torch_release), {}).get("needs", []))
    return sorted(found)


def recipes_of(settings: Settings, torch_release: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the recipes of a role, filled in; see module_utils/product/recipe.py for their content."""
    with refuse_incomplete(torch_release):
        names = ChainMap(_names(settings, torch_release), settings)  # type: ignore[arg-type]
        return [_filled(dict(written), settings, torch_release, names) for written in RECIPES[settings.role]]


def _filled(
    written: dict[str, Any], settings: Settings, torch_release: Mapping[str, Any], names: Mapping[str, Any]
) -> dict[str, Any]:
    layouts = written.pop("layouts", None)
    if layouts:
        layout = layout_of(written, settings, torch_release)
        if layout not in layouts:
            raise AnsibleActionFail(
                f"ascend_extra_releases: torch {torch_release['version']} has the layout {layout!r}; known are "
                f"{', '.join(layouts)}"
            )
        written.update(layouts[layout])
    made: dict[str, Any] = fill(written, names)
    if "links" in made:
        made["links"] = [link for link in made["links"] if link["path"]]
    if "accept" in made and not settings["accept_installed"]:
        made["accept"] = {}
    if made["state"] == "absent":
        # Where the release does not have it, these have no commits.
        made["sources"] = []
    return made
