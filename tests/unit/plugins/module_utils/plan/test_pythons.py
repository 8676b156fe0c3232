# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python that wheels are for: which is looked for, its virtual environment, its pip."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan, pythons, requests
from situations import CMAKE, GCC, ask, ask_torch, bare, decided, installed, of_torch, recipe, site


def other_python(state, version="3.8.10", path="/opt/python/bin/python3.8", **changes):
    entry = dict(
        state.pythons["python3.9"],
        path=path,
        version=version,
        tag="cp38",
        abi="cp38",
        packages={"pip": "1", "pyyaml": "1", "wheel": "1"},
        **changes,
    )
    return state._replace(pythons={"python3.8": entry}, python="python3.8")


def test_the_pythons_that_are_looked_for():
    assert requests.python_names(ask_torch()) == ["python3.7", "python3.8", "python3.9"]
    assert (
        requests.python_names(ask_torch(python="/opt/x")) == ["/opt/x"]
        and requests.python_names(ask(recipe(CMAKE))) == []
    )


def test_another_python_builds_anew_and_has_its_folder_in_the_path_after_the_tools():
    first = of_torch(site(CMAKE, GCC))
    order = of_torch(other_python(site(CMAKE, GCC)))
    assert order.fingerprint != first.fingerprint
    assert order.path[-1] == "/opt/python/bin" and order.python_tag == "cp38"
    request = ask(recipe(CMAKE))
    assert (
        decided(request, other_python(bare()), "cmake").order.fingerprint
        == decided(request, bare(), "cmake").order.fingerprint
    )


@pytest.mark.parametrize(
    "uid, venv, options", [(0, "", []), (1000, "", ["--user"]), (1000, "/venv", []), (0, "/venv", [])]
)
def test_a_plain_user_installs_for_himself(uid, venv, options):
    state = bare(user={"uid": uid, "name": "u", "home": "/home/u"}, venv=venv)
    assert of_torch(state).pip_options == options


def test_a_virtual_environment_that_is_not_made_yet():
    state = site(CMAKE, GCC)._replace(venv="/venv")
    planned = plan.make(ask_torch(), state)
    assert planned.venv == ["/usr/bin/python3.9", "-m", "venv", "/venv"]
    order = planned.products["torch"].order
    assert (order.python, order.sites) == ("/venv/bin/python", [])
    assert order.requirements_missing == ["pyyaml", "wheel"]
    # Making it is no reason to build again.
    made = dict(state.pythons["python3.9"], path="/venv/bin/python", venv=True, sites=["/venv/lib"])
    state = state._replace(venv_python=made)
    planned = plan.make(ask_torch(), state)
    assert planned.venv == [] and planned.products["torch"].order.fingerprint == order.fingerprint
    assert planned.products["torch"].order.sites == ["/venv/lib"]


def test_no_python_no_virtual_environment():
    assert pythons.venv_command(bare(venv="/venv", python=None)) == []


def test_requirements_that_went():
    state = installed(ask_torch(), site(CMAKE, GCC))
    state.products["torch"]["manifest"]["requirements"] = ["numpy", "six>=1"]
    state.pythons["python3.9"]["packages"].update(six="1.16")
    for name in ("wheel", "numpy"):
        del state.pythons["python3.9"]["packages"][name]
    entry = decided(ask_torch(), state, "torch")
    assert (entry.do, entry.why) == (
        "publish",
        ["torch: wheel is not installed", "torch: numpy is not installed"],
    )
