# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives in and out: unpack foreign ones without trust, pack our own so that equal trees give equal bytes."""

import errno
import os
import shutil
import stat
import sys
import tarfile
import time
import zipfile
from contextlib import contextmanager
from typing import IO, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, extensions, file_names
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder

# Where every packed file says it was last changed (2000-01-01 UTC); not 0, which make and zip cannot tell from "never".
PACKED_MTIME = 946684800

# What the readers below raise on damaged input; bad gzip and bz2 data is an OSError without a number.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
# The same of modules that this Python may lack; one that is not loaded has raised nothing.
_DAMAGE_OF = {"lzma": "LZMAError", "zlib": "error"}

# By the first bytes of a file, and by zip's number of a method: what it is read with.
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\xfd7": "lzma"}
_ZIPPED = {zipfile.ZIP_DEFLATED: "zlib", zipfile.ZIP_BZIP2: "bz2", zipfile.ZIP_LZMA: "lzma"}


# So many links Linux follows on the way to a file, and no more.
_MOST_TURNS = 40
# tarfile takes a long name into memory, however long it says it is. That much at once is read of a file, and no more.
_AT_ONCE_BYTES = 128 << 20
# zipfile does the same with the list of all entries. Where their number has a limit it is that of so many bytes each, which
# is more than a name and times take, and some for a few that are long.
_LISTED_BYTES, _LISTED_FEW_BYTES = 256, 1 << 20
# Of a link's target no more is read: one byte more than Linux takes (PATH_MAX).
_LINK_BYTES = 4096


class ArchiveError(Exception):
    """An archive that cannot be used, or a tree that cannot be packed; the message names the file and the remedy."""


Entry = NamedTuple(
    "Entry",
    [
        ("name", str),  # as the archive spells it, for this Python's functions
        ("kind", str),  # "file", "dir", "symlink", "hardlink" or what else it claims to be
        ("mode", int),
        ("mtime", float),  # seconds since 1970
        ("target", str),  # of a link
        ("open", Optional[Callable[[], IO[bytes]]]),  # of a file
    ],
)


# What an archive may hold at most: bytes of all its files, and entries, folders that none names included.
Limit = NamedTuple("Limit", [("size", int), ("entries", int)])


def unpack(archive: str, dest: str, strip: int = 1, limit: Optional[Limit] = None) -> None:
    """Unpack `archive` (tar, tar.gz, tar.bz2, tar.xz or zip) as the tree `dest`, replacing what stood there.

    The tree grows in `<dest>.partial` and is renamed, so `dest` is whole or absent. `strip` leading folders are taken
    off every name and must be the same for all of them. The files belong to the caller, lose setuid, setgid and sticky
    bits, and keep their times, except that none is later than now: make never ends on sources from the future.
    Of an archive that no digest of ours pins, `limit` says how much it may hold: a few bytes of a sparse or well compressed
    one would fill a disk, with one file or with a million empty ones.

    Raises ArchiveError for a file that is missing, empty, cut short or no archive, and for one that names absolute
    paths, `..`, links that lead out of the tree, devices or pipes, or holds more than `limit`. Nothing is ever written outside
    `<dest>.partial`.
    """
    dest = dest.rstrip("/")
    partial = dest + ".partial"
    try:
        _remove(partial)
        make_folder(partial, 0o700)
        if limit is not None:
            _make_room(partial, limit.size)
        with _opened(archive, limit=limit) as entries:
            _write_tree(archive, entries, partial, strip, limit)
    except BaseException as error:
        _remove(partial)
        if isinstance(error, extensions.Lacking):
            raise ArchiveError("%s cannot be unpacked: %s." % (archive, error)) from error
        if _is_damage(error):
            raise ArchiveError(
                "%s is no archive, or is damaged or cut short (%s). Remove it, so that it is fetched "
                "anew." % (archive, str(error) or type(error).__name__)
            ) from error
        if isinstance(error, OSError):
            raise ArchiveError(_os_problem(error, "unpack %s into %s" % (archive, dest), dest)) from error
        raise
    former = dest + ".former"
    _remove(former)
    if os.path.lexists(dest):
        os.rename(dest, former)
    os.rename(partial, dest)
    _remove(former)


def content(archive: str, name: str, most: int) -> Optional[bytes]:
    """What the file `name` in an archive holds, None where there is none or it has more than `most` bytes.

    Names are those of `unpack` with strip=0. The archive is read as far as that file and no further. None as well where it
    cannot be read so far: to unpack it says why.
    """
    try:
        with _opened(archive, whole=False) as entries:
            for entry in entries:
                if entry.open is not None and _inner_name(archive, entry, 0)[1] == name:
                    with entry.open() as stream:
                        held = stream.read(most + 1)
                    return held if len(held) <= most else None
    except (OSError, ArchiveError, extensions.Lacking):
        return None
    except Exception as error:
        if not _is_damage(error):
            raise
    return None


