# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions: the order of the field's spellings, ranges, and finding one in what tools print."""

import itertools

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from hypothesis import given
from hypothesis import strategies as st

ORDERED = [
    ["3.9", "3.12.0", "3.12.1", "3.18.4", "4.0"],
    [
        "5.0.2",
        "5.0.4.alpha003",
        "5.0.4",
        "5.1.RC1",
        "5.1.RC2",
        "5.1",
        "5.1.1",
        "6.0.RC1.alpha003",
        "6.0.RC1",
        "6.0.1",
        "7.0.RC1",
        "8.0.RC2",
        "8.0.0",
        "9.0.0-beta.1",
        "9.0.0-beta.2",
        "9.0.0",
    ],
    ["20.2.2", "20.2.2.spc001", "21.0.3.1", "23.0.rc3", "23.0.0", "23.0.7", "24.1.rc1", "24.1.0", "25.5.2"],
    ["1.5.0a0+1977093", "1.5.0", "1.5.0+ascend.post3", "1.5.0+ascend.post4", "1.8.1.rc1", "1.8.1", "1.8.1+ascend"],
    ["2.1.0.dev20230817", "2.1.0", "2.1.0.post3", "2.1.0.post10", "2.1.1"],
    ["10.2.0", "10.2.1", "10.2.1-6", "10.2.1-14+deb11u1", "10.2.2"],
    ["3.27.0-rc1", "3.27.0-rc10", "3.27.0", "3.27.0~post1"],
]


@pytest.mark.parametrize("ladder", ORDERED, ids=lambda ladder: ladder[-1])
def test_each_is_older_than_the_next(ladder):
    for older, newer in itertools.combinations(ladder, 2):
        assert versions.compare(older, newer) == -1, (older, newer)
        assert versions.compare(newer, older) == 1


@pytest.mark.parametrize(
    "a, b",
    [
        ("3.12", "3.12.0"),
        ("v1.8.1", "1.8.1"),
        ("8.0.RC2", "8.0.rc2"),
        ("7.0.RC1", "7.0rc1"),
        ("0", "0.0.0"),
        (" 5.0.4\n", "5.0.4"),
    ],
)
def test_same(a, b):
    assert versions.compare(a, b) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "V100R001C13SPC005B246",
        "latest",
        "1..2",
        ".1",
        "1.",
        "1.2 3",
        "١.٢",
        "1.2.ascend",
        "-1",
        "1.2+",
        None,
        3,
        "1" * 300,
    ],
)
def test_what_is_no_version_is_refused_by_its_text(text):
    with pytest.raises(ValueError, match="not a version") as caught:
        versions.parse(text)
    assert repr(text)[:20] in str(caught.value)


@pytest.mark.parametrize(
    "version, minimum, maximum, answer",
    [
        ("3.18.4", "3.12.0", "", True),
        ("3.12.0", "3.12.0", "3.12.0", True),
        ("3.10.2", "3.12.0", "", False),
        ("3.26.4", "", "3.26", True),
        ("3.26.4", "", "3.26.3", False),
        ("3.27.0", "3.12.0", "3.26", False),
        ("3.99", "", "3", True),
        ("4.0.0", "", "3", False),
        ("3", "", "3.0.1", True),
        # A zero at the end is a number as any other.
        ("6.0.1", "6.0.1", "6.0", True),
        ("8.0.0.1", "", "8.0", True),
        ("8.1", "", "8.0", False),
        ("8.0.RC3", "", "8.0", True),
        ("4.0", "", "3.0", False),
        ("5.1.RC2", "", "5.1", True),
        ("5.1.RC2", "", "5.1.RC1", False),
        ("5.1.RC1", "5.1", "", False),
        ("1.8.1+ascend", "1.8.1", "1.8.1", True),
        ("10.2.1-6", "", "10.2.1", True),
        ("1.8.1+ascend", "", "1.8.1+ascend", True),
        ("8.0.RC1+x", "", "8.0.RC1", True),
        ("anything below", "", "", ValueError),
    ],
)
def test_within(version, minimum, maximum, answer):
    if answer is ValueError:
        with pytest.raises(ValueError, match="anything below"):
            versions.is_within(version, minimum, maximum)
    else:
        assert versions.is_within(version, minimum, maximum) is answer


