# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacking what others made, packing what we made."""

import bz2
import errno
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
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pytest
import sources
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive as archive_module
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import (
    PACKED_MTIME,
    ArchiveError,
    Limit,
    pack,
    unpack,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def member(name, content=b"", mode=0o644, mtime=1_000_000_000, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime, info.type, info.linkname = len(content), mode, mtime, kind, link
    info.uid, info.uname = 12345, "stranger"
    return info, content


def folder(name, mode=0o755, **more):
    return member(name, mode=mode, kind=tarfile.DIRTYPE, **more)


def symlink(name, target):
    return member(name, kind=tarfile.SYMTYPE, link=target)


def hard_link(name, target):
    return member(name, kind=tarfile.LNKTYPE, link=target)


def tar(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as out:
        for info, content in members:
            out.addfile(info, io.BytesIO(content))
    return str(path)


PLAIN = (
    folder("top-1.0"),
    member("top-1.0/configure", b"#!/bin/sh\n", 0o755),
    folder("top-1.0/src"),
    member("top-1.0/src/a.c", b"int a;\n"),
    symlink("top-1.0/link.c", "src/a.c"),
)


def tree(path):
    """Everything under `path`: name to content, link target or None."""
    found = {}
    for one in sorted(Path(path).rglob("*")):
        found[str(one.relative_to(path))] = (
            os.readlink(one) if one.is_symlink() else None if one.is_dir() else one.read_bytes()
        )
    return found


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


def test_zip_with_modes_and_links(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(zipfile.ZipInfo("top/"), "")
        script = zipfile.ZipInfo("top/run", (2020, 2, 3, 4, 5, 6))
        script.external_attr = (stat.S_IFREG | 0o4755) << 16
        out.writestr(script, "#!/bin/sh\n")
        link = zipfile.ZipInfo("top/alias")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(link, "run")
        out.writestr("top/plain", "x")
    unpack(str(path), str(tmp_path / "dest"))
    assert tree(tmp_path / "dest") == {"run": b"#!/bin/sh\n", "alias": "run", "plain": b"x"}
    assert stat.S_IMODE((tmp_path / "dest/run").stat().st_mode) == 0o755
    assert time.localtime((tmp_path / "dest/run").stat().st_mtime)[:6] == (2020, 2, 3, 4, 5, 6)


def test_leading_dot_folder_and_strip_0(tmp_path):
    unpack(tar(tmp_path / "a.tar.gz", folder("./"), folder("./top"), member("./top/f", b"1")), str(tmp_path / "one"))
    assert tree(tmp_path / "one") == {"f": b"1"}
    unpack(tar(tmp_path / "b.tar.gz", folder("./"), member("./f", b"1"), member("g", b"2")), str(tmp_path / "two"), 0)
    assert tree(tmp_path / "two") == {"f": b"1", "g": b"2"}


def test_former_tree_and_a_killed_runs_half_are_replaced(tmp_path):
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest/old").write_text("old")
    (tmp_path / "dest.partial/deep").mkdir(parents=True)
    (tmp_path / "dest.partial/deep/half").write_text("half")
    unpack(tar(tmp_path / "a.tar.gz", *PLAIN), str(tmp_path / "dest"))
    assert "old" not in tree(tmp_path / "dest") and "deep" not in tree(tmp_path / "dest")
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "dest"]


def test_setuid_goes_unwritable_folders_work_and_the_umask_decides_nothing(tmp_path):
    archive = tar(
        tmp_path / "a.tar.gz",
        folder("t"),
        folder("t/locked", 0o555),
        member("t/locked/su", b"", 0o6755),
        member("t/shared/deep/f", b"", 0o444),
    )
    before = os.umask(0o077)
    try:
        unpack(archive, str(tmp_path / "dest"))
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tmp_path / "dest" / name).stat().st_mode) for name in tree(tmp_path / "dest")}
    assert modes == {"locked": 0o755, "locked/su": 0o755, "shared": 0o755, "shared/deep": 0o755, "shared/deep/f": 0o644}


def test_nothing_is_from_the_future(tmp_path):
    future = int(time.time()) + 10 * 365 * 86400
    unpack(
        tar(
            tmp_path / "a.tar.gz",
            folder("t"),
            folder("t/d", mtime=future),
            member("t/d/new", mtime=future),
            member("t/old", mtime=5),
        ),
        str(tmp_path / "dest"),
    )
    now = time.time()
    assert (tmp_path / "dest/d/new").stat().st_mtime <= now
    assert (tmp_path / "dest/d").stat().st_mtime <= now
    assert (tmp_path / "dest/old").stat().st_mtime == 5


