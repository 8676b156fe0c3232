# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the builds that are under way in a work directory, and stop them."""

import errno
import glob
import os
import signal
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks, processes
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products

# How long a head may take to end after SIGTERM, with its programs, and how long after SIGKILL, in seconds.
TERM_TIMEOUT_S = 20.0
KILL_TIMEOUT_S = 5.0


def find_under_way(work_dir):
    # type: (str) -> List[builds.BuildPaths]
    """Return the paths of the builds that are under way in a work directory."""
    lock_files = sorted(glob.glob(os.path.join(glob.escape(work_dir), "builds", "*", "lock")))
    found = [builds.BuildPaths(work_dir, os.path.basename(os.path.dirname(path))) for path in lock_files]
    return [paths for paths in found if locks.is_under_way(paths)]


def find_unfinished(work_dir):
    # type: (str) -> List[builds.BuildPaths]
    """Return the paths of the builds that are under way and have no product yet.

    A head that has finished its product only deletes its own folders, which can take seconds on a busy disk.
    """
    return [paths for paths in find_under_way(work_dir) if not products.is_complete(paths.product)]


def all_are_ending(work_dir):
    # type: (str) -> bool
    """Say whether builds are under way in a work directory that all have their products."""
    return bool(find_under_way(work_dir)) and not find_unfinished(work_dir)


def stop(paths, timeout_s=TERM_TIMEOUT_S):
    # type: (builds.BuildPaths, float) -> None
    """Stop a build so that it can be continued: its head reports that it was stopped, and kills its programs.

    A head that takes longer is killed. Raises OSError where that is not permitted, or it does not end even then.
    """
    until, sent = time.monotonic() + timeout_s, set()
    while locks.is_under_way(paths):
        now, pid = time.monotonic(), _head_pid(paths)
        if now >= until + KILL_TIMEOUT_S:
            raise OSError(errno.EBUSY, "it does not end although it was killed (process {0})".format(pid))
        number = signal.SIGTERM if now < until else signal.SIGKILL
        if pid is not None and (pid, number) not in sent:
            sent.add((pid, number))
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        time.sleep(0.05)
    # A build that was started again in the meantime has its own programs.
    lock = locks.try_lock(paths)
    if lock is not None:
        try:
            processes.kill_all(paths)
        finally:
            os.close(lock)


def _head_pid(paths):
    # type: (builds.BuildPaths) -> Optional[int]
    """Return the process number of a build's head, None where it is unknown or not the head's any more."""
    pid = (read_json(paths.status) or {}).get("pid")
    try:
        lock = os.stat(paths.lock)
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
