# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around a build: send mirrors of the controller, start or join it, show that it lives, tell of its failure."""

from __future__ import annotations

import json
import os
import tempfile
import time

from ansible import constants as C
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

# How long one look waits on the host for something new: long enough to cost nothing, short enough for a firewall.
LOOK_S = 15.0
# A host may reboot or a network drop while a build runs; the build goes on without us.
LOST_PATIENCE_S = 300.0

display = Display()


def elapsed(seconds: float) -> str:
    """Return seconds as "1h02m", "3m05s" or "8s"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return "{0}h{1:02d}m".format(hours, minutes)
    return "{0}m{1:02d}s".format(minutes, rest) if minutes else "{0}s".format(rest)


def failure(host: str, order: dict, status: dict) -> str:
    """Return the message for a build that ended without a product."""
    error = status.get("error") or {
        "message": "its process is gone, and never said why: killed, out of memory, or the host went down",
        "cause": "",
        "remedy": "run again: it goes on from the last good stage",
    }
    lines = [
        "{0}: building {1} {2} failed in stage {3}: {4}".format(
            host, order["name"], order["version"], status.get("stage") or "start", error["message"]
        )
    ]
    if error.get("cause"):
        lines.append("Cause: {0}".format(error["cause"]))
    lines.append(
        "What to do: {0}".format(
            error.get("remedy") or "read the log, mend what it names, and run again: good stages are not repeated"
        )
    )
    lines += ["Log: {0}:{1}".format(host, status["log"]), "Its last lines:"]
    return "\n".join(lines + ["  " + line for line in status["tail"]])


class ActionModule(ActionBase):
    """See the module of the same name for the options."""

    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        self._task_vars = task_vars
        self._host = task_vars["inventory_hostname"]
        arguments = json.loads(json.dumps(self._task.args))
        order, state = arguments["order"], arguments.get("state", "finished")
        if self._task.check_mode or state in ("status", "mirrored"):
            result.update(self._call(arguments))
            return result
        places = [self._sent(order, entry) if mirror.is_folder(entry) else entry for entry in order["mirrors"]]
        order["mirrors"] = [place for place in places if place]
        first = self._call({"order": order, "state": "started"})
        if first.get("failed"):
            result.update(first)
            return result
        result.update(first)
        if state == "started":
            if first["how"] == "joined":
                display.display("{0}: {1} is being built by another run, joining it".format(self._host, order["name"]))
            return result
        last = self._follow(order, first)
        result.update(product=last["product"], status=last["status"])
        if last["status"]["state"] != "done":
            result.update(failed=True, msg=failure(self._host, order, last["status"]))
            # The message has said it; a second time would push it off the screen.
            for key in ("tail", "error"):
                result["status"].pop(key, None)
        return result

    def _call(self, arguments):
        return self._execute_module("ascend.pytorch.build", module_args=arguments, task_vars=self._task_vars)

    def _follow(self, order, answer):
        """Look until the build ends, and say when its stage changes."""
        stage, began, lost = "", time.monotonic(), None
        while True:
            status = answer["status"]
            if status.get("stage") and status["stage"] != stage:
                stage = status["stage"]
                display.display(
                    "{0}: {1} {2}: {3} ({4})".format(
                        self._host, order["name"], order["version"], stage, elapsed(time.monotonic() - began)
                    )
                )
            if status["state"] != "running":
                return answer
            try:
                answer = self._call({"order": order, "state": "status", "seen": status["seen"], "wait_s": LOOK_S})
                trouble = answer.get("msg", "") if answer.get("failed") or answer.get("unreachable") else ""
                lost = lost if trouble else None
            except AnsibleConnectionFailure as error:
                trouble = str(error)
            if trouble:
                lost = lost or time.monotonic()
                if time.monotonic() - lost > LOST_PATIENCE_S:
                    raise AnsibleConnectionFailure(
                        "{0} cannot be reached any more ({1}); its build of {2} may go on there, and the next run "
                        "joins it".format(self._host, trouble, order["name"])
                    )
                # The connection itself is the condition waited for; each try has its own timeout.
                time.sleep(2)
                answer = {"status": status, "product": None}

    def _sent(self, order, folder):
        """Send what a mirror folder holds of the order's sources, once; return its URL on the host, "" for nothing held."""
        folder = os.path.abspath(os.path.expanduser(folder))
        if not os.path.isdir(folder):
            raise AnsibleActionFail("ascend_mirrors: {0} is not a folder on the controller".format(folder))
        held, lacking = mirror.contents(folder, order["sources"])
        for words in lacking:
            display.warning("ascend_mirrors: {0}".format(words))
        if not held:
            return ""
        name = mirror.name(held)
        asked = self._call({"order": order, "state": "mirrored", "mirror": name})
        if asked.get("failed"):
            raise AnsibleActionFail(asked["msg"])
        if not asked["present"]:
            remote = os.path.join(order["work_dir"], "mirror-{0}.tar".format(name))
            # Ansible's own temporary folder: it is the user's, and a big archive would fill the system's.
            with tempfile.TemporaryDirectory(prefix="mirror-", dir=C.DEFAULT_LOCAL_TMP) as scratch:
                packed = os.path.join(scratch, "mirror.tar")
                mirror.pack(folder, held, packed)
                self._copy(packed, remote)
            asked = self._call({"order": order, "state": "mirrored", "mirror": name, "archive": remote})
            if asked.get("failed"):
                raise AnsibleActionFail(asked["msg"])
        return "file://" + asked["folder"]

    def _copy(self, source, dest):
        task = self._task.copy()
        task.action = "ansible.builtin.copy"
        task.args = {"src": source, "dest": dest, "mode": "0600"}
        copied = self._shared_loader_obj.action_loader.get(
            "ansible.builtin.copy",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        ).run(task_vars=self._task_vars)
        if copied.get("failed"):
            raise AnsibleActionFail("the mirror could not be sent to {0}: {1}".format(self._host, copied.get("msg")))
