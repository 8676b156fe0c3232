# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there and closed, and what is absent, as a plain account sees them."""

import grp
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import access
from plain import as_plain, open_folder


@pytest.fixture
def folder():
    """A folder that every account may enter, with a CANN of one file."""
    with open_folder() as made:
        (made / "cann").mkdir(mode=0o755)
        (made / "cann/version.info").write_text("Version=1\n")
        yield made


def closed(path):
    return as_plain(lambda: access.find_closed(str(path)))


def test_what_may_be_read_and_what_is_absent_are_not_closed(folder):
    (folder / "dangling").symlink_to("gone")
    (folder / "round").symlink_to("round")
    for path in (
        folder,
        "cann",
        "cann/version.info",
        "gone",
        "gone/further",
        "cann/version.info/x",
        "dangling",
        "round",
    ):
        assert closed(folder / path) is None


def test_a_closed_folder_closes_itself(folder):
    (folder / "cann").chmod(0)
    state = (folder / "cann").stat()
    assert closed(folder / "cann") == {
        "path": str(folder / "cann"),
        "folder": True,
        "owner": access.user_name(state.st_uid),
        "group": access.group_name(state.st_gid),
        "mode": "0000",
        "by_group": False,
    }


@pytest.mark.parametrize("mode", [0o644, 0o711])
def test_a_folder_is_read_by_who_may_list_and_enter_it(folder, monkeypatch, mode):
    monkeypatch.setattr(access, "_steps", lambda path: [path])
    (folder / "cann").chmod(mode)
    assert access.find_closed(str(folder / "cann"), (4001, [4001]))["folder"]


def test_a_closed_folder_closes_what_is_in_it_and_what_links_to_that(folder):
    (folder / "cann").chmod(0)
    (folder / "latest").symlink_to("cann/version.info")
    for path in ("cann/version.info", "cann/gone", "latest"):
        shut = closed(folder / path)
        assert (shut["path"], shut["folder"], shut["mode"]) == (str(folder / "cann"), True, "0000")


def test_a_closed_file(folder):
    (folder / "cann/version.info").chmod(0)
    shut = closed(folder / "cann/version.info")
    assert (shut["path"], shut["folder"]) == (str(folder / "cann/version.info"), False)
    assert access.describe(shut, "worker").startswith(
        "{0}/cann/version.info exists, but worker may not read it (".format(folder)
    )
    assert "chmod o+r " in access.remedy(shut, "worker")


def test_closed_ones_are_told_once(folder):
    (folder / "cann").chmod(0)
    paths = [str(folder / "cann" / name) for name in ("a", "b")] + [str(folder / "gone")]
    assert [shut["path"] for shut in as_plain(lambda: access.find_all_closed(paths))] == [str(folder / "cann")]


@pytest.mark.parametrize(
    ("mode", "member", "shut", "by_group"),
    [
        (0o750, False, True, True),
        (0o750, True, False, None),
        (0o700, True, True, False),
        (0o710, False, True, False),
        (0o755, False, False, None),
    ],
)
def test_another_account_is_judged_by_mode_bits(folder, monkeypatch, mode, member, shut, by_group):
    (folder / "cann").chmod(mode)
    monkeypatch.setattr(access, "_steps", lambda path, real=access._steps: [s for s in real(path) if s == path])
    gid = (folder / "cann").stat().st_gid
    if gid == 0:
        gid = grp.getgrnam("nogroup").gr_gid
        os.chown(folder / "cann", -1, gid)
    found = access.find_closed(str(folder / "cann"), (4001, [4001] + [gid] * member))
    assert bool(found) == shut and (found or {}).get("by_group") == by_group
    if by_group:
        assert access.remedy(found, "worker").startswith(
            "have an administrator run `usermod -a -G {0} worker`".format(access.group_name(gid))
        )
    assert access.find_closed(str(folder / "cann"), (0, [0])) is None
    assert access.find_closed(str(folder / "cann"), (None, [])) is not None


def test_an_access_control_list_may_allow_it(folder, monkeypatch):
    (folder / "cann").chmod(0o700)
    monkeypatch.setattr(access, "_steps", lambda path: [path])
    assert access.find_closed(str(folder / "cann"), (4001, [4001]))
    monkeypatch.setattr(access.os, "getxattr", lambda path, name: b"acl")
    assert access.find_closed(str(folder / "cann"), (4001, [4001])) is None


def test_no_command_opens_a_folder_that_may_be_a_home(folder):
    (folder / "cann").chmod(0)
    said = access.remedy(closed(folder / "cann"), "worker")
    assert said == "have an administrator let worker enter {0}".format(folder / "cann")


def test_a_user_that_is_not_known():
    assert access.user_ids("no-such-user") == access.user_ids("a\0b") == (None, [])
    assert access.user_ids("root")[0] == 0
    assert access.user_name(4_000_001) == access.group_name(4_000_001) == "4000001"
