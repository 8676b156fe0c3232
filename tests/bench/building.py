# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench-fleet`: what site.yml costs a fleet that builds once for all, and beside the guide typed by hand.

Prints one line of JSON, with null for what --hosts leaves out:

    cpu_s, wall_s           by the number of hosts, all of one cohort and from nothing: processor time on all hosts together,
                            and the time that site.yml took, in seconds
    cpu_8_over_1            of cpu_s; goal: 1.3 at most, with a build of two CPU minutes at least
    unshared_cpu_8_over_1   the same with sharing off (ascend_build_cache: []), where every host builds for itself
    reinstall_over_build    wall time of a host that is made anew and finds everything in the build cache, over that of the
                            one host that built it; goal: 0.2 at most
    road_over_script        wall time of site.yml over that of tests/mirror/by_hand.sh on one host; goal: 1.10 at most

What it does meanwhile, whether the goals are met, and more numbers go to standard error; a goal that is missed is no failure.
Hosts that build what they should take, or the other way round, are one.

Every measurement has hosts of its own, made anew; before its clock starts they get the packages of their distribution and a copy
of the stand-ins, so that script and road read the same files on the host, and nobody sends them. Both build the same four things,
gcc among them, from the same pins, for a virtual environment that they make, with the jobs that the script types: plain make for
CMake, -j15 for gcc, all cores for PyTorch. What pip asks PyPI for counts on both sides, and so do the script's own proofs and the
road's. It begins on a host that knows nothing of the controller: even the first ssh connection counts.

The processor time of a host is what the control group of its container counts: builds, modules, ssh and systemd alike. That of
this machine (/proc/stat) would have in it Ansible, and whatever else goes on here. Wall times have that too: let it do nothing
else. What one host takes is measured twice, the script and the road in turn, and the lesser counts: the neighbours of a virtual
machine come and go, and only ever add to it. With sharing off eight hosts build eight times, so that they compile fewer slow
files (--light), as does the one host that they are compared with.

--hosts 1,8 measures some counts of hosts only; --keep leaves the last hosts, and the logs of the runs.
"""

import argparse
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from measuring import (
    FAILURES,
    FLEET,
    OURS,
    ROOT,
    TESTS,
    Cost,
    hosts_spent_s,
    make_hosts,
    must,
    names,
    on_all,
    run,
    shell,
    simulated,
    tell,
    timed,
)

COUNTS = (1, 2, 4, 8)
FOLDER = ROOT / ".cache" / "bench-fleet"
PRODUCTS = ("cmake", "gcc730", "torch", "apex")
# Slow files of the stand-in for PyTorch, of two to three CPU seconds each; and with sharing off. The real PyTorch takes hours:
# what all else costs weighs many times less there.
WORK, LIGHT = 150, 10
ROUNDS = 2
SOURCES, SCRIPT, VENV = f"{OURS}/sources", f"{OURS}/by_hand.sh", f"{OURS}/venv"
CORES = os.cpu_count() or 1

# Key of the JSON line, and the most that it is to be.
GOALS = (("cpu_8_over_1", 1.3), ("reinstall_over_build", 0.2), ("road_over_script", 1.1))
GOAL_BUILD_CPU_S = 120


class Phase(NamedTuple):
    """One measurement on hosts made anew.

    :ivar work: slow files of the stand-in for PyTorch
    :ivar cache: whose build cache it has, by a name; "" shares nothing
    :ivar built: by how many hosts each product is to be built
    :ivar script: the guide is typed by a script, and not done by site.yml
    """

    name: str
    hosts: int
    work: int
    cache: str = ""
    built: int = 0
    script: bool = False


def phases(counts: list[int], work: int, light: int) -> list[Phase]:
    """What is measured for these counts of hosts, in order. What is compared by wall time follows on one another."""
    listed = []
    if 1 in counts:
        caches = [f"shared-1-{number}" for number in range(1, ROUNDS + 1)]
        for cache in caches:
            listed += [Phase("script", 1, work, script=True), Phase("shared-1", 1, work, cache=cache, built=1)]
        listed.append(Phase("reinstalled", 1, work, cache=caches[-1]))
    listed += [Phase(f"shared-{count}", count, work, cache=f"shared-{count}", built=1) for count in counts if count > 1]
    if {1, 8} <= set(counts):
        listed += [Phase(f"unshared-{count}", count, light, built=count) for count in (1, 8)]
    return listed


def variables(phase: Phase) -> dict:
    """What site.yml is told, so that it does the script's work."""
    shared = {} if phase.cache else {"ascend_build_cache": []}
    return {
        "ascend_mirrors": [f"file://{SOURCES}"],
        "ascend_venv": VENV,
        "gcc730_accept_installed": False,
        "cmake_jobs": 1,
        "gcc730_jobs": 15,
        "torch_npu_build_jobs": CORES,
        "apex_build_jobs": CORES,
        "torch_npu_build_build_environment": {"MIRROR_WORK": str(phase.work)},
        **shared,
    }


def command(phase: Phase) -> list[str]:
    """The command whose time is taken: site.yml as a user of a checkout runs it, or the script over ssh."""
    if phase.script:
        typed = f"MIRROR_WORK={phase.work} MAX_JOBS={CORES} bash {SCRIPT} {SOURCES} /srv/bench/work"
        return [*simulated.PROGRAM, "ssh", "--fleet", FLEET, names(1)[0], typed]
    argv = ["ansible-playbook", "site.yml", "-i", str(simulated.inventory(FLEET))]
    return [*argv, "-e", f"@{simulated.MIRROR_VARS}", "-e", json.dumps(variables(phase))]


