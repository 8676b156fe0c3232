# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check at the end of a run that it did what it was for. No host is connected to."""

from __future__ import annotations

from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    fleet,
    ledger,
    options,
    outcome,
    speaking,
    tags,
    variables,
)

ARGUMENTS = options.argument_spec("account")


def unmatched_message(pattern: str) -> str:
    """Return the message for a pattern that no host of the inventory matches."""
    return (
        f"no host was looked at: no host of the inventory matches the pattern {pattern!r}. Give the inventory with -i, put the "
        "hosts into a group of that name, or set ascend_hosts to another pattern with -e"
    )


def limited_out_message(pattern: str, hosts: list[str]) -> str:
    """Return the message for a pattern whose hosts are all excluded by --limit."""
    return (
        f"no host was looked at: --limit excludes every host that matches the pattern {pattern!r} ({fleet.fold(hosts)})"
    )


def not_done_here_message(deed: str) -> str:
    """Return the message for a deed of the controller that was not done."""
    return (
        f"{ledger.NOT_DONE[deed]}. This playbook runs on the host localhost: run it without --limit and --tags, and see that its "
        "variables name something to do"
    )


def undone_message(wrong: list[str], given: tags.Tags) -> str:
    """Return the message for what a run had to do and did not do."""
    if given == ({"all"}, set()):
        remedy = (
            "If no message above says why, the playbook was changed, or this release of ansible-core behaves differently from the "
            "supported ones: run again with -v, and report the output"
        )
    else:
        remedy = "Run again without --tags and --skip-tags"
    return "\n".join(["the run did not do all that it had to do:", *("  - " + words for words in wrong), remedy])


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    _requires_connection = False

    def act(self, result, task_vars):
        variables.refuse_undefined(self, task_vars, ["ascend_hosts"])
        arguments = self.arguments(ARGUMENTS)
        result.update(changed=False, left_out=[])
        entries = ledger.Ledger().entries()
        pattern, deeds = arguments["pattern"], arguments["deeds"]
        if pattern is None:
            done = entries.get(ledger.CONTROLLER, {}).get("done", [])
            return self._finish(result, [not_done_here_message(deed) for deed in deeds if deed not in done])
        within = set(task_vars["ansible_play_hosts_all"])
        hosts = arguments["hosts"]
        looked_at = [host for host in hosts if host in within]
        if not looked_at:
            return self._finish(result, [limited_out_message(pattern, hosts) if hosts else unmatched_message(pattern)])
        left = ledger.find_unfinished(
            entries,
            looked_at,
            task_vars["ansible_play_hosts"],
            deeds,
            arguments["settles"],
            arguments["stops"],
            self._left_out_reason(task_vars, arguments["by_tags"]),
        )
        if arguments["settles"]:
            table = outcome.table(
                {host: entries[host] for host in looked_at if host in entries}, speaking.terminal_columns()
            )
            if table:
                speaking.say("\n".join(["", *table]))
        beyond = [host for host in hosts if host not in within]
        left_out = [f"{fleet.fold(beyond)}: by --limit"] if beyond else []
        left_out += left.left_out
        if left_out:
            speaking.say("\n".join(["Left out:", *("  " + words for words in left_out)]))
        result.update(left_out=left_out)
        return self._finish(result, [undone_message(left.wrong, tags.given(task_vars))] if left.wrong else [])

    @staticmethod
    def _finish(result, wrong):
        """Return the result, a failure where something is wrong."""
        return dict(result, failed=True, msg="\n".join(wrong)) if wrong else result

    def _left_out_reason(self, task_vars, by_tags):
        """Return the function that gives the reason for which an item was left out."""
        if self._task.check_mode:
            return lambda item: "in check mode nothing is done"
        if not by_tags:
            return None
        given = tags.given(task_vars)
        return lambda item: "by --tags or --skip-tags" if ledger.left_out_by_tags(item, given) else ""
