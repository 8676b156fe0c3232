# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to outlive a power cut: asked of the kernel, with and without ctypes, and looked at again."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils import durable


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


def test_a_listing_tells_what_is_missing_or_has_become_another(tmp_path):
    (tmp_path / "deep/er").mkdir(parents=True)
    for name in ("same", "shorter", "gone", "deep/er/same"):
        (tmp_path / name).write_text("content")
    (tmp_path / "link").symlink_to("same")
    (tmp_path / "folder").symlink_to("deep")
    known = durable.listing(str(tmp_path))
    assert set(known) == {"same", "shorter", "gone", "deep/er/same", "link", "folder"}
    assert durable.lacking(str(tmp_path), known) == []

    (tmp_path / "shorter").write_text("")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("elsewhere")
    (tmp_path / "new").write_text("")
    assert durable.lacking(str(tmp_path), known) == ["gone", "link", "shorter"]
