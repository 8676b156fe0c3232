# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache: finished products by fingerprint, in a folder of the controller, for every host of a cohort.

<label>/                 product.json, the file it names, and product.json.sig where products are signed; the folder's time
                         says when it was used last
<label>.partial/         being received; kept when that is interrupted, so that it can go on
<label>.damaged-<n>/     did not match its metadata, and is used no more
.locks/                  <label>: shared by readers; <label>.receiving: held by whoever adds a product
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import foreign, locking
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cache_list, runs, signing

Json = dict[str, Any]

_NAME = re.compile(r"(?P<label>.+-[0-9a-f]{12})(?P<rest>\.(partial|damaged-).*)?")


class StoreError(Exception):
    """The build cache cannot be used; the message says what failed, where, and what to do."""


def _folder_name(label: str) -> str:
    """Return a label as the name of a folder; hosts and web servers use the same name.

    :raises StoreError: it would be another path, as with a slash in the version
    """
    try:
        return foreign.file_name(label)
    except foreign.ForeignValueError as error:
        raise StoreError(
            f"a product of this name cannot be kept in the build cache: {error}. Correct the names and versions of the recipes"
        ) from error


class Entry(NamedTuple):
    """A product in the cache. `text` is product.json as it was read, which `signature` signs, None if nothing does."""

    label: str
    folder: Path
    metadata: Json
    text: bytes
    signature: bytes | None

    @property
    def path(self) -> Path:
        """The product's file."""
        return self.folder / self.metadata["file"]

    @property
    def sha256(self) -> str:
        """The digest that the file is to have."""
        return str(self.metadata["sha256"])

    @property
    def manifest(self) -> Json:
        """The product's manifest, without files."""
        return dict(self.metadata["manifest"])

    def signed_by(self, trusted: str) -> str:
        """Return the signer's name, "" where no trusted keys are given.

        :raises signing.Refused, signing.SigningError: see signing.verify
        """
        return signing.verify(self.text, self.signature, trusted) if trusted else ""


def _ignore(_words: str) -> None:
    pass