def test_hard_links_and_links_to_links(tmp_path):
    archive = tar(
        tmp_path / "a.tar.gz",
        member("t/g++", b"elf", 0o755),
        hard_link("t/c++", "t/g++"),
        symlink("t/lib.so", "lib.so.6"),
        hard_link("t/also.so", "t/lib.so"),
    )
    unpack(archive, str(tmp_path / "dest"))
    assert (tmp_path / "dest/g++").samefile(tmp_path / "dest/c++")
    assert os.readlink(tmp_path / "dest/also.so") == "lib.so.6"


def test_a_later_entry_of_a_name_wins_and_does_not_write_through_the_former(tmp_path):
    unpack(
        tar(
            tmp_path / "a.tar.gz",
            member("t/one", b"1"),
            hard_link("t/two", "t/one"),
            member("t/two", b"2"),
            symlink("t/x", "one"),
            member("t/x", b"3"),
        ),
        str(tmp_path / "dest"),
    )
    assert tree(tmp_path / "dest") == {"one": b"1", "two": b"2", "x": b"3"}


HOSTILE = {
    "absolute name": [member("/etc/passwd", b"x")],
    "name with ..": [member("t/../../x", b"x")],
    "folder with ..": [folder("t/..")],
    "absolute link": [symlink("t/l", "/etc")],
    "link out": [symlink("t/l", "../x")],
    "link out, deeper": [member("t/d/f", b""), symlink("t/d/l", "../../x")],
    "file through a link": [symlink("t/d", ".."), member("t/d/x", b"x")],
    "links that only together lead out": [symlink("t/p/q/r", "../.."), symlink("t/l", "p/q/r/../x")],
    # Inside as long as the tree is not finished, and out of it once it has its name.
    "link by the unfinished tree's name": [member("t/real", b""), symlink("t/l", "../dest.partial/real")],
    "link by that name behind a link": [symlink("t/d/up", ".."), symlink("t/l", "d/up/../dest.partial/real")],
    "links that only together are absolute": [symlink("t/d/r", "/"), symlink("t/l", "d/r/etc")],
    "hard link to outside": [hard_link("t/l", "/etc/passwd")],
    "hard link by ..": [hard_link("t/l", "t/../../secret")],
    "hard link to nothing": [hard_link("t/l", "t/none")],
    "device": [member("t/dev", kind=tarfile.CHRTYPE)],
    "pipe": [member("t/pipe", kind=tarfile.FIFOTYPE)],
    "two tops": [member("t/a", b""), member("u/b", b"")],
    "file beside the top": [member("t/a", b""), member("README", b"")],
    "file where a folder stands": [member("t/a/b", b""), member("t/a", b"")],
    "nothing": [],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_refused_and_nothing_left(tmp_path, members):
    (tmp_path / "secret").write_text("s")
    archive = tar(tmp_path / "bad.tar.gz", *members)
    with pytest.raises(ArchiveError, match="bad.tar.gz"):
        unpack(archive, str(tmp_path / "dest"))
    assert sorted(os.listdir(tmp_path)) == ["bad.tar.gz", "secret"]
    assert (tmp_path / "secret").read_text() == "s"


def test_links_that_go_about_inside_stay(tmp_path):
    members = [
        member("t/a/b/f", b"f"),
        symlink("t/up", "a/b/../../a/b/f"),
        symlink("t/a/short", "b/../../a"),
        symlink("t/through", "a/short/b/f"),
        symlink("t/round", "round/x"),
        symlink("t/nowhere", "a/none/../b"),
    ]
    unpack(tar(tmp_path / "good.tar.gz", *members), str(tmp_path / "dest"))
    assert (tmp_path / "dest/up").read_bytes() == (tmp_path / "dest/through").read_bytes() == b"f"
    assert os.readlink(tmp_path / "dest/round") == "round/x"


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


def test_no_more_is_unpacked_than_its_limit(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", member("t/a", b"x" * 600), member("t/b", b"x" * 400), symlink("t/c", "a"))
    for limit in (None, Limit(1000, 9), Limit(10**6, 9)):
        unpack(archive, str(tmp_path / "dest"), limit=limit)
        assert (tmp_path / "dest/b").stat().st_size == 400
    with pytest.raises(ArchiveError, match="a.tar.gz holds more than the 999 bytes"):
        unpack(archive, str(tmp_path / "dest"), limit=Limit(999, 9))
    # What stood there still does.
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "dest"] and (tmp_path / "dest/b").stat().st_size == 400
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("t/a", b"0" * 10**6)
    with pytest.raises(ArchiveError, match="a.zip holds more than the 999999 bytes"):
        unpack(str(tmp_path / "a.zip"), str(tmp_path / "zip"), limit=Limit(999999, 9))


@pytest.mark.parametrize(
    "members",
    [
        [member("t/%d" % number, b"") for number in range(10)],
        [folder("t/%d" % number) for number in range(10)],
        [symlink("t/%d" % number, "none") for number in range(10)],
        # One entry, and folders that none names.
        [member("t/" + "x/" * 9 + "y", b"")],
        # The same one over and over again takes no room, but time.
        [member("t/x", b"")] * 10,
    ],
)
def test_no_more_entries_are_unpacked_than_the_limit(tmp_path, members):
    archive = tar(tmp_path / "a.tar.gz", *members)
    unpack(archive, str(tmp_path / "dest"), limit=Limit(0, 11))
    with pytest.raises(ArchiveError, match="a.tar.gz holds more than the 9 entries that belong to it: refused"):
        unpack(archive, str(tmp_path / "other"), limit=Limit(0, 9))
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "dest"]


