# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: situations and what is decided in them."""

import copy
import json
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.plugin_utils import recipes
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
    recipe,
    runs,
    takes,
    tool,
    used,
    with_tools,
)


def decided(request, state, name):
    return plan.make(request, state)["products"][name]


def does(request, state, name="cmake"):
    return decided(request, state, name)["do"]


# --- one tree ---------------------------------------------------------------------------------------------------------


def test_nothing_there():
    planned = plan.make(ask(recipe(CMAKE)), bare())
    entry = planned["products"]["cmake"]
    assert (entry["do"], entry["why"], entry["now"]) == ("build", ["cmake: not installed"], "not installed")
    short = fingerprint.short(entry["order"]["fingerprint"])
    assert entry["then"] == "cmake 3.12.1 ({0}) at /usr/local/cmake".format(short)
    assert planned["legs"] == ["provide", "verify"] and planned["work"]
    assert json.loads(json.dumps(planned)) == planned


def test_the_same_fingerprint():
    request = ask(recipe(CMAKE))
    planned = plan.make(request, installed(request, bare()))
    entry = planned["products"]["cmake"]
    assert (entry["do"], entry["why"], entry["now"] == entry["then"]) == ("nothing", [], True)
    assert planned["legs"] == ["verify"] and not planned["work"] and planned["packages"]["names"] == []


def test_the_plan_changes_nothing_of_what_it_is_given():
    request, state = ask(recipe(CMAKE), recipe(GCC), *ask_torch()["recipes"][2:]), bare()
    before = copy.deepcopy((request, state))
    plan.make(request, state)
    assert (request, state) == before


@pytest.mark.parametrize(
    "name, spoil, stored, do, why",
    [
        ("cmake", {"damage": ["bin/cmake: missing"]}, True, "publish", ["cmake: bin/cmake: missing"]),
        ("cmake", {"damage": ["bin/cmake: missing"]}, False, "build", ["cmake: bin/cmake: missing"]),
        ("cmake", {"damage": ["a", "b", "c", "d"]}, True, "publish", ["cmake: a", "cmake: b", "cmake: c"]),
        ("cmake", {"manifest": None, "version": None}, True, "publish", ["cmake: not installed"]),
        ("cmake", {"manifest": None, "version": None}, False, "build", ["cmake: not installed"]),
        # A link alone needs no product.
        (
            "cmake",
            {"links": {"/usr/bin/cmake": "absent"}},
            False,
            "publish",
            ["cmake: /usr/bin/cmake is not linked to it"],
        ),
        ("cmake", {"links": {"/usr/bin/cmake": "foreign"}}, False, "nothing", []),
        ("torch", {"damage": ["torch/x.so: missing"]}, True, "publish", ["torch: torch/x.so: missing"]),
        ("torch", {"damage": ["torch/x.so: missing"]}, False, "build", ["torch: torch/x.so: missing"]),
        (
            "torch",
            {"manifest": None, "version": "1.8.1"},
            True,
            "publish",
            ["torch: 1.8.1 is there, which this collection did not make"],
        ),
        ("torch", {"manifest": None, "version": None}, False, "build", ["torch: not installed"]),
    ],
)
def test_what_is_not_as_it_was(name, spoil, stored, do, why):
    request = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH))
    state = installed(request, bare())
    state["products"][name].update(spoil)
    if not stored:
        state["stored"] = {}
    entry = decided(request, state, name)
    assert (entry["do"], entry["why"]) == (do, why)
    if do != "nothing":
        assert plan.make(request, state)["legs"] == ["provide", "verify"]
        # What is stored may have been built when nobody followed it: it goes to the build cache now.
        assert entry["hands_on"] is (do == "publish" and stored)


def test_a_product_of_another_time_is_no_product():
    request = ask(recipe(CMAKE))
    state = installed(request, bare())
    state["products"]["cmake"].update(manifest=None, version=None)
    state["stored"] = {key: "0" * 64 for key in state["stored"]}
    assert does(request, state) == "build"


def test_a_foreign_link_that_may_be_replaced():
    request = ask(recipe(CMAKE), replace_link=True)
    state = installed(request, bare())
    state["products"]["cmake"]["links"] = {"/usr/bin/cmake": "foreign"}
    assert does(request, state) == "publish"


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"version": "3.13.0"}, "cmake: version 3.12.1 -> 3.13.0"),
        ({"sources": [dict(CMAKE["sources"][0], sha256="f" * 64)]}, "cmake: source cmake changed"),
        (
            {"stages": dict(CMAKE["stages"], configure=[{"run": ["./configure", "--fast"]}])},
            "cmake: flags of stage configure changed",
        ),
        ({"environment": {"CFLAGS": "-O1"}}, "cmake: build environment changed"),
    ],
)
def test_what_was_changed_is_told(changes, words):
    state = installed(ask(recipe(CMAKE)), bare())
    entry = decided(ask(recipe(CMAKE, **changes)), state, "cmake")
    assert (entry["do"], entry["why"]) == ("build", [words])
    assert "3.12.1" in entry["now"]


@pytest.mark.parametrize(
    "changes", [{"urls": ["https://elsewhere"]}, {"stages": dict(CMAKE["stages"], sanity=[])}, {"mem_gib_per_job": 9}]
)
def test_what_does_not_decide_the_product_builds_nothing(changes):
    sources = [dict(CMAKE["sources"][0], urls=changes.pop("urls"))] if "urls" in changes else CMAKE["sources"]
    state = installed(ask(recipe(CMAKE)), bare())
    assert does(ask(recipe(CMAKE, sources=sources, **changes), jobs="3", mirrors=["/m"]), state) == "nothing"


