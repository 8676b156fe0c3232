# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found on hosts of a release that is a plugin of a stock torch; test_checks.py has a trigger of each check."""

import re

import pytest
import situations
import yaml
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks, finding
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import releases
from checkout import ROOT
from plugin_line import CMAKE_BELOW_4, GCC_11, PLUGIN, STOCK, TORCH_NPU, ask_plugin, host, today
from situations import APEX, FITNESS, RELEASE, TORCH, ask_torch, recipe, tool, used

FIT = {"fitness": FITNESS}
PATCH = dict(RELEASE, torch={"layout": "patch"})


def found(request, state):
    state = State.of(state)
    return checks.find_problems(request, state, plan.make(request, state))


def told(request, state):
    """The findings, as lines for people, by the ids of their checks."""
    return {each["id"]: finding.describe(each) for each in found(request, state)}


def changed(change):
    state = host()
    change(state)
    return state


def release(**changes):
    return dict(PLUGIN, **changes)


@pytest.mark.parametrize(
    "request_",
    [
        ask_plugin(),
        ask_plugin(**FIT),
        ask_plugin(CMAKE_BELOW_4, GCC_11, STOCK, TORCH_NPU, **FIT),
        ask_plugin(release=release(chips=["910", "910B"]), **FIT),
    ],
)
def test_a_host_that_is_well(request_):
    assert found(request_, changed(today())) == []


# --- the torch that is there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "versions",
    [
        {"torch": "2.6.0", "nvidia_cublas_cu12": "12.4"},
        {"torch": "2.6.0+cu124"},
        {"torch": "2.5.1+cu121", "nvidia_cuda_runtime_cu12": "12.1"},
        {"torch": "2.13.0", "nvidia_cudnn_cu13": "9"},
    ],
)
def test_a_torch_for_cuda_that_stays_is_an_error(versions):
    only_apex = ask_plugin(*used(TORCH), recipe(APEX), **FIT)
    for request, severity in ((only_apex, "error"), (ask_plugin(**FIT), "warning")):
        findings = found(request, changed(today(**versions)))
        assert [(each["id"], each["severity"]) for each in findings] == [("torch-cuda", severity)]
    assert "apply the role torch_npu_build" in found(only_apex, changed(today(**versions)))[0]["remedy"]


@pytest.mark.parametrize(
    "versions",
    [
        {"torch": "2.6.0"},
        # Other programs have brought these packages, or one that asks the driver.
        {"torch": "2.6.0+cpu", "nvidia_cublas_cu12": "12.4"},
        {"torch": "2.6.0", "nvidia_ml_py": "12"},
    ],
)
def test_a_torch_that_is_not_for_cuda_is_a_foreign_one(versions):
    assert set(told(ask_plugin(**FIT), changed(today(**versions)))) == {"torch-foreign"}


def test_a_torch_for_cuda_does_not_matter_elsewhere():
    cuda = {"torch": "2.6.0", "nvidia_cublas_cu12": "12.4"}
    # Of this collection's own torch it is known what it is.
    state = changed(today(**cuda))
    state["products"]["torch"]["manifest"] = {"name": "torch", "version": "2.6.0", "fingerprint": "a" * 64}
    assert found(ask_plugin(*used(TORCH), recipe(APEX)), state) == []
    # Wheels go into an environment that is still to be made.
    state = changed(today())
    state.update(venv="/opt/venv")
    state["pythons"]["python3.11"]["packages"].update(nvidia_cublas_cu12="12.4", torch="2.6.0")
    state["disk"]["/opt/venv"] = dict(state["disk"]["/usr/local"])
    assert found(ask_plugin(venv="/opt/venv"), state) == []
    # The patched trees replace any torch.
    patched = ask_torch(release=dict(PATCH, pythons=["3.11"], cann=PLUGIN["cann"]), **FIT)
    assert set(told(patched, changed(today(**cuda)))) - {"package-missing"} == {"torch-foreign"}


