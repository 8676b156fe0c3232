# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs in a bundle: which sources, platforms and requirements the recipes of a release ask for."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch
from ansible_collections.ascend.pytorch.plugins.plugin_utils import bundle

Json = dict[str, Any]

# The oldest libc that the guide's systems have: what its wheels run on, the others run too.
LIBC = "2.17"


def sources(recipes: list[Json]) -> list[Json]:
    """Return the sources of recipes, each once, by names of their own.

    :raises bundle.BundleError: two files have one name and are different
    """
    found: dict[tuple[str, ...], Json] = {}
    for recipe in recipes:
        for source in recipe.get("sources", []):
            named = dict(source, name=f"{recipe['name']}: {source.get('repo') or source['file']}")
            key = ("file", source["file"]) if fetch.is_file(source) else ("git", source["repo"], source["commit"])
            former = found.setdefault(key, named)
            if former.get("sha256") != named.get("sha256"):
                raise bundle.BundleError(
                    f"{former['name']} and {named['name']} have the same file name and different digests: rename one"
                )
            if named.get("submodules") and former is not named:
                without = named.get("without") or []
                if former.get("submodules"):
                    # What one of them leaves out the other may need.
                    without = [path for path in without if path in (former.get("without") or [])]
                found[key] = dict(former, submodules=True, without=without)
    return list(found.values())


def platforms(wanted: list[Json] | None, pythons: list[str]) -> list[Json]:
    """Return the platforms, {"arch", "python", "libc"}, that a release is carried for; default all that it takes."""
    chosen = wanted or [{"arch": arch, "python": python} for arch in releases.ARCHES for python in pythons]
    return [
        {"arch": each["arch"], "python": str(each["python"]), "libc": str(each.get("libc") or LIBC)}
        for each in chosen
        if str(each["python"]) in pythons
    ]


def named_requirements(recipes: list[Json]) -> list[str]:
    """Return the requirements that the recipes themselves name."""
    steps = [step for recipe in recipes for steps in recipe.get("stages", {}).values() for step in steps]
    named = [recipe.get("requirements", []) for recipe in recipes] + [step["pip"] for step in steps if "pip" in step]
    named += [step["venv"].get("requirements", []) for step in steps if "venv" in step]
    return sorted({line for lines in named for line in lines})


def downloaded_wheels(recipes: list[Json]) -> list[tuple[str, list[str]]]:
    """Return (the requirement, the indexes) of ready-made wheels that the recipes download, without what these require.

    An index is a URL, or "" for that which pip is set to; they are asked in turn.
    """
    steps = [step for recipe in recipes for steps in recipe.get("stages", {}).values() for step in steps]
    found = {}
    for step in (step["pip_download"] for step in steps if "pip_download" in step):
        # A build asks for the stock torch, too.
        found[step["requirement"]] = step.get("index") or [""]
    return sorted(found.items())


def wheel_sources(recipes: list[Json], platform: Json) -> list[tuple[Json, list[str]]]:
    """Return (the source, names and patterns of what is not installed with it) of each wheel that is for a platform."""
    found, tag = [], "cp" + platform["python"].replace(".", "")
    for recipe in recipes:
        steps = [step for steps in recipe.get("stages", {}).values() for step in steps]
        drop = sorted({name for step in steps for name in step.get("wheel", {}).get("drop", [])})
        for source in recipe.get("sources", []):
            if not source.get("file", "").endswith(".whl"):
                continue
            parsed = wheel.parse_filename(source["file"])
            if tag in str(parsed["python"]).split(".") and str(parsed["platform"]).endswith("_" + platform["arch"]):
                found.append((source, drop))
    return found


def locate(path: str, recipe: Json) -> tuple[Json, str]:
    """Return (the source, the path in its tree) that a step's {src}/… means: the source that stands deepest above it.

    :raises bundle.BundleError: it lies in no source
    """
    below = re.sub(r"^\{src\}/", "", path)
    above = [source for source in recipe["sources"] if below.startswith(source["dest"].rstrip("/") + "/")]
    if not above:
        raise bundle.BundleError(f"{recipe['name']}: {path} is in none of its sources: correct the step of the recipe")
    source = max(above, key=lambda each: len(each["dest"]))
    return source, below[len(source["dest"].rstrip("/")) + 1 :]
