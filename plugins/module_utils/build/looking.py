# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a build stands, for whoever waits for it."""

import os
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks

# How long a look at a build waits for stages that follow one another at once, in seconds.
SETTLE_S = 1.0


def look(order, seen=None, wait_s=0.0):
    # type: (Order, Any, float) -> Dict[str, Any]
    """Return how a build stands: its status with "log" and "tail"; waits up to wait_s for it to end or leave the stage seen.

    :param seen: of a former answer; without it the end alone is waited for

    state is "running", "done", "failed", or "dead" when no process works on it any more and it never said that it ended.
    """
    place = builds.place(order)
    # A host that has just come up may set its clock back.
    begin = time.monotonic()
    # Each look costs more than a short stage does; what passes within that time is told together.
    settled, until = begin + min(SETTLE_S, wait_s), begin + wait_s
    while True:
        status = read_json(place.status) or {"state": "running", "stage": "", "percent": None}
        finished = builds.product(order)
        if finished is not None:
            status["state"] = "done"
        elif status["state"] == "running" and not os.path.isdir(place.folder):
            # It was never begun here, or somebody has taken it away.
            status["state"] = "dead"
        elif status["state"] == "running":
            # It may have ended between reading its status and trying its lock.
            if not locks.has_head(place):
                status = read_json(place.status) or status
                if status["state"] == "running":
                    status["state"] = "done" if builds.product(order) is not None else "dead"
        now, when = [status["state"], status["stage"]], time.monotonic()
        if status["state"] != "running" or when >= until or (seen and now != seen and when >= settled):
            status.update(
                log=place.log, tail=builds.tail(place.log), seen=now, product=builds.product(order), now=time.time()
            )
            return status
        time.sleep(0.2)
