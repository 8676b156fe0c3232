# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds are stopped."""

import os
import signal
import threading
import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks, looking, stopping
from detached import ended, gone, make_order, reached, readers, runs, sleeper, started

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_one_that_is_stopped_says_so_and_goes_on_from_there(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    readers_of_it = readers(tmp_path / "work/../gate.build")
    (paths,) = stopping.find_under_way(order.work_dir)
    assert paths.folder == builds.paths(order).folder and readers_of_it
    stopping.stop(paths)
    assert stopping.find_under_way(order.work_dir) == [] and all(gone(pid) for pid in readers_of_it)
    status = looking.read_status(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert "it was stopped" in status["error"]["message"] and "run again" in status["error"]["remedy"]
    gate.close()
    os.unlink(str(tmp_path / "gate.build"))
    assert started(order) == "resumed"
    assert ended(order)["state"] == "done" and runs(tmp_path).count("configure") == 1


def test_one_that_has_its_product_is_not_stopped_while_it_cleans_up(tmp_path):
    order = make_order(tmp_path)
    started(order)
    assert ended(order)["state"] == "done"
    paths = builds.paths(order)
    # As a head that waits for a slow disk holds it.
    lock = os.open(paths.lock, os.O_RDWR)
    try:
        assert locking.lock(lock, paths.lock, waits=True)
        assert [each.folder for each in stopping.find_under_way(order.work_dir)] == [paths.folder]
        assert stopping.find_unfinished(order.work_dir) == []
        # It is built again if its file is gone, and then there is something to stop.
        os.unlink(builds.finished_product(order)["path"])
        assert [each.folder for each in stopping.find_unfinished(order.work_dir)] == [paths.folder]
    finally:
        os.close(lock)


def test_what_a_stage_of_its_own_does_is_stopped_too(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    started(order, "extract")
    gate = reached(tmp_path / "gate")
    stopping.stop(builds.paths(order))
    assert looking.read_status(order)["error"]["message"].startswith("it was stopped")
    gate.close()


def test_one_that_does_not_listen_is_killed(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    pid = looking.read_status(order)["pid"]
    os.kill(pid, signal.SIGSTOP)
    stopping.stop(builds.paths(order), timeout_s=0.3)
    assert gone(pid) and looking.read_status(order)["state"] == "dead"
    assert not readers(tmp_path / "work/../gate.build")
    gate.close()


def test_another_process_that_has_the_number_is_not_ended(tmp_path):
    paths = builds.paths(make_order(tmp_path))
    paths.make_folders()
    other = sleeper(PLAIN="1")
    builds.write_json(paths.status, {"state": "running", "pid": other.pid})
    lock = locks.try_lock(paths)
    try:
        # As if the build were started again, which takes the lock.
        threading.Timer(0.5, os.close, [lock]).start()
        stopping.stop(paths)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_clock_that_is_set_back_keeps_nobody_waiting(tmp_path, monkeypatch):
    clock = iter(range(10**6, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    monkeypatch.setattr(locks, "is_under_way", lambda _paths: True)
    monkeypatch.setattr(stopping, "_head_pid", lambda _paths: None)
    monkeypatch.setattr(stopping, "KILL_TIMEOUT_S", 0.2)
    began = time.monotonic()
    with pytest.raises(OSError, match="does not end although it was killed"):
        stopping.stop(builds.paths(make_order(tmp_path)), timeout_s=0.2)
    assert time.monotonic() - began < 10


def test_where_nothing_is_under_way_nothing_is_made(tmp_path):
    assert stopping.find_under_way(str(tmp_path / "none")) == [] and not (tmp_path / "none").exists()
