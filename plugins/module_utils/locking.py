# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place of the file system that one process at a time works at, whichever host it runs on that shares the file system."""

import errno
import fcntl
import os
import time
from contextlib import contextmanager

LOOK_S = 0.2


class LockError(Exception):
    """A lock cannot be had; the message says why and what to do."""


@contextmanager
def held(path, limit_s):
    # type: (str, float) -> Iterator[None]
    """Hold the lock file at a path, made with its folder where they are not there; wait for whoever holds it, so many seconds.

    flock holds on NFS, too, between hosts, unless it is mounted with local_lock. Whoever holds the lock may remove the file.
    """
    folder = os.path.dirname(path)
    # Whoever comes at the same moment makes it too.
    os.makedirs(folder, 0o755, exist_ok=True)
    until = time.monotonic() + limit_s
    descriptor = _open(path)
    try:
        while not _taken(descriptor, path):
            if time.monotonic() >= until:
                raise LockError(
                    "another process has held {0} for {1:.0f} s (fuser shows which, on the host that it runs on): wait for it or "
                    "end it, and run again".format(path, limit_s)
                )
            time.sleep(LOOK_S)
            if not _is_at(descriptor, path):
                # Whoever held it took the file away: the lock is that of the next file.
                os.close(descriptor)
                descriptor = _open(path)
        yield
    finally:
        os.close(descriptor)


def _open(path):
    # type: (str) -> int
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _taken(descriptor, path):
    # type: (int, str) -> bool
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise LockError(
                "{0} cannot be locked ({1}), so that nothing keeps apart two hosts that publish there: have its file system "
                "mounted with locks (NFS: version 4, or with lockd), or set the prefix and the Python to places of the "
                "host's own".format(path, os.strerror(error.errno))
            )
        raise
    return _is_at(descriptor, path)


def _is_at(descriptor, path):
    # type: (int, str) -> bool
    """Say whether an open file is the one at a path."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
