# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of docs/ say the same in both languages, their links lead somewhere, and what they name exists.

docs/zh/ has a page for each page of docs/, under the same name. The rules are small functions of text; each returns what is
wrong, in words, or the part of a page that is compared.
"""

import functools
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from ansible_collections.ascend.pytorch.plugins.module_utils.checks.checks import CHECKS
from checkout import ROOT, files
from rules import conditions, shared_variables

LINES = 300
FILES = files()
PAGES = [name.split("/")[1] for name in FILES if re.fullmatch(r"docs/[\w-]+\.md", name)]
DOCS = [name for name in FILES if re.fullmatch(r"docs/(zh/)?[\w-]+\.md", name)]
LINKING = DOCS + [name for name in FILES if re.fullmatch(r"README.*\.md|CONTRIBUTING\.md", name)]

# Code that is the same in every language, but for its comments. Others are drawings and messages.
COMMANDS = ("sh", "yaml")
# Words with hyphens that are no checks: programs, packages, options and files of others.
NO_CHECKS = {
    *(
        "ansible-core",
        "ansible-galaxy",
        "ansible-lint",
        "ansible-playbook",
        "apt-get",
        "ascend-bundle",
        "ascend-deployer",
        "ascend-toolkit",
    ),
    *("ca-certificates", "eu-strip", "op-plugin", "require-virtualenv", "ssh-keygen", "torch-npu", "typing-extensions"),
}
PREFIXES = ("ascend", "cmake", "gcc730", "cann_check", "torch_npu_build", "apex_build", "road")

_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^(#{1,6}) +(.+?)[ #]*$", re.MULTILINE)
_CHECK = re.compile(r"(?:\bchecks? |检查 ?)`([\w-]+)`")
_VARIABLE = re.compile(rf"(?<![\w./-])(?:{'|'.join(PREFIXES)})_\w+(?![\w./-])")
_PLUGIN = re.compile(r"\bascend\.pytorch\.(\w+)")
_TASK = re.compile(r"(?:\b[Tt]ask \"|任务「)([^\"」\n]+)[\"」]")
_PATH = re.compile(r"(?:plugins|roles|playbooks|tests|tools|molecule|inventories|meta|requirements|docs)/[\w./-]*")


class Block(NamedTuple):
    """A block of code between fences."""

    language: str
    code: str


def blocks(page: str) -> list[Block]:
    """The blocks of code of a page."""
    return [Block(found["language"], found["code"]) for found in _FENCE.finditer(page)]


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page)


def spans(page: str) -> list[str]:
    """What stands in backquotes in the lines of a page."""
    return [found[2].strip() for found in _SPAN.finditer(prose(page))]


def headings(page: str) -> list[tuple[int, str]]:
    """(level, text) of each heading of a page."""
    return [(len(marks), text) for marks, text in _HEADING.findall(prose(page))]


def commands(page: str) -> list[Block]:
    """The blocks of a page that are the same in every language, without comments and the space at the ends of lines."""
    return [
        Block(language, "\n".join(re.sub(r"(^|\s)#.*", "", line).rstrip() for line in code.splitlines()))
        for language, code in blocks(page)
        if language in COMMANDS
    ]


def tables(page: str) -> list[list[int]]:
    """For each table of a page the number of cells in each of its rows, that of its heads first."""
    found: list[list[int]] = []
    inside = False
    for line in prose(page).splitlines():
        is_row = line.startswith("|")
        if is_row and not inside:
            found.append([])
        if is_row:
            found[-1].append(len(re.findall(r"(?<!\\)\|", re.sub(r"(`+).*?\1", "", line))) - 1)
        inside = is_row
    return found


def anchors(page: str) -> set[str]:
    """The anchors that code hosting sites give the headings of a page."""
    made: dict[str, int] = {}
    found = set()
    for _level, text in headings(page):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(f"{name}-{made[name]}" if name in made else name)
        made[name] = made.get(name, 0) + 1
    return found


def links(page: str) -> list[str]:
    """The targets of the links of a page that are not addresses."""
    without_code = _SPAN.sub("", prose(page))
    return [link for link in _LINK.findall(without_code) if not re.match(r"[a-z]+:", link)]


def dead_links(name: str, page: str, root: Path) -> list[str]:
    """Links of a page that lead to no file of the checkout, or to no heading in it. name: of its file, from the top."""
    wrong = []
    for link in links(page):
        path, _mark, anchor = link.partition("#")
        target = (root / name).parent / path if path else root / name
        if not target.exists():
            wrong.append(f"{link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            wrong.append(f"{link}: there is no such heading")
    return wrong


def unknown_checks(page: str, known: Collection[str]) -> list[str]:
    """Ids of checks that do not exist: words with hyphens in backquotes, and what follows the word check."""
    named = [span for span in spans(page) if re.fullmatch(r"[a-z]+(-[a-z]+)+", span) and span not in NO_CHECKS]
    return sorted({*named, *_CHECK.findall(prose(page))} - set(known))


def unknown_variables(page: str, known: Collection[str]) -> list[str]:
    """Variables of this collection, in backquotes or in blocks of code, that do not exist."""
    code = [*spans(page), *(block.code for block in blocks(page))]
    return sorted({name for text in code for name in _VARIABLE.findall(text)} - set(known))


def unknown_plugins(page: str, known: Collection[str]) -> list[str]:
    """Playbooks, roles and modules of this collection, by their full names, that do not exist."""
    code = [*spans(page), *(block.code for block in blocks(page))]
    return sorted({name for text in code for name in _PLUGIN.findall(text)} - set(known))


def unknown_tasks(page: str, known: Collection[str]) -> list[str]:
    """Tasks that do not exist: what stands in quotes after the word task."""
    return sorted(set(_TASK.findall(prose(page))) - set(known))


def missing_paths(page: str, root: Path) -> list[str]:
    """Paths from the top of the checkout, in backquotes, where nothing is."""
    return sorted({span for span in spans(page) if _PATH.fullmatch(span) and not (root / span).exists()})


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@functools.cache
def known_variables() -> set[str]:
    """Every variable of the roles and of the playbooks, and the groups of hosts."""
    found = set(re.findall(r"'(ascend_\w+)'", text("playbooks/site.yml")))
    for name in FILES:
        if re.fullmatch(r"roles/\w+/meta/argument_specs\.yml", name):
            for entry in yaml.safe_load(text(name))["argument_specs"].values():
                found |= set(entry.get("options", {}))
        elif re.fullmatch(r"(roles|playbooks)/.+\.yml", name):
            found |= shared_variables(text(name), list(conditions(yaml.safe_load(text(name)))))
    return found


@functools.cache
def known_tasks() -> set[str]:
    """The name of every task and play."""
    names = [name for name in FILES if re.fullmatch(r"(roles|playbooks)/.+\.yml", name)]
    return {
        told.strip("\"' ") for name in names for told in re.findall(r"^\s*(?:- )?name: (.+)$", text(name), re.MULTILINE)
    }


def known_plugins() -> Iterator[str]:
    """The last part of the full names of playbooks, modules and roles."""
    for name in FILES:
        if re.fullmatch(r"(playbooks|plugins/modules)/\w+\.(yml|py)", name):
            yield Path(name).stem
        elif re.fullmatch(r"roles/\w+/meta/main\.yml", name):
            yield name.split("/")[1]


def pair(page: str) -> tuple[str, str]:
    return text(f"docs/{page}"), text(f"docs/zh/{page}")


def test_every_page_is_in_both_languages():
    assert PAGES and sorted(DOCS) == sorted([f"docs/{page}" for page in PAGES] + [f"docs/zh/{page}" for page in PAGES])


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_the_same_parts(page):
    """The same levels of headings, commands and tables, in the same order."""
    english, chinese = pair(page)
    assert [level for level, _text in headings(english)] == [level for level, _text in headings(chinese)]
    assert commands(english) == commands(chinese)
    assert [block.language for block in blocks(english)] == [block.language for block in blocks(chinese)]
    assert tables(english) == tables(chinese)
    assert all(len(set(rows)) == 1 for rows in tables(english))


@pytest.mark.parametrize("name", LINKING)
def test_links_lead_somewhere(name):
    assert dead_links(name, text(name), ROOT) == []


@pytest.mark.parametrize("name", DOCS)
def test_what_pages_name_exists(name):
    page = text(name)
    assert unknown_checks(page, CHECKS) == []
    assert unknown_variables(page, known_variables()) == []
    assert unknown_plugins(page, set(known_plugins())) == []
    assert unknown_tasks(page, known_tasks()) == []
    assert missing_paths(page, ROOT) == []


@pytest.mark.parametrize("name", DOCS)
def test_pages_are_short(name):
    assert len(text(name).splitlines()) < LINES


def test_parts_are_found():
    """The rules themselves: what they see of a page, and what not."""
    page = "# A\n## B `c`\n```sh\nmake x  # why\n# all\n```\n```text\n# not a heading\n```\n|a|b|\n|-|-|\n|`x|y`|z\\|z|\n\n|c|\n|-|\n"
    assert headings(page) == [(1, "A"), (2, "B `c`")]
    assert commands(page) == [Block("sh", "make x\n")]
    assert [block.language for block in blocks(page)] == ["sh", "text"]
    assert tables(page) == [[2, 2, 2], [1, 1]]


def test_anchors_are_those_of_code_hosts():
    page = "# What is where, on a host?\n## `a_b` and [c](d.md)\n## 安装 PyTorch（源码）\n## Same\n## Same\n"
    assert anchors(page) == {"what-is-where-on-a-host", "a_b-and-c", "安装-pytorch源码", "same", "same-1"}


def test_dead_links_are_found(tmp_path):
    (tmp_path / "b.md").write_text("# One\n", encoding="utf-8")
    page = (
        "[1](b.md) [2](b.md#one) [3](#own) [4](https://x.org/y) [5](c.md) [6](b.md#two) [7](#gone) `[8](d.md)`\n# Own\n"
    )
    (tmp_path / "a.md").write_text(page, encoding="utf-8")
    assert [wrong.split(":")[0] for wrong in dead_links("a.md", page, tmp_path)] == ["c.md", "b.md#two", "#gone"]


def test_unknown_names_are_found(tmp_path):
    """Wherever they stand in backquotes; blocks of code name variables and playbooks too."""
    page = "`good-id` `bad-id` check `bad`, 检查 `worse`, `eu-strip`\n"
    assert unknown_checks(page, ["good-id"]) == ["bad", "bad-id", "worse"]
    page = "`ascend_a: 1`, `-e ascend_b=2`, `ascend_c.info`, ascend_d\n```yaml\ncmake_e: 1\n```\n"
    assert unknown_variables(page, ["ascend_a"]) == ["ascend_b", "cmake_e"]
    page = "`ascend.pytorch.site` `ascend.pytorch.gone`\n```sh\nansible-playbook ascend.pytorch.lost -i hosts\n```\n"
    assert unknown_plugins(page, ["site"]) == ["gone", "lost"]
    assert unknown_tasks('the task "Plan", task "Plans"，任务「计划」', ["Plan"]) == ["Plans", "计划"]
    (tmp_path / "roles").mkdir()
    assert missing_paths("`roles/` `roles/x.yml` `x/y`", tmp_path) == ["roles/x.yml"]
