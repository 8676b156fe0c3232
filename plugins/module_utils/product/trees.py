# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree's product unpacked. Apart from products.py, which who only examines a host loads too: this takes all of sources/unpacking.py."""

from ansible_collections.ascend.pytorch.plugins.module_utils.base import foreign
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive, unpacking

# No tree comes near to so many files, links and folders: gcc's and CMake's have a few thousand.
MOST_ENTRIES = 100 * 1000


def unpack(path: str, folder: str) -> None:
    """Unpack a tree's file, no further than its own manifest goes: whoever packed it, it fills no disk.

    Raises archive.ArchiveError when it has none, when it has more than that says, and as unpacking.unpack() has it.
    """
    text = archive.content(path, manifest.TREE_NAME, foreign.TEXT_LIMIT_BYTES)
    found = None if text is None else manifest.parse(text)
    if text is None or found is None:
        raise archive.ArchiveError("{0} holds no manifest that can be read. Remove it and run again".format(path))
    size = len(text) + sum(entry.get("size", 0) for entry in found.get("files", {}).values())
    unpacking.unpack(path, folder, strip=0, limit=archive.Limit(size, MOST_ENTRIES))
