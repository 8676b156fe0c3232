# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the incomplete files of a build that was killed while it wrote: make only compares times, and would keep them."""

import os
from typing import List, Sequence

# What compilers, ar and linkers write; and the folders where CMake's ExternalProject stamps its steps, which must be done
# again too when a file is removed.
_OBJECT_ENDINGS = (".o", ".lo", ".a", ".so")
_STAMPS = "-stamp"

# How long before the end a file must have been written to be trusted, in seconds. When programs are killed, the kernel
# still writes its cache to the disk; when the kernel stops too, only what is older than half a minute is on the disk.
KILLED_MARGIN_S = 2.0
REBOOTED_MARGIN_S = 60.0


def find_torn(folders: Sequence[str], since: float, margin_s: float) -> List[str]:
    """Return the objects below folders that may be incomplete: the last ones that a build wrote before its end, and empty ones.

    :param since: when the build began to write, as a time of files; older files came with the sources
    :param margin_s: see KILLED_MARGIN_S and REBOOTED_MARGIN_S
    """
    found = [entry for entry in _written_files(folders) if entry[0] >= since]
    newest = max([modified for modified, _size, _path in found] or [0.0])

    def is_unsure(modified, size, path):
        # type: (float, int, str) -> bool
        return modified > newest - margin_s or (not size and path.endswith(_OBJECT_ENDINGS))

    return sorted(entry[2] for entry in found if is_unsure(*entry))


def _written_files(folders):
    # type: (Sequence[str]) -> Iterator[Tuple[float, int, str]]
    for top in folders:
        for folder, _names, files in os.walk(top):
            for name in files:
                if name.endswith(_OBJECT_ENDINGS) or folder.endswith(_STAMPS):
                    path = os.path.join(folder, name)
                    try:
                        info = os.lstat(path)
                    except OSError:
                        continue
                    yield info.st_mtime, info.st_size, path
