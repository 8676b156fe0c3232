# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for runs of the roles on all the scenario's hosts, which begin with nothing, by a controller whose cache is empty."""

import contextlib
import json
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import rig
import run_molecule
import simulated
import stages

# As if the host had just been installed. A build that a failed test left has its current directory in the work directory.
ANEW = """
while found=; do
    for cwd in /proc/[0-9]*/cwd; do
        case $(readlink "$cwd") in /var/lib/ascend-pytorch/* | /home/ascend/.local/*)
            found=yes; cwd=${cwd%/cwd}; kill -9 "${cwd#/proc/}" ;;
        esac
    done 2>/dev/null
    [ "$found" ] || break
done
[ ! -e /usr/local/lib/python3.9/dist-packages/torch ] || python3.9 -m pip uninstall -q -y torch apex
rm -rf /var/lib/ascend-pytorch /usr/local/cmake* /usr/local/linux_gcc* /usr/bin/cmake /etc/ascend-pytorch \
    /home/ascend/.local /home/ascend/.config/ascend-pytorch /srv/products/* /srv/products/.locks
"""

# Looks a thousand times a second for a build that is in a stage, and kills it there as the OOM killer or a power cut does.
# It is stopped first, so that it is certain to have been in that stage and not past it.
STRIKE = """
import glob, json, os, signal, sys, threading, time
pattern, stage, percent, hands = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "hands"
ended = set()

def status(path):
    try:
        with open(path) as stream:
            return json.load(stream)
    except (OSError, ValueError):
        return {"state": "", "stage": ""}

def all_of(folder):
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/" + name + "/cwd").startswith(folder):
                yield int(name)
        except OSError:
            pass

def signal_to(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass

def leave():
    sys.stdin.read()
    os._exit(0)

threading.Thread(target=leave).start()
print("armed", flush=True)
while True:
    for path in glob.glob(pattern):
        found, folder = status(path), os.path.dirname(path)
        wanted = found["state"] == "running" and found["stage"] == stage and (found["percent"] or 0) >= percent
        if not wanted or found["pid"] in ended:
            continue
        signal_to(found["pid"], signal.SIGSTOP)
        if status(path)["stage"] != stage or os.path.exists(os.path.join(folder, "stamps", stage + ".json")):
            signal_to(found["pid"], signal.SIGCONT)
            print("the build was faster than this in stage " + stage, flush=True)
            os._exit(1)
        ended.add(found["pid"])
        for pid in [found["pid"]] + (list(all_of(folder)) if hands else []):
            signal_to(pid, signal.SIGKILL)
        print("struck", flush=True)
    # No stage is as short; the builds need the processors.
    time.sleep(0.001)
"""

# ssh finds out within seconds that a host has gone, and not when TCP gives up.
SSH_ARGS = "-o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=2 -o ServerAliveCountMax=2"

# The default cache, which each test has for itself; the patience of one who looks on.
SHARED = {"ascend_build_cache": ["auto"], "ascend_lost_after_s": 5, "ascend_progress": "log"}


