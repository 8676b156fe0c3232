# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dress of an Ascend host: records that agree, a table that is a table, an environment script with its habits."""

import os
import re
import subprocess

import pytest
from fleet.dress import CHIPS, DEVICES, cann_os_folder, dress, npu_smi_map, npu_smi_table, toolkit_home

ASCEND = "/usr/local/Ascend"


def fields(file):
    return dict(line.split("=", 1) for line in file.text.splitlines() if "=" in line)


def numbers(version):
    return [int(part) for part in version.split(".")]


def test_driver_and_firmware_agree():
    files = dress("x86_64", "5.0.4")
    driver, firmware = fields(files[f"{ASCEND}/driver/version.info"]), fields(files[f"{ASCEND}/firmware/version.info"])
    low, high = driver["compatible_version_fw"].strip("[]").split(",")
    assert numbers(low) <= numbers(firmware["Version"])[:3] <= numbers(high)
    assert firmware["package_version"] == driver["Version"]
    assert driver["Version"] in firmware["compatible_version_drv"].strip("[]").split(",")


@pytest.mark.parametrize(
    ("machine", "cann", "folder"),
    [
        ("x86_64", "5.0.4", "x86_64-linux"),
        ("aarch64", "5.0.4", "arm64-linux"),
        ("aarch64", "5.1.RC1", "aarch64-linux"),
        ("aarch64", "8.0.0", "aarch64-linux"),
    ],
)
def test_the_install_record_stands_in_the_folder_it_names(machine, cann, folder):
    assert cann_os_folder(machine, cann) == folder
    path = f"{ASCEND}/ascend-toolkit/{cann}/{folder}"
    record = fields(dress(machine, cann)[f"{path}/ascend_toolkit_install.info"])
    assert (record["version"], record["arch"], record["path"]) == (cann, machine, path)


@pytest.mark.parametrize("cann", ["5.0.4", "8.0.RC2", "8.5.0", "9.0.0-beta.1", "10.0.0"])
def test_latest_leads_to_the_release_and_its_records(cann):
    home, latest = toolkit_home(cann)
    files = dress("x86_64", cann)
    assert files[latest].link == home
    assert f"runtime_running_version=[1.80.21.2.210:{cann}]" in files[f"{home}/version.cfg"].text.splitlines()
    assert (home == f"{ASCEND}/cann-{cann}") == (cann not in ("5.0.4", "8.0.RC2"))


def test_undressed_hosts_get_nothing():
    assert dress("x86_64", "none") == {}


def test_every_row_of_the_table_has_one_width_and_every_chip_two_rows():
    lines = npu_smi_table("21.0.4", "21.0.2", CHIPS).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert re.fullmatch(r"\| npu-smi 21\.0\.4 +Version: 21\.0\.2 +\|", lines[1])
    assert [line for line in lines if line.startswith("| 0 ") and "910A" in line][0].split() == [
        "|", "0", "910A", "|", "OK", "|", "66.2", "38", "0", "/", "0", "|",
    ]  # fmt: skip
    assert len(lines) == 6 + 3 * len(CHIPS)


def test_the_map_of_chips_has_fixed_columns():
    assert npu_smi_map(CHIPS).splitlines()[1] == f"{'0':31}{'0':31}{'0':31}Ascend 910A"


@pytest.mark.skipif(os.path.exists("/dev/davinci_manager"), reason="a machine with NPUs")
def test_npu_smi_fails_as_the_real_one_where_the_nodes_cannot_be_opened(tmp_path):
    script = tmp_path / "npu-smi"
    script.write_text(dress("x86_64", "5.0.4")["/usr/local/sbin/npu-smi"].text)
    done = subprocess.run(["sh", str(script), "info"], stdout=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stdout.split()[-1]) == (1, "-8005")


def test_device_nodes_belong_to_the_driver_group():
    rules = dress("x86_64", "5.0.4")["/etc/tmpfiles.d/ascend.conf"].text.splitlines()
    assert [rule.split() for rule in rules] == [["z", f"/dev/{name}", "0660", "root", "HwHiAiUser"] for name in DEVICES]


def source_twice(tmp_path, *options):
    script = tmp_path / "set_env.sh"
    script.write_text(dress("x86_64", "5.0.4")[f"{ASCEND}/ascend-toolkit/set_env.sh"].text)
    command = f'. {script}; . {script}; printf "%s" "$LD_LIBRARY_PATH"'
    return subprocess.run(
        ["bash", *options, "-c", command], env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, check=False,
    )  # fmt: skip


def test_the_environment_script_has_the_vendors_habits(tmp_path):
    elements = source_twice(tmp_path).stdout.split(":")
    assert elements[-1] == ""  # an unset list gets an empty element
    assert elements.count(f"{ASCEND}/driver/lib64") == 2  # sourcing twice doubles
    assert source_twice(tmp_path, "-u").returncode != 0  # unguarded variables
