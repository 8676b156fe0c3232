# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of files, which are bytes: as text that is the same on every host, and as this Python takes them.

A Python whose locale is C takes and gives names as ASCII, up to 3.6 for want of any other setting. What archives and
lists have, and manifests and messages get, is UTF-8, with surrogates for the bytes that are none.
"""

import os


def to_text(name: str) -> str:
    """Return the text of a name, or a path, that this Python's functions gave."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def to_native(text: str) -> str:
    """Return a name, or a path, of this text as this Python's functions take it."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))
