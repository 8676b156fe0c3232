# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of copying products piece by piece to and from the controller; for their folders see entries.py."""

import glob
import os
import shutil

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable
from ansible_collections.ascend.pytorch.plugins.module_utils.product import entries, fingerprint, products

# The name of the file in Ansible's temporary folder on a host that has one piece after the other. When several whole products
# are sent at once, the names of their files begin with it.
PIECE = "ascend-piece"


def write_piece(entry, sha256, offset, length, piece):
    # type: (entries.Entry, str, int, int, str) -> int
    """Write `length` bytes of a product's file, from `offset`, into the existing file `piece`; return how many there were.

    :param sha256: of the product's file, so that pieces of two files are never joined
    """
    found = products.read(entry.folder, entry.mark)
    if found is None or found["sha256"] != sha256:
        raise entries.CarryingError(
            "{0} was removed or replaced while it was being copied. Run again".format(entry.folder)
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
    # Its folder belongs to the account that Ansible logs in as: a link there must not lead this account to another file.
    try:
        return os.fdopen(os.open(path, flags | os.O_NOFOLLOW), mode)
    except OSError as error:
        raise entries.CarryingError(
            "{0}: {1}. The account that builds must have access to the temporary folder of the account that Ansible logs in "
            "as: install setfacl (package acl), or set ansible_remote_tmp to a folder where both have access".format(
                path, error.strerror
            )
        )


def _sweep_pieces(piece):
    # type: (str) -> None
    """Remove the pieces of killed runs. Ansible leaves their temporary folders, in which only the pieces are large."""
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
    """Return {"present", "received"}: whether the host has the product, and how many bytes of its file have arrived.

    :param text: its metadata; :param dry: only look
    :raises entries.CarryingError: the disk has no space for the rest
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
    """Append a piece to a product's file, and publish the product after the last one.

    A piece that does not begin where the file ends is ignored: another run has brought that part in the meantime.

    :param offset: where in the file the piece begins; :param piece: its path, None for none; :param length: its size
    :return: {"present", "received", "damaged"}; damaged: the digest was wrong, and nothing is kept
    """
    metadata = entries.parse_metadata(text, entry)
    size = metadata["size"]
    entry.make()
    with entry.locked():
        if not os.path.isdir(entry.partial(metadata["sha256"])) and products.read(entry.folder, entry.mark) is not None:
            # prepare() made that folder; another run has completed and published it.
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
                "only {1} of the {0} bytes of a piece arrived in {2}. Run again".format(length, size, piece)
            )
        with open(path, "ab") as out:
            shutil.copyfileobj(stream, out, entries.BLOCK_BYTES)
            durable.flush(out)
    return size
