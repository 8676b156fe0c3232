# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up hosts in folders: NPUs that are well, sick, shut away or silent, and records of every kind."""

import collections
import functools
import grp
import json
import os
import pwd
import time
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import ask
from ansible_collections.ascend.pytorch.plugins.module_utils.host import access, npus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain import NAME, as_plain, open_folder

DATA = Path(__file__).resolve().parents[3] / "data"
TABLE = DATA / "npu_smi_two_chips.txt"
KEYS = {
    "smi",
    "problem",
    "code",
    "remedy",
    "tool_version",
    "driver_version",
    "chips",
    "pci",
    "nodes",
    "run_user",
    "group",
    "group_exists",
    "member",
}
ME = pwd.getpwuid(os.geteuid()).pw_name
Account = collections.namedtuple("Account", "pw_name pw_uid pw_gid")


class Host:
    """A host's file system in a folder, without an npu-smi of this machine."""

    def __init__(self, root):
        self.root = root

    def put(self, path, content="", mode=0o644):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return str(file)

    def smi(self, script, path="/usr/local/sbin/npu-smi"):
        return self.put(path, "#!/bin/sh\n" + script + "\n", 0o755)

    def card(self, address, vendor="0x19e5", device="0xd801", kind="0x120000"):
        for name, value in (("vendor", vendor), ("device", device), ("class", kind)):
            self.put("/sys/bus/pci/devices/{0}/{1}".format(address, name), value + "\n")

    def npus(self, run_user=""):
        found = npus.npus(run_user, root=str(self.root))
        assert set(found) == KEYS and json.loads(json.dumps(found)) == found
        return found

    def driver(self, version_info, place="/usr/local/Ascend", part="driver"):
        return self.put("{0}/{1}/version.info".format(place, part), version_info).rpartition("/")[0]

    def versions(self):
        found = npus.driver_and_firmware(root=str(self.root))
        assert set(found) == {"driver", "firmware", "driver_firmware_agree"}
        return found


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return Host(tmp_path)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(npus, "ask", functools.partial(ask.ask, time_limit_s=0.5))


# --- npu-smi ----------------------------------------------------------------------------------------------------------


def test_a_host_without_anything(host):
    assert host.npus() == {
        "smi": None,
        "problem": "",
        "code": None,
        "remedy": "",
        "tool_version": None,
        "driver_version": None,
        "chips": [],
        "pci": [],
        "nodes": [],
        "run_user": ME,
        "group": "HwHiAiUser",
        "group_exists": "HwHiAiUser" in [entry.gr_name for entry in grp.getgrall()],
        "member": "HwHiAiUser" in [grp.getgrgid(gid).gr_name for gid in os.getgrouplist(ME, pwd.getpwnam(ME).pw_gid)],
    }
    assert host.versions() == {"driver": None, "firmware": None, "driver_firmware_agree": None}


def test_npu_smi_tells(host):
    path = host.smi('[ "$*" = info ] && /bin/cat {0}'.format(TABLE))
    found = host.npus()
    assert (found["smi"], found["problem"], found["code"], found["remedy"]) == (path, "", None, "")
    assert (found["tool_version"], found["driver_version"]) == ("24.1.7", "24.1.9")
    assert [chip["health"] for chip in found["chips"]] == ["OK", "Warning", "Alarm", "OK"]


def test_where_npu_smi_is_looked_for(host, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "relative:{0}".format(tmp_path / "opt/bin"))
    host.smi("", "/relative/npu-smi")
    monkeypatch.chdir(tmp_path)
    assert host.npus()["smi"] is None
    for place in ("/opt/bin", "/usr/local/bin", "/usr/local/sbin"):
        path = host.smi("", place + "/npu-smi")
        assert host.npus()["smi"] == path


def test_an_npu_smi_that_may_not_be_run_is_told_of(host):
    path = host.put("/usr/local/bin/npu-smi", "#!/bin/sh\n", 0o600)
    found = host.npus()
    assert (found["smi"], found["problem"]) == (path, "cannot be started: Permission denied")
    # One that may be run comes first.
    assert host.npus()["smi"] != host.smi("", "/usr/local/sbin/npu-smi") == host.npus()["smi"]


