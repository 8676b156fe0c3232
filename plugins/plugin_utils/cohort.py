# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cohorts: hosts with the same fingerprint for a product, of which one builds it. How the workers of a run agree on it.

Ansible works for each host in a process of its own, so they agree by files on the controller, below $XDG_CACHE_HOME
or ~/.cache; hosts, labels and platforms stand in their names as runs.file_name() writes them:
  ascend-pytorch/locks/<label>.lock     held while a run has a product built; its content says which run
  ascend-pytorch/runs/<run>/            one run's, see runs.py
    cohorts/<label>/candidates          the hosts that may build it, a line each time that one says so:
                                        {"host", "ready", "fingerprint", "capacity"}
    cohorts/<label>/orders/<host>.json  the order of each
    cohorts/<label>/elected.json        {"builder", "ready", "told", "lost": [hosts], "ended", "leader"}
    cohorts/<label>/failed              why its build failed
    cohorts/<label>/counts/<host>.json  {"turns", "waits", "unready"}: how often
    copies/<number>.lock                held by who brings a product to a host; as many as may at the same time
    building/<label>.host               the host that builds it, while it does
    offers/<product>/<host>             what that host said last of building the product, for whichever cohort
    arrived/<product>/<host>            empty: that host has come as far as the product, and says nothing new of it
    tools/<platform>/<host>.json        what each builder builds with, by name, as its plan has it
  ascend-pytorch/tools/                 the same of the last run that each builder had part in

Every host asks for every product who builds it. So what one of them reads and writes must not grow with the number of hosts:
an elected builder stays until there are new offers, and of these only the new ones are read.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import unquote

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import processes, runs

Json = dict[str, Any]

# How long one task waits for another host, at first and at most. Then it frees its fork of the controller, since waiting tasks
# could otherwise block the one that they wait for. With a free strategy each turn is a file of tasks that includes itself;
# Ansible allows some 240 levels, and a build takes hours.
TURN_S, LONGEST_TURN_S = 30.0, 600.0
# After so many turns the next are twice as long.
TURNS_BEFORE_DOUBLING = 4


class Election(NamedTuple):
    """The elected builder. `ready` says that it has all that building needs, `busy` that it builds another product."""

    builder: str
    ready: bool
    busy: bool


def candidate(host: str, order: Order, state: State, ready: bool) -> Json:
    """Return a candidate, a host that may build a product, as JSON: see boundary.may_build.

    Candidates are compared by capacity: first how far the host has built the product, then cores, then memory. The host
    itself reports all of it.
    """
    label = order.label()
    if state.stored.get(label) == order.fingerprint:
        begun = len(recipe.STAGES) + 1
    else:
        begun = 1 + state.begun[label] if label in state.begun else 0
    capacity = [begun, state.cores, state.memory["total_mib"]]
    return {"host": host, "ready": ready, "order": order._asdict(), "capacity": capacity}


def elect(candidates: Iterable[Json], busy: set[str]) -> Json | None:
    """Return the best candidate: one that is ready, not busy with another product, and has the highest capacity."""

    def rank(candidate: Json) -> tuple[Any, ...]:
        begun, *rest = candidate["capacity"]
        return (candidate["ready"], begun, candidate["host"] not in busy, *rest)

    known = list(candidates)
    best = max(map(rank, known), default=None)
    # Of equals the first by name, so that the next run chooses the same.
    return min((one for one in known if rank(one) == best), key=lambda one: _natural_key(one["host"]), default=None)


def stays_elected(record: Json, news: list[Json], busy: set[str], alive: set[str]) -> bool:
    """Say whether the elected builder stays: where it is ready, or no candidate could have become better.

    :param news: the offers since the election
    """
    builder = record["builder"]
    if not builder or record["ready"]:
        return bool(builder)
    return builder in alive and builder not in busy and not any(one["ready"] or one["host"] == builder for one in news)


