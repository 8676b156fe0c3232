# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account that a module runs as, and the one that logged in."""

import os
import pwd

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places


def user():
    # type: () -> Dict[str, Any]
    """Return {"uid", "name", "home"} of the account that the module runs as."""
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return {"uid": uid, "name": name, "home": places.home()}


def login_uid(environ, uid):
    # type: (Mapping[str, str], int) -> int
    """Return the uid of the account that logged in and became this one with sudo(8), from SUDO_UID; `uid` if it is not set."""
    said = environ.get("SUDO_UID", "")
    return int(said) if said.isdigit() else uid


def umask():
    # type: () -> int
    """Return the umask of this process."""
    now = os.umask(0o077)
    os.umask(now)
    return now
