# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the output of `npu-smi` by its own headings.

The table of `npu-smi info` differs by chip and release, but always has two lines for an NPU under two lines of headings:

    | NPU   Name      | Health        | Power(W)   Temp(C)                          |
    | Chip  Phy-ID    | Bus-Id        | AICore(%)  Memory-Usage(MB)  HBM-Usage(MB)  |
    +=================+===============+=============================================+
    | 0     910A      | OK            | 68.6       36                               |
    | 0     0         | 0000:C1:00.0  | 0          591  / 14795      0    / 32768   |

Newer releases have the id and the name in separate cells, and no column for the chip:

    | NPU ID | Name        | Health        | Power(W)     Temp(C)                      |
    |        |             | Bus-Id        | NPU Util(%)  HBM-Usage(MB)                |
    +========+=============+===============+===========================================+
    | 0      | Ascend950PR | OK            | 140.1        38                           |
    |        |             | 0000:C1:00.0  | 0            0    / 131072                |
"""

import re
from typing import Any, Dict, List, Optional, Pattern, Tuple

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
# First line: the tool's version, then the driver's; the space after the colon may be missing.
_BANNER = re.compile(r"npu-smi\s+(?P<tool>[^\s|]+)\s+Version:\s*(?P<driver>[^\s|]+)", re.IGNORECASE)
_CODE = re.compile(r"(?<![\w.])-8[0-9]{3}(?![0-9])")
_ADDRESS = re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Za-z]{2}:[0-9A-Za-z]{2}\.[0-9A-Za-z]")
_NOTHING = ("NA", "N/A", "-", "--", "")
_AMOUNT = r"(?:[0-9]+(?:\.[0-9]+)?|NA|N/A|--?)"
# A value: "591  / 14795" and "52675/ 65536" are one value each.
_VALUE = re.compile(r"{0}\s*/\s*{0}(?!\S)|\S+".format(_AMOUNT))
# A heading: "Name", "Power(W)", "NPU ID" and "NPU Util(%)" are one heading each.
_HEADING = re.compile(r"\S+(?: (?:ID|Core|Util|Usage|Rate)(?:\([^)|]*\))?(?!\S))?", re.IGNORECASE)
# Headings with other names in some releases: heading -> its name here.
_SAME = {
    "npu-id": "npu",
    "chip-id": "chip",
    "device-id": "device",
    "npu-util": "aicore",
    "npu-usage": "aicore",
    "ai-core": "aicore",
    "aicore-util": "aicore",
    "aicore-usage": "aicore",
}

Row = List[Tuple[int, str]]

_REMEDIES = {
    -8005: "There is no device, or the host was not rebooted after a driver upgrade, or this user is not in the group "
    "HwHiAiUser (device nodes are root:HwHiAiUser 0660). Look at `ls -l /dev/davinci*` and `lspci -d 19e5:`, "
    "reboot after an upgrade, or add the user with `usermod -a -G HwHiAiUser <user>` and log in again.",
    -8020: "Another container or process holds the NPU. Stop it, or give this host's work another NPU.",
}
_REMEDY = "Run `npu-smi info` by hand on the host as the same user, and see the driver's log in /var/log/npu."
_UNREAD_REMEDY = (
    "Run `npu-smi info` by hand: the NPUs may work, but its table has a form that this collection does not know, or is "
    "incomplete. Report its output to the authors of the collection."
)


class NpuSmiError(Exception):
    """npu-smi printed no table, or one that could not be read.

    `code` is DCMI's error number (an int such as -8005) or None; `unread` is the rows that could not be read, as printed,
    or ""; `remedy` is what to do.
    """

    def __init__(self, message: str, code: Optional[int] = None, unread: str = "") -> None:
        super(NpuSmiError, self).__init__(message)
        self.code = code
        self.unread = unread
        self.remedy = _UNREAD_REMEDY if unread else _REMEDIES.get(code, _REMEDY)


def parse_info(text: str) -> Dict[str, Any]:
    """Return the content of `npu-smi info`: {"tool_version": str, "driver_version": str, "chips": [...]}.

    A chip is {"npu_id": int, "chip_id": int, "phy_id": int|None, "name": str, "health": str, "bus_id": str|None,
    "power_w": float|None, "temp_c": int|None, "aicore_percent": int|None, "memory_used_mb": int|None,
    "memory_total_mb": int|None, "hbm_used_mb": int|None, "hbm_total_mb": int|None}; None is a column that this release
    does not have, or a value of `-` or `NA`. `phy_id` is the column Phy-ID, or Device if the table has that instead.
    If the table has no column for the chip, the chips of an NPU are counted from 0. An NPU of which only a part was
    printed is left out, if there are others.

    :raises NpuSmiError: the text is an error message, or not the output of npu-smi, or a table with rows but no
        complete chip
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = _COLOUR.sub("", text)
    banner = _BANNER.search(text)
    chips = _chips(text)
    code = _CODE.search(text)
    if banner is None or (code and not chips):
        said = " ".join(text.split())[:200]
        raise NpuSmiError(
            "npu-smi failed: {0}".format(said) if code else "not the output of npu-smi info: {0!r}".format(said),
            int(code.group()) if code else None,
        )
    unread = "" if chips else " ".join(_npu_lines(text))[:200]
    if unread:
        raise NpuSmiError("a table that could not be read: {0}".format(unread), unread=unread)
    return {"tool_version": banner.group("tool"), "driver_version": banner.group("driver"), "chips": chips}


