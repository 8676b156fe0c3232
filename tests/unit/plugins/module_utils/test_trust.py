# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that others could have put something into."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils import trust

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
    assert trust.objection(str(folder), ME) == ""


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o720])
def test_one_that_others_may_write_to_will_not(folder, mode):
    folder.chmod(mode)
    assert trust.objection(str(folder), ME) == "others may write to {0} (mode {1:04o})".format(folder, mode)


def test_a_link_will_not_wherever_it_leads(folder):
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert trust.objection(str(link), ME) == "{0} is a link".format(link)
    link.unlink()
    link.symlink_to("/nowhere")
    assert trust.objection(str(link), ME) == "{0} is a link".format(link)


def test_somebody_elses_will_not(folder):
    assert trust.objection(str(folder), ME + 1).startswith("{0} belongs to ".format(folder))
    (folder / "file").write_text("")
    assert trust.objection(str(folder / "file"), ME) == "{0} is no folder".format(folder / "file")


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_above_that_anybody_may_change_will_not(folder, there):
    path = str(folder if there else folder.parent / "new" / "er")
    folder.parent.chmod(0o777)
    assert trust.objection(path, ME) == "anybody may replace what is in {0} (mode 0777)".format(folder.parent)
    folder.parent.chmod(0o1777)
    assert trust.objection(path, ME) == ""