def builds(counts: str) -> Counter[str]:
    """How often each product was built.

    :param counts: what grep -Hc said of build logs: lines `…/builds/<name>-<version>-<fingerprint>/build.log:<times>`
    """
    found: Counter[str] = Counter()
    for line in counts.splitlines():
        path, _colon, times = line.rpartition(":")
        found[Path(path).parent.name.rsplit("-", 2)[0]] += int(times)
    return +found


def amiss(phase: Phase, built: Counter[str]) -> str:
    """Say what went otherwise than it should have, "" for nothing."""
    wanted = Counter({name: phase.built for name in PRODUCTS if phase.built})
    return "" if built == wanted else f"{phase.name}: builds were to be {dict(wanted)}, and were {dict(built)}"


def measure(phase: Phase) -> Cost:
    """Make hosts and measure. Raises RuntimeError when that failed, or something else was done than should have been."""
    make_hosts(phase.hosts, {simulated.MIRROR: SOURCES, TESTS / "mirror" / "by_hand.sh": SCRIPT})
    log = FOLDER / f"{phase.name}.log"
    cost, status = timed(command(phase), log, FOLDER / (phase.cache or phase.name), lambda: hosts_spent_s(phase.hosts))
    if status:
        raise RuntimeError(f"{log.read_text()}\n{phase.name}: it ended with {status}")
    # A stage that was done before is logged by another line.
    script = "grep -Hcx '=== build' /var/lib/ascend-pytorch/builds/*/build.log 2>/dev/null; true"
    wrong = amiss(phase, builds("".join(on_all(phase.hosts, shell(script)))))
    if wrong:
        raise RuntimeError(f"{log.read_text()}\n{wrong}")
    tell(
        f"{phase.name}: {cost.wall_s:.1f} s; of processor time {cost.cpu_s:.1f} s on {phase.hosts} hosts and "
        f"{cost.controller_s:.1f} s here; {phase.work} slow files"
    )
    return cost


def least(costs: list[Cost]) -> Cost:
    """What something takes by itself, of several measurements of it."""
    return Cost(*map(min, zip(*costs, strict=True)))


def summed_up(costs: dict[str, Cost]) -> dict:
    """The line of JSON, as the value that it holds.

    :param costs: of the phases that were measured, by their names; of each the least
    """

    def over(kind: str, one: str, other: str) -> float | None:
        if not {one, other} <= set(costs):
            return None
        return round(getattr(costs[one], kind) / getattr(costs[other], kind), 3)

    shared = {name.rpartition("-")[2]: cost for name, cost in costs.items() if name.startswith("shared-")}
    return {
        "cpu_s": {count: round(cost.cpu_s, 1) for count, cost in shared.items()},
        "wall_s": {count: round(cost.wall_s, 1) for count, cost in shared.items()},
        "cpu_8_over_1": over("cpu_s", "shared-8", "shared-1"),
        "unshared_cpu_8_over_1": over("cpu_s", "unshared-8", "unshared-1"),
        "reinstall_over_build": over("wall_s", "reinstalled", "shared-1"),
        "road_over_script": over("wall_s", "shared-1", "script"),
    }


def verdicts(summary: dict, costs: dict[str, Cost]) -> list[str]:
    """Say of each goal whether it is met, as far as it was measured."""
    lines = [
        f"{key} is {summary[key]}, which {'meets' if summary[key] <= most else 'MISSES'} the goal of at most {most}"
        for key, most in GOALS
        if summary[key] is not None
    ]
    if {"shared-1", "reinstalled"} <= set(costs):
        # Of one host from nothing, what it does not spend when it takes everything.
        build_s = costs["shared-1"].cpu_s - costs["reinstalled"].cpu_s
        meets = "meets" if build_s >= GOAL_BUILD_CPU_S else "MISSES"
        lines.append(f"building takes {build_s:.0f} CPU seconds, which {meets} the goal of at least {GOAL_BUILD_CPU_S}")
    return lines


def some_counts(text: str) -> list[int]:
    """Counts of hosts from a command line, such as 1,8. Raises argparse.ArgumentTypeError for others than can be measured."""
    known = {str(count): count for count in COUNTS}
    asked = text.split(",")
    if not set(asked) <= set(known):
        raise argparse.ArgumentTypeError(f"some of {','.join(known)} are to be named, not {text}")
    return sorted({known[word] for word in asked})


def main(argv: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", type=some_counts, default=list(COUNTS), metavar="1,2,4,8", help="these counts alone")
    parser.add_argument("--work", type=int, default=WORK, metavar="N", help="slow files; default: %(default)s")
    parser.add_argument("--light", type=int, default=LIGHT, metavar="N", help="with sharing off; default: %(default)s")
    parser.add_argument("--keep", action="store_true", help="leave the hosts of the last measurement, and the logs")
    args = parser.parse_args(argv)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    tell(f"{CORES} cores, load {os.getloadavg()[0]:.1f}: what else runs here makes wall times longer")
    try:
        must(simulated.make_mirror())
        must(simulated.image("bullseye"))
        measured: dict[str, list[Cost]] = {}
        for phase in phases(args.hosts, args.work, args.light):
            measured.setdefault(phase.name, []).append(measure(phase))
    except FAILURES as error:
        tell(str(error))
        return 1
    finally:
        if not args.keep:
            run(simulated.down(FLEET), tell)
            shutil.rmtree(FOLDER, ignore_errors=True)
    costs = {name: least(each) for name, each in measured.items()}
    summary = summed_up(costs)
    tell("\n".join(["", *verdicts(summary, costs)]))
    if summary["unshared_cpu_8_over_1"] is not None:
        tell(f"unshared_cpu_8_over_1 is of builds with {args.light} slow files, all else of builds with {args.work}")
    print(json.dumps(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
