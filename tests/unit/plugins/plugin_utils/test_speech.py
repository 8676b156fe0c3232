# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hears what is said while a run goes on."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import live, speech

ORDER = {"name": "torch", "version": "1.8.1", "jobs": 4}


@pytest.mark.parametrize(
    "callback, for_people",
    [
        ("default", True),
        ("ansible.builtin.default", True),
        ("minimal", True),
        ("community.general.yaml", True),
        ("awx_display", True),
        ("json", False),
        ("ansible.posix.json", False),
        ("ansible.posix.jsonl", False),
        ("community.general.null", False),
    ],
)
def test_who_reads_a_callback(callback, for_people, monkeypatch):
    said = []
    monkeypatch.setattr(speech.display, "display", said.append)
    monkeypatch.setattr(speech.C, "DEFAULT_STDOUT_CALLBACK", callback)
    speech.say("a table")
    assert speech.is_for_people(callback) == for_people and said == ["a table"] * for_people
    with live.line("one", ORDER, "log") as line:
        line.show({"state": "running", "stage": "build", "percent": None})
    assert len(said) == 2 * for_people
