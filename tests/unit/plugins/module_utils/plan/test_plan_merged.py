# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of several roles for one host, merged into one."""

import copy

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from situations import (
    APEX,
    CMAKE,
    ENVIRONMENT,
    GCC,
    RELEASE,
    TORCH,
    ask,
    ask_torch,
    bare,
    installed,
    planned,
    recipe,
    used,
)


def packaging(needs, names, **changes):
    """A plan in which packages are to be installed."""
    return planned(packages=planned().packages._replace(needs=needs, names=names, **changes))


def groups(state, **changes):
    """The plans of CMake, gcc and the rest, one after another."""
    found = []
    for recipes, more in [
        ([recipe(CMAKE)], {}),
        ([recipe(GCC)], {}),
        ([*used(CMAKE, GCC), recipe(TORCH), recipe(APEX)], {"release": RELEASE, "environment": ENVIRONMENT}),
    ]:
        promised = {name: tool for each in found for name, tool in each.tools.items()}
        found.append(plan.make(ask(*recipes, promised=promised, **more, **changes), state))
    return found


def _sorted(made):
    """A plan with its packages in one order."""
    packages = made.packages
    return made._replace(packages=packages._replace(needs=sorted(packages.needs), names=sorted(packages.names)))


WHOLE = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), recipe(APEX), environment=ENVIRONMENT)


@pytest.mark.parametrize(
    "state",
    [
        bare(),
        bare(missing_needs=["make", "bzip2", "git", "dos2unix", "openblas"]),
        # An unprivileged user becomes another, and acl is missing for each of the plans.
        bare(missing_needs=["acl", "make"], login_uid=1000, user={"uid": 1001, "name": "b", "home": "/home/b"}),
        installed(WHOLE, bare()),
    ],
    ids=["bare", "lacking", "plain", "converged"],
)
def test_plans_that_ask_the_same_are_the_plan_of_the_whole(state):
    whole, merged = plan.make(WHOLE, state), plan.merge(groups(state))
    assert _sorted(merged) == _sorted(whole)
    assert list(merged.products) == ["cmake", "gcc730", "torch", "apex"]


@pytest.mark.parametrize("only", [planned(), planned(products={"cmake": {"do": "build"}}, tasks=["verify", "provide"])])
def test_one_plan_is_returned_as_it_is(only):
    assert plan.merge([only]) is only


def test_the_plans_are_left_as_they_are():
    plans = groups(bare(missing_needs=["make", "git"]))
    before = copy.deepcopy(plans)
    plan.merge(plans)
    assert plans == before


def test_products_and_tools_are_those_of_all():
    merged = plan.merge(
        [
            planned(products={"cmake": {"do": "build"}}, tools={"cmake": {"folder": "/c"}}),
            planned(
                products={"gcc730": {"do": "nothing"}}, tools={"cmake": {"folder": "/c"}, "gcc730": {"folder": "/g"}}
            ),
        ]
    )
    assert merged.products == {"cmake": {"do": "build"}, "gcc730": {"do": "nothing"}}
    assert merged.tools == {"cmake": {"folder": "/c"}, "gcc730": {"folder": "/g"}}


def test_packages_are_told_once_and_as_they_come():
    merged = plan.merge(
        [
            packaging(["make", "gcc"], ["make", "gcc"]),
            packaging(["gcc", "bzip2"], ["gcc", "bzip2"]),
            packaging(["acl", "make"], ["python3-dev", "make"]),
        ]
    )
    assert merged.packages == plan.Packages(
        needs=["make", "gcc", "bzip2", "acl"],
        names=["make", "gcc", "bzip2", "python3-dev"],
        become_root=False,
        manager="apt",
    )


@pytest.mark.parametrize("become", [(False, False), (True, False), (False, True), (True, True)])
def test_packages_are_installed_as_root_where_any_has_to(become):
    merged = plan.merge([packaging([], [], become_root=each) for each in become])
    assert merged.packages.become_root is any(become)


@pytest.mark.parametrize(
    "tasks, wanted",
    [
        ([["verify"], ["provide"]], ["provide", "verify"]),
        ([["provide", "verify"], ["remove", "verify"]], ["remove", "provide", "verify"]),
        ([["provide", "verify"], [], ["provide"]], ["provide", "verify"]),
        ([[], []], []),
    ],
)
def test_tasks_are_in_the_order_of_the_road(tasks, wanted):
    assert plan.merge([planned(tasks=each) for each in tasks]).tasks == wanted


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_environment_file_and_the_virtual_environment_are_of_whoever_has_one(place):
    plans = [planned(), planned(), planned()]
    file, venv = {"do": "nothing", "path": "/e"}, ["python3", "-m", "venv", "/v"]
    plans[place] = planned(environment=file, venv=venv)
    merged = plan.merge(plans)
    assert (merged.environment, merged.venv) == (file, venv)


def test_where_nobody_has_one_there_is_none():
    merged = plan.merge([planned(), planned()])
    assert merged.environment is None and merged.venv == [] and merged.tasks == []


@pytest.mark.parametrize("work", [(False, False), (True, False), (False, True)])
def test_there_is_work_where_any_has_some(work):
    assert plan.merge([planned(work=each) for each in work]).work is any(work)
