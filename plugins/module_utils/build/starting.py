# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start a build: detached from the module that does it, and gone on from where a former run ended."""

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

# How long after its time limit a build is ended as a whole, in seconds.
GRACE_S = 5


def scope_name(order):
    # type: (Order) -> str
    """Return the name of the unit that this process asks systemd for: no other process has that now."""
    # What systemd.unit(5) lets a name have.
    return re.sub("[^A-Za-z0-9:_.-]", "_", "ascend-pytorch-{0}-{1}.scope".format(order.label(), os.getpid()))


def _live(order, place, ready, known):
    # type: (Order, builds.Place, int, Optional[Dict[str, str]]) -> None
    """The life of the detached process: it must never return into the module that made it.

    :param ready: a descriptor that is closed when the build can be asked, and nothing of the module's can end it any more
    """
    os.umask(0o022)
    code = 1
    try:
        with io.open(place.log, "a", encoding="utf-8", errors="replace") as stream:
            left = session.leave(scope_name(order))
            build = stages.Build(order, place, stream, *left, known=known, passes=[processes.mark(place)])
            # Past its time limit a build is ended as a whole, programs and all.
            signal.signal(signal.SIGALRM, lambda _signal, _frame: ending.out_of_time(order, place))
            signal.signal(signal.SIGTERM, lambda _signal, _frame: ending.stopped(place))
            # A fetch keeps to the limit itself, and can say what it was waiting for.
            signal.alarm(int(order.timeout_s) + GRACE_S)
            try:
                build.save()
                os.close(ready)
                build.run()
                code = 0
            except Exception as error:
                ending.fail(build, place, error)
    finally:
        os._exit(code)


def start(order, known=None):
    # type: (Order, Optional[Dict[str, str]]) -> str
    """Start the build, detached, and return "started", "resumed"; "joined" when it is under way, "done" when it stands.

    :param known: logins for the order's URLs and mirrors, see base/logins.py
    """
    if builds.product(order) is not None:
        results.complete(order)
        return "done"
    place = builds.place(order)
    builds.make_work_dir(place.work)
    # As long as it is held, nobody takes anything away; the head keeps it.
    using = locks.lock_work_dir(place.work, alone=False)
    try:
        return _start(order, place, using, known)
    finally:
        os.close(using)


def _start(order, place, using, known):
    # type: (Order, builds.Place, int, Optional[Dict[str, str]]) -> str
    place.make()
    lock = locks.try_lock(place)
    while lock is None:
        if locks.has_head(place) and (read_json(place.status) or {}).get("state") != "failed":
            return "joined"
        # It has said that it failed and is about to end, or somebody only looks at it.
        time.sleep(0.05)
        lock = locks.try_lock(place)
    # Between the first look and the lock another run may have finished it.
    if builds.product(order) is not None:
        os.close(lock)
        results.complete(order)
        return "done"
    # What a killed head left running would work on in the same folders.
    processes.end(place)
    resumed = os.path.exists(place.status)
    if resumed:
        os.unlink(place.status)
    sys.stdout.flush()
    sys.stderr.flush()
    reads, ready = os.pipe()
    child = os.fork()
    if child:
        os.close(ready)
        os.close(lock)
        os.waitpid(child, 0)
        # The session may end with this module, and whatever has not left it.
        with os.fdopen(reads, "rb") as stream:
            stream.read()
        return "resumed" if resumed else "started"
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir(place.folder)
        nothing = os.open(os.devnull, os.O_RDWR)
        log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for descriptor in range(3, 256):
            if descriptor not in (using, lock, ready):
                try:
                    os.close(descriptor)
                except OSError:
                    pass
        _live(order, place, ready, known)
    finally:
        # Whatever happens here, a second module must not answer in the first one's name.
        os._exit(1)
