# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One build at a time: the locks of builds and of work directories. Who holds a build's is its head."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking


def try_lock(place):
    # type: (builds.Place) -> Optional[int]
    """Return the descriptor of the build's lock, None when a build holds it, or somebody looks at that just now.

    It is held by the build's head alone: a free lock means that no head lives, whatever it has left running.
    """
    return _locked(place.lock)


def lock_work_dir(work_dir, alone):
    # type: (str, bool) -> Optional[int]
    """Return the descriptor of a work directory's lock.

    :param alone: None when any build holds it; otherwise hold it together with others, as soon as nobody has it alone
    """
    return _locked(os.path.join(work_dir, "lock"), waits=not alone, shared=not alone)


def has_head(place):
    # type: (builds.Place) -> bool
    """Say whether a build is under way: its head lives, or is about to."""
    # Shared, so that of two who look neither takes the other for a head.
    lock = _locked(place.lock, shared=True)
    if lock is not None:
        os.close(lock)
    return lock is None


def _locked(path, waits=False, shared=False):
    # type: (str, bool, bool) -> Optional[int]
    """Return the descriptor of a file that is locked now, None where it cannot be; see locking.lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    has = False
    try:
        has = locking.lock(descriptor, path, waits, shared)
    finally:
        if not has:
            os.close(descriptor)
    return descriptor if has else None
