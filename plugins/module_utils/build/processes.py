# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes that work for a build: how they are known, whoever their parent is, and ended."""

import errno
import fcntl
import os
import signal
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import kernel, session
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json

# The lowest descriptor by which the programs of a build are marked, above what shells and makes use.
FIRST_MARK = 100


def of(place):
    # type: (builds.Place) -> List[int]
    """Return the programs that work for a build, this process apart, whoever their parent is by now.

    They have its TMPDIR, or the file that all of them inherit; or, of those that made an environment of their own and closed
    what they had inherited, are in its scope, or in its head's session with a current directory that is the build's.
    """
    left, own = read_json(place.status) or {}, os.getpid()
    if left.get("boot") != kernel.boot():
        # Of a run before a reboot nothing lives, and its numbers are others' by now.
        left = {}
    # As the kernel has it, which tells where links on the way lead.
    found, folder = [], os.path.realpath(place.folder)
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != own:
            try:
                if _works_for(os.path.join("/proc", name), place, folder, left):
                    found.append(int(name))
            except OSError:
                continue
    return found


def _works_for(process, place, folder, left):
    # type: (str, builds.Place, str, Dict[str, Any]) -> bool
    """Say whether a process works for a build.

    :param process: its folder in /proc; :param folder: the build's, without links
    :param left: status of the build's last run, as far as it is of this boot
    """
    with open(os.path.join(process, "environ"), "rb") as stream:
        if b"TMPDIR=" + os.fsencode(place.tmp) in stream.read().split(b"\0"):
            return True
    with open(os.path.join(process, "stat"), encoding="utf-8", errors="replace") as stream:
        # proc(5): the third field and on; the second is the program's name in parentheses.
        state, _parent, _group, number = stream.read().rpartition(")")[2].split()[:4]
    if state in "ZX":
        # It has ended, and only its parent has not asked how.
        return False
    if os.path.join(folder, os.path.basename(place.mark)) in _opened(process):
        return True
    with open(os.path.join(process, "cgroup"), encoding="utf-8", errors="replace") as stream:
        if session.is_within(stream.read(), left.get("scope", "")):
            return True
    # Of a session that is over another may get the number: so that alone does not tell.
    where = os.readlink(os.path.join(process, "cwd")) + "/"
    return int(number) == left.get("session") and where.startswith(folder + "/")


def _opened(process):
    # type: (str) -> Iterator[str]
    """Return the paths of what a process has open; asked of the kernel alone, for a file server may not answer."""
    folder = os.path.join(process, "fd")
    for name in os.listdir(folder):
        try:
            yield os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            # Closed meanwhile.
            continue


def mark(place):
    # type: (builds.Place) -> int
    """Return a descriptor for the programs of a build to inherit, by which of() knows them."""
    descriptor = os.open(place.mark, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        # Not one of the first: those configure scripts take for themselves, and close.
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_MARK)
    finally:
        os.close(descriptor)


def end(place, patience_s=10.0):
    # type: (builds.Place, float) -> None
    """End the programs of a build whose head is gone or gives up; OSError when some do not end in that time."""
    until = time.monotonic() + patience_s
    while True:
        left = of(place)
        if not left:
            return
        if time.monotonic() >= until:
            raise OSError(
                errno.EBUSY,
                "programs of a former run do not end, though killed (processes {0})".format(
                    ", ".join(str(pid) for pid in left)
                ),
            )
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.05)
