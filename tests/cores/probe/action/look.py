# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks, in a worker of ansible-playbook, at what the collection leans on, and writes what it sees for the tests.

`what` is a method of this action. What it returns is the task's result, and the file <host>.<name>.json of the folder
`out`; `name` is `what`, unless it is given.
"""

from __future__ import annotations

import inspect
import json
import multiprocessing
import os
import threading
import time

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.utils.display import Display
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs, settings, speaking

# The process that has imported this.
IMPORTED_BY = os.getpid()
# How long it waits for the tests to do their part, in seconds.
PATIENCE_S = 10.0

display = Display()


def appears(path: str) -> bool:
    """Wait for a file; say whether it has come."""
    until = time.monotonic() + PATIENCE_S
    while not os.path.exists(path) and time.monotonic() < until:
        time.sleep(0.02)
    return os.path.exists(path)


class ActionModule(speaking.Action):
    def act(self, result, task_vars):
        self.task_vars, self.args = task_vars, self._task.args
        self.out = str(self.args["out"])
        self.host = task_vars["inventory_hostname"]
        seen = getattr(self, str(self.args["what"]))()
        self.write(str(self.args.get("name", self.args["what"])), seen)
        # Of the others some keys mean something to Ansible.
        return dict(result, changed=False, **(seen if self.args["what"] in ("value", "fact") else {}))

    def path(self, name):
        return os.path.join(self.out, "{0}.{1}".format(self.host, name))

    def write(self, name, seen):
        with open(self.path(name + ".partial"), "w") as stream:
            # What ansible-core adds to a failure may be no plain data.
            json.dump(seen, stream, default=str)
        os.replace(self.path(name + ".partial"), self.path(name + ".json"))

    def value(self):
        """What the task gives as `value`, templates filled in."""
        return {"value": json.loads(json.dumps(self.args["value"]))}

    def process(self):
        return {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "parent_by_python": multiprocessing.parent_process().pid,
            "imported_by": IMPORTED_BY,
            "main_thread": threading.current_thread() is threading.main_thread(),
            "output_of_parent": os.readlink("/proc/{0}/fd/1".format(os.getppid())),
            "local_tmp": C.DEFAULT_LOCAL_TMP,
            "local_tmp_mode": os.stat(C.DEFAULT_LOCAL_TMP).st_mode & 0o777,
            "columns": display.columns,
            "callback": C.DEFAULT_STDOUT_CALLBACK,
        }

    def says(self):
        """Say something, and see whether it is read before the task ends."""
        display.display("{0} says this".format(self.host))
        display.warning("{0} warns of this".format(self.host))
        return {"read": appears(self.path("read"))}

    def plain(self):
        plain = json.loads(json.dumps(self.args["value"]))

        def kinds(value):
            inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            return {type(value).__module__ + "." + type(value).__name__}.union(*map(kinds, inner))

        return {"value": plain, "kinds": sorted(kinds(plain))}

    def variables(self):
        known = self.task_vars
        return {
            "inventory_hostname": known["inventory_hostname"],
            "play_hosts": list(known["ansible_play_hosts"]),
            "run_tags": list(known["ansible_run_tags"]),
            "fact": known["ansible_facts"].get("probe_fact"),
            "groups": sorted(known["groups"]),
        }

    def settings(self):
        """A variable that names another, as it is and with that one given another value."""
        known, given = (
            settings.Source(self, self.task_vars),
            settings.Source(self, self.task_vars, {"probe_of": "mine"}),
        )
        return {"known": known.value("probe_words"), "given": given.value("probe_words")}

    def fact(self):
        return {"ansible_facts": {"probe_fact": "set by a result"}}

    def hostvars(self):
        """What hostvars.raw_get has of the host `of`."""
        hostvars, other = self.task_vars["hostvars"], str(self.args["of"])
        known = hostvars.raw_get(other)
        return {
            "is_in": other in hostvars,
            "stranger_is_in": "stranger" in hostvars,
            "template": str(known.get("probe_template")),
            "registered": json.loads(json.dumps(known.get("__probe_registered"))),
        }

    def keywords(self):
        became = self._is_become_unprivileged()
        plugin = self._connection.become
        return {
            "become": self._task.become,
            "account": plugin and plugin.get_option("become_user", playcontext=self._play_context),
            "unprivileged": became,
            "check_mode": self._task.check_mode,
        }

    def away(self):
        raise AnsibleConnectionFailure("{0} is away".format(self.host))

    def wrong(self):
        raise AnsibleActionFail("{0} is wrong:\n  - in two lines".format(self.host))

    # --- the clock

    def silent(self):
        """Whether build.time_limit breaks off a module that does not answer, and what keeps it."""
        from ansible_collections.ascend.pytorch.plugins.action import build

        began, broken = time.monotonic(), False
        try:
            with build.time_limit(1.0):
                self._execute_module(
                    "ansible.builtin.command", module_args={"_raw_params": "sleep 30"}, task_vars=self.task_vars
                )
        except build.HostSilent:
            broken = True
        return {"broken": broken, "took": time.monotonic() - began}

    def late(self):
        """Be longer than the task's own timeout, inside build.time_limit."""
        from ansible_collections.ascend.pytorch.plugins.action import build

        with build.time_limit(60.0):
            time.sleep(30)
        return {}

    # --- the connection

    def module(self):
        """The module of this action's own name, in each way."""

        def ask(way):
            return self._execute_module("test.probe.look", module_args={"way": way}, task_vars=self.task_vars)

        seen = {way: ask(way) for way in ("well", "fail", "break")}
        return dict(seen, used_interpreter=self._used_interpreter)

    def connection(self):
        """The way on which transfer.Transfer sends and fetches files, step by step."""
        shell, given = self._connection._shell, bytes(range(256)) * 4
        source, back = self.path("source"), self.path("back")
        with open(source, "wb") as stream:
            stream.write(given)
        at_first = shell.tmpdir
        self._make_tmp_path()
        first, shell.tmpdir = shell.tmpdir, None
        self._make_tmp_path()
        remote = shell.join_path(shell.tmpdir, "piece")
        self._connection.put_file(source, remote)
        self._fixup_perms2([shell.tmpdir])
        changed = self._remote_chmod([remote], "0604")
        self._connection.fetch_file(remote, back)
        with open(back, "rb") as stream:
            same = stream.read() == given
        # What is made anew is instead of one that has gone, and is the one that Ansible removes.
        os.rmdir(first)
        return {
            "at_first": at_first,
            "folders": [first, shell.tmpdir],
            "remote": remote,
            "same": same,
            "rc": changed["rc"],
            "mode": os.stat(remote).st_mode & 0o777,
            "delegate_to": self._task.delegate_to,
            "inventory_hostname": self.task_vars["inventory_hostname"],
            "fixup_takes": list(inspect.signature(self._fixup_perms2).parameters)[:1],
        }

    def reset(self):
        self._connection.reset()
        return {"alive": self._low_level_execute_command("echo alive; echo of no account >&2; exit 3")}

    # --- the run

    def held(self):
        """The run's folder, and whether its lock is held: by ansible-playbook, and by this worker with it."""
        path = runs.folder() / runs.HELD
        with open(path, "r+") as stream:
            taken = locking.lock(stream.fileno(), str(path))
            mine = [
                os.fstat(int(name)).st_ino
                for name in os.listdir("/proc/self/fd")
                if os.path.exists("/proc/self/fd/" + name)
            ]
            return {
                "folder": str(path.parent),
                "taken": taken,
                "open": mine.count(os.fstat(stream.fileno()).st_ino) - 1,
            }

    def terminal(self):
        """What the run's terminal is; and whether a run that is killed is noticed."""
        from ansible_collections.ascend.pytorch.plugins.plugin_utils import live

        found = live.open_terminal(os.getppid())
        self.write("terminal", {"opened": found is not None, "columns": display.columns})
        parent = os.getppid()
        until = time.monotonic() + PATIENCE_S
        while os.getppid() == parent and time.monotonic() < until:
            time.sleep(0.02)
        self.write("killed", {"noticed": os.getppid() != parent})
        os._exit(1)
