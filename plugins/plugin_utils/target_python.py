# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the controller's ansible-core supports the Python of a host, and the message where it does not.

Each ansible-core drops Pythons of hosts. Its modules then fail there with any error, often a syntax error in Ansible's own
code, which does not say what to do.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible.release import __version__ as CORE

if TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

# The oldest Python 3 of hosts that each ansible-core supports (its support matrix), and this collection with it.
OLDEST = {(2, 16): (3, 6), (2, 17): (3, 7), (2, 18): (3, 8), (2, 19): (3, 8), (2, 20): (3, 9), (2, 21): (3, 9)}
# Minor versions above the oldest that are looked for on the host.
MINORS_TRIED = 6

# What the host answers with; around it may stand what its shell says at each login.
_OWN = re.compile(r"(?m)^is (\d+\.\d+\.\d+)\r?$")
_OTHER = re.compile(r"(?m)^or (/.*?)\r?$")


def oldest_python(core: str) -> tuple[int, int]:
    """Return the oldest Python that an ansible-core supports; for unknown newer releases that of the newest known one."""
    line = _numbers(core)
    return OLDEST[max((known for known in OLDEST if known <= line), default=min(OLDEST))]


def core() -> dict[str, str]:
    """Return {"version", "oldest_python"} of this ansible-core, for checks: the oldest Python of hosts that it supports."""
    return {"version": CORE, "oldest_python": _dotted(oldest_python(CORE))}


def last_core(version: str) -> str:
    """Return the line of the last ansible-core that supports a Python, such as 2.17; "" where none does."""
    return _dotted(max((line for line, least in OLDEST.items() if least <= _numbers(version)), default=()))


def too_old_message(version: str, core: str, python: str = "python3", newer: Sequence[str] = ()) -> str:
    """Return the message for a Python of a host that is too old; "" where the ansible-core supports it.

    :param python: what Ansible calls it by; :param newer: paths of others on the host that would do
    """
    least = oldest_python(core)
    if _numbers(version) >= least:
        return ""
    there = f"such as {', '.join(newer)}" if newer else "install one: none was found"
    last = last_core(version)
    return (
        f"its Python {python} is {version}, and with ansible-core {core} hosts need {_dotted(least)} or newer. "
        f"Set ansible_python_interpreter to a newer one there ({there})"
        + (f", or run ansible-core {last}, the last that supports {_dotted(_numbers(version))}" if last else "")
    )


def probe_command(python: str, core: str) -> str:
    """Return the shell command that asks a host for the version of its Python, and for others that would do.

    :param python: as Ansible calls it: a path or name, which options or arguments may follow
    """
    # It runs on any Python. A program named python3.9 may be something else, so it has to print its path.
    own = "import sys; print('is %d.%d.%d' % sys.version_info[:3])"
    other = "import sys; print('or ' + sys.executable)"
    major, minor = oldest_python(core)
    names = " ".join(f"python{major}.{each}" for each in range(minor, minor + MINORS_TRIED))
    return (
        f"{shlex.join(shlex.split(python))} -c {shlex.quote(own)}; "
        f'for each in {names}; do "$each" -c {shlex.quote(other)} 2>/dev/null; done; true'
    )


def interpreter_name(action: ActionBase, task_vars: Mapping[str, Any]) -> str:
    """Return how Ansible called the Python of a host when it ran the last module there."""
    # The first line of that module has it, with templates filled in. Where Ansible has none, the variables.
    used = (getattr(action, "_used_interpreter", None) or "").removeprefix("#!").strip()
    found = (task_vars.get("ansible_facts") or {}).get("discovered_interpreter_python")
    said = str(task_vars.get("ansible_python_interpreter") or "auto")
    return str(used or found or ("python3" if said.startswith("auto") else said))


def trouble(action: ActionBase, result: Mapping[str, Any], task_vars: Mapping[str, Any]) -> str:
    """Return the message where a module failed on a host since ansible-core does not support its Python; else "".

    Asks the host, in one command; raises AnsibleConnectionFailure where it gives no answer.
    """
    if not result.get("failed") or result.get("unreachable"):
        return ""
    python = interpreter_name(action, task_vars)
    answer = action._low_level_execute_command(probe_command(python, CORE))
    own = _OWN.search(answer["stdout"])
    words = too_old_message(own[1], CORE, python, _OTHER.findall(answer["stdout"])) if own else ""
    return words and f"{task_vars['inventory_hostname']}: {words}"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _dotted(numbers: Sequence[int]) -> str:
    return ".".join(map(str, numbers))
