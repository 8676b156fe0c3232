# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles ask of a host, alone and together."""

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks
from ansible_collections.ascend.pytorch.plugins.plugin_utils import recipes, releases, request
from asking import ask
from role_variables import source


def named(asked):
    return [(entry["name"], bool(entry.get("reference"))) for entry in asked.recipes]


def test_the_whole_guide():
    asked = ask(request.ROLES, source(ascend_mirrors=["/m"], cmake_replace_link=True))
    assert named(asked) == [(name, False) for name in ("cmake", "gcc730", "torch", "torch_npu", "apex")]
    assert asked.release["version"] == "1.8.1" and asked.mirrors == ["/m"] and asked.replace_link
    assert asked.needs == sorted(["git", "patch", "make", "gcc", "g++", "dos2unix"])
    assert asked.environment["set"]["TASK_QUEUE_ENABLE"] == "auto" and asked.environment["state"] == "present"
    assert asked.environment["nnal"] == "auto" and asked.environment["set"]["PYTORCH_NPU_ALLOC_CONF"] == ""
    assert asked.fitness["require_npu"] and asked.fitness["packages"] == recipes.CANN_PACKAGES
    # What the plan makes of it besides is the run's.
    run = {"offline", "silenced", "builds", "toolchain", "collection_version", "promised"}
    assert set(asked._field_defaults) == run
    assert checks.variable_problems(asked) == []


@pytest.mark.parametrize(
    "role, products",
    [
        ("cmake", [("cmake", False)]),
        ("gcc730", [("gcc730", False)]),
        ("torch_npu_build", [("cmake", True), ("gcc730", True), ("torch", False), ("torch_npu", False)]),
        ("apex_build", [("gcc730", True), ("torch", True), ("apex", False)]),
        ("cann_check", []),
    ],
)
def test_a_role_alone_asks_for_its_own(role, products):
    """With its own variables alone: the others need not be known."""
    others = [f"{other}_" for other in request.ROLES if other != role]
    asked = ask([role], source(*others, ascend_work_dir="/data", ascend_torch_version="1.5.0"))
    assert named(asked) == products and asked.work_dir == "/data"
    assert (asked.environment is not None) == (role == "torch_npu_build")
    assert (asked.fitness is not None) == (role == "cann_check")
    assert asked.release.get("version") == (None if role in ("cmake", "gcc730") else "1.5.0")


def test_of_a_host_s_fitness_the_role_that_checks_it_has_the_word():
    asked = ask(request.ROLES, source(cann_check_require_cann=False, torch_npu_build_jobs=3, cann_check_needs=["git"]))
    assert not asked.require_cann and asked.needs == ["git"] and asked.jobs == "3"
    assert ask(["torch_npu_build"], source(cann_check_require_cann=False)).require_cann


@pytest.mark.parametrize("roles", [request.ROLES, ["cann_check"]])
def test_the_tools_that_a_host_must_have_are_those_that_its_release_takes(roles):
    def tools(version, **variables):
        others = [] if len(roles) > 1 else [f"{other}_" for other in request.ROLES if other not in roles]
        return set(ask(roles, source(*others, ascend_torch_version=version, **variables)).needs)

    assert tools("1.5.0") == {"git", "make", "gcc", "g++", "patch", "dos2unix"}
    assert tools("2.6.0.post5") == {"git", "make", "gcc", "g++", "patchelf", "eu-strip"}
    assert tools("2.6.0.post5", cann_check_needs=["m4"]) == {"m4"}
    assert {"m4", "patchelf"} < tools("2.6.0.post5", cann_check_needs=["auto", "m4"])
    if len(roles) > 1:
        assert tools("2.6.0.post5", torch_npu_build_from="wheel") == set()
        assert tools("1.5.0", torch_npu_build_state="absent") == set()


def test_what_wheels_are_built_with_where_other_roles_provide_it():
    said = {"cmake_prefix": "/opt/cmake", "gcc730_version": "9.3.0", "gcc730_max_version": "11"}
    cmake, gcc, _torch, _npu = ask(["torch_npu_build"], source(**said)).recipes
    assert (
        cmake["prefix"] == "/opt/cmake" and cmake["accept"]["minimum"] == "3.12.0" and cmake["accept"]["maximum"] == "3"
    )
    assert gcc["version"] == "9.3.0" and gcc["accept"] == {
        "commands": ["gcc", "g++"],
        "minimum": "7.3.0",
        "maximum": "11",
    }
    gcc, _torch, _apex = ask(["apex_build"], source(gcc730_accept_installed=False)).recipes
    assert gcc["accept"] == {}


def test_what_a_row_of_somebody_s_own_lacks_for_the_tools_is_told():
    row = {key: part for key, part in releases.PATCHED["1.8.1"].items() if key != "gcc"}
    said = {"ascend_torch_version": "1.7.9", "ascend_extra_releases": {"1.7.9": dict(row, version="1.7.9")}}
    with pytest.raises(AnsibleActionFail, match="the row of torch 1.7.9 has no 'gcc'"):
        ask(["torch_npu_build"], source(**said))
