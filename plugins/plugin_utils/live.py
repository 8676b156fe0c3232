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
# How often a log tells of a stage that goes on.
LOG_S = 300.0
# How long one look waits on the host for something new: long enough to cost nothing, short enough for a firewall; and where
# it is for a row that people watch.
LOOK_S, WATCHED_S = 30.0, 15.0


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


class Log:
    """Lines of a log: one for each stage, and one every few minutes of it."""

    def __init__(self) -> None:
        self.stage = ""
        self.said = 0.0

    def show(self, row: screen.Row, now: float) -> None:
        """Tell how a build stands, if it is time to."""
        if row.stage != self.stage or now - self.said >= LOG_S:
            self.stage, self.said = row.stage, now
            speaking.say(screen.words(row, now))


class Line:
    """What is shown of one build. A context: what it has on the terminal goes with it."""

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
        self.log = Log()
        self.name = uuid.uuid4().hex
        self.board: screen.Board | None = None
        self.row: screen.Row | None = None
        # Workers have no terminal; the run's output is the user's.
        self.run = runs.current()
        if wants_terminal(mode, os.environ):
            self._find_board()

    def _find_board(self) -> None:
        terminal = open_terminal(self.run.pid)
        if terminal is None:
            return
        os.close(terminal)
        try:
            self.board = screen.Board(runs.folder() / "screen", self.run)
        except OSError as error:
            speaking.whisper(f"builds are shown as lines of a log, since the controller has no place for rows: {error}")

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def show(self, status: Json) -> None:
        """Show how a build stands.

        :param status: what the module returned; once it is done that is told for good, and of a failure the task tells
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
        """Say whether a look at the build is to end with the stage."""
        return self.mode != "none"

    def look_s(self) -> float:
        """Return how long the next look at the build may wait for its stage to end, in seconds.

        Each costs the builder time that it could compile in. A log has nothing to say before; a row's percentage is
        renewed the more rarely, the longer the build has taken and so the less there is to see.
        """
        if self.board is None or self.row is None:
            return LOOK_S
        return min(WATCHED_S, max(2.0, (time.monotonic() - self.row.began) / 10))

    def end(self, words: str = "") -> None:
        """End the row; words, if any, are told for good, with the time that the build took."""
        self._leave()
        if words and self.mode != "none":
            took = screen.elapsed(time.monotonic() - self.row.began) if self.row else ""
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
            str(processes.of(os.getpid())),
        )

    def _paint(self, row: screen.Row) -> bool:
        """Show a row on the terminal; say whether that has room for it now, and is the run's."""
        if self.board is None or not processes.has_terminal(self.run):
            return False
        terminal = open_terminal(self.run.pid)
        if terminal is None:
            return False
        try:
            if not screen.is_big_enough(*screen.size(terminal)):
                return False
            # Whoever has the board's door may be kept by a terminal that is stopped.
            with runs.watched():
                self.board.put(self.name, row, terminal)
        except OSError as error:
            # A build is not given up for want of a picture of it.
            speaking.whisper(f"builds are shown as lines of a log from here on: {error}")
            self._leave()
            return False
        finally:
            os.close(terminal)
        return True

    def _leave(self) -> None:
        board, self.board = self.board, None
        if board is not None:
            try:
                with runs.watched():
                    board.take(self.name)
            except OSError as error:
                speaking.whisper(f"the row of a build could not be taken away: {error}")


def line(host: str, order: Order, mode: str, former: Iterable[Json] = ()) -> Line:
    """Return what shows a build of an order on a host: `with line(…) as shown: shown.show(status)`, at each look.

    Nothing is shown where a program reads what the run prints.
    """
    return Line(host, order, mode if speaking.is_heard() else "none", former)
