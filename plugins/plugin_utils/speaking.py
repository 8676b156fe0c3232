# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action says: on the terminal, in its result and with its failure. All of it goes through here, and from here
through module_utils/base/outgoing.py.

Tables and progress are printed on the run's standard output, beside what Ansible's callback prints. A callback that prints for
a program (json, say) must be alone there: then nothing is printed, and the same information is in the results of the tasks.
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
    """Say whether a callback prints for people (default, say) and not for a program (json, jsonl)."""
    name = callback.rpartition(".")[2]
    return "json" not in name and name != "null"


def is_read_by_people() -> bool:
    """Say whether people read what this run prints."""
    return is_for_people(str(C.DEFAULT_STDOUT_CALLBACK))


def say(text: str) -> None:
    """Print a text at once, unless a program reads what this run prints. Line breaks are kept."""
    if is_read_by_people():
        display.display(outgoing.paragraph(text))


def warn(text: str) -> None:
    """Show a warning."""
    display.warning(outgoing.paragraph(text))


def say_if_verbose(text: str) -> None:
    """Print a text where Ansible runs with -vv or more."""
    display.vv(outgoing.paragraph(text))


def terminal_columns() -> int:
    """Return the width of the terminal in columns."""
    return int(display.columns)


class Action(ActionBase):
    """An action of this collection: `act` does the work; its result and its errors are cleaned by outgoing.py."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        try:
            return outgoing.clean_result(**self.act(result, task_vars))
        except AnsibleConnectionFailure as error:
            # Not "from": some releases of Ansible print the cause's words as well.
            raise AnsibleConnectionFailure(outgoing.paragraph(str(error))) from None
        except AnsibleError as error:
            # Returned, not raised: for an exception ansible-core up to 2.18 prints the message twice, first as
            # "An exception occurred during task execution … NoneType: None".
            return {"failed": True, "msg": outgoing.paragraph(str(error))}

    def arguments(self, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Return the task's arguments as plain data. Raises AnsibleError with what is wrong with them.

        :param spec: see options.argument_spec
        :param more: what ArgumentSpecValidator takes besides, such as required_one_of
        """
        return plain(self.validate_argument_spec(spec, **more)[1])

    def act(self, result: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do the work and return the result.

        :param result: what it begins with
        """
        raise NotImplementedError
