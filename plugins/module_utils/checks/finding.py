# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is, and what it finds. The checks themselves stand in of_*.py, by what they look at."""

from typing import Callable, Dict, Iterator, List, NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)

# What a check is asked about. Of a host that only builds, CANN and NPU checks become notes; HOST, CANN's wheels and NPU
# are looked at by the role cann_check and by the playbooks alone, not by a role that builds one thing.
BUILD, HOST, CANN, NPU = "build", "host", "cann", "npu"

Finder = Callable[[Request, State, Plan], Iterator["Seen"]]

Seen = NamedTuple(
    "Seen",
    [
        ("found", str),  # what is there
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
        ("source", str),  # the part of the guide, or the fact of the field, that it comes from
        ("meaning", str),  # what it looks for, a line for people
        ("find", Finder),
    ],
)


def seen(found: str, wanted: str, remedy: str, severity: str = "") -> Seen:
    """Return one thing that a check has seen; `severity` where it differs from the check's own."""
    return Seen(found, wanted, remedy, severity)


def check(into: List[Check], ident: str, subject: str, severity: str, source: str) -> Callable[[Finder], Finder]:
    """Register a function as the check of that id: its first line of documentation is the check's meaning."""

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