@pytest.mark.parametrize("version", ["auto", "2.6.0.post5", "1.8.1"])
@pytest.mark.parametrize("arch", ["riscv64", "loongarch64", "ppc64le"])
def test_an_architecture_that_nothing_is_made_for_is_refused(version, arch):
    state = dict(changed(today()), arch=arch)
    chosen = releases.Tables({}).choose(version, "ascend_torch_version", releases.facts(State.of(state), "auto"))
    words = told(ask_plugin(release=chosen), state)
    assert "the architecture is " + arch in words["arch-unsupported"] and "release-chosen" not in words
    # CMake and gcc are built anywhere, and what is installed can be removed.
    assert "arch-unsupported" not in told(ask_plugin(release={}), state)
    gone = [dict(entry, state="absent") for entry in (STOCK, TORCH_NPU)]
    assert "arch-unsupported" not in told(ask_plugin(*gone), state)


@pytest.mark.parametrize(
    ("torch", "torch_npu", "goes"),
    [
        ("2.6.0", "2.6.0.post5", True),
        ("2.6.0+cpu", "2.6.0", True),
        ("2.6.0", "2.6.0.post5+git1234567", True),
        ("2.6.0", "2.5.1", False),
        ("2.10.0", "2.1.0", False),
        ("2.1.0", "2.1.0rc1", True),
    ],
)
def test_which_torch_and_torch_npu_go_together(torch, torch_npu, goes):
    request = ask_plugin(*used(TORCH), recipe(APEX))
    state = changed(today(torch=torch, torch_npu=torch_npu))
    assert [each["id"] for each in found(request, state)] == [] if goes else ["torch-npu-pair"]
    # As long as torch_npu is no product that hosts are examined for, the packages of the Python tell.
    del state["products"]["torch_npu"]
    assert [each["id"] for each in found(request, state)] == [] if goes else ["torch-npu-pair"]


def test_what_goes_apart_only_until_both_are_replaced():
    state = changed(today(torch="2.5.1", torch_npu="2.6.0"))
    assert found(ask_plugin(), state) == []
    # The stock torch alone would be replaced.
    (line,) = told(
        ask_plugin(*used(CMAKE_BELOW_4, GCC_11), STOCK), changed(today(torch="2.5.1", torch_npu="2.5.1"))
    ).values()
    assert line.startswith("error: torch_npu 2.5.1 beside torch 2.6.0") and "pip uninstall torch-npu" in line
    # And here the plugin alone.
    (line,) = told(ask_plugin(*used(CMAKE_BELOW_4, GCC_11), TORCH_NPU), changed(today(torch="2.5.1"))).values()
    assert "torch_npu 2.6.0.post5 beside torch 2.5.1" in line and "torch_npu_build, which brings both" in line


def test_a_torch_npu_beside_a_patched_torch():
    request = ask_torch(release=dict(PATCH, pythons=["3.11"], cann=PLUGIN["cann"], packages={}))
    lines = told(request, changed(today(torch_npu="1.8.1")))
    assert lines["torch-npu-pair"].startswith("warning: torch_npu 1.8.1 beside torch 1.8.1")
    assert "no torch_npu beside a patched torch" in lines["torch-npu-pair"]
    # The patched one that was there before; one that is not patched has its plugin.
    for torch, there in (("1.8.1+ascend", True), ("1.8.1", False)):
        state = changed(today(torch=torch, torch_npu="1.8.1"))
        assert ("torch-npu-pair" in told(request._replace(recipes=used(TORCH)), state)) == there


# --- the tools --------------------------------------------------------------------------------------------------------


