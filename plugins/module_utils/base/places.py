# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths on a host for variables that are "auto": those of the guide for root, similar ones in the home for other accounts."""

import os
import pwd
import re
from typing import Dict

# Where a host's own programs are looked for, regardless of the session's PATH.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AUTO = "auto"

_ROOT = {
    "cmake": "/usr/local/cmake",
    "gcc730": "/usr/local/linux_gcc{version}",
    "link": "/usr/bin/cmake",
    "work_dir": "/var/lib/ascend-pytorch",
    "env_file": "/etc/ascend-pytorch/env.sh",
}
_USER = {
    "cmake": "~/.local/cmake",
    "gcc730": "~/.local/linux_gcc{version}",
    "link": "~/.local/bin/cmake",
    "work_dir": "~/.local/share/ascend-pytorch",
    "env_file": "~/.config/ascend-pytorch/env.sh",
}

# "a prefix of /usr or /usr/local would break the system compiler" (the guide); a product at one of the others would replace
# a folder of the system.
FORBIDDEN_PREFIXES = frozenset(
    (
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/home",
        "/lib",
        "/lib64",
        "/opt",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/srv",
        "/sys",
        "/tmp",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib64",
        "/usr/local",
        "/usr/local/bin",
        "/usr/local/lib",
        "/usr/sbin",
        "/usr/share",
        "/var",
        "/var/lib",
        "/var/tmp",
    )
)

# Where any account can create a file first, or where files are not kept.
UNSAFE_FOLDERS = frozenset(("/", "/boot", "/dev", "/proc", "/run", "/sys", "/tmp", "/var/tmp"))
# configure, make and libtool fail with blanks, path lists with colons, shells with the rest.
_PLAIN = re.compile(r"[A-Za-z0-9_.+@,~/-]*\Z")


def home() -> str:
    """Return the home of the account that this process runs as, not HOME: a become method may leave that of the login."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        # An account without a passwd entry, as in some containers.
        return os.path.expanduser("~")


def expand_home(path: str) -> str:
    """Return a path with that home in place of a leading ~."""
    return home() + path[1:] if path == "~" or path.startswith("~/") else path


def resolve(value: str, kind: str, user: Dict[str, object], version: str = "") -> str:
    """Return the absolute path that a variable's value means on a host, "" for "".

    :param value: "auto", or a path that may begin with ~/
    :param kind: cmake, gcc730, link, work_dir or env_file
    :param user: {"uid": int, "home": str} of the account that the collection works as
    """
    if value == AUTO:
        value = (_ROOT if user["uid"] == 0 else _USER)[kind].replace("{version}", version)
    if value == "~" or value.startswith("~/"):
        value = str(user["home"]) + value[1:]
    return _normalise(value) if value else value


def path_problem(value: str, kind: str) -> str:
    """Return what is wrong with a path that a user gives, "" for nothing.

    :param value: "auto", "" for none, or a path on the host
    :param kind: tree (a prefix), folder, link or file
    """
    if value in (AUTO, ""):
        return ""
    if not value.startswith(("/", "~/")):
        return "it is not absolute, and does not begin with ~/"
    # A file is only sourced, by a quoted name, so it may contain blanks.
    plain = value.replace(" ", "") if kind == "file" else value
    if not _PLAIN.match(plain):
        return "it has characters that builds do not support ({0})".format(
            ", ".join(sorted({repr(char) for char in plain if not _PLAIN.match(char)}))
        )
    if is_forbidden(value):
        return "it is a folder of the system, or the home"
    if kind == "file" and value.startswith("/") and os.path.dirname(_normalise(value)) in UNSAFE_FOLDERS:
        return "any account can create a file of that name there, or files are not kept there"
    return ""


def is_forbidden(prefix: str) -> bool:
    """Say whether no product may be published at a prefix."""
    if prefix == AUTO:
        return False
    if prefix.startswith("~/"):
        # The home itself, or a path that leads out of it.
        return os.path.normpath(prefix[2:] or ".").split("/")[0] in (".", "..", "")
    return not prefix.startswith("/") or _normalise(prefix) in FORBIDDEN_PREFIXES


def _normalise(path: str) -> str:
    # normpath keeps two leading slashes, as POSIX allows; here they mean one.
    clean = os.path.normpath(path)
    return "/" + clean.lstrip("/") if path.startswith("/") else clean