def _is_damage(error: BaseException) -> bool:
    """Say whether an error is what a reader raises on damaged input."""
    classes = tuple(getattr(sys.modules[name], kind) for name, kind in _DAMAGE_OF.items() if sys.modules.get(name))
    return isinstance(error, _DAMAGE + classes) or (isinstance(error, OSError) and error.errno is None)


def pack(tree: str, archive: str) -> None:
    """Pack what stands in the folder `tree` (names relative to it: unpack with strip=0) as the tar.gz `archive`.

    Equal trees give equal bytes with one and the same zlib: names sorted, owner root (0), and one fixed time for all,
    since times say when somebody built, not what; kept times would make two builds of one fingerprint differ. Hard
    links stay links. Written beside `archive`, synced and renamed. Compressed fast rather than small: a user waits.

    Raises ArchiveError for what `unpack` would refuse again (links out of the tree, devices, pipes), and when writing
    fails.
    """
    if not os.path.isdir(tree):
        raise ArchiveError("%s is not a folder: there is nothing to pack." % tree)
    _refuse_links_out_of(tree, "cannot pack %s" % tree)
    partial = archive + ".partial"
    try:
        with open(partial, "wb") as raw:
            with extensions.load("gzip").GzipFile(
                filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0
            ) as zipped, tarfile.open(
                fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
            ) as tar:
                for name in _names(tree):
                    _add(tar, os.path.join(tree, name), name)
        durable.move(partial, archive)
    except BaseException as error:
        _remove(partial)
        if isinstance(error, extensions.Lacking):
            raise ArchiveError("%s cannot be packed: %s." % (tree, error)) from error
        if isinstance(error, OSError):
            raise ArchiveError(_os_problem(error, "pack %s as %s" % (tree, archive), archive)) from error
        raise


def _names(tree: str) -> List[str]:
    """Every path in `tree`, relative to it, sorted by its bytes: a folder comes before what is in it."""
    found = []  # type: List[str]
    for folder, folders, files in os.walk(tree, onerror=_raise):
        found += [os.path.relpath(os.path.join(folder, name), tree) for name in folders + files]
    return sorted(found, key=os.fsencode)


def _raise(error: OSError) -> None:
    raise error


def _add(tar: tarfile.TarFile, path: str, name: str) -> None:
    info = tar.gettarinfo(path, name)
    if info is None or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        raise ArchiveError("%s is neither file, folder nor link: it cannot be packed. Remove it." % path)
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = PACKED_MTIME
    info.mode &= 0o777
    if info.isreg():
        with open(path, "rb") as content:
            tar.addfile(info, content)
    else:
        tar.addfile(info)


