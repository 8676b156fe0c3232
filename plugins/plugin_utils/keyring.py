# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logins that a run has found in its hosts' variables. They stand in no order and no result: tasks get them from here.

In Ansible's temporary folder of the run, which only its user reads and which goes with it:
  ascend-logins/<host>.json     LOGINS, see module_utils/base/logins.py
"""

from __future__ import annotations

import json
from pathlib import Path

from ansible import constants as C
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, logins
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs


def split(places: list[str]) -> tuple[list[str], logins.Logins]:
    """Return the addresses of places of the build cache, or of mirrors, and the logins that their URLs had."""
    found: logins.Logins = {}
    return logins.take_out({"cache": places}, found)["cache"], found


def _path(host: str) -> Path:
    return Path(C.DEFAULT_LOCAL_TMP) / "ascend-logins" / (runs.file_name(host) + ".json")


def keep(host: str, found: logins.Logins) -> None:
    """Remember logins for the later tasks of a host, beside those that it has."""
    if not found:
        return
    known = of(host)
    path = _path(host)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    durable.write(str(path), json.dumps({**known, **found}), mode=0o600, synced=False, concurrent=True)


def of(host: str) -> logins.Logins:
    """Return the logins that are known for a host's URLs."""
    return read_json(str(_path(host))) or {}
