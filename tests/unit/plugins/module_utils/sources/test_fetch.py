# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a source is looked for, and in which order."""

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.fetch import candidate_urls
from hypothesis import given
from hypothesis import strategies as st
from sources import archive


def test_mirrors_come_first_and_paths_become_urls(monkeypatch):
    # The account's, and not that of whoever became it.
    monkeypatch.setenv("HOME", "/home/login")
    monkeypatch.setattr(places, "home", lambda: "/home/ann")
    mirrors = ["/srv/my mirror/", "~", "file:///srv/m", "https://m.example/x/", "", " "]
    assert candidate_urls(archive("https://cmake.example/a.tgz", "https://m.example/x/a.tgz"), mirrors) == [
        "file:///srv/my%20mirror/a.tgz",
        "file:///home/ann/a.tgz",
        "file:///srv/m/a.tgz",
        "https://m.example/x/a.tgz",
        "https://cmake.example/a.tgz",
    ]
    git = {
        "kind": "git",
        "repo": "Ascend/pytorch",
        "urls": ["~/clones/p.git", "https://gitee.example/ascend/pytorch.git"],
    }
    assert candidate_urls(git, ["~/m", "git@host:mirror", "http://m"]) == [
        "file:///home/ann/m/Ascend/pytorch.git",
        "git@host:mirror/Ascend/pytorch.git",
        "http://m/Ascend/pytorch.git",
        "file:///home/ann/clones/p.git",
        "https://gitee.example/ascend/pytorch.git",
    ]


PLACES = st.one_of(st.text(), st.sampled_from(["/a", "/a/", "//a", "~", "~/b", "https://h/", "file:///a", "https://h"]))


@given(st.lists(PLACES, max_size=5), st.lists(PLACES, max_size=5), st.booleans())
def test_candidates_are_ordered_and_unique(mirrors, urls, git):
    source = {"kind": "git", "repo": "Owner/re po", "urls": urls} if git else archive(*urls)
    found = candidate_urls(source, mirrors)
    assert len(found) == len(set(found)) <= len(mirrors) + len(urls)
    assert found[: len(candidate_urls(dict(source, urls=[]), mirrors))] == candidate_urls(
        dict(source, urls=[]), mirrors
    )
    assert not any(url.startswith(("/", "~")) or url != url.strip() for url in found)
    assert set(candidate_urls(source, [])) <= set(found)
