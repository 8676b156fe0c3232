# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for hosts as values, and the archive that carries them."""

import io
import tarfile
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """A file's contents; with `link`, a symbolic link to there instead. Everything belongs to root."""

    text: str | bytes = ""
    mode: int = 0o644
    link: str = ""


def tar_of(files: dict[str, File]) -> bytes:
    """Return a tar archive of `files` (absolute path → File), the same bytes for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, file in sorted(files.items()):
            member = tarfile.TarInfo(path.lstrip("/"))
            member.mode = file.mode
            data = file.text.encode() if isinstance(file.text, str) else file.text
            if file.link:
                member.type, member.linkname = tarfile.SYMTYPE, file.link
            else:
                member.size = len(data)
            archive.addfile(member, None if file.link else io.BytesIO(data))
    return buffer.getvalue()