def test_another_libc_builds_anew():
    request = ask(recipe(CMAKE))
    assert decided(request, dict(installed(request, bare()), libc="glibc 2.36"), "cmake")["why"] == [
        "cmake: platform changed"
    ]


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
        # The first that will do, not the first.
        ([("/usr/bin", "2.8.12"), ("/home/u/.local/bin", "3.20.0")], "3.12.0", "", "nothing"),
        # What stands at the prefix itself does not count as the host's own.
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
        assert found["order"] is None and "will do" in found["why"][0] and versions[-1][0] in found["then"]
        planned = plan.make(ask(entry), state)
        assert planned["legs"] == [] and not planned["work"] and planned["packages"]["names"] == []


def test_the_host_s_own_is_not_asked_for():
    assert does(ask(recipe(CMAKE, accept={})), with_tools(bare(), cmake="3.18.4")) == "build"


def test_ours_stays_when_the_host_gets_its_own():
    request = ask(recipe(CMAKE))
    state = with_tools(installed(request, bare()), cmake="3.18.4")
    assert decided(request, state, "cmake")["order"] is not None


@pytest.mark.parametrize(
    "gcc, gxx, do",
    [
        ("10.2.1", "10.2.1", "nothing"),
        ("7.3.0", "7.3.0", "nothing"),
        ("7.3.1", "7.3.0", "build"),
        ("10.2.1", None, "build"),
        ("10.2.1", [], "build"),
        ("4.8.5", "4.8.5", "build"),
        # Two pairs of which neither is whole, and the same version in different places.
        ([("/usr/bin", "10.2.1"), ("/opt/bin", "9.3.0")], [("/usr/bin", "9.3.0"), ("/opt/bin", "10.2.1")], "build"),
        ([("/usr/bin", "10.2.1")], [("/opt/bin", "10.2.1")], "build"),
        ([("/usr/bin", "4.8.5"), ("/opt/bin", "9.3.0")], [("/usr/bin", "4.8.5"), ("/opt/bin", "9.3.0")], "nothing"),
    ],
)
def test_gcc_and_gxx_are_of_one_version(gcc, gxx, do):
    assert does(ask(recipe(GCC)), with_tools(bare(), gcc=gcc, gxx=gxx), "gcc730") == do


def test_what_the_host_has_is_told_with_why_it_will_not_do():
    state = with_tools(bare(), gcc="4.8.5")
    state["tools"]["g++"] = [tool("/usr/bin/g++", None, "gave no answer in 10 s")]
    assert plan.unfit(GCC["accept"], state) == "/usr/bin/gcc 4.8.5, /usr/bin/g++ (gave no answer in 10 s)"
    assert plan.unfit({}, state) == "none"
    assert plan.wanted_words(GCC["accept"]) == "gcc and g++ of one version, at least 7.3.0"
    assert plan.wanted_words({"commands": ["cmake"], "maximum": "3.26"}) == "cmake, at most 3.26"
    assert plan.wanted_words({})


# --- what the host demands --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "libc, gxx, options, flags",
    [
        ("glibc 2.17", "8.3.0", [], None),
        ("glibc 2.27", "8.3.0", [], None),
        ("glibc 2.28", "8.3.0", ["--disable-libsanitizer"], None),
        ("glibc 2.31", "10.2.1", ["--disable-libsanitizer"], None),
        ("glibc 2.36", "12.2.0", ["--disable-libsanitizer"], "-g -O2 -std=gnu++14"),
        ("glibc 2.17", "11", [], "-g -O2 -std=gnu++14"),
        ("glibc 2.17", None, [], None),
        ("", "8.3.0", [], None),
        ("musl 1.2", "8.3.0", [], None),
        ("unknown", "8.3.0", [], None),
    ],
)
def test_gcc_is_adapted_to_its_host(libc, gxx, options, flags):
    state = with_tools(bare(libc=libc), gxx=gxx)
    order = decided(ask(recipe(GCC)), state, "gcc730")["order"]
    assert order["stages"]["configure"] == [{"run": ["{src}/gcc/configure"] + options + ["--disable-bootstrap"]}]
    assert order["environment"].get("CXXFLAGS") == flags
    assert order["stages"]["install"] == GCC["stages"]["install"]


def test_the_compiler_of_a_host_is_not_its_cohort():
    def mark(**versions):
        return decided(ask(recipe(GCC)), with_tools(bare(), **versions), "gcc730")["order"]["fingerprint"]

    assert mark() == mark(gxx="5.4.0") == mark(gxx="12.2.0")


def test_the_compiler_that_counts_is_the_first_that_works():
    state = with_tools(bare(libc="glibc 2.17"), gxx=[("/usr/bin", "12.2.0"), ("/opt/bin", "8.3.0")])
    assert decided(ask(recipe(GCC)), state, "gcc730")["order"]["environment"]
    state["tools"]["g++"][0]["version"] = None
    assert not decided(ask(recipe(GCC)), state, "gcc730")["order"]["environment"]


# --- what it is built with --------------------------------------------------------------------------------------------


def of_torch(state, *recipes, **changes):
    return decided(ask_torch(*recipes, **changes), state, "torch")["order"]


def site(*recipes):
    """A host where these roles have done their work."""
    return installed(ask(*[recipe(entry) for entry in recipes]), bare())


@pytest.mark.parametrize("asked", [True, False])
def test_pip_is_asked_where_a_wheel_comes_for_one_of_its_version(asked):
    request = ask_torch()
    state = installed(request, site(CMAKE, GCC))
    state["pythons"]["python3.9"]["pip"]["asked"] = asked
    assert not plan.asks_pip(plan.make(request, state), state)
    # All of it stands, and is another one than is wanted.
    state["products"]["torch"]["manifest"].update(fingerprint="0" * 64, identity={})
    planned = plan.make(request, state)
    assert planned["products"]["torch"]["do"] in plan.BRINGING
    assert plan.asks_pip(planned, state) == (not asked)


