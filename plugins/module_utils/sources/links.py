# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse trees with symbolic links that lead out of them, after unpacking and before packing."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import ArchiveError

# Linux follows so many links on the way to a file, and then fails (ELOOP).
_MOST_TURNS = 40


def refuse_links_out_of(tree: str, what: str) -> None:
    """Raise ArchiveError when a symbolic link in `tree`, followed on the disk, leads out of it."""
    for folder, folders, files in os.walk(tree):
        for path in (os.path.join(folder, name) for name in folders + files):
            if os.path.islink(path) and _leads_out(tree, os.path.relpath(path, tree)):
                raise ArchiveError(
                    "%s: the link %r leads out of the tree, to %r."
                    % (what, os.path.relpath(path, tree), os.readlink(path))
                )


def _leads_out(tree: str, link: str) -> bool:
    """Say whether a link, given relative to `tree`, leaves it at any step.

    Its text alone proves nothing: `p/../x` leads elsewhere when `p` is a link too. Nor does its final target: a link that
    comes back in by the tree's own name leads elsewhere when the tree is renamed.
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
        if turns > _MOST_TURNS:  # a loop leads nowhere
            return False
        ahead = target.split("/") + ahead
    return False
