# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plain account sees, whoever runs the tests: root may read everything."""

import contextlib
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from ansible_collections.ascend.pytorch.plugins.module_utils.base import ask

NOBODY = pwd.getpwnam("nobody")
NAME = NOBODY.pw_name if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def as_plain(job):
    """What a job gives (plain JSON) in a process that is not root's."""

    def done():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
        return job()

    return ask.at_once({("plain", ""): done})["plain", ""]


@contextlib.contextmanager
def open_folder():
    """A folder that every account may enter, which pytest's own are not; whatever is closed in it, it goes."""
    root = Path(tempfile.mkdtemp(prefix="ascend-plain-"))
    root.chmod(0o755)
    try:
        yield root
    finally:
        pending = [root]
        while pending:
            folder = pending.pop()
            folder.chmod(0o755)
            pending += [each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()]
        shutil.rmtree(root)
