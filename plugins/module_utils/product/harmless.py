# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that look like errors but are harmless, and what they mean."""

import re
from typing import List

LONGEST_LINE = 2000
_HARMLESS = tuple(
    (re.compile(expression, re.IGNORECASE), meaning)
    for expression, meaning in (
        (
            r"torchvision \S+ (?:has requirement|requires) torch[=<>!~]\S+ but you(?:'ll)? have torch \S+",
            "torchvision was published for the stock torch and only compares version numbers: the Ascend build, whose version "
            "has a suffix, works with it. Nothing has to be done.",
        ),
        (
            r"pip's dependency resolver does not currently take into account all the packages that are installed",
            "pip lists the packages that it considers incompatible; torch itself was installed.",
        ),
        (
            r"Running pip as the 'root' user can result in broken permissions",
            "pip recommends virtual environments; the role installs as root on purpose when ascend_venv is not set.",
        ),
        (
            r"Cannot find a library with BLAS API\. Not using BLAS",
            "CMake looks for several BLAS libraries, one after the other, and continues with the next.",
        ),
    )
)


def harmless_messages(text: str) -> List[str]:
    """Return, for each harmless message in the text, the message and what it means."""
    notes = []
    for line in text.splitlines():
        line = line[:LONGEST_LINE].strip()
        notes += [
            "{0} -- harmless: {1}".format(line, meaning) for expression, meaning in _HARMLESS if expression.search(line)
        ]
    return list(dict.fromkeys(notes))


def is_harmless(line: str) -> bool:
    return any(expression.search(line[:LONGEST_LINE]) for expression, _meaning in _HARMLESS)
