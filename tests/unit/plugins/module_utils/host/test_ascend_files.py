# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version records of CANN, driver and firmware: the field's samples, our own texts, foreign text."""

import os
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import ascend_files
from hypothesis import given
from hypothesis import strategies as st

CHECKOUT = Path(__file__).resolve().parents[5]
DATA = CHECKOUT / "tests" / "unit" / "data"
SAMPLES = Path(os.path.normpath(CHECKOUT / ".." / "shared" / "samples"))


def sample(name):
    if not (SAMPLES / name).is_file():
        pytest.skip("the field's samples are not beside this checkout")
    return (SAMPLES / name).read_text()


def test_info_file():
    info = ascend_files.parse_info_file((DATA / "install.info").read_text())
    assert info == {
        "package_name": "Ascend-cann-nnae",
        "Version": "8.1.RC1.1.220",
        "package_version": "8.1.RC1",
        "arch": "x86_64",
        "path": "/opt/Ascend/nnae/8.1.RC1",
    }
    assert ascend_files.toolkit_release(info, {}) == "8.1.RC1"


def test_info_file_of_oddities():
    assert ascend_files.parse_info_file('\ufeffa=1\r\n b = "x=y" \n#c=1\n;d=1\n=e\nf=\na=2\ng=\'half\n') == {
        "a": "2",
        "b": "x=y",
        "f": "",
        "g": "'half",
    }


def test_version_cfg():
    text = (DATA / "version.cfg").read_text()
    assert ascend_files.parse_version_cfg(text) == {"toolkit": "8.1.RC1", "runtime": "8.1.RC1"}


@pytest.mark.parametrize(
    "name, release",
    [
        ("ascend_toolkit_install.info_7.0.RC1", "7.0.RC1"),
        ("ascend_toolkit_install.info_8.0.0", "8.0.0"),
        ("ascend_toolkit_install.info_9.0.0-beta.1", "9.0.0-beta.1"),
        ("opp_version.info_8.5.0", "8.5.0"),
    ],
)
def test_samples_of_releases(name, release):
    assert ascend_files.toolkit_release(ascend_files.parse_info_file(sample(name)), {}) == release


def test_samples_of_records():
    info = ascend_files.parse_info_file(sample("ascend_toolkit_install.info_8.0.0"))
    assert info["path"] == "/usr/local/Ascend/ascend-toolkit/8.0.0/aarch64-linux"
    assert info["innerversion"] == "V100R001C20SPC001B251"
    installed = ascend_files.parse_info_file(sample("etc_ascend_install.info"))
    assert (installed["UserGroup"], installed["Driver_Install_Path_Param"]) == ("HwHiAiUser", "/usr/local/Ascend")
    opp = ascend_files.parse_info_file(sample("opp_version.info_8.5.0"))
    assert opp["required_package_amct_acl_version"] == "8.5"
    cfg = ascend_files.parse_version_cfg(sample("version.cfg_8.0.0"))
    assert cfg == dict.fromkeys(["runtime", "compiler", "hccl", "opp", "toolkit", "aoe", "ncs"], "8.0.0")
    assert ascend_files.toolkit_release({}, cfg) == "8.0.0"


def test_samples_of_driver_and_firmware_agree():
    driver = ascend_files.parse_info_file(sample("driver_version.info_24.1.rc1"))
    firmware = ascend_files.parse_info_file(sample("firmware_version.info_23.0.7"))
    assert driver["Version"] == "24.1.rc1" and firmware["package_version"] == "23.0.7"
    assert ascend_files.is_driver_firmware_pair(driver, firmware) is True
    assert ascend_files.is_driver_firmware_pair({"Version": "24.1.rc1"}, firmware) is False


@pytest.mark.parametrize(
    "driver, firmware, answer",
    [
        ({"compatible_version_fw": "[7.0.0,7.2.99]"}, {"Version": "7.1.0.11.220"}, True),
        ({"compatible_version_fw": "[7.0.0,7.2.99]"}, {"Version": "7.2.99.3.1"}, True),
        ({"compatible_version_fw": "[7.0.0,7.2.99]"}, {"Version": "7.3.0.1.231"}, False),
        ({"compatible_version_fw": "[6.0.0,6.9.9],[7.0.0, 7.2.99]"}, {"Version": "7.1.0"}, True),
        ({"compatible_version_fw": "[7.0.0,7.2.99]"}, {"Version": "23.0.7", "package_version": "7.1.0"}, True),
        ({"compatible_version_fw": "[7.0.0]"}, {"Version": "7.0.0"}, None),
        ({"compatible_version_fw": "[a,b]"}, {"Version": "7.0.0"}, None),
        ({"Version": "23.0.RC3"}, {"compatible_version_drv": "[23.0.rc3,23.0.rc3.],[23.0.0,23.0.0.]"}, True),
        ({"version": "23.0.rc3.2"}, {"compatible_version_drv": "[23.0.rc3,23.0.rc3.]"}, True),
        ({"Version": "23.0.1"}, {"compatible_version_drv": "[23.0.0,23.0.0.]"}, False),
        (
            {"Version": "23.0.0", "compatible_version_fw": "[7.0.0,7.2.99]"},
            {"Version": "9.0.0", "compatible_version_drv": "[23.0.0]"},
            True,
        ),
        ({"Version": "23.0.0"}, {"Version": "7.1.0"}, None),
        ({}, {}, None),
    ],
)
def test_driver_firmware_agree(driver, firmware, answer):
    assert ascend_files.is_driver_firmware_pair(driver, firmware) is answer


