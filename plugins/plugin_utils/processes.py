# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes by a name that no other has, on whichever machine that shares a folder, in whichever container, and whenever.

Python's library alone: the painter of screen.py, which starts in no time, asks here too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process. What stands in /proc is "" where there is none.

    `host` is the machine's or container's name, `boot` the id that its kernel gave itself when it started, `namespace` the
    number of the one that `pid` counts in, and `started` when it began, in the kernel's ticks since that boot.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: str

    def __str__(self) -> str:
        """Return its name, which parse() reads."""
        return ".".join(map(str, self))


def by_pid(pid: int) -> Process:
    """Return a process of this machine and namespace by its id."""
    stat = _stat(pid)
    return Process(os.uname().nodename, _boot(), _namespace(), pid, stat[19] if stat else "")


def parse(name: str) -> Process | None:
    """Return the process of a name, None where it is none."""
    # Only the host's name may have dots.
    words = name.rsplit(".", 4)
    if len(words) != 5 or not words[3].isdigit():
        return None
    host, boot, namespace, pid, started = words
    return Process(host, boot, namespace, int(pid), started)


def is_alive(process: Process) -> bool:
    """Say whether a process of this machine and namespace lives; of another's, which nobody here can ask, that it does not."""
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return by_pid(process.pid) == process and _stat(process.pid)[:1] not in (["Z"], ["X"])


def has_terminal(process: Process) -> bool:
    """Say whether a process may write to its terminal: it is not stopped, nor in the background while a shell has that."""
    stat = _stat(process.pid)
    if not stat:
        return True
    state, _parent, group, _session, _terminal, foreground = stat[:6]
    # -1: no shell controls the terminal.
    return state != "T" and foreground in (group, "-1")


def share_kernel(one: Process, other: Process) -> bool:
    """Say whether two processes run, or ran, on one machine since it was booted, be it in several containers."""
    return one.boot == other.boot and (bool(one.boot) or one.host == other.host)


def _stat(pid: int) -> list[str]:
    """Return what the kernel tells of a process from its state on, empty where there is none, or no /proc.

    /proc/<pid>/stat, proc(5): the id, the name in parentheses, which may hold anything, the state, and numbers.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()
    except OSError:
        return []


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str:
    """Return the number of this process's pid namespace: the link says `pid:[4026531836]`."""
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
