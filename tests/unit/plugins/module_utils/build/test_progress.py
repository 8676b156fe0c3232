# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress in the output of tools, and estimates from former builds."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import progress
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "line, percent",
    [
        ("[  1%] Building CXX object Source/kwsys/x.o", 1),
        ("[100%] Built target cmake", 100),
        ("  [ 45%] x", 45),
        ("[12/345] Building", 3),
        ("[345/345] Linking", 100),
        ("[1/2]", 50),
        ("[999%] nonsense", 100),
        ("[7/3] nonsense", 100),
        ("[0/0] nothing", None),
        ("[1234%]", None),
        ("at 45%", None),
        ("x [45%]", None),
        ("[a/b]", None),
        ("", None),
    ],
)
def test_percent(line, percent):
    assert progress.parse_percent(line) == percent


@given(st.text() | st.from_regex(r"\[\s*\d+(%|/\d+)\]"))
def test_any_line(line):
    assert progress.parse_percent(line) is None or 0 <= progress.parse_percent(line) <= 100


@pytest.mark.parametrize(
    "line, count",
    [
        ("gcc -O2 -c a.c -o a.o", 1),
        ("cc -c -o dir/a.o dir/a.c", 1),
        (
            "g++ -fno-PIE -c   -g -DIN_GCC -o c/c-decl.o -MT c/c-decl.o -MMD -MF c/.deps/c-decl.TPo ../../gcc/c/c-decl.c",
            1,
        ),
        ("/w/obj/./gcc/xgcc -B/w/obj/./gcc/ -o _muldi3.o -MT _muldi3.o -c ../../../src/libgcc/libgcc2.c", 1),
        ("libtool: compile:  gcc -c mpz/abs.c  -fPIC -DPIC -o mpz/.libs/abs.o", 1),
        ("libtool: compile:  gcc -c mpz/abs.c -o mpz/abs.o >/dev/null 2>&1", 1),
        # The command of libtool, which then prints those that it runs.
        ("/bin/bash ../libtool  --tag=CC   --mode=compile gcc -c -o mpz/abs.lo mpz/abs.c", 0),
        ('if [ x"-fPIC" != x ]; then gcc -c -fPIC ../x.c -o pic/x.o; else true; fi', 1),
        ("gcc -c a.c -o a.o && gcc -c b.c -o b.o", 2),
        ("gcc -c a.c -o a.o || gcc -O0 -c a.c -o a.o", 1),
        ("gcc -c a.c", 1),
        ("gcc -c a.c b.cpp", 2),
        ("as -c a.s -oa.o", 1),
        ("  CC       a.lo", 1),
        ("  CXX      dir/a.o", 1),
        ("  CCLD     a", 0),
        ("gcc a.o b.o -o program", 0),
        ("gcc -E -c-style a.c", 0),
        ("/bin/sh -c 'echo a.o'", 0),
        ("checking whether gcc understands -c and -o together... yes", 0),
        ("ar rc liba.a a.o b.o", 0),
        ("", 0),
    ],
)
def test_objects(line, count):
    assert progress.count_objects(line) == count


# --- estimates --------------------------------------------------------------------------------------------------------

STAGES = ("fetch", "configure", "build", "install")
FORMER = {
    "seconds": {"fetch": 10, "configure": 100, "build": 1000.0, "install": 50},
    "jobs": 4,
    "objects": {"build": 200},
    "when": "2026-01-01T00:00:00Z",
    "host": "one",
}


def estimate(stage, told=None, compiled=0, elapsed_s=0.0, jobs=4, former=(FORMER,)):
    return tuple(progress.estimate(list(former), STAGES, stage, told, compiled, elapsed_s, jobs))


@pytest.mark.parametrize(
    "arguments, percent, left",
    [
        # The time of former builds, with all later stages.
        (dict(stage="fetch"), None, 1160),
        (dict(stage="configure", elapsed_s=60), None, 1090),
        (dict(stage="configure", elapsed_s=110), None, 1050),
        (dict(stage="build"), 0, 1050),
        # Half the jobs take twice the time, except in stages without jobs.
        (dict(stage="build", jobs=2), 0, 2050),
        (dict(stage="configure", jobs=2), None, 2150),
        # It is as fast as before.
        (dict(stage="build", compiled=50, elapsed_s=250), 25, 800),
        (dict(stage="build", told=25, elapsed_s=250), 25, 800),
        # It is slower, which counts more with each percent.
        (dict(stage="build", told=50, elapsed_s=1000), 50, 800),
        (dict(stage="build", told=90, elapsed_s=1800), 90, 240),
        (dict(stage="build", told=100, elapsed_s=1000), 100, 50),
        # More objects than last time: it never counts as finished before it is.
        (dict(stage="build", compiled=900, elapsed_s=1000), 99, 60.1),
        # Far over its time, the rest is unknown.
        (dict(stage="configure", elapsed_s=161), None, None),
        # Never built before: the pace of the long stage, once there is one.
        (dict(stage="build", told=25, elapsed_s=100, former=()), 25, 300),
        (dict(stage="build", told=4, elapsed_s=100, former=()), 4, None),
        (dict(stage="build", told=50, elapsed_s=20, former=()), 50, None),
        (dict(stage="build", compiled=50, elapsed_s=100, former=()), None, None),
        (dict(stage="install", told=50, elapsed_s=100, former=()), 50, None),
        # No stage of the recipe.
        (dict(stage="pack"), None, None),
        (dict(stage=""), None, None),
    ],
)
def test_estimates(arguments, percent, left):
    assert estimate(**arguments) == (percent, None if left is None else pytest.approx(left))


def test_estimates_go_down_to_nothing_as_a_build_goes_on():
    left = [estimate("build", told, 0, told * 12.0)[1] for told in range(101)]
    assert left == sorted(left, reverse=True) and left[-1] == 50


def test_what_one_former_build_does_not_tell_another_does():
    assert estimate("build", former=({"seconds": {"fetch": 1}}, {"seconds": {"build": 7}})) == (None, 7)


@pytest.mark.parametrize("nonsense", [None, "9", -1, True, float("nan"), float("inf"), 10**400, [], {}])
def test_nonsense_in_a_manifest_is_passed_over(nonsense):
    wrong = {"seconds": {"build": nonsense}, "objects": {"build": nonsense}, "jobs": nonsense}
    assert estimate("build", compiled=50, elapsed_s=250, former=(wrong, FORMER)) == estimate("build", None, 50, 250)
    assert estimate("build", former=(dict(FORMER, jobs=nonsense),)) == (0, 1050)
    assert estimate("build", former=({"seconds": nonsense, "objects": nonsense},)) == (None, None)


def test_the_nearest_build_comes_first():
    def manifest(version, host, when):
        return {"version": version, "built": {"host": host, "when": when}}

    wanted = [
        manifest("1.8.1", "here", "2026-01-02"),
        manifest("1.8.1", "here", "2026-01-01"),
        manifest("1.8.1", "there", "2026-01-09"),
        manifest("1.8.0", "here", "2026-01-09"),
        manifest("1.5.0", "here", "2026-01-09"),
        manifest("2.1.0.post3", "here", "2026-01-09"),
    ]
    given = wanted[::-1] + [{"version": "1.8.1"}, {"version": "1.8.1", "built": "long ago"}]
    assert progress.nearest_builds(given, "1.8.1", "here") == [one["built"] for one in wanted]
