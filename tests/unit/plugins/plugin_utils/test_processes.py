# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names a process as no other, on any machine."""

import os
import subprocess
import sys

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import processes

OWN = processes.by_pid(os.getpid())
# More than Linux has.
NONE = 2**22 + 1


def test_a_name_says_all_of_it():
    assert OWN.host == os.uname().nodename and OWN.pid == os.getpid()
    assert OWN.boot and OWN.namespace.isdigit() and OWN.started.isdigit()
    assert processes.parse(str(OWN)) == OWN
    dotted = OWN._replace(host="login1.example.org")
    assert processes.parse(str(dotted)) == dotted
    # Where there is no /proc.
    bare = processes.Process("mac.local", "", "", 7, "")
    assert processes.parse(str(bare)) == bare


@pytest.mark.parametrize("name", ["", "1-6", "4711-123456", "host.boot.1.x.2", "..", "a.b"])
def test_what_is_no_name(name):
    assert processes.parse(name) is None


@pytest.mark.parametrize(
    "changes", [{"host": "other"}, {"boot": "b"}, {"namespace": "1"}, {"started": "1"}, {"pid": NONE}]
)
def test_only_the_very_process_lives(changes):
    assert processes.is_alive(OWN)
    assert not processes.is_alive(OWN._replace(**changes))


def test_one_that_has_ended_lives_no_more():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        named = processes.by_pid(process.pid)
        assert processes.is_alive(named)
        process.stdin.close()
        # Ended, and not yet waited for: the kernel still has its number.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not processes.is_alive(named)
    assert not processes.is_alive(named)


def test_containers_of_one_machine_share_its_kernel():
    assert processes.share_kernel(OWN, OWN._replace(host="container", namespace="1"))
    assert not processes.share_kernel(OWN, OWN._replace(boot="another"))
    bare = OWN._replace(boot="")
    assert processes.share_kernel(bare, bare) and not processes.share_kernel(bare, bare._replace(host="other"))
