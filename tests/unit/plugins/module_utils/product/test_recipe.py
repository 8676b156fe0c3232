# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: names filled in, pins demanded, jobs counted."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe
from hypothesis import given
from hypothesis import strategies as st

NAMES = {"src": "/w/src", "jobs": "4", "prefix": "/opt/x"}


def test_known_names_are_filled_in_at_every_depth():
    step = {
        "run": ["{src}/configure", "--prefix={prefix}", "-j{jobs}{jobs}"],
        "env": {"A": "{src}:{prefix}"},
        "n": 3,
        "flag": True,
        "none": None,
    }
    assert recipe.fill_placeholders(step, NAMES) == {
        "run": ["/w/src/configure", "--prefix=/opt/x", "-j44"],
        "env": {"A": "/w/src:/opt/x"},
        "n": 3,
        "flag": True,
        "none": None,
    }
    assert step["run"][0] == "{src}/configure"


@pytest.mark.parametrize("text", ["{other}", "${VAR}", "{}", "{ src }", "awk '{print $1}'", "{{src", "{0}"])
def test_other_braces_stay(text):
    assert recipe.fill_placeholders(text, NAMES) == text


@given(st.text(alphabet="{}srcx "))
def test_any_braces(text):
    assert "{src}" not in recipe.fill_placeholders(text, {"src": "S"})


ARCHIVE = {"name": "cmake", "kind": "archive", "file": "cmake-3.12.1.tar.gz", "sha256": "a" * 64}
WHEEL = dict(ARCHIVE, name="stock", kind="file", file="torch-2.6.0-cp39-cp39-linux_x86_64.whl")
GIT = {"name": "native", "kind": "git", "repo": "pytorch/pytorch", "ref": "v1.8.1", "commit": "b" * 40}


@pytest.mark.parametrize(
    "source, words",
    [
        (dict(ARCHIVE, sha256="a" * 63), ["cmake-3.12.1.tar.gz", "63 characters", "sha256sum cmake-3.12.1.tar.gz"]),
        (dict(ARCHIVE, sha256="A" * 64), ["lower-case"]),
        (dict(ARCHIVE, sha256="a" * 64 + "\n"), ["65 characters"]),
        (dict(ARCHIVE, sha256=""), ["0 characters"]),
        (dict(ARCHIVE, sha256=None), ["0 characters"]),
        (dict(WHEEL, sha256=""), ["torch-2.6.0-cp39-cp39-linux_x86_64.whl", "0 characters"]),
        (dict(GIT, commit="b" * 39), ["pytorch/pytorch", "40", "git rev-parse v1.8.1^{commit}"]),
        (dict(GIT, commit="v1.8.1"), ["'v1.8.1'"]),
        (dict(GIT, commit=None, ref=""), ["git rev-parse HEAD^{commit}"]),
        (dict(GIT, commit="b" * 64), ["40"]),
    ],
)
def test_what_is_not_pinned_is_told(source, words):
    found = recipe.problems({"name": "torch", "sources": [ARCHIVE, source, GIT]})
    assert len(found) == 1 and found[0].startswith("torch: ")
    assert [word for word in words if word not in found[0]] == []


def test_what_is_pinned_is_well():
    assert recipe.problems({"name": "torch", "sources": [ARCHIVE, WHEEL, GIT]}) == []


@pytest.mark.parametrize(
    "wanted, cores, mib, need, jobs",
    [
        ("auto", 8, 64 * 1024, 2, 8),
        ("auto", 8, 6 * 1024, 2, 3),
        ("auto", 8, 100, 2, 1),
        ("auto", 192, 0, 1, 1),
        ("auto", 4, 3 * 1024, 0.5, 4),
        ("auto", 4, 1, 0, 4),
        ("3", 1, 1, 2, 3),
        (5, 1, 1, 2, 5),
        ("0", 4, 9999, 1, 1),
    ],
)
def test_jobs(wanted, cores, mib, need, jobs):
    assert recipe.job_count(wanted, cores, mib, {"mem_gib_per_job": need}) == jobs


@pytest.mark.parametrize(
    "mib, first, jobs",
    [(4300, 4.2, 1), (4300 + 819, 4.2, 1), (4301 + 820, 4.2, 2), (4096, 4.2, 1), (64 * 1024, 4.2, 8), (4096, None, 5)],
)
def test_jobs_where_one_file_takes_more_than_the_others(mib, first, jobs):
    assert recipe.job_count("auto", 8, mib, {"mem_gib_per_job": 0.8, "mem_gib_first": first}) == jobs


def test_memory_without_which_nothing_is_built():
    assert recipe.memory_for_one_job({"mem_gib_per_job": 0.8, "mem_gib_first": 4.2}) == 4.2
    assert recipe.memory_for_one_job({"mem_gib_per_job": 0.8, "mem_gib_first": 0.8}) == 0.8
    assert recipe.memory_for_one_job({"mem_gib_per_job": 2}) == 2 and recipe.memory_for_one_job({}) == 1
