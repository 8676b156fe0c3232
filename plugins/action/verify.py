# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around verifying: verify what the host's plan has, print what could not be tested, and record the verification."""

from __future__ import annotations

from ansible_collections.ascend.pytorch.plugins.plugin_utils import ledger, plans, speaking
from ansible_collections.ascend.pytorch.plugins.plugin_utils.plain import plain


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        arguments, host = plain(self._task.args), task_vars["inventory_hostname"]
        if "orders" not in arguments:
            kept = plans.read(host)["verify"]
            arguments = dict({key: kept[key] for key in plans.VERIFY_KEYS}, **arguments)
        result.update(self._execute_module("ascend.pytorch.verify", module_args=arguments, task_vars=task_vars))
        if "products" in result:
            ledger.Ledger().record(host, ledger.VERIFIED)
            for note in result["notes"]:
                speaking.say("{0}: {1}".format(host, note))
        return result
