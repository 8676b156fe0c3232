# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the roles, as Ansible has them for a host: their defaults, and what a user says besides."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import OPTIONS, Settings, Source
from checkout import ROOT


def trusted(value: Any) -> Any:
    """The same with templates that Ansible fills in, as of a file of variables."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(part) for part in value]
    if isinstance(value, dict):
        return {key: trusted(part) for key, part in value.items()}
    return value


DEFAULTS = {
    name: trusted(value)
    for role in OPTIONS
    for name, value in yaml.safe_load((ROOT / "roles" / role / "defaults/main.yml").read_text()).items()
}


def source(*leaving_out: str, **said: Any) -> Source:
    """Where the variables of a host come from whose user says that; `leaving_out` are roles that are not imported."""
    known = {name: value for name, value in DEFAULTS.items() if not name.startswith(leaving_out or "-")}
    known = {**known, **trusted(said)}
    return Source(SimpleNamespace(_templar=Templar(loader=DataLoader(), variables=known)), known)


def settings(role: str, **said: Any) -> Settings:
    """The variables of one role, see source."""
    return Settings(role, source(**said))
