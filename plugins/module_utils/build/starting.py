# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a build, detached from the module that starts it, or continue one that was interrupted."""

import io
import os
import re
import signal
import sys
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import session
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import (
    builds,
    ending,
    locks,
    processes,
    results,
    stages,
)

# How long after its time limit a build is killed, in seconds.
GRACE_S = 5


def scope_name(order):
    # type: (Order) -> str
    """Return the name of the scope unit that this process asks systemd for, which no other process has now."""
    # The characters that systemd.unit(5) allows.
    return re.sub("[^A-Za-z0-9:_.-]", "_", "ascend-pytorch-{0}-{1}.scope".format(order.label(), os.getpid()))


def _run_detached(order, paths, ready, known):
    # type: (Order, builds.BuildPaths, int, Optional[Dict[str, str]]) -> None
    """Run the build in the detached process; never returns into the module that forked it.

    :param ready: a descriptor that is closed when the build has a status, and the end of the module cannot end it any more
    """
    os.umask(0o022)
    code = 1
    try:
        with io.open(paths.log, "a", encoding="utf-8", errors="replace") as stream:
            left = session.move_to_scope(scope_name(order))
            build = stages.Build(order, paths, stream, *left, known=known, inherited=[processes.open_mark(paths)])
            # After its time limit the build and its programs are killed.
            signal.signal(signal.SIGALRM, lambda _signal, _frame: ending.handle_timeout(order, paths))
            signal.signal(signal.SIGTERM, lambda _signal, _frame: ending.handle_stop(paths))
            # Later than the limit: a fetch keeps the limit itself and can say what it was waiting for.
            signal.alarm(int(order.timeout_s) + GRACE_S)
            try:
                build.save()
                os.close(ready)
                build.run()
                code = 0
            except Exception as error:
                ending.handle_failure(build, paths, error)
    finally:
        os._exit(code)


def start(order, known=None):
    # type: (Order, Optional[Dict[str, str]]) -> str
    """Start the build, detached; return "started" or "resumed", "joined" when it is under way, "done" when it has finished.

    :param known: logins for the order's URLs and mirrors, see base/logins.py
    """
    if builds.finished_product(order) is not None:
        results.make_missing_parts(order)
        return "done"
    paths = builds.paths(order)
    builds.make_work_dir(paths.work)
    # While it is held, nothing is cleaned; the build's head keeps it.
    work_dir_lock = locks.lock_work_dir(paths.work, alone=False)
    try:
        return _start_locked(order, paths, work_dir_lock, known)
    finally:
        os.close(work_dir_lock)


def _start_locked(order, paths, work_dir_lock, known):
    # type: (Order, builds.BuildPaths, int, Optional[Dict[str, str]]) -> str
    paths.make_folders()
    lock = locks.try_lock(paths)
    while lock is None:
        if locks.is_under_way(paths) and (read_json(paths.status) or {}).get("state") != "failed":
            return "joined"
        # It has failed and is about to end, or another process only checks the lock.
        time.sleep(0.05)
        lock = locks.try_lock(paths)
    # Another run may have finished it before the lock was taken.
    if builds.finished_product(order) is not None:
        os.close(lock)
        results.make_missing_parts(order)
        return "done"
    # Programs that a killed head left running would write into the same folders.
    processes.kill_all(paths)
    resumed = os.path.exists(paths.status)
    if resumed:
        os.unlink(paths.status)
    sys.stdout.flush()
    sys.stderr.flush()
    reads, ready = os.pipe()
    child = os.fork()
    if child:
        os.close(ready)
        os.close(lock)
        os.waitpid(child, 0)
        # The session, and every process that has not left it, may end with this module.
        with os.fdopen(reads, "rb") as stream:
            stream.read()
        return "resumed" if resumed else "started"
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir(paths.folder)
        nothing = os.open(os.devnull, os.O_RDWR)
        log = os.open(paths.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for descriptor in range(3, 256):
            if descriptor not in (work_dir_lock, lock, ready):
                try:
                    os.close(descriptor)
                except OSError:
                    pass
        _run_detached(order, paths, ready, known)
    finally:
        # Whatever happens, this process must not return a second result of the module.
        os._exit(1)