class _Stream:
    """What tarfile reads; the last of it stays at hand, for going back in a compressed stream is to read all of it again."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._last = (0, b"")
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _AT_ONCE_BYTES:
            raise tarfile.ReadError("an entry has %d bytes of a name" % size)
        at = self._stream.tell()
        self._last = at, self._stream.read(size)
        return self._last[1]

    def block(self, at: int) -> bytes:
        """The block of a tar that begins at byte `at`; shorter, or empty, where the stream ends before it does."""
        if self._last[0] != at:
            self.seek(at)
            self.read(tarfile.BLOCKSIZE)
        return self._last[1][: tarfile.BLOCKSIZE]


class _Zipped:
    """What zipfile reads, as far as it does not read more than `most` bytes at once; `refusal` is raised then."""

    def __init__(self, stream: IO[bytes], most: int, refusal: Callable[[int], Exception]) -> None:
        self._stream, self._most, self._refusal = stream, most, refusal
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        if size > self._most:
            raise self._refusal(size)
        return self._stream.read(size)


def _zipped(archive: str, stream: IO[bytes], limit: Optional[Limit]) -> _Zipped:
    """Give zipfile an archive to read: before it tells of the first entry, it has taken the list of all into memory."""
    if limit is None:
        return _Zipped(
            stream, _AT_ONCE_BYTES, lambda size: zipfile.BadZipFile("the list of its entries has %d bytes" % size)
        )
    most = min(_AT_ONCE_BYTES, _LISTED_FEW_BYTES + limit.entries * _LISTED_BYTES)
    return _Zipped(stream, most, lambda _size: _too_much(archive, limit.entries, "entries"))


@contextmanager
def _opened(archive: str, whole: bool = True, limit: Optional[Limit] = None) -> Iterator[Iterator[Entry]]:
    """The entries of an archive, read in its order. The name decides nothing and the first bytes all.

    whole: all of them are read, and what ends the archive is looked at.
    """
    with open(archive, "rb") as raw:
        magic = raw.read(4)
    if not magic:
        raise ArchiveError("%s is empty. Remove it, so that it is fetched anew." % archive)
    if magic in (b"PK\x03\x04", b"PK\x05\x06"):
        with open(archive, "rb") as raw, zipfile.ZipFile(_zipped(archive, raw, limit)) as zipped:
            yield _zip_entries(zipped)
        return
    # tarfile would guess the compression itself, but then hides why a file cannot be read.
    reader = _COMPRESSED.get(magic[:2])
    with (extensions.load(reader).open if reader else open)(archive, "rb") as opened:
        stream = _Stream(opened)
        with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            yield _tar_entries(tar)
            if not whole:
                return
            # tarfile takes for the end whatever is no header, a damaged one and no block at all too. The format asks for two
            # blocks of zeros there; one is proof enough.
            if stream.block(tar.offset) != b"\0" * tarfile.BLOCKSIZE:
                raise tarfile.ReadError("neither a member nor the end mark stands at byte %d" % tar.offset)
        while stream.read(1024 * 1024):  # the checksum stands at the end, behind what tar has use for
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
            file_names.native(info.name),
            kind,
            info.mode,
            info.mtime,
            file_names.native(info.linkname),
            (lambda one=info: tar.extractfile(one)) if kind == "file" else None,
        )


def _zip_entries(opened: zipfile.ZipFile) -> Iterator[Entry]:
    for info in opened.infolist():
        mode = info.external_attr >> 16  # Unix mode; 0 when made elsewhere
        folder = info.filename.endswith("/")
        kind = "dir" if folder else "file"
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            kind = "symlink" if stat.S_ISLNK(mode) else "device or pipe"
        if info.compress_type in _ZIPPED:
            # zipfile would raise what it raises for a damaged file.
            extensions.load(_ZIPPED[info.compress_type])
        target = ""
        if kind == "symlink":
            with opened.open(info) as stream:
                target = os.fsdecode(stream.read(_LINK_BYTES))
        yield Entry(
            file_names.native(info.filename),
            kind,
            stat.S_IMODE(mode) or (0o755 if folder else 0o644),
            time.mktime(info.date_time + (0, 0, -1)),
            target,
            (lambda one=info: opened.open(one)) if kind == "file" else None,
        )


def _write_tree(archive: str, entries: Iterator[Entry], tree: str, strip: int, limit: Optional[Limit]) -> None:
    """Write `entries` into the empty folder `tree`. Symbolic links come last: until then no name can lead elsewhere."""
    now = min(time.time(), os.stat(tree).st_mtime)  # a file server's clock may differ from ours: the earlier is safe
    links = {}  # type: Dict[str, str]
    folders = {}  # type: Dict[str, Tuple[int, float]]
    tops = set()
    written = made = 0
    for entry in entries:
        top, name = _inner_name(archive, entry, strip)
        # Before anything is made of it: one name may be a thousand folders deep.
        made += 1 + (_lacking(os.path.dirname(os.path.join(tree, name))) if limit else 0)
        if limit and made > limit.entries:
            raise _too_much(archive, limit.entries, "entries")
        if top is None:
            continue
        tops.add(top)
        if len(tops) > 1:
            raise ArchiveError(
                "%s has more than one top folder (%s): it is not the archive that was expected. Name "
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
        if os.path.lexists(path):  # a later entry of the same name wins, as with tar
            os.unlink(path)
        if entry.kind == "symlink":
            links[name] = entry.target
        elif entry.kind == "hardlink":
            _link(archive, entry, tree, path, name, links, strip)
        elif entry.kind == "file" and entry.open is not None:
            with entry.open() as source, open(path, "xb") as out:
                written += _copy(source, out, limit.size - written if limit else None)
            if limit and written > limit.size:
                raise _too_much(archive, limit.size, "bytes")
            os.chmod(path, entry.mode & 0o777 | 0o600)
            os.utime(path, (when, when))
        else:
            raise ArchiveError(
                "%s holds %r, a %s: refused. It is not the archive that was expected."
                % (archive, entry.name, entry.kind)
            )
    if not tops:
        raise ArchiveError("%s is an archive with nothing in it. Name the right file and digest." % archive)
    for name, target in links.items():
        os.symlink(target, os.path.join(tree, name))
    _refuse_links_out_of(tree, "%s is refused" % archive)
    _finish_folders(tree, folders)


def _copy(source: IO[bytes], out: IO[bytes], most: Optional[int]) -> int:
    """Copy what a stream gives and return how many bytes those were; at most one more than `most`."""
    written, block = 0, 1024 * 1024
    while True:
        some = source.read(block if most is None else min(block, most + 1 - written))
        if not some:
            return written
        out.write(some)
        written += len(some)


def _lacking(folder: str) -> int:
    """Count the folders that have to be made for this one to be there, itself included."""
    count = 0
    while not os.path.isdir(folder):
        folder, count = os.path.dirname(folder), count + 1
    return count


def _too_much(archive: str, most: int, what: str) -> ArchiveError:
    return ArchiveError(
        "%s holds more than the %d %s that belong to it: refused. It is not what it says it is; remove it."
        % (archive, most, what)
    )


def _make_room(folder: str, needed: int) -> None:
    """Raise at once the OSError that writing so many bytes would end in."""
    disk = os.statvfs(folder)
    if needed > disk.f_bavail * disk.f_frsize:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), folder)


def _finish_folders(tree: str, folders: Dict[str, Tuple[int, float]]) -> None:
    """Give folders their modes and times, the deepest first, since writing in a folder changes its time."""
    for folder, _folders, _files in os.walk(tree, topdown=False):
        mode, when = folders.get(folder, (0o755, None))  # named by no entry: as if it had been
        os.chmod(folder, mode)
        if when is not None:
            os.utime(folder, (when, when))


def _link(archive: str, entry: Entry, tree: str, path: str, name: str, links: Dict[str, str], strip: int) -> None:
    target = _inner_name(archive, entry._replace(name=entry.target), strip)[1]
    original = os.path.join(tree, target)
    if target in links:  # a second name of a symbolic link
        links[name] = links[target]
    elif target and os.path.isfile(original):
        os.link(original, path)
    else:
        raise ArchiveError(
            "%s holds %r, a hard link to %r, which is not in it: refused." % (archive, entry.name, entry.target)
        )


def _inner_name(archive: str, entry: Entry, strip: int) -> Tuple[Optional[str], str]:
    """(the folders taken off, the rest) of an entry's name.

    The rest is empty for the top folder itself; both say nothing for a folder above that, such as the `./` that many
    archives begin with.
    """
    parts = [part for part in entry.name.split("/") if part not in ("", ".")]
    if entry.name.startswith("/") or ".." in parts or "\0" in entry.name:
        raise ArchiveError(
            "%s holds %r, a name that leads out of its tree: refused. It is not the archive that was "
            "expected." % (archive, entry.name)
        )
    if entry.kind == "dir" and (len(parts) < strip or not parts):
        return None, ""
    if len(parts) <= strip and entry.kind != "dir":
        raise ArchiveError(
            "%s holds %r beside its top folder: it is not the archive that was expected. Name the right "
            "file and digest." % (archive, entry.name)
        )
    return "/".join(parts[:strip]), "/".join(parts[strip:])


def _refuse_links_out_of(tree: str, what: str) -> None:
    """Raise ArchiveError when a symbolic link in `tree`, followed for real, leads out of it."""
    for folder, folders, files in os.walk(tree):
        for path in (os.path.join(folder, name) for name in folders + files):
            if os.path.islink(path) and _leads_out(tree, os.path.relpath(path, tree)):
                raise ArchiveError(
                    "%s: the link %r leads out of the tree, to %r."
                    % (what, os.path.relpath(path, tree), os.readlink(path))
                )


def _leads_out(tree: str, link: str) -> bool:
    """Whether a link, given relative to `tree`, climbs out of it on any step of the way.

    What its text seems to say is no proof: `p/../x` goes elsewhere when `p` is a link itself. Nor is where it ends: one
    that comes back by the tree's own name leads to another place once the tree has another name.
    """
    here, ahead, turns = [], link.split("/"), 0  # type: List[str], List[str], int
    while ahead:
        part = ahead.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return True
            here.pop()
            continue
        path = os.path.join(tree, *here + [part])
        if not os.path.islink(path):
            here.append(part)
            continue
        target, turns = os.readlink(path), turns + 1
        if os.path.isabs(target):
            return True
        if turns > _MOST_TURNS:  # it leads round and round, and so nowhere
            return False
        ahead = target.split("/") + ahead
    return False


def _os_problem(error: OSError, what: str, where: str) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Cannot %s: no space left on the file system of %s. Free some, and run again." % (what, where)
    return "Cannot %s: %s. Mend that, and run again." % (what, error)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
