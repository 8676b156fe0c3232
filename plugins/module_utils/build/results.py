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


def make_missing_parts(order):
    # type: (Order) -> None
    """Make the missing parts of a finished tree: it may have been built before its order had parts.

    Raises ArchiveError or OSError when that fails.
    """
    paths = builds.paths(order)
    finished = builds.finished_product(order)
    if finished is None or all(builds.finished_product(part) is not None for part in builds.part_orders(order)):
        return
    # Two runs do this one after the other; the second finds nothing missing.
    lock, mask = os.open(paths.product, os.O_RDONLY), os.umask(0o022)
    try:
        locking.lock(lock, paths.product, waits=True)
        missing = [part for part in builds.part_orders(order) if builds.finished_product(part) is None]
        if missing:
            whole = paths.product + ".partial-whole"
            unpacked.unpack_tree(finished["path"], whole)
            for part in missing:
                pack_part(part, whole, finished["manifest"])
            shutil.rmtree(whole)
    finally:
        os.umask(mask)
        os.close(lock)


def pack_part(part, root, its_manifest):
    # type: (Order, str, Dict[str, Any]) -> None
    """Put the files of a tree that belong to a part under products/.

    :param root: the whole tree; :param its_manifest: as manifest.py has it
    """
    tree = builds.paths(part).product + ".partial-tree"
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
    """Put a tree with its manifest under products/."""
    manifest.write(root, its_manifest)
    partial, name = make_partial_folder(order), order.label() + products.TREE
    packing.pack(root, os.path.join(partial, name))
    put_in_place(order, partial, name, its_manifest)


def make_partial_folder(order):
    # type: (Order) -> str
    """Make a new empty folder for an unfinished product, and return it."""
    partial = builds.paths(order).product + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    return partial


def put_in_place(order, partial, name, its_manifest):
    # type: (Order, str, str, Dict[str, Any]) -> None
    """Write the metadata of a finished product, and rename its folder to its final name.

    :param name: of its file in partial; :param its_manifest: as manifest.py has it
    """
    builds.write_json(
        os.path.join(partial, products.METADATA), products.compose(os.path.join(partial, name), its_manifest)
    )
    place = products.taken_from(builds.paths(builds.with_build_fingerprint(order)).product) if order.part_of else ""
    if place:
        # A part comes from where its whole comes from.
        products.mark_taken(partial, place)
    products.publish(partial, builds.paths(order).product)
