# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there whole or not at all, and what is on the disk and not only in memory: after a power cut, too."""

import contextlib
import errno
import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import file_names


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


def sync(path):
    # type: (str) -> None
    """Wait until a file's content, or a folder's names, are on the disk; OSError where they could not be."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know of no such thing for folders.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def flush(stream):
    # type: (IO[Any]) -> None
    """Wait until what was written to an open file is on the disk; OSError where it could not be."""
    stream.flush()
    os.fsync(stream.fileno())


def move(source, dest):
    # type: (str, str) -> None
    """Give a finished file its name, in place of what has that; OSError. Its content is on the disk before, and the name after.

    :param source: on the same file system
    """
    sync(source)
    os.rename(source, dest)
    sync(os.path.dirname(dest) or ".")


def write(path, content, mode=None, lasts=True, apart=False):
    # type: (str, Union[str, bytes], Optional[int], bool, bool) -> None
    """Write a small file, UTF-8, by a rename: whoever reads it finds the former one or this one, whole. OSError.

    :param mode: of the file; what the umask leaves by default
    :param lasts: a power cut does not take it away again, nor leave a half
    :param apart: others may write it at the same time, on machines that share the folder too
    """
    partial = path + ".partial" + ("-" + os.urandom(8).hex() if apart else "")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None:
                # Whatever the umask takes, and whatever a killed run left there.
                os.fchmod(descriptor, mode)
            stream.write(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
            if lasts:
                flush(stream)
        os.rename(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    if lasts:
        sync(os.path.dirname(path) or ".")


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
