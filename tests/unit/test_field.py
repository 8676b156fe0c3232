# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs from the field, where they stand beside the checkout: each gives what is wanted, and none goes without a test."""

import re

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import interpreters
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks
from ansible_collections.ascend.pytorch.plugins.module_utils.host import npu_smi, resources, system
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.product import diagnose
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    failures,
    recipes,
    releases,
    target_python,
    variables,
)
from checkout import ROOT
from situations import CMAKE, FITNESS, GCC, ask, ask_torch, bare, recipe, with_tools

FIELD = ROOT.parent / "shared/field"
TESTS = {}
# What needs a Python, an account, a lock or a playbook is tried where those are tested: file -> where.
ELSEWHERE = {
    "b07_shared_home.txt": "plugins/module_utils/publish/test_publishing.py::test_hosts_that_share_a_prefix_publish_one_after_another",
    "b09_old_pip.txt": "plugins/module_utils/checks/test_checks.py::test_wheels_of_a_bundle_that_a_pip_refuses",
    "b11_pip_conf_user.txt": "plugins/modules/test_publish.py::test_pips_own_settings_decide_nothing_and_what_does_not_work_"
    "replaces_nothing",
    "b14_json_callback.txt": "plugins/plugin_utils/test_speaking.py::test_who_reads_a_callback",
    "broken_pth.txt": "plugins/module_utils/base/test_interpreters.py::test_a_python_that_complains_at_every_start_is_fit",
    "cann_layouts.txt": "plugins/module_utils/host/test_cann.py::test_releases_of_the_new_layout_without_a_link",
    "unreadable.txt": "plugins/module_utils/host/test_cann.py::test_the_fields_closed_folder",
    "yum_only.txt": "playbooks/test_playbooks.py::test_packages_come_by_yum_where_there_is_no_dnf",
}


def of(name):
    def enter(test):
        TESTS[name] = test
        return test

    return enter


def names():
    there = {path.name for path in FIELD.glob("*")} - {"README.md"} if FIELD.is_dir() else set()
    skip = pytest.mark.skip(reason="the field's inputs are not beside this checkout")
    return sorted(there) or [pytest.param("", marks=skip)]


@pytest.mark.parametrize("name", names())
def test_each_input_of_the_field_gives_what_is_wanted(name):
    if name in ELSEWHERE:
        path, _colons, test = ELSEWHERE[name].partition("::")
        assert f"\ndef {test}(" in (ROOT / "tests/unit" / path).read_text()
        return
    assert name in TESTS, "nothing is asserted of it"
    TESTS[name]((FIELD / name).read_text())


@of("npu-smi_950.txt")
def _table(text):
    one, other = npu_smi.parse_info(text)["chips"]
    told = (
        "npu_id",
        "chip_id",
        "name",
        "health",
        "bus_id",
        "power_w",
        "temp_c",
        "aicore_percent",
        "hbm_used_mb",
        "hbm_total_mb",
    )
    assert [one[key] for key in told] == [2, 0, "950PR", "OK", "0000:21:00.0", 150.2, 41, 3, 2048, 131072]
    assert [other[key] for key in told] == [5, 0, "950PR", "Alarm", None, 201.0, 66, 100, 70000, 131072]
    with pytest.raises(npu_smi.NpuSmiError, match="could not be read"):
        npu_smi.parse_info(text.replace("NPU ID", "Card"))


@of("npu-smi_m_950.txt")
def _mapping(text):
    # It is no table of NPUs, and must not be taken for one that lists none.
    with pytest.raises(npu_smi.NpuSmiError):
        npu_smi.parse_info(text)


@of("os-release_culinux")
def _descendant(text):
    ident = system.os_release(text)["id"]
    for family in ("RedHat", ""):
        assert system.os_release(text, family)["openeuler_family"]
        # Nor does it take the list of names.
        assert system.os_release(text.replace(ident, "anew").replace("CULinux", "Anew"), family)["openeuler_family"]
    assert not system.os_release(text + "ID_LIKE=debian\n", "Debian")["openeuler_family"]


@of("cgroup_memory.txt")
def _memory(text):
    said = dict(re.findall(r"^(memory\.\w+ (?:\(excerpt\): inactive_file)?|memory\.\w+) ?(\d+)$", text, re.MULTILINE))
    most, used, cache = (
        next(value for key, value in said.items() if word in key) for word in ("max", "current", "stat")
    )
    machine = {"/proc/meminfo": "MemTotal: 67108864 kB\nMemAvailable: 50331648 kB\n"}
    for files, limit in (
        ({"memory.max": most, "memory.current": used, "memory.stat": f"inactive_file {cache}\n"}, "memory.max"),
        (
            {
                "memory/memory.limit_in_bytes": most,
                "memory/memory.usage_in_bytes": used,
                "memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {cache}\n",
            },
            "memory/memory.limit_in_bytes",
        ),
    ):
        there = dict(machine, **{"/sys/fs/cgroup/" + name: content for name, content in files.items()})
        now = resources.memory(lambda path, there=there: there.get(path, ""))
        assert 14.4 < now["available_mib"] / 1024 < 14.6
        assert now["limit"] == {"path": "/sys/fs/cgroup/" + limit, "mib": int(most) >> 20}


