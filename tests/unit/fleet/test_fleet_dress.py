# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dress of an Ascend host: records that agree, a table that is a table, an environment script with its habits."""

import base64
import hashlib
import io
import os
import re
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import npu_smi, npus
from ansible_collections.ascend.pytorch.plugins.plugin_utils import recipes, releases
from fleet.cards import CARDS, NPU_SMI_FAULTS, USUAL, npu_smi_map, npu_smi_table
from fleet.dress import PCI, PYTHON_PACKAGES, cann_os_folder, devices, dress, toolkit_home

ASCEND = "/usr/local/Ascend"
NPU_SMI = "/usr/local/sbin/npu-smi"
RULES = "/etc/tmpfiles.d/ascend.conf"
# Each fault, and the places that it may change: all of them, and no others.
FAULTS = [
    ({"cann": "missing"}, [f"{ASCEND}/ascend-toolkit/", "/etc/Ascend/"]),
    ({"driver": "none"}, [f"{ASCEND}/driver/", "/etc/ascend_install.info", NPU_SMI, RULES]),
    ({"firmware": "1.78.22.4.230"}, [f"{ASCEND}/firmware/version.info"]),
    ({"npu": "none"}, [NPU_SMI, RULES]),
    *(({"npu": fault}, [NPU_SMI]) for fault in ("sick", *NPU_SMI_FAULTS)),
    ({"nodes": "root"}, [RULES]),
    *(
        ({"chip": chip}, [f"{ASCEND}/driver/version.info", f"{ASCEND}/firmware/version.info", NPU_SMI, RULES])
        for chip in CARDS
        if chip != USUAL
    ),
    ({"wheels": "stale"}, ["/usr/local/lib/python3.9/dist-packages/"]),
]


def dressed(machine="x86_64", **options):
    return dress(machine, "3.9", options)


def rules(files):
    return [line.split() for line in files[RULES].text.splitlines()]


def fields(file):
    return dict(line.split("=", 1) for line in file.text.splitlines() if "=" in line)


def numbers(version):
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("chip", CARDS)
def test_driver_and_firmware_agree(chip):
    files = dressed(chip=chip)
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
    record = fields(dressed(machine, cann=cann)[f"{path}/ascend_toolkit_install.info"])
    assert (record["version"], record["arch"], record["path"]) == (cann, machine, path)


@pytest.mark.parametrize("cann", ["5.0.4", "8.0.RC2", "8.5.0", "9.0.0-beta.1", "10.0.0"])
def test_latest_leads_to_the_release_and_its_records(cann):
    home, latest = toolkit_home(cann)
    files = dressed(cann=cann)
    assert files[latest].link == home
    assert f"runtime_running_version=[1.80.21.2.210:{cann}]" in files[f"{home}/version.cfg"].text.splitlines()
    assert (home == f"{ASCEND}/cann-{cann}") == (cann not in ("5.0.4", "8.0.RC2"))


def test_undressed_hosts_get_nothing():
    assert dressed(cann="none") == {}
    assert devices({"cann": "none"}) == ()


@pytest.mark.parametrize(("options", "places"), FAULTS, ids=str)
def test_each_fault_changes_its_own_files_and_no_others(options, places):
    well, ill = dressed(), dressed(**options)
    changed = [path for path in well.keys() | ill.keys() if well.get(path) != ill.get(path)]
    assert {place for path in changed for place in places if path.startswith(place)} == set(places)
    assert not [path for path in changed if not path.startswith(tuple(places))]


def test_firmware_of_another_release_and_the_driver_name_others():
    files = dressed(firmware="1.78.22.4.230")
    driver, firmware = fields(files[f"{ASCEND}/driver/version.info"]), fields(files[f"{ASCEND}/firmware/version.info"])
    low, _high = driver["compatible_version_fw"].strip("[]").split(",")
    assert firmware["Version"] == "1.78.22.4.230" and numbers(firmware["Version"])[:2] < numbers(low)
    assert driver["Version"] not in firmware["compatible_version_drv"]
    again = fields(dressed(firmware="1.80.1.2")[f"{ASCEND}/firmware/version.info"])
    assert again["package_version"] == driver["Version"]


