# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand, for root and for others, and where nothing may."""

import os
import pwd

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from hypothesis import given
from hypothesis import strategies as st

ROOT = {"uid": 0, "home": "/root"}
USER = {"uid": 1000, "home": "/home/u"}


@pytest.mark.parametrize(
    "kind, root, user",
    [
        ("cmake", "/usr/local/cmake", "/home/u/.local/cmake"),
        ("gcc730", "/usr/local/linux_gcc9.3.0", "/home/u/.local/linux_gcc9.3.0"),
        ("link", "/usr/bin/cmake", "/home/u/.local/bin/cmake"),
        ("work_dir", "/var/lib/ascend-pytorch", "/home/u/.local/share/ascend-pytorch"),
        ("env_file", "/etc/ascend-pytorch/env.sh", "/home/u/.config/ascend-pytorch/env.sh"),
    ],
)
def test_auto(kind, root, user):
    assert places.resolve("auto", kind, ROOT, "9.3.0") == root
    assert places.resolve("auto", kind, USER, "9.3.0") == user


@pytest.mark.parametrize(
    "value, path",
    [
        ("/opt/x", "/opt/x"),
        ("~/x", "/home/u/x"),
        ("~", "/home/u"),
        ("/opt//x/../y/", "/opt/y"),
        ("//opt/x", "/opt/x"),
        ("", ""),
        ("~other/x", "~other/x"),
    ],
)
def test_paths(value, path):
    assert places.resolve(value, "cmake", USER) == path


def test_a_home_of_slash():
    assert places.resolve("auto", "cmake", {"uid": 9, "home": "/"}) == "/.local/cmake"


@pytest.mark.parametrize(
    "prefix",
    [
        "/",
        "//",
        "///",
        "/usr",
        "//usr",
        "///usr",
        "/usr/",
        "/usr/.",
        "/usr/local",
        "/usr/local/",
        "//usr/local",
        "/usr/local/../local",
        "/usr/local/x/..",
        "/opt/../usr",
        "/usr/lib/../../usr/bin",
        "/etc",
        "/home",
        "/root",
        "/tmp",
        "/var/lib",
        "/opt",
        "",
        "cmake",
        "./cmake",
        "../cmake",
        "usr/local/cmake",
        "~",
        "~other/cmake",
        "~/",
        "~/.",
        "~/..",
        "~/../../usr",
        "~/x/../..",
    ],
)
def test_forbidden(prefix):
    assert places.is_forbidden(prefix)


@pytest.mark.parametrize(
    "prefix",
    [
        "auto",
        "/usr/local/cmake",
        "/opt/cmake",
        "~/cmake",
        "~/.local/cmake",
        "/usr2",
        "//opt/cmake",
        "/data",
        "/home/u/cmake",
    ],
)
def test_allowed(prefix):
    assert not places.is_forbidden(prefix)


@given(
    st.lists(st.sampled_from(["usr", "local", "..", ".", "", "x"]), max_size=7).map(lambda parts: "/" + "/".join(parts))
)
def test_no_spelling_of_a_forbidden_place_gets_through(prefix):
    parts = []
    for part in prefix.split("/"):
        parts = parts[:-1] if part == ".." else parts + [part] * (part not in ("", "."))
    assert places.is_forbidden(prefix) == ("/" + "/".join(parts) in places.FORBIDDEN_PREFIXES)


@pytest.mark.parametrize(
    "value",
    [
        *("data/ascend", "~bob/x", "/data/a:b", "/tmp/x\ny", "/data/$HOME", "/data/ä", "/data/a'b"),
        *("/", "//", "/etc", "/etc/", "/tmp", "/usr/local", "/usr/lib/../lib", "~/", "~/..", "~/x/../.."),
    ],
)
@pytest.mark.parametrize("kind", ["tree", "folder", "link", "file"])
def test_what_is_no_place_for_anything_is_objected_to(value, kind):
    assert places.path_problem(value, kind)


@pytest.mark.parametrize("kind", ["tree", "folder", "link", "file"])
def test_blanks_are_for_files_that_are_only_sourced(kind):
    assert bool(places.path_problem("/data/my work", kind)) == (kind != "file")


@pytest.mark.parametrize("value", ["auto", "", "/data/ascend-pytorch", "~/x", "/opt/cmake+3.12_1@a,b", "/tmp/mine/x"])
@pytest.mark.parametrize("kind", ["tree", "folder", "link", "file"])
def test_a_place_of_its_own_is_not_objected_to(value, kind):
    assert places.path_problem(value, kind) == ""


@pytest.mark.parametrize("value", ["/tmp/env.sh", "/var/tmp/env.sh", "/env.sh", "/run/env.sh", "/dev/env.sh"])
def test_a_file_is_not_put_where_anybody_may_put_one_or_nothing_lasts(value):
    assert places.path_problem(value, "file") and not places.path_problem("/etc/profile.d/ascend.sh", "file")


def test_the_home_is_the_account_s_whatever_HOME_says(monkeypatch):
    monkeypatch.setenv("HOME", "/home/login")
    account = pwd.getpwuid(os.geteuid()).pw_dir
    assert (
        places.home() == account and places.expand_home("~/x") == account + "/x" and places.expand_home("~") == account
    )
    assert [places.expand_home(path) for path in ("/x/~", "~bob/x", "x")] == ["/x/~", "~bob/x", "x"]


def test_an_account_that_no_database_knows(monkeypatch):
    monkeypatch.setattr(places.os, "geteuid", lambda: 4242424)
    monkeypatch.setenv("HOME", "/somewhere")
    assert places.expand_home("~/x") == "/somewhere/x"
