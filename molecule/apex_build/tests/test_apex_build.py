# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apex imports, was built against the torch that the role built, with the configured options."""

import json

import pytest


@pytest.fixture
def built(host):
    env = "/etc/ascend-pytorch/env.sh" if host.user().name == "root" else "/home/ascend/.config/ascend-pytorch/env.sh"
    return json.loads(
        host.check_output("cd / && . %s && python3.9 -c 'import apex, json; print(json.dumps(apex.build_info()))'", env)
    )


def test_built_against_our_torch(built):
    assert built["torch"] == "1.8.1+ascend"


def test_built_with_the_options_asked_for(host, built):
    assert ("--cpp_ext" in built["options"]) or "cpp_ext" in built["options"]
    both = host.user().name == "root"
    assert any("npu_float_status" in option for option in built["options"]) == both


def test_stands_where_its_user_installs(host):
    place = host.check_output("python3.9 -m pip show apex 2>/dev/null | sed -n 's/^Location: //p'")
    wanted = "/usr/local/lib" if host.user().name == "root" else "/home/ascend/.local/lib"
    assert place.startswith(wanted)
