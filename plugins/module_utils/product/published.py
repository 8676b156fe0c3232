# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the state of published products on a host. Nothing is changed, so that examining a host loads no more than this."""

import glob
import os
import re

from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking, versions
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, manifest


def tree_path(prefix, version, mark):
    # type: (str, str, str) -> str
    """Return the path of the tree that a prefix links to."""
    return "{0}-{1}-{2}".format(prefix, version, fingerprint.short(mark))


def lock_tree(tree):
    # type: (str) -> int
    """Keep a tree from being removed while the descriptor that this returns is open. Raises OSError if it is missing.

    The prefix may still be linked to another tree: use the tree by its own path, not by the link's.
    """
    descriptor = os.open(tree, os.O_RDONLY)
    try:
        locking.lock(descriptor, tree, shared=True)
    except OSError:
        # Some network file systems do not lock folders; there the former tree is kept until the next but one is published.
        pass
    return descriptor


def in_use(tree):
    # type: (str) -> bool
    """Say whether a build uses a tree, see lock_tree; False if folders cannot be locked."""
    descriptor = os.open(tree, os.O_RDONLY)
    try:
        return not locking.lock(descriptor, tree)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def manifests(prefix, name):
    # type: (str, str) -> Dict[str, Dict[str, Any]]
    """Return the trees beside a prefix whose manifests name the given product: path -> manifest."""
    pattern = re.compile(re.escape(prefix) + r"-.+-[0-9a-f]{%d}$" % fingerprint.SHORT)
    found = {}  # type: Dict[str, Dict[str, Any]]
    for path in glob.glob(glob.escape(prefix) + "-*"):
        its_manifest = manifest.read(path) if pattern.match(path) and not os.path.islink(path) else None
        if its_manifest is not None and its_manifest["name"] == name:
            found[path] = its_manifest
    return found


def trees(prefix, name):
    # type: (str, str) -> List[str]
    """Return the paths of the trees beside a prefix whose manifests name the given product, sorted."""
    return sorted(manifests(prefix, name))


def occupied_by(prefix, ours):
    # type: (str, List[str]) -> Optional[str]
    """Return what is at a prefix that this collection did not put there, None when it is free or this collection's.

    :param ours: the product's trees beside the prefix
    """
    if not os.path.lexists(prefix):
        return None
    if not os.path.islink(prefix):
        return "a folder" if os.path.isdir(prefix) else "a file"
    target = os.path.realpath(prefix)
    # A link to a missing tree is this collection's if the tree's name has the form that only this collection uses.
    if target in map(os.path.realpath, ours) or re.match(
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


# name [extras] (specifiers); or a URL, with or without a name.
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?(.*)")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_WHEEL = re.compile(r"([^/-]+)-([^/-]+)-[^/]+\.whl(?:[?#].*)?$")
_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]\s*")


def missing_requirements(requirements, packages):
    # type: (List[str], Dict[str, str]) -> List[str]
    """Return the requirements that none of the installed packages (normalised name -> version) satisfies.

    A line with an environment marker (after a semicolon), or without a name, never counts as missing: only pip can judge
    it. The option for an editable install is removed.
    """
    return [line for line in map(plain_requirement, requirements) if _is_missing(line, packages)]


def plain_requirement(line):
    # type: (str) -> str
    """Return a line of a requirements file without the option for an editable install, which stays where it was built."""
    return _EDITABLE.sub("", line, 1) if _EDITABLE.match(line) else line


def _is_missing(line, packages):
    # type: (str, Dict[str, str]) -> bool
    name, specifiers = _parse_requirement(line.strip())
    if ";" in line or not name:
        return False
    found = packages.get(re.sub(r"[-_.]+", "-", name).lower())
    return found is None or not versions.satisfies(found, specifiers)


def _parse_requirement(line):
    # type: (str) -> Tuple[str, str]
    """Return (name, specifiers) of a requirement; "" for a missing name, and "" for specifiers that accept any version."""
    named = _NAMED.match(line)
    if "://" in line and not (named and named.group(2).lstrip().startswith("@")):
        egg, wheel = _EGG.search(line), _WHEEL.search(line.replace("%2B", "+"))
        return (egg.group(1), "") if egg else (wheel.group(1), "==" + wheel.group(2)) if wheel else ("", "")
    if not named:
        return "", ""
    rest = named.group(2).strip()
    return named.group(1), "" if rest.startswith("@") else rest
