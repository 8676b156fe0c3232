# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CMake is installed where the guide says, for root and for an unprivileged user, and runs."""

import json

import pytest


@pytest.fixture
def place(host):
    """Return the prefix, link and work directory of CMake for this host's user."""
    if host.user().name == "root":
        return "/usr/local/cmake", "/usr/bin/cmake", "/var/lib/ascend-pytorch"
    return "/home/ascend/tools/cmake", "/home/ascend/tools/bin/cmake", "/home/ascend/work"


def test_runs_by_its_link(host, place):
    assert "cmake version 3.12.1" in host.check_output(place[1] + " --version")


def test_prefix_is_a_link_to_a_tree_with_a_manifest(host, place):
    prefix = host.file(place[0])
    assert prefix.is_symlink
    manifest = json.loads(host.file(prefix.linked_to + "/.ascend-manifest.json").content_string)
    assert manifest["version"] == "3.12.1"
    assert prefix.linked_to == "{}-3.12.1-{}".format(place[0], manifest["fingerprint"][:12])
    assert manifest["files"]["bin/cmake"]["mode"] == "0755"


def test_compiles_a_project(host, place):
    host.check_output("rm -rf ~/probe && mkdir -p ~/probe/b")
    host.check_output("echo 'int main(void) { return 0; }' > ~/probe/main.c")
    host.check_output(
        "printf 'cmake_minimum_required(VERSION 3.12)\\nproject(probe C)\\nadd_executable(probe main.c)\\n'"
        " > ~/probe/CMakeLists.txt"
    )
    host.check_output("cd ~/probe/b && %s .. && make && ./probe; rm -rf ~/probe", place[1])


def test_others_can_read_it_and_not_the_work_directory(host, place):
    assert host.file(place[0] + "/bin/cmake").mode & 0o005 == 0o005
    assert host.file(place[2]).mode == 0o700


def test_sources_are_kept_only_where_asked(host, place):
    kept = host.run("ls %s/builds/cmake-*/src/cmake/configure", place[2]).rc == 0
    assert kept == (host.user().name != "root")


def test_nothing_is_left_in_tmp(host):
    assert "ascend" not in host.check_output("find /tmp -not -path '*/.ansible*'")