@pytest.mark.parametrize(
    "info, cfg, release",
    [
        ({"version": "5.0.4"}, {}, "5.0.4"),
        ({"VERSION": '"5.1.RC2"'}, {}, "5.1.RC2"),
        ({"Version": "7.6.0.1.220", "version_dir": "8.0.0"}, {}, "8.0.0"),
        ({"Version": "7.6.0.1.220"}, {"runtime": "8.0.0"}, "8.0.0"),
        ({"Version": "V100R001C13"}, {"opp": "x", "aoe": "6.3.RC1"}, "6.3.RC1"),
        ({}, {"aoe": "6.0.0", "nnae": "6.0.1"}, "6.0.1"),
        ({"version": "8.0.RC1.T5.0.B010"}, {}, "8.0.RC1.T5.0.B010"),
        ({"version": "5.1.RC1.alpha005"}, {}, "5.1.RC1.alpha005"),
        ({"version": "1.72.T1"}, {}, "1.72.T1"),
        ({"Version": "V100R001C13"}, {"runtime": "8.0.T12"}, "8.0.T12"),
        ({}, {}, None),
    ],
)
def test_toolkit_release(info, cfg, release):
    assert ascend_files.toolkit_release(info, cfg) == release


@pytest.mark.parametrize(
    ("release", "number"),
    [
        ("8.0.RC1.T5.0.B010", "8.0.RC1"),
        ("8.0.RC1.T5", "8.0.RC1"),
        ("8.0.T12", "8.0"),
        ("1.72.T1", "1.72"),
        ("5.1.RC1.alpha005", "5.1.RC1"),
        ("5.0.4.alpha003", "5.0.4"),
        ("9.0.0-beta.1", "9.0.0"),
        ("24.1.rc1.b080", "24.1.rc1"),
        ("7.1.0.11.220", "7.1.0.11.220"),
        ("8.5.0", "8.5.0"),
    ],
)
def test_what_a_release_is_compared_by(release, number):
    assert ascend_files.release_number(release) == number


@pytest.mark.parametrize("text", ["", "V100R001C13SPC005B246", "RC1", "8.0 RC1", "8..0", "8.0/x", "8.0." + "T" * 300])
def test_what_is_no_release(text):
    with pytest.raises(ValueError, match="not a release"):
        ascend_files.release_number(text)


def test_releases_with_letters_lie_where_their_numbers_do():
    assert ascend_files.is_release_within("5.0.4.T3", "5.0.3", "5.0.4")
    assert ascend_files.is_release_within("5.1.RC1.alpha005", "5.1.RC1", "5.1.RC1")
    assert not ascend_files.is_release_within("8.0.RC1.T5", "5.0.3", "5.0.4")
    ordered = [None, "x", "5.0.4.alpha003", "5.1.RC1.T1", "5.1.RC2", "5.1.0", "8.0.RC3", "8.0.0", "8.5.0"]
    assert sorted(reversed(ordered), key=ascend_files.release_key)[2:] == ordered[2:]


def test_a_driver_with_letters_goes_with_its_firmware():
    driver = {"Version": "24.1.rc1.T5", "compatible_version_fw": "[7.0.0,7.2.99.T1]"}
    assert ascend_files.is_driver_firmware_pair(driver, {"Version": "7.1.0.T2.B010"})
    assert ascend_files.is_driver_firmware_pair(
        {"Version": "23.0.rc3.T5"}, {"Version": "7.1.0", "compatible_version_drv": "[23.0.rc3,23.0.rc3.]"}
    )


FOREIGN = st.one_of(
    st.text(),
    st.binary(),
    st.lists(
        st.sampled_from(
            [
                "Version=",
                "version=1.2",
                "compatible_version_fw=[",
                "1.0,",
                "]",
                "[",
                ":",
                "compatible_version_drv=[1.0,1.0.]",
                "\n",
                "opp_running_version=",
                "[7.6:8.0]",
                "'",
                '"',
                "#",
                " ",
                "\0",
                "\r",
            ]
        )
    ).map("".join),
)


@given(FOREIGN, FOREIGN)
def test_foreign_text_is_read_without_an_error(one, other):
    info, more = ascend_files.parse_info_file(one), ascend_files.parse_info_file(other)
    cfg = ascend_files.parse_version_cfg(one)
    assert ascend_files.is_driver_firmware_pair(info, more) in (True, False, None)
    release = ascend_files.toolkit_release(info, cfg)
    assert release is None or release
