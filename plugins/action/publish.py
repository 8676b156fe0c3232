# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around publishing: send the wheels of a bundle that pip takes on the host, and record what stands or is gone."""

from __future__ import annotations

import json

from ansible_collections.ascend.pytorch.plugins.plugin_utils import examined, ledger, speaking


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        arguments = json.loads(json.dumps(self._task.args))
        order = arguments["order"]
        if order.get("wheels") and arguments.get("state") != "absent" and not self._task.check_mode:
            # Not before: most runs have no bundle.
            from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

            mirror.Sender(self, task_vars).send(order, order["bundle"], order["wheels"])
        result.update(self._execute_module("ascend.pytorch.publish", module_args=arguments, task_vars=task_vars))
        host, stands = task_vars["inventory_hostname"], result.pop("stands", None)
        if self._task.check_mode:
            return result
        if stands and order["product"] == "tree":
            examined.Examined(host).stands(order["name"], stands)
        else:
            # pip may have brought along anything, and a failure may have left it.
            examined.Examined(host).forget()
        if not (result.get("failed") or result.get("unreachable")):
            ledger.Ledger().finish(host, order["name"])
        return result
