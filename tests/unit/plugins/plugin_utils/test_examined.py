# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run knows of a host, for the plans that come later."""

import copy
from concurrent.futures import ProcessPoolExecutor

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import request
from ansible_collections.ascend.pytorch.plugins.plugin_utils.examined import Examined, answers
from role_variables import source
from situations import bare

WHOLE = plan.question(request.made(request.ROLES, source()))
TREE = {"manifest": None, "version": None, "damage": [], "prefix": "/usr/local/cmake-3.12.1"}


def of(role, **said):
    return plan.question(request.made([role], source(**said)))


@pytest.fixture
def known(tmp_path):
    """What is known of a host that has answered to what the whole guide asks."""
    state = bare(missing_needs=["gcc", "patch", "dos2unix"])
    state.update(products={entry["name"]: dict(TREE) for entry in WHOLE["products"]}, stored={}, begun={})
    state["tools"] = {name: [] for name in WHOLE["tools"]}
    made = Examined("host/1", tmp_path)
    made.keep(WHOLE, state)
    return made


def test_a_host_that_nobody_has_examined(tmp_path):
    nobody = Examined("host", tmp_path)
    nobody.forget()
    nobody.stands("cmake", TREE)
    nobody.has("cmake-3.12.1-0123456789ab", "0" * 64)
    assert nobody.recall(WHOLE) is None


@pytest.mark.parametrize("role", request.ROLES)
def test_what_the_whole_guide_asks_answers_what_each_of_its_roles_asks(known, role):
    question = of(role)
    assert answers(WHOLE, question)
    state = known.recall(question)
    assert set(state["products"]) == {entry["name"] for entry in question["products"]}
    assert set(state["tools"]) == set(question["tools"])
    assert ("patch" in state["missing_needs"]) == ("patch" in question["needs"])


@pytest.mark.parametrize(
    "role, said",
    [
        ("cmake", {"cmake_prefix": "/opt/cmake"}),
        ("cmake", {"cmake_link": "/usr/local/bin/cmake"}),
        ("cmake", {"cmake_work_dir": "/data"}),
        ("gcc730", {"gcc730_version": "9.3.0"}),
        ("torch_npu_build", {"torch_npu_build_python": "python3.8"}),
        ("torch_npu_build", {"torch_npu_build_venv": "~/v"}),
        ("apex_build", {"apex_build_gcc_prefix": "/opt/gcc"}),
        ("cann_check", {"cann_check_cann_path": "/opt/cann"}),
    ],
)
def test_another_question_is_asked(known, role, said):
    """A variable that a user has set for one chapter alone."""
    assert known.recall(of(role, **said)) is None


def test_who_builds_no_wheels_asks_for_no_python(tmp_path):
    whole = plan.question(request.made(request.ROLES, source(ascend_venv="~/v", ascend_env_file="/opt/env.sh")))
    assert answers(whole, of("cmake")) and not answers(whole, of("torch_npu_build"))
    whole = plan.question(request.made(request.ROLES, source(ascend_run_user="ann", ascend_cann_path="/opt/cann")))
    assert answers(whole, of("gcc730"))
    assert answers(whole, of("torch_npu_build", ascend_cann_path="/opt/cann"))
    assert not answers(of("cmake"), whole)


def test_more_than_was_asked_is_asked(known):
    for key, more in (("tools", ["nvcc"]), ("needs", ["cuda"])):
        question = copy.deepcopy(WHOLE)
        question[key] += more
        assert known.recall(question) is None


def test_what_the_run_has_changed_is_known(known):
    known.stands("cmake", dict(TREE, version="3.12.1"))
    known.begins("gcc730-7.3.0-0123456789ab")
    known.has("cmake-3.12.1-0123456789ab", "0" * 64)
    state = known.recall(WHOLE)
    assert state["products"]["cmake"]["version"] == "3.12.1" and state["products"]["gcc730"]["version"] is None
    assert state["begun"] == {"gcc730-7.3.0-0123456789ab": 0} and state["stored"] == {
        "cmake-3.12.1-0123456789ab": "0" * 64
    }
    known.forget()
    assert known.recall(WHOLE) is None


def test_what_several_workers_note_at_once_is_all_there(known, tmp_path):
    """With a free strategy those that build on a host for others, and its own."""
    with ProcessPoolExecutor(4) as workers:
        list(workers.map(_notes, [tmp_path] * 4, range(4)))
    assert len(known.recall(WHOLE)["stored"]) == 4 * 25


def _notes(folder, worker):
    for number in range(25):
        Examined("host/1", folder).has(f"cmake-{worker}.{number}-0123456789ab", "0" * 64)
