# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of a build cache that it reaches by itself: look products up there, fetch them and store them.

A place is the URL of such a build cache: file:///path, http:// or https://. Its layout is that of products/; for the folders
on the host see entries.py.
"""

import glob
import hashlib
import http.client
import os
import platform
import re
import shutil
import time
import urllib.error
import urllib.parse
from contextlib import contextmanager

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, locking, outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.product import entries, products
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch

TEXT_LIMIT_S = 30.0
ATTEMPTS = 3


def folder_of(place):
    # type: (str) -> Optional[str]
    """Return the folder that a file:// URL names, None for another URL."""
    parts = urllib.parse.urlsplit(place)
    return urllib.parse.unquote(parts.path) if parts.scheme == "file" else None


def _url_of(place, *names):
    # type: (str, str) -> str
    return "/".join([place.rstrip("/")] + [urllib.parse.quote(name, safe="+~") for name in names])


def look_up(place, label, signed, known=None):
    # type: (str, str, bool, Optional[Dict[str, str]]) -> Dict[str, Any]
    """Return {"metadata", "signature", "wrong"} of a product at a place; metadata: None when there is none to use.

    :param signed: whether products must be signed. If not, the metadata must come over TLS, since only the digest in it
        proves the product
    :param known: logins for the place, see base/logins.py
    :return: wrong: why the product at the place cannot be used; "" when it can, or there is none
    """
    folder = folder_of(place)
    if folder is None:
        text = _read_url(_url_of(place, label, products.METADATA), signed, known)
        signature = _read_url(_url_of(place, label, products.SIGNATURE), signed, known) if text else None
    else:
        there = os.path.join(folder, label)
        try:
            text, signature = (
                entries.read_small_file(os.path.join(there, name)) for name in (products.METADATA, products.SIGNATURE)
            )
        except OSError as error:
            raise entries.explain_os_error(error, there, "ascend_build_cache")
        if text is None and os.path.lexists(os.path.join(there, products.METADATA)):
            text = ""
    wrong = []
    if text is not None:
        metadata = products.parse(text)
        if metadata is None:
            wrong = [products.METADATA + ": is not the metadata of a product"]
        elif folder is not None:
            wrong = products.file_problems(os.path.join(folder, label), metadata)
    if wrong:
        text, wrong = None, ["{0} is damaged ({1})".format(outgoing.redact(_url_of(place, label)), "; ".join(wrong))]
    return {"metadata": text, "signature": signature if text else None, "wrong": "".join(wrong)}


def _read_url(url, signed, known=None):
    # type: (str, bool, Optional[Dict[str, str]]) -> Optional[str]
    """Return the text at a URL, "" when it is not text, None when there is nothing. Without signatures only TLS is accepted."""
    if not signed and not url.startswith("https:"):
        raise entries.CarryingError(_describe_unsafe("{0} is read without TLS".format(outgoing.redact(url))))
    failures, reason, transient = 0, "", False
    while True:
        try:
            response = download.make_opener(tls=not signed)(download.request_for(url, 0, known), timeout=TEXT_LIMIT_S)
            try:
                return entries.decode(response.read(entries.TEXT_LIMIT_BYTES + 1)) or ""
            finally:
                response.close()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            reason, transient = "HTTP {0} {1}".format(error.code, error.reason), error.code >= 500
        except download.WithoutTls as fault:
            raise entries.CarryingError(_describe_unsafe("{0}: {1}".format(outgoing.redact(url), fault.reason)))
        except fetch.FetchFault as fault:
            reason, transient = fault.reason, False
        except (OSError, ValueError, http.client.HTTPException) as error:
            fault = download.network_fault(error, TEXT_LIMIT_S)
            reason, transient = fault.reason, fault.transient
        failures += 1
        if not transient or failures == ATTEMPTS:
            raise entries.CarryingError(
                "the build cache did not answer: {0}: {1}. Fix that, or remove it from ascend_build_cache".format(
                    outgoing.redact(url), outgoing.redact(reason)
                )
            )
        time.sleep(failures)


def _describe_unsafe(words):
    # type: (str) -> str
    return (
        "the build cache is not used: {0}, so that products could be replaced on the way. Serve it by https throughout; or "
        "have products signed (ascend_sign_key) and set ascend_trusted_keys".format(words)
    )


def fetch_product(entry, text, signature, place, log, known=None):
    # type: (entries.Entry, str, Optional[str], str, Any, Optional[Dict[str, str]]) -> bool
    """Fetch a product from a place to this host; return False when the host has it already.

    :param text: its metadata, already checked; :param log: takes lines about the progress
    :param known: logins for the place, see base/logins.py
    """
    metadata = entries.parse_metadata(text, entry)
    entry.make()
    with entry.locked():
        if entry.whole():
            return False
        entry.sweep(metadata["sha256"])
        partial = entry.make_partial(metadata["sha256"])
        source = {
            "name": entry.label,
            "kind": "archive",
            "file": metadata["file"],
            "sha256": metadata["sha256"],
            "size": metadata["size"],
            "urls": [_url_of(place, entry.label, metadata["file"])],
        }
        try:
            path = download.fetch_archive(source, [], partial, log, known=known)
        except fetch.FetchError as error:
            raise _fetch_failure(error, entry, metadata, place)
        os.rename(path, os.path.join(partial, metadata["file"]))
        entries.finish(entry, partial, metadata, text, signature, outgoing.redact(place))
    return True


