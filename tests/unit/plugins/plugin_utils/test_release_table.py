# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases as data, as a table for a terminal, by CANN, and what hosts can have."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases as planning
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.releases import Host
from ansible_collections.ascend.pytorch.plugins.plugin_utils import release_table as made
from ansible_collections.ascend.pytorch.plugins.plugin_utils.releases import PATCHED, ROWS, Tables
from packaging.version import Version

ENTRIES = made.entries(Tables({}))
WIDE, NARROW = 120, 79


def entry(package, layout="plugin"):
    return next(each for each in ENTRIES if (each["package"], each["layout"]) == (package, layout))


def line(package, width=WIDE, layout="plugin"):
    """The cells of a package's row."""
    one = [entry(package, layout)]
    return made.table(one, width)[1].split()


# --- the entries


def test_an_entry_for_each_release_the_newest_first():
    assert len(ENTRIES) == len(ROWS)
    ages = [Version(each["package"]) for each in ENTRIES]
    assert ages == sorted(ages, reverse=True)


def test_what_an_entry_says():
    assert entry("2.6.0.post5") == {
        "package": "2.6.0.post5",
        "torch": "2.6.0",
        "layout": "plugin",
        "tag": "v7.3.0-pytorch2.6.0",
        "cann": {"minimum": "8.5.0", "maximum": "8.5.0"},
        "pythons": dict.fromkeys(("aarch64", "x86_64"), ["3.12", "3.11", "3.10", "3.9"]),
        "gcc": {"minimum": "8.0.0", "maximum": {"aarch64": "", "x86_64": ""}},
        "cmake": {"minimum": "3.18.0", "maximum": {"aarch64": "3", "x86_64": "3"}},
        "apex": False,
        "refused": "",
    }
    patched = entry("1.5.0", "patch")
    assert patched["apex"] and entry("2.1.0.post17")["apex"]
    assert patched["cann"] == {"minimum": "5.0.2", "maximum": "5.0.4"} and patched["tag"] == ""
    assert patched["gcc"] == {"minimum": "7.3.0", "maximum": {"aarch64": "9", "x86_64": "12"}}


def test_pythons_of_an_architecture_are_those_with_a_stock_torch_for_it():
    assert entry("2.2.0")["pythons"] == {"aarch64": ["3.10", "3.9", "3.8"], "x86_64": ["3.10", "3.9"]}


def test_a_users_row_may_lack_most_of_it():
    found = made.entries(Tables({"mine": {"version": "1.8.1", "pythons": ["3.9"]}}))
    assert len(found) == len(ENTRIES) + 1
    [mine] = [each for each in found if each["package"] == "mine"]
    assert mine["cann"] == {"minimum": "", "maximum": ""} and mine["gcc"]["minimum"] == ""
    assert made.table([mine], WIDE)[1].split() == [
        "mine",
        "-",
        "3.9",
        "-",
        "-",
        "patched",
        "torch,",
        "by",
        "name",
        "only",
    ]


# --- the table


@pytest.mark.parametrize(
    ("package", "cells"),
    [
        ("2.12.0", ["2.12.0", "9.1.0", "3.10-3.12", ">=", "8", "3.18.0-3.x", "v26.1.0-pytorch2.12.0"]),
        (
            "1.11.0.post14",
            ["1.11.0.post14", "8.0.RC2", "3.7-3.10", ">=", "7.3.0", "3.12.0-3.x", "v6.0.rc2-pytorch1.11.0,", "Apex"],
        ),
        ("1.5.0.post4", ["1.5.0.post4", "5.0.4", "-", "-", "-", "refused"]),
    ],
)
def test_a_row(package, cells):
    assert line(package) == cells


def test_a_release_without_a_cann_only_comes_by_its_name():
    assert line("2.13.0")[1] == "-" and line("2.13.0")[-3:] == ["by", "name", "only"]


def test_a_row_of_a_patched_tree():
    assert (
        line("1.8.1", layout="patch") == "1.8.1 5.0.3-5.0.4 3.7-3.9 7.3.0-12.x 3.12.0-3.x patched torch, Apex".split()
    )


def test_what_is_less_on_an_architecture_is_told_below():
    table = made.table([entry("1.5.0.post8", "patch"), entry("2.2.0"), entry("1.5.0", "patch")], WIDE)
    assert "7.3.0-12.x*" in table[1] and "3.8-3.10*" in table[2]
    assert table[4:] == ["", "* on aarch64 gcc 7.3.0-9.x: 1.5.0.post8, 1.5.0", "* on x86_64 Python 3.9-3.10: 2.2.0"]


