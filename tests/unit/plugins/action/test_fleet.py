# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action that tells of the fleet, run by Ansible: what it reads, prints and writes."""

import json
import os

import fleets
import playing
import pytest
import yaml
from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet, page

RESULTS = {
    name: result for name, result in fleets.mixed().items() if name in ("node001", "node008", "node011", "login")
}


@pytest.fixture
def play(tmp_path):
    """play(results, *options, **arguments): run the action for hosts of these results, from a folder of its own."""

    def run(results, *options, **arguments):
        known = {
            name: {"__road_planned": result.get("planned"), "__road_verified": result.get("verified")}
            for name, result in results.items()
        }
        # None of them can be connected to.
        inventory = {"all": {"hosts": known, "vars": {"ansible_connection": "ssh", "ansible_host": "0.0.0.0"}}}
        (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
        arguments = {"hosts": "{{ ansible_play_hosts_all }}", **arguments}
        tasks = [
            {"ascend.pytorch.fleet": arguments, "run_once": True, "register": "__fleet"},
            {"ansible.builtin.copy": {"content": "{{ __fleet | to_json }}", "dest": str(tmp_path / "returned.json")},
             "run_once": True, "delegate_to": "localhost", "connection": "local", "check_mode": False},
        ]  # fmt: skip
        (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        (tmp_path / "here").mkdir(exist_ok=True)
        told = playing.play("-i", "../hosts.yml", "../play.yml", *options, cwd=tmp_path / "here", COLUMNS="80")
        returned = tmp_path / "returned.json"
        return told, json.loads(returned.read_text()) if returned.exists() else {}

    return run


def test_it_writes_the_document_and_the_page(play, tmp_path):
    told, returned = play(RESULTS, dest="a/b", page=True)
    assert told.returncode == 0, told.stdout
    folder = tmp_path / "here" / "a" / "b"
    document = json.loads((folder / "report.json").read_text())
    expected = fleet.document(RESULTS, document["when"], "0.1.0")
    assert document == expected
    assert (folder / "report.html").read_text() == page.render(document)
    assert sorted(os.listdir(folder)) == ["report.html", "report.json"]
    assert returned["files"] == [str(folder / "report.json"), str(folder / "report.html")]
    assert returned["changed"] and returned["headline"] == fleet.headline(expected)
    assert returned["unfit"] == ["node008", "node011", "login"]
    assert returned["unfit_folded"] == "node[008,011], login"
    assert returned["summary"] == fleet.summary(expected)


def test_it_prints_the_table(play):
    told, returned = play(RESULTS, name="check")
    assert "\n".join(returned["table"]) in told.stdout
    assert returned["table"] == fleet.table(fleet.document(RESULTS, "", ""), 79)
    assert [os.path.basename(path) for path in returned["files"]] == ["check.json"]


def test_check_mode_prints_and_writes_nothing(play, tmp_path):
    told, returned = play(RESULTS, "--check", page=True)
    assert told.returncode == 0 and "3 of 4 hosts are not fit" in told.stdout
    assert not returned["changed"] and returned["files"] == []
    assert os.listdir(tmp_path / "here") == []


def test_hosts_of_which_nothing_is_known(play):
    told, returned = play({"a": {}, "b": RESULTS["node001"]})
    assert told.returncode == 0 and returned["unfit"] == ["a"]
    assert "the run ended before it came to this host" in " ".join(told.stdout.split())


UNHEALTHY = "values(hosts)[?npus[?health!='OK']].name"


def test_it_answers_a_query(play, tmp_path):
    told, returned = play(RESULTS, query="{{ 'values(hosts)[].[name, status]' }}", dest="out")
    assert told.returncode == 0, told.stdout
    expected = [["node001", "fit"], ["node008", "unfit"], ["node011", "unreachable"], ["login", "failed"]]
    written = (tmp_path / "here" / "out" / "report-query.json").read_text()
    assert returned["query"] == json.loads(written) == expected
    assert written in told.stdout
    assert returned["files"] == [str(tmp_path / "here" / "out" / name) for name in ("report.json", "report-query.json")]


def test_a_query_that_finds_nothing_is_answered_null(play, tmp_path):
    _told, returned = play(RESULTS, query="host", name="check")
    assert returned["query"] is None
    assert (tmp_path / "here" / "check-query.json").read_text() == "null\n"


def test_check_mode_prints_the_answer(play, tmp_path):
    told, returned = play(fleets.mixed(), "--check", query=UNHEALTHY)
    assert returned["query"] == ["node005", "node009"] and '"node009"' in told.stdout
    assert os.listdir(tmp_path / "here") == []


@pytest.mark.parametrize("query", [None, "", UNHEALTHY])
def test_without_a_question_or_without_hosts_there_is_no_answer(play, tmp_path, query):
    asked = {"hosts": "{{ omit }}"} if query else {}
    told, returned = play(RESULTS, query=query, **asked)
    assert told.returncode == 0, told.stdout
    assert "query" not in returned
    assert os.listdir(tmp_path / "here") == ([] if query else ["report.json"])


@pytest.mark.parametrize("asked", [{}, {"hosts": "{{ omit }}"}])
def test_a_malformed_query_is_refused_before_anything_is_told(play, tmp_path, asked):
    told, _returned = play(RESULTS, query="hosts[?", **asked)
    assert told.returncode != 0 and os.listdir(tmp_path / "here") == []
    assert "ascend_query is not a valid JMESPath expression: hosts[?: Incomplete expression" in told.stdout
    assert "are not fit" not in told.stdout


def test_a_query_that_fails_leaves_the_report(play, tmp_path):
    told, _returned = play(RESULTS, query="sum(hosts)")
    assert told.returncode != 0 and os.listdir(tmp_path / "here") == ["report.json"]
    assert "sum() takes array-number, not object. What the hosts said is written" in " ".join(told.stdout.split())


def test_neither_hosts_nor_a_query_is_refused(play):
    told, _returned = play(RESULTS, hosts="{{ omit }}")
    assert told.returncode != 0 and "one of the following is required: hosts, query" in told.stdout


def test_a_folder_that_cannot_be_made(play, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file").write_text("in the way")
    told, _returned = play(RESULTS, dest="file/below")
    assert told.returncode != 0
    assert "cannot be written on the controller: Not a directory. Set ascend_report_dir" in " ".join(
        told.stdout.split()
    )


@pytest.mark.parametrize("dest", ["~bob/report", "/tmp"])
def test_a_folder_that_no_report_belongs_in_is_refused(play, tmp_path, dest):
    told, _returned = play(RESULTS, dest=dest)
    assert told.returncode and "ascend_report_dir: " in told.stdout and " is refused: " in told.stdout, told.stdout
    assert not list((tmp_path / "here").iterdir())
