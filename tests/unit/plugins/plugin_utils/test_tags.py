# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What --tags and --skip-tags leave of the guide, by role."""

import pytest
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task
from ansible_collections.ascend.pytorch.plugins.plugin_utils import tags
from ansible_collections.ascend.pytorch.plugins.plugin_utils.request import ROLES

ALL, NONE = set(ROLES), set()
BUT_CMAKE = ALL - {"cmake"}

# Tags that are to run and those to be skipped, the roles that work then, and those whose products are verified.
LEFT = [
    ("all", "", ALL, ALL),
    ("build", "", ALL, NONE),
    ("verify", "", NONE, ALL),
    ("build verify", "", ALL, ALL),
    ("check", "", NONE, NONE),
    ("cmake", "", {"cmake"}, {"cmake"}),
    ("cmake apex_build", "", {"cmake", "apex_build"}, {"cmake", "apex_build"}),
    ("cmake build", "", ALL, {"cmake"}),
    ("cmake verify", "", {"cmake"}, ALL),
    ("check cann_check", "", {"cann_check"}, {"cann_check"}),
    ("somebody_s_own", "", NONE, NONE),
    # What Ansible has besides `all`.
    ("tagged", "", ALL, ALL),
    ("untagged", "", NONE, NONE),
    ("always", "", NONE, NONE),
    ("all", "cmake", BUT_CMAKE, BUT_CMAKE),
    ("all", "cmake gcc730 torch_npu_build apex_build", {"cann_check"}, {"cann_check"}),
    ("all", "build", NONE, ALL),
    ("all", "verify", ALL, NONE),
    ("all", "check", ALL, ALL),
    ("all", "all", NONE, NONE),
    ("all", "tagged", NONE, NONE),
    ("all", "untagged", ALL, ALL),
    ("build", "cmake", BUT_CMAKE, NONE),
    ("verify", "cmake", NONE, BUT_CMAKE),
    ("cmake", "verify", {"cmake"}, NONE),
    ("cmake", "build", NONE, {"cmake"}),
    ("cmake gcc730", "cmake", {"gcc730"}, {"gcc730"}),
    ("cmake", "cmake", NONE, NONE),
    ("build", "build", NONE, NONE),
    ("cmake", "all", NONE, NONE),
]


def line(run, skip):
    """The tags of a command line."""
    return tags.Tags(frozenset(run.split()), frozenset(skip.split()))


@pytest.mark.parametrize("run, skip, works, verifies", LEFT)
def test_what_tags_leave(run, skip, works, verifies):
    given = line(run, skip)
    assert {role for role in ROLES if given.works(role)} == works
    assert {role for role in ROLES if given.verifies(role)} == verifies


@pytest.mark.parametrize("kind, leaves", [("build", tags.Tags.works), ("verify", tags.Tags.verifies)])
@pytest.mark.parametrize("run, skip", [(run, skip) for run, skip, _works, _verifies in LEFT])
def test_ansible_leaves_the_same_of_tasks_with_these_tags(run, skip, kind, leaves):
    given = line(run, skip)

    def runs(role):
        task = Task(block=Block(play=Play()))
        task.tags = [role, kind]
        return task.evaluate_tags(given.run, given.skip, {})

    assert [role for role in ROLES if leaves(given, role)] == [role for role in ROLES if runs(role)]


@pytest.mark.parametrize(
    "run, skip, roles, left",
    [
        ("all", "", ROLES, True),
        ("tagged", "", ROLES, True),
        ("build verify", "", ROLES, True),
        ("all", "check", ROLES, True),
        ("build", "", ROLES, False),
        ("verify", "", ROLES, False),
        ("check", "", ROLES, False),
        ("all", "verify", ROLES, False),
        ("all", "build", ROLES, False),
        ("all", "cmake", ROLES, False),
        # Whatever else there is, it is not asked for.
        ("all", "cmake", ["gcc730"], True),
        ("cmake gcc730", "", ["cmake", "gcc730"], True),
        ("cmake", "", ["cmake", "gcc730"], False),
    ],
)
def test_whether_all_is_left(run, skip, roles, left):
    assert line(run, skip).leave_all(roles) is left


@pytest.mark.parametrize(
    "task_vars, run, skip",
    [
        ({}, {"all"}, set()),
        ({"ansible_run_tags": ["all"], "ansible_skip_tags": []}, {"all"}, set()),
        ({"ansible_run_tags": [], "ansible_skip_tags": None}, {"all"}, set()),
        ({"ansible_run_tags": ("cmake", "verify"), "ansible_skip_tags": ("build",)}, {"cmake", "verify"}, {"build"}),
        ({"ansible_skip_tags": ["cmake"]}, {"all"}, {"cmake"}),
    ],
)
def test_the_tags_of_a_run(task_vars, run, skip):
    assert tags.given(task_vars) == tags.Tags(frozenset(run), frozenset(skip))
