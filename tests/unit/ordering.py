# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders for tests: whole ones, of which a test says only what it is about."""

import copy

from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order

# Of a tree on a host without anything.
TOOL = {
    "name": "tool",
    "version": "1.0",
    "product": "tree",
    "state": "present",
    "distribution": "",
    "fingerprint": "ab" * 32,
    "identity": {"version": "1.0"},
    "prefix": "/opt/tool",
    "links": [],
    "replace_link": False,
    "python": "",
    "python_version": "",
    "python_tag": "",
    "sites": [],
    "sources": [],
    "stages": {},
    "mirrors": [],
    "arch": "x86_64",
    "work_dir": "/nowhere/work",
    "jobs": 3,
    "timeout_s": 50,
    "keep": False,
    "environment": {},
    "path": [],
    "library_path": [],
    "requirements": [],
    "requirements_missing": [],
    "pip_options": [],
    "collection_version": "0.1.0",
    "verify": [],
    "env_file": "/none",
    "npu_libraries": True,
}


def order(**changes):
    """The order of a tool, with changes."""
    return Order(**copy.deepcopy(dict(TOOL, **changes)))
