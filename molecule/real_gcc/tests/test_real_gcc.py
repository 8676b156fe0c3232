# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real gcc compiles, links and runs C++ from the guide's prefix."""

PREFIX = "/usr/local/linux_gcc9.3.0"


def test_versions(host):
    for program in ("gcc", "g++", "c++", "cc"):
        assert host.check_output("%s/bin/%s -dumpfullversion", PREFIX, program) == "9.3.0"


def test_compiles_and_runs_with_its_own_library(host):
    host.check_output(
        "echo '#include <iostream>\nint main() { std::cout << __VERSION__; }' | %s/bin/g++ -x c++ - -o /root/a", PREFIX
    )
    assert host.check_output("LD_LIBRARY_PATH=%s/lib64 /root/a", PREFIX) == "9.3.0"
    assert PREFIX in host.check_output("LD_LIBRARY_PATH=%s/lib64 ldd /root/a", PREFIX)


def test_tmp_was_not_touched(host):
    assert host.check_output("find /tmp -type f -not -path '*/.ansible*'") == ""
