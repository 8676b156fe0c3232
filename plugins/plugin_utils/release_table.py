# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release of torch goes with which CANN, Python, gcc and CMake, and with which hosts: as data, and for a terminal. Pure.

What playbooks/releases.yml writes (schema 1):

    {"schema": 1, "collection_version", "releases": [ENTRY], the newest first, "hosts": {name: HOST}}
    ENTRY     {"package", "torch", "layout": patch|plugin, "tag": what else names it, or "",
               "cann": {"minimum", "maximum"}, "" where none is known, "pythons": {architecture: [..]}, the newest first,
               "gcc": LIMITS, "cmake": LIMITS, "apex": whether it has an Apex,
               "refused": why nobody can have it, "" where all can}
    LIMITS    {"minimum", "maximum": {architecture: the newest that works, in as many numbers as count, "" for any}}
    HOST      {"status": examined|unreachable|failed, "message": why it was not examined,
               "cann", "pythons", "arch", "auto": the package that `auto` gives, "" for none, "why": that one, or none,
               "others": [packages that would also go]}
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing, places
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases as planning
from ansible_collections.ascend.pytorch.plugins.plugin_utils import failures, fleet, releases

Json = dict[str, Any]

SCHEMA = 1
ARCHES = tuple(sorted(planning.ARCHES))
EXAMINED, UNREACHABLE, FAILED = "examined", fleet.UNREACHABLE, fleet.FAILED
HEADS = ["package", "CANN", "Python", "gcc", "CMake", "tag"]


# --- the document -----------------------------------------------------------------------------------------------------


def entries(tables: releases.Tables) -> list[Json]:
    """Return an ENTRY for each release, the newest first."""
    found = [_entry(row, tables.release(row, None)) for row in tables.find(places.AUTO, "")]
    return sorted(found, key=lambda entry: planning.sort_key(entry["package"]), reverse=True)


def _entry(row: Mapping[str, Any], release: Mapping[str, Any]) -> Json:
    """:param release: the row's, see releases.Tables.release; a user's may lack any key"""
    cann = row["cann"] if isinstance(row["cann"], Mapping) else {"minimum": row["cann"], "maximum": row["cann"]}
    return {
        "package": row["package"],
        "torch": row["torch"],
        "layout": row["layout"],
        "tag": row["tag"],
        "cann": {key: str(cann.get(key) or "") for key in ("minimum", "maximum")},
        "pythons": {arch: planning.pythons_of(row, arch) for arch in ARCHES},
        "gcc": _limits(release, "gcc"),
        "cmake": _limits(release, "cmake"),
        "apex": bool(release.get("apex")),
        "refused": planning.refusal(row),
    }


def _limits(release: Mapping[str, Any], tool: str) -> Json:
    newest = (release.get("newest") or {}).get(tool, "")
    by_arch = newest if isinstance(newest, Mapping) else dict.fromkeys(ARCHES, newest)
    return {
        "minimum": str(release.get(tool, "")),
        "maximum": {arch: str(by_arch.get(arch, "")) for arch in ARCHES},
    }


def host_entry(result: Mapping[str, Any] | None) -> Json:
    """Return the HOST of what ascend.pytorch.releases returned for it, None where that never ran."""
    told = result or {}
    if "auto" in told:
        keys = ("cann", "pythons", "arch", "auto", "why", "others")
        return {"status": EXAMINED, "message": "", **{key: told[key] for key in keys}}
    status = UNREACHABLE if told.get("unreachable") else FAILED
    usual = "gave no answer" if status == UNREACHABLE else "the run ended before it came to this host"
    return {"status": status, "message": failures.message(told) or usual}


def choice(choice: planning.Choice, host: planning.Host) -> Json:
    """Return what ascend.pytorch.releases returns for a host that was examined."""
    return {
        **host._asdict(),
        "auto": "" if choice.problem else choice.row["package"],
        "why": choice.problem or choice.why,
        "others": list(choice.others),
    }


