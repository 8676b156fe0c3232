# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the roles on the scenario's hosts, which begin with nothing, by a controller whose cache is empty."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import run_molecule
import simulated
import stages
import yaml
from rig import INVENTORY, MIRROR, PROJECT, command, environment

sys.path.insert(0, str(PROJECT / "tests"))
from fleet import podman as pod  # noqa: E402 - needs the path above
from fleet.hosts import container_name  # noqa: E402

COHORT = ("fleet1", "fleet2", "fleet3")
FLEET = Path(INVENTORY).stem
WORK = {name: "/var/lib/ascend-pytorch" for name in COHORT} | {"plain": "/home/ascend/.local/share/ascend-pytorch"}

# As if the host had been installed anew. What a failed test left building has its current directory in the work directory.
ANEW = """
for cwd in /proc/[0-9]*/cwd; do
    case $(readlink "$cwd") in /var/lib/ascend-pytorch/* | /home/ascend/.local/*)
        cwd=${cwd%/cwd}; kill -9 "${cwd#/proc/}" ;;
    esac
done 2>/dev/null
[ ! -e /usr/local/lib/python3.9/dist-packages/torch ] || python3.9 -m pip uninstall -q -y torch apex
rm -rf /var/lib/ascend-pytorch /usr/local/cmake* /usr/local/linux_gcc* /usr/bin/cmake /etc/ascend-pytorch \
    /home/ascend/.local /home/ascend/.config/ascend-pytorch /srv/products
"""

# ssh finds out within seconds that a host has gone, and not when TCP gives up.
SSH_ARGS = "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=2 -o ServerAliveCountMax=2"


def serve():
    """The module tests/mirror/serve.py."""
    spec = importlib.util.spec_from_file_location("serve", PROJECT / "tests/mirror/serve.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def until(condition, limit_s, what):
    """Wait for a condition, and return its answer; AssertionError saying `what` when it does not come about in time."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(what())


def descendants(pid):
    """The processes that a process started, and those that these started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(") ")[2].split()[1])
        except OSError:
            continue  # it has just ended
    found, news = [], [pid]
    while news:
        news = [child for child, parent in parents.items() if parent in news]
        found += news
    return found


# The default cache, which each test has for itself; the patience of one who looks on.
SHARED = {"ascend_build_cache": ["auto"], "ascend_lost_after_s": 5, "ascend_progress": "log"}


