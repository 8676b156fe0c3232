# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import os
import shutil
import types

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs, transfer


class Host:
    """What Transfer uses of an action, for a host that is a folder."""

    def __init__(self, home):
        self.home, self.tmpdir, self.let_in, self.unprivileged = home, None, [], False
        self._connection = self._shell = self
        self.join_path = os.path.join

    def _make_tmp_path(self):
        self.tmpdir = str(self.home / f"ansible-tmp-{len(list(self.home.iterdir()))}")
        os.mkdir(self.tmpdir)

    def _is_become_unprivileged(self):
        return self.unprivileged

    def _fixup_perms2(self, paths):
        self.let_in.append(paths)

    def _remote_chmod(self, paths, mode):
        os.chmod(paths[0], int(mode, 8))
        return {"rc": 0}

    def put_file(self, source, dest):
        try:
            shutil.copyfile(source, dest)
        except OSError as error:
            raise AnsibleError(str(error))

    fetch_file = put_file


@pytest.fixture
def host(tmp_path):
    (tmp_path / "host").mkdir()
    return Host(tmp_path / "host")


@pytest.fixture
def given(tmp_path):
    path = tmp_path / "given"
    path.write_bytes(b"\0binary\xff")
    return str(path)


def test_a_file_goes_there_and_comes_back(host, given, tmp_path):
    way = transfer.Transfer(host)
    path = way.put(given, "name")
    assert path == host.tmpdir + "/name"
    way.fetch(path, str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b"\0binary\xff"


def test_all_of_a_task_go_into_one_folder(host, given):
    way = transfer.Transfer(host)
    assert [os.path.dirname(way.put(given, name)) for name in ("one", "other")] == [host.tmpdir] * 2


def test_one_that_is_there_keeps_its_place(host, given, tmp_path):
    way = transfer.Transfer(host)
    path = way.put(os.devnull, "name")
    way.overwrite(given, path)
    assert os.path.getsize(path) == os.path.getsize(given)
    shutil.rmtree(host.tmpdir)
    with pytest.raises(transfer.TransferError, match="both have free space .*ansible_remote_tmp"):
        way.overwrite(given, path)


def test_a_folder_that_went_with_a_reboot_is_made_anew(host, given):
    way = transfer.Transfer(host)
    way.put(given, "name")
    shutil.rmtree(host.tmpdir)
    assert os.path.exists(way.put(given, "name"))


def test_where_it_cannot_be_written_that_is_told(host, given):
    host._make_tmp_path = lambda: setattr(host, "tmpdir", str(host.home / "none"))
    with pytest.raises(transfer.TransferError, match="given to .*/none/name: .* run again"):
        transfer.Transfer(host).put(given, "name")


def test_a_lost_connection_is_left_as_that(host, given):
    def put_file(source, dest):
        raise AnsibleConnectionFailure("no route")

    host.put_file = put_file
    with pytest.raises(AnsibleConnectionFailure):
        transfer.Transfer(host).put(given, "name")


def test_who_works_there_is_let_in(host, given):
    way = transfer.Transfer(host)
    path = way.put(given, "name")
    way.let_in(path, "0600")
    assert host.let_in == [] and os.stat(path).st_mode & 0o777 == 0o600
    host.unprivileged = True
    assert way.is_shared
    way.let_in(path, "0644")
    assert host.let_in == [[host.tmpdir]] and os.stat(path).st_mode & 0o777 == 0o644


def test_where_nobody_can_be_let_in_that_is_told(host, given):
    def fixup(paths):
        raise AnsibleError("setfacl is lacking")

    way = transfer.Transfer(host)
    path, host.unprivileged, host._fixup_perms2 = way.put(given, "name"), True, fixup
    with pytest.raises(transfer.TransferError, match="setfacl is lacking. Install setfacl"):
        way.let_in(path, "0644")
    host.unprivileged, host._remote_chmod = False, lambda paths, mode: {"rc": 1, "stderr": "read-only\n"}
    with pytest.raises(transfer.TransferError, match="cannot be changed: read-only. Run again"):
        way.let_in(path, "0600")


def test_a_worker_of_a_killed_run_sends_nothing_more(host, given, monkeypatch):
    ended = types.SimpleNamespace(called=False)

    def end():
        ended.called = True
        raise SystemExit(1)

    monkeypatch.setattr(runs, "end_if_over", end)
    with pytest.raises(SystemExit):
        transfer.Transfer(host).put(given, "name")
    assert ended.called and host.tmpdir is None
