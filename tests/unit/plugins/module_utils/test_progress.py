# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Percentages in what tools print."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils import progress
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "line, percent",
    [
        ("[  1%] Building CXX object Source/kwsys/x.o", 1),
        ("[100%] Built target cmake", 100),
        ("  [ 45%] x", 45),
        ("[12/345] Building", 3),
        ("[345/345] Linking", 100),
        ("[1/2]", 50),
        ("[999%] nonsense", 100),
        ("[7/3] nonsense", 100),
        ("[0/0] nothing", None),
        ("[1234%]", None),
        ("at 45%", None),
        ("x [45%]", None),
        ("[a/b]", None),
        ("", None),
    ],
)
def test_percent(line, percent):
    assert progress.percent(line) == percent


@given(st.text() | st.from_regex(r"\[\s*\d+(%|/\d+)\]"))
def test_any_line(line):
    assert progress.percent(line) is None or 0 <= progress.percent(line) <= 100
