# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the disk, and not only in memory: whoever is told of it after a power cut finds it whole."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils import file_names


def sync_file_system(path):
    # type: (str) -> None
    """Wait until all that was written to the file system of a path is on its disk. Raises OSError where it could not be."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        syncfs = _syncfs()
        if syncfs is None:
            # Of all file systems, and without a word of what failed.
            os.sync()
            return
        number = syncfs(descriptor)
        if number:
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)


def _syncfs():
    # type: () -> Optional[Callable[[int], int]]
    """Return the C library's syncfs (Linux 2.6.39), which gives 0 or an errno; None where there is none to be called."""
    try:
        # Not before: a Python may have been built without it.
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        function = library.syncfs
    except (ImportError, OSError, AttributeError):
        return None
    return lambda descriptor: ctypes.get_errno() if function(descriptor) else 0


def write(path, text):
    # type: (str, str) -> None
    """Write a small file by a rename, the content before the name and the name before it returns."""
    partial = path + ".partial"
    with open(partial, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(partial, path)
    sync_folder(os.path.dirname(path) or ".")


def sync_folder(path):
    # type: (str) -> None
    """Wait until the names in a folder are on the disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def listing(folder):
    # type: (str) -> Dict[str, Any]
    """Return what stands below a folder: relative path -> the size of a file, or where a link leads."""
    found = {}  # type: Dict[str, Any]
    for top, names, files in os.walk(folder):
        for name in files + [name for name in names if os.path.islink(os.path.join(top, name))]:
            path = os.path.join(top, name)
            relative = file_names.told(os.path.relpath(path, folder))
            found[relative] = file_names.told(os.readlink(path)) if os.path.islink(path) else os.lstat(path).st_size
    return found


def lacking(folder, known):
    # type: (str, Dict[str, Any]) -> List[str]
    """Return the paths of a listing that are not there as they were; what came since does not count."""
    there = listing(folder)
    return sorted(path for path, was in known.items() if there.get(path) != was)
