# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what others made: whole or refused, and no more of it than its limit."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import sources
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive as archive_module
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import zips
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import ArchiveError, Limit
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.unpacking import unpack
from archives import PLAIN, folder, member, tar, tree


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_compression_gives_the_tree_without_its_top_folder(tmp_path, mode):
    archive = tar(tmp_path / "misnamed.zip", *PLAIN, mode=mode)
    unpack(archive, str(tmp_path / "dest"))
    assert tree(tmp_path / "dest") == {
        "configure": b"#!/bin/sh\n",
        "src": None,
        "src/a.c": b"int a;\n",
        "link.c": "src/a.c",
    }
    assert os.access(tmp_path / "dest/configure", os.X_OK)
    assert int((tmp_path / "dest/src/a.c").stat().st_mtime) == 1_000_000_000
    assert (tmp_path / "dest/src/a.c").stat().st_uid == os.getuid()
    assert sorted(os.listdir(tmp_path)) == ["dest", "misnamed.zip"]


def sparse(name, size):
    """A member of nothing but a hole."""
    info, _content = member(name, kind=tarfile.GNUTYPE_SPARSE)
    # As the format has it: pieces of (offset, length), whether more follow, and the size that all of it has.
    head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    head[386:410] = b"%011o\0%011o\0" % (size, 0)
    head[410:482] = bytes(72)
    head[482:495] = b"\0" + b"%011o\0" % size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def test_a_hole_has_its_size(tmp_path):
    (tmp_path / "bomb.tar").write_bytes(sparse("hole", 1 << 32) + bytes(1024))
    with tarfile.open(tmp_path / "bomb.tar") as tar_file:
        assert [info.size for info in tar_file] == [1 << 32]
    with pytest.raises(ArchiveError, match="bomb.tar holds more than the 1000 bytes .* refused"):
        unpack(str(tmp_path / "bomb.tar"), str(tmp_path / "dest"), 0, limit=Limit(1000, 9))
    assert os.listdir(tmp_path) == ["bomb.tar"]


def test_a_name_without_end_is_not_read(tmp_path):
    info, _content = member("name", kind=tarfile.GNUTYPE_LONGNAME)
    info.size = 1 << 32
    (tmp_path / "bomb.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(ArchiveError, match="the name of an entry has 4294967296 bytes"):
        unpack(str(tmp_path / "bomb.tar"), str(tmp_path / "dest"), 0)
    assert os.listdir(tmp_path) == ["bomb.tar"]


def listed(path, entries, listing, size=None):
    """Write a zip whose end says that its list has so many entries, in 64 bits where 32 or 16 do not hold them.

    :param listing: of the list what the file has; :param size: what the end says of its bytes, that of listing by default
    """
    size, begin = len(listing) if size is None else size, 4
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, size, begin)
    wide += struct.pack("<4sIQI", b"PK\6\7", 0, begin + size, 1)
    narrow = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with open(path, "wb") as out:
        out.write(b"PK\3\4" + listing)
        out.seek(begin + size)
        out.write(wide + narrow)
    return str(path)


def peak(function):
    """Return how many bytes of memory a function takes at most."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [0, 1, 2_000_000, 1 << 40])
def test_of_a_zip_with_too_many_entries_the_list_is_not_read(tmp_path, claimed):
    """Whatever its end says of their number: zipfile goes by the bytes."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    archive = listed(tmp_path / "a.zip", claimed, entry * 100_000)

    def unpacked():
        with pytest.raises(ArchiveError, match="a.zip holds more than the 9 entries that it may hold: refused"):
            unpack(archive, str(tmp_path / "dest"), limit=Limit(1000, 9))

    assert peak(unpacked) < 4 << 20 and os.listdir(tmp_path) == ["a.zip"]


def test_without_a_limit_no_list_without_end_is_read_either(tmp_path):
    archive = listed(tmp_path / "a.zip", 1, b"", size=(128 << 20) + 1)

    def unpacked():
        with pytest.raises(ArchiveError, match="is not an archive, or is damaged .*134217729 bytes"):
            unpack(archive, str(tmp_path / "dest"))
        assert archive_module.read_file(archive, "x", 9) is None

    assert peak(unpacked) < 4 << 20 and os.listdir(tmp_path) == ["a.zip"]


