# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a build, for a module that waits for it."""

import os
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks

# How long read_status waits for further stages before it returns a new one, in seconds.
SETTLE_S = 1.0


def read_status(order, seen=None, wait_s=0.0):
    # type: (Order, Any, float) -> Dict[str, Any]
    """Return a build's status with "log" and "tail"; wait up to wait_s for it to end or leave the stage seen.

    :param seen: of the last answer; without it only the end is waited for

    state is "running", "done", "failed", or "dead" when no process works on it any more and it did not report its end. How long
    it has printed nothing does not matter: a single file of torch_npu takes four minutes to compile.
    """
    paths = builds.paths(order)
    # By the monotonic clock: a host that has just started may set its clock back.
    begin = time.monotonic()
    # A call of the module takes longer than a short stage: stages that end within SETTLE_S are reported together.
    settled, until = begin + min(SETTLE_S, wait_s), begin + wait_s
    while True:
        status = read_json(paths.status) or {"state": "running", "stage": "", "percent": None}
        finished = builds.finished_product(order)
        if finished is not None:
            status["state"] = "done"
        elif status["state"] == "running" and not os.path.isdir(paths.folder):
            # It was never started here, or somebody has removed it.
            status["state"] = "dead"
        elif status["state"] == "running":
            # It may have ended between reading its status and trying its lock.
            if not locks.is_under_way(paths):
                status = read_json(paths.status) or status
                if status["state"] == "running":
                    status["state"] = "done" if builds.finished_product(order) is not None else "dead"
        now, when = [status["state"], status["stage"]], time.monotonic()
        if status["state"] != "running" or when >= until or (seen and now != seen and when >= settled):
            status.update(
                log=paths.log,
                tail=builds.tail(paths.log),
                seen=now,
                product=builds.finished_product(order),
                now=time.time(),
            )
            return status
        time.sleep(0.2)
