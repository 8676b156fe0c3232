# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around verifying: record that a host was verified."""

from __future__ import annotations

import json

from ansible_collections.ascend.pytorch.plugins.plugin_utils import ledger, speaking


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        arguments = json.loads(json.dumps(self._task.args))
        result.update(self._execute_module("ascend.pytorch.verify", module_args=arguments, task_vars=task_vars))
        if "products" in result:
            ledger.Ledger().record(task_vars["inventory_hostname"], ledger.VERIFIED)
        return result
