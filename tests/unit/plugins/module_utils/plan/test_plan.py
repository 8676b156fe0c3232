# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: the decisions in many situations."""

import copy
import json
import os

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from situations import (
    CMAKE,
    ENVIRONMENT,
    GCC,
    RELEASE,
    TORCH,
    ask,
    ask_torch,
    bare,
    decided,
    does,
    installed,
    recipe,
    runs,
    site,
    takes,
    used,
    with_tools,
)

# --- one tree ---------------------------------------------------------------------------------------------------------


def test_nothing_there():
    planned = plan.make(ask(recipe(CMAKE)), bare())
    entry = planned.products["cmake"]
    assert (entry.do, entry.why, entry.now) == ("build", ["cmake: not installed"], "not installed")
    short = fingerprint.short(entry.order.fingerprint)
    assert entry.then == "cmake 3.12.1 ({0}) at /usr/local/cmake".format(short)
    assert planned.tasks == ["provide", "verify"] and planned.work


def test_in_json_it_is_itself():
    """All fields come back, also the orders, which are named tuples and would be lists in JSON."""
    # A product that is kept although the host's own compiler is newer; a part; and nothing at all.
    built = installed(ask_torch(), with_tools(bare(), cmake="3.18.4", gcc="9.4.0", gxx="9.4.0"))
    kept = plan.make(ask_torch(), with_tools(built, gcc="10.2.1", gxx="10.2.1"))
    assert kept.products["torch"].anew
    for planned in (kept, plan.make(ALL, bare()), plan.make(runs(ALL), bare()), plan.make(ask(), bare())):
        plain = planned.plain()
        assert json.loads(json.dumps(plain)) == plain
        again = {name: plan.Decision.of(entry) for name, entry in json.loads(json.dumps(plain))["products"].items()}
        assert plan.Plan(**dict(plain, products=again, packages=plan.Packages(**plain["packages"]))) == planned
        for entry in plain["products"].values():
            assert set(entry) == set(plan.Decision._fields)
            assert all(set(entry[key]) == set(Order._fields) for key in ("order", "anew") if entry[key] is not None)


def test_the_same_fingerprint():
    request = ask(recipe(CMAKE))
    planned = plan.make(request, installed(request, bare()))
    entry = planned.products["cmake"]
    assert (entry.do, entry.why, entry.now == entry.then) == ("nothing", [], True)
    assert planned.tasks == ["verify"] and not planned.work and planned.packages.names == []


def test_the_plan_changes_nothing_of_what_it_is_given():
    request, state = ask(recipe(CMAKE), recipe(GCC), *ask_torch().recipes[2:]), bare()
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
        # To make only a link, no product is needed.
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
            ["torch: 1.8.1 is installed, but was not made by this collection"],
        ),
        ("torch", {"manifest": None, "version": None}, False, "build", ["torch: not installed"]),
    ],
)
def test_what_is_not_as_it_was(name, spoil, stored, do, why):
    request = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH))
    state = installed(request, bare())
    state.products[name].update(spoil)
    if not stored:
        state = state._replace(stored={})
    entry = decided(request, state, name)
    assert (entry.do, entry.why) == (do, why)
    if do != "nothing":
        assert plan.make(request, state).tasks == ["provide", "verify"]
        # No run may have followed the build of a stored product: it is put into the build cache now.
        assert entry.hands_on is (do == "publish" and stored)


def test_a_product_of_another_time_is_no_product():
    request = ask(recipe(CMAKE))
    state = installed(request, bare())
    state.products["cmake"].update(manifest=None, version=None)
    state = state._replace(stored={key: "0" * 64 for key in state.stored})
    assert does(request, state) == "build"


def test_a_foreign_link_that_may_be_replaced():
    request = ask(recipe(CMAKE), replace_link=True)
    state = installed(request, bare())
    state.products["cmake"]["links"] = {"/usr/bin/cmake": "foreign"}
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
    assert (entry.do, entry.why) == ("build", [words])
    assert "3.12.1" in entry.now


