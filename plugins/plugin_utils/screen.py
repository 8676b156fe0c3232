# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows at the bottom of a terminal, one for each build that a run of ansible-playbook follows.

What follows the builds are the run's workers, processes that come, go and get killed; what prints above the rows is the
run itself. So the workers write their rows into files, and one process of its own, main() run as a program, paints them,
and gives the terminal back when the last row has left or the run is gone, however that happened:

  PROGRAM FOLDER RUN              with the terminal as its standard output; RUN as processes.py names it
  FOLDER/door                     locked by whoever adds or takes a row, and by the painter when it leaves
  FOLDER/painter                  locked by the painter while it is there
  FOLDER/<name>.row               a Row as JSON

The rows stand below the terminal's scroll region, as apt's progress bar does. Each change is one write, which the kernel
does not mix with those of others, and leaves cursor and colours as they were. It needs little more than Python's
library, to start in no time.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, locking
from ansible_collections.ascend.pytorch.plugins.plugin_utils import processes

# What is given to Python to be a painter: the folder with ansible_collections, and the arguments of main(). Alone: neither
# the user's folders and variables nor what is installed beside has a part in it.
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from {0} import main; main(sys.argv[1:])".format(__name__)
ALONE = ("-I", "-S")
COLLECTIONS = Path(os.path.abspath(__file__)).parents[5]

# Rows, size and owners are looked at that often. No event tells of all three, and it costs next to nothing.
LOOK_S = 0.2
# How long the last one out waits for the terminal to be as it was: a stopped terminal (Ctrl-S) may keep it longer.
LEAVE_S = 2.0
# A host is asked more often than that, and a row that goes on regardless would be a lie.
SILENT_S = 60.0
# A terminal smaller than that is left to what is printed.
LINES, COLUMNS = 8, 40

SAVE, RESTORE = "\x1b7", "\x1b8"
DOWN = "\x1bD"
ERASE_BELOW = "\x1b[J"
ERASE_ROW = "\x1b[2K"
WHOLE_SCREEN = "\x1b[r"
# A row that is too long, as with wide characters, is cut at the edge and not wrapped into the next.
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"


# --- the terminal -----------------------------------------------------------------------------------------------------


def size(descriptor: int) -> tuple[int, int]:
    """Return the lines and columns of a terminal, (0, 0) of what is none."""
    try:
        columns, lines = os.get_terminal_size(descriptor)
    except OSError:
        return 0, 0
    return lines, columns


def is_big_enough(lines: int, columns: int) -> bool:
    """Say whether a terminal has room for rows beside what is printed."""
    return lines >= LINES and columns >= COLUMNS


