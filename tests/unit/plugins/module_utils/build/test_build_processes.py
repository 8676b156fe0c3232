# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of builds are found and killed, and no others."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import kernel, session
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, looking, processes
from detached import ended, gone, killed, make_order, reached, readers, script, sleeper, started, wait_until

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_a_program_that_left_its_session_is_ended_too(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    order.stages["build"] = [{"run": ["/bin/sh", "-c", "setsid cat {work}/../gate & setsid cat {work}/../gate"]}]
    started(order)
    gate = reached(tmp_path / "gate")
    command = "cat\0" + str(tmp_path / "work/../gate")
    wait_until(lambda: len(readers(command)) == 2)
    orphans = readers(command)
    killed(looking.read_status(order)["pid"])
    order.stages["build"] = [script("build", "cat {src}/tool/said > {obj}/out")]
    started(order)
    assert all(gone(pid) for pid in orphans)
    gate.close()
    assert ended(order)["state"] == "done"


# A program that has closed inherited descriptors, as Python's subprocess does; and one that left session and folder.
@pytest.mark.parametrize("how", ["env -i cat {0} 100<&-", "cd / && setsid env -i cat {0}"])
@pytest.mark.parametrize("above", ["", "link"])
def test_a_program_that_made_an_environment_of_its_own_is_ended_too(tmp_path, how, above):
    order = make_order(tmp_path)
    if above:
        (tmp_path / "real").mkdir()
        (tmp_path / above).symlink_to("real")
        order = order._replace(work_dir=str(tmp_path / above / "work"))
    os.mkfifo(str(tmp_path / "gate"))
    order.stages["build"] = [{"run": ["/bin/bash", "-c", how.format(tmp_path / "gate") + "; exit 1"]}]
    started(order)
    gate = reached(tmp_path / "gate")
    command = "cat\0" + str(tmp_path / "gate")
    wait_until(lambda: readers(command))
    orphans = readers(command)
    killed(looking.read_status(order)["pid"])
    assert set(orphans) <= set(processes.find_processes(builds.paths(order))) and not [
        pid for pid in orphans if gone(pid)
    ]
    order.stages["build"] = [script("build", "cat {src}/tool/said > {obj}/out")]
    assert started(order) == "resumed"
    assert all(gone(pid) for pid in orphans)
    gate.close()
    assert ended(order)["state"] == "done"


@pytest.mark.parametrize("mark", ["scope", "session"])
def test_programs_are_known_by_the_unit_or_the_session_of_a_run_of_this_boot(tmp_path, monkeypatch, mark):
    paths = builds.paths(make_order(tmp_path))
    paths.make_folders()
    process = subprocess.Popen(["sleep", "60"], env={}, cwd=paths.obj, start_new_session=True)
    left = {"boot": kernel.boot(), "pid": 1, "scope": "", "session": 0}
    try:
        monkeypatch.setattr(session, "is_within", lambda content, unit: unit == "mine.scope")
        for known, boot, answer in ((1, left["boot"], True), (0, left["boot"], False), (1, "another", False)):
            value = {"scope": "mine.scope", "session": process.pid}[mark] if known else left[mark]
            builds.write_json(paths.status, dict(left, boot=boot, **{mark: value}))
            assert (process.pid in processes.find_processes(paths)) == answer
        if mark == "session":
            # A process of another build whose session has the same number.
            builds.write_json(paths.status, dict(left, session=process.pid))
            monkeypatch.setattr(os, "readlink", lambda path: paths.folder + "-2/obj")
            assert process.pid not in processes.find_processes(paths)
        # A zombie stays in its unit as long as its parent lives.
        process.kill()
        wait_until(lambda: gone(process.pid))
        builds.write_json(paths.status, dict(left, scope="mine.scope"))
        assert process.pid not in processes.find_processes(paths)
    finally:
        process.kill()
        process.wait()


def test_other_builds_and_other_programs_are_let_live(tmp_path):
    paths = builds.paths(make_order(tmp_path))
    paths.make_folders()
    other, mine = sleeper(TMPDIR=paths.tmp + "2"), sleeper(TMPDIR=paths.tmp)
    try:
        processes.kill_all(paths)
        assert mine.wait() == -signal.SIGKILL
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_program_whose_name_is_no_text_is_none_of_a_build(tmp_path):
    paths = builds.paths(make_order(tmp_path))
    paths.make_folders()
    # A builtin of the shell, so that it is the shell's own name.
    other = subprocess.Popen(["/bin/sh", "-c", "printf '\\377' > /proc/self/comm; read end"], stdin=subprocess.PIPE)
    try:
        wait_until(lambda: Path("/proc/{0}/comm".format(other.pid)).read_bytes() == b"\xff\n")
        assert other.pid not in processes.find_processes(paths)
    finally:
        other.stdin.close()
        other.wait()


def test_a_program_that_cannot_be_ended_is_told(tmp_path, monkeypatch):
    paths = builds.paths(make_order(tmp_path))
    paths.make_folders()
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    stubborn = sleeper(TMPDIR=paths.tmp)
    try:
        with pytest.raises(OSError, match=str(stubborn.pid)):
            processes.kill_all(paths, timeout_s=0.1)
    finally:
        monkeypatch.undo()
        stubborn.kill()
        stubborn.wait()


def test_a_clock_that_is_set_back_keeps_nobody_waiting(tmp_path, monkeypatch):
    clock = iter(range(10**6, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    # A process number that is not in use.
    monkeypatch.setattr(processes, "find_processes", lambda _paths: [1 << 30])
    began = time.monotonic()
    with pytest.raises(OSError, match="do not end although they were killed .*1073741824"):
        processes.kill_all(builds.paths(make_order(tmp_path)), timeout_s=0.2)
    assert time.monotonic() - began < 10


def test_a_failed_build_leaves_no_program_running(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    order.stages["build"] = [{"run": ["/bin/sh", "-c", "cat {work}/../gate > /dev/null 2>&1 & exit 1"]}]
    started(order)
    assert ended(order)["state"] == "failed"
    assert wait_until(lambda: not readers(tmp_path / "work/../gate"))
