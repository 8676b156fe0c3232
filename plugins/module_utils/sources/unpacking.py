# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack archives without trusting them: nothing is written outside of the tree."""

import errno
import os
import shutil
import time
from typing import IO, Dict, Iterator, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import extensions
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import (
    Entry,
    describe_os_error,
    is_damage,
    open_archive,
    remove,
    split_name,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.links import refuse_links_out_of
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.zips import ArchiveError, Limit, too_large_error


def place_file(path: str, dest: str) -> None:
    """Put a file at `dest`, in the place of what is there: as a hard link, or as a copy on another file system.

    `dest` is whole or absent. Raises ArchiveError when it cannot be written.
    """
    partial = dest + ".partial"
    try:
        remove(partial)
        os.makedirs(os.path.dirname(dest), exist_ok=True)
        try:
            os.link(path, partial)
        except OSError:
            # Another file system, or one without hard links.
            shutil.copyfile(path, partial)
        os.rename(partial, dest)
        # Renaming does nothing between two links of one file.
        remove(partial)
    except OSError as error:
        raise ArchiveError(describe_os_error(error, "put %s at %s" % (path, dest), dest)) from error


def unpack(archive: str, dest: str, strip: int = 1, limit: Optional[Limit] = None) -> None:
    """Unpack `archive` (tar, tar.gz, tar.bz2, tar.xz or zip) as the tree `dest`, replacing what is there.

    The tree is written in `<dest>.partial` and renamed, so `dest` is whole or absent. `strip` leading folders are taken
    off every name and must be the same for all of them. The files belong to the caller, lose setuid, setgid and sticky
    bits, and keep their times, except that no time is later than now: make never ends on sources from the future.
    `limit` is the most that the archive may hold. It is for archives without a pinned digest: a few bytes of a sparse or
    well compressed one could fill a disk, with one file or with a million empty ones.

    Raises ArchiveError for a file that is missing, empty, cut short or not an archive, and for an archive that has
    absolute paths, `..`, links that lead out of the tree, devices or pipes, or more than `limit`. Nothing is written
    outside `<dest>.partial`.
    """
    dest = dest.rstrip("/")
    partial = dest + ".partial"
    try:
        remove(partial)
        make_folder(partial, 0o700)
        if limit is not None:
            _require_space(partial, limit.size)
        with open_archive(archive, limit=limit) as entries:
            _write_tree(archive, entries, partial, strip, limit)
    except BaseException as error:
        remove(partial)
        if isinstance(error, extensions.ModuleMissing):
            raise ArchiveError("%s cannot be unpacked: %s." % (archive, error)) from error
        if is_damage(error):
            raise ArchiveError(
                "%s is not an archive, or is damaged or cut short (%s). Remove it, so that it is fetched "
                "again." % (archive, str(error) or type(error).__name__)
            ) from error
        if isinstance(error, OSError):
            raise ArchiveError(describe_os_error(error, "unpack %s into %s" % (archive, dest), dest)) from error
        raise
    former = dest + ".former"
    remove(former)
    if os.path.lexists(dest):
        os.rename(dest, former)
    os.rename(partial, dest)
    remove(former)


def _write_tree(archive: str, entries: Iterator[Entry], tree: str, strip: int, limit: Optional[Limit]) -> None:
    """Write `entries` into the empty folder `tree`. Symbolic links come last: until then no name can lead elsewhere."""
    now = min(time.time(), os.stat(tree).st_mtime)  # a file server's clock may differ: the earlier time is safe
    links = {}  # type: Dict[str, str]
    folders = {}  # type: Dict[str, Tuple[int, float]]
    tops = set()
    written = made = 0
    for entry in entries:
        top, name = split_name(archive, entry, strip)
        # Count before anything is made: one name may be a thousand folders deep.
        made += 1 + (_count_missing_folders(os.path.dirname(os.path.join(tree, name))) if limit else 0)
        if limit and made > limit.entries:
            raise too_large_error(archive, limit.entries, "entries")
        if top is None:
            continue
        tops.add(top)
        if len(tops) > 1:
            raise ArchiveError(
                "%s has more than one top folder (%s): it is not the expected archive. Name "
                "the right file and digest." % (archive, ", ".join(sorted(map(repr, tops))))
            )
        if not name:
            continue
        path = os.path.join(tree, name)
        when = max(0, min(entry.mtime, now))
        if entry.kind == "dir":
            os.makedirs(path, exist_ok=True)
            folders[path] = (entry.mode & 0o777 | 0o700, when)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        links.pop(name, None)
        if os.path.lexists(path):  # the last entry of a name counts, as with tar
            os.unlink(path)
        if entry.kind == "symlink":
            links[name] = entry.target
        elif entry.kind == "hardlink":
            _link(archive, entry, tree, path, name, links, strip)
        elif entry.kind == "file" and entry.open is not None:
            with entry.open() as source, open(path, "xb") as out:
                written += _copy(source, out, limit.size - written if limit else None)
            if limit and written > limit.size:
                raise too_large_error(archive, limit.size, "bytes")
            os.chmod(path, entry.mode & 0o777 | 0o600)
            os.utime(path, (when, when))
        else:
            raise ArchiveError(
                "%s holds %r, a %s: refused. It is not the expected archive." % (archive, entry.name, entry.kind)
            )
    if not tops:
        raise ArchiveError("%s is an empty archive. Name the right file and digest." % archive)
    for name, target in links.items():
        os.symlink(target, os.path.join(tree, name))
    refuse_links_out_of(tree, "%s is refused" % archive)
    _finish_folders(tree, folders)


def _copy(source: IO[bytes], out: IO[bytes], most: Optional[int]) -> int:
    """Copy a stream and return the number of bytes; copies at most one more than `most`."""
    written, block = 0, 1024 * 1024
    while True:
        some = source.read(block if most is None else min(block, most + 1 - written))
        if not some:
            return written
        out.write(some)
        written += len(some)


def _count_missing_folders(folder: str) -> int:
    """Return how many folders must be made for this one to exist, itself included."""
    count = 0
    while not os.path.isdir(folder):
        folder, count = os.path.dirname(folder), count + 1
    return count


def _require_space(folder: str, needed: int) -> None:
    """Raise the OSError of a full disk now, if so many bytes do not fit."""
    disk = os.statvfs(folder)
    if needed > disk.f_bavail * disk.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _finish_folders(tree: str, folders: Dict[str, Tuple[int, float]]) -> None:
    """Set the modes and times of folders, the deepest first, since writing in a folder changes its time."""
    for folder, _folders, _files in os.walk(tree, topdown=False):
        mode, when = folders.get(folder, (0o755, None))  # a default for folders without an entry
        os.chmod(folder, mode)
        if when is not None:
            os.utime(folder, (when, when))


def _link(archive: str, entry: Entry, tree: str, path: str, name: str, links: Dict[str, str], strip: int) -> None:
    target = split_name(archive, entry._replace(name=entry.target), strip)[1]
    original = os.path.join(tree, target)
    if target in links:  # a hard link to a symbolic link
        links[name] = links[target]
    elif target and os.path.isfile(original):
        os.link(original, path)
    else:
        raise ArchiveError(
            "%s holds %r, a hard link to %r, which it does not hold: refused." % (archive, entry.name, entry.target)
        )
