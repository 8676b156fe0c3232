# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CONTRIBUTING.md lists all that the collection leans on and ansible-core does not document, each held by a test."""

import ast
import inspect
import re
from collections.abc import Iterator
from typing import NamedTuple

import cores
import pytest
import yaml
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.shell import ShellBase
from checkout import ROOT

SECTION = "## What we lean on that ansible-core does not document"
TESTS = ROOT / "tests" / "cores" / "test_interfaces.py"
CODE = sorted(path for room in ("action", "plugin_utils") for path in (ROOT / "plugins" / room).glob("*.py"))
# What the documentation for developers of plugins has of ansible.utils.display.Display.
DISPLAY = {"display", "warning", "error", "deprecated", "debug", "verbose", "v", "vv", "vvv", "vvvv", "vvvvv", "vvvvvv"}


class Row(NamedTuple):
    """A row of the table: words as code has them, files from the top of the checkout, names of tests."""

    words: list[str]
    files: list[str]
    tests: list[str]


def spans(cell: str) -> list[str]:
    """The code spans of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def rows() -> list[Row]:
    """The rows of the table."""
    section = (ROOT / "CONTRIBUTING.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
    lines = [line.strip().strip("|") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    return [Row(spans(what), spans(where), spans(tests)) for what, where, _why, tests in cells[2:]]


def attributes(cls: type) -> set[str]:
    """The private names that a class of ansible-core and its bases define, of the class and of its objects."""
    names = set(dir(cls))
    for base in (base for base in cls.__mro__ if base.__module__.startswith("ansible.plugins")):
        names |= set(re.findall(r"\bself\.(_\w+)", inspect.getsource(base)))
    return {name for name in names if name.startswith("_") and not name.endswith("__")}


PRIVATE = attributes(ActionBase) | attributes(ConnectionBase) | attributes(ShellBase)


def leaned_on(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of each use of a name that ansible-core has for itself.

    A private one of actions, connections or shells; what constants has; what Display has besides what is documented.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in PRIVATE or of == "C" or (of == "display" and node.attr not in DISPLAY):
                yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            named = [each.value for each in node.args[1:2] if isinstance(each, ast.Constant)]
            yield from ((node.lineno, name) for name in named if name in PRIVATE)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                named = [target.id for target in getattr(inner, "targets", []) if isinstance(target, ast.Name)]
                named += [inner.name] if isinstance(inner, ast.FunctionDef) and node.name == "ActionModule" else []
                yield from ((inner.lineno, name) for name in named if name in PRIVATE)


def test_table_is_read():
    assert len(rows()) > 20 and all(row.words and row.files and row.tests for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.words[0])
def test_row_is_true(row):
    """Every file is there and has one of the words, and every word stands in one of the files."""
    texts = {name: (ROOT / name).read_text() for name in row.files}
    assert [name for name, text in texts.items() if not any(word in text for word in row.words)] == []
    assert [word for word in row.words if not any(word in text for text in texts.values())] == []


def test_table_and_tests_name_each_other():
    there = {node.name for node in ast.parse(TESTS.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert {name for row in rows() for name in row.tests} == {name for name in there if name.startswith("test_")}


@pytest.mark.parametrize("path", CODE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_use_is_listed(path):
    """Whoever leans on one more name of ansible-core's own adds it to the table, and a test of it."""
    name = str(path.relative_to(ROOT))
    listed = {word for row in rows() if name in row.files for words in row.words for word in re.findall(r"\w+", words)}
    unlisted = [f"{name}:{line}: {used}" for line, used in leaned_on(path.read_text()) if used not in listed]
    assert unlisted == []


def test_what_people_are_told_goes_through_one_gate():
    """Else it would stand between the words of a callback that a program reads."""
    gates = {"plugins/plugin_utils/speaking.py"}
    saying = {
        str(path.relative_to(ROOT)) for path in CODE if re.search(r"\bdisplay\.display\(|\bprint\(", path.read_text())
    }
    # The Pythons of hosts are asked by lines of Python.
    assert saying - {"plugins/plugin_utils/target_python.py"} == gates


def test_names_that_are_leaned_on_are_found():
    """The rule itself: what it finds, and what not."""
    source = """
class ActionModule(ActionBase):
    _requires_connection = False
    def _execute_module(self): pass
    def _own(self): self._own_too = self._task.args, C.X, display.columns, display.warning, getattr(self, "_shell", 0)
"""
    found = [name for _line, name in leaned_on(source)]
    assert sorted(found) == ["X", "_execute_module", "_requires_connection", "_shell", "_task", "columns"]


# --- the supported ansible-cores


def text(name: str) -> str:
    return (ROOT / name).read_text()


LINES = [tuple(map(int, core.line.split("."))) for core in cores.CORES]
OLDEST, NEWEST = min(LINES), max(LINES)


def test_ansible_warns_outside_the_tested_cores():
    (major, minor), (oldest_major, oldest_minor) = NEWEST, OLDEST
    wanted = f">={oldest_major}.{oldest_minor}.0,<{major}.{minor + 1}.0"
    assert yaml.safe_load(text("meta/runtime.yml"))["requires_ansible"] == wanted


def test_cores_follow_each_other():
    """Newest first, none left out between."""
    assert list(LINES) == [(2, minor) for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    assert all(core.version.startswith(core.line + ".") for core in cores.CORES)
    assert set(cores.OLDER) <= {core.line for core in cores.CORES}


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("README.md", "ansible-core {} to {}"),
        ("README.zh-CN.md", "ansible-core {} 至 {}"),
        ("docs/install.md", "ansible-core {} to {}"),
        ("docs/zh/install.md", "ansible-core {} 至 {}"),
        ("CONTRIBUTING.md", "## Supported ansible-core\n\n{} to {},"),
    ],
)
def test_documents_name_the_tested_cores(name, sentence):
    wanted = sentence.format(cores.CORES[-1].line, cores.CORES[0].line)
    assert wanted in text(name)
    # No sentence names another.
    lines = {core.line for core in cores.CORES}
    assert set(re.findall(r"\b2\.\d\d\b(?!\.)", " ".join(re.findall(r".*ansible-core.*", text(name))))) <= lines


@pytest.mark.parametrize("name", ["docs/install.md", "docs/zh/install.md"])
def test_page_says_which_core_takes_which_python_of_hosts(name):
    rows = re.findall(r"^\| 3\.(\d+)[^|]*\|[^|]*\| ([^|]*) \|", text(name), re.MULTILINE)
    assert [int(minor) for minor, _lines in rows] == sorted({core.oldest_target for core in cores.CORES})
    for minor, said in rows:
        taking = [core.line for core in cores.CORES if core.oldest_target <= int(minor)]
        # The first and the last, or the only one.
        assert re.findall(r"2\.\d+", said) == sorted({taking[-1], taking[0]}), said


@pytest.mark.parametrize("path", sorted((ROOT / "roles").glob("*/meta/main.yml")), ids=lambda path: path.parts[-3])
def test_roles_ask_for_the_oldest_core(path):
    assert yaml.safe_load(path.read_text())["galaxy_info"]["min_ansible_version"] == cores.CORES[-1].line


def test_development_is_on_the_newest_cores():
    """requirements/dev.txt pins versions of tools/cores.py: for each Python the newest that takes it."""
    pins = re.findall(r'^ansible-core==(\S+); python_version (\S+) "3\.(\d+)"$', text("requirements/dev.txt"), re.M)
    assert len(pins) == 2
    for version, sign, minor in pins:
        python = int(minor) - (sign == "<")
        assert version == next(core.version for core in cores.CORES if python in core.controllers)