def test_a_link_without_end_is_not_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as out:
        link = zipfile.ZipInfo("t/link")
        link.external_attr, link.compress_type = (stat.S_IFLNK | 0o777) << 16, zipfile.ZIP_DEFLATED
        out.writestr(link, b"x" * (64 << 20))

    def unpacked():
        with pytest.raises(ArchiveError, match="File name too long"):
            unpack(str(tmp_path / "a.zip"), str(tmp_path / "dest"), limit=Limit(1000, 9))

    assert peak(unpacked) < 4 << 20 and os.listdir(tmp_path) == ["a.zip"]


def test_of_a_file_in_a_zip_no_more_is_read_than_may_be_in_it(tmp_path):
    """64 MiB in 64 KiB: one byte too many is taken into memory, and no more."""
    archive = str(tmp_path / "a.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("big", bytes(64 << 20))
        out.writestr("small", b"small")

    def refused():
        with zips.open_zip(archive, 2) as opened:
            assert zips.read_member(archive, opened, "small", 5) == b"small"
            with pytest.raises(KeyError):
                zips.read_member(archive, opened, "none", 5)
            with pytest.raises(ArchiveError, match="a.zip holds more than the 1000 bytes of big that it may hold"):
                zips.read_member(archive, opened, "big", 1000)

    assert peak(refused) < 4 << 20


@pytest.mark.parametrize("mode", ["read", "extended"])
def test_a_zip_is_opened_no_further_than_its_entries(tmp_path, mode):
    def opened(archive):
        if mode == "read":
            return zips.open_zip(archive, 9)
        return zips.open_zip_to_append(archive, io.BytesIO(Path(archive).read_bytes()), 9)

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        for number in range(10):
            out.writestr(str(number), b"")
    # Ten that are listed in a few bytes, and a list that is not even read.
    for archive in (str(tmp_path / "a.zip"), listed(tmp_path / "b.zip", 1, b"\0" * (46 * 100_000))):
        with pytest.raises(ArchiveError, match="zip holds more than the 9 entries that it may hold: refused"):
            with opened(archive):
                pytest.fail("it was opened")


def test_a_zip_of_as_many_entries_as_its_limit(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        for number in range(5000):
            out.writestr("t/" + "x" * 200 + str(number), b"")
    unpack(str(tmp_path / "a.zip"), str(tmp_path / "dest"), limit=Limit(0, 5001))
    assert len(os.listdir(tmp_path / "dest")) == 5000


def test_one_file_is_read_out_of_an_archive(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", member("./a", b"first"), member("b", b"second"), folder("c"))
    assert (
        archive_module.read_file(archive, "a", 5) == b"first" and archive_module.read_file(archive, "b", 6) == b"second"
    )
    assert archive_module.read_file(archive, "b", 5) is None
    assert archive_module.read_file(archive, "c", 9) is None and archive_module.read_file(archive, "none", 9) is None
    # What stands behind it is not looked at.
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(Path(archive).read_bytes()[:-20])
    assert archive_module.read_file(str(cut), "none", 9) is None
    assert archive_module.read_file(str(tmp_path / "missing"), "a", 9) is None


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", ""])
def test_cut_short_anywhere_is_an_error(tmp_path, suffix):
    noise = os.urandom(30_000)
    whole = Path(tar(tmp_path / "whole", member("t/a", noise), member("t/b", noise), mode="w:" + suffix)).read_bytes()
    end = len(whole) if suffix else 512 * (2 + 2 * 59)  # a plain tar is padded behind its end mark
    for cut in [1, 2, 3, 100, 511, 512, 513, end // 3, end // 2, end - 600, end - 1]:
        (tmp_path / "cut.tar").write_bytes(whole[:cut])
        with pytest.raises(ArchiveError, match="cut.tar.*Remove it"):
            unpack(str(tmp_path / "cut.tar"), str(tmp_path / "dest"))
    assert not (tmp_path / "dest").exists() and not (tmp_path / "dest.partial").exists()


def test_plain_tar_that_ends_between_members_is_an_error(tmp_path):
    whole = Path(tar(tmp_path / "whole", member("t/a", b"a" * 512), member("t/b", b"b"), mode="w")).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:1024])
    with pytest.raises(ArchiveError, match="cut short"):
        unpack(str(tmp_path / "cut.tar"), str(tmp_path / "dest"))


@pytest.fixture
def quiet_tarfile(monkeypatch):
    """tarfile as of Python 3.13.5: it reads headers past subclasses, and takes whatever is none for the end."""

    def read_header(cls, opened):
        info = tarfile.TarInfo.frombuf(opened.fileobj.read(512), opened.encoding, opened.errors)
        info.offset = opened.fileobj.tell() - 512
        return info._proc_member(opened)

    monkeypatch.setattr(tarfile.TarInfo, "fromtarfile", classmethod(read_header))


COMPRESS = {"tar": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
# Three members of a header and a block each, and the end mark's first block.
THREE = (member("t/a", b"a" * 512), member("t/b", b"b"), member("t/c", b"c"))
END = 3 * 1024


@pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS.keys())
@pytest.mark.parametrize("cut", [1024, 2048, END, END + 511])
def test_a_tar_without_its_end_mark_is_an_error(tmp_path, quiet_tarfile, compress, cut):
    whole = Path(tar(tmp_path / "whole", *THREE, mode="w")).read_bytes()
    (tmp_path / "cut.tar").write_bytes(compress(whole[:cut]))
    with pytest.raises(ArchiveError, match="cut.tar.*cut short .*end mark.*Remove it"):
        unpack(str(tmp_path / "cut.tar"), str(tmp_path / "dest"))
    assert sorted(os.listdir(tmp_path)) == ["cut.tar", "whole"]


def test_a_damaged_header_is_not_the_end(tmp_path, quiet_tarfile):
    damaged = bytearray(Path(tar(tmp_path / "whole", *THREE, mode="w")).read_bytes())
    damaged[2048] ^= 0xFF
    (tmp_path / "a.tar").write_bytes(damaged)
    with pytest.raises(ArchiveError, match="damaged .*at byte 2048"):
        unpack(str(tmp_path / "a.tar"), str(tmp_path / "dest"))


@pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS.keys())
@pytest.mark.parametrize("more", [512, 1024, 1536])
def test_one_block_of_zeros_is_end_mark_enough(tmp_path, compress, more):
    whole = Path(tar(tmp_path / "whole", *THREE, mode="w")).read_bytes()
    (tmp_path / "a.tar").write_bytes(compress(whole[: END + more]))
    unpack(str(tmp_path / "a.tar"), str(tmp_path / "dest"))
    assert sorted(tree(tmp_path / "dest")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "argv",
    [
        ["tar", "-cf"],
        ["tar", "-b1", "-cf"],
        ["tar", "-Hposix", "-czf"],
        ["bsdtar", "-cf"],
        ["bsdtar", "-czf"],
        ["bsdtar", "--format=ustar", "-b1", "-cf"],
        ["busybox", "tar", "-cf"],
    ],
    ids=" ".join,
)
def test_what_other_programs_write_is_whole(tmp_path, argv):
    if not shutil.which(argv[0]):
        pytest.skip(argv[0] + " is not on this machine")
    (tmp_path / "t/sub").mkdir(parents=True)
    (tmp_path / "t/sub/f").write_bytes(b"f" * 512)
    subprocess.run([*argv, "a.tar", "t"], cwd=tmp_path, check=True)
    unpack(str(tmp_path / "a.tar"), str(tmp_path / "dest"))
    assert tree(tmp_path / "dest") == {"sub": None, "sub/f": b"f" * 512}


@pytest.mark.parametrize("kind", ["tar", "tar.gz"])
def test_what_git_archives_is_whole(tmp_path, kind):
    commit = sources.Forge(tmp_path).commit("Owner/tool", {"f": b"f" * 512})
    asked = ["archive", "--format=" + kind, "--prefix=t/", "-o", tmp_path / "a.tar", commit]
    sources.git(*asked, cwd=tmp_path / "Owner/tool.git")
    unpack(str(tmp_path / "a.tar"), str(tmp_path / "dest"))
    assert tree(tmp_path / "dest") == {"f": b"f" * 512}


@pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS.keys())
def test_nothing_is_read_twice(tmp_path, monkeypatch, compress):
    noise = [os.urandom(size) for size in (300_000, 1, 70_001)]
    whole = tar(tmp_path / "whole", *[member("t/%d" % number, each) for number, each in enumerate(noise)], mode="w")
    (tmp_path / "a.tar").write_bytes(compress(Path(whole).read_bytes()))
    seeks, seek = [], archive_module._Stream.__init__

    def watched(self, stream):
        seek(self, stream)
        self.seek = lambda at, *more: seeks.append(at - stream.tell()) or stream.seek(at, *more)

    monkeypatch.setattr(archive_module._Stream, "__init__", watched)
    unpack(str(tmp_path / "a.tar"), str(tmp_path / "dest"))
    assert min(seeks, default=0) >= 0


