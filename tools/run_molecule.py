# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Molecule scenarios, each on its own simulated hosts.

    .venv/bin/python tools/run_molecule.py [--keep] [--real | SCENARIO...]

The scenario `cores` runs once on each of the older ansible-cores that this machine has a Python for. The others run on that
of .venv. The `platforms` in a scenario's molecule.yml say which hosts it needs, in the terms of tests/fleet. The hosts are
started before the scenario and removed after it (not with --keep). The scenario finds them by the variables that `variables`
below returns. Scenarios named real_…, which build for a long time, are run only with --real. Two scenarios run at a time, the
longest first. The output of each is printed when it ends.
"""

import argparse
import json
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cores
import simulated
import yaml
from checkout import AS_COLLECTION, ROOT
from stages import Result, Stage, report, run

EPHEMERAL = ROOT / ".cache" / "molecule"
KEPT = ROOT / ".cache" / "scenarios"
LANES = 2
# The scenario of the older ansible-cores, and the name of the comparison of their fingerprints in the summary.
CORES, SAME = "cores", "same fingerprints"
# The scenarios that need the real repositories, in the folder that REAL_MIRROR names.
WITH_CLONES = ["configured", "real_apex", "real_plugin"]
LONG = ["site", "losses", "fleet", "plugin", "faults", "cmake_real", "torch_npu_build", "apex_build", "bundle", "today"]


class Job(NamedTuple):
    """A scenario to run, on the given ansible-core, or on that of .venv if `core` is None."""

    scenario: str
    core: cores.Core | None = None

    @property
    def name(self) -> str:
        """Return its name in the summary."""
        return f"{self.scenario} {self.core.line}" if self.core else self.scenario

    @property
    def fleet(self) -> str:
        """Return the name of its fleet: letters, digits and dashes."""
        return self.name.translate(str.maketrans("_ .", "---"))

    @property
    def folder(self) -> Path:
        """Return the folder that Molecule uses for it, and empties when it ends."""
        return EPHEMERAL / self.fleet

    @property
    def kept(self) -> Path:
        """Return the folder that is kept when it has ended, with its build cache and its report."""
        return KEPT / self.fleet


def select_scenarios(there: list[str], named: list[str], real: bool, clones: str) -> tuple[list[str], list[str]]:
    """Return the scenarios to run, of those that exist, and a line for each that is left out.

    :param clones: REAL_MIRROR, a folder that the user has to provide; "" for none
    :raises ValueError: one is unknown, or cannot be run
    """
    unknown = sorted(set(named) - set(there))
    if unknown:
        raise ValueError(f"no scenario {', '.join(unknown)}; there are {', '.join(there)}")
    wanted = named or [name for name in there if name.startswith("real_") == real]
    without = [] if clones else [name for name in wanted if name in WITH_CLONES]
    if named and without:
        raise ValueError(f"{', '.join(without)}: REAL_MIRROR must name a folder of bare clones, see CONTRIBUTING.md")
    lines = [f"scenario {name}: REAL_MIRROR names no folder of bare clones" for name in without]
    return [name for name in wanted if name not in without], lines


def jobs(scenarios: list[str]) -> tuple[list[Job], list[str]]:
    """Return the scenarios as jobs, and a line for each ansible-core that is left out because no Python supports it."""
    made, left_out = [Job(name) for name in scenarios if name != CORES], []
    for line in cores.OLDER if CORES in scenarios else []:
        core = cores.core(line)
        if line == cores.running():
            continue  # all of the other scenarios run on it
        if cores.interpreter(core):
            made.append(Job(CORES, core))
        else:
            left_out.append(cores.left_out(core, f"scenario {CORES}"))
    return made, left_out


def variables(job: Job) -> dict[str, str]:
    """Return the environment variables of a scenario."""
    return {
        **(cores.variables(job.core) if job.core else {}),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(job.folder),
        # Its own build cache: products that another scenario or an earlier run has built are built again.
        "XDG_CACHE_HOME": str(job.kept / "cache"),
        "FLEET_INVENTORY": str(simulated.inventory(job.fleet)),
        "FLEET_MIRROR": str(simulated.MIRROR),
        "FLEET_MIRROR_VARS": str(simulated.MIRROR_VARS),
        "REPORT_FOLDER": str(job.kept / "report"),
        # The products that the scenario site has built, on the newest ansible-core.
        "SITE_PRODUCTS": str(Job("site").kept / "cache" / "ascend-pytorch" / "products"),
    }


def configuration(scenario: str) -> dict[str, Any]:
    """Return the content of a scenario's molecule.yml."""
    return yaml.safe_load((ROOT / "molecule" / scenario / "molecule.yml").read_text()) or {}


