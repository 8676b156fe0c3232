# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks bundle and site as a user runs them, and a firewall that cuts a host and the controller off, and counts."""

import functools
import json
import os
import re
import shutil
import subprocess

import pytest
import rig
from rig import playbook, shell

# The firewall's chain, and the group of what it watches on the controller: nobody else's.
CHAIN = "ascend-bundle-scenario"
GROUP = 64181
REFUSED = re.compile(r"-c (\d+) \d+ -j REJECT")
PASSED = re.compile(r"--[sd]port 22 -c (\d+) \d+ -j RETURN")


class Bundle:
    """A bundle that the scenario makes, for one of its hosts.

    :param release: as ascend_bundle_releases has it
    :param given: variables of the playbooks besides, a mapping
    """

    def __init__(self, folder, host, release, given=None):
        self.path = folder / "bundle"
        self.host, self.release, self.given = host, release, given or {}
        self.env = rig.environment(XDG_CACHE_HOME=str(folder / "xdg-connected"))
        self.log = folder / "killed.log"

    def command(self, state, products="", **more):
        return playbook(
            "playbooks/bundle.yml",
            {
                "ascend_bundle_dest": str(self.path),
                "ascend_bundle_state": state,
                "ascend_bundle_releases": [self.release],
                "ascend_bundle_platforms": [{"arch": "x86_64", "python": "3.9"}],
                "ascend_bundle_products": str(products),
                "ascend_mirrors": [str(rig.MIRROR)],
                **self.given,
                **more,
            },
        )

    def run(self, state="present", well=True, products="", **more):
        """Run the playbook to its end; return what it says."""
        return ended(self.command(state, products, **more), well, env=self.env)

    def killed(self, words):
        """Run the playbook, and kill it with all that it started as soon as it says so."""
        run = rig.Run(self.command("present"), self.env, self.log)
        run.says(words)
        run.kill()

    @property
    def manifest(self):
        return json.loads((self.path / "bundle.json").read_text())

    def files(self):
        """What is in its folder: by path the time at which it was written."""
        found = (path for path in self.path.rglob("*") if path.is_file())
        return {str(path.relative_to(self.path)): path.stat().st_mtime_ns for path in found}


class Said(str):
    """What a command said."""

    @property
    def changed(self):
        """How many tasks changed something, of all hosts."""
        return sum(int(count) for count in re.findall(r"\bchanged=(\d+)", self))

    @property
    def brought(self):
        """What the playbook bundle brings, line by line."""
        return re.findall(r"^bundle [0-9.post]+: (.*)$", self, re.MULTILINE)


def ended(argv, well, **options):
    """Run a command to its end, which must be well or must not be; return what it said."""
    done = rig.finish(argv, **options)
    assert (done.returncode == 0) == well, done.stdout[-6000:]
    return Said(done.stdout)


class Controller:
    """The commands of a group that the firewall knows, with a cache that holds nothing at first."""

    def __init__(self, folder):
        # The sockets of ssh have short names only, and are not shared with what runs outside of the group.
        self.xdg = folder / "xdg-cut"
        self.cache = self.xdg / "ascend-pytorch" / "products"
        ours = {"XDG_CACHE_HOME": str(self.xdg), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "ssh")}
        kept = {"PATH", "HOME", "USER", "LANG"}
        every = rig.environment(**ours)
        self.env = [
            f"{key}={each}" for key, each in every.items() if key in kept or key.startswith(("ANSIBLE_", "LC_", "XDG_"))
        ]

    def run(self, argv, well=True):
        """Run a command of the user's in the group to its end; return what it says."""
        who = ["setpriv", f"--reuid={os.getuid()}", f"--regid={GROUP}", "--clear-groups"]
        return ended(shell.root_argv([*who, "env", "--ignore-environment", *self.env, *argv]), well)

    def site(self, bundle, well=True, **variables):
        """Run site.yml on the bundle's host with nothing but the bundle."""
        given = {"ascend_bundle": str(bundle.path), "gcc730_accept_installed": False, "ascend_progress": "log"}
        return self.run(
            playbook("site.yml", {**given, **bundle.given, **variables}, "--limit", bundle.host),
            well,
        )

    def forget(self):
        """Have a cache that holds nothing again."""
        shutil.rmtree(self.xdg)


