# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around publishing: take products from the build cache where the host did not build them, and record what was done."""

from __future__ import annotations

import contextlib
import time
from typing import NamedTuple

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    buildcache,
    carry,
    cohort,
    keyring,
    ledger,
    options,
    plans,
    signing,
    speaking,
    store,
    transfer,
)

ARGUMENTS = options.argument_spec("publish", filled_in={"orders", "replaced", "arrived", "environment", "verify"})
# How a product came to its host, and the words for it.
BUILT, TAKEN, PUT, FOUND = "built", "taken", "put in place", "found"
WORDS = {BUILT: "built here", TAKEN: "taken from the build cache", PUT: "put in place"}
WRITTEN, REMOVED = "written", "removed"
# The environment file is written with these.
TORCH = ("torch", "torch_npu")


class Arrival(NamedTuple):
    """A product to be published: how it came to the host, and when that began, by the monotonic clock."""

    how: str
    began: float


def replaced(planned: dict) -> list[str]:
    """Return the wheels that a new torch replaces, in the reverse order of their builds: they go when it is published.

    Without them the former torch would be of no use, for as long as the new one is built.
    """
    decisions = {name: plans.decision(planned, name) for name in planned["products"]}
    comes = decisions.get("torch")
    if not comes or comes.do not in plan.PROVIDING:
        return []
    return [
        name
        for name, entry in reversed(decisions.items())
        if entry.do == plan.REMOVE and entry.order and entry.order.product == "wheel"
    ]


