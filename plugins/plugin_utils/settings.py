# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a role, as a host has them: filled in when they are asked for, of the types that the role documents.

A plan asks for a hundred of them for each host. Filling one in takes a millisecond where it is a template, so nothing is
filled in that nobody asks for, and the same template only once: `"{{ ascend_work_dir | default('auto') }}"` stands in five
roles.
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
    """Return what a YAML file of a role holds."""
    with open(ROLES / role / path, encoding="utf-8") as stream:
        return yaml.load(stream, _Loader)  # noqa: S506 (CSafeLoader is safe)


def _options(role: str) -> dict[str, dict[str, Any]]:
    """Return what meta/argument_specs.yml says of each variable of a role, all of its entry points together."""
    entries = data(role, "meta/argument_specs.yml")["argument_specs"].values()
    kept = ("type", "elements", "choices", "default")
    return {
        name: {key: option[key] for key in kept if key in option}
        for entry in entries
        for name, option in entry["options"].items()
    }


# A role's variable that another one decides, which is what users set.
_FILLED_IN = re.compile(r"\s*{{\s*(\w+)")

# Read with this module, which Ansible does before it divides itself into a worker a host.
OPTIONS = {role: _options(role) for role in ("cann_check", "cmake", "gcc730", "torch_npu_build", "apex_build", "road")}


class Source:
    """Where variables come from: what Ansible knows of them for one host and task.

    :param given: variables that are to have other values, in templates too
    """

    def __init__(
        self, action: ActionBase, task_vars: Mapping[str, Any], given: Mapping[str, Any] | None = None
    ) -> None:
        self._templar, self._task_vars = action._templar, {**task_vars, **(given or {})}
        if given:
            self._templar = action._templar.copy_with_new_env(available_variables=self._task_vars)
        self._filled: dict[str, Any] = {}

    def has(self, variable: str) -> bool:
        return variable in self._task_vars

    def raw(self, variable: str) -> Any:
        """Return a variable as it was given. Raises AnsibleActionFail where it is not known."""
        if variable not in self._task_vars:
            raise AnsibleActionFail(
                f"{variable} is not known here: import its role before, with `tasks_from: recipe` where nothing of it is to be done"
            )
        return self._task_vars[variable]

    def value(self, variable: str) -> Any:
        """Return the value of a variable as plain data. Raises AnsibleActionFail where it cannot be filled in."""
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
    """Return a value as the type that the role documents; null, as an empty value in YAML, is no value: the default counts.

    :param raw: what the value was filled in from, which may name the variable that a user has set
    """
    if option["type"] == "list" and isinstance(value, str):
        user = _FILLED_IN.match(raw)
        wrong = variables.list_as_text(user[1] if user else variable, value)
        if wrong:
            raise AnsibleActionFail(wrong)
    checked = ArgumentSpecValidator({variable: option}).validate({} if value is None else {variable: value})
    if checked.error_messages:
        come = f" (by {raw})" if variables.has_template(raw) else ""
        raise AnsibleActionFail(f"{variable} is {value!r}{come}: {' '.join(checked.error_messages)}")
    typed = checked.validated_parameters[variable]
    if typed is None:
        raise AnsibleActionFail(f"{variable} is null: give it a value, or take it away")
    return typed


class Settings(Mapping[str, Any]):
    """The variables of one role, by their names without its prefix.

    `settings["version"]` of the role cmake is the value of cmake_version. Raises AnsibleActionFail, naming the variable, for
    a value that is not of its type or none of its choices.
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
