# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packing what we made."""

import errno
import os
import stat
import sys
import tarfile
import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import ArchiveError
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.packing import PACKED_MTIME, pack
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.unpacking import unpack
from archives import tree


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
    with pytest.raises(ArchiveError, match="pipe is not a file, folder or link"):
        pack(str(root), str(tmp_path / "1.tar.gz"))
    with pytest.raises(ArchiveError, match="not a folder: it cannot be packed"):
        pack(str(tmp_path / "none"), str(tmp_path / "1.tar.gz"))
    assert os.listdir(tmp_path) == ["one"]


def test_pack_keeps_the_former_archive_when_it_fails(tmp_path, monkeypatch):
    root = built(tmp_path / "one")
    (tmp_path / "1.tar.gz").write_bytes(b"former")

    def full(*unused):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArchiveError, match="no space left"):
        pack(str(root), str(tmp_path / "1.tar.gz"))
    assert (tmp_path / "1.tar.gz").read_bytes() == b"former"
    assert sorted(os.listdir(tmp_path)) == ["1.tar.gz", "one"]


def test_without_zlib_nothing_is_packed(tmp_path, monkeypatch):
    (tmp_path / "tree").mkdir()
    monkeypatch.setitem(sys.modules, "gzip", None)
    with pytest.raises(ArchiveError, match="cannot be packed: .* has no zlib"):
        pack(str(tmp_path / "tree"), str(tmp_path / "a.tar.gz"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree"]