@pytest.mark.parametrize(
    "changes", [{"urls": ["https://elsewhere"]}, {"stages": dict(CMAKE["stages"], sanity=[])}, {"mem_gib_per_job": 9}]
)
def test_what_does_not_decide_the_product_builds_nothing(changes):
    sources = [dict(CMAKE["sources"][0], urls=changes.pop("urls"))] if "urls" in changes else CMAKE["sources"]
    state = installed(ask(recipe(CMAKE)), bare())
    assert does(ask(recipe(CMAKE, sources=sources, **changes), jobs="3", mirrors=["/m"]), state) == "nothing"


def test_another_libc_builds_anew():
    request = ask(recipe(CMAKE))
    assert decided(request, installed(request, bare())._replace(libc="glibc 2.36"), "cmake").why == [
        "cmake: platform changed"
    ]


# --- where nothing is built -------------------------------------------------------------------------------------------

ALL = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), environment=ENVIRONMENT)


def cohort(request, state, name="torch"):
    return decided(request, state, name).order.fingerprint


def reference_plan(request, state):
    """Return the plan of torch's role alone."""
    return plan.make(request._replace(recipes=used(CMAKE, GCC) + [recipe(TORCH)]), state)


def test_what_others_build_is_taken():
    whole, taking = plan.make(ALL, bare()), plan.make(takes(ALL), bare())
    assert [entry.do for entry in taking.products.values()] == ["take"] * 3
    for name, entry in taking.products.items():
        assert entry._replace(do="build") == whole.products[name]
    assert (taking.tasks, taking.work) == (whole.tasks, True)


@pytest.mark.parametrize("spoil, stored, do", [({}, True, "nothing"), ({"damage": ["x"]}, True, "publish")])
def test_who_takes_publishes_what_is_stored_there(spoil, stored, do):
    state = installed(takes(ALL), bare())
    state.products["torch"].update(spoil)
    assert does(takes(ALL), state, "torch") == do
    assert not decided(takes(ALL), state, "torch").hands_on
    state = state._replace(stored={})
    assert does(takes(ALL), state, "torch") == {"nothing": "nothing", "publish": "take"}[do]


def test_who_takes_needs_what_the_product_runs_with():
    everything = sorted({need for entry in ALL.recipes for need in entry["needs"]} | {"openblas", "m4"})
    state = bare(missing_needs=everything)
    request = ALL._replace(needs=["m4"])
    python = state.pythons["python3.9"]
    python.update(headers=False, shared_library=False)
    del python["packages"]["pip"]
    assert set(plan.make(request, state).packages.needs) == set(everything)
    assert "python3.9-dev" in plan.make(request, state).packages.names
    assert plan.make(takes(request), state).packages == plan.Packages(
        needs=["openblas"], names=["libopenblas-dev", "python3-pip"], become_root=False, manager="apt"
    )
    assert plan.make(takes(ask(recipe(CMAKE))), state).packages.names == []


def test_who_only_runs_wants_of_the_tools_the_libraries():
    whole, running = plan.make(ALL, bare()), plan.make(runs(ALL), bare())
    assert {name: entry.do for name, entry in running.products.items()} == {
        "cmake": "nothing",
        "gcc730": "take",
        "torch": "take",
    }
    assert running.products["cmake"].order is None
    assert running.products["cmake"].why == ["cmake: not wanted where nothing is built"]
    # The builders are of the same cohort and have the same environment.
    assert running.products["torch"].order.identity == whole.products["torch"].order.identity
    assert (running.tools, running.environment) == (whole.tools, whole.environment)

    entry = running.products["gcc730"]
    part, order = entry.order, whole.products["gcc730"].order
    assert part.fingerprint == fingerprint.digest(part.identity) != order.fingerprint
    assert (part.part_of, part.name, part.prefix) == (order.fingerprint, "gcc730", order.prefix)
    assert (part.verify, part.stages, part.parts) == ([], {}, [])
    assert entry.then.startswith("the runtime libraries of gcc730 7.3.0 (" + fingerprint.short(part.fingerprint))
    # It comes out of the build of the whole, as the order of the whole says.
    assert [part._replace(**one) for one in order.parts] == [part] and order.part_of == ""
    # Also where a host may build other things.
    assert does(runs(ALL)._replace(builds=True), bare(), "gcc730") == "take"


