# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools: which of the host's own are accepted, what depends on the tools that products are built with, and when they change."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import tools as toolbox
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.plugin_utils import releases
from situations import (
    APEX,
    CMAKE,
    GCC,
    TORCH,
    ask,
    ask_torch,
    bare,
    decided,
    does,
    installed,
    of_torch,
    recipe,
    site,
    tool,
    used,
    with_tools,
)

# --- the host's own ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "versions, minimum, maximum, do",
    [
        ([("/usr/bin", "3.18.4")], "3.12.0", "", "nothing"),
        ([("/usr/bin", "3.12.0")], "3.12.0", "", "nothing"),
        ([("/usr/bin", "3.11.4")], "3.12.0", "", "build"),
        ([("/usr/bin", "3.28.3")], "3.12.0", "3.26", "build"),
        ([("/usr/bin", "3.26.6")], "3.12.0", "3.26", "nothing"),
        ([("/usr/bin", None)], "3.12.0", "", "build"),
        ([], "3.12.0", "", "build"),
        # The first that is accepted, not the first.
        ([("/usr/bin", "2.8.12"), ("/home/u/.local/bin", "3.20.0")], "3.12.0", "", "nothing"),
        # What is at the prefix itself does not count as the host's own.
        ([("/usr/local/cmake/bin", "3.18.4")], "3.12.0", "", "build"),
        ([("/usr/local/cmake-mine/bin", "3.18.4")], "3.12.0", "", "nothing"),
    ],
)
def test_the_cmake_of_the_host(versions, minimum, maximum, do):
    entry = recipe(CMAKE, accept={"commands": ["cmake"], "minimum": minimum, "maximum": maximum})
    state = with_tools(bare(), cmake=versions)
    assert does(ask(entry), state) == do
    if do == "nothing":
        found = decided(ask(entry), state, "cmake")
        assert found.order is None and "accepted" in found.why[0] and versions[-1][0] in found.then
        planned = plan.make(ask(entry), state)
        assert planned.tasks == [] and not planned.work and planned.packages.names == []


def test_the_host_s_own_is_not_asked_for():
    assert does(ask(recipe(CMAKE, accept={})), with_tools(bare(), cmake="3.18.4")) == "build"


def test_ours_stays_when_the_host_gets_its_own():
    request = ask(recipe(CMAKE))
    state = with_tools(installed(request, bare()), cmake="3.18.4")
    assert decided(request, state, "cmake").order is not None


@pytest.mark.parametrize(
    "gcc, gxx, do",
    [
        ("10.2.1", "10.2.1", "nothing"),
        ("7.3.0", "7.3.0", "nothing"),
        ("7.3.1", "7.3.0", "build"),
        ("10.2.1", None, "build"),
        ("10.2.1", [], "build"),
        ("4.8.5", "4.8.5", "build"),
        # Two incomplete pairs, and the same version in different folders.
        ([("/usr/bin", "10.2.1"), ("/opt/bin", "9.3.0")], [("/usr/bin", "9.3.0"), ("/opt/bin", "10.2.1")], "build"),
        ([("/usr/bin", "10.2.1")], [("/opt/bin", "10.2.1")], "build"),
        ([("/usr/bin", "4.8.5"), ("/opt/bin", "9.3.0")], [("/usr/bin", "4.8.5"), ("/opt/bin", "9.3.0")], "nothing"),
    ],
)
def test_gcc_and_gxx_are_of_one_version(gcc, gxx, do):
    assert does(ask(recipe(GCC)), with_tools(bare(), gcc=gcc, gxx=gxx), "gcc730") == do


def test_what_the_host_has_is_told_with_why_it_will_not_do():
    state = with_tools(bare(), gcc="4.8.5")
    state.tools["g++"] = [tool("/usr/bin/g++", None, "gave no answer in 10 s")]
    assert toolbox.describe_found(GCC["accept"], state) == "/usr/bin/gcc 4.8.5, /usr/bin/g++ (gave no answer in 10 s)"
    assert toolbox.describe_found({}, state) == "none"
    assert toolbox.describe_accepted(GCC["accept"]) == "gcc and g++ of one version, at least 7.3.0"
    assert toolbox.describe_accepted({"commands": ["cmake"], "maximum": "3.26"}) == "cmake, at most 3.26"
    assert toolbox.describe_accepted({})


