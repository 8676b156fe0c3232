# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of a host's work directory, of a content, and of an age."""

import json
import os

from ansible_collections.ascend.pytorch.plugins.module_utils.product import products

LABEL, MARK = "tool-1.0-ffffffffffff", "f" * 64
FILE = LABEL + ".tar.gz"


def fill(folder, content):
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(content)
    metadata = products.compose(str(folder / FILE), {"name": "tool", "version": "1.0", "fingerprint": MARK})
    (folder / "product.json").write_text(json.dumps(metadata))
    return metadata


def age(path, seconds):
    for each in [*path.iterdir(), path] if path.is_dir() else [path]:
        os.utime(each, (each.stat().st_atime, each.stat().st_mtime - seconds))