def _fetch_failure(error, entry, metadata, place):
    # type: (fetch.FetchError, entries.Entry, Dict[str, Any], str) -> entries.CarryingError
    reasons = "; ".join("{0}: {1}".format(*one) for one in error.tried)
    if not reasons or "no space left" in reasons:
        return entries.CarryingError(str(error).splitlines()[0])
    words = "{0} could not be fetched from the build cache: {1}.".format(entry.label, reasons)
    if not re.search("digest is|has more than|HTTP 404|HTTP 410", reasons):
        return entries.CarryingError(words + " Fix that, or remove the place from ascend_build_cache, and run again")
    folder = folder_of(place)
    there = os.path.join(folder, entry.label) if folder else ""
    now = products.metadata(there) if there else None
    if now and now["sha256"] != metadata["sha256"]:
        return entries.CarryingError(words + " It was replaced there in the meantime: run again", damaged=True)
    if now:
        # Another host may have renamed it already, and this account may not be allowed to.
        try:
            return entries.CarryingError(
                words + " It was renamed to {0}".format(products.set_aside(there)), damaged=True
            )
        except OSError:
            pass
    return entries.CarryingError(words + " Remove it there, so that it is stored again", damaged=True)


def store_product(entry, place, signature):
    # type: (entries.Entry, str, Optional[str]) -> bool
    """Copy this host's product into a folder that other hosts can read; return False when it is there already.

    :param signature: of its metadata; None: use the one beside the product, if any
    """
    found = products.read(entry.folder, entry.mark)
    text = entries.read_small_file(os.path.join(entry.folder, products.METADATA))
    if found is None or text is None:
        raise entries.CarryingError("{0}, to be stored in {1}, is missing. Run again".format(entry.folder, place))
    base = folder_of(place)
    if base is None:
        raise entries.CarryingError("{0} can only be read. Name file:///a/folder".format(outgoing.redact(place)))
    signature = signature or entries.read_small_file(os.path.join(entry.folder, products.SIGNATURE))
    try:
        if not os.path.isdir(base):
            # Not the folders above it: if a file system is not mounted, nothing must be written in its place.
            os.mkdir(base, 0o755)
        with _shared_lock(base, entry.label):
            return _write_product(entry, found, text, signature, os.path.join(base, entry.label))
    except OSError as error:
        raise entries.explain_os_error(error, base, "ascend_build_cache")


def _write_product(entry, found, text, signature, folder):
    # type: (entries.Entry, Dict[str, Any], str, Optional[str], str) -> bool
    if products.read(folder, entry.mark) is not None:
        # A product there is kept, since others may be reading it, unless it lacks the signature that this one has.
        there = [
            entries.read_small_file(os.path.join(folder, name)) for name in (products.METADATA, products.SIGNATURE)
        ]
        if not signature or there == [text, signature]:
            return False
    partial = "{0}{1}-{2}-{3}".format(folder, products.PARTIAL, platform.node(), os.getpid())
    for path in glob.glob(glob.escape(folder + products.PARTIAL) + "*"):
        if path == partial or entries.idle_s(path) > entries.PIECE_IDLE_S:
            shutil.rmtree(path, ignore_errors=True)
    size = os.path.getsize(found["path"])
    entries.require_space(os.path.dirname(folder), size, "ascend_build_cache")
    os.mkdir(partial, 0o755)
    try:
        path = os.path.join(partial, os.path.basename(found["path"]))
        if _copy(found["path"], path) != found["sha256"]:
            products.set_aside(entry.folder)
            raise entries.CarryingError(
                "{0} does not match its metadata, and was set aside. Run again: it is built again".format(entry.folder),
                damaged=True,
            )
        entries.write(os.path.join(partial, products.METADATA), text)
        if signature:
            entries.write(os.path.join(partial, products.SIGNATURE), signature)
        # Other accounts read it.
        for name in os.listdir(partial):
            os.chmod(os.path.join(partial, name), 0o644)
        os.chmod(partial, 0o755)
        products.publish(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return True


@contextmanager
def _shared_lock(base, label):
    # type: (str, str) -> Iterator[None]
    # The lock that the controller also takes in such a folder. Not every shared file system has locks, or allows them to
    # every account: then only the renames keep the folder whole.
    descriptor = -1
    try:
        try:
            locks = os.path.join(base, ".locks")
            if not os.path.isdir(locks):
                os.mkdir(locks)
            path = os.path.join(locks, label)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            locking.lock(descriptor, path, waits=True)
        except OSError:
            pass
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _copy(source, dest):
    # type: (str, str) -> str
    """Copy a file to disk and return the sha256 of what was read."""
    digest = hashlib.sha256()
    with open(source, "rb") as stream, open(dest, "wb") as out:
        for block in iter(lambda: stream.read(entries.BLOCK_BYTES), b""):
            digest.update(block)
            out.write(block)
        durable.flush(out)
    return digest.hexdigest()