def test_torch_is_built_with_what_the_roles_published():
    order = of_torch(site(CMAKE, GCC))
    state = site(CMAKE, GCC)
    # The trees, and not the links, which may lead to others before the build ends.
    cmake, gcc = (
        "{0}-{1}-{2}".format(prefix, card["version"], fingerprint.short(card["fingerprint"]))
        for prefix, card in (
            ("/usr/local/cmake", state["products"]["cmake"]["manifest"]),
            ("/usr/local/linux_gcc7.3.0", state["products"]["gcc730"]["manifest"]),
        )
    )
    assert order["path"] == [cmake + "/bin", gcc + "/bin", "/usr/bin"]
    assert (order["library_path"], order["trees"]) == ([gcc + "/lib64"], [cmake, gcc])
    assert order["environment"] == {"CC": gcc + "/bin/gcc", "CXX": gcc + "/bin/g++"}
    assert order["identity"]["built_with"] == {
        name: state["products"][name]["manifest"]["fingerprint"] for name in ("cmake", "gcc730")
    }
    assert (order["python"], order["python_version"], order["python_tag"]) == ("/usr/bin/python3.9", "3.9", "cp39")


def test_torch_is_built_with_the_host_s_own():
    state = with_tools(bare(), cmake="3.18.4", gcc="10.2.1", gxx="10.2.1")
    order = of_torch(state)
    assert order["path"] == ["/usr/bin", "/usr/bin"] and order["library_path"] == []
    assert order["environment"] == {"CC": "/usr/bin/gcc", "CXX": "/usr/bin/g++"}
    assert order["identity"]["built_with"] == {"cmake": "cmake 3.18", "gcc730": "gcc730 10"}
    assert order["tools"] == {"cmake": "3.18.4", "gcc730": "10.2.1"}


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
        assert (entry["do"], entry.get("kept")) == ("nothing", None)
        assert fresh["products"][name]["order"]["fingerprint"] == state["products"][name]["manifest"]["fingerprint"]


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
    entry = planned["products"]["torch"]
    assert (entry["do"], entry["then"], planned["work"]) == ("nothing", entry["now"], False)
    assert entry["kept"] == words
    # What verifies it, and what was built with it, go by what stands.
    assert entry["order"]["fingerprint"] == state["products"]["torch"]["manifest"]["fingerprint"]
    assert planned["products"]["apex"]["do"] == "nothing"
    # Who lacks it is not given it.
    fresh = of_torch(with_tools(bare(), cmake=cmake, gcc=gcc, gxx=gcc))
    assert entry["anew"]["fingerprint"] == fresh["fingerprint"] != entry["order"]["fingerprint"]

    anew = plan.make(dict(request, rebuild=True), state)["products"]["torch"]
    assert (anew["do"], anew["order"]["fingerprint"]) == ("build", fresh["fingerprint"])
    assert anew["why"] == ["torch: built with another " + words.partition(" ")[0]]


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
    state["products"]["torch"].update(spoil)
    entry = decided(ask_torch(*used(CMAKE, GCC), recipe(TORCH, **recipe_changes)), state, "torch")
    assert entry["do"] == "build" and "kept" not in entry


def test_another_torch_than_apex_was_built_with_is_no_update_of_a_tool():
    request = ask_torch(*used(CMAKE, GCC, TORCH), recipe(APEX))
    state = with_tools(bare(), cmake="3.22.1", gcc="9.3.0", gxx="9.3.0")
    state["products"]["torch"]["version"] = "1.8.1"
    state = installed(request, state)
    state["products"]["torch"]["version"] = "1.8.2"
    assert decided(request, state, "apex")["why"] == ["apex: built with another torch"]


def test_a_requirement_that_was_removed_is_put_back_beside_what_stays():
    request, state = built_with("3.22.1", "10.2.1")
    del state["pythons"]["python3.9"]["packages"]["pyyaml"]
    entry = decided(request, state, "torch")
    assert (entry["do"], entry["why"]) == ("publish", ["torch: pyyaml is not installed"])


def test_hosts_of_different_distributions_do_not_share_wheels():
    other = bare()["os"]
    other.update(id="openeuler", version="22.03")
    tools = {"cmake": "3.22.1", "gcc": "9.3.0", "gxx": "9.3.0"}
    first, second = (of_torch(with_tools(state, **tools)) for state in (bare(), bare(os=other)))
    assert first["fingerprint"] != second["fingerprint"]
    assert first["identity"]["platform"]["distribution"] == "debian 11"
    # A tree brings its own libraries.
    first, second = (decided(ask(recipe(CMAKE)), state, "cmake")["order"] for state in (bare(), bare(os=other)))
    assert first["fingerprint"] == second["fingerprint"]


def test_another_release_of_the_distribution_builds_nothing_anew():
    request, state = built_with("3.22.1", "9.3.0")
    state["os"]["version"] = "11.1"
    entry = decided(request, state, "torch")
    assert (entry["do"], entry["kept"]) == ("nothing", "distribution debian 11.1 instead of debian 11")
    # An older manifest knows of no distribution.
    del state["products"]["torch"]["manifest"]["identity"]["platform"]["distribution"]
    assert decided(request, state, "torch")["do"] == "nothing"
    state["libc"] = "glibc 2.36"
    assert decided(request, state, "torch")["do"] == "build"


