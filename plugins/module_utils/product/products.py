# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product's folder, the same in a work directory and in a build cache: product.json and the one file that it names.

product.json, the metadata, is {"file": name, "size": bytes, "sha256": hex, "manifest": {…, without files}}. The file is
<label>.tar.gz for a tree, or a wheel. If products are signed, product.json.sig beside it signs the bytes of the metadata,
and so, by the digest in them, the file. On a host a file "taken" says that the product was built elsewhere. A folder is
either whole or absent: it is written as <folder>.partial… and renamed.
"""

import os
import shutil
import stat

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, foreign
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint as fingerprints
from ansible_collections.ascend.pytorch.plugins.module_utils.product import order as orders
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels

METADATA = "product.json"
SIGNATURE = METADATA + ".sig"
# Beside a product that a host has not built itself: its text says where the product is from.
TAKEN = "taken"
PARTIAL = ".partial"
DAMAGED = ".damaged-"
_TAKEN_LIMIT = 4096
# How the name of a tree's file ends.
TREE = ".tar.gz"


def compose(path, manifest):
    # type: (str, Dict[str, Any]) -> Dict[str, Any]
    """Return the metadata of a finished file. Raises OSError when the file cannot be read."""
    return {
        "file": os.path.basename(path),
        "size": os.path.getsize(path),
        "sha256": fingerprints.file_digest(path),
        "manifest": {key: value for key, value in manifest.items() if key != "files"},
    }


def label(manifest):
    # type: (Dict[str, Any]) -> str
    """Return the name of a manifest's product, see order.label()."""
    return orders.label(manifest["name"], manifest["version"], manifest["fingerprint"])


def is_of(metadata, order):
    # type: (Dict[str, Any], Order) -> bool
    """Say whether metadata belongs to an order's product."""
    manifest = metadata["manifest"]
    return manifest["fingerprint"] == order.fingerprint and label(manifest) == order.label()


def parse(text):
    # type: (Union[str, bytes]) -> Optional[Dict[str, Any]]
    """Return the metadata in a text, None when the text is not metadata.

    The text may be untrusted: metadata is only returned when it names a file, not a path out of the folder, and a file name
    that its product can have, not that of another file in the folder.
    """
    try:
        metadata = foreign.mapping(text)
        manifest = foreign.table(metadata.get("manifest"))
        for key in ("name", "version"):
            foreign.file_name(manifest.get(key))
        foreign.sha256(manifest.get("fingerprint"))
        foreign.sha256(metadata.get("sha256"))
        foreign.size(metadata.get("size"))
        if foreign.file_name(metadata.get("file")) != label(manifest) + TREE:
            wheels.parse_filename(metadata["file"])
    except (foreign.ForeignValueError, wheels.WheelError):
        return None
    return metadata


def metadata(folder):
    # type: (str) -> Optional[Dict[str, Any]]
    """Return the metadata in a product's folder, None when it is missing or cannot be read."""
    try:
        with open(os.path.join(folder, METADATA), "rb") as stream:
            return parse(stream.read())
    except OSError:
        return None


def is_complete(folder):
    # type: (str) -> bool
    """Say whether a folder has a product, by the same quick check as read()."""
    found = metadata(folder)
    return found is not None and not file_problems(folder, found)


def read(folder, fingerprint):
    # type: (str, str) -> Optional[Dict[str, Any]]
    """Return {"path", "sha256", "manifest"} of the product with this fingerprint, None when the folder does not have it.

    A quick check: the metadata can be read, and its file exists and has the stated size.
    """
    found = metadata(folder)
    if found is None or found["manifest"]["fingerprint"] != fingerprint or file_problems(folder, found):
        return None
    return {"path": os.path.join(folder, found["file"]), "sha256": found["sha256"], "manifest": found["manifest"]}


def taken_from(folder):
    # type: (str) -> str
    """Return where a product's folder is from, in words; "" for a product that this host has built itself."""
    try:
        with open(os.path.join(folder, TAKEN), encoding="utf-8", errors="replace") as stream:
            return stream.read(_TAKEN_LIMIT) or "elsewhere"
    except FileNotFoundError:
        return ""


def mark_taken(folder, place):
    # type: (str, str) -> None
    """Record in a product's folder, before it is published, that the product was built elsewhere.

    :param place: where it is from, in words
    """
    with open(os.path.join(folder, TAKEN), "w", encoding="utf-8") as stream:
        stream.write(place)


def file_problems(folder, metadata):
    # type: (str, Dict[str, Any]) -> List[str]
    """Return what is wrong with the file that metadata names, in words, without reading the file."""
    try:
        info = os.stat(os.path.join(folder, metadata["file"]))
    except OSError:
        return [metadata["file"] + ": missing"]
    if not stat.S_ISREG(info.st_mode):
        return [metadata["file"] + ": not a file"]
    size = info.st_size
    if size != metadata["size"]:
        return ["{0}: {1} bytes, wanted {2}".format(metadata["file"], size, metadata["size"])]
    return []


def problems(folder):
    # type: (str) -> List[str]
    """Return what is wrong with a product's folder, in words, the file's digest included; empty when it is whole.

    Raises OSError when its file exists and cannot be read.
    """
    found = metadata(folder)
    if found is None:
        return [METADATA + ": missing or unreadable"]
    wrong = file_problems(folder, found)
    if not wrong and fingerprints.file_digest(os.path.join(folder, found["file"])) != found["sha256"]:
        wrong.append(found["file"] + ": content differs from the digest in " + METADATA)
    return wrong


def publish(partial, folder):
    # type: (str, str) -> None
    """Rename a finished partial folder to the product's folder, durably, and replace what is there. Raises OSError.

    After a power cut the folder is the former one, the new one, or missing.
    """
    for name in os.listdir(partial):
        durable.sync(os.path.join(partial, name))
    durable.sync(partial)
    # A rename cannot replace a folder that is not empty.
    former = folder + PARTIAL + "-former"
    if os.path.lexists(former):
        shutil.rmtree(former)
    replaces = os.path.lexists(folder)
    if replaces:
        os.rename(folder, former)
    try:
        os.rename(partial, folder)
    except OSError:
        if replaces:
            os.rename(former, folder)
        raise
    durable.sync(os.path.dirname(folder))
    shutil.rmtree(former, ignore_errors=True)


def set_aside(folder):
    # type: (str) -> str
    """Rename a damaged product's folder to <folder>.damaged-<n>, with the first free n; return the path. Raises OSError."""
    number = 1
    while os.path.lexists(folder + DAMAGED + str(number)):
        number += 1
    os.rename(folder, folder + DAMAGED + str(number))
    return folder + DAMAGED + str(number)
