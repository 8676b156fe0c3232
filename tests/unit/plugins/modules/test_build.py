# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module build where its work directory cannot be used: it fails with a message, not with a traceback."""

import errno
import os

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks
from ansible_collections.ascend.pytorch.plugins.modules import build as module
from answering import told as answer


@pytest.fixture
def order(tmp_path):
    made = ordering.order(work_dir=str(tmp_path / "work"))
    os.makedirs(builds.paths(made).folder)
    os.chmod(made.work_dir, 0o700)
    return made


@pytest.mark.parametrize("state", ["status", "started"])
@pytest.mark.usefixtures("without_locks")
def test_on_a_file_system_without_locks(order, state):
    told = answer(module, order=order._asdict(), state=state)
    assert told["failed"] and told["msg"].startswith("the build of tool cannot be "), told
    assert order.work_dir in told["msg"] and "NFS: version 4" in told["msg"] and "ascend_work_dir" in told["msg"]
    assert "[Errno" not in told["msg"] and "traceback" not in str(told).lower()


def test_where_the_account_may_not_look(order, monkeypatch):
    def refuse(place):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place.lock)

    monkeypatch.setattr(locks, "is_under_way", refuse)
    told = answer(module, order=order._asdict(), state="status")
    assert told["failed"] and "cannot be looked at in " + order.work_dir in told["msg"], told
    assert builds.paths(order).lock in told["msg"] and "ascend_work_dir" in told["msg"]