def test_what_decides_the_libraries():
    def part(request, state=None):
        return decided(runs(request), state or bare(), "gcc730").order

    first = part(ask(recipe(GCC))).fingerprint
    assert part(ask(recipe(GCC), jobs="3")).fingerprint == first
    others = [
        part(ask(recipe(GCC, runtime=["lib64/*"]))),
        part(ask(recipe(GCC, sources=[dict(GCC["sources"][0], sha256="0" * 64)]))),
        part(ask(recipe(GCC)), bare(libc="glibc 2.17")),
    ]
    assert len({first} | {order.fingerprint for order in others}) == 4


def test_who_has_the_libraries_or_the_whole_wants_no_more():
    for request in (runs(ALL), ALL):
        state = installed(request, bare())
        planned = plan.make(runs(ALL), state)
        assert [entry.do for entry in planned.products.values()] == ["nothing"] * 3
        assert not planned.work and planned.tasks == ["verify"]
        assert planned.products["gcc730"].order.fingerprint == (state.products["gcc730"]["manifest"]["fingerprint"])
    # A damaged whole is repaired as the whole.
    state.products["gcc730"]["damage"] = ["lib64/libgomp.so.1: missing"]
    assert does(runs(ALL), state, "gcc730") == "publish"
    assert decided(runs(ALL), state._replace(stored={}), "gcc730").order.part_of == ""


def test_another_whole_is_followed_by_its_libraries_and_these_by_the_whole():
    old = installed(ask(recipe(GCC, version="7.2.0")), bare())
    entry = decided(runs(ALL), old, "gcc730")
    assert (entry.do, entry.why) == ("take", ["gcc730: its runtime libraries instead of the whole"])
    entry = decided(ALL, installed(runs(ALL), bare()), "gcc730")
    assert (entry.do, entry.why) == ("build", ["gcc730: the whole instead of its runtime libraries"])
    newer = ALL._replace(recipes=[recipe(GCC, environment={"CFLAGS": "-O1"})])
    assert decided(runs(newer), installed(runs(ALL), bare()), "gcc730").why == ["gcc730: built from another whole"]
    newer = ALL._replace(recipes=[recipe(GCC, version="7.4.0")])
    assert decided(runs(newer), installed(runs(ALL), bare()), "gcc730").why == ["gcc730: version 7.3.0 -> 7.4.0"]


def test_the_role_of_torch_knows_the_whole_by_its_libraries():
    state = installed(runs(ask(recipe(GCC))), bare())
    builder = site(CMAKE, GCC)
    cmake = plan.make(runs(ALL), bare()).tools["cmake"]
    planned = reference_plan(runs(ALL, promised={"cmake": cmake}), state)
    assert planned.products["torch"].order.fingerprint == cohort(ask_torch(), builder)
    assert "/usr/local/linux_gcc7.3.0/lib64" in planned.environment["text"]
    # They cannot build anything.
    assert "gcc730" not in reference_plan(ALL, state).tools


def test_who_only_runs_follows_the_builders():
    builder = plan.make(ALL, with_tools(bare(), cmake="3.18.4", gcc="10.2.1", gxx="10.2.1"))
    request = runs(ALL, promised=builder.tools)
    for state in (bare(), with_tools(bare(), cmake="3.20.0", gcc="9.3.0", gxx="9.3.0"), installed(ALL, bare())):
        planned = plan.make(request, state)
        assert planned.products["torch"].order.fingerprint == (builder.products["torch"].order.fingerprint)
        # Built with the builder's own gcc, it needs no libraries of this collection.
        assert planned.products["gcc730"].do == "nothing" and planned.products["gcc730"].order is None
        assert "lib64" not in planned.environment["text"]
        again = reference_plan(request, state).products["torch"].order
        assert again.fingerprint == planned.products["torch"].order.fingerprint