def test_which_gcc_builds_for_a_stock_torch():
    for major, wanted in (
        ("11.5.0", "11"),
        ("10.2.1", {"x86_64": "10", "aarch64": "11"}),
        ("12.2.0", {"aarch64": "11"}),
    ):
        assert found(ask_plugin(release=release(built_with_gcc=wanted)), changed(today(gcc=major))) == []
    # Nothing is known, or nothing is built, or not with the host's own.
    assert found(ask_plugin(release=dict(PLUGIN, built_with_gcc="")), changed(today(gcc="12.2.0"))) == []
    assert found(ask_plugin(*used(CMAKE_BELOW_4, GCC_11), STOCK), changed(today(gcc="12.2.0"))) == []
    assert found(situations.takes(ask_plugin()), changed(today(gcc="12.2.0"))) == []
    own = dict(GCC_11, accept={})
    assert found(ask_plugin(CMAKE_BELOW_4, own, STOCK, TORCH_NPU), changed(today(gcc="12.2.0"))) == []
    # The role's own gcc would be another one too.
    (line,) = told(ask_plugin(release=release(built_with_gcc="13")), changed(today(gcc="12.2.0"))).values()
    assert "gcc730_version to a gcc 13, with its row in gcc730_extra_releases" in line


def test_a_cmake_that_is_too_new_for_the_release():
    state = changed(today())
    state["tools"]["cmake"] = [tool("/usr/bin/cmake", "4.0.2")]
    (line,) = told(ask_plugin(), state).values()
    assert (
        "/usr/bin/cmake 4.0.2" in line and "at least 3.18.0, at most 3" in line and line.endswith("[requisite-missing]")
    )
    # With its role a CMake that will do is built beside it.
    request = ask_plugin(CMAKE_BELOW_4, GCC_11, STOCK, TORCH_NPU)
    assert found(request, state) == [] and plan.make(request, State.of(state)).products["cmake"].do == plan.BUILD
    (line,) = told(ask_plugin(dict(CMAKE_BELOW_4, version="4.0.2"), GCC_11, STOCK, TORCH_NPU), state).values()
    assert "cmake_version is 4.0.2; wanted: at most 3 on x86_64" in line and line.endswith("[tool-too-new]")


def test_the_table_of_compilers_is_about_torches_that_the_plugin_has():
    common, npu = (
        yaml.safe_load((ROOT / "roles/road/files" / name).read_text()) for name in ("plugin.yml", "torch_npu.json")
    )
    compilers = common["built_with_gcc"]
    assert set(compilers) <= set(npu["stock_torch"])
    for wanted in compilers.values():
        by_arch = wanted if isinstance(wanted, dict) else {"x86_64": wanted, "aarch64": wanted}
        assert set(by_arch) == {"x86_64", "aarch64"} and all(re.fullmatch("[0-9]+", gcc) for gcc in by_arch.values())


# --- the Python -------------------------------------------------------------------------------------------------------


def test_a_python_that_another_release_takes():
    older = release(
        version="2.1.0.post17", pythons=["3.10", "3.9"], would_take={"3.11": "2.6.0.post5", "3.14": "2.13.0"}
    )
    state = changed(today())
    state.update(pythons={"python3.10": None, "python3.9": None}, python=None)
    # The distribution's own Python is known, although it was not looked for.
    (line,) = told(ask_plugin(release=older), state).values()
    assert "Python 3.10, 3.9 for torch 2.1.0.post17" in line and "[python-missing]" in line
    assert "installed interpreter; or choose another release: torch 2.6.0.post5 takes /usr/bin/python3 " in line
    state["packaging_python"] = {"path": "/usr/bin/python3", "version": "3.6.9"}
    (line,) = told(ask_plugin(release=older), state).values()
    assert "another release" not in line
    state["packaging_python"] = None
    assert set(told(ask_plugin(release=older), state)) == {"python-missing"}
    # One that was named.
    (line,) = told(ask_plugin(release=older), host()).values()
    assert "/usr/bin/python3.11 is Python 3.11.2" in line and "[python-version]" in line
    assert "or auto; or choose another release: torch 2.6.0.post5 takes /usr/bin/python3.11" in line


def test_numpy_2_with_a_release_that_is_for_numpy_1():
    old = release(version="2.1.0.post17", packages={"numpy": {"maximum": "1.99"}})
    (line,) = told(ask_plugin(release=old, **FIT), changed(today(numpy="2.0.1"))).values()
    assert line.startswith("error: numpy 2.0.1 in /usr/bin/python3.11; wanted: numpy<=1.99 for torch 2.1.0.post17")
    assert found(ask_plugin(release=old, **FIT), changed(today(numpy="1.26.4"))) == []
    assert found(ask_plugin(**FIT), changed(today(numpy="2.0.1"))) == []


