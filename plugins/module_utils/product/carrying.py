# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of carrying products: piece by piece to and from the controller, or by itself from and to a place it reaches.

products/<label>/                       in the work directory, see products.py
products/<label>.partial-<sha256, 12>/  what has arrived of a product; the next piece or run goes on with it
products/.<label>.lock                  held while the two above are changed: runs of two controllers may bring the same

A place is the URL of a build cache that hosts reach: file:///path, http:// or https://. Its layout is that of products/.
"""

import errno
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

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, locking, outgoing, trust
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, products
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch

# The name of a file in Ansible's temporary folder of a host; one piece after the other lies in it.
PIECE = "ascend-piece"
# Cards and signatures have a few KiB; what answers with more is no build cache.
TEXT_LIMIT_BYTES = 4 << 20
TEXT_LIMIT_S = 30.0
ATTEMPTS = 3
# What was begun to arrive and was not gone on with for so long, nobody waits for any more.
IDLE_S = 7 * 24 * 3600.0
# Pieces are carried in minutes.
PIECE_IDLE_S = 24 * 3600.0
LOCK_LIMIT_S = 4 * 3600.0
_BLOCK_BYTES = 1 << 20


class CarryingError(Exception):
    """A product could not be carried; the message says what, where, and what to do.

    damaged: it is not what its card says it is, so that another place, or building it again, is what helps.
    """

    def __init__(self, message, damaged=False):
        # type: (str, bool) -> None
        super().__init__(message)
        self.damaged = damaged


def explained(error, where, variable):
    # type: (OSError, str, str) -> CarryingError
    """Return what to say of an error of the file system.

    :param where: the folder that was worked in; :param variable: the one that names another
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CarryingError(_no_room(where, None, variable))
    return CarryingError(
        "{0}: {1}. Put that right, or set {2} to a place that this account may use".format(
            error.filename or where, error.strerror or error, variable
        )
    )


def _no_room(folder, needed, variable):
    # type: (str, Optional[int], str) -> str
    return "no space left{0} on the file system of {1}. Free some, or set {2} to a roomier place, and run again".format(
        "" if needed is None else " for {0:.0f} MiB more".format(needed / 2.0**20), folder, variable
    )


def _make_room(folder, needed, variable):
    # type: (str, int, str) -> None
    disk = os.statvfs(folder)
    if needed > disk.f_bavail * disk.f_frsize:
        raise CarryingError(_no_room(folder, needed, variable))


@contextmanager
def _locked(path):
    # type: (str) -> Iterator[None]
    try:
        with locking.held(path, LOCK_LIMIT_S):
            yield
    except locking.NoLocks as error:
        raise CarryingError(error.strerror)
    except locking.LockError as error:
        raise CarryingError(str(error))


def _write(path, text):
    # type: (str, str) -> None
    with open(path, "wb") as stream:
        stream.write(text.encode("utf-8"))


