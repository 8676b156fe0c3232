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
import traceback

TIME_LIMIT_S = 10.0
# Far more than any answer that is of use; a program gone mad prints gigabytes in the time limit.
SIZE_LIMIT_BYTES = 1 << 22
# How much of a complaint goes into a message, and how often it is looked whether a program has ended.
WORDS = 200
POLL_S = 0.05

# What a login shell says to the loader and to Pythons. Builds, and what this collection installs with, know none of it.
_SHELLS_OWN = ("LD_", "PYTHON")


def as_builds_see(environment):
    # type: (Mapping[str, str]) -> Dict[str, str]
    """Return an environment without what changes which libraries and modules a program finds."""
    return {name: value for name, value in environment.items() if not name.startswith(_SHELLS_OWN)}


def ask(argv, env=None, time_limit_s=TIME_LIMIT_S):
    # type: (List[str], Optional[Dict[str, str]], float) -> Tuple[Optional[int], bytes, str]
    """Run a program and return (status, its answer, what it complained of); a hanging one is killed with its children.

    The answer is what it printed on standard output alone: a stale .pth or a loader complains on standard error at every
    start of a program that works. One that fails has no answer, and all that it said is told instead, standard output
    first. A status of None is a program that did not end by itself; why is the third, with its last complaint.
    """
    deadline = time.monotonic() + time_limit_s
    try:
        # Its own session makes it and its children one group to kill. run_command is AnsibleModule's, which is not known here.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        return None, b"", "cannot be started: {0}".format(error.strerror)
    said, complaint = bytearray(), bytearray()
    try:
        with process.stdout, process.stderr:
            whole = _read({process.stdout.fileno(): said, process.stderr.fileno(): complaint}, process, deadline)
        if whole:
            status = process.wait(timeout=max(0.0, deadline - time.monotonic()))
            return (status, bytes(said + complaint), "") if status else (status, bytes(said), last_words(complaint))
        problem = "printed more than {0} MiB".format(SIZE_LIMIT_BYTES >> 20)
    except subprocess.TimeoutExpired:
        problem = "gave no answer in {0:.0f} s".format(time_limit_s)
    _kill(process)
    return None, b"", ": ".join(filter(None, [problem, last_words(complaint)]))


def _read(pipes, process, deadline):
    # type: (Dict[int, bytearray], subprocess.Popen, float) -> bool
    # Not communicate(): that keeps all it gets. The first pipe is standard output. False: more came than the limit.
    answer, waiting = next(iter(pipes)), list(pipes)
    while waiting:
        # A child that lives on may hold standard error: the answer does not wait for that.
        over = answer not in waiting and process.poll() is not None
        wait_s = 0.0 if over else max(0.0, deadline - time.monotonic())
        ready = select.select(waiting, [], [], wait_s if answer in waiting else min(wait_s, POLL_S))[0]
        if not ready and over:
            return True
        if not ready and time.monotonic() >= deadline:
            raise subprocess.TimeoutExpired("", 0)
        for pipe in ready:
            piece = os.read(pipe, 1 << 16)
            pipes[pipe] += piece
            if not piece:
                waiting.remove(pipe)
        if sum(map(len, pipes.values())) > SIZE_LIMIT_BYTES:
            return False
    return True


def last_words(said):
    # type: (bytes) -> str
    """Return the end of the last line that says anything, for a message."""
    lines = bytes(said).decode("utf-8", "replace").split("\n")
    words = next((line for line in reversed(lines) if line.strip()), "")
    return "".join(letter if letter.isprintable() else " " for letter in words.strip()[-WORDS:]).strip()


def _kill(process):
    # type: (subprocess.Popen) -> None
    try:
        os.killpg(process.pid, signal.SIGKILL)
        # One that the kernel holds, in a driver's call say, does not die before the call ends.
        process.wait(timeout=1.0)
    except (OSError, subprocess.TimeoutExpired):
        pass


def at_once(jobs):
    # type: (Dict[Any, Callable[[], Any]]) -> Dict[Any, Any]
    """Do jobs side by side, each in a process of its own, and return what each gives, by its key: plain JSON.

    Not in threads: a program that is started while others run can hang before it begins, as was seen under emulation.
    """
    running = {}
    for key, job in jobs.items():
        reads, writes = os.pipe()
        pid = os.fork()
        if not pid:
            _give(job, writes)
        os.close(writes)
        running[key] = pid, reads
    given = {}
    for key, (pid, reads) in running.items():
        with os.fdopen(reads, "rb") as stream:
            said = stream.read()
        os.waitpid(pid, 0)
        answer = json.loads(said.decode("utf-8")) if said else {"error": "its process ended without a word"}
        if "error" in answer:
            raise RuntimeError("{0}: {1}".format(" ".join(map(str, key)), answer["error"]))
        given[key] = answer["given"]
    return given


def _give(job, writes):
    # type: (Callable[[], Any], int) -> None
    """Do a job and write what it gives; the process ends here, and nothing of its parent's is done twice."""
    try:
        try:
            answer = {"given": job()}
        except Exception:  # whatever it is, it is the parent's to tell
            answer = {"error": traceback.format_exc()}
        with os.fdopen(writes, "wb") as stream:
            stream.write(json.dumps(answer).encode("utf-8"))
    finally:
        os._exit(0)


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
        with open(path, encoding="utf-8") as stream:
            data = json.load(stream)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None
