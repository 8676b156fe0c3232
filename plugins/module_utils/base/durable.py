# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write files so that they are complete or missing, also after a power cut: written to the disk, not only to memory."""

import contextlib
import errno
import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import file_names


def sync_file_system(path):
    # type: (str) -> None
    """Wait until all data written to the file system of a path is on its disk. Raises OSError if that fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        syncfs = _syncfs()
        if syncfs is None:
            # This syncs all file systems, and reports no error.
            os.sync()
            return
        number = syncfs(descriptor)
        if number:
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)


def _syncfs():
    # type: () -> Optional[Callable[[int], int]]
    """Return a call of the C library's syncfs (Linux 2.6.39) that returns 0 or an errno; None if it is not available."""
    try:
        # Not at the top: a Python may have been built without it.
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        function = library.syncfs
    except (ImportError, OSError, AttributeError):
        return None
    return lambda descriptor: ctypes.get_errno() if function(descriptor) else 0


def sync(path):
    # type: (str) -> None
    """Wait until a file's content, or the names in a folder, are on the disk. Raises OSError if that fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not support this for folders.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def flush(stream):
    # type: (IO[Any]) -> None
    """Wait until what was written to an open file is on the disk. Raises OSError if that fails."""
    stream.flush()
    os.fsync(stream.fileno())


def replace(source, dest):
    # type: (str, str) -> None
    """Rename a finished file, replacing any file of that name. First its content, then its name is written to the disk.

    :param source: on the same file system
    :raises OSError: one of these steps fails
    """
    sync(source)
    os.rename(source, dest)
    sync(os.path.dirname(dest) or ".")


def write(path, content, mode=None, synced=True, concurrent=False):
    # type: (str, Union[str, bytes], Optional[int], bool, bool) -> None
    """Write a small file, UTF-8, and rename it to its path: a reader gets either the complete old file or the complete new one.

    :param mode: of the file; by default 0666 less the umask
    :param synced: wait until it is on the disk, so that it survives a power cut
    :param concurrent: other processes may write it at the same time, also on other machines that share the folder
    :raises OSError: it cannot be written
    """
    partial = path + ".partial" + ("-" + os.urandom(8).hex() if concurrent else "")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None:
                # Regardless of the umask, and of the mode of a file that a killed run left.
                os.fchmod(descriptor, mode)
            stream.write(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
            if synced:
                flush(stream)
        os.rename(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
    if synced:
        sync(os.path.dirname(path) or ".")


def list_files(folder):
    # type: (str) -> Dict[str, Any]
    """Return the files and links below a folder: relative path -> the size of a file in bytes, or the target of a link."""
    found = {}  # type: Dict[str, Any]
    for top, names, files in os.walk(folder):
        for name in files + [name for name in names if os.path.islink(os.path.join(top, name))]:
            path = os.path.join(top, name)
            relative = file_names.to_text(os.path.relpath(path, folder))
            found[relative] = file_names.to_text(os.readlink(path)) if os.path.islink(path) else os.lstat(path).st_size
    return found


def missing_or_changed(folder, known):
    # type: (str, Dict[str, Any]) -> List[str]
    """Return the paths of an earlier list_files() that are missing or changed; files added since then are ignored."""
    there = list_files(folder)
    return sorted(path for path, was in known.items() if there.get(path) != was)
