# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that answer, hang, go mad or cannot be started."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import ask
from hypothesis import given
from hypothesis import strategies as st


def test_an_answer(program):
    assert ask.ask([program("x", "echo err >&2; echo out")]) == (0, b"out\n", "err")
    # One that fails gives no answer, and all that it says tells why.
    assert ask.ask([program("x", "echo err >&2; echo out; exit 3")]) == (3, b"out\nerr\n", "")
    assert ask.ask(["/bin/sh", "-c", "echo $A"], env={"A": "b"})[1] == b"b\n"


def test_no_such_program():
    assert ask.ask(["/no/such/program"]) == (None, b"", "cannot be started: No such file or directory")


@pytest.mark.parametrize(
    "script",
    [
        "sleep 300",
        "sleep 300 & sleep 300",
        "trap '' TERM; while :; do sleep 300; done",
        "echo words; exec sleep 300",
        "exec >/dev/null 2>&1; sleep 300",
        # It ends, and somebody else holds on to its output.
        "setsid sleep 300 & echo $! > $0.pid; exit 0",
    ],
)
def test_a_program_that_hangs_is_given_up_with_its_children(program, script):
    path, began = program("hang", script), time.monotonic()
    assert ask.ask([path], time_limit_s=0.3) == (None, b"", "gave no answer in 0 s")
    assert time.monotonic() - began < 30
    if os.path.exists(path + ".pid"):
        os.kill(int(Path(path + ".pid").read_text()), signal.SIGKILL)


def test_a_hanging_program_s_last_complaint_is_told(program):
    path = program("hang", "echo first >&2; printf 'no \\033device\\n\\n' >&2; exec sleep 300")
    assert ask.ask([path], time_limit_s=0.5) == (None, b"", "gave no answer in 0 s: no  device")


@pytest.mark.parametrize("script", ["setsid sleep 300 >/dev/null & echo $! > $0.pid; echo out; echo err >&2"])
def test_an_answer_does_not_wait_for_who_holds_standard_error(program, script):
    path, began = program("daemon", script), time.monotonic()
    try:
        assert ask.ask([path]) == (0, b"out\n", "err")
    finally:
        os.kill(int(Path(path + ".pid").read_text()), signal.SIGKILL)
    assert time.monotonic() - began < 5


def test_who_closes_its_output_and_goes_on_is_waited_for(program):
    assert ask.ask([program("late", "echo out; exec >&-; sleep 0.3; echo err >&2; exit 4")]) == (4, b"out\nerr\n", "")


@pytest.mark.parametrize("first, second", [("1", "2"), ("2", "1")])
def test_much_on_both_outputs(program, first, second):
    # Each is far more than a pipe holds.
    script = "head -c 1000000 /dev/zero >&{0}; head -c 1000000 /dev/zero >&{1}".format(first, second)
    status, said, why = ask.ask([program("long", script)])
    assert (status, len(said)) == (0, 1000000) and len(why) <= ask.WORDS


@given(st.binary(max_size=500))
def test_any_last_words(said):
    words = ask.last_words(said)
    assert len(words) <= ask.WORDS and words == words.strip() and words.isprintable()


def test_a_text(tmp_path):
    (tmp_path / "x").write_bytes(b"a\xff")
    assert ask.text(str(tmp_path / "x")) == "a\ufffd"
    assert ask.text(str(tmp_path / "none")) == ask.text(str(tmp_path)) == ""


def test_all_that_is_said_comes_back(program):
    status, said, problem = ask.ask([program("long", "head -c 3000000 /dev/zero; exit 7")])
    assert (status, len(said), problem) == (7, 3000000, "")


def test_a_program_that_prints_without_end_is_given_up(program):
    began = time.monotonic()
    assert ask.ask([program("mad", "exec yes")]) == (None, b"", "printed more than 4 MiB")
    assert ask.ask([program("mad", "exec yes why >&2")]) == (None, b"", "printed more than 4 MiB: why")
    assert time.monotonic() - began < ask.TIME_LIMIT_S


def test_a_program_that_nobody_can_kill_is_left_alone(program, monkeypatch):
    path = program("stuck", "echo $$ > $0.pid; exec sleep 300")
    monkeypatch.setattr(ask.os, "killpg", lambda group, number: None)
    began = time.monotonic()
    assert ask.ask([path], time_limit_s=0.5) == (None, b"", "gave no answer in 0 s")
    assert time.monotonic() - began < 30
    monkeypatch.undo()
    os.kill(int(Path(path + ".pid").read_text()), signal.SIGKILL)


def test_many_are_asked_at_once(program):
    path, answers = program("echo", 'echo "$1"'), {}

    def one(number):
        answers[number] = ask.ask([path, str(number)])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: (0, b"%d\n" % number, "") for number in range(20)}


# --- at once ----------------------------------------------------------------------------------------------------------


def test_jobs_are_done_side_by_side_and_what_each_gives_is_told():
    began = time.monotonic()
    jobs = {("sleep", number): lambda: list(map(str, ask.ask(["sleep", "1"]))) for number in range(8)}
    told = ask.at_once({**jobs, "big": lambda: "x" * (1 << 20), "none": lambda: None})
    assert told["big"] == "x" * (1 << 20) and told["none"] is None
    assert [told["sleep", number][0] for number in range(8)] == ["0"] * 8
    assert time.monotonic() - began < 6


def test_a_job_that_fails_or_ends_says_which_and_why():
    with pytest.raises(RuntimeError, match="(?s)tool cmake: Traceback.*ZeroDivisionError"):
        ask.at_once({("tool", "cmake"): lambda: 1 / 0})
    with pytest.raises(RuntimeError, match="tool cmake: its process ended without a result"):
        ask.at_once({("tool", "cmake"): lambda: os.kill(os.getpid(), signal.SIGKILL)})
