# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of what is planned for a host: one for all roles, or several where variables differ between roles."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request


class Part(NamedTuple):
    """The request of some roles, the state of the host, and the plan that follows."""

    roles: list[str]
    request: Request
    state: State
    plan: plan.Plan

    def findings(self) -> list[dict]:
        """Return the findings."""
        return checks.find_problems(self.request, self.state, self.plan)


def tools_of(parts: list[Part]) -> dict:
    """Return the tools, by name, that the plans provide for later ones."""
    return {name: tool for part in parts for name, tool in part.plan.tools.items()}


def findings_of(parts: list[Part]) -> list[dict]:
    """Return the findings of all parts, each once."""
    found: list[dict] = []
    for part in parts:
        found += [each for each in part.findings() if each not in found]
    return found
