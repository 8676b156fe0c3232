# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the release of torch that was chosen for a host, see plan/releases.py."""

from typing import Dict, Iterator

from ansible_collections.ascend.pytorch.plugins.module_utils.checks.finding import (
    BUILD,
    ERROR,
    NOTE,
    Seen,
    check,
    seen,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases, requests
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request

CHECKS = []  # type: List[Check]

_TABLE = "the vendor's table of releases"
# Needs the plans of all hosts.
DIFFERENT = "torch-differs"
# So many other releases are named.
_NAMED = 6


def _choice(request: Request) -> Dict:
    """Return how the release was chosen, {} where it was named or none is wanted."""
    return requests.wanted_release(request).get("choice") or {}


@check(CHECKS, "arch-unsupported", BUILD, ERROR, _TABLE)
def _arch_unsupported(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """No release of torch is for the architecture of the host."""
    if requests.wanted_release(request) and state.arch not in releases.ARCHES:
        yield seen(
            "the architecture is {0}, for which there is no release of CANN, torch_npu or the patched torch".format(
                state.arch
            ),
            " or ".join(releases.ARCHES),
            "remove the host from the inventory; install on one of these architectures",
        )


@check(CHECKS, "release-unfit", BUILD, ERROR, _TABLE)
def _release_unfit(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """No release of torch, or not the one that ascend_torch_version names, goes with the host."""
    choice = _choice(request)
    # Without a CANN that it needs, a host is unfit anyway.
    if choice.get("problem") and (state.cann or not request.require_cann):
        yield seen(
            choice["problem"],
            "a release of torch that goes with the host",
            "set ascend_torch_version to one that does; playbooks/releases.yml lists them",
        )


@check(CHECKS, "release-chosen", BUILD, NOTE, _TABLE)
def _release_chosen(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Which release of torch was chosen for the host, and which others would also go."""
    choice = _choice(request)
    if choice and not choice["problem"] and state.arch in releases.ARCHES:
        others = choice["others"]
        more = [" and {0} more".format(len(others) - _NAMED)] if others[_NAMED:] else []
        yield seen(
            "; ".join(filter(None, [choice["why"], choice["note"]])),
            "one release of torch for all hosts of a cluster",
            "nothing to do; to choose another one, set ascend_torch_version"
            + (": {0}{1} would also go".format(", ".join(others[:_NAMED]), "".join(more)) if others else ""),
        )


@check(CHECKS, DIFFERENT, BUILD, NOTE, _TABLE)
def _torch_differs(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Hosts of one fleet get different releases of torch."""
    # One host alone is not enough: the playbooks check and report find it, with find_different_torches().
    return iter(())


def find_different_torches(torches: Dict[str, str]) -> Iterator[Seen]:
    """Yield what the check torch-differs finds.

    :param torches: torch, with its version -> the hosts that get it, as a text
    """
    if len(torches) > 1:
        yield seen(
            "; ".join("{0} on {1}".format(torch, hosts) for torch, hosts in sorted(torches.items())),
            "one release of torch for all hosts of a cluster",
            "nothing if that is intended; else set ascend_torch_version to a release that goes with all of them",
        )
