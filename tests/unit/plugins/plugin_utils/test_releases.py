# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release as recipes and checks read it, out of both tables, and that each row of them can be planned."""

import pytest
import situations
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan, requests
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases as planning
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.releases import Host
from ansible_collections.ascend.pytorch.plugins.plugin_utils import recipes, releases, request
from ansible_collections.ascend.pytorch.plugins.plugin_utils.releases import ROWS, Tables
from asking import GUIDE, ask
from role_variables import source

VARIABLE = "ascend_torch_version"
INDEX = "https://mirror.example.org/whl/cpu/"
TABLES = Tables({})
ARCHES = ("x86_64", "aarch64")


def row_of(name):
    [row] = [row for row in ROWS if name in (row["tag"], row["package"])]
    return row


def made(name, host=None, index=""):
    return releases.plugin_release(row_of(name), host, index)


# --- what is found, guessed and chosen


@pytest.mark.parametrize("wanted", ["", "9.9.9", "torch"])
def test_what_is_in_no_row_fails_with_what_to_set(wanted):
    for use in (TABLES.find, TABLES.guess, TABLES.first):
        with pytest.raises(AnsibleActionFail) as failure:
            use(wanted, VARIABLE)
        words = str(failure.value)
        assert words.startswith(f"{VARIABLE}: {wanted!r} is not a known release. Set {VARIABLE} to auto, ")
        assert "1.5.0, 1.8.1, 1.11.0, 2.0.1" in words and "2.12.0, 2.13.0" in words
        assert "playbooks/releases.yml" in words and "ascend_extra_releases" in words
    with pytest.raises(AnsibleActionFail, match="is not a known release"):
        TABLES.choose(wanted, VARIABLE, GUIDE)


def test_a_guess_has_the_pythons_of_all_that_it_may_become():
    auto = TABLES.guess("auto", VARIABLE)
    assert auto["version"] == "2.12.0" and not auto["is_settled"]
    assert auto["pythons"] == ["3.12", "3.11", "3.10", "3.14", "3.13", "3.9", "3.8", "3.7"]
    either = TABLES.guess("1.8.1", VARIABLE)
    assert either["torch"]["layout"] == "patch" and not either["is_settled"]
    assert either["pythons"] == ["3.7", "3.8", "3.9"]


def test_a_guess_of_a_patched_tree_alone_is_settled_and_of_a_plugin_never():
    assert TABLES.guess("1.5.0.post8", VARIABLE)["is_settled"]
    assert not TABLES.guess("2.6.0.post5", VARIABLE)["is_settled"], "its stock torch depends on the host"


def test_the_likeliest_of_what_is_named():
    assert TABLES.first("auto", VARIABLE)["package"] == "2.12.0"
    assert TABLES.first("1.8.1", VARIABLE)["layout"] == "patch"
    assert TABLES.first("1.5.0", VARIABLE)["package"] == "1.5.0", (
        "not 1.5.0.post8, which is another package of that torch"
    )
    assert TABLES.first("2.6.0", VARIABLE)["package"] == "2.6.0.post6"


def test_a_choice_says_why_and_what_else_would_go():
    chosen = TABLES.choose("auto", VARIABLE, Host("8.5.0", ["3.8", "3.11"], "x86_64"))
    assert chosen["version"] == "2.9.0.post1" and chosen["is_settled"]
    assert chosen["choice"]["why"] == "torch_npu 2.9.0.post1 is the newest for CANN 8.5.0 with Python 3.11 on x86_64"
    assert chosen["choice"]["row"]["tag"] == "v7.3.1-pytorch2.9.0" and chosen["choice"]["problem"] == ""
    assert chosen["goes_with_cann"] == ["2.9.0.post1", *chosen["choice"]["others"]]
    assert chosen["would_take"] == {"3.11": "2.12.0", "3.8": "2.4.0.post5"}


def test_a_named_release_also_says_what_goes_with_the_cann():
    chosen = TABLES.choose("2.4.0", VARIABLE, Host("8.5.0", ["3.11"], "x86_64"))
    assert chosen["version"] == "2.4.0.post5" and chosen["choice"]["others"] == []
    assert chosen["goes_with_cann"][:2] == ["2.9.0.post1", "2.9.0"]
    assert TABLES.choose("2.4.0", VARIABLE, Host("9.2.0", ["3.11"], "x86_64"))["goes_with_cann"] == []