def held_back(planned: dict, wanted: list[str]) -> list[str]:
    """Return which products are not published by this task: what they are installed with is to come, but not with it."""
    found = []
    for name in wanted:
        order = plans.decision(planned, name).order
        partner = order.installed_with if order else ""
        if partner and partner not in wanted and plans.decision(planned, partner).do in plan.PROVIDING:
            found.append(name)
    return found


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        self._arguments = arguments = self.arguments(ARGUMENTS, required_one_of=[["names"]])
        self._host, self._task_vars = task_vars["inventory_hostname"], task_vars
        known = plans.read(self._host)
        planned, self._verify = known["plan"], known["verify"]
        result.update(changed=False, notes=[], products={})
        if arguments["state"] == "absent":
            return self._withdraw(result, planned)
        entries = {name: plans.decision(planned, name) for name in arguments["names"]}
        if self._task.check_mode and arguments["waits"]:
            # It would be built and then taken.
            return dict(result, lacking=plans.record_lacking(self._host, dict.fromkeys(entries, False)))
        wanted = [name for name, entry in entries.items() if entry.do in plan.PROVIDING]
        self._held = held_back(planned, wanted)
        self._replaced = {name: plans.decision(planned, name).order for name in replaced(planned)}
        idle = dict.fromkeys(set(entries) - set(wanted), False)
        environment = self._environment(planned, plan.PUBLISH)
        result["lacking"] = plans.record_lacking(self._host, idle)
        # What did not arrive whole is brought again, in pieces.
        for hands_over in (True, False):
            if not wanted and not environment:
                break
            coming, trouble, carrier = self._bring(wanted, entries, hands_over)
            orders = [entries[name].order for name in wanted if name in coming]
            # The environment file is written with torch.
            torch_waits = set(TORCH) & {*plans.lacking(self._host), *self._held} and not self._task.check_mode
            written = None if trouble or torch_waits else environment
            if orders or written:
                self._publish(result, orders, carrier.handed_over, written, entries, coming)
            late = result.pop("unarrived", [])
            result["lacking"] = list(plans.lacking(self._host))
            if result.get("failed") or result.get("unreachable"):
                return result
            if trouble:
                raise trouble
            if not late:
                break
            # Products that need it were not published either.
            wanted = [name for name in wanted if name in coming and name not in result["products"]]
        return result

    def _environment(self, planned, do):
        """Return the environment file of a plan, None where this is not to be done with it, or not by this task."""
        found = planned["environment"] if set(TORCH) & set(self._arguments["names"]) else None
        return found if found and found["do"] == do else None

    # --- what comes

    def _bring(self, wanted, entries, hands_over):
        """Bring products to the host, in check mode only look; return ({name: Arrival} of what is there, an error, the carrier).

        What is missing is recorded, and this host takes part in electing its builder.
        """
        arguments, coming, lacks, trouble = self._arguments, {}, {}, None
        places, known = keyring.split(arguments["cache"])
        carrier = carry.Carrier(self, self._task_vars, known, hands_over=hands_over)
        waiting, comes = [], [name for name in wanted if self._has_to_come(name, entries[name])]
        with self._told_as_failure():
            keys = arguments["trusted_keys"]
            cache = buildcache.BuildCache(places, carrier, speaking.warn, trusted_keys=keys) if comes else None
            alone = [
                name for name in wanted if self._has_no_partner(entries[name].order, wanted, comes, entries, cache)
            ]
        with self._copy_slot() if comes and not arguments["waits"] else contextlib.nullcontext():
            for name in wanted:
                entry, began = entries[name], plans.lacking(self._host).get(name) or time.monotonic()
                order = entry.order
                missing = [other for other in lacks if lacks[other] and entries[other].order.installed_with != name]
                if missing and order.product == "wheel" and not self._task.check_mode:
                    # It may need what is missing.
                    waiting.append(name)
                    continue
                try:
                    looks = self._task.check_mode or name in alone
                    place = self._take(order, cache, carrier, looks) if name in comes else ""
                except AnsibleConnectionFailure:
                    raise
                except AnsibleError as error:
                    # What came before it is published nevertheless.
                    trouble = error
                    break
                lacks[name] = place is None
                if self._task.check_mode or (place is not None and name not in alone):
                    coming[name] = Arrival(self._origin(name, order, place), began)
        plans.record_lacking(self._host, lacks, waiting)
        for name, lacking in lacks.items():
            self._record_arrival(name, offers=lacking)
        return coming, trouble, carrier

    @contextlib.contextmanager
    def _told_as_failure(self):
        """Raise errors of the build cache as AnsibleActionFail, with the host."""
        try:
            yield
        except (transfer.TransferError, store.StoreError, signing.SigningError) as error:
            raise AnsibleActionFail("{0}: {1}".format(self._host, error)) from error

    def _has_no_partner(self, order, wanted, comes, entries, cache):
        """Say whether what a product is installed with is still to be built: then it is not brought yet, only looked for."""
        partner = order.installed_with
        if self._task.check_mode or not partner:
            return False
        if partner not in wanted:
            return order.name in self._held
        if partner not in comes:
            return False
        its_order = entries[partner].order
        return not (cache.holds(its_order) if self._arguments["cache"] else cache.carrier.has(its_order))

    def _origin(self, name, order, place):
        """Return how a product came to the host.

        :param place: where it was taken from, "" for nowhere
        """
        # Another host may have led the build that was this one's.
        if (
            self._arguments["built"] == name
            or cohort.Run().built_on(builds.with_build_fingerprint(order).label()) == self._host
        ):
            return BUILT
        return TAKEN if place else PUT

    def _has_to_come(self, name, entry):
        """Say whether a product has to be brought to the host: it was not built there, and needs more than a link, say."""
        return self._arguments["built"] != name and (entry.do != plan.PUBLISH or entry.hands_on)

    def _copy_slot(self):
        """Hold one of the slots for hosts to which products are copied at the same time."""
        if self._task.check_mode or not self._arguments["cache"]:
            return contextlib.nullcontext()
        return cohort.Run().copy_slot(self._arguments["copies"])

    def _take(self, order, cache, carrier, looks):
        """Bring a product to the host; return its place in the build cache, "" where the host has it itself, None where it is missing.

        :param looks: nothing is brought
        """
        host, arguments = self._host, self._arguments
        if not arguments["cache"]:
            return "" if not self._task.check_mode and carrier.has(order) else None
        label, run = builds.with_build_fingerprint(order).label(), cohort.Run()
        if arguments["waits"]:
            # With a free strategy this host may be here before its builder is done.
            cohort.wait_for(lambda: not run.is_building(label), run.next_turn_s(label, host))
        with self._told_as_failure():
            if looks:
                place = cache.places[0] if cache.holds(order) else None
            else:
                with self._copy_slot() if arguments["waits"] else contextlib.nullcontext():
                    place = (cache.take(order) or {}).get("place")
        # In check mode, what is missing would be built and then taken.
        if place is not None or self._task.check_mode:
            return place
        if run.failure(label):
            raise AnsibleActionFail("{0}: {1}".format(host, run.failure(label)))
        if arguments["waits"] and run.ended(label):
            raise AnsibleActionFail(
                "{0}: {1} was built, but this host finds it in no place of ascend_build_cache ({2}). See that a file:// place is "
                "one folder that all hosts share, and that this host can read it".format(
                    host, order.label(), ", ".join(cache.places)
                )
            )
        return None

    def _record_arrival(self, name, offers):
        """Record that this host has come as far as a product, for hosts that wait for a builder.

        :param offers: whether it takes part in the election of the builder, where it may build
        """
        candidate = plans.read(self._host)["candidates"].get(name) if offers else None
        if candidate:
            cohort.Run().offer(name, candidate)
        if self._arguments["cache"]:
            cohort.Run().arrive(name, self._host)

    # --- what is published

    def _publish(self, result, orders, arrived, environment, entries, coming):
        """Have the module publish what has arrived, record what was published, and add that to the result."""
        if not self._task.check_mode:
            for order in orders:
                if order.wheels:
                    # Not before: most runs have no bundle.
                    from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

                    mirror.Sender(self, self._task_vars).send(order, order.bundle, order.wheels)
        asked, former = time.monotonic(), result["products"]
        # The last products: verify all.
        ends = self._verify["asked"] and not plans.lacking(self._host) and not self._task.check_mode
        answer = self._call(
            orders=[order._asdict() for order in orders],
            replaced=[order._asdict() for order in self._replaced.values()]
            if any(order.name == "torch" for order in orders)
            else [],
            arrived=arrived,
            environment=environment,
            verify={key: self._verify[key] for key in plans.VERIFY_KEYS} if ends else None,
        )
        done = answer.get("products", {})
        # The host measures the publishing, this clock what came before.
        for name, each in done.items():
            before = asked - coming[name].began if name in coming else 0.0
            each["seconds"] = round(before + each["seconds"], 1)
            self._report(name, each, entries, coming)
        if "verified" in answer:
            ledger.Ledger().record(self._host, ledger.VERIFIED)
            for note in (note for each in answer["verified"].values() for note in each["notes"]):
                speaking.say("{0}: {1}".format(self._host, note))
            if not answer.get("failed"):
                speaking.say("{0}: {1}: verified".format(self._host, ", ".join(answer["verified"])))
        result.update(
            answer,
            changed=bool(result["changed"] or answer.get("changed")),
            notes=result["notes"] + answer.get("notes", []),
            products=dict(former, **done),
        )

    def _call(self, **asked):
        asked["state"] = self._arguments["state"]
        return self._execute_module("ascend.pytorch.publish", module_args=asked, task_vars=self._task_vars)

    def _report(self, name, each, entries, coming):
        """Print and record what was done with a product."""
        how = coming[name].how if name in coming else REMOVED if name in self._replaced else WRITTEN
        if not each["changed"] and how != REMOVED:
            # Where hosts share the folder, another may have published it in the meantime.
            how = FOUND
        for note in each["notes"]:
            speaking.say("{0}: {1}".format(self._host, note))
        if self._task.check_mode:
            return
        each["how"] = how
        if each["changed"]:
            what = entries[name].then if name in entries else name
            speaking.say("{0}: {1}: {2}, {3:.0f} s".format(self._host, what, WORDS.get(how, how), each["seconds"]))
        ledger.Ledger().finish(self._host, name, how, each["seconds"])

    # --- what goes

    def _withdraw(self, result, planned):
        """Have the module remove what the plan removes."""
        later = replaced(planned)
        found = [plans.decision(planned, name) for name in self._arguments["names"] if name not in later]
        orders = [entry.order._asdict() for entry in found if entry.do == plan.REMOVE]
        result.update(removed=[])
        environment = self._environment(planned, plan.REMOVE)
        if orders or environment:
            result.update(self._call(orders=orders, environment=environment))
        for name, each in result["products"].items():
            if not self._task.check_mode:
                ledger.Ledger().finish(self._host, name, REMOVED, each["seconds"])
        return result
