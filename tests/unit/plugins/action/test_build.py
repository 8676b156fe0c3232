# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a build that failed, or was begun, and of one that is not begun, and what the module is handed."""

import json
from types import SimpleNamespace

import ordering
import pytest
import situations
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.action.build import ARGUMENTS, ActionModule, failure_message, start_note
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import plans

DEFAULTS = {name: spec.get("default") for name, spec in ARGUMENTS.items()}
ORDER = ordering.order(name="gcc730", version="7.3.0")
STATUS = {
    "state": "failed",
    "stage": "build",
    "log": "/w/builds/x/build.log",
    "tail": ["one", "two"],
    "error": {"message": "`make` ended with status 2", "cause": "", "remedy": "", "name": ""},
}


def test_a_failure_says_where_why_and_what_to_do():
    assert failure_message("host1", ORDER, STATUS).splitlines() == [
        "host1: building gcc730 7.3.0 failed in stage build: `make` ended with status 2",
        "What to do: read the log, correct what it reports, and run again: good stages are not repeated",
        "Log: host1:/w/builds/x/build.log",
        "Its last lines:",
        "  one",
        "  two",
    ]


def test_a_known_failure_has_its_cause_and_remedy():
    said = failure_message(
        "host1", ORDER, dict(STATUS, error={"message": "m", "cause": "the disk is full", "remedy": "free some"})
    )
    assert "Cause: the disk is full\nWhat to do: free some\n" in said


def test_a_build_that_is_gone():
    said = failure_message("host1", ORDER, {"state": "dead", "stage": "", "log": "/l", "tail": []})
    assert (
        "failed in stage start: its process ended without a message" in said
        and "run again" in said
        and "Cause:" not in said
    )


def test_what_is_said_of_one_that_was_begun_is_said_once():
    status = {"state": "running", "note": "it stays in the login session"}
    assert [start_note({"how": how, "status": status}) for how in ("started", "resumed")] == [status["note"]] * 2
    assert [start_note({"how": how, "status": status}) for how in ("joined", "done", "")] == [""] * 3
    assert (
        start_note({"how": "started", "status": {"state": "done"}})
        == start_note({"failed": True, "msg": "no room"})
        == ""
    )


@pytest.mark.parametrize("by_name", [True, False])
def test_the_module_is_handed_the_order_as_a_mapping(monkeypatch, tmp_path, by_name):
    """A named tuple would be a list in JSON, without a word."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    handed = []

    def execute(name, module_args, task_vars):
        handed.append((name, json.loads(json.dumps(module_args))))
        return {"status": {"state": "running"}}

    asked = {"name": "gcc730"} if by_name else {"order": ORDER._asdict()}
    plans.keep("h", situations.planned(products={"gcc730": plan.Decision("build", [], "", "", ORDER)}), {}, [])
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(delegate_to=None, check_mode=False)
    action._execute_module = execute
    action.validate_argument_spec = lambda spec, **_more: (None, {**DEFAULTS, "state": "status", **asked})
    action.act({}, {"inventory_hostname": "h"})
    ((name, arguments),) = handed
    assert name == "ascend.pytorch.build" and Order.of(arguments["order"]) == ORDER
    assert set(arguments) == {"order", "state", "wait_s"}


def test_where_nothing_can_be_handed_on_nothing_is_begun(tmp_path):
    """Told before hours of building, and not after them."""
    (tmp_path / "file").write_text("in the way")
    ended = []
    run = SimpleNamespace(
        is_building=lambda _label: False,
        begin=lambda _label, _host: True,
        end=lambda label, words: ended.append((label, words)),
    )
    action = SimpleNamespace(
        _host="h", _label="l", _shared=True, _run=run, _begin=lambda _order: pytest.fail("it was begun")
    )
    with pytest.raises(AnsibleActionFail, match="none of .*/file/cache can be written, .* Add a folder") as told:
        ActionModule._start(action, {}, ORDER, {"cache": [str(tmp_path / "file/cache")]}, "h")
    assert ended == [("l", str(told.value))]
