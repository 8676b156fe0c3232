# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a machine an Ascend host: CANN, driver, firmware, NPUs, as files.

Pure: from versions and faults to texts. The formats are those of real hosts' records; the values are made up and agree
with each other as a vendor's releases do, unless a fault is asked for.
"""

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fleet.cards import CARDS, NPU_SMI_FAULTS, USUAL, Cards, Chip, device_names, npu_smi
from fleet.tree import File

ROOT = "/usr/local/Ascend"
CANN = "5.0.4"
OTHER_DRIVER = "20.2.0"
INNER = "1.80.21.2.210"
PCI = "/sys/bus/pci/devices"
# Every image has this shared library: a real ELF file, so that a loader accepts it, with nothing in it.
EMPTY_LIBRARY = "/usr/local/lib/ascend-fleet/libempty.so"
LIBRARIES = ("libascendcl.so", "libge_runner.so", "libgraph.so", "libhccl.so", "libacl_op_compiler.so")


PYTHON_PACKAGES = {
    "absl-py": "0.12.0",
    "attrs": "20.3.0",
    "cffi": "1.14.5",
    "cython": "0.29.21",
    "decorator": "4.4.2",
    "numpy": "1.19.5",
    "pathlib2": "2.3.5",
    "protobuf": "3.12.4",
    "psutil": "5.8.0",
    "requests": "2.25.1",
    "scipy": "1.6.0",
    "sympy": "1.4",
}


def cann_os_folder(machine: str, cann: str) -> str:
    """Return the folder of CANN's records for `machine` (`uname -m`): 5.0.x calls aarch64 arm64."""
    return f"{'arm64' if machine == 'aarch64' and cann.startswith('5.0.') else machine}-linux"


def _release(cann: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", cann)[:2])


def toolkit_home(cann: str) -> tuple[str, str]:
    """Return where the toolkit of release `cann` stands and the link that means the latest.

    Both moved with CANN 8.5.0.
    """
    if _release(cann) >= (8, 5):
        return f"{ROOT}/cann-{cann}", f"{ROOT}/cann"
    return f"{ROOT}/ascend-toolkit/{cann}", f"{ROOT}/ascend-toolkit/latest"


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


def wheel_tree(name: str, version: str, cann: str) -> dict[str, str]:
    """Return the files of one of CANN's wheels by their paths in a Python's site directory.

    The code tells its CANN: the version of a wheel does not change with every release.
    """
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f'CANN = "{cann}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: fleet\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(text)}\n"
    return files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}


