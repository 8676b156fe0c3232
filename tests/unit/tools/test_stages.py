# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/stages.py: what a stage counts, and that a failure is never lost."""

import sys

import pytest
import stages
from hypothesis import given
from hypothesis import strategies as st
from stages import Result, Stage, count, failure_lines, report, run


@pytest.mark.parametrize(
    ("lines", "status", "counted"),
    [
        ([], 0, (1, 0)),
        ([], 1, (0, 1)),
        (["======= 12 passed in 0.31s ======="], 0, (12, 0)),
        (["= 2 failed, 48 passed, 1 skipped in 6.37s ="], 1, (48, 2)),
        (["= 3 passed, 2 errors in 1s ="], 1, (3, 2)),
        (["= 1 error in 0.1s ="], 2, (0, 1)),
        # the last line counts, which is the tool's own after those of what it ran
        (["9 passed", "molecule: 2 passed, 1 failed"], 1, (2, 1)),
        # coloured, as by pytest on some CI
        (["\x1b[32m\x1b[1m5 passed\x1b[0m"], 0, (5, 0)),
        # something beside the counted tests went wrong
        (["3 passed in 1s"], 1, (3, 1)),
        (["= no tests ran in 0.01s ="], 5, (0, 1)),
        (["it surpassed 3 expectations"], 0, (1, 0)),
    ],
)
def test_count(lines, status, counted):
    assert count(lines, status) == counted


@given(st.lists(st.text()), st.integers(min_value=1, max_value=255))
def test_a_failing_status_is_a_failure(lines, status):
    assert count(lines, status)[1] >= 1


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        # pytest's
        (
            ["E  assert 1 == 2", "FAILED a.py::test - assert 1 == 2", "= 1 failed ="],
            ("FAILED a.py::test - assert 1 == 2",),
        ),
        # Ansible's, coloured
        (["TASK [x]", "\x1b[0;31mfatal: [one]: FAILED! => no\x1b[0m", "RECAP"], ("fatal: [one]: FAILED! => no",)),
        # a tool of this folder, of its own stages
        (["failed: gcc730: FAILED a.py::test", "molecule: 1 passed, 1 failed"], ("gcc730: FAILED a.py::test",)),
        # a linter's
        (["one", "", "two", "three", "four"], ("two", "three", "four")),
        ([], ()),
        ([f"FAILED {n}" for n in range(99)], tuple(f"FAILED {n}" for n in range(12))),
        (["x" * 999], ("x" * 240,)),
    ],
)
def test_telling(lines, told):
    assert failure_lines(lines) == told


def python(code: str, counts: bool = False) -> Stage:
    """A stage that runs a line of Python."""
    return Stage("it", [sys.executable, "-c", code], counts=counts)


def test_run_passes_output_on(capsys):
    done = run(python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert (done.passed, done.failed) == (1, 0)
    assert {"out", "err"} <= set(capsys.readouterr().out.splitlines())


def test_run_counts_only_where_it_is_asked_to():
    assert run(python("print('7 passed')"))[1:3] == (1, 0)
    assert run(python("print('7 passed')", counts=True))[1:3] == (7, 0)


def test_a_tool_that_is_missing_is_a_failure(capsys):
    assert run(Stage("it", ["no-such-tool"])).failed == 1
    assert "tools/bootstrap" in capsys.readouterr().out


def test_stages_see_our_tools_first(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    run(python("import os; print(os.environ['PATH'].split(':')[0])"))
    assert str(stages.ROOT / ".venv" / "bin") in capsys.readouterr().out


def test_what_failed_is_said_again_under_the_summary(capsys):
    good, bad = run(python("print('FAILED in jest')")), run(python("print('FAILED x'); exit(1)"))
    capsys.readouterr()
    assert report([good, bad._replace(name="bad")]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["failed: bad: FAILED x", "1 passed, 1 failed"]


@pytest.mark.parametrize(
    ("results", "closing", "status"),
    [
        ([Result("a", 2, 0, 0.5), Result("b", 1, 0, 1)], "3 passed, 0 failed", 0),
        ([Result("a", 2, 0, 0.5), Result("b", 1, 4, 1)], "3 passed, 4 failed", 1),
        # nothing tested is nothing proved
        ([], "0 passed, 0 failed", 1),
    ],
)
def test_report_closes_with_the_sum(results, closing, status, capsys):
    assert report(results) == status
    assert capsys.readouterr().out.splitlines()[-1] == closing


def test_what_a_stage_imports_is_kept_compiled(monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    said = []
    run(python("import sys; print(sys.dont_write_bytecode)"), said.append)
    assert said[-1] == "False"