# --- what it is built with --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [True, False])
def test_pip_is_asked_where_a_wheel_comes_for_one_of_its_version(asked):
    request = ask_torch()
    state = installed(request, site(CMAKE, GCC))
    state.pythons["python3.9"]["pip"]["asked"] = asked
    assert not plan.must_query_pip(plan.make(request, state), state)
    # All of it is installed, but is not the one that is wanted.
    state.products["torch"]["manifest"].update(fingerprint="0" * 64, identity={})
    planned = plan.make(request, state)
    assert planned.products["torch"].do in plan.PROVIDING
    assert plan.must_query_pip(planned, state) == (not asked)


def test_torch_is_built_with_what_the_roles_published():
    order = of_torch(site(CMAKE, GCC))
    state = site(CMAKE, GCC)
    # The trees, not the links, which may lead to other trees before the build ends.
    cmake, gcc = (
        "{0}-{1}-{2}".format(prefix, made["version"], fingerprint.short(made["fingerprint"]))
        for prefix, made in (
            ("/usr/local/cmake", state.products["cmake"]["manifest"]),
            ("/usr/local/linux_gcc7.3.0", state.products["gcc730"]["manifest"]),
        )
    )
    assert order.path == [cmake + "/bin", gcc + "/bin", "/usr/bin"]
    assert (order.library_path, order.trees) == ([gcc + "/lib64"], [cmake, gcc])
    assert order.environment == {"CC": gcc + "/bin/gcc", "CXX": gcc + "/bin/g++"}
    assert order.identity["built_with"] == {
        name: state.products[name]["manifest"]["fingerprint"] for name in ("cmake", "gcc730")
    }
    assert (order.python, order.python_version, order.python_tag) == ("/usr/bin/python3.9", "3.9", "cp39")


def test_torch_is_built_with_the_host_s_own():
    state = with_tools(bare(), cmake="3.18.4", gcc="10.2.1", gxx="10.2.1")
    order = of_torch(state)
    assert order.path == ["/usr/bin", "/usr/bin"] and order.library_path == []
    assert order.environment == {"CC": "/usr/bin/gcc", "CXX": "/usr/bin/g++"}
    assert order.identity["built_with"] == {"cmake": "cmake 3.18", "gcc730": "gcc730 10"}
    assert order.tools == {"cmake": "3.18.4", "gcc730": "10.2.1"}


# --- what the system's updates change ---------------------------------------------------------------------------------


def built_with(cmake, gcc, then=None):
    """A host with the wheels that its own tools built, of which it has these now."""
    request = ask_torch(*used(CMAKE, GCC), recipe(TORCH), recipe(APEX))
    state = installed(request, with_tools(bare(**(then or {})), cmake="3.22.1", gcc="9.3.0", gxx="9.3.0"))
    return request, with_tools(state, cmake=cmake, gcc=gcc, gxx=gcc)


@pytest.mark.parametrize("cmake, gcc", [("3.22.2", "9.3.0"), ("3.22.1", "9.4.0"), ("3.22.5", "9.5.0")])
def test_hosts_share_what_releases_of_one_series_build(cmake, gcc):
    request, state = built_with(cmake, gcc)
    fresh = plan.make(request, with_tools(bare(), cmake=cmake, gcc=gcc, gxx=gcc))
    for name in ("torch", "apex"):
        entry = decided(request, state, name)
        assert (entry.do, entry.kept) == ("nothing", "")
        assert fresh.products[name].order.fingerprint == state.products[name]["manifest"]["fingerprint"]


@pytest.mark.parametrize(
    "cmake, gcc, words",
    [
        ("3.23.0", "9.3.0", "cmake 3.23.0 instead of 3.22.1"),
        ("3.22.1", "10.2.1", "gcc730 10.2.1 instead of 9.3.0"),
    ],
)
def test_what_stands_whole_stays_when_the_host_s_own_tool_is_newer(cmake, gcc, words):
    request, state = built_with(cmake, gcc)
    planned = plan.make(request, state)
    entry = planned.products["torch"]
    assert (entry.do, entry.then, planned.work) == ("nothing", entry.now, False)
    assert entry.kept == words
    # Its verification, and what was built with it, use what is installed.
    assert entry.order.fingerprint == state.products["torch"]["manifest"]["fingerprint"]
    assert planned.products["apex"].do == "nothing"
    # A host without it does not get it.
    fresh = of_torch(with_tools(bare(), cmake=cmake, gcc=gcc, gxx=gcc))
    assert entry.anew.fingerprint == fresh.fingerprint != entry.order.fingerprint

    anew = plan.make(request._replace(rebuild=True), state).products["torch"]
    assert (anew.do, anew.order.fingerprint) == ("build", fresh.fingerprint)
    assert anew.why == ["torch: built with another " + words.partition(" ")[0]]


