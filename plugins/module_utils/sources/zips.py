# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zip archives, which may be anybody's work: opened here alone, so that no more is taken into memory than belongs to them.

Apart from archive.py, which reads others too: who only examines a host loads this for its wheels.
"""

import zipfile
from contextlib import contextmanager
from typing import IO, Any, Callable, Iterator, NamedTuple, Optional

# For annotations.
Zip = zipfile.ZipFile

# No name, and no list of all entries, comes near to that; more is not read at once.
AT_ONCE_BYTES = 128 << 20

# zipfile takes the list of all entries into memory. Where their number has a limit it is that of so many bytes each, which
# is more than a name and times take, and some for a few that are long.
_LISTED_BYTES, _LISTED_FEW_BYTES = 256, 1 << 20

# What an archive may hold at most: bytes of all its files, and entries, folders that none names included.
Limit = NamedTuple("Limit", [("size", int), ("entries", int)])


class ArchiveError(Exception):
    """An archive that cannot be used, or a tree that cannot be packed; the message names the file and the remedy."""


def too_large_error(archive: str, most: int, what: str) -> ArchiveError:
    return ArchiveError(
        "%s holds more than the %d %s that belong to it: refused. It is not what it says it is; remove it."
        % (archive, most, what)
    )


class _Bounded:
    """What zipfile reads and writes, as far as it does not read more than `most` bytes at once; `refusal` is raised then."""

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
    """Give zipfile an archive to read: before it tells of the first entry, it has taken the list of all into memory."""
    if entries is None:
        return _Bounded(
            stream, AT_ONCE_BYTES, lambda size: zipfile.BadZipFile("the list of its entries has %d bytes" % size)
        )
    most = min(AT_ONCE_BYTES, _LISTED_FEW_BYTES + entries * _LISTED_BYTES)
    return _Bounded(stream, most, lambda _size: too_large_error(archive, entries, "entries"))


@contextmanager
def open_zip(archive: str, entries: Optional[int] = None) -> Iterator[Zip]:
    """A zip archive, to be read.

    entries: how many it may hold. Raises ArchiveError where it has more, and what zipfile does of a damaged one.
    """
    with open(archive, "rb") as raw, zipfile.ZipFile(_bound_reads(archive, raw, entries)) as zipped:
        _check_count(archive, zipped, entries)
        yield zipped


@contextmanager
def open_zip_to_append(archive: str, stream: IO[bytes], entries: int) -> Iterator[Zip]:
    """A zip archive that is open for reading and writing, to be added to; as `open_zip`, and `archive` is what to call it."""
    with zipfile.ZipFile(_bound_reads(archive, stream, entries), "a", zipfile.ZIP_DEFLATED) as zipped:
        _check_count(archive, zipped, entries)
        yield zipped


def _check_count(archive: str, zipped: Zip, entries: Optional[int]) -> None:
    if entries is not None and len(zipped.filelist) > entries:
        raise too_large_error(archive, entries, "entries")


def read_member(archive: str, zipped: Zip, name: str, most: int) -> bytes:
    """What the file `name` holds, of at most so many bytes: a few in the archive may be very many.

    Raises ArchiveError for more, KeyError where there is none, and what zipfile does of a damaged one.
    """
    with zipped.open(name) as stream:
        held = stream.read(most + 1)
    if len(held) > most:
        raise too_large_error(archive, most, "bytes of %s" % name)
    return held
