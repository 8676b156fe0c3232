# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures of builds that are known: what a row of a table of them is, and words that several rows have.

The rows are in failures_of_host.py and failures_of_tools.py; here are those of lines that only tell that something failed.
"""

import re
from typing import Pattern, Tuple

Row = Tuple[Pattern[str], str, str, str]

NOT_WHOLE = "A downloaded archive (of gcc: gmp, mpfr, mpc or isl) is not whole, or not the pinned one."
FETCH_ANEW = (
    "Delete it from the downloads folder of the work directory and run again; if it fails again, the mirror's copy is "
    "bad or the digest in the variables belongs to another version."
)
BROKE = "The connection broke, or the server was not reached."
RUN_AGAIN = (
    "Run again: what was fetched is kept and the rest is tried from every URL. If it stays so, name a nearer mirror in "
    "ascend_mirrors."
)
NO_FIT = "The vendor's patch does not fit the native sources: another version, or a tree patched before."
ONE_RELEASE = (
    "Use the adapter's and the native ref and commit of one release, as in the defaults; the tree is put back before "
    "every try, so do not patch it by hand."
)
_NO_PACKAGE = "pip finds no {0} that it can take: none for this Python and machine, or none where it looked."
_FIND_IT = (
    "See that the index or mirror that pip goes by has it (`python -m pip download <name>` tries it), or the bundle, for "
    "this very Python; a pip older than 19.3 takes no manylinux2014 wheels: have pip upgraded, or set ascend_venv."
)

# What makes every other program fail, whatever that says.
ROOTS = ("disk full", "compiler killed", "out of memory", "too many processes or threads")

# What only tells that something before it went wrong; where nothing is known of that, it means this.
LAST_WORDS = (
    (
        re.compile(
            r"^(?:fatal: |error: )?(?:early EOF|the remote end hung up|fetch-pack: unexpected disconnect)",
            re.IGNORECASE,
        ),
        "network dropped",
        BROKE,
        RUN_AGAIN,
    ),
    (
        re.compile(
            r"gzip: .*unexpected end of file|tar: Unexpected EOF in archive|Compressed file ended unexpectedly",
            re.IGNORECASE,
        ),
        "checksum mismatch",
        NOT_WHOLE,
        FETCH_ANEW,
    ),
    (
        re.compile(
            r"[0-9]+ out of [0-9]+ hunks? (?:FAILED|ignored)|saving rejects to file|does not fit the native sources",
            re.IGNORECASE,
        ),
        "patch rejected",
        NO_FIT,
        ONE_RELEASE,
    ),
    (
        re.compile(
            r"ERROR: (?:Could not find a version that satisfies the requirement|No matching distribution found for) (\S+)"
        ),
        "package not found",
        _NO_PACKAGE,
        _FIND_IT,
    ),
)  # type: Tuple[Row, ...]
