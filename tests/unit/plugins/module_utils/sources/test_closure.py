# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mirror directory must have."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.closure import bare_repositories, git_closure
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.fetch import FetchError
from sources import Forge


def test_closure_names_everything(forge):
    assert git_closure(bare_repositories(str(forge.base)), "Owner/pytorch", forge.old) == [
        {"repo": "Owner/pytorch", "commit": forge.old, "path": ""},
        {"repo": "pytorch/middle", "commit": forge.middle, "path": "third_party/middle"},
        {"repo": "Other/leaf", "commit": forge.leaf, "path": "third_party/middle/deps/leaf"},
    ]


def test_closure_tells_all_that_is_missing(forge, tmp_path):
    odd = Forge(tmp_path)
    commit = odd.commit(
        "Owner/top",
        {"f": b"1"},
        [("one", "../none.git", "a" * 40), ("two", "https://h.invalid/Owner/old.git", "b" * 40)],
    )
    odd.commit("Owner/old", {"f": b"1"})
    with pytest.raises(FetchError, match="git clone --mirror") as caught:
        git_closure(bare_repositories(str(tmp_path)), "Owner/top", commit)
    assert caught.value.tried == [
        ("Owner/none.git (submodule one)", "missing; commit %s is needed" % ("a" * 40)),
        ("Owner/old.git (submodule two)", "does not have commit %s, or not all of it" % ("b" * 40)),
    ]
    assert bare_repositories(str(tmp_path))("../Owner/top") is None


def test_closure_without_what_a_source_leaves_out(forge):
    def paths(*without):
        found = git_closure(bare_repositories(str(forge.base)), "Owner/pytorch", forge.old, without)
        return [entry["path"] for entry in found]

    assert paths("third_party/middle") == [""]
    assert paths("third_party/middle/deps/leaf") == ["", "third_party/middle"]
