# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that others could have put something into."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import trust

ME = os.geteuid()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data" / "work"
    made.mkdir(parents=True, mode=0o700)
    made.parent.chmod(0o755)
    return made


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o2755])
def test_a_folder_of_ones_own_will_do(folder, mode):
    folder.chmod(mode)
    assert trust.folder_problem(str(folder), ME) == ""


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o720])
def test_one_that_others_may_write_to_will_not(folder, mode):
    folder.chmod(mode)
    assert trust.folder_problem(str(folder), ME) == "others may write to {0} (mode {1:04o})".format(folder, mode)


def test_a_link_will_not_wherever_it_leads(folder):
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert trust.folder_problem(str(link), ME) == "{0} is a link".format(link)
    link.unlink()
    link.symlink_to("/nowhere")
    assert trust.folder_problem(str(link), ME) == "{0} is a link".format(link)


def test_somebody_elses_will_not(folder):
    assert trust.folder_problem(str(folder), ME + 1).startswith("{0} belongs to ".format(folder))
    (folder / "file").write_text("")
    assert trust.folder_problem(str(folder / "file"), ME) == "{0} is not a folder".format(folder / "file")


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_above_that_anybody_may_change_will_not(folder, there):
    path = str(folder if there else folder.parent / "new" / "er")
    folder.parent.chmod(0o777)
    assert trust.folder_problem(path, ME) == "anybody may replace what is in {0} (mode 0777)".format(folder.parent)
    folder.parent.chmod(0o1777)
    assert trust.folder_problem(path, ME) == ""


# --- who else can change what a path leads to -------------------------------------------------------------------------


@pytest.fixture
def script(folder):
    made = folder / "set_env.sh"
    made.write_text("")
    made.chmod(0o644)
    return made


def test_ones_own_in_ones_own_folders_is_nobody_elses(script):
    assert trust.find_other_writer(str(script), ME) == trust.find_other_writer(str(script.parent), ME) == ""


@pytest.mark.parametrize("mode", [0o666, 0o602])
def test_a_file_that_anybody_may_write_to(script, mode):
    script.chmod(mode)
    assert trust.find_other_writer(str(script), ME) == "anybody may write to {0} (mode {1:04o})".format(script, mode)


def test_a_folder_above_and_where_a_link_leads_count(script, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(script)
    script.parent.chmod(0o777)
    wrong = "anybody may write to {0} (mode 0777)".format(script.parent)
    assert trust.find_other_writer(str(script), ME) == trust.find_other_writer(str(link), ME) == wrong
    # What is ours in such a folder nobody else can move.
    script.parent.chmod(0o1777)
    assert trust.find_other_writer(str(link), ME) == ""


def test_a_group_that_others_are_in(script, monkeypatch):
    script.chmod(0o664)
    monkeypatch.setattr(trust, "_members", lambda gid: {0, ME})
    assert trust.find_other_writer(str(script), ME) == ""
    monkeypatch.setattr(trust, "_members", lambda gid: {0, ME, 4001})
    assert trust.find_other_writer(str(script), ME).startswith("the group ")
    assert "may write to {0} (mode 0664)".format(script) in trust.find_other_writer(str(script), ME)


def test_who_is_in_a_group():
    assert 0 in trust._members(0)
    assert trust._members(4_000_001) == set()
    assert trust._group_name(4_000_001) == "gid 4000001"


def test_what_belongs_to_another_account(script):
    owner = script.stat().st_uid
    if owner == 0:
        os.chown(script, 65534, -1)
        owner = 65534
    assert trust.find_other_writer(str(script), owner) == ""
    assert trust.find_other_writer(str(script), 4001).endswith(" belongs to {0}".format(trust._user_name(owner)))
    assert "cannot be looked at" in trust.find_other_writer(str(script) + ".gone", ME)
