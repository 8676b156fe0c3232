# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the shared libraries that a wheel needs from the host: those that its ELF files need and that are not in it.

ELF (System V ABI, chapters 4 and 5): a header, and program headers. PT_LOAD maps addresses to offsets in the file, and
PT_DYNAMIC gives the offset of pairs (tag, value). DT_NEEDED and DT_SONAME are offsets in the strings at DT_STRTAB.
"""

import os
import shutil
import struct
import tempfile
from typing import IO, List, NamedTuple, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import zips

_MAGIC = b"\x7fELF"
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME = 0, 1, 5, 10, 14
# Parts of libc, whose version is in every fingerprint, and the kernel's vdso.
_LIBC = ("ld-linux", "linux-vdso", "libc.so.", "libm.so.", "libdl.so.", "libpthread.so.", "librt.so.", "libutil.so.")
# No table of a real file is longer, in bytes; a damaged file may state any length.
_LONGEST = 1 << 24

Linked = NamedTuple("Linked", [("soname", str), ("needed", List[str])])

# A program for the Python that will load the libraries: prints those of its arguments that the loader does not find.
QUESTION = """\
import ctypes, sys
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError as error:
        print(name if name in str(error) and 'No such file' in str(error) else '')
"""


def read_elf(stream: IO[bytes]) -> Optional[Linked]:
    """Return the soname of an ELF file and the libraries that it needs, None when it is not an ELF file, or a damaged one.

    :param stream: open for reading, with seek
    """
    try:
        return _read_elf(stream)
    except (struct.error, ValueError, OverflowError, OSError):
        return None


def needed_by_wheel(path: str) -> List[str]:
    """Return the sorted names of the libraries that a wheel's files need and that are not in it, without those of libc.

    :raises zips.ArchiveError: it has more files than a wheel may have
    """
    included, needed = set(), set()
    folder = os.path.dirname(path)
    with zips.open_zip(path, wheel.MOST_ENTRIES) as archive, tempfile.TemporaryFile(dir=folder) as scratch:
        for name in archive.namelist():
            with archive.open(name) as member:
                head = member.read(len(_MAGIC))
                if head != _MAGIC:
                    continue
                # Python 3.6 cannot seek in members of a zip.
                scratch.seek(0)
                scratch.truncate()
                scratch.write(head)
                shutil.copyfileobj(member, scratch)
            found = read_elf(scratch)
            included.add(os.path.basename(name))
            if found is not None:
                included.add(found.soname)
                needed.update(found.needed)
    return sorted(name for name in needed - included if not name.startswith(_LIBC))


def _read_elf(stream: IO[bytes]) -> Optional[Linked]:
    ident = _read_at(stream, 0, 16)
    if ident[:4] != _MAGIC or ident[4] not in (1, 2) or ident[5] not in (1, 2):
        return None
    wide, order = ident[4] == 2, "<" if ident[5] == 1 else ">"
    # e_phoff, then e_phentsize and e_phnum.
    (headers,) = struct.unpack(order + ("Q" if wide else "I"), _read_at(stream, 32 if wide else 28, 8 if wide else 4))
    size, count = struct.unpack(order + "HH", _read_at(stream, 54 if wide else 42, 4))
    loads, dynamic = [], None
    for index in range(count):
        kind, offset, address, length = _segment(_read_at(stream, headers + index * size, size), order, wide)
        if kind == _PT_LOAD:
            loads.append((address, offset, length))
        elif kind == _PT_DYNAMIC:
            dynamic = _read_at(stream, offset, length)
    if dynamic is None:
        return Linked("", [])
    pairs = list(struct.iter_unpack(order + ("qQ" if wide else "iI"), dynamic))
    pairs = pairs[: next((at for at, (tag, _value) in enumerate(pairs) if tag == _DT_NULL), len(pairs))]
    values = dict(pairs)
    if _DT_STRTAB not in values:
        return Linked("", [])
    strings = _read_at(stream, _offset(values[_DT_STRTAB], loads), values.get(_DT_STRSZ, 0))

    def text(at: int) -> str:
        return strings[at : strings.index(b"\0", at)].decode("ascii")

    soname = text(values[_DT_SONAME]) if _DT_SONAME in values else ""
    return Linked(soname, [text(value) for tag, value in pairs if tag == _DT_NEEDED])


def _segment(header: bytes, order: str, wide: bool) -> Tuple[int, int, int, int]:
    """Return (type, offset in the file, address, length in the file) of a program header's segment."""
    if wide:
        kind, _flags, offset, address, _physical, length = struct.unpack_from(order + "IIQQQQ", header)
    else:
        kind, offset, address, _physical, length = struct.unpack_from(order + "IIIII", header)
    return kind, offset, address, length


def _offset(address: int, loads: List[Tuple[int, int, int]]) -> int:
    for start, offset, length in loads:
        if start <= address < start + length:
            return offset + address - start
    raise ValueError("no segment holds the address {0}".format(address))


def _read_at(stream: IO[bytes], offset: int, length: int) -> bytes:
    if length > _LONGEST:
        raise ValueError("a table of {0} bytes".format(length))
    stream.seek(offset)
    found = stream.read(length)
    if len(found) < length:
        raise ValueError("the file ends within a table")
    return found
