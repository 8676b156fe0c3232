# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a product from the build cache to a host, where a place of the cache has it."""

from __future__ import annotations

import json

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils import builds
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    buildcache,
    carry,
    cohort,
    examined,
    keyring,
    signing,
    speaking,
    store,
)

ARGUMENTS = {
    "order": {"type": "dict", "required": True},
    "cache": {"type": "list", "elements": "str", "default": []},
    "trusted_keys": {"type": "str", "default": ""},
    "wait": {"type": "bool", "default": False},
}


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        host = task_vars["inventory_hostname"]
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        order = json.loads(json.dumps(arguments["order"]))
        places, known = keyring.split(arguments["cache"])
        carrier = carry.Carrier(self, task_vars, known)
        result.update(changed=False, found=False, place="")
        if not arguments["cache"]:
            return dict(result, found=not self._task.check_mode and carrier.has(order))
        label, run = builds.label(builds.maker(order)), cohort.Run()
        if arguments["wait"]:
            # With a free strategy this host may be here before its builder is done.
            cohort.wait_for(lambda: not run.is_building(label), run.next_turn_s(label, host))
        try:
            cache = buildcache.BuildCache(places, carrier, speaking.warn, trusted_keys=arguments["trusted_keys"])
            if self._task.check_mode:
                # What is not there would be built, and taken then.
                return dict(result, found=cache.holds(order), changed=True)
            taken = cache.take(order)
        except (carry.CarryError, store.StoreError, signing.SigningError) as error:
            raise AnsibleActionFail("{0}: {1}".format(host, error))
        if taken:
            examined.Examined(host).has(builds.label(order), order["fingerprint"])
            return dict(result, found=True, **taken)
        if run.failure(label):
            raise AnsibleActionFail("{0}: {1}".format(host, run.failure(label)))
        if arguments["wait"] and run.ended(label):
            raise AnsibleActionFail(
                "{0}: {1} was built, and is in none of the places of the build cache that this host sees ({2}). A file:// place "
                "is to be a folder that all hosts share".format(host, builds.label(order), ", ".join(cache.places))
            )
        return result
