# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examine a host's NPUs, who may use them, and their driver and firmware. Changes nothing, and no failure is fatal.

`root` is the root of the host's file system; only tests use another one than /.
"""

import glob
import grp
import os
import re
import shutil
from typing import Any, Dict, List, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, text
from ansible_collections.ascend.pytorch.plugins.module_utils.host import access, ascend_files, npu_smi

ASCEND_ROOT = "/usr/local/Ascend"
_PARTS = ("driver", "firmware")
_RECORD = "etc/ascend_install.info"
GROUP = "HwHiAiUser"
VENDOR = "0x19e5"
# "Processing accelerators" of the PCI code list: base class 12, subclass 00. The same vendor makes network cards.
PCI_CLASS = "0x1200"
UNKNOWN = "unknown"
# The kinds of chips by their ids on the bus; the Ascend 950 has none here.
CHIP_NAMES = {
    "0xd100": "310",
    "0xd105": "310B",
    "0xd107": "310B",
    "0xd500": "310P",
    "0xd801": "910",
    "0xd802": "910B",
    "0xd803": "A3",
}
# The kinds of chips by the names that npu-smi shows, such as 910B2C, 310P3 or Ascend950PR. "910" and "910B" alone say nothing:
# chips of several kinds have been called so.
_KINDS = (
    ("310P", re.compile(r"310P")),
    ("310B", re.compile(r"310B")),
    ("310", re.compile(r"310\Z")),
    ("910B", re.compile(r"910B[0-9]")),
    ("A3", re.compile(r"910(C|_93)")),
    ("910", re.compile(r"910(Premium|Pro)?A")),
    ("950", re.compile(r"950")),
)


def npus(run_user: str = "", root: str = "/") -> Dict[str, Any]:
    """Return the host's NPUs, as npu-smi, the PCI bus and the device nodes show them.

    {"smi": path of the npu-smi that was run | None, "problem": why it shows nothing | "", "code": int | None, "remedy",
    "tool_version", "driver_version": str | None, "chips": of npu_smi.parse_info, with "kind": see chip_kind,
    "pci": see pci, "nodes": see nodes,
    "run_user", "group": the one that owns the nodes by the driver's record, "group_exists": bool, "member": is the run
    user in it}

    :param run_user: the account whose access is checked; empty for that of this process. One that the host does not know
        has no access.
    """
    user = run_user or _own_name()
    group = _install_record(root).get("UserGroup") or GROUP
    group_id = _group_id(group)
    shown, on_bus = ask_npu_smi(root), pci(root)
    if shown["driver_version"] and on_bus and not shown["chips"] and not shown["problem"]:
        shown["problem"] = "shows no NPU, but the PCI bus has {0}".format(len(on_bus))
    return dict(
        shown,
        chips=[dict(chip, kind=chip_kind(chip, on_bus)) for chip in shown["chips"]],
        pci=on_bus,
        nodes=nodes(user, root),
        run_user=user,
        group=group,
        group_exists=group_id is not None,
        member=group_id in access.user_ids(user)[1],
    )


def driver_and_firmware(root: str = "/") -> Dict[str, Any]:
    """Return {"driver": D, "firmware": D, "driver_firmware_agree": True, False, or None if unknown}.

    D is {"path", "version": str | None}, or None if it is not installed; the version is the key `Version` of its
    version.info, None also if this account may not read that: see record_files.
    """
    paths = {part: _installed(part, root) for part in _PARTS}
    records = {
        part: ascend_files.parse_info_file(text(os.path.join(path, "version.info"))) if path else {}
        for part, path in paths.items()
    }
    found = {
        part: {"path": path, "version": records[part].get("Version") or None} if path else None
        for part, path in paths.items()
    }  # type: Dict[str, Any]
    agree = ascend_files.is_driver_firmware_pair(records["driver"], records["firmware"])
    return dict(found, driver_firmware_agree=agree)


def record_files(root: str = "/") -> List[str]:
    """Return the version records of driver and firmware, to check whether this account may read them."""
    folders = filter(None, (_installed(part, root) for part in _PARTS))
    return [os.path.join(root, _RECORD)] + [os.path.join(folder, "version.info") for folder in folders]


def driver_folder(root: str = "/") -> str:
    """Return the folder of the driver, the usual one if it is not installed."""
    return _installed("driver", root) or os.path.join(root, ASCEND_ROOT.strip("/"), "driver")


# --- npu-smi ----------------------------------------------------------------------------------------------------------


def ask_npu_smi(root: str = "/") -> Dict[str, Any]:
    """Run `npu-smi info` and return the first seven keys of npus."""
    path = _find_npu_smi(root)
    answer = {
        "smi": path,
        "problem": "",
        "code": None,
        "remedy": "",
        "tool_version": None,
        "driver_version": None,
        "chips": [],
    }  # type: Dict[str, Any]
    if path is None:
        return answer
    status, said, problem = ask([path, "info"], env=_environment(root))
    if status is None:
        shut = access.find_closed(path)
        return dict(answer, problem=problem, remedy=access.remedy(shut, _own_name()) if shut else "")
    # If it printed nothing to standard output, use its error message, which says why and is not a table.
    words = said.decode("utf-8", "replace") if said.strip() else problem
    try:
        answer.update(npu_smi.parse_info(words))
    except npu_smi.NpuSmiError as error:
        problem = _problem(status, error.unread or words, "shows NPUs that could not be read" if error.unread else "")
        return dict(answer, code=error.code, remedy=error.remedy, problem=problem)
    # If it fails for a single chip, its table is still complete; if it was killed, it is not.
    if status < 0 or (status > 0 and not answer["chips"]):
        answer["problem"] = _problem(status)
    return answer


def _problem(status: int, words: str = "", shown: str = "") -> str:
    # How it ended, or what it showed if its status is 0, and the beginning of what it printed.
    if status < 0:
        ending = "was killed by signal {0}".format(-status)
    else:
        ending = "ended with status {0}".format(status) if status else shown or "shows no table"
    if "\0" in words:
        return ending + ": binary data"
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in words[:1000]).split())
    return "{0}: {1}".format(ending, words[:200]) if words else ending


def _find_npu_smi(root: str) -> Optional[str]:
    folders = [os.path.join(root, "usr/local/sbin"), os.path.join(root, "usr/local/bin")]
    folders += [folder for folder in os.environ.get("PATH", os.defpath).split(":") if folder.startswith("/")]
    search = ":".join(folders)
    # Also returned, so that it is reported: one that this account may not run, or a link into a driver that it may not enter.
    runs = shutil.which("npu-smi", path=search) or shutil.which("npu-smi", mode=os.F_OK, path=search)
    links = (os.path.join(folder, "npu-smi") for folder in folders)
    return runs or next((link for link in links if os.path.islink(link) and access.find_closed(link)), None)


def _environment(root: str) -> Dict[str, str]:
    driver = _installed("driver", root)
    folders = [os.path.join(driver, name) for name in ("lib64", "lib64/common", "lib64/driver")] if driver else []
    before = os.environ.get("LD_LIBRARY_PATH")
    return dict(os.environ, LD_LIBRARY_PATH=":".join(folders + ([before] if before else [])))


# --- the PCI bus ------------------------------------------------------------------------------------------------------


def pci(root: str = "/") -> List[Dict[str, str]]:
    """Return the NPUs on the PCI bus, by address: [{"address": "0000:61:00.0", "device": "0xd801", "name": "910"}].

    From /sys/bus/pci/devices/<address>/{vendor,device,class}; the name of a device that is not in the table is "unknown".
    """
    found = []
    for folder in sorted(glob.glob(os.path.join(glob.escape(root), "sys/bus/pci/devices/*"))):
        vendor, device, kind = (
            text(os.path.join(folder, name)).strip().lower() for name in ("vendor", "device", "class")
        )
        if vendor == VENDOR and kind.startswith(PCI_CLASS):
            name = CHIP_NAMES.get(device, UNKNOWN)
            found.append({"address": os.path.basename(folder), "device": device, "name": name})
    return found


def kind_on_bus(name: str) -> str:
    """Return the kind of a card from its name in pci; "" if it is unknown."""
    return "" if name == UNKNOWN else name


def chip_kind(chip: Dict[str, Any], on_bus: List[Dict[str, str]]) -> str:
    """Return the kind of a chip of npu-smi: 310, 310B, 310P, 910, 910B, A3 or 950; "" if it is unknown.

    The PCI bus decides, since npu-smi calls an A3 "Ascend910"; in containers and for unknown ids the name does.

    :param on_bus: see pci
    """
    address = (chip["bus_id"] or "").lower()
    found = next((kind_on_bus(each["name"]) for each in on_bus if each["address"].lower() == address), "")
    if found:
        return found
    name = re.sub(r"\AAscend[ -]?", "", chip["name"], flags=re.IGNORECASE)
    return next((kind for kind, pattern in _KINDS if pattern.match(name)), "")


# --- the device nodes -------------------------------------------------------------------------------------------------


def nodes(user: str, root: str = "/") -> List[Dict[str, Any]]:
    """Return the device nodes that a user of NPUs opens, those of the chips first, by number.

    [{"path": "/dev/davinci0", "owner": "root", "group": "HwHiAiUser", "mode": "0660",
    "accessible": may the user read and write it}]
    """
    folder = os.path.join(root, "dev")
    chips = (re.fullmatch("davinci([0-9]+)", name) for name in (os.listdir(folder) if os.path.isdir(folder) else []))
    names = [chip.group() for chip in sorted(filter(None, chips), key=lambda chip: int(chip.group(1)))]
    found = []
    for name in names + ["davinci_manager", "devmm_svm", "hisi_hdc"]:
        path = os.path.join(folder, name)
        try:
            state = os.stat(path)
        except OSError:
            continue
        found.append(
            {
                "path": path,
                "owner": access.user_name(state.st_uid),
                "group": access.group_name(state.st_gid),
                "mode": "{0:04o}".format(state.st_mode & 0o7777),
                "accessible": _accessible(path, state, user),
            }
        )
    return found


def _accessible(path: str, state: os.stat_result, user: str) -> bool:
    account = None if user == _own_name() else access.user_ids(user)
    return access.is_allowed(path, state, os.R_OK | os.W_OK, account)


# --- accounts ---------------------------------------------------------------------------------------------------------


def _own_name() -> str:
    return access.user_name(os.geteuid())


def _group_id(group: str) -> Optional[int]:
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        return None


# --- where driver and firmware are ------------------------------------------------------------------------------------


def _install_record(root: str) -> Dict[str, str]:
    # The installers of driver and firmware write it: install path, user and group.
    return ascend_files.parse_info_file(text(os.path.join(root, _RECORD)))


def _installed(part: str, root: str) -> Optional[str]:
    # The folder of "driver" or "firmware": as the record says, else the usual one; None if it does not exist.
    recorded = _install_record(root).get("{0}_Install_Path_Param".format(part.capitalize()), "")
    for place in (recorded, ASCEND_ROOT):
        path = os.path.join(root, place.strip("/"), part)
        # A folder that this account may not enter counts as existing.
        if place.startswith("/") and "\0" not in place and (os.path.isdir(path) or access.find_closed(path)):
            return path
    return None
