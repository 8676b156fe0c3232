# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What git is given, and what ends it."""

import os
import subprocess
import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import git_command
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.fetch import FetchError
from sources import repository


def test_certificates_and_proxies_reach_git(monkeypatch):
    for name in ("GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ca.pem")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")
    env = git_command._git_environment("/h", "/h/.gitconfig")
    assert (env["GIT_SSL_CAINFO"], env["http_proxy"]) == ("/etc/ca.pem", "http://proxy:3128")
    assert "GIT_SSL_NO_VERIFY" not in env


def test_deadline_kills_git_and_all_its_children(forge, deaf, clone):
    begun = time.monotonic()
    with pytest.raises(FetchError, match="the time allowed was over .ascend_timeout_s"):
        clone(repository(forge.old, deaf + "/Owner/pytorch.git"), deadline=begun + 0.7, stall_s=60)
    assert time.monotonic() - begun < 5
    left = subprocess.run(["pgrep", "-f", deaf], stdout=subprocess.PIPE, check=False).stdout
    assert left == b""


def test_no_git_and_full_disk_are_said_plainly(forge, clone, monkeypatch):
    real = os.environ["PATH"]
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(FetchError, match="git is not installed"):
        clone(repository(forge.old), [forge.base])
    monkeypatch.setenv("PATH", real)
    run = git_command.Git._run

    def full(self, argv, cwd, silence_s):
        if "fetch" in argv:
            return git_command.Outcome(128, b"", "fatal: write error: No space left on device")
        return run(self, argv, cwd, silence_s)

    monkeypatch.setattr(git_command.Git, "_run", full)
    with pytest.raises(FetchError, match="no space left .*ascend_work_dir"):
        clone(repository(forge.old, "file:///other"), [forge.base])