@pytest.mark.parametrize(
    ("cann", "folder", "names"),
    [
        ("5.0.4", "fwkacllib/lib64", {"te-0.4.0", "topi-0.4.0", "hccl-0.1.0"}),
        ("5.1.RC1", "lib64", {"te-0.4.0", "topi-0.4.0", "hccl-0.1.0"}),
        ("8.0.0", "lib64", {"te-0.4.0", "hccl-0.1.0"}),
        ("8.5.0", "lib64", {"te-0.4.0", "hccl-0.1.0"}),
    ],
)
def test_cann_ships_its_wheels(cann, folder, names):
    home, _latest = toolkit_home(cann)
    wheels = {path: file for path, file in dressed(cann=cann).items() if path.endswith(".whl")}
    assert set(wheels) == {f"{home}/{folder}/{name}-py3-none-any.whl" for name in names}
    for path, file in wheels.items():
        name, version = os.path.basename(path).split("-")[:2]
        with zipfile.ZipFile(io.BytesIO(file.text)) as wheel:
            record = wheel.read(f"{name}-{version}.dist-info/RECORD").decode().splitlines()
            assert {line.split(",")[0] for line in record} == set(wheel.namelist())
            for line in record[:-1]:
                inside, digest, size = line.split(",")
                sha = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(inside)).digest()).decode().rstrip("=")
                assert (digest, int(size)) == (f"sha256={sha}", len(wheel.read(inside)))


def test_stale_wheels_are_installed_in_another_version():
    site = "/usr/local/lib/python3.11/dist-packages"
    files = dress("x86_64", "3.11", {"wheels": "stale"})
    shipped = {tuple(path.split("/")[-1].split("-")[:2]) for path in files if path.endswith(".whl")}
    installed = {
        (fields_of["Name"], fields_of["Version"])
        for path, file in files.items()
        if path.startswith(site) and path.endswith("/METADATA")
        for fields_of in [dict(line.split(": ", 1) for line in file.text.splitlines())]
    }
    assert set(PYTHON_PACKAGES.items()) < installed
    installed -= set(PYTHON_PACKAGES.items())
    assert {name for name, _version in installed} == {name for name, _version in shipped} == {"te", "topi", "hccl"}
    assert not installed & shipped


@pytest.mark.parametrize("chip", CARDS)
def test_every_row_of_the_table_has_one_width(chip):
    lines = npu_smi_table("25.5.2", "25.5.2", CARDS[chip]).splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}


def test_every_chip_has_two_rows_in_the_table():
    lines = npu_smi_table("21.0.4", "21.0.2", CARDS[USUAL]).splitlines()
    assert re.fullmatch(r"\| npu-smi 21\.0\.4 +Version: 21\.0\.2 +\|", lines[1])
    assert [line for line in lines if line.startswith("| 0 ") and "910A" in line][0].split() == [
        "|", "0", "910A", "|", "OK", "|", "66.2", "38", "0", "/", "0", "|",
    ]  # fmt: skip
    assert len(lines) == 6 + 3 * len(CARDS[USUAL].chips)


@pytest.mark.parametrize(
    ("chip", "kinds", "numbers"),
    [
        ("910A", ["910"] * 2, [(0, 0, None), (1, 0, None)]),
        ("910B4", ["910B"] * 2, [(0, 0, None), (1, 0, None)]),
        ("A3", ["A3"] * 4, [(0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3)]),
    ],
)
def test_the_table_is_read_as_what_it_shows(chip, kinds, numbers):
    cards = CARDS[chip]
    found = npu_smi.parse_info(npu_smi_table(cards.driver, cards.driver, cards))
    assert (found["tool_version"], found["driver_version"]) == (cards.driver, cards.driver)
    assert [(each["npu_id"], each["chip_id"], each["phy_id"]) for each in found["chips"]] == numbers
    assert [(each["name"], each["power_w"], each["hbm_total_mb"]) for each in found["chips"]] == [
        (each.name, each.power, each.hbm) for each in cards.chips
    ]
    on_bus = [
        {"address": each.bus.lower(), "device": each.device, "name": npus.CHIP_NAMES[each.device]}
        for each in cards.chips
    ]
    assert [npus.chip_kind(each, on_bus) for each in found["chips"]] == kinds


def test_the_map_of_chips_has_fixed_columns():
    assert npu_smi_map(CARDS[USUAL].chips).splitlines()[1] == f"{'0':31}{'0':31}{'0':31}Ascend 910A"
    assert npu_smi_map(CARDS["A3"].chips).splitlines()[4] == f"{'1':31}{'1':31}{'3':31}Ascend 910"


def test_a_sick_chip_is_one_of_two():
    text = dressed(npu="sick")[NPU_SMI].text
    assert [line.split()[4] for line in text.splitlines() if "910A  " in line] == ["OK", "Alarm"]
    text = dressed(npu="sick", chip="A3")[NPU_SMI].text
    assert [line.split()[4] for line in text.splitlines() if "Ascend910 " in line] == ["OK"] * 3 + ["Alarm"]


