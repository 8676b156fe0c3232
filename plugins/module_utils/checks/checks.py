# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find all problems of a plan at once: wrong variables, and what is wrong or missing on a host. Pure.

A finding is {"id", "severity": error, warning or note, "found", "wanted", "remedy", "source": the part of the guide or the fact
that it is based on}.
"""

import os
from typing import Any, Dict, List

from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins, places
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import (
    finding,
    of_ascend,
    of_build,
    of_machine,
    of_python,
    of_release,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.host import ascend_files, environment
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe as recipes

# Every check by its id, in the order in which findings are reported.
CHECKS = {
    entry.ident: entry
    for entry in of_release.CHECKS + of_ascend.CHECKS + of_python.CHECKS + of_machine.CHECKS + of_build.CHECKS
}


# Needs the states of all hosts, after each has been examined.
SHARED = "shared-place"


def variable_problems(request: Request) -> List[str]:
    """Return what is wrong with the variables, before any host is examined; each text has the variable and the remedy."""
    found = []
    for entry in request.recipes:
        if entry["product"] == "tree" and places.is_forbidden(entry["prefix"]):
            found.append(
                "{0}_prefix: {1!r} is refused: a product there would overwrite the system's own files. Set a separate absolute "
                "path, such as /usr/local/{0}, or auto".format(entry["name"], entry["prefix"])
            )
        if not entry.get("reference"):
            found += recipes.problems(entry)
    found += _path_problems(request)
    found += _shared_prefix_problems(request.recipes)
    found += _login_problems(request)
    found += _release_problems(request)
    named = request.cann_path
    if (
        named
        and not named.startswith(("/", "~/"))
        and ascend_files.release_key(named) == ascend_files.release_key(None)
    ):
        found.append(
            "ascend_cann_path: {0!r} is neither an absolute path nor a release. Set it to a path, such as "
            "/usr/local/Ascend/ascend-toolkit/latest, or a release, such as 8.0.RC3, or leave it empty".format(named)
        )
    if int(request.timeout_s) < 1:
        found.append("ascend_timeout_s: {0!r} is too short: set at least 1 second".format(request.timeout_s))
    if str(request.jobs) != places.AUTO and (not str(request.jobs).isdecimal() or int(request.jobs) < 1):
        found.append("ascend_jobs: {0!r} is neither auto nor a number of at least 1".format(request.jobs))
    unknown = [ident for ident in request.silenced if ident not in CHECKS]
    if unknown:
        found.append(
            "ascend_silenced_checks: there is no check {0}. The checks are {1}".format(
                ", ".join(unknown), ", ".join(sorted(CHECKS))
            )
        )
    return found


def _release_problems(request: Request) -> List[str]:
    """Return which variables do not go with the release. Before a host is examined, it may only be guessed."""
    found, release, python = [], request.release, request.python
    settled, allowed = release.get("is_settled", True), release.get("pythons", [])
    if python != places.AUTO and allowed:
        version = os.path.basename(python).replace("python", "")
        if version and "." in version and ".".join(version.split(".")[:2]) not in allowed:
            found.append(
                "ascend_python: {0!r}: {1} only Python {2}. Set ascend_python to one of these, or to auto".format(
                    python,
                    "torch {0} supports".format(release["version"]) if settled else "the releases of torch support",
                    ", ".join(allowed),
                )
            )
    if request.environment is not None:
        chosen = request.environment["set"]
        found += (
            environment.validate({"set": environment.resolve(chosen, release)}, release)
            if settled
            else environment.problems_with_any(chosen)
        )
    return found


def _path_problems(request: Request) -> List[str]:
    given = [
        ("ascend_work_dir", request.work_dir, "folder"),
        ("ascend_env_file", request.env_file, "file"),
        ("ascend_venv", request.venv, "folder"),
    ]
    for entry in request.recipes:
        if entry["product"] == "tree" and not places.is_forbidden(entry["prefix"]):
            given.append((entry["name"] + "_prefix", entry["prefix"], "tree"))
        given += [(entry["name"] + "_link", link.get("path", ""), "link") for link in entry.get("links", [])]
    return [
        "{0}: {1!r} is refused: {2}. Set an absolute path of letters, digits and _ . + @ , - to a place of its own{3}".format(
            variable, value, wrong, "" if variable == "ascend_venv" else ", or auto"
        )
        for variable, value, kind in given
        for wrong in [places.path_problem(value, kind)]
        if wrong
    ]


def _login_problems(request: Request) -> List[str]:
    where = [(entry["name"], "its manifest", entry) for entry in request.recipes if not entry.get("reference")]
    where.append(("the environment file", "it", request.environment))
    return [
        "{0}: {1!r} has a login, which every account of a host could read in {2}. Remove it; put a proxy's "
        "login into the host's own https_proxy, and an index's into the file that PIP_CONFIG_FILE names".format(
            name, text, file
        )
        for name, file, data in where
        for text in logins.urls_with_login(data)
    ]


def _shared_prefix_problems(entries: List[Dict[str, Any]]) -> List[str]:
    # A recipe and another recipe's reference to its product have the same name and count once.
    names = {}  # type: Dict[str, List[str]]
    for entry in entries:
        if entry["product"] == "tree" and entry["prefix"] != places.AUTO:
            there = names.setdefault(entry["prefix"].rstrip("/"), [])
            if entry["name"] not in there:
                there.append(entry["name"])
    return [
        "{0}: all of these are {1}. Give each a separate prefix".format(
            ", ".join(name + "_prefix" for name in there), prefix
        )
        for prefix, there in names.items()
        if len(there) > 1
    ]


def is_wanted(entry: finding.Check, request: Request) -> bool:
    """Say whether a check is made for a request."""
    if entry.ident in request.silenced:
        return False
    return request.fitness is not None or entry.subject not in (finding.HOST, finding.NPU)


def severity(entry: finding.Check, seen: finding.Seen, request: Request) -> str:
    """Return the severity of a finding: on a host that only builds, what is needed only to run torch is a note."""
    fitness = request.fitness or {}
    needed = {finding.CANN: request.require_cann, finding.NPU: fitness.get("require_npu", True)}
    return seen.severity or entry.severity if needed.get(entry.subject, True) else finding.NOTE


def find_problems(request: Request, state: State, plan: Plan) -> List[Dict[str, str]]:
    """Return all findings of an examined host for a plan; only errors stop it."""
    return [
        _finding(entry, seen, severity(entry, seen, request))
        for entry in CHECKS.values()
        if is_wanted(entry, request)
        for seen in entry.find(request, state, plan)
    ]


def shared_place_findings(shares: List[Dict[str, Any]]) -> List[Dict[str, str]]:
    """Return the findings on folders that hosts share.

    :param shares: as sharing.shared_places returns them, with "hosts" as a text
    """
    entry = CHECKS[SHARED]
    return [_finding(entry, seen, seen.severity or entry.severity) for seen in of_machine.find_shared_places(shares)]


def different_torch_findings(torches: Dict[str, str]) -> List[Dict[str, str]]:
    """Return the finding that hosts of one fleet get different torches; [] where all get the same.

    :param torches: torch, with its version -> the hosts that get it, as a text
    """
    entry = CHECKS[of_release.DIFFERENT]
    return [_finding(entry, seen, entry.severity) for seen in of_release.find_different_torches(torches)]


def _finding(entry: finding.Check, seen: finding.Seen, grade: str) -> Dict[str, str]:
    return {
        "id": entry.ident,
        "severity": grade,
        "found": seen.found,
        "wanted": seen.wanted,
        "remedy": seen.remedy,
        "source": entry.source,
    }
