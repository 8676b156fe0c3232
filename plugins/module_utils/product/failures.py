# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known failures of builds: the form of a table's row, and texts that several rows share.

The tables are in failures_of_host.py, failures_of_tools.py and failures_of_torch_npu.py; the one here is for lines that only say that something failed.
"""

import re
from typing import Pattern, Tuple

Row = Tuple[Pattern[str], str, str, str]

NOT_WHOLE = "A downloaded archive (of gcc: gmp, mpfr, mpc or isl) is incomplete, or not the pinned one."
FETCH_ANEW = (
    "Delete it from the downloads folder of the work directory and run again; if it fails again, the mirror's copy is "
    "bad or the digest in the variables belongs to another version."
)
BROKE = "The connection broke, or the server was not reached."
RUN_AGAIN = (
    "Run again: what was fetched is kept and the rest is tried from every URL. If it fails again, name a nearer mirror in "
    "ascend_mirrors."
)
NO_FIT = "The vendor's patch does not fit the native sources: another version, or a tree that is already patched."
ONE_RELEASE = (
    "Use the adapter's and the native ref and commit of one release, as in the defaults; do not patch the tree by hand: it "
    "is reset before every try."
)
_NO_PACKAGE = "pip finds no {0} that it can install: none for this Python and machine, or none where it looked."
_FIND_IT = (
    "Check that pip's index or mirror (`python -m pip download <name>` tries it), or the bundle, has it for this Python; a "
    "pip older than 19.3 does not install manylinux2014 wheels: upgrade pip, or set ascend_venv."
)

# The name of a failure whose cause is before it, usually a missing library of CANN.
BACKEND_NOT_LOADED = "NPU backend not loaded"

# Failures that make other programs fail too, with any message.
ROOTS = ("disk full", "compiler killed", "out of memory", "too many processes or threads")

# Lines that only say that something before them failed. They mean this when nothing is known of the lines before.
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
        re.compile(r"Failed to load the backend extension: (torch_npu)\b"),
        BACKEND_NOT_LOADED,
        "`import torch` loads {0}, which failed: usually CANN is not installed, or its environment is not sourced.",
        "Source the environment file (`. <ascend_env_file>`) and try again; TORCH_DEVICE_BACKEND_AUTOLOAD=0 lets torch be used "
        "without NPUs.",
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