def test_torch_follows_the_fingerprints_of_its_tools():
    first = of_torch(site(CMAKE, GCC))["fingerprint"]
    assert of_torch(site(CMAKE, GCC))["fingerprint"] == first
    state = site(recipe(CMAKE, version="3.13.0"), GCC)
    assert of_torch(state)["fingerprint"] != first
    state = installed(ask_torch(), site(CMAKE, GCC))
    state["products"]["gcc730"]["manifest"]["fingerprint"] = "0" * 64
    assert decided(ask_torch(), state, "torch")["why"] == ["torch: built with another gcc730"]


def test_in_one_request_torch_follows_what_the_tools_will_be():
    together = plan.make(ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH)), bare())
    after = of_torch(site(CMAKE, GCC))
    assert together["products"]["torch"]["order"]["fingerprint"] == after["fingerprint"]
    assert list(together["products"]) == ["cmake", "gcc730", "torch"]
    assert together["tools"]["gcc730"]["lives"] == "/usr/local/linux_gcc7.3.0/lib64"
    assert together["products"]["torch"]["order"]["trees"] == after["trees"]


@pytest.mark.parametrize(
    "spoil",
    [{"damage": ["bin/g++: missing"]}, {"manifest": None}, {"manifest": {"version": "7.2.0", "fingerprint": "0" * 64}}],
)
def test_a_tool_of_ours_that_will_not_do(spoil):
    state = site(CMAKE, GCC)
    state["products"]["gcc730"].update(spoil)
    planned = plan.make(ask_torch(), state)
    assert set(planned["tools"]) == {"cmake", "torch"}
    with_tools(state, gcc="10.2.1", gxx="10.2.1")
    assert plan.make(ask_torch(), state)["tools"]["gcc730"]["folder"] == "/usr/bin"


def test_references_are_no_products():
    planned = plan.make(ask_torch(), bare())
    assert list(planned["products"]) == ["torch"]
    assert planned["products"]["torch"]["order"]["identity"]["built_with"] == {"cmake": "missing", "gcc730": "missing"}


def test_in_check_mode_what_was_promised_counts_as_there():
    promised = plan.make(ask(recipe(CMAKE), recipe(GCC)), bare())["tools"]
    request = ask_torch(promised=promised)
    planned = plan.make(request, bare())
    assert planned["products"]["torch"]["order"]["fingerprint"] == of_torch(site(CMAKE, GCC))["fingerprint"]
    assert planned["tools"]["cmake"] == promised["cmake"]
    # What stands goes before what is promised.
    state = with_tools(bare(), cmake="3.18.4")
    assert plan.make(request, state)["tools"]["cmake"]["folder"] == "/usr/bin"


def test_apex_is_built_against_the_torch_that_is_installed():
    state = installed(ask_torch(), site(CMAKE, GCC))
    request = ask_torch(*(used(GCC, TORCH) + [recipe(APEX)]))
    order = decided(request, state, "apex")["order"]
    assert order["identity"]["built_with"]["torch"] == state["products"]["torch"]["manifest"]["fingerprint"]
    assert "" not in order["path"]
    # A torch of somebody else's is one too.
    state["products"]["torch"].update(manifest=None, version="1.8.1")
    assert decided(request, state, "apex")["order"]["identity"]["built_with"]["torch"] == "torch 1.8.1"


# --- Python -----------------------------------------------------------------------------------------------------------


def other_python(state, version="3.8.10", path="/opt/python/bin/python3.8", **changes):
    entry = dict(
        state["pythons"]["python3.9"],
        path=path,
        version=version,
        tag="cp38",
        abi="cp38",
        packages={"pip": "1", "pyyaml": "1", "wheel": "1"},
        **changes,
    )
    state.update(pythons={"python3.8": entry}, python="python3.8")
    return state


def test_the_pythons_that_are_looked_for():
    assert plan.pythons(ask_torch()) == ["python3.7", "python3.8", "python3.9"]
    assert plan.pythons(ask_torch(python="/opt/x")) == ["/opt/x"] and plan.pythons(ask(recipe(CMAKE))) == []


def test_another_python_builds_anew_and_has_its_folder_in_the_path_after_the_tools():
    first = of_torch(site(CMAKE, GCC))
    order = of_torch(other_python(site(CMAKE, GCC)))
    assert order["fingerprint"] != first["fingerprint"]
    assert order["path"][-1] == "/opt/python/bin" and order["python_tag"] == "cp38"
    request = ask(recipe(CMAKE))
    assert (
        decided(request, other_python(bare()), "cmake")["order"]["fingerprint"]
        == decided(request, bare(), "cmake")["order"]["fingerprint"]
    )


@pytest.mark.parametrize(
    "uid, venv, options", [(0, "", []), (1000, "", ["--user"]), (1000, "/venv", []), (0, "/venv", [])]
)
def test_a_plain_user_installs_for_himself(uid, venv, options):
    state = bare(user={"uid": uid, "name": "u", "home": "/home/u"}, venv=venv)
    assert of_torch(state)["pip_options"] == options


def test_a_virtual_environment_that_is_not_made_yet():
    state = dict(site(CMAKE, GCC), venv="/venv")
    planned = plan.make(ask_torch(), state)
    assert planned["venv"] == ["/usr/bin/python3.9", "-m", "venv", "/venv"]
    order = planned["products"]["torch"]["order"]
    assert (order["python"], order["sites"]) == ("/venv/bin/python", [])
    assert order["requirements_missing"] == ["pyyaml", "wheel"]
    # When it is made nothing is built anew for that.
    made = dict(state["pythons"]["python3.9"], path="/venv/bin/python", venv=True, sites=["/venv/lib"])
    state["venv_python"] = made
    planned = plan.make(ask_torch(), state)
    assert planned["venv"] == [] and planned["products"]["torch"]["order"]["fingerprint"] == order["fingerprint"]
    assert planned["products"]["torch"]["order"]["sites"] == ["/venv/lib"]


