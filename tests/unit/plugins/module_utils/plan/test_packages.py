# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that hosts need, and who installs them."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from situations import CMAKE, ENVIRONMENT, GCC, RELEASE, TORCH, ask, ask_torch, bare, recipe, with_tools


def lacking(state, *recipes, **changes):
    return plan.make(ask(*recipes, **changes), state).packages


@pytest.mark.parametrize("uid, may, becomes", [(1000, True, True), (1000, False, False), (0, True, False)])
def test_who_becomes_root_for_packages(uid, may, becomes):
    state = bare()
    state.user["uid"] = uid
    assert plan.make(ask(packages_become=may), state).packages.become_root == becomes


def test_packages_for_what_is_built_alone():
    state = bare(missing_needs=["gcc", "openssl", "git", "bzip2"])
    assert lacking(state, recipe(CMAKE)) == plan.Packages(
        needs=["gcc", "openssl"], names=["gcc", "libssl-dev"], become_root=False, manager="apt"
    )
    assert lacking(with_tools(state, cmake="3.20.0"), recipe(CMAKE)).names == []
    assert lacking(state, needs=["git"]).names == ["git"]
    state.os.update(family="RedHat", package_manager="dnf")
    assert lacking(bare(missing_needs=["g++"], os=state.os), recipe(CMAKE)).names == ["gcc-c++"]


@pytest.mark.parametrize(
    "family, path, headers, pip, names",
    [
        ("Debian", "/usr/bin/python3.9", False, False, ["python3.9-dev", "python3-pip"]),
        ("Debian", "/usr/bin/python3.9", True, True, []),
        ("RedHat", "/usr/bin/python3", False, True, ["python3-devel"]),
        ("Debian", "/usr/local/bin/python3.9", False, False, []),
    ],
)
def test_packages_of_the_distribution_s_python(family, path, headers, pip, names):
    state = bare()
    state.os["family"] = family
    python = state.pythons["python3.9"]
    python.update(path=path, real=path, headers=headers)
    if not pip:
        del python["packages"]["pip"]
    assert lacking(state, release=RELEASE).names == names
    assert lacking(state).names == []


def test_packages_of_what_is_packed_apart():
    state = bare()
    state.pythons["python3.9"].update(lacks={"distutils": "gone", "ensurepip": "gone"}, headers=False)
    assert lacking(state, release=RELEASE).names == ["python3.9-dev", "python3-setuptools"]
    # The headers and the venv package are those of the Python that makes the virtual environment.
    state = state._replace(venv="/opt/venv")
    assert lacking(state, release=RELEASE).names == ["python3.9-dev", "python3.9-venv", "python3-setuptools"]
    own = dict(state.pythons["python3.9"], path="/opt/venv/bin/python", packages={"setuptools": "60.0"})
    state = state._replace(venv_python=own)
    assert lacking(state, release=RELEASE).names == ["python3.9-dev"]
    own.update(version=None)
    assert lacking(state, release=RELEASE).names == []


def test_packages_of_a_build_in_an_environment_of_its_own():
    state = bare()
    state.pythons["python3.9"].update(lacks={"ensurepip": "gone"})
    own = dict(recipe(TORCH), stages={"configure": [{"venv": {"path": "{obj}/venv"}}]})

    def names(entry, **changes):
        return plan.make(ask_torch(recipe(CMAKE), recipe(GCC), entry, **changes), state).packages.names

    assert "python3.9-venv" in names(own) and "python3.9-venv" not in names(recipe(TORCH))
    assert "python3.9-venv" not in names(own, builds=False)


def test_a_library_that_only_its_python_knows():
    folder = "/usr/local/python3.9.5/lib"
    request = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), environment=ENVIRONMENT)
    state = bare(cann_environment={"prepend": {"LD_LIBRARY_PATH": ["/usr/local/Ascend/lib64"]}})
    before = plan.make(request, state)
    state.pythons["python3.9"]["library_path"] = folder
    after = plan.make(request, state)
    orders = {name: entry.order for name, entry in after.products.items()}
    gcc = "/usr/local/linux_gcc7.3.0-7.3.0-" + orders["gcc730"].fingerprint[:12]
    assert orders["torch"].library_path == [gcc + "/lib64", folder]
    assert orders["cmake"].library_path == []
    # It has no influence on what is built.
    assert orders["torch"].fingerprint == before.products["torch"].order.fingerprint
    text = after.environment["text"]
    assert folder in text and text.index("/usr/local/Ascend/lib64") < text.index(folder)
    assert folder not in before.environment["text"]
    state = state._replace(venv="/opt/venv")
    argv = ["env", "LD_LIBRARY_PATH=" + folder, "/usr/bin/python3.9", "-m", "venv", "/opt/venv"]
    assert plan.make(request, state).venv == argv


def test_what_is_to_be_absent_needs_no_packages():
    assert lacking(bare(missing_needs=["gcc"]), recipe(CMAKE, state="absent")).names == []
