# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds are started, joined, resumed, and refused."""

import os
import threading
import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking, session
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks, looking, processes, starting
from detached import ended, killed, make_order, reached, runs, settled, started

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_joined_while_it_runs(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    assert started(order) == "started"
    gate = reached(tmp_path / "gate.build")
    assert started(order) == "joined"
    assert locks.lock_work_dir(order.work_dir, alone=True) is None
    status = looking.read_status(order)
    assert (status["state"], status["stage"]) == ("running", "build") and status["product"] is None
    # It returns only when something has changed, or its time is over.
    assert looking.read_status(order, status["seen"], 0.3)["seen"] == status["seen"]
    gate.close()
    assert ended(order)["state"] == "done"
    assert runs(tmp_path).count("build") == 1
    settled(order)
    os.close(locks.lock_work_dir(order.work_dir, alone=True))


def test_it_can_be_asked_and_has_left_the_session_before_the_module_ends(tmp_path, monkeypatch):
    order, paths = make_order(tmp_path), []
    monkeypatch.setattr(session, "move_to_scope", lambda unit: time.sleep(1) or paths.append(unit) or (unit, "stays"))
    # The head is forked from this process, and inherits the patch.
    assert starting.start(order) == "started"
    status = read_json(builds.paths(order).status)
    unit = "ascend-pytorch-tool-1.0-abababababab-{0}.scope".format(status["pid"])
    assert (status["scope"], status["note"], paths) == (unit, "stays", [])
    assert ended(order)["state"] == "done"
    # It is the first line in the log of this run.
    assert (tmp_path / "work/builds/tool-1.0-abababababab/build.log").read_text().splitlines()[1] == "stays"


def test_a_scope_has_a_name_that_systemd_takes(tmp_path):
    name = starting.scope_name(make_order(tmp_path, version="1.8.1+ascend"))
    assert name == "ascend-pytorch-tool-1.8.1_ascend-abababababab-{0}.scope".format(os.getpid())


def test_a_build_that_is_about_to_end_is_waited_for(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    paths = builds.paths(order)
    paths.make_folders()
    builds.write_json(paths.status, {"state": "failed"})
    answers = [None, None, 7]
    monkeypatch.setattr(locks, "try_lock", lambda paths: answers.pop(0))
    monkeypatch.setattr(locks, "is_under_way", lambda paths: True)
    monkeypatch.setattr(processes, "kill_all", lambda paths: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        starting.start(order)
    assert answers == []
    builds.write_json(paths.status, {"state": "running"})
    answers.append(None)
    assert starting.start(order) == "joined"


def test_who_only_looks_at_a_dead_build_is_not_joined(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    paths = builds.paths(order)
    started(order)
    gate = reached(tmp_path / "gate.build")
    assert locks.is_under_way(paths)
    killed(looking.read_status(order)["pid"])
    gate.close()
    os.unlink(str(tmp_path / "gate.build"))
    with open(paths.lock) as stream:
        # As read_status() does, only longer.
        locking.lock(stream.fileno(), paths.lock, shared=True)
        assert looking.read_status(order)["state"] == "dead" and locks.try_lock(paths) is None
        threading.Timer(0.5, stream.close).start()
        assert started(order) == "resumed"
    assert ended(order)["state"] == "done"


def test_a_folder_that_cannot_be_made_is_an_error_of_start(tmp_path):
    (tmp_path / "work").write_text("a file")
    with pytest.raises(OSError):
        starting.start(make_order(tmp_path))


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_nothing_is_built_where_others_could_have_put_something(tmp_path, mode):
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(mode)
    with pytest.raises(PermissionError, match="others may write to .*work"):
        starting.start(make_order(tmp_path))
    assert os.listdir(tmp_path / "work") == []
