# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lock files: one process at a time holds a lock, among all hosts that share the file system."""

import errno
import fcntl
import os
import time
from contextlib import contextmanager

from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder

POLL_S = 0.2


class LockError(Exception):
    """A lock cannot be acquired; the message says why and what to do."""


class LocksUnsupported(LockError, OSError):
    """The file system does not support locks; `strerror` says what to do."""

    def __str__(self):
        # type: () -> str
        # OSError would add its number, and the path again.
        return str(self.strerror)


# The errors of a file system that does not support locks.
_UNSUPPORTED_ERRNOS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def lock(descriptor, path, waits=False, shared=False):
    # type: (int, str, bool, bool) -> bool
    """Lock an open file until it is closed in this process and all processes forked from it; return whether that succeeded.

    :param path: of the file, for the message; :param waits: wait without limit until the lock is free
    :param shared: a shared lock, which several processes can hold, but none together with an exclusive one
    :raises LocksUnsupported: the file system does not support locks
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(descriptor, how if waits else how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _UNSUPPORTED_ERRNOS:
            raise LocksUnsupported(
                error.errno,
                "{0} cannot be locked ({1}), so two processes could work there at the same time: mount its file system "
                "with locks (NFS: version 4, or with lockd; Lustre: with flock)".format(path, os.strerror(error.errno)),
                path,
            )
        raise
    return True


@contextmanager
def hold(path, limit_s, waiting=None):
    # type: (str, float, Optional[Callable[[], None]]) -> Iterator[int]
    """Hold the lock file at a path, which is created with its folder if missing; wait up to `limit_s` seconds for it.

    On NFS, flock also locks between hosts, unless it is mounted with local_lock. The process with the lock may remove the
    file. Yields the file's descriptor: a program that inherits it holds the lock as well.

    :param waiting: called once if the lock is not free
    :raises LockError: the lock was not free in that time, or is not supported
    """
    make_folder(os.path.dirname(path), 0o755)
    until = time.monotonic() + limit_s
    descriptor = _open(path)
    try:
        while not _try_lock(descriptor, path):
            if waiting is not None:
                waiting()
                waiting = None
            if time.monotonic() >= until:
                raise LockError(
                    "another process has held {0} for {1:.0f} s (fuser shows which, on the host that it runs on): wait for it or "
                    "end it, and run again".format(path, limit_s)
                )
            time.sleep(POLL_S)
            if not _is_at(descriptor, path):
                # The process that held the lock has removed the file: use the new file at that path.
                os.close(descriptor)
                descriptor = _open(path)
        yield descriptor
    finally:
        os.close(descriptor)


def _open(path):
    # type: (str) -> int
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try_lock(descriptor, path):
    # type: (int, str) -> bool
    return lock(descriptor, path) and _is_at(descriptor, path)


def _is_at(descriptor, path):
    # type: (int, str) -> bool
    """Say whether an open file is the one at a path."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