def test_a_patched_tree_is_its_row_with_the_guides_toolchain():
    chosen = TABLES.choose("auto", VARIABLE, GUIDE)
    known = {key: value for key, value in chosen.items() if key in releases.PATCHED["1.8.1"]}
    assert known == releases.PATCHED["1.8.1"]
    assert chosen["toolchain"] == {"cmake": "3.12.1", "gcc": "7.3.0"}


def test_a_users_row_replaces_or_adds_one():
    mine = dict(releases.PATCHED["1.8.1"], cmake="3.20.0", toolchain={"cmake": "3.20.0", "gcc": "9.3.0"})
    assert Tables({"1.8.1": mine}).choose("1.8.1", VARIABLE, GUIDE)["cmake"] == "3.20.0"
    added = Tables({"1.8.1-mine": mine}).choose("1.8.1-mine", VARIABLE, GUIDE)
    assert added["toolchain"]["gcc"] == "9.3.0" and added["choice"]["why"] == "torch 1.8.1-mine was named"
    with pytest.raises(AnsibleActionFail, match="1.12.0, 2.0.1"):
        Tables({"mine": dict(mine, version="1.12.0")}).find("9.9.9", VARIABLE)


# --- ready-made


@pytest.mark.parametrize(
    "cann, pythons, package",
    [
        ("8.5.0", ["3.11"], "2.9.0"),
        ("8.5.0", ["3.9"], "2.8.0.post2"),
        ("8.5.0", ["3.13"], ""),
        ("8.2.RC1", ["3.9"], "2.6.0"),
        ("9.1.0", ["3.11"], "2.12.0"),
    ],
)
def test_auto_is_the_newest_that_there_is_ready_made(cann, pythons, package):
    choice = Tables({}, from_pypi=True).choose("auto", VARIABLE, Host(cann, pythons, "x86_64"))["choice"]
    assert (choice["problem"] == "") == bool(package)
    assert choice["row"]["package"] == package or choice["problem"].startswith("the releases for CANN 8.5.0")


@pytest.mark.parametrize("package", ["2.0.1.post4", "1.11.0.post15", "v3.0.0-pytorch1.8.1", "2.9.0.post1"])
def test_what_there_is_not_ready_made_is_refused_with_what_to_do(package):
    host = Host("8.5.0", ["3.9"], "x86_64")
    chosen = Tables({}, from_pypi=True).choose(package, VARIABLE, host)
    (row,) = [row for row in ROWS if package in (row["tag"], row["package"])]
    words, _semicolon, nearest = chosen["choice"]["problem"].partition("; ")
    assert words == (
        f"PyPI has no ready-made wheel of torch_npu {row['package']}: set torch_npu_build_from to source, which builds it, or "
        "torch_npu_build_npu_index to an index that has one"
    )
    assert nearest.startswith("the nearest that would do is 2.")
    assert Tables({}).choose(package, VARIABLE, host)["choice"]["problem"] == ""


def test_only_where_pypi_is_asked_a_ready_made_wheel_must_be_there():
    def problem(version, **said):
        chosen = releases.Tables.of(source(**said)).choose(version, VARIABLE, Host("8.5.0", ["3.11"], "x86_64"))
        return chosen["choice"]["problem"]

    assert "PyPI has no ready-made wheel" in problem("2.9.0.post1", torch_npu_build_from="wheel")
    assert not problem("2.9.0.post1")
    own = {"torch_npu_build_from": "wheel", "torch_npu_build_npu_index": "https://mirror.example.org/simple"}
    assert not problem("2.9.0.post1", **own)
    assert not problem("2.9.0.post1", torch_npu_build_from="wheel", ascend_bundle="/media/bundle")
    assert not problem("1.5.0", torch_npu_build_from="wheel"), "the patched trees have no such wheels, and need none"


def test_the_packages_that_pypi_has_are_in_the_table_once():
    packages = [package for each in releases.COMMON["ready_made"] for package in each["packages"]]
    known = {row["package"] for row in releases.PLUGIN["releases"]}
    assert len(packages) == len(set(packages)) and set(packages) <= known


# --- before a host is examined, and then


def releases_of(**said):
    return releases.Releases(source(**said))


def with_cann(release, **changes):
    state = situations.bare(**changes)
    state.cann[0]["version"] = release
    return state


