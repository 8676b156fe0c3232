# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run of ansible-playbook this worker belongs to, and the folder that the run's workers share.

Ansible works for each host in a process of its own, a child of ansible-playbook: what they tell each other stands in
  $XDG_CACHE_HOME (or ~/.cache)/ascend-pytorch/runs/<run>/     one run's, removed by the next when that run is gone
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ansible.errors import AnsibleActionFail


def home() -> Path:
    """Return the collection's folder in the cache of the controller's user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "ascend-pytorch"


def write(path: Path, text: str) -> None:
    """Write by a rename, so that a reader never sees a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.write_text(text)
    partial.replace(path)


def started(pid: int) -> str:
    """Return when a process started, as the kernel counts; "" where there is none, or no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]
    except OSError:
        return ""


def _lives(run: str) -> bool:
    pid, _dash, began = run.partition("-")
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        pass
    except (ProcessLookupError, ValueError):
        return False
    return started(int(pid)) == began


def folder(pid: int | None = None, base: Path | None = None) -> Path:
    """Return the folder of a run, made when it is not there; those of runs that are gone are removed then.

    :param pid: of ansible-playbook, the parent of this process by default
    :param base: the collection's folder, home() by default
    """
    pid = pid or os.getppid()
    path = (base or home()) / "runs" / f"{pid}-{started(pid)}"
    if path.is_dir():
        return path
    try:
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
    except OSError as error:
        raise AnsibleActionFail(
            "what a run notes of its hosts stands in {0} on the controller, which cannot be written ({1}): set XDG_CACHE_HOME "
            "to a folder that can".format(path, error.strerror)
        ) from error
    for former in path.parent.iterdir():
        if not _lives(former.name):
            shutil.rmtree(former, ignore_errors=True)
    return path
