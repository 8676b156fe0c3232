# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around publishing: bring a product from the build cache where the host has not built it, and record what stands or is gone."""

from __future__ import annotations

import json
import time

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    buildcache,
    carry,
    cohort,
    keyring,
    ledger,
    plans,
    signing,
    speaking,
    store,
)

ARGUMENTS = {
    "name": {"type": "str"},
    "order": {"type": "dict"},
    "product": {"type": "dict"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "cache": {"type": "list", "elements": "str", "default": []},
    "trusted_keys": {"type": "str", "default": ""},
    "copies": {"type": "int", "default": 5},
    "built": {"type": "bool", "default": False},
    "waits": {"type": "bool", "default": False},
}
# What the module on the host takes of it.
ASKED = ("product", "state")
# What is said of a product that was published, by a word for it.
BUILT, TAKEN, PUT, FOUND = "built", "taken", "put in place", "found"
WORDS = {BUILT: "built here", TAKEN: "taken from the build cache", PUT: "put in place"}


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        _validated, arguments = self.validate_argument_spec(ARGUMENTS, required_one_of=[["name", "order"]])
        # Plain data from here on: what came out of templates carries marks that the module's own JSON must not see.
        arguments = json.loads(json.dumps(arguments))
        host, began = task_vars["inventory_hostname"], time.monotonic()
        if not arguments["name"]:
            self._publish(result, host, arguments["order"], arguments, task_vars)
            self._finish(result, host, arguments["order"]["name"], "", 0.0)
            return result
        entry = plans.product(host, arguments["name"])
        result.update(changed=False, notes=[])
        if arguments["state"] == "absent":
            self._publish(result, host, plans.order(host, arguments["name"]), arguments, task_vars)
            self._finish(result, host, arguments["name"], "removed", time.monotonic() - began)
            return result
        would_stand = self._task.check_mode and arguments["waits"]
        if would_stand or entry["do"] not in plan.BRINGING:
            return dict(result, lacking=plans.lack(host, arguments["name"], False))
        how = BUILT if arguments["built"] else PUT
        # What had to be built took as long as that, too.
        began = plans.lacking_since(host, arguments["name"]) or began
        comes = not arguments["built"] and (entry["do"] != plan.PUBLISH or entry["hands_on"])
        place = self._take(host, entry["order"], arguments, task_vars) if comes else ""
        result.update(lacking=plans.lack(host, arguments["name"], place is None))
        if place is None:
            self._offer(host, arguments)
            if not self._task.check_mode:
                return result
        elif place:
            how = TAKEN
        self._arrive(host, arguments)
        self._publish(result, host, entry["order"], arguments, task_vars)
        seconds = time.monotonic() - began
        for note in result.get("notes") or ():
            speaking.say("{0}: {1}".format(host, note))
        if result.get("changed") and not (self._task.check_mode or result.get("failed")):
            speaking.say("{0}: {1}: {2}, {3:.0f} s".format(host, entry["then"], WORDS[how], seconds))
            result.update(how=how, seconds=round(seconds, 1))
        # Another process may have published it meanwhile, where hosts share the place.
        self._finish(result, host, arguments["name"], how if result.get("changed") else FOUND, seconds)
        return result

    def _publish(self, result, host, order, arguments, task_vars):
        """Have the module publish a product, or take it away, and return its result."""
        if order.get("wheels") and arguments["state"] != "absent" and not self._task.check_mode:
            # Not before: most runs have no bundle.
            from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

            mirror.Sender(self, task_vars).send(order, order["bundle"], order["wheels"])
        asked = {key: arguments[key] for key in ASKED if arguments[key] is not None}
        result.update(
            self._execute_module("ascend.pytorch.publish", module_args=dict(asked, order=order), task_vars=task_vars)
        )
        return result

    def _finish(self, result, host, name, how, seconds):
        """Record that a product stands, or is gone, as the plan wanted it."""
        if not (self._task.check_mode or result.get("failed") or result.get("unreachable")):
            ledger.Ledger().finish(host, name, how, seconds)

    def _take(self, host, order, arguments, task_vars):
        """Bring a product to the host; return where it is from, "" where the host has it itself, None for nowhere.

        In check mode nothing is brought.
        """
        places, known = keyring.split(arguments["cache"])
        carrier = carry.Carrier(self, task_vars, known)
        if not arguments["cache"]:
            return "" if not self._task.check_mode and carrier.has(order) else None
        label, run = builds.label(builds.maker(order)), cohort.Run()
        if arguments["waits"]:
            # With a free strategy this host may be here before its builder is done.
            cohort.wait_for(lambda: not run.is_building(label), run.next_turn_s(label, host))
        try:
            cache = buildcache.BuildCache(places, carrier, speaking.warn, trusted_keys=arguments["trusted_keys"])
            if self._task.check_mode:
                # What is not there would be built, and taken then.
                return cache.places[0] if cache.holds(order) else None
            with run.copying(arguments["copies"]):
                taken = cache.take(order)
        except (carry.CarryError, store.StoreError, signing.SigningError) as error:
            raise AnsibleActionFail("{0}: {1}".format(host, error))
        if taken:
            return taken["place"]
        if run.failure(label):
            raise AnsibleActionFail("{0}: {1}".format(host, run.failure(label)))
        if arguments["waits"] and run.ended(label):
            raise AnsibleActionFail(
                "{0}: {1} was built, and is in none of the places of the build cache that this host sees ({2}). A file:// place "
                "is to be a folder that all hosts share".format(host, builds.label(order), ", ".join(cache.places))
            )
        return None

    def _offer(self, host, arguments):
        """Have this host take part in electing who builds a product, where it may."""
        candidate = plans.of(host)["candidates"].get(arguments["name"])
        if candidate:
            cohort.Run().offer(arguments["name"], candidate)
        self._arrive(host, arguments)

    @staticmethod
    def _arrive(host, arguments):
        """Record that this host has come so far, for those who wait for somebody to build for them."""
        if arguments["cache"]:
            cohort.Run().arrive(arguments["name"], host)
