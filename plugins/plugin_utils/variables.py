# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that a user set and whose templates name something undefined.

`ascend_x | default(...)`, by which roles read shared variables, takes the default too where ascend_x is set and a name inside
of it is not: ascend_trusted_keys: "{{ typo }}/keys" would be no keys, and signatures not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail, AnsibleUndefinedVariable

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

SHARED = "ascend_"
# Variables of one role that others read with a default.
OF_ROLES = frozenset(
    (
        "cmake_max_version",
        "cmake_prefix",
        "gcc730_accept_installed",
        "gcc730_max_version",
        "gcc730_prefix",
        "gcc730_version",
    )
)

_NAME = re.compile(r"'([A-Za-z_]\w*)' is undefined")


def is_shared(name: str) -> bool:
    """Say whether a variable is one that roles and playbooks read with a default."""
    return name.startswith(SHARED) or name in OF_ROLES


def has_template(value: Any) -> bool:
    """Say whether a value contains a template, at any depth."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(has_template(part) for part in value.values())
    return isinstance(value, (list, tuple)) and any(has_template(part) for part in value)


def list_as_text(name: str, value: str) -> str:
    """Return the message for a list that was given as text, "" for any other text.

    -e name=value gives text, which Ansible takes for a list of one, or divides at its commas.
    """
    if not value.lstrip().startswith("["):
        return ""
    return (
        f"{name} is the text {value!r}, and has to be a list: give it as JSON, -e '{{\"{name}\": [...]}}', or in a file of "
        "variables"
    )


def problem(name: str, said: str) -> str:
    """Return what is wrong with a variable, and what to do.

    :param said: what Ansible says of the undefined name
    """
    undefined = _NAME.search(said)
    words = f"{name} cannot be filled in: {undefined[0] if undefined else said.strip().splitlines()[0]}"
    if undefined and undefined[1].startswith("ansible_"):
        return words + (
            ". These playbooks gather no facts: gather them in an earlier play of the same playbook, or set the variable "
            "without them"
        )
    return words + ". Define that variable, or correct its name"


def refuse_undefined(action: ActionBase, task_vars: Mapping[str, Any], names: Iterable[str] = ()) -> None:
    """Raise AnsibleActionFail, with every problem, where a shared variable names something that is not there.

    :param names: of the variables to look at, all shared ones by default
    """
    wrong = []
    for name in sorted(names or filter(is_shared, task_vars)):
        if has_template(task_vars.get(name)):
            try:
                action._templar.template(task_vars[name])
            except AnsibleUndefinedVariable as error:
                wrong.append(problem(name, str(error)))
    if wrong:
        host = task_vars["inventory_hostname"]
        raise AnsibleActionFail(
            "\n".join([f"{host}: variables that cannot be filled in:", *("  - " + one for one in wrong)])
        )
