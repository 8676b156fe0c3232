# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run roles on the scenario's hosts as a user would, with variables of the test's choice."""

import threading
from pathlib import Path

import pytest
import rig
import yaml


@pytest.fixture
def apply():
    """apply(roles, host, *options, **variables): run them to their end; the result has returncode and stdout."""

    def run(roles, host, *options, **variables):
        return rig.finish(rig.command(roles, host, variables, *options), env=rig.environment())

    return run


@pytest.fixture
def begin(tmp_path):
    """begin(roles, host, **variables): start them and return the rig.Run; it is killed at the end of the test."""
    begun = []

    def start(roles, host, **variables):
        output = tmp_path / "run{0}.log".format(len(begun))
        begun.append(rig.Run(rig.command(roles, host, variables), rig.environment(), output))
        return begun[-1]

    yield start
    for run in begun:
        run.kill()


@pytest.fixture(scope="session")
def controller():
    """This machine's address as the hosts see it."""
    return rig.controller()


@pytest.fixture(scope="session")
def served(controller):
    """The URL of the mirror behind a server that can be asked to spoil what it serves."""
    server = rig.serve().make_server(rig.MIRROR, controller, 0, 100_000, 1.0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "http://{}:{}".format(controller, server.server_address[1])
    server.shutdown()


@pytest.fixture(scope="session")
def commits():
    return yaml.safe_load(Path(rig.MIRROR_VARS).read_text())["mirror_commits"]