def test_no_python_no_virtual_environment():
    assert plan.make_venv(bare(venv="/venv", python=None)) == []


def test_requirements_that_went():
    state = installed(ask_torch(), site(CMAKE, GCC))
    state["products"]["torch"]["manifest"]["requirements"] = ["numpy", "six>=1"]
    state["pythons"]["python3.9"]["packages"].update(six="1.16")
    for name in ("wheel", "numpy"):
        del state["pythons"]["python3.9"]["packages"][name]
    entry = decided(ask_torch(), state, "torch")
    assert (entry["do"], entry["why"]) == (
        "publish",
        ["torch: wheel is not installed", "torch: numpy is not installed"],
    )


# --- packages ---------------------------------------------------------------------------------------------------------


def lacking(state, *recipes, **changes):
    return plan.make(ask(*recipes, **changes), state)["packages"]


@pytest.mark.parametrize("uid, may, becomes", [(1000, True, True), (1000, False, False), (0, True, False)])
def test_who_becomes_root_for_packages(uid, may, becomes):
    state = bare()
    state["user"]["uid"] = uid
    assert plan.make(ask(packages_become=may), state)["packages"]["become_root"] == becomes


def test_packages_for_what_is_built_alone():
    state = bare(missing_needs=["gcc", "openssl", "git", "bzip2"])
    assert lacking(state, recipe(CMAKE)) == {
        "needs": ["gcc", "openssl"],
        "names": ["gcc", "libssl-dev"],
        "become_root": False,
        "manager": "apt",
    }
    assert lacking(with_tools(state, cmake="3.20.0"), recipe(CMAKE))["names"] == []
    assert lacking(state, needs=["git"])["names"] == ["git"]
    state["os"].update(family="RedHat", package_manager="dnf")
    assert lacking(bare(missing_needs=["g++"], os=state["os"]), recipe(CMAKE))["names"] == ["gcc-c++"]


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
    state["os"]["family"] = family
    python = state["pythons"]["python3.9"]
    python.update(path=path, real=path, headers=headers)
    if not pip:
        del python["packages"]["pip"]
    assert lacking(state, release=RELEASE)["names"] == names
    assert lacking(state)["names"] == []


def test_packages_of_what_is_packed_apart():
    state = bare()
    state["pythons"]["python3.9"].update(lacks={"distutils": "gone", "ensurepip": "gone"}, headers=False)
    assert lacking(state, release=RELEASE)["names"] == ["python3.9-dev", "python3-setuptools"]
    # The headers and the maker of a virtual environment are those of the Python that it is made by.
    state["venv"] = "/opt/venv"
    assert lacking(state, release=RELEASE)["names"] == ["python3.9-dev", "python3.9-venv", "python3-setuptools"]
    own = dict(state["pythons"]["python3.9"], path="/opt/venv/bin/python", packages={"setuptools": "60.0"})
    state["venv_python"] = own
    assert lacking(state, release=RELEASE)["names"] == ["python3.9-dev"]
    own.update(version=None)
    assert lacking(state, release=RELEASE)["names"] == []


def test_a_library_that_only_its_python_knows():
    folder = "/usr/local/python3.9.5/lib"
    request = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), environment=ENVIRONMENT)
    state = bare(cann_environment={"prepend": {"LD_LIBRARY_PATH": ["/usr/local/Ascend/lib64"]}})
    before = plan.make(request, state)
    state["pythons"]["python3.9"]["library_path"] = folder
    after = plan.make(request, state)
    orders = {name: entry["order"] for name, entry in after["products"].items()}
    gcc = "/usr/local/linux_gcc7.3.0-7.3.0-" + orders["gcc730"]["fingerprint"][:12]
    assert orders["torch"]["library_path"] == [gcc + "/lib64", folder]
    assert orders["cmake"]["library_path"] == []
    # It decides nothing of what is built.
    assert orders["torch"]["fingerprint"] == before["products"]["torch"]["order"]["fingerprint"]
    text = after["environment"]["text"]
    assert folder in text and text.index("/usr/local/Ascend/lib64") < text.index(folder)
    assert folder not in before["environment"]["text"]
    state["venv"] = "/opt/venv"
    argv = ["env", "LD_LIBRARY_PATH=" + folder, "/usr/bin/python3.9", "-m", "venv", "/opt/venv"]
    assert plan.make(request, state)["venv"] == argv


# --- where nothing is built -------------------------------------------------------------------------------------------

ALL = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), environment=ENVIRONMENT)


def cohort(request, state, name="torch"):
    return decided(request, state, name)["order"]["fingerprint"]


def reference_plan(request, state):
    """What is planned when only torch's role is asked."""
    return plan.make(dict(request, recipes=used(CMAKE, GCC) + [recipe(TORCH)]), state)


def test_what_others_build_is_taken():
    whole, taking = plan.make(ALL, bare()), plan.make(takes(ALL), bare())
    assert [entry["do"] for entry in taking["products"].values()] == ["take"] * 3
    for name, entry in taking["products"].items():
        assert dict(entry, do="build") == whole["products"][name]
    assert (taking["legs"], taking["work"]) == (whole["legs"], True)


@pytest.mark.parametrize("spoil, stored, do", [({}, True, "nothing"), ({"damage": ["x"]}, True, "publish")])
def test_who_takes_publishes_what_is_stored_there(spoil, stored, do):
    state = installed(takes(ALL), bare())
    state["products"]["torch"].update(spoil)
    assert does(takes(ALL), state, "torch") == do
    assert not decided(takes(ALL), state, "torch").get("hands_on")
    state["stored"] = {}
    assert does(takes(ALL), state, "torch") == {"nothing": "nothing", "publish": "take"}[do]


