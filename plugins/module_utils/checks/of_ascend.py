# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of CANN, its driver and firmware, and the NPUs."""

from typing import Any, Dict, Iterator, List

from ansible_collections.ascend.pytorch.plugins.module_utils.checks.finding import (
    CANN,
    ERROR,
    HOST,
    NOTE,
    NPU,
    WARNING,
    Check,
    Seen,
    check,
    seen,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.host import access, ascend_files, nnal, npus
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import pythons, requests
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request

CHECKS: List[Check] = []

_CANN = "guide, prerequisites: CANN"
_DRIVER = "guide, prerequisites: driver and firmware"
_NPU = "fact: npu-smi and its failures"


def _wanted_cann(request: Request) -> str:
    release = request.release
    oldest, newest = release["cann"]["minimum"], release["cann"]["maximum"]
    # The vendor names one CANN for a release of the plugin, and none for its newest previews.
    limits = "{0} to {1}".format(oldest, newest) if oldest and newest and oldest != newest else oldest or newest
    if not limits:
        return "the CANN that the vendor names for torch {0}".format(release["version"])
    open_end = "" if newest else " or newer"
    return "CANN {0}{1}{2} for torch {3}".format("" if oldest else "up to ", limits, open_end, release["version"])


def _compare_cann(request: Request, state: State) -> int:
    """Return -1, 0 or 1: the first CANN is too old, supported (or unknown), or too new for the release."""
    release = requests.wanted_release(request)
    if not release or not state.cann or not state.cann[0]["version"]:
        return 0
    version, limits = state.cann[0]["version"], release["cann"]
    try:
        if not ascend_files.is_release_within(version, limits["minimum"], ""):
            return -1
        return 0 if ascend_files.is_release_within(version, "", limits["maximum"]) else 1
    except ValueError:
        return 0


@check(CHECKS, "cann-missing", CANN, ERROR, _CANN)
def _cann_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """CANN is not in any of its usual places, or the one that ascend_cann_path names is missing."""
    if requests.wanted_release(request) and not state.cann and not state.cann_closed:
        named, home = request.cann_path, state.user["home"]
        if named.startswith(("/", "~/")):
            missed = "no CANN in {0}, which ascend_cann_path names".format(named)
        else:
            missed = (
                "no CANN{0} under /usr/local/Ascend, {1}/Ascend or the places that its record and ASCEND_HOME_PATH name"
            ).format(" {0}, which ascend_cann_path names,".format(named) if named else "", home)
        # Incomplete installations, or those of another release.
        aside = ["{path} {problem}".format(**each) for each in state.cann_aside]
        yield seen(
            "; ".join([missed] + aside[:3] + (["and {0} more".format(len(aside) - 3)] if aside[3:] else [])),
            _wanted_cann(request) + " (toolkit, nnae or nnrt)",
            ("set ascend_cann_path to one that is installed, or " if named else "")
            + "install CANN by its own guide; for a host that only builds set ascend_require_cann: false",
        )


@check(CHECKS, "cann-closed", CANN, ERROR, "fact: CANN is for its installer alone without --install-for-all")
def _cann_closed(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """CANN is installed, but the account may not enter it; a warning for a part of the CANN in use, a note for another one."""
    if requests.wanted_release(request):
        parts = state.cann[0]["closed"] if state.cann else []
        for shut in state.cann_closed + parts:
            user = shut.get("user") or state.user["name"]
            another = state.cann and not shut.get("user")
            yield seen(
                access.describe(shut, user),
                "a CANN that {0} may read".format(user),
                _access_remedy(shut, user, state),
                WARNING if shut in parts else NOTE if another else "",
            )


def _access_remedy(shut: Dict[str, Any], user: str, state: State) -> str:
    """Return how to give a user access to what the vendor's installer has closed."""
    if shut["by_group"]:
        return access.remedy(shut, user) + ", or install it for all accounts, with --install-for-all"
    return (
        "have an administrator install it for all accounts, with --install-for-all, or for the group {0} with {1} in it"
    ).format(state.npu["group"], user)


@check(CHECKS, "cann-half", CANN, WARNING, "fact: interrupted and removed installations leave a part")
def _cann_half(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """CANN is incomplete: the one that is used, or the remains of another, which is a note."""
    if requests.wanted_release(request) and state.cann:
        first = state.cann[0]
        if first["half"] and first["version"]:
            yield seen(
                "CANN {0} in {1} is incomplete: {2}".format(first["version"], first["path"], first["half"]),
                "a complete CANN",
                "install it again, or set ascend_cann_path to another one",
            )
        for each in state.cann_aside:
            yield seen(
                "{path} {problem}".format(**each),
                "nothing: CANN {0} in {1} is used".format(first["version"] or "of unknown release", first["path"]),
                "remove what is left of it",
                NOTE,
            )


@check(CHECKS, "cann-script", CANN, NOTE, "fact: CANN may belong to HwHiAiUser")
def _cann_script(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """CANN's set_env.sh is not run, since another account can write to it: the environment is that of CANN's usual layout."""
    if requests.wanted_release(request) and state.cann and state.cann[0]["distrusted"]:
        first, user = state.cann[0], state.user["name"]
        yield seen(
            "{0}: {1} is not run as {2}".format(first["distrusted"], first["set_env"], user),
            "a CANN that only {0} can write to: who else can write to it can change what {1} runs with torch".format(
                user if user == "root" else "root and " + user, user
            ),
            "change the owner of {0} to root, or run the play as the account that owns it".format(first["path"]),
        )


def _nnal_wanted(request: Request, state: State) -> str:
    """Return how nnal is wanted, see nnal.WANTED; NOT where there is no CANN that it could be beside."""
    there = requests.wanted_release(request) and request.environment and state.cann
    return request.environment.get("nnal", nnal.NOT) if there else nnal.NOT


@check(CHECKS, "nnal-missing", CANN, ERROR, "fact: some operators of torch_npu use nnal's atb")
def _nnal_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The nnal that torch_npu_build_nnal requires is not beside CANN, or has no libraries for torch; else the second is a warning."""
    wanted = _nnal_wanted(request, state)
    remedy = "install nnal of that release of CANN by its own guide, or set torch_npu_build_nnal: auto"
    if state.nnal and not state.nnal["environment"] and wanted != nnal.NOT:
        yield seen(
            "nnal in {path} has no libraries for the C++ ABI {cxx_abi}".format(**state.nnal),
            "a latest/atb/cxx_abi_{cxx_abi} there, the ABI of torch".format(**state.nnal),
            remedy,
            "" if wanted == nnal.REQUIRED else WARNING,
        )
    elif not state.nnal and wanted == nnal.REQUIRED:
        first = state.cann[0]
        yield seen(
            "no nnal/atb/set_env.sh in {0}".format(first["root"]),
            "nnal beside CANN {0} in {1}".format(first["version"] or "of unknown release", first["path"]),
            remedy,
        )


@check(CHECKS, "nnal-script", CANN, NOTE, "fact: CANN may belong to HwHiAiUser")
def _nnal_script(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """nnal's set_env.sh is not run, since another account can write to it: the environment is that of nnal's usual layout."""
    if _nnal_wanted(request, state) != nnal.NOT and state.nnal and state.nnal["distrusted"]:
        user = state.user["name"]
        yield seen(
            "{0}: {1} is not run as {2}".format(state.nnal["distrusted"], state.nnal["set_env"], user),
            "an nnal that only {0} can write to".format(user if user == "root" else "root and " + user),
            "change the owner of {0} to root, or run the play as the account that owns it".format(state.nnal["path"]),
        )


@check(CHECKS, "cann-version-unknown", CANN, WARNING, _CANN)
def _cann_version_unknown(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """CANN is installed, but its version is not known."""
    if requests.wanted_release(request) and state.cann:
        first = state.cann[0]
        known = ascend_files.release_key(first["version"]) > ascend_files.release_key(None)
        # Records that cannot be read are reported by cann-closed.
        if not known and not first["closed"]:
            yield seen(
                "the version of CANN in {0} is not known".format(first["path"])
                + (" (it says {0})".format(first["version"]) if first["version"] else ""),
                _wanted_cann(request),
                "check that the installation in {0} is complete, or install CANN again".format(first["path"]),
            )


# Both are warnings: the build itself needs no CANN, and vendors support adjacent releases that they do not list.
@check(CHECKS, "cann-too-old", CANN, WARNING, _CANN)
def _cann_too_old(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """CANN is older than the torch release supports."""
    if _compare_cann(request, state) < 0:
        yield _cann_mismatch(request, state)


@check(CHECKS, "cann-too-new", CANN, WARNING, _CANN)
def _cann_too_new(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """CANN is newer than the torch release supports."""
    if _compare_cann(request, state) > 0:
        yield _cann_mismatch(request, state)


def _cann_mismatch(request: Request, state: State) -> Seen:
    first, others = state.cann[0], request.release.get("goes_with_cann", [])
    return seen(
        "CANN {0} in {1}".format(first["version"], first["path"]),
        _wanted_cann(request),
        "install that CANN, or choose {0} torch release that goes with {1}{2}".format(
            "a" if others[1:] else "the", first["version"], ": " + ", ".join(others) if others else ""
        ),
    )


@check(CHECKS, "cann-wheels", HOST, WARNING, "fact: stale te, topi and hccl wheels after a CANN change")
def _cann_wheels(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The Python has te, topi or hccl of another CANN than the installed one."""
    if requests.wanted_release(request) and state.cann:
        first, python = state.cann[0], pythons.interpreter(state)
        there = python.get("packages", {})
        stale = [name for name, version in sorted(first["wheels"].items()) if there.get(name, version) != version]
        if stale:
            yield seen(
                "{0} in {1}".format(", ".join("{0} {1}".format(name, there[name]) for name in stale), python["path"]),
                "{0}, as in CANN {1}".format(
                    ", ".join("{0} {1}".format(name, first["wheels"][name]) for name in stale), first["version"]
                ),
                "install the wheels in {0}, with that Python's pip and --force-reinstall".format(first["path"]),
            )


@check(CHECKS, "unreadable", HOST, WARNING, "fact: version records are root:HwHiAiUser 0440")
def _unreadable(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A file with information about the host exists, but the account may not read it."""
    user = state.user["name"]
    for shut in state.closed_records + [each for each in state.closed if each not in state.closed_records]:
        vendors = shut in state.closed_records
        yield seen(
            access.describe(shut, user),
            "read access: what cannot be read is not checked",
            _access_remedy(shut, user, state) if vendors else access.remedy(shut, user),
        )


@check(CHECKS, "driver-missing", NPU, ERROR, _DRIVER)
def _driver_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """An NPU is in the machine, and its driver is not installed."""
    if state.driver is None and state.npu["pci"]:
        yield seen(
            "{0} NPU(s) on the PCI bus and no driver".format(len(state.npu["pci"])),
            "the NPU driver",
            "install driver and firmware by their own guide, then reboot",
        )


@check(CHECKS, "driver-firmware", NPU, ERROR, "fact: compatible_version_fw and compatible_version_drv")
def _driver_firmware(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Driver and firmware do not go together."""
    if state.driver_firmware_agree is False:
        yield seen(
            "driver {0} and firmware {1}".format(state.driver["version"], state.firmware["version"]),
            "a pair that {0}/version.info or {1}/version.info names".format(
                state.driver["path"], state.firmware["path"]
            ),
            "install the firmware that was released with that driver (firmware first), then reboot",
        )


@check(CHECKS, "npu-missing", NPU, ERROR, _NPU)
def _npu_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """No NPU is seen, neither by npu-smi nor on the PCI bus."""
    npu = state.npu
    told = npu["smi"] and not npu["problem"]
    if not npu["chips"] and not npu["pci"] and not npu["nodes"] and (told or not npu["smi"]):
        yield seen(
            "npu-smi shows no NPU, and none is on the PCI bus"
            if told
            else "npu-smi is missing, and no NPU is on the PCI bus",
            "an NPU",
            "see `lspci -d 19e5:`; for a host that only builds set ascend_require_npu: false",
        )


@check(CHECKS, "npu-smi", NPU, ERROR, _NPU)
def _npu_smi(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """npu-smi is missing, hangs, crashes or fails, although there is an NPU or a driver."""
    npu = state.npu
    if not npu["smi"]:
        if state.driver and (npu["pci"] or npu["nodes"]):
            yield seen(
                "no npu-smi in /usr/local/sbin, /usr/local/bin or PATH",
                "npu-smi, which is part of the driver",
                "install the whole driver again",
                WARNING,
            )
    elif npu["problem"] and npu["code"] != -8020 and not _access_denied(npu):
        yield seen(
            "{0}: {1}".format(npu["smi"], npu["problem"]),
            "`npu-smi info` to show the NPUs",
            npu["remedy"] or "run it by hand as the same user, and see the driver's log in /var/log/npu",
        )


@check(CHECKS, "npu-busy", NPU, WARNING, _NPU)
def _npu_busy(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Other programs or containers hold the NPU."""
    npu = state.npu
    if npu["code"] == -8020:
        yield seen("{0}: {1}".format(npu["smi"], npu["problem"]), "an NPU that is free", npu["remedy"])


@check(CHECKS, "npu-kind", NPU, ERROR, "fact: names of chips in npu-smi, and their ids on the PCI bus")
def _npu_kind(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """An NPU is of a kind that the release does not support."""
    release = requests.wanted_release(request)
    # Without this list nothing is known about the chips of the release.
    known = release.get("chips", [])
    if not known:
        return
    of_kind = {}  # type: Dict[str, List[str]]
    for chip in state.npu["chips"]:
        of_kind.setdefault(chip.get("kind", ""), []).append("NPU {npu_id} chip {chip_id}".format(**chip))
    if not of_kind:
        for each in state.npu["pci"]:
            of_kind.setdefault(npus.kind_on_bus(each["name"]), []).append(each["address"])
    for kind, there in sorted(of_kind.items()):
        if kind and kind not in known:
            yield seen(
                "{0}{1}: Ascend {2}".format(
                    ", ".join(there[:4]), " and {0} more".format(len(there) - 4) if there[4:] else "", kind
                ),
                "Ascend {0} for torch {1}".format(" or Ascend ".join(known), release["version"]),
                "choose a torch release for Ascend {0}, or set ascend_require_npu: false for a host that only builds".format(
                    kind
                ),
            )


@check(CHECKS, "npu-unhealthy", NPU, WARNING, _NPU)
def _npu_unhealthy(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """npu-smi reports an NPU as unhealthy."""
    # Chips without a health of their own (such as management chips) have "" or NA.
    sick = [chip for chip in state.npu["chips"] if chip["health"].upper() not in ("OK", "", "NA", "N/A", "-")]
    if sick:
        yield seen(
            ", ".join("NPU {npu_id} chip {chip_id}: {health}".format(**chip) for chip in sick),
            "health OK",
            "see `npu-smi info -t health -i {0}` and the driver's log; ask the vendor about a card that stays unhealthy".format(
                sick[0]["npu_id"]
            ),
        )


def _access_denied(npu: Dict[str, Any]) -> bool:
    return any(not node["accessible"] for node in npu["nodes"])


def _denied_by_group(npu: Dict[str, Any]) -> bool:
    """Say whether membership in the driver's group would give access to the nodes."""
    closed = [node for node in npu["nodes"] if not node["accessible"]]
    return all(node["group"] == npu["group"] and int(node["mode"], 8) & 0o060 == 0o060 for node in closed)


@check(CHECKS, "npu-group", NPU, ERROR, "fact: the run user belongs in HwHiAiUser")
def _npu_group(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The run user is not in the group that may open the device nodes."""
    npu = state.npu
    if _access_denied(npu) and not npu["member"] and _denied_by_group(npu):
        yield seen(
            "{0} is not in the group {1}".format(npu["run_user"], npu["group"]),
            "membership in that group, which owns the device nodes",
            "have an administrator run `usermod -a -G {0} {1}`, then log in again".format(
                npu["group"], npu["run_user"]
            ),
        )


@check(CHECKS, "npu-nodes", NPU, ERROR, "fact: device nodes are root:HwHiAiUser 660")
def _npu_nodes(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The device nodes are missing, or the run user may not open them and no group would help."""
    npu = state.npu
    closed = [node for node in npu["nodes"] if not node["accessible"]]
    if closed and (npu["member"] or not _denied_by_group(npu)):
        yield seen(
            "{0} may not open {1}".format(
                npu["run_user"],
                ", ".join("{path} ({owner}:{group} {mode})".format(**node) for node in closed[:3])
                + (" and {0} more".format(len(closed) - 3) if closed[3:] else ""),
            ),
            "root:{0} 0660".format(npu["group"]),
            "log in again: the session is older than the membership in {0}".format(npu["group"])
            if _denied_by_group(npu)
            else "reboot after a driver upgrade, or `chown root:{0} <node>` and `chmod 0660 <node>`".format(
                npu["group"]
            ),
        )
    elif npu["pci"] and state.driver and not any("davinci" in node["path"] for node in npu["nodes"]):
        yield seen(
            "{0} NPU(s) on the PCI bus and no /dev/davinci*".format(len(npu["pci"])),
            "a device node for each NPU",
            "reboot after a driver upgrade; in a container, pass the devices to it",
        )


@check(CHECKS, "openeuler-affinity", HOST, NOTE, "guide, environment variables: GOMP_CPU_AFFINITY")
def _openeuler_affinity(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """On the openEuler family GOMP_CPU_AFFINITY binds torch's threads to few cores."""
    if requests.wanted_release(request) and state.os["openeuler_family"]:
        yield seen(
            "{0}: GOMP_CPU_AFFINITY may be set".format(state.os["name"] or state.os["id"]),
            "GOMP_CPU_AFFINITY unset where torch runs",
            "source {0}, which unsets it".format(state.env_file["path"]),
        )