def test_a_guess_that_was_right_stays():
    known = releases_of()
    guessed = known.of("1.5.0.post8", VARIABLE)
    assert known.is_settled()
    assert known.settle(with_cann("6.0.1"), "auto")
    settled = known.of("1.5.0.post8", VARIABLE)
    assert (
        settled["choice"]["problem"] == "" and settled["commit" if "commit" in settled else "torch"] == guessed["torch"]
    )


def test_a_guess_that_was_wrong_is_replaced():
    known = releases_of()
    assert known.of("auto", VARIABLE)["version"] == "2.12.0" and not known.is_settled()
    assert not known.settle(situations.bare(), "auto")
    assert known.of("auto", VARIABLE)["version"] == "1.8.1" and known.is_settled()
    # It is made once, and given again.
    assert known.of("auto", VARIABLE) is known.of("auto", VARIABLE)


def test_what_of_a_host_decides():
    state = with_cann("8.5.0")
    assert releases.facts(state, "auto") == Host("8.5.0", ["3.9"], "x86_64")
    assert releases.facts(state, "python3.9").pythons == ["3.9"]
    assert releases.facts(state, "/opt/python").pythons == [], "another Python was asked for"
    other = dict(state.pythons["python3.9"], version="3.11.7")
    assert releases.facts(state._replace(venv_python=other), "auto").pythons == ["3.11"], (
        "that of the virtual environment"
    )
    assert releases.facts(state._replace(cann=[]), "auto").cann == ""
    several = {"python3.12": None, "python3.9": state.pythons["python3.9"], "python3": dict(other, version="3.9.2")}
    assert releases.facts(state._replace(pythons=several), "auto").pythons == ["3.9"]


# --- one of the plugin's rows


def test_a_plugin_release_is_of_its_tag():
    release = made("2.6.0.post5")
    assert (release["version"], release["tag"]) == ("2.6.0.post5", "v7.3.0-pytorch2.6.0")
    torch = release["torch"]
    assert (torch["layout"], torch["version"], torch["tree_version"]) == ("plugin", "2.6.0", "2.6.0.post5")
    adapter = torch["adapter"]
    assert (adapter["repo"], adapter["ref"]) == ("Ascend/pytorch", release["tag"]) and len(adapter["commit"]) == 40
    assert [url.split("/")[2] for url in adapter["urls"]] == ["gitcode.com", "gitee.com", "github.com"]
    assert release["unsupported_variables"] == []
    assert made("v6.0.rc1-pytorch2.1.0")["torch"]["tree_version"] == "2.1.0.post3"


def test_every_release_has_the_keys_of_the_others():
    keys = {frozenset(TABLES.release(row, None)) for row in ROWS if row["layout"] == "plugin"}
    assert len(keys) == 1
    [plugin] = keys
    patched = frozenset(TABLES.release(row_of("1.5.0.post8"), None))
    assert patched <= plugin


def test_pythons_are_the_newest_first_of_those_with_a_stock_torch():
    assert made("2.6.0.post5")["pythons"] == ["3.12", "3.11", "3.10", "3.9"]
    assert made("2.12.0")["pythons"] == ["3.12", "3.11", "3.10"]
    assert made("2.2.0", Host("8.0.RC1", [], "x86_64"))["pythons"] == ["3.10", "3.9"]
    assert made("2.2.0", Host("8.0.RC1", [], "aarch64"))["pythons"] == ["3.10", "3.9", "3.8"]
    assert made("2.2.0")["pythons"] == ["3.10", "3.9", "3.8"]


def stock(name, arch, *pythons, index=""):
    return made(name, Host("8.5.0", list(pythons), arch), index)["torch"]["stock"]


@pytest.mark.parametrize(("arch", "file"), [("x86_64", "linux_x86_64"), ("aarch64", "manylinux_2_28_aarch64")])
@pytest.mark.parametrize(
    ("pythons", "tag"), [(["3.11"], "cp311"), (["3.8", "3.9", "3.10"], "cp310"), (["3.13", "3.12"], "cp312")]
)
def test_the_stock_torch_by_python_and_architecture(arch, file, pythons, tag):
    found = stock("2.6.0.post5", arch, *pythons)
    assert found["file"] == f"torch-2.6.0+cpu-{tag}-{tag}-{file}.whl"
    assert found["kind"] == "file" and found["dest"] == "stock" and len(found["sha256"]) == 64
    [wheel] = [each for each in row_of("2.6.0.post5")["stock"] if each["file"] == found["file"]]
    assert found["urls"] == [wheel["url"]] and found["sha256"] == wheel["sha256"]


