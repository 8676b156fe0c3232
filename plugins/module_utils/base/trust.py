# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that other accounts cannot change files that are run later, as root if the collection works as root."""

import errno
import grp
import os
import pwd
import stat


def folder_problem(path, uid):
    # type: (str, int) -> str
    """Return why another account could put files into a folder, "" if none could, or if the folder does not exist.

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
            return "{0} is not a folder".format(path)
        if own.st_uid != uid:
            return "{0} belongs to {1}".format(path, _user_name(own.st_uid))
        if own.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return "others may write to {0} (mode {1:04o})".format(path, stat.S_IMODE(own.st_mode))
    # An account that may write to a folder above could replace this one, unless the sticky bit prevents it.
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


def require_private(path):
    # type: (str) -> None
    """Raise PermissionError with the reason if another account could put files into a folder; see folder_problem."""
    wrong = folder_problem(path, os.geteuid())
    if wrong:
        raise PermissionError(errno.EPERM, wrong, path)


def find_other_writer(path, uid):
    # type: (str, int) -> str
    """Return who besides root and an account can change what a path leads to, and how; "" if nobody can.

    These are the owners of the file, of the folders above it and of the links in the path, and all who may write to them.

    :param path: absolute, of an existing file or folder
    :param uid: of the account
    """
    for step in _steps(path):
        try:
            info = os.lstat(step)
        except OSError as error:
            return "{0} cannot be looked at ({1})".format(step, error.strerror)
        if info.st_uid not in (0, uid):
            return "{0} belongs to {1}".format(step, _user_name(info.st_uid))
        # A link has no mode of its own. In a folder with the sticky bit, others can change only what they own.
        if stat.S_ISLNK(info.st_mode) or (stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX):
            continue
        mode = "{0} (mode {1:04o})".format(step, stat.S_IMODE(info.st_mode))
        if info.st_mode & stat.S_IWOTH:
            return "anybody may write to " + mode
        if info.st_mode & stat.S_IWGRP and _members(info.st_gid) - {0, uid}:
            return "the group {0} may write to {1}".format(_group_name(info.st_gid), mode)
    return ""


def _steps(path):
    # type: (str) -> Iterator[str]
    # Yields each part of the resolved path, from the root, then those of the path itself, which may contain links.
    for each in (os.path.realpath(path), path):
        parts = each.strip("/").split("/")
        for count in range(len(parts) + 1):
            yield "/" + "/".join(parts[:count])


def _members(gid):
    # type: (int) -> Set[int]
    # A group without other members, such as Debian's staff or an account's own group, gives access to nobody else.
    found = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == gid}
    try:
        names = grp.getgrgid(gid).gr_mem
    except KeyError:
        names = []
    for name in names:
        try:
            found.add(pwd.getpwnam(name).pw_uid)
        except KeyError:
            pass
    return found


def _group_name(gid):
    # type: (int) -> str
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return "gid {0}".format(gid)


def _user_name(uid):
    # type: (int) -> str
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "uid {0}".format(uid)