def test_who_only_runs_follows_the_builders_and_not_its_own_compiler():
    builder = plan.make(ALL, bare())
    state = with_tools(bare(), cmake="3.20.0", gcc="10.2.1", gxx="10.2.1")
    assert does(runs(ALL), state, "gcc730") == "nothing"
    request = runs(ALL, promised=builder.tools)
    planned = plan.make(request, state)
    part = planned.products["gcc730"].order
    assert part.part_of == builder.products["gcc730"].order.fingerprint
    assert part.fingerprint == builder.products["gcc730"].order.parts[0]["fingerprint"]
    state = state._replace(user={"uid": 1000, "name": "u", "home": "/home/u"})
    state.products["gcc730"]["prefix"] = "/home/u/.local/gcc"
    assert plan.make(request, state).tools["gcc730"]["lives"] == "/home/u/.local/gcc/lib64"


def test_what_only_runs_is_to_be_absent():
    gone = runs(ask(recipe(GCC, state="absent")))
    assert does(gone, installed(runs(ALL), bare()), "gcc730") == "remove"


# --- environment ------------------------------------------------------------------------------------------------------


def env(state=None, *recipes, **changes):
    wanted = dict(copy.deepcopy(ENVIRONMENT), **changes)
    return plan.make(
        ask_torch(*(recipes or used(CMAKE, GCC) + [recipe(TORCH)]), environment=wanted), state or bare()
    ).environment


def test_the_environment_file_is_written_when_it_differs():
    request = ask_torch(environment=ENVIRONMENT)
    planned = plan.make(request, site(CMAKE, GCC))
    assert (planned.environment["do"], planned.environment["why"]) == ("publish", ["environment file: not there"])
    assert planned.tasks == ["provide", "verify"]
    state = installed(request, site(CMAKE, GCC))
    planned = plan.make(request, state)
    assert planned.environment["do"] == "nothing" and not planned.work and planned.tasks == ["verify"]
    state.env_file["sha256"] = "0" * 64
    planned = plan.make(request, state)
    assert planned.environment["why"] == ["environment file: changed"] and planned.work
    assert planned.tasks == ["provide", "verify"]


def test_a_folder_of_the_environment_file_that_is_there_is_not_made():
    """The mode of an existing folder must not change: /tmp is open to all, and a home only to its owner."""
    request, state = ask_torch(environment=ENVIRONMENT), site(CMAKE, GCC)
    folder = os.path.dirname(state.env_file["path"])
    for stands_at, makes in ((folder, ""), (os.path.dirname(folder), folder)):
        state.disk[folder] = dict(state.disk.get(folder, {}), stands_at=stands_at)
        assert plan.make(request, state).environment["makes"] == makes


def test_no_environment_is_asked_for():
    assert plan.make(ask(recipe(CMAKE)), bare()).environment is None


def test_values_that_are_empty_are_not_set():
    text = env()["text"]
    assert "export TASK_QUEUE_ENABLE=1" in text and "DYNAMIC_OP" not in text and "HCCL_IF_IP" not in text


def test_the_libraries_of_gcc_where_gcc_was_raised():
    assert "/usr/local/linux_gcc7.3.0/lib64" in env(site(CMAKE, GCC))["text"]
    assert "lib64" not in env(with_tools(bare(), gcc="10.2.1", gxx="10.2.1"))["text"]


def test_the_libraries_of_gcc_stand_before_those_of_cann():
    state = site(GCC)
    state = state._replace(
        cann_environment={
            "prepend": {"LD_LIBRARY_PATH": ["/cann/lib64"]},
            "set": {"ASCEND_OPP_PATH": "/cann/opp", "TASK_QUEUE_ENABLE": "0"},
        }
    )
    text = env(state)["text"]
    assert text.index("linux_gcc7.3.0/lib64") < text.index("/cann/lib64")
    assert "ASCEND_OPP_PATH=/cann/opp" in text and "TASK_QUEUE_ENABLE=1" in text and "TASK_QUEUE_ENABLE=0" not in text


PLUGIN = {"layout": "plugin", "version": "2.6.0"}
NPU_RELEASE = dict(RELEASE, version="2.6.0.post5", tag="v7.3.0-pytorch2.6.0", torch=PLUGIN, unsupported_variables=[])


