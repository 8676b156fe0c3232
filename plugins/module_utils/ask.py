# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host's programs and files are asked: what does not answer, or answers too much, costs a limit and no more."""

import json
import os
import select
import signal
import subprocess
import time

TIME_LIMIT_S = 10.0
# Far more than any answer that is of use; a program gone mad prints gigabytes in the time limit.
SIZE_LIMIT_BYTES = 1 << 22


def ask(argv, env=None, time_limit_s=TIME_LIMIT_S):
    # type: (List[str], Optional[Dict[str, str]], float) -> Tuple[Optional[int], bytes, str]
    """Run a program and return (status, what it printed, why it gave none); a hanging one is killed with its children."""
    deadline = time.monotonic() + time_limit_s
    try:
        # Its own session makes it and its children one group to kill. run_command is AnsibleModule's, which is not known here.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        return None, b"", "cannot be started: {0}".format(error.strerror)
    try:
        with process.stdout:
            said = _read(process.stdout.fileno(), deadline)
        if said is not None:
            return process.wait(timeout=max(0.0, deadline - time.monotonic())), said, ""
        problem = "printed more than {0} MiB".format(SIZE_LIMIT_BYTES >> 20)
    except subprocess.TimeoutExpired:
        problem = "gave no answer in {0:.0f} s".format(time_limit_s)
    _kill(process)
    return None, b"", problem


def _read(pipe, deadline):
    # type: (int, float) -> Optional[bytes]
    # Not communicate(): that keeps all it gets. None: more came than the limit.
    said = b""
    while len(said) <= SIZE_LIMIT_BYTES:
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise subprocess.TimeoutExpired("", 0)
        piece = os.read(pipe, 1 << 16)
        if not piece:
            return said
        said += piece
    return None


def _kill(process):
    # type: (subprocess.Popen) -> None
    try:
        os.killpg(process.pid, signal.SIGKILL)
        # One that the kernel holds, in a driver's call say, does not die before the call ends.
        process.wait(timeout=1.0)
    except (OSError, subprocess.TimeoutExpired):
        pass


def text(path):
    # type: (str) -> str
    """Return a file's text, empty when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def read_json(path):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return the mapping in a JSON file, None when it is not there or not readable as one."""
    try:
        with open(path) as stream:
            data = json.load(stream)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None
