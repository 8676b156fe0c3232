# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Symbolic links of a tree: none leads out of it, neither of one that was unpacked nor of one that is to be packed."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import ArchiveError

# So many links Linux follows on the way to a file, and no more.
_MOST_TURNS = 40


def refuse_links_out_of(tree: str, what: str) -> None:
    """Raise ArchiveError when a symbolic link in `tree`, followed for real, leads out of it."""
    for folder, folders, files in os.walk(tree):
        for path in (os.path.join(folder, name) for name in folders + files):
            if os.path.islink(path) and _leads_out(tree, os.path.relpath(path, tree)):
                raise ArchiveError(
                    "%s: the link %r leads out of the tree, to %r."
                    % (what, os.path.relpath(path, tree), os.readlink(path))
                )


def _leads_out(tree: str, link: str) -> bool:
    """Whether a link, given relative to `tree`, climbs out of it on any step of the way.

    What its text seems to say is no proof: `p/../x` goes elsewhere when `p` is a link itself. Nor is where it ends: one
    that comes back by the tree's own name leads to another place once the tree has another name.
    """
    here, ahead, turns = [], link.split("/"), 0  # type: List[str], List[str], int
    while ahead:
        part = ahead.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return True
            here.pop()
            continue
        path = os.path.join(tree, *here + [part])
        if not os.path.islink(path):
            here.append(part)
            continue
        target, turns = os.readlink(path), turns + 1
        if os.path.isabs(target):
            return True
        if turns > _MOST_TURNS:  # it leads round and round, and so nowhere
            return False
        ahead = target.split("/") + ahead
    return False
