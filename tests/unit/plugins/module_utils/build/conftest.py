# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests of real builds."""

import os
import signal
from pathlib import Path

import pytest


@pytest.fixture
def nothing_hangs_or_stays(tmp_path):
    def late(signum, frame):
        raise AssertionError("a test waited for a minute")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and str(tmp_path).encode() in Path("/proc", name, "environ").read_bytes():
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue
