# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes as they are filled in, rows of tables, and gcc's sources out of one."""

import re

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps
from ansible_collections.ascend.pytorch.plugins.module_utils.host import needs
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe as recipe_form
from ansible_collections.ascend.pytorch.plugins.plugin_utils import recipes, releases
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import data
from role_variables import settings

ROW = {
    "archive": {"file": "gcc-7.3.0.tar.gz", "sha256": "a" * 64},
    "prerequisites": {
        "gmp": {"file": "gmp-6.1.0.tar.bz2", "sha256": "b" * 64},
        "isl": {"file": "isl-0.16.1.tar.bz2", "sha256": "c" * 64},
    },
}


def all_of(role_settings, more):
    """Return the recipes of a role for the likeliest release that its variables name: the patched 1.8.1 where they name none."""
    tables = releases.Tables(more)
    wanted, variable = recipes.wanted_release(role_settings)
    row = tables.first("1.8.1" if wanted == "auto" else wanted, variable)
    return recipes.recipes_of(role_settings, tables.release(row, None))


def recipe(role_settings, more):
    return all_of(role_settings, more)[0]


PLATFORM = {"arch": "aarch64", "libc": "glibc 2.31", "python_abi": "cp39-cp39", "distribution": "openeuler 22.03"}
# What the roles' own values come to on that platform, built with a CMake 3.22 and a gcc 9 of the host's own.
FINGERPRINTS = {
    "cmake": "f1afcbc0e2c5",
    "gcc730": "8f781baf3fec",
    "torch_npu_build": "387c3d407fa3",
    "apex_build": "87637d6b300f",
}


@pytest.mark.parametrize(
    "value, filled",
    [
        ("${a}", 1),
        ("x-${a}-${b.c}", "x-1-[2, 3]"),
        (["-j", "${b.c}", "${a}"], ["-j", 2, 3, 1]),
        # An item that is a list itself stays one; so does what a name stands for within a mapping.
        ([["${a}"], "${none}"], [[1]]),
        ({"k": "${b.c}", "deep": [{"k": "${a}"}]}, {"k": [2, 3], "deep": [{"k": 1}]}),
        # What comes in is not looked at again, and what is the host's or the shell's stays.
        ("${user}", "${a} {{ a }}"),
        ("{jobs} $0 $a ${A} $", "{jobs} $0 $a ${A} $"),
        (7, 7),
        (None, None),
    ],
)
def test_filled(value, filled):
    assert recipes.fill(value, {"a": 1, "b": {"c": [2, 3]}, "none": [], "user": "${a} {{ a }}"}) == filled


def test_a_name_that_there_is_not():
    with pytest.raises(KeyError, match="nobody"):
        recipes.fill(["${nobody}"], {})


@pytest.mark.parametrize(
    "value, own",
    [("auto", "theirs"), ("mine", "mine"), ("", ""), ({"x86_64": "12"}, {"x86_64": "12"})],
)
def test_the_release_s_own_value(value, own):
    assert recipes.resolve_auto(value, "theirs") == own


def test_the_release_s_own_items():
    assert recipes.resolve_auto(["auto"], ["a", "b"]) == ["a", "b"]
    assert recipes.resolve_auto(["first", "auto"], ["a"]) == ["first", "a"]
    assert recipes.resolve_auto([], ["a"]) == []


def test_a_row():
    assert recipes.find_row({"1.8.1": {"a": 1}}, "1.8.1", "x", "y", {"2.1.0": {}}) == {"a": 1}


def test_a_row_that_was_added_counts_first():
    assert recipes.find_row({"1.8.1": {"a": 1}}, "1.8.1", "x", "y", {"1.8.1": {"a": 2}}) == {"a": 2}
    assert recipes.find_row({"1.8.1": {"a": 1}}, "2.1.0", "x", "y", {"2.1.0": {}}) == {}


@pytest.mark.parametrize("version", ["1.9.0", "", "v1.8.1"])
def test_no_such_row(version):
    with pytest.raises(AnsibleActionFail) as error:
        recipe(settings("torch_npu_build", torch_npu_build_version=version), {"1.7.0": {}})
    words = str(error.value)
    assert words.startswith(
        f"torch_npu_build_version: {version!r} is not a known release. Set torch_npu_build_version to auto, "
    )
    assert (
        "1.5.0, 1.7.0, 1.8.1, 1.11.0, " in words
        and "playbooks/releases.yml" in words
        and "ascend_extra_releases" in words
    )


