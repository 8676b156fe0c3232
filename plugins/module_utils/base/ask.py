# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run programs and read files of a host, with limits for time and size: a program that hangs or prints too much is killed."""

import json
import os
import select
import signal
import subprocess
import time
import traceback

TIME_LIMIT_S = 10.0
# Far more than any useful answer; a faulty program prints gigabytes within the time limit.
SIZE_LIMIT_BYTES = 1 << 22
# The longest part of an error that goes into a message, in characters; and how often to look whether a program has ended.
WORDS = 200
POLL_S = 0.05

# Variables that a login shell sets for the loader and for Pythons. Builds and installations do not get them.
_SHELLS_OWN = ("LD_", "PYTHON")


def as_builds_see(environment):
    # type: (Mapping[str, str]) -> Dict[str, str]
    """Return an environment without what changes which libraries and modules a program finds."""
    return {name: value for name, value in environment.items() if not name.startswith(_SHELLS_OWN)}


def ask(argv, env=None, time_limit_s=TIME_LIMIT_S):
    # type: (List[str], Optional[Dict[str, str]], float) -> Tuple[Optional[int], bytes, str]
    """Run a program and return (status, its answer, the last line of its errors); one that hangs is killed with its children.

    The answer is its standard output only: a stale .pth or the loader may print to standard error at every start of a
    program that works. If the status is not 0, the second item is all that it printed, standard output first, and the
    third is "". A status of None means that it was not started or was killed; then the third says why.
    """
    deadline = time.monotonic() + time_limit_s
    try:
        # In a session of its own, it and its children are one group to kill. There is no AnsibleModule here for run_command.
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
    # Not communicate(): it has no limit of size. The first pipe is standard output. Returns False if more came than the limit.
    answer, waiting = next(iter(pipes)), list(pipes)
    while waiting:
        # A child that is still running may keep standard error open: do not wait for it.
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
    """Return the end of the last line that is not blank, for a message."""
    lines = bytes(said).decode("utf-8", "replace").split("\n")
    words = next((line for line in reversed(lines) if line.strip()), "")
    return "".join(letter if letter.isprintable() else " " for letter in words.strip()[-WORDS:]).strip()


def _kill(process):
    # type: (subprocess.Popen) -> None
    try:
        os.killpg(process.pid, signal.SIGKILL)
        # A process in a system call, of a driver for example, does not end before that call does.
        process.wait(timeout=1.0)
    except (OSError, subprocess.TimeoutExpired):
        pass


def at_once(jobs):
    # type: (Dict[Any, Callable[[], Any]]) -> Dict[Any, Any]
    """Run jobs in parallel, each in its own process, and return the result of each by its key; a result is plain JSON.

    Not in threads: with those, a program that was started while others ran could hang before it began (seen under emulation).

    :raises RuntimeError: a job raised an exception; the message has its key and traceback
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
        answer = json.loads(said.decode("utf-8")) if said else {"error": "its process ended without a result"}
        if "error" in answer:
            raise RuntimeError("{0}: {1}".format(" ".join(map(str, key)), answer["error"]))
        given[key] = answer["given"]
    return given


def _give(job, writes):
    # type: (Callable[[], Any], int) -> None
    """Run a job, write its result, and end the process, so that nothing of its parent is done twice."""
    try:
        try:
            answer = {"given": job()}
        except Exception:  # whatever it is, the parent reports it
            answer = {"error": traceback.format_exc()}
        with os.fdopen(writes, "wb") as stream:
            stream.write(json.dumps(answer).encode("utf-8"))
    finally:
        os._exit(0)


def text(path):
    # type: (str) -> str
    """Return a file's text, "" if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def read_json(path):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return the mapping in a JSON file, None if the file is missing or is not one."""
    try:
        with open(path, encoding="utf-8") as stream:
            data = json.load(stream)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None
