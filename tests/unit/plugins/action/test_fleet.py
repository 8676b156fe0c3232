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


UNHEALTHY = "values(hosts)[?npus[?health!='OK']].name"
MALFORMED = "hosts[?"
# What the action is asked for, each in a task of its own; where nothing is said of `dest`, it writes where the run began.
ASKED = {
    "document": {"dest": "a/b", "page": True},
    "table": {"name": "check"},
    "unknown": {"hosts": ["nothing", "node001"], "dest": "unknown"},
    "answer": {"query": "{{ 'values(hosts)[].[name, status]' }}", "dest": "out"},
    "null": {"query": "host", "name": "check", "dest": "null"},
    "no question": {"query": None, "dest": "no"},
    "empty question": {"query": "", "dest": "empty"},
    "no hosts": {"query": UNHEALTHY, "hosts": "{{ omit }}", "dest": "hostless"},
    "malformed": {"query": MALFORMED, "dest": "malformed"},
    "malformed, no hosts": {"query": MALFORMED, "hosts": "{{ omit }}", "dest": "malformed"},
    "failing": {"query": "sum(hosts)", "dest": "failing"},
    "neither": {"hosts": "{{ omit }}", "dest": "neither"},
    "in the way": {"dest": "file/below"},
    "not a home": {"dest": "~bob/report"},
    "not a system's": {"dest": "/tmp"},
}
LOOKED = {"page": {"page": True}, "answer": {"hosts": sorted(fleets.mixed()), "query": UNHEALTHY}}


