# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry a product between a host and the build cache: in pieces through the connection, or the host by itself.

Pieces go through a file in Ansible's temporary folder on the host, by the connection's own file transfer: as binary,
without either side holding them in memory. What has arrived is kept, and the next attempt goes on from there. A product no
larger than a piece can be left there for the module publish, which saves a module call or two.
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

# What a lost connection costs at most, and what the temporary folders of both sides have to hold.
PIECE_BYTES = 64 << 20


class CarryError(transfer.TransferError):
    """A product could not be carried; the message says what, where, and what to do."""


class Damaged(CarryError):
    """The product does not match its metadata: another place may have it, or it has to be built again."""


class Held(NamedTuple):
    """A product of a host: its metadata, the signature of that, and where it was taken from, "" where the host built it."""

    metadata: bytes
    signature: bytes | None
    taken: str


class Carrier:
    """Carries products between the build cache and the host that an action works on.

    Raises AnsibleConnectionFailure where the connection fails, else TransferError: CarryError where it concerns the product.
    """

    def __init__(
        self, action: ActionBase, task_vars: Json, known: logins.Logins | None = None, hands_over: bool = False
    ) -> None:
        """
        :param action: its connection and user are used, those of the other host where the task is delegated
        :param known: logins for places of the build cache, see module_utils/base/logins.py
        :param hands_over: whether deliver() leaves small products in a file on the host, for the module publish to take
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
        """Say whether the host has a product whole; a damaged one is set aside there."""
        return bool(self._run_module(order, "held", digest=True)["present"])

    def held(self, order: Order) -> Held:
        """Return what the host says of its product."""
        told = self._held(order)
        signature = told["signature"]
        return Held(str(told["metadata"]).encode(), str(signature).encode() if signature else None, str(told["taken"]))

    def _held(self, order: Order, digest: bool = False) -> Json:
        held = self._run_module(order, "held", digest=digest)
        if not held["present"]:
            raise CarryError(
                f"{order.work_dir}/products/{order.label()} on the host is gone, or was damaged and set aside. Run again: it is "
                "built anew"
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
                metadata = self._admitted_metadata(order, held)
                path = partial / metadata["file"]
                self._prepare_folder(partial, held)
                self._fetch_pieces(order, metadata, path)
                if fingerprint.file_digest(str(path)) == metadata["sha256"]:
                    return
                # Damaged on the way, in this run or an earlier one; or on the host, which then sets it aside.
                path.unlink()
                self._held(order, digest=True)
        except OSError as error:
            raise _controller_error(error, partial)
        raise CarryError(
            f"{order.label()} was damaged on the way from the host to {partial}, twice. Look for faults of the network and of "
            "the controller's disk, and run again"
        )

    @staticmethod
    def _admitted_metadata(order: Order, held: Json) -> Json:
        """Return the metadata of the host's product, once it is known to be that of the order."""
        metadata = products.parse(held["metadata"])
        if metadata is None or not products.is_of(metadata, order):
            raise CarryError(
                f"{order.work_dir}/products/{order.label()}/{products.METADATA} on the host is not the metadata of "
                "that product. Remove that folder and run again: it is built anew"
            )
        return metadata

    def _prepare_folder(self, partial: Path, held: Json) -> None:
        """Write the metadata into the folder, and remove what arrived for other metadata."""
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

    def _fetch_pieces(self, order: Order, metadata: Json, path: Path) -> None:
        """Fetch the missing rest of the file, and never more than the size in the metadata."""
        size = metadata["size"]
        have = path.stat().st_size if path.is_file() else 0
        free = shutil.disk_usage(path.parent).free
        if size - have > free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        with _scratch() as scratch, open(path, "ab") as out:
            came = scratch / carrying.PIECE
            while have < size:
                # The next run goes on after what has arrived.
                runs.end_if_over()
                remote, most = self._remote_piece(), min(PIECE_BYTES, size - have)
                cut = self._run_module(order, "cut", sha256=metadata["sha256"], offset=have, length=most, piece=remote)
                length = _admitted_size(cut["length"], most)
                self._transfer.fetch(remote, str(came))
                if not length or came.stat().st_size != length:
                    raise CarryError(
                        f"{path.name}: only {came.stat().st_size} of the {length} bytes of a piece arrived in {came.parent} on the "
                        "controller. Run again: it goes on from there"
                    )
                with open(came, "rb") as piece:
                    shutil.copyfileobj(piece, out, 1 << 20)
                durable.flush(out)
                have += length
                speaking.say_if_verbose(f"{path.name}: {have} of {size} bytes collected")

    # --- from the controller

    def deliver(self, order: Order, folder: str | os.PathLike[str], metadata: Json) -> bool:
        """Send a product from a folder on the controller to the host; return False where it is there already.

        :param folder: of the product in the build cache
        :param metadata: the content of its product.json, once checked
        """
        label, source = order.label(), Path(folder) / metadata["file"]
        try:
            text, signature = self._read_metadata(Path(folder), metadata)
            sent = sum(each["length"] for each in self.handed_over.values())
            if self._hands_over and 0 < metadata["size"] <= PIECE_BYTES - sent:
                piece = self._transfer.put(str(source), f"{carrying.PIECE}-{order.name}")
                if self._transfer.is_shared:
                    self._transfer.let_in(piece, "0644")
                arrived = {"metadata": text, "signature": signature, "piece": piece, "length": metadata["size"]}
                self.handed_over[order.name] = arrived
                return True
            wanted = self._run_module(order, "wanted", metadata=text)
            if wanted["present"] or self._action._task.check_mode:
                return not wanted["present"]
            have = _admitted_size(wanted["received"])
            for _again in range(2):
                answer = self._send_pieces(order, source, have, metadata["size"], metadata=text, signature=signature)
                if answer["present"]:
                    return True
                if fingerprint.file_digest(str(source)) != metadata["sha256"]:
                    raise Damaged(
                        f"{folder} in the build cache does not match its metadata. Remove it and run again: it is built anew"
                    )
                have = 0
        except OSError as error:
            raise CarryError(f"{label} cannot be read from the build cache: {error.filename}: {error.strerror}")
        raise CarryError(
            f"{label} from {folder} was damaged on the way to the host, twice. Look for faults of the network and of the disk of "
            f"{order.work_dir} there, and run again"
        )

    @staticmethod
    def _read_metadata(folder: Path, metadata: Json) -> tuple[str, str | None]:
        """Return the text of the metadata and its signature, as they are in the folder if they are of this metadata."""
        text = (folder / products.METADATA).read_bytes().decode("utf-8", "replace")
        if products.parse(text) != metadata:
            return json.dumps(metadata, sort_keys=True), None
        signature = folder / products.SIGNATURE
        return text, signature.read_text() if signature.is_file() else None

    def _send_pieces(self, order: Order, source: Path, have: int, size: int, **metadata: Any) -> Json:
        """Send a file from a byte on, and return the host's last answer: the product is present, or was damaged."""
        with _scratch() as scratch, open(source, "rb") as stream:
            piece = scratch / carrying.PIECE
            while True:
                runs.end_if_over()
                stream.seek(have)
                length = _write_piece(stream, piece)
                remote = None
                if length:
                    remote = self._remote_piece()
                    self._transfer.overwrite(str(piece), remote)
                answer = self._run_module(order, "received", offset=have, length=length, piece=remote, **metadata)
                if answer["present"] or answer["damaged"]:
                    return answer
                if not length and answer["received"] == have:
                    raise CarryError(f"{source} on the controller became shorter while it was being sent. Run again")
                # More than was sent, where another run sends the same product.
                have = _admitted_size(answer["received"])
                speaking.say_if_verbose(f"{source.name}: {have} of {size} bytes delivered")

    # --- places that hosts reach

    def look_up(self, order: Order, place: str, signed: bool) -> tuple[bytes, bytes | None] | None:
        """Return metadata and signature of a product at a file:// or http(s):// place; None where it is missing or damaged.

        :param signed: whether the caller verifies a signature; without that http:// is not read
        :raises CarryError: the place does not answer
        """
        label = order.label()
        told = self._run_module(order, "looked_up", place=place, signed=signed)
        if told["wrong"]:
            speaking.warn(f"the build cache: {told['wrong']}. It is not used")
        if told["metadata"] is None:
            return None
        signature = told["signature"]
        texts = (str(told["metadata"]).encode(), str(signature).encode() if signature else None)
        self._looked_up[place, label] = texts
        return texts

    def take_from(self, order: Order, place: str, metadata: Json) -> bool:
        """Have the host fetch a product from a file:// or http(s):// place; return False where it is there already.

        :param metadata: as look_up() read it there, once checked
        """
        text, signature = self._looked_up.get((place, order.label()), (b"", None))
        if products.parse(text) != metadata:
            text, signature = json.dumps(metadata, sort_keys=True).encode(), None
        return bool(
            self._run_module(
                order, "taken", place=place, metadata=text.decode(), signature=signature.decode() if signature else None
            )["changed"]
        )

    def keep_at(self, order: Order, place: str, signature: bytes | None = None) -> None:
        """Have the host put its product into a file:// place.

        :param signature: of its metadata; without it the product keeps the one that it has, if any
        """
        self._run_module(order, "kept", place=place, signature=signature.decode() if signature else None)

    # --- the connection

    def _run_module(self, order: Order, state: str, **arguments: Any) -> Json:
        """Run the module carry on the host and return its result."""
        result: Json = self._action._execute_module(
            module_name="ascend.pytorch.carry",
            module_args=dict(
                arguments,
                state=state,
                work_dir=order.work_dir,
                label=order.label(),
                fingerprint=order.fingerprint,
                # Only these reach a place.
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

        The account that logs in and the one that it becomes both read and write it. The folder around it keeps others out.
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
    """Make a temporary folder for pieces, apart from the file, whose name may be any."""
    # In Ansible's temporary folder, which is the user's: the cache's folder may be read-only.
    with tempfile.TemporaryDirectory(prefix="carry-", dir=C.DEFAULT_LOCAL_TMP) as folder:
        yield Path(folder)


def _admitted_size(value: Any, most: int | None = None) -> int:
    """Return a number of bytes that a host reported."""
    try:
        return foreign.size(value, most)
    except foreign.ForeignValueError as error:
        raise CarryError(
            f"the host reports an impossible size for a product: {error}. Examine that host before you go on"
        )


def _write_piece(stream: Any, path: Path) -> int:
    """Write the next piece of a stream into a file; return its size."""
    left = PIECE_BYTES
    with open(path, "wb") as out:
        while left and (block := stream.read(min(left, 1 << 20))):
            out.write(block)
            left -= len(block)
    return PIECE_BYTES - left


def _controller_error(error: OSError, folder: Path) -> CarryError:
    """Return the error for a failure of the controller's file system."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "Free some space, remove old products (-e ascend_cache=prune), or set" if full else "Correct that, or set"
    return CarryError(
        f"{error.filename or folder} on the controller: {error.strerror}. {remedy} ascend_build_cache to another folder, and run "
        "again: it goes on from there"
    )
