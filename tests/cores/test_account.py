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
PROVIDING = """
- name: Provide what is in the build cache
  ansible.builtin.import_role:
    name: ascend.pytorch.road
    tasks_from: publish
  vars:
    road_name: what is in the build cache
    road_names: [cmake, gcc730, torch, torch_npu, apex]
  tags: [always]
"""
# CMake, and then what only works with it.
CHAIN = """
- name: Take one role's product for granted in another's plan
  hosts: here
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: ascend.pytorch.cmake}
    - ansible.builtin.import_role: {name: ascend.pytorch.torch_npu_build, tasks_from: recipe}
    - ansible.builtin.import_role: {name: ascend.pytorch.cann_check, tasks_from: recipe}
    - ansible.builtin.include_role: {name: ascend.pytorch.road, tasks_from: plan}
      vars: {road_name: what uses it, road_roles: [torch_npu_build]}
    - ansible.builtin.include_role: {name: ascend.pytorch.road, tasks_from: plan}
      vars: {road_name: what comes then, road_roles: [cann_check]}
    - ansible.builtin.debug: {msg: "promised {{ __road_planned.promised | default({}) | list }}"}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


@chosen_cores
def test_a_finding_that_nothing_stops_is_told(site):
    site.without("playbooks/site.yml", GROUPING)
    try:
        status, words = site.run("-l", "here", "-e", '{"ascend_require_npu": true, "ascend_only_fit_hosts": false}')
    finally:
        site.whole()
    assert status != 0 and "here: unfit, but it was not stopped:" in words and "npu-missing" in words, words[-3000:]


def test_planned_work_that_was_never_begun_is_told(site):
    site.without("playbooks/site.yml", GROUPING)
    try:
        status, words = site.run("-l", "here")
    finally:
        site.whole()
    assert status != 0 and "here: planned but not done: build cmake" in words, words[-3000:]
    assert "Provide what is in the build cache" not in words and not (site.folder / "cmake").exists()


@chosen_cores
def test_a_product_that_was_planned_and_not_provided_is_told(site):
    site.without("playbooks/tasks/guide.yml", PROVIDING)
    try:
        # Else the proof of it would tell.
        status, words = site.run("-l", "here", "--tags", "build")
    finally:
        site.whole()
    assert status != 0 and "here: planned but not done:" in words and "cmake" in words, words[-3000:]
    assert not (site.folder / "cmake").exists()


@chosen_cores
def test_what_is_left_out_for_a_reason_is_told_and_no_error(site):
    status, words = site.run("-l", "here", "--check")
    assert status == 0 and "here: in check mode nothing is done: cmake" in words, words[-3000:]
    assert "there: by --limit" in words
    status, words = site.run("-l", "here", "--tags", "gcc730")
    assert status == 0 and "here: by --tags or --skip-tags: cmake" in words, words[-3000:]
    assert not (site.folder / "cmake").exists()


@chosen_cores
def test_what_check_mode_would_put_there_counts_to_the_end_of_the_run(site):
    (site.collection / "playbooks" / "chain.yml").write_text(CHAIN)
    status, words = site.run("--check", playbook="chain.yml")
    assert status == 0 and "promised ['cmake', 'gcc730']" in words, words[-3000:]
    assert not any("promised" in path.read_text() for path in site.facts.glob("*"))


@chosen_cores
def test_a_callback_for_programs_prints_its_document_alone(site):
    """Where people have a table, and what check mode would do; what they would read is in the results."""
    told = site.document("-l", "here", playbook="check.yml")["Report what was found"]
    assert "everything" in told["table"][-1] and told["headline"] == "The host is fit"
    told = site.document("-l", "here", "--check", playbook="site.yml")
    assert told["Check that all was done"]["left_out"]


def test_the_whole_run_does_all_of_it(site):
    status, words = site.run("-l", "here")
    assert status == 0 and "planned but not done" not in words, words[-3000:]
    assert "here: fit, needs cmake" in words and (site.folder / "cmake" / "bin" / "cmake").exists()


def test_where_nothing_is_built_there_is_nothing_to_stop(site):
    status, words = site.run("-l", "here", playbook="stop.yml")
    assert status == 0 and "here: no build is running" in words and "changed=0" in words, words[-3000:]


def test_what_was_built_last_stays_however_old_and_the_rest_goes(site):
    status, words = site.run("-l", "here", "--check", "-e", "ascend_clean_keep_days=0", playbook="clean.yml")
    assert status == 0 and "here: would free" in words and "/builds/cmake-3.12.1-" in words, words[-3000:]
    status, words = site.run("-l", "here", "-e", "ascend_clean_keep_days=0", playbook="clean.yml")
    assert status == 0 and "here: freed" in words and "changed=1" in words, words[-3000:]
    assert "/downloads/" in words and "/products/" not in words
    assert [path.name for path in (site.folder / "work").glob("*/cmake-3.12.1-*")]


def test_the_next_run_does_nothing_although_it_was_cleaned(site):
    status, words = site.run("-l", "here")
    assert status == 0 and "changed=0" in words and "Provide what" not in words, words[-3000:]
    assert "not done" not in words


@chosen_cores
def test_a_pattern_that_matches_nobody_is_named(site):
    # All of them import the one play that says so; that each does is no matter of the ansible-core.
    playbooks = ("site", "check", "verify", "report", "stop", "clean", "remove")
    for playbook in playbooks if cores.running() == cores.CORES[0].line else playbooks[:2]:
        status, words = site.run("-e", "ascend_hosts=nobody", playbook=f"{playbook}.yml")
        assert status != 0 and "no host of the inventory matches the pattern 'nobody'" in words, words[-3000:]
    status, words = site.run("-e", "ascend_hosts=here", "-l", "there", playbook="check.yml")
    assert status != 0 and "--limit excludes every host that matches the pattern 'here' (here)" in words, words[-3000:]


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
    assert status != 0 and "ascend_bundle_releases: name the torch releases" in words, words[-3000:]