def wheel(name: str, version: str, cann: str) -> bytes:
    """Return one of CANN's wheels, which pip can install; the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in wheel_tree(name, version, cann).items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()


def cann_wheels(cann: str) -> dict[str, File]:
    """Return the wheels that CANN brings for its Python interfaces, by their paths below its home.

    They moved with 5.1, and topi went with 7.0.
    """
    folder = "fwkacllib/lib64" if _release(cann) < (5, 1) else "lib64"
    versions = {"te": "0.4.0", "topi": "0.4.0", "hccl": "0.1.0"}
    if _release(cann) >= (7, 0):
        del versions["topi"]
    return {
        f"{folder}/{name}-{version}-py3-none-any.whl": File(wheel(name, version, cann))
        for name, version in versions.items()
    }


def stale_wheels(python: str) -> dict[str, File]:
    """Return the wheels of a CANN of long ago, as pip put them into the host's Python.

    :param python: its version, such as 3.9; its site directory is Debian's.
    """
    site = f"/usr/local/lib/python{python}/dist-packages"
    files: dict[str, File] = {}
    for name, version in (("te", "0.3.0"), ("topi", "0.1.0"), ("hccl", "0.0.1")):
        tree = wheel_tree(name, version, "1.72.T1")
        files |= {f"{site}/{path}": File(text) for path, text in tree.items()}
        files[f"{site}/{name}-{version}.dist-info/INSTALLER"] = File("pip\n")
    return files


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
    files |= {f"{home}/{path}": file for path, file in cann_wheels(cann).items()}
    return files | {f"{home}/lib64/{name}": File(link=EMPTY_LIBRARY) for name in LIBRARIES}


def driver_files(cards: Cards) -> dict[str, File]:
    """Return what the driver of these cards brings, but for its `npu-smi`."""
    releases = cards.firmware_releases
    return {
        f"{ROOT}/driver/version.info": File(
            f"Version={cards.driver}\nascendhal_version=6.20.14\naicpu_version=1.0\ntdt_version=1.0\nlog_version=1.0\n"
            "prof_version=2.0\ndvppkernels_version=1.1\ntsfw_version=1.0\nInnerversion=V100R001C80SPC021B210\n"
            "compatible_version=[V100R001C79],[V100R001C80]\n"
            f"compatible_version_fw=[{releases}.0,{releases}.99]\n"
        ),
        f"{ROOT}/driver/lib64/driver/libascend_hal.so": File(link=EMPTY_LIBRARY),
    }


def firmware_files(cards: Cards, firmware: str) -> dict[str, File]:
    """Return what firmware leaves on the disk. It names the driver of its own release."""
    driver = cards.driver if firmware.startswith(f"{cards.firmware_releases}.") else OTHER_DRIVER
    record = (
        f"Version={firmware}\nfirmware_version=1.0\npackage_version={driver}\n"
        f"compatible_version_drv=[{driver},{driver}.]\n"
    )
    return {f"{ROOT}/firmware/version.info": File(record)}


def install_record(driver: bool) -> str:
    """Return `/etc/ascend_install.info`, which the installers of driver and firmware write."""
    of_driver = (
        f"Driver_Install_Type=full\nDriver_Install_Path_Param={ROOT}\nDriver_Install_For_All=yes\n"
        "Driver_Install_Mode=normal\n"
    )
    return (
        "UserName=HwHiAiUser\nUserGroup=HwHiAiUser\n"
        f"{of_driver if driver else ''}"
        f"Firmware_Install_Type=full\nFirmware_Install_Path_Param={ROOT}\n"
    )


def boot_rules(chips: Iterable[Chip], devices: Iterable[str], owner: str) -> str:
    """Return rules of tmpfiles.d by which the host's init finishes what a container cannot bring as files.

    The container brings the nodes and an empty folder in place of the PCI bus.

    :param owner: mode, user and group of the device nodes.
    """
    lines = [f"z /dev/{name} {owner}" for name in devices]
    for chip in chips:
        folder = f"{PCI}/{chip.bus.lower()}"
        lines.append(f"d {folder} 0755 root root")
        for name, value in (("vendor", "0x19e5"), ("device", chip.device), ("class", "0x120000")):
            lines.append(f"f {folder}/{name} 0444 root root - {value}")
    return "".join(f"{line}\n" for line in lines)


def python_packages(python: str) -> dict[str, File]:
    """Return the records by which pip and others find what CANN's guide has a Python given for its operators.

    The records alone: what builds and runs here imports none of them.
    """
    folder = f"/usr/local/lib/python{python}/dist-packages"
    return {
        f"{folder}/{name.replace('-', '_')}-{version}.dist-info/METADATA": File(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        for name, version in PYTHON_PACKAGES.items()
    }


def host_cards(options: Mapping[str, str]) -> Cards:
    """Return the NPUs of a host, with their driver and firmware."""
    cards, npu = CARDS[options.get("chip", USUAL)], options.get("npu", "")
    if npu == "none":
        return replace(cards, chips=())
    if npu == "sick":
        return replace(cards, chips=(*cards.chips[:-1], replace(cards.chips[-1], health="Alarm")))
    return cards


def devices(options: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of a host's device nodes: its driver makes them, for its NPUs."""
    has_none = "none" in (options.get(part) for part in ("cann", "driver", "npu"))
    return () if has_none else device_names(host_cards(options))


def dress(machine: str, python: str, options: Mapping[str, str]) -> dict[str, File]:
    """Return all that makes an Ascend host (absolute path → File).

    :param machine: what `uname -m` says there.
    :param python: the version of the host's Python, such as 3.9.
    :param options: what was asked for: `cann`, `chip`, and the faults `npu`, `nodes`, `driver`, `firmware` and `wheels`;
        see the README.
    """
    cann, cards = options.get("cann", CANN), host_cards(options)
    if cann == "none":
        return {}
    with_driver = options.get("driver") != "none"
    files = firmware_files(cards, options.get("firmware", cards.firmware))
    files["/etc/ascend_install.info"] = File(install_record(with_driver))
    if cann != "missing":
        files |= cann_files(machine, cann)
    files |= python_packages(python)
    if "wheels" in options:
        files |= stale_wheels(python)
    if with_driver:
        files |= driver_files(cards)
    if devices(options):
        program = npu_smi(cards, NPU_SMI_FAULTS.get(options.get("npu", ""), ":"))
        files["/usr/local/sbin/npu-smi"] = File(program, 0o755)
    owner = "0600 root root" if options.get("nodes") == "root" else "0660 root HwHiAiUser"
    files["/etc/tmpfiles.d/ascend.conf"] = File(boot_rules(cards.chips, devices(options), owner))
    return files
