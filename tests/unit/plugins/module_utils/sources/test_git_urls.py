# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where submodules come from, and their place in a mirror."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.git_urls import (
    is_left_out,
    owner_and_name,
    submodule_urls,
)


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


@pytest.mark.parametrize(
    "url, copy",
    [
        ("https://gitee.com/ascend/op-plugin.git", "Ascend/op-plugin"),
        ("https://gitee.com/ascend/op-plugin", "Ascend/op-plugin"),
        ("https://gitcode.com/ascend/torchair.git", "Ascend/torchair"),
        ("https://gitcode.com/Ascend/torchair/", "Ascend/torchair"),
        ("git@gitee.com:ascend/Tensorpipe.git", "Ascend/Tensorpipe"),
        ("https://gitee.com/mirrors/googletest.git", "google/googletest"),
        ("https://gitcode.com/GitHub_Trending/go/googletest.git", "google/googletest"),
        ("https://gitee.com/mirrors/fmt.git", "fmtlib/fmt"),
        ("https://gitcode.com/GitHub_Trending/fm/fmt.git", "fmtlib/fmt"),
        ("https://gitcode.com/GitHub_Trending/js/json", "nlohmann/json"),
        ("https://gitee.com/mirrors/nlohmann-json.git", "nlohmann/json"),
        ("https://gitee.com/mirrors/libnop.git", "google/libnop"),
        ("https://gitee.com/mirrors/libuv.git", "libuv/libuv"),
        ("https://gitcode.com/gh_mirrors/li/libuv.git", "libuv/libuv"),
        ("https://gitee.com/mirrors/pybind11.git", "pybind/pybind11"),
        ("https://gitee.com/openeuler/libboundscheck.git", "openeuler-mirror/libboundscheck"),
    ],
)
def test_copies_on_github_come_after_the_vendors_own_address(url, copy):
    urls = submodule_urls(["https://h/p.git"], url)
    assert urls[-1] == "https://github.com/%s.git" % copy and urls[-2] == url and len(urls) in (2, 3)


@pytest.mark.parametrize(
    "url",
    [
        "https://gitcode.com/cann/ge.git",
        "https://gitcode.com/mindspore/dvm.git",
        "https://gitee.com/mirrors/other.git",
        "https://gitee.com/ascend/a/b.git",
        "https://example.org/ascend/op-plugin.git",
        "https://example.org/gitee.com/ascend/op-plugin.git",
    ],
)
def test_what_has_no_copy(url):
    assert submodule_urls(["https://h/p.git"], url) == [url]


def test_a_copy_of_a_relative_url():
    parents = ["https://gitee.com/ascend/pytorch.git", "https://github.com/Ascend/pytorch.git"]
    assert submodule_urls(parents, "../op-plugin.git") == [
        "https://gitee.com/ascend/op-plugin.git",
        "https://github.com/Ascend/op-plugin.git",
    ]


@pytest.mark.parametrize(
    "path, left_out",
    [
        ("third_party/Tensorpipe", True),
        ("third_party/Tensorpipe/third_party/libuv", True),
        ("third_party/Tensorpipe2", False),
        ("third_party", False),
        ("Tensorpipe", False),
    ],
)
def test_what_a_source_leaves_out(path, left_out):
    assert is_left_out(path, ["third_party/Tensorpipe/", "third_party/none"]) == left_out
    assert not is_left_out(path, [])
