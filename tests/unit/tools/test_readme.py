# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools/readme.py writes into the READMEs and docs/."""

import pytest
import readme


def test_pages_are_as_written():
    stale = [str(path) for path, text in readme.pages().items() if path.read_text() != text]
    assert not stale, "run tools/readme.py"


@pytest.mark.parametrize(
    ("raw", "default", "follows"),
    [
        ("3.12.1", "`3.12.1`", ""),
        ("", '`""`', ""),
        (False, "`false`", ""),
        ([], "`[]`", ""),
        (["a", "b"], "`[a, b]`", ""),
        ("{{ ascend_jobs | default('auto') }}", "`auto`", "ascend_jobs"),
        ("{{ ascend_keep_builds | default(false) }}", "`false`", "ascend_keep_builds"),
        (["https://host/{{ cmake_version }}"], readme.IN_DEFAULTS, ""),
    ],
)
def test_default(raw, default, follows):
    assert readme.read_variable("x", raw, "") == readme.Variable("x", default, "", follows)


def test_markup_becomes_code():
    assert readme.description_cell("V(auto) is\n C(http(s)://) | M(a.b.c)") == r"`auto` is `http(s)://` \| `a.b.c`"


def test_only_parts_are_written():
    text = "a\n<!-- x/y.yml: begin -->\n\nold\n\n<!-- x/y.yml: end -->\n<!-- z: begin --> stays"
    assert readme.filled(text, lambda name: f"new {name}") == text.replace("old", "new x/y.yml")


def test_a_role_without_chinese_words_is_told(monkeypatch, tmp_path):
    words = tmp_path / "words.yml"
    words.write_text("state: 状态\n")
    monkeypatch.setattr(readme, "CHINESE", words)
    meaning = readme.chinese().meaning
    assert meaning("cmake_state", "") == "状态"
    with pytest.raises(KeyError, match="no text for cmake_prefix"):
        meaning("cmake_prefix", "")


@pytest.mark.parametrize(
    ("language", "patched", "two"),
    [
        ("english", "1.8.1 (patched)", ">= 8; >= 7.3.0 for 1.11.0"),
        ("chinese", "1.8.1（补丁版）", ">= 8; 1.11.0 为 >= 7.3.0"),
    ],
)
def test_releases_by_cann(language, patched, two):
    lines = readme.releases_table(getattr(readme, language)()).splitlines()
    assert len(lines) < 35 and all(line.count(" | ") == 4 for line in lines if "---" not in line)
    rows = {line.split(" | ")[0].strip("| "): [cell.strip(" |") for cell in line.split(" | ")] for line in lines[2:]}
    assert rows["8.5.0"][1].startswith("2.9.0.post1, 2.9.0, ") and rows["8.5.0"][2:4] == ["3.9-3.13", ">= 8"]
    assert rows["5.0.3-5.0.4"][1] == patched and rows["8.0.RC2"][3] == two
    assert "1.5.0.post3" not in str(rows)
