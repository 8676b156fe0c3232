# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish: make a product live, by a rename and a link swap (trees) or by pip's own transaction (wheels).

A tree stands at <prefix>-<version>-<fp12>/ and <prefix> is a link to it. Before the swap the host has the former tree
whole, after it the new one whole; the former stays for rollback until the next but one is published.
"""

import glob
import os
import re
import shutil
from typing import Callable

from ansible_collections.ascend.pytorch.plugins.module_utils import archive, diagnose, fingerprint, manifest

SAVED = ".before-ascend"
REMOVED = ".removed"

Runner = Callable[..., str]


class PublishError(Exception):
    """A product could not be published; the message says why and what to do. What was live before still is."""


def tree_path(prefix, version, mark):
    # type: (str, str, str) -> str
    """Return where the tree behind a prefix stands."""
    return "{0}-{1}-{2}".format(prefix, version, fingerprint.short(mark))


def swap_link(path, target):
    # type: (str, str) -> None
    """Make path a link to target, whatever link stood there, without a moment in which there is none."""
    partial = path + ".partial"
    if os.path.lexists(partial):
        os.unlink(partial)
    os.symlink(target, partial)
    os.rename(partial, path)


def trees(prefix, name, suffix=""):
    # type: (str, str, str) -> List[str]
    """Return the trees beside a prefix whose manifests say that they are the named product's, and that end in suffix."""
    pattern = re.compile(re.escape(prefix) + r"-.+-[0-9a-f]{%d}%s$" % (fingerprint.SHORT, re.escape(suffix)))
    found = []
    for path in glob.glob(glob.escape(prefix) + "-*"):
        card = manifest.read(path) if pattern.match(path) and not os.path.islink(path) else None
        if card is not None and card["name"] == name:
            found.append(path)
    return sorted(found)


def occupied(prefix, name):
    # type: (str, str) -> Optional[str]
    """Say what stands at a prefix that this collection did not put there, None when the place is free or ours."""
    if not os.path.lexists(prefix):
        return None
    if not os.path.islink(prefix):
        return "a folder" if os.path.isdir(prefix) else "a file"
    target = os.path.realpath(prefix)
    # A link whose tree is gone is ours when its name is one that only we give.
    if target in map(os.path.realpath, trees(prefix, name)) or re.match(
        re.escape(os.path.basename(prefix)) + r"-.+-[0-9a-f]{12}$", os.path.basename(os.readlink(prefix))
    ):
        return None
    return "a link to " + os.readlink(prefix)


def link_state(path, prefix, target):
    # type: (str, str, str) -> str
    """Return "ours", "foreign" or "absent" for a link such as /usr/bin/cmake."""
    if not os.path.lexists(path):
        return "absent"
    if os.path.islink(path) and os.readlink(path) == os.path.join(prefix, target):
        return "ours"
    return "foreign"


def _publish_link(link, prefix, replace):
    # type: (Dict[str, str], str, bool) -> None
    state = link_state(link["path"], prefix, link["target"])
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


def publish_tree(order, path, sha256):
    # type: (Dict[str, Any], str, str) -> None
    """Publish a tree from its archive.

    :param order: name, version, fingerprint, prefix, links, replace_link (whether a foreign link may be replaced)
    :param path: the product's archive on this host; :param sha256: of the archive
    """
    prefix = order["prefix"]
    tree = tree_path(prefix, order["version"], order["fingerprint"])
    there = occupied(prefix, order["name"])
    if there is not None:
        raise PublishError(
            "{0} is {1} that this collection did not make: it is left alone. Move it away, or set "
            "{2}_prefix to another place".format(prefix, there, order["name"])
        )
    partial = tree + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    card = manifest.read(tree)
    if card is None or manifest.damage(tree, card):
        if fingerprint.file_digest(path) != sha256:
            raise PublishError(
                "{0} is not the product that was built (its sha256 differs): remove it and run again".format(path)
            )
        if not os.path.isdir(os.path.dirname(prefix)):
            os.makedirs(os.path.dirname(prefix), 0o755)
        archive.unpack(path, partial, strip=0)
        os.chmod(partial, 0o755)
        fresh = manifest.read(partial)
        wrong = ["no manifest"] if fresh is None else manifest.damage(partial, fresh, full=True)
        if wrong:
            shutil.rmtree(partial, ignore_errors=True)
            raise PublishError("the unpacked {0} is not as its manifest says: {1}".format(path, "; ".join(wrong[:5])))
        os.sync()
        if os.path.isdir(tree):
            _mend(tree, partial, fresh)
        else:
            os.rename(partial, tree)
    former = os.path.realpath(prefix) if os.path.islink(prefix) else None
    swap_link(prefix, os.path.basename(tree))
    for link in order.get("links", []):
        _publish_link(link, prefix, order.get("replace_link", False))
    if former == os.path.realpath(tree):
        # Mended: what was kept for rollback still is.
        return
    for old in trees(prefix, order["name"]):
        if os.path.realpath(old) not in (os.path.realpath(tree), former):
            shutil.rmtree(old)