def test_refused_ones_are_marked_and_explained():
    table = made.table(ENTRIES, 200)
    marked = [row.split()[0] for row in table[1 : len(ENTRIES) + 1] if row.endswith("refused")]
    assert marked == ["1.5.0.post4", "1.5.0.post3", "1.5.0.post2"]
    told = [row for row in table[len(ENTRIES) + 1 :] if row.startswith("refused: ")]
    assert told[0] == (
        "refused: torch_npu 1.5.0.post4 has no tag in the vendor's repository, only a branch that has moved on"
    )
    assert len(told) == 3


def test_a_line_a_package_and_no_longer_than_the_terminal():
    wide, narrow = made.table(ENTRIES, WIDE), made.table(ENTRIES, NARROW)
    for table in (wide, narrow):
        assert [row.split()[0] for row in table[1 : len(ENTRIES) + 1]] == [each["package"] for each in ENTRIES]
        assert table[0].split() == made.HEADS
    assert max(map(len, wide)) <= WIDE
    longer = [row for row in narrow if len(row) > NARROW]
    # Two of these packages are called alike: only the tag tells them apart.
    assert {row.split()[0] for row in longer} <= {"2.1.0.post4", "1.8.1"}


def test_tags_go_first_where_there_is_no_room():
    narrow = made.table(ENTRIES, NARROW)
    tags = [row.split()[-1] for row in narrow[1 : len(ENTRIES) + 1] if "-pytorch" in row]
    assert tags == ["v6.0.rc1-pytorch2.1.0", "v5.0.1.2-pytorch2.1.0", "v3.0.0-pytorch1.8.1"]
    assert not [row for row in narrow if "Apex" in row]


def test_text_of_a_users_row_does_not_control_the_terminal():
    row = {"version": "1.8.1", "pythons": ["3.9"], "cmake": "3.12.0\x1b[2J"}
    [mine] = [each for each in made.entries(Tables({"mine": row})) if each["package"] == "mine"]
    assert "\x1b" not in "\n".join(made.table([mine], WIDE))


@pytest.mark.parametrize(
    ("pythons", "words"),
    [
        ([], ""),
        (["3.9"], "3.9"),
        (["3.10", "3.9", "3.11"], "3.9-3.11"),
        (["3.7", "3.9", "3.10", "3.14"], "3.7, 3.9-3.10, 3.14"),
        (["python", "3.9"], "python, 3.9"),
    ],
)
def test_ranges_of_pythons(pythons, words):
    assert made.python_ranges(pythons) == words


@pytest.mark.parametrize(
    ("minimum", "x86_64", "aarch64", "words"),
    [
        ("8.0.0", "", "", ">= 8"),
        ("7.3.0", "", "", ">= 7.3.0"),
        ("3.18.0", "3", "3", "3.18.0-3.x"),
        ("3.18.0", "3.26", "3.26", "3.18.0-3.26"),
        ("7.3.0", "9", "12", "7.3.0-12.x"),
        ("7.3.0", "12", "", ">= 7.3.0"),
        ("", "", "", ""),
    ],
)
def test_limits_in_words(minimum, x86_64, aarch64, words):
    limits = {"minimum": minimum, "maximum": {"x86_64": x86_64, "aarch64": aarch64}}
    assert made.limit_words(limits) == words


def test_limits_of_an_architecture():
    limits = {"minimum": "7.3.0", "maximum": {"x86_64": "12", "aarch64": ""}}
    assert [made.limit_words(limits, arch) for arch in made.ARCHES] == [">= 7.3.0", "7.3.0-12.x"]


# --- hosts


def chosen(cann, pythons, arch="x86_64"):
    host = Host(cann, pythons, arch)
    return made.choice(planning.choose("auto", ROWS, host), host)


def test_what_a_host_can_have():
    assert chosen("8.5.0", ["3.11"]) == {
        "cann": "8.5.0",
        "pythons": ["3.11"],
        "arch": "x86_64",
        "auto": "2.9.0.post1",
        "why": "torch_npu 2.9.0.post1 is the newest for CANN 8.5.0 with Python 3.11 on x86_64",
        "others": ["2.9.0", "2.8.0.post3", "2.8.0.post2", "2.7.1.post3", "2.7.1.post2", "2.6.0.post6", "2.6.0.post5"],
    }
    none = chosen("9.2.0", ["3.11"])
    assert (none["auto"], none["others"]) == ("", []) and none["why"].startswith("no release goes with CANN 9.2.0")


