# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases listed, as a user does it: by the playbook, with an inventory and without."""

import json
import sys

import playing
import pytest
from ansible_collections.ascend.pytorch.plugins.action.releases import headline, python_names
from ansible_collections.ascend.pytorch.plugins.plugin_utils.releases import ROWS
from checkout import AS_COLLECTION

# This machine, and one that nobody answers for.
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
AWAY = {"ansible_host": "127.0.0.1", "ansible_port": 1}


@pytest.fixture
def play(tmp_path):
    """play(hosts, *options): run the playbook from a folder of its own; returns its status and words, line ends aside."""

    def run(hosts, *options):
        inventory = []
        if hosts:
            (tmp_path / "hosts.yml").write_text(json.dumps(hosts))
            inventory = ["-i", "hosts.yml"]
        done = playing.play(AS_COLLECTION / "playbooks/releases.yml", *inventory, *options, cwd=tmp_path)
        return done.returncode, " ".join(done.stdout.split())

    return run


@pytest.fixture
def cann(tmp_path):
    """The path of a CANN 8.5.0."""
    (tmp_path / "cann").mkdir()
    (tmp_path / "cann/ascend_toolkit_install.info").write_text("version=8.5.0\narch=x86_64\n")
    return str(tmp_path / "cann")


def group(**hosts):
    return {"ascend": {"hosts": hosts}}


def test_listed_without_an_inventory(play, tmp_path):
    status, words = play({}, "-e", "ascend_releases_json=new/releases.json")
    assert status == 0, words
    assert "package CANN Python gcc CMake tag 2.13.0 - 3.10-3.13 >= 8 3.18.0-3.x" in words
    assert " 1.5.0.post4 5.0.4 - - - refused" in words
    assert "changed=0" in words and "ignoring: ascend" not in words
    document = json.loads((tmp_path / "new/releases.json").read_text())
    assert document["schema"] == 1 and document["hosts"] == {} and len(document["releases"]) == len(ROWS)


def test_what_a_host_can_have(play, cann, tmp_path):
    here = group(one={**HERE, "ascend_cann_path": cann, "ascend_python": sys.executable})
    status, words = play(here, "--check", "-e", "ascend_releases_json=releases.json")
    assert status == 0, words
    python = ".".join(map(str, sys.version_info[:2]))
    assert f"one: CANN 8.5.0, Python {python}, " in words and "auto: torch_npu 2.9.0.post1 is the newest" in words
    assert "others: 2.9.0, 2.8.0.post3" in words
    assert not (tmp_path / "releases.json").exists(), "check mode writes nothing"


def test_a_host_that_cannot_be_reached_is_told_and_the_run_fails(play, tmp_path):
    status, words = play(group(one=HERE, away=AWAY), "-e", "ascend_releases_json=releases.json")
    assert status == 2, words
    assert "away: unreachable: " in words and "remedy: see that sshd runs on the host" in words
    assert "1 of 2 hosts could not be examined: away. The list says why, and what to do." in words
    hosts = json.loads((tmp_path / "releases.json").read_text())["hosts"]
    assert (hosts["one"]["status"], hosts["away"]["status"]) == ("examined", "unreachable")


def test_limited_to_a_host(play):
    status, words = play(group(one=HERE, away=AWAY), "--limit", "one")
    assert status == 0 and "one: no CANN of a known release" in words and "away: by --limit" in words


def test_a_pattern_that_matches_nothing_fails(play):
    status, words = play(group(one=HERE), "-e", "ascend_hosts=none_of_them")
    assert status == 2 and "no host of the inventory matches the pattern 'none_of_them'" in words


def test_hosts_of_other_groups_are_left_alone(play):
    status, words = play({"web": {"hosts": {"w": AWAY}}})
    assert status == 0 and "package CANN Python" in words and "unreachable: " not in words, words


def test_a_file_that_cannot_be_written(play):
    status, words = play({}, "-e", "ascend_releases_json=/proc/none/releases.json")
    assert (
        status == 2 and "cannot be written on the controller" in words and "Set ascend_releases_json to a file" in words
    )


def test_rows_of_the_users_own_are_listed(play):
    row = {"mine": {"version": "1.8.1", "pythons": ["3.9"], "cann": {"minimum": "9.2.0", "maximum": "9.2.0"}}}
    hosts = {"ascend": {"hosts": {"one": HERE}, "vars": {"ascend_extra_releases": row}}}
    status, words = play(hosts)
    assert status == 0 and "mine 9.2.0 3.9 - - patched torch" in words, words


def test_the_pythons_that_are_examined():
    assert python_names(ROWS, "/opt/python") == ["/opt/python"]
    names = python_names(ROWS, "auto")
    assert names[-1] == "python3.7" and "python3.13" in names and names[0] in ("python3.13", "python3.14")
    assert names.index("python3.10") < names.index("python3.9")


@pytest.mark.parametrize(
    ("lost", "of", "words"),
    [
        ([], 0, "0 hosts were examined"),
        ([], 1, "1 host was examined"),
        (["a"], 1, "1 of 1 host could not be examined: a"),
        (["n1", "n2"], 12, "2 of 12 hosts could not be examined: n[1-2]"),
    ],
)
def test_the_headline(lost, of, words):
    assert headline(lost, of) == words
