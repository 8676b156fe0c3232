# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""npu-smi's tables: the field's samples, our own texts, and the same damaged in every way."""

import os
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import npu_smi
from hypothesis import given
from hypothesis import strategies as st

CHECKOUT = Path(__file__).resolve().parents[5]
DATA = CHECKOUT / "tests" / "unit" / "data"
SAMPLES = Path(os.path.normpath(CHECKOUT / ".." / "shared" / "samples"))
TABLES = sorted(path.name for path in DATA.glob("npu_smi_*.txt"))
KEYS = (
    "npu_id",
    "chip_id",
    "phy_id",
    "name",
    "health",
    "bus_id",
    "power_w",
    "temp_c",
    "aicore_percent",
    "memory_used_mb",
    "memory_total_mb",
    "hbm_used_mb",
    "hbm_total_mb",
)


def sample(name):
    if not (SAMPLES / name).is_file():
        pytest.skip("the field's samples are not beside this checkout")
    return (SAMPLES / name).read_text()


def rows(said):
    assert all(tuple(chip) == KEYS for chip in said["chips"])
    return [tuple(chip.values()) for chip in said["chips"]]


def test_two_chips_to_an_npu_with_a_process_table():
    said = npu_smi.parse_info((DATA / "npu_smi_two_chips.txt").read_text())
    assert (said["tool_version"], said["driver_version"]) == ("24.1.7", "24.1.9")
    assert rows(said) == [
        (2, 0, 4, "Ascend910", "OK", "0000:0A:00.0", 171.2, 41, 12, 0, 0, 61111, 65536),
        (2, 1, 5, "Ascend910", "Warning", "0000:0C:00.0", None, 43, 0, 0, 0, 2048, 65536),
        (6, 0, 12, "Ascend910", "Alarm", "0000:1E:00.0", 169.8, 77, 0, 0, 0, 2050, 65536),
        (6, 1, 13, "Ascend910", "OK", "0000:21:00.0", None, 44, 99, 0, 0, 2049, 65536),
    ]