@pytest.mark.parametrize(
    "text, found",
    [
        ("cmake version 3.18.4\n\nCMake suite maintained and supported by Kitware (kitware.com/cmake).\n", "3.18.4"),
        ("cmake version 3.27.0-rc1", "3.27.0-rc1"),
        ("gcc (Debian 10.2.1-6) 10.2.1 20210110\nCopyright (C) 2020 Free Software Foundation, Inc.", "10.2.1"),
        ("gcc (GCC) 7.3.0", "7.3.0"),
        ("gcc (crosstool-NG 1.24.0) 7.3.0", "7.3.0"),
        ("g++ (Ubuntu 7.5.0-3ubuntu1~18.04) 7.5.0", "7.5.0"),
        ("10.2.1\n", "10.2.1"),
        ("10\n", "10"),
        ("git version 2.30.2", "2.30.2"),
        ("git version 2.39.3 (Apple Git-146)", "2.39.3"),
        ("Python 3.9.2", "3.9.2"),
        ("Python 3.13.0rc1+", "3.13.0rc1"),
        ("pip 20.3.4 from /usr/lib/python3/dist-packages/pip (python 3.9)", "20.3.4"),
        ("GNU patch 2.7.6\n", "2.7.6"),
        ("dos2unix 7.4.1 (2019-09-24)", "7.4.1"),
        ("bzip2, a block-sorting file compressor.  Version 1.0.8, 13-Jul-2019.", "1.0.8"),
        ("ldd (Debian GLIBC 2.31-13+deb11u11) 2.31", "2.31"),
        ("OpenSSL 1.1.1w  11 Sep 2023", "1.1.1"),
        ("some tool (release 4.5)", "4.5"),
        ("/usr/lib/python3.9: not found", None),
        ("no version here, not even 7", None),
        ("", None),
    ],
)
def test_find_version(text, found):
    assert versions.find_version(text) == found


@given(st.text())
def test_any_text_parses_or_is_refused(text):
    try:
        value = versions.parse(text)
    except ValueError:
        return
    assert value == versions.parse(text)


@given(st.from_regex(r"[0-9.a-zRC+~_-]{0,40}", fullmatch=True), st.from_regex(r"[0-9.a-zRC+~_-]{0,40}", fullmatch=True))
def test_whatever_parses_can_be_compared(a, b):
    try:
        versions.parse(a), versions.parse(b)
    except ValueError:
        return
    pair = [a, b]
    assert versions.compare(*pair) == -versions.compare(*reversed(pair))
    versions.is_within(a, b, b)


@given(st.text())
def test_what_is_found_can_be_parsed(text):
    for printed in (text, "tool 1.2" + text, text + "10.2.1"):
        found = versions.find_version(printed)
        if found is not None:
            versions.parse(found)


def test_long_foreign_text_is_refused_at_once():
    with pytest.raises(ValueError):
        versions.parse("1" + "a1" * 90 + "!")
    with pytest.raises(ValueError):
        versions.parse("1." + "a" * 190 + "!")


@pytest.mark.parametrize(
    "specifiers, fits, fits_not",
    [
        ("", ["1.0", "2.0rc1"], []),
        (">=1.20", ["1.20", "1.20.0", "1.20.post1", "1.21"], ["1.10", "1.19.5", "1.20rc1"]),
        (">1.7", ["1.7.1", "1.8"], ["1.7", "1.7.post1", "1.7+cpu"]),
        ("<2", ["1.99"], ["2", "2.0rc1", "2.0.1"]),
        ("<=2.0", ["2.0", "2.0+cpu", "1"], ["2.0.1"]),
        ("==1.8.1", ["1.8.1", "1.8.1+ascend"], ["1.8.2", "1.8.1rc1"]),
        ("==1.8.1+ascend", ["1.8.1+ascend"], ["1.8.1", "1.8.1+cpu"]),
        ("==1.2.*", ["1.2", "1.2.9"], ["1.3", "1.20"]),
        ("!=1.2.*", ["1.3"], ["1.2.1"]),
        ("!=1.5", ["1.5.1"], ["1.5", "1.5.0"]),
        ("~=2.2", ["2.2", "2.9"], ["2.1", "3.0"]),
        ("~=1.4.5", ["1.4.5", "1.4.9"], ["1.4.4", "1.5"]),
        ("===1.0-x", ["1.0-x"], ["1.0"]),
        (" (>= 1.2, < 1.5) ", ["1.3"], ["1.1", "1.5"]),
        # Not known: whatever it is.
        (">=1!2", ["1.0"], []),
        (">=1.0", ["not-a-version"], []),
    ],
)
def test_what_specifiers_admit(specifiers, fits, fits_not):
    assert [version for version in fits if not versions.satisfies(version, specifiers)] == []
    assert [version for version in fits_not if versions.satisfies(version, specifiers)] == []


@given(st.text(max_size=20), st.text(max_size=20))
def test_specifiers_of_nonsense_never_raise(version, specifiers):
    assert versions.satisfies(version, specifiers) in (True, False)
