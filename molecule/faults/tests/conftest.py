# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run roles on the scenario's hosts as a user would, with variables of the test's choice."""

import importlib.util
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from rig import INVENTORY, MIRROR, MIRROR_VARS, PROJECT, command, environment


@pytest.fixture
def apply():
    """apply(roles, host, tags="", **variables): run them to their end; the result has returncode and stdout."""

    def run(roles, host, tags="", **variables):
        return subprocess.run(
            command(roles, host, variables, tags),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def begin():
    """begin(roles, host, **variables): start them and return the process; it is killed at the end of the test."""
    begun = []

    def start(roles, host, **variables):
        process = subprocess.Popen(
            command(roles, host, variables),
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def controller():
    """This machine's address as the hosts see it."""
    return yaml.safe_load(Path(INVENTORY).read_text())["all"]["children"]["ascend"]["vars"]["fleet_controller_address"]


@pytest.fixture(scope="session")
def served(controller):
    """The URL of the mirror behind a server that can be asked to spoil what it serves."""
    spec = importlib.util.spec_from_file_location("serve", PROJECT / "tests/mirror/serve.py")
    serve = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve)
    server = serve.make_server(MIRROR, controller, 0, 100_000, 1.0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "http://{}:{}".format(controller, server.server_address[1])
    server.shutdown()


@pytest.fixture(scope="session")
def commits():
    return yaml.safe_load(Path(MIRROR_VARS).read_text())["mirror_commits"]
