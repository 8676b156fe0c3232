# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages with which the tools start the simulated hosts and write their local mirror, with tests/fleet and tests/mirror."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from checkout import ROOT
from stages import Stage

# The sources of the hosts: archives, bare git repositories, and vars.yml, with which the roles use them.
MIRROR = ROOT / ".cache" / "sources"
MIRROR_VARS = MIRROR / "vars.yml"

PROGRAM = [sys.executable, str(ROOT / "tests" / "fleet")]


def make_mirror() -> Stage:
    """Return the stage that writes the local mirror. It takes seconds and its result is always the same."""
    return Stage("mirror", [sys.executable, str(ROOT / "tests" / "mirror" / "make.py"), str(MIRROR)])


def image(flavour: str) -> Stage:
    """Return the stage that builds a flavour's image, if it does not exist."""
    return Stage(f"image {flavour}", [*PROGRAM, "image", flavour])


def inventory(fleet: str) -> Path:
    """Return the path of the inventory of a fleet that is up."""
    return ROOT / ".cache" / "inventories" / f"{fleet}.yml"


def up(fleet: str, platforms: Sequence[Mapping[str, Any]]) -> Stage:
    """Return the stage that starts a fleet's hosts.

    A platform has `name`, `flavour`, and optionally `login` (root, plain) and `options` ({key: value}): see
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
    """Return the stage that removes a fleet's hosts."""
    return Stage(f"{fleet} down", [*PROGRAM, "down", "--fleet", fleet])
