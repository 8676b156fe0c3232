# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fit host has the guide's tools afterwards, by its own package manager, and nothing else of ours."""

import pytest


@pytest.mark.parametrize("tool", ["git", "patch", "dos2unix", "make"])
def test_the_guides_tools_are_there(host, tool):
    assert host.exists(tool)


def test_what_is_asked_for_besides_is_there(host):
    assert host.exists("bzip2") == (host.backend.host == "openeuler")


def test_they_came_by_the_hosts_own_package_manager(host):
    assert host.package("patch").is_installed


def test_nothing_else_was_left(host):
    assert not host.file("/var/lib/ascend-pytorch").exists
    assert not host.file("/etc/ascend-pytorch").exists