class Crew:
    """The scenario's hosts, and a controller's user with a cache of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.xdg = folder / "xdg"
        self.runs = []
        self.disks = []
        self.users = {name: known["ansible_user"] for name, known in rig.inventory()["hosts"].items()}

    @property
    def cache(self):
        """The build cache where no other is named."""
        return self.xdg / "ascend-pytorch" / "products"

    def home(self, host):
        """The work directory and the prefix of CMake, as the host's account has them."""
        root = self.users[host] == "root"
        work = "/var/lib/ascend-pytorch" if root else "/home/ascend/.local/share/ascend-pytorch"
        return work, "/usr/local/cmake" if root else "/home/ascend/.local/cmake"

    def begin(self, roles, hosts, *options, env=(), playbook=None, **variables):
        """Start applying roles (all of site.yml for none) to hosts; it is killed at the end of the test."""
        argv = rig.command(roles, ",".join(hosts), {**SHARED, **variables}, *options)
        argv[1] = str(playbook or argv[1])
        ours = {"XDG_CACHE_HOME": str(self.xdg), "ANSIBLE_SSH_ARGS": SSH_ARGS, "ANSIBLE_FORKS": "10"}
        output = self.folder / "run{0}.log".format(len(self.runs))
        self.runs.append(rig.Run(argv, rig.environment(**{**ours, **dict(env)}), output))
        return self.runs[-1]

    def apply(self, roles, hosts, *options, **variables):
        """Apply roles to hosts; it must end well."""
        return self.begin(roles, hosts, *options, **variables).ended()

    def on(self, host, script, stdin=None):
        """What a shell script prints on a host, run by root. Raises FleetError when it fails."""
        return rig.shell.run(rig.inside(host, "sh", "-c", script), stdin=stdin)

    def log(self, host, product="cmake"):
        """The log of a host's builds of a product, "" where it has none."""
        return self.on(host, "cat {0}/builds/{1}-*/build.log 2>/dev/null || true".format(self.home(host)[0], product))

    def tries(self, host, product="cmake"):
        """What the log says of each time that a build was begun, or gone on with."""
        return re.split(r"^=== {0}-.*\n".format(product), self.log(host, product), flags=re.MULTILINE)[1:]

    def built(self, *hosts, product="cmake", stage="build"):
        """How often hosts built a product: of each build that ran its build stage the log says so."""
        # One that went on after it says "done before" in that place.
        return sum(self.log(host, product).splitlines().count("=== " + stage) for host in hosts)

    def stands(self, host):
        """Whether CMake was published on a host, and works."""
        return "cmake version 3.12.1" in self.on(host, self.home(host)[1] + "/bin/cmake --version || true")

    def whole(self, host):
        """Whether every file of a host's CMake is as its manifest says, and nothing half is left around it."""
        work, prefix = self.home(host)
        manifest = json.loads(self.on(host, "cat {0}/.ascend-manifest.json".format(prefix)))
        digests = "".join(
            "{0}  {1}\n".format(e["sha256"], path) for path, e in manifest["files"].items() if "sha256" in e
        )
        self.on(host, "cd {0}/ && sha256sum --check --quiet -".format(prefix), stdin=digests.encode())
        return (
            self.on(host, "ls -d {0}-*.partial {1}/products/*.partial 2>/dev/null || true".format(prefix, work)) == ""
        )

    @contextlib.contextmanager
    def striking(self, host, product, stage, percent=0, hands=False):
        """Meanwhile, a host's build of a product ends as often as it is in a stage: its head, or all that works for it too.

        :param percent: of the stage that are done by then
        """
        pattern = "{0}/builds/{1}-*/status.json".format(self.home(host)[0], product)
        words = [STRIKE, pattern, stage, str(percent), "hands" if hands else "head"]
        argv = rig.inside(host, "python3", "-c", *words)
        striker = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert striker.stdout.readline() == "armed\n"
            yield
        finally:
            # It leaves when nobody has anything to tell it any more.
            said = striker.communicate(timeout=60)[0]
        assert set(said.split("\n")) == {"struck", ""}, said

    def lose(self, host):
        """End a host as a power cut does."""
        rig.pod.podman("kill", rig.container(host))

    @contextlib.contextmanager
    def unplugged(self, host):
        """Meanwhile, nothing comes from a host or to it, and nobody is told so."""
        rules = [["INPUT", "-j", "DROP"], ["OUTPUT", "-j", "DROP"]]
        for rule in rules:
            rig.shell.run(rig.within(host, "iptables", "--wait", "-I", *rule))
        try:
            yield
        finally:
            for rule in rules:
                rig.shell.run(rig.within(host, "iptables", "--wait", "-D", *rule))

    def disk(self, host, path, size):
        """Give a host a disk at a path until the end of the test, or the one that it has there another size.

        Size as tmpfs has it, such as 48m; the host "" is the controller.
        """
        if (host, path) in self.disks:
            rig.shell.run(self.entered(host, "mount", "-o", "remount,size=" + size, path))
            return
        rig.shell.run(self.entered(host, "mkdir", "-p", path))
        rig.shell.run(self.entered(host, "mount", "-t", "tmpfs", "-o", "mode=0755,size=" + size, "tmpfs", path))
        self.disks.append((host, path))

    def entered(self, host, *argv):
        """The command that runs argv as root where a host's disks are mounted; "" is the controller."""
        return rig.within(host, *argv, namespaces=("--mount", "--pid")) if host else rig.shell.root_argv([*argv])

    @contextlib.contextmanager
    def little_memory(self, host, spare_mib):
        """Meanwhile, a host has as much memory as its programs had before, and a little more.

        For what was started by ssh, as its builds are: rig.inside enters namespaces, and leaves a program the memory of here.
        """
        group = rig.pod.podman("inspect", "--format", "{{.State.CgroupPath}}", rig.container(host)).strip("/\n")
        # Each version of control groups has its own names for the same settings.
        kinds = [
            (Path("/sys/fs/cgroup/memory", group), "memory.limit_in_bytes", "total_rss", "-1"),
            (Path("/sys/fs/cgroup", group), "memory.max", "anon", "max"),
        ]
        (folder, limit, count, endless), *_other = [kind for kind in kinds if (kind[0] / kind[1]).exists()]
        used = int(dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())[count])

        def write(value):
            rig.shell.run(rig.shell.root_argv(["tee", str(folder / limit)]), stdin=value.encode())

        write(str(used + (spare_mib << 20)))
        try:
            yield
        finally:
            write(endless)

    def anew(self, *hosts):
        """Take everything of the collection from hosts."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: self.on(host, ANEW), hosts))

    def kept(self, cache=None):
        """The labels of what is in the build cache."""
        files = (cache or self.cache).glob("*/product.json")
        return sorted(file.parent.name for file in files if not re.search(r"\.(damaged|partial)", file.parent.name))


@pytest.fixture
def crew(tmp_path):
    """A Crew whose hosts are as if just installed."""
    made = Crew(tmp_path)
    made.anew(*made.users)
    yield made
    for run in made.runs:
        run.kill()
    for host, path in reversed(made.disks):
        rig.shell.run(made.entered(host, "umount", "--lazy", path))


@pytest.fixture
def revived():
    """Called, it starts the hosts that do not run, and writes their new addresses into the inventory."""

    def up():
        said = []
        # A scenario's fleet has its name, but for underscores.
        platforms = run_molecule.configuration(rig.FLEET.replace("-", "_"))["platforms"]
        assert not stages.run(simulated.up(rig.FLEET, platforms), said.append).failed, "\n".join(said)

    yield up
    # The tests after a failed one need all hosts.
    up()


@pytest.fixture
def serving():
    """serving(folder, handler=None): serve a folder to the hosts; returns its URL."""
    servers = []

    def start(folder, handler=None):
        server = rig.serve().make_server(Path(folder), rig.controller())
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

    def builder(self, besides=()):
        """The host that asked first, of others than these; waits until one has."""

        def others():
            return [host for host in self.asked if host not in besides]

        return rig.until(others, 60, lambda: "no host asked the mirror")[0]

    def handler(self, base):
        """The mirror's handler of requests."""

        gate = self

        class Held(base):
            def do_GET(self):
                hosts = rig.inventory()["hosts"].items()
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
    made.url = serving(rig.MIRROR, made.handler)
    yield made
    made.open()
