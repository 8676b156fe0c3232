# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open zip archives without trusting them. Only this module opens any, so that they cannot take more memory than expected.

It is separate from archive.py, which reads other formats too: examining a host loads only this module, for its wheels.
"""

import zipfile
from contextlib import contextmanager
from typing import IO, Any, Callable, Iterator, NamedTuple, Optional

# For annotations.
Zip = zipfile.ZipFile

# The most that is read at once. No name, and no list of all entries, is nearly as long.
AT_ONCE_BYTES = 128 << 20

# zipfile reads the list of all entries into memory. If the number of entries is limited, the list may have so many bytes
# for each, which is more than its name and times take, and so many in addition for a few long names.
_LISTED_BYTES, _LISTED_FEW_BYTES = 256, 1 << 20

# The most that an archive may hold: bytes of all its files, and entries, including folders without an entry of their own.
Limit = NamedTuple("Limit", [("size", int), ("entries", int)])


class ArchiveError(Exception):
    """An archive that cannot be used, or a tree that cannot be packed; the message names the file and the remedy."""


def too_large_error(archive: str, most: int, what: str) -> ArchiveError:
    return ArchiveError(
        "%s holds more than the %d %s that it may hold: refused. It is not the expected file; remove it."
        % (archive, most, what)
    )


class _Bounded:
    """The stream that zipfile reads and writes. It raises `refusal` when more than `most` bytes are read at once."""

    def __init__(self, stream: IO[bytes], most: int, refusal: Callable[[int], Exception]) -> None:
        self._stream, self._most, self._refusal = stream, most, refusal
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, size: int = -1) -> bytes:
        if size > self._most:
            raise self._refusal(size)
        return self._stream.read(size)


def _bound_reads(archive: str, stream: IO[bytes], entries: Optional[int]) -> Any:
    """Return the stream of an archive for zipfile, which reads the list of all entries into memory when it opens one."""
    if entries is None:
        return _Bounded(
            stream, AT_ONCE_BYTES, lambda size: zipfile.BadZipFile("the list of its entries has %d bytes" % size)
        )
    most = min(AT_ONCE_BYTES, _LISTED_FEW_BYTES + entries * _LISTED_BYTES)
    return _Bounded(stream, most, lambda _size: too_large_error(archive, entries, "entries"))


@contextmanager
def open_zip(archive: str, entries: Optional[int] = None) -> Iterator[Zip]:
    """Open a zip archive for reading.

    entries: how many it may hold. Raises ArchiveError when it has more, and zipfile's errors for a damaged one.
    """
    with open(archive, "rb") as raw, zipfile.ZipFile(_bound_reads(archive, raw, entries)) as zipped:
        _check_count(archive, zipped, entries)
        yield zipped


@contextmanager
def open_zip_to_append(archive: str, stream: IO[bytes], entries: int) -> Iterator[Zip]:
    """Open a zip archive to add to it, as `open_zip` does.

    archive: its name in messages; stream: the archive, open for reading and writing.
    """
    with zipfile.ZipFile(_bound_reads(archive, stream, entries), "a", zipfile.ZIP_DEFLATED) as zipped:
        _check_count(archive, zipped, entries)
        yield zipped


def _check_count(archive: str, zipped: Zip, entries: Optional[int]) -> None:
    if entries is not None and len(zipped.filelist) > entries:
        raise too_large_error(archive, entries, "entries")


def read_member(archive: str, zipped: Zip, name: str, most: int) -> bytes:
    """Return the content of the file `name`, of at most `most` bytes: a few compressed bytes may become very many.

    Raises ArchiveError for more, KeyError when there is no such file, and zipfile's errors for a damaged archive.
    """
    with zipped.open(name) as stream:
        held = stream.read(most + 1)
    if len(held) > most:
        raise too_large_error(archive, most, "bytes of %s" % name)
    return held
