# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove from a work directory what is no longer used; for its layout see builds.py and product/entries.py."""

import glob
import os
import shutil
import stat
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import trust
from ansible_collections.ascend.pytorch.plugins.module_utils.build import locks, stopping
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products

# How long to wait for builds that have their products and only clean up, in seconds.
ENDING_TIMEOUT_S = 30.0

# The paths that may be removed, each by its own age.
_KINDS = (
    "builds/*",
    "products/*",
    "downloads/*",
    "git/*/*.git",
    "mirror/*",
)


def find_unused(work_dir, before, keep_last):
    # type: (str, float, int) -> List[str]
    """Return the paths in a work directory that were not used since a time, apart from the last products.

    :param before: as a time of files
    :param keep_last: how many products of each name and part are kept, however old: those that were used last
    """
    last = _find_last_used(work_dir, keep_last)
    return [path for path in _entries(work_dir) if path not in last and last_used(path) < before]


def _entries(work_dir):
    # type: (str) -> List[str]
    here = glob.escape(work_dir)
    return sorted(path for kind in _KINDS for path in glob.glob(os.path.join(here, kind)) if not path.endswith(".lock"))


def _find_last_used(work_dir, keep_last):
    # type: (str, int) -> Set[str]
    """Return the folders of the products that are kept because they were used last."""
    kinds = {}  # type: Dict[Any, List[str]]
    for folder in glob.glob(os.path.join(glob.escape(work_dir), "products", "*")):
        metadata = products.metadata(folder)
        # Incomplete and damaged ones do not count.
        if metadata is not None and products.PARTIAL not in folder and products.DAMAGED not in folder:
            made = metadata["manifest"]
            kind = (made.get("name"), (made.get("identity") or {}).get("part", ""))
            kinds.setdefault(kind, []).append(folder)
    return {folder for there in kinds.values() for folder in sorted(there, key=last_used, reverse=True)[:keep_last]}


def last_used(path):
    # type: (str) -> float
    """Return when a path was last used, as a time of files: the newest of its own and of those directly in it."""
    times = []
    for each in [path] + glob.glob(os.path.join(glob.escape(path), "*")):
        try:
            times.append(os.lstat(each).st_mtime)
        except OSError:
            continue
    return max(times or [0.0])


def disk_usage(path):
    # type: (str) -> int
    """Return how many bytes a path uses on disk; a file with several names counts once."""
    seen, total = set(), 0
    for each in [path] + [os.path.join(top, name) for top, dirs, files in os.walk(path) for name in dirs + files]:
        try:
            info = os.lstat(each)
        except OSError:
            continue
        if (info.st_dev, info.st_ino) not in seen:
            seen.add((info.st_dev, info.st_ino))
            total += 512 * info.st_blocks
    return total


def clean(work_dir, before, keep_last, dry=False):
    # type: (str, float, int, bool) -> Optional[List[Dict[str, Any]]]
    """Remove what is not used; return [{"path", "size"}] of it, None while a build uses the work directory.

    Raises OSError for what cannot be removed, and for a work directory that other accounts could have put something into.

    :param dry: only return it
    """
    if not os.path.isdir(work_dir):
        return []
    # A link that another account made could lead out of the work directory.
    trust.require_private(work_dir)
    until = time.monotonic() + ENDING_TIMEOUT_S
    lock = locks.lock_work_dir(work_dir, alone=True)
    while lock is None and time.monotonic() < until and stopping.all_are_ending(work_dir):
        time.sleep(0.1)
        lock = locks.lock_work_dir(work_dir, alone=True)
    if lock is None:
        return None
    try:
        # A build of an older release of this collection does not hold the lock of the work directory.
        if stopping.find_under_way(work_dir):
            return None
        removed = [{"path": path, "size": disk_usage(path)} for path in find_unused(work_dir, before, keep_last)]
        for entry in [] if dry else removed:
            _remove(entry["path"])
        return removed
    finally:
        os.close(lock)


def _remove(path):
    # type: (str) -> None
    # Renamed first: what is removed half must not look complete, such as a stamp or metadata without its files.
    if stat.S_ISDIR(os.lstat(path).st_mode):
        renamed = path + products.PARTIAL + "-gone"
        shutil.rmtree(renamed, ignore_errors=True)
        os.rename(path, renamed)
        shutil.rmtree(renamed)
    else:
        os.unlink(path)