def test_a_name_without_end_is_not_read(tmp_path):
    info, _content = member("name", kind=tarfile.GNUTYPE_LONGNAME)
    info.size = 1 << 32
    (tmp_path / "bomb.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(ArchiveError, match="4294967296 bytes of a name"):
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
        with pytest.raises(ArchiveError, match="a.zip holds more than the 9 entries that belong to it: refused"):
            unpack(archive, str(tmp_path / "dest"), limit=Limit(1000, 9))

    assert peak(unpacked) < 4 << 20 and os.listdir(tmp_path) == ["a.zip"]


def test_without_a_limit_no_list_without_end_is_read_either(tmp_path):
    archive = listed(tmp_path / "a.zip", 1, b"", size=(128 << 20) + 1)

    def unpacked():
        with pytest.raises(ArchiveError, match="is no archive, or is damaged .*134217729 bytes"):
            unpack(archive, str(tmp_path / "dest"))
        assert archive_module.content(archive, "x", 9) is None

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


def test_a_zip_of_as_many_entries_as_its_limit(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        for number in range(5000):
            out.writestr("t/" + "x" * 200 + str(number), b"")
    unpack(str(tmp_path / "a.zip"), str(tmp_path / "dest"), limit=Limit(0, 5001))
    assert len(os.listdir(tmp_path / "dest")) == 5000


def test_what_has_no_room_is_not_begun(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", member("t/a", b"x"))
    with pytest.raises(ArchiveError, match="no space left"):
        unpack(archive, str(tmp_path / "dest"), limit=Limit(1 << 60, 9))
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_one_file_is_read_out_of_an_archive(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", member("./a", b"first"), member("b", b"second"), folder("c"))
    assert archive_module.content(archive, "a", 5) == b"first" and archive_module.content(archive, "b", 6) == b"second"
    assert archive_module.content(archive, "b", 5) is None
    assert archive_module.content(archive, "c", 9) is None and archive_module.content(archive, "none", 9) is None
    # What stands behind it is not looked at.
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(Path(archive).read_bytes()[:-20])
    assert archive_module.content(str(cut), "none", 9) is None
    assert archive_module.content(str(tmp_path / "missing"), "a", 9) is None


def test_zip_that_climbs_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as out:
        out.writestr("t/../../x", "x")
    with pytest.raises(ArchiveError, match="leads out"):
        unpack(str(tmp_path / "bad.zip"), str(tmp_path / "dest"))
    assert os.listdir(tmp_path) == ["bad.zip"]


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


def test_missing_file_and_unwritable_place_and_full_disk(tmp_path, monkeypatch):
    with pytest.raises(ArchiveError, match="none.tar.gz"):
        unpack(str(tmp_path / "none.tar.gz"), str(tmp_path / "dest"))
    archive = tar(tmp_path / "a.tar.gz", *PLAIN)
    with pytest.raises(ArchiveError, match="Not a directory"):
        unpack(archive, archive + "/dest")

    def full(*unused):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive_module, "_copy", full)
    with pytest.raises(ArchiveError, match="no space left on the file system of .*dest"):
        unpack(archive, str(tmp_path / "dest"))
    assert not (tmp_path / "dest.partial").exists()


NAMES = st.lists(
    st.sampled_from(["..", ".", "", "a", "b", "c", "d", "\n", "é", "x" * 300, "\udc80"]), min_size=1, max_size=5
).map("/".join)
MEMBERS = st.lists(st.tuples(st.sampled_from(["file", "dir", "sym", "hard", "fifo"]), NAMES, NAMES), max_size=8)


@settings(max_examples=150)
@given(members=MEMBERS, strip=st.integers(0, 2), inside=st.booleans())
def test_no_archive_reaches_out_of_its_tree(members, strip, inside):
    kinds = {
        "file": tarfile.REGTYPE,
        "dir": tarfile.DIRTYPE,
        "sym": tarfile.SYMTYPE,
        "hard": tarfile.LNKTYPE,
        "fifo": tarfile.FIFOTYPE,
    }
    with tempfile.TemporaryDirectory() as base:
        home = Path(base, "p", "q")
        (home / "a").mkdir(parents=True)
        (home / "a/b").write_text("kept")
        archive = tar(
            home / "a.tar",
            *[
                member(("top/" if inside else "") + name, b"w" if kind == "file" else b"", kind=kinds[kind], link=link)
                for kind, name, link in members
            ],
            mode="w",
        )
        before = tree(base)
        try:
            unpack(archive, str(home / "dest"), strip)
        except ArchiveError:
            assert tree(base) == before
            return
        after = tree(base)
        assert {name: value for name, value in after.items() if not name.startswith("p/q/dest")} == before
        for name in after:
            assert os.path.realpath(os.path.join(base, name)).startswith(os.path.realpath(base))


def built(path):
    (path / "bin").mkdir(parents=True)
    (path / "bin/g++").write_bytes(b"elf")
    (path / "bin/g++").chmod(0o755)
    os.link(path / "bin/g++", path / "bin/c++")
    (path / "lib").mkdir()
    (path / "lib/lib.so.6").write_bytes(b"so")
    (path / "lib/lib.so").symlink_to("lib.so.6")
    (path / "lib-empty").mkdir(mode=0o700)
    return path


def test_pack_is_deterministic_and_comes_back(tmp_path):
    one, two = built(tmp_path / "one"), built(tmp_path / "two")
    os.utime(two / "lib/lib.so.6", (1, 1))
    pack(str(one), str(tmp_path / "1.tar.gz"))
    time_of_packing = time.time()
    pack(str(two), str(tmp_path / "2.tar.gz"))
    assert (tmp_path / "1.tar.gz").read_bytes() == (tmp_path / "2.tar.gz").read_bytes()
    unpack(str(tmp_path / "1.tar.gz"), str(tmp_path / "back"), 0)
    assert tree(tmp_path / "back") == tree(one)
    assert (tmp_path / "back/bin/c++").samefile(tmp_path / "back/bin/g++")
    assert stat.S_IMODE((tmp_path / "back/bin/g++").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "back/lib-empty").stat().st_mode) == 0o700
    assert (tmp_path / "back/lib/lib.so.6").stat().st_mtime == PACKED_MTIME < time_of_packing
    with tarfile.open(tmp_path / "1.tar.gz") as packed:
        assert {(info.uid, info.gid, info.uname) for info in packed} == {(0, 0, "root")}
        assert packed.getnames() == sorted(packed.getnames())
    assert not list(tmp_path.glob("*.partial"))


def test_pack_refuses_what_could_not_be_unpacked(tmp_path):
    root = built(tmp_path / "one")
    (root / "out").symlink_to("/usr/lib")
    with pytest.raises(ArchiveError, match="'out' leads out"):
        pack(str(root), str(tmp_path / "1.tar.gz"))
    (root / "out").unlink()
    os.mkfifo(root / "pipe")
    with pytest.raises(ArchiveError, match="pipe is neither"):
        pack(str(root), str(tmp_path / "1.tar.gz"))
    with pytest.raises(ArchiveError, match="nothing to pack"):
        pack(str(tmp_path / "none"), str(tmp_path / "1.tar.gz"))
    assert os.listdir(tmp_path) == ["one"]


def test_pack_keeps_the_former_archive_when_it_fails(tmp_path, monkeypatch):
    root = built(tmp_path / "one")
    (tmp_path / "1.tar.gz").write_bytes(b"former")

    def full(*unused):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive_module.os, "fsync", full)
    with pytest.raises(ArchiveError, match="no space left"):
        pack(str(root), str(tmp_path / "1.tar.gz"))
    assert (tmp_path / "1.tar.gz").read_bytes() == b"former"
    assert sorted(os.listdir(tmp_path)) == ["1.tar.gz", "one"]


def test_no_deprecation_warnings(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unpack(tar(tmp_path / "a.tar.gz", *PLAIN), str(tmp_path / "dest"))
        pack(str(tmp_path / "dest"), str(tmp_path / "b.tar.gz"))


# --- a Python that lacks something ------------------------------------------------------------------------------------


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


def test_without_zlib_nothing_is_packed(tmp_path, monkeypatch):
    (tmp_path / "tree").mkdir()
    monkeypatch.setitem(sys.modules, "gzip", None)
    with pytest.raises(ArchiveError, match="cannot be packed: .* has no zlib"):
        pack(str(tmp_path / "tree"), str(tmp_path / "a.tar.gz"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree"]
