# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which release goes with which host, over all of the vendor's table, checked by rules that this file has of its own."""

import itertools
import re

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.releases import Host
from ansible_collections.ascend.pytorch.plugins.plugin_utils.releases import PATCHED, PLUGIN, ROWS
from packaging.version import Version

ARCHES = ("x86_64", "aarch64")
PYTHONS = [f"3.{minor}" for minor in range(7, 15)]
CANNS = sorted({row["cann"] for row in PLUGIN["releases"] if row["cann"]})
# Between releases of the table, above and below it, and none.
NEIGHBOURS = [
    "",
    "5.0.1",
    "5.1.RC3",
    "6.0.0",
    "6.3.0",
    "7.1.0",
    "8.0.RC1.T5.0.B010",
    "8.3.RC2",
    "8.5.1",
    "9.2.0",
    "10.0.0",
]


# --- the rules, said again


def age(release):
    """A release of CANN as a key: numbers, then RC (before the final one), then what follows it."""
    numbers, candidate, rest = re.fullmatch(r"([0-9.]+?)(?:\.RC([0-9]+))?(?:\.([0-9]+|T5.*))?", release).groups()
    major, minor, *patch = map(int, f"{numbers}.{rest}".split(".") if rest and not candidate else numbers.split("."))
    return major, minor, candidate is None, int(candidate or 0), patch, (rest or "") if candidate else ""


def wheels(row):
    """(Python, architecture) of the stock wheels that the table has for a row, out of their names."""
    names = [wheel["file"].split("-") for wheel in PLUGIN["stock_torch"].get(row["torch"], [])]
    return {(f"3.{name[2].removeprefix('cp3')}", name[-1][:-4].rpartition("manylinux")[2]) for name in names}


def takes(row, python, arch):
    """Whether a row's build and its stock torch take a Python; where no wheel is known for an architecture, pip may."""
    if python not in row["pythons"]:
        return False
    # The vendor names one wheel of torch 1, as an example.
    if row["torch"].startswith("1."):
        return True
    known = {each for each, machine in wheels(row) if machine.endswith(arch)} if row["layout"] == "plugin" else set()
    return not known or python in known


def is_usable(row):
    return row["layout"] == "patch" or bool(row["tag"])


def of_cann(cann):
    """The usable rows that go with a CANN: those of it, else of the nearest older one of its series."""
    found = []
    for row in ROWS if cann else []:
        if row["layout"] == "patch":
            if age(row["cann"]["minimum"]) <= (*age(cann)[:5], "") <= age(row["cann"]["maximum"]):
                found.append((age(cann), row))
        elif row["cann"] and is_usable(row) and age(row["cann"])[:2] == age(cann)[:2] and age(row["cann"]) <= age(cann):
            found.append((age(row["cann"]), row))
    nearest = max((each for each, _row in found), default=None)
    return [row for each, row in found if each == nearest]


def newness(row):
    return Version(row["torch"]), Version(row["package"])


HOSTS = [
    pytest.param(cann, arch, id=f"{cann or 'none'} {arch}")
    for cann, arch in itertools.product([*CANNS, *NEIGHBOURS], ARCHES)
]


# --- auto


@pytest.mark.parametrize(("cann", "arch"), HOSTS)
def test_auto_is_the_newest_that_goes_with_the_host(cann, arch):
    near = of_cann(cann)
    for python in PYTHONS:
        fitting = [row for row in near if takes(row, python, arch)]
        choice = releases.choose("auto", ROWS, Host(cann, [python], arch))
        assert bool(choice.problem) == (not fitting), (python, choice)
        assert is_usable(choice.row)
        if not fitting:
            assert choice.others == [] and not choice.why
            continue
        assert choice.row in fitting
        assert all(newness(row) <= newness(choice.row) for row in fitting)
        assert python in releases.pythons_of(choice.row, arch)
        assert sorted([choice.row["package"], *choice.others]) == sorted(row["package"] for row in fitting)
        assert f"for CANN {cann} with Python {python} on {arch}" in choice.why
        assert choice.note == ""


