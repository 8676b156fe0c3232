# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of builds that were stopped."""

from ansible_collections.ascend.pytorch.plugins.action.stop import report


def test_what_is_told_of_a_host():
    assert report("npu1", [], False) == report("npu1", [], True) == "npu1: no build is running"
    builds = ["cmake-3.12.1-ab in stage build", "gcc730-7.3.0-cd in stage fetch"]
    assert report("npu1", builds, False) == (
        "npu1: stopped (the next run goes on from there): cmake-3.12.1-ab in stage build, gcc730-7.3.0-cd in stage fetch"
    )
    assert report("npu1", builds[:1], True) == "npu1: would stop cmake-3.12.1-ab in stage build"
