# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of `make bench-provision`, and that it takes no wrong run for a good one."""

import importlib.util
import json
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("provisioning", Path(__file__).parents[2] / "bench" / "provisioning.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

RECAP = """
PLAY RECAP *********************************************************************
bench1                     : ok=83   changed=9    unreachable=0    failed=0    skipped=40   rescued=0    ignored=0
bench2                     : ok=82   changed=9    unreachable=0    failed=0    skipped=40   rescued=0    ignored=0
"""
ONE = bench.Measured(8, 103.0, 25.0, 51.0, 210.4, 123.0, 8.0)


def store(folder, **parts):
    """A build cache with the four products, or with those parts of them instead."""
    for name in ("cmake", "gcc730", "torch", "apex"):
        for identity in parts.get(name, [{}]):
            path = folder / f"{name}-1-{len(list(folder.iterdir()))}"
            path.mkdir()
            metadata = {"file": f"{name}.file", "manifest": {"name": name, "identity": identity}}
            (path / "product.json").write_text(json.dumps(metadata))
    return folder


def test_task_results_are_those_of_a_host():
    assert bench.results(RECAP, 2) == 122.5


@pytest.mark.parametrize(
    "said",
    [
        RECAP.replace("bench2", "other2"),
        RECAP.replace("failed=0", "failed=1", 1),
        RECAP.replace("unreachable=0", "unreachable=1", 1),
        RECAP.replace("changed=9", "changed=0", 1),
    ],
)
def test_a_run_that_did_not_provide_everything_is_no_measurement(said):
    with pytest.raises(RuntimeError, match="was to provide everything on 2 hosts"):
        bench.results(said, 2)


def test_examinations_are_modules_that_ran():
    line = "<10.88.0.3> Using module file /a/ansible_collections/ascend/pytorch/plugins/modules/{0}.py"
    said = "\n".join(line.format(name) for name in ("examine", "publish", "examine", "examine", "examine"))
    assert bench.examinations(said, 2) == 2.0


def test_the_script_takes_each_product_once(tmp_path):
    found = bench.products(store(tmp_path, gcc730=[{}, {"part_of": "0" * 64}]))
    assert {name: path.name for name, path in found.items()} == {
        name: f"{name}.file" for name in ("cmake", "gcc730", "torch", "apex")
    }


@pytest.mark.parametrize("parts", [{"apex": []}, {"torch": [{}, {}]}])
def test_a_cache_that_has_not_everything_is_no_measurement(tmp_path, parts):
    with pytest.raises(RuntimeError, match="was to hold each product once"):
        bench.products(store(tmp_path, **parts))


def test_summary_and_verdicts():
    summary = bench.summed_up(ONE)
    assert summary == {
        "hosts": 8,
        "site_s": 103.0,
        "script_s": 25.0,
        "site_over_script": 4.12,
        "controller_cpu_s_per_host": 6.38,
        "controller_peak_mib": 210,
        "task_results_per_host": 123.0,
        "examinations_per_host": 8.0,
    }
    assert [line.split()[0] for line in bench.verdicts(summary) if "MISSES" in line] == [
        key for key, _most in bench.GOALS
    ]
    well = bench.summed_up(ONE._replace(site_s=37.0, controller_s=12.0, results=30.0, examinations=2.0))
    assert not any("MISSES" in line for line in bench.verdicts(well))
