# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where build caches can be."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cache_places, store


def test_places(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_places.resolve_places(None) == ["/x/ascend-pytorch/products"]
    assert cache_places.resolve_places("~/cache") == ["/home/me/cache"]
    assert cache_places.resolve_places(["/a/../b/", "file:///s/", "https://h/c/"]) == ["/b", "file:///s", "https://h/c"]
    assert cache_places.resolve_places(["auto"]) == cache_places.resolve_places(None)
    assert cache_places.resolve_places([]) == cache_places.resolve_places("") == []
    assert [cache_places.kind(one) for one in ("/b", "file:///s", "https://h/c")] == [
        cache_places.FOLDER,
        cache_places.FILE,
        cache_places.WEB,
    ]


@pytest.mark.parametrize("place", ["s3://x/y", "file://x/y", "https://", "http:///x", "file:////"])
def test_what_is_no_place(place):
    with pytest.raises(store.StoreError, match="ascend_build_cache: .* cannot be a build cache"):
        cache_places.resolve_places([place])
