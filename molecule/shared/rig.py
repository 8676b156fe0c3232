# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For scenarios whose tests run playbooks themselves: the scenario's hosts, and what a user would type, begun and followed."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import testinfra
import yaml

PROJECT = Path(__file__).resolve().parents[2]
INVENTORY = os.environ["FLEET_INVENTORY"]
FLEET = Path(INVENTORY).stem
MIRROR = Path(os.environ["FLEET_MIRROR"])
MIRROR_VARS = os.environ["FLEET_MIRROR_VARS"]

sys.path.insert(0, str(PROJECT / "tests"))
from fleet import podman as pod  # noqa: E402 - needs the path above
from fleet import shell  # noqa: E402
from fleet.hosts import container_name  # noqa: E402

# --- the hosts --------------------------------------------------------------------------------------------------------


# Where root finds programs on a host.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The first process of each host, and the moment of its start: a host that was started again has another one.
_FIRST = {}


def on(name):
    """The named host, as testinfra sees it, by root."""
    return testinfra.get_host("ansible://" + name, ansible_inventory=INVENTORY)


def container(name):
    """The container that the named host is."""
    return container_name(FLEET, name)


def inventory():
    """The group of the scenario's hosts in their inventory: {"hosts", "vars"}."""
    return yaml.safe_load(Path(INVENTORY).read_text())["all"]["children"]["ascend"]


def controller():
    """This machine's address as the hosts see it."""
    return inventory()["vars"]["fleet_controller_address"]


def within(name, *argv, namespaces=("--net",)):
    """The command that runs argv, with this machine's programs, in namespaces of the named host."""
    return shell.root_argv(["nsenter", "--target={0}".format(first_process(name)), *namespaces, *argv])


def inside(name, *argv):
    """The command that runs argv as root on the named host, which must run.

    As `podman exec` does, which takes some thirty times as long: tests ask hosts ten times a second, beside builds.
    """
    entered = ("--mount", "--uts", "--ipc", "--net", "--pid")
    return within(name, "env", "-i", "HOME=/root", "PATH=" + PATH, *argv, namespaces=entered)


def first_process(name):
    """The pid of the named host's first process."""
    pid, begun = _FIRST.get(name, ("", ""))
    if not begun or _begun(pid) != begun:
        pid = pod.podman("inspect", "--format", "{{.State.Pid}}", container(name)).strip()
        _FIRST[name] = pid, _begun(pid)
    return pid


def _begun(pid):
    # The 22nd field of /proc/<pid>/stat, see proc(5); nothing for one that is gone.
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(") ")[2].split()[19]
    except OSError:
        return None


def serve():
    """The module tests/mirror/serve.py."""
    spec = importlib.util.spec_from_file_location("serve", PROJECT / "tests/mirror/serve.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- what a user types ------------------------------------------------------------------------------------------------


def playbook(path, variables, *options):
    """The ansible-playbook command for a playbook, with the stand-ins' digests and a test's variables."""
    argv = ["ansible-playbook", str(PROJECT / path), "-i", INVENTORY, "-e", "@" + MIRROR_VARS]
    return [*argv, "-e", json.dumps(variables), *options]


def command(roles, hosts, variables, *options):
    """The command that applies roles (all of site.yml for none) to hosts, from the mirror's folder on the controller."""
    # Each host on its own: what another has built would hide what goes wrong.
    made = {"scenario_roles": roles, "ascend_mirrors": [str(MIRROR)], "ascend_build_cache": []}
    path = "molecule/shared/converge.yml" if roles else "site.yml"
    return playbook(path, {**made, **variables}, "--limit", hosts, *options)


def environment(**ours):
    """The environment of such a command."""
    plain = {"ANSIBLE_FORCE_COLOR": "false", "ANSIBLE_NOCOLOR": "true", "ANSIBLE_PIPELINING": "true"}
    return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / "collections"), **plain, **ours}


def finish(argv, **options):
    """Run a command to its end; the result has returncode and stdout, which holds what it said of errors too."""
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )


# --- what goes on -----------------------------------------------------------------------------------------------------


def until(condition, limit_s=120, what=lambda: "it did not come about"):
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
        """What it has said so far."""
        return self.output.read_text(errors="replace")

    @property
    def words(self):
        """What it has said so far, in one line: Ansible breaks and indents long ones."""
        return " ".join(self.said.split())

    def says(self, words, limit_s=120):
        """Wait until it has said so."""

        def heard():
            return words in self.words or self.process.poll() is not None

        until(heard, limit_s, what=lambda: "never said: %s\n%s" % (words, self.said[-3000:]))
        assert words in self.words, self.said[-3000:]

    def ended(self, well=True, limit_s=240):
        """Wait for its end, and return it; it must end well, or must not."""
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError("it does not end:\n" + self.said[-3000:])
        assert (self.process.returncode == 0) == well, self.said[-3000:]
        return self

    def recap(self, what):
        """The hosts of the closing lines, each with its count of `changed`, `unreachable` or `failed`."""
        found = re.findall(r"^(\S+) +: ok=.*\b{0}=(\d+)".format(what), self.said, re.MULTILINE)
        return {host: int(count) for host, count in found}

    @property
    def changed(self):
        """The hosts on which a task changed something."""
        return {host for host, count in self.recap("changed").items() if count}

    def signal(self, number):
        """Send a signal to it and to all that it started."""
        # Stopped first, so that it starts no more meanwhile. Workers have sessions of their own: no group holds them all.
        os.kill(self.pid, signal.SIGSTOP)
        for pid in [*descendants(self.pid), self.pid]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def kill(self):
        """End it as a controller ends that loses its power: with all that it started, and without a word."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()
