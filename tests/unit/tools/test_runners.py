# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of the tools that run sanity, Molecule and the demo."""

import subprocess

import checkout
import demo
import pytest
import run_molecule
import run_sanity
import run_tests
import simulated


def junit(folder, name, inside=""):
    """Write a JUnit file as ansible-test does, one for a test."""
    case = f'<testcase classname="sanity" name="{name}">{inside}</testcase>'
    (folder / f"ansible-test-sanity-{name}.xml").write_text(
        f'<testsuites><testsuite name="x">{case}</testsuite></testsuites>'
    )


def test_sanity_outcome(tmp_path):
    junit(tmp_path, "compile")
    junit(tmp_path, "pep8", '<failure message="bad">bad</failure>')
    junit(tmp_path, "pslint", "<skipped>No tests applicable.</skipped>")
    junit(tmp_path, "import", "<skipped>Skipping: no virtualenv</skipped>")
    assert run_sanity.outcome(tmp_path) == (["compile"], ["pep8"], ["import: Skipping: no virtualenv"])


@pytest.mark.parametrize(
    "line",
    ['WARNING: Required program "shellcheck" not found.', 'WARNING: Skipping sanity test "import" on Python 3.9'],
)
def test_sanity_knows_a_test_that_is_left_out(line):
    assert run_sanity.LEFT_OUT.match(line)


def test_sanity_on_older_cores_is_of_what_users_get():
    names = [
        "galaxy.yml",
        "plugins/modules/plan.py",
        "roles/road/tasks/plan.yml",
        "tests/unit/x.py",
        "tools/x.py",
        "site.yml",
    ]
    assert run_sanity.user_files(names) == names[:3]


def test_sanity_bears_other_warnings():
    assert not run_sanity.LEFT_OUT.match("WARNING: Reviewing previous 1 warning(s):")


def test_molecule_runs_all_but_the_real_ones():
    there = ["cmake", "configured", "real_apex", "real_gcc", "site"]

    def select(named=(), real=False, clones="/clones"):
        return run_molecule.select_scenarios(there, list(named), real, clones)

    assert select() == (["cmake", "configured", "site"], [])
    assert select(real=True) == (["real_apex", "real_gcc"], [])
    assert select(["site"]) == (["site"], [])
    with pytest.raises(ValueError, match="no scenario nothing; there are cmake"):
        select(["nothing"])
    # What needs clones is left out without them, and the summary says so.
    left = "scenario configured: REAL_MIRROR names no folder of bare clones"
    assert select(clones="") == (["cmake", "site"], [left])
    assert select(real=True, clones="")[0] == ["real_gcc"]
    with pytest.raises(ValueError, match="real_apex: REAL_MIRROR must name a folder of bare clones"):
        select(["site", "real_apex"], clones="")


def test_platforms_become_hosts():
    stage = simulated.up(
        "cmake",
        [
            {"name": "a", "flavour": "bullseye"},
            {"name": "b", "flavour": "openeuler", "login": "plain", "options": {"memory": "1g"}},
        ],
    )
    asked = stage.argv[stage.argv.index("--host") :]
    assert asked == ["--host", "a=bullseye:root", "--host", "b=openeuler:plain", "--opt", "b:memory=1g"]


def test_unknown_group_is_refused(capsys):
    assert run_tests.main(["lint", "nothing"]) == 2
    assert "no group nothing" in capsys.readouterr().err


def test_what_takes_longest_is_begun_before_what_fills_up():
    names = ["images", "ansible-lint", "ruff check", "unit", "core 2.17", "core 2.16"]
    begun = run_tests.launch_order([[run_tests.Stage(name, [])] for name in names])
    assert [stage.name for (stage,) in begun] == [
        "images",
        "ruff check",
        "unit",
        "core 2.16",
        "ansible-lint",
        "core 2.17",
    ]


def test_chains_that_are_begun_in_another_order_are_told_in_theirs(monkeypatch, capsys):
    begun = []
    monkeypatch.setattr(run_tests, "LANES", 1)
    monkeypatch.setattr(
        run_tests, "run", lambda stage, say: begun.append(stage.name) or run_tests.Result(stage.name, 1, 0, 0.0)
    )
    chains = [
        [run_tests.Stage("importer", [])],
        [run_tests.Stage("core 2.16", []), run_tests.Stage("core 2.16", []), run_tests.Stage("sanity 2.16", [])],
        [run_tests.Stage("ruff check", [])],
    ]
    told = [result.name for result in run_tests.side_by_side(chains)]
    assert begun == ["ruff check", "core 2.16", "core 2.16", "sanity 2.16", "importer"]
    assert told == ["importer", "core 2.16", "core 2.16", "sanity 2.16", "ruff check"]


def test_stages_whose_order_is_said_are_there():
    there = {chain[0].name for chains in run_tests.groups().values() for chain in chains}
    cores = {f"core {core.line}" for core in run_tests.cores.CORES}
    assert set(run_tests.QUICK + run_tests.LONG) <= there | cores


def test_files_are_those_that_git_would_track(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in ("kept.py", "ignored.pyc", "deep/kept.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert checkout.files(tmp_path) == [".gitignore", "deep/kept.yml", "kept.py"]


def test_files_outside_git_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(OSError, match="is not a git checkout"):
        checkout.files(tmp_path)


def test_demo_table():
    rows = [{"host": "demo1", "cmake": "3.12.1"}, {"host": "demo22"}]
    assert demo.table(rows).splitlines() == ["host    cmake", "demo1   3.12.1", "demo22  -"]


def test_demo_reads_what_a_host_says():
    assert demo.parse_answers("cmake: 3.12.1\nnoise\ntorch: No module named 'torch'\n") == {
        "cmake": "3.12.1",
        "torch": "No module named 'torch'",
    }
