# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario's hosts, and the command by which a user would run roles on them."""

import json
import os
from pathlib import Path

import testinfra

PROJECT = Path(__file__).resolve().parents[3]
INVENTORY = os.environ["FLEET_INVENTORY"]
MIRROR = Path(os.environ["FLEET_MIRROR"])
MIRROR_VARS = os.environ["FLEET_MIRROR_VARS"]


def on(name):
    """The named host, as testinfra sees it, by root."""
    return testinfra.get_host("ansible://" + name, ansible_inventory=INVENTORY)


def command(roles, host, variables, tags=""):
    """The ansible-playbook command that applies roles (all of site.yml for none) to one host with the test's variables."""
    # Each host on its own: what another has built would hide what goes wrong.
    made = {"scenario_roles": roles, "ascend_mirrors": [str(MIRROR)], "ascend_build_cache": []}
    return [
        "ansible-playbook",
        str(PROJECT / ("molecule/shared/converge.yml" if roles else "site.yml")),
        "-i",
        INVENTORY,
        "--limit",
        host,
        "-e",
        "@" + MIRROR_VARS,
        "-e",
        json.dumps({**made, **variables}),
        *(["--tags", tags] if tags else []),
    ]


def environment():
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / "collections"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
