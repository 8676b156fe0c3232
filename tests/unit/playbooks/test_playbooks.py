# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check and the report come to their end, and tell, where hosts do not answer."""

import json
import sys

import playing
import pytest
import yaml
from checkout import AS_COLLECTION, ROOT

QUERY = "ascend_query=values(hosts)[?status=='failed'].name"


@pytest.fixture
def play(tmp_path):
    """play(name, *options): run a playbook against two hosts whose ssh port nobody listens on."""
    hosts = {name: {"ansible_host": "127.0.0.1", "ansible_port": 1} for name in ("n1", "n2")}
    # Refused by its value before the host is connected to.
    hosts["n3"] = {"ascend_python": "python2.7"}
    other = {"here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    (tmp_path / "hosts.yml").write_text(json.dumps({"ascend": {"hosts": hosts}, "other": {"hosts": other}}))

    def run(name, *options):
        return playing.play("-i", "hosts.yml", AS_COLLECTION / "playbooks" / f"{name}.yml", *options, cwd=tmp_path)

    return run


def statuses(path):
    return {name: host["status"] for name, host in json.loads(path.read_text())["hosts"].items()}


def is_answered(told, path):
    """Whether the query is answered, and no host is failed by its being judged."""
    judged = told.stdout.split("TASK [Check ascend_query")[1].split("TASK")[0]
    return json.loads(path.read_text()) == ["n3"] and "fatal: [n3]" not in judged


def test_check_tells_answers_and_fails(play, tmp_path):
    told = play("check", "-e", QUERY)
    words = " ".join(told.stdout.split())
    assert told.returncode == 2, told.stdout
    assert statuses(tmp_path / "check.json") == {"n1": "unreachable", "n2": "unreachable", "n3": "failed"}
    assert (
        f"3 of 3 hosts are not fit: n[1-3]. The findings and their remedies are above, and in {tmp_path}/check.json"
        in words
    )
    assert "python2.7" in words and "Connection refused" in words
    assert is_answered(told, tmp_path / "check-query.json"), told.stdout


def test_check_looks_at_the_hosts_that_are_asked_for(play, tmp_path):
    assert play("check", "--limit", "n2", "-e", "ascend_report_dir=out").returncode == 2
    assert statuses(tmp_path / "out" / "check.json") == {"n2": "unreachable"}


def test_report_tells_of_hosts_that_are_lost_and_fails_where_all_are(play, tmp_path):
    told = play("report", "-e", f"ascend_report_dir={tmp_path}/out", "-e", QUERY)
    assert is_answered(told, tmp_path / "out" / "report-query.json"), told.stdout
    assert told.returncode == 2 and "n[1-3]: none of these hosts could be examined" in told.stdout, told.stdout
    assert statuses(tmp_path / "out" / "report.json") == {"n1": "unreachable", "n2": "unreachable", "n3": "failed"}
    assert "3 of 3 hosts are not fit" in (tmp_path / "out" / "report.html").read_text()
    told = play("report", "-e", f"ascend_report_dir={tmp_path}/out", "-e", "ascend_hosts=n1,here")
    assert told.returncode == 0, told.stdout
    assert statuses(tmp_path / "out" / "report.json")["n1"] == "unreachable"


def test_check_mode_writes_nothing(play, tmp_path):
    assert play("check", "--check").returncode == 2
    assert play("report", "--check", "-e", "ascend_hosts=here").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["hosts.yml"]


@pytest.mark.parametrize("name", ["check", "report"])
def test_a_malformed_query_ends_before_any_host_is_asked(play, tmp_path, name):
    told = play(name, "-e", "ascend_query=hosts[?")
    assert told.returncode == 2
    assert "ascend_query is not a valid JMESPath expression: hosts[?: Incomplete expression" in told.stdout
    assert "Connection refused" not in told.stdout and [path.name for path in tmp_path.iterdir()] == ["hosts.yml"]


# What yum does, its exit status for the run, and what is told of it.
YUMS = {
    "whole": ('echo "$@" > asked; echo Complete!', True, ""),
    # One of two: yum installs the other, and ends well.
    "half": ("echo No package gone available.; echo Complete!", False, "No package gone available"),
    "none": ("echo cannot >&2; exit 1", False, "cannot"),
}


def test_packages_come_by_yum_where_there_is_no_dnf(tmp_path):
    """On hosts that are this machine, each with a yum of its own."""
    (by_yum,) = yaml.safe_load((ROOT / "roles/road/tasks/packages_yum.yml").read_text())
    by_yum["environment"]["PATH"] = "{{ own }}:/usr/bin:/bin"
    by_yum["ansible.builtin.command"]["chdir"] = "{{ own }}"
    for name, (script, _well, _words) in YUMS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "yum").write_text("#!/bin/sh\n" + script + "\n")
        (tmp_path / name / "yum").chmod(0o755)
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {name: {**here, "own": str(tmp_path / name)} for name in YUMS}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    given = {"__road_planned": {"plan": {"packages": {"names": ["patch", "gcc-c++"]}}}}
    play = {"hosts": "all", "gather_facts": False, "vars": given, "tasks": [by_yum]}
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    told = playing.play("-i", "hosts.yml", "play.yml", cwd=tmp_path)
    assert told.returncode == 2, told.stdout
    for name, (_script, well, words) in YUMS.items():
        said = told.stdout.partition(f"[{name}]")[2].partition("[" if well else "\nfatal: [")[0]
        assert (f"fatal: [{name}]" not in told.stdout) == well and words in said, told.stdout
    assert (tmp_path / "whole" / "asked").read_text() == "-y install patch gcc-c++\n"


@pytest.mark.parametrize("name", ["check", "report"])
def test_the_folder_of_the_report_is_judged_before_hosts_are_asked(play, name):
    told = play(name, "-e", json.dumps({"ascend_report_dir": "~bob/out"}))
    assert told.returncode and "ascend_report_dir: '~bob/out' is refused" in " ".join(told.stdout.split())
    assert "Connection refused" not in told.stdout