def flavours(scenarios: list[str]) -> list[str]:
    """Return the flavours of host that scenarios need, each once."""
    wanted = [platform["flavour"] for name in scenarios for platform in configuration(name).get("platforms", [])]
    return list(dict.fromkeys(wanted))


def longest_first(wanted: list[Job]) -> list[Job]:
    """Return the jobs in the order to run them, the longest first, so that none runs alone at the end."""

    def place(job: Job) -> tuple[bool, int, str]:
        # `site` runs first and `cores` last, because products that `site` builds for the emulated host save `cores` minutes.
        return job.scenario == CORES, LONG.index(job.scenario) if job.scenario in LONG else len(LONG), job.name

    return sorted(wanted, key=place)


def fingerprints(report: Path) -> dict[str, dict[str, str]]:
    """Return the fingerprints in a report, by host: product -> fingerprint."""
    hosts = json.loads(report.read_text())["hosts"]
    return {
        host: {name: part["fingerprint"] for name, part in known["components"].items()} for host, known in hosts.items()
    }


def compare_fingerprints(done: list[Job]) -> list[Result]:
    """Compare the fingerprints of the fleets of different ansible-cores, host by host. Returns nothing for a single fleet."""
    reports = {job.name: job.kept / "report" / "report.json" for job in done if job.scenario in ("site", CORES)}
    if len(reports) < 2:
        return []
    try:
        found = {name: fingerprints(path) for name, path in reports.items()}
    except (OSError, ValueError) as error:
        return [Result(SAME, 0, 1, 0, (f"no report to compare: {error}",))]
    shared = set.intersection(*(set(hosts) for hosts in found.values()))
    different = [
        f"{host}: {', '.join(f'{name}: {hosts[host]}' for name, hosts in found.items())}"
        for host in sorted(shared)
        if len({json.dumps(hosts[host], sort_keys=True) for hosts in found.values()}) > 1
    ]
    bad = different if shared else ["the fleets have no host in common"]
    return [Result(SAME, 0 if bad else len(shared), len(bad), 0, tuple(bad))]


def run_scenario(job: Job, keep: bool, printing: threading.Lock) -> Result:
    """Run one scenario. Its seconds include the start of its hosts, but not their removal."""
    lines: list[str] = []
    platforms = configuration(job.scenario).get("platforms", [])
    # Otherwise Molecule would assume that it has already prepared the hosts, although these are new.
    shutil.rmtree(job.folder, ignore_errors=True)
    shutil.rmtree(job.kept, ignore_errors=True)
    stages = [simulated.up(job.fleet, platforms)]
    if job.core:
        stages.insert(0, cores.prepare(job.core))
    argv = ["molecule", "test", "--scenario-name", job.scenario, *(["--destroy", "never"] if keep else [])]
    stages.append(Stage(job.name, argv, cwd=AS_COLLECTION, env=variables(job)))
    seconds = 0.0
    for stage in stages:
        done = run(stage, lines.append)
        seconds += done.seconds
        if done.failed:
            break
    if not keep:
        run(simulated.down(job.fleet), lines.append)
    with printing:
        print("\n".join(lines), flush=True)
    return done._replace(name=job.name, seconds=seconds)


def main(argv: list[str]) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--keep", action="store_true", help="keep the hosts, to examine them")
    parser.add_argument("--real", action="store_true", help="the scenarios named real_…")
    parser.add_argument("--prepare", action="store_true", help="make the mirror and the images, and run no scenario")
    args = parser.parse_args(argv)
    there = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    try:
        names, without = select_scenarios(there, args.scenarios, args.real, os.environ.get("REAL_MIRROR", ""))
    except ValueError as error:
        parser.error(str(error))
    prepared = [run(stage) for stage in [simulated.make_mirror(), *map(simulated.image, flavours(names))]]
    if args.prepare or any(result.failed for result in prepared):
        return report(prepared, "molecule: ")
    keep, printing = args.keep or bool(os.environ.get("KEEP")), threading.Lock()
    wanted, left_out = jobs(names)
    ordered = longest_first(wanted)
    with ThreadPoolExecutor(LANES) as lanes:
        results = list(lanes.map(lambda job: run_scenario(job, keep, printing), ordered))
    return report([*prepared, *results, *compare_fingerprints(ordered)], "molecule: ", without + left_out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
