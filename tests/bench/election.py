# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench-election`: what electing a builder costs each host of a big fleet, beside each of a small one.

One process does, one after another, what the workers of a fleet's hosts do for one product: say that they may build it, ask who
does, who leads, and count the turn. It needs no host. Of several rounds the least counts.

Prints one line of JSON: `ratio` is the cost for each of the many hosts over that for each of the few, of the shape in which it
is greatest; `hosts` are these numbers; `host_us` has, by shape, the two costs in microseconds of processor time:
  linear    all hosts have offered before the first asks, as Ansible goes by default
  free      each offers and asks at once
  unready   as linear, and none has what building takes, so that each asks for whom to wait
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT / "tests/unit")]
import ordering  # noqa: E402
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort  # noqa: E402

FEW, MANY, ROUNDS = 100, 1000, 3
GOAL = 1.5
# An order as long as one of torch.
ORDER = ordering.order(name="torch", version="1.8.1", fingerprint="f" * 64, stages={"build": ["x" * 100] * 50})
LABEL = ORDER.label()


def candidate(number: int, ready: bool) -> dict:
    """What the plan of a host says of it."""
    state = SimpleNamespace(stored={}, begun={}, cores=64, memory={"total_mib": 262144})
    return cohort.candidate(f"node{number:04d}.example.org", ORDER, state, ready)


def ask(run: cohort.Run, host: str, hosts: list[str]) -> None:
    """Do what a host's task does that asks who builds."""
    chosen = run.elect(LABEL, ORDER.fingerprint, hosts)
    if chosen and chosen.ready:
        run.claim_lead(LABEL, host, hosts)
        run.count_turn(LABEL, host)


def linear(run: cohort.Run, offers: list[dict]) -> None:
    """All offer, and then all ask."""
    hosts = [each["host"] for each in offers]
    for each in offers:
        run.offer("torch", each)
    for host in hosts:
        ask(run, host, hosts)


def free(run: cohort.Run, offers: list[dict]) -> None:
    """Each offers and asks."""
    hosts = [each["host"] for each in offers]
    for each in offers:
        run.offer("torch", each)
        ask(run, each["host"], hosts)


# How hosts come, and whether they have what building takes.
SHAPES: dict[str, tuple[Callable, bool]] = {"linear": (linear, True), "free": (free, True), "unready": (linear, False)}


def host_us(shape: str, count: int) -> float:
    """Return what a shape costs each of so many hosts, in microseconds of processor time."""
    work, ready = SHAPES[shape]
    offers = [candidate(number, ready) for number in range(count)]
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        run = cohort.Run(Path(folder))
        begin = time.process_time()
        work(run, offers)
        return (time.process_time() - begin) / count * 1e6


def summed_up(costs: dict[str, tuple[float, float]]) -> dict:
    """The line of JSON, as the value that it holds.

    :param costs: shape -> microseconds for each of the few hosts and of the many
    """
    return {
        "ratio": round(max(many / few for few, many in costs.values()), 3),
        "hosts": [FEW, MANY],
        "host_us": {shape: [round(few), round(many)] for shape, (few, many) in costs.items()},
    }


def main() -> int:
    """The command line; returns the exit status."""
    costs = {}
    for shape in SHAPES:
        # In turn, so that a busy moment of the machine meets both.
        rounds = [(host_us(shape, FEW), host_us(shape, MANY)) for _round in range(ROUNDS)]
        costs[shape] = (min(few for few, _many in rounds), min(many for _few, many in rounds))
    summary = summed_up(costs)
    meets = "meets" if summary["ratio"] <= GOAL else "MISSES"
    print(f"ratio is {summary['ratio']}, which {meets} the goal of at most {GOAL}", file=sys.stderr)
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