@pytest.mark.parametrize(
    "cmake, gcc, spoil, recipe_changes",
    [
        # An older one, a damaged product, another recipe.
        ("3.22.1", "8.3.0", {}, {}),
        ("3.21.0", "9.3.0", {}, {}),
        ("3.22.1", "10.2.1", {"damage": ["torch/x.so: missing"]}, {}),
        ("3.22.1", "10.2.1", {}, {"environment": {"CFLAGS": "-O1"}}),
    ],
)
def test_what_else_differs_is_built_anew(cmake, gcc, spoil, recipe_changes):
    _request, state = built_with(cmake, gcc)
    state.products["torch"].update(spoil)
    entry = decided(ask_torch(*used(CMAKE, GCC), recipe(TORCH, **recipe_changes)), state, "torch")
    assert entry.do == "build" and not entry.kept


def test_another_torch_than_apex_was_built_with_is_no_update_of_a_tool():
    request = ask_torch(*used(CMAKE, GCC, TORCH), recipe(APEX))
    state = with_tools(bare(), cmake="3.22.1", gcc="9.3.0", gxx="9.3.0")
    state.products["torch"]["version"] = "1.8.1"
    state = installed(request, state)
    state.products["torch"]["version"] = "1.8.2"
    assert decided(request, state, "apex").why == ["apex: built with another torch"]


def test_a_requirement_that_was_removed_is_put_back_beside_what_stays():
    request, state = built_with("3.22.1", "10.2.1")
    del state.pythons["python3.9"]["packages"]["pyyaml"]
    entry = decided(request, state, "torch")
    assert (entry.do, entry.why) == ("publish", ["torch: pyyaml is not installed"])


def test_hosts_of_different_distributions_do_not_share_wheels():
    other = bare().os
    other.update(id="openeuler", version="22.03")
    tools = {"cmake": "3.22.1", "gcc": "9.3.0", "gxx": "9.3.0"}
    first, second = (of_torch(with_tools(state, **tools)) for state in (bare(), bare(os=other)))
    assert first.fingerprint != second.fingerprint
    assert first.identity["platform"]["distribution"] == "debian 11"
    # A tree has its own libraries.
    first, second = (decided(ask(recipe(CMAKE)), state, "cmake").order for state in (bare(), bare(os=other)))
    assert first.fingerprint == second.fingerprint


def test_another_release_of_the_distribution_builds_nothing_anew():
    request, state = built_with("3.22.1", "9.3.0")
    state.os["version"] = "11.1"
    entry = decided(request, state, "torch")
    assert (entry.do, entry.kept) == ("nothing", "distribution debian 11.1 instead of debian 11")
    # An older manifest has no distribution.
    del state.products["torch"]["manifest"]["identity"]["platform"]["distribution"]
    assert decided(request, state, "torch").do == "nothing"
    state = state._replace(libc="glibc 2.36")
    assert decided(request, state, "torch").do == "build"


def test_torch_follows_the_fingerprints_of_its_tools():
    first = of_torch(site(CMAKE, GCC)).fingerprint
    assert of_torch(site(CMAKE, GCC)).fingerprint == first
    state = site(recipe(CMAKE, version="3.13.0"), GCC)
    assert of_torch(state).fingerprint != first
    state = installed(ask_torch(), site(CMAKE, GCC))
    state.products["gcc730"]["manifest"]["fingerprint"] = "0" * 64
    assert decided(ask_torch(), state, "torch").why == ["torch: built with another gcc730"]


def test_in_one_request_torch_follows_what_the_tools_will_be():
    together = plan.make(ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH)), bare())
    after = of_torch(site(CMAKE, GCC))
    assert together.products["torch"].order.fingerprint == after.fingerprint
    assert list(together.products) == ["cmake", "gcc730", "torch"]
    assert together.tools["gcc730"]["lives"] == "/usr/local/linux_gcc7.3.0/lib64"
    assert together.products["torch"].order.trees == after.trees


