# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account that a module runs as, and the one that logged in."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import account


def test_the_account():
    assert account.user()["uid"] == os.geteuid() and account.user()["home"].startswith("/")


def test_an_account_without_an_entry(monkeypatch):
    monkeypatch.setattr(account.os, "geteuid", lambda: 4242424)
    monkeypatch.setenv("HOME", "/somewhere")
    assert account.user() == {"uid": 4242424, "name": "4242424", "home": "/somewhere"}


@pytest.mark.parametrize(
    "environ, uid, login",
    [({}, 1000, 1000), ({"SUDO_UID": "1001"}, 1000, 1001), ({"SUDO_UID": "0"}, 1000, 0), ({"SUDO_UID": "x"}, 7, 7)],
)
def test_who_logged_in(environ, uid, login):
    assert account.login_uid(environ, uid) == login