def _mend(tree, partial, card):
    # type: (str, str, Dict[str, Any]) -> None
    """Put what is damaged in a live tree back, file by file, since the tree cannot be swapped for one of its own name."""
    for wrong in manifest.damage(tree, card, full=True):
        relative = wrong.rpartition(": ")[0]
        target = os.path.join(tree, relative)
        if os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        if not os.path.isdir(os.path.dirname(target)):
            os.makedirs(os.path.dirname(target), 0o755)
        os.rename(os.path.join(partial, relative), target)
    manifest.write(tree, card)
    shutil.rmtree(partial)


def withdraw_tree(order):
    # type: (Dict[str, Any]) -> List[str]
    """Take away what publish_tree put there, put back what it saved, and return what was removed."""
    prefix, removed = order["prefix"], []
    for link in order.get("links", []):
        if link_state(link["path"], prefix, link["target"]) == "ours":
            if os.path.lexists(link["path"] + SAVED):
                os.rename(link["path"] + SAVED, link["path"])
            else:
                os.unlink(link["path"])
            removed.append(link["path"])
    if occupied(prefix, order["name"]) is None and os.path.islink(prefix):
        os.unlink(prefix)
        removed.append(prefix)
    for tree in trees(prefix, order["name"]):
        # A rename first: a removal that is killed leaves nothing that looks installed.
        os.rename(tree, tree + REMOVED)
        removed.append(tree)
    for tree in trees(prefix, order["name"], REMOVED):
        shutil.rmtree(tree)
    return removed


# --- wheels -----------------------------------------------------------------------------------------------------------


def pip_missing(requirements, packages):
    # type: (List[str], Dict[str, str]) -> List[str]
    """Return the requirements whose names are not among the installed packages (normalised name -> version).

    A line with an environment marker (after a semicolon) is pip's to judge: it never counts as missing.
    """
    return [
        line
        for line in requirements
        if ";" not in line
        and re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[@(]", line.strip(), maxsplit=1)[0]).lower() not in packages
    ]


def publish_wheel(order, path, sha256, requirements, run):
    # type: (Dict[str, Any], str, str, List[str], Runner) -> List[str]
    """Install a wheel and what it requires, and return notes about complaints of pip that mean no harm.

    pip removes a different version first and puts it back when it cannot install the new one.

    :param order: distribution, version, python, pip_options
    :param path: the wheel on this host, empty when it is installed and whole; :param sha256: of the wheel
    :param requirements: lines that pip installs before it
    :param run: called with (argv), returns the output, raises on failure
    """
    if path and fingerprint.file_digest(path) != sha256:
        raise PublishError(
            "{0} is not the product that was built (its sha256 differs): remove it and run again".format(path)
        )
    pip = [order["python"], "-m", "pip", "install", "--disable-pip-version-check"] + list(order["pip_options"])
    said = ""
    if requirements:
        said += run(pip + list(requirements))
    if path:
        said += run(pip + ["--no-deps", "--no-index", "--force-reinstall", path])
    return diagnose.harmless(said)


def sweep(sites, distribution):
    # type: (List[str], str) -> List[str]
    """Remove what a killed pip stashed in site directories (a name whose first letter became ~); return the paths."""
    swept = []
    stash = "~" + distribution[1:]
    for site in sites:
        for path in glob.glob(os.path.join(glob.escape(site), glob.escape(stash) + "*")):
            if os.path.basename(path) == stash or os.path.basename(path).startswith(stash + "-"):
                shutil.rmtree(path, ignore_errors=True)
                swept.append(path)
    return swept