def test_device_column_gaps_and_values_that_are_not_there():
    said = npu_smi.parse_info((DATA / "npu_smi_card_of_chips.txt").read_text())
    assert rows(said) == [
        (3, 0, 0, "310P3", "OK", "0000:04:00.0", None, 51, 7, 1403, 44280, None, None),
        (3, 1, 1, "310P3", "OK", "0000:04:00.0", None, 52, 0, 1519, 43693, None, None),
        (8, 0, None, "310P1", "NA", None, 9.9, None, None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    "name, tool, driver, chips",
    [
        (
            "npu-smi_1.8.21_910A.txt",
            "1.8.21",
            "20.2.2.spc001",
            [
                (0, 0, None, "910A", "OK", "0000:C1:00.0", 68.6, 36, 0, 591, 14795, 0, 32768),
                (1, 0, None, "910A", "OK", "0000:81:00.0", 63.7, 31, 0, 303, 15177, 0, 32768),
            ],
        ),
        (
            "npu-smi_21.0.3.1_310.txt",
            "21.0.3.1",
            "21.0.3.1",
            [(0, 0, 0, "310", "OK", None, 12.8, 58, 0, 5324, 8192, None, None)],
        ),
        (
            "npu-smi_21.0.4_910A.txt",
            "21.0.4",
            "21.0.4",
            [(0, 0, None, "910A", "OK", "0000:C1:00.0", 70.9, 42, 0, 839, 15170, 1, 32768)],
        ),
        (
            "npu-smi_23.0.3_910B2C.txt",
            "23.0.3",
            "23.0.3",
            [
                (12, 0, None, "910B2C", "OK", "0000:D9:00.0", 91.3, 53, 0, 0, 0, 52675, 65536),
                (13, 0, None, "910B2C", "OK", "0000:98:00.0", 100.7, 55, 0, 0, 0, 52665, 65536),
            ],
        ),
        (
            "npu-smi_25.5.2_910B4.txt",
            "25.5.2",
            "25.5.2",
            [(5, 0, None, "910B4", "OK", "0000:41:00.0", 89.9, 39, 0, 0, 0, 2922, 32768)],
        ),
    ],
)
def test_samples(name, tool, driver, chips):
    said = npu_smi.parse_info(sample(name))
    assert (said["tool_version"], said["driver_version"]) == (tool, driver)
    assert rows(said) == chips


def test_sample_of_a_failure():
    with pytest.raises(npu_smi.NpuSmiError, match="dcmi module initialize failed") as caught:
        npu_smi.parse_info(sample("npu-smi_fail_8005.txt"))
    assert caught.value.code == -8005
    assert "HwHiAiUser" in caught.value.remedy


def test_the_mapping_is_no_table_of_npus():
    with pytest.raises(npu_smi.NpuSmiError):
        npu_smi.parse_info(sample("npu-smi_info_m.txt"))


def test_id_and_name_in_cells_of_their_own_and_no_column_for_the_chip():
    said = npu_smi.parse_info((DATA / "npu_smi_id_alone.txt").read_text())
    assert (said["tool_version"], said["driver_version"]) == ("26.1.3", "26.1.2")
    assert rows(said) == [
        (1, 0, None, "950DT", "OK", "0000:3B:00.0", 88.0, 35, 17, 10, 20, 512, 98304),
        # A second line of the same NPU is its second chip.
        (1, 1, None, "950DT", "OK", "0000:3C:00.0", 88.0, 35, 0, 11, 20, 513, 98304),
        (7, 0, None, "950DT", "Warning", None, None, None, 99, 0, 0, 90001, 98304),
    ]


def test_the_chip_is_told_in_either_line():
    said = npu_smi.parse_info(
        "| npu-smi 26.0.1  Version: 26.0.2 |\n+===+\n"
        "| NPU ID | Chip ID | Phy-ID | Name        | Health       | Power(W)  Temp(C) |\n"
        "|        |         |        |             | Bus-Id       | HBM-Usage(MB)     |\n+===+\n"
        "| 3      | 0       | 6      | Ascend950DT | OK           | 88.0      35      |\n"
        "|        |         |        |             | 0000:3B:00.0 | 512   / 98304     |\n+---+\n"
        "| 3      | 2       | 8      | Ascend950DT | Alarm        | NA        36      |\n"
        "|        |         |        |             | 0000:3C:00.0 | 513   / 98304     |\n+===+\n"
    )
    assert rows(said) == [
        (3, 0, 6, "950DT", "OK", "0000:3B:00.0", 88.0, 35, None, None, None, 512, 98304),
        (3, 2, 8, "950DT", "Alarm", "0000:3C:00.0", None, 36, None, None, None, 513, 98304),
    ]


@pytest.mark.parametrize(
    "text",
    [
        # Headings that are not known, a line of them alone, and chips that were not printed.
        "| Card | Kind  | State |\n|      |       | Address |\n+===+\n| 3 | 950DT | OK |\n|   |       | 0000:3B:00.0 |\n",
        "| NPU ID | Name  | Health |\n+===+\n| 3      | 950DT | OK     |\n",
        "| NPU  Name  | Health |\n| Chip       | Bus-Id |\n+===+\n| 3    950DT | OK     |\n",
    ],
)
def test_rows_without_a_chip_are_an_error_that_shows_them(text):
    with pytest.raises(npu_smi.NpuSmiError, match="could not be read") as caught:
        npu_smi.parse_info("| npu-smi 30.1 Version: 30.2 |\n" + text)
    assert "3" in caught.value.unread and "950DT" in caught.value.unread and caught.value.unread in str(caught.value)
    assert caught.value.code is None and "by hand" in caught.value.remedy


def test_headings_without_rows_are_no_npus():
    text = "| npu-smi 30.1 Version: 30.2 |\n| NPU ID | Name | Health |\n|   |   | Bus-Id |\n+===+\n"
    assert npu_smi.parse_info(text)["chips"] == []
    assert npu_smi.parse_info(text + "| No running processes found in NPU 6 |\n")["chips"] == []


@pytest.mark.parametrize(
    "text, code, word",
    [
        ("dcmi model initialized failed, because the device is used. ret is -8020\n", -8020, "Another container"),
        ("dcmi module initialize failed. ret is -8005", -8005, "reboot"),
        ("dcmi module initialize failed. ret is -8255", -8255, "/var/log/npu"),
        ("npu-smi: error while loading shared libraries: libdrvdsmi_host.so: cannot open", None, "by hand"),
        ("", None, "by hand"),
    ],
)
def test_failures(text, code, word):
    with pytest.raises(npu_smi.NpuSmiError) as caught:
        npu_smi.parse_info(text)
    assert caught.value.code == code
    assert word in caught.value.remedy


def test_a_table_without_npus_is_an_answer_but_not_beside_a_failure():
    banner = "| npu-smi 23.0.3                   Version: 23.0.3       |\n"
    assert npu_smi.parse_info(banner)["chips"] == []
    with pytest.raises(npu_smi.NpuSmiError):
        npu_smi.parse_info(banner + "dcmi get card list failed. ret is -8008\n")


def test_a_warning_before_the_table_does_not_matter():
    text = "DrvMngGetConsoleLogLevel failed. (ret=4)\n" + (DATA / "npu_smi_two_chips.txt").read_text()
    assert len(npu_smi.parse_info(text)["chips"]) == 4


def test_other_orders_of_columns_and_names_with_spaces():
    said = npu_smi.parse_info(
        "| npu-smi 30.1 Version: 30.2 |\n"
        "| NPU  Name          | Health | Temp(C)  Power(W) |\n"
        "| Chip Phy-ID        | Bus-Id | HBM-Usage(MB)  AICore(%)  Memory-Usage(MB) |\n"
        "+====+\n"
        "| 1    Ascend 910 C  | OK     | 40       99.5     |\n"
        "| 0    7             | 0000:AA:00.0 | 5/ 10    3    1/ 2 |\n"
        "| 1    8             | 0000:AB:00.0 | 6/ 10    4    2/ 2 |\n"
    )
    assert rows(said) == [
        (1, 0, 7, "Ascend 910 C", "OK", "0000:AA:00.0", 99.5, 40, 3, 1, 2, 5, 10),
        (1, 1, 8, "Ascend 910 C", "OK", "0000:AB:00.0", 99.5, 40, 4, 2, 2, 6, 10),
    ]


@pytest.mark.parametrize("name", TABLES)
def test_colours_do_not_matter(name):
    text = (DATA / name).read_text()
    coloured = (
        text.replace("OK", "\x1b[32mOK\x1b[0m").replace("Alarm", "\x1b[1;31mAlarm\x1b[m").replace("| ", "|\x1b[K ")
    )
    assert npu_smi.parse_info(coloured) == npu_smi.parse_info(text)


def parses_or_is_refused(text):
    try:
        said = npu_smi.parse_info(text)
    except npu_smi.NpuSmiError as error:
        assert error.remedy and (error.code is None or error.code < 0) and error.unread in str(error)
        return []
    assert set(said) == {"tool_version", "driver_version", "chips"}
    for chip in said["chips"]:
        assert tuple(chip) == KEYS
        assert isinstance(chip["npu_id"], int) and isinstance(chip["chip_id"], int)
    return said["chips"]


@given(st.sampled_from(TABLES), st.integers(0, 4000), st.integers(0, 4000))
def test_truncated(name, start, end):
    text = (DATA / name).read_text()
    whole = npu_smi.parse_info(text)["chips"]
    # What the beginning of a table shows whole is what it shows in all.
    for chip in parses_or_is_refused(text[: text.rfind("\n", 0, end) + 1]):
        assert chip in whole
    parses_or_is_refused(text[start:end])


@given(st.sampled_from(TABLES), st.randoms(use_true_random=False))
def test_reordered(name, random):
    lines = (DATA / name).read_text().splitlines()
    random.shuffle(lines)
    parses_or_is_refused("\n".join(lines))
    words = " ".join(lines).split(" ")
    random.shuffle(words)
    parses_or_is_refused(" ".join(words))


@given(st.sampled_from(TABLES), st.lists(st.tuples(st.integers(0, 3000), st.text(max_size=6)), max_size=20))
def test_with_foreign_text_in_it(name, places):
    text = (DATA / name).read_text()
    for at, foreign in places:
        text = text[:at] + foreign + text[at:]
    parses_or_is_refused(text)


@given(
    st.one_of(
        st.text(),
        st.binary(),
        st.lists(
            st.sampled_from(
                [
                    "| npu-smi 1 Version: 2 |\n",
                    "|",
                    "| NPU Name | Health | Power(W) |\n",
                    "| Chip | Bus-Id | AICore(%) |\n",
                    "||\n",
                    "+",
                    "| 0 910 | OK | 1 |\n",
                    "| 0 | NA | - |\n",
                    "|||||",
                    "/",
                    " ",
                    "\n",
                    "-8005",
                    "9" * 400,
                ]
            )
        ).map("".join),
    )
)
def test_foreign(text):
    parses_or_is_refused(text)
