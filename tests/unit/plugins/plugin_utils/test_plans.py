# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of each host, kept in the run's folder for the tasks that carry it out."""

import os
from types import SimpleNamespace

import ordering
import pytest
import situations
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Decision
from ansible_collections.ascend.pytorch.plugins.plugin_utils import plans, processes, runs

HOSTS = ["h", "a/b", "größe", "..", "a b", "a_b", "a%2Fb"]
CMAKE = ordering.order(name="cmake", version="3.12.1", fingerprint="f" * 64)
GCC = ordering.order(name="gcc730", version="7.3.0", fingerprint="e" * 64)
VERIFY = {"orders": [CMAKE._asdict()], "environment": None, "npu": True}


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """The collection's folder in the controller's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "ascend-pytorch"


def planned(**products):
    """A plan of products: order or None by name."""
    return situations.planned(
        products={
            name: Decision("build" if order else "nothing", [], "", name, order) for name, order in products.items()
        }
    )


def lack(host, name, lacks):
    return plans.record_lacking(host, {name: lacks})


def test_what_is_kept_is_found():
    plan = planned(cmake=CMAKE, gcc730=GCC)
    candidate = {"host": "h", "ready": True, "order": CMAKE._asdict(), "capacity": [0, 8, 1024]}
    plans.keep("h", plan, VERIFY, [candidate])
    assert plans.read("h") == {"plan": plan.plain(), "verify": VERIFY, "candidates": {"cmake": candidate}}
    assert plans.decision(plans.read("h")["plan"], "gcc730") == plan.products["gcc730"]
    assert plans.order("h", "gcc730") == GCC


def test_the_last_plan_counts():
    plans.keep("h", planned(cmake=CMAKE), VERIFY, [{"host": "h", "order": CMAKE._asdict()}])
    lack("h", "cmake", True)
    anew = CMAKE._replace(fingerprint="a" * 64)
    plans.keep("h", planned(cmake=anew), dict(VERIFY, npu=False), [])
    assert plans.order("h", "cmake") == anew
    assert plans.read("h") == {
        "plan": planned(cmake=anew).plain(),
        "verify": dict(VERIFY, npu=False),
        "candidates": {},
    }
    assert plans.lacking("h") == {}


def test_a_host_may_be_called_anything(home):
    for number, host in enumerate(HOSTS):
        plans.keep(host, planned(cmake=CMAKE._replace(jobs=number)), VERIFY, [])
        lack(host, f"lacking {number}", True)
    assert {host: (plans.order(host, "cmake").jobs, list(plans.lacking(host))) for host in HOSTS} == {
        host: (number, [f"lacking {number}"]) for number, host in enumerate(HOSTS)
    }
    # And lies where the others lie.
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert len(kept) == 2 * len(HOSTS)
    assert {path.parent for path in kept} == {runs.folder() / "plans", runs.folder() / "lacking"}


@pytest.mark.parametrize("host", HOSTS)
def test_who_has_no_plan_is_told_what_makes_one(host):
    plans.keep("another", planned(cmake=CMAKE), VERIFY, [])
    asks = [
        lambda: plans.read(host),
        lambda: plans.order(host, "cmake"),
    ]
    for ask in asks:
        with pytest.raises(AnsibleActionFail, match="there is no plan of this run for it") as failure:
            ask()
        assert str(failure.value).startswith(f"{host}: ") and "--start-at-task" in str(failure.value)


def test_another_runs_plan_is_none(monkeypatch):
    plans.keep("h", planned(cmake=CMAKE), VERIFY, [])
    with monkeypatch.context() as patch:
        patch.setattr(runs, "current", lambda: processes.by_pid(os.getppid()))
        with pytest.raises(AnsibleActionFail, match="there is no plan of this run"):
            plans.read("h")
    assert plans.order("h", "cmake") == CMAKE


def test_of_what_the_plan_does_not_name_nothing_is_asked():
    plans.keep("h", planned(cmake=CMAKE), VERIFY, [])
    assert plans.decision(plans.read("h")["plan"], "apex") == Decision("nothing", [], "apex", "apex")


@pytest.mark.parametrize("name", ["apex", "gcc730"])
def test_what_the_plan_asks_for_no_order_of_has_none(name):
    """One is not in the plan, the other the host's own."""
    plans.keep("h", planned(cmake=CMAKE, gcc730=None), VERIFY, [])
    with pytest.raises(AnsibleActionFail, match=rf"^h: its plan has no order for {name}\. "):
        plans.order("h", name)


def test_what_lacks_is_noted_until_it_is_there():
    plan = planned(cmake=CMAKE, gcc730=GCC)
    plans.keep("h", plan, VERIFY, [])

    def told(name, lacks):
        found = sorted(lack("h", name, lacks))
        assert sorted(plans.lacking("h")) == found
        return found

    assert told("cmake", False) == []
    assert told("cmake", True) == ["cmake"]
    assert told("gcc730", True) == ["cmake", "gcc730"]
    assert told("cmake", True) == ["cmake", "gcc730"]
    assert told("cmake", False) == ["gcc730"]
    assert told("gcc730", False) == []
    # The rest stays as it was.
    assert plans.read("h") == {"plan": plan.plain(), "verify": VERIFY, "candidates": {}}


def test_since_when_it_lacks(monkeypatch):
    plans.keep("h", planned(cmake=CMAKE, gcc730=GCC), VERIFY, [])

    def since(now, found, waiting=()):
        monkeypatch.setattr(plans, "time", SimpleNamespace(monotonic=lambda: now))
        plans.record_lacking("h", found, waiting)
        return plans.lacking("h")

    assert since(10.0, {"gcc730": False}) == {}
    assert since(20.5, {"cmake": True}) == {"cmake": 20.5}
    assert since(30.0, {"gcc730": True}, ["torch"]) == {"cmake": 20.5, "gcc730": 30.0, "torch": None}
    # Told again, it lacks no shorter.
    assert since(40.0, {"cmake": True}) == {"cmake": 20.5, "gcc730": 30.0, "torch": None}
    assert since(50.0, {"cmake": False}) == {"gcc730": 30.0, "torch": None}
    assert since(60.0, {"cmake": True, "gcc730": False}) == {"cmake": 60.0, "torch": None}
    # What waited for others is looked for only then.
    assert since(70.0, {"cmake": False, "torch": True}) == {"torch": 70.0}


def test_what_lacks_is_written_where_it_is_news(monkeypatch):
    plans.keep("h", planned(cmake=CMAKE), VERIFY, [])
    lack("h", "cmake", True)
    written = []
    monkeypatch.setattr(runs, "write", lambda *given: written.append(given))
    lack("h", "cmake", True)
    lack("h", "gcc730", False)
    assert written == []
    lack("h", "cmake", False)
    assert len(written) == 1