def document(found: list[Json], hosts: dict[str, Json], collection_version: str) -> Json:
    """:param found: see entries(); :param hosts: name -> HOST"""
    return {"schema": SCHEMA, "collection_version": collection_version, "releases": found, "hosts": hosts}


def lost(hosts: Mapping[str, Json]) -> list[str]:
    """Return the hosts that could not be examined."""
    return [name for name, host in hosts.items() if host["status"] != EXAMINED]


# --- the table --------------------------------------------------------------------------------------------------------


def table(found: Sequence[Json], width: int) -> list[str]:
    """Return lines for a terminal: a row each, then what is less on one architecture, and why some are refused.

    Where the tags do not fit, only those remain that a package cannot replace, and it does not say which have an Apex.

    :param width: columns of the terminal; rows are not made shorter than their cells
    """
    packages = [entry["package"] for entry in found]
    grid = [HEADS, *(_cells(entry, True, True) for entry in found)]
    sizes = [max(map(len, column)) for column in zip(*grid)]
    if sum(sizes) + 2 * (len(sizes) - 1) > width:
        grid = [HEADS, *(_cells(entry, packages.count(entry["package"]) > 1) for entry in found)]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(row, sizes)).rstrip() for row in grid]
    notes = [f"refused: {entry['refused']}" for entry in found if entry["refused"]]
    less: dict[str, list[str]] = {}
    for entry in found:
        for words in _less(entry, "Python") + _less(entry, "gcc") + _less(entry, "CMake"):
            less.setdefault(words, []).append(entry["package"])
    notes = [f"* {words}: {', '.join(named)}" for words, named in less.items()] + notes
    if notes:
        lines += ["", *(line for words in notes for line in _wrapped(words, width))]
    return [outgoing.printable(line) for line in lines]


def _cells(entry: Json, with_tag: bool, with_apex: bool = False) -> list[str]:
    notes = [entry["tag"]] if entry["tag"] and with_tag else []
    if entry["layout"] == planning.PATCH:
        notes.append("patched torch")
    if entry["apex"] and with_apex:
        notes.append("Apex")
    if entry["refused"]:
        notes.append("refused")
    elif not entry["cann"]["minimum"]:
        notes.append("by name only")
    return [
        entry["package"],
        cann_words(entry) or "-",
        *(
            "-" if entry["refused"] else (_words(entry, what) or "-") + ("*" if _less(entry, what) else "")
            for what in ("Python", "gcc", "CMake")
        ),
        ", ".join(notes),
    ]


def cann_words(entry: Json) -> str:
    """Return the CANN of an entry, such as 8.5.0 or 5.0.2-5.0.4; "" for none."""
    minimum, maximum = entry["cann"]["minimum"], entry["cann"]["maximum"]
    return minimum if minimum == maximum else f"{minimum}-{maximum}"


def _words(entry: Json, what: str, arch: str = "") -> str:
    """Return the versions of Python, gcc or CMake that go with an entry, on an architecture or on the one with the most."""
    if what == "Python":
        return python_ranges(entry["pythons"][arch] if arch else all_pythons([entry]))
    return limit_words(entry[what.lower()], arch)


def _less(entry: Json, what: str) -> list[str]:
    """Return what of Python, gcc or CMake is different on an architecture, in words."""
    if entry["refused"]:
        return []
    usual = _words(entry, what)
    return [f"on {arch} {what} {words or 'none'}" for arch in ARCHES if (words := _words(entry, what, arch)) != usual]


def all_pythons(found: Iterable[Json]) -> set[str]:
    """Return the Pythons of entries, on any architecture."""
    return {python for entry in found for pythons in entry["pythons"].values() for python in pythons}


def python_ranges(pythons: Iterable[str]) -> str:
    """Return Pythons as ranges of their minor versions, such as "3.7, 3.9-3.11"."""
    ranges: list[list[str]] = []
    for python in sorted(pythons, key=planning.sort_key):
        if ranges and _minor(python) == _minor(ranges[-1][-1]) + 1:
            ranges[-1].append(python)
        else:
            ranges.append([python])
    return ", ".join(each[0] if len(each) == 1 else f"{each[0]}-{each[-1]}" for each in ranges)


