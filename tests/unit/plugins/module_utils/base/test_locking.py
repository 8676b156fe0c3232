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
import time
import types

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking
from checkout import ROOT

# Counts up, in a way that loses counts when two do it at once.
COUNT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking
lock, number, removes = sys.argv[2:]
for turn in range(20):
    with locking.hold(lock, 60):
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
    with locking.hold(path, 1):
        with pytest.raises(locking.LockError, match="another process has held .*lock for 0 s .*fuser"):
            with locking.hold(path, 0):
                pass


def test_a_lock_is_free_again_when_its_holder_fails(tmp_path):
    path = str(tmp_path / "lock")
    with pytest.raises(ZeroDivisionError):
        with locking.hold(path, 1):
            raise ZeroDivisionError
    with locking.hold(path, 0):
        pass


def test_a_file_that_was_replaced_meanwhile_is_waited_for_anew(tmp_path):
    path, held, done = str(tmp_path / "lock"), threading.Event(), threading.Event()

    def other():
        with locking.hold(path, 10):
            held.set()
            done.wait(10)

    with locking.hold(path, 10):
        waiting = threading.Thread(target=other)
        waiting.start()
        os.unlink(path)
    assert held.wait(10)
    with pytest.raises(locking.LockError):
        with locking.hold(path, 0):
            pass
    done.set()
    waiting.join()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, number):
    def refuse(_descriptor, _how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(locking.LockError, match="cannot be locked .*NFS: version 4"):
        with locking.hold(str(tmp_path / "lock"), 1):
            pass
    with (
        open(tmp_path / "lock", "w") as stream,
        pytest.raises(locking.LocksUnsupported, match="cannot be locked .*Lustre"),
    ):
        locking.lock(stream.fileno(), stream.name)


# Locks a file, forks a child that waits for a line, and ends.
FORK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking
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


# Holds a file's lock, together with others or alone, until its input ends.
HOLD = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking
path, how = sys.argv[2:]
descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
assert locking.lock(descriptor, path, shared=how == "shared")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold():
    """hold(path, how): a process that holds the lock; end(it) has it end."""
    holders = []

    def begin(path, how):
        argv = [sys.executable, "-c", HOLD, str(ROOT / "collections"), str(path), how]
        holders.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert holders[-1].stdout.readline() == "held\n"
        return holders[-1]

    yield begin
    for holder in holders:
        end(holder)
        holder.stdout.close()


def end(holder):
    holder.stdin.close()
    assert holder.wait(60) == 0


@pytest.mark.parametrize(
    "theirs, ours, both",
    [("shared", "shared", True), ("shared", "alone", False), ("alone", "shared", False), ("alone", "alone", False)],
)
def test_a_lock_is_had_together_or_alone(tmp_path, hold, theirs, ours, both):
    path = str(tmp_path / "lock")
    holder = hold(path, theirs)
    with open(path, "r+") as stream:
        assert locking.lock(stream.fileno(), path, shared=ours == "shared") == both
    with open(path, "r+") as stream:
        end(holder)
        assert locking.lock(stream.fileno(), path, shared=ours == "shared")


def test_whoever_wants_it_alone_waits_for_the_last_of_many(tmp_path, hold):
    path, order = str(tmp_path / "lock"), []
    holders = [hold(path, "shared") for _each in range(3)]

    def alone():
        with open(path, "r+") as stream:
            assert locking.lock(stream.fileno(), path, waits=True)
            order.append("alone")

    waiting = threading.Thread(target=alone)
    waiting.start()
    for holder in holders:
        order.append("held")
        end(holder)
    waiting.join(60)
    assert order == ["held"] * 3 + ["alone"]


def test_whoever_waits_is_told_so_once(tmp_path, hold, monkeypatch):
    path, told, looks = str(tmp_path / "lock"), [], []
    holder = hold(path, "alone")

    def look_again(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            end(holder)

    # Its clock alone: who waits for a process sleeps too.
    monkeypatch.setattr(locking, "time", types.SimpleNamespace(sleep=look_again, monotonic=time.monotonic))
    with locking.hold(path, 3600, lambda: told.append("waiting")):
        assert told == ["waiting"] and looks == [locking.POLL_S] * 3


def test_where_nobody_holds_it_nothing_is_told(tmp_path):
    with locking.hold(str(tmp_path / "lock"), 0, lambda: pytest.fail("nobody is waited for")):
        pass


def test_it_is_told_before_it_is_given_up(tmp_path, hold):
    path, told = str(tmp_path / "lock"), []
    hold(path, "alone")
    with pytest.raises(locking.LockError, match="another process has held"):
        with locking.hold(path, 0, lambda: told.append("waiting")):
            pass
    assert told == ["waiting"]