def test_who_takes_needs_what_the_product_runs_with():
    everything = sorted({need for entry in ALL["recipes"] for need in entry["needs"]} | {"openblas", "m4"})
    state = bare(missing_needs=everything)
    request = dict(ALL, needs=["m4"])
    python = state["pythons"]["python3.9"]
    python.update(headers=False, shared_library=False)
    del python["packages"]["pip"]
    assert set(plan.make(request, state)["packages"]["needs"]) == set(everything)
    assert "python3.9-dev" in plan.make(request, state)["packages"]["names"]
    assert plan.make(takes(request), state)["packages"] == {
        "needs": ["openblas"],
        "names": ["libopenblas-dev", "python3-pip"],
        "become_root": False,
        "manager": "apt",
    }
    assert plan.make(takes(ask(recipe(CMAKE))), state)["packages"]["names"] == []


def test_who_only_runs_wants_of_the_tools_the_libraries():
    whole, running = plan.make(ALL, bare()), plan.make(runs(ALL), bare())
    assert {name: entry["do"] for name, entry in running["products"].items()} == {
        "cmake": "nothing",
        "gcc730": "take",
        "torch": "take",
    }
    assert running["products"]["cmake"]["order"] is None
    assert running["products"]["cmake"]["why"] == ["cmake: not wanted where nothing is built"]
    # One cohort with those that build, and one environment.
    assert running["products"]["torch"]["order"]["identity"] == whole["products"]["torch"]["order"]["identity"]
    assert (running["tools"], running["environment"]) == (whole["tools"], whole["environment"])

    entry = running["products"]["gcc730"]
    part, order = entry["order"], whole["products"]["gcc730"]["order"]
    assert part["fingerprint"] == fingerprint.digest(part["identity"]) != order["fingerprint"]
    assert (part["part_of"], part["name"], part["prefix"]) == (order["fingerprint"], "gcc730", order["prefix"])
    assert (part["verify"], part["stages"], part["parts"]) == ([], {}, [])
    assert entry["then"].startswith("the runtime libraries of gcc730 7.3.0 (" + fingerprint.short(part["fingerprint"]))
    # It comes out of the build of the whole, by what the whole's order says.
    assert [dict(part, **one) for one in order["parts"]] == [part] and order["part_of"] == ""
    # Also where a host may build other things.
    assert does(dict(runs(ALL), builds=True), bare(), "gcc730") == "take"


def test_what_decides_the_libraries():
    def part(request, state=None):
        return decided(runs(request), state or bare(), "gcc730")["order"]

    first = part(ask(recipe(GCC)))["fingerprint"]
    assert part(ask(recipe(GCC), jobs="3"))["fingerprint"] == first
    others = [
        part(ask(recipe(GCC, runtime=["lib64/*"]))),
        part(ask(recipe(GCC, sources=[dict(GCC["sources"][0], sha256="0" * 64)]))),
        part(ask(recipe(GCC)), bare(libc="glibc 2.17")),
    ]
    assert len({first} | {order["fingerprint"] for order in others}) == 4


def test_who_has_the_libraries_or_the_whole_wants_no_more():
    for request in (runs(ALL), ALL):
        state = installed(request, bare())
        planned = plan.make(runs(ALL), state)
        assert [entry["do"] for entry in planned["products"].values()] == ["nothing"] * 3
        assert not planned["work"] and planned["legs"] == ["verify"]
        assert (
            planned["products"]["gcc730"]["order"]["fingerprint"]
            == (state["products"]["gcc730"]["manifest"]["fingerprint"])
        )
    # The whole is mended as the whole.
    state["products"]["gcc730"]["damage"] = ["lib64/libgomp.so.1: missing"]
    assert does(runs(ALL), state, "gcc730") == "publish"
    assert decided(runs(ALL), dict(state, stored={}), "gcc730")["order"]["part_of"] == ""


def test_another_whole_is_followed_by_its_libraries_and_these_by_the_whole():
    old = installed(ask(recipe(GCC, version="7.2.0")), bare())
    entry = decided(runs(ALL), old, "gcc730")
    assert (entry["do"], entry["why"]) == ("take", ["gcc730: its runtime libraries instead of the whole"])
    entry = decided(ALL, installed(runs(ALL), bare()), "gcc730")
    assert (entry["do"], entry["why"]) == ("build", ["gcc730: the whole instead of its runtime libraries"])
    newer = dict(ALL, recipes=[recipe(GCC, environment={"CFLAGS": "-O1"})])
    assert decided(runs(newer), installed(runs(ALL), bare()), "gcc730")["why"] == ["gcc730: built from another whole"]
    newer = dict(ALL, recipes=[recipe(GCC, version="7.4.0")])
    assert decided(runs(newer), installed(runs(ALL), bare()), "gcc730")["why"] == ["gcc730: version 7.3.0 -> 7.4.0"]


def test_the_role_of_torch_knows_the_whole_by_its_libraries():
    state = installed(runs(ask(recipe(GCC))), bare())
    builder = site(CMAKE, GCC)
    cmake = plan.make(runs(ALL), bare())["tools"]["cmake"]
    planned = reference_plan(runs(ALL, promised={"cmake": cmake}), state)
    assert planned["products"]["torch"]["order"]["fingerprint"] == cohort(ask_torch(), builder)
    assert "/usr/local/linux_gcc7.3.0/lib64" in planned["environment"]["text"]
    # Nothing can be built with them.
    assert "gcc730" not in reference_plan(ALL, state)["tools"]


