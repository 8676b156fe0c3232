# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process at a time at a place: real processes, a lock file that is taken away, a file system without locks."""

import errno
import fcntl
import os
import subprocess
import sys
import threading

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils import locking
from checkout import ROOT

# Counts up, in a way that loses counts when two do it at once.
COUNT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.module_utils import locking
lock, number, removes = sys.argv[2:]
for turn in range(20):
    with locking.held(lock, 60):
        count = int(open(number).read())
        time.sleep(0.001)
        open(number, "w").write(str(count + 1))
        if removes == "yes" and turn % 3 == 0:
            import os
            os.unlink(lock)
"""


@pytest.mark.parametrize("removes", ["no", "yes"])
def test_processes_take_turns_even_where_the_file_is_taken_away(tmp_path, removes):
    number = tmp_path / "number"
    number.write_text("0")
    argv = [sys.executable, "-c", COUNT, str(ROOT / "collections"), str(tmp_path / "deep/lock"), str(number), removes]
    running = [subprocess.Popen(argv) for _each in range(4)]
    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    assert number.read_text() == "80"


def test_whoever_waits_too_long_is_told(tmp_path):
    path = str(tmp_path / "lock")
    with locking.held(path, 1):
        with pytest.raises(locking.LockError, match="another process has held .*lock for 0 s .*fuser"):
            with locking.held(path, 0):
                pass


def test_a_lock_is_free_again_when_its_holder_fails(tmp_path):
    path = str(tmp_path / "lock")
    with pytest.raises(ZeroDivisionError):
        with locking.held(path, 1):
            raise ZeroDivisionError
    with locking.held(path, 0):
        pass


def test_a_file_that_was_replaced_meanwhile_is_waited_for_anew(tmp_path):
    path, held, done = str(tmp_path / "lock"), threading.Event(), threading.Event()

    def other():
        with locking.held(path, 10):
            held.set()
            done.wait(10)

    with locking.held(path, 10):
        waiting = threading.Thread(target=other)
        waiting.start()
        os.unlink(path)
    assert held.wait(10)
    with pytest.raises(locking.LockError):
        with locking.held(path, 0):
            pass
    done.set()
    waiting.join()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, number):
    def refuse(_descriptor, _how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(locking.LockError, match="cannot be locked .*NFS: version 4"):
        with locking.held(str(tmp_path / "lock"), 1):
            pass
    with open(tmp_path / "lock", "w") as stream, pytest.raises(locking.NoLocks, match="cannot be locked .*Lustre"):
        locking.lock(stream.fileno(), stream.name)


# Locks a file, forks a child that waits for a line, and ends.
FORK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.module_utils import locking
descriptor = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
assert locking.lock(descriptor, sys.argv[2])
if not os.fork():
    print("forked", flush=True)
    sys.stdin.readline()
"""


def test_a_lock_is_held_until_the_last_that_was_forked_has_gone(tmp_path):
    path = str(tmp_path / "lock")
    argv = [sys.executable, "-c", FORK, str(ROOT / "collections"), path]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "forked\n"
        assert process.wait(60) == 0
        with open(path, "r+") as stream:
            assert not locking.lock(stream.fileno(), path)
            process.stdin.write("\n")
            process.stdin.flush()
            assert locking.lock(stream.fileno(), path, waits=True)
