# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run of ansible-playbook this worker belongs to, and the folder that the run's workers share.

Ansible has a process for each host, a child of ansible-playbook. They exchange files in
  $XDG_CACHE_HOME (or ~/.cache)/ascend-pytorch/runs/<run>/     one run's, named by its process
  …/<run>/held                                                 locked by the run for as long as it lives

Several machines may share that folder: a home on NFS, a volume of containers. Its lock says whether a run lives, since its
process is known on its own machine alone. The run takes the lock before it forks its first worker, so that all of them hold
it too. The next run removes folders whose lock is free.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import quote, unquote

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, locking
from ansible_collections.ascend.pytorch.plugins.plugin_utils import processes

HELD = "held"
# How often a run that may be over, or a file that another process is to write, is looked at.
POLL_S = 0.2
# A lock is not seen by other machines where the file system was mounted so (NFS's local_lock, Lustre's localflock), and a run
# on a file system without locks has none. What may be of such a run is kept for longer than any takes.
KEEP_FOLDER_S = 7 * 86400.0


class Hold(NamedTuple):
    """A run's folder, and the descriptor of its lock, which is held while any process has it open."""

    run: processes.Process
    path: Path
    descriptor: int


# The process that has imported this: ansible-playbook, which loads actions before it forks the workers that run them.
_IMPORTED_BY = os.getpid()
# What that process holds; workers inherit it.
_hold: Hold | None = None


# --- files ------------------------------------------------------------------------------------------------------------


def home() -> Path:
    """Return the collection's folder in the cache of the controller's user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "ascend-pytorch"


def file_name(words: str) -> str:
    """Return the name of a file or folder for a host, label, product or platform, which may be called anything.

    As in URLs, so that no two have the same, and unquote() gives the words back.
    """
    name = quote(words, safe="")
    return "%2E" + name[1:] if name.startswith(".") else name


def write(path: Path, text: str) -> None:
    """Write what the run's workers tell each other: none of them sees a half, and it need not outlive a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    durable.write(str(path), text, synced=False, concurrent=True)


def lock_stream(stream: IO[str], waits: bool = False) -> bool:
    """Lock an open file of the collection's folder; say whether it is locked, which is so where this `waits` for it."""
    try:
        return locking.lock(stream.fileno(), stream.name, waits)
    except locking.LocksUnsupported as error:
        raise AnsibleActionFail(
            f"{error.strerror}, or set XDG_CACHE_HOME to a folder of a file system that has them"
        ) from error


# --- the run ----------------------------------------------------------------------------------------------------------


def current() -> processes.Process:
    """Return the run that this process works for, itself where it is no worker.

    A worker knows its parent from the fork, even where that is gone since.
    """
    parent = multiprocessing.parent_process()
    pid = (parent.pid if parent else None) or _IMPORTED_BY
    return _hold.run if _hold and _hold.run.pid == pid else processes.by_pid(pid)


def is_over() -> bool:
    """Say whether ansible-playbook is gone: its workers are left, and have nobody to work for."""
    pid = current().pid
    return os.getpid() != pid and os.getppid() != pid


def end_if_over() -> None:
    """End this worker where its run is gone: nobody reads its result, and the next run needs its locks."""
    if is_over():
        os._exit(1)


@contextlib.contextmanager
def end_with_run() -> Iterator[None]:
    """Inside the context, end this worker as soon as its run is gone, whatever it does or waits for."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(POLL_S):
            end_if_over()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    # What has come since the last look is for a run that is there.
    end_if_over()


def folder(base: Path | None = None, run: processes.Process | None = None) -> Path:
    """Return the folder of a run, made when it is not there.

    :param base: the collection's folder, home() by default
    :param run: that of this process by default
    """
    run, base = run or current(), base or home()
    path = _path(base, run)
    if path.is_dir():
        return path
    if _hold and path == _hold.path:
        raise AnsibleActionFail(
            f"{path} on the controller, the folder of this run, was removed while it was running: run again"
        )
    # Not held: the run could not, or has imported this too late. Its folder is kept for long.
    end_if_over()
    try:
        _make(base, run)
    except OSError as error:
        raise AnsibleActionFail(
            f"{path} on the controller, the folder of this run, cannot be written ({error.strerror}): set XDG_CACHE_HOME to a "
            "folder that can"
        ) from error
    return path


def hold(base: Path, run: processes.Process) -> Hold:
    """Make the folder of a run, and hold it while this process, or one that is forked from it, lives.

    :raises OSError: it cannot be written; :raises locking.LocksUnsupported: its file system has no locks
    """
    path = _make(base, run)
    # It is renamed once it is locked, so that no other run can lock it first.
    partial = path / f"{HELD}.partial"
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        locking.lock(descriptor, str(partial))
        partial.rename(path / HELD)
    except BaseException:
        os.close(descriptor)
        raise
    return Hold(run, path, descriptor)


def _hold_before_fork() -> None:
    """Hold the run's folder, in ansible-playbook, once, before its first worker. A worker reports what is wrong."""
    global _hold
    if _hold is None and os.getpid() == _IMPORTED_BY:
        with contextlib.suppress(OSError, locking.LockError):
            _hold = hold(home(), processes.by_pid(_IMPORTED_BY))


os.register_at_fork(before=_hold_before_fork)


# --- folders of runs --------------------------------------------------------------------------------------------------


def _path(base: Path, run: processes.Process) -> Path:
    return base / "runs" / file_name(str(run))


def _make(base: Path, run: processes.Process) -> Path:
    """Make a run's folder, and remove those of runs that are gone."""
    path = _path(base, run)
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    for former in path.parent.iterdir():
        _remove_if_over(former, run)
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def _remove_if_over(path: Path, by: processes.Process) -> None:
    """Remove a run's folder unless the run may live."""
    run = processes.parse(unquote(path.name))
    try:
        kept = time.time() - path.stat().st_mtime < KEEP_FOLDER_S
        try:
            descriptor = os.open(path / HELD, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            # Nobody holds it. It may be just being made.
            if not kept:
                shutil.rmtree(path, ignore_errors=True)
            return
        try:
            is_near = run is not None and processes.share_kernel(run, by)
            if locking.lock(descriptor, str(path / HELD)) and (is_near or not kept):
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)
    except (OSError, locking.LockError):
        # Another sweeps it, or it is somebody else's.
        return