def test_the_values_that_the_release_decides_on():
    chosen = {"TASK_QUEUE_ENABLE": "auto", "PTCOPY_ENABLE": "auto", "PER_STREAM_QUEUE": "1", "COMBINED_ENABLE": ""}
    state, wanted = bare(), dict(ENVIRONMENT, set=chosen)
    said = plan.environment_settings(ask_torch(environment=wanted), state)["set"]
    assert said == {"TASK_QUEUE_ENABLE": "1", "PTCOPY_ENABLE": "1", "PER_STREAM_QUEUE": "1"}
    said = plan.environment_settings(ask_torch(environment=wanted, release=NPU_RELEASE), state)["set"]
    assert said == {"PER_STREAM_QUEUE": "1"}


def test_the_libraries_of_nnal_stand_before_those_of_cann():
    home = "/usr/local/Ascend/nnal/atb/latest/atb/cxx_abi_1"
    needs = {"prepend": {"LD_LIBRARY_PATH": [home + "/lib"]}, "set": {"ATB_HOME_PATH": home}}
    state = bare()._replace(
        cann_environment={"prepend": {"LD_LIBRARY_PATH": ["/cann/lib64"]}, "set": {"ASCEND_OPP_PATH": "/cann/opp"}},
        nnal={"environment": needs},
    )
    text = env(state)["text"]
    assert text.index(home + "/lib") < text.index("/cann/lib64") and "export ATB_HOME_PATH=" + home in text
    assert "export ASCEND_OPP_PATH=/cann/opp" in text
    assert "nnal" not in env(state._replace(nnal={"environment": {}}))["text"]


def test_nnal_is_looked_for_if_it_is_wanted():
    for release, wanted, asked in [
        (NPU_RELEASE, "auto", {"x86_64": 0, "aarch64": 1}),
        (NPU_RELEASE, "false", {}),
        (RELEASE, "auto", {}),
    ]:
        request = ask_torch(environment=dict(ENVIRONMENT, nnal=wanted), release=release)
        assert plan.examine_arguments(request)["nnal"] == asked
    assert plan.examine_arguments(ask_torch(release=NPU_RELEASE))["nnal"] == {}


def test_cpu_binding_is_undone_where_the_system_is_of_the_openeuler_family():
    assert "GOMP_CPU_AFFINITY" not in env()["text"]
    state = bare()
    state.os["openeuler_family"] = True
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
    assert does(gone, bare()) == "nothing" and plan.make(gone, bare()).tasks == []
    planned = plan.make(gone, site(CMAKE))
    assert planned.products["cmake"].do == "remove" and planned.work and planned.tasks == ["remove"]
    assert planned.products["cmake"].order.prefix == "/usr/local/cmake"
    # The host's own tools stay.
    assert does(gone, with_tools(bare(), cmake="3.20.0")) == "nothing"
    state = site(CMAKE)
    state.products["cmake"]["manifest"]["version"] = "3.10.0"
    assert does(gone, state) == "remove"


def test_an_environment_file_that_is_to_be_absent():
    request = ask_torch(environment=ENVIRONMENT)
    state = installed(request, site(CMAKE, GCC))
    gone = ask_torch(
        *(used(CMAKE, GCC) + [recipe(TORCH, state="absent")]), environment=dict(ENVIRONMENT, state="absent")
    )
    planned = plan.make(gone, state)
    assert planned.environment["do"] == "remove" and planned.tasks == ["remove"]
    # It was written for another CANN, or with the gcc that is removed too.
    state.env_file["sha256"] = "0" * 64
    assert plan.make(gone, state).environment["do"] == "remove"
    state.env_file["ours"] = False
    planned = plan.make(gone, state).environment
    assert planned["do"] == "nothing" and "changed by hand" in planned["why"][0]
    state.env_file["sha256"] = None
    assert plan.make(gone, state).environment["why"] == []


# --- the question and the tasks ----------------------------------------------------------------------------------------


def test_the_question():
    asked = plan.examine_arguments(ask_torch(*(used(GCC) + [recipe(CMAKE), recipe(TORCH)]), needs=["m4"], venv="~/v"))
    assert asked["tools"] == ["c++", "cc", "cmake", "g++", "gcc"] and asked["venv"] == "~/v"
    # Which of them count may depend on what is found.
    assert {"acl", "m4", "make", "gcc", "g++", "openssl", "git", "patch", "dos2unix", "openblas"} <= set(asked["needs"])
    assert [entry["name"] for entry in asked["products"]] == ["gcc730", "cmake", "torch"]
    assert asked["products"][1]["links"] == CMAKE["links"] and asked["products"][2]["distribution"] == "torch"


