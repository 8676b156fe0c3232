# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did to its hosts, by product and with how long it took: the table at the end of site.yml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet

Json = dict[str, Any]

NOTHING, NOT_DONE = "-", "not done"


def table(entries: Mapping[str, Json], width: int) -> list[str]:
    """Return lines for a terminal; none where nothing was done.

    A row a host; of more than 50 hosts one for all to which the same was done. A table that does not fit becomes a line a row.

    :param entries: of the ledger; :param width: columns of the terminal
    """
    did = {host: entry for host, entry in entries.items() if entry.get("did")}
    items = list(dict.fromkeys(item for entry in did.values() for item in [*entry["did"], *entry["needs"]]))
    each = len(did) <= fleet.MAX_ROWS
    rows = _rows(did, items) if each else _groups(did, items)
    if not rows:
        return []
    lines = [["host" if each else "hosts", *items], *rows]
    widths = [max(len(line[number]) for line in lines) for number in range(len(items) + 1)]
    if sum(widths) + 2 * len(items) <= width:
        return ["  ".join(cell.ljust(wide) for cell, wide in zip(line, widths, strict=True)).rstrip() for line in lines]
    return [
        f"{name}: " + "; ".join(f"{item} {cell}" for item, cell in zip(items, cells, strict=True) if cell != NOTHING)
        for name, *cells in rows
    ]


def _how_done(entry: Json, item: str) -> str:
    """Return in a word what became of an item."""
    if item in entry["did"]:
        return str(entry["did"][item]["how"])
    return NOT_DONE if item in entry["needs"] else NOTHING


def _rows(did: Mapping[str, Json], items: Sequence[str]) -> list[list[str]]:
    return [[host, *(_cell([entry], item) for item in items)] for host, entry in did.items()]


def _groups(did: Mapping[str, Json], items: Sequence[str]) -> list[list[str]]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for host, entry in did.items():
        alike.setdefault(tuple(_how_done(entry, item) for item in items), []).append(host)
    return [
        [fleet.fold(hosts), *(_cell([did[host] for host in hosts], item) for item in items)] for hosts in alike.values()
    ]


def _cell(entries: Sequence[Json], item: str) -> str:
    """Return what became of an item on hosts to which the same was done, with the seconds: "taken, 2 to 5 s"."""
    how = _how_done(entries[0], item)
    if how in (NOTHING, NOT_DONE):
        return how
    seconds = sorted(round(entry["did"][item]["seconds"]) for entry in entries)
    return f"{how}, {' to '.join(dict.fromkeys(map(str, (seconds[0], seconds[-1]))))} s"
