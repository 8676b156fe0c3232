# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a work directory holds and nobody uses any more; see builds.py and product/entries.py for its layout."""

import glob
import os
import shutil
import stat

from ansible_collections.ascend.pytorch.plugins.module_utils.base import trust
from ansible_collections.ascend.pytorch.plugins.module_utils.build import locks, stopping
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products

# What is looked at, each by its own age: these and nothing else are taken away.
_KINDS = (
    "builds/*",
    "products/*",
    "downloads/*",
    "git/*/*.git",
    "mirror/*",
)


def superfluous(work_dir, before, keep_last):
    # type: (str, float, int) -> List[str]
    """Return the paths in a work directory that were not used since a time and are none of the last products.

    :param before: as a time of files
    :param keep_last: how many products of each name, and part of one, stay however old, those that were used last
    """
    last = _last(work_dir, keep_last)
    return [path for path in _entries(work_dir) if path not in last and used(path) < before]


def _entries(work_dir):
    # type: (str) -> List[str]
    here = glob.escape(work_dir)
    return sorted(path for kind in _KINDS for path in glob.glob(os.path.join(here, kind)) if not path.endswith(".lock"))


def _last(work_dir, keep_last):
    # type: (str, int) -> Set[str]
    """Return the folders of the products that stay for being the last of their kind."""
    kinds = {}  # type: Dict[Any, List[str]]
    for folder in glob.glob(os.path.join(glob.escape(work_dir), "products", "*")):
        metadata = products.metadata(folder)
        # One that is half, or was set aside, is none.
        if metadata is not None and products.PARTIAL not in folder and products.DAMAGED not in folder:
            made = metadata["manifest"]
            kind = (made.get("name"), (made.get("identity") or {}).get("part", ""))
            kinds.setdefault(kind, []).append(folder)
    return {folder for there in kinds.values() for folder in sorted(there, key=used, reverse=True)[:keep_last]}


def used(path):
    # type: (str) -> float
    """Return when something was last used, as a time of files: it, or what it has next to its top, was changed then."""
    times = []
    for each in [path] + glob.glob(os.path.join(glob.escape(path), "*")):
        try:
            times.append(os.lstat(each).st_mtime)
        except OSError:
            continue
    return max(times or [0.0])


def size(path):
    # type: (str) -> int
    """Return how many bytes of disk something takes; of a file with several names, once."""
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
    """Take away what is superfluous; return [{"path", "size"}] of it, None while a build uses the work directory.

    OSError for what cannot be taken away, and for a work directory that others could have put something into.

    :param dry: only say so
    """
    if not os.path.isdir(work_dir):
        return []
    # A link that somebody else put there would lead to what is not ours.
    trust.demand(work_dir)
    lock = locks.lock_work_dir(work_dir, alone=True)
    if lock is None:
        return None
    try:
        # One that an older release of this collection began does not hold the lock of the whole.
        if stopping.under_way(work_dir):
            return None
        gone = [{"path": path, "size": size(path)} for path in superfluous(work_dir, before, keep_last)]
        for entry in [] if dry else gone:
            _remove(entry["path"])
        return gone
    finally:
        os.close(lock)


def _remove(path):
    # type: (str) -> None
    # What is half removed must not be taken for whole: a stamp, metadata or a store that outlives what it speaks of.
    if stat.S_ISDIR(os.lstat(path).st_mode):
        doomed = path + products.PARTIAL + "-gone"
        shutil.rmtree(doomed, ignore_errors=True)
        os.rename(path, doomed)
        shutil.rmtree(doomed)
    else:
        os.unlink(path)
