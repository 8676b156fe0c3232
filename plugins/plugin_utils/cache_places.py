# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where build caches are: the places that ascend_build_cache names, folders of the controller and URLs."""

from __future__ import annotations

import os

from ansible_collections.ascend.pytorch.plugins.plugin_utils import here, runs, store

AUTO = "auto"
FOLDER, FILE, WEB = "folder", "file", "web"


def default_folder() -> str:
    """Return the folder of the build cache where the user names none."""
    return str(runs.home() / "products")


def resolve_places(value: str | list[str] | None) -> list[str]:
    """Return the places that ascend_build_cache names, in order: absolute folders and URLs, these without a / at the end.

    :param value: a place or a list of places; None or "auto" for the default, "" or an empty list for none at all
    :raises store.StoreError: one of them cannot be a build cache
    """
    wanted = [default_folder()] if value is None else [value] if isinstance(value, str) else value
    return [_place(one) for one in wanted if one]


def _place(value: str) -> str:
    if value == AUTO:
        return default_folder()
    if here.place_problem(value):
        raise store.StoreError(here.place_problem(value))
    return value.rstrip("/") if "://" in value else os.path.abspath(os.path.expanduser(value))


def kind(place: str) -> str:
    """Return what a place is: FOLDER of the controller, FILE (a folder that hosts see) or WEB (hosts read it by http)."""
    if "://" not in place:
        return FOLDER
    return FILE if place.startswith("file:") else WEB
