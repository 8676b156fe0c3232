# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run accounts for what it was for: with a part of it taken out, it fails and says what was not done.

site.yml on this machine, whose stand-in of CMake is really built and published, all of it below the test's own folder.
Each test goes on from the last one.
"""

import cores
import pytest
from sites import Site

# What costs seconds, and hangs on the collection more than on the ansible-core, is tried on those that scenarios run on.
chosen_cores = pytest.mark.skipif(
    cores.running() not in (cores.CORES[0].line, *cores.OLDER),
    reason="tried on the newest ansible-core and two older ones",
)

GROUPING = """
    - *group
"""
PUBLISHING = """
- name: Publish it
  ansible.builtin.include_tasks: publish.yml
  when: "'publish' in __road_planned.plan.legs"
  tags: [build]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


def test_a_finding_that_nothing_stops_is_told(site):
    site.without("playbooks/site.yml", GROUPING)
    try:
        status, words = site.run("-l", "here", "-e", '{"ascend_require_npu": true, "ascend_only_fit_hosts": false}')
    finally:
        site.whole()
    assert status != 0 and "here: unfit, and nothing stopped it:" in words and "npu-missing" in words, words[-3000:]


def test_planned_work_that_was_never_begun_is_told(site):
    site.without("playbooks/site.yml", GROUPING)
    try:
        status, words = site.run("-l", "here")
    finally:
        site.whole()
    assert status != 0 and "here: planned and not done: build cmake" in words, words[-3000:]
    assert "Provide CMake" not in words and not (site.folder / "cmake").exists()


def test_a_product_that_was_built_and_not_published_is_told(site):
    site.without("roles/road/tasks/product.yml", PUBLISHING)
    try:
        # Else the proof of it would tell.
        status, words = site.run("-l", "here", "--tags", "build")
    finally:
        site.whole()
    assert status != 0 and "here: planned and not done:" in words and "cmake" in words, words[-3000:]
    assert not (site.folder / "cmake").exists()


@chosen_cores
def test_what_is_left_out_for_a_reason_is_told_and_no_error(site):
    status, words = site.run("-l", "here", "--check")
    assert status == 0 and "here: in check mode nothing is done: cmake" in words, words[-3000:]
    assert "there: by --limit" in words
    status, words = site.run("-l", "here", "--tags", "gcc730")
    assert status == 0 and "here: by --tags or --skip-tags: cmake" in words, words[-3000:]
    assert not (site.folder / "cmake").exists()


def test_the_whole_run_does_all_of_it_and_the_next_nothing(site):
    status, words = site.run("-l", "here")
    assert status == 0 and "planned and not done" not in words, words[-3000:]
    assert (site.folder / "cmake" / "bin" / "cmake").exists()
    status, words = site.run("-l", "here")
    assert status == 0 and "changed=0" in words and "Provide CMake" not in words, words[-3000:]
    assert "not done" not in words


@chosen_cores
def test_a_pattern_that_matches_nobody_is_named(site):
    for playbook in ("site", "check", "verify", "report", "remove"):
        status, words = site.run("-e", "ascend_hosts=nobody", playbook=f"{playbook}.yml")
        assert status != 0 and "the pattern 'nobody' matches none of the inventory" in words, words[-3000:]
    status, words = site.run("-e", "ascend_hosts=here", "-l", "there", playbook="check.yml")
    assert status != 0 and "--limit leaves none of those that the pattern 'here' matches (here)" in words, words[-3000:]


@chosen_cores
def test_what_a_playbook_is_for_is_not_skipped_in_silence(site):
    status, words = site.run("-l", "here", "--tags", "check", playbook="verify.yml")
    assert status != 0 and "here: not verified" in words and "without --tags" in words, words[-3000:]
    for playbook, what in (
        ("cache", "the build cache was not looked at"),
        ("bundle", "no bundle was made or verified"),
    ):
        status, words = site.run("-l", "here", playbook=f"{playbook}.yml")
        assert status != 0 and what in words and "--limit" in words, words[-3000:]
    status, words = site.run("-e", '{"ascend_bundle_releases": []}', playbook="bundle.yml")
    assert status != 0 and "no bundle was made or verified" in words, words[-3000:]