# --- CANN and the NPUs ------------------------------------------------------------------------------------------------


def cann(version):
    state = changed(today())
    state["cann"][0]["version"] = version
    return state


@pytest.mark.parametrize(
    ("limits", "version", "ident", "wanted"),
    [
        (("8.5.0", "8.5.0"), "9.1.0", "cann-too-new", "CANN 8.5.0 for torch 2.6.0.post5"),
        (("8.5.0", "8.5.0"), "8.3.RC1", "cann-too-old", "CANN 8.5.0 for torch 2.6.0.post5"),
        (("8.2.RC1", "8.2.RC1"), "8.2.0", "cann-too-new", "CANN 8.2.RC1 for"),
        (("8.2.RC1", "8.2.RC1"), "8.2.RC1.T5.0.B010", "", ""),
        (("8.2.RC1", "8.3.RC1"), "8.5.0", "cann-too-new", "CANN 8.2.RC1 to 8.3.RC1 for"),
        (("9.0.0", ""), "8.5.0", "cann-too-old", "CANN 9.0.0 or newer for"),
        (("", "8.0.0"), "8.5.0", "cann-too-new", "CANN up to 8.0.0 for"),
        # The vendor names none for its newest.
        (("", ""), "9.1.0", "", ""),
    ],
)
def test_a_cann_outside_of_the_release(limits, version, ident, wanted):
    own = release(cann=dict(zip(("minimum", "maximum"), limits, strict=True)))
    lines = told(ask_plugin(release=own), cann(version))
    assert list(lines) == [ident] * bool(ident)
    for line in lines.values():
        assert "wanted: " + wanted in line and "the torch release that goes with {0} [".format(version) in line


def test_a_cann_of_a_release_that_names_none():
    (line,) = told(ask_plugin(release=release(cann={"minimum": "", "maximum": ""})), dict(cann("9"), cann=[])).values()
    assert "the CANN that the vendor names for torch 2.6.0.post5 (toolkit" in line


def test_the_releases_that_go_with_a_cann_are_named():
    (line,) = told(ask_plugin(release=release(goes_with_cann=["2.12.0", "2.11.0"])), cann("9.1.0")).values()
    assert "choose a torch release that goes with 9.1.0: 2.12.0, 2.11.0 [" in line
    (line,) = told(ask_plugin(release=release(goes_with_cann=["2.12.0"])), cann("9.1.0")).values()
    assert "choose the torch release that goes with 9.1.0: 2.12.0 [" in line


def test_chips_that_a_release_does_not_know():
    request = ask_plugin(release=release(chips=["910", "910B"]), **FIT)
    assert found(ask_plugin(**FIT), changed(today(chips=["950", "A3"]))) == []
    lines = [finding.describe(each) for each in found(request, changed(today(chips=["A3"] * 6 + ["950", "910", ""])))]
    assert [line.partition(";")[0] for line in lines] == [
        "error: NPU 6 chip 0: Ascend 950",
        "error: NPU 0 chip 0, NPU 1 chip 0, NPU 2 chip 0, NPU 3 chip 0 and 2 more: Ascend A3",
    ]
    # Without npu-smi the PCI bus tells; what it does not know is no finding.
    state = changed(today(chips=[]))
    state["npu"]["pci"] = [
        {"address": "0000:9d:00.0", "device": "0xd803", "name": "A3"},
        {"address": "0000:9f:00.0", "device": "0xdfff", "name": "unknown"},
    ]
    assert told(request, state)["npu-kind"].startswith(
        "error: 0000:9d:00.0: Ascend A3; wanted: Ascend 910 or Ascend 910B"
    )
    assert set(told(request._replace(silenced=["npu-kind"]), state)) == set(told(request, state)) - {"npu-kind"}
    only_builds = request._replace(fitness=dict(FITNESS, require_npu=False))
    assert told(only_builds, state)["npu-kind"].startswith("note: ")
