# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data out of templates."""

from __future__ import annotations

import json
from typing import Any


def plain(value: Any) -> Any:
    """Return a value without the marks that Ansible gives it, which hashing, other libraries and a module's JSON must not see.

    What is no data of JSON's counts as it is written: one from a vault is what was encrypted, a date of YAML's its text.
    """
    return json.loads(json.dumps(value, default=str))
