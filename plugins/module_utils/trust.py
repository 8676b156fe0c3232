# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a folder is ours alone: what lies there is later run, by root where we are root."""

import os
import pwd
import stat


def objection(path, uid):
    # type: (str, int) -> str
    """Return why what lies in a folder could be somebody else's doing, "" where it could not, or the folder is not there.

    :param path: absolute
    :param uid: of the account that works there
    """
    try:
        own = os.lstat(path)
    except FileNotFoundError:
        own = None
    except OSError as error:
        return "{0} cannot be looked at ({1})".format(path, error.strerror)
    if own is not None:
        if stat.S_ISLNK(own.st_mode):
            return "{0} is a link".format(path)
        if not stat.S_ISDIR(own.st_mode):
            return "{0} is no folder".format(path)
        if own.st_uid != uid:
            return "{0} belongs to {1}".format(path, _name(own.st_uid))
        if own.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "others may write to {0} (mode {1:04o})".format(path, stat.S_IMODE(own.st_mode))
    # Who may write to a folder above may put another in the place of this one, unless the sticky bit keeps them from it.
    parent = os.path.dirname(path)
    while True:
        try:
            above = os.stat(parent)
        except OSError:
            above = None
        if above and above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
            return "anybody may replace what is in {0} (mode {1:04o})".format(parent, stat.S_IMODE(above.st_mode))
        if parent == os.path.dirname(parent):
            return ""
        parent = os.path.dirname(parent)


def _name(uid):
    # type: (int) -> str
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "uid {0}".format(uid)
