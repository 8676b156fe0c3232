# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are told while a run goes on: tables, progress, whom it waits for.

It goes to the run's standard output beside what Ansible's callback prints there. Where that callback prints for a program,
its document is all that may stand there: nothing is said then, and what people would have read is in the tasks' results.
"""

from __future__ import annotations

from ansible import constants as C
from ansible.utils.display import Display

display = Display()


def is_for_people(callback: str) -> bool:
    """Say whether people read what a callback prints, such as default, and no program, as of json or jsonl."""
    name = callback.rpartition(".")[2]
    return "json" not in name and name != "null"


def is_heard() -> bool:
    """Say whether people read what this run prints."""
    return is_for_people(str(C.DEFAULT_STDOUT_CALLBACK))


def say(words: str) -> None:
    """Tell people something, where they read what this run prints; lines are kept as they are."""
    if is_heard():
        display.display(words)
