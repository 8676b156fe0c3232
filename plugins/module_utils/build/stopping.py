# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The builds that are under way in a work directory, and their end because somebody wants it."""

import errno
import glob
import os
import signal
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks, processes

# How long a head may take to end by itself, with its programs, and how long once it is killed, in seconds.
PATIENCE_S = 20.0
KILLED_S = 5.0


def under_way(work_dir):
    # type: (str) -> List[builds.Place]
    """Return the places of the builds that are under way in a work directory."""
    paths = sorted(glob.glob(os.path.join(glob.escape(work_dir), "builds", "*", "lock")))
    places = [builds.Place(work_dir, os.path.basename(os.path.dirname(path))) for path in paths]
    return [place for place in places if locks.has_head(place)]


def stop(place, patience_s=PATIENCE_S):
    # type: (builds.Place, float) -> None
    """End a build so that it can be gone on with: its head says that it was stopped, and ends its programs.

    One that does not in that time is killed. OSError where it may not be, or does not end even so.
    """
    until, sent = time.monotonic() + patience_s, set()
    while locks.has_head(place):
        now, pid = time.monotonic(), _head(place)
        if now >= until + KILLED_S:
            raise OSError(errno.EBUSY, "it does not end, though killed (process {0})".format(pid))
        number = signal.SIGTERM if now < until else signal.SIGKILL
        if pid is not None and (pid, number) not in sent:
            sent.add((pid, number))
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
    # What is begun anew meanwhile has programs of its own.
    lock = locks.try_lock(place)
    if lock is not None:
        try:
            processes.end(place)
        finally:
            os.close(lock)


def _head(place):
    # type: (builds.Place) -> Optional[int]
    """Return the process of a build's head, None where it is not known, or has just ended: its number may be another's."""
    pid = (read_json(place.status) or {}).get("pid")
    try:
        lock = os.stat(place.lock)
        descriptors = glob.glob("/proc/{0}/fd/*".format(pid))
    except OSError:
        return None
    for path in descriptors:
        try:
            held = os.stat(path)
        except OSError:
            continue
        if (held.st_dev, held.st_ino) == (lock.st_dev, lock.st_ino):
            return pid
    return None
