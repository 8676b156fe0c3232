# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where submodules come from, and their place in a mirror."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.git_urls import owner_and_name, submodule_urls


@pytest.mark.parametrize(
    "parent, relative, url",
    [
        ("https://h/Ascend/pytorch.git", "../x.git", "https://h/Ascend/x.git"),
        ("https://h/Ascend/pytorch.git/", "../../O/x.git", "https://h/O/x.git"),
        ("https://h/Ascend/pytorch", "./x", "https://h/Ascend/pytorch/x"),
        ("git@h:Ascend/pytorch.git", "../x.git", "git@h:Ascend/x.git"),
        ("git@h:Ascend/pytorch.git", "../../O/x.git", "git@h:O/x.git"),
        ("Ascend/pytorch.git", "../../O/x.git", "O/x.git"),
    ],
)
def test_relative_submodule_urls(parent, relative, url):
    assert submodule_urls([parent], relative) == [url]


@pytest.mark.parametrize(
    "url, urls, repo",
    [
        ("https://github.com/pytorch/cpuinfo.git", ["https://github.com/pytorch/cpuinfo.git"], "pytorch/cpuinfo"),
        ("git://github.com/a/b", ["https://github.com/a/b", "git://github.com/a/b"], "a/b"),
        ("git@github.com:a/b.git", ["https://github.com/a/b.git", "git@github.com:a/b.git"], "a/b"),
        ("ssh://git@host:29/a/b", ["https://host/a/b", "ssh://git@host:29/a/b"], "a/b"),
        ("https://host:8/x/y/a/b.git/", ["https://host:8/x/y/a/b.git/"], "a/b"),
        ("https://host/b.git", ["https://host/b.git"], "b"),
        ("/srv/a/b", ["/srv/a/b"], "a/b"),
    ],
)
def test_absolute_submodule_urls_and_their_place_in_a_mirror(url, urls, repo):
    assert submodule_urls(["https://h/p.git"], url) == urls
    assert {owner_and_name(one) for one in urls} == {repo}
