# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module stop where it fails: it names the build and the work directory."""

import errno
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks, stopping
from ansible_collections.ascend.pytorch.plugins.modules import stop as module
from answering import told


@pytest.fixture
def work_dir(tmp_path):
    """A work directory with a build that is under way."""
    made = builds.BuildPaths(str(tmp_path / "work"), "tool-1.0-0123456789ab")
    os.makedirs(made.folder)
    open(made.lock, "w").close()
    return str(tmp_path / "work")


def refuse(*_given):
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize(
    "of, name, words",
    [
        (locks, "is_under_way", "the builds in {0} cannot be looked at: Operation not permitted."),
        (stopping, "stop", "the build tool-1.0-0123456789ab in {0} cannot be stopped: Operation not permitted."),
    ],
)
def test_what_cannot_be_done_is_told(work_dir, monkeypatch, of, name, words):
    monkeypatch.setattr(locks, "is_under_way", lambda _place: True)
    monkeypatch.setattr(of, name, refuse)
    answer = told(module, work_dirs=[work_dir])
    assert answer["failed"] and answer["msg"].startswith(words.format(work_dir)), answer
    assert "as the account that began" in answer["msg"] and answer["stopped"] == []
