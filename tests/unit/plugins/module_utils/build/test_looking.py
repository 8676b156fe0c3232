# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of builds that are under way."""

import os
import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, looking
from detached import ended, make_order, reached, started

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_looking_ends_as_soon_as_something_changes(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    seen = looking.read_status(order)["seen"]
    gate.close()
    assert looking.read_status(order, seen, 50.0)["seen"] != seen


def test_who_shows_no_stages_waits_for_the_end_alone(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    # Longer than the time that is allowed for short stages.
    status = looking.read_status(order, None, looking.SETTLE_S + 0.3)
    assert (status["state"], status["stage"]) == ("running", "build") and time.time() - status[
        "started"
    ] > looking.SETTLE_S
    gate.close()
    assert looking.read_status(order, None, 50.0)["state"] == "done"


def test_a_clock_that_is_set_back_keeps_nobody_waiting(tmp_path, monkeypatch):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    clock = iter(range(10**6, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    began = time.monotonic()
    status = looking.read_status(order, ["running", "build"], 0.5)
    assert status["state"] == "running" and time.monotonic() - began < 10
    gate.close()


def test_what_was_never_begun_is_not_waited_for(tmp_path):
    assert looking.read_status(make_order(tmp_path), None, 50.0)["state"] == "dead"


def test_looking_leaves_quick_stages_their_time(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    begin = time.time()
    # The stage that was seen ended long ago, and another may follow immediately.
    assert looking.read_status(order, ["running", "fetch"], 50.0)["stage"] == "build"
    assert begin + looking.SETTLE_S <= time.time() < begin + 40
    gate.close()
    assert ended(order)["state"] == "done"


def test_a_build_that_says_nothing_for_long_is_not_lost(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    long_ago = time.time() - 3600
    paths = builds.paths(order)
    for path in (paths.status, paths.log):
        os.utime(path, (long_ago, long_ago))
    assert looking.read_status(order)["state"] == "running"
    gate.close()
    assert ended(order)["state"] == "done"
