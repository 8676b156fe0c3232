# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of `make bench-fleet`: what it counts, and that it takes no wrong run for a good one."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

# Under another name than its file's, which is that of the simulated fleet.
spec = importlib.util.spec_from_file_location("bench_fleet", Path(__file__).parents[2] / "bench" / "fleet.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

PHASES = {phase.name: phase for phase in bench.PHASES}
WORK = "/var/lib/ascend-pytorch/builds"


def well(count, changed=3):
    return dict.fromkeys(bench.names(count), changed)


def once(times=1):
    return Counter({"cmake": times, "torch": times, "apex": times})


def test_processor_time_leaves_out_what_was_idle_or_stolen():
    stat = "cpu  100 10 40 5000 700 3 7 900 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"
    assert bench.busy_s(stat, 100) == pytest.approx(1.6)


def test_processor_time_of_this_machine_grows():
    before = bench.busy_now_s()
    while bench.busy_now_s() == before:
        sum(range(1000))
    assert bench.busy_now_s() > before > 0


def test_builds_are_counted_by_product():
    said = (
        f"{WORK}/cmake-3.12.1-0123456789ab/build.log:1\n"
        f"{WORK}/torch-1.8.1-0123456789ab/build.log:1\n"
        f"{WORK}/torch-1.8.1-ba9876543210/build.log:2\n"
        f"{WORK}/apex-0.1-0123456789ab/build.log:0\n"
    )
    assert bench.builds(said) == Counter({"cmake": 1, "torch": 3})
    assert bench.builds("") == Counter()


def test_hosts_that_failed_are_no_changes():
    said = (
        "PLAY RECAP ****\n"
        "bench1                     : ok=9    changed=4    unreachable=0    failed=0    skipped=0    rescued=0\n"
        "bench2                     : ok=9    changed=4    unreachable=0    failed=1    skipped=0    rescued=0\n"
        "bench3                     : ok=1    changed=0    unreachable=1    failed=0    skipped=0    rescued=0\n"
        "bench4                     : ok=1    changed=0    unreachable=0    failed=0    skipped=0    rescued=0\n"
    )
    assert bench.changes(said) == {"bench1": 4, "bench4": 0}


@pytest.mark.parametrize(
    ("phase", "built", "changed"),
    [
        ("one", once(), well(1)),
        ("fleet", once(), well(8)),
        ("reinstalled", Counter(), well(8)),
        ("nothing", Counter(), well(8, 0)),
        ("each", once(8), well(8)),
    ],
)
def test_a_good_run_is_good(phase, built, changed):
    assert bench.amiss(PHASES[phase], built, changed) == ""


@pytest.mark.parametrize(
    ("phase", "built", "changed", "words"),
    [
        ("fleet", once() + Counter(torch=1), well(8), "'torch': 2"),
        ("fleet", once() - Counter(apex=1), well(8), "were to be {'cmake': 1, 'torch': 1, 'apex': 1}"),
        ("reinstalled", Counter(torch=1), well(8), "were to be {}, and were {'torch': 1}"),
        ("fleet", once(), well(7), "8 hosts were to end well, and did: bench1, bench2"),
        ("one", once(), {}, "and did: none"),
        ("nothing", Counter(), {**well(8, 0), "bench3": 1}, "'bench3': 1"),
    ],
)
def test_a_wrong_run_is_told(phase, built, changed, words):
    assert words in bench.amiss(PHASES[phase], built, changed)


def test_a_phase_shares_its_cache_or_nothing():
    def variables(name):
        return json.loads(bench.playbook(PHASES[name], 24)[-1])

    assert variables("each")["ascend_build_cache"] == []
    assert variables("fleet")["ascend_build_cache"] == variables("reinstalled")["ascend_build_cache"]
    assert variables("fleet")["ascend_build_cache"] != variables("one")["ascend_build_cache"]
    assert variables("one")["torch_npu_build_build_environment"] == {"MIRROR_WORK": "24"}
    argv = bench.playbook(PHASES["one"], 24)
    assert argv[argv.index("--limit") + 1] == "bench1"


def test_the_controllers_memory_is_that_of_the_command_and_its_workers(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    worker = "import subprocess, sys; print('said'); subprocess.run([sys.executable, '-c', 'x = bytes(range(256)) * 4**9']); sys.exit(3)"
    cost, status = bench.timed([sys.executable, "-c", worker], tmp_path / "log")
    assert status == 3
    assert (tmp_path / "log").read_text() == "said\n"
    assert 64 < cost.controller_mib < 200
    assert cost.wall_s > 0


def test_sizes_are_those_of_files(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "wheel").write_bytes(bytes(2**20))
    (tmp_path / "card").write_bytes(bytes(2**19))
    assert bench.size_mib(tmp_path) == pytest.approx(1.5)


def test_the_line_tells_what_sharing_gains():
    costs = {name: bench.Cost(wall, wall * 2, 90.4) for name, wall in zip(PHASES, (60, 66, 20, 2, 330), strict=True)}
    told = bench.summed_up(costs, 12.34)
    assert (told["ratio"], told["saved"], told["hosts"], told["cache_mib"]) == (1.1, 5.0, 8, 12.3)
    assert (told["one_s"], told["each_s"], told["cpu_s"]["reinstalled"]) == (60, 330, 40)
    assert told["controller_mib"]["nothing"] == 90
