# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a role, filled in and typed."""

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import OPTIONS, Settings, Source
from role_variables import DEFAULTS, settings, source


@pytest.mark.parametrize(
    "said, name, value",
    [
        ({}, "version", "auto"),
        ({}, "work_dir", "auto"),
        ({"ascend_work_dir": "/data"}, "work_dir", "/data"),
        ({"ascend_work_dir": "/data", "cmake_work_dir": "/ours"}, "work_dir", "/ours"),
        ({"disk": "/data", "ascend_work_dir": "{{ disk }}/work"}, "work_dir", "/data/work"),
        ({"cmake_version": "3.20.1"}, "urls", ["https://cmake.org/files/v{series}/cmake-{version}.tar.gz"]),
        # As -e gives them, and as YAML does: what counts is the type that the role documents.
        ({"cmake_accept_installed": "false"}, "accept_installed", False),
        ({"ascend_keep_builds": "yes"}, "keep_builds", True),
        ({"ascend_timeout_s": "60"}, "timeout_s", 60),
        ({"ascend_jobs": 7}, "jobs", "7"),
        ({"ascend_mirrors": "/a,/b"}, "mirrors", ["/a", "/b"]),
        ({"cmake_version": 3.2}, "version", "3.2"),
        # Nothing behind the colon.
        ({"ascend_work_dir": None}, "work_dir", "auto"),
        ({"cmake_configure_options": None}, "configure_options", []),
    ],
)
def test_value(said, name, value):
    found = settings("cmake", **said)[name]
    assert (found[:1] if name == "urls" else found) == value and type(found) is type(value)


def test_every_variable_with_its_default():
    """What argument_specs.yml says of a variable goes with what defaults/main.yml has."""
    for role in OPTIONS:
        found = Settings(
            role,
            source(),
        )
        assert {role + "_" + name for name in found} == {name for name in DEFAULTS if name.startswith(role + "_")}
        assert len(dict(found)) == len(found)


@pytest.mark.parametrize(
    "said, words",
    [
        ({"cmake_accept_installed": "perhaps"}, "cmake_accept_installed"),
        # Named by what its user has set, too.
        ({"ascend_timeout_s": "long"}, "cmake_timeout_s is 'long' (from {{ ascend_timeout_s | default(43200) }}): "),
        (
            {"cmake_state": "gone"},
            "cmake_state is 'gone': value of cmake_state must be one of: present, absent, got: gone",
        ),
        ({"cmake_urls": "[]"}, "cmake_urls is the text '[]', and has to be a list: give it as JSON"),
        ({"ascend_mirrors": ' ["/a"]'}, "ascend_mirrors is the text ' [\"/a\"]', and has to be a list"),
        ({"cmake_work_dir": "{{ disk }}/work"}, "cmake_work_dir cannot be filled in: 'disk' is undefined"),
    ],
)
def test_a_value_that_is_none_is_told_by_the_name_of_its_variable(said, words):
    with pytest.raises(AnsibleActionFail) as error:
        dict(settings("cmake", **said))
    assert words in str(error.value)


def test_a_role_that_is_not_imported_is_told():
    known = Settings("cmake", source("cmake"))
    assert "version" not in known and list(known) == []
    with pytest.raises(AnsibleActionFail, match="cmake_version is not defined here: import its role before"):
        known["version"]


def test_nothing_is_filled_in_that_nobody_asks_for_and_nothing_twice():
    asked = []

    class Counting:
        def template(self, raw):
            asked.append(raw)
            return "filled in"

    action = type("Action", (), {"_templar": Counting()})()
    known = {
        "cmake_work_dir": "{{ same }}",
        "gcc730_work_dir": "{{ same }}",
        "cmake_jobs": "{{ other }}",
        "cmake_version": "1",
    }
    of = Source(action, known)
    for role in ("cmake", "gcc730"):
        assert Settings(role, of)["work_dir"] == "filled in"
    assert Settings("cmake", of)["version"] == "1"
    assert asked == ["{{ same }}"]


def test_a_variable_without_a_default_may_not_be_null():
    with pytest.raises(AnsibleActionFail, match="road_name is null: set it to a value, or remove it"):
        settings("road", road_name=None)["name"]