def test_who_only_runs_follows_the_builders():
    builder = plan.make(ALL, with_tools(bare(), cmake="3.18.4", gcc="10.2.1", gxx="10.2.1"))
    request = runs(ALL, promised=builder["tools"])
    for state in (bare(), with_tools(bare(), cmake="3.20.0", gcc="9.3.0", gxx="9.3.0"), installed(ALL, bare())):
        planned = plan.make(request, state)
        assert (
            planned["products"]["torch"]["order"]["fingerprint"]
            == (builder["products"]["torch"]["order"]["fingerprint"])
        )
        # Built with the builder's own gcc, it needs no libraries of ours.
        assert planned["products"]["gcc730"]["do"] == "nothing" and planned["products"]["gcc730"]["order"] is None
        assert "lib64" not in planned["environment"]["text"]
        again = reference_plan(request, state)["products"]["torch"]["order"]
        assert again["fingerprint"] == planned["products"]["torch"]["order"]["fingerprint"]


def test_who_only_runs_follows_the_builders_and_not_its_own_compiler():
    builder = plan.make(ALL, bare())
    state = with_tools(bare(), cmake="3.20.0", gcc="10.2.1", gxx="10.2.1")
    assert does(runs(ALL), state, "gcc730") == "nothing"
    request = runs(ALL, promised=builder["tools"])
    planned = plan.make(request, state)
    part = planned["products"]["gcc730"]["order"]
    assert part["part_of"] == builder["products"]["gcc730"]["order"]["fingerprint"]
    assert part["fingerprint"] == builder["products"]["gcc730"]["order"]["parts"][0]["fingerprint"]
    state["user"] = {"uid": 1000, "name": "u", "home": "/home/u"}
    state["products"]["gcc730"]["prefix"] = "/home/u/.local/gcc"
    assert plan.make(request, state)["tools"]["gcc730"]["lives"] == "/home/u/.local/gcc/lib64"


def test_what_only_runs_is_to_be_absent():
    gone = runs(ask(recipe(GCC, state="absent")))
    assert does(gone, installed(runs(ALL), bare()), "gcc730") == "remove"


# --- environment ------------------------------------------------------------------------------------------------------


def env(state=None, *recipes, **changes):
    wanted = dict(copy.deepcopy(ENVIRONMENT), **changes)
    return plan.make(ask_torch(*(recipes or used(CMAKE, GCC) + [recipe(TORCH)]), environment=wanted), state or bare())[
        "environment"
    ]


def test_the_environment_file_is_written_when_it_differs():
    request = ask_torch(environment=ENVIRONMENT)
    planned = plan.make(request, site(CMAKE, GCC))
    assert (planned["environment"]["do"], planned["environment"]["why"]) == ("publish", ["environment file: not there"])
    assert planned["legs"] == ["provide", "environment", "verify"]
    state = installed(request, site(CMAKE, GCC))
    planned = plan.make(request, state)
    assert planned["environment"]["do"] == "nothing" and not planned["work"] and planned["legs"] == ["verify"]
    state["env_file"]["sha256"] = "0" * 64
    planned = plan.make(request, state)
    assert planned["environment"]["why"] == ["environment file: changed"] and planned["work"]
    assert planned["legs"] == ["environment", "verify"]


def test_a_folder_of_the_environment_file_that_is_there_is_not_made():
    """Making it would give it a mode: /tmp is everybody's, and a home its owner's alone."""
    request, state = ask_torch(environment=ENVIRONMENT), site(CMAKE, GCC)
    folder = os.path.dirname(state["env_file"]["path"])
    for stands_at, makes in ((folder, ""), (os.path.dirname(folder), folder)):
        state["disk"][folder] = dict(state["disk"].get(folder, {}), stands_at=stands_at)
        assert plan.make(request, state)["environment"]["makes"] == makes


def test_no_environment_is_asked_for():
    assert plan.make(ask(recipe(CMAKE)), bare())["environment"] is None


def test_values_that_are_empty_are_not_set():
    text = env()["text"]
    assert "export TASK_QUEUE_ENABLE=1" in text and "DYNAMIC_OP" not in text and "HCCL_IF_IP" not in text


def test_the_libraries_of_gcc_where_gcc_was_raised():
    assert "/usr/local/linux_gcc7.3.0/lib64" in env(site(CMAKE, GCC))["text"]
    assert "lib64" not in env(with_tools(bare(), gcc="10.2.1", gxx="10.2.1"))["text"]


def test_the_libraries_of_gcc_stand_before_those_of_cann():
    state = site(GCC)
    state["cann_environment"] = {
        "prepend": {"LD_LIBRARY_PATH": ["/cann/lib64"]},
        "set": {"ASCEND_OPP_PATH": "/cann/opp", "TASK_QUEUE_ENABLE": "0"},
    }
    text = env(state)["text"]
    assert text.index("linux_gcc7.3.0/lib64") < text.index("/cann/lib64")
    assert "ASCEND_OPP_PATH=/cann/opp" in text and "TASK_QUEUE_ENABLE=1" in text and "TASK_QUEUE_ENABLE=0" not in text


def test_cpu_binding_is_undone_where_the_system_is_of_the_openeuler_family():
    assert "GOMP_CPU_AFFINITY" not in env()["text"]
    state = bare()
    state["os"]["openeuler_family"] = True
    assert "unset GOMP_CPU_AFFINITY" in env(state)["text"]


@pytest.mark.parametrize(
    "interface, given, address",
    [
        ("eth0", "", "192.168.1.10"),
        ("eth0", "10.0.0.1", "10.0.0.1"),
        ("", "10.0.0.1", "10.0.0.1"),
        ("", "", None),
        ("eth9", "", None),
    ],
)
def test_the_address_for_hccl(interface, given, address):
    text = env(hccl_interface=interface, set={"HCCL_IF_IP": given})["text"]
    assert ("export HCCL_IF_IP={0}\n".format(address) in text) if address else "HCCL_IF_IP" not in text


