# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logins of a run: by host, for its own user alone, and gone with it."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import keyring


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(keyring.C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path / "ascend-logins"


def test_logins_are_remembered_by_host(folder):
    assert keyring.of("one") == {}
    keyring.keep("one", {"https://h/a": "ann:1"})
    keyring.keep("one", {"https://h/b": "ann:2", "https://h/a": "ann:3"})
    keyring.keep("two/..", {"https://i": "bob:"})
    assert keyring.of("one") == {"https://h/a": "ann:3", "https://h/b": "ann:2"}
    assert keyring.of("two/..") == {"https://i": "bob:"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600} and len(list(folder.iterdir())) == 2


def test_where_there_are_none_nothing_is_written(folder):
    keyring.keep("one", {})
    assert not folder.exists()


def test_places_have_addresses():
    assert keyring.split(["auto", "https://ann:pw@h/c", "/a@b"]) == (
        ["auto", "https://h/c", "/a@b"],
        {"https://h/c": "ann:pw"},
    )
