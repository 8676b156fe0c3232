# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a machine an Ascend host: CANN, driver, firmware, NPUs, as files.

Pure: from versions to texts. The formats are those of real hosts' records; the values are made up and agree with
each other as a vendor's releases do.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fleet.tree import File

ROOT = "/usr/local/Ascend"
DRIVER = "21.0.4"
FIRMWARE = "1.80.21.2.210"
INNER = "1.80.21.2.210"
DEVICES = ("davinci0", "davinci1", "davinci_manager", "devmm_svm", "hisi_hdc")
# Every image has this shared library: a real ELF file, so that a loader accepts it, with nothing in it.
EMPTY_LIBRARY = "/usr/local/lib/ascend-fleet/libempty.so"
LIBRARIES = ("libascendcl.so", "libge_runner.so", "libgraph.so", "libhccl.so", "libacl_op_compiler.so")


@dataclass(frozen=True)
class Chip:
    """One NPU as `npu-smi info` shows it: watts, degrees Celsius, MB of HBM."""

    npu: int
    bus: str
    power: float
    temperature: int
    hbm_used: int
    name: str = "910A"
    hbm: int = 32768


CHIPS = (Chip(0, "0000:61:00.0", 66.2, 38, 2), Chip(1, "0000:DA:00.0", 64.9, 35, 2))


def cann_os_folder(machine: str, cann: str) -> str:
    """Return the folder of CANN's records for `machine` (`uname -m`): 5.0.x calls aarch64 arm64."""
    return f"{'arm64' if machine == 'aarch64' and cann.startswith('5.0.') else machine}-linux"


def toolkit_home(cann: str) -> tuple[str, str]:
    """Return where the toolkit of release `cann` stands and the link that means the latest.

    Both moved with CANN 8.5.0.
    """
    release = tuple(int(number) for number in re.findall(r"\d+", cann)[:2])
    if release >= (8, 5):
        return f"{ROOT}/cann-{cann}", f"{ROOT}/cann"
    return f"{ROOT}/ascend-toolkit/{cann}", f"{ROOT}/ascend-toolkit/latest"


def npu_smi_table(tool: str, driver: str, chips: Iterable[Chip]) -> str:
    """Return what `npu-smi info` prints on a 910A host of the 21.0 releases.

    The first line has the tool's version, then the driver's; each chip takes two rows between double rules.
    """
    widths = (22, 15, 52)
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
        row("Chip", "Bus-Id", "AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)"),
        thick,
    ]
    for chip in chips:
        lines += [
            row(f"{chip.npu:<6}{chip.name}", "OK", f"{chip.power:<12}{chip.temperature:<18}{0:<5}/ 0"),
            row("0", chip.bus, f"{0:<12}{640:<5}/ {15171:<11}{chip.hbm_used:<6}/ {chip.hbm}"),
            thick,
        ]
    return "\n".join(lines) + "\n"


def npu_smi_map(chips: Iterable[Chip]) -> str:
    """Return what `npu-smi info -m` prints: which chip is where, in columns of 31 characters."""
    rows = [("NPU ID", "Chip ID", "Chip Logic ID", "Chip Name")]
    rows += [(str(chip.npu), "0", str(logic), f"Ascend {chip.name}") for logic, chip in enumerate(chips)]
    return "".join("".join(cell.ljust(31) for cell in row).rstrip() + "\n" for row in rows)


def npu_smi(tool: str, driver: str, chips: Iterable[Chip]) -> str:
    """Return an `npu-smi` (sh): it fails as the real one does for a user who may not use the device nodes."""
    chips = list(chips)
    return f"""#!/bin/sh
if ! [ -r /dev/davinci_manager ] || ! [ -w /dev/davinci_manager ]; then
    echo 'dcmi module initialize failed. ret is -8005'
    exit 1
fi
case "$*" in
info) cat <<'TABLE'
{npu_smi_table(tool, driver, chips)}TABLE
;;
'info -m') cat <<'TABLE'
{npu_smi_map(chips)}TABLE
;;
-v) echo 'npu-smi version: {tool}' ;;
*) echo "npu-smi: not known here: $*"; exit 1 ;;
esac
"""