class Ran:
    """The action after a run of ansible-playbook, once for each of what was asked; `here` is the folder of the run."""

    def __init__(self, folder, asked, *options):
        self.here = folder / "here"
        self.here.mkdir()
        (self.here / "file").write_text("in the way")
        known = {
            name: {"__road_planned": result.get("planned"), "__road_verified": result.get("verified")}
            for name, result in {**fleets.mixed(), "nothing": {}}.items()
        }
        # None of them can be connected to.
        inventory = {"all": {"hosts": known, "vars": {"ansible_connection": "ssh", "ansible_host": "0.0.0.0"}}}
        (folder / "hosts.yml").write_text(json.dumps(inventory))
        tasks = [
            {"name": f"Ask for {name}", "ascend.pytorch.fleet": {"hosts": list(RESULTS), **arguments},
             "run_once": True, "ignore_errors": True, "register": f"told{number}"}
            for number, (name, arguments) in enumerate(asked.items())
        ]  # fmt: skip
        results = ", ".join(f"told{number}" for number in range(len(asked)))
        tasks.append(
            {"name": "Keep it", "ansible.builtin.copy": {"content": "{{ [%s] | to_json }}" % results, "dest": str(folder / "kept.json")},
             "run_once": True, "delegate_to": "localhost", "connection": "local", "check_mode": False}
        )  # fmt: skip
        (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
        told = playing.play("-i", "../hosts.yml", "../play.yml", *options, cwd=self.here, COLUMNS="80")
        assert told.returncode == 0, told.stdout
        self.results = dict(zip(asked, json.loads((folder / "kept.json").read_text()), strict=True))
        # What was printed of each, with the lines as they are.
        parts = told.stdout.split("TASK [Ask for ")[1:]
        self.printed = {name: part.partition("TASK [")[0] for name, part in zip(asked, parts, strict=True)}

    def well(self, name):
        """Return (what was printed, result) of what ended well."""
        assert not self.results[name].get("failed"), self.printed[name]
        return self.printed[name], self.results[name]

    def ill(self, name):
        """Return what was printed of what failed, line ends aside."""
        assert self.results[name]["failed"], self.printed[name]
        return " ".join(self.printed[name].split())

    def wrote(self, name):
        """Return the names of what is in a folder that was to be written to; where it is not there, nothing is."""
        folder = self.here / name
        return sorted(os.listdir(folder)) if folder.exists() else []


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return Ran(tmp_path_factory.mktemp("ran"), ASKED)


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    return Ran(tmp_path_factory.mktemp("looked"), LOOKED, "--check")


def test_it_writes_the_document_and_the_page(ran):
    _printed, returned = ran.well("document")
    folder = ran.here / "a" / "b"
    document = json.loads((folder / "report.json").read_text())
    expected = fleet.document(RESULTS, document["when"], "0.1.0")
    assert document == expected
    assert (folder / "report.html").read_text() == page.render(document)
    assert ran.wrote("a/b") == ["report.html", "report.json"]
    assert returned["files"] == [str(folder / "report.json"), str(folder / "report.html")]
    assert returned["changed"] and returned["headline"] == fleet.headline(expected)
    assert returned["unfit"] == ["node008", "node011", "login"]
    assert returned["unfit_folded"] == "node[008,011], login"
    assert returned["summary"] == fleet.summary(expected)


def test_it_prints_the_table(ran):
    printed, returned = ran.well("table")
    assert "\n".join(returned["table"]) in printed
    assert returned["table"] == fleet.table(fleet.document(RESULTS, "", ""), 79)
    assert returned["files"] == [str(ran.here / "check.json")]


def test_check_mode_prints_and_writes_nothing(looked):
    printed, returned = looked.well("page")
    assert "3 of 4 hosts are not fit" in printed
    assert not returned["changed"] and returned["files"] == []
    assert looked.wrote(".") == ["file"]


def test_hosts_of_which_nothing_is_known(ran):
    printed, returned = ran.well("unknown")
    assert returned["unfit"] == ["nothing"]
    assert "the run ended before it came to this host" in " ".join(printed.split())


def test_it_answers_a_query(ran):
    printed, returned = ran.well("answer")
    expected = [["node001", "fit"], ["node008", "unfit"], ["node011", "unreachable"], ["login", "failed"]]
    written = (ran.here / "out" / "report-query.json").read_text()
    assert returned["query"] == json.loads(written) == expected
    assert written in printed
    assert returned["files"] == [str(ran.here / "out" / name) for name in ("report.json", "report-query.json")]


def test_a_query_that_finds_nothing_is_answered_null(ran):
    assert ran.well("null")[1]["query"] is None
    assert (ran.here / "null" / "check-query.json").read_text() == "null\n"


def test_check_mode_prints_the_answer(looked):
    printed, returned = looked.well("answer")
    assert returned["query"] == ["node005", "node009"] and '"node009"' in printed
    assert looked.wrote(".") == ["file"]


@pytest.mark.parametrize(
    "name, folder, files",
    [
        ("no question", "no", ["report.json"]),
        ("empty question", "empty", ["report.json"]),
        ("no hosts", "hostless", []),
    ],
)
def test_without_a_question_or_without_hosts_there_is_no_answer(ran, name, folder, files):
    assert "query" not in ran.well(name)[1]
    assert ran.wrote(folder) == files


@pytest.mark.parametrize("name", ["malformed", "malformed, no hosts"])
def test_a_malformed_query_is_refused_before_anything_is_told(ran, name):
    words = ran.ill(name)
    assert "ascend_query is not a valid JMESPath expression: hosts[?: Incomplete expression" in words
    assert "are not fit" not in words and ran.wrote("malformed") == []


def test_a_query_that_fails_leaves_the_report(ran):
    assert "sum() takes array-number, not object. The report was written" in ran.ill("failing")
    assert ran.wrote("failing") == ["report.json"]


def test_neither_hosts_nor_a_query_is_refused(ran):
    assert "one of the following is required: hosts, query" in ran.ill("neither")


def test_a_folder_that_cannot_be_made(ran):
    assert "cannot be written on the controller: Not a directory. Set ascend_report_dir" in ran.ill("in the way")


@pytest.mark.parametrize("name", ["not a home", "not a system's"])
def test_a_folder_that_no_report_belongs_in_is_refused(ran, name):
    words = ran.ill(name)
    assert "ascend_report_dir: " in words and " is refused: " in words, words


def test_nothing_is_written_that_was_not_asked_for(ran):
    """Neither where the run began nor below it."""
    assert ran.wrote(".") == ["a", "check.json", "empty", "failing", "file", "no", "null", "out", "unknown"]
