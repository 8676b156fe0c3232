# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of a run: what each host needs and what was done, so that nothing is left undone unnoticed.

The plan's action enters what a host needs, each action that does a part removes that part, and `account`, the last task of
every playbook, reports what is left. In the run's folder (see runs.py):
  ledger/<host>.json     ENTRY: {"needs": {item: what was to be done with it}, "errors": [findings], "done": [deeds],
                         "did": {item: {"how": in a word, "seconds"}}}
An item is a product's name, ENVIRONMENT, PACKAGES or VENV; a deed is one of those below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs, tags

Json = dict[str, Any]

# Items besides products.
ENVIRONMENT, PACKAGES, VENV = environment.ITEM, "packages", "virtual environment"
# Deeds: a host was planned for, verified, reported in a table, reported there as unreachable or failed; the controller made or
# verified a bundle, looked at the build cache; the builds of a host were stopped, its work directory cleaned; the releases were
# listed, for a host those that go with it.
PLANNED, VERIFIED, TOLD, LOST, BUNDLED, CACHED = "planned", "verified", "told", "lost", "bundled", "cached"
LISTED = "listed"
STOPPED, CLEANED = "stopped", "cleaned"
# What was not done, in words.
NOT_DONE = {
    PLANNED: "not looked at",
    VERIFIED: "not verified",
    TOLD: "not reported",
    BUNDLED: "no bundle was made or verified",
    CACHED: "the build cache was not looked at",
    STOPPED: "its builds were not stopped",
    CLEANED: "its work directory was not cleaned",
    LISTED: "the releases were not listed",
}
# What the controller does for itself is entered under this name, whatever the inventory calls the host.
CONTROLLER = "localhost"

# The role whose tag stands for an item; packages and virtual environments are any role's.
ROLES = {
    "cmake": "cmake",
    "gcc730": "gcc730",
    "torch": "torch_npu_build",
    "torch_npu": "torch_npu_build",
    "apex": "apex_build",
    ENVIRONMENT: "torch_npu_build",
}


class Unfinished(NamedTuple):
    """What a run left undone: `wrong` in sentences that are errors, `left_out` in sentences that give the reason."""

    wrong: list[str]
    left_out: list[str]


class Ledger:
    """The ledger of the run that this worker belongs to."""

    def __init__(self, run: Path | None = None) -> None:
        """:param run: the run's folder, that of this worker's run by default"""
        self.folder = (run or runs.folder()) / "ledger"

    def _path(self, host: str) -> Path:
        return self.folder / f"{runs.file_name(host)}.json"

    def entry(self, host: str) -> Json:
        """Return what is known of a host, an empty ENTRY for nothing."""
        return {"needs": {}, "errors": [], "done": [], "did": {}, **(read_json(str(self._path(host))) or {})}

    def _write(self, host: str, entry: Json) -> None:
        runs.write(self._path(host), json.dumps(entry))

    def enter(self, host: str, needs: dict[str, str], settled: Iterable[str], errors: list[str]) -> None:
        """Enter what a plan says that a host needs.

        :param needs: item -> what is to be done with it
        :param settled: the items of the plan that need nothing
        :param errors: the findings that make the host unfit
        """
        entry = self.entry(host)
        kept = {item: do for item, do in entry["needs"].items() if item not in set(settled)}
        entry.update(needs={**kept, **needs}, errors=errors, done=sorted({*entry["done"], PLANNED}))
        self._write(host, entry)

    def finish(self, host: str, item: str, how: str = "", seconds: float = 0.0) -> None:
        """Record that an item is as the plan wanted it.

        :param how: what was done in a word, for the table at the end of the run; :param seconds: that it took
        """
        entry = self.entry(host)
        if entry["needs"].pop(item, None):
            entry["did"].update({item: {"how": how, "seconds": seconds}} if how else {})
            self._write(host, entry)

    def record(self, host: str, deed: str) -> None:
        """Record a deed."""
        entry = self.entry(host)
        if deed not in entry["done"]:
            self._write(host, dict(entry, done=sorted([*entry["done"], deed])))

    def entries(self) -> dict[str, Json]:
        """Return host -> ENTRY of all hosts that the run knows."""
        found = {unquote(path.stem): read_json(str(path)) for path in sorted(self.folder.glob("*.json"))}
        return {host: entry for host, entry in found.items() if entry}


def needed(planned: Plan) -> dict[str, str]:
    """Return item -> what is to be done with it, of a plan; "" for nothing."""
    wanted = planned.environment
    products = {name: entry.do for name, entry in planned.products.items()}
    files = {ENVIRONMENT: wanted["do"]} if wanted else {}
    return {
        **{item: "" if do == "nothing" else do for item, do in {**products, **files}.items()},
        PACKAGES: "install" if planned.packages.names else "",
        VENV: "make" if planned.venv else "",
    }


def left_out_by_tags(item: str, given: tags.Tags) -> bool:
    """Say whether --tags or --skip-tags exclude an item from site.yml."""
    roles = {ROLES[item]} if item in ROLES else {"cann_check", *ROLES.values()}
    return not any(given.works(role) for role in roles)


def find_unfinished(
    entries: dict[str, Json],
    hosts: list[str],
    alive: Iterable[str],
    deeds: Iterable[str],
    settles: bool,
    stops: bool,
    reason: Any = None,
) -> Unfinished:
    """Return what a run left undone.

    :param entries: the ledger
    :param hosts: those that the run was for
    :param alive: those of them that have not failed and can be reached; Ansible itself reports the others
    :param deeds: what was to be done for each host
    :param settles: whether what the plan wants was to be done, too
    :param stops: whether an unfit host was to be stopped
    :param reason: function of an item that gives the reason for which it was left out, "" for none
    """
    living = set(alive)
    wrong: dict[str, list[str]] = {}
    left_out: dict[str, list[str]] = {}
    for host in hosts:
        entry = entries.get(host) or {"needs": {}, "errors": [], "done": []}
        if host not in living:
            if settles and entry["needs"]:
                words = f"since it failed or cannot be reached: {', '.join(entry['needs'])}"
                left_out.setdefault(words, []).append(host)
            continue
        for deed in deeds:
            # The table says why a lost host was not dealt with.
            if deed not in entry["done"] and LOST not in entry["done"]:
                wrong.setdefault(NOT_DONE[deed], []).append(host)
        if stops and entry["errors"]:
            wrong.setdefault(f"unfit, but it was not stopped: {'; '.join(entry['errors'])}", []).append(host)
        for item, do in entry["needs"].items() if settles else ():
            why = reason(item) if reason else ""
            if why:
                left_out.setdefault(f"{why}: {item}", []).append(host)
            else:
                wrong.setdefault(f"planned but not done: {do} {item}", []).append(host)
    living_here = [host for host in hosts if host in living]
    if living_here and all(LOST in (entries.get(host) or {}).get("done", ()) for host in living_here):
        wrong.setdefault("none of these hosts could be examined", living_here)
    return Unfinished(_sentences(wrong), _sentences(left_out))


def _sentences(found: dict[str, list[str]]) -> list[str]:
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet

    return [f"{fleet.fold(hosts)}: {words}" for words, hosts in found.items()]