def test_the_users_index_is_asked_first_for_the_stock_torch():
    urls = stock("2.6.0.post5", "x86_64", "3.11", index=INDEX)["urls"]
    assert urls[0] == "https://mirror.example.org/whl/cpu/torch-2.6.0%2Bcpu-cp311-cp311-linux_x86_64.whl"
    assert urls[1:] == stock("2.6.0.post5", "x86_64", "3.11")["urls"]


@pytest.mark.parametrize("arch", ARCHES)
def test_a_stock_torch_without_a_digest_is_a_requirement(arch):
    for name, python in (("2.12.0", "3.12"), ("v3.0.0-pytorch1.8.1", "3.7")):
        found = stock(name, arch, python)
        assert set(found) == {"requirement", "index"}
        assert found["requirement"].startswith(f"torch=={row_of(name)['torch']}")
        assert found["index"][0] == releases.CPU_INDEX
        assert stock(name, arch, python, index=INDEX)["index"][0] == INDEX


def test_without_a_host_or_a_fitting_python_no_wheel_is_pinned_yet():
    assert "sha256" not in made("2.6.0.post5")["torch"]["stock"]
    assert "sha256" not in stock("2.6.0.post5", "x86_64", "3.8")


def test_stock_wheels_of_the_users_own_come_as_they_are_listed():
    mine = {"file": "torch-2.6.0+cpu-cp311-cp311-linux_x86_64.whl", "url": "https://x/torch.whl", "sha256": "e" * 64}
    host = Host("8.5.0", ["3.11"], "x86_64")
    alone = Tables({}, stock=[mine]).release(row_of("2.6.0.post5"), host)["torch"]["stock"]
    assert (alone["urls"], alone["sha256"]) == (["https://x/torch.whl"], "e" * 64)
    first = Tables({}, stock=[mine, "auto"]).release(row_of("2.6.0.post5"), host)["torch"]["stock"]
    assert first["sha256"] == "e" * 64
    last = Tables({}, stock=["auto", mine]).release(row_of("2.6.0.post5"), host)["torch"]["stock"]
    assert last["sha256"] != "e" * 64


def test_the_variables_of_the_role_reach_the_stock_torch():
    said = source(torch_npu_build_version="2.6.0.post5", torch_npu_build_torch_index=INDEX)
    found = Tables.of(said).choose("2.6.0.post5", VARIABLE, Host("8.5.0", ["3.11"], "x86_64"))
    assert found["torch"]["stock"]["urls"][0].startswith(INDEX)
    # Where that role is not imported, there are none.
    without = Tables.of(source("torch_npu_build"))
    assert (
        without.release(row_of("2.12.0"), Host("9.1.0", ["3.12"], "x86_64"))["torch"]["stock"]["index"][0]
        == releases.CPU_INDEX
    )


def test_what_the_build_can_leave_out():
    assert made("2.6.0.post5")["torch"]["options"] == ["--disable_torchair", "--disable_rpc"]
    assert made("2.1.0.rc1")["torch"]["options"] == ["--disable_torchair"]
    assert made("1.11.0.post14")["torch"]["options"] == []


@pytest.mark.parametrize(
    ("package", "gib", "reads_max_jobs"),
    [("2.3.1.post1", 0.8, False), ("2.4.0", 4.2, False), ("2.4.0.post4", 4.2, True), ("2.12.0", 4.2, True)],
)
def test_the_memory_of_the_first_job_is_that_of_the_generated_unit(package, gib, reads_max_jobs):
    torch = made(package)["torch"]
    assert (torch["mem_gib_first"], torch["max_jobs"]) == (gib, reads_max_jobs)


def test_memory_by_the_series_of_all_tags():
    for row in ROWS:
        if row["layout"] == "plugin" and row["tag"]:
            series = row["tag"].lower().lstrip("v").split("-")[0]
            older = series.startswith(("3.", "5.", "6.0.rc1", "6.0.rc2"))
            assert made(row["tag"])["torch"]["mem_gib_first"] == (0.8 if older else 4.2), row["tag"]


