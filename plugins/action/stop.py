# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around stopping builds: print which, and record that the host was dealt with."""

from __future__ import annotations

from ansible_collections.ascend.pytorch.plugins.plugin_utils import ledger, speaking
from ansible_collections.ascend.pytorch.plugins.plugin_utils.plain import plain


def report(host: str, stopped: list[str], dry: bool) -> str:
    """Return the text for a host: `stopped` are its builds, in check mode (`dry`) those that would be stopped."""
    if not stopped:
        return f"{host}: no build is running"
    words = "would stop" if dry else "stopped (the next run goes on from there):"
    return f"{host}: {words} {', '.join(stopped)}"


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        arguments = plain(self._task.args)
        result.update(self._execute_module("ascend.pytorch.stop", module_args=arguments, task_vars=task_vars))
        if "stopped" in result and not result.get("failed"):
            host = task_vars["inventory_hostname"]
            speaking.say(report(host, result["stopped"], self._task.check_mode))
            ledger.Ledger().record(host, ledger.STOPPED)
        return result
