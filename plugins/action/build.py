# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around a build: send mirrors of the controller, start or join the build, show its progress, report its failure."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    buildcache,
    carry,
    cohort,
    here,
    keyring,
    live,
    mirror,
    options,
    plans,
    runs,
    signing,
    speaking,
    store,
    transfer,
)

ARGUMENTS = options.argument_spec("build", filled_in={"logins"})
# Those of them that are passed to the module as they are.
MODULE_OPTIONS = ("state", "seen", "wait_s", "mirror", "archive")

# How long an answer may be overdue before the connection counts as dead, in seconds: at least, and at most where a lost builder
# is waited for longer. ssh itself waits hours for a host that has lost its power.
SILENT_S = (10.0, 60.0)
# Added for a start: it ends programs of an earlier run, and makes the parts of a tree that has none yet.
STARTING_S = 300.0


def failure_message(host: str, order: Order, status: dict) -> str:
    """Return the message for a build that ended without a product."""
    error = status.get("error") or {
        "message": "its process ended without a message: it was killed, ran out of memory, or the host went down",
        "cause": "",
        "remedy": "run again: it goes on from the last good stage",
    }
    lines = [
        "{0}: building {1} {2} failed in stage {3}: {4}".format(
            host, order.name, order.version, status.get("stage") or "start", error["message"]
        )
    ]
    if error.get("cause"):
        lines.append("Cause: {0}".format(error["cause"]))
    lines.append(
        "What to do: {0}".format(
            error.get("remedy") or "read the log, correct what it reports, and run again: good stages are not repeated"
        )
    )
    lines += ["Log: {0}:{1}".format(host, status["log"]), "Its last lines:"]
    return "\n".join(lines + ["  " + line for line in status["tail"]])


def short_failure(label: str, host: str) -> str:
    """Return the message of a failed build for the other hosts of the cohort."""
    return "building {0} on {1} failed: see the message of that host. On this host nothing was built".format(
        label, host
    )


def without_manifest(product: dict | None) -> dict | None:
    """Return what tasks use of a finished product: its manifest names thousands of files."""
    return product and {key: product[key] for key in ("path", "sha256")}


def start_note(answer: dict) -> str:
    """Return the note of a build that has just begun, from the module's answer; others were printed before."""
    return answer["status"].get("note", "") if answer.get("how") in ("started", "resumed") else ""


def answers_within_s(state: str, wait_s: float, lost_after_s: float) -> float:
    """Return how long the module may take to answer, in seconds, before its host counts as silent."""
    least, most = SILENT_S
    return wait_s + max(least, min(lost_after_s, most)) + (STARTING_S if state == "started" else 0.0)


class HostSilent(BaseException):
    """A host gave no answer in time. Not an Exception: on those Ansible's connections would try again."""


@contextlib.contextmanager
def time_limit(seconds):
    """Raise HostSilent where the block takes longer. For the main thread of a worker.

    The task's own `timeout` still works: it uses the same timer, which is set again afterwards.
    """
    begun, (due, _interval) = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)
    if 0 < due <= seconds:
        yield
        return

    def ring(_number, _frame):
        raise HostSilent("no answer for {0:.0f} s".format(seconds))

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        # 0 would stop the timer; one that became due in the meantime fires at once.
        signal.setitimer(signal.ITIMER_REAL, max(due - (time.monotonic() - begun), 0.001) if due else 0)


