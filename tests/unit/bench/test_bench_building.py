# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of `make bench-fleet`: what it measures, what it counts, and that it takes no wrong run for a good one."""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("building", Path(__file__).parents[2] / "bench" / "building.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

PHASES = {phase.name: phase for phase in bench.phases([1, 2, 4, 8], 40, 10)}
WORK = "/var/lib/ascend-pytorch/builds"
# Wall time, processor time of the hosts and of the controller.
COSTS = {
    "script": bench.Cost(100, 170, 1),
    "shared-1": bench.Cost(108, 180.04, 9),
    "reinstalled": bench.Cost(20, 14, 5),
    "shared-2": bench.Cost(110, 190, 12),
    "shared-4": bench.Cost(115, 210, 20),
    "shared-8": bench.Cost(130, 225, 40),
    "unshared-1": bench.Cost(40, 60, 9),
    "unshared-8": bench.Cost(260, 486, 40),
}


def once(times=1):
    return Counter(dict.fromkeys(bench.PRODUCTS, times))


def test_every_count_is_measured_and_what_is_compared_by_wall_time_follows_on_one_another():
    listed = [phase.name for phase in bench.phases([1, 2, 4, 8], 40, 10)]
    assert listed[:5] == ["script", "shared-1", "script", "shared-1", "reinstalled"]
    assert listed[2:] == list(COSTS)
    assert [PHASES[name].hosts for name in ("shared-1", "shared-2", "shared-4", "shared-8")] == [1, 2, 4, 8]
    assert PHASES["unshared-1"].work == PHASES["unshared-8"].work == 10
    assert {phase.work for name, phase in PHASES.items() if not name.startswith("unshared")} == {40}


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        ([1], ["script", "shared-1"] * 2 + ["reinstalled"]),
        ([2, 8], ["shared-2", "shared-8"]),
        ([1, 8], ["script", "shared-1"] * 2 + ["reinstalled", "shared-8", "unshared-1", "unshared-8"]),
    ],
)
def test_some_counts_alone(counts, names):
    assert [phase.name for phase in bench.phases(counts, 40, 10)] == names


def test_counts_on_the_command_line():
    assert bench.some_counts("8,1,8") == [1, 8]
    for wrong in ("3", "", "1,", "all"):
        with pytest.raises(argparse.ArgumentTypeError, match=r"1,2,4,8 are to be named"):
            bench.some_counts(wrong)


def test_only_a_phase_without_sharing_is_told_of_the_build_cache():
    told = {name: bench.variables(phase) for name, phase in PHASES.items()}
    assert told["unshared-8"].pop("ascend_build_cache") == []
    assert not any("ascend_build_cache" in each for name, each in told.items() if name.startswith("shared"))


def test_a_build_cache_is_found_again_by_the_reinstalled_host_alone():
    users = {}
    for phase in bench.phases([1, 2, 4, 8], 40, 10):
        users.setdefault(phase.cache, []).append(phase.name)
    assert users.pop("") == ["script", "script", "unshared-1", "unshared-8"]
    assert users.pop(PHASES["reinstalled"].cache) == ["shared-1", "reinstalled"]
    assert all(len(names) == 1 for names in users.values())


def typed_jobs(tool):
    """What the script types after make to build a tool."""
    script = (bench.TESTS / "mirror" / "by_hand.sh").read_text()
    part = script.partition(f"# --- {tool}")[2].partition("# ---")[0]
    return [line.split("make", 1)[1].split("&&")[0].strip() for line in part.splitlines() if line.startswith("make")]


def test_the_road_has_the_jobs_and_the_work_of_the_script():
    told = bench.variables(PHASES["shared-1"])
    assert typed_jobs("CMake")[0] == ""
    assert told["cmake_jobs"] == 1
    assert typed_jobs("gcc")[0] == f"-j{told['gcc730_jobs']}"
    assert told["gcc730_accept_installed"] is False
    typed = bench.command(PHASES["script"])[-1]
    assert f"MAX_JOBS={told['torch_npu_build_jobs']} " in typed
    assert f"MIRROR_WORK={told['torch_npu_build_build_environment']['MIRROR_WORK']} " in typed
    assert told["ascend_mirrors"] == ["file://" + typed.split()[-2]]