@pytest.mark.parametrize("before", [None, "/mine"])
def test_npu_smi_gets_the_drivers_libraries(host, monkeypatch, before):
    host.put("/etc/ascend_install.info", "Driver_Install_Path_Param=/opt/Ascend\n")
    driver = host.driver("Version=21.0.4\n", "/opt/Ascend")
    if before:
        monkeypatch.setenv("LD_LIBRARY_PATH", before)
    host.smi('echo "$LD_LIBRARY_PATH" > {0}/said; /bin/cat {1}'.format(host.root, TABLE))
    assert host.npus()["chips"]
    wanted = [driver + "/lib64", driver + "/lib64/common", driver + "/lib64/driver"]
    assert (host.root / "said").read_text().strip().split(":") == wanted + ([before] if before else [])


@pytest.mark.parametrize(
    "script, problem, code",
    [
        (
            "echo 'DrvMngGetConsoleLogLevel failed. (ret=4)'; echo 'dcmi module initialize failed. ret is -8005'; exit 1",
            "ended with status 1: DrvMngGetConsoleLogLevel failed. (ret=4) dcmi module initialize failed. ret is -8005",
            -8005,
        ),
        (
            "echo 'dcmi model initialized failed, because the device is used. ret is -8020'",
            "shows no table: dcmi model initialized failed, because the device is used. ret is -8020",
            -8020,
        ),
        ("echo 'npu-smi: cannot open libdrvdsmi_host.so' >&2; exit 127",
         "ended with status 127: npu-smi: cannot open libdrvdsmi_host.so", None),
        ("kill -SEGV $$", "was killed by signal 11", None),
        ("", "shows no table", None),
        ("printf 'a\\t\\033[31m\\377b'; exit 2", "ended with status 2: a [31m\ufffdb", None),
        ("printf 'a\\000\\033[31m\\377b'", "shows no table: binary data", None),
    ],
)  # fmt: skip
def test_npu_smi_fails(host, script, problem, code):
    host.smi(script)
    host.card("0000:61:00.0")
    found = host.npus()
    assert (found["problem"], found["code"], found["chips"]) == (problem, code, [])
    assert found["remedy"] and found["driver_version"] is None
    assert [card["address"] for card in found["pci"]] == ["0000:61:00.0"]


@pytest.mark.parametrize(
    "script, problem",
    [
        ("trap '' TERM; while :; do /bin/sleep 300; done", "gave no answer in 0 s"),
        ("while :; do echo rubbish; done", "gave no answer in 0 s|printed more than 4 MiB"),
    ],
)
def test_npu_smi_hangs(host, impatient, script, problem):
    host.smi(script)
    began = time.monotonic()
    found = host.npus()
    assert found["problem"] in problem.split("|") and time.monotonic() - began < 30
    assert (found["chips"], found["code"], found["remedy"]) == ([], None, "")


def test_npu_smi_of_another_machine(host):
    host.put("/usr/local/sbin/npu-smi", b"\x7fELF\x00\x00garbage", 0o755)
    assert host.npus()["problem"].startswith("cannot be started: ")


def test_npu_smi_dies_in_the_middle_of_its_table(host):
    host.smi("/usr/bin/head -n 8 {0}; kill -SEGV $$".format(TABLE))
    found = host.npus()
    assert (found["problem"], found["driver_version"]) == ("was killed by signal 11", "24.1.9")
    assert len(found["chips"]) < 4


def test_a_table_counts_although_npu_smi_fails(host):
    host.smi("/bin/cat {0}; exit 3".format(TABLE))
    assert host.npus()["problem"] == "" and len(host.npus()["chips"]) == 4


def test_an_empty_table_is_a_problem_where_the_bus_has_npus(host):
    host.smi("/usr/bin/head -n 6 {0}".format(TABLE))
    assert (host.npus()["problem"], host.npus()["chips"]) == ("", [])
    host.card("0000:61:00.0")
    assert host.npus()["problem"] == "shows no NPU, but the PCI bus has 1"


@pytest.mark.parametrize("status, ending", [(0, "shows NPUs that could not be read"), (3, "ended with status 3")])
def test_npus_that_could_not_be_read_are_a_problem_and_not_none(host, status, ending):
    host.smi("/usr/bin/head -n 7 {0}; exit {1}".format(TABLE, status))
    found = host.npus()
    assert found["problem"] == ending + ": | 2 Ascend910 | OK | 171.2 41 0 / 0 |"
    assert found["remedy"] and found["chips"] == [] and found["driver_version"] is None


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(status=st.integers(-64, 255), said=st.binary(max_size=2000) | st.text(max_size=200).map(str.encode))
def test_whatever_npu_smi_says(host, monkeypatch, status, said):
    host.smi("")
    monkeypatch.setattr(npus, "ask", lambda argv, env: (status, said, ""))
    found = host.npus()
    assert found["chips"] or found["problem"] or found["driver_version"]
    assert len(found["problem"]) < 300 and found["problem"].isprintable()