@pytest.mark.parametrize(
    ("package", "cmake", "gcc", "toolchain"),
    [
        ("1.11.0.post14", "3.12.0", "7.3.0", {"cmake": "3.12.1", "gcc": "7.3.0"}),
        ("2.0.1.post1", "3.12.0", "7.3.0", {"cmake": "3.12.1", "gcc": "7.3.0"}),
        ("2.1.0", "3.18.0", "8.0.0", {"cmake": "3.18.4", "gcc": "11.2.0"}),
        ("2.12.0", "3.18.0", "8.0.0", {"cmake": "3.18.4", "gcc": "11.2.0"}),
        # Its scripts name neither.
        ("1.8.1.rc1", "3.12.0", "7.3.0", {"cmake": "3.12.1", "gcc": "7.3.0"}),
    ],
)
def test_tools_by_the_cxx_standard(package, cmake, gcc, toolchain):
    release = made(package)
    assert (release["cmake"], release["gcc"], release["toolchain"]) == (cmake, gcc, toolchain)
    assert release["newest"] == {"cmake": "3"}
    assert toolchain["gcc"] in recipes.GCC_RELEASES and toolchain["cmake"] in recipes.CMAKE_RELEASES


@pytest.mark.parametrize(
    ("package", "chips"),
    [
        ("1.11.0.rc2", []),
        ("1.11.0", ["310B", "310P", "910", "910B"]),
        ("2.3.1", ["310B", "310P", "910", "910B"]),
        ("2.4.0", ["310B", "310P", "910", "910B", "A3"]),
        ("2.12.0", ["310B", "310P", "910", "910B", "A3", "950"]),
        ("2.13.0", []),
    ],
)
def test_the_chips_that_a_release_knows(package, chips):
    assert made(package)["chips"] == chips


def test_what_runs_with_a_release():
    assert made("2.2.0")["packages"] == {"numpy": {"maximum": "1.99"}}
    assert made("2.3.1")["packages"] == {}
    assert not made("2.4.0")["autoload"] and made("2.5.1")["autoload"]
    assert made("2.1.0")["built_with_gcc"] == {"x86_64": "9", "aarch64": "10"}
    assert made("2.8.0")["built_with_gcc"] == "13" and made("1.11.0")["built_with_gcc"] == ""


def test_apex_is_for_these_torches_from_a_series_on():
    for row in ROWS:
        if row["layout"] == "plugin":
            since = row["torch"] in ("1.11.0", "2.0.1", "2.1.0") and not row["tag"].startswith(
                ("v3.", "v5.0.rc1", "v5.0.rc2")
            )
            assert bool(releases.apex(row)) == since, row["tag"]
    made_apex = made("2.1.0.post17")["apex"]
    assert made_apex == made("1.11.0.post4")["apex"] and made("1.11.0.post3")["apex"] is None
    patched = releases.PATCHED["1.8.1"]["apex"]
    assert set(made_apex) == set(patched), "in the form of the patched ones"
    assert made_apex["native"]["commit"] == patched["native"]["commit"]
    assert made_apex["adapter"]["commit"].startswith("49a7994e") and made_apex["options"] == ["--cpp_ext"]


def test_the_cann_of_a_release_is_its_series_from_its_own_on():
    assert made("2.6.0.post5")["cann"] == {"minimum": "8.5.0", "maximum": "8.5"}
    assert made("2.8.0")["cann"] == {"minimum": "8.3.RC1", "maximum": "8.3"}
    assert made("2.13.0")["cann"] == {"minimum": "", "maximum": ""}


# --- each row can be planned


def planning_state(row, arch):
    """A bare host with the row's CANN and a Python that it takes."""
    cann = row["cann"]["maximum"] if isinstance(row["cann"], dict) else row["cann"]
    host = Host(cann, planning.pythons_of(row, arch)[:1] or ["3.9"], arch)
    state = situations.bare(arch=arch)
    python = host.pythons[0]
    tag = "cp" + python.replace(".", "")
    entry = dict(state.pythons["python3.9"], version=python + ".1", tag=tag, abi=tag)
    state.cann[0]["version"] = cann
    state.products["torch_npu"] = {"manifest": None, "version": None, "damage": []}
    return host, state._replace(pythons={"python" + python: entry}, python="python" + python)


def lacking_layouts():
    """The layouts of the plugin that the recipes do not have (yet)."""
    of = {written["name"]: set(written["layouts"]) for written in recipes.RECIPES["torch_npu_build"]}
    return {"stock", "stock_by_version"} - of["torch"] | {"source", "wheel"} - of["torch_npu"]


