# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a killed build may have left incomplete."""

import os
import shutil

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import torn

# When the build began.
BEGUN = 1000.0
# What it was installed for may be gone.
INSTALLED = "obj/nccl-stamp/nccl-install"


@pytest.fixture
def tree(tmp_path):
    """Objects of a build and files of the sources, by name the time when each was written."""
    times = {
        "src/blob.so": 900.0,
        "obj/early.o": 1010.0,
        "obj/sub/lib.a": 1040.0,
        "obj/late.lo": 1099.0,
        "obj/last.o": 1100.0,
        "obj/last.d": 1100.0,
        "obj/nccl-stamp/nccl-build": 1010.0,
        "obj/nccl-stamp/nccl-install": 1100.0,
    }
    for name, when in times.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if "stamp" in name else b"x")
        os.utime(path, (when, when))
    return tmp_path


def names(tree, margin_s):
    found = torn.find_torn([str(tree / "src"), str(tree / "obj"), str(tree / "none")], BEGUN, margin_s)
    return [os.path.relpath(path, tree) for path in found]


def test_the_last_ones_written_may_be_halves(tree):
    assert names(tree, torn.KILLED_MARGIN_S) == ["obj/last.o", "obj/late.lo", INSTALLED]


def test_after_a_power_cut_so_may_what_was_not_yet_on_the_disk(tree):
    assert names(tree, torn.REBOOTED_MARGIN_S) == ["obj/last.o", "obj/late.lo", INSTALLED]
    os.utime(tree / "obj/sub/lib.a", (1041.0, 1041.0))
    assert names(tree, torn.REBOOTED_MARGIN_S) == ["obj/last.o", "obj/late.lo", INSTALLED, "obj/sub/lib.a"]


def test_an_empty_one_is_none_whatever_its_age(tree):
    (tree / "obj/early.o").write_bytes(b"")
    os.utime(tree / "obj/early.o", (1010.0, 1010.0))
    assert names(tree, torn.KILLED_MARGIN_S) == ["obj/early.o", "obj/last.o", "obj/late.lo", INSTALLED]


def test_what_came_with_the_sources_stays(tree):
    shutil.rmtree(tree / "obj")
    assert names(tree, torn.REBOOTED_MARGIN_S) == []
