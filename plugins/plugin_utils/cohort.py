# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cohorts: hosts with one fingerprint for a product, of which one builds it. What the workers of a run agree on.

Ansible works for each host in a process of its own, so they agree by files on the controller, below $XDG_CACHE_HOME
or ~/.cache:
  ascend-pytorch/locks/<label>.lock     held while a run has a product built; its content says which run
  ascend-pytorch/runs/<run>/            one run's, see runs.py
    candidates/<product>/<host>.json    the hosts that may build it: {"host", "ready", "order", "capacity"}
    elected/<label>.json                {"builder", "lost": [hosts], "started", "ended", "leader", "unready": {host: times},
                                        "turns": {host: times}, "waits": {host: times}}
    failed/<label>                      why its build failed
    tools/<platform>/<host>.json        what each builder builds with, by name, as its plan has it
  ascend-pytorch/tools/                 the same of the last run that each builder had part in
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils import builds, recipe
from ansible_collections.ascend.pytorch.plugins.module_utils.ask import read_json
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs

Json = dict[str, Any]

# How often a file is looked at that another process is to write.
LOOK_S = 0.2
# How long one task waits for another host, at first and at most. Then other tasks have their turn with the controller's forks,
# else a few that wait could keep out the one that is waited for. With a free strategy each turn is a file of tasks that includes
# itself, deeper and deeper; Ansible bears some 240 of these, and a build takes hours.
TURN_S, LONGEST_TURN_S = 30.0, 600.0
# After so many turns the next are twice as long.
TURNS = 4


class Election(NamedTuple):
    """Who builds. `order` is the builder's own; `ready` says that it has what building takes, `busy` that it builds another."""

    builder: str
    ready: bool
    busy: bool
    order: Json


def candidate(host: str, order: Json, state: Json, ready: bool) -> Json:
    """Return what is known of a host that may build a product: see boundary.may_build.

    Its capacity is what hosts are compared by, the better the greater. One that has the product, or has begun it, goes on
    where it was; after that come cores, and memory. All of it is the host's own word.
    """
    label = builds.label(order)
    if state["stored"].get(label) == order["fingerprint"]:
        begun = len(recipe.STAGES) + 1
    else:
        begun = 1 + state["begun"][label] if label in state["begun"] else 0
    capacity = [begun, state["cores"], state["memory"]["total_mib"]]
    return {"host": host, "ready": ready, "order": order, "capacity": capacity}


def elect(candidates: list[Json], busy: set[str]) -> Json | None:
    """Return the candidate that shall build: one that is ready, not busy with another product, and has the most to offer."""

    def worth(candidate: Json) -> tuple[Any, ...]:
        begun, *rest = candidate["capacity"]
        return (candidate["ready"], begun, candidate["host"] not in busy, *rest)

    best = max(map(worth, candidates), default=None)
    # Of equals the first by name, so that the next run chooses the same.
    return next((one for one in sorted(candidates, key=lambda one: _natural(one["host"])) if worth(one) == best), None)


