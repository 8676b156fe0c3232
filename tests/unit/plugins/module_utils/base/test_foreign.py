# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another machine says is admitted, or refused with words that show it and fill no screen."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import foreign
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "admit, value",
    [
        (foreign.file_name, "torch-1.8.1-cp39-cp39-linux_x86_64.whl"),
        (foreign.file_name, "..."),
        (foreign.relative_path, "share/doc: é\n/x"),
        # A name that is no text, as Python has it.
        (foreign.relative_path, "lib/\udcff"),
        (foreign.repository, "Ascend/pytorch"),
        (foreign.sha256, "0f" * 32),
        (foreign.commit, "0f" * 20),
        (foreign.size, 0),
        (foreign.size, foreign.SIZE_LIMIT_BYTES),
        (foreign.nonempty_text, "x"),
        (foreign.table, {}),
        (foreign.sequence, []),
    ],
)
def test_what_is_admitted(admit, value):
    assert admit(value) == value


@pytest.mark.parametrize(
    "admit, values",
    [
        (foreign.file_name, ["", ".", "..", "a/b", "/", "a\0", "a\x1b[2J", "a\nb", 3, None, "x" * 5000]),
        (
            foreign.relative_path,
            ["", "/a", "a/", "../a", "a/../b", "a/./b", "a//b", "a\0b", "\ud800", [], "x/" * 3000 + "y"],
        ),
        (foreign.repository, ["../secret", "/a", "a/..", "a//b", "-o/x", "a b", "a\n", ""]),
        (foreign.sha256, ["0f" * 20, "0F" * 32, "0f" * 32 + "\n", "", None]),
        (foreign.commit, ["0f" * 32, "HEAD", "--upload-pack=x", None]),
        (foreign.size, [-1, 1 << 62, 1.5, True, "3", None]),
        (foreign.nonempty_text, ["", 3, None]),
        (foreign.table, [[], "", None]),
        (foreign.sequence, [{}, "", None]),
    ],
)
def test_what_is_refused(admit, values):
    for value in values:
        with pytest.raises(foreign.ForeignValueError) as refused:
            admit(value)
        assert len(str(refused.value)) < 200


def test_a_size_has_its_own_limit():
    assert foreign.size(5, 5) == 5
    with pytest.raises(foreign.ForeignValueError, match="from 0 to 5"):
        foreign.size(6, 5)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100000, b"\xff\xfe\xfa", '{"a": NaN}', None, 3])
def test_what_is_no_mapping(text):
    with pytest.raises(foreign.ForeignValueError):
        foreign.mapping(text)


def test_a_text_without_end_is_not_read(monkeypatch):
    monkeypatch.setattr(foreign, "TEXT_LIMIT_BYTES", 10)
    with pytest.raises(foreign.ForeignValueError, match="at most"):
        foreign.mapping('{"a":' + " " * 10 + "1}")


@given(st.text() | st.binary())
def test_any_text_is_a_mapping_or_refused(text):
    try:
        assert isinstance(foreign.mapping(text), dict)
    except foreign.ForeignValueError:
        pass