def turn_s(number: int) -> float:
    """Return how long the turn of that number, from 0, may take: in 100 turns longer than a build may take."""
    return float(min(LONGEST_TURN_S, TURN_S * 2 ** (min(number, 100) // TURNS_BEFORE_DOUBLING)))


def _natural_key(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


class Run:
    """What one run of ansible-playbook knows."""

    def __init__(self, home: Path | None = None, run: processes.Process | None = None) -> None:
        """
        :param home: the collection's folder, runs.home() by default
        :param run: the process of ansible-playbook, the one that this process works for by default
        """
        self.run = run or runs.current()
        self.home = home or runs.home()
        self.path = runs.folder(self.home, self.run)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the files that all workers of the run change."""
        with _open_lock(self.path / "lock", "w") as stream:
            if not runs.lock_stream(stream):
                # The process that holds it may be stopped.
                with runs.end_with_run():
                    runs.lock_stream(stream, waits=True)
            yield

    def offer(self, product: str, candidate: Json) -> None:
        """Record a host that may build a product, as candidate() describes it."""
        host, order = candidate["host"], Order.of(candidate["order"])
        cohort = self._cohort(order.label())
        told = {key: candidate[key] for key in ("host", "ready", "capacity")}
        line = json.dumps({**told, "fingerprint": order.fingerprint}) + "\n"
        said = self.path / "offers" / runs.file_name(product) / runs.file_name(host)
        runs.write(cohort / "orders" / f"{runs.file_name(host)}.json", json.dumps(candidate["order"]))
        if said.is_file() and said.read_text() == line:
            return
        with self._locked(), open(cohort / "candidates", "a") as stream:
            stream.write(line)
        runs.write(said, line)

    def arrive(self, product: str, host: str) -> None:
        """Record that a host has come as far as a product; if it may build that, it has made its offer before."""
        path = self._arrived(product) / runs.file_name(host)
        if not path.exists():
            runs.write(path, "")

    def has_arrived(self, product: str, host: str) -> bool:
        """Say whether a host has come as far as a product."""
        return (self._arrived(product) / runs.file_name(host)).exists()

    def _arrived(self, product: str) -> Path:
        return self.path / "arrived" / runs.file_name(product)

    def _cohort(self, label: str) -> Path:
        return self.path / "cohorts" / runs.file_name(label)

    def _read_offers(self, label: str, since: int) -> tuple[list[Json], int]:
        """Return the offers after an offset of their file, in order, and the offset of its end; in bytes."""
        try:
            with open(self._cohort(label) / "candidates", "rb") as stream:
                stream.seek(since)
                lines = stream.read()
        except FileNotFoundError:
            return [], since
        return [json.loads(line) for line in lines.splitlines()], since + len(lines)

    def order(self, label: str, host: str) -> Order:
        """Return the order of a candidate."""
        return Order.of(json.loads((self._cohort(label) / "orders" / f"{runs.file_name(host)}.json").read_text()))

    def offer_tools(self, host: str, platform: str, tools: Json) -> None:
        """Record the tools that a builder builds with, added to those of its earlier plans."""
        path = _tools(platform) / f"{runs.file_name(host)}.json"
        told = {**(read_json(str(self.path / path)) or {}), **tools}
        for folder in (self.path, self.home):
            runs.write(folder / path, json.dumps(told))

    def tools(self, platform: str, builders: list[str]) -> Json:
        """Return the tools of the builders of a platform; of several builders the first by name.

        :param builders: whose last recorded tools are used where no builder takes part in this run
        """

        def known(folder: Path) -> dict[str, Path]:
            """Return host -> path of what hosts said."""
            return {unquote(path.stem): path for path in (folder / _tools(platform)).glob("*.json")}

        found = known(self.path) or {host: path for host, path in known(self.home).items() if host in builders}
        return read_json(str(found[min(found, key=_natural_key)])) or {} if found else {}

    def _elected(self, label: str) -> Json:
        empty: Json = {
            "builder": "",
            "ready": False,
            "told": 0,
            "lost": [],
            "ended": False,
            "leader": "",
            "built_on": "",
        }
        return read_json(str(self._cohort(label) / "elected.json")) or empty

    def _record(self, label: str, record: Json) -> None:
        runs.write(self._cohort(label) / "elected.json", json.dumps(record))

    def _building(self, label: str) -> Path:
        return self.path / "building" / f"{runs.file_name(label)}.host"

    def _busy(self, label: str) -> set[str]:
        """Return the hosts that build another product in this run."""
        own = self._building(label)
        return {path.read_text() for path in own.parent.glob("*.host") if path != own}

    def elect(self, label: str, fingerprint: str, hosts: Iterable[str]) -> Election | None:
        """Return who builds a product for the cohort of a fingerprint, None where nobody may.

        The choice is kept for the run, until that host is lost, or it is not ready and another is.

        :param hosts: those of the play that have not failed; others cannot get ready any more
        """
        alive = set(hosts)
        with self._locked():
            former = self._elected(label)
            news, told = self._read_offers(label, former["told"])
            news = [one for one in news if one["fingerprint"] == fingerprint]
            record, busy = dict(former, told=told), self._busy(label)
            for one in news:
                if one["host"] == record["builder"]:
                    record["ready"] = one["ready"]
            if not stays_elected(record, news, busy, alive):
                chosen = elect(self._eligible(label, fingerprint, record["lost"], alive), busy)
                if chosen is None:
                    return None
                if chosen["host"] != record["builder"]:
                    record.update(builder=chosen["host"], leader="")
                    self._building(label).unlink(missing_ok=True)
                record["ready"] = chosen["ready"]
            if record != former:
                self._record(label, record)
            return Election(record["builder"], record["ready"], record["builder"] in busy)

    def _eligible(self, label: str, fingerprint: str, lost: list[str], alive: set[str]) -> list[Json]:
        """Return the candidates of a cohort that may be elected, each by its last offer."""
        last = {one["host"]: one for one in self._read_offers(label, 0)[0] if one["fingerprint"] == fingerprint}
        return [one for host, one in last.items() if host not in lost and (one["ready"] or host in alive)]

    def claim_lead(self, label: str, host: str, hosts: Collection[str]) -> bool:
        """Say whether a host's worker leads: it drives the builder for the whole cohort. The first that asks does.

        Not the builder's own worker: where that host has the product its plan has no build.

        :param hosts: those of the play that have not failed
        """
        with self._locked():
            record = self._elected(label)
            if record["leader"] not in hosts:
                record["leader"] = host
                self._record(label, record)
            return record["leader"] == host

    def _count(self, label: str, host: str, what: str) -> int:
        """Add one to a counter of a host and product, and return it. Only the host's own worker does so, one at a time."""
        path = self._cohort(label) / "counts" / f"{runs.file_name(host)}.json"
        counts = read_json(str(path)) or {}
        times = int(counts.get(what, 0)) + 1
        runs.write(path, json.dumps({**counts, what: times}))
        return times

    def count_turn(self, label: str, host: str) -> int:
        """Count, and return, how often a host has asked who builds a product."""
        return self._count(label, host, "turns")

    def next_turn_s(self, label: str, host: str) -> float:
        """Count a turn of a host that waits for another, and return how long it may take."""
        return turn_s(self._count(label, host, "waits") - 1)

    def count_unready(self, label: str, host: str) -> int:
        """Count, and return, how often a host was elected to build a product without being ready."""
        return self._count(label, host, "unready")

    def take_lead(self, label: str, host: str) -> bool:
        """Make a host's worker the leader, since the former one does not seem to work any more."""
        with self._locked():
            self._record(label, dict(self._elected(label), leader=host))
        return True

    def begin(self, label: str, host: str) -> bool:
        """Record that a product's build is begun on a host; say whether this run had not yet."""
        with self._locked():
            if self.has_begun(label):
                return False
            runs.write(self._building(label), host)
            self._record(label, dict(self._elected(label), ended=False))
            return True

    def has_begun(self, label: str) -> bool:
        """Say whether this run has begun a product's build, and not yet seen its end."""
        return self._building(label).exists()

    def lose(self, label: str, host: str) -> None:
        """Record that a builder cannot be reached any more."""
        with self._locked():
            record = self._elected(label)
            if host not in record["lost"]:
                self._record(label, dict(record, lost=record["lost"] + [host], builder="", leader=""))
                self._building(label).unlink(missing_ok=True)

    def lost(self, label: str) -> list[str]:
        """Return the builders that were lost over a product, in order."""
        return list(self._elected(label)["lost"])

    def end(self, label: str, failure: str = "", built_on: str = "") -> None:
        """Record that a build has ended, and why it failed.

        :param built_on: the host that has built the product; "" for none, where it was found in the build cache, say
        """
        with self._locked():
            self._record(label, dict(self._elected(label), ended=True, built_on=built_on))
            self._building(label).unlink(missing_ok=True)
        if failure:
            runs.write(self._cohort(label) / "failed", failure)

    def ended(self, label: str) -> bool:
        """Say whether a product's build has ended in this run, well or not."""
        return bool(self._elected(label)["ended"])

    def built_on(self, label: str) -> str:
        """Return the host that has built a product for this run, "" for none."""
        return str(self._elected(label)["built_on"])

    def failure(self, label: str) -> str:
        """Return why a product's build failed in this run, "" if it did not."""
        try:
            return (self._cohort(label) / "failed").read_text()
        except OSError:
            return ""

    def _lock(self, label: str) -> Path:
        path = self.home / "locks" / f"{runs.file_name(label)}.lock"
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        return path

    def is_building(self, label: str) -> bool:
        """Say whether any run that shares this folder is building a product."""
        with _open_lock(self._lock(label), "a") as stream:
            return not runs.lock_stream(stream)

    @contextlib.contextmanager
    def copy_slot(self, at_once: int) -> Iterator[None]:
        """Wait for one of `at_once` slots for copies to hosts, and hold it."""
        folder = self.path / "copies"
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            for number in range(max(1, at_once)):
                with _open_lock(folder / f"{number}.lock", "a") as stream:
                    if runs.lock_stream(stream):
                        yield
                        return
            runs.end_if_over()
            time.sleep(runs.POLL_S)

    @contextlib.contextmanager
    def building(self, label: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock of a product's build; wait where another run holds it, and call `tell` with who that is."""
        with _open_lock(self._lock(label), "a+") as stream:
            if not runs.lock_stream(stream):
                stream.seek(0)
                tell(stream.read().strip() or "another run")
                while not runs.lock_stream(stream):
                    runs.end_if_over()
                    time.sleep(runs.POLL_S)
            stream.seek(0)
            stream.truncate()
            stream.write(
                "process {0} of {1} on {2}, since {3}".format(
                    self.run.pid, os.environ.get("USER") or os.getuid(), self.run.host, time.strftime("%H:%M:%S")
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
        runs.end_if_over()
        time.sleep(runs.POLL_S)
    return True


def _tools(platform: str) -> Path:
    return Path("tools", runs.file_name(platform))


def _open_lock(path: Path, mode: str) -> IO[str]:
    """Open a file to be locked."""
    try:
        return open(path, mode)
    except OSError as error:
        raise AnsibleActionFail(
            f"{path} on the controller, a lock file of the runs, cannot be opened ({error.strerror}): see that nothing removes "
            "files there while playbooks run, and run again"
        ) from error
