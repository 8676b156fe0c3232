# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to outlive a power cut: asked of the kernel, with and without ctypes, and looked at again."""

import errno
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable


def test_a_file_system_is_synced(tmp_path):
    (tmp_path / "x").write_text("x")
    durable.sync_file_system(str(tmp_path))
    durable.sync_file_system(str(tmp_path / "x"))


def test_what_is_not_there_cannot_be(tmp_path):
    with pytest.raises(FileNotFoundError):
        durable.sync_file_system(str(tmp_path / "x"))


def test_the_kernels_error_is_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "_syncfs", lambda: lambda descriptor: 5)
    with pytest.raises(OSError, match="Input/output error"):
        durable.sync_file_system(str(tmp_path))


def test_without_ctypes_all_is_synced(tmp_path, monkeypatch):
    called = []
    monkeypatch.setitem(__import__("sys").modules, "ctypes", None)
    monkeypatch.setattr(os, "sync", lambda: called.append(True))
    durable.sync_file_system(str(tmp_path))
    assert called == [True]


def test_a_file_is_there_whole_or_not(tmp_path):
    path = tmp_path / "stamp.json"
    durable.write(str(path), "one")
    durable.write(str(path), "two")
    assert path.read_text() == "two" and [each.name for each in tmp_path.iterdir()] == ["stamp.json"]


@pytest.fixture
def full(monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)


def test_on_a_full_disk_the_former_one_stays(tmp_path, full):
    (tmp_path / "check.json").write_text("one")
    with pytest.raises(OSError, match="No space"):
        durable.write(str(tmp_path / "check.json"), "other")
    assert (tmp_path / "check.json").read_text() == "one" and os.listdir(tmp_path) == ["check.json"]
    # What need not last asks the disk for nothing.
    durable.write(str(tmp_path / "check.json"), "other", synced=False)
    assert (tmp_path / "check.json").read_text() == "other"


def test_two_that_write_at_once_write_by_files_of_their_own(tmp_path, monkeypatch):
    """The numbers of processes are the same on two machines."""
    renamed, rename = [], os.rename
    monkeypatch.setattr(os, "rename", lambda source, dest: (renamed.append(source), rename(source, dest)))
    for concurrent in (True, True, False):
        durable.write(str(tmp_path / "file"), "1", concurrent=concurrent)
    assert len(set(renamed)) == 3 and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("left", [False, True])
def test_a_mode_is_the_files_from_its_first_moment(tmp_path, left):
    partial, umask = tmp_path / "key.partial", os.umask(0o077)
    try:
        if left:
            # By a run that was killed.
            partial.write_text("half")
            partial.chmod(0o666)
        durable.write(str(tmp_path / "key"), "k", mode=0o644)
        assert (tmp_path / "key").stat().st_mode & 0o777 == 0o644
        durable.write(str(tmp_path / "other"), "k")
        assert (tmp_path / "other").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(umask)


def test_bytes_and_any_text(tmp_path):
    durable.write(str(tmp_path / "a"), b"\xff")
    durable.write(str(tmp_path / "b"), "\u00e9\udcff")
    assert (tmp_path / "a").read_bytes() == b"\xff" and (tmp_path / "b").read_bytes() == b"\xc3\xa9\xff"


def test_content_before_the_name_and_the_name_before_it_is_told(tmp_path, monkeypatch):
    done = []
    real_fsync, real_rename = os.fsync, os.rename
    monkeypatch.setattr(
        os, "fsync", lambda number: (done.append(os.readlink("/proc/self/fd/%d" % number)), real_fsync(number))
    )
    monkeypatch.setattr(os, "rename", lambda source, dest: (done.append("rename"), real_rename(source, dest)))
    source, dest = tmp_path / "part", tmp_path / "whole"
    source.write_text("x")
    durable.replace(str(source), str(dest))
    assert done == [str(source), "rename", str(tmp_path)] and dest.read_text() == "x"
    del done[:]
    durable.write(str(dest), "y")
    assert done == [str(dest) + ".partial", "rename", str(tmp_path)] and dest.read_text() == "y"


def test_a_file_system_that_syncs_no_folders(tmp_path, monkeypatch):
    def refused(number):
        raise OSError(number_of, os.strerror(number_of))

    monkeypatch.setattr(os, "fsync", refused)
    number_of = errno.EINVAL
    durable.sync(str(tmp_path))
    number_of = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        durable.sync(str(tmp_path))


def test_a_listing_tells_what_is_missing_or_has_become_another(tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    for name in ("same", "shorter", "gone", "deep/er/same"):
        (tmp_path / name).write_text("content")
    (tmp_path / "link").symlink_to("same")
    (tmp_path / "folder").symlink_to("deep")
    known = durable.list_files(str(tmp_path))
    assert set(known) == {"same", "shorter", "gone", "deep/er/same", "link", "folder"}
    assert durable.missing_or_changed(str(tmp_path), known) == []

    (tmp_path / "shorter").write_text("")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("elsewhere")
    (tmp_path / "new").write_text("")
    assert durable.missing_or_changed(str(tmp_path), known) == ["gone", "link", "shorter"]
