# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipes of the roles, filled in from their variables and from the tables of releases.

A recipe is the file files/recipe.yml of its role. A value, or an item of a list, that is only ${name} is replaced by the
data of that name; an item is replaced by all items if that is a list. Within a text, ${name} is replaced by text. ${a.b} is
b of a. The names are the variables of the role without its prefix, and those that `_names` adds.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import Settings, data

# The roles that make a product, in the order in which they are built.
ROLES = ("cmake", "gcc730", "torch_npu_build", "apex_build")
# Read when this module is imported, which Ansible does once, before it starts a worker for each host.
RECIPES = {role: data(role, "files/recipe.yml") for role in ROLES}
# The tables of releases, version -> row: of torch, and of gcc.
RELEASES = data("road", "files/releases.yml")
GCC_RELEASES = data("gcc730", "files/releases.yml")
# Python packages that CANN's operators import, by the release of CANN.
CANN_PACKAGES = data("cann_check", "files/packages.yml")

# Source a host's environment file, if it exists, and run the program that follows.
WITH_ENVIRONMENT = ["bash", "-c", 'if [ -r "$0" ]; then . "$0"; fi; exec "$@"', "{env_file}"]

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


def find_release(settings: Settings, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a role's torch release.

    :param more: rows that the user added, see find_row
    """
    name = release_variable(settings.role)
    return dict(find_row(RELEASES, settings[name], settings.variable(name), "ascend_extra_releases", more))


@contextmanager
def refuse_incomplete(torch_release: Mapping[str, Any]) -> Iterator[None]:
    """Report a key that is missing in the row of a torch release, such as a user's own row.

    :raises AnsibleActionFail: the code in this context raised KeyError; the message has the row and the key
    """
    try:
        yield
    except KeyError as error:
        raise AnsibleActionFail(
            f"ascend_extra_releases: the row of torch {torch_release.get('version', '')} has no {error.args[0]!r}. The README "
            "has a complete row"
        ) from error


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


def _names(settings: Settings, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names for a role's recipe that are added to the role's variables, or replace them.

    :param more: rows that the user added to the torch releases
    """
    names: dict[str, Any] = {"with_environment": WITH_ENVIRONMENT}
    if settings.role == "cmake":
        names["max_version"] = resolve_auto(
            settings["max_version"], newest_supported(find_release(settings, more), "cmake")
        )
    elif settings.role == "gcc730":
        added = settings["extra_releases"]
        gcc = find_row(GCC_RELEASES, settings["version"], "gcc730_version", "gcc730_extra_releases", added)
        names.update(
            release=gcc,
            max_version=resolve_auto(settings["max_version"], newest_supported(find_release(settings, more), "gcc")),
            sources=gcc_sources(gcc, settings["urls"], settings["prerequisite_urls"], settings["digests"]),
            bootstrap_options=[] if settings["bootstrap"] else ["--disable-bootstrap"],
            disk_gib=12 if settings["bootstrap"] else 8,
        )
    else:
        part = "torch" if settings.role == "torch_npu_build" else "apex"
        torch = find_release(settings, more)
        made = torch[part]
        names["release"] = torch
        for source in ("adapter", "native"):
            for key in ("ref", "commit", "urls"):
                name = f"{source}_{key}"
                if name in settings:
                    names[name] = resolve_auto(settings[name], made[source][key])
        if part == "torch":
            # Some layouts do not need them.
            names.update(
                patch=made.get("patch", ""),
                gen_options=made.get("gen_options", []),
                drop_requirements=made.get("drop_requirements", []),
            )
        else:
            names["options"] = resolve_auto(settings["options"], made["options"])
    return names


def recipe(settings: Settings, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe of a role, filled in; see module_utils/product/recipe.py for its content.

    :param more: rows that the user added to the torch releases
    """
    with refuse_incomplete(find_release(settings, more)):
        names = ChainMap(_names(settings, more), settings)  # type: ignore[arg-type]
        written = dict(RECIPES[settings.role])
        layouts = written.pop("layouts", None)
        if layouts:
            layout = names["release"]["torch"]["layout"]
            if layout not in layouts:
                raise AnsibleActionFail(
                    f"ascend_extra_releases: torch {settings['version']} has the layout {layout!r}; known are {', '.join(layouts)}"
                )
            names = names.new_child({"layout": fill(layouts[layout], names)})
        made: dict[str, Any] = fill(written, names)
    if "links" in made:
        made["links"] = [link for link in made["links"] if link["path"]]
    if "accept" in made and not settings["accept_installed"]:
        made["accept"] = {}
    return made