class Cut:
    """Rules under which a host may answer the controller's ssh, and the group on the controller may call the hosts'.

    Whatever else they say or ask by TCP and UDP is refused and counted, names asked for on whatever interface too. The
    host's rules are in its own network namespace, so that they see what goes to its neighbours, too.
    """

    def __init__(self, name):
        self.inside = rig.within(name)
        self.group = ["-m", "owner", "--gid-owner", str(GROUP)]
        # Ansible keeps its connections for a while: those to the host of former tests may end meanwhile.
        self.hosts = ",".join(host["ansible_host"] for host in rig.inventory()["hosts"].values())
        self.controller = rig.controller()

    def _tables(self):
        """[(whose rules they are, the command without its last words, whom they watch, what may pass)]"""
        answers = ["-p", "tcp", "-d", self.controller, "--sport", "22"]
        calls = ["-p", "tcp", "-d", self.hosts, "--dport", "22"]
        return [
            ("host", [*self.inside, "iptables", "--wait"], [], answers),
            ("host", [*self.inside, "ip6tables", "--wait"], [], []),
            ("controller", shell.root_argv(["iptables", "--wait"]), self.group, calls),
            ("controller", shell.root_argv(["ip6tables", "--wait"]), self.group, []),
        ]

    def make(self):
        self.remove()
        for _who, argv, whom, passing in self._tables():

            def table(*words, argv=argv):
                shell.run([*argv, *words])

            table("-N", CHAIN)
            table("-A", CHAIN, "-p", "udp", "--dport", "53", "-j", "REJECT")
            table("-A", CHAIN, "-p", "tcp", "--dport", "53", "-j", "REJECT")
            table("-A", CHAIN, "-o", "lo", "-j", "RETURN")
            if passing:
                table("-A", CHAIN, *passing, "-j", "RETURN")
            table("-A", CHAIN, "-p", "tcp", "-j", "REJECT")
            table("-A", CHAIN, "-p", "udp", "-j", "REJECT")
            table("-I", "OUTPUT", *whom, "-j", CHAIN)

    def remove(self):
        """Take the rules away, whole or not, those too that a killed run has left."""
        for _who, argv, whom, _passing in self._tables():
            for words in (["-D", "OUTPUT", *whom, "-j", CHAIN], ["-F", CHAIN], ["-X", CHAIN]):
                subprocess.run([*argv, *words], stderr=subprocess.DEVNULL, check=False)

    def _counted(self, pattern):
        found = {"host": 0, "controller": 0}
        for who, argv, _whom, _passing in self._tables():
            rules = shell.run([*argv, "-v", "-S", CHAIN])
            assert REFUSED.search(rules), rules
            found[who] += sum(int(count) for count in pattern.findall(rules))
        return found

    def refused(self):
        """How many packets were refused so far: {"host", "controller"}."""
        return self._counted(REFUSED)

    def passed(self):
        """How many packets of ssh went through the rules so far: {"host", "controller"}."""
        return self._counted(PASSED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bundle")


@pytest.fixture(scope="module")
def bundle_for(folder):
    """bundle_for(host, release, given): a Bundle, see there."""
    return functools.partial(Bundle, folder)


@pytest.fixture(scope="module")
def controller(folder):
    return Controller(folder)


@pytest.fixture(scope="module")
def host(bundle):
    """The bundle's host; the module of the tests has the fixture bundle."""
    return rig.on(bundle.host)


@pytest.fixture(scope="module")
def cut(bundle):
    """From the first test that asks for it the host and the controller's group are cut off, until all end, however they do."""
    made = Cut(bundle.host)
    try:
        made.make()
        yield made
    finally:
        made.remove()
