# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gcc and g++ of one version: the host's own where they are accepted, else published at the guide's prefix, for all users."""

import json

import pytest

PREFIX = {"built": "/usr/local/linux_gcc7.3.0", "all-set": "/home/ascend/tools/gcc"}


def name_of(host):
    return host.backend.host


@pytest.mark.parametrize("program", ["gcc", "g++", "c++", "cc"])
def test_every_name_is_of_the_version(host, program):
    if name_of(host) in PREFIX:
        assert host.check_output("%s/bin/%s -dumpversion", PREFIX[name_of(host)], program) == "7.3.0"
    else:
        assert host.check_output("%s -dumpfullversion", program) == "10.2.1"


def test_nothing_is_built_where_the_hosts_own_will_do(host):
    if name_of(host) not in PREFIX:
        assert not host.file("/usr/local/linux_gcc7.3.0").exists
        assert not host.file("/var/lib/ascend-pytorch").exists
        return
    manifest = json.loads(host.file(PREFIX[name_of(host)] + "/.ascend-manifest.json").content_string)
    configure = manifest["identity"]["stages"]["configure"][0]["run"]
    # The guide's line, and what glibc 2.31 requires.
    for option in ("--enable-languages=c,c++", "--disable-multilib", "--with-system-zlib", "--disable-libsanitizer"):
        assert option in configure
    assert ("--disable-bootstrap" in configure) == (name_of(host) == "built")


def test_compiles_and_runs_cpp(host):
    prefix = PREFIX.get(name_of(host), "/usr")
    host.check_output(
        "echo '#include <iostream>\nint main() { std::cout << 42; }' | %s/bin/g++ -x c++ - -o ~/probe", prefix
    )
    assert host.check_output("LD_LIBRARY_PATH=%s/lib64 ~/probe; rm ~/probe", prefix) == "42"


def test_tmp_and_the_systems_compiler_are_as_they_were(host):
    assert "gcc" not in host.check_output("find /tmp -not -path '*/.ansible*'")
    assert host.check_output("/usr/bin/gcc -dumpfullversion") == "10.2.1"
