# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a work directory that was cleaned."""

from ansible_collections.ascend.pytorch.plugins.action.clean import report


def test_what_is_told_of_a_host():
    assert report("npu1", [], [], False) == "npu1: nothing to remove"
    removed = [{"path": "/w/builds/a", "size": 3 << 30}, {"path": "/w/downloads/b", "size": 1 << 30}]
    assert report("npu1", removed, [], False).splitlines() == [
        "npu1: freed 4.0 GiB",
        "  3.0 GiB  /w/builds/a",
        "  1.0 GiB  /w/downloads/b",
    ]
    assert report("npu1", removed[:1], ["/x"], True).splitlines() == [
        "npu1: would free 3.0 GiB",
        "  3.0 GiB  /w/builds/a",
        "  /x: kept, a build is running there",
    ]
