# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around cleaning: print what was removed, and record that the host was cleaned."""

from __future__ import annotations

from ansible_collections.ascend.pytorch.plugins.plugin_utils import cache_list, ledger, speaking
from ansible_collections.ascend.pytorch.plugins.plugin_utils.plain import plain


def report(host: str, removed: list[dict], busy: list[str], dry: bool) -> str:
    """Return the text for a host: what was removed, or would be in check mode (`dry`), and where a build is running."""
    total = cache_list.format_size(sum(entry["size"] for entry in removed))
    lines = [f"{host}: {'would free' if dry else 'freed'} {total}" if removed else f"{host}: nothing to remove"]
    lines += [f"  {cache_list.format_size(entry['size'])}  {entry['path']}" for entry in removed]
    lines += [f"  {path}: kept, a build is running there" for path in busy]
    return "\n".join(lines)


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        arguments = plain(self._task.args)
        result.update(self._execute_module("ascend.pytorch.clean", module_args=arguments, task_vars=task_vars))
        if "busy" in result and not result.get("failed"):
            host = task_vars["inventory_hostname"]
            speaking.say(report(host, result["removed"], result["busy"], self._task.check_mode))
            ledger.Ledger().record(host, ledger.CLEANED)
        return result
