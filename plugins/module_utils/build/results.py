# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out of a build, put under products/: a tree, its parts, a wheel."""

import glob
import os
import shutil

from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, products, unpacked
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import packing


def complete(order):
    # type: (Order) -> None
    """Make out of a finished tree the parts that it lacks: it may be older than what is asked of it.

    ArchiveError or OSError when that fails.
    """
    place = builds.place(order)
    finished = builds.product(order)
    if finished is None or all(builds.product(part) is not None for part in builds.parts(order)):
        return
    # Two runs do this one after the other, and in the second nothing is left to do.
    lock, mask = os.open(place.product, os.O_RDONLY), os.umask(0o022)
    try:
        locking.lock(lock, place.product, waits=True)
        lacking = [part for part in builds.parts(order) if builds.product(part) is None]
        if lacking:
            whole = place.product + ".partial-whole"
            unpacked.unpack_tree(finished["path"], whole)
            for part in lacking:
                pack_part(part, whole, finished["manifest"])
            shutil.rmtree(whole)
    finally:
        os.umask(mask)
        os.close(lock)


def pack_part(part, root, its_manifest):
    # type: (Order, str, Dict[str, Any]) -> None
    """Put under products/ those files of a tree that a part has.

    :param root: the whole tree; :param its_manifest: as manifest.py has it
    """
    tree = builds.place(part).product + ".partial-tree"
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    for pattern in part.files:
        for path in glob.glob(os.path.join(glob.escape(root), pattern)):
            target = os.path.join(tree, os.path.relpath(path, root))
            if not os.path.isdir(os.path.dirname(target)):
                os.makedirs(os.path.dirname(target))
            shutil.copy2(path, target, follow_symlinks=False)
    own = {"fingerprint": part.fingerprint, "identity": part.identity, "files": manifest.scan(tree)}
    pack_tree(part, tree, dict(its_manifest, **own))
    shutil.rmtree(tree)


def pack_tree(order, root, its_manifest):
    # type: (Order, str, Dict[str, Any]) -> None
    """Put a tree under products/, its manifest in it."""
    manifest.write(root, its_manifest)
    partial, name = partial_folder(order), order.label() + products.TREE
    packing.pack(root, os.path.join(partial, name))
    put(order, partial, name, its_manifest)


def partial_folder(order):
    # type: (Order) -> str
    """Return the folder, new and empty, in which a product is made."""
    partial = builds.place(order).product + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    return partial


def put(order, partial, name, its_manifest):
    # type: (Order, str, str, Dict[str, Any]) -> None
    """Write what describes a finished product, and put it in its place by a rename.

    :param name: of its file in partial; :param its_manifest: as manifest.py has it
    """
    builds.write_json(
        os.path.join(partial, products.METADATA), products.compose(os.path.join(partial, name), its_manifest)
    )
    place = products.taken_from(builds.place(builds.maker(order)).product) if order.part_of else ""
    if place:
        # A part of what was not built here was not either.
        products.mark_taken(partial, place)
    products.put(partial, builds.place(order).product)