# --- the PCI bus ------------------------------------------------------------------------------------------------------


def test_npus_on_the_pci_bus(host):
    host.card("0000:da:00.0", device="0xd801")
    host.card("0000:61:00.0", device="0xD500", kind="0x120001")
    host.card("0000:81:00.0", device="0xdfff")
    # The same vendor's network card, and another's accelerator.
    host.card("0000:01:00.0", device="0x1822", kind="0x020000")
    host.card("0000:02:00.0", vendor="0x10de")
    host.put("/sys/bus/pci/devices/0000:03:00.0/vendor", b"\xff\x00")
    assert host.npus()["pci"] == [
        {"address": "0000:61:00.0", "device": "0xd500", "name": "310P"},
        {"address": "0000:81:00.0", "device": "0xdfff", "name": "unknown"},
        {"address": "0000:da:00.0", "device": "0xd801", "name": "910"},
    ]


@pytest.mark.parametrize(
    "device, name",
    [
        ("0xd100", "310"),
        ("0xd105", "310B"),
        ("0xd107", "310B"),
        ("0xd500", "310P"),
        ("0xd801", "910"),
        ("0xd802", "910B"),
        ("0xd803", "A3"),
    ],
)
def test_the_names_of_chips(host, device, name):
    host.card("0000:61:00.0", device=device)
    assert host.npus()["pci"][0]["name"] == name


@pytest.mark.parametrize(
    ("name", "device", "kind"),
    [
        ("910A", "", "910"),
        ("910ProA", "", "910"),
        ("910B2C", "", "910B"),
        ("910B4-1", "", "910B"),
        ("Ascend 910B3", "", "910B"),
        ("910_9391", "", "A3"),
        ("310P3", "", "310P"),
        ("310B4", "", "310B"),
        ("310", "", "310"),
        ("950PR", "", "950"),
        ("Ascend950DT", "", "950"),
        # An older 910, or a chip of an A3: only the bus says which.
        ("910", "", ""),
        ("Ascend910", "0xd803", "A3"),
        ("Ascend910", "0xd801", "910"),
        ("910B", "", ""),
        ("910B", "0xd801", "910"),
        ("910B", "0xd802", "910B"),
        # An id of a chip to come.
        ("950PR", "0xdfff", "950"),
        ("1010X", "0xdfff", ""),
        ("", "", ""),
    ],
)
def test_the_kind_of_a_chip(name, device, kind):
    on_bus = [{"address": "0000:c1:00.0", "device": device, "name": npus.CHIP_NAMES.get(device, "unknown")}]
    assert npus.chip_kind({"name": name, "bus_id": "0000:C1:00.0"}, on_bus if device else []) == kind
    # Another card tells nothing about it.
    other = {"address": "0000:da:00.0", "device": "0xd100", "name": "310"}
    assert npus.chip_kind({"name": "910A", "bus_id": None}, [other]) == "910"


def test_the_chips_of_a_host_have_kinds(host):
    host.smi('[ "$*" = info ] && /bin/cat {0}'.format(TABLE))
    found = host.npus()["chips"]
    # npu-smi calls all of them Ascend910.
    assert [chip["kind"] for chip in found] == [""] * 4
    host.card(found[0]["bus_id"].lower(), device="0xd803")
    assert [chip["kind"] for chip in host.npus()["chips"]] == ["A3", "", "", ""]


# --- the device nodes -------------------------------------------------------------------------------------------------


@pytest.fixture
def accounts(monkeypatch):
    """Make a host know exactly these accounts: name -> (uid, its groups)."""

    def know(**known):
        def by_name(name):
            return Account(name, known[name][0], known[name][1][0])

        monkeypatch.setattr(npus.access.pwd, "getpwnam", by_name)
        monkeypatch.setattr(npus.os, "getgrouplist", lambda name, gid: known[name][1])

    return know


def owner_of(path):
    state = os.stat(path)
    return state.st_uid, state.st_gid


