# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths on the controller that a user gives; those on hosts are judged by module_utils/base/places.py.

A relative one is relative to where ansible-playbook was started. Every run loads this, so that it imports next to nothing.
"""

from __future__ import annotations

import os
import re

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.plugin_utils import variables

# How a path is used: as a folder of its own, as a folder with other files, or for reading.
OWN, BESIDE, READ = "own", "beside", "read"

_SCHEME = "file://"
# A build cache that hosts reach: a folder that they share, or an address that they read from.
_HOST_PLACE = re.compile(r"(file:///|https?://)[^/]")
# A URL, or one with a slash missing.
_URL = re.compile(r"[\w+.-]*:/")


def is_folder(mirror: str) -> bool:
    """Say whether a mirror is a folder on the controller, and not a URL that hosts reach."""
    return mirror.startswith(("/", "~", "./", "../"))


def objection(value: str, use: str) -> str:
    """Return what is wrong with a path, "" for nothing.

    :param value: as the user gives it; "auto" and "" are the caller's
    :param use: OWN, BESIDE or READ
    """
    if value in ("", places.AUTO):
        return ""
    if not value.isprintable() or value != value.strip():
        return "it contains a line break or another character that is not printable, or begins or ends with a space"
    if value.startswith("~") and not value.startswith("~/") and value != "~":
        return "it begins with ~ and an account's name; only ~/ is supported"
    path, home = os.path.abspath(os.path.expanduser(value)), os.path.expanduser("~")
    # A relative folder that files are put into is where the user works, which may be any folder.
    named = use == OWN or (use == BESIDE and value.startswith(("/", "~")) and path != home)
    return (
        "it is a folder of the system, or your home itself"
        if named and (path == home or places.is_forbidden(path))
        else ""
    )


def problem(variable: str, value: str, use: str) -> str:
    """Return the message for a path that is refused, with the variable and what to do; "" where nothing is wrong."""
    wrong = objection(value, use)
    if not wrong:
        return ""
    wanted = "a folder of its own" if use == OWN else "a folder" if use == BESIDE else "a path"
    return f"{variable}: {value!r} is refused: {wrong}. Give {wanted} on the controller: absolute, below ~/, or relative to the current folder"


def place_problem(place: str) -> str:
    """Return the message for a URL that cannot be a build cache, "" for any other place."""
    if not _URL.match(place.strip()) or _HOST_PLACE.match(place.strip()):
        return ""
    return (
        f"ascend_build_cache: {place} cannot be a build cache. Give a folder of the controller, file:///path for a folder that "
        "the hosts share, or http(s)://… for one that they only read"
    )


def cache_problems(places_of_cache: list[str]) -> list[str]:
    """Return what is wrong with the places of the build cache: folders, here or (file://) on hosts, and URLs."""
    found = []
    for place in places_of_cache:
        if variables.list_as_text("ascend_build_cache", place):
            found.append(variables.list_as_text("ascend_build_cache", place))
        elif place_problem(place):
            found.append(place_problem(place))
        elif place.startswith(_SCHEME):
            if objection(place[len(_SCHEME) :], OWN):
                found.append(
                    f"ascend_build_cache: {place!r} is refused: {objection(place[len(_SCHEME) :], OWN)}. Give a folder of its "
                    "own that the hosts share, as file:///a/folder"
                )
        elif "://" not in place:
            found.append(problem("ascend_build_cache", place, OWN))
    return list(filter(None, found))