def _remove(path):
    # type: (str) -> None
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _text(path):
    # type: (str) -> Optional[str]
    """Return what a small file holds, None when it is not there or no text."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(TEXT_LIMIT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _decoded(content)


def _decoded(content):
    # type: (bytes) -> Optional[str]
    try:
        return content.decode("utf-8") if len(content) <= TEXT_LIMIT_BYTES else None
    except UnicodeDecodeError:
        return None


# --- what the host has ------------------------------------------------------------------------------------------------


class Shelf:
    """Where one product stands on this host, or shall.

    :param label: builds.label() of its order; :param mark: its fingerprint
    """

    def __init__(self, work_dir, label, mark):
        # type: (str, str, str) -> None
        self.label = label
        self.mark = mark
        self.top = os.path.join(work_dir, "products")
        self.folder = os.path.join(self.top, label)

    def make(self):
        # type: () -> None
        """Make the folders above it, closed to others."""
        work_dir = os.path.dirname(self.top)
        wrong = trust.objection(work_dir, os.geteuid())
        if wrong:
            raise CarryingError(
                "the work directory is not this account's alone: {0}. Set ascend_work_dir to a place where nobody else can "
                "write".format(wrong)
            )
        for folder in (work_dir, self.top):
            make_folder(folder, 0o700)

    def partial(self, sha256):
        # type: (str) -> str
        """Return the folder in which a file of that digest arrives."""
        return "{0}{1}-{2}".format(self.folder, products.PARTIAL, fingerprint.short(sha256))

    def make_partial(self, sha256):
        # type: (str) -> str
        """Make that folder, if it is not there, and return it."""
        folder = self.partial(sha256)
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
        return folder

    def locked(self):
        # type: () -> Any
        """Hold it against other processes, as a context."""
        return _locked(os.path.join(self.top, ".{0}.lock".format(self.label)))

    def whole(self):
        # type: () -> bool
        """Say whether the product stands here; reads all of it."""
        return products.read(self.folder, self.mark) is not None and not products.whole(self.folder)

    def sweep(self, sha256):
        # type: (str) -> None
        """Remove what killed runs have left, but for what has arrived of the file with this digest."""
        for path in glob.glob(os.path.join(glob.escape(self.top), "*" + products.PARTIAL + "*")):
            if path != self.partial(sha256) and _idle_s(path) > IDLE_S:
                shutil.rmtree(path, ignore_errors=True)


def _idle_s(path):
    # type: (str) -> float
    """Return the seconds since a file, or something in a folder, was changed; 0 when it is going away."""
    try:
        inside = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else []
        return time.time() - max(os.lstat(each).st_mtime for each in [path] + inside)
    except OSError:
        return 0.0


def held(shelf, digest, dry):
    # type: (Shelf, bool, bool) -> Dict[str, Any]
    """Return {"present"} and, of a product that is, "card", "signature" (None where not signed) and "taken", texts.

    taken: where it is from, "" for one that was built here.

    :param digest: compare the file with its digest; a product that is damaged is set aside, unless dry
    """
    found = products.read(shelf.folder, shelf.mark)
    if found is None:
        return {"present": False}
    if digest and products.whole(shelf.folder):
        if not dry:
            products.set_aside(shelf.folder)
        return {"present": False}
    text = _text(os.path.join(shelf.folder, products.CARD))
    return {
        "present": text is not None,
        "card": text,
        "signature": _text(os.path.join(shelf.folder, products.SIGNATURE)),
        "taken": products.taken_from(shelf.folder),
    }


# --- to the controller ------------------------------------------------------------------------------------------------


def cut(shelf, sha256, offset, length, piece):
    # type: (Shelf, str, int, int, str) -> int
    """Write so many bytes of a product's file into a piece, a file that is there; return how many there were.

    :param sha256: of the file: pieces of two files do not make a third
    """
    found = products.read(shelf.folder, shelf.mark)
    if found is None or found["sha256"] != sha256:
        raise CarryingError(
            "{0} was taken away or replaced while it was being collected. Run again".format(shelf.folder)
        )
    if not offset:
        _sweep_pieces(piece)
    with open(found["path"], "rb") as stream, _piece(piece, os.O_WRONLY | os.O_TRUNC, "wb") as out:
        stream.seek(offset)
        left = length
        while left:
            block = stream.read(min(left, _BLOCK_BYTES))
            if not block:
                break
            out.write(block)
            left -= len(block)
    return length - left


def _piece(path, flags, mode):
    # type: (str, int, str) -> Any
    # It lies in a folder of the account that Ansible logs in as, which shall not lead another's hand elsewhere.
    try:
        return os.fdopen(os.open(path, flags | os.O_NOFOLLOW), mode)
    except OSError as error:
        raise CarryingError(
            "{0}: {1}. The account that builds has to reach the folder for temporary files of the one that Ansible logs in "
            "as: install setfacl (package acl), or set ansible_remote_tmp to a folder where it may".format(
                path, error.strerror
            )
        )


def _sweep_pieces(piece):
    # type: (str) -> None
    """Remove the pieces of killed runs: of their temporary folders, which Ansible leaves, they are all that is big."""
    folders = os.path.join(glob.escape(os.path.dirname(os.path.dirname(piece))), "ansible-tmp-*")
    for path in glob.glob(os.path.join(folders, PIECE)):
        if path != piece and _idle_s(path) > PIECE_IDLE_S:
            try:
                os.unlink(path)
            except OSError:
                pass


# --- from the controller ----------------------------------------------------------------------------------------------


def _card(text, shelf):
    # type: (str, Shelf) -> Dict[str, Any]
    card = products.parse(text)
    if card is None or card["manifest"]["fingerprint"] != shelf.mark or products.label(card["manifest"]) != shelf.label:
        raise CarryingError("the card that came for {0} is not its own".format(shelf.label), damaged=True)
    return card


def _received(path):
    # type: (str) -> int
    return os.path.getsize(path) if os.path.isfile(path) else 0


def wanted(shelf, text, dry):
    # type: (Shelf, str, bool) -> Dict[str, Any]
    """Return {"present", "received"}: whether the product stands here, and how many bytes of it have arrived.

    Sees to it that there is room for the rest.

    :param text: its card
    """
    card = _card(text, shelf)
    size = card["size"]
    if dry:
        return {"present": shelf.whole(), "received": 0}
    shelf.make()
    with shelf.locked():
        if shelf.whole():
            return {"present": True, "received": size}
        shelf.sweep(card["sha256"])
        partial = shelf.make_partial(card["sha256"])
        received = _received(os.path.join(partial, card["file"]))
        _make_room(shelf.top, size - received, "ascend_work_dir")
        return {"present": False, "received": received}


def receive(shelf, text, signature, offset, piece, length):
    # type: (Shelf, str, Optional[str], int, Optional[str], int) -> Dict[str, Any]
    """Take in a piece of a product's file, and after the last make the product whole.

    A piece that does not begin where the file ends is left alone, for another run has brought that part meanwhile.

    :param offset: where in the file the piece begins; :param piece: its path, None for none; :param length: its size
    :return: {"present", "received", "damaged"}; damaged: the digest was wrong, and nothing is kept
    """
    card = _card(text, shelf)
    size = card["size"]
    shelf.make()
    with shelf.locked():
        if not os.path.isdir(shelf.partial(card["sha256"])) and products.read(shelf.folder, shelf.mark) is not None:
            # wanted() made that folder; another run has made it the product.
            return {"present": True, "received": size, "damaged": False}
        partial = shelf.make_partial(card["sha256"])
        path = os.path.join(partial, card["file"])
        received = _received(path)
        if piece and received == offset:
            if not offset:
                _sweep_pieces(piece)
            received += _append(path, piece, length)
        if received < size:
            return {"present": False, "received": received, "damaged": False}
        if fingerprint.file_digest(path) != card["sha256"]:
            os.unlink(path)
            return {"present": False, "received": 0, "damaged": True}
        _finish(shelf, partial, card, text, signature, "the controller")
    return {"present": True, "received": size, "damaged": False}


def _append(path, piece, length):
    # type: (str, str, int) -> int
    with _piece(piece, os.O_RDONLY, "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size != length:
            raise CarryingError("of a piece of {0} bytes {1} arrived in {2}. Run again".format(length, size, piece))
        with open(path, "ab") as out:
            shutil.copyfileobj(stream, out, _BLOCK_BYTES)
            durable.flush(out)
    return size


def _finish(shelf, partial, card, text, signature, place):
    # type: (Shelf, str, Dict[str, Any], str, Optional[str], str) -> None
    """Make the product out of its partial folder, in which the file is whole.

    :param place: where it is from, in words: what this host has not built it must not be taken to have built
    """
    for name in os.listdir(partial):
        if name != card["file"]:
            os.unlink(os.path.join(partial, name))
    _write(os.path.join(partial, products.CARD), text)
    if signature:
        _write(os.path.join(partial, products.SIGNATURE), signature)
    products.mark_taken(partial, place)
    products.put(partial, shelf.folder)
    for path in glob.glob(glob.escape(shelf.folder + products.DAMAGED) + "*"):
        shutil.rmtree(path, ignore_errors=True)


# --- places that the host reaches -------------------------------------------------------------------------------------


def folder_of(place):
    # type: (str) -> Optional[str]
    """Return the folder that a file:// URL names, None for another URL."""
    parts = urllib.parse.urlsplit(place)
    return urllib.parse.unquote(parts.path) if parts.scheme == "file" else None