def set_env(latest: str) -> str:
    """Return CANN's environment script with the vendor's habits.

    Variables that may be unset are used unguarded, so a list that was unset gets an empty element, and sourcing
    twice doubles every element.
    """
    driver = f"{ROOT}/driver/lib64"
    return f"""export LD_LIBRARY_PATH={driver}:{driver}/common:{driver}/driver:$LD_LIBRARY_PATH
export ASCEND_TOOLKIT_HOME={latest}
export LD_LIBRARY_PATH=${{ASCEND_TOOLKIT_HOME}}/lib64:${{ASCEND_TOOLKIT_HOME}}/lib64/plugin/opskernel:$LD_LIBRARY_PATH
export PYTHONPATH=${{ASCEND_TOOLKIT_HOME}}/python/site-packages:$PYTHONPATH
export PATH=${{ASCEND_TOOLKIT_HOME}}/bin:${{ASCEND_TOOLKIT_HOME}}/compiler/ccec_compiler/bin:$PATH
export ASCEND_AICPU_PATH=${{ASCEND_TOOLKIT_HOME}}
export ASCEND_OPP_PATH=${{ASCEND_TOOLKIT_HOME}}/opp
export TOOLCHAIN_HOME=${{ASCEND_TOOLKIT_HOME}}/toolkit
export ASCEND_HOME_PATH=${{ASCEND_TOOLKIT_HOME}}
"""


def cann_files(machine: str, cann: str) -> dict[str, File]:
    """Return a root install of the CANN toolkit of release `cann` for `machine` (`uname -m`)."""
    home, latest = toolkit_home(cann)
    folder = cann_os_folder(machine, cann)
    version = f"[{INNER}:{cann}]"
    parts = ("runtime", "compiler", "hccl", "opp", "toolkit")
    states = ("running", "upgrade", "installed")
    lines = ["# version: 1.0", *(f"{part}_{state}_version={version}" for state in states for part in parts), ""]
    record = (
        f"package_name=Ascend-cann-toolkit\nversion={cann}\ninnerversion=V100R001C80SPC021B210\n"
        "compatible_version=[V100R001C79],[V100R001C80]\n"
        f"arch={machine}\nos=linux\npath={home}/{folder}\n"
    )
    version_info = File(f"Version={INNER}\nversion_dir={cann}\n")
    environment = File(set_env(latest), 0o755)
    files = {
        f"{home}/{folder}/ascend_toolkit_install.info": File(record),
        f"{home}/version.cfg": File("\n".join(lines)),
        f"{home}/opp/version.info": version_info,
        f"{home}/toolkit/version.info": version_info,
        f"{home}/python/site-packages/hccl/__init__.py": File(),
        f"{home}/set_env.sh": environment,
        latest: File(link=home),
        "/etc/Ascend/ascend_cann_install.info": File(f"Install_Path={ROOT}\n"),
    }
    if latest.startswith(f"{ROOT}/ascend-toolkit/"):
        files[f"{ROOT}/ascend-toolkit/set_env.sh"] = environment
    return files | {f"{home}/lib64/{name}": File(link=EMPTY_LIBRARY) for name in LIBRARIES}


def driver_files(driver: str = DRIVER, firmware: str = FIRMWARE) -> dict[str, File]:
    """Return driver, firmware and `npu-smi`; the driver takes firmware of every 1.80 release."""
    major_minor = ".".join(firmware.split(".")[:2])
    return {
        f"{ROOT}/driver/version.info": File(
            f"Version={driver}\nascendhal_version=6.20.14\naicpu_version=1.0\ntdt_version=1.0\nlog_version=1.0\n"
            "prof_version=2.0\ndvppkernels_version=1.1\ntsfw_version=1.0\nInnerversion=V100R001C80SPC021B210\n"
            f"compatible_version=[V100R001C79],[V100R001C80]\ncompatible_version_fw=[{major_minor}.0,{major_minor}.99]\n"
        ),
        f"{ROOT}/firmware/version.info": File(
            f"Version={firmware}\nfirmware_version=1.0\npackage_version={driver}\n"
            f"compatible_version_drv=[{driver},{driver}.]\n"
        ),
        f"{ROOT}/driver/lib64/driver/libascend_hal.so": File(link=EMPTY_LIBRARY),
        "/etc/ascend_install.info": File(
            "UserName=HwHiAiUser\nUserGroup=HwHiAiUser\n"
            f"Driver_Install_Type=full\nDriver_Install_Path_Param={ROOT}\nDriver_Install_For_All=yes\n"
            f"Driver_Install_Mode=normal\nFirmware_Install_Type=full\nFirmware_Install_Path_Param={ROOT}\n"
        ),
        "/usr/local/sbin/npu-smi": File(npu_smi(driver, driver, CHIPS), 0o755),
        # The container brings the nodes; the host's init gives them the owner and mode they have on a real host.
        "/etc/tmpfiles.d/ascend.conf": File("".join(f"z /dev/{name} 0660 root HwHiAiUser\n" for name in DEVICES)),
    }


def dress(machine: str, cann: str) -> dict[str, File]:
    """Return all that makes an Ascend host (absolute path → File).

    :param machine: what `uname -m` says there.
    :param cann: CANN's release, or `none` for a machine that is no Ascend host.
    """
    return {} if cann == "none" else cann_files(machine, cann) | driver_files()