@pytest.mark.parametrize("cann", CANNS)
def test_every_cann_of_the_table_has_a_release(cann):
    assert any(not releases.choose("auto", ROWS, Host(cann, PYTHONS, arch)).problem for arch in ARCHES)


@pytest.mark.parametrize("cann", ["", "7.1.0", "9.2.0", "10.0.0", "5.0.1"])
def test_no_release_goes_with_a_cann_that_the_table_does_not_know(cann):
    assert of_cann(cann) == []
    problem = releases.choose("auto", ROWS, Host(cann, PYTHONS, "aarch64")).problem
    if cann:
        assert problem == f"no release goes with CANN {cann}: the table knows 5.0.2 to 9.1.0"
    else:
        assert problem.startswith("there is no CANN of a known release") and "such as 2.12.0" in problem


@pytest.mark.parametrize(
    ("cann", "python", "package"),
    [
        ("5.0.2", "3.8", "1.5.0"),
        ("5.0.4", "3.9", "1.8.1"),
        ("5.1.RC1", "3.8", "1.8.1.rc1"),
        ("6.3.RC3", "3.9", "1.11.0.post2"),
        ("6.3.RC3.1", "3.9", "1.11.0.post3"),
        ("7.0.0", "3.10", "2.1.0.post4"),
        ("8.0.RC3", "3.11", "2.4.0"),
        ("8.0.RC1.T5.0.B010", "3.10", "2.2.0.post1"),
        ("8.1.RC1", "3.8", "2.4.0.post5"),
        ("8.2.RC1", "3.11", "2.6.0.post2"),
        ("8.3.RC2", "3.9", "2.8.0.post1"),
        ("8.5.0", "3.11", "2.9.0.post1"),
        ("8.5.1", "3.13", "2.9.0.post1"),
        ("9.0.0", "3.9", "2.9.0.post4"),
        ("9.1.0", "3.12", "2.12.0"),
        # The vendor's README names no stock torch 2.11.0 or 2.12.0 for it.
        ("9.1.0", "3.13", "2.10.0.post4"),
    ],
)
def test_named_cases_of_auto(cann, python, package):
    choice = releases.choose("auto", ROWS, Host(cann, [python], "x86_64"))
    assert (choice.row["package"], choice.problem) == (package, "")


def test_the_guides_cann_has_the_patched_tree():
    choice = releases.choose("auto", ROWS, Host("5.0.4", ["3.9"], "aarch64"))
    assert choice.row["layout"] == "patch" and choice.row["package"] == "1.8.1"
    assert choice.others == [], "1.5.0 does not take Python 3.9"
    assert releases.choose("auto", ROWS, Host("5.0.4", ["3.8"], "aarch64")).others == ["1.5.0"]


def test_a_newer_release_counts_for_more_than_a_preferred_python():
    host = Host("9.0.0", ["3.9", "3.11"], "x86_64")
    choice = releases.choose("auto", ROWS, host)
    assert choice.row["package"] == "2.10.0.post2" and releases.python_of(choice.row, host) == "3.11"
    both = Host("8.5.0", ["3.10", "3.11"], "x86_64")
    assert releases.python_of(releases.choose("auto", ROWS, both).row, both) == "3.11"


def test_a_host_without_a_fitting_python_is_told_which_would_do():
    problem = releases.choose("auto", ROWS, Host("8.5.0", ["3.8"], "x86_64")).problem
    assert problem == (
        "the releases for CANN 8.5.0 (2.9.0.post1, 2.9.0, 2.8.0.post3, 2.8.0.post2) take Python 3.9, 3.10, 3.11, 3.12, 3.13 on "
        "x86_64, and the host has 3.8"
    )
    assert releases.choose("auto", ROWS, Host("8.5.0", [], "x86_64")).problem.endswith("and the host has none")


def test_auto_never_gives_a_release_without_a_cann_or_a_tag():
    for cann, arch in itertools.product([*CANNS, *NEIGHBOURS], ARCHES):
        for python in PYTHONS:
            row = releases.choose("auto", ROWS, Host(cann, [python], arch)).row
            assert is_usable(row)
            assert row["package"] != "2.13.0" or python == "3.14", (
                "it has no CANN; a guess for a Python that no other takes"
            )


