# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles ask the same of a host, and what those refer to that are asked without the others."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import request
from asking import ask
from role_variables import DEFAULTS, source

CMAKE, GCC, TORCH, APEX, CHECK = request.ROLES
PRODUCTS = [CMAKE, GCC, TORCH, APEX]


def grouped(*roles, **said):
    return request.groups(roles or request.ROLES, source(**said))


@pytest.mark.parametrize(
    "said",
    [
        {},
        # What is said of all roles, whichever way.
        {"ascend_jobs": 4, "ascend_work_dir": "/data", "ascend_mirrors": ["/m"], "ascend_python": "python3.8"},
        {f"{role}_jobs": 3 for role in PRODUCTS},
        # What a role alone has, or what goes with its own product.
        {"cmake_prefix": "/opt/cmake", "gcc730_version": "9.3.0", "apex_build_state": "absent"},
        # The same, said of one role.
        {"gcc730_jobs": "auto", "apex_build_timeout_s": 43200},
        # Of the fitness of a host the role that checks it has the word.
        {"cann_check_require_cann": False, "cann_check_needs": ["git"], "torch_npu_build_cann_path": "/cann"},
    ],
)
def test_roles_ask_the_same(said):
    assert grouped(**said) == [[*PRODUCTS, CHECK]]


def test_one_that_asks_something_else_is_a_group_between_the_others():
    assert grouped(gcc730_jobs=3) == [[CMAKE], [GCC], [TORCH, APEX, CHECK]]


@pytest.mark.parametrize(
    "said, groups",
    [
        ({"cmake_work_dir": "/data"}, [[CMAKE], [GCC, TORCH, APEX, CHECK]]),
        ({"torch_npu_build_timeout_s": 60}, [[CMAKE, GCC], [TORCH, CHECK], [APEX]]),
        # What checks a host is asked with PyTorch, and not with what comes last.
        ({"apex_build_jobs": 3}, [[CMAKE, GCC, TORCH, CHECK], [APEX]]),
        ({"apex_build_python": "python3.8"}, [[CMAKE, GCC, TORCH, CHECK], [APEX]]),
        ({"cmake_jobs": 2, "gcc730_jobs": 2}, [[CMAKE, GCC], [TORCH, APEX, CHECK]]),
        ({"cmake_jobs": 2, "torch_npu_build_jobs": 2}, [[CMAKE], [GCC], [TORCH, CHECK], [APEX]]),
        (
            {"cmake_jobs": 1, "gcc730_jobs": 2, "torch_npu_build_jobs": 3, "apex_build_jobs": 4},
            [[CMAKE], [GCC], [TORCH, CHECK], [APEX]],
        ),
    ],
)
def test_groups_are_in_the_order_of_the_work(said, groups):
    assert grouped(**said) == groups


# What a user may say of one role alone: a value that none has by default.
OWN = {
    "jobs": "3",
    "timeout_s": 60,
    "work_dir": "/data",
    "mirrors": ["/m"],
    "python": "python3.8",
    "venv": "/v",
    "env_file": "/e",
    "rebuild": True,
    "keep_builds": True,
    "replace_link": True,
    "install_packages": False,
    "packages_become": True,
}


def test_what_is_asked_besides_products_may_be_said_of_one_role_alone():
    assert set(OWN) == set(request.GENERAL) - set(request.OF_CHECK)


@pytest.mark.parametrize(
    "variable, role", [(f"{role}_{name}", role) for role in PRODUCTS for name in OWN if f"{role}_{name}" in DEFAULTS]
)
def test_a_group_asks_what_each_of_its_roles_was_told(variable, role):
    name = variable[len(role) + 1 :]
    known = source(**{variable: OWN[name]})
    asked = {}
    for group in request.groups(request.ROLES, known):
        asked.update(dict.fromkeys(group, getattr(ask(group, known), name)))
    assert set(asked) == set(request.ROLES)
    having = [each for each in PRODUCTS if f"{each}_{name}" in DEFAULTS]
    usual = getattr(ask(request.ROLES, source()), name)
    assert usual != OWN[name]
    assert {each: asked[each] for each in having} == {**dict.fromkeys(having, usual), role: OWN[name]}


