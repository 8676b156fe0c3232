# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create folders with a mode, so that they are closed to other accounts from the start."""

import os


def make_folder(path, mode):
    # type: (str, int) -> None
    """Create a folder with a mode, less the umask, and missing folders above it; an existing folder keeps its mode.

    Not with the mode of os.makedirs: Python 3.6 uses that for the folders above too, so that /data would be as closed as
    /data/work.
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