def test_gcc_s_sources():
    found = recipes.gcc_sources(ROW, ["https://a/gcc/", "https://b"], ["https://c"], {"isl-0.16.1.tar.bz2": "d" * 64})
    assert [(one["name"], one["dest"], one["sha256"][0], one["urls"]) for one in found] == [
        ("gcc", "gcc", "a", ["https://a/gcc/gcc-7.3.0.tar.gz", "https://b/gcc-7.3.0.tar.gz"]),
        ("gmp", "gcc/gmp", "b", ["https://c/gmp-6.1.0.tar.bz2"]),
        ("isl", "gcc/isl", "d", ["https://c/isl-0.16.1.tar.bz2"]),
    ]


@pytest.mark.parametrize("role", recipes.ROLES)
def test_a_recipe_is_filled_in_and_pinned(role):
    made = recipe(settings(role), {})
    assert "${" not in str(made) and "{{" not in str(made)
    assert recipe_form.problems(made) == []


@pytest.mark.parametrize("role", recipes.ROLES)
def test_what_stands_on_hosts_is_not_built_anew_by_accident(role):
    """Whoever changes a recipe has every fleet build it again: the values are to be changed here as well."""
    made = dict(recipe(settings(role), {}), prefix="/usr/local/it")
    used = {name: {"cmake": "cmake 3.22", "gcc730": "gcc 9"}.get(name, "f" * 64) for name in made.get("built_with", [])}
    assert fingerprint.short(fingerprint.digest(fingerprint.identity(made, PLATFORM, used))) == FINGERPRINTS[role]


def test_what_cmake_is_asked_for():
    made = recipe(settings("cmake", cmake_configure_options=["--system-curl", "--"], cmake_link="/usr/bin/cmake"), {})
    assert made["stages"]["configure"][0]["run"][-3:] == ["--parallel={jobs}", "--system-curl", "--"]
    assert made["links"] == [{"path": "/usr/bin/cmake", "target": "bin/cmake"}]
    assert made["accept"] == {"commands": ["cmake"], "minimum": "3.12.0", "maximum": "3"}
    made = recipe(settings("cmake", cmake_link="", cmake_accept_installed="false", cmake_max_version=""), {})
    assert made["links"] == [] and made["accept"] == {}


def test_what_gcc_is_asked_for():
    made = recipe(settings("gcc730"), {})
    assert made["stages"]["configure"][0]["run"][-2:] == ["{options}", "--disable-bootstrap"] and made["disk_gib"] == 8
    assert made["accept"]["maximum"] == {"x86_64": "12", "aarch64": "12"}
    assert [rule.get("libc_above") or rule["compiler_from"] for rule in made["adapt"]] == ["2.27", "11", "15"]
    said = {"gcc730_bootstrap": "true", "gcc730_configure_options": ["--with-x"], "gcc730_version": "9.3.0"}
    made = recipe(settings("gcc730", **said, ascend_torch_version="1.5.0"), {})
    assert made["stages"]["configure"][0]["run"][-2:] == ["{options}", "--with-x"] and made["disk_gib"] == 12
    assert made["sources"][0]["urls"][0] == "https://ftp.gnu.org/gnu/gcc/gcc-9.3.0/gcc-9.3.0.tar.xz"
    assert made["accept"]["maximum"] == {"x86_64": "12", "aarch64": "9"}


def test_what_torch_is_asked_for():
    made = recipe(
        settings("torch_npu_build", torch_npu_build_native_ref="", torch_npu_build_adapter_urls=["/mine", "auto"]), {}
    )
    adapter, native = made["sources"]
    assert native["ref"] == "" and native["commit"] == releases.PATCHED["1.8.1"]["torch"]["native"]["commit"]
    assert adapter["urls"] == ["/mine", *releases.PATCHED["1.8.1"]["torch"]["adapter"]["urls"]]
    assert made["stages"]["patch"][0]["patch"]["run"] == ["bash", "gen.sh", "-v", "1.8.1"]
    assert "layouts" not in made
    made = recipe(settings("torch_npu_build", ascend_torch_version="1.5.0"), {})
    assert made["stages"]["patch"][0]["patch"]["run"] == ["bash", "gen.sh"]


def test_a_row_of_somebody_s_own():
    """It may leave out what its layout can do without."""
    row = releases.PATCHED["1.8.1"]
    torch = {
        key: part for key, part in row["torch"].items() if key not in ("patch", "gen_options", "drop_requirements")
    }
    more = {"1.7.9": {"version": "1.7.9", "torch": torch, "apex": row["apex"]}}
    made = recipe(settings("torch_npu_build", ascend_torch_version="1.7.9"), more)
    assert made["version"] == "1.7.9" and made["stages"]["configure"][1]["requirements"]["drop"] == []
    assert recipe(settings("cmake", ascend_torch_version="1.7.9"), more)["accept"]["maximum"] == ""
    more["1.7.9"] = dict(more["1.7.9"], torch=dict(torch, layout="another"))
    words = "ascend_extra_releases: torch 1.7.9 has the layout 'another'; known are patch"
    with pytest.raises(AnsibleActionFail, match=words):
        recipe(settings("torch_npu_build", ascend_torch_version="1.7.9"), more)


