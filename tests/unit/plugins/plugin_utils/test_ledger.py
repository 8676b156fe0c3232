# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run notes of its hosts, and what of it is left undone at the end."""

import pytest
import situations
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Decision, Packages
from ansible_collections.ascend.pytorch.plugins.plugin_utils import ledger, tags
from ansible_collections.ascend.pytorch.plugins.plugin_utils.ledger import LOST, PLANNED, TOLD, VERIFIED, Unfinished

CONVERGED = {"needs": {}, "errors": [], "done": [PLANNED]}


def needing(**needs):
    return {"needs": needs, "errors": [], "done": [PLANNED]}


def account(entries, hosts=("a", "b"), alive=("a", "b"), deeds=(PLANNED,), settles=True, stops=True, reason=None):
    return ledger.find_unfinished(entries, list(hosts), alive, deeds, settles, stops, reason)


@pytest.fixture
def noted(tmp_path):
    return ledger.Ledger(tmp_path)


def test_a_plan_is_entered_and_finished(noted):
    noted.enter("a", {"cmake": "build", "torch": "take"}, ["apex"], [])
    noted.finish("a", "cmake", "built", 7.5)
    noted.finish("a", "apex", "taken", 1.0)
    assert noted.entries() == {"a": dict(needing(torch="take"), did={"cmake": {"how": "built", "seconds": 7.5}})}


def test_a_later_plan_settles_what_it_finds_done_and_leaves_the_rest(noted):
    noted.enter("a", {"cmake": "build", "packages": "install"}, [], [])
    noted.enter("a", {"gcc730": "publish"}, ["packages"], [])
    assert noted.entry("a")["needs"] == {"cmake": "build", "gcc730": "publish"}


def test_errors_are_those_of_the_last_plan(noted):
    noted.enter("a", {}, [], ["no CANN"])
    assert noted.entry("a")["errors"] == ["no CANN"]
    noted.enter("a", {}, [], [])
    assert noted.entry("a")["errors"] == []


def test_a_host_may_be_called_anything(noted):
    for name in ("rack/1", "..", "a b", "名"):
        noted.record(name, VERIFIED)
    assert {name: entry["done"] for name, entry in noted.entries().items()} == dict.fromkeys(
        ("rack/1", "..", "a b", "名"), [VERIFIED]
    )


def test_needed_of_a_plan():
    planned = situations.planned(
        products={"cmake": Decision("build", [], "", ""), "gcc730": Decision("nothing", [], "", "")},
        packages=Packages(["patch"], ["patch"], False, "apt"),
        environment={"do": "publish"},
    )
    assert ledger.needed(planned) == {
        "cmake": "build",
        "gcc730": "",
        ledger.ENVIRONMENT: "publish",
        ledger.PACKAGES: "install",
        ledger.VENV: "",
    }
    assert ledger.ENVIRONMENT not in ledger.needed(planned._replace(environment=None))


def test_all_done_leaves_nothing():
    assert account({"a": CONVERGED, "b": CONVERGED}) == Unfinished([], [])


def test_work_that_was_not_done_names_host_and_product():
    found = account({"a": needing(torch="build", cmake="publish"), "b": needing(torch="build")})
    assert found.wrong == ["a, b: planned but not done: build torch", "a: planned but not done: publish cmake"]


def test_work_that_was_left_out_for_a_reason_is_no_error():
    def reason(item):
        return "by --tags" if item == "torch" else ""

    found = account({"a": needing(torch="build", cmake="build"), "b": CONVERGED}, reason=reason)
    assert found == Unfinished(["a: planned but not done: build cmake"], ["a: by --tags: torch"])


def test_a_host_that_nobody_looked_at_is_an_error():
    assert account({"a": CONVERGED}).wrong == ["b: not looked at"]


def test_an_unfit_host_that_nothing_stopped_is_an_error():
    unfit = dict(CONVERGED, errors=["no CANN"])
    assert account({"a": unfit, "b": CONVERGED}).wrong == ["a: unfit, but it was not stopped: no CANN"]
    assert account({"a": unfit, "b": CONVERGED}, stops=False).wrong == []
    assert account({"a": unfit, "b": CONVERGED}, alive=["b"]).wrong == []


def test_what_a_lost_host_lacks_is_told():
    found = account({"a": needing(cmake="build", torch="build"), "b": CONVERGED}, alive=["b"])
    assert found == Unfinished([], ["a: since it failed or cannot be reached: cmake, torch"])
    assert account({"b": CONVERGED}, alive=["b"]) == Unfinished([], [])


def test_a_host_that_a_table_tells_of_as_lost_is_accounted_for():
    lost = {"needs": {}, "errors": [], "done": [LOST, TOLD]}
    told = {"needs": {}, "errors": [], "done": [PLANNED, TOLD, VERIFIED]}
    deeds = (PLANNED, VERIFIED, TOLD)
    assert account({"a": lost, "b": told}, deeds=deeds) == Unfinished([], [])
    assert account({"a": lost, "b": lost}, deeds=deeds).wrong == ["a, b: none of these hosts could be examined"]
    assert account({"a": dict(told, done=[PLANNED, TOLD]), "b": told}, deeds=deeds).wrong == ["a: not verified"]


@pytest.mark.parametrize(
    ("item", "run", "skip", "left_out"),
    [
        ("torch", ["all"], [], False),
        ("torch", ["build"], [], False),
        ("torch", ["torch_npu_build"], [], False),
        ("torch", ["check"], [], True),
        ("torch", ["cmake"], [], True),
        ("torch", ["verify"], [], True),
        ("torch", ["all"], ["torch_npu_build"], True),
        ("torch", ["all"], ["verify"], False),
        ("torch", ["all"], ["build"], True),
        ("torch", ["all"], ["cmake"], False),
        (ledger.ENVIRONMENT, ["torch_npu_build"], [], False),
        (ledger.ENVIRONMENT, ["apex_build"], [], True),
        (ledger.PACKAGES, ["cmake"], [], False),
        (ledger.PACKAGES, ["check"], [], True),
    ],
)
def test_tags_leave_out(item, run, skip, left_out):
    assert ledger.left_out_by_tags(item, tags.Tags(frozenset(run), frozenset(skip))) is left_out
