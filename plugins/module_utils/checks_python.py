# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the Python that wheels are built for, and of what stands in it."""

from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils import ascend_files, versions
from ansible_collections.ascend.pytorch.plugins.module_utils import plan as plans
from ansible_collections.ascend.pytorch.plugins.module_utils.finding import (
    BUILD,
    ERROR,
    HOST,
    NPU,
    WARNING,
    Check,
    Seen,
    check,
    seen,
)

CHECKS: List[Check] = []

_PYTHON = "guide, prerequisites: Python"
_PACKAGES = "fact: numpy, protobuf, decorator and sympy after a CANN change"
_OPERATORS = "guide of CANN: Python packages"


def _chosen(request: Dict[str, Any], state: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    return state["pythons"].get(state["python"] or "") if plans.release_to_come(request) else None


def _packaged(request: Dict[str, Any], state: Dict[str, Any], python: Dict[str, Any]) -> bool:
    # The distribution's own Python: its headers and pip are packages that the road installs.
    return python["path"].startswith("/usr/bin/") and plans.may_install(request, state)


def _wanted(request: Dict[str, Any]) -> str:
    return "Python {0} for torch {1}".format(", ".join(request["release"]["pythons"]), request["release"]["version"])


@check(CHECKS, "python-missing", BUILD, ERROR, _PYTHON)
def _python_missing(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """No interpreter that was asked for is there and runs."""
    if plans.release_to_come(request) and _chosen(request, state) is None:
        broken = ["{0} {1}".format(found["path"], found["problem"]) for found in state["pythons"].values() if found]
        yield seen(
            "none of these runs here: {0}{1}".format(
                ", ".join(plans.pythons(request)), " (" + "; ".join(broken) + ")" if broken else ""
            ),
            _wanted(request),
            "install one of them, or set ascend_python to the path of an interpreter that is there",
        )


@check(CHECKS, "python-version", BUILD, ERROR, _PYTHON)
def _python_version(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """The interpreter is of a version that the release does not take."""
    chosen = _chosen(request, state)
    if chosen and ".".join(chosen["version"].split(".")[:2]) not in request["release"]["pythons"]:
        yield seen(
            "{0} is Python {1}".format(chosen["path"], chosen["version"]),
            _wanted(request),
            "set ascend_python to another interpreter, or auto",
        )


@check(CHECKS, "python-headers", BUILD, ERROR, _PYTHON)
def _python_headers(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """The interpreter has no headers, and no package would bring them."""
    chosen = _chosen(request, state)
    if chosen and plans.may_build(request) and not chosen["headers"] and not _packaged(request, state, chosen):
        yield seen(
            "{0} has no Python.h".format(chosen["path"]),
            "the headers of that Python",
            "install its development package, or rebuild it",
        )


@check(CHECKS, "python-library", BUILD, ERROR, _PYTHON)
def _python_library(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """The interpreter has no shared library, and no package would bring it."""
    chosen = _chosen(request, state)
    lacks = chosen and plans.may_build(request) and not chosen["shared_library"]
    if lacks and not _packaged(request, state, chosen):
        yield seen(
            "{0} has no shared libpython".format(chosen["path"]),
            "a Python built with --enable-shared",
            "rebuild it with --enable-shared, or set ascend_python to another",
        )


@check(CHECKS, "pip-missing", BUILD, ERROR, _PYTHON)
def _pip_missing(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """The interpreter has no pip, and no package would bring it."""
    chosen = _chosen(request, state)
    if chosen and "pip" not in chosen["packages"] and not _packaged(request, state, chosen):
        yield seen(
            "{0} has no pip".format(chosen["path"]),
            "pip for that Python",
            "run `{0} -m ensurepip`, or install the distribution's python3-pip".format(chosen["path"]),
        )


@check(CHECKS, "package-version", HOST, ERROR, _PACKAGES)
def _package_version(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """The Python has a package (numpy 2, say) that the release cannot work with."""
    if _chosen(request, state):
        python = plans.interpreter(state)
        for name, limits in sorted(request["release"].get("packages", {}).items()):
            version = python["packages"].get(name)
            try:
                fits = not version or versions.within(version, limits.get("minimum", ""), limits.get("maximum", ""))
            except ValueError:
                fits = True
            if not fits:
                line = _requirement(name, limits)
                yield seen(
                    "{0} {1} in {2}".format(name, version, python["path"]),
                    "{0} for torch {1}".format(line, request["release"]["version"]),
                    "run `{0} -m pip install '{1}'`, or set ascend_venv to keep apart what others need".format(
                        python["path"], line
                    ),
                )


@check(CHECKS, "package-missing", NPU, WARNING, _OPERATORS)
def _package_missing(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """The Python lacks a package that CANN's operators import."""
    if _chosen(request, state):
        python = plans.interpreter(state)
        wanted = _operators(request, state)
        lacking = sorted(set(wanted) - set(python["packages"]))
        if lacking:
            lines = (_requirement(name, wanted[name]) for name in lacking)
            yield seen(
                "{0} has no {1}".format(python["path"], ", ".join(lacking)),
                "what CANN's operators import when they are compiled",
                "run `{0} -m pip install {1}{2}`".format(
                    python["path"],
                    "".join(option + " " for option in plans.pip_options(state)),
                    " ".join("'{0}'".format(line) if set(line) & set("<>=") else line for line in lines),
                ),
            )


def _requirement(name: str, limits: Dict[str, str]) -> str:
    ends = [sign + limits[key] for sign, key in ((">=", "minimum"), ("<=", "maximum")) if limits.get(key)]
    return name + ",".join(ends)


def _operators(request: Dict[str, Any], state: Dict[str, Any]) -> Dict[str, Dict[str, str]]:
    """Return the packages that the operators of the host's CANN import, with the limits of torch and CANN.

    Where there is no CANN, or its version is not known, of the oldest that goes with the release.
    """
    known = [each["version"] for each in state["cann"][:1] if each["version"]]
    cann = (known or [request["release"]["cann"]["minimum"]])[0]
    found = {}  # type: Dict[str, Dict[str, str]]
    for row in sorted(request["fitness"]["packages"], key=lambda row: ascend_files.newness(row["from"])):
        if ascend_files.newness(row["from"]) <= ascend_files.newness(cann):
            found = dict(row["packages"])
    for name, limits in request["release"].get("packages", {}).items():
        most = [each["maximum"] for each in (limits, found.get(name, {})) if each.get("maximum")]
        found[name] = dict(found.get(name, {}), **limits)
        if most:
            found[name]["maximum"] = min(most, key=versions.parse)
    return found


@check(CHECKS, "torch-foreign", HOST, WARNING, "guide, torch: another torch is removed first")
def _torch_foreign(request: Dict[str, Any], state: Dict[str, Any], plan: Dict[str, Any]) -> Iterator[Seen]:
    """A torch or Apex that this collection did not make would be replaced."""
    for name, entry in plan["products"].items():
        there = state["products"][name]
        order = entry["order"] or {}
        replaced = entry["do"] in plans.BRINGING and order.get("product") == "wheel"
        if replaced and there["version"] and there["manifest"] is None:
            yield seen(
                "{0} {1} in {2}, which this collection did not make".format(name, there["version"], there["site"]),
                "to put {0} {1} in its place".format(name, order["version"]),
                "keep what needs it in another Python, or set ascend_venv; if nothing does, nothing is to be done",
            )
