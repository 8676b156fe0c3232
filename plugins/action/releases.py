# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the releases of torch_npu, and say which of them go with hosts. Nothing is changed on hosts."""

from __future__ import annotations

import json
import os

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, places
from ansible_collections.ascend.pytorch.plugins.module_utils.base.about import VERSION
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases as planning
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    fleet,
    here,
    ledger,
    options,
    release_table,
    releases,
    speaking,
    target_python,
    variables,
)
from ansible_collections.ascend.pytorch.plugins.plugin_utils.plain import plain

ARGUMENTS = options.argument_spec("releases")
# The variable of the playbook that has what was registered for a host.
REGISTERED = "__releases"
# The keys that are used of it; the result of a failed task also holds objects of Ansible.
KEYS = ("cann", "pythons", "arch", "auto", "why", "others", "unreachable", "msg", "module_stdout", "module_stderr")


def headline(lost: list[str], of: int) -> str:
    """Return in a sentence whether hosts could be examined.

    :param lost: those that could not; :param of: how many hosts there are
    """
    if not lost:
        return f"{of} {'host was' if of == 1 else 'hosts were'} examined"
    return f"{len(lost)} of {of} {'host' if of == 1 else 'hosts'} could not be examined: {fleet.fold(lost)}"


def python_names(rows: list[dict], python: str) -> list[str]:
    """Return the interpreters to examine on a host: the one that the user named, or those of all releases, the newest first."""
    if python != places.AUTO:
        return [python]
    taken = {each for row in rows for each in planning.pythons_of(row)}
    return ["python" + each for each in sorted(taken, key=planning.sort_key, reverse=True)]


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    # The list itself needs no host.
    _requires_connection = False

    def act(self, result, task_vars):
        variables.refuse_undefined(self, task_vars)
        arguments = self.arguments(ARGUMENTS)
        result.update(changed=False)
        if arguments["state"] == "chosen":
            return self._choose(result, arguments, task_vars)
        return self._list(result, arguments, task_vars)

    def _choose(self, result, arguments, task_vars):
        """Examine the host and return what goes with it, or the module's result where that failed."""
        tables = releases.Tables(arguments["extra_releases"])
        rows = tables.find(places.AUTO, "ascend_torch_version")
        question = {
            "pythons": python_names(rows, arguments["python"]),
            "venv": arguments["venv"],
            "cann_path": arguments["cann_path"],
            "products": [],
            "tools": [],
        }
        told = self._execute_module("ascend.pytorch.examine", module_args=question, task_vars=task_vars)
        if told.get("failed") or told.get("unreachable"):
            words = target_python.trouble(self, told, task_vars)
            if words:
                raise AnsibleActionFail(words)
            return told
        host = releases.facts(State.of(told["state"]), arguments["python"])
        return dict(result, **release_table.choice(planning.choose(places.AUTO, rows, host), host))

    def _list(self, result, arguments, task_vars):
        """Print all releases, and what the hosts that were examined can have."""
        # The raw argument: validation has replaced ~.
        wrong = here.problem("ascend_releases_json", str(self._task.args.get("dest") or ""), here.BESIDE)
        if wrong:
            raise AnsibleActionFail(wrong)
        found = release_table.entries(releases.Tables(arguments["extra_releases"]))
        hosts = self._hosts(arguments["hosts"], task_vars)
        width = speaking.terminal_columns()
        table = [*release_table.table(found, width), *release_table.host_lines(hosts, width)]
        speaking.say("\n".join(table))
        document = release_table.document(found, hosts, VERSION)
        file = self._write(arguments["dest"], document)
        self._record(hosts)
        lost = release_table.lost(hosts)
        said = headline(lost, len(hosts))
        return dict(result, **document, changed=bool(file), file=file, table=table, lost=lost, headline=said)

    @staticmethod
    def _hosts(names, task_vars):
        """Return name -> HOST, see release_table.py, of those hosts that --limit leaves."""
        hosts, hostvars = {}, task_vars["hostvars"]
        for name in names:
            if name in task_vars["ansible_play_hosts_all"]:
                # Raw: results hold no templates.
                told = hostvars.raw_get(name).get(REGISTERED) or {}
                entry = release_table.host_entry(plain({key: told[key] for key in KEYS if key in told}))
                hosts[name] = dict(entry, message=entry["message"].removeprefix(name + ": "))
        return hosts

    def _write(self, dest, document):
        """Write the document to a file on the controller, and return its path, "" where none is wanted."""
        if not dest or self._task.check_mode:
            return ""
        path = os.path.abspath(dest)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            durable.write(path, json.dumps(document, indent=1, allow_nan=False) + "\n", concurrent=True)
        except OSError as error:
            raise AnsibleActionFail(
                f"{error.filename or path} cannot be written on the controller: {error.strerror}. Set ascend_releases_json to a "
                "file that can be written"
            )
        speaking.say(f"\nWritten: {path}")
        return path

    @staticmethod
    def _record(hosts):
        """Record that the releases were listed, and for which hosts; and which could not be examined."""
        noted = ledger.Ledger()
        for name in (ledger.CONTROLLER, *hosts):
            noted.record(name, ledger.LISTED)
        for name in release_table.lost(hosts):
            noted.record(name, ledger.LOST)
