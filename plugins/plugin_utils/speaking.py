# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action says: on the terminal, in its result and with its failure. All of it goes through here, and out of here
through module_utils/base/outgoing.py.

What people are told while a run goes on, tables and progress, stands on its standard output beside what Ansible's callback
prints. Where that prints for a program, its document is all that may stand there: nothing is said then, and what people
would have read is in the tasks' results.
"""

from __future__ import annotations

from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.plugin_utils.plain import plain

display = Display()


def is_for_people(callback: str) -> bool:
    """Say whether people read what a callback prints, such as default, and no program, as of json or jsonl."""
    name = callback.rpartition(".")[2]
    return "json" not in name and name != "null"


def is_heard() -> bool:
    """Say whether people read what this run prints."""
    return is_for_people(str(C.DEFAULT_STDOUT_CALLBACK))


def say(text: str) -> None:
    """Show people a text at once, where they read what this run prints; its lines are kept as they are."""
    if is_heard():
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
            return outgoing.clean_result(**self.act(result, task_vars))
        except AnsibleConnectionFailure as error:
            # Not "from": some releases of Ansible print the cause's words as well.
            raise AnsibleConnectionFailure(outgoing.paragraph(str(error))) from None
        except AnsibleError as error:
            # A failure, and no exception: up to ansible-core 2.18 that carries a traceback along, where there is none too, and
            # is told twice, first as "An exception occurred during task execution … NoneType: None".
            return {"failed": True, "msg": outgoing.paragraph(str(error))}

    def arguments(self, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Return the task's arguments as plain data. Raises AnsibleError with what is wrong with them.

        :param spec: see options.of
        :param more: what ArgumentSpecValidator takes besides, such as required_one_of
        """
        return plain(self.validate_argument_spec(spec, **more)[1])

    def act(self, result: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do the work and return the result.

        :param result: what it begins with
        """
        raise NotImplementedError
