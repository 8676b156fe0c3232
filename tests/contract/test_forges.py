# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the code hosts read: the security policy, the templates, and the tests that they run. It is the same on each."""

import re

import pytest
import yaml
from checkout import ROOT, files
from rules import variable_table

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
NEEDED = ("report.json", "check.json", "build.log", "ansible --version", "SECURITY.md")


def text(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_form_is_one(path):
    """As GitHub takes it: words for people, and each field with a name of its own."""
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"]
    assert {field["type"] for field in form["body"]} <= {"markdown", "textarea"}
    fields = [field for field in form["body"] if field["type"] == "textarea"]
    assert all(field["attributes"]["label"] and field["attributes"]["description"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields) > 0
    assert any(field["validations"]["required"] for field in fields)


@pytest.mark.parametrize("name", [".github/ISSUE_TEMPLATE/fault.yml", ".gitlab/issue_templates/Default.md"])
def test_a_fault_is_reported_with_what_is_needed(name):
    assert [word for word in NEEDED if word not in text(name)] == []


def test_both_ask_the_same():
    form = yaml.safe_load(text(".github/ISSUE_TEMPLATE/fault.yml"))
    labels = [field["attributes"]["label"] for field in form["body"] if field["type"] == "textarea"]
    assert labels == re.findall(r"^## (.*)$", text(".gitlab/issue_templates/Default.md"), re.M)
    theirs = [text(".github/pull_request_template.md"), text(".gitlab/merge_request_templates/Default.md")]
    assert theirs[0] == theirs[1]


@pytest.mark.parametrize(
    "name", ["SECURITY.md", *(name for name in files() if re.match(r"\.git(hub|lab)/.*template", name, re.I))]
)
def test_what_is_named_is_there(name):
    """Files of the checkout, variables and playbooks."""
    words = text(name)
    paths = set(re.findall(r"\b(?:plugins|tests|tools|changelogs)/[\w./]*\w", words))
    assert [path for path in paths if not (ROOT / path).exists()] == []
    told = {variable for variable, _cell in variable_table(text("docs/variables.md"))} | {"ascend_builders"}
    assert set(re.findall(r"\bascend_\w+", words)) <= told
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert set(re.findall(r"\bascend\.pytorch\.(\w+)", words)) <= playbooks


# --- the tests that they run

PIPELINES = (".github/workflows/test.yml", ".gitlab-ci.yml")
# All that a bare Debian lacks until tools/bootstrap can install the rest.
FIRST = "apt-get update && apt-get install --yes --no-install-recommends git make python3"


def commands(name: str) -> list[str]:
    """The lines that a pipeline has the shell run."""
    (job,) = (yaml.safe_load(text(name)).get("jobs") or yaml.safe_load(text(name))).values()
    steps = [
        *job.get("before_script", []),
        *job.get("script", []),
        *(step.get("run", "") for step in job.get("steps", [])),
    ]
    return [line for step in steps for line in step.splitlines()]


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_run_what_everybody_runs(name):
    """`make test` as in a checkout: what is tested is said in the Makefile, and nowhere else."""
    assert commands(name) == [FIRST, "make test </dev/null"]
    assert re.search(r"^test:", text("Makefile"), re.M)


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_name_no_registry(name):
    """Where images and packages come from is set on the machine that runs them."""
    lines = [line for line in text(name).splitlines() if not line.startswith("#")]
    assert [line for line in lines if re.search(r"\w\.(com|org|io|net|cn|dev)\b|://", line)] == []
    assert set(re.findall(r"image: (.*)", text(name))) == {"debian:12"}