class Run:
    """A run of ansible-playbook under way, or at its end."""

    def __init__(self, argv, env, output):
        self.output = output
        with output.open("w") as stream:
            self.process = subprocess.Popen(
                argv, env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.pid = self.process.pid

    @property
    def said(self):
        return self.output.read_text(errors="replace")

    def says(self, words):
        """Wait until it has said so."""

        def heard():
            return " ".join(words.split()) in " ".join(self.said.split()) or self.process.poll() is not None

        until(heard, 120, lambda: "never said: %s\n%s" % (words, self.said[-3000:]))
        assert " ".join(words.split()) in " ".join(self.said.split()), self.said[-3000:]

    def ended(self, well=True):
        """Wait for its end, and return it."""
        try:
            self.process.wait(240)
        except subprocess.TimeoutExpired:
            raise AssertionError("it does not end:\n" + self.said[-3000:])
        if well:
            assert self.process.returncode == 0, self.said[-3000:]
        return self

    def recap(self, what):
        """The hosts of the closing lines, each with its count of `changed`, `unreachable` or `failed`."""
        found = re.findall(r"^(\S+) +: ok=.*\b{0}=(\d+)".format(what), self.said, re.MULTILINE)
        return {host: int(count) for host, count in found}

    @property
    def changed(self):
        """The hosts on which a task changed something."""
        return {host for host, count in self.recap("changed").items() if count}

    def kill(self):
        """End it as a controller ends that loses its power: with all that it started, and without a word."""
        # Stopped first, so that it starts no more meanwhile. Workers have sessions of their own: no group holds them all.
        os.kill(self.pid, signal.SIGSTOP)
        for pid in [*descendants(self.pid), self.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


class Crew:
    """The scenario's hosts, and a controller's user with a cache of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.cache = folder / "xdg" / "ascend-pytorch" / "products"
        self.runs = []

    def begin(self, roles, hosts, *options, env=(), playbook=None, **variables):
        """Start applying roles (all of site.yml for none) to hosts; it is killed at the end of the test."""
        argv = command(roles, ",".join(hosts), {**SHARED, **variables})
        argv[1] = str(playbook or argv[1])
        ours = {"XDG_CACHE_HOME": str(self.folder / "xdg"), "ANSIBLE_SSH_ARGS": SSH_ARGS, "ANSIBLE_FORKS": "10"}
        output = self.folder / "run{0}.log".format(len(self.runs))
        self.runs.append(Run([*argv, *options], {**environment(), **ours, **dict(env)}, output))
        return self.runs[-1]

    def apply(self, roles, hosts, *options, **variables):
        """Apply roles to hosts; it must end well."""
        return self.begin(roles, hosts, *options, **variables).ended()

    def on(self, host, script, stdin=None):
        """What a shell script prints on a host, run by root. Raises FleetError when it fails."""
        return pod.podman("exec", "-i", container_name(FLEET, host), "sh", "-c", script, stdin=stdin)

    def built(self, *hosts, product="cmake"):
        """How often hosts built a product: of each build that ran its build stage the log says so."""
        # One that went on after it says "done before" in that place.
        script = "cat {0}/builds/{1}-*/build.log 2>/dev/null | grep -cx '=== build' || true"
        return sum(int(self.on(host, script.format(WORK[host], product))) for host in hosts)

    def stands(self, host):
        """Whether CMake was published on a host, and works."""
        prefix = "/usr/local/cmake" if host in COHORT else "/home/ascend/.local/cmake"
        return "cmake version 3.12.1" in self.on(host, prefix + "/bin/cmake --version || true")

    def lose(self, host):
        """End a host as a power cut does."""
        pod.podman("kill", container_name(FLEET, host))

    def carry(self, path, giver, taker):
        """Copy a folder from one host to another; returns a copy of the controller's own."""
        copy = self.folder / "carried"
        pod.podman("cp", container_name(FLEET, giver) + ":" + path, str(copy))
        pod.podman("cp", str(copy), container_name(FLEET, taker) + ":" + path)
        return copy

    def anew(self, *hosts):
        """Take everything of the collection from hosts."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: self.on(host, ANEW), hosts))

    def kept(self, cache=None):
        """The labels of what is in the build cache."""
        cards = (cache or self.cache).glob("*/product.json")
        return sorted(card.parent.name for card in cards if not re.search(r"\.(damaged|partial)", card.parent.name))


@pytest.fixture
def crew(tmp_path):
    made = Crew(tmp_path)
    made.anew(*WORK)
    yield made
    for run in made.runs:
        if run.process.poll() is None:
            run.kill()


@pytest.fixture
def revived():
    """Called, it starts the hosts that do not run, and writes their new addresses into the inventory."""

    def up():
        said = []
        platforms = run_molecule.configuration(FLEET)["platforms"]
        assert not stages.run(simulated.up(FLEET, platforms), said.append).failed, "\n".join(said)

    yield up
    # The tests after a failed one need all hosts too.
    up()


def fleet_variables():
    return yaml.safe_load(Path(INVENTORY).read_text())["all"]["children"]["ascend"]


@pytest.fixture
def serving():
    """serving(folder, handler=None): serve a folder to the hosts; returns its URL."""
    servers = []

    def start(folder, handler=None):
        address = fleet_variables()["vars"]["fleet_controller_address"]
        server = serve().make_server(Path(folder), address)
        if handler:
            server.RequestHandlerClass = handler(server.RequestHandlerClass)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return "http://{}:{}".format(*server.server_address[:2])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Gate:
    """Holds every build in its first stage, by a mirror that does not answer before it is opened."""

    def __init__(self):
        self.asked = []
        self.is_open = threading.Event()

    def open(self):
        self.is_open.set()

    def builder(self):
        """The host that asked first; waits until one has."""
        return until(lambda: self.asked, 60, lambda: "no host asked the mirror")[0]

    def handler(self, base):
        """The mirror's handler of requests."""

        gate = self

        class Held(base):
            def do_GET(self):
                hosts = fleet_variables()["hosts"].items()
                found = [name for name, known in hosts if known["ansible_host"] == self.client_address[0]]
                gate.asked += [name for name in found if name not in gate.asked]
                # Shorter than a download's own patience with a server that says nothing.
                gate.is_open.wait(50)
                super().do_GET()

        return Held


@pytest.fixture
def gate(serving):
    """A Gate, with the mirror's URL as its `url`."""
    made = Gate()
    made.url = serving(MIRROR, made.handler)
    yield made
    made.open()