def test_the_legs_in_order():
    entry = plan.Decision("build", [], "", "", ordering.order())
    gone = plan.Decision("remove", [], "", "", ordering.order(state="absent"))
    tasks = plan.task_files([entry, gone], {"do": "publish"})
    assert tasks == ["remove", "provide", "verify"]
    assert plan.task_files([entry._replace(do="take")], None) == ["provide", "verify"]
    assert plan.task_files([plan.Decision("nothing", [], "", "")], None) == []


def test_what_a_release_does_not_have_is_planned_only_where_it_stands():
    """Such as torch_npu beside a patched torch: on most hosts there is none, and nobody asks."""
    gone = recipe(TORCH, name="torch_npu", distribution="torch_npu", state="absent", in_release=False, sources=[])
    state = bare()
    state.products["torch_npu"] = {"manifest": None, "version": None, "damage": []}
    planned = plan.make(ask(recipe(CMAKE), gone), state)
    assert list(planned.products) == ["cmake"]
    mark = {"fingerprint": "f" * 64, "identity": {}, "version": "2.6.0"}
    state.products["torch_npu"] = {"manifest": mark, "version": "2.6.0", "damage": [], "site": "/site"}
    planned = plan.make(ask(recipe(CMAKE), gone), state)
    assert planned.products["torch_npu"].do == "remove" and "remove" in planned.tasks


# --- a host that was examined before its release was settled ----------------------------------------------------------


def guess(layout="plugin", version="2.12.0", **more):
    """A request whose release was guessed."""
    release = dict(RELEASE, is_settled=False, torch={"layout": layout, "version": version})
    return ask_torch(release=release, **more)


def settle(asked, version, **more):
    release = dict(asked.release, is_settled=True, torch={"layout": "plugin", "version": version})
    return asked._replace(release=release, **more)


def test_what_was_examined_for_a_guess_serves_where_the_same_is_asked():
    asked, state = guess(), bare()
    assert plan.answer(asked, asked, state) is state
    assert plan.answer(asked, settle(asked, "2.9.0"), state) == state
    # Another Python, another prefix, another need.
    for settled in (
        settle(asked, "2.9.0")._replace(release=dict(asked.release, is_settled=True, pythons=["3.8"])),
        settle(asked, "2.9.0", recipes=[recipe(CMAKE), recipe(GCC, prefix="/opt/gcc"), recipe(TORCH)]),
        settle(asked, "2.9.0", recipes=[recipe(CMAKE), recipe(GCC), recipe(TORCH, needs=["patchelf"])]),
    ):
        assert plan.answer(asked, settled, state) is None


def test_an_nnal_that_was_read_for_another_abi_is_read_again():
    """The C++ ABI of torch 2.12 is 1, that of 2.5.1 is 0."""
    wanted = {"set": {}, "nnal": "auto"}
    asked = guess(environment=wanted)
    there = bare(nnal={"path": "/usr/local/Ascend/nnal/atb", "cxx_abi": 1, "environment": {}})
    assert plan.answer(asked, settle(asked, "2.9.0"), there) == there
    assert plan.answer(asked, settle(asked, "2.5.1"), there) is None
    # Where there is none, its ABI does not matter.
    assert plan.answer(asked, settle(asked, "2.5.1"), bare()) == bare()
    patched = asked._replace(release=dict(RELEASE, is_settled=True, torch={"layout": "patch"}))
    assert plan.answer(asked, patched, there) == there._replace(nnal=None)
    assert plan.answer(guess("patch", environment=wanted), settle(asked, "2.5.1"), bare()) is None


def test_pip_is_not_asked_for_a_guess_that_is_hardly_right():
    def states(asked):
        return {entry["state"] for entry in plan.examine_arguments(asked)["products"]}

    assert states(guess()) == {"guessed"}
    assert states(guess("patch")) == states(settle(guess(), "2.9.0")) == {"present"}
