# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows how a build goes: a row that is refreshed at the bottom of a terminal, or lines of a log now and then."""

from __future__ import annotations

import os
import stat
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.build import progress
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import processes, runs, screen, speaking

Json = dict[str, Any]

MODES = ("auto", "terminal", "log", "none")
# How often a log repeats a stage that goes on.
LOG_INTERVAL_S = 300.0
# How long one query waits on the host for something new: long enough to cost nothing, short enough for a firewall. The second
# is for a row on a terminal.
POLL_S, POLL_ON_TERMINAL_S = 30.0, 15.0


def _own_terminal() -> str:
    """Return the terminal that this process has as its standard output, "" for none."""
    try:
        return os.ttyname(1)
    except OSError:
        return ""


# For controllers without /proc. Ansible loads an action before it forks the worker that runs it, and cuts that off from
# the terminal.
_TERMINAL = _own_terminal()


def wants_terminal(mode: str, environment: Mapping[str, str]) -> bool:
    """Say whether builds are shown on the terminal, if there is one.

    Under ansible-runner there is one, but what is written to it becomes a log: AWX_ISOLATED_DATA_DIR is set by
    ansible-runner, and so by AWX and ansible-navigator, for whatever it runs.
    """
    if mode == "auto":
        is_dumb = environment.get("TERM", "dumb") in ("", "dumb", "unknown")
        return not is_dumb and "AWX_ISOLATED_DATA_DIR" not in environment
    return mode == "terminal"


def open_terminal(pid: int) -> int | None:
    """Open the terminal that a process has as its standard output, None where it has none."""
    path = f"/proc/{pid}/fd/1" if os.path.isdir(f"/proc/{pid}") else _TERMINAL
    try:
        # To open a pipe may take for ever.
        if not path or not stat.S_ISCHR(os.stat(path).st_mode):
            return None
        descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY)
    except OSError:
        return None
    if os.isatty(descriptor):
        return descriptor
    os.close(descriptor)
    return None


class ProgressLog:
    """Lines of a log: one for each stage, and one every few minutes of it."""

    def __init__(self) -> None:
        self.stage = ""
        self.said = 0.0

    def show(self, row: screen.Row, now: float) -> None:
        """Print the state of a build, if it is time to."""
        if row.stage != self.stage or now - self.said >= LOG_INTERVAL_S:
            self.stage, self.said = row.stage, now
            speaking.say(screen.row_text(row, now))


class BuildDisplay:
    """Shows one build. A context manager: at its end the row is removed from the terminal."""

    def __init__(self, host: str, order: Order, mode: str, former: Iterable[Json] = ()) -> None:
        """
        :param host: the builder; :param order: of the product; :param mode: one of MODES
        :param former: manifests of the product's earlier builds, for the time that is left
        """
        self.head = f"{host}  {order.name} {order.version}"
        self.version = str(order.version)
        self.jobs = int(order.jobs)
        self.mode = mode
        self.followed = time.monotonic()
        self.former = list(former)
        self.log = ProgressLog()
        self.name = uuid.uuid4().hex
        self.board: screen.Board | None = None
        self.row: screen.Row | None = None
        # Workers have no terminal; the run's output is the user's.
        self.run = runs.current()
        if wants_terminal(mode, os.environ):
            self._open_board()

    def _open_board(self) -> None:
        terminal = open_terminal(self.run.pid)
        if terminal is None:
            return
        os.close(terminal)
        try:
            self.board = screen.Board(runs.folder() / "screen", self.run)
        except OSError as error:
            speaking.say_if_verbose(
                f"progress is printed as log lines, since the run's folder for rows cannot be written: {error}"
            )

    def __enter__(self) -> BuildDisplay:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def show(self, status: Json) -> None:
        """Show the state of a build.

        :param status: what the module returned; "done" is printed for good, a failure is left to the task's message
        """
        if self.mode == "none":
            return
        if status["state"] != "running":
            self.end("done" if status["state"] == "done" and self.row else "")
            return
        now = time.monotonic()
        self.row = self._row(status, now)
        if not self._paint(self.row):
            self.log.show(self.row, now)

    def shows_stages(self) -> bool:
        """Say whether a query of the build is to return at the end of the stage."""
        return self.mode != "none"

    def poll_s(self) -> float:
        """Return how long the next query may wait for the build's stage to end, in seconds.

        Each query takes time from the compiler on the builder. A log has nothing to say before; the percentage of a row is
        renewed less often the longer the build takes.
        """
        if self.board is None or self.row is None:
            return POLL_S
        return min(POLL_ON_TERMINAL_S, max(2.0, (time.monotonic() - self.row.began) / 10))

    def end(self, words: str = "") -> None:
        """Remove the row; words, if any, are printed for good, with the time that the build took."""
        self._remove_row()
        if words and self.mode != "none":
            took = screen.format_elapsed(time.monotonic() - self.row.began) if self.row else ""
            speaking.say("  ".join(part for part in (self.head, words, took) if part))
        self.row = None

    def _row(self, status: Json, now: float) -> screen.Row:
        there = status.get("now") or time.time()

        def since(key: str) -> float:
            """Return seconds since a time that the host told, both by its own clock."""
            return max(0.0, there - status.get(key, there))

        estimate = progress.estimate(
            progress.nearest_builds(self.former, self.version, status.get("host", "")),
            recipe.STAGES,
            status["stage"],
            status["percent"],
            status.get("objects", 0),
            since("stage_started"),
            self.jobs,
        )
        return screen.Row(
            # A row is painted as it is: the painter knows nothing of this collection.
            outgoing.printable(self.head),
            outgoing.printable(status["stage"] or "start"),
            estimate.percent,
            now - since("started"),
            None if estimate.seconds_left is None else now + estimate.seconds_left,
            self.followed,
            now,
            str(processes.by_pid(os.getpid())),
        )

    def _paint(self, row: screen.Row) -> bool:
        """Show a row on the terminal; say whether that is possible: it has room, and is the run's."""
        if self.board is None or not processes.has_terminal(self.run):
            return False
        terminal = open_terminal(self.run.pid)
        if terminal is None:
            return False
        try:
            if not screen.is_big_enough(*screen.terminal_size(terminal)):
                return False
            # Whoever holds the board's lock may wait for a terminal that is stopped.
            with runs.end_with_run():
                self.board.set_row(self.name, row, terminal)
        except OSError as error:
            # The build goes on without its row.
            speaking.say_if_verbose(f"progress is printed as log lines from here on: {error}")
            self._remove_row()
            return False
        finally:
            os.close(terminal)
        return True

    def _remove_row(self) -> None:
        board, self.board = self.board, None
        if board is not None:
            try:
                with runs.end_with_run():
                    board.remove_row(self.name)
            except OSError as error:
                speaking.say_if_verbose(f"the row of a build could not be removed from the terminal: {error}")


def build_display(host: str, order: Order, mode: str, former: Iterable[Json] = ()) -> BuildDisplay:
    """Return the display of an order's build: `with build_display(…) as display: display.show(status)`, at each query.

    It shows nothing where a program reads what the run prints.
    """
    return BuildDisplay(host, order, mode if speaking.is_read_by_people() else "none", former)
