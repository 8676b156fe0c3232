# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ansible-cores are tested, what is left out for want of a Python, and whether their fleets came to the same."""

import json

import cores
import pytest
import run_molecule
import run_tests
import stages
from run_molecule import Job


@pytest.fixture
def machine(monkeypatch):
    """machine(running, *minors): a machine whose .venv has that ansible-core, and that has these Pythons 3.x."""

    def made(running, *minors):
        monkeypatch.setattr(cores, "running", lambda: running)
        monkeypatch.setattr(
            cores, "interpreter", lambda core: "python" if set(core.controllers) & set(minors) else None
        )

    return made


def test_the_newest_comes_first():
    lines = [tuple(map(int, core.line.split("."))) for core in cores.CORES]
    assert lines == sorted(lines, reverse=True)
    assert all(core.version.startswith(core.line + ".") for core in cores.CORES)
    assert set(cores.OLDER) < {core.line for core in cores.CORES}


def test_this_machine_has_a_python_for_the_core_that_runs_this():
    minor = cores.core(cores.running()).controllers
    assert any(cores.interpreters(each) for each in minor)


def test_a_name_that_does_not_run_is_no_python(tmp_path, monkeypatch):
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'version not set' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    assert cores.interpreters(12) == []


def test_older_cores_get_the_scenario_of_their_own(machine):
    machine("2.21", 11, 12, 13)
    made, left_out = run_molecule.jobs(["cmake", "cores"])
    assert [job.name for job in made] == ["cmake", "cores 2.19", "cores 2.16"] and left_out == []
    assert [job.fleet for job in made] == ["cmake", "cores-2-19", "cores-2-16"]
    assert run_molecule.jobs(["torch_npu_build"])[0][0].fleet == "torch-npu-build"


def test_what_no_python_takes_is_left_out_by_name(machine):
    machine("2.21", 13)
    made, left_out = run_molecule.jobs(["cores"])
    assert [job.name for job in made] == ["cores 2.19"]
    assert left_out == ["scenario cores on ansible-core 2.16: no Python 3.10, 3.11, 3.12 with venv on this machine"]
    machine("2.19", 11)
    assert [job.name for job in run_molecule.jobs(["cores"])[0]] == ["cores 2.16"]
    _stages, left_out = run_tests.on_cores()
    assert [line.split(":")[0] for line in left_out] == [
        "tests/cores on ansible-core 2.21",
        "tests/cores on ansible-core 2.20",
    ]


def test_each_core_has_its_turn_and_older_ones_are_told_for_sanity_too(machine):
    machine("2.21", 11, 12, 13)
    chains = [[stage.name for stage in chain if stage.counts] for chain in run_tests.on_cores()[0]]
    assert chains == [
        ["core 2.21"],
        ["core 2.20"],
        ["core 2.19", "sanity 2.19"],
        ["core 2.18"],
        ["core 2.17"],
        ["core 2.16", "sanity 2.16"],
    ]


def test_a_core_is_made_before_it_is_tested(machine):
    machine("2.21", 11, 12, 13)
    for chain in run_tests.groups()["cores"][1:]:
        assert chain[0].argv[1].endswith("tools/cores.py") and chain[1].argv[0].endswith("/bin/python")


def test_the_summary_names_what_was_left_out(capsys):
    result = stages.run(stages.Stage("x", ["echo", "left out: tests on ansible-core 2.16"]), str)
    assert result.left_out == ("tests on ansible-core 2.16",)
    stages.report([result], left_out=["tests on ansible-core 2.21"])
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.startswith("left out: ")] == [
        "left out: tests on ansible-core 2.21",
        "left out: tests on ansible-core 2.16",
    ]


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """reports({job: {host: fingerprint}}): write what scenarios report, and return their jobs."""
    monkeypatch.setattr(run_molecule, "KEPT", tmp_path)

    def written(found):
        for job, hosts in found.items():
            document = {name: {"components": {"cmake": {"fingerprint": mark}}} for name, mark in hosts.items()}
            (job.kept / "report").mkdir(parents=True)
            (job.kept / "report" / "report.json").write_text(json.dumps({"hosts": document}))
        return list(found)

    return written


NEWEST, OLD = Job("site"), Job("cores", cores.core("2.16"))


def test_the_same_fingerprints_pass_once_a_host(reports):
    (result,) = run_molecule.compare_fingerprints(
        reports({NEWEST: {"a": "1", "b": "2"}, OLD: {"a": "1", "b": "2", "c": "3"}})
    )
    assert (result.passed, result.failed) == (2, 0)


def test_another_fingerprint_names_the_host(reports):
    (result,) = run_molecule.compare_fingerprints(reports({NEWEST: {"a": "1", "b": "2"}, OLD: {"a": "1", "b": "9"}}))
    assert (result.passed, result.failed) == (0, 1) and result.why[0].startswith("b: ")


@pytest.mark.parametrize("hosts", [{"x": "1"}, None])
def test_nothing_to_compare_is_a_failure(reports, hosts):
    jobs = reports({NEWEST: {"a": "1"}, **({OLD: hosts} if hosts else {})})
    (result,) = run_molecule.compare_fingerprints([NEWEST, OLD] if hosts is None else jobs)
    assert result.failed == 1


def test_one_fleet_alone_is_not_compared(reports):
    assert run_molecule.compare_fingerprints(reports({NEWEST: {"a": "1"}, Job("cmake"): {"a": "9"}})) == []