# --- what users name


def named(wanted, cann="", python="3.9", arch="aarch64"):
    return releases.choose(wanted, ROWS, Host(cann, [python], arch))


def test_a_version_of_torch_is_its_newest_package_for_the_cann():
    assert named("2.6.0", "8.5.0").row["package"] == "2.6.0.post6"
    assert named("2.6.0", "8.2.RC1").row["package"] == "2.6.0.post2"
    assert named("2.6.0", "8.5.0").others == ["2.6.0.post5"]
    assert named("2.6.0").row["package"] == "2.6.0.post6"


def test_a_version_of_torch_for_another_cann_is_taken_with_a_note():
    choice = named("2.6.0", "9.0.0")
    assert choice.row["torch"] == "2.6.0" and choice.problem == ""
    assert choice.note.startswith("it was not released for CANN 9.0.0, which goes with 2.10.0.post2, ")


@pytest.mark.parametrize("cann", ["", "5.0.4", "8.5.0", "9.2.0"])
def test_a_tag_is_that_release_whatever_the_host_has(cann):
    choice = named("v7.3.0-pytorch2.6.0", cann, "3.7")
    assert choice.row["package"] == "2.6.0.post5" and choice.problem == "" and choice.others == []
    assert bool(choice.note) == (cann not in ("", "8.5.0"))


def test_every_tag_and_package_is_found():
    for row in PLUGIN["releases"]:
        if row["tag"] and row["pythons"]:
            [found] = releases.find(row["tag"], ROWS)
            assert found["commit"] == row["commit"]
        found = releases.find(row["package"], ROWS)
        assert any(each["package"] == row["package"] or each["torch"] == row["package"] for each in found)


def test_of_two_rows_with_one_package_the_one_whose_tree_says_so_is_meant():
    pair = [row for row in ROWS if row["package"] == "2.1.0.post4"]
    assert sorted((row["tag"], row["version"]) for row in pair) == [
        ("v5.0.1.2-pytorch2.1.0", "2.1.0.post4"),
        ("v6.0.rc1-pytorch2.1.0", "2.1.0.post3"),
    ]
    for cann in ("7.0.0", "8.0.RC1"):
        assert named("2.1.0.post4", cann).row["tag"] == "v5.0.1.2-pytorch2.1.0"
    assert named("v6.0.rc1-pytorch2.1.0", "7.0.0").row["version"] == "2.1.0.post3"


def test_one_eight_one_is_the_patched_tree_or_the_plugin_by_the_hosts_cann():
    for cann, arch in itertools.product(("", "5.0.3", "5.0.4"), ARCHES):
        choice = named("1.8.1", cann, arch=arch)
        assert (choice.row["layout"], choice.row["package"], choice.problem) == ("patch", "1.8.1", ""), cann
    plugin = named("1.8.1", "6.0.1")
    assert (plugin.row["layout"], plugin.row["tag"]) == ("plugin", "v3.0.0-pytorch1.8.1")
    assert named("1.8.1", "6.3.RC2").row["package"] == "1.8.1.post2"


def test_one_five_zero_is_the_patched_tree_of_the_cann():
    for cann, package in (("", "1.5.0"), ("5.0.4", "1.5.0"), ("5.1.RC2", "1.5.0.post6"), ("6.0.1", "1.5.0.post8")):
        choice = named("1.5.0", cann, "3.8")
        assert (choice.row["layout"], choice.row["package"], choice.problem) == ("patch", package, ""), cann


@pytest.mark.parametrize("cann", ["", "6.0.1", "8.5.0"])
@pytest.mark.parametrize("name", ["1.5.0.post8", "v3.0.0-pytorch1.5.0"])
def test_a_patched_row_by_its_package_or_tag(cann, name):
    choice = named(name, cann, "3.8")
    assert (choice.row["layout"], choice.problem) == ("patch", "")
    assert choice.row["cann"] == {"minimum": "6.0.1", "maximum": "6.0.1"}


