# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables are looked at, and what is said of one that names something that is not there."""

import re

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import variables
from checkout import ROOT

# Set by the collection's own YAML, for itself: never a user's.
OURS = re.compile(r"__|road_|account_|plan_|groups$")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("{{ x }}/y", True),
        ("{% if x %}{% endif %}", True),
        ("plain", False),
        (7, False),
        (None, False),
        (["a", "{{ x }}"], True),
        ({"a": {"b": ["{{ x }}"]}}, True),
        ({"a": [1, None]}, False),
    ],
)
def test_templates_are_found_however_deep(value, found):
    assert variables.has_template(value) is found


def test_both_names_are_told():
    said = "'kyes_dir' is undefined. 'kyes_dir' is undefined"
    assert variables.problem("ascend_trusted_keys", said) == (
        "ascend_trusted_keys cannot be filled in: 'kyes_dir' is undefined. Define that variable, or correct its name"
    )


def test_a_fact_has_a_remedy_of_its_own():
    assert "gather no facts" in variables.problem("ascend_work_dir", "'ansible_env' is undefined")


def test_what_else_ansible_says_is_passed_on_in_one_line():
    words = variables.problem("ascend_mirrors", "object of type 'dict' has no attribute 'x'\nmore")
    assert "object of type 'dict' has no attribute 'x'." in words and "more" not in words


def test_every_variable_that_is_read_with_a_default_is_looked_at():
    """A default is taken, too, where the variable is there and a name inside of it is not."""
    read = set()
    for folder in ("roles/*/defaults", "roles/*/vars", "roles/*/tasks", "playbooks", "playbooks/*"):
        for path in ROOT.glob(folder + "/*.yml"):
            read |= set(re.findall(r"(?<![.\w])([a-z_0-9]+) *\| *default\(", path.read_text()))
    assert {"ascend_work_dir", "cmake_prefix"} <= read
    assert sorted(name for name in read if not variables.is_shared(name) and not OURS.match(name)) == []
