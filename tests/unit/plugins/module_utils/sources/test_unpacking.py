# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of what others packed: which they become, and which are refused."""

import errno
import os
import stat
import tarfile
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import unpacking
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import ArchiveError, Limit
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.packing import pack
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.unpacking import unpack
from archives import PLAIN, folder, hard_link, member, symlink, tar, tree
from hypothesis import given, settings
from hypothesis import strategies as st


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
    with pytest.raises(ArchiveError, match="a.tar.gz holds more than the 9 entries that it may hold: refused"):
        unpack(archive, str(tmp_path / "other"), limit=Limit(0, 9))
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "dest"]


def test_what_has_no_room_is_not_begun(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", member("t/a", b"x"))
    with pytest.raises(ArchiveError, match="no space left"):
        unpack(archive, str(tmp_path / "dest"), limit=Limit(1 << 60, 9))
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_zip_that_climbs_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as out:
        out.writestr("t/../../x", "x")
    with pytest.raises(ArchiveError, match="leads out"):
        unpack(str(tmp_path / "bad.zip"), str(tmp_path / "dest"))
    assert os.listdir(tmp_path) == ["bad.zip"]


def test_missing_file_and_unwritable_place_and_full_disk(tmp_path, monkeypatch):
    with pytest.raises(ArchiveError, match="none.tar.gz"):
        unpack(str(tmp_path / "none.tar.gz"), str(tmp_path / "dest"))
    archive = tar(tmp_path / "a.tar.gz", *PLAIN)
    with pytest.raises(ArchiveError, match="Not a directory"):
        unpack(archive, archive + "/dest")

    def full(*unused):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unpacking, "_copy", full)
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


def test_no_deprecation_warnings(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unpack(tar(tmp_path / "a.tar.gz", *PLAIN), str(tmp_path / "dest"))
        pack(str(tmp_path / "dest"), str(tmp_path / "b.tar.gz"))


def test_a_file_is_put_in_its_place_whole_and_again(tmp_path, monkeypatch):
    (tmp_path / "one.whl").write_bytes(b"wheel")
    there = tmp_path / "src/stock/one.whl"
    for _again in range(2):
        unpacking.place_file(str(tmp_path / "one.whl"), str(there))
        assert there.read_bytes() == b"wheel" and os.listdir(str(there.parent)) == ["one.whl"]
    assert there.stat().st_ino == (tmp_path / "one.whl").stat().st_ino

    def refuse(*_paths):
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "one.whl").write_bytes(b"another")
    unpacking.place_file(str(tmp_path / "one.whl"), str(tmp_path / "copy/one.whl"))
    assert (tmp_path / "copy/one.whl").read_bytes() == b"another"
    with pytest.raises(ArchiveError, match="gone.whl"):
        unpacking.place_file(str(tmp_path / "gone.whl"), str(there))
