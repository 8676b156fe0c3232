# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Libraries: what a wheel's ELF files take from the host."""

import glob
import io
import struct
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import libraries

# Where the one segment of a made file stands in memory.
BASE = 0x10000


def elf(needed, soname="", wide=True, order="<"):
    """The bytes of a shared object that has nothing but a dynamic section."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in [*needed, soname])
    places = {name: names.index(b"\0" + name.encode() + b"\0") + 1 for name in [*needed, soname] if name}
    header, entry = (64, 56) if wide else (52, 32)
    dynamic_at = header + 2 * entry
    pair = order + ("qQ" if wide else "iI")
    strings_at = dynamic_at + struct.calcsize(pair) * (len(needed) + 4)
    pairs = [(1, places[name]) for name in needed] + [(5, BASE + strings_at), (10, len(names))]
    pairs += [(14, places[soname]) if soname else (99, 0), (0, 0)]
    dynamic = b"".join(struct.pack(pair, *each) for each in pairs)
    total = strings_at + len(names)

    def segment(kind, offset, length):
        if wide:
            return struct.pack(order + "IIQQQQQQ", kind, 5, offset, BASE + offset, 0, length, length, 8)
        return struct.pack(order + "IIIIIIII", kind, offset, BASE + offset, 0, length, length, 5, 4)

    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    words = order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH")
    start = ident + struct.pack(words, 3, 62, 1, 0, header, 0, 0, header, entry, 2, 0, 0, 0)
    return start + segment(1, 0, total) + segment(2, dynamic_at, len(dynamic)) + dynamic + names


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_a_file_needs(wide, order):
    found = libraries.read_elf(io.BytesIO(elf(["libopenblas.so.0", "libc.so.6"], "libtorch.so", wide, order)))
    assert found == ("libtorch.so", ["libopenblas.so.0", "libc.so.6"])


def test_a_file_of_this_machine():
    path = next(iter(glob.glob("/lib*/libm.so.6") + glob.glob("/lib/*/libm.so.6")), None)
    if path is None:
        pytest.skip("no libm.so.6 of glibc")
    with open(path, "rb") as stream:
        found = libraries.read_elf(stream)
    assert found.soname == "libm.so.6" and "libc.so.6" in found.needed


def test_what_is_no_elf_file_or_a_broken_one():
    whole = elf(["libz.so.1"])
    assert libraries.read_elf(io.BytesIO(b"#!/bin/sh\n" * 10)) is None
    for end in range(0, len(whole), 7):
        assert libraries.read_elf(io.BytesIO(whole[:end])) is None
    # Whatever a byte is, an answer or none, and nothing raised.
    for at in range(len(whole)):
        libraries.read_elf(io.BytesIO(whole[:at] + b"\xff" + whole[at + 1 :]))


def test_what_a_wheel_takes_from_the_host(tmp_path):
    path = tmp_path / "torch-1.8.1-cp39-cp39-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(
            "torch/lib/libtorch.so", elf(["libopenblas.so.0", "libc10.so", "libc.so.6", "ld-linux-x86-64.so.2"])
        )
        # Called otherwise than it is named.
        out.writestr("torch/lib/libc10-1.so", elf(["libgomp.so.1"], "libc10.so"))
        out.writestr("torch/_C.so", elf(["libtorch.so", "libgomp.so.1"]))
        out.writestr("torch/__init__.py", "")
    assert libraries.needed_by_wheel(str(path)) == ["libgomp.so.1", "libopenblas.so.0"]


def test_a_wheel_of_too_many_files_is_not_asked(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as out:
        for name in ("a", "b"):
            out.writestr(name, "")
    monkeypatch.setattr(libraries.wheel, "MOST_ENTRIES", 1)
    with pytest.raises(libraries.zips.ArchiveError, match="a.whl holds more than the 1 entries"):
        libraries.needed_by_wheel(str(tmp_path / "a.whl"))


def test_the_loader_is_asked():
    argv = [sys.executable, "-c", libraries.QUESTION, "libc.so.6", "libnowhere.so.7", "libc.so.6"]
    said = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout
    assert said.split() == ["libnowhere.so.7"]
