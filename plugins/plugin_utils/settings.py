# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a role's variables for a host: each is templated when it is read, and has the type that the role documents.

A plan reads a hundred of them for each host. Templating one takes a millisecond, so only the variables that are read are
templated, and the same template only once: `"{{ ascend_work_dir | default('auto') }}"` is in five roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible.errors import AnsibleActionFail, AnsibleUndefinedVariable
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.ascend.pytorch.plugins.plugin_utils import variables
from ansible_collections.ascend.pytorch.plugins.plugin_utils.plain import plain

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

ROLES = Path(__file__).resolve().parents[2] / "roles"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def data(role: str, path: str) -> Any:
    """Return the content of a YAML file of a role."""
    with open(ROLES / role / path, encoding="utf-8") as stream:
        return yaml.load(stream, _Loader)  # noqa: S506 (CSafeLoader is safe)


def _options(role: str) -> dict[str, dict[str, Any]]:
    """Return variable -> its type, elements, choices and default, from all entry points of a role's meta/argument_specs.yml."""
    entries = data(role, "meta/argument_specs.yml")["argument_specs"].values()
    kept = ("type", "elements", "choices", "default")
    return {
        name: {key: option[key] for key in kept if key in option}
        for entry in entries
        for name, option in entry["options"].items()
    }


# A template that begins with the variable that users set instead of the role's.
_FILLED_IN = re.compile(r"\s*{{\s*(\w+)")

# Read when this module is imported, which Ansible does once, before it starts a worker for each host.
OPTIONS = {role: _options(role) for role in ("cann_check", "cmake", "gcc730", "torch_npu_build", "apex_build", "road")}


class Source:
    """The variables of Ansible for one host and task.

    :param given: variables with other values than Ansible's, also for templates
    """

    def __init__(
        self, action: ActionBase, task_vars: Mapping[str, Any], given: Mapping[str, Any] | None = None
    ) -> None:
        self._templar, self._task_vars = action._templar, {**task_vars, **(given or {})}
        if given:
            self._templar = action._templar.copy_with_new_env(available_variables=self._task_vars)
        self._filled: dict[str, Any] = {}

    def has(self, variable: str) -> bool:
        """Say whether a variable is defined."""
        return variable in self._task_vars

    def raw(self, variable: str) -> Any:
        """Return a variable without templating. Raises AnsibleActionFail if it is not defined."""
        if variable not in self._task_vars:
            raise AnsibleActionFail(
                f"{variable} is not defined here: import its role before, with `tasks_from: recipe` if it is to do nothing"
            )
        return self._task_vars[variable]

    def value(self, variable: str) -> Any:
        """Return the value of a variable as plain data. Raises AnsibleActionFail if it cannot be templated."""
        raw = self.raw(variable)
        if not variables.has_template(raw):
            return plain(raw)
        if not isinstance(raw, str):
            return self._fill(variable, raw)
        if raw not in self._filled:
            self._filled[raw] = self._fill(variable, raw)
        return self._filled[raw]

    def _fill(self, variable: str, raw: Any) -> Any:
        try:
            return plain(self._templar.template(raw))
        except AnsibleUndefinedVariable as error:
            raise AnsibleActionFail(variables.problem(variable, str(error))) from error


def _typed(variable: str, option: dict[str, Any], value: Any, raw: Any) -> Any:
    """Return a value converted to the documented type; for null, such as an empty value in YAML, return the default.

    :param raw: the value before templating, which may name the variable that a user has set
    :raises AnsibleActionFail: the value does not have that type or is not one of the choices; or it is null without a default
    """
    if option["type"] == "list" and isinstance(value, str):
        user = _FILLED_IN.match(raw)
        wrong = variables.list_as_text(user[1] if user else variable, value)
        if wrong:
            raise AnsibleActionFail(wrong)
    checked = ArgumentSpecValidator({variable: option}).validate({} if value is None else {variable: value})
    if checked.error_messages:
        origin = f" (from {raw})" if variables.has_template(raw) else ""
        raise AnsibleActionFail(f"{variable} is {value!r}{origin}: {' '.join(checked.error_messages)}")
    typed = checked.validated_parameters[variable]
    if typed is None:
        raise AnsibleActionFail(f"{variable} is null: set it to a value, or remove it")
    return typed


class Settings(Mapping[str, Any]):
    """The variables of one role, by their names without its prefix.

    `settings["version"]` of the role cmake is the value of cmake_version. Raises AnsibleActionFail, with the variable's name,
    for a value that is not of its type or not one of its choices.
    """

    def __init__(self, role: str, source: Source) -> None:
        self.role, self._source = role, source
        self._typed: dict[str, Any] = {}

    def variable(self, name: str) -> str:
        """Return the name of a variable as users write it."""
        return f"{self.role}_{name}"

    def __getitem__(self, name: str) -> Any:
        if name not in self._typed:
            variable = self.variable(name)
            option, value = OPTIONS[self.role][variable], self._source.value(variable)
            self._typed[name] = _typed(variable, option, value, self._source.raw(variable))
        return self._typed[name]

    def __contains__(self, name: object) -> bool:
        variable = f"{self.role}_{name}"
        return variable in OPTIONS[self.role] and self._source.has(variable)

    def __iter__(self) -> Iterator[str]:
        start = len(self.role) + 1
        return (variable[start:] for variable in OPTIONS[self.role] if self._source.has(variable))

    def __len__(self) -> int:
        return sum(1 for _name in self)
