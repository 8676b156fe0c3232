# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action says, returns and fails with goes out without logins, and steers no terminal."""

import ordering
import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.ascend.pytorch.plugins.plugin_utils import live, speaking

ORDER = ordering.order(name="torch", version="1.8.1", jobs=4)
FOREIGN = "\x1b]0;owned\x07 https://ann:s3cret@h/x\nnext"
CLEARED = "?]0;owned? https://h/x\nnext"


@pytest.fixture
def perform(monkeypatch):
    """perform(act): what an action returns whose work is `act`, a function of nothing."""
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {"began": True})

    def run(act):
        action = speaking.Action.__new__(speaking.Action)
        action.act = lambda result, task_vars: dict(result, **act())
        return action.run(None, {})

    return run


def failing(error):
    def act():
        raise error

    return act


def test_a_result_goes_out_cleared(perform):
    assert perform(lambda: {"msg": FOREIGN, "text": FOREIGN}) == {
        "began": True,
        "msg": CLEARED,
        "text": "\x1b]0;owned\x07 https://h/x\nnext",
    }


@pytest.mark.parametrize("raised", [AnsibleActionFail, AnsibleError])
def test_a_failure_goes_out_cleared(perform, raised):
    assert perform(failing(raised(FOREIGN))) == {"failed": True, "msg": CLEARED}


def test_an_unreachable_host_goes_out_cleared(perform):
    with pytest.raises(AnsibleConnectionFailure) as caught:
        perform(failing(AnsibleConnectionFailure(FOREIGN)))
    # Nor is there another error behind it, which some releases of Ansible tell of too.
    assert str(caught.value) == CLEARED and caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize("speak, way", [("say", "display"), ("warn", "warning"), ("say_if_verbose", "vv")])
def test_what_is_shown_goes_out_cleared(monkeypatch, speak, way):
    said = []
    monkeypatch.setattr(speaking.display, way, said.append)
    getattr(speaking, speak)(FOREIGN)
    assert said == [CLEARED]


@pytest.mark.parametrize(
    "callback, for_people",
    [
        ("default", True),
        ("ansible.builtin.default", True),
        ("minimal", True),
        ("community.general.yaml", True),
        ("awx_display", True),
        ("json", False),
        ("ansible.posix.json", False),
        ("ansible.posix.jsonl", False),
        ("community.general.null", False),
    ],
)
def test_who_reads_a_callback(callback, for_people, monkeypatch):
    said = []
    monkeypatch.setattr(speaking.display, "display", said.append)
    monkeypatch.setattr(speaking.C, "DEFAULT_STDOUT_CALLBACK", callback)
    speaking.say("a table")
    assert speaking.is_for_people(callback) == for_people and said == ["a table"] * for_people
    with live.build_display("one", ORDER, "log") as line:
        line.show({"state": "running", "stage": "build", "percent": None})
    assert len(said) == 2 * for_people
