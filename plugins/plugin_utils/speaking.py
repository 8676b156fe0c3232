# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action says: on the terminal, in its result and with its failure. All of it goes through here, and out of here
through outgoing.py."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.ascend.pytorch.plugins.module_utils import outgoing

display = Display()


def say(text: str) -> None:
    """Show a text, live."""
    display.display(outgoing.paragraph(text))


def warn(text: str) -> None:
    """Show a warning."""
    display.warning(outgoing.paragraph(text))


def whisper(text: str) -> None:
    """Show a text to those who ask for more with -vv."""
    display.vv(outgoing.paragraph(text))


def columns() -> int:
    """Return how many columns fit the terminal."""
    return int(display.columns)


class Action(ActionBase):
    """An action of this collection: `act` does its work, with what it returns or raises cleared for going out."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        try:
            return outgoing.told(**self.act(result, task_vars))
        except AnsibleError as error:
            words = outgoing.paragraph(str(error))
            if words == str(error):
                raise
            # Not "from": some releases of Ansible print the cause's words as well.
            kind = AnsibleConnectionFailure if isinstance(error, AnsibleConnectionFailure) else AnsibleActionFail
            raise kind(words) from None

    def act(self, result: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do the work and return the result.

        :param result: what it begins with
        """
        raise NotImplementedError