def test_what_apex_is_asked_for():
    made = recipe(settings("apex_build", apex_build_options=["--cpp_ext"]), {})
    assert made["stages"]["build"][0]["run"] == [
        *recipes.WITH_ENVIRONMENT,
        "{python}",
        "setup.py",
        "--cpp_ext",
        "bdist_wheel",
    ]
    made = recipe(settings("apex_build"), {})
    assert "--npu_float_status" in made["stages"]["build"][0]["run"] and made["version"] == "0.1"


def test_apex_beside_the_plugin():
    """Its setup.py is changed before it is built, which the manifest says with the stages."""
    made = recipe(settings("apex_build", ascend_torch_version="2.1.0.post17"), {})
    assert (made["state"], made["in_release"], made["version"]) == ("present", True, "0.1")
    assert recipe_form.problems(made) == [] and made["built_with"] == ["gcc730", "torch"]
    assert made["stages"]["build"][0]["run"][-3:] == ["setup.py", "--cpp_ext", "bdist_wheel"]
    _patched, changed = made["stages"]["patch"]
    assert changed["replace"]["texts"]["version='0.1-ascend'"] == "version='0.1+ascend'"
    identity = fingerprint.identity(dict(made, prefix=""), PLATFORM, {})
    assert identity["stages"]["patch"][1] == changed
    own = {"ascend_torch_version": "2.1.0.post17", "apex_build_state": "absent"}
    assert recipe(settings("apex_build", **own), {})["state"] == "absent"


@pytest.mark.parametrize("version", ["2.6.0.post5", "1.11.0.post3", "v3.0.0-pytorch1.8.1"])
def test_a_release_without_apex(version):
    made = recipe(settings("apex_build", ascend_torch_version=version), {})
    assert (made["state"], made["in_release"], made["sources"]) == ("absent", False, [])
    wanted = settings("apex_build", ascend_torch_version=version, apex_build_state="present")
    with pytest.raises(
        AnsibleActionFail, match="there is no Apex for torch .*: set apex_build_state to auto or absent"
    ):
        recipe(wanted, {})
    # A host that is not examined yet may get another release.
    release = releases.Tables({}).guess(version, "")
    assert recipes.recipes_of(wanted, release)[0]["state"] == "absent"


# What the recipes of plugin releases are filled in with, besides the role's variables.
OF_PLUGINS = {
    "stock": {"name": "stock", "kind": "file", "file": "torch-2.6.0-cp39-cp39-linux_x86_64.whl", "sha256": "a" * 64}
    | {"urls": ["https://h/torch.whl"], "dest": "stock", "requirement": "torch==2.6.0+cpu", "index": ["https://h"]},
    "downloads": [],
    "package_limits": ["numpy<1.100"],
    "numpy": "numpy<1.100",
    "download_files": [],
    "npu_index": "",
    "options": ["--disable_rpc"],
    "without": ["third_party/Tensorpipe"],
    "holds": ["torch_npu/dynamo/torchair/"],
    "tree_version": "2.6.0.post5",
    "mem_gib_first": 4.2,
    "plugin_environment": {"A": "b"},
    "imports": [],
    "release": {"version": "2.6.0.post5", "torch": {"version": "2.6.0"}},
    "adapter_ref": "v7.3.0-pytorch2.6.0",
    "adapter_commit": "c" * 40,
    "adapter_urls": ["https://h/a.git", "https://h/b.git"],
    "state": "present",
    "build_environment": {"A": "b"},
    "with_environment": recipes.WITH_ENVIRONMENT,
}


def of_plugin(file, layout):
    written = data("torch_npu_build", file)
    return recipes.fill(
        {**{key: part for key, part in written.items() if key != "layouts"}, **written["layouts"][layout]}, OF_PLUGINS
    )


PLUGIN_LAYOUTS = [
    ("files/recipe.yml", "stock"),
    ("files/recipe.yml", "stock_by_version"),
    ("files/torch_npu.yml", "source"),
    ("files/torch_npu.yml", "source_by_version"),
    ("files/torch_npu.yml", "wheel"),
    ("files/torch_npu.yml", "patch"),
]