# --- away with it -----------------------------------------------------------------------------------------------------


def test_what_is_to_be_absent():
    gone = ask(recipe(CMAKE, state="absent"))
    assert does(gone, bare()) == "nothing" and plan.make(gone, bare())["legs"] == []
    planned = plan.make(gone, site(CMAKE))
    assert planned["products"]["cmake"]["do"] == "remove" and planned["work"] and planned["legs"] == ["remove"]
    assert planned["products"]["cmake"]["order"]["prefix"] == "/usr/local/cmake"
    # What the host has itself stays.
    assert does(gone, with_tools(bare(), cmake="3.20.0")) == "nothing"
    state = site(CMAKE)
    state["products"]["cmake"]["manifest"]["version"] = "3.10.0"
    assert does(gone, state) == "remove"


def test_what_is_to_be_absent_needs_no_packages():
    assert lacking(bare(missing_needs=["gcc"]), recipe(CMAKE, state="absent"))["names"] == []


def test_an_environment_file_that_is_to_be_absent():
    request = ask_torch(environment=ENVIRONMENT)
    state = installed(request, site(CMAKE, GCC))
    gone = ask_torch(
        *(used(CMAKE, GCC) + [recipe(TORCH, state="absent")]), environment=dict(ENVIRONMENT, state="absent")
    )
    planned = plan.make(gone, state)
    assert planned["environment"]["do"] == "remove" and planned["legs"] == ["remove", "environment"]
    # Written for another CANN, or with the gcc that goes too.
    state["env_file"]["sha256"] = "0" * 64
    assert plan.make(gone, state)["environment"]["do"] == "remove"
    state["env_file"]["ours"] = False
    planned = plan.make(gone, state)["environment"]
    assert planned["do"] == "nothing" and "changed by hand" in planned["why"][0]
    state["env_file"]["sha256"] = None
    assert plan.make(gone, state)["environment"]["why"] == []


# --- the rest of an order ---------------------------------------------------------------------------------------------


def test_the_order_has_what_the_host_resolved():
    order = decided(
        ask(recipe(CMAKE), mirrors=["/m"], replace_link=True, keep_builds=True, timeout_s=7), bare(), "cmake"
    )["order"]
    assert order["links"] == [{"path": "/usr/bin/cmake", "target": "bin/cmake"}] and order["replace_link"] is True
    assert (order["work_dir"], order["env_file"]) == ("/var/lib/ascend-pytorch", "/etc/ascend-pytorch/env.sh")
    assert (order["mirrors"], order["keep"], order["timeout_s"], order["collection_version"]) == (
        ["/m"],
        True,
        7,
        "0.1.0",
    )
    assert order["fingerprint"] == fingerprint.digest(order["identity"])
    assert order["path"] == [] and order["identity"]["prefix"] == "/usr/local/cmake"


@pytest.mark.parametrize("jobs, available_mib, count", [("auto", 32768, 8), ("auto", 3000, 2), ("5", 100, 5)])
def test_jobs_by_cores_and_memory(jobs, available_mib, count):
    state = bare(memory={"total_mib": 1, "available_mib": available_mib})
    assert decided(ask(recipe(CMAKE), jobs=jobs), state, "cmake")["order"]["jobs"] == count


def test_the_question():
    asked = plan.question(ask_torch(*(used(GCC) + [recipe(CMAKE), recipe(TORCH)]), needs=["m4"], venv="~/v"))
    assert asked["tools"] == ["c++", "cc", "cmake", "g++", "gcc"] and asked["venv"] == "~/v"
    assert asked["needs"] == sorted(
        {"acl", "m4", "make", "gcc", "g++", "openssl", "git", "patch", "dos2unix", "openblas"}
    )
    assert [entry["name"] for entry in asked["products"]] == ["gcc730", "cmake", "torch"]
    assert asked["products"][1]["links"] == CMAKE["links"] and asked["products"][2]["distribution"] == "torch"


def test_the_legs_in_order():
    entry = {"do": "build", "order": {"state": "present"}}
    legs = plan.legs([entry, {"do": "remove", "order": {"state": "absent"}}], {"do": "publish"})
    assert legs == ["remove", "provide", "environment", "verify"]
    assert plan.legs([dict(entry, do="take")], None) == ["provide", "verify"]
    assert plan.legs([{"do": "nothing", "order": None}], None) == []


# --- tools that are too new -------------------------------------------------------------------------------------------

NEWEST = {name: row["newest"] for name, row in recipes.RELEASES.items()}


@pytest.mark.parametrize(
    "version, arch, tools, built",
    [
        ("1.8.1", "x86_64", {"cmake": [("/usr/local/bin", "4.0.2")], "gcc": "10.2.1"}, ["cmake"]),
        ("1.5.0", "aarch64", {"cmake": "4.1.0", "gcc": "9.4.0"}, ["cmake"]),
        ("1.8.1", "x86_64", {"cmake": "3.31.6", "gcc": "12.2.0"}, []),
        # The next in the search path will do.
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
    assert [name for name, entry in planned["products"].items() if entry["do"] == "build"] == built


@pytest.mark.parametrize(
    "newest, fits", [("", True), (None, True), ({}, True), ({"sparc": "1"}, True), (3.1, False), ("3", True)]
)
def test_a_newest_version_in_any_form(newest, fits):
    state = with_tools(bare(), cmake="3.20.0")
    planned = plan.make(ask(recipe(CMAKE, accept=dict(CMAKE["accept"], maximum=newest))), state)
    assert (planned["products"]["cmake"]["do"] == "nothing") is fits