IDS = [row["tag"] or row["package"] for row in ROWS]


@pytest.mark.parametrize("number", range(len(ROWS)), ids=IDS)
def test_every_row_can_be_planned(number):
    row = ROWS[number]
    if row["layout"] == "plugin" and lacking_layouts():
        pytest.skip(f"the recipes have no layouts {lacking_layouts()}")
    # The two ways by turns: a plan takes its time.
    for arch, way in zip(ARCHES, ("source", "wheel")[:: (-1) ** number]):
        host, state = planning_state(row, arch)
        wanted = row["tag"] or row["package"]
        # Of two rows with one package, and where a torch has the name of a package, the tag names it, or the host's CANN decides.
        index = {"torch_npu_build_npu_index": "https://mirror.example.org/simple"}
        said = source(ascend_torch_version=wanted, torch_npu_build_from=way, **index)
        asked = ask(request.ROLES, said, host)
        choice = asked.release["choice"]
        assert choice["row"] == row
        assert bool(choice["problem"]) == (row["layout"] == "plugin" and not row["tag"]), choice
        if choice["problem"]:
            continue
        assert requests.wanted_release(asked) == asked.release, "what no release has does not count as removed"
        made_plan = plan.make(asked, state)
        does = {name: entry.do for name, entry in made_plan.products.items()}
        assert does["torch"] != plan.NOTHING
        if row["layout"] == "patch":
            assert does["torch"] == plan.BUILD and does.get("torch_npu", plan.NOTHING) == plan.NOTHING
        else:
            assert does["torch_npu"] != plan.NOTHING
            # It comes by itself where the row has one.
            assert does.get("apex") == (plan.BUILD if asked.release["apex"] else None)


def planned_apex(package):
    host, state = planning_state(row_of(package), "x86_64")
    made_plan = plan.make(
        ask(request.ROLES, source(ascend_torch_version=package), host._replace(pythons=["3.9"])), state
    )
    return made_plan.products["apex"].order


def test_apex_is_built_again_for_another_torch_and_not_for_another_torch_npu():
    newest, older, other = (planned_apex(package) for package in ("2.1.0.post6", "2.1.0", "2.0.1.post1"))
    assert newest.fingerprint == older.fingerprint != other.fingerprint
    assert newest.identity["built_with"]["torch"] != other.identity["built_with"]["torch"]
    assert "torch_npu" not in newest.identity["built_with"]


@pytest.mark.parametrize(
    ("release", "state", "tools"),
    [("2.1.0.post17", "auto", ["gcc730"]), ("2.1.0.post17", "absent", []), ("2.6.0.post5", "auto", [])],
)
def test_beside_a_ready_made_torch_npu_only_apex_is_compiled(release, state, tools):
    said = source(ascend_torch_version=release, torch_npu_build_from="wheel", apex_build_state=state)
    found = ask(request.ROLES, said, Host("8.5.0", ["3.9"], "x86_64")).recipes
    assert [each["name"] for each in found] == [*tools, "torch", "torch_npu", "apex"]


def test_there_are_rows_of_both_kinds():
    kinds = {layout: sum(row["layout"] == layout for row in ROWS) for layout in ("patch", "plugin")}
    assert kinds == {"patch": len(releases.PATCHED), "plugin": 102}
    assert sum(row["layout"] == "plugin" and not row["tag"] for row in ROWS) == 3


def test_what_pip_is_told_of_a_releases_packages():
    packages = {"b": {"minimum": "3", "maximum": "3.99"}, "a": {}}
    assert releases.package_requirements({"packages": packages}) == ["a", "b>=3,<3.100"]
    assert (
        releases.package_requirements(made("v3.0.0-pytorch1.8.1"))
        == releases.package_requirements(made("2.2.0"))
        == ["numpy<1.100"]
    )
    assert releases.package_requirements(made("2.6.0.post5")) == []


def test_what_the_oldest_plugins_take_besides():
    """Read in the vendor's sources, and seen on a build of the real 1.8.1."""
    oldest, later = made("v3.0.0-pytorch1.8.1")["torch"], made("2.1.0.post17")["torch"]
    assert (oldest["imports"], oldest["cxx_flags"]) == (["pillow"], "-fabi-version=11")
    assert (later["imports"], later["cxx_flags"]) == ([], "")
    assert made("v5.0.rc1-pytorch1.8.1")["torch"]["imports"] == []
