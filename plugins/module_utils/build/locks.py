# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of builds and of work directories. The process that runs a build, its head, holds the build's lock."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking


def try_lock(paths):
    # type: (builds.BuildPaths) -> Optional[int]
    """Return the descriptor of the build's lock, None when the build's head holds it, or somebody is checking it.

    Only the head holds it: a free lock means that there is no head, but it may have left programs running.
    """
    return _open_locked(paths.lock)


def lock_work_dir(work_dir, alone):
    # type: (str, bool) -> Optional[int]
    """Return the descriptor of a work directory's lock.

    :param alone: exclusive, None when any build holds it; otherwise shared, after waiting for who holds it exclusively
    """
    return _open_locked(os.path.join(work_dir, "lock"), waits=not alone, shared=not alone)


def is_under_way(paths):
    # type: (builds.BuildPaths) -> bool
    """Say whether a build is under way: it has a head, or is about to have one."""
    # Shared, so that two processes that check it do not take each other for a head.
    lock = _open_locked(paths.lock, shared=True)
    if lock is not None:
        os.close(lock)
    return lock is None


def _open_locked(path, waits=False, shared=False):
    # type: (str, bool, bool) -> Optional[int]
    """Open a file and lock it; return its descriptor, None where another holds the lock. See locking.lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    has = False
    try:
        has = locking.lock(descriptor, path, waits, shared)
    finally:
        if not has:
            os.close(descriptor)
    return descriptor if has else None