@pytest.mark.parametrize("package", ["1.5.0.post2", "1.5.0.post3", "1.5.0.post4"])
@pytest.mark.parametrize(
    ("cann", "python", "nearest"),
    [
        ("5.0.4", "3.8", "1.5.0"),
        # The other one that goes with that CANN, and takes the Python.
        ("5.0.4", "3.9", "1.8.1"),
        ("5.1.RC2", "3.8", "1.5.0.post6"),
        # Where the host's CANN does not decide, that of the release itself does.
        ("", "3.8", "1.5.0"),
        ("9.2.0", "3.8", "1.5.0"),
    ],
)
def test_a_release_without_a_tag_is_refused_with_the_nearest(package, cann, python, nearest):
    words = f"torch_npu {package} has no tag in the vendor's repository, only a branch that has moved on"
    assert named(package, cann, python).problem == f"{words}; the nearest that would do is {nearest}"


def test_a_release_without_a_cann_only_comes_by_its_name():
    choice = named("2.13.0", "9.1.0", "3.12")
    assert (choice.row["package"], choice.problem, choice.why) == ("2.13.0", "", "torch_npu 2.13.0 was named")
    assert choice.note == "it was not released for CANN 9.1.0, which goes with 2.12.0, 2.11.0, 2.10.0.post4"
    assert named("2.13.0", "").note == ""


@pytest.mark.parametrize("wanted", ["", "1.9.0", "2.6", "v7.3.0", "AUTO", "nonsense"])
def test_what_is_in_no_row_finds_nothing(wanted):
    assert releases.find(wanted, ROWS) == []


# --- the table


def test_the_newest_come_first():
    known = [row for row in ROWS if row["cann"]]
    # Of torch 1.8.1 the vendor's table has a package 1.5.0.post3, too.
    ages = [newness(row) for row in known if row["package"].startswith(row["torch"])]
    assert ages == sorted(ages, reverse=True) and len(ages) == len(known) - 1
    assert [row["package"] for row in ROWS[len(known) :]] == ["2.13.0"]


def test_all_rows_of_both_tables_are_there():
    of = {layout: [row for row in ROWS if row["layout"] == layout] for layout in ("patch", "plugin")}
    assert {row["package"] for row in of["patch"]} == set(PATCHED)
    assert {row["tag"] for row in of["plugin"]} == {row["tag"] for row in PLUGIN["releases"] if row["pythons"]} | {""}
    # The patched trees have a tag in the vendor's table, too; they are in the other one.
    missing = {row["package"] for row in PLUGIN["releases"]} - {row["package"] for row in ROWS}
    assert missing == set()


@pytest.mark.parametrize("key", ["1.8.2", "1.8.1-mine", "mine", "9.9.9"])
@pytest.mark.parametrize("version", ["1.8.1", None, "mine"])
def test_a_users_row_takes_part(key, version):
    row = {key: value for key, value in PATCHED["1.8.1"].items() if key != "version"}
    more = {key: dict(row, cann={"minimum": "9.2.0", "maximum": "9.2"}, **({"version": version} if version else {}))}
    table = releases.rows(PLUGIN, {**PATCHED, **more})
    for wanted in ("auto", key, version or key):
        choice = releases.choose(wanted, table, Host("9.2.0", ["3.9"], "aarch64"))
        assert (choice.row["package"], choice.row["layout"], choice.problem) == (key, "patch", "")


@pytest.mark.parametrize("arch", ARCHES)
def test_pythons_of_are_those_of_the_build_that_have_a_stock_wheel(arch):
    for row in ROWS:
        taken = [python for python in row["pythons"] if takes(row, python, arch)]
        newest_first = sorted(taken, key=lambda python: -int(python.partition(".")[2]))
        assert releases.pythons_of(row, arch) == (taken if row["layout"] == "patch" else newest_first)


def test_pythons_of_any_architecture_are_those_of_one():
    for row in ROWS:
        each = [set(releases.pythons_of(row, arch)) for arch in ARCHES]
        if any(machine.endswith(arch) for _python, machine in wheels(row) for arch in ARCHES):
            assert set(releases.pythons_of(row)) <= each[0] | each[1], row["package"]