def _chips(text: str) -> List[Dict[str, Any]]:
    npu_headings = chip_headings = None  # type: Optional[List[Row]]
    npu = {}  # type: Dict[str, str]
    chip_is_next = False
    chips = []
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("+"):
            chip_is_next = False
            continue
        if not line.startswith("|"):
            continue
        headings, cells = _cells(line, _HEADING), _cells(line, _VALUE)
        keys = [_key(word) for cell in headings for _column, word in cell]
        if headings[0] and keys[0] == "npu":
            # Also matches the table of processes at the end, which is not read: it has no second line of headings.
            npu_headings, chip_headings, npu = headings, None, {}
        elif headings[0] and keys[0] == "chip" or "bus-id" in keys:
            chip_headings = headings
        elif npu_headings and chip_headings and len(cells) == len(npu_headings) == len(chip_headings):
            if chip_is_next or _has_address(cells):
                headings = npu_headings + chip_headings
                counted = not any(_key(word) == "chip" for cell in headings for _column, word in cell)
                # Which value is in which of the two lines differs.
                _add(chips, dict(npu, **_row(chip_headings, cells)), counted, len(npu_headings[0]) == 1)
                chip_is_next = False
            else:
                npu, chip_is_next = _row(npu_headings, cells), True
    return chips


def _npu_lines(text: str) -> List[str]:
    # The lines of a table that begin with a number: these are neither headings nor remarks.
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if re.match(r"\|[| ]*[0-9]+(?: [^|]*)?\|.*\S", line)]


def _cells(line: str, word: Pattern[str]) -> List[Row]:
    cells = []
    start = 1
    for cell in line.strip("|").split("|"):
        cells.append([(start + value.start(), value.group()) for value in word.finditer(cell)])
        start += len(cell) + 1
    return cells


def _key(heading: str) -> str:
    # "HBM-Usage(MB)": "hbm-usage"
    key = heading.lower().partition("(")[0].replace(" ", "-")
    return _SAME.get(key, key)


def _has_address(cells: List[Row]) -> bool:
    return any(len(cell) == 1 and _ADDRESS.fullmatch(cell[0][1]) for cell in cells)


def _row(headings: List[Row], cells: List[Row]) -> Dict[str, str]:
    # key of a heading -> value
    row = {}
    for names, values in zip(headings, cells):
        keys = [_key(name) for _column, name in names]
        if len(values) > len(keys) and keys:
            # Only a name has spaces in it, and it is the last value of its cell.
            values = values[: len(keys) - 1] + [(0, " ".join(word for _column, word in values[len(keys) - 1 :]))]
        if len(values) == len(keys):
            row.update(zip(keys, (word for _column, word in values)))
            continue
        # A value is blank: each of the others belongs to the heading whose start is nearest.
        for start, word in values if names else []:
            nearest = min(range(len(names)), key=lambda i: abs(names[i][0] - start))
            row[keys[nearest]] = word
    return row


def _add(chips: List[Dict[str, Any]], said: Dict[str, str], counted: bool, apart: bool) -> None:
    npu_id, chip_id = _whole(said.get("npu")), _whole(said.get("chip"))
    name = said.get("name", "")
    if counted:
        chip_id = sum(other["npu_id"] == npu_id for other in chips)
    if apart:
        # Tables with separate cells for id and name have "Ascend950PR", the others "910B4".
        name = re.sub(r"^ascend[ -]?(?=\w)", "", name, flags=re.IGNORECASE)
    if npu_id is None or chip_id is None:
        return
    bus_id = said.get("bus-id", "")
    memory_used, memory_total = _usage(said.get("memory-usage"))
    hbm_used, hbm_total = _usage(said.get("hbm-usage"))
    chips.append(
        {
            "npu_id": npu_id,
            "chip_id": chip_id,
            "phy_id": _whole(said.get("phy-id", said.get("device"))),
            "name": name,
            "health": said.get("health", ""),
            "bus_id": None if bus_id.upper() in _NOTHING else bus_id,
            "power_w": _number(said.get("power")),
            "temp_c": _whole(said.get("temp")),
            "aicore_percent": _whole(said.get("aicore")),
            "memory_used_mb": memory_used,
            "memory_total_mb": memory_total,
            "hbm_used_mb": hbm_used,
            "hbm_total_mb": hbm_total,
        }
    )


def _number(value: Optional[str]) -> Optional[float]:
    return float(value) if value and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) else None


def _whole(value: Optional[str]) -> Optional[int]:
    number = _number(value)
    return None if number is None else int(number)


def _usage(value: Optional[str]) -> Tuple[Optional[int], Optional[int]]:
    # "591  / 14795": used, total
    used, _slash, total = (value or "").partition("/")
    return _whole(used.strip()), _whole(total.strip())