def test_the_nodes_in_their_order(host):
    names = ["davinci10", "davinci2", "davinci_manager", "devmm_svm", "hisi_hdc"]
    for name in ["davinci", "davinci_manager2", "davinci2x", "null"] + names:
        path = host.put("/dev/" + name, mode=0o660)
    found = host.npus()["nodes"]
    assert [node["path"] for node in found] == [
        str(host.root / "dev" / name) for name in ("davinci2", "davinci10", "davinci_manager", "devmm_svm", "hisi_hdc")
    ]
    uid, gid = owner_of(path)
    assert {(node["owner"], node["group"], node["mode"], node["accessible"]) for node in found} == {
        (pwd.getpwuid(uid).pw_name, grp.getgrgid(gid).gr_name, "0660", True)
    }


def test_owners_without_a_name(host, monkeypatch):
    path = host.put("/dev/davinci0")

    def nobody(number):
        raise KeyError(number)

    monkeypatch.setattr(npus.access.pwd, "getpwuid", nobody)
    monkeypatch.setattr(npus.grp, "getgrgid", nobody)
    node = host.npus()["nodes"][0]
    assert (node["owner"], node["group"]) == tuple(str(number) for number in owner_of(path))


def test_the_access_of_this_account_is_what_the_kernel_says(host, monkeypatch):
    host.put("/dev/davinci0", mode=0o660)
    asked = []
    monkeypatch.setattr(npus.os, "access", lambda path, how: asked.append((path, how)))
    assert not host.npus(ME)["nodes"][0]["accessible"]
    assert (str(host.root / "dev/davinci0"), os.R_OK | os.W_OK) in asked


def as_of(owner, stat, path, **how):
    """Return a file's state as if it belonged to another."""
    state = list(stat(path, **how)[:10])
    state[4] = owner
    return os.stat_result(state)


@pytest.mark.parametrize(
    "mode, owner, member, other",
    [
        (0o660, True, True, False),
        (0o600, True, False, False),
        (0o666, True, True, True),
        (0o640, True, False, False),
        (0o620, True, False, False),
        # The first class that fits decides.
        (0o066, False, True, True),
        (0o606, True, False, True),
        (0o000, False, False, False),
    ],
)
def test_the_access_of_others(host, accounts, monkeypatch, mode, owner, member, other):
    uid, gid = owner_of(host.put("/dev/davinci0", mode=mode))
    monkeypatch.setattr(npus, "_own_name", lambda: "somebody")
    # This account may be root, who needs no bits: the node's owner stands for one that is not.
    monkeypatch.setattr(npus.os, "stat", functools.partial(as_of, 4001, os.stat))
    accounts(owner=(4001, [4001, gid]), member=(4002, [4002, gid]), other=(4003, [4003]), toor=(0, [0]))
    answers = [
        host.npus(user)["nodes"][0]["accessible"] for user in ("owner", "member", "other", "toor", "nobody-knows")
    ]
    assert answers == [owner, member, other, True, False]


def test_the_group_of_the_drivers_record(host, accounts):
    group = grp.getgrgid(os.getegid())
    host.put("/etc/ascend_install.info", 'UserName=x\nUserGroup="{0}"\n'.format(group.gr_name))
    accounts(member=(4002, [4002, group.gr_gid]), other=(4003, [4003]))
    for user, member in (("member", True), ("other", False), ("nobody-knows", False)):
        found = host.npus(user)
        assert (found["run_user"], found["group"], found["group_exists"], found["member"]) == (
            user, group.gr_name, True, member,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["no-such-group", "a\0b", "\ufffd"])
def test_a_group_that_is_not_there(host, accounts, name):
    accounts(other=(4003, [4003]))
    host.put("/etc/ascend_install.info", "UserGroup=" + name + "\n")
    found = host.npus("other")
    assert (found["group"], found["group_exists"], found["member"]) == (name, False, False)


@pytest.mark.parametrize("user", ["no-such-user", "a\0b", "-", "*"])
def test_a_user_that_is_not_there(host, user):
    host.put("/dev/davinci0", mode=0o666)
    found = host.npus(user)
    assert (found["run_user"], found["member"], found["nodes"][0]["accessible"]) == (user, False, False)


# --- driver and firmware ----------------------------------------------------------------------------------------------

DRIVER = "Version=24.1.rc1\ncompatible_version_fw=[7.0.0,7.2.99]\n"
FIRMWARE = "Version=7.1.0.11.220\npackage_version=23.0.7\ncompatible_version_drv=[23.0.rc3,23.0.rc3.]\n"


