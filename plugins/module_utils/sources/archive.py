# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the entries of an archive, without trusting it. unpacking.py writes them as a tree; packing.py packs a tree."""

import errno
import os
import shutil
import stat
import sys
import tarfile
import time
import zipfile
from contextlib import contextmanager
from typing import IO, Callable, Iterator, NamedTuple, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import extensions, file_names
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import zips
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.zips import ArchiveError, Limit

# What the readers below raise on damaged input. Bad gzip and bz2 data raises an OSError without an errno.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)

# The same for modules that this Python may lack. A module that is not loaded cannot have raised anything.
_DAMAGE_OF = {"lzma": "LZMAError", "zlib": "error"}

# The module that decompresses a file: by the file's first bytes, and by zip's number of the compression method.
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\xfd7": "lzma"}
_ZIPPED = {zipfile.ZIP_DEFLATED: "zlib", zipfile.ZIP_BZIP2: "bz2", zipfile.ZIP_LZMA: "lzma"}

# At most so many bytes of a link's target are read: one more than a path has on Linux (PATH_MAX counts the final NUL).
_LINK_BYTES = 4096


Entry = NamedTuple(
    "Entry",
    [
        ("name", str),  # as in the archive, encoded for this Python's file functions
        ("kind", str),  # "file", "dir", "symlink", "hardlink" or "device or pipe"
        ("mode", int),
        ("mtime", float),  # seconds since 1970
        ("target", str),  # of a link
        ("open", Optional[Callable[[], IO[bytes]]]),  # of a file
    ],
)


def read_file(archive: str, name: str, most: int) -> Optional[bytes]:
    """Return the content of the file `name` in an archive, None when it is missing or has more than `most` bytes.

    Names are those of `unpack` with strip=0. The archive is read only up to the end of that file. None too when it cannot
    be read up to there: `unpack` says why.
    """
    try:
        with open_archive(archive, whole=False) as entries:
            for entry in entries:
                if entry.open is not None and split_name(archive, entry, 0)[1] == name:
                    with entry.open() as stream:
                        held = stream.read(most + 1)
                    return held if len(held) <= most else None
    except (OSError, ArchiveError, extensions.ModuleMissing):
        return None
    except Exception as error:
        if not is_damage(error):
            raise
    return None


def is_damage(error: BaseException) -> bool:
    """Say whether an error is what a reader raises on damaged input."""
    classes = tuple(getattr(sys.modules[name], kind) for name, kind in _DAMAGE_OF.items() if sys.modules.get(name))
    return isinstance(error, _DAMAGE + classes) or (isinstance(error, OSError) and error.errno is None)


class _Stream:
    """The stream that tarfile reads. It keeps the last piece, since seeking back in a compressed stream reads it all again."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._last = (0, b"")
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        # tarfile reads a long name into memory, whatever length the archive states.
        if size > zips.AT_ONCE_BYTES:
            raise tarfile.ReadError("the name of an entry has %d bytes" % size)
        at = self._stream.tell()
        self._last = at, self._stream.read(size)
        return self._last[1]

    def block(self, at: int) -> bytes:
        """Return the block of a tar that begins at byte `at`; shorter, or empty, when the stream ends before the block does."""
        if self._last[0] != at:
            self.seek(at)
            self.read(tarfile.BLOCKSIZE)
        return self._last[1][: tarfile.BLOCKSIZE]


@contextmanager
def open_archive(archive: str, whole: bool = True, limit: Optional[Limit] = None) -> Iterator[Iterator[Entry]]:
    """Open an archive and give its entries in their order. Its format is taken from its first bytes, not from its name.

    whole: read all entries, and check that the archive ends as it must.
    """
    with open(archive, "rb") as raw:
        magic = raw.read(4)
    if not magic:
        raise ArchiveError("%s is empty. Remove it, so that it is fetched again." % archive)
    if magic in (b"PK\x03\x04", b"PK\x05\x06"):
        with zips.open_zip(archive, limit.entries if limit else None) as zipped:
            yield _zip_entries(zipped)
        return
    # tarfile can detect the compression itself, but then hides why a file cannot be read.
    reader = _COMPRESSED.get(magic[:2])
    with (extensions.load(reader).open if reader else open)(archive, "rb") as opened:
        stream = _Stream(opened)
        with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            yield _tar_entries(tar)
            if not whole:
                return
            # tarfile takes anything that is not a header as the end: a damaged header, or no block at all. The format
            # requires two blocks of zeros at the end; one is proof enough.
            if stream.block(tar.offset) != b"\0" * tarfile.BLOCKSIZE:
                raise tarfile.ReadError("neither a member nor the end mark is at byte %d" % tar.offset)
        while stream.read(1024 * 1024):  # the compressed stream's checksum comes after all that tarfile reads
            pass


def _tar_entries(tar: tarfile.TarFile) -> Iterator[Entry]:
    for info in tar:
        kind = (
            "file"
            if info.isreg()
            else "dir"
            if info.isdir()
            else "symlink"
            if info.issym()
            else "hardlink"
            if info.islnk()
            else "device or pipe"
        )
        yield Entry(
            file_names.to_native(info.name),
            kind,
            info.mode,
            info.mtime,
            file_names.to_native(info.linkname),
            (lambda one=info: tar.extractfile(one)) if kind == "file" else None,
        )


def _zip_entries(opened: zips.Zip) -> Iterator[Entry]:
    for info in opened.infolist():
        mode = info.external_attr >> 16  # the Unix mode; 0 when packed on another system
        folder = info.filename.endswith("/")
        kind = "dir" if folder else "file"
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            kind = "symlink" if stat.S_ISLNK(mode) else "device or pipe"
        if info.compress_type in _ZIPPED:
            # Without the module, zipfile would raise the same error as for a damaged file.
            extensions.load(_ZIPPED[info.compress_type])
        target = ""
        if kind == "symlink":
            with opened.open(info) as stream:
                target = os.fsdecode(stream.read(_LINK_BYTES))
        yield Entry(
            file_names.to_native(info.filename),
            kind,
            stat.S_IMODE(mode) or (0o755 if folder else 0o644),
            time.mktime(info.date_time + (0, 0, -1)),
            target,
            (lambda one=info: opened.open(one)) if kind == "file" else None,
        )


def split_name(archive: str, entry: Entry, strip: int) -> Tuple[Optional[str], str]:
    """Return (the folders taken off, the rest) of an entry's name.

    The rest is "" for the top folder itself. The result is (None, "") for a folder above it, such as the `./` that many
    archives begin with. Raises ArchiveError for a name that leads out of the tree, or beside its top folder.
    """
    parts = [part for part in entry.name.split("/") if part not in ("", ".")]
    if entry.name.startswith("/") or ".." in parts or "\0" in entry.name:
        raise ArchiveError(
            "%s holds %r, a name that leads out of its tree: refused. It is not the expected archive."
            % (archive, entry.name)
        )
    if entry.kind == "dir" and (len(parts) < strip or not parts):
        return None, ""
    if len(parts) <= strip and entry.kind != "dir":
        raise ArchiveError(
            "%s holds %r beside its top folder: it is not the expected archive. Name the right file and digest."
            % (archive, entry.name)
        )
    return "/".join(parts[:strip]), "/".join(parts[strip:])


def describe_os_error(error: OSError, what: str, where: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Cannot %s: no space left on the file system of %s. Free some, and run again." % (what, where)
    return "Cannot %s: %s. Fix that, and run again." % (what, error)


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
