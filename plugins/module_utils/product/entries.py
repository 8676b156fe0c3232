# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of products in a host's work directory, for carrying.py and caching.py.

products/<label>/                       in the work directory, see products.py
products/<label>.partial-<sha256, 12>/  the part of a product that has arrived; the next piece or run continues it
products/.<label>.lock                  held while the two above are changed: two controllers may send the same product
"""

import errno
import glob
import os
import shutil
import time
from contextlib import contextmanager

from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking, trust
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, products

# Metadata and signatures have a few KiB; a server that sends more is not a build cache.
TEXT_LIMIT_BYTES = 4 << 20

# A partial product that has not grown for so long, in seconds, is abandoned.
IDLE_S = 7 * 24 * 3600.0

# The same for a piece, which takes minutes to copy.
PIECE_IDLE_S = 24 * 3600.0
LOCK_LIMIT_S = 4 * 3600.0
BLOCK_BYTES = 1 << 20


class CarryingError(Exception):
    """A product could not be copied; the message says what failed, where, and what to do.

    damaged: it does not match its metadata, so it must come from another place or be built again.
    """

    def __init__(self, message, damaged=False):
        # type: (str, bool) -> None
        super().__init__(message)
        self.damaged = damaged


def explain_os_error(error, where, variable):
    # type: (OSError, str, str) -> CarryingError
    """Return a CarryingError that describes an error of the file system.

    :param where: the folder that was used; :param variable: the name of the variable that sets it
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CarryingError(_describe_full_disk(where, None, variable))
    return CarryingError(
        "{0}: {1}. Fix that, or set {2} to a folder that this account may use".format(
            error.filename or where, error.strerror or error, variable
        )
    )


def _describe_full_disk(folder, needed, variable):
    # type: (str, Optional[int], str) -> str
    more = "" if needed is None else " for {0:.0f} MiB more".format(needed / 2.0**20)
    return "no space left{0} on the file system of {1}. Free some, or set {2} to a folder on a larger disk, and run again".format(
        more, folder, variable
    )


def require_space(folder, needed, variable):
    # type: (str, int, str) -> None
    disk = os.statvfs(folder)
    if needed > disk.f_bavail * disk.f_frsize:
        raise CarryingError(_describe_full_disk(folder, needed, variable))


@contextmanager
def _locked(path):
    # type: (str) -> Iterator[None]
    try:
        with locking.hold(path, LOCK_LIMIT_S):
            yield
    except locking.LocksUnsupported as error:
        raise CarryingError(error.strerror)
    except locking.LockError as error:
        raise CarryingError(str(error))


def write(path, text):
    # type: (str, str) -> None
    with open(path, "wb") as stream:
        stream.write(text.encode("utf-8"))


def read_small_file(path):
    # type: (str) -> Optional[str]
    """Return the text of a small file, None when it is missing, too long or not text."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(TEXT_LIMIT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return decode(content)


def decode(content):
    # type: (bytes) -> Optional[str]
    try:
        return content.decode("utf-8") if len(content) <= TEXT_LIMIT_BYTES else None
    except UnicodeDecodeError:
        return None


class Entry:
    """The folders of one product on this host, which may not exist yet.

    :param label: of its order; :param mark: its fingerprint
    """

    def __init__(self, work_dir, label, mark):
        # type: (str, str, str) -> None
        self.label = label
        self.mark = mark
        self.top = os.path.join(work_dir, "products")
        self.folder = os.path.join(self.top, label)

    def make(self):
        # type: () -> None
        """Make the folders above it, closed to other accounts."""
        work_dir = os.path.dirname(self.top)
        wrong = trust.folder_problem(work_dir, os.geteuid())
        if wrong:
            raise CarryingError(
                "other accounts can change the work directory: {0}. Set ascend_work_dir to a folder where only this account "
                "can write".format(wrong)
            )
        for folder in (work_dir, self.top):
            make_folder(folder, 0o700)

    def partial(self, sha256):
        # type: (str) -> str
        """Return the path of the folder in which a file with this digest arrives."""
        return "{0}{1}-{2}".format(self.folder, products.PARTIAL, fingerprint.short(sha256))

    def make_partial(self, sha256):
        # type: (str) -> str
        """Make that folder if it does not exist, and return its path."""
        folder = self.partial(sha256)
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
        return folder

    def locked(self):
        # type: () -> Any
        """Return a context that holds the product's lock against other processes."""
        return _locked(os.path.join(self.top, ".{0}.lock".format(self.label)))

    def whole(self):
        # type: () -> bool
        """Say whether this host has the product, whole; reads all of it."""
        return products.read(self.folder, self.mark) is not None and not products.problems(self.folder)

    def sweep(self, sha256):
        # type: (str) -> None
        """Remove what killed runs have left, except for the part of the file with this digest."""
        for path in glob.glob(os.path.join(glob.escape(self.top), "*" + products.PARTIAL + "*")):
            if path != self.partial(sha256) and idle_s(path) > IDLE_S:
                shutil.rmtree(path, ignore_errors=True)


def idle_s(path):
    # type: (str) -> float
    """Return the seconds since a file, or a folder or anything in it, was changed; 0 when it is being removed."""
    try:
        inside = [os.path.join(path, name) for name in os.listdir(path)] if os.path.isdir(path) else []
        return time.time() - max(os.lstat(each).st_mtime for each in [path] + inside)
    except OSError:
        return 0.0


def product_texts(entry, digest, dry):
    # type: (Entry, bool, bool) -> Dict[str, Any]
    """Return {"present"} and, if that is true, the texts "metadata", "signature" (None if not signed) and "taken".

    taken: where the product is from, "" if it was built here.

    :param digest: compare the file with its digest; a damaged product is set aside, unless dry
    """
    found = products.read(entry.folder, entry.mark)
    if found is None:
        return {"present": False}
    if digest and products.problems(entry.folder):
        if not dry:
            products.set_aside(entry.folder)
        return {"present": False}
    text = read_small_file(os.path.join(entry.folder, products.METADATA))
    return {
        "present": text is not None,
        "metadata": text,
        "signature": read_small_file(os.path.join(entry.folder, products.SIGNATURE)),
        "taken": products.taken_from(entry.folder),
    }


def parse_metadata(text, entry):
    # type: (str, Entry) -> Dict[str, Any]
    metadata = products.parse(text)
    if (
        metadata is None
        or metadata["manifest"]["fingerprint"] != entry.mark
        or products.label(metadata["manifest"]) != entry.label
    ):
        raise CarryingError("the metadata that came for {0} is of another product".format(entry.label), damaged=True)
    return metadata


def finish(entry, partial, metadata, text, signature, place):
    # type: (Entry, str, Dict[str, Any], str, Optional[str], str) -> None
    """Publish the product from its partial folder, in which the file is whole.

    :param place: where it is from, in words, so that it is not taken for one that this host has built
    """
    for name in os.listdir(partial):
        if name != metadata["file"]:
            os.unlink(os.path.join(partial, name))
    write(os.path.join(partial, products.METADATA), text)
    if signature:
        write(os.path.join(partial, products.SIGNATURE), signature)
    products.mark_taken(partial, place)
    products.publish(partial, entry.folder)
    for path in glob.glob(glob.escape(entry.folder + products.DAMAGED) + "*"):
        shutil.rmtree(path, ignore_errors=True)