def test_site_is_run_with_the_stand_ins():
    argv = bench.command(PHASES["shared-8"])
    assert argv[:2] == ["ansible-playbook", "site.yml"]
    assert f"@{bench.simulated.MIRROR_VARS}" in argv
    assert json.loads(argv[-1]) == bench.variables(PHASES["shared-8"])


def test_builds_are_counted_by_product():
    said = (
        f"{WORK}/cmake-3.12.1-0123456789ab/build.log:1\n"
        f"{WORK}/torch-1.8.1-0123456789ab/build.log:1\n"
        f"{WORK}/torch-1.8.1-ba9876543210/build.log:2\n"
        f"{WORK}/apex-0.1-0123456789ab/build.log:0\n"
    )
    assert bench.builds(said) == Counter({"cmake": 1, "torch": 3})
    assert bench.builds("") == Counter()


@pytest.mark.parametrize(
    ("name", "built"),
    [
        ("script", Counter()),
        ("shared-1", once()),
        ("shared-8", once()),
        ("reinstalled", Counter()),
        ("unshared-8", once(8)),
    ],
)
def test_a_good_run_is_good(name, built):
    assert bench.amiss(PHASES[name], built) == ""


@pytest.mark.parametrize(
    ("name", "built", "words"),
    [
        ("shared-8", once() + Counter(torch=1), "'torch': 2"),
        ("shared-8", once() - Counter(apex=1), "were to be {'cmake': 1, 'gcc730': 1, 'torch': 1, 'apex': 1}"),
        ("reinstalled", Counter(torch=1), "were to be {}, and were {'torch': 1}"),
        ("unshared-8", once(), "'torch': 8"),
    ],
)
def test_a_wrong_run_is_told(name, built, words):
    assert words in bench.amiss(PHASES[name], built)


def test_the_least_of_several_measurements_counts():
    assert bench.least([bench.Cost(100, 170, 2), bench.Cost(90, 180, 1)]) == bench.Cost(90, 170, 1)
    assert bench.least([bench.Cost(100, 170, 2)]) == bench.Cost(100, 170, 2)


def test_the_line_has_the_ratios():
    assert bench.summed_up(COSTS) == {
        "cpu_s": {"1": 180.0, "2": 190, "4": 210, "8": 225},
        "wall_s": {"1": 108, "2": 110, "4": 115, "8": 130},
        "cpu_8_over_1": 1.25,
        "unshared_cpu_8_over_1": 8.1,
        "reinstall_over_build": 0.185,
        "road_over_script": 1.08,
    }


def test_what_was_not_measured_is_null():
    some = {name: COSTS[name] for name in ("shared-2", "shared-8")}
    assert bench.summed_up(some) == {
        "cpu_s": {"2": 190, "8": 225},
        "wall_s": {"2": 110, "8": 130},
        "cpu_8_over_1": None,
        "unshared_cpu_8_over_1": None,
        "reinstall_over_build": None,
        "road_over_script": None,
    }
    assert bench.verdicts(bench.summed_up(some), some) == []


def test_goals_are_told_met_or_missed():
    def told(**changes):
        costs = {**COSTS, **changes}
        return "\n".join(bench.verdicts(bench.summed_up(costs), costs))

    assert "MISSES" not in told()
    assert told().count("meets") == 4
    assert "building takes 166 CPU seconds" in told()
    slow = told(**{"shared-8": bench.Cost(130, 260, 40)})
    assert "cpu_8_over_1 is 1.444, which MISSES the goal of at most 1.3" in slow
    assert slow.count("meets") == 3
    assert "98 CPU seconds, which MISSES the goal of at least 120" in told(**{"reinstalled": bench.Cost(20, 82, 5)})


def test_the_fleet_package_is_found_beside_this_files_own_name():
    argv = [sys.executable, bench.__file__, "--hosts", "3"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "1,2,4,8 are to be named, not 3" in done.stderr
