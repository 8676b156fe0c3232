# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a product between a host and the build cache: in pieces through the connection, or the host by itself.

Pieces go through a file in Ansible's temporary folder on the host, by the connection's own file transfer: as binary,
without either side holding them in memory. What has arrived is kept, and the next try goes on with it. A product that is no
more than a piece can be left there for the module publish to take in, which spares the host a question or two.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, foreign, logins
from ansible_collections.ascend.pytorch.plugins.module_utils.product import carrying, fingerprint, products
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs, speaking, transfer

Json = dict[str, Any]

# What a lost connection costs at most, and what both sides' temporary folders have to hold.
PIECE_BYTES = 64 << 20


class CarryError(transfer.TransferError):
    """A product could not be carried; the message says what, where, and what to do."""


class Damaged(CarryError):
    """What was to be carried is not what its metadata says: another place may have it, or it has to be built again."""


class Held(NamedTuple):
    """A product that a host has: its metadata, the signature of that, and from where it is, "" for one the host built."""

    metadata: bytes
    signature: bytes | None
    taken: str


class Carrier:
    """Carries products between the build cache and the host that an action works on.

    A connection that fails is an AnsibleConnectionFailure, whatever else goes wrong a TransferError: a CarryError where it is
    the product.
    """

    def __init__(
        self, action: ActionBase, task_vars: Json, known: logins.Logins | None = None, hands_over: bool = False
    ) -> None:
        """
        :param action: of whose connection and user all use is made; delegated, it is the other host's
        :param known: logins for places of the build cache, see module_utils/base/logins.py
        :param hands_over: whether deliver() leaves small products in a file on the host: whoever asks it to takes them in
        """
        self._hands_over = hands_over
        # Name of a product -> the ARRIVED of module_utils/provide/providing.py that deliver() has left on the host.
        self.handed_over: dict[str, Json] = {}
        self._known = known or {}
        self._action = action
        self._transfer = transfer.Transfer(action)
        self._task_vars = task_vars
        # Path of the piece's file on the host, "" as long as there is none.
        self._piece = ""
        # (place, label) -> metadata and signature as they were read, so that a host gets them letter by letter.
        self._looked_up: dict[tuple[str, str], tuple[bytes, bytes | None]] = {}

    # --- what the host has

    def has(self, order: Order) -> bool:
        """Say whether the host has a product whole; one that is damaged is set aside there, and not had."""
        return bool(self._ask(order, "held", digest=True)["present"])

    def held(self, order: Order) -> Held:
        """Return what the host says of its product."""
        told = self._held(order)
        signature = told["signature"]
        return Held(str(told["metadata"]).encode(), str(signature).encode() if signature else None, str(told["taken"]))

    def _held(self, order: Order, digest: bool = False) -> Json:
        held = self._ask(order, "held", digest=digest)
        if not held["present"]:
            raise CarryError(
                f"{order.work_dir}/products/{order.label()} on the host is not there any more, or damaged and set "
                "aside. Run again: it is built anew"
            )
        return held

    # --- to the controller

    def collect(self, order: Order, folder: str | os.PathLike[str]) -> None:
        """Bring the host's product into a folder on the controller, going on with what is there.

        :param folder: Store.receiving()'s; ends up with the metadata and its signature, if the host has one, and the file
        """
        if self._action._task.check_mode:
            return
        partial = Path(folder)
        try:
            for _again in range(2):
                held = self._held(order)
                metadata = self._own_metadata(order, held)
                path = partial / metadata["file"]
                self._lay_out(partial, held)
                self._gather(order, metadata, path)
                if fingerprint.file_digest(str(path)) == metadata["sha256"]:
                    return
                # What came in an earlier run, or on the way, is to blame; or the host's own, which then is set aside.
                path.unlink()
                self._held(order, digest=True)
        except OSError as error:
            raise _here(error, partial)
        raise CarryError(
            f"{order.label()} does not arrive as it is on the host, though it was sent twice: look for faults in the "
            f"network, or in the disk of {partial}, and run again"
        )

    @staticmethod
    def _own_metadata(order: Order, held: Json) -> Json:
        """Return the metadata of the host's product: whatever the host says, one of the product that was asked for."""
        metadata = products.parse(held["metadata"])
        if metadata is None or not products.is_of(metadata, order):
            raise CarryError(
                f"{order.work_dir}/products/{order.label()}/{products.METADATA} on the host is not the metadata of "
                "that product. Remove that folder and run again: it is built anew"
            )
        return metadata

    def _lay_out(self, partial: Path, held: Json) -> None:
        """Put the metadata into the folder, and away from it what arrived of a file that other metadata names."""
        metadata, signature = partial / products.METADATA, partial / products.SIGNATURE
        text = str(held["metadata"]).encode()
        if not metadata.is_file() or metadata.read_bytes() != text:
            for path in partial.iterdir():
                path.unlink()
            metadata.write_bytes(text)
        if held["signature"]:
            signature.write_bytes(str(held["signature"]).encode())
        else:
            signature.unlink(missing_ok=True)

    def _gather(self, order: Order, metadata: Json, path: Path) -> None:
        """Bring what is lacking of the file, and never more than the metadata says: the rest is the host's word."""
        size = metadata["size"]
        have = path.stat().st_size if path.is_file() else 0
        free = shutil.disk_usage(path.parent).free
        if size - have > free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        with _scratch() as scratch, open(path, "ab") as out:
            came = scratch / carrying.PIECE
            while have < size:
                # Where the run was killed the next one goes on behind what has come.
                runs.end_if_over()
                remote, most = self._remote_piece(), min(PIECE_BYTES, size - have)
                cut = self._ask(order, "cut", sha256=metadata["sha256"], offset=have, length=most, piece=remote)
                length = _told(cut["length"], most)
                self._transfer.fetch(remote, str(came))
                if not length or came.stat().st_size != length:
                    raise CarryError(
                        f"of a piece of {path.name} {came.stat().st_size} of {length} bytes arrived in {came.parent}. "
                        "Run again: it goes on there"
                    )
                with open(came, "rb") as piece:
                    shutil.copyfileobj(piece, out, 1 << 20)
                durable.flush(out)
                have += length
                speaking.whisper(f"{path.name}: {have} of {size} bytes collected")

    # --- from the controller

    def deliver(self, order: Order, folder: str | os.PathLike[str], metadata: Json) -> bool:
        """Bring a product from a folder on the controller to the host; return False when it is there already.

        :param folder: of the product in the build cache
        :param metadata: the content of its product.json, as it was found right
        """
        label, source = order.label(), Path(folder) / metadata["file"]
        try:
            text, signature = self._texts(Path(folder), metadata)
            sent = sum(each["length"] for each in self.handed_over.values())
            if self._hands_over and 0 < metadata["size"] <= PIECE_BYTES - sent:
                piece = self._transfer.put(str(source), f"{carrying.PIECE}-{order.name}")
                if self._transfer.is_shared:
                    self._transfer.let_in(piece, "0644")
                arrived = {"metadata": text, "signature": signature, "piece": piece, "length": metadata["size"]}
                self.handed_over[order.name] = arrived
                return True
            wanted = self._ask(order, "wanted", metadata=text)
            if wanted["present"] or self._action._task.check_mode:
                return not wanted["present"]
            have = _told(wanted["received"])
            for _again in range(2):
                answer = self._send(order, source, have, metadata["size"], metadata=text, signature=signature)
                if answer["present"]:
                    return True
                if fingerprint.file_digest(str(source)) != metadata["sha256"]:
                    raise Damaged(
                        f"{folder} in the build cache is not what its metadata says. Remove it: it is built anew"
                    )
                have = 0
        except OSError as error:
            raise CarryError(f"{label} cannot be read from the build cache: {error.filename}: {error.strerror}")
        raise CarryError(
            f"{label} does not arrive on the host as it is in {folder}, though it was sent twice: look for faults in the "
            f"network, or in the disk of {order.work_dir}, and run again"
        )

    @staticmethod
    def _texts(folder: Path, metadata: Json) -> tuple[str, str | None]:
        """Return the text of the metadata, and its signature: as they stand there, if they are of this metadata."""
        text = (folder / products.METADATA).read_bytes().decode("utf-8", "replace")
        if products.parse(text) != metadata:
            return json.dumps(metadata, sort_keys=True), None
        signature = folder / products.SIGNATURE
        return text, signature.read_text() if signature.is_file() else None

    def _send(self, order: Order, source: Path, have: int, size: int, **metadata: Any) -> Json:
        """Send a file from some byte on, and return the host's last answer: the product is present, or was damaged."""
        with _scratch() as scratch, open(source, "rb") as stream:
            piece = scratch / carrying.PIECE
            while True:
                runs.end_if_over()
                stream.seek(have)
                length = _cut(stream, piece)
                remote = None
                if length:
                    remote = self._remote_piece()
                    self._transfer.overwrite(str(piece), remote)
                answer = self._ask(order, "received", offset=have, length=length, piece=remote, **metadata)
                if answer["present"] or answer["damaged"]:
                    return answer
                if not length and answer["received"] == have:
                    raise CarryError(f"{source} has become shorter while it was sent. Run again")
                # More than was sent, where another run sends the same.
                have = _told(answer["received"])
                speaking.whisper(f"{source.name}: {have} of {size} bytes delivered")

    # --- places that hosts reach

    def look_up(self, order: Order, place: str, signed: bool) -> tuple[bytes, bytes | None] | None:
        """Return metadata and signature of a product at a file:// or http(s):// place; None where not there, or damaged.

        :param signed: whether the caller asks for a trusted signature; without one nothing is read but over TLS
        :raises CarryError: the place does not answer
        """
        label = order.label()
        told = self._ask(order, "looked_up", place=place, signed=signed)
        if told["wrong"]:
            speaking.warn(f"the build cache: {told['wrong']}: it is not used")
        if told["metadata"] is None:
            return None
        signature = told["signature"]
        texts = (str(told["metadata"]).encode(), str(signature).encode() if signature else None)
        self._looked_up[place, label] = texts
        return texts

    def take_from(self, order: Order, place: str, metadata: Json) -> bool:
        """Have the host bring a product from a file:// or http(s):// place; return False when it is there already.

        :param metadata: as look_up() read it there, and as it was found right
        """
        text, signature = self._looked_up.get((place, order.label()), (b"", None))
        if products.parse(text) != metadata:
            text, signature = json.dumps(metadata, sort_keys=True).encode(), None
        return bool(
            self._ask(
                order, "taken", place=place, metadata=text.decode(), signature=signature.decode() if signature else None
            )["changed"]
        )

    def keep_at(self, order: Order, place: str, signature: bytes | None = None) -> None:
        """Have the host put its product into a file:// place.

        :param signature: of its metadata; without it the product keeps the one that it has, if any
        """
        self._ask(order, "kept", place=place, signature=signature.decode() if signature else None)

    # --- the connection

    def _ask(self, order: Order, state: str, **arguments: Any) -> Json:
        """Have the module do its part and return its result."""
        result: Json = self._action._execute_module(
            module_name="ascend.pytorch.carry",
            module_args=dict(
                arguments,
                state=state,
                work_dir=order.work_dir,
                label=order.label(),
                fingerprint=order.fingerprint,
                # What is asked of a place.
                **({"logins": self._known} if "place" in arguments else {}),
            ),
            task_vars=self._task_vars,
        )
        if result.get("unreachable"):
            raise AnsibleConnectionFailure(str(result.get("msg", "")))
        if result.get("failed"):
            raise (Damaged if result.get("damaged") else CarryError)(str(result.get("msg", "")))
        return result

    def _remote_piece(self) -> str:
        """Return the path of the file on the host through which pieces go, made once.

        The one who logs in and the one who it becomes both read and write it. The folder around it keeps others out.
        """
        if self._piece:
            return self._piece
        with tempfile.NamedTemporaryFile(dir=C.DEFAULT_LOCAL_TMP) as nothing:
            path = self._transfer.put(nothing.name, carrying.PIECE)
        self._transfer.let_in(path, "0666" if self._transfer.is_shared else "0600")
        self._piece = path
        return path


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """Hold a folder for pieces, apart from what they are pieces of: a file may be called whatever it is called."""
    # Ansible's own temporary folder: it is the user's. The cache's folder may be one that can only be read.
    with tempfile.TemporaryDirectory(prefix="carry-", dir=C.DEFAULT_LOCAL_TMP) as folder:
        yield Path(folder)


def _told(value: Any, most: int | None = None) -> int:
    """Return a number of bytes that a host told of."""
    try:
        return foreign.size(value, most)
    except foreign.ForeignValueError as error:
        raise CarryError(
            f"what the host says of a product's size cannot be: {error}. Look at that host before all else"
        )


def _cut(stream: Any, path: Path) -> int:
    """Write the next piece of a stream into a file; return its size."""
    left = PIECE_BYTES
    with open(path, "wb") as out:
        while left and (block := stream.read(min(left, 1 << 20))):
            out.write(block)
            left -= len(block)
    return PIECE_BYTES - left


def _here(error: OSError, folder: Path) -> CarryError:
    """Return what to say of an error of the controller's file system."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "Free some, take old products away (-e ascend_cache=prune), or set" if full else "Put that right, or set"
    return CarryError(
        f"{error.filename or folder} on the controller: {error.strerror}. {remedy} ascend_build_cache to another folder, and run "
        "again: it goes on where it was"
    )