def _minor(python: str) -> int:
    last = python.rpartition(".")[2]
    return int(last) if last.isdigit() else -1


def limit_words(limits: Json, arch: str = "") -> str:
    """Return the versions of gcc or CMake that work, such as ">= 8" or "3.18.0-3.x".

    :param arch: the architecture, by default the one on which the newest work
    """
    minimum, maxima = limits["minimum"], limits["maximum"].values()
    newest = limits["maximum"][arch] if arch else "" if "" in maxima else max(maxima, key=planning.sort_key)
    numbers = planning.sort_key(minimum)[0]
    # 8.0.0 is the first of all gcc 8.
    oldest = str(numbers[0]) if len(numbers) == 1 else minimum
    if not newest:
        return f">= {oldest}" if oldest else ""
    return f"{oldest}-{newest}" + ("" if "." in newest else ".x")


# --- hosts ------------------------------------------------------------------------------------------------------------


def host_lines(hosts: Mapping[str, Json], width: int) -> list[str]:
    """Return lines that say what `auto` gives each host and which others it can have; hosts with the same share them."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, host in hosts.items():
        alike.setdefault(tuple(_host_words(host)), []).append(name)
    lines = []
    for (head, *rest), names in alike.items():
        lines += ["", *_wrapped(f"{fleet.fold(names)}: {head}", width)]
        lines += [line for words in rest for line in _wrapped(words, width, "  ")]
    return [outgoing.printable(line) for line in lines]


def _host_words(host: Json) -> list[str]:
    if host["status"] != EXAMINED:
        remedy = failures.remedy(host["message"]) or fleet.REMEDIES[host["status"]]
        return [f"{host['status']}: {host['message']}", f"remedy: {remedy}"]
    pythons = f"Python {', '.join(host['pythons'])}" if host["pythons"] else "no Python of a release"
    cann = f"CANN {host['cann']}" if host["cann"] else "no CANN of a known release"
    words = [f"{cann}, {pythons}, {host['arch']}"]
    words.append(f"auto: {host['why']}" if host["auto"] else f"auto: none: {host['why']}")
    if host["others"]:
        words.append(f"others: {', '.join(host['others'])}")
    return words


def _wrapped(text: str, width: int, first: str = "") -> list[str]:
    return [
        line
        for each in text.splitlines()
        for line in textwrap.wrap(
            each,
            max(width, 40),
            initial_indent=first,
            subsequent_indent=first + "    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


# --- by CANN, for docs/releases.md ---------------------------------------------------------------------------------------


def by_cann(found: Sequence[Json]) -> list[Json]:
    """Return what goes with each CANN, the newest first: {"cann", "packages", "pythons", "gcc", "cmake"}.

    Packages are pairs with their layout, Pythons are ranges, and the limits of a tool are a mapping of limit_words() to the
    torches that have them, those of the newest package first. What is refused is left out.
    """
    groups: dict[str, list[Json]] = {}
    for entry in found:
        if not entry["refused"]:
            groups.setdefault(cann_words(entry), []).append(entry)

    def key(cann: str) -> Any:
        return planning.sort_key(groups[cann][0]["cann"]["maximum"])

    return [
        {
            "cann": cann,
            "packages": list(dict.fromkeys((each["package"], each["layout"]) for each in groups[cann])),
            "pythons": python_ranges(all_pythons(groups[cann])),
            **{tool: _torches_by_limit(groups[cann], tool) for tool in ("gcc", "cmake")},
        }
        for cann in sorted(groups, key=key, reverse=True)
    ]


def _torches_by_limit(found: Iterable[Json], tool: str) -> dict[str, list[str]]:
    limits: dict[str, list[str]] = {}
    for entry in found:
        torches = limits.setdefault(limit_words(entry[tool]), [])
        torches += [entry["torch"]] if entry["torch"] not in torches else []
    return limits
