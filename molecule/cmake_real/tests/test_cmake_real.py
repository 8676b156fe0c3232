# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real CMake is installed where the guide says, and builds a C++ project."""


def test_version(host):
    assert host.check_output("/usr/bin/cmake --version").splitlines()[0] == "cmake version 3.18.4"


def test_its_modules_are_found_from_the_prefix_it_was_compiled_for(host):
    assert host.check_output("echo 'message(${CMAKE_ROOT})' > /root/root.cmake && cmake -P /root/root.cmake 2>&1") in (
        "/usr/local/cmake/share/cmake-3.18",
        host.file("/usr/local/cmake").linked_to + "/share/cmake-3.18",
    )


def test_builds_a_project(host):
    host.check_output(
        "mkdir -p /root/probe && cd /root/probe && echo 'int main() {}' > a.cpp && printf "
        "'cmake_minimum_required(VERSION 3.12)\nproject(probe CXX)\nadd_executable(probe a.cpp)\n' "
        "> CMakeLists.txt && cmake . && make && ./probe"
    )


def test_the_whole_of_it_is_in_the_manifest(host):
    count = int(host.check_output("find /usr/local/cmake/ ! -type d | wc -l"))
    said = host.check_output(
        'python3 -c \'import json; print(len(json.load(open("/usr/local/cmake/.ascend-manifest.json"))["files"]))\''
    )
    assert count == int(said) + 1 > 1000
