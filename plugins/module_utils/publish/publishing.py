# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish: make a tree live, by a rename and a link swap; and what all that is published shares. For wheels see installing.py.

A tree stands at <prefix>-<version>-<fp12>/ and <prefix> is a link to it. Before the swap the host has the former tree
whole, after it the new one whole; the former stays for rollback until the next but one is published.
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

SAVED = ".before-ascend"
# Files that are named one by one.
MOST_FILES = 10
# How long another publication into the same place is waited for: more than pip takes for torch on a slow disk, in seconds.
LOCK_LIMIT_S = 3600


class PublishError(Exception):
    """A product could not be published; the message says why and what to do. What was live before still is."""


def lock_path(order):
    # type: (Order) -> str
    """Return the lock of the place that a product is published to: beside a tree's prefix, or in pip's site folder."""
    if order.product == "tree":
        folder, name = os.path.split(order.prefix)
        return os.path.join(folder, ".{0}.ascend-lock".format(name))
    # A Python that is no virtual environment names the user's folder first (see base/interpreters.py), and after that folders of which
    # pip installs into the first.
    sites = order.sites
    if "--user" in order.pip_options:
        site = sites[0]
    else:
        system = sites[1:] or sites
        site = next(filter(os.path.isdir, system), system[0])
    return os.path.join(site, ".ascend-lock")


@contextmanager
def alone(order):
    # type: (Order) -> Iterator[None]
    """Hold the place that a product is published to: hosts may share it, and a host may have two names.

    Raises PublishError where it cannot be held.
    """
    try:
        with locking.held(lock_path(order), LOCK_LIMIT_S):
            yield
    except locking.NoLocks as error:
        raise PublishError("{0}, or set the prefix and the Python to places of the host's own".format(error.strerror))
    except locking.LockError as error:
        raise PublishError(str(error))


def partial_path(tree):
    # type: (str) -> str
    """Return where this process unpacks a tree, a name of its own."""
    return "{0}.{1}.{2}.partial".format(tree, socket.gethostname(), os.getpid())


def sweep_partial(tree):
    # type: (str) -> None
    """Remove what killed processes of this host left half unpacked; the place is held."""
    own = "{0}.{1}.".format(tree, socket.gethostname())
    for path in glob.glob(glob.escape(own) + "*.partial*"):
        shutil.rmtree(path, ignore_errors=True)


def swap_link(path, target):
    # type: (str, str) -> None
    """Make path a link to target, whatever link stood there, without a moment in which there is none."""
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
        # One that was saved before has been followed by another since. A hard link: the name is never without a program.
        if os.path.lexists(link["path"] + SAVED):
            os.unlink(link["path"] + SAVED)
        os.link(link["path"], link["path"] + SAVED, follow_symlinks=False)
    swap_link(link["path"], os.path.join(prefix, link["target"]))


def publish_tree(order, path, sha256, prove_sane=lambda root: None):
    # type: (Order, str, str, Callable[[str], None]) -> None
    """Publish a tree from its archive; for whoever holds its place.

    :param path: the product's archive on this host; :param sha256: of the archive
    :param prove_sane: called with the unpacked tree before it is made live, raises when that does not work on this host
    """
    prefix = order.prefix
    tree = published.tree_path(prefix, order.version, order.fingerprint)
    there = published.occupied(prefix, published.trees(prefix, order.name))
    if there is not None:
        raise PublishError(
            "{0} is {1} that this collection did not make: it is left alone. Move it away, or set "
            "{2}_prefix to another place".format(prefix, there, order.name)
        )
    partial = partial_path(tree)
    sweep_partial(tree)
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
            prove_sane(partial)
            durable.sync_file_system(partial)
        except Exception:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if os.path.isdir(tree):
            _mend(tree, partial, fresh)
        else:
            os.rename(partial, tree)
    former = os.path.realpath(prefix) if os.path.islink(prefix) else None
    swap_link(prefix, os.path.basename(tree))
    for link in order.links:
        _publish_link(link, prefix, order.replace_link)
    if former == os.path.realpath(tree):
        # Mended: what was kept for rollback still is.
        return
    for old in published.trees(prefix, order.name):
        if os.path.realpath(old) not in (os.path.realpath(tree), former) and not published.in_use(old):
            shutil.rmtree(old)


