# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the kernel's list of mounted file systems. Pure."""

import re
from typing import List, NamedTuple

MOUNTINFO = "/proc/self/mountinfo"

Mount = NamedTuple(
    "Mount",
    [
        ("root", str),  # the folder of the file system that is mounted
        ("where", str),
        ("kind", str),
        ("source", str),
        ("options", str),  # of the file system
    ],
)


def parse(content: str) -> List[Mount]:
    """Return the mounted file systems, in the order of mounting.

    :param content: /proc/self/mountinfo: "31 23 0:28 <root> <mount point> <options> [<more>] - <type> <source> <options>",
        see proc(5)
    """
    found = []
    for line in content.splitlines():
        before, _dash, after = line.partition(" - ")
        where, what = before.split(" "), after.split(" ")
        if len(where) >= 6 and len(what) >= 3:
            found.append(Mount(_unescaped(where[3]), _unescaped(where[4]), what[0], _unescaped(what[1]), what[2]))
    return found


def _unescaped(path):
    # type: (str) -> str
    # The kernel writes blanks and backslashes in octal.
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), path)
