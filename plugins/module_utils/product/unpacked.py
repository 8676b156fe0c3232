# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Products unpacked. Apart from products.py, which who only examines a host loads too: this takes all of sources/unpacking.py."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import foreign
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, wheel
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive, unpacking

# No tree comes near to so many files, links and folders: gcc's and CMake's have a few thousand.
MOST_ENTRIES = 100 * 1000


def unpack_tree(path: str, folder: str) -> None:
    """Unpack a tree's file, no further than its own manifest goes: whoever packed it, it fills no disk.

    Raises archive.ArchiveError when it has none, when it has more than that says, and as unpacking.unpack() has it.
    """
    text = archive.read_file(path, manifest.TREE_NAME, foreign.TEXT_LIMIT_BYTES)
    found = None if text is None else manifest.parse(text)
    if text is None or found is None:
        raise archive.ArchiveError("{0} holds no manifest that can be read. Remove it and run again".format(path))
    size = len(text) + sum(entry.get("size", 0) for entry in found.get("files", {}).values())
    unpacking.unpack(path, folder, strip=0, limit=archive.Limit(size, MOST_ENTRIES))


def unpack_wheel(path: str, folder: str) -> None:
    """Unpack a wheel so that Python imports it from the folder, as pip spreads it into its site; scripts are none of it.

    No further than its own RECORD goes. Raises wheel.WheelError when it is none, archive.ArchiveError when it has more than that
    says, and as unpacking.unpack() has it.
    """
    unpacking.unpack(path, folder, strip=0, limit=archive.Limit(wheel.recorded_size(path), wheel.MOST_ENTRIES))
    for name in os.listdir(folder):
        for scheme in ("purelib", "platlib") if name.endswith(".data") else ():
            aside = os.path.join(folder, name, scheme)
            for entry in os.listdir(aside) if os.path.isdir(aside) else ():
                _merge(os.path.join(aside, entry), os.path.join(folder, entry))


def _merge(source: str, dest: str) -> None:
    """Move a file or folder to where there may be a folder of that name already."""
    if os.path.isdir(source) and os.path.isdir(dest):
        for entry in os.listdir(source):
            _merge(os.path.join(source, entry), os.path.join(dest, entry))
    else:
        os.rename(source, dest)