@pytest.mark.parametrize(
    ("result", "status", "message"),
    [
        (None, "failed", "the run ended before it came to this host"),
        ({}, "failed", "the run ended before it came to this host"),
        ({"unreachable": True, "msg": "no route"}, "unreachable", "no route"),
        ({"unreachable": True}, "unreachable", "gave no answer"),
        ({"failed": True, "msg": "MODULE FAILURE", "module_stdout": "Killed\n"}, "failed", "MODULE FAILURE Killed"),
    ],
)
def test_a_host_that_was_not_examined(result, status, message):
    host = made.host_entry(result)
    assert host == {"status": status, "message": message}
    assert made.lost({"a": host, "b": made.host_entry(chosen("8.5.0", ["3.11"]))}) == ["a"]


def test_hosts_with_the_same_share_their_lines():
    hosts = {f"node{number}": made.host_entry(chosen("8.5.0", ["3.11"])) for number in (1, 2, 3)}
    hosts["odd"] = made.host_entry(chosen("", []))
    hosts["away"] = made.host_entry({"unreachable": True, "msg": "Connection refused"})
    assert made.host_lines(hosts, 200) == [
        "",
        "node[1-3]: CANN 8.5.0, Python 3.11, x86_64",
        "  auto: torch_npu 2.9.0.post1 is the newest for CANN 8.5.0 with Python 3.11 on x86_64",
        "  others: 2.9.0, 2.8.0.post3, 2.8.0.post2, 2.7.1.post3, 2.7.1.post2, 2.6.0.post6, 2.6.0.post5",
        "",
        "odd: no CANN of a known release, no Python of a release, x86_64",
        "  auto: none: there is no CANN of a known release that could decide: name a release of torch, such as 2.12.0",
        "",
        "away: unreachable: Connection refused",
        "  remedy: see that sshd runs on the host and listens on that port (ansible_port)",
    ]
    assert made.host_lines({}, 200) == []


def test_lines_of_hosts_fit_the_terminal_and_do_not_control_it():
    hosts = {"h": made.host_entry({"failed": True, "msg": "bad \x1b[31m words " * 20})}
    lines = made.host_lines(hosts, 60)
    assert max(map(len, lines)) <= 60 and "\x1b" not in "".join(lines)


def test_the_document():
    host = made.host_entry(chosen("8.5.0", ["3.11"]))
    document = made.document(ENTRIES, {"h": host}, "0.1.0")
    assert list(document) == ["schema", "collection_version", "releases", "hosts"]
    assert document["schema"] == 1 and document["hosts"]["h"]["status"] == "examined"


# --- by CANN


def test_by_cann():
    groups = made.by_cann(ENTRIES)
    canns = [each["cann"] for each in groups]
    assert canns[:3] == ["9.1.0", "9.0.0", "8.5.0"] and canns[-3:] == ["5.0.3-5.0.4", "5.0.2-5.0.4", ""]
    of = {each["cann"]: each for each in groups}
    assert of["8.0.RC2"] == {
        "cann": "8.0.RC2",
        "packages": [
            (package, "plugin")
            for package in (
                *("2.3.1.post1", "2.3.1", "2.2.0.post3", "2.2.0.post2", "2.1.0.post7", "2.1.0.post6"),
                *("1.11.0.post15", "1.11.0.post14"),
            )
        ],
        "pythons": "3.7-3.10",
        "gcc": {">= 8": ["2.3.1", "2.2.0", "2.1.0"], ">= 7.3.0": ["1.11.0"]},
        "cmake": {"3.18.0-3.x": ["2.3.1", "2.2.0", "2.1.0"], "3.12.0-3.x": ["1.11.0"]},
    }
    assert of["6.0.1"]["packages"] == [("1.11.0.rc2", "plugin"), ("1.8.1", "plugin"), ("1.5.0.post8", "patch")]
    named = [package for each in groups for package in each["packages"]]
    assert len(named) == len([each for each in ENTRIES if not each["refused"]])
    assert {package for package, layout in named if layout == "patch"} == set(PATCHED)
