# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run stages one after another, show their output as it comes, and summarise what passed and failed.

A stage is a command. By its exit status it is one result, passed or failed. A stage that counts has as many results as the
last line of its output with `N passed` or `N failed` says: pytest's closing line, or that of a tool in this folder. A failed
stage does not stop the ones after it. Its error lines are repeated at the end, under the summary: this is where people look,
and all that some CI systems keep.
"""

import re
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from checkout import ROOT, environment

_COUNT = re.compile(r"\b(\d+) (passed|failed|errors?)\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Error lines of pytest's short summary, of Ansible (in two forms), and of `report` below for the stages inside a stage.
_TELLING = re.compile(r"(?:FAILED|ERROR) |\[ERROR\]|fatal: |failed: ")
_TOLD, _WIDTH = 12, 240
LEFT_OUT = "left out: "


class Stage(NamedTuple):
    """A command to run. `name` is its name in the summary; `counts` says that its closing line has the numbers of results."""

    name: str
    argv: list[str]
    counts: bool = False
    cwd: Path = ROOT
    env: dict[str, str] = {}


class Result(NamedTuple):
    """The result of a stage. `seconds` is wall time; `why` are the lines that say why it failed.

    `left_out` are the lines that say what it did not test because something is missing on this machine.
    """

    name: str
    passed: int
    failed: int
    seconds: float
    why: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def count(lines: Iterable[str], status: int) -> tuple[int, int]:
    """Return (passed, failed) of a stage from the lines that it printed and its exit status.

    A non-zero status overrides the lines: a stage that prints "3 passed" and exits with 1 has one failure.
    """
    passed, failed = (0, 0) if status else (1, 0)
    for line in lines:
        found = _COUNT.findall(_COLOUR.sub("", line))
        if found:
            passed = sum(int(number) for number, what in found if what == "passed")
            failed = sum(int(number) for number, what in found if what != "passed")
    return passed, max(failed, 1 if status else 0)


def failure_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of a failed stage that say what failed, or its last lines if none is recognised.

    At most 12, each of at most 240 characters.
    """
    plain = [line for line in (_COLOUR.sub("", line).rstrip() for line in lines) if line]
    known = [line.removeprefix("failed: ") for line in plain if _TELLING.match(line)]
    return tuple(line[:_WIDTH] for line in known[:_TOLD] or plain[-3:])


def show(line: str) -> None:
    """Print a line as it comes."""
    print(line, flush=True)


def run(stage: Stage, say: Callable[[str], None] = show) -> Result:
    """Run one stage and pass its output (both streams) to `say`, line by line."""
    say(f"\n=== {stage.name}: {textwrap.shorten(' '.join(stage.argv), _WIDTH, placeholder=' …')}")
    begin = time.monotonic()
    lines: list[str] = []
    try:
        with subprocess.Popen(
            stage.argv,
            cwd=stage.cwd,
            # PWD is for tools that need the path of cwd with its links unresolved.
            env=environment(PWD=str(stage.cwd), **stage.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                say(line.rstrip("\n"))
                lines.append(line)
        status = process.returncode
    except OSError as error:
        lines.append(f"{stage.name}: cannot run {stage.argv[0]}: {error}; has tools/bootstrap been run?")
        say(lines[-1])
        status = 1
    passed, failed = count(lines if stage.counts else [], status)
    left_out = tuple(line.strip().removeprefix(LEFT_OUT) for line in lines if line.startswith(LEFT_OUT))
    return Result(
        stage.name, passed, failed, time.monotonic() - begin, failure_lines(lines) if failed else (), left_out
    )


def summary(results: list[Result]) -> str:
    """Return a table of the results, one line per stage."""
    width = max((len(result.name) for result in results), default=0)
    return "\n".join(f"{r.name:{width}}  {r.passed:5} passed  {r.failed:5} failed  {r.seconds:7.1f} s" for r in results)


def report(results: list[Result], title: str = "", left_out: Iterable[str] = ()) -> int:
    """Print the summary, the causes of failures, and a closing line `[title]N passed, N failed`. Return the exit status.

    :param left_out: lines that say what was not tested because something is missing on this machine
    """
    passed, failed = sum(r.passed for r in results), sum(r.failed for r in results)
    why = "".join(f"failed: {r.name}: {line}\n" for r in results for line in r.why)
    without = "".join(f"{LEFT_OUT}{line}\n" for line in [*left_out, *(line for r in results for line in r.left_out)])
    print(f"\n{summary(results)}\n\n{without}{why}{title}{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0