def _address(place, *names):
    # type: (str, str) -> str
    return "/".join([place.rstrip("/")] + [urllib.parse.quote(name, safe="+~") for name in names])


def look_up(place, label, signed, known=None):
    # type: (str, str, bool, Optional[Dict[str, str]]) -> Dict[str, Any]
    """Return {"card", "signature", "wrong"} of a product at a place; card is None where there is none that can be used.

    :param signed: whether the signature is asked for: without one the card has to come over TLS, for the digest in it is all
        that is known of the product
    :param known: logins for the place, see base/logins.py
    :return: wrong: in words, why what there is cannot be used; "" where nothing is
    """
    folder = folder_of(place)
    if folder is None:
        text = _get(_address(place, label, products.CARD), signed, known)
        signature = _get(_address(place, label, products.SIGNATURE), signed, known) if text else None
    else:
        there = os.path.join(folder, label)
        try:
            text, signature = (_text(os.path.join(there, name)) for name in (products.CARD, products.SIGNATURE))
        except OSError as error:
            raise explained(error, there, "ascend_build_cache")
        if text is None and os.path.lexists(os.path.join(there, products.CARD)):
            text = ""
    wrong = []
    if text is not None:
        card = products.parse(text)
        if card is None:
            wrong = [products.CARD + ": is no card"]
        elif folder is not None:
            wrong = products.misses(os.path.join(folder, label), card)
    if wrong:
        text, wrong = None, ["{0} is damaged ({1})".format(outgoing.shown(_address(place, label)), "; ".join(wrong))]
    return {"card": text, "signature": signature if text else None, "wrong": "".join(wrong)}