def _mend(tree, partial, its_manifest):
    # type: (str, str, Dict[str, Any]) -> None
    """Put what is damaged in a live tree back, file by file, since the tree cannot be swapped for one of its own name."""
    for wrong in manifest.damage(tree, its_manifest, full=True):
        relative = file_names.native(wrong.rpartition(": ")[0])
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
    """Take away what publish_tree put there and put back what it saved; return (paths that go, notes about the rest).

    A file below a tree that its manifest does not know, or knows with another content, is not ours: it stays.

    :param dry: only say so
    """
    prefix, removed, notes = order.prefix, [], []
    used = [tree for tree in published.trees(prefix, order.name) if published.in_use(tree)]
    if used and not dry:
        raise PublishError("a build works with {0}: wait for its end, and run again".format(", ".join(used)))
    for link in order.links:
        path, saved = link["path"], link["path"] + SAVED
        state = published.link_state(path, prefix, link["target"])
        if state == "foreign":
            if os.path.lexists(saved):
                notes.append("{0} was saved from {1}, where something else stands now: both stay".format(saved, path))
            continue
        if state == "ours":
            removed.append(path)
        if os.path.lexists(saved):
            notes.append("{0}: what stood there before is put back".format(path))
            if not dry:
                os.rename(saved, path)
        elif state == "ours" and not dry:
            os.unlink(path)
    if published.occupied(prefix, published.trees(prefix, order.name)) is None and os.path.islink(prefix):
        removed.append(prefix)
        if not dry:
            os.unlink(prefix)
    for tree in published.trees(prefix, order.name):
        stay = strangers(tree, manifest.read(tree) or {})
        removed.append(tree)
        if stay:
            notes.append(staying(tree, stay))
        if not dry:
            _clear(tree, stay)
    return removed, notes


def strangers(tree, its_manifest):
    # type: (str, Dict[str, Any]) -> List[str]
    """Return the relative paths of the files and links below a tree that are not as its manifest has them.

    What Python has compiled from a file of the tree's is the tree's too.
    """
    known = its_manifest.get("files", {})
    found = []
    for folder, names, files in os.walk(tree):
        for name in files + [name for name in names if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            relative = file_names.told(os.path.relpath(path, tree))
            own = relative in (manifest.TREE_NAME, manifest.TREE_NAME + ".partial") or _source(relative) in known
            if not own and not _is_as(path, known.get(relative)):
                found.append(relative)
    return sorted(found)


def _is_as(path, wanted):
    # type: (str, Optional[Dict[str, Any]]) -> bool
    if wanted is None:
        return False
    if "link" in wanted:
        return os.path.islink(path) and file_names.told(os.readlink(path)) == wanted["link"]
    return os.path.isfile(path) and not os.path.islink(path) and fingerprint.file_digest(path) == wanted["sha256"]


def _source(relative):
    # type: (str) -> str
    """Return the path of what Python compiled this file from, "" when it is none of Python's."""
    folder, name = os.path.split(relative)
    if os.path.basename(folder) != "__pycache__" or not name.endswith(".pyc"):
        return ""
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")


def _clear(tree, stay):
    # type: (str, List[str]) -> None
    """Delete a tree but for what stays. Its manifest goes last: a removal that was killed is gone on with."""
    kept = frozenset(stay) | {manifest.TREE_NAME}
    for folder, names, files in os.walk(tree, topdown=False):
        for name in files + [name for name in names if os.path.islink(os.path.join(folder, name))]:
            path = os.path.join(folder, name)
            if file_names.told(os.path.relpath(path, tree)) not in kept:
                os.unlink(path)
        if folder != tree and not os.listdir(folder):
            os.rmdir(folder)
    os.unlink(os.path.join(tree, manifest.TREE_NAME))
    if not stay:
        os.rmdir(tree)


def staying(root, stay):
    # type: (str, List[str]) -> str
    """Return the note on files that are left where the rest was taken away."""
    rest = len(stay) - MOST_FILES
    return "{0}: left there, since this collection did not make it or somebody changed it: {1}".format(
        root, ", ".join(stay[:MOST_FILES]) + (" and {0} more".format(rest) if rest > 0 else "")
    )