@of("host_tools.txt")
def _tools(text):
    cmake = re.search(r'"cmake version (\S+)"', text)[1]
    named = re.findall(r"\d\.\d\.\d", text.partition("the release is")[2])
    assert named
    for release in named:
        newest = releases.PATCHED[release]["newest"]
        request = ask(recipe(CMAKE, accept=dict(CMAKE["accept"], maximum=newest["cmake"])))
        state = with_tools(bare(), cmake=[("/usr/local/bin", cmake)])
        assert plan.make(request, state).products["cmake"].do == "build"


@of("cann_python_packages.txt")
def _packages(text):
    has, lacks = re.search(r"with ([\w, ]+) and none of: (.*)", text).groups()
    state = bare()
    state.pythons["python3.9"]["packages"] = dict.fromkeys(has.split(", "), "3.12")
    request = ask_torch(fitness=dict(FITNESS, packages=recipes.CANN_PACKAGES))
    told = checks.find_problems(request, state, plan.make(request, state))
    (lacking,) = [each for each in told if each["id"] == "package-missing"]
    assert all(name in lacking["found"] and name in lacking["remedy"] for name in lacks.split())
    assert not any(name in lacking["found"].partition(" has no ")[2] for name in has.split(", "))


@of("b04_noexec_work_dir.txt")
def _noexec(text):
    folder = re.search(r"mount .* (/\S+)$", text, re.MULTILINE)[1]
    state = bare()
    assert state.work_dir == folder
    state.disk[folder]["noexec"] = True
    request = ask(recipe(CMAKE), recipe(GCC))
    (told,) = checks.find_problems(request, state, plan.make(request, state))
    assert (told["id"], told["severity"]) == ("noexec", "error") and folder in told["found"]


@of("b01_target_python.txt")
def _target_python(text):
    for python, cores in re.findall(r"<a Python (\d\.\d+)> +# with ansible-core (.*)$", text, re.MULTILINE):
        for core in re.findall(r"\d\.\d+", cores):
            told = target_python.too_old_message(python + ".9", core + ".1")
            assert f"with ansible-core {core}.1 hosts need 3." in told and "Set ansible_python_interpreter" in told
    (seen,) = re.findall(r'^# seen: "(.*?)"', text, re.MULTILINE)
    assert failures.remedy(seen)


@of("host_python37.txt")
def _host_python(text):
    (core,) = re.findall(r"ansible-core (\d\S+),", text)
    (seen,) = re.findall(r'\(3\.6: "(.*)"\)', text)
    assert "set ansible_python_interpreter" in failures.remedy(seen)
    for python, last in (("3.6.8", "2.16"), ("3.7.5", "2.17")):
        told = target_python.too_old_message(python, core)
        assert f"run ansible-core {last}" in told and "Set ansible_python_interpreter to a newer one" in told


@of("b02_python_needs_library_path.txt")
def _library_path(text):
    said = re.search(r'"(error while loading.*?)"', text)[1]
    said = said if "cannot open" in said else said + ": cannot open shared object file: No such file or directory"
    assert interpreters.lost_library(said) in text and diagnose.diagnose(said)["name"] == "libpython not found"


@of("b03_become_plain_user.txt")
def _become(text):
    assert "acl" in failures.remedy(re.findall(r'"(Failed to set .*?)"', text)[0])


@of("b06_requiretty.txt")
def _requiretty(text):
    assert "ansible_pipelining: false" in failures.remedy(re.findall(r'"(Module result .*?)"', text)[0])


@of("b20_facts_in_group_vars.txt")
def _facts(text):
    assert "gather the facts" in failures.remedy(re.findall(r'"(failed .*?)"', text)[0])


@of("b21_undefined_in_shared_variable.txt")
def _undefined(text):
    slips = re.findall(r'^# +(ascend_\w+): +("\{\{.*?\}\}\S*")', text, re.MULTILINE)
    assert slips and all(variables.is_shared(name) and variables.has_template(value) for name, value in slips)
    for name, value in slips:
        used = re.search(r"\{\{ (\w+)", value)[1]
        assert name in variables.problem(name, f"'{used}' is undefined") and used in variables.problem(
            name, f"'{used}' is undefined"
        )


@of("long_tail.py")
def _long_tail(text):
    code = compile(text.rpartition("print(")[0], "long_tail.py", "exec")
    made = {}
    exec(code, made)
    assert diagnose.diagnose("\n".join(made["lines"]))["name"] == "compiler killed"


for _file, _name in (
    ("b17_log_ca_file.txt", "CA file missing"),
    ("log_git_memory.txt", "out of memory"),
    ("log_git_threads.txt", "too many processes or threads"),
    ("log_libpython.txt", "libpython not found"),
    ("log_no_ssl.txt", "Python without ssl"),
):
    TESTS[_file] = lambda text, name=_name: _named(text, name)


def _named(text, name):
    assert diagnose.diagnose(text.partition("\nWanted:")[0])["name"] == name


@of("log_ld_killed.txt")
def _killed(text):
    for log in text.split("-----"):
        _named(log, "out of memory")


@of("log_git_warning.txt")
def _warning(text):
    assert "'foo' was not declared" in diagnose.diagnose(text)["cause"]
