# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a build that failed, or was begun."""

from types import SimpleNamespace

import cached
import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.action import build
from ansible_collections.ascend.pytorch.plugins.action import take as take_action
from ansible_collections.ascend.pytorch.plugins.action.build import failure, note
from ansible_collections.ascend.pytorch.plugins.plugin_utils import buildcache, carry, cohort, signing, speaking, store

ORDER = {"name": "gcc730", "version": "7.3.0"}
STATUS = {
    "state": "failed",
    "stage": "build",
    "log": "/w/builds/x/build.log",
    "tail": ["one", "two"],
    "error": {"message": "`make` ended with status 2", "cause": "", "remedy": "", "name": ""},
}


def test_a_failure_says_where_why_and_what_to_do():
    assert failure("host1", ORDER, STATUS).splitlines() == [
        "host1: building gcc730 7.3.0 failed in stage build: `make` ended with status 2",
        "What to do: read the log, mend what it names, and run again: good stages are not repeated",
        "Log: host1:/w/builds/x/build.log",
        "Its last lines:",
        "  one",
        "  two",
    ]


def test_a_known_failure_has_its_cause_and_remedy():
    said = failure(
        "host1", ORDER, dict(STATUS, error={"message": "m", "cause": "the disk is full", "remedy": "free some"})
    )
    assert "Cause: the disk is full\nWhat to do: free some\n" in said


def test_a_build_that_is_gone():
    said = failure("host1", ORDER, {"state": "dead", "stage": "", "log": "/l", "tail": []})
    assert "failed in stage start: its process is gone" in said and "run again" in said and "Cause:" not in said


def test_what_is_said_of_one_that_was_begun_is_said_once():
    status = {"state": "running", "note": "it stays in the login session"}
    assert [note({"how": how, "status": status}) for how in ("started", "resumed")] == [status["note"]] * 2
    assert [note({"how": how, "status": status}) for how in ("joined", "done", "")] == [""] * 3
    assert note({"how": "started", "status": {"state": "done"}}) == note({"failed": True, "msg": "no room"}) == ""


# --- where no place of the build cache takes what was built --------------------------------------------------------------

BUILT = dict(cached.manifest(), work_dir="/data", parts=[])


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A cache that nothing can be put into, of a run of its own; what was warned of."""
    warned = []
    monkeypatch.setattr(cohort.runs, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(speaking, "warn", warned.append)
    # Root may write anywhere.
    monkeypatch.setattr(store.Store, "writable", lambda _self: False)
    return SimpleNamespace(place=str(tmp_path / "cache"), warned=warned, run=cohort.Run())


def action(cls, arguments, delegate_to=None):
    """An action that Ansible has given these arguments."""
    made = cls.__new__(cls)
    made._task = SimpleNamespace(check_mode=False, delegate_to=delegate_to, args=arguments)
    made.validate_argument_spec = lambda _spec, **_more: (None, arguments)
    return made


def finish(alone, monkeypatch, **answer):
    arguments = {"order": BUILT, "state": "finished", "cache": [alone.place], "sign_key": "", "trusted_keys": ""}
    arguments.update(builders=[], lost_after_s=0, progress="none")
    building = action(build.ActionModule, arguments, "b1")
    monkeypatch.setattr(building, "_built", lambda *_given: {"changed": True, "product": {"path": "/x"}, **answer})
    return building.act({}, {"inventory_hostname": "a1"})


def take(alone, monkeypatch, host, has):
    monkeypatch.setattr(carry.Carrier, "has", lambda _self, _order: has)
    taking = action(
        take_action.ActionModule, {"order": BUILT, "cache": [alone.place], "trusted_keys": "", "wait": True}
    )
    return taking.act({}, {"inventory_hostname": host})


def test_the_host_that_has_built_it_goes_on_though_nobody_else_can_have_it(alone, monkeypatch):
    result = finish(alone, monkeypatch)
    assert not result.get("failed") and result["product"]
    (said,) = alone.warned
    assert said.startswith("b1: cmake-3.12.1-abababababab was built and stays there") and "can be written to" in said
    assert take(alone, monkeypatch, "b1", has=True)["found"]
    with pytest.raises(
        AnsibleActionFail, match="^a1: b1: cmake.* other hosts cannot take it.*ascend_build_cache: none of"
    ):
        take(alone, monkeypatch, "a1", has=False)


def test_a_build_that_failed_is_put_nowhere(alone, monkeypatch):
    assert finish(alone, monkeypatch, failed=True)["failed"]
    assert alone.warned == [] and alone.run.failure("cmake-3.12.1-abababababab").startswith("building cmake")


def test_what_is_not_to_be_signed_is_no_warning(alone, monkeypatch):
    """The user has asked for signatures: what nobody can be told to trust is not passed over."""
    monkeypatch.setattr(
        buildcache.BuildCache, "keep", lambda *_given: (_ for _ in ()).throw(signing.SigningError("no key"))
    )
    with pytest.raises(AnsibleActionFail, match="no key"):
        finish(alone, monkeypatch)
