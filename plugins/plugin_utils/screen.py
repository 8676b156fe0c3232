# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows at the bottom of a terminal, one for each build that a run of ansible-playbook follows.

The run's workers follow the builds: processes that come, go and get killed. The run itself prints above the rows. So the
workers write their rows into files, and a process of its own, main() run as a program, paints them. It gives the terminal back
when the last row is removed or the run is gone, however that happened:

  PROGRAM FOLDER RUN              with the terminal as its standard output; RUN as processes.py names it
  FOLDER/lock                     locked by whoever adds or removes a row, and by the painter when it leaves
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

# The program of the painter; its arguments are the folder with ansible_collections and those of main(). Isolated: it uses
# neither the user's folders and variables nor installed packages.
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from {0} import main; main(sys.argv[1:])".format(__name__)
ISOLATED = ("-I", "-S")
COLLECTIONS = Path(os.path.abspath(__file__)).parents[5]

# How often rows, size and owners are looked at. No event covers all three, and a look costs next to nothing.
POLL_S = 0.2
# How long the worker that removes the last row waits for the painter to end: a stopped terminal (Ctrl-S) may keep it longer.
EXIT_TIMEOUT_S = 2.0
# Hosts are queried more often than that; after it the row says that there is no answer.
SILENT_S = 60.0
# A smaller terminal shows no rows.
MIN_LINES, MIN_COLUMNS = 8, 40

SAVE, RESTORE = "\x1b7", "\x1b8"
SCROLL_DOWN = "\x1bD"
ERASE_BELOW = "\x1b[J"
ERASE_ROW = "\x1b[2K"
WHOLE_SCREEN = "\x1b[r"
# A row that is too long, as with wide characters, is cut at the edge and not wrapped into the next.
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"


# --- the terminal -----------------------------------------------------------------------------------------------------


def terminal_size(descriptor: int) -> tuple[int, int]:
    """Return the lines and columns of a terminal, (0, 0) where the descriptor is no terminal."""
    try:
        columns, lines = os.get_terminal_size(descriptor)
    except OSError:
        return 0, 0
    return lines, columns


def is_big_enough(lines: int, columns: int) -> bool:
    """Say whether a terminal has room for rows beside what is printed."""
    return lines >= MIN_LINES and columns >= MIN_COLUMNS


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


def format_elapsed(seconds: float) -> str:
    """Return seconds as "1h02m", "3m05s" or "8s"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def format_remaining(seconds: float) -> str:
    """Return estimated seconds as "1h02m" or "14m"."""
    hours, minutes = divmod(max(1, math.ceil(seconds / 60)), 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m"


def row_text(row: Row, now: float) -> str:
    """Return a row as "host  torch 1.8.1  build  45 %  12m03s, 14m left"."""
    passed = format_elapsed(max(0.0, now - row.began))
    if now - row.seen >= SILENT_S:
        passed += f", no answer for {format_elapsed(now - row.seen)}"
    elif row.ends is not None:
        passed += f", {format_remaining(row.ends - now)} left"
    parts = [row.head, row.stage, "" if row.percent is None else f"{row.percent} %", passed]
    return "  ".join(part for part in parts if part)


def visible_lines(rows: list[Row], now: float, lines: int, columns: int) -> list[str]:
    """Return the lines to paint, the first followed on top: at most a third of the terminal, the last says how many more."""
    said = [row_text(row, now) for row in sorted(rows, key=lambda row: (row.followed, row.head))]
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
    def locked(self) -> Iterator[None]:
        """Hold the lock of the rows: no row is added or removed while the painter decides to end."""
        with open(self.folder / "lock", "w") as stream:
            locking.lock(stream.fileno(), stream.name, waits=True)
            yield

    def take_painter_lock(self) -> int | None:
        """Take the painter's lock and return its descriptor, None where a painter runs."""
        path = self.folder / "painter"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(locking.LocksUnsupported):
            if locking.lock(descriptor, str(path)):
                return descriptor
        os.close(descriptor)
        return None

    def live_rows(self) -> list[Row]:
        """Return the rows of workers that live; remove those of others."""
        found = []
        for path in self.folder.glob("*.row"):
            try:
                row = Row(**json.loads(path.read_text()))
            except OSError:
                continue
            owner = processes.parse(row.owner)
            if owner and processes.is_alive(owner):
                found.append(row)
            else:
                path.unlink(missing_ok=True)
        return found

    def set_row(self, name: str, row: Row, terminal: int) -> None:
        """Add or replace a row, and start a painter if none runs."""
        with self.locked():
            durable.write(str(self.folder / (name + ".row")), json.dumps(row._asdict()), synced=False)
            lock = self.take_painter_lock()
            if lock is not None:
                # The painter inherits the lock, so that it is never free in between.
                self._start_painter(lock, terminal)
                os.close(lock)

    def _start_painter(self, lock: int, terminal: int) -> None:
        # In a session of its own: a signal to the run's workers, or Ctrl-C, must not end it.
        subprocess.Popen(
            [sys.executable, *ISOLATED, "-c", PROGRAM, str(COLLECTIONS), str(self.folder), str(self.run), str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock],
            start_new_session=True,
        )

    def remove_row(self, name: str) -> None:
        """Remove a row; after the last one, wait until the painter has given the terminal back."""
        with self.locked():
            (self.folder / (name + ".row")).unlink(missing_ok=True)
            if self.live_rows():
                return
        until = time.monotonic() + EXIT_TIMEOUT_S
        while time.monotonic() < until:
            lock = self.take_painter_lock()
            if lock is not None:
                os.close(lock)
                return
            time.sleep(POLL_S / 2)


# --- painting ---------------------------------------------------------------------------------------------------------


class Painter:
    """Makes the escape sequences that turn the painted rows into new ones."""

    def __init__(self) -> None:
        self.size = (0, 0)
        self.painted: list[str] = []

    def repaint(self, texts: list[str], size: tuple[int, int]) -> str:
        """Return what to write to the terminal so that it shows these rows; "" where it does already."""
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
            out += SCROLL_DOWN * more + f"\x1b[{more}A"
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
        now = terminal_size(terminal)
        mine = is_big_enough(*now) and processes.has_terminal(board.run)
        _write(terminal, painter.repaint(visible_lines(rows, time.monotonic(), *now) if mine else [], now))

    try:
        while processes.is_alive(board.run):
            rows = board.live_rows()
            if rows:
                show(rows)
                time.sleep(POLL_S)
                continue
            with board.locked():
                # A row added in the meantime relies on this painter.
                if not board.live_rows():
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
