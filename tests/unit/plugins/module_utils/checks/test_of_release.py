# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of the release that was chosen for a host."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from situations import RELEASE, ask, bare

CHOICE = {"row": {}, "why": "torch_npu 2.6.0.post5: the newest", "others": [], "problem": "", "note": ""}


def found(**choice):
    request = ask(release=dict(RELEASE, choice=dict(CHOICE, **choice)))
    told = checks.find_problems(request, bare(), plan.make(request, bare()))
    return [(each["severity"], each["found"], each["remedy"]) for each in told if each["id"].startswith("release-")]


def test_the_choice_is_a_note():
    assert found() == [
        ("note", "torch_npu 2.6.0.post5: the newest", "nothing to do; to choose another one, set ascend_torch_version")
    ]
    ((_grade, words, remedy),) = found(others=[f"2.{number}.0" for number in range(9)], note="CANN is another")
    assert words == "torch_npu 2.6.0.post5: the newest; CANN is another"
    assert remedy.endswith("ascend_torch_version: 2.0.0, 2.1.0, 2.2.0, 2.3.0, 2.4.0, 2.5.0 and 3 more would also go")


def test_where_none_goes_the_host_is_unfit():
    ((grade, words, remedy),) = found(problem="no CANN")
    assert (grade, words) == ("error", "no CANN") and "playbooks/releases.yml" in remedy


@pytest.mark.parametrize("choice", [None, {}])
def test_what_was_named_is_not_told(choice):
    request = ask(release=dict(RELEASE, choice=choice))
    told = checks.find_problems(request, bare(), plan.make(request, bare()))
    assert not [each for each in told if each["id"].startswith("release-")]


def test_different_torches_of_a_fleet_are_noted():
    assert checks.different_torch_findings({}) == checks.different_torch_findings({"torch 1.8.1": "a-[01:08]"}) == []
    (told,) = checks.different_torch_findings({"torch_npu 2.6.0": "b", "torch 1.8.1": "a-[01:08]"})
    assert (told["id"], told["severity"]) == ("torch-differs", "note")
    assert told["found"] == "torch 1.8.1 on a-[01:08]; torch_npu 2.6.0 on b"
