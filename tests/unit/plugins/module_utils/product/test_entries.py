# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where products stand on a host: what is swept, and what is not touched."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import entries
from host_entries import LABEL, MARK, age, fill


def test_nothing_is_carried_to_where_others_could_have_put_something(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "work").symlink_to("elsewhere")
    with pytest.raises(entries.CarryingError, match="work is a link.*Set ascend_work_dir"):
        entries.Entry(str(tmp_path / "work"), LABEL, MARK).make()
    assert os.listdir(tmp_path / "elsewhere") == []


def test_what_killed_runs_left_is_swept_in_time(entry, tmp_path):
    top = tmp_path / "work/products"
    for name in ("a.partial-1", "b.partial-2", "c", LABEL + ".partial-123456789012"):
        fill(top / name, b"half")
    for name in ("a.partial-1", "c", LABEL + ".partial-123456789012"):
        age(top / name, entries.IDLE_S + 9)
    entry.sweep("1234567890123")
    assert sorted(os.listdir(top)) == ["b.partial-2", "c", LABEL, LABEL + ".partial-123456789012"]
