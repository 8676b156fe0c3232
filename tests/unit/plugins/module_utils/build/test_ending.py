# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds that fail, reach their time limit, or find the disk full."""

import errno
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, ending, processes
from detached import ended, make_order, reached, readers, runs, script, started, wait_until

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_a_failing_stage_is_told_and_done_again_alone(tmp_path):
    order = make_order(tmp_path)
    order.stages["build"] = [
        script(
            "build",
            "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do echo line $i; done; "
            "[ -e {work}/../mended ] || exit 7; cat {src}/tool/said > {obj}/out",
        )
    ]
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert "ended with status 7" in status["error"]["message"] and "/bin/sh -c" in status["error"]["message"]
    assert status["log"] == str(tmp_path / "work/builds/tool-1.0-abababababab/build.log")
    assert len(status["tail"]) == builds.TAIL_LINES and "line 22" in status["tail"]
    assert status["tail"][-1].startswith("!!! build: ")
    assert builds.finished_product(order) is None and status["product"] is None

    (tmp_path / "mended").write_text("")
    # Immediately: the head may not have ended yet.
    assert started(order) == "resumed"
    status = ended(order)
    assert status["state"] == "done", status["tail"]
    assert [runs(tmp_path).count(name) for name in ("extract", "patch", "configure", "build", "install")] == [
        1,
        1,
        1,
        2,
        1,
    ]
    log = Path(status["log"]).read_text()
    assert "!!! build" in log and "=== configure: done before" in log


def test_a_wrong_archive_fails_in_fetch_by_name(tmp_path):
    order = make_order(tmp_path)
    order.sources[0]["sha256"] = "0" * 64
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "fetch")
    assert "tool-1.0.tar.gz" in "\n".join(status["tail"])
    assert not (tmp_path / "work/products").exists()


def test_past_its_time_all_of_it_is_ended(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path, timeout_s=1)
    started(order)
    gate = reached(tmp_path / "gate.build")
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert "time limit" in status["error"]["message"] and "_timeout_s" in status["error"]["message"]
    assert "last good stage" in status["error"]["remedy"]
    assert wait_until(lambda: not readers(tmp_path / "work/../gate.build")), "its programs end with it"
    gate.close()


def test_what_programs_say_as_they_are_ended_is_no_cause(tmp_path, monkeypatch):
    paths = SimpleNamespace(log=str(tmp_path / "build.log"), work=str(tmp_path))
    (tmp_path / "build.log").write_text(
        "g++: fatal error: Killed signal terminated program cc1plus\nmake: *** [a.o] Error 1\n"
    )
    monkeypatch.setattr(processes, "kill_all", lambda paths: None)
    with pytest.raises(ending.BuildStopped) as raised:
        ending.handle_timeout(ordering.order(timeout_s=9), paths)
    told = ending.explain(raised.value, paths)
    assert "9 s" in told["message"] and (told["cause"], told["name"]) == ("", "") and told["remedy"]


def test_an_error_of_our_own_is_told_too(tmp_path):
    order = make_order(tmp_path)
    order.stages["build"] = [{"run": [None]}]
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert any("Traceback" in line for line in status["tail"])


def test_a_known_failure_has_its_remedy(tmp_path):
    order = make_order(tmp_path)
    order.stages["build"] = [{"run": ["/bin/sh", "-c", "echo 'CMake 3.13 or higher is required.'; exit 1"]}]
    started(order)
    error = ended(order)["error"]
    assert error["name"] == "CMake too old" and error["cause"] and error["remedy"]


def test_a_full_disk_is_named(tmp_path):
    paths = builds.paths(make_order(tmp_path))
    paths.make_folders()
    said = ending.explain(OSError(errno.ENOSPC, "No space left on device"), paths)
    assert said["name"] == "disk full" and paths.work in said["cause"] and "ascend_work_dir" in said["remedy"]
    assert ending.explain(ValueError(), paths)["message"] == "ValueError"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
@pytest.mark.parametrize(
    "filler",
    [
        "dd if=/dev/zero of={obj}/big bs=4096",
        # The program itself does not fail, but writing the log does.
        "dd if=/dev/zero of={obj}/big bs=4096 2>/dev/null; seq 100000; sleep 100",
    ],
)
def test_a_build_on_a_full_disk_says_so_and_goes_on_when_there_is_room(tmp_path, filler):
    work = tmp_path / "work"
    work.mkdir()
    if subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(work)], stderr=subprocess.DEVNULL
    ):
        pytest.skip("this root may not mount")
    try:
        order = make_order(tmp_path)
        good = order.stages["build"]
        order.stages["build"] = [script("build", filler)]
        started(order)
        status = ended(order)
        assert (status["state"], status["stage"]) == ("failed", "build"), status
        assert status["error"]["name"] == "disk full"
        os.unlink(str(work / "builds/tool-1.0-abababababab/obj/big"))
        order.stages["build"] = good
        assert started(order) == "resumed"
        assert ended(order)["state"] == "done"
        assert runs(tmp_path).count("configure") == 1
    finally:
        subprocess.check_call(["umount", "-l", str(work)])


def test_a_build_whose_tool_is_gone_says_so(tmp_path):
    order = make_order(tmp_path, trees=[str(tmp_path / "gone")])
    started(order)
    status = ended(order)
    assert status["state"] == "failed" and "/gone, which this is built with, is not there" in status["error"]["message"]
    assert "run again" in status["error"]["message"]