def asked(tmp_path, **options):
    script = tmp_path / "npu-smi"
    script.write_text(dressed(**options)[NPU_SMI].text)
    return subprocess.Popen(["sh", str(script), "info"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.skipif(os.path.exists("/dev/davinci_manager"), reason="a machine with NPUs")
def test_npu_smi_fails_as_the_real_one_where_the_nodes_cannot_be_opened(tmp_path):
    with asked(tmp_path) as process:
        assert process.stdout.read().split()[-1] == b"-8005"
    assert process.returncode == 1


@pytest.mark.parametrize(("npu", "status"), [("busy", 1), ("-8005", 1), ("crash", -signal.SIGSEGV), ("rubbish", 0)])
def test_a_broken_npu_smi_fails_before_it_looks_at_the_nodes(tmp_path, npu, status):
    with asked(tmp_path, npu=npu) as process:
        said = process.stdout.read()
    assert process.returncode == status
    assert npu not in ("busy", "-8005") or said.split()[-1] == {"busy": b"-8020"}.get(npu, npu.encode())
    assert (b"npu-smi" in said, b"\0" in said) == (False, npu == "rubbish")


def test_an_npu_smi_that_hangs_does_not_end_when_told_to(tmp_path):
    script = tmp_path / "npu-smi"
    # It says when it begins to wait.
    script.write_text(dressed(npu="hang")[NPU_SMI].text.replace("do sleep", "do echo waiting; sleep"))
    argv = ["sh", str(script), "info"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == b"waiting\n"
        status = Path(f"/proc/{process.pid}/status").read_text()
        ignored = int(re.search(r"^SigIgn:\t([0-9a-f]+)$", status, re.MULTILINE).group(1), 16)
        os.killpg(process.pid, signal.SIGKILL)
    assert all(ignored >> (number - 1) & 1 for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))


def test_device_nodes_belong_to_the_driver_group():
    for options, owner in (({}, ["0660", "root", "HwHiAiUser"]), ({"nodes": "root"}, ["0600", "root", "root"])):
        nodes = [rule for rule in rules(dressed(**options)) if rule[0] == "z"]
        names = ("davinci0", "davinci1", "davinci_manager", "devmm_svm", "hisi_hdc")
        assert nodes == [["z", f"/dev/{name}", *owner] for name in names]
    # One for each chip.
    assert devices({"chip": "A3"})[:5] == ("davinci0", "davinci1", "davinci2", "davinci3", "davinci_manager")


@pytest.mark.parametrize(
    ("options", "nodes", "cards", "smi"),
    [
        ({}, True, 2, True),
        ({"driver": "none"}, False, 2, False),
        ({"npu": "none"}, False, 0, False),
        ({"cann": "missing"}, True, 2, True),
        ({"npu": "hang"}, True, 2, True),
        ({"npu": "sick", "chip": "910B4"}, True, 2, True),
    ],
)
def test_what_is_seen_of_npus(options, nodes, cards, smi):
    files = dressed(**options)
    assert bool(devices(options)) is nodes
    assert bool([rule for rule in rules(files) if rule[0] == "z"]) is nodes
    assert (NPU_SMI in files) is smi
    told = {rule[1]: rule[-1] for rule in rules(files) if rule[0] == "f"}
    assert sorted(told) == sorted(
        f"{PCI}/{chip.bus.lower()}/{name}"
        for chip in CARDS[options.get("chip", USUAL)].chips[:cards]
        for name in ("vendor", "device", "class")
    )
    assert {value for path, value in told.items() if path.endswith("/vendor")} <= {"0x19e5"}


def source_twice(tmp_path, *options):
    script = tmp_path / "set_env.sh"
    script.write_text(dressed()[f"{ASCEND}/ascend-toolkit/set_env.sh"].text)
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


def test_a_well_hosts_python_has_what_every_cann_asks_for():
    """What the table of the role cann_check names from some release of CANN on is what a host is dressed with."""
    named = {name for row in recipes.CANN_PACKAGES for name in row["packages"]}
    assert named | {name for row in releases.PATCHED.values() for name in row["packages"]} == set(PYTHON_PACKAGES)
    records = [path for path in dressed() if path.endswith("/METADATA")]
    assert "/usr/local/lib/python3.9/dist-packages/absl_py-0.12.0.dist-info/METADATA" in records
