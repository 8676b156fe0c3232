# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that come from looking at the hosts of a fleet together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks
from ansible_collections.ascend.pytorch.plugins.module_utils.host import sharing

Json = dict[str, Any]
# Makes a short text of names of hosts.
Fold = Callable[[Iterable[str]], str]


def findings(planned: dict[str, Json], fold: Fold) -> dict[str, list[Json]]:
    """Return by host what is found.

    :param planned: host -> what ascend.pytorch.plan returned, {} for nothing
    """
    shares, torches = _shares(planned, fold), checks.different_torch_findings(_torches(planned, fold))
    return {name: checks.shared_place_findings(shares.get(name, [])) + torches for name in planned}


def _shares(planned: dict[str, Json], fold: Fold) -> dict[str, list[Json]]:
    """Return by host what it has together with others, as checks.shared_place_findings takes it."""
    examined = {name: result for name, result in planned.items() if result.get("state") and result.get("plan")}
    shares: dict[str, list[Json]] = {}
    for share in sharing.shared_places(examined):
        for name in share["hosts"]:
            shares.setdefault(name, []).append({**share, "hosts": fold(share["hosts"])})
    return shares


def _torches(planned: dict[str, Json], fold: Fold) -> dict[str, str]:
    """Return torch, with its version -> the hosts that it is for, of all hosts that have a plan."""
    hosts: dict[str, list[str]] = {}
    for name, result in planned.items():
        products = (result.get("plan") or {}).get("products") or {}
        orders = [(products.get(part) or {}).get("order") for part in ("torch_npu", "torch")]
        order = next((each for each in orders if each and each["state"] == "present"), None)
        if order:
            hosts.setdefault("{name} {version}".format(**order), []).append(name)
    return {torch: fold(names) for torch, names in hosts.items()}
