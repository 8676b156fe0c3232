# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action says, returns and fails with goes out without logins, and steers no terminal."""

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.ascend.pytorch.plugins.plugin_utils import speaking

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


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (AnsibleActionFail, AnsibleActionFail),
        (AnsibleConnectionFailure, AnsibleConnectionFailure),
        (AnsibleError, AnsibleActionFail),
    ],
)
def test_a_failure_goes_out_cleared(perform, raised, kind):
    with pytest.raises(kind) as caught:
        perform(failing(raised(FOREIGN)))
    # Nor is there another error behind it, which some releases of Ansible tell of too.
    assert str(caught.value) == CLEARED and caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_failure_that_needs_no_clearing_is_the_one_that_was_raised(perform):
    error = AnsibleActionFail("plain\n  - words")
    with pytest.raises(AnsibleActionFail) as caught:
        perform(failing(error))
    assert caught.value is error


@pytest.mark.parametrize("speak, way", [("say", "display"), ("warn", "warning"), ("whisper", "vv")])
def test_what_is_shown_goes_out_cleared(monkeypatch, speak, way):
    said = []
    monkeypatch.setattr(speaking.display, way, said.append)
    getattr(speaking, speak)(FOREIGN)
    assert said == [CLEARED]
