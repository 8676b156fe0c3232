# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of carrying products piece by piece to and from the controller; see entries.py for where they stand."""

import glob
import os
import shutil

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable
from ansible_collections.ascend.pytorch.plugins.module_utils.product import entries, fingerprint, products

# The name of a file in Ansible's temporary folder of a host; one piece after the other lies in it. Those of products that are
# brought whole, several at once, have more behind it.
PIECE = "ascend-piece"


def write_piece(entry, sha256, offset, length, piece):
    # type: (entries.Entry, str, int, int, str) -> int
    """Write so many bytes of a product's file into a piece, a file that is there; return how many there were.

    :param sha256: of the file: pieces of two files do not make a third
    """
    found = products.read(entry.folder, entry.mark)
    if found is None or found["sha256"] != sha256:
        raise entries.CarryingError(
            "{0} was taken away or replaced while it was being collected. Run again".format(entry.folder)
        )
    if not offset:
        _sweep_pieces(piece)
    with open(found["path"], "rb") as stream, _open_piece(piece, os.O_WRONLY | os.O_TRUNC, "wb") as out:
        stream.seek(offset)
        left = length
        while left:
            block = stream.read(min(left, entries.BLOCK_BYTES))
            if not block:
                break
            out.write(block)
            left -= len(block)
    return length - left


def _open_piece(path, flags, mode):
    # type: (str, int, str) -> Any
    # It lies in a folder of the account that Ansible logs in as, which shall not lead another's hand elsewhere.
    try:
        return os.fdopen(os.open(path, flags | os.O_NOFOLLOW), mode)
    except OSError as error:
        raise entries.CarryingError(
            "{0}: {1}. The account that builds has to reach the folder for temporary files of the one that Ansible logs in "
            "as: install setfacl (package acl), or set ansible_remote_tmp to a folder where it may".format(
                path, error.strerror
            )
        )


def _sweep_pieces(piece):
    # type: (str) -> None
    """Remove the pieces of killed runs: of their temporary folders, which Ansible leaves, they are all that is big."""
    folders = os.path.join(glob.escape(os.path.dirname(os.path.dirname(piece))), "ansible-tmp-*")
    for path in glob.glob(os.path.join(folders, PIECE + "*")):
        if os.path.dirname(path) != os.path.dirname(piece) and entries.idle_s(path) > entries.PIECE_IDLE_S:
            try:
                os.unlink(path)
            except OSError:
                pass


def _received_bytes(path):
    # type: (str) -> int
    return os.path.getsize(path) if os.path.isfile(path) else 0


def prepare(entry, text, dry):
    # type: (entries.Entry, str, bool) -> Dict[str, Any]
    """Return {"present", "received"}: whether the product stands here, and how many bytes of it have arrived.

    Sees to it that there is room for the rest.

    :param text: its metadata
    """
    metadata = entries.parse_metadata(text, entry)
    size = metadata["size"]
    if dry:
        return {"present": entry.whole(), "received": 0}
    entry.make()
    with entry.locked():
        if entry.whole():
            return {"present": True, "received": size}
        entry.sweep(metadata["sha256"])
        partial = entry.make_partial(metadata["sha256"])
        received = _received_bytes(os.path.join(partial, metadata["file"]))
        entries.require_space(entry.top, size - received, "ascend_work_dir")
        return {"present": False, "received": received}


def receive(entry, text, signature, offset, piece, length):
    # type: (entries.Entry, str, Optional[str], int, Optional[str], int) -> Dict[str, Any]
    """Take in a piece of a product's file, and after the last make the product whole.

    A piece that does not begin where the file ends is left alone, for another run has brought that part meanwhile.

    :param offset: where in the file the piece begins; :param piece: its path, None for none; :param length: its size
    :return: {"present", "received", "damaged"}; damaged: the digest was wrong, and nothing is kept
    """
    metadata = entries.parse_metadata(text, entry)
    size = metadata["size"]
    entry.make()
    with entry.locked():
        if not os.path.isdir(entry.partial(metadata["sha256"])) and products.read(entry.folder, entry.mark) is not None:
            # prepare() made that folder; another run has made it the product.
            return {"present": True, "received": size, "damaged": False}
        partial = entry.make_partial(metadata["sha256"])
        path = os.path.join(partial, metadata["file"])
        received = _received_bytes(path)
        if piece and received == offset:
            if not offset:
                _sweep_pieces(piece)
            received += _append(path, piece, length)
        if received < size:
            return {"present": False, "received": received, "damaged": False}
        if fingerprint.file_digest(path) != metadata["sha256"]:
            os.unlink(path)
            return {"present": False, "received": 0, "damaged": True}
        entries.finish(entry, partial, metadata, text, signature, "the controller")
    return {"present": True, "received": size, "damaged": False}


def _append(path, piece, length):
    # type: (str, str, int) -> int
    with _open_piece(piece, os.O_RDONLY, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size != length:
            raise entries.CarryingError(
                "of a piece of {0} bytes {1} arrived in {2}. Run again".format(length, size, piece)
            )
        with open(path, "ab") as out:
            shutil.copyfileobj(stream, out, entries.BLOCK_BYTES)
            durable.flush(out)
    return size
