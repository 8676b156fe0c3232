# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files to a host and from it, by the connection's own file transfer and through Ansible's temporary folder there.

As binary, and without either side holding them in memory. Ansible removes the folder when the task ends.
"""

from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs


class TransferError(Exception):
    """Something could not be brought to a host, or from it; the message says what, where, and what to do."""


class Transfer:
    """Files between this controller and the host that an action works on.

    A connection that fails is an AnsibleConnectionFailure, whatever else goes wrong a TransferError.
    """

    def __init__(self, action: ActionBase) -> None:
        """
        :param action: of whose connection and user all use is made; delegated, it is the other host's
        """
        self._action = action

    @property
    def is_shared(self) -> bool:
        """Whether one account logs in and another one, neither of them root, works there: both have to get at a file."""
        return bool(self._action._is_become_unprivileged())

    def put(self, source: str, name: str) -> str:
        """Send a file into the temporary folder, there called name; return its path there."""
        runs.end_if_over()
        path = self._path(name)
        try:
            self._do("put_file", source, path)
        except TransferError:
            # The folder is as old as the task: after a reboot, say, it is gone.
            self._action._connection._shell.tmpdir = None
            path = self._path(name)
            self._do("put_file", source, path)
        return path

    def overwrite(self, source: str, path: str) -> None:
        """Send a file into one of the host's that is there, whose owner and mode it keeps."""
        self._do("put_file", source, path)

    def fetch(self, remote: str, path: str) -> None:
        """Bring a file of the host to a path on the controller."""
        self._do("fetch_file", remote, path)

    def let_in(self, path: str, mode: str) -> None:
        """Let the one who works there into the folder of a file on the host, and give the file its mode, such as "0644"."""
        action, folder = self._action, self._action._connection._shell.tmpdir
        try:
            if self.is_shared:
                action._fixup_perms2([folder])
            changed = action._remote_chmod([path], mode)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            raise TransferError(
                f"the account that builds cannot be let into {folder} on the host: {error}. Install setfacl (package "
                "acl) there, or log in as root or as that account"
            )
        if changed["rc"]:
            raise TransferError(f"{path} on the host cannot be changed: {changed.get('stderr', '').strip()}. Run again")

    def _path(self, name: str) -> str:
        shell = self._action._connection._shell
        if shell.tmpdir is None:
            self._action._make_tmp_path()
        return str(shell.join_path(shell.tmpdir, name))

    def _do(self, way: str, source: str, dest: str) -> None:
        try:
            getattr(self._action._connection, way)(source, dest)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            raise TransferError(
                f"a file could not be copied from {source} to {dest}: {error}. Mind the room on both sides "
                "(ansible_remote_tmp on the host); run again: what has arrived is not sent again"
            )