@pytest.mark.parametrize(
    "roles, groups",
    [
        ([CMAKE], [[CMAKE]]),
        ([APEX, CMAKE], [[CMAKE, APEX]]),
        ([CHECK], [[CHECK]]),
        ([CHECK, GCC], [[GCC, CHECK]]),
        ([CHECK, TORCH, CMAKE], [[CMAKE, TORCH, CHECK]]),
        ([], []),
    ],
)
def test_roles_that_are_not_asked_are_in_no_group(roles, groups):
    assert request.groups(roles, source()) == groups


def test_where_pytorch_is_not_asked_a_host_is_checked_with_what_comes_last():
    assert grouped(CHECK, CMAKE, GCC, gcc730_jobs=3) == [[CMAKE], [GCC, CHECK]]


def test_variables_of_roles_that_are_not_asked_need_not_be_known():
    others = [f"{role}_" for role in request.ROLES if role not in (GCC, APEX)]
    assert request.groups([GCC, APEX], source(*others)) == [[GCC, APEX]]


# --- what a group refers to -------------------------------------------------------------------------------------------


def named(asked):
    """(references, what is asked for), by name."""
    recipes = asked.recipes
    return (
        [entry["name"] for entry in recipes if entry.get("reference")],
        [entry["name"] for entry in recipes if not entry.get("reference")],
    )


@pytest.mark.parametrize(
    "roles, references, products",
    [
        (PRODUCTS, [], ["cmake", "gcc730", "torch", "torch_npu", "apex"]),
        ([CMAKE, GCC], [], ["cmake", "gcc730"]),
        ([TORCH], ["cmake", "gcc730"], ["torch", "torch_npu"]),
        ([TORCH, APEX], ["cmake", "gcc730"], ["torch", "torch_npu", "apex"]),
        ([GCC, TORCH], ["cmake"], ["gcc730", "torch", "torch_npu"]),
        ([CMAKE, TORCH], ["gcc730"], ["cmake", "torch", "torch_npu"]),
        ([CMAKE, GCC, TORCH], [], ["cmake", "gcc730", "torch", "torch_npu"]),
        # Apex is built without a CMake.
        ([APEX], ["gcc730", "torch"], ["apex"]),
        ([GCC, APEX], ["torch"], ["gcc730", "apex"]),
        ([CMAKE, APEX], ["gcc730", "torch"], ["cmake", "apex"]),
        ([CHECK], [], []),
        ([TORCH, CHECK], ["cmake", "gcc730"], ["torch", "torch_npu"]),
        ([], [], []),
    ],
)
def test_what_others_have_provided_is_referred_to(roles, references, products):
    asked = ask(roles, source())
    assert named(asked) == (references, products)
    # References come first, before all that is built with them.
    assert [entry["name"] for entry in asked.recipes] == references + products


def test_a_reference_is_to_what_the_other_role_was_told():
    said = {"cmake_prefix": "/opt/cmake", "gcc730_prefix": "/opt/gcc", "gcc730_version": "9.3.0", "gcc730_jobs": 3}
    known = source(**said)
    asked = [ask(group, known) for group in request.groups(request.ROLES, known)]
    assert [named(each) for each in asked] == [
        ([], ["cmake"]),
        ([], ["gcc730"]),
        (["cmake", "gcc730"], ["torch", "torch_npu", "apex"]),
    ]
    made = {entry["name"]: entry for each in asked[:2] for entry in each.recipes}
    cmake, gcc = asked[2].recipes[:2]
    assert cmake["prefix"] == made["cmake"]["prefix"] == "/opt/cmake"
    assert cmake["accept"] == made["cmake"]["accept"]
    assert gcc["prefix"] == made["gcc730"]["prefix"] == "/opt/gcc"
    assert gcc["version"] == made["gcc730"]["version"] == "9.3.0"
    assert gcc["accept"] == made["gcc730"]["accept"]


def test_a_group_has_the_environment_and_the_fitness_of_its_roles_alone():
    known = source(apex_build_jobs=3)
    first, apex = (ask(group, known) for group in request.groups(request.ROLES, known))
    assert first.environment and first.fitness and first.jobs == "auto"
    assert apex.environment is None and apex.fitness is None and apex.jobs == "3"
    # But is for the same release of PyTorch.
    assert apex.release == first.release != {}


def test_of_no_role_nothing_is_asked():
    asked = ask([], source())
    assert asked.recipes == [] and asked.release == {}
    assert asked.environment is None and asked.fitness is None
