# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish trees by a rename and a link swap; and what trees and wheels have in common. For wheels see installing.py.

A tree is at <prefix>-<version>-<fp12>/ and <prefix> is a link to it. Before the swap the host has the complete former
tree, after it the complete new one. The former is kept for rollback until another tree is published.
"""

import glob
import os
import shutil
import socket
from contextlib import contextmanager

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, file_names, locking
from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    fingerprint,
    manifest,
    published,
    unpacked,
)

SAVED_SUFFIX = ".before-ascend"
# How many files a note names.
MAX_FILES = 10
# How long to wait for another process that publishes to the same place, in seconds. Installing torch on a slow disk is faster.
LOCK_LIMIT_S = 3600


class PublishError(Exception):
    """A product could not be published; the message says why and what to do. What was published before is unchanged."""


def lock_path(order):
    # type: (Order) -> str
    """Return the lock file of the place that a product is published to: beside a tree's prefix, or in pip's site folder."""
    if order.product == "tree":
        folder, name = os.path.split(order.prefix)
        return os.path.join(folder, ".{0}.ascend-lock".format(name))
    # Without a virtual environment the user's folder is the first site (see base/interpreters.py); of the others pip installs
    # into the first one.
    sites = order.sites
    if "--user" in order.pip_options:
        site = sites[0]
    else:
        system = sites[1:] or sites
        site = next(filter(os.path.isdir, system), system[0])
    return os.path.join(site, ".ascend-lock")


@contextmanager
def hold_lock(order):
    # type: (Order) -> Iterator[None]
    """Hold the lock of the place that a product is published to: hosts may share it, and a host may have two names.

    Raises PublishError where it cannot be locked.
    """
    try:
        with locking.hold(lock_path(order), LOCK_LIMIT_S):
            yield
    except locking.LocksUnsupported as error:
        words = "{0}, or set the prefix and the Python to places that the host does not share"
        raise PublishError(words.format(error.strerror))
    except locking.LockError as error:
        raise PublishError(str(error))


def partial_path(tree):
    # type: (str) -> str
    """Return the path where this process unpacks a tree."""
    return "{0}.{1}.{2}.partial".format(tree, socket.gethostname(), os.getpid())


def remove_partial(tree):
    # type: (str) -> None
    """Remove what killed processes of this host unpacked; the caller holds the lock."""
    own = "{0}.{1}.".format(tree, socket.gethostname())
    for path in glob.glob(glob.escape(own) + "*.partial*"):
        shutil.rmtree(path, ignore_errors=True)


def swap_link(path, target):
    # type: (str, str) -> None
    """Make path a link to target atomically, in the place of a link that is there."""
    partial = path + ".partial"
    if os.path.lexists(partial):
        os.unlink(partial)
    os.symlink(target, partial)
    os.rename(partial, path)


def _publish_link(link, prefix, replace):
    # type: (Dict[str, str], str, bool) -> None
    state = published.link_state(link["path"], prefix, link["target"])
    if state == "ours" or (state == "foreign" and not replace):
        return
    if not os.path.isdir(os.path.dirname(link["path"])):
        os.makedirs(os.path.dirname(link["path"]))
    if state == "foreign":
        # A file that was saved earlier is outdated. A hard link, so that the path always has a program.
        if os.path.lexists(link["path"] + SAVED_SUFFIX):
            os.unlink(link["path"] + SAVED_SUFFIX)
        os.link(link["path"], link["path"] + SAVED_SUFFIX, follow_symlinks=False)
    swap_link(link["path"], os.path.join(prefix, link["target"]))


def publish_tree(order, path, sha256, check_sanity=lambda root: None):
    # type: (Order, str, str, Callable[[str], None]) -> None
    """Publish a tree from its archive; the caller holds the lock.

    :param path: the product's archive on this host; :param sha256: of the archive
    :param check_sanity: called with the unpacked tree before it is published, raises when it does not work on this host
    """
    prefix = order.prefix
    tree = published.tree_path(prefix, order.version, order.fingerprint)
    there = published.occupied_by(prefix, published.trees(prefix, order.name))
    if there is not None:
        raise PublishError(
            "{0} is {1} that this collection did not make, so it is not replaced. Move it away, or set "
            "{2}_prefix to another place".format(prefix, there, order.name)
        )
    partial = partial_path(tree)
    remove_partial(tree)
    its_manifest = manifest.read(tree)
    if its_manifest is None or manifest.damage(tree, its_manifest):
        if fingerprint.file_digest(path) != sha256:
            raise PublishError(
                "{0} is not the product that was built (its sha256 differs): remove it and run again".format(path)
            )
        unpacked.unpack_tree(path, partial)
        os.chmod(partial, 0o755)
        fresh = manifest.read(partial)
        wrong = ["no manifest"] if fresh is None else manifest.damage(partial, fresh, full=True)
        if wrong:
            shutil.rmtree(partial, ignore_errors=True)
            raise PublishError("the unpacked {0} is not as its manifest says: {1}".format(path, "; ".join(wrong[:5])))
        try:
            check_sanity(partial)
            durable.sync_file_system(partial)
        except Exception:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if os.path.isdir(tree):
            _repair_tree(tree, partial, fresh)
        else:
            os.rename(partial, tree)
    former = os.path.realpath(prefix) if os.path.islink(prefix) else None
    swap_link(prefix, os.path.basename(tree))
    for link in order.links:
        _publish_link(link, prefix, order.replace_link)
    if former == os.path.realpath(tree):
        # Only repaired: the tree for rollback stays.
        return
    for old in published.trees(prefix, order.name):
        if os.path.realpath(old) not in (os.path.realpath(tree), former) and not published.in_use(old):
            shutil.rmtree(old)


def _repair_tree(tree, partial, its_manifest):
    # type: (str, str, Dict[str, Any]) -> None
    """Restore the damaged files of a published tree one by one, since a tree of the same name cannot be swapped."""
    for wrong in manifest.damage(tree, its_manifest, full=True):
        relative = file_names.to_native(wrong.rpartition(": ")[0])
        target = os.path.join(tree, relative)
        if os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        if not os.path.isdir(os.path.dirname(target)):
            os.makedirs(os.path.dirname(target))
        os.rename(os.path.join(partial, relative), target)
    manifest.write(tree, its_manifest)
    shutil.rmtree(partial)


def withdraw_tree(order, dry=False):
    # type: (Order, bool) -> Tuple[List[str], List[str]]
    """Remove what publish_tree published and restore what it saved; return (paths that are removed, notes about the rest).

    A file below a tree that is not in its manifest, or has another content there, stays.

    :param dry: only say so
    """
    prefix, removed, notes = order.prefix, [], []
    used = [tree for tree in published.trees(prefix, order.name) if published.in_use(tree)]
    if used and not dry:
        raise PublishError("a build uses {0}: wait until it ends, and run again".format(", ".join(used)))
    for link in order.links:
        path, saved = link["path"], link["path"] + SAVED_SUFFIX
        state = published.link_state(path, prefix, link["target"])
        if state == "foreign":
            if os.path.lexists(saved):
                notes.append("{0} was saved from {1}, where something else is now: both stay".format(saved, path))
            continue
        if state == "ours":
            removed.append(path)
        if os.path.lexists(saved):
            notes.append("{0}: the previous file is restored".format(path))
            if not dry:
                os.rename(saved, path)
        elif state == "ours" and not dry:
            os.unlink(path)
    if published.occupied_by(prefix, published.trees(prefix, order.name)) is None and os.path.islink(prefix):
        removed.append(prefix)
        if not dry:
            os.unlink(prefix)
    for tree in published.trees(prefix, order.name):
        kept = find_foreign_files(tree, manifest.read(tree) or {})
        removed.append(tree)
        if kept:
            notes.append(note_kept_files(tree, kept))
        if not dry:
            _delete_tree(tree, kept)
    return removed, notes


def find_foreign_files(tree, its_manifest):
    # type: (str, Dict[str, Any]) -> List[str]
    """Return the relative paths of the files and links below a tree that differ from its manifest or are not in it.

    What Python has compiled from a file of the tree belongs to the tree.
    """
    known = its_manifest.get("files", {})
    found = []
    for folder, names, files in os.walk(tree):
        for name in files + [name for name in names if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            relative = file_names.to_text(os.path.relpath(path, tree))
            own = relative in (manifest.TREE_NAME, manifest.TREE_NAME + ".partial") or _compiled_from(relative) in known
            if not own and not _matches(path, known.get(relative)):
                found.append(relative)
    return sorted(found)


def _matches(path, wanted):
    # type: (str, Optional[Dict[str, Any]]) -> bool
    if wanted is None:
        return False
    if "link" in wanted:
        return os.path.islink(path) and file_names.to_text(os.readlink(path)) == wanted["link"]
    return os.path.isfile(path) and not os.path.islink(path) and fingerprint.file_digest(path) == wanted["sha256"]


def _compiled_from(relative):
    # type: (str) -> str
    """Return the path of the source that Python compiled this file from, "" when it is no compiled file."""
    folder, name = os.path.split(relative)
    if os.path.basename(folder) != "__pycache__" or not name.endswith(".pyc"):
        return ""
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")


def _delete_tree(tree, stay):
    # type: (str, List[str]) -> None
    """Delete a tree except what stays. Its manifest is deleted last, so that an interrupted removal can be continued."""
    kept = frozenset(stay) | {manifest.TREE_NAME}
    for folder, names, files in os.walk(tree, topdown=False):
        for name in files + [name for name in names if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            if file_names.to_text(os.path.relpath(path, tree)) not in kept:
                os.unlink(path)
        if folder != tree and not os.listdir(folder):
            os.rmdir(folder)
    os.unlink(os.path.join(tree, manifest.TREE_NAME))
    if not stay:
        os.rmdir(tree)


def note_kept_files(root, kept):
    # type: (str, List[str]) -> str
    """Return the note on files that stay where the rest is removed."""
    rest = len(kept) - MAX_FILES
    return "{0}: these files stay, since this collection did not make them or somebody changed them: {1}".format(
        root, ", ".join(kept[:MAX_FILES]) + (" and {0} more".format(rest) if rest > 0 else "")
    )
