# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench-election` measures what it says, and sums it up as it says."""

import importlib.util
import json
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("bench_election", Path(__file__).parents[2] / "bench" / "election.py")
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)


def test_the_ratio_is_that_of_the_worst_shape():
    summary = bench.summed_up({"linear": (100.0, 110.0), "free": (200.0, 300.0)})
    assert summary == {"ratio": 1.5, "hosts": [100, 1000], "host_us": {"linear": [100, 110], "free": [200, 300]}}


@pytest.mark.parametrize("shape", bench.SHAPES)
def test_each_shape_ends_in_the_election_that_it_is_of(shape, tmp_path, monkeypatch):
    work, ready = bench.SHAPES[shape]
    run = bench.cohort.Run(tmp_path)
    work(run, [bench.candidate(number, ready) for number in range(3)])
    elected = run.elect(bench.LABEL, "f" * 64, [])
    # Of hosts that are not ready none is elected that is not in the play.
    assert elected == (("node0000.example.org", True, False) if ready else None)
    assert bench.host_us(shape, 3) > 0


def test_one_line_of_json(capsys, monkeypatch):
    monkeypatch.setattr(bench, "host_us", lambda shape, count: 100.0 + count / 100)
    assert bench.main() == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["ratio"] == round(110 / 101, 3) and said.out.count("\n") == 1
    assert "meets the goal of at most 1.5" in said.err