# --- rows -------------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """How a build stands, times as time.monotonic() has them: one clock for all processes of a machine.

    `head` is the host and what is built there; `percent` is the stage's; `ends` is when it will be done, None where
    nobody can say; `followed` is since when the build is, which rows are sorted by; `seen` is when the host last answered;
    `owner` is the name of the worker's process.
    """

    head: str
    stage: str
    percent: int | None
    began: float
    ends: float | None
    followed: float
    seen: float
    owner: str


def elapsed(seconds: float) -> str:
    """Return seconds as "1h02m", "3m05s" or "8s"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def left(seconds: float) -> str:
    """Return seconds, that are an estimate, as "1h02m" or "14m"."""
    hours, minutes = divmod(max(1, math.ceil(seconds / 60)), 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m"


def words(row: Row, now: float) -> str:
    """Return a row as "host  torch 1.8.1  build  45 %  12m03s, 14m left"."""
    passed = elapsed(max(0.0, now - row.began))
    if now - row.seen >= SILENT_S:
        passed += f", no answer for {elapsed(now - row.seen)}"
    elif row.ends is not None:
        passed += f", {left(row.ends - now)} left"
    parts = [row.head, row.stage, "" if row.percent is None else f"{row.percent} %", passed]
    return "  ".join(part for part in parts if part)


def texts(rows: list[Row], now: float, lines: int, columns: int) -> list[str]:
    """Return what is painted, the first followed on top: at most a third of the terminal, then how many more there are."""
    said = [words(row, now) for row in sorted(rows, key=lambda row: (row.followed, row.head))]
    room = lines // 3
    if len(said) > room:
        said[room - 1 :] = [f"and {len(said) - room + 1} more builds"]
    return [text[:columns] for text in said]


class Board:
    """The rows of a run: a folder that its workers and its painter share."""

    def __init__(self, folder: Path, run: processes.Process) -> None:
        self.folder = folder
        self.run = run
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextlib.contextmanager
    def door(self) -> Iterator[None]:
        """Hold what must not happen while a painter decides to leave."""
        with open(self.folder / "door", "w") as stream:
            locking.lock(stream.fileno(), stream.name, waits=True)
            yield

    def painter(self) -> int | None:
        """Return the descriptor of the painter's lock, None where there is a painter."""
        path = self.folder / "painter"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(locking.LocksUnsupported):
            if locking.lock(descriptor, str(path)):
                return descriptor
        os.close(descriptor)
        return None

    def rows(self) -> list[Row]:
        """Return the rows of workers that live; those of others are taken away."""
        found = []
        for path in self.folder.glob("*.row"):
            try:
                row = Row(**json.loads(path.read_text()))
            except OSError:
                continue
            owner = processes.parse(row.owner)
            if owner and processes.lives(owner):
                found.append(row)
            else:
                path.unlink(missing_ok=True)
        return found

    def put(self, name: str, row: Row, terminal: int) -> None:
        """Add or renew a row, and see that somebody paints it."""
        with self.door():
            durable.write(str(self.folder / (name + ".row")), json.dumps(row._asdict()), synced=False)
            lock = self.painter()
            if lock is not None:
                # Handed over as it is, so that there is no moment without it.
                self._start(lock, terminal)
                os.close(lock)

    def _start(self, lock: int, terminal: int) -> None:
        # In a session of its own: what ends the run's workers, or is typed to stop them, must not end it.
        subprocess.Popen(
            [sys.executable, *ALONE, "-c", PROGRAM, str(COLLECTIONS), str(self.folder), str(self.run), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock],
            start_new_session=True,
        )

    def take(self, name: str) -> None:
        """Take a row away; with the last one, wait until the terminal is as it was."""
        with self.door():
            (self.folder / (name + ".row")).unlink(missing_ok=True)
            if self.rows():
                return
        until = time.monotonic() + LEAVE_S
        while time.monotonic() < until:
            lock = self.painter()
            if lock is not None:
                os.close(lock)
                return
            time.sleep(LOOK_S / 2)


# --- painting ---------------------------------------------------------------------------------------------------------


class Painter:
    """Makes the escape sequences that change the rows from what they are to what they shall be."""

    def __init__(self) -> None:
        self.size = (0, 0)
        self.painted: list[str] = []

    def change(self, texts: list[str], size: tuple[int, int]) -> str:
        """Return what has to be written so that these texts are the rows; "" for nothing."""
        before, lines = len(self.painted), size[0]
        if texts == self.painted and (size == self.size or not texts):
            return ""
        out = ""
        if size != self.size:
            # A terminal that changes its size drops its region, and moves or cuts the rows. Below the cursor there is
            # nothing but them: what a run prints ends there.
            out += SAVE + WHOLE_SCREEN + RESTORE + ERASE_BELOW
            before, self.painted = 0, []
        more = len(texts) - before
        if more > 0:
            # Make room below the cursor, which stays in its column, before the region ends above it.
            out += DOWN * more + f"\x1b[{more}A"
        out += SAVE
        for row in range(lines - before + 1, lines - len(texts) + 1):
            out += f"\x1b[{row};1H" + ERASE_ROW
        if more:
            out += f"\x1b[1;{lines - len(texts)}r" if texts else WHOLE_SCREEN
        if texts:
            out += NO_WRAP
            out += "".join(f"\x1b[{lines - len(texts) + n};1H{ERASE_ROW}{text}" for n, text in enumerate(texts, 1))
            out += WRAP
        self.size, self.painted = size, list(texts)
        return out + RESTORE


def _write(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(descriptor, data) :]


def paint(board: Board, terminal: int, lock: int) -> None:
    """Paint a board's rows until there are none, or the run is gone."""
    painter = Painter()

    def show(rows: list[Row]) -> None:
        now = size(terminal)
        mine = is_big_enough(*now) and processes.has_terminal(board.run)
        _write(terminal, painter.change(texts(rows, time.monotonic(), *now) if mine else [], now))

    try:
        while processes.lives(board.run):
            rows = board.rows()
            if rows:
                show(rows)
                time.sleep(LOOK_S)
                continue
            with board.door():
                # Whoever has come in meanwhile counted on this painter.
                if not board.rows():
                    show([])
                    os.close(lock)
                    return
    finally:
        show([])


def main(arguments: list[str]) -> None:
    """Be the painter of a board: its folder, its run, and the descriptor of the painter's lock."""
    folder, name, lock = arguments
    run = processes.parse(name)
    if run is None:
        sys.exit(f"{name} is no process")
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(1))
    # A terminal that has been closed needs nothing given back.
    with contextlib.suppress(OSError):
        paint(Board(Path(folder), run), sys.stdout.fileno(), int(lock))
