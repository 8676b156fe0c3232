# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the fleet document: what is refused before any host is asked, what after, and the examples of docs/report.md."""

import json
import re
import shlex
import sys

import fleets
import pytest
from ansible.parsing.splitter import parse_kv
from ansible_collections.ascend.pytorch.plugins.plugin_utils import query
from checkout import ROOT

DOCUMENT = json.loads(json.dumps(fleets.document()))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "cannot be empty"),
        ("hosts.[", "ascend_query is not a valid JMESPath expression: hosts.[: Incomplete expression"),
        ("hosts ]", 'hosts ]: Unexpected token: ]: Parse error at column 6, token "]" (RBRACKET)'),
        ("'node", "Unclosed ' delimiter"),
        ("a=b", "Unknown token '='"),
        ("valves(hosts)", "Unknown function: valves()"),
        ("hosts.*|[?a && starts_width(name, 'x')].{a: b}", "Unknown function: starts_width()"),
        ("length(hosts, hosts)", "Expected 1 argument for function length(), received 2"),
        ("not_null()", "Expected at least 1 argument"),
        ("(" * 9999, "it is nested too deeply"),
    ],
)
def test_a_malformed_expression_is_refused_without_a_document(expression, words):
    with pytest.raises(query.QueryError) as caught:
        query.check(expression)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "expression", ["hosts", "hosts.a[1:2]", "hosts.*.{a: b}|[0]", "sum(hosts)", "sort_by(values(hosts), &name)", "@"]
)
def test_what_depends_on_the_document_is_not_refused(expression):
    query.check(expression)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("sum(hosts)", "ascend_query cannot be evaluated: sum(hosts): sum() takes array-number, not object"),
        ("sort_by(values(hosts), &ascend.cann)", "sort_by() takes"),
        ("&hosts", "its result is not a value of JSON"),
        ("to_number('nan')", "its result is not a value of JSON"),
    ],
)
def test_an_expression_that_fails_says_why_and_not_all_hosts(expression, words):
    query.check(expression)
    with pytest.raises(query.QueryError) as caught:
        query.evaluate(expression, DOCUMENT)
    assert words in str(caught.value) and len(str(caught.value)) < 200


def test_what_nothing_is_meant_by_is_null():
    assert query.evaluate("hosts.nobody", DOCUMENT) == "null"
    # A filter over nothing gives nothing as well, and one that nothing passes an empty list.
    assert query.evaluate("host[?name]", DOCUMENT) == "null"
    assert query.evaluate("values(hosts)[?name=='nobody']", DOCUMENT) == "[]"


def test_what_would_steer_a_terminal_is_escaped():
    assert query.evaluate("a", {"a": "\x1b[2J\x9b"}) == '"\\u001b[2J\\u009b"'


@pytest.mark.parametrize("ask", [query.check, lambda expression: query.evaluate(expression, DOCUMENT)])
def test_without_the_library_it_says_what_to_install_where(monkeypatch, ask):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    with pytest.raises(query.QueryError) as caught:
        ask("hosts")
    assert sys.executable in str(caught.value) and "pip install jmespath" in str(caught.value)


# --- the examples of docs/report.md


def examples(name):
    """The expressions in the commands of a page, as Ansible has them after a shell and its own reading of `-e`."""
    lines = re.findall(r'^ansible-playbook .* -e "ascend_query=.*"$', (ROOT / name).read_text(), re.MULTILINE)
    return [parse_kv(shlex.split(line)[-1])["ascend_query"] for line in lines]


# In the order of the page: an NPU that is not healthy, which CANN, no torch, unfit and why, still to do.
ANSWERS = [
    [
        {"host": "node005", "npus": [[1, "Warning"], [2, "Alarm"]]},
        # Only the bus tells of it.
        {"host": "node009", "npus": [[None, ""]]},
    ],
    [["5.0.4", f"node{number:03d}"] for number in (1, 2, 3, 4, 5, 6, 8, 9, 10)] + [["5.1.RC1", "node007"]],
    ["node006", "node008", "node009"],
    [
        {
            "host": "node008",
            "status": "unfit",
            "message": "",
            "errors": [
                ["3.1 GiB free in /var", fleets.DISK_REMEDY],
                ["/usr/local/bin/python3.8 has no shared libpython", fleets.PYTHON["remedy"]],
            ],
        },
        {
            "host": "node009",
            "status": "unfit",
            "message": "",
            "errors": [["0.4 GiB free in /var", fleets.DISK_REMEDY]],
        },
        {
            "host": "node010",
            "status": "unfit",
            "message": "",
            "errors": [[finding["found"], finding["remedy"]] for finding in DOCUMENT["hosts"]["node010"]["findings"]],
        },
        {
            "host": "node011",
            "status": "unreachable",
            "message": "ssh: connect to host 10.0.0.11 port 22: No route to host",
            "errors": [],
        },
        {
            "host": "login",
            "status": "failed",
            "message": "1 problem, nothing was changed:\n  - ascend_python: 'python2' is refused",
            "errors": [],
        },
    ],
    [
        {
            "host": name,
            "then": [
                part["then"] for part in DOCUMENT["hosts"][name]["components"].values() if part["do"] != "nothing"
            ],
        }
        for name in ("node006", "node007", "node008", "node009")
    ],
]


def test_both_languages_have_the_same_examples():
    assert examples("docs/report.md") == examples("docs/zh/report.md")
    assert len(examples("docs/report.md")) == len(ANSWERS)


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_the_examples_answer_what_they_say(number):
    expression = examples("docs/report.md")[number]
    query.check(expression)
    assert json.loads(query.evaluate(expression, DOCUMENT)) == ANSWERS[number]
    # Of no host, the same kind of answer.
    assert query.evaluate(expression, {"hosts": {}}) == "[]"
