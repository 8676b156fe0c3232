# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated hosts and their local mirror, as the tools use them: tests/fleet and tests/mirror from outside."""

import sys
from pathlib import Path

from checkout import ROOT
from stages import Stage

# What the hosts build from: archives, bare git repositories, and vars.yml, which makes the roles take them.
MIRROR = ROOT / ".cache" / "sources"
MIRROR_VARS = MIRROR / "vars.yml"

PROGRAM = [sys.executable, str(ROOT / "tests" / "fleet")]


def make_mirror() -> Stage:
    """Write the local mirror; it takes seconds and comes out the same every time."""
    return Stage("mirror", [sys.executable, str(ROOT / "tests" / "mirror" / "make.py"), str(MIRROR)])


def image(flavour: str) -> Stage:
    """Build a flavour's image, if it is not there."""
    return Stage(f"image {flavour}", [*PROGRAM, "image", flavour])


def inventory(fleet: str) -> Path:
    """Where the inventory of a fleet is, once it is up."""
    return ROOT / ".cache" / "inventories" / f"{fleet}.yml"


def up(fleet: str, platforms: list[dict]) -> Stage:
    """Start a fleet's hosts.

    A platform says `name`, `flavour`, and where it likes `login` (root, plain) and `options` ({key: value}): see
    tests/fleet/README.md.
    """
    argv = [*PROGRAM, "up", "--fleet", fleet, "--inventory", str(inventory(fleet))]
    for platform in platforms:
        name = platform["name"]
        argv += ["--host", f"{name}={platform['flavour']}:{platform.get('login', 'root')}"]
        for key, value in platform.get("options", {}).items():
            argv += ["--opt", f"{name}:{key}={value}"]
    return Stage(f"{fleet} up", argv)


def down(fleet: str) -> Stage:
    """Remove a fleet's hosts."""
    return Stage(f"{fleet} down", [*PROGRAM, "down", "--fleet", fleet])
