# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with one fault each give exactly the findings that the fault is worth, in check.json and on the screen."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks

PROJECT = Path(__file__).resolve().parents[3]
SCENARIO = PROJECT / "molecule" / "checks"
HOSTS = yaml.safe_load((SCENARIO / "inventory" / "hosts.yml").read_text())["ascend"]["hosts"]
FAILING = [name for name, variables in HOSTS.items() if "fails_with" in (variables or {})]
EXPECTED = {name: (variables or {}).get("expected", {}) for name, variables in HOSTS.items() if name not in FAILING}
ERRORS = sorted(name for name, expected in EXPECTED.items() if "error" in expected.values())
# Notes of every host whose CANN is known, and of all hosts where one has another torch than the others.
OF_ALL = {"release-chosen", "torch-differs"}
# What a missing command or module would be told in, were it not seen to.
CRASHES = ("Traceback", "MODULE FAILURE", "undefined")


def playbook(path, folder, *options, **variables):
    argv = ["ansible-playbook", str(PROJECT / path), "-i", os.environ["FLEET_INVENTORY"]]
    argv += ["-i", str(SCENARIO / "inventory"), "--forks", "10"]
    # The inventory says which release each host gets.
    sources = yaml.safe_load(Path(os.environ["FLEET_MIRROR_VARS"]).read_text())
    del sources["ascend_torch_version"]
    given = {**sources, "fleet_mirror": os.environ["FLEET_MIRROR"], "ascend_report_dir": str(folder), **variables}
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / "collections"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_NOCOLOR": "true",
    }
    # Errors are told on standard error by some releases of Ansible, and on standard output by others.
    return subprocess.run(
        [*argv, "-e", json.dumps(given), *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def checked(tmp_path_factory):
    """(what check.yml printed, check.json), of the whole fleet in one run."""
    folder = tmp_path_factory.mktemp("report")
    done = playbook("playbooks/check.yml", folder)
    assert done.returncode == 2, done.stdout[-6000:]
    return done.stdout, json.loads((folder / "check.json").read_text())


def test_there_is_a_host_for_every_check():
    # Of a missing requisite nothing is seen where all roles are in the run; what is outgrown was built once;
    # the simulated hosts are of the two architectures that there are releases for.
    unseen = {"requisite-missing", "tools-outgrown", "arch-unsupported"}
    assert {ident for expected in EXPECTED.values() for ident in expected} == set(checks.CHECKS) - unseen - OF_ALL


@pytest.mark.parametrize("name", EXPECTED)
def test_exactly_the_expected_is_found(checked, name):
    found = checked[1]["hosts"][name]["findings"]
    told = {finding["id"]: finding["severity"] for finding in found if finding["id"] not in OF_ALL}
    assert told == EXPECTED[name], found
    severities = EXPECTED[name].values()
    status = "unfit" if "error" in severities else "warnings" if "warning" in severities else "fit"
    assert checked[1]["hosts"][name]["status"] == status


def found(checked, name, ident):
    (finding,) = [each for each in checked[1]["hosts"][name]["findings"] if each["id"] == ident]
    return finding["found"]


def test_every_host_says_which_torch_it_gets_and_which_the_others(checked):
    assert found(checked, "well", "release-chosen").startswith("torch 1.8.1 is the newest for CANN 5.0.4")
    assert found(checked, "cuda-torch", "release-chosen").startswith("torch_npu 2.6.0.post5 was named")
    assert "torch_npu 2.6.0.post5 on " in found(checked, "well", "torch-differs")


def test_memory_that_holds_what_was_read_is_free(checked):
    said = found(checked, "little-memory", "memory")
    free, limit = map(float, re.search(r"(\S+) GiB of memory free of the (\S+) GiB", said).groups())
    assert limit == 1 and free > 0.7, said


@pytest.mark.parametrize("name", FAILING)
def test_where_ansible_itself_fails_the_remedy_is_told(checked, name):
    assert checked[1]["hosts"][name]["status"] == "failed"
    assert HOSTS[name]["fails_with"] in " ".join(checked[0].split())


def test_chips_whose_table_has_other_columns_are_seen(checked):
    npus = checked[1]["hosts"]["ascend950"]["npus"]
    assert [(npu["npu_id"], npu["health"]) for npu in npus] == [(1, "OK"), (1, "OK"), (7, "Warning")]


def test_every_host_is_told_of(checked):
    said = checked[0]
    assert set(checked[1]["hosts"]) == set(HOSTS)
    assert [name for name in HOSTS if name not in said] == []
    assert [crash for crash in CRASHES if crash in said] == []


def listing():
    argv = ["ansible", "well", "-i", os.environ["FLEET_INVENTORY"], "-m", "command"]
    argv += ["-a", "find /usr/local /var/lib /etc /usr/bin -newermt 2001-01-01 -printf '%p %s %T@ %y\\n'"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[1:]


def test_errors_stop_the_whole_fleet_before_the_first_change(tmp_path):
    before = listing()
    done = playbook("site.yml", tmp_path, "--limit", "well,no-npu,other-firmware")
    assert done.returncode == 2
    assert "npu-missing" in done.stdout and "driver-firmware" in done.stdout
    assert "Provide what" not in done.stdout
    assert listing() == before


def test_a_variable_narrows_to_the_fit(tmp_path):
    done = playbook("site.yml", tmp_path, "--limit", "well,no-npu", "--check", ascend_only_fit_hosts=True)
    assert done.returncode == 2
    assert "npu-missing" in done.stdout and "well: would build cmake 3.12.1" in done.stdout
    assert "no-npu: would" not in done.stdout
