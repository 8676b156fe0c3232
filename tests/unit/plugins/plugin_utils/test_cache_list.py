# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build cache holds, as people are shown it."""

import cached
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cache_list, store


def test_table(tmp_path):
    cached.make(tmp_path, python_abi="cp39")
    (found,) = store.Store(tmp_path).entries()
    found.update(size=3 << 20, used="2026-11-20T00:00:00Z")
    assert cache_list.table([found], 140) == [
        "product  version  fingerprint   platform                  size     built       on       signed by  used",
        "cmake    3.12.1   abababababab  x86_64, glibc 2.31, cp39  3.0 MiB  2026-11-01  node001  -          2026-11-20",
    ]
    assert cache_list.table([dict(found, status="damaged", signed_by="me")], 79) == [
        "cmake 3.12.1 abababababab  x86_64, glibc 2.31, cp39  3.0 MiB  damaged",
        "    built 2026-11-01 on node001, signed by me, used 2026-11-20",
    ]
    assert cache_list.table([dict(found, part="runtime")], 79)[0].startswith("cmake (runtime) 3.12.1")
    assert cache_list.table([], 79) == ["nothing"]


def test_sizes():
    assert [cache_list.format_size(size) for size in (0, 1023, 1536, 5 << 30)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 GiB",
    ]
