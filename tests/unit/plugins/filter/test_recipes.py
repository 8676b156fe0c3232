# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of tables, and gcc's sources out of one."""

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.ascend.pytorch.plugins.filter import recipes

ROW = {
    "archive": {"file": "gcc-7.3.0.tar.gz", "sha256": "a" * 64},
    "prerequisites": {
        "gmp": {"file": "gmp-6.1.0.tar.bz2", "sha256": "b" * 64},
        "isl": {"file": "isl-0.16.1.tar.bz2", "sha256": "c" * 64},
    },
}


def test_a_row():
    assert recipes.release({"1.8.1": {"a": 1}}, "1.8.1", "x", "y", {"2.1.0": {}}) == {"a": 1}


def test_a_row_that_was_added_counts_first():
    assert recipes.release({"1.8.1": {"a": 1}}, "1.8.1", "x", "y", {"1.8.1": {"a": 2}}) == {"a": 2}
    assert recipes.release({"1.8.1": {"a": 1}}, "2.1.0", "x", "y", {"2.1.0": {}}) == {}


@pytest.mark.parametrize("version", ["1.9.0", "", "v1.8.1", 1.8, None])
def test_no_such_row(version):
    with pytest.raises(AnsibleFilterError) as error:
        recipes.release({"1.8.1": {}}, version, "torch_npu_build_version", "ascend_extra_releases", {"1.5.0": {}})
    said = str(error.value)
    assert said.startswith(
        "torch_npu_build_version: {0!r} is not a known release. Known are 1.5.0, 1.8.1;".format(str(version))
    )
    assert "ascend_extra_releases" in said


def test_gcc_s_sources():
    found = recipes.gcc_sources(ROW, ["https://a/gcc/", "https://b"], ["https://c"], {"isl-0.16.1.tar.bz2": "d" * 64})
    assert found == [
        {
            "name": "gcc",
            "kind": "archive",
            "file": "gcc-7.3.0.tar.gz",
            "dest": "gcc",
            "sha256": "a" * 64,
            "urls": ["https://a/gcc/gcc-7.3.0.tar.gz", "https://b/gcc-7.3.0.tar.gz"],
        },
        {
            "name": "gmp",
            "kind": "archive",
            "file": "gmp-6.1.0.tar.bz2",
            "dest": "gcc/gmp",
            "sha256": "b" * 64,
            "urls": ["https://c/gmp-6.1.0.tar.bz2"],
        },
        {
            "name": "isl",
            "kind": "archive",
            "file": "isl-0.16.1.tar.bz2",
            "dest": "gcc/isl",
            "sha256": "d" * 64,
            "urls": ["https://c/isl-0.16.1.tar.bz2"],
        },
    ]


def test_the_filters_have_their_names():
    assert recipes.FilterModule().filters() == {"release": recipes.release, "gcc_sources": recipes.gcc_sources}
