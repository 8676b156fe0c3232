# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What --tags and --skip-tags select of site.yml: which roles work on a host, and whose products are verified there.

The tasks of playbooks/tasks/guide.yml that are one role's carry its tag and `build`. Those that serve all roles, such as the
one that installs packages, run always, by a plan that has only what the tags leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

WORKS, VERIFIES = "build", "verify"
# Tags of Ansible's own that each tagged task matches.
_MATCH_ALL = frozenset({"all", "tagged"})


class Tags(NamedTuple):
    """What the command line says."""

    run: frozenset[str]
    skip: frozenset[str]

    def _selects(self, role: str, kind: str) -> bool:
        own = _MATCH_ALL | {role, kind}
        return bool(self.run & own) and not self.skip & own

    def works(self, role: str) -> bool:
        """Say whether a role makes its product."""
        return self._selects(role, WORKS)

    def verifies(self, role: str) -> bool:
        """Say whether a role's product is verified."""
        return self._selects(role, VERIFIES)

    def leave_all(self, roles: Iterable[str]) -> bool:
        """Say whether nothing of roles is left out."""
        return all(self.works(role) and self.verifies(role) for role in roles)


def given(task_vars: Mapping[str, Any]) -> Tags:
    """Return the tags of the run that a task belongs to; without --tags Ansible says `all`."""
    return Tags(
        frozenset(task_vars.get("ansible_run_tags") or ["all"]), frozenset(task_vars.get("ansible_skip_tags") or ())
    )
