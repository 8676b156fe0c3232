# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks and network interfaces of this machine."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import kernel
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import text
from ansible_collections.ascend.pytorch.plugins.module_utils.host import machine, mounts


def disk(path):
    return machine.disk_state(path, mounts.parse(text(mounts.MOUNTINFO)), kernel.boot())


def test_disk(tmp_path, monkeypatch):
    found = disk(str(tmp_path / "not/yet/there"))
    info = os.statvfs(str(tmp_path))
    assert (found["path"], found["stands_at"]) == (str(tmp_path / "not/yet/there"), str(tmp_path))
    assert found["writable"] and 0 < found["free_mib"] <= info.f_blocks * info.f_frsize >> 20
    assert disk("/no/such")["stands_at"] == "/"
    monkeypatch.setattr(machine.os, "access", lambda path, how: how & os.W_OK == 0)
    assert not disk(str(tmp_path))["writable"]


def test_a_folder_is_known_by_one_name_wherever_it_is_seen(tmp_path):
    """As by two hosts that have it: by a link to it, and before what is to stand there does."""
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    there = disk(str(tmp_path / "home" / "work"))["place"]
    assert there and there == disk(str(tmp_path / "link" / "work"))["place"]
    assert there != disk(str(tmp_path / "home"))["place"] != disk(str(tmp_path / "work"))["place"]


def test_a_disk_on_which_nothing_can_be_started(tmp_path, monkeypatch):
    assert disk("/proc/self")["noexec"] is bool(os.statvfs("/proc/self").f_flag & os.ST_NOEXEC)
    real = os.statvfs(str(tmp_path))
    for flag in (os.ST_NOEXEC, os.ST_NOEXEC | os.ST_NOSUID, 0):
        seen = os.statvfs_result(tuple(real)[:8] + (flag,) + tuple(real)[9:])
        monkeypatch.setattr(os, "statvfs", lambda path, seen=seen: seen)
        assert disk(str(tmp_path / "later/work"))["noexec"] is bool(flag & os.ST_NOEXEC)


def test_interfaces():
    assert machine.interfaces()["lo"] == "127.0.0.1"
