# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a plan puts up for election, and what is said where none can be elected."""

import contextlib
import signal
import time

import ordering
import pytest
import situations
from ansible_collections.ascend.pytorch.plugins.action import build, elect
from ansible_collections.ascend.pytorch.plugins.action import plan as action
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan

ORDER = ordering.order(
    name="cmake",
    version="3.12.1",
    fingerprint="f" * 64,
    identity={"platform": {"arch": "x86_64", "libc": "glibc 2.31"}},
)
STATE = situations.bare(cores=4)
# The product is in the host's work directory.
STORED = STATE._replace(stored={"cmake-3.12.1-" + "f" * 12: "f" * 64})


def planned(do, packages=(), venv=()):
    """A plan of one product."""
    return situations.planned(
        products={"cmake": plan.Decision(do, [], "", "", ORDER)},
        packages=plan.Packages(list(packages), list(packages), False, "apt"),
        venv=list(venv),
    )


@pytest.mark.parametrize(
    "do, builders, early, ready",
    [
        (plan.BUILD, [], False, True),
        (plan.BUILD, ["h"], False, True),
        (plan.PUBLISH, [], False, True),
        (plan.PUBLISH, ["h"], True, True),
        (plan.NOTHING, ["h"], False, True),
        # What only stands is not asked of a host that the user did not name.
        (plan.NOTHING, [], False, False),
        (plan.NOTHING, ["h"], True, True),
    ],
)
def test_who_is_ready(do, builders, early, ready):
    found = action.candidates("h", planned(do), STORED, builders, early)
    assert [(one["host"], one["ready"]) for one in found] == [("h", ready)]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("do", [plan.BUILD, plan.PUBLISH, plan.TAKE, plan.NOTHING])
def test_where_builders_are_named_nobody_else_builds_or_hands_on_what_it_has(do, early):
    """Whatever a host says that it has or has begun: it says so itself."""
    boasts = STORED._replace(begun={"cmake-3.12.1-" + "f" * 12: 9}, cores=4096)
    assert action.candidates("h", planned(do), boasts, ["b1", "b2"], early) == []


@pytest.mark.parametrize("do", [plan.BUILD, plan.TAKE])
def test_an_early_plan_makes_no_candidate_of_who_has_yet_to_get_ready(do):
    assert action.candidates("h", planned(do), STATE, ["h"], early=True) == []


def test_one_that_only_wants_a_link_has_nothing_to_give():
    # Without the product it would have to build it again, and nothing was installed for that.
    assert action.candidates("h", planned(plan.PUBLISH), STATE, [], early=False) == []


@pytest.mark.parametrize("lacking", [{"packages": ["make"]}, {"venv": ["python3", "-m", "venv", "/v"]}])
def test_who_lacks_something_is_not_ready(lacking):
    (found,) = action.candidates("h", planned(plan.BUILD, **lacking), STATE, ["h"], early=False)
    assert not found["ready"]


def test_in_check_mode_what_would_be_installed_is_taken_to_be_there():
    lacks = planned(plan.BUILD, packages=["make"])
    (found,) = action.candidates("h", lacks, STATE, [], early=False, check_mode=True)
    assert found["ready"]


def test_what_is_to_go_makes_no_candidate():
    assert action.candidates("h", planned(plan.REMOVE), STATE, ["h"], early=False) == []


def test_what_wheels_were_built_with_is_read_of_their_manifests():
    mark = "a" * 64
    state = situations.bare(
        products={
            "torch": {"manifest": {"identity": {"built_with": {"gcc730": mark, "cmake": "cmake 3.25.1"}}}},
            "cmake": {"manifest": None},
        }
    )
    assert {name: tool["identity"] for name, tool in action.built_with(state).items()} == {
        "gcc730": mark,
        "cmake": "cmake 3.25.1",
    }


def test_a_host_without_a_builder_is_told_of_its_cohort_and_the_remedy():
    said = elect.no_builder_message("h", ORDER, ["b1", "b2"])
    assert "x86_64, glibc 2.31" in said and "b1, b2" in said and "--limit" in said
    assert "empty" in elect.no_builder_message("h", ORDER, [])


def test_giving_up_names_the_hosts_that_were_lost():
    assert "b1, b2, b3" in elect.given_up_message("h", ORDER, ["b1", "b2", "b3"])


def test_the_cohort_is_told_where_its_build_failed():
    assert "on b1" in build.short_failure("cmake-3.12.1-f", "b1")


def test_a_host_is_asked_for_nothing_before_it_may_be_lost():
    # What is set in this way is asked for by the base class, outside of what takes a builder for lost.
    assert not getattr(build.ActionModule, "TRANSFERS_FILES", False)


@pytest.mark.parametrize(
    "state, wait_s, lost_after_s, wanted",
    [("status", 30, 300, 90), ("status", 0, 5, 10), ("status", 0, 20, 20), ("started", 0, 0, 310)],
)
def test_an_answer_has_its_time(state, wait_s, lost_after_s, wanted):
    assert build.answers_within_s(state, wait_s, lost_after_s) == wanted


def test_silence_ends_and_leaves_no_alarm_behind():
    with pytest.raises(build.HostSilent, match="no answer for 0 s"), build.time_limit(0.05):
        time.sleep(5)
    with build.time_limit(30):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


@pytest.mark.parametrize("limit_s", [0.05, 30])
def test_a_tasks_own_timeout_is_kept(limit_s):
    """Ansible's `timeout` of a task rings by the same clock."""

    class Timeout(BaseException):
        """What Ansible raises."""

    def ring(_number, _frame):
        raise Timeout

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Timeout):
            with contextlib.suppress(build.HostSilent), build.time_limit(limit_s):
                time.sleep(5)
                pytest.fail("neither rang")
            time.sleep(5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def test_who_keeps_what_is_outgrown_stands_for_what_it_would_build_now():
    anew = ORDER._replace(fingerprint="a" * 64)
    kept = {"cmake": plan.Decision(plan.NOTHING, [], "", "", ORDER, kept="gcc730 10 instead of 9", anew=anew)}
    found = action.candidates("h", planned(plan.NOTHING)._replace(products=kept), STATE, ["h"], early=False)
    assert [one["order"]["fingerprint"] for one in found] == ["a" * 64]
