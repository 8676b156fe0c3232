# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a build: how to find them, whoever their parent is, and kill them."""

import errno
import fcntl
import os
import signal
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import kernel, session
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json

# The lowest descriptor for the mark that a build's programs inherit, above those that shells and makes use.
LOWEST_MARK = 100


def find_processes(paths):
    # type: (builds.BuildPaths) -> List[int]
    """Return the processes of a build except this one, whoever their parent is by now.

    They have the build's TMPDIR, or have its mark open. A process that has changed its environment and closed its
    descriptors is in the build's scope, or in its head's session with a current directory in the build's folder.
    """
    last_run, own = read_json(paths.status) or {}, os.getpid()
    if last_run.get("boot") != kernel.boot():
        # No process of a run before a reboot is left, and its process numbers may be in use again.
        last_run = {}
    # Without links, as the paths in /proc are.
    found, folder = [], os.path.realpath(paths.folder)
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != own:
            try:
                if _works_for(os.path.join("/proc", name), paths, folder, last_run):
                    found.append(int(name))
            except OSError:
                continue
    return found


def _works_for(process, paths, folder, last_run):
    # type: (str, builds.BuildPaths, str, Dict[str, Any]) -> bool
    """Say whether a process belongs to a build.

    :param process: its folder in /proc; :param folder: the build's, without links
    :param last_run: status of the build's last run, {} if that was before a reboot
    """
    with open(os.path.join(process, "environ"), "rb") as stream:
        if b"TMPDIR=" + os.fsencode(paths.tmp) in stream.read().split(b"\0"):
            return True
    with open(os.path.join(process, "stat"), encoding="utf-8", errors="replace") as stream:
        # proc(5): the third field and on; the second is the program's name in parentheses.
        state, _parent, _group, number = stream.read().rpartition(")")[2].split()[:4]
    if state in "ZX":
        # It has ended; its parent has not waited for it yet.
        return False
    if os.path.join(folder, os.path.basename(paths.mark)) in _open_files(process):
        return True
    with open(os.path.join(process, "cgroup"), encoding="utf-8", errors="replace") as stream:
        if session.is_within(stream.read(), last_run.get("scope", "")):
            return True
    # The number of a session that has ended may be used again: it is not enough.
    where = os.readlink(os.path.join(process, "cwd")) + "/"
    return int(number) == last_run.get("session") and where.startswith(folder + "/")


def _open_files(process):
    # type: (str) -> Iterator[str]
    """Return the paths that a process has open, without accessing them: a file server may not answer."""
    folder = os.path.join(process, "fd")
    for name in os.listdir(folder):
        try:
            yield os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            # It was closed in the meantime.
            continue


def open_mark(paths):
    # type: (builds.BuildPaths) -> int
    """Return a descriptor of the build's mark for its programs to inherit, by which find_processes() finds them."""
    descriptor = os.open(paths.mark, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        # Not a low one: configure scripts use and close those.
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, LOWEST_MARK)
    finally:
        os.close(descriptor)


def kill_all(paths, timeout_s=10.0):
    # type: (builds.BuildPaths, float) -> None
    """Kill the programs of a build whose head has ended or gives up; OSError when some do not end in that time."""
    until = time.monotonic() + timeout_s
    while True:
        left = find_processes(paths)
        if not left:
            return
        if time.monotonic() >= until:
            raise OSError(
                errno.EBUSY,
                "processes of an earlier run do not end although they were killed ({0})".format(
                    ", ".join(str(pid) for pid in left)
                ),
            )
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.05)
