# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account at the end of a run for what it was for. No host is connected to."""

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

ARGUMENTS = options.of("account")


def unmatched(pattern: str) -> str:
    """Return the message for a pattern that no host of the inventory matches."""
    return (
        f"no host was looked at: the pattern {pattern!r} matches none of the inventory. Name the inventory with -i, put the hosts "
        "into a group of that name, or set ascend_hosts to another pattern with -e"
    )


def outside(pattern: str, hosts: list[str]) -> str:
    """Return the message for a pattern of whose hosts --limit leaves none."""
    return f"no host was looked at: --limit leaves none of those that the pattern {pattern!r} matches ({fleet.fold(hosts)})"


def not_here(deed: str) -> str:
    """Return the message for what the controller was to do, and did not."""
    return (
        f"{ledger.NOT[deed]}. The playbook works on the controller, as the host localhost: leave --limit and --tags away, and see "
        "that what is to be done is not empty"
    )


def undone(wrong: list[str], given: tags.Tags) -> str:
    """Return the message for what a run was for and did not do."""
    if given == ({"all"}, set()):
        remedy = (
            "Where nothing above says why, the playbook was changed, or this ansible-core does not do what the collection leans on: "
            "run it again with -v, and report it with what it says"
        )
    else:
        remedy = "Run it without --tags and --skip-tags"
    return "\n".join(["the run did not do what it was for:", *("  - " + words for words in wrong), remedy])


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
            return self._ended(result, [not_here(deed) for deed in deeds if deed not in done])
        within = set(task_vars["ansible_play_hosts_all"])
        hosts = arguments["hosts"]
        looked_at = [host for host in hosts if host in within]
        if not looked_at:
            return self._ended(result, [outside(pattern, hosts) if hosts else unmatched(pattern)])
        left = ledger.account(
            entries,
            looked_at,
            task_vars["ansible_play_hosts"],
            deeds,
            arguments["settles"],
            arguments["stops"],
            self._reason(task_vars, arguments["by_tags"]),
        )
        if arguments["settles"]:
            table = outcome.table({host: entries[host] for host in looked_at if host in entries}, speaking.columns())
            if table:
                speaking.say("\n".join(["", *table]))
        beyond = [host for host in hosts if host not in within]
        left_out = [f"{fleet.fold(beyond)}: by --limit"] if beyond else []
        left_out += left.left_out
        if left_out:
            speaking.say("\n".join(["Left out:", *("  " + words for words in left_out)]))
        result.update(left_out=left_out)
        return self._ended(result, [undone(left.wrong, tags.given(task_vars))] if left.wrong else [])

    @staticmethod
    def _ended(result, wrong):
        """Return the result, a failure where something is wrong."""
        return dict(result, failed=True, msg="\n".join(wrong)) if wrong else result

    def _reason(self, task_vars, by_tags):
        """Return the function that gives the reason for which an item was left out."""
        if self._task.check_mode:
            return lambda item: "in check mode nothing is done"
        if not by_tags:
            return None
        given = tags.given(task_vars)
        return lambda item: "by --tags or --skip-tags" if ledger.left_out_by_tags(item, given) else ""
