# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack products. Separate from products.py, which examining a host loads too: this needs all of sources/unpacking.py."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import foreign
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, wheel
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive, unpacking

# No tree has nearly so many files, links and folders: gcc's and CMake's have a few thousand.
MOST_ENTRIES = 100 * 1000


def unpack_tree(path: str, folder: str) -> None:
    """Unpack a tree's file, of at most the size that its own manifest states, so that it cannot fill the disk.

    Raises archive.ArchiveError when it has no manifest or more than that states, and as unpacking.unpack() does.
    """
    text = archive.read_file(path, manifest.TREE_NAME, foreign.TEXT_LIMIT_BYTES)
    found = None if text is None else manifest.parse(text)
    if text is None or found is None:
        raise archive.ArchiveError("{0} holds no readable manifest. Remove it and run again".format(path))
    size = len(text) + sum(entry.get("size", 0) for entry in found.get("files", {}).values())
    unpacking.unpack(path, folder, strip=0, limit=archive.Limit(size, MOST_ENTRIES))


def unpack_wheel(path: str, folder: str) -> None:
    """Unpack a wheel so that Python can import it from the folder, in the layout of a site folder; without scripts.

    At most the size that its own RECORD states is unpacked. Raises wheel.WheelError when it is not a wheel,
    archive.ArchiveError when it has more than that, and as unpacking.unpack() does.
    """
    unpacking.unpack(path, folder, strip=0, limit=archive.Limit(wheel.recorded_size(path), wheel.MOST_ENTRIES))
    for name in os.listdir(folder):
        for scheme in ("purelib", "platlib") if name.endswith(".data") else ():
            aside = os.path.join(folder, name, scheme)
            for entry in os.listdir(aside) if os.path.isdir(aside) else ():
                _merge(os.path.join(aside, entry), os.path.join(folder, entry))


def _merge(source: str, dest: str) -> None:
    """Move a file or folder; if both are folders, merge them."""
    if os.path.isdir(source) and os.path.isdir(dest):
        for entry in os.listdir(source):
            _merge(os.path.join(source, entry), os.path.join(dest, entry))
    else:
        os.rename(source, dest)
