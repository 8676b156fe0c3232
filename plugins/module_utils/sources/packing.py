# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pack trees as archives, so that equal trees give equal bytes."""

import os
import tarfile
from typing import List

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, extensions
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.archive import (
    ArchiveError,
    describe_os_error,
    remove,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.links import refuse_links_out_of

# The modification time of every packed file (2000-01-01 UTC). Not 0: make reads that as a missing file, zip cannot store it.
PACKED_MTIME = 946684800


def pack(tree: str, archive: str) -> None:
    """Pack the content of the folder `tree` as the tar.gz `archive`, with names relative to it (unpack with strip=0).

    Equal trees give equal bytes with the same zlib: names are sorted, the owner is root (0), and all times are equal,
    because kept times would make two builds of one fingerprint differ. Hard links stay links. The archive is written
    beside `archive`, synced and renamed. It is compressed fast rather than small, since a user waits for it.

    Raises ArchiveError for what `unpack` would refuse (links out of the tree, devices, pipes), and when writing fails.
    """
    if not os.path.isdir(tree):
        raise ArchiveError("%s is not a folder: it cannot be packed." % tree)
    refuse_links_out_of(tree, "cannot pack %s" % tree)
    partial = archive + ".partial"
    try:
        with open(partial, "wb") as raw:
            with extensions.load("gzip").GzipFile(
                filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0
            ) as zipped, tarfile.open(
                fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
            ) as tar:
                for name in _sorted_paths(tree):
                    _add(tar, os.path.join(tree, name), name)
        durable.replace(partial, archive)
    except BaseException as error:
        remove(partial)
        if isinstance(error, extensions.ModuleMissing):
            raise ArchiveError("%s cannot be packed: %s." % (tree, error)) from error
        if isinstance(error, OSError):
            raise ArchiveError(describe_os_error(error, "pack %s as %s" % (tree, archive), archive)) from error
        raise


def _sorted_paths(tree: str) -> List[str]:
    """Return every path in `tree`, relative to it, sorted by its bytes: a folder comes before its content."""
    found = []  # type: List[str]
    for folder, folders, files in os.walk(tree, onerror=_raise):
        found += [os.path.relpath(os.path.join(folder, name), tree) for name in folders + files]
    return sorted(found, key=os.fsencode)


def _raise(error: OSError) -> None:
    raise error


def _add(tar: tarfile.TarFile, path: str, name: str) -> None:
    info = tar.gettarinfo(path, name)
    if info is None or not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
        raise ArchiveError("%s is not a file, folder or link: it cannot be packed. Remove it." % path)
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mtime = PACKED_MTIME
    info.mode &= 0o777
    if info.isreg():
        with open(path, "rb") as content:
            tar.addfile(info, content)
    else:
        tar.addfile(info)
