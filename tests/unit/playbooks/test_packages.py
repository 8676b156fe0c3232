# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which failures of apt the role waits and asks again for. molecule/losses has a mirror that gives no package at first."""

import jinja2
import pytest
import yaml
from ansible.plugins.test import core
from checkout import ROOT


@pytest.fixture(scope="module")
def is_enough():
    """is_enough(result): whether the task that installs packages with apt leaves it at a result."""
    (task,) = yaml.safe_load((ROOT / "roles/road/tasks/packages_apt.yml").read_text())
    environment = jinja2.Environment()
    environment.tests.update(core.TestModule().tests())
    until = environment.compile_expression(task["until"])
    return lambda result: until(**{task["register"]: result})


@pytest.mark.parametrize(
    "message",
    [
        "'/usr/bin/apt-get -y install 'make'' failed: E: Failed to fetch http://m.example/make.deb  503  Service Unavailable",
        "E: Unable to locate package python3-apt",
    ],
)
def test_what_a_mirror_may_give_a_moment_later_is_asked_for_again(is_enough, message):
    assert not is_enough({"failed": True, "msg": message})


@pytest.mark.parametrize(
    "result",
    [
        {"failed": False, "changed": True},
        {"failed": True, "msg": "No package matching 'mak' is available"},
        {"failed": True, "msg": "Could not get lock /var/lib/dpkg/lock-frontend"},
        # It was killed, say.
        {"failed": True},
    ],
)
def test_what_will_not_change_is_told_at_once(is_enough, result):
    assert is_enough(result)