def turn_s(number: int) -> float:
    """Return how long the turn of that number, from 0, may take: in 100 turns longer than a build may take."""
    return float(min(LONGEST_TURN_S, TURN_S * 2 ** (min(number, 100) // TURNS)))


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _file_name(words: str) -> str:
    return re.sub(r"[^\w.-]+", "-", words)


class Run:
    """What one run of ansible-playbook knows. Workers are its children, so its process names it."""

    def __init__(self, folder: Path | None = None, pid: int | None = None) -> None:
        """
        :param folder: the collection's, runs.home() by default
        :param pid: of ansible-playbook, the parent of this process by default
        """
        self.pid = pid or os.getppid()
        self.home = folder or runs.home()
        self.path = runs.folder(self.pid, self.home)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold what the run's workers change together."""
        with open(self.path / "lock", "w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def is_over(self) -> bool:
        """Say whether ansible-playbook was killed: its workers are left, and have nobody to work for."""
        return os.getpid() != self.pid and os.getppid() != self.pid

    def offer(self, product: str, candidate: Json) -> None:
        """Record a host that may build a product."""
        runs.write(self.path / "candidates" / product / f"{candidate['host']}.json", json.dumps(candidate))

    def candidates(self, product: str) -> list[Json]:
        """Return the hosts that may build a product, whatever their cohort."""
        found = (read_json(str(path)) for path in (self.path / "candidates" / product).glob("*.json"))
        return [one for one in found if one]

    def offer_tools(self, host: str, platform: str, tools: Json) -> None:
        """Record what a builder builds with, added to what its earlier plans said."""
        path = Path("tools", _file_name(platform), f"{host}.json")
        told = {**(read_json(str(self.path / path)) or {}), **tools}
        for folder in (self.path, self.home):
            runs.write(folder / path, json.dumps(told))

    def tools(self, platform: str, builders: list[str]) -> Json:
        """Return what the builders of a platform build with; of several the first by name.

        :param builders: of whom is asked what they last said, where no builder has part in this run
        """
        known = {path.stem: path for path in (self.home / "tools" / _file_name(platform)).glob("*.json")}
        found = {path.stem: path for path in (self.path / "tools" / _file_name(platform)).glob("*.json")}
        found = found or {host: path for host, path in known.items() if host in builders}
        return read_json(str(found[min(found, key=_natural)])) or {} if found else {}

    def _elected(self, label: str) -> Json:
        empty: Json = {
            "builder": "",
            "lost": [],
            "started": False,
            "ended": False,
            "leader": "",
            "unready": {},
            "turns": {},
            "waits": {},
        }
        return read_json(str(self.path / "elected" / f"{label}.json")) or empty

    def _record(self, label: str, record: Json) -> None:
        runs.write(self.path / "elected" / f"{label}.json", json.dumps(record))

    def _busy(self, label: str) -> set[str]:
        """Return the hosts that build another product in this run."""
        records = {path.stem: self._elected(path.stem) for path in (self.path / "elected").glob("*.json")}
        return {
            one["builder"] for other, one in records.items() if other != label and one["started"] and not one["ended"]
        }

    def elect(self, product: str, label: str, fingerprint: str, hosts: list[str]) -> Election | None:
        """Return who builds a product for the cohort of a fingerprint, None where nobody may.

        The choice stands for the run, until that host is lost or a ready one stands against one that is not.

        :param hosts: those of the play that have not failed; of others no one gets ready any more
        """
        with self._alone():
            record = self._elected(label)
            fitting = [
                one
                for one in self.candidates(product)
                if one["order"]["fingerprint"] == fingerprint
                and one["host"] not in record["lost"]
                and (one["ready"] or one["host"] in hosts)
            ]
            chosen = next((one for one in fitting if one["host"] == record["builder"] and one["ready"]), None)
            busy = self._busy(label)
            chosen = chosen or elect(fitting, busy)
            if chosen is None:
                return None
            if chosen["host"] != record["builder"]:
                self._record(label, dict(record, builder=chosen["host"], started=False, leader=""))
            return Election(chosen["host"], chosen["ready"], chosen["host"] in busy, chosen["order"])

    def leads(self, label: str, host: str, hosts: list[str]) -> bool:
        """Say whether a host's worker is the one that works with the builder for the whole cohort: the first that asks.

        Not the builder's own: that may have the product, and then nothing to do with its build.

        :param hosts: those of the play that have not failed
        """
        with self._alone():
            record = self._elected(label)
            if record["leader"] not in hosts:
                record["leader"] = host
                self._record(label, record)
            return record["leader"] == host

    def turn(self, label: str, host: str) -> int:
        """Count, and return, how often a host has asked who builds a product."""
        with self._alone():
            record = self._elected(label)
            turns = record["turns"].get(host, 0) + 1
            self._record(label, dict(record, turns={**record["turns"], host: turns}))
            return int(turns)

    def next_turn_s(self, label: str, host: str) -> float:
        """Count a turn of a host that waits for another, and return how long it may take."""
        with self._alone():
            record = self._elected(label)
            waits = record["waits"].get(host, 0)
            self._record(label, dict(record, waits={**record["waits"], host: waits + 1}))
        return turn_s(waits)

    def take_lead(self, label: str, host: str) -> bool:
        """Make a host's worker the one that leads, since whoever did seems to do nothing more."""
        with self._alone():
            self._record(label, dict(self._elected(label), leader=host))
        return True

    def begin(self, label: str) -> bool:
        """Record that a product's build is begun; say whether this run had not yet."""
        with self._alone():
            record = self._elected(label)
            if record["started"] and not record["ended"]:
                return False
            self._record(label, dict(record, started=True, ended=False))
            return True

    def has_begun(self, label: str) -> bool:
        """Say whether this run has begun a product's build, and not yet seen its end."""
        record = self._elected(label)
        return bool(record["started"] and not record["ended"])

    def unready(self, label: str, host: str) -> int:
        """Count, and return, how often a host was elected to build a product without being ready."""
        with self._alone():
            record = self._elected(label)
            times = record["unready"].get(host, 0) + 1
            self._record(label, dict(record, unready={**record["unready"], host: times}))
            return int(times)

    def lose(self, label: str, host: str) -> None:
        """Record that a builder cannot be reached any more."""
        with self._alone():
            record = self._elected(label)
            if host not in record["lost"]:
                self._record(label, dict(record, lost=record["lost"] + [host], builder="", started=False, leader=""))

    def lost(self, label: str) -> list[str]:
        """Return the builders that were lost over a product, in order."""
        return list(self._elected(label)["lost"])

    def end(self, label: str, failure: str = "") -> None:
        """Record that a build has ended, and why it failed."""
        with self._alone():
            self._record(label, dict(self._elected(label), ended=True))
        if failure:
            runs.write(self.path / "failed" / label, failure)

    def ended(self, label: str) -> bool:
        """Say whether a product's build has ended in this run, well or not."""
        return bool(self._elected(label)["ended"])

    def failure(self, label: str) -> str:
        """Return why a product's build failed in this run, "" if it did not."""
        try:
            return (self.path / "failed" / label).read_text()
        except OSError:
            return ""

    def _lock(self, label: str) -> Path:
        path = self.home / "locks" / f"{label}.lock"
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        return path

    def is_building(self, label: str) -> bool:
        """Say whether somebody on this controller has a product built."""
        with open(self._lock(label), "a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    @contextlib.contextmanager
    def building(self, label: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold a product's lock on this controller: another run waits here, and tells for whom."""
        with open(self._lock(label), "a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                stream.seek(0)
                tell(stream.read().strip() or "another run")
                fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            stream.truncate()
            stream.write(
                "process {0} of {1} on {2}, since {3}".format(
                    self.path.name.partition("-")[0],
                    os.environ.get("USER") or os.getuid(),
                    socket.gethostname(),
                    time.strftime("%H:%M:%S"),
                )
            )
            stream.flush()
            yield


def wait_for(condition: Callable[[], bool], limit_s: float) -> bool:
    """Wait until a condition holds; say whether it came to hold in time."""
    until = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_S)
    return True
