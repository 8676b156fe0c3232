# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of any members, made by hand, and what a tree holds."""

import io
import os
import tarfile
from pathlib import Path


def member(name, content=b"", mode=0o644, mtime=1_000_000_000, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime, info.type, info.linkname = len(content), mode, mtime, kind, link
    info.uid, info.uname = 12345, "stranger"
    return info, content


def folder(name, mode=0o755, **more):
    return member(name, mode=mode, kind=tarfile.DIRTYPE, **more)


def symlink(name, target):
    return member(name, kind=tarfile.SYMTYPE, link=target)


def hard_link(name, target):
    return member(name, kind=tarfile.LNKTYPE, link=target)


def tar(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as out:
        for info, content in members:
            out.addfile(info, io.BytesIO(content))
    return str(path)


PLAIN = (
    folder("top-1.0"),
    member("top-1.0/configure", b"#!/bin/sh\n", 0o755),
    folder("top-1.0/src"),
    member("top-1.0/src/a.c", b"int a;\n"),
    symlink("top-1.0/link.c", "src/a.c"),
)


def tree(path):
    """Everything under `path`: name to content, link target or None."""
    found = {}
    for one in sorted(Path(path).rglob("*")):
        found[str(one.relative_to(path))] = (
            os.readlink(one) if one.is_symlink() else None if one.is_dir() else one.read_bytes()
        )
    return found