def _get(url, signed, known=None):
    # type: (str, bool, Optional[Dict[str, str]]) -> Optional[str]
    """Return the text at a URL, "" where it is none, None where there is nothing; by TLS alone, unless it is signed."""
    if not signed and not url.startswith("https:"):
        raise CarryingError(_unsafe("{0} is read without TLS".format(outgoing.shown(url))))
    failures, reason, passing = 0, "", False
    while True:
        try:
            response = download.make_opener(tls=not signed)(download.request_for(url, 0, known), timeout=TEXT_LIMIT_S)
            try:
                return _decoded(response.read(TEXT_LIMIT_BYTES + 1)) or ""
            finally:
                response.close()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                return None
            reason, passing = "HTTP {0} {1}".format(error.code, error.reason), error.code >= 500
        except download.WithoutTls as fault:
            raise CarryingError(_unsafe("{0}: {1}".format(outgoing.shown(url), fault.reason)))
        except fetch.Fault as fault:
            reason, passing = fault.reason, False
        except (OSError, ValueError, http.client.HTTPException) as error:
            fault = download.network_fault(error, TEXT_LIMIT_S)
            reason, passing = fault.reason, fault.transient
        failures += 1
        if not passing or failures == ATTEMPTS:
            raise CarryingError(
                "the build cache did not answer: {0}: {1}. Mend that, or take it out of ascend_build_cache".format(
                    outgoing.shown(url), outgoing.shown(reason)
                )
            )
        time.sleep(failures)


def _unsafe(words):
    # type: (str) -> str
    return (
        "the build cache is not used: {0}, so that anybody on the way could put another product there. Serve it by https "
        "throughout; or have products signed (ascend_sign_key) and set ascend_trusted_keys".format(words)
    )


def take(shelf, text, signature, place, log, known=None):
    # type: (Shelf, str, Optional[str], str, Any, Optional[Dict[str, str]]) -> bool
    """Bring a product here from a place; return False when it is here already.

    :param text: its card, as it was found right; :param log: takes lines of what goes on
    :param known: logins for the place, see base/logins.py
    """
    card = _card(text, shelf)
    shelf.make()
    with shelf.locked():
        if shelf.whole():
            return False
        shelf.sweep(card["sha256"])
        partial = shelf.make_partial(card["sha256"])
        source = {
            "name": shelf.label,
            "kind": "archive",
            "file": card["file"],
            "sha256": card["sha256"],
            "size": card["size"],
            "urls": [_address(place, shelf.label, card["file"])],
        }
        try:
            path = download.fetch_archive(source, [], partial, log, known=known)
        except fetch.FetchError as error:
            raise _not_taken(error, shelf, card, place)
        os.rename(path, os.path.join(partial, card["file"]))
        _finish(shelf, partial, card, text, signature, outgoing.shown(place))
    return True


