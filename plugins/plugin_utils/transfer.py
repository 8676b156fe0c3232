# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy files to and from a host: by the connection's own file transfer, through Ansible's temporary folder there.

As binary, without either side holding them in memory. Ansible removes the folder when the task ends.
"""

from __future__ import annotations

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs


class TransferError(Exception):
    """A file could not be copied to or from a host; the message says what, where, and what to do."""


class Transfer:
    """Files between this controller and the host that an action works on.

    Raises AnsibleConnectionFailure where the connection fails, else TransferError.
    """

    def __init__(self, action: ActionBase) -> None:
        """
        :param action: its connection and user are used, those of the other host where the task is delegated
        """
        self._action = action

    @property
    def is_shared(self) -> bool:
        """Whether the login and the account that it becomes differ and neither is root: both need access to a file."""
        return bool(self._action._is_become_unprivileged())

    def put(self, source: str, name: str) -> str:
        """Send a file into the temporary folder, there called name; return its path there."""
        runs.end_if_over()
        path = self._path(name)
        try:
            self._copy("put_file", source, path)
        except TransferError:
            # The folder is as old as the task: after a reboot, say, it is gone.
            self._action._connection._shell.tmpdir = None
            path = self._path(name)
            self._copy("put_file", source, path)
        return path

    def overwrite(self, source: str, path: str) -> None:
        """Send a file into an existing one of the host, which keeps its owner and mode."""
        self._copy("put_file", source, path)

    def fetch(self, remote: str, path: str) -> None:
        """Bring a file of the host to a path on the controller."""
        self._copy("fetch_file", remote, path)

    def let_in(self, path: str, mode: str) -> None:
        """Give the account that works there access to the folder of a file, and set the file's mode, such as "0644"."""
        action, folder = self._action, self._action._connection._shell.tmpdir
        try:
            if self.is_shared:
                action._fixup_perms2([folder])
            changed = action._remote_chmod([path], mode)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            raise TransferError(
                f"the account that builds cannot be given access to {folder} on the host: {error}. Install setfacl (package "
                "acl) there, or log in as root or as that account"
            )
        if changed["rc"]:
            raise TransferError(f"{path} on the host cannot be changed: {changed.get('stderr', '').strip()}. Run again")

    def _path(self, name: str) -> str:
        shell = self._action._connection._shell
        if shell.tmpdir is None:
            self._action._make_tmp_path()
        return str(shell.join_path(shell.tmpdir, name))

    def _copy(self, way: str, source: str, dest: str) -> None:
        try:
            getattr(self._action._connection, way)(source, dest)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            raise TransferError(
                f"a file could not be copied from {source} to {dest}: {error}. See that both have free "
                "space (ansible_remote_tmp on the host), and run again: what has arrived is not sent again"
            )
