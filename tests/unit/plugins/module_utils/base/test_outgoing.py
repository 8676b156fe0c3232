# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves: no logins in it, and for a terminal nothing that steers that."""

from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing


def test_urls_are_shown_without_logins():
    text = "a https://ann:p@w@h/x: refused; git+http://token@h/y, ann@h.org, ssh://git:pw@h/z, https://h/a@b"
    wanted = "a https://h/x: refused; git+http://h/y, ann@h.org, ssh://h/z, https://h/a@b"
    assert outgoing.redact(text) == wanted
    assert outgoing.redact('["https://ann:p/w@h/x","ftp://h/@"]') == '["https://h/x","ftp://h/@"]'


def test_a_line_cannot_steer_a_terminal():
    assert outgoing.printable("a\tb\x1b[2J\x9b1m\r\n\u2028\udcffü文") == "a b?[2J?1m????ü文"
    assert outgoing.printable("https://ann:pw@h\x07") == "https://h?"
    assert outgoing.paragraph("one\x1b]0;x\x07\n\n  two\n") == "one?]0;x?\n\n  two\n"


def test_a_result_is_as_it_was_but_for_logins():
    result = {
        "changed": True,
        "msg": "it said\n\x1b[31m https://ann:pw@h",
        "notes": ["a\x07"],
        "order": {"mirrors": ["https://ann:pw@h/m"], "stdin": "a\tb\x1b\n", "jobs": 3, "none": None, "pair": (1, "x")},
    }
    assert outgoing.clean_result(**result) == {
        "changed": True,
        "msg": "it said\n?[31m https://h",
        "notes": ["a?"],
        "order": {"mirrors": ["https://h/m"], "stdin": "a\tb\x1b\n", "jobs": 3, "none": None, "pair": [1, "x"]},
    }
