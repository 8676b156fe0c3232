# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Products as they stand in work directories and build caches, small, for the tests of several parts."""

import json
from pathlib import Path

from ansible_collections.ascend.pytorch.plugins.module_utils.product import products


def manifest(name="cmake", version="3.12.1", fingerprint="ab" * 32, **platform):
    """A manifest without files."""
    return {
        "schema": 1,
        "name": name,
        "version": version,
        "product": "tree",
        "fingerprint": fingerprint,
        "identity": {"platform": {"arch": "x86_64", "libc": "glibc 2.31", **platform}},
        "built": {"when": "2026-11-01T10:00:00Z", "host": "node001", "seconds": {"build": 60.0}},
    }


def fill(folder: Path, content=b"the product", **about) -> dict:
    """Put a product into a folder, and return its metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    told = manifest(**about)
    (folder / (products.label(told) + ".tar.gz")).write_bytes(content)
    metadata = products.compose(str(folder / (products.label(told) + ".tar.gz")), told)
    (folder / products.METADATA).write_text(json.dumps(metadata))
    return metadata


def make(cache: Path, content=b"the product", **about) -> Path:
    """Make a product below a folder of products, and return its own folder."""
    folder = cache / products.label(manifest(**about))
    fill(folder, content, **about)
    return folder