class BuilderLost(Exception):
    """The builder did not answer for ascend_lost_after_s; the message is that of the last attempt."""


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    # Not TRANSFERS_FILES: with that Ansible makes a folder on the host first, where this code cannot see that the host is lost.
    # Transfer makes its own.

    def act(self, result, task_vars):
        self._task_vars = task_vars
        arguments = self.arguments(ARGUMENTS, required_one_of=[["name", "order"]])
        self._host = self._task.delegate_to or task_vars["inventory_hostname"]
        self._run = cohort.Run()
        self._shared = bool(arguments["cache"])
        if arguments["name"]:
            order = self._builders_order(task_vars["inventory_hostname"], arguments["name"])
        else:
            order = Order.of(arguments["order"])
        state = arguments["state"]
        # The run records a build by its product; where nothing is shared, by its host too.
        self._label = order.label() + ("" if self._shared else "@" + self._host)
        self._lost_after_s = arguments["lost_after_s"]
        if self._task.check_mode or state in ("status", "mirrored"):
            result.update(
                self._call(order, **{key: arguments[key] for key in MODULE_OPTIONS if arguments[key] is not None})
            )
            return result
        if state == "started":
            return self._start(result, order, arguments, task_vars["inventory_hostname"])
        return self._finish(result, order, arguments, task_vars["inventory_hostname"])

    def _builders_order(self, host, name):
        """Return the builder's order for a product that is missing on a host."""
        own = builds.with_build_fingerprint(plans.order(host, name))
        return self._run.order(own.label(), self._host) if self._shared else own

    def _call(self, order, **arguments):
        if arguments["state"] == "started":
            arguments["logins"] = keyring.of(self._host)
        return self._execute_module(
            "ascend.pytorch.build", module_args=dict(arguments, order=order._asdict()), task_vars=self._task_vars
        )

    def _call_until_answer(self, order, **arguments):
        """Call the module until the host answers: it may reboot, or lose its network for a while. Else raise BuilderLost."""
        until = time.monotonic() + self._lost_after_s
        while True:
            # The build goes on where the run was killed.
            runs.end_if_over()
            try:
                with time_limit(answers_within_s(arguments["state"], arguments.get("wait_s", 0), self._lost_after_s)):
                    answer = self._call(order, **arguments)
                if not answer.get("unreachable"):
                    return answer
                trouble = answer.get("msg", "")
            except AnsibleConnectionFailure as error:
                trouble = str(error)
            except HostSilent as error:
                trouble = str(error)
                # Else the next attempt, and other tasks of this host, would wait for the dead connection.
                self._connection.reset()
            if time.monotonic() > until:
                raise BuilderLost(trouble)
            # It waits for the connection itself; each attempt has its own timeout.
            time.sleep(2)

    def _begin(self, order):
        """Start or join the build on its host; return what the module says."""
        if order.wheels:
            mirror.Sender(self, self._task_vars).send(order, order.bundle, order.wheels)
        places = [self._send_mirror(order, entry) if here.is_folder(entry) else entry for entry in order.mirrors]
        order = order._replace(mirrors=[place for place in places if place])
        answer = self._call_until_answer(order, state="started")
        if answer.get("how") == "joined":
            speaking.say("{0}: {1} is being built by another run, joining it".format(self._host, order.name))
        if start_note(answer):
            speaking.warn("{0}: building {1}: {2}".format(self._host, order.name, start_note(answer)))
        return answer

    def _status_or_begin(self, order):
        """Return the status of the build that this run has begun; begin it where there is none, or where it has died."""
        if self._run.has_begun(self._label):
            answer = self._call_until_answer(order, state="status")
            if answer.get("failed") or answer["status"]["state"] != "dead":
                return answer
        return self._begin(order)

    def _start(self, result, order, arguments, host):
        # Only following a build waits for a lost host; another host can start it as well.
        self._lost_after_s = 0
        run, label = self._run, self._label
        result["changed"] = False
        # Another run of this controller builds it: this run waits for that, and takes the product.
        if (self._shared and run.is_building(label)) or not run.begin(label, self._host):
            return result
        try:
            if self._shared:
                # Checked before hours of building.
                buildcache.writable_place(buildcache.all_places(keyring.split(arguments["cache"])[0]))
            answer = self._begin(order)
            result.update(answer, product=without_manifest(answer.get("product")))
        except store.StoreError as error:
            run.end(label, "{0}: {1}".format(self._host, error))
            raise AnsibleActionFail("{0}: {1}".format(self._host, error))
        except (BuilderLost, AnsibleConnectionFailure) as error:
            run.lose(label, self._host)
            if self._host == host:
                raise AnsibleConnectionFailure(str(error)) from error
            result.update(how="lost", msg=str(error))
        except AnsibleActionFail:
            run.end(label, short_failure(label, self._host))
            raise
        if result.get("failed"):
            run.end(label, short_failure(label, self._host))
        return result

    def _finish(self, result, order, arguments, host):
        run, label, shared = self._run, self._label, self._shared
        if self._host in run.lost(label):
            return dict(result, changed=False, how="lost", lost=True)

        def wait_words(who):
            speaking.say("{0}: {1} is being built by {2}: waiting for it".format(host, label, who))

        built_on = ""
        with run.building(label, wait_words) if shared else contextlib.nullcontext():
            try:
                places, known = keyring.split(arguments["cache"])
                cache = buildcache.BuildCache(
                    places,
                    carry.Carrier(self, self._task_vars, known),
                    speaking.warn,
                    arguments["sign_key"],
                    arguments["trusted_keys"],
                    arguments["builders"],
                )
                # Parts first: where the whole product is, its parts are too.
                products = builds.part_orders(order) + [order]
                if shared and all(cache.holds(each) for each in products):
                    result.update(changed=False, how="cached", lost=False)
                else:
                    if shared:
                        buildcache.writable_place(cache.places)
                    result.update(
                        self._build(order, arguments["progress"], cache.earlier_manifests(order.name)), lost=False
                    )
                    built_on = "" if result.get("failed") else self._host
                    for each in products if shared and built_on else []:
                        cache.keep(each, self._host)
            except (transfer.TransferError, store.StoreError, signing.SigningError) as error:
                run.end(label, "{0}: {1}".format(self._host, error))
                raise AnsibleActionFail("{0}: {1}".format(self._host, error))
            except (BuilderLost, AnsibleConnectionFailure) as error:
                return self._hand_over(result, order, run, host, str(error))
            run.end(label, short_failure(label, self._host) if result.get("failed") else "", built_on)
        return result

    def _build(self, order, progress, former):
        """Start or join the build, and follow it to its end; return the task's result."""
        first = self._status_or_begin(order)
        if first.get("failed"):
            return first
        with live.build_display(self._host, order, progress, former) as line:
            last = self._follow(order, first, line)
        if last["status"]["state"] == "done":
            return dict(first, product=without_manifest(last["product"]), status=last["status"])
        # The rest is in the message already.
        told = {key: last["status"].get(key) for key in ("state", "stage", "percent", "log")}
        return {
            "changed": bool(first.get("changed")),
            "failed": True,
            "msg": failure_message(self._host, order, last["status"]),
            "status": told,
        }

    def _hand_over(self, result, order, run, host, trouble):
        """Have another host take over; where there is none, this one is unreachable."""
        words = "{0} cannot be reached any more ({1}); its build of {2} may go on there, and a later run will join it".format(
            self._host, trouble.strip(), order.name
        )
        run.lose(self._label, self._host)
        others = list(self._task_vars.get("ansible_play_hosts") or [])
        if not self._shared or run.elect(self._label, order.fingerprint, others) is None:
            if self._host == host:
                raise AnsibleConnectionFailure(words)
            raise AnsibleActionFail(words)
        speaking.warn(words)
        result.update(changed=False, lost=True, how="lost")
        return result

    def _follow(self, order, answer, line):
        """Query the build until it ends, and show its progress."""
        while True:
            status = answer["status"]
            line.show(status)
            if status["state"] != "running":
                return answer
            answer = self._call_until_answer(
                order, state="status", seen=status["seen"] if line.shows_stages() else None, wait_s=line.poll_s()
            )
            if answer.get("failed"):
                raise AnsibleActionFail(answer["msg"])

    def _send_mirror(self, order, folder):
        """Send what a mirror folder holds of the order's sources, once; return its URL on the host, "" for nothing held."""
        folder = os.path.abspath(os.path.expanduser(folder))
        if not os.path.isdir(folder):
            raise AnsibleActionFail("ascend_mirrors: {0} is not a folder on the controller".format(folder))
        held, lacking = mirror.contents(folder, order.sources)
        for words in lacking:
            speaking.warn("ascend_mirrors: {0}".format(words))
        if not held:
            return ""
        return "file://" + mirror.Sender(self, self._task_vars).send(order, folder, held)
