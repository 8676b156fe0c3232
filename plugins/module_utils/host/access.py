# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out what an account may not read, so that existing files that are closed to it do not count as missing.

An account is (uid, ids of its groups), judged by mode bits; None is the account of this process, for which the kernel is asked.
"""

import grp
import os
import pwd
import stat
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

Account = Optional[Tuple[Optional[int], List[int]]]


def find_closed(path: str, account: Account = None) -> Optional[Dict[str, Any]]:
    """Return what an account may not read or enter on the way to a file or folder; None if it may read it, or it is missing.

    {"path": the file or folder that is closed: `path` or a folder above it, "folder": bool, "owner", "group",
    "mode": "0750", "by_group": whether members of its group may read or enter it}

    :param path: absolute
    """
    for step in _steps(path):
        try:
            state = os.stat(step)
        except PermissionError:
            return _describe_closed(step, os.lstat(step) if os.path.lexists(step) else None, os.R_OK)
        except (OSError, ValueError):
            return None
        # A folder on the way is only passed through.
        wanted = os.X_OK if step != path else os.R_OK | os.X_OK if stat.S_ISDIR(state.st_mode) else os.R_OK
        if step != path and not stat.S_ISDIR(state.st_mode):
            return None
        if not is_allowed(step, state, wanted, account):
            return _describe_closed(step, state, wanted)
    return None


def find_all_closed(paths: Iterable[str], account: Account = None) -> List[Dict[str, Any]]:
    """Return what is closed on the way to several paths, see find_closed, each once."""
    found = {}  # type: Dict[str, Dict[str, Any]]
    for path in paths:
        shut = find_closed(path, account)
        if shut:
            found.setdefault(shut["path"], shut)
    return list(found.values())


def is_allowed(path: str, state: os.stat_result, wanted: int, account: Account) -> bool:
    """Say whether an account has the access to a path that `wanted` says: os.R_OK, os.W_OK and os.X_OK.

    The folders above it are not checked. For another account than that of this process, a path with an access control list
    counts as allowed, because the list is not evaluated here.
    """
    if account is None:
        return os.access(path, wanted)
    uid, groups = account
    if uid == 0 or _has_acl(path):
        return True
    # The first class that matches decides, see path_resolution(7): for an owner without the bits, those of the group do not
    # count.
    shift = 6 if uid == state.st_uid else 3 if state.st_gid in groups else 0
    return uid is not None and (state.st_mode >> shift) & wanted == wanted


def user_ids(user: str) -> Tuple[Optional[int], List[int]]:
    """Return a user's id, None if the host does not know the user, and the ids of its groups.

    They come from the user database: the groups of a session may be older than its last change.
    """
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError):
        return None, []
    return entry.pw_uid, os.getgrouplist(user, entry.pw_gid)


def user_name(uid: int) -> str:
    """Return the name of a user id, the number if it has none."""
    return _name(uid, pwd.getpwuid)


def group_name(gid: int) -> str:
    """Return the name of a group id, the number if it has none."""
    return _name(gid, grp.getgrgid)


def describe(shut: Dict[str, Any], user: str) -> str:
    """Return a text on a result of find_closed: what exists, and who may not read or enter it."""
    what = "enter" if shut["folder"] else "read"
    return "{path} exists, but {user} may not {what} it ({owner}:{group} {mode})".format(
        **dict(shut, user=user, what=what)
    )


def remedy(shut: Dict[str, Any], user: str) -> str:
    """Return what to do so that a user may read or enter it."""
    if shut["by_group"]:
        return "have an administrator run `usermod -a -G {0} {1}`, then log in again".format(shut["group"], user)
    if shut["folder"]:
        # No command: it may be somebody's home.
        return "have an administrator let {0} enter {1}".format(user, shut["path"])
    return "have an administrator run `chmod o+r {0}`".format(shut["path"])


def _has_acl(path: str) -> bool:
    try:
        return bool(os.getxattr(path, "system.posix_acl_access"))
    except OSError:
        return False


def _steps(path: str) -> Iterator[str]:
    # Yields the folders of the resolved path, then those of the path itself, which may contain links, then the path.
    for each in (os.path.realpath(path), path):
        parts = each.strip("/").split("/")
        for count in range(len(parts)):
            yield "/" + "/".join(parts[:count])
    yield path


def _describe_closed(path: str, state: Optional[os.stat_result], wanted: int) -> Dict[str, Any]:
    found = {"path": path, "folder": False, "owner": "?", "group": "?", "mode": "?", "by_group": False}
    if state is not None:
        group = group_name(state.st_gid)
        found.update(
            folder=stat.S_ISDIR(state.st_mode),
            owner=user_name(state.st_uid),
            group=group,
            mode="{0:04o}".format(stat.S_IMODE(state.st_mode)),
            # Not root's group: membership in it gives access to far more than this.
            by_group=state.st_gid != 0 and (state.st_mode >> 3) & wanted == wanted,
        )
    return found


def _name(number: int, entry: Callable[[int], Any]) -> str:
    # The name is the first field of passwd's and group's entries.
    try:
        return entry(number)[0]
    except (KeyError, OverflowError):
        return str(number)
