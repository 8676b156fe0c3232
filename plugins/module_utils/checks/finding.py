# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of checks and their findings. The checks are in of_*.py, by what they examine."""

from typing import Callable, Dict, Iterator, List, NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)

# The subjects of checks. On a host that only builds, findings on CANN and NPU are notes. Checks of HOST and NPU are made
# only by the role cann_check and the playbooks, not by a role that builds one product.
BUILD, HOST, CANN, NPU = "build", "host", "cann", "npu"

Finder = Callable[[Request, State, Plan], Iterator["Seen"]]

Seen = NamedTuple(
    "Seen",
    [
        ("found", str),  # what was found
        ("wanted", str),
        ("remedy", str),
        ("severity", str),  # "" for the check's own
    ],
)

Check = NamedTuple(
    "Check",
    [
        ("ident", str),
        ("subject", str),
        ("severity", str),
        ("source", str),  # the part of the guide, or the fact, that it is based on
        ("meaning", str),  # what it looks for, a line for people
        ("find", Finder),
    ],
)


def seen(found: str, wanted: str, remedy: str, severity: str = "") -> Seen:
    """Return what a check has found; `severity` only if it differs from the check's own."""
    return Seen(found, wanted, remedy, severity)


def check(into: List[Check], ident: str, subject: str, severity: str, source: str) -> Callable[[Finder], Finder]:
    """Return a decorator that registers a function as a check; the first line of its docstring is the check's meaning."""

    def register(find: Finder) -> Finder:
        meaning = (find.__doc__ or "").strip().splitlines()[0]
        into.append(Check(ident, subject, severity, source, meaning, find))
        return find

    return register


def describe(finding: Dict[str, str]) -> str:
    """Return a finding as one line for people."""
    return "{severity}: {found}; wanted: {wanted}. {remedy} [{id}]".format(
        **dict(finding, remedy=finding["remedy"][:1].upper() + finding["remedy"][1:])
    )