@pytest.mark.parametrize(
    "spoil",
    [{"damage": ["bin/g++: missing"]}, {"manifest": None}, {"manifest": {"version": "7.2.0", "fingerprint": "0" * 64}}],
)
def test_a_tool_of_ours_that_will_not_do(spoil):
    state = site(CMAKE, GCC)
    state.products["gcc730"].update(spoil)
    planned = plan.make(ask_torch(), state)
    assert set(planned.tools) == {"cmake", "torch"}
    with_tools(state, gcc="10.2.1", gxx="10.2.1")
    assert plan.make(ask_torch(), state).tools["gcc730"]["folder"] == "/usr/bin"


def test_references_are_no_products():
    planned = plan.make(ask_torch(), bare())
    assert list(planned.products) == ["torch"]
    assert planned.products["torch"].order.identity["built_with"] == {"cmake": "missing", "gcc730": "missing"}


def test_in_check_mode_what_was_promised_counts_as_there():
    promised = plan.make(ask(recipe(CMAKE), recipe(GCC)), bare()).tools
    request = ask_torch(promised=promised)
    planned = plan.make(request, bare())
    assert planned.products["torch"].order.fingerprint == of_torch(site(CMAKE, GCC)).fingerprint
    assert planned.tools["cmake"] == promised["cmake"]
    # What is installed has precedence over what is promised.
    state = with_tools(bare(), cmake="3.18.4")
    assert plan.make(request, state).tools["cmake"]["folder"] == "/usr/bin"


def test_apex_is_built_against_the_torch_that_is_installed():
    state = installed(ask_torch(), site(CMAKE, GCC))
    request = ask_torch(*(used(GCC, TORCH) + [recipe(APEX)]))
    order = decided(request, state, "apex").order
    assert order.identity["built_with"]["torch"] == state.products["torch"]["manifest"]["fingerprint"]
    assert "" not in order.path
    # A torch that this collection did not make counts too.
    state.products["torch"].update(manifest=None, version="1.8.1")
    assert decided(request, state, "apex").order.identity["built_with"]["torch"] == "torch 1.8.1"


# --- tools that are too new -------------------------------------------------------------------------------------------


NEWEST = {name: row["newest"] for name, row in releases.PATCHED.items()}


@pytest.mark.parametrize(
    "version, arch, tools, built",
    [
        ("1.8.1", "x86_64", {"cmake": [("/usr/local/bin", "4.0.2")], "gcc": "10.2.1"}, ["cmake"]),
        ("1.5.0", "aarch64", {"cmake": "4.1.0", "gcc": "9.4.0"}, ["cmake"]),
        ("1.8.1", "x86_64", {"cmake": "3.31.6", "gcc": "12.2.0"}, []),
        # The next in the search path is accepted.
        ("1.8.1", "x86_64", {"cmake": [("/usr/local/bin", "4.0.2"), ("/usr/bin", "3.25.1")], "gcc": "12.2.0"}, []),
        *(
            ("1.8.1", arch, {"cmake": "3.20.0", "gcc": gcc}, ["gcc730"])
            for arch in ("x86_64", "aarch64")
            for gcc in ("13.2.0", "15.1.0")
        ),
        ("1.8.1", "aarch64", {"cmake": "3.20.0", "gcc": "10.2.1"}, []),
        ("1.5.0", "aarch64", {"cmake": "3.20.0", "gcc": "10.2.1"}, ["gcc730"]),
        ("1.5.0", "x86_64", {"cmake": "3.20.0", "gcc": "10.2.1"}, []),
        ("1.5.0", "x86_64", {"cmake": "3.20.0", "gcc": "14.2.0"}, ["gcc730"]),
    ],
)
def test_what_is_too_new_for_a_release_is_built(version, arch, tools, built):
    newest = NEWEST[version]
    recipes = [
        recipe(CMAKE, accept=dict(CMAKE["accept"], maximum=newest["cmake"])),
        recipe(GCC, accept=dict(GCC["accept"], maximum=newest["gcc"])),
    ]
    state = with_tools(bare(arch=arch), **dict(tools, gxx=tools["gcc"]))
    planned = plan.make(ask(*recipes), state)
    assert [name for name, entry in planned.products.items() if entry.do == "build"] == built


@pytest.mark.parametrize(
    "newest, fits", [("", True), (None, True), ({}, True), ({"sparc": "1"}, True), (3.1, False), ("3", True)]
)
def test_a_newest_version_in_any_form(newest, fits):
    state = with_tools(bare(), cmake="3.20.0")
    planned = plan.make(ask(recipe(CMAKE, accept=dict(CMAKE["accept"], maximum=newest))), state)
    assert (planned.products["cmake"].do == "nothing") is fits
