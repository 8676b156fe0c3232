# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert file names, which are bytes, between text that is the same on every host and the text that this Python uses.

Up to 3.6, a Python in the C locale decodes and encodes file names as ASCII. Archives, lists, manifests and messages have
them in UTF-8, with surrogates for bytes that are not UTF-8.
"""

import os


def to_text(name: str) -> str:
    """Return the portable text of a name or path that a function of this Python returned."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def to_native(text: str) -> str:
    """Return a name or path as this Python's functions take it, from its portable text."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))
