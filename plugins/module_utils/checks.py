# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a plan, all of it at once: wrong variables, and what a host lacks. Pure.

A finding is {"id", "severity" (error, warning, note), "found", "wanted", "remedy", "source" (guide or fact it comes from)}.
"""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils import environment, places, versions
from ansible_collections.ascend.pytorch.plugins.module_utils import plan as plans
from ansible_collections.ascend.pytorch.plugins.module_utils import recipe as recipes

GUIDE = "guide, "


def variable_problems(request):
    # type: (Dict[str, Any]) -> List[str]
    """Return what is wrong with the variables alone, before any host is asked; each names the variable and the remedy."""
    found = []
    for entry in request["recipes"]:
        if entry["product"] == "tree" and places.forbidden(entry["prefix"]):
            found.append(
                "{0}_prefix: {1!r} is refused: a product there would overwrite the system's own files. Set an absolute "
                "path of its own, such as /usr/local/{0}, or auto".format(entry["name"], entry["prefix"])
            )
        if not entry.get("reference"):
            found += recipes.problems(entry)
    release, python = request["release"], request["python"]
    allowed = release.get("pythons", [])
    if python != places.AUTO and allowed:
        version = os.path.basename(python).replace("python", "")
        if version and "." in version and ".".join(version.split(".")[:2]) not in allowed:
            found.append(
                "ascend_python: {0!r}: torch {1} takes Python {2} only. Set ascend_python to one of "
                "these, or to auto".format(python, release["version"], ", ".join(allowed))
            )
    if request["environment"] is not None:
        settings = {
            "set": {name: str(value) for name, value in request["environment"]["set"].items() if str(value) != ""}
        }
        found += environment.validate(settings, release.get("unsupported_variables", []))
    if int(request["timeout_s"]) < 1:
        found.append("ascend_timeout_s: {0!r} is no time: set at least 1 second".format(request["timeout_s"]))
    if str(request["jobs"]) != places.AUTO and (not str(request["jobs"]).isdecimal() or int(request["jobs"]) < 1):
        found.append("ascend_jobs: {0!r} is neither auto nor a number of at least 1".format(request["jobs"]))
    return found


def _finding(ident, severity, found, wanted, remedy, source):
    # type: (str, str, str, str, str, str) -> Dict[str, str]
    return {"id": ident, "severity": severity, "found": found, "wanted": wanted, "remedy": remedy, "source": source}


def findings(request, state, plan):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> List[Dict[str, str]]
    """Return all that an examined host lacks for a plan; only errors stop it."""
    found = []  # type: List[Dict[str, str]]
    leaving = [entry for entry in request["recipes"] if entry.get("state") == "absent"]
    if request["release"] and not leaving:
        found += _cann(request, state) + _python(request, state)
    found += _packages(request, state, plan) + _places(request, state, plan) + _tools(request, state, plan)
    wanted = request["environment"]
    if (
        wanted
        and wanted.get("hccl_interface")
        and not wanted["set"].get("HCCL_IF_IP")
        and wanted["hccl_interface"] not in state["interfaces"]
    ):
        found.append(
            _finding(
                "hccl-interface",
                "error",
                "no IPv4 address on an interface {0!r}".format(wanted["hccl_interface"]),
                "one of " + ", ".join("{0} ({1})".format(*pair) for pair in sorted(state["interfaces"].items())),
                "set torch_npu_build_hccl_interface to one of these for this host, or torch_npu_build_hccl_if_ip",
                GUIDE + "environment variables",
            )
        )
    return found


def _cann(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[Dict[str, str]]
    release = request["release"]
    limits = release["cann"]
    severity = "error" if request["require_cann"] else "note"
    source = GUIDE + "prerequisites: CANN"
    if not state["cann"]:
        return [
            _finding(
                "cann-missing",
                severity,
                "no CANN under /usr/local/Ascend, {0}/Ascend or the place its record names".format(
                    state["user"]["home"]
                ),
                "CANN {0} to {1} (toolkit, nnae or nnrt)".format(limits["minimum"], limits["maximum"]),
                "install CANN by its own guide; for a host that only builds set cann_check_require_cann: false",
                source,
            )
        ]
    first = state["cann"][0]
    if first["version"] is None:
        return [
            _finding(
                "cann-version",
                "warning",
                "{0} does not tell its version".format(first["path"]),
                "CANN {0} to {1}".format(limits["minimum"], limits["maximum"]),
                "see that {0} is a complete installation".format(first["path"]),
                source,
            )
        ]
    try:
        fits = versions.within(first["version"], limits["minimum"], limits["maximum"])
    except ValueError:
        fits = False
    if not fits:
        # A warning: the build needs no CANN at all, and vendors support neighbours they do not list.
        return [
            _finding(
                "cann-version",
                "warning",
                "CANN {0} in {1}".format(first["version"], first["path"]),
                "CANN {0} to {1} for torch {2}".format(limits["minimum"], limits["maximum"], release["version"]),
                "install that CANN, or choose the torch release that goes with {0}".format(first["version"]),
                source,
            )
        ]
    return []


def _python(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[Dict[str, str]]
    release, source = request["release"], GUIDE + "prerequisites: Python"
    allowed = ", ".join(release["pythons"])
    chosen = state["pythons"].get(state["python"] or "")
    if chosen is None:
        asked = ", ".join(plans.pythons(request))
        broken = "; ".join(
            "{0} {1}".format(found["path"], found["problem"]) for found in state["pythons"].values() if found
        )
        return [
            _finding(
                "python-missing",
                "error",
                "none of these runs here: {0}{1}".format(asked, " (" + broken + ")" if broken else ""),
                "Python {0} for torch {1}".format(allowed, release["version"]),
                "install one of them, or set ascend_python to the path of an interpreter that is there",
                source,
            )
        ]
    found = []
    short = ".".join(chosen["version"].split(".")[:2])
    if short not in release["pythons"]:
        found.append(
            _finding(
                "python-version",
                "error",
                "{0} is Python {1}".format(chosen["path"], chosen["version"]),
                "Python {0} for torch {1}".format(allowed, release["version"]),
                "set ascend_python to another interpreter, or auto",
                source,
            )
        )
    packaged = chosen["path"].startswith("/usr/bin/") and _may_install(request, state)
    if not chosen["headers"] and not packaged:
        found.append(
            _finding(
                "python-headers",
                "error",
                "{0} has no Python.h".format(chosen["path"]),
                "the headers of that Python",
                "install its development package, or rebuild it",
                source,
            )
        )
    if not chosen["shared_library"]:
        found.append(
            _finding(
                "python-library",
                "error",
                "{0} has no shared libpython".format(chosen["path"]),
                "a Python built with --enable-shared",
                "rebuild it with --enable-shared, or set ascend_python to another",
                source,
            )
        )
    if "pip" not in chosen["packages"] and not packaged:
        found.append(
            _finding(
                "pip-missing",
                "error",
                "{0} has no pip".format(chosen["path"]),
                "pip for that Python",
                "run `{0} -m ensurepip`, or install the distribution's python3-pip".format(chosen["path"]),
                source,
            )
        )
    return found


def _may_install(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    return bool(
        request["install_packages"]
        and state["os"]["package_manager"]
        and (state["user"]["uid"] == 0 or request["packages_become"])
    )


def _packages(request, state, plan):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> List[Dict[str, str]]
    lacking = plan["packages"]["needs"]
    if not lacking or _may_install(request, state):
        return []
    names = plan["packages"]["names"]
    command = {"Debian": "apt-get install -y ", "RedHat": state["os"]["package_manager"] + " install -y "}.get(
        state["os"]["family"]
    )
    why = "a plain user may not install packages" if request["install_packages"] else "ascend_install_packages is false"
    if not command:
        why, remedy = "the package manager is not known", "install these tools by hand"
    else:
        remedy = "have an administrator run `{0}{1}`, or set ascend_packages_become: true".format(
            command, " ".join(names)
        )
    return [
        _finding(
            "tools-missing",
            "error",
            "missing: {0} ({1})".format(", ".join(lacking), why),
            "these tools",
            remedy,
            GUIDE + "prerequisites: tools",
        )
    ]


def _places(request, state, plan):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> List[Dict[str, str]]
    found = []
    disk = state["disk"]
    by_name = {entry["name"]: entry for entry in request["recipes"]}
    busy = {name: entry for name, entry in plan["products"].items() if entry["do"] != plans.NOTHING}
    work = disk[state["work_dir"]]
    if busy and not work["writable"]:
        found.append(
            _finding(
                "work-dir-unwritable",
                "error",
                "{0} may not write in {1}".format(state["user"]["name"], work["stands_at"]),
                "a work directory",
                "set ascend_work_dir to a place that it may write",
                "design",
            )
        )
    env = plan["environment"]
    if env and env["do"] == plans.PUBLISH and not disk[os.path.dirname(env["path"])]["writable"]:
        found.append(
            _finding(
                "env-file-unwritable",
                "error",
                "{0} may not write in {1}".format(
                    state["user"]["name"], disk[os.path.dirname(env["path"])]["stands_at"]
                ),
                "to write the environment file {0}".format(env["path"]),
                "set ascend_env_file to a place that it may write (auto: under its home), or work as root",
                "design",
            )
        )
    need_gib = max(
        [int(by_name[name].get("disk_gib", 1)) for name, entry in busy.items() if entry["do"] == plans.BUILD] or [0]
    )
    if work["free_mib"] < need_gib * 1024:
        found.append(
            _finding(
                "disk-full",
                "error",
                "{0:.1f} GiB free in {1}".format(work["free_mib"] / 1024.0, work["stands_at"]),
                "{0} GiB to build {1}".format(need_gib, ", ".join(sorted(busy))),
                "free some space there, or set ascend_work_dir to a disk with more",
                GUIDE + "gcc: temporary space",
            )
        )
    for name in busy:
        state_of = state["products"][name]
        if by_name[name]["product"] != "tree":
            continue
        parent = disk[os.path.dirname(state_of["prefix"])]
        if not parent["writable"]:
            found.append(
                _finding(
                    "prefix-unwritable",
                    "error",
                    "{0} may not write in {1}".format(state["user"]["name"], parent["stands_at"]),
                    "to publish {0} at {1}".format(name, state_of["prefix"]),
                    "set {0}_prefix to a place that it may write (auto: under its home), or work as root".format(name),
                    "design",
                )
            )
        if state_of["occupied"]:
            found.append(
                _finding(
                    "prefix-occupied",
                    "error",
                    "{0} is {1} that this collection did not make".format(state_of["prefix"], state_of["occupied"]),
                    "a free place for {0}".format(name),
                    "move it away, or set {0}_prefix to another place".format(name),
                    "design",
                )
            )
    return found


def _tools(request, state, plan):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> List[Dict[str, str]]
    found = []
    used = {
        name
        for entry in request["recipes"]
        if not entry.get("reference") and plan["products"][entry["name"]]["do"] == plans.BUILD
        for name in entry.get("built_with", [])
    }
    for entry in request["recipes"]:
        if entry.get("reference") and entry["name"] in used and entry["name"] not in plan["tools"]:
            if entry["product"] == "wheel":
                found.append(
                    _finding(
                        entry["name"] + "-missing",
                        "error",
                        "no {0} in {1}".format(
                            entry["name"], plans.interpreter(state).get("path") or "the chosen Python"
                        ),
                        entry["name"] + " for that Python",
                        "apply the role that builds it first",
                        GUIDE + "apex",
                    )
                )
            else:
                found.append(
                    _finding(
                        entry["name"] + "-missing",
                        "error",
                        plans.unfit(entry["accept"], state),
                        plans.wanted_words(entry["accept"]),
                        "apply the role {0} first".format(entry["name"]),
                        GUIDE + "prerequisites: CMake and gcc",
                    )
                )
    return found


def words(finding):
    # type: (Dict[str, str]) -> str
    """Return a finding as one line for people."""
    return "{severity}: {found}; wanted: {wanted}. {remedy} [{id}]".format(
        **dict(finding, remedy=finding["remedy"][:1].upper() + finding["remedy"][1:])
    )
