# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build needs, and the packages that bring it."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import needs

ALL = sorted(needs.NEEDS)


def lacking(names, commands=(), headers=()):
    return needs.missing(
        names,
        lambda name: "/usr/bin/" + name if name in commands else None,
        lambda pattern: [pattern] if pattern in headers else [],
    )


def test_nothing_there():
    assert lacking(ALL) == ALL


def test_commands_and_headers():
    assert lacking(["git", "gcc", "zlib", "openblas"], ["git"], ["/usr/include/zlib.h"]) == ["gcc", "openblas"]
    assert lacking(["zlib"], headers=["/usr/local/include/zlib.h"]) == []
    assert lacking(["openblas"], headers=["/usr/include/*-linux-gnu/cblas.h"]) == []
    # A command is no header.
    assert lacking(["zlib", "git"], ["zlib"], ["git"]) == ["zlib", "git"]


def test_headers_are_looked_for_in_the_real_file_system(tmp_path, monkeypatch):
    (tmp_path / "zlib.h").write_text("")
    monkeypatch.setitem(needs.NEEDS, "zlib", {"headers": [str(tmp_path / "z*.h")]})
    assert needs.missing(["zlib"], lambda name: None) == []


def test_packages():
    assert needs.packages_for(["gcc", "g++", "zlib"], "Debian") == ["gcc", "g++", "zlib1g-dev"]
    assert needs.packages_for(["gcc", "g++", "zlib"], "RedHat") == ["gcc", "gcc-c++", "zlib-devel"]
    assert needs.packages_for(["gcc"], "") == []
    assert needs.packages_for(["git", "git"], "Debian") == ["git"]


@pytest.mark.parametrize("name", ALL)
def test_every_row_is_whole(name):
    row = needs.NEEDS[name]
    assert row["Debian"] and row["RedHat"] and (row.get("commands") or row.get("headers"))
