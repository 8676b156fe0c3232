# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of what a build cache holds: an entry for each product, which of them nobody uses, and a table."""

from __future__ import annotations

import collections
import contextlib
import os
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, products

Json = dict[str, Any]

DAY_S = 24 * 3600.0


def describe(path: Path, label: str, manifest: Json, **more: Any) -> Json:
    """Return the entry of a folder of the cache, see the module cache for the keys.

    :param manifest: the product's, as it was found; :param more: what is known of the product besides
    """
    name, _dash, short = label.rpartition("-")
    name, _dash, version = name.rpartition("-")
    identity = _mapping(manifest.get("identity"))
    platform = _mapping(identity.get("platform"))
    built = _mapping(manifest.get("built"))
    return {
        "label": label,
        "folder": str(path),
        "name": _text(manifest.get("name")) or name,
        "version": _text(manifest.get("version")) or version,
        "fingerprint": _text(manifest.get("fingerprint")) or short,
        "part": _text(identity.get("part")),
        "arch": _text(platform.get("arch")),
        "libc": _text(platform.get("libc")),
        "python_abi": _text(platform.get("python_abi")),
        "size": _size(path),
        "built": _text(built.get("when")),
        "host": _text(built.get("host")),
        "used": last_used(path),
        **more,
    }


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mtime(path: Path) -> float:
    """Return when a folder was used last; for a partial one, when something arrived."""
    try:
        inside = path.iterdir() if products.PARTIAL in path.name else ()
        return max(one.stat().st_mtime for one in (path, *inside))
    except OSError:
        return 0.0


def last_used(path: Path) -> str:
    return datetime.fromtimestamp(_mtime(path), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _size(path: Path) -> int:
    """Return the bytes of the files in a folder; files that disappear meanwhile do not count."""
    total = 0
    for folder, _names, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def unused(entries: list[Json], keep_days: float, keep_last: int) -> list[Json]:
    """Return the entries that Store.prune removes, the last used first."""
    now, found = time.time(), []
    kept: collections.Counter[tuple[str, ...]] = collections.Counter()
    for entry in sorted(entries, key=lambda one: (one["used"], one["built"]), reverse=True):
        idle_days = (now - datetime.strptime(entry["used"], "%Y-%m-%dT%H:%M:%S%z").timestamp()) / DAY_S
        goes = entry["status"] == "damaged" or (entry["status"] == "partial" and idle_days >= 1)
        if entry["status"] == "whole":
            alike = tuple(entry[key] for key in ("name", "part", "arch", "libc", "python_abi"))
            kept[alike] += 1
            goes = idle_days >= keep_days and kept[alike] > keep_last
        if goes:
            found.append(entry)
    return found


# --- for people -------------------------------------------------------------------------------------------------------


def table(entries: list[Json], width: int) -> list[str]:
    """Return entries() as lines for a terminal: a row each, or two lines each where rows do not fit.

    :param width: columns of the terminal
    """
    if not entries:
        return ["nothing"]
    heads = ["product", "version", "fingerprint", "platform", "size", "built", "on", "signed by", "used", ""]
    grid = [heads, *map(_cells, entries)]
    widths = [max(map(len, column)) for column in zip(*grid)]
    if sum(widths) + 2 * (len(widths) - 1) <= width:
        lines = ["  ".join(cell.ljust(size) for cell, size in zip(row, widths)).rstrip() for row in grid]
    else:
        lines = [line for row in grid[1:] for line in _paragraph(row)]
    # The metadata is foreign text, and may hold control sequences of terminals.
    return [outgoing.printable(line) for line in lines]


def _cells(entry: Json) -> list[str]:
    platform = ", ".join(entry[key] for key in ("arch", "libc", "python_abi") if entry[key])
    status = "" if entry["status"] == "whole" else entry["status"]
    return [
        entry["name"] + (f" ({entry['part']})" if entry["part"] else ""),
        entry["version"],
        fingerprint.short(entry["fingerprint"]),
        platform or "-",
        format_size(entry["size"]),
        entry["built"][:10] or "-",
        entry["host"] or "-",
        entry["signed_by"] or ("not trusted" if entry["untrusted"] else "-"),
        entry["used"][:10],
        status,
    ]


def _paragraph(row: list[str]) -> list[str]:
    name, version, short, platform, size, built, host, signed_by, used, status = row
    first = f"{name} {version} {short}  {platform}  {size}  {status}".rstrip()
    return [first, f"    built {built} on {host}, signed by {signed_by}, used {used}"]


def format_size(size: int) -> str:
    """Return bytes as "812 B", "3.4 MiB" and the like."""
    value, units = float(size), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
