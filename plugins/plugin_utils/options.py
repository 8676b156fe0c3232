# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of actions: as the documentation of the module of the same name has them, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

MODULES = Path(__file__).parents[1] / "modules"
# Of a documented option, what an argument spec says of it, too, in the same words.
SPEC_KEYS = ("type", "elements", "choices", "default", "required")
_DOCUMENTATION = re.compile(r'^DOCUMENTATION = r"""\n(.*?)^"""', re.DOTALL | re.MULTILINE)
# The parser that is written in C, where it is there: every run reads the documentation of what it uses.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def to_argument_spec(options: dict[str, Any]) -> dict[str, Any]:
    """Return the argument spec of documented options."""
    made = {}
    for name, option in options.items():
        made[name] = {key: option[key] for key in SPEC_KEYS if key in option}
        if "suboptions" in option:
            made[name]["options"] = to_argument_spec(option["suboptions"])
    return made


def argument_spec(module: str, filled_in: Collection[str] = ()) -> dict[str, Any]:
    """Return the argument spec of the action in front of a module.

    :param filled_in: options of the module that the action itself fills in, and takes from nobody
    """
    # Not imported: it would bring along all that the module works with on a host.
    found = _DOCUMENTATION.search((MODULES / f"{module}.py").read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f'{module}: no line begins with DOCUMENTATION = r"""')
    made = to_argument_spec(yaml.load(found[1], _LOADER)["options"])  # noqa: S506  (a safe loader)
    return {name: option for name, option in made.items() if name not in filled_in}
