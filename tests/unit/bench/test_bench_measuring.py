# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command costs simulated hosts and this machine, as the benchmarks take it."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("measuring", Path(__file__).parents[2] / "bench" / "measuring.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("cpuacct/libpod_parent/libpod-1/cpuacct.usage", "12500000000\n"),
        ("libpod_parent/libpod-1/cpu.stat", "usage_usec 12500000\nuser_usec 9000000\nsystem_usec 3500000\n"),
    ],
)
def test_processor_time_is_what_the_containers_group_counts(tmp_path, file, text):
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert bench.spent_s("/libpod_parent/libpod-1", tmp_path) == 12.5
    with pytest.raises(RuntimeError, match=r"neither .*/cpuacct/gone/cpuacct.usage nor .*/gone/cpu.stat"):
        bench.spent_s("/gone", tmp_path)


@pytest.mark.parametrize("file", ["cpuacct/cpuacct.usage", "cpu.stat"])
def test_the_whole_machine_is_no_host(tmp_path, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("usage_usec 1\n" if file == "cpu.stat" else "1\n")
    with pytest.raises(RuntimeError, match="no control group counts"):
        bench.spent_s("", tmp_path)


def test_time_is_taken_of_a_command_and_its_workers(tmp_path):
    worker = "import subprocess, sys; print('said', flush=True); subprocess.run([sys.executable, '-c', sys.argv[1]]); sys.exit(3)"
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    readings = iter([7.0, 9.5])
    cost, status = bench.timed(
        [sys.executable, "-c", worker, burn], tmp_path / "log", tmp_path / "xdg", lambda: next(readings)
    )
    assert status == 3
    assert (tmp_path / "log").read_text() == "said\n"
    assert cost.cpu_s == 2.5
    assert 0.5 <= cost.controller_s < 5
    assert cost.wall_s >= 0.5


def test_a_command_has_caches_and_sockets_of_its_own(tmp_path):
    show = "import os; print(os.environ['XDG_CACHE_HOME'], os.environ['ANSIBLE_SSH_CONTROL_PATH_DIR'])"
    for log in ("one", "two"):
        bench.timed([sys.executable, "-c", show], tmp_path / log, tmp_path / "xdg", lambda: 0.0)
    (cache, one), (_cache, two) = ((tmp_path / log).read_text().split() for log in ("one", "two"))
    assert cache == str(tmp_path / "xdg")
    assert one != two
    assert not os.path.exists(one)
