# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build leaves that was ended while it wrote: make asks only how old a file is, and takes a half for whole."""

import os
from typing import List, Sequence

# What compilers, ar and linkers write; and the folders where CMake's ExternalProject stamps its steps, which would not be
# done again for a file that is not there any more.
_WRITTEN = (".o", ".lo", ".a", ".so")
_STAMPS = "-stamp"

# How long before the end a file must have been finished to be trusted, in seconds. What was written stays in the kernel's
# cache when programs are killed; when the kernel goes too, it was on the disk within half a minute.
KILLED_S = 2.0
REBOOTED_S = 60.0


def torn(folders: Sequence[str], since: float, margin_s: float) -> List[str]:
    """Return the objects below folders that may be halves: the last that a build wrote before it was ended, and empty ones.

    :param since: when the build began to write, as a time of files; what is older came with the sources
    :param margin_s: see KILLED_S and REBOOTED_S
    """
    found = [entry for entry in _written(folders) if entry[0] >= since]
    newest = max([modified for modified, _size, _path in found] or [0.0])

    def is_unsure(modified, size, path):
        # type: (float, int, str) -> bool
        return modified > newest - margin_s or (not size and path.endswith(_WRITTEN))

    return sorted(entry[2] for entry in found if is_unsure(*entry))


def _written(folders):
    # type: (Sequence[str]) -> Iterator[Tuple[float, int, str]]
    for top in folders:
        for folder, _names, files in os.walk(top):
            for name in files:
                if name.endswith(_WRITTEN) or folder.endswith(_STAMPS):
                    path = os.path.join(folder, name)
                    try:
                        info = os.lstat(path)
                    except OSError:
                        continue
                    yield info.st_mtime, info.st_size, path
