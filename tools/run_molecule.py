# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Molecule scenarios, each on simulated hosts of its own.

    .venv/bin/python tools/run_molecule.py [--keep] [--real | SCENARIO...]

The `platforms` of a scenario's molecule.yml say which hosts it wants, in the words of tests/fleet. They are started
before and removed after it (not with --keep), and it finds them by the variables that `variables` below sets. All
scenarios are run but those named real_…, which build for a long time and are what --real runs.
"""

import argparse
import os
import sys

import simulated
import yaml
from checkout import AS_COLLECTION, ROOT
from stages import Result, Stage, report, run


def chosen(there: list[str], named: list[str], real: bool) -> list[str]:
    """The scenarios to run, of those that are there. Raises ValueError, with those there are, for an unknown one."""
    unknown = sorted(set(named) - set(there))
    if unknown:
        raise ValueError(f"no scenario {', '.join(unknown)}; there are {', '.join(there)}")
    return named or [name for name in there if name.startswith("real_") == real]


def variables(scenario: str) -> dict[str, str]:
    """What a scenario finds in its environment."""
    return {
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(ROOT / ".cache" / "molecule" / scenario),
        "FLEET_INVENTORY": str(simulated.inventory(scenario.replace("_", "-"))),
        "FLEET_MIRROR": str(simulated.MIRROR),
        "FLEET_MIRROR_VARS": str(simulated.MIRROR_VARS),
    }


def run_scenario(name: str, keep: bool) -> Result:
    """Run one scenario; its seconds count from asking for its hosts to having tested them."""
    config = yaml.safe_load((ROOT / "molecule" / name / "molecule.yml").read_text()) or {}
    # A fleet's name has no underscores, a scenario named for a role has.
    fleet = name.replace("_", "-")
    started = run(simulated.up(fleet, config.get("platforms", [])))
    if started.failed:
        return started._replace(name=name)
    argv = ["molecule", "test", "--scenario-name", name, *(["--destroy", "never"] if keep else [])]
    tested = run(Stage(name, argv, cwd=AS_COLLECTION, env=variables(name)))
    if not keep:
        run(simulated.down(fleet))
    return tested._replace(seconds=started.seconds + tested.seconds)


def main(argv: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--keep", action="store_true", help="leave the hosts for a look at them")
    parser.add_argument("--real", action="store_true", help="the scenarios named real_…")
    args = parser.parse_args(argv)
    there = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    try:
        names = chosen(there, args.scenarios, args.real)
    except ValueError as error:
        parser.error(str(error))
    mirror = run(simulated.make_mirror())
    if mirror.failed:
        return report([mirror], "molecule: ")
    return report([run_scenario(name, args.keep or bool(os.environ.get("KEEP"))) for name in names], "molecule: ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
