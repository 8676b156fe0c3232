# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a build that failed, or was begun."""

from ansible_collections.ascend.pytorch.plugins.action.build import failure, note

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