def _not_taken(error, shelf, card, place):
    # type: (fetch.FetchError, Shelf, Dict[str, Any], str) -> CarryingError
    reasons = "; ".join("{0}: {1}".format(*one) for one in error.tried)
    if not reasons or "no space left" in reasons:
        return CarryingError(str(error).splitlines()[0])
    words = "{0} could not be taken from the build cache: {1}.".format(shelf.label, reasons)
    if not re.search("digest is|has more than|HTTP 404|HTTP 410", reasons):
        return CarryingError(words + " Mend that, or take the place out of ascend_build_cache, and run again")
    folder = folder_of(place)
    there = os.path.join(folder, shelf.label) if folder else ""
    now = products.card(there) if there else None
    if now and now["sha256"] != card["sha256"]:
        return CarryingError(words + " It has been replaced there meanwhile: run again", damaged=True)
    if now:
        # Other hosts may be as far, and the account here may not write there.
        try:
            return CarryingError(words + " It stands now as {0}".format(products.set_aside(there)), damaged=True)
        except OSError:
            pass
    return CarryingError(words + " Remove it there, so that it is put in anew", damaged=True)


def keep(shelf, place, signature):
    # type: (Shelf, str, Optional[str]) -> bool
    """Put this host's product into a folder that other hosts see; return False when it is there already.

    :param signature: of its card, None for the one that it has, if any
    """
    found = products.read(shelf.folder, shelf.mark)
    text = _text(os.path.join(shelf.folder, products.CARD))
    if found is None or text is None:
        raise CarryingError("{0} is not there to be put into {1}. Run again".format(shelf.folder, place))
    base = folder_of(place)
    if base is None:
        raise CarryingError("{0} is a place to read from. Name file:///a/folder".format(outgoing.shown(place)))
    signature = signature or _text(os.path.join(shelf.folder, products.SIGNATURE))
    try:
        if not os.path.isdir(base):
            # Not the folders above: a file system that is not mounted is not to be made up for.
            os.mkdir(base, 0o755)
        with _shared_lock(base, shelf.label):
            return _keep(shelf, found, text, signature, os.path.join(base, shelf.label))
    except OSError as error:
        raise explained(error, base, "ascend_build_cache")


def _keep(shelf, found, text, signature, folder):
    # type: (Shelf, Dict[str, Any], str, Optional[str], str) -> bool
    if products.read(folder, shelf.mark) is not None:
        # One that others take already stays, unless it lacks the signature that this one has.
        there = [_text(os.path.join(folder, name)) for name in (products.CARD, products.SIGNATURE)]
        if not signature or there == [text, signature]:
            return False
    partial = "{0}{1}-{2}-{3}".format(folder, products.PARTIAL, platform.node(), os.getpid())
    for path in glob.glob(glob.escape(folder + products.PARTIAL) + "*"):
        if path == partial or _idle_s(path) > PIECE_IDLE_S:
            shutil.rmtree(path, ignore_errors=True)
    size = os.path.getsize(found["path"])
    _make_room(os.path.dirname(folder), size, "ascend_build_cache")
    os.mkdir(partial, 0o755)
    try:
        path = os.path.join(partial, os.path.basename(found["path"]))
        if _copy(found["path"], path) != found["sha256"]:
            products.set_aside(shelf.folder)
            raise CarryingError(
                "{0} is not what its card says, and was set aside. Run again: it is built anew".format(shelf.folder),
                damaged=True,
            )
        _write(os.path.join(partial, products.CARD), text)
        if signature:
            _write(os.path.join(partial, products.SIGNATURE), signature)
        # Others than this account take it.
        for name in os.listdir(partial):
            os.chmod(os.path.join(partial, name), 0o644)
        os.chmod(partial, 0o755)
        products.put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return True


@contextmanager
def _shared_lock(base, label):
    # type: (str, str) -> Iterator[None]
    # The lock that the controller's side takes in such a folder. Not every shared file system has locks, nor lets every
    # account have them: then the renames alone have to do.
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
        for block in iter(lambda: stream.read(_BLOCK_BYTES), b""):
            digest.update(block)
            out.write(block)
        durable.flush(out)
    return digest.hexdigest()
