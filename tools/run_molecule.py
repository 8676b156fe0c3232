# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Molecule scenarios, each on simulated hosts of its own.

    .venv/bin/python tools/run_molecule.py [--keep] [--real | SCENARIO...]

The `platforms` of a scenario's molecule.yml say which hosts it wants, in the words of tests/fleet. They are started
before and removed after it (not with --keep), and it finds them by the variables that `variables` below sets. All
scenarios are run but those named real_…, which build for a long time and are what --real runs. Two run at a time, those
that take longest first, and each prints what it has to say when it ends.
"""

import argparse
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import simulated
import yaml
from checkout import AS_COLLECTION, ROOT
from stages import Result, Stage, report, run

EPHEMERAL = ROOT / ".cache" / "molecule"
LANES = 2
LONG = ["losses", "fleet", "faults", "site", "cmake_real", "torch_npu_build", "apex_build", "bundle"]


def chosen(there: list[str], named: list[str], real: bool) -> list[str]:
    """The scenarios to run, of those that are there. Raises ValueError, with those there are, for an unknown one."""
    unknown = sorted(set(named) - set(there))
    if unknown:
        raise ValueError(f"no scenario {', '.join(unknown)}; there are {', '.join(there)}")
    if named:
        return named
    # Real Apex needs its repositories, which somebody has to have brought.
    without = set() if os.environ.get("REAL_MIRROR") else {"real_apex"}
    return [name for name in there if name.startswith("real_") == real and name not in without]


def variables(scenario: str) -> dict[str, str]:
    """What a scenario finds in its environment."""
    return {
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(EPHEMERAL / scenario),
        # A build cache of its own: what another scenario has built, or an earlier run, is to be built here.
        "XDG_CACHE_HOME": str(EPHEMERAL / scenario / "cache"),
        "FLEET_INVENTORY": str(simulated.inventory(scenario.replace("_", "-"))),
        "FLEET_MIRROR": str(simulated.MIRROR),
        "FLEET_MIRROR_VARS": str(simulated.MIRROR_VARS),
    }


def configuration(scenario: str) -> dict:
    """What a scenario's molecule.yml says."""
    return yaml.safe_load((ROOT / "molecule" / scenario / "molecule.yml").read_text()) or {}


def flavours(scenarios: list[str]) -> list[str]:
    """The flavours of host that scenarios want, each once."""
    wanted = [platform["flavour"] for name in scenarios for platform in configuration(name).get("platforms", [])]
    return list(dict.fromkeys(wanted))


def longest_first(scenarios: list[str]) -> list[str]:
    """The order to run in: the long ones would else be alone at the end."""
    return sorted(scenarios, key=lambda name: (LONG.index(name) if name in LONG else len(LONG), name))


def run_scenario(name: str, keep: bool, printing: threading.Lock) -> Result:
    """Run one scenario; its seconds count from asking for its hosts to having tested them."""
    # A fleet's name has no underscores, a scenario named for a role has.
    fleet = name.replace("_", "-")
    lines: list[str] = []
    # Molecule would remember that it has prepared hosts that are gone by now.
    shutil.rmtree(EPHEMERAL / name, ignore_errors=True)
    done = run(simulated.up(fleet, configuration(name).get("platforms", [])), lines.append)
    if not done.failed:
        argv = ["molecule", "test", "--scenario-name", name, *(["--destroy", "never"] if keep else [])]
        tested = run(Stage(name, argv, cwd=AS_COLLECTION, env=variables(name)), lines.append)
        done = tested._replace(seconds=done.seconds + tested.seconds)
    if not keep:
        run(simulated.down(fleet), lines.append)
    with printing:
        print("\n".join(lines), flush=True)
    return done._replace(name=name)


def main(argv: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--keep", action="store_true", help="leave the hosts for a look at them")
    parser.add_argument("--real", action="store_true", help="the scenarios named real_…")
    parser.add_argument("--prepare", action="store_true", help="make the mirror and the images, and run no scenario")
    args = parser.parse_args(argv)
    there = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    try:
        names = chosen(there, args.scenarios, args.real)
    except ValueError as error:
        parser.error(str(error))
    prepared = [run(stage) for stage in [simulated.make_mirror(), *map(simulated.image, flavours(names))]]
    if args.prepare or any(result.failed for result in prepared):
        return report(prepared, "molecule: ")
    keep, printing = args.keep or bool(os.environ.get("KEEP")), threading.Lock()
    with ThreadPoolExecutor(LANES) as lanes:
        results = list(lanes.map(lambda name: run_scenario(name, keep, printing), longest_first(names)))
    return report([*prepared, *results], "molecule: ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