@pytest.mark.parametrize("file, layout", PLUGIN_LAYOUTS)
def test_recipes_of_plugin_releases_are_whole(file, layout):
    made = of_plugin(file, layout)
    assert "${" not in str(made) and recipe_form.problems(made) == []
    assert set(made["stages"]) <= set(recipe_form.STAGES) and set(made["needs"]) <= set(needs.NEEDS)
    kinds = [set(step) & set(steps._ACTIONS) for part in made["stages"].values() for step in part]
    assert [len(kind) for kind in kinds] == [1] * len(kinds)
    assert made["state"] == ("absent" if layout == "patch" else "present")
    assert bool(made["verify"]) == (layout != "patch")


def test_layouts_have_the_same_keys():
    """What one of them left out would come from nowhere."""
    for role, file in (
        ("torch_npu_build", "files/recipe.yml"),
        ("torch_npu_build", "files/torch_npu.yml"),
        ("apex_build", "files/recipe.yml"),
    ):
        layouts = data(role, file)["layouts"].values()
        keys = [set(layout) - {"state", "mem_gib_first", "installed_with", "in_release"} for layout in layouts]
        assert all(each == keys[0] for each in keys)


def test_what_a_plugin_release_is_built_from():
    stock = of_plugin("files/recipe.yml", "stock")
    assert stock["version"] == "2.6.0" and stock["sources"] == [OF_PLUGINS["stock"]]
    assert stock["stages"]["install"][0]["wheel"]["refuse"] == ["triton", "nvidia-*"]
    built = of_plugin("files/torch_npu.yml", "source")
    adapter, second = built["sources"]
    assert adapter["urls"] == OF_PLUGINS["adapter_urls"] and adapter["without"] == ["third_party/Tensorpipe"]
    assert second == OF_PLUGINS["stock"] and built["version"] == "2.6.0.post5"
    run = built["stages"]["build"][0]
    assert run["run"] == ["bash", "ci/build.sh", "--python={python_version}", "--disable_rpc"]
    assert built["stages"]["install"][0]["wheel"]["holds"] == ["torch_npu/dynamo/torchair/"]
    assert recipe_form.memory_for_one_job(built) == 4.2 and built["environment"] == {"A": "b"}
    ready = of_plugin("files/torch_npu.yml", "wheel")
    assert ready["stages"]["install"][0]["pip_download"]["requirement"] == "torch-npu==2.6.0.post5"
    assert ready["sources"] == [] and ready["verify"] == built["verify"]
    expect = recipe_form.fill_placeholders(built["verify"][0]["expect"], {"site": "/site"})
    assert re.match(expect, "2.6.0.post5+git1 /site/torch_npu/__init__.py torch 2.6.0+cpu")
    assert not re.match(expect, "2.6.0.post5 /elsewhere/torch_npu/__init__.py torch 2.6.0+cpu")


def test_every_name_in_a_recipe_is_one_that_a_role_has():
    """A slip would be told only where that layout is built."""
    tables = releases.Tables({})
    for role, written in recipes.RECIPES.items():
        made = [recipes._names(settings(role), tables.release(row, None)) for row in releases.ROWS]
        for layout, theirs in (("patch", made[0]), ("plugin", made[-1])):
            text = [
                {
                    **each,
                    "layouts": {
                        name: part
                        for name, part in each.get("layouts", {}).items()
                        if (name == "patch") == (layout == "patch")
                    },
                }
                for each in written
            ]
            names = set(re.findall(r"\$\{([a-z0-9_]+)", str(text)))
            assert names <= {*theirs, *settings(role)}, (role, layout)


@pytest.mark.parametrize(
    "role, lacks", [("torch_npu_build", "native"), ("apex_build", "apex"), ("apex_build", "options")]
)
def test_what_a_row_of_somebody_s_own_lacks_is_told(role, lacks):
    row = {
        "version": "1.7.9",
        "torch": dict(releases.PATCHED["1.8.1"]["torch"]),
        "apex": dict(releases.PATCHED["1.8.1"]["apex"]),
    }
    for part in (row, row["torch"] if role == "torch_npu_build" else row["apex"]):
        part.pop(lacks, None)
    with pytest.raises(AnsibleActionFail, match=f"ascend_extra_releases: the row of torch 1.7.9 has no '{lacks}'"):
        recipe(settings(role, ascend_torch_version="1.7.9"), {"1.7.9": row})


@pytest.mark.parametrize(
    "environment, flags, made",
    [
        ({}, "", {}),
        ({"CXXFLAGS": "-O1"}, "", {"CXXFLAGS": "-O1"}),
        ({}, "-fabi-version=11", {"CXXFLAGS": "-fabi-version=11"}),
        ({"CXXFLAGS": "-O1", "A": "b"}, "-fabi-version=11", {"CXXFLAGS": "-fabi-version=11 -O1", "A": "b"}),
    ],
)
def test_flags_of_a_release_and_of_the_user_both_count(environment, flags, made):
    assert recipes._with_flags(environment, flags) == made