def test_damage_in_the_middle_is_an_error(tmp_path):
    whole = bytearray(Path(tar(tmp_path / "a", member("t/a", os.urandom(9000)), member("t/b", b"b"))).read_bytes())
    whole[4000] ^= 0xFF
    (tmp_path / "a.tar.gz").write_bytes(whole)
    with pytest.raises(ArchiveError, match="damaged"):
        unpack(str(tmp_path / "a.tar.gz"), str(tmp_path / "dest"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Please log in</html>",
        b"\0" * 5000,
        b"PK\x03\x04junk",
        b"\x1f\x8bjunk",
        b"BZh9junk",
        b"\xfd7zXZ\0junk",
    ],
)
def test_what_is_no_archive_is_named_with_the_remedy(tmp_path, content):
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(ArchiveError, match=r"a\.tar\.gz .*(Remove it|Name the right file)"):
        unpack(str(tmp_path / "a.tar.gz"), str(tmp_path / "dest"))
    assert os.listdir(tmp_path) == ["a.tar.gz"]


@pytest.mark.parametrize(
    "kind, lacks, words",
    [
        ("w:bz2", "bz2", ["has no bz2", "libbz2-dev or bzip2-devel", "ansible_python_interpreter", sys.executable]),
        ("w:xz", "lzma", ["has no lzma", "liblzma-dev or xz-devel"]),
        ("w:gz", "gzip", ["has no zlib"]),
    ],
)
def test_what_this_python_cannot_read_is_named(tmp_path, monkeypatch, kind, lacks, words):
    path = tar(tmp_path / "a.tar", folder("a"), member("a/x", b"x"), mode=kind)
    monkeypatch.setitem(sys.modules, lacks, None)
    with pytest.raises(ArchiveError) as told:
        unpack(path, str(tmp_path / "tree"))
    assert [word for word in words if word not in str(told.value)] == [] and "damaged" not in str(told.value)
    # The others are read.
    for other in {"w", "w:gz", "w:bz2", "w:xz"} - {kind}:
        unpack(tar(tmp_path / "b.tar", folder("a"), member("a/x", b"x"), mode=other), str(tmp_path / "tree"))


@pytest.mark.parametrize(
    "method, lacks", [(zipfile.ZIP_DEFLATED, "zlib"), (zipfile.ZIP_BZIP2, "bz2"), (zipfile.ZIP_LZMA, "lzma")]
)
def test_a_zip_that_this_python_cannot_read(tmp_path, monkeypatch, method, lacks):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as zipped:
        zipped.writestr("a/x", b"x" * 1000)
    monkeypatch.setitem(sys.modules, lacks, None)
    with pytest.raises(ArchiveError, match="has no " + lacks):
        unpack(str(tmp_path / "a.zip"), str(tmp_path / "tree"))
