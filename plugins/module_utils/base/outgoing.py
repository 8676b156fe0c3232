# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean text that leaves the collection, for terminals, logs, results and reports.

Logins are removed from URLs where they come in (logins.py), but the output of a program, or a URL elsewhere, may still
have one. The output of a host may also contain control characters for a terminal.
"""

from typing import Any, Callable, Dict

from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins

# The parts of a result that are printed and only read by people.
_READ = ("msg", "notes", "problems", "exception", "warnings")


def redact(text: str) -> str:
    """Return a text without the names and passwords of the URLs in it."""
    return logins.LOGIN.sub(r"\1", text) if "@" in text else text


def printable(line: str) -> str:
    """Return a line for a terminal: without logins and control characters."""
    line = redact(line)
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else " " if letter == "\t" else "?" for letter in line)


def paragraph(text: str) -> str:
    """Return a text of several lines for a terminal, see printable."""
    return "\n".join(printable(line) for line in text.split("\n"))


def clean_result(**result: Any) -> Dict[str, Any]:
    """Return the result of a module or action as it is given to Ansible, which prints it, registers it and passes it on.

    All texts are without logins, and those that are only read by people also without control characters.
    """
    return {key: _map_strings(value, paragraph if key in _READ else redact) for key, value in result.items()}


def _map_strings(data: Any, change: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, dict):
        return {key: _map_strings(value, change) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_map_strings(value, change) for value in data]
    return data