class Store:
    """A build cache in a folder. Where the folder itself cannot be used, methods raise StoreError."""

    def __init__(self, folder: str | Path, tell: Callable[[str], None] = _ignore) -> None:
        """
        :param folder: is made when a product is added
        :param tell: called with messages for the user, such as of damage
        """
        self.folder = Path(folder)
        self.tell = tell

    def _product_folder(self, label: str, ending: str = "") -> Path:
        """Return the folder of a product, or the one with this ending beside it."""
        return self.folder / (_folder_name(label) + ending)

    def is_writable(self) -> bool:
        """Say whether products can be added: the folder, or the one that it would be made in, can be written."""
        there = self.folder
        while not os.path.lexists(there) and there != there.parent:
            there = there.parent
        return os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)

    # --- reading

    def entry(self, label: str, fingerprint: str, digest: bool = False) -> Entry | None:
        """Return a product and mark it as used; None where it is missing, or damaged: then that is reported and it is set aside.

        :param digest: also compare the file with its digest, which reads all of it
        """
        wrong, found = self._read_checked(label, digest)
        if wrong:
            self._set_aside(label, wrong, digest)
            return None
        if found is None or found.metadata["manifest"]["fingerprint"] != fingerprint:
            return None
        # Times of another user's folder cannot be changed.
        with contextlib.suppress(OSError):
            os.utime(found.folder)
        return found

    @contextlib.contextmanager
    def reading(self, label: str, fingerprint: str) -> Iterator[Entry | None]:
        """Hold a product, or None, while it is read: nobody replaces or removes it in the meantime."""
        if self.entry(label, fingerprint) is None:
            yield None
            return
        with self._lock(label, shared=True):
            # Between the first look and the lock it may have gone.
            yield self.entry(label, fingerprint)

    def _read_checked(self, label: str, digest: bool) -> tuple[list[str], Entry | None]:
        """Return what is wrong with a product, and the product, while nobody changes it."""
        with self._lock(label, shared=True):
            return self._find_damage(label, digest), self._read(label)

    def _read(self, label: str) -> Entry | None:
        folder = self._product_folder(label)
        try:
            text = (folder / products.METADATA).read_bytes()
        except OSError:
            return None
        metadata = products.parse(text)
        try:
            signature = (folder / products.SIGNATURE).read_bytes()
        except FileNotFoundError:
            signature = None
        except OSError as error:
            raise self._error(error)
        return Entry(label, folder, metadata, text, signature) if metadata else None

    def _find_damage(self, label: str, digest: bool) -> list[str]:
        """Return what is wrong with a product that is there, in words."""
        folder = self._product_folder(label)
        try:
            text = (folder / products.METADATA).read_bytes()
        except FileNotFoundError:
            return [f"{products.METADATA}: missing"] if os.path.isdir(folder) else []
        except NotADirectoryError:
            return []
        except OSError as error:
            raise self._error(error)
        metadata = products.parse(text)
        if metadata is None:
            return [f"{products.METADATA}: cannot be read"]
        if products.label(metadata["manifest"]) != label:
            return [f"{products.METADATA}: belongs to another product"]
        try:
            return products.problems(str(folder)) if digest else products.file_problems(str(folder), metadata)
        except OSError as error:
            # A read error of the disk is damage; a missing permission is not.
            if error.errno == errno.EIO:
                return [f"{metadata['file']}: {error.strerror}"]
            raise self._error(error)

    def _set_aside(self, label: str, wrong: list[str], digest: bool) -> None:
        words = f"{self._product_folder(label)} in the build cache is damaged ({'; '.join(wrong)})"
        try:
            with self._lock(label, waits=False) as held:
                # Another may have put it right since.
                if held and self._find_damage(label, digest):
                    aside = products.set_aside(str(self._product_folder(label)))
                    self.tell(f"{words}. It was renamed to {aside}, and is not used any more")
        except (OSError, StoreError) as error:
            self.tell(f"{words}. It is not used, but cannot be renamed: {error}")

    # --- putting in

    @contextlib.contextmanager
    def receiving(self, label: str) -> Iterator[Path]:
        """Hold the folder in which a product is received, with what an earlier attempt has left in it.

        Waits while another controller collects the same product: look again for the entry inside. End with commit().
        """
        partial = self._product_folder(label, products.PARTIAL)
        with self._lock(label + ".receiving", waits=False) as held:
            if held:
                with self._as_store_errors():
                    partial.mkdir(exist_ok=True)
                yield partial
                return
        self.tell(f"another run is adding {label} to {self.folder}: waiting for it")
        with self._lock(label + ".receiving"):
            with self._as_store_errors():
                partial.mkdir(exist_ok=True)
            yield partial

    def commit(self, label: str) -> Entry:
        """Publish what was received as the product, replacing the one that is there; waits for its readers.

        The caller has compared the digest.
        """
        partial = self._product_folder(label, products.PARTIAL)
        metadata = products.metadata(str(partial))
        wrong = (
            products.file_problems(str(partial), metadata)
            if metadata
            else [f"{products.METADATA}: missing, or cannot be read"]
        )
        if metadata and not wrong and products.label(metadata["manifest"]) != label:
            wrong = [f"{products.METADATA}: belongs to another product"]
        if metadata is None or wrong:
            raise StoreError(f"{partial} is not a whole product: {'; '.join(wrong)}. Remove that folder and run again")
        with self._as_store_errors():
            for path in partial.iterdir():
                # Leftovers of the transfer do not belong to a product.
                if path.name not in (metadata["file"], products.METADATA, products.SIGNATURE):
                    path.unlink()
            with self._lock(label):
                products.publish(str(partial), str(self._product_folder(label)))
                found = self._read(label)
        if found is None:
            raise StoreError(
                f"{self._product_folder(label)} disappeared after it was added. See that nothing else removes files there, and run again"
            )
        return found

    # --- looking after it

    def manifests(self, name: str) -> list[Json]:
        """Return the manifests of the products of a name, damaged ones too: the time of later builds is estimated from them."""
        every = [products.metadata(str(path)) for path in self._folders() if path.name.startswith(name + "-")]
        found = {each["manifest"]["fingerprint"]: each["manifest"] for each in every if each}
        return [manifest for manifest in found.values() if manifest.get("name") == name]

    def entries(self, trusted: str = "") -> list[Json]:
        """Return what the folder holds, by name, version and fingerprint; see the module cache for the keys.

        :param trusted: see signing.verify; without it a signer is the digest of its key
        """
        found = [self._describe(path, trusted) for path in self._folders()]
        return sorted(found, key=lambda one: (one["name"], one["version"], one["label"], one["folder"]))

    def _folders(self) -> list[Path]:
        try:
            names = sorted(os.listdir(self.folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._error(error)
        return [self.folder / name for name in names if _NAME.fullmatch(name) and os.path.isdir(self.folder / name)]

    def _describe(self, path: Path, trusted: str) -> Json:
        # By _folders, every one has such a name.
        label, rest = _NAME.findall(path.name)[0][:2]
        metadata = products.metadata(str(path)) or {"manifest": {}}
        status = "partial" if rest.startswith(products.PARTIAL) else "damaged" if rest else "whole"
        signed_by, untrusted, wrong = "", "", []
        if status == "whole":
            try:
                wrong, entry = self._read_checked(label, False)
                status = "damaged" if wrong else "whole"
                signed_by, untrusted = _signer_of(entry, trusted)
            except StoreError as error:
                status, wrong = "unreadable", [str(error)]
        more = {"status": status, "wrong": wrong, "untrusted": untrusted, "signed_by": signed_by}
        return cache_list.describe(path, label, metadata["manifest"], **more)

    def verify(self, trusted: str = "", dry: bool = False) -> list[Json]:
        """Compare every product with its digest, and with its signature where trusted; return entries().

        Damaged ones are set aside, unless dry. Those without a trusted signature stay, and are not used.
        """
        found = self.entries(trusted)
        for entry in found:
            # What was set aside before is known to be damaged.
            if entry["status"] == "whole" or (entry["wrong"] and entry["status"] == "damaged"):
                try:
                    entry["wrong"], _found = self._read_checked(entry["label"], True)
                except StoreError as error:
                    entry.update(status="unreadable", wrong=[str(error)])
                    continue
                if entry["wrong"]:
                    entry["status"] = "damaged"
                    if not dry:
                        self._set_aside(entry["label"], entry["wrong"], True)
        return found

    def prune(self, keep_days: float, keep_last: int, dry: bool = False) -> list[Json]:
        """Remove what nobody uses, and return it as entries() does.

        That is each product that was not used for keep_days days and is not one of the keep_last last used of its name, part
        and platform; each damaged one; and each partial one that did not grow for a day. A product that is being read or
        received stays.

        :param dry: only say what would go
        """
        goes = cache_list.unused(self.entries(), keep_days, keep_last)
        if dry or not goes:
            return goes
        with self._lock("prune"):
            return [entry for entry in goes if self._remove(entry)]

    def _remove(self, entry: Json) -> bool:
        path = Path(entry["folder"])
        lock = entry["label"] + (".receiving" if entry["status"] == "partial" else "")
        with self._lock(lock, waits=False) as held:
            # Used since it was listed: it stays.
            if not held or not path.is_dir() or cache_list.last_used(path) != entry["used"]:
                return False
            with self._as_store_errors():
                if path.name == entry["label"]:
                    # Renamed first: while its files are removed it is no product any more.
                    former = path.with_name(path.name + products.PARTIAL + "-former")
                    shutil.rmtree(former, ignore_errors=True)
                    path = path.rename(former)
                shutil.rmtree(path)
        return True

    # --- locks

    @contextlib.contextmanager
    def _lock(self, name: str, waits: bool = True, shared: bool = False) -> Iterator[bool]:
        """Hold a lock against other processes and controllers; yields whether it is held, which is so where it `waits`.

        :param shared: readers hold it together
        """
        stream = self._open_lock(name, shared)
        if stream < 0:
            yield True
            return
        try:
            try:
                # A worker that waits for a run that is gone would block the next run.
                with runs.end_with_run() if waits else contextlib.nullcontext():
                    held = locking.lock(stream, str(self.folder), waits, shared)
            except OSError as error:
                # On a file system without locks readers go on without one.
                if not shared:
                    raise self._error(error)
                held = True
            yield held
        finally:
            os.close(stream)

    def _open_lock(self, name: str, reading: bool) -> int:
        """Return the descriptor of a lock's file, -1 where a reader cannot make one: then nobody can write there."""
        locks = self.folder / ".locks"
        # Not Path.is_dir, which raises where a folder above may not be looked into.
        if reading and not os.path.isdir(self.folder):
            return -1
        try:
            if not os.path.isdir(locks):
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                locks.mkdir(exist_ok=True)
            return os.open(locks / _folder_name(name), os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            with contextlib.suppress(OSError):
                return os.open(locks / _folder_name(name), os.O_RDONLY)
            if reading:
                return -1
            raise self._error(error)

    @contextlib.contextmanager
    def _as_store_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(error)

    def _error(self, error: OSError) -> StoreError:
        remedies = {
            errno.ENOSPC: "Free some space, remove old products (-e ascend_cache=prune), or",
            errno.EDQUOT: "Free some space, remove old products (-e ascend_cache=prune), or",
        }
        if isinstance(error, locking.LocksUnsupported):
            return StoreError(
                f"the build cache cannot be used: {error}, or set ascend_build_cache to a folder that has them"
            )
        return StoreError(
            f"the build cache {self.folder} cannot be used: {error.filename or self.folder}: {error.strerror}. "
            f"{remedies.get(error.errno or 0, 'Correct that, or')} set ascend_build_cache to a folder that you may write"
        )


def _signer_of(entry: Entry | None, trusted: str) -> tuple[str, str]:
    """Return the signer of a product, and why the signature is not accepted, "" where it is."""
    if entry is None:
        return "", ""
    try:
        if trusted:
            return entry.signed_by(trusted), ""
        name = signing.signer(entry.text, entry.signature)
    except signing.Refused as error:
        return "", str(error)
    except signing.SigningError:
        # A list needs no ssh-keygen.
        if trusted:
            raise
        name = "somebody"
    return name, "" if name or not entry.signature else "its signature does not fit its metadata"