def test_driver_and_firmware_in_the_usual_place(host):
    driver, firmware = host.driver(DRIVER), host.driver(FIRMWARE, part="firmware")
    assert host.versions() == {
        "driver": {"path": driver, "version": "24.1.rc1"},
        "firmware": {"path": firmware, "version": "7.1.0.11.220"},
        "driver_firmware_agree": True,
    }
    host.driver("Version=6.4.0\ncompatible_version_drv=[23.0.rc3,23.0.rc3.]\n", part="firmware")
    assert host.versions()["driver_firmware_agree"] is False


def test_driver_and_firmware_where_their_record_says(host):
    host.driver("Version=1\n")
    host.driver("Version=2\n", part="firmware")
    driver = host.driver(DRIVER, "/data/one")
    host.put("/etc/ascend_install.info", "Driver_Install_Path_Param=/data/one/\nFirmware_Install_Path_Param=/gone\n")
    found = host.versions()
    assert found["driver"] == {"path": driver, "version": "24.1.rc1"}
    # A record that outlived what it tells of.
    assert found["firmware"] == {"path": str(host.root / "usr/local/Ascend/firmware"), "version": "2"}


@pytest.mark.parametrize("record", ["", "Version=\n", "version 1", b"\xff\x00"])
def test_a_driver_that_does_not_tell_its_version(host, record):
    path = host.driver(record)
    assert host.versions() == {
        "driver": {"path": path, "version": None},
        "firmware": None,
        "driver_firmware_agree": None,
    }


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    place=st.binary(max_size=30).filter(lambda word: b"\n" not in word) | st.just(b"/usr/local/Ascend"),
    record=st.binary(max_size=300) | st.text(max_size=300).map(str.encode),
    version_info=st.binary(max_size=300) | st.sampled_from([DRIVER.encode(), FIRMWARE.encode()]),
)
def test_whatever_the_records_say(host, place, record, version_info):
    host.put(
        "/etc/ascend_install.info",
        b"Driver_Install_Path_Param=" + place + b"\nFirmware_Install_Path_Param=" + place + b"\n" + record,
    )
    host.driver(version_info)
    host.driver(version_info[::-1], part="firmware")
    found = host.versions()
    assert found["driver_firmware_agree"] in (True, False, None)
    assert all(found[part]["path"].startswith(str(host.root)) for part in ("driver", "firmware"))
    assert host.npus()["problem"] == ""


# --- what this account may not read -----------------------------------------------------------------------------------


@pytest.fixture
def entered():
    """A host in a folder that every account may enter."""
    with open_folder() as root:
        yield Host(root)


def test_a_version_record_that_may_not_be_read_is_no_missing_driver(entered):
    driver, firmware = entered.driver(DRIVER), entered.driver(FIRMWARE, part="firmware")
    os.chmod(driver + "/version.info", 0)
    versions, shut = as_plain(
        lambda: [
            npus.driver_and_firmware(root=str(entered.root)),
            access.find_all_closed(npus.record_files(str(entered.root))),
        ]
    )
    assert versions == {
        "driver": {"path": driver, "version": None},
        "firmware": {"path": firmware, "version": "7.1.0.11.220"},
        "driver_firmware_agree": None,
    }
    assert [each["path"] for each in shut] == [driver + "/version.info"]


@pytest.mark.parametrize("place", ["usr/local/Ascend", "usr/local/Ascend/driver"])
def test_a_driver_in_a_folder_that_may_not_be_entered_is_no_missing_driver(entered, place):
    driver = entered.driver(DRIVER)
    (entered.root / place).chmod(0)
    found = as_plain(lambda: npus.driver_and_firmware(root=str(entered.root)))
    assert found["driver"] == {"path": driver, "version": None}
    shut = as_plain(lambda: access.find_all_closed(npus.record_files(str(entered.root))))
    assert [each["path"] for each in shut] == [str(entered.root / place)]


def test_an_npu_smi_in_a_driver_that_may_not_be_entered_is_no_missing_one(entered, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    tool = entered.smi("exit 0", "/usr/local/Ascend/driver/tools/npu-smi")
    link = entered.root / "usr/local/sbin/npu-smi"
    link.parent.mkdir(parents=True)
    link.symlink_to(tool)
    (entered.root / "usr/local/Ascend/driver").chmod(0)
    told = as_plain(lambda: npus.ask_npu_smi(str(entered.root)))
    assert (told["smi"], told["problem"]) == (str(link), "cannot be started: Permission denied")
    assert told["remedy"] == "have an administrator let {0} enter {1}/usr/local/Ascend/driver".format(
        NAME, entered.root
    )
