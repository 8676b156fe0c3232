# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that are made with a mode, closed to others from the first moment."""

import os


def make_folder(path, mode):
    # type: (str, int) -> None
    """Make a folder with a mode, less what the umask takes, and what lacks above it; one that is there keeps its own.

    Not by the mode of os.makedirs: Python 3.6 gives that to all folders above, too, and /data would be closed for /data/work.
    """
    if os.path.isdir(path):
        return
    above = os.path.dirname(path.rstrip("/"))
    if above and not os.path.exists(above):
        os.makedirs(above, exist_ok=True)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        # Another process was faster.
        if not os.path.isdir(path):
            raise
