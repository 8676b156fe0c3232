# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the Python that wheels are built for, and of the packages in it."""

import os
import re
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base import extensions, interpreters, versions
from ansible_collections.ascend.pytorch.plugins.module_utils.checks.finding import (
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
from ansible_collections.ascend.pytorch.plugins.module_utils.host import ascend_files
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import packages, pythons, requests
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan as plans
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch

CHECKS: List[Check] = []

_PYTHON = "guide, prerequisites: Python"
_PACKAGES = "fact: numpy, protobuf, decorator and sympy after a CANN change"
_OPERATORS = "guide of CANN: Python packages"


def _python(request: Request, state: State) -> Optional[Dict[str, Any]]:
    """Return the interpreter that wheels are for; None if none runs, or none is wanted."""
    found = pythons.interpreter(state) if requests.wanted_release(request) else {}
    return found if found.get("version") else None


def _may_be_completed(request: Request, state: State, python: Dict[str, Any]) -> bool:
    """Say whether this run may install the distribution's packages that complete an interpreter."""
    return pythons.is_packaged(python) and packages.may_install(request, state)


def _wanted_python(request: Request) -> str:
    return "Python {0} for torch {1}".format(", ".join(request.release["pythons"]), request.release["version"])


def _series(version: str) -> str:
    """Return the first two numbers of a Python's version, such as 3.9."""
    return ".".join(version.split(".")[:2])


def _known_pythons(state: State) -> Dict[str, str]:
    """Return series -> path of the Pythons of a host that its examination has seen run."""
    seen_pythons = [found for found in state.pythons.values() if found] + [state.packaging_python or {}]
    return {_series(found["version"]): found["path"] for found in seen_pythons if found.get("version")}


def _other_releases(request: Request, there: Dict[str, str]) -> str:
    """Return the end of a remedy: which torch releases take these Pythons; "" if none is known to."""
    would_take = request.release.get("would_take", {})
    others = [
        "torch {0} takes {1}".format(would_take[each], path)
        for each, path in sorted(there.items())
        if each in would_take
    ]
    return "; or choose another release: " + ", ".join(others) if others else ""


@check(CHECKS, "python-missing", BUILD, ERROR, _PYTHON)
def _python_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """None of the wanted interpreters exists and runs in the environment of a build."""
    if not requests.wanted_release(request) or _python(request, state):
        return
    asked = [state.venv_python] if state.venv_python else list(state.pythons.values())
    broken = [found for found in asked if found]
    names = [state.venv + "/bin/python"] if state.venv_python else requests.python_names(request)
    remedy = "install one of them, or set ascend_python to the path of an installed interpreter"
    lost = next(filter(None, (interpreters.lost_library(found["problem"]) for found in broken)), "")
    if lost:
        remedy = (
            "add the folder of {0} to a file in /etc/ld.so.conf.d and run ldconfig (builds and sudo do not see the "
            "LD_LIBRARY_PATH of .bashrc), or set ascend_python to another interpreter".format(lost)
        )
    elif state.venv_python:
        remedy = "remove {0}, so that it is created again, or set ascend_venv to another path".format(state.venv)
    else:
        remedy += _other_releases(request, _known_pythons(state))
    yield seen(
        "none of these interpreters runs: {0}{1}".format(
            ", ".join(names),
            " (" + "; ".join("{path} {problem}".format(**found) for found in broken) + ")" if broken else "",
        ),
        _wanted_python(request),
        remedy,
    )


@check(CHECKS, "python-version", BUILD, ERROR, _PYTHON)
def _python_version(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The release does not support the version of the interpreter."""
    python = _python(request, state)
    if python and _series(python["version"]) not in request.release["pythons"]:
        yield seen(
            "{0} is Python {1}".format(python["path"], python["version"]),
            _wanted_python(request),
            "set ascend_python to another interpreter, or auto"
            + _other_releases(request, {_series(python["version"]): python["path"]})
            if not state.venv_python
            else "remove {0}, so that it is created again, or set ascend_venv to another path".format(state.venv),
        )


@check(CHECKS, "python-managed", BUILD, ERROR, "fact: PEP 668, since Debian 12 and Ubuntu 23.04")
def _python_managed(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The interpreter's packages belong to the distribution, so that pip refuses to install wheels."""
    python = _python(request, state) or {}
    comes = any(entry.do in plans.PROVIDING and entry.order.product == "wheel" for entry in plan.products.values())
    allowed = ((python.get("pip") or {}).get("settings") or {}).get("break-system-packages", "")
    if comes and python.get("managed") and not state.venv and allowed.lower() not in ("1", "true", "yes", "on"):
        yield seen(
            "the packages of {0} belong to the distribution, and pip refuses to change them".format(python["path"]),
            "a Python that pip may install into",
            "set ascend_venv to a folder for a virtual environment, such as /opt/ascend-pytorch/venv, or ascend_python to "
            "a Python of your own",
        )


@check(CHECKS, "python-headers", BUILD, ERROR, _PYTHON)
def _python_headers(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The interpreter has no headers, and this run does not install a package with them."""
    python = _python(request, state)
    if (
        python
        and requests.may_build(request)
        and not python["headers"]
        and not _may_be_completed(request, state, python)
    ):
        yield seen(
            "{0} has no Python.h".format(python["path"]),
            "the headers of that Python",
            "install its development package, or rebuild it",
        )


@check(CHECKS, "python-library", BUILD, ERROR, _PYTHON)
def _python_library(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The interpreter has no shared library, and this run does not install a package with it."""
    python = _python(request, state)
    lacks = python and requests.may_build(request) and not python["shared_library"]
    if python and lacks and not _may_be_completed(request, state, python):
        yield seen(
            "{0} has no shared libpython".format(python["path"]),
            "a Python built with --enable-shared",
            "rebuild it with --enable-shared, or set ascend_python to another",
        )


@check(CHECKS, "python-modules", BUILD, ERROR, _PYTHON)
def _python_modules(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Modules of the standard library that pip, torch or programs with torch import are missing in the interpreter."""
    python = _python(request, state)
    if not python:
        return
    needed = {"zlib": "pip unpacks wheels with it", "ctypes": "torch imports it"}
    if _pip_uses_network(request, plan):
        needed["ssl"] = "pip fetches requirements with it"
    makes_environment = pythons.venv_command(state) or requests.makes_environment(request)
    if makes_environment and not _may_be_completed(request, state, python):
        needed["ensurepip"] = "it creates the virtual environment"
    if (
        requests.may_build(request)
        and pythons.has_no_distutils(python)
        and not _may_be_completed(request, state, python)
    ):
        needed["distutils"] = "wheels are built with it, or with setuptools"
    wished = {name: "programs with torch may import it" for name in ("ssl", "bz2", "lzma") if name not in needed}
    for purposes, severity in ((needed, ERROR), (wished, WARNING)):
        lacking = [name for name in purposes if name in python["lacks"]]
        if lacking:
            yield seen(
                "{0} has no {1}".format(
                    python["path"], ", ".join("{0} ({1})".format(name, python["lacks"][name]) for name in lacking)
                ),
                "; ".join("{0}: {1}".format(name, purposes[name]) for name in lacking),
                _modules_remedy(python, lacking, state.os["family"]),
                severity,
            )


def _pip_uses_network(request: Request, plan: Plan) -> bool:
    """Say whether pip downloads from an index in this run."""
    return not request.offline and any(
        entry.do == plans.BUILD or (entry.do in plans.PROVIDING and entry.order.requirements_missing)
        for entry in plan.products.values()
        if entry.order and entry.order.product == "wheel"
    )


def _modules_remedy(python: Dict[str, Any], lacking: List[str], family: str) -> str:
    """Return how to add modules of the standard library to an interpreter."""
    if pythons.is_packaged(python):
        names = "python3-setuptools, python3-venv" if family == "Debian" else "python3-setuptools, python3-libs"
        return "install the distribution's packages for it ({0}), or set ascend_python to another".format(names)
    brings = extensions.header_packages(lacking, family)
    return "{0}rebuild that Python, or set ascend_python to another".format(
        "install {0} and ".format(", ".join(brings)) if brings else ""
    )


# The extensions of archives, and the module that unpacks them.
_UNPACKED_BY = {
    ".whl": "zlib",
    ".gz": "zlib",
    ".tgz": "zlib",
    ".bz2": "bz2",
    ".tbz2": "bz2",
    ".xz": "lzma",
    ".txz": "lzma",
}


@check(CHECKS, "ansible-python", BUILD, ERROR, _PYTHON)
def _ansible_python(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The Python that Ansible uses on the host has no modules to fetch or unpack the sources of a build."""
    uses = {}  # type: Dict[str, str]
    for entry in plan.products.values():
        for source in entry.order.sources if entry.do == plans.BUILD else ():
            if fetch.is_file(source):
                uses.setdefault(_UNPACKED_BY.get(os.path.splitext(source["file"])[1], ""), source["file"])
                if source["urls"] and not source.get("offline") and not request.mirrors and _all_https(source["urls"]):
                    uses.setdefault("ssl", source["urls"][0])
    python = state.own_python
    lacking = sorted(name for name in uses if name in python["lacks"])
    if lacking:
        yield seen(
            "{0}, which Ansible uses here, has no {1}".format(
                python["path"], ", ".join("{0} ({1})".format(name, python["lacks"][name]) for name in lacking)
            ),
            ", ".join("{0} for {1}".format(name, uses[name]) for name in lacking),
            "install {0} and rebuild that Python, or set ansible_python_interpreter to another".format(
                ", ".join(extensions.header_packages(lacking, state.os["family"]))
            ),
        )


def _all_https(urls: List[str]) -> bool:
    return all(url.lower().startswith("https://") for url in urls)


@check(CHECKS, "pip-missing", BUILD, ERROR, _PYTHON)
def _pip_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The interpreter has no working pip, and this run does not install a package with it."""
    python = _python(request, state)
    # A virtual environment that is to be created gets its own pip.
    if not python or not python["pip"]["problem"] or pythons.venv_command(state):
        return
    there = "pip" in python["packages"]
    if _may_be_completed(request, state, python) and (not there or pythons.has_no_distutils(python)):
        return
    found = "{0} has no pip".format(python["path"])
    if there:
        found = "pip {0} of {1} does not run: {2}".format(
            python["packages"]["pip"], python["path"], python["pip"]["problem"]
        )
    yield seen(
        found,
        "pip for that Python",
        "run `{0} -m ensurepip{1}`, or install the distribution's python3-pip".format(
            python["path"], " --upgrade" if there else ""
        ),
    )


# The usual platform of compiled wheels since 2020; a pip that does not support it finds only sources, or nothing.
_USUAL_PLATFORM = "manylinux2014_"


@check(CHECKS, "pip-too-old", BUILD, ERROR, "fact: the pip of the guide's Python 3.7.5 knows no newer wheels")
def _pip_too_old(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The interpreter's pip does not support the wheels that it is to install."""
    python = _python(request, state)
    known = python["pip"]["platforms"] if python else []
    if not python or not known:
        return
    there = "pip {0} of {1} supports only wheels for {2}".format(
        python["pip"]["version"], python["path"], ", ".join(known[:3])
    )
    remedy = (
        "upgrade it with `{0} -m pip install --upgrade pip` or, without a network, `{0} -m pip install "
        "--no-index` and a wheel of a pip that supports this Python (pip-24.0-py3-none-any.whl for 3.7)".format(
            python["path"]
        )
    )
    held = sorted(
        {
            os.path.basename(path)
            for entry in plan.products.values()
            if entry.do in plans.PROVIDING
            for path, _pin in entry.order.wheels
        }
    )
    refused = _unsupported_wheels(held, known)
    if refused:
        yield seen(there, "a pip that supports the wheels of the bundle: " + ", ".join(refused), remedy)
    elif _pip_uses_network(request, plan) and not any(platform.startswith(_USUAL_PLATFORM) for platform in known):
        yield seen(there, "a pip that supports {0}{1} wheels".format(_USUAL_PLATFORM, state.arch), remedy, WARNING)


def _unsupported_wheels(names: List[str], platforms: List[str]) -> List[str]:
    """Return the file names of the wheels of those packages for which a pip supports no wheel."""
    by_package = {}  # type: Dict[str, List[str]]
    for name in names:
        by_package.setdefault(wheels.normalise(str(wheels.parse_filename(name)["name"])), []).append(name)

    def fits(name: str) -> bool:
        return not {"any", *platforms}.isdisjoint(str(wheels.parse_filename(name)["platform"]).split("."))

    return [name for there in by_package.values() if not any(map(fits, there)) for name in there]


@check(CHECKS, "package-version", HOST, ERROR, _PACKAGES)
def _package_version(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The Python has a version of a package (such as numpy 2) that the release cannot work with."""
    python = _python(request, state)
    if python:
        for name, limits in sorted(request.release.get("packages", {}).items()):
            version = python["packages"].get(name)
            try:
                fits = not version or versions.is_within(version, limits.get("minimum", ""), limits.get("maximum", ""))
            except ValueError:
                fits = True
            if not fits:
                line = _requirement(name, limits)
                yield seen(
                    "{0} {1} in {2}".format(name, version, python["path"]),
                    "{0} for torch {1}".format(line, request.release["version"]),
                    "run `{0} -m pip install '{1}'`, or set ascend_venv to use a virtual environment".format(
                        python["path"], line
                    ),
                )


@check(CHECKS, "package-missing", NPU, WARNING, _OPERATORS)
def _package_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A package that CANN's operators import is missing in the Python."""
    python = _python(request, state)
    if python:
        wanted = _operator_packages(request, state)
        lacking = sorted(set(wanted) - set(python["packages"]))
        if lacking:
            lines = (_requirement(name, wanted[name]) for name in lacking)
            yield seen(
                "{0} has no {1}".format(python["path"], ", ".join(lacking)),
                "the packages that CANN imports to compile operators",
                "{0}run `{1} -m pip install {2}{3}`".format(
                    "once site.yml has made the virtual environment, " if pythons.venv_command(state) else "",
                    python["path"],
                    "".join(option + " " for option in pythons.pip_options(state)),
                    " ".join("'{0}'".format(line) if set(line) & set("<>=") else line for line in lines),
                ),
            )


def _requirement(name: str, limits: Dict[str, str]) -> str:
    ends = [sign + limits[key] for sign, key in ((">=", "minimum"), ("<=", "maximum")) if limits.get(key)]
    return name + ",".join(ends)


def _operator_packages(request: Request, state: State) -> Dict[str, Dict[str, str]]:
    """Return the packages that the operators of the host's CANN import, with the version limits of torch and CANN.

    If there is no CANN, or its version is unknown, those of the oldest CANN that the release supports.
    """
    known = [each["version"] for each in state.cann[:1] if each["version"]]
    cann = (known or [request.release["cann"]["minimum"]])[0]
    found = {}  # type: Dict[str, Dict[str, str]]
    for row in sorted(request.fitness["packages"], key=lambda row: ascend_files.release_key(row["from"])):
        if ascend_files.release_key(row["from"]) <= ascend_files.release_key(cann):
            found = dict(row["packages"])
    for name, limits in request.release.get("packages", {}).items():
        most = [each["maximum"] for each in (limits, found.get(name, {})) if each.get("maximum")]
        found[name] = dict(found.get(name, {}), **limits)
        if most:
            found[name]["maximum"] = min(most, key=versions.parse)
    return found


def _is_cuda_build(version: str, python: Dict[str, Any]) -> bool:
    """Say whether an installed torch is a build for CUDA.

    PyPI's wheel for x86_64 is, with a plain version. It installs nvidia-* packages, which a CPU build does not need.
    """
    local = version.partition("+")[2]
    if local:
        return local.startswith("cu")
    return any(name.startswith("nvidia-c") for name in python.get("packages", {}))


def _foreign_cuda_build(request: Request, state: State) -> str:
    """Return the version of a torch for CUDA that this collection did not install, "" for none, or where it does not matter."""
    there = state.products.get("torch", {})
    python = _python(request, state)
    if not python or not there.get("version") or there["manifest"] is not None:
        return ""
    plugin = request.release.get("torch", {}).get("layout") == "plugin"
    return there["version"] if plugin and _is_cuda_build(there["version"], python) else ""


@check(CHECKS, "torch-cuda", BUILD, ERROR, "fact: the plugin does not build or run beside a torch for CUDA")
def _torch_cuda(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A torch for CUDA is installed, which torch_npu does not build against; a warning where this run replaces it."""
    version = _foreign_cuda_build(request, state)
    if not version:
        return
    there, entry = state.products["torch"], plan.products.get("torch")
    found = "torch {0} in {1}, a build for CUDA".format(version, there["site"])
    wanted = "the CPU build of torch {0}, which torch_npu is built against".format(request.release["torch"]["version"])
    if entry and entry.do in plans.PROVIDING:
        yield seen(
            found,
            wanted + ", and which replaces it",
            "if something needs it, set ascend_venv or use another Python; otherwise, when torch_npu works, remove the nvidia-* "
            "packages that it brought",
            WARNING,
        )
    else:
        yield seen(
            found,
            wanted,
            "apply the role torch_npu_build, which replaces it, or set ascend_venv to use a virtual environment",
        )


def _release_numbers(version: str) -> str:
    """Return the numbers that a torch and its torch_npu have in common, such as 2.6.0 of 2.6.0.post5 and 2.6.0+cpu."""
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return found.group() if found else ""


def _version_after(name: str, there: str, plan: Plan) -> str:
    """Return which version of a distribution the Python has after the plan, "" for none."""
    entry = plan.products.get(name)
    if entry and entry.do in plans.PROVIDING:
        return entry.order.version
    return "" if entry and entry.do == plans.REMOVE else there


@check(CHECKS, "torch-npu-pair", BUILD, ERROR, "fact: torch_npu loads only beside the torch of its version")
def _torch_npu_pair(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The torch and the torch_npu that the Python has after this run do not go together."""
    python = _python(request, state)
    if not python:
        return
    installed = {
        name: state.products.get(name, {}).get("version") or python["packages"].get(name.replace("_", "-"), "")
        for name in ("torch", "torch_npu")
    }
    torch, plugin = (_version_after(name, installed[name], plan) for name in ("torch", "torch_npu"))
    is_patch = request.release.get("torch", {}).get("layout") == "patch"
    # The patched torch is the NPU's by itself; its wheel is called 1.8.1+ascend.
    patched = is_patch and (torch != installed["torch"] or "+ascend" in torch)
    if torch and plugin and (patched or _release_numbers(torch) != _release_numbers(plugin)):
        yield seen(
            "torch_npu {0} beside torch {1} in {2}".format(plugin, torch, python["path"]),
            "no torch_npu beside a patched torch" if patched else "a torch_npu of the same version as torch",
            "run `{0} -m pip uninstall torch-npu`, or set ascend_venv to use a virtual environment".format(
                python["path"]
            )
            if plugin == installed["torch_npu"]
            else "apply the role torch_npu_build, which brings both",
            # The patched torch does not load it.
            WARNING if patched else "",
        )


@check(CHECKS, "torch-foreign", HOST, WARNING, "guide, torch: another torch is removed first")
def _torch_foreign(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A torch or Apex that this collection did not build would be replaced."""
    for name, entry in plan.products.items():
        there = state.products[name]
        order = entry.order
        replaced = entry.do in plans.PROVIDING and order.product == "wheel"
        if name == "torch" and _foreign_cuda_build(request, state):
            # The check torch-cuda says more about it.
            continue
        if replaced and there["version"] and there["manifest"] is None:
            yield seen(
                "{0} {1} in {2}, which this collection did not build".format(name, there["version"], there["site"]),
                "{0} {1}, which replaces it".format(name, order.version),
                "if something needs it, set ascend_venv or use another Python; otherwise do nothing",
            )
