# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NPUs of a host, and the `npu-smi` that shows them.

Pure, as dress.py. The tables are laid out as those of real hosts with these chips.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Chip:
    """One chip as `npu-smi info` shows it: watts, degrees Celsius, MB; and its device id on the PCI bus.

    :ivar power: None for a chip whose card is measured as a whole, by its first chip.
    :ivar phy: its number among all chips of the host; None where the table has no such column.
    :ivar memory: used and total.
    """

    npu: int
    bus: str
    power: float | None
    temperature: int
    hbm_used: int
    name: str = "910A"
    hbm: int = 32768
    health: str = "OK"
    device: str = "0xd801"
    chip: int = 0
    phy: int | None = None
    memory: tuple[int, int] = (640, 15171)


@dataclass(frozen=True)
class Cards:
    """The NPUs of a kind of host, with the driver and firmware that were released together for them.

    :ivar firmware_releases: the driver takes firmware of these; firmware of others was made for another driver.
    :ivar first_width: of the first column of npu-smi's table.
    :ivar processes: whether that table is followed by one of processes.
    """

    chips: tuple[Chip, ...]
    driver: str
    firmware: str
    firmware_releases: str
    first_width: int = 27
    processes: bool = True


def _today(chips: Iterable[Chip]) -> Cards:
    """Return cards with a driver of today: its chips have no memory beside the HBM."""
    alike = tuple(replace(chip, memory=(0, 0)) for chip in chips)
    return Cards(alike, driver="25.5.2", firmware="7.8.0.6.201", firmware_releases="7.8")


USUAL = "910A"
# What the option `chip` may be: the kinds of chips that the collection tells apart, each with its own table.
CARDS = {
    USUAL: Cards(
        (Chip(0, "0000:61:00.0", 66.2, 38, 2), Chip(1, "0000:DA:00.0", 64.9, 35, 2)),
        driver="21.0.4",
        firmware="1.80.21.2.210",
        firmware_releases="1.80",
        first_width=22,
        processes=False,
    ),
    "910B4": _today(
        Chip(npu, bus, power, 39, 2922, name="910B4", device="0xd802")
        for npu, bus, power in ((0, "0000:41:00.0", 89.9), (1, "0000:C1:00.0", 88.3))
    ),
    # Two chips to a card, and a name that older chips have had.
    "A3": _today(
        Chip(phy // 2, bus, power, 36, 3123, name="Ascend910", hbm=65536, device="0xd803", chip=phy % 2, phy=phy)
        for phy, bus, power in (
            (0, "0000:9D:00.0", 166.0), (1, "0000:9F:00.0", None), (2, "0000:99:00.0", 171.4), (3, "0000:9B:00.0", None),
        )
    ),
}  # fmt: skip


def device_names(cards: Cards) -> tuple[str, ...]:
    """Return the names of the device nodes that the driver makes for its NPUs."""
    chips = tuple(f"davinci{number}" for number in range(len(cards.chips)))
    return (*chips, "davinci_manager", "devmm_svm", "hisi_hdc")


def npu_smi_table(tool: str, driver: str, cards: Cards) -> str:
    """Return what `npu-smi info` prints on a host of the 21.0 releases (910A) or the 25.5 releases (newer cards).

    The first line has the tool's version, then the driver's; each NPU is between double rules, and each of its chips takes
    two rows.
    """
    chips = cards.chips
    widths = (cards.first_width, 15, 52)
    numbered = any(chip.phy is not None for chip in chips)
    thin = "+" + "+".join("-" * width for width in widths) + "+"
    thick = thin.replace("-", "=")

    def row(*cells: str) -> str:
        return "|" + "|".join(f" {cell}".ljust(width) for cell, width in zip(cells, widths, strict=True)) + "|"

    inside = len(thin) - 2
    lines = [
        f"+{'-' * inside}+",
        f"|{f' npu-smi {tool}'.ljust(34)}{f'Version: {driver}'.ljust(inside - 34)}|",
        thin,
        row("NPU   Name", "Health", "Power(W)    Temp(C)           Hugepages-Usage(page)"),
        row("Chip  Phy-ID" if numbered else "Chip", "Bus-Id", "AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)"),
        thick,
    ]
    for chip, following in zip(chips, (*chips[1:], None), strict=True):
        power = "-" if chip.power is None else chip.power
        place = f"{chip.chip:<6}{chip.phy}" if numbered else str(chip.chip)
        used, total = chip.memory
        lines += [
            row(f"{chip.npu:<6}{chip.name}", chip.health, f"{power:<12}{chip.temperature:<18}{0:<5}/ 0"),
            row(place, chip.bus, f"{0:<12}{used:<5}/ {total:<11}{chip.hbm_used:<6}/ {chip.hbm}"),
            f"+{'-' * inside}+" if following and following.npu == chip.npu else thick,
        ]
    return "\n".join(lines + (_process_table(chips, row, thin, thick) if cards.processes else [])) + "\n"


def _process_table(chips: Iterable[Chip], row: Callable[..., str], thin: str, thick: str) -> list[str]:
    """Return the lines that follow in a newer npu-smi's output, on a host where nothing runs."""
    lines = [thin, row("NPU     Chip", "Process id", "Process name             | Process memory(MB)"), thick]
    for npu in sorted({chip.npu for chip in chips}):
        words = f" No running processes found in NPU {npu}"
        lines += [f"|{words.ljust(len(thin) - 2)}|", thick]
    return lines


def npu_smi_map(chips: Iterable[Chip]) -> str:
    """Return what `npu-smi info -m` prints: which chip is where, in columns of 31 characters."""
    rows = [("NPU ID", "Chip ID", "Chip Logic ID", "Chip Name")]
    rows += [
        (str(chip.npu), str(chip.chip), str(logic), f"Ascend {chip.name.removeprefix('Ascend')}")
        for logic, chip in enumerate(chips)
    ]
    return "".join("".join(cell.ljust(31) for cell in row).rstrip() + "\n" for row in rows)


# What a broken npu-smi does, by the value of the option `npu`: a line of sh. The words are those of the real one.
NPU_SMI_FAULTS = {
    "busy": "echo 'dcmi model initialized failed, because the device is used. ret is -8020'; exit 1",
    "hang": "trap '' HUP INT TERM; while :; do sleep 3600; done",
    "crash": "kill -SEGV $$",
    # A program of another kind in its place.
    "rubbish": "cat /bin/true; exit 0",
    "-8005": "echo 'DrvMngGetConsoleLogLevel failed. (ret=4)'; echo 'dcmi module initialize failed. ret is -8005'; exit 1",
}


def npu_smi(cards: Cards, fault: str = ":") -> str:
    """Return an `npu-smi` (sh): it fails as the real one does for a user who may not use the device nodes.

    :param fault: a line of sh that it begins with; that of a broken one never ends well.
    """
    tool = cards.driver
    return f"""#!/bin/sh
{fault}
if ! [ -r /dev/davinci_manager ] || ! [ -w /dev/davinci_manager ]; then
    {NPU_SMI_FAULTS["-8005"]}
fi
case "$*" in
info) cat <<'TABLE'
{npu_smi_table(tool, cards.driver, cards)}TABLE
;;
'info -m') cat <<'TABLE'
{npu_smi_map(cards.chips)}TABLE
;;
-v) echo 'npu-smi version: {tool}' ;;
*) echo "npu-smi: not known here: $*"; exit 1 ;;
esac
"""
