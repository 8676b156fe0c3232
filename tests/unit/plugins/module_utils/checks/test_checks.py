# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way: each finding by what brings it about, and none on a host that is well."""

import copy
import functools
import re

import pytest
import situations
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import text
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks, finding
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from checkout import ROOT
from plugin_line import ask_plugin, today
from situations import (
    APEX,
    CMAKE,
    ENVIRONMENT,
    FITNESS,
    GCC,
    PLATFORMS,
    RELEASE,
    TORCH,
    ask,
    ask_torch,
    chip,
    node,
    recipe,
    runs,
    takes,
    tool,
    used,
)

# Texts of others, where they stand beside the checkout.
FIELD = ROOT.parent / "shared/field"


# Here a host is what it answers, a mapping, which each case changes.


def bare(**changes):
    return situations.bare(**changes)._asdict()


def installed(request, state):
    return situations.installed(request, State.of(state))._asdict()


def with_tools(state, **versions):
    situations.with_tools(State.of(state), **versions)
    return state


def make(request, state):
    return plan.make(request, State.of(state))


def found(request, state, planned=None):
    return checks.find_problems(request, State.of(state), planned or make(request, state))


def idents(request, state):
    return [each["id"] for each in found(request, state)]


def ready(**changes):
    """A host that lacks nothing to build torch."""
    return dict(installed(ask(recipe(CMAKE), recipe(GCC)), bare()), **changes)


def user(state):
    state["user"] = {"uid": 1000, "name": "worker", "home": "/home/worker"}
    return state


def fit(*recipes, **changes):
    """What cann_check asks besides."""
    fitness = dict(FITNESS, **changes.pop("fitness", {}))
    return ask_torch(*recipes, **dict({"fitness": fitness}, **changes))


NNAL = {
    "path": "/a/nnal/atb",
    "set_env": "/a/nnal/atb/set_env.sh",
    "cxx_abi": 1,
    "distrusted": "",
    "environment": {"set": {"ATB_HOME_PATH": "/a"}},
}
EVERYTHING = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), environment=ENVIRONMENT)


@pytest.mark.parametrize(
    "request_, state",
    [
        (EVERYTHING, bare()),
        (EVERYTHING._replace(fitness=FITNESS), bare()),
        (EVERYTHING._replace(fitness=FITNESS), installed(EVERYTHING, bare())),
        (fit(), ready()),
        (EVERYTHING, installed(EVERYTHING, bare())),
        (ask_torch(), ready()),
        (ask(recipe(CMAKE)), bare()),
        (ask(recipe(CMAKE)), bare(cann=[], pythons={}, python=None)),
        (ask_torch(recipe(TORCH, state="absent")), bare(cann=[], pythons={}, python=None)),
    ],
)
def test_a_host_that_is_well(request_, state):
    assert found(request_, state) == []
    assert checks.variable_problems(request_) == []


def python(**changes):
    """An interpreter that differs; one of another path is another file."""
    if "path" in changes:
        changes.setdefault("real", changes["path"])

    def change(state):
        state["pythons"]["python3.9"].update(changes)

    return change


def disk(path, **changes):
    def change(state):
        state["disk"][path].update(changes)

    return change


NO_PIP = {"version": "", "problem": "ImportError: No module named pip", "platforms": []}


def no_pip(state):
    python(path="/opt/python3.9", packages={"pyyaml": "1", "wheel": "1"}, pip=NO_PIP)(state)


def lacks(*names, **changes):
    """An interpreter without modules of the standard library."""
    why = {name: "No module named '_{0}'".format(name) for name in names}
    return python(**dict({"path": "/opt/python3.9", "lacks": why}, **changes))


def broken_venv(state):
    state.update(
        venv="/opt/venv", venv_python={"path": "/opt/venv/bin/python", "version": None, "problem": "does not run"}
    )


def no_python(state):
    state.update(pythons={"python3.7": None, "python3.8": None}, python=None)


def broken_python(state):
    no_python(state)
    state["pythons"]["python3.9"] = {"path": "/usr/bin/python3.9", "version": None, "problem": "gave no answer in 10 s"}


def lost_python(state):
    no_python(state)
    said = "/opt/py37/bin/python3.7: error while loading shared libraries: libpython3.7m.so.1.0: cannot open shared object file"
    state["pythons"]["python3.7"] = {"path": "/opt/py37/bin/python3.7", "version": None, "problem": said}


def own_python(*names):
    """What Ansible's Python on the host lacks."""
    why = {name: "No module named '_{0}'".format(name) for name in names}
    return lambda state: state["own_python"].update(lacks=why)


def in_venv(**changes):
    """The virtual environment's own interpreter."""

    def change(state):
        own = dict(state["pythons"]["python3.9"], path="/opt/venv/bin/python", **changes)
        state.update(venv="/opt/venv", venv_python=own)

    return change


def occupied(state):
    state["products"]["cmake"].update(occupied="a folder")


GONE = {"path": "/a/latest", "problem": "leads to /a/8.0.RC2, which does not exist"}


def shut(path, group, by_group=False):
    """What access.find_closed returns of a folder."""
    return {"path": path, "folder": True, "owner": "root", "group": group, "mode": "0750", "by_group": by_group}


# (id, severity, what is asked, what is wrong with the host, words of the message)
TRIGGERS = [
    (
        "arch-unsupported",
        "error",
        ask_torch(),
        lambda state: state.update(arch="riscv64"),
        ["riscv64", "x86_64 or aarch64", "Remove the host from the inventory"],
    ),
    (
        "cann-missing",
        "error",
        ask_torch(),
        lambda state: state.update(cann=[]),
        ["/usr/local/Ascend", "/root/Ascend", "5.0.3 to 5.0.4", "ascend_require_cann: false"],
    ),
    ("cann-missing", "note", ask_torch(require_cann=False), lambda state: state.update(cann=[]), ["CANN"]),
    (
        "cann-missing",
        "error",
        ask_torch(cann_path="/opt/cann9"),
        lambda state: state.update(cann=[]),
        ["no CANN in /opt/cann9, which ascend_cann_path names", "Set ascend_cann_path to one that is installed"],
    ),
    (
        "cann-missing",
        "error",
        ask_torch(cann_path="8.0.RC1"),
        lambda state: state.update(
            cann=[], cann_aside=[{"path": "/a/8.0.RC3", "problem": "is CANN 8.0.RC3"}] + [GONE] * 3
        ),
        [
            "no CANN 8.0.RC1, which ascend_cann_path names, under",
            "; /a/8.0.RC3 is CANN 8.0.RC3; /a/latest leads to",
            "and 1 more",
        ],
    ),
    (
        "cann-closed",
        "error",
        ask_torch(),
        lambda state: user(state).update(cann=[], cann_closed=[shut("/usr/local/Ascend/ascend-toolkit", "root")]),
        [
            "/usr/local/Ascend/ascend-toolkit exists, but worker may not enter it (root:root 0750)",
            "--install-for-all",
            "for the group HwHiAiUser with worker in it",
        ],
    ),
    (
        "cann-closed",
        "error",
        ask_torch(),
        lambda state: user(state).update(cann=[], cann_closed=[shut("/usr/local/Ascend", "HwHiAiUser", by_group=True)]),
        ["may not enter it (root:HwHiAiUser 0750)", "usermod -a -G HwHiAiUser worker", "--install-for-all"],
    ),
    (
        "cann-closed",
        "error",
        ask_torch(),
        lambda state: state.update(cann_closed=[dict(shut("/usr/local/Ascend", "root"), user="trainer")]),
        ["/usr/local/Ascend exists, but trainer may not enter it"],
    ),
    (
        "cann-closed",
        "note",
        ask_torch(),
        lambda state: state.update(cann_closed=[shut("/other", "root")]),
        ["/other exists, but root may not enter it"],
    ),
    (
        "cann-closed",
        "warning",
        ask_torch(),
        lambda state: state["cann"][0].update(
            version=None, closed=[dict(shut("/x/version.info", "root"), folder=False)]
        ),
        ["/x/version.info exists, but root may not read it"],
    ),
    (
        "cann-half",
        "warning",
        ask_torch(),
        lambda state: state["cann"][0].update(half="it lacks a version record"),
        ["CANN 5.0.4 in /usr/local/Ascend/ascend-toolkit/latest is incomplete: it lacks a version record"],
    ),
    (
        "cann-half",
        "note",
        ask_torch(),
        lambda state: state.update(cann_aside=[GONE]),
        [
            "/a/latest leads to /a/8.0.RC2, which does not exist",
            "CANN 5.0.4 in /usr/local/Ascend/ascend-toolkit/latest is used",
        ],
    ),
    (
        "nnal-missing",
        "error",
        ask_torch(environment=dict(ENVIRONMENT, nnal="true")),
        lambda state: None,
        ["no nnal/atb/set_env.sh in /usr/local/Ascend", "beside CANN 5.0.4", "torch_npu_build_nnal: auto"],
    ),
    (
        "nnal-missing",
        "error",
        ask_torch(environment=dict(ENVIRONMENT, nnal="true")),
        lambda state: state.update(nnal=dict(NNAL, environment={})),
        ["nnal in /a/nnal/atb has no libraries for the C++ ABI 1", "latest/atb/cxx_abi_1"],
    ),
    (
        "nnal-missing",
        "warning",
        ask_torch(environment=dict(ENVIRONMENT, nnal="auto")),
        lambda state: state.update(nnal=dict(NNAL, environment={})),
        ["nnal in /a/nnal/atb has no libraries for the C++ ABI 1"],
    ),
    (
        "nnal-script",
        "note",
        ask_torch(environment=dict(ENVIRONMENT, nnal="auto")),
        lambda state: state.update(nnal=dict(NNAL, distrusted="/a belongs to HwHiAiUser")),
        ["/a belongs to HwHiAiUser: /a/nnal/atb/set_env.sh is not run as root"],
    ),
    (
        "cann-script",
        "note",
        ask_torch(),
        lambda state: state["cann"][0].update(set_env="/x/set_env.sh", distrusted="/x belongs to HwHiAiUser"),
        [
            "/x belongs to HwHiAiUser: /x/set_env.sh is not run as root",
            "that only root can write to: who else can write to it can change what root runs",
        ],
    ),
    (
        "cann-too-old",
        "warning",
        ask_torch(),
        lambda state: state["cann"][0].update(version="5.0.2.T5.0.B010"),
        ["CANN 5.0.2.T5.0.B010 in"],
    ),
    (
        "cann-too-new",
        "warning",
        ask_torch(),
        lambda state: state["cann"][0].update(version="5.1.RC1"),
        [
            "CANN 5.1.RC1 in /usr/local/Ascend/ascend-toolkit/latest",
            "5.0.3 to 5.0.4 for torch 1.8.1",
            "goes with 5.1.RC1",
        ],
    ),
    (
        "cann-version-unknown",
        "warning",
        ask_torch(),
        lambda state: state["cann"][0].update(version=None),
        ["the version of CANN in /usr/local/Ascend/ascend-toolkit/latest is not known"],
    ),
    (
        "cann-version-unknown",
        "warning",
        ask_torch(),
        lambda state: state["cann"][0].update(version="V100R001C13"),
        ["is not known (it says V100R001C13)"],
    ),
    (
        "python-missing",
        "error",
        ask_torch(),
        no_python,
        ["python3.7, python3.8, python3.9", "3.7, 3.8, 3.9 for torch 1.8.1", "ascend_python"],
    ),
    ("python-missing", "error", ask_torch(), broken_python, ["/usr/bin/python3.9 gave no answer in 10 s"]),
    (
        "python-missing",
        "error",
        ask_torch(python="/opt/none"),
        no_python,
        ["none of these interpreters runs: /opt/none;"],
    ),
    (
        "python-version",
        "error",
        ask_torch(python="python3.9"),
        python(version="3.11.2"),
        ["/usr/bin/python3.9 is Python 3.11.2", "3.7, 3.8, 3.9 for torch 1.8.1", "ascend_python"],
    ),
    (
        "python-managed",
        "error",
        ask_torch(),
        python(managed=True),
        ["packages of /usr/bin/python3.9 belong to the distribution", "ascend_venv to a folder"],
    ),
    (
        "python-headers",
        "error",
        ask_torch(),
        python(path="/opt/python3.9", headers=False),
        ["/opt/python3.9 has no Python.h"],
    ),
    ("python-headers", "error", ask_torch(install_packages=False), python(headers=False), ["Python.h"]),
    (
        "python-library",
        "error",
        ask_torch(),
        python(path="/opt/python3.9", shared_library=False),
        ["--enable-shared", "ascend_python"],
    ),
    (
        "python-missing",
        "error",
        ask_torch(),
        lost_python,
        ["libpython3.7m.so.1.0: cannot open", "folder of libpython3.7m.so.1.0", "ldconfig", "ascend_python"],
    ),
    (
        "python-missing",
        "error",
        ask_torch(venv="/opt/venv"),
        broken_venv,
        [
            "none of these interpreters runs: /opt/venv/bin/python (/opt/venv/bin/python does not run)",
            "Remove /opt/venv",
            "created again",
        ],
    ),
    (
        "python-version",
        "error",
        ask_torch(venv="/opt/venv"),
        in_venv(version="3.11.2"),
        ["/opt/venv/bin/python is Python 3.11.2", "Remove /opt/venv"],
    ),
    (
        "python-modules",
        "error",
        ask_torch(),
        lacks("ssl", "ctypes"),
        [
            "/opt/python3.9 has no ctypes (No module named '_ctypes'), ssl",
            "torch imports it",
            "Install libffi-dev, libssl-dev and rebuild that Python",
            "ascend_python",
        ],
    ),
    ("python-modules", "warning", ask_torch(offline=True), lacks("ssl"), ["has no ssl", "may import it"]),
    ("python-modules", "warning", ask_torch(), lacks("bz2", "lzma"), ["has no bz2 (", "libbz2-dev, liblzma-dev"]),
    ("python-modules", "error", ask_torch(), lacks("zlib"), ["has no zlib", "pip unpacks wheels with it"]),
    ("python-modules", "error", ask_torch(), lacks("distutils"), ["has no distutils", "setuptools"]),
    (
        "python-modules",
        "error",
        ask_torch(install_packages=False),
        lacks("distutils", path="/usr/bin/python3.9"),
        ["/usr/bin/python3.9 has no distutils", "packages for it (python3-setuptools"],
    ),
    (
        "python-modules",
        "error",
        ask_torch(venv="/opt/venv"),
        lambda state: [lacks("ensurepip")(state), state.update(venv="/opt/venv")],
        ["has no ensurepip", "it creates the virtual environment"],
    ),
    (
        "ansible-python",
        "error",
        ask(recipe(CMAKE, version="3.13.0")),
        own_python("zlib", "ssl"),
        [
            "/usr/bin/python3, which Ansible uses here, has no ssl (No module named '_ssl'), zlib",
            "ssl for https://x/cmake, zlib for cmake-3.12.1.tar.gz",
            "Install libssl-dev, zlib1g-dev",
            "ansible_python_interpreter",
        ],
    ),
    (
        "ansible-python",
        "error",
        ask(recipe(CMAKE, version="3.13.0", sources=[dict(CMAKE["sources"][0], file="x.tar.bz2")]), mirrors=["/m"]),
        own_python("bz2", "ssl"),
        ["has no bz2", "bz2 for x.tar.bz2"],
    ),
    (
        "pip-too-old",
        "warning",
        ask_torch(),
        python(pip={"version": "19.2.3", "problem": "", "platforms": ["manylinux2010_x86_64", "linux_x86_64"]}),
        [
            "pip 19.2.3 of /usr/bin/python3.9 supports only wheels for manylinux2010_x86_64, linux_x86_64",
            "manylinux2014_x86_64",
        ],
    ),
    ("pip-missing", "error", ask_torch(), no_pip, ["/opt/python3.9 has no pip", "`/opt/python3.9 -m ensurepip`"]),
    (
        "pip-missing",
        "error",
        ask_torch(),
        python(pip=dict(NO_PIP, problem="ImportError: cannot import name 'main'")),
        [
            "pip 20.3.4 of /usr/bin/python3.9 does not run: ImportError: cannot import name 'main'",
            "-m ensurepip --upgrade",
        ],
    ),
    (
        "tools-missing",
        "error",
        ask_torch(install_packages=False),
        lambda state: state.update(missing_needs=["git", "patch"]),
        ["git, patch", "ascend_install_packages is false", "`apt-get install -y git patch`"],
    ),
    (
        "tools-missing",
        "error",
        ask_torch(),
        lambda state: user(state).update(missing_needs=["git"]),
        ["a plain user may not install packages", "ascend_packages_become: true"],
    ),
    (
        "tools-missing",
        "error",
        ask_torch(),
        lambda state: state.update(missing_needs=["git"], os=dict(state["os"], family="", package_manager="")),
        ["the package manager is not known", "by hand"],
    ),
    (
        "work-dir-unwritable",
        "error",
        ask_torch(),
        disk("/var/lib/ascend-pytorch", writable=False),
        ["root may not write in /", "ascend_work_dir"],
    ),
    (
        "work-dir-unsafe",
        "error",
        ask_torch(),
        lambda state: state.update(work_dir_objection="others may write to /data/x (mode 0777)"),
        ["others may write to /data/x (mode 0777)", "only root", "ascend_work_dir"],
    ),
    (
        "session-ends",
        "warning",
        ask_torch(),
        lambda state: user(state).update(session={"ends": True, "lingers": False}),
        ["logind ends the processes of worker", "loginctl enable-linger worker"],
    ),
    (
        "disk-full",
        "error",
        ask_torch(),
        disk("/var/lib/ascend-pytorch", free_mib=19 * 1024),
        ["19.0 GiB free in /", "20 GiB to build torch", "ascend_work_dir"],
    ),
    (
        "prefix-unwritable",
        "error",
        ask(recipe(CMAKE, version="3.13.0")),
        disk("/usr/local", writable=False),
        ["root may not write in /", "cmake at /usr/local/cmake", "cmake_prefix"],
    ),
    (
        "prefix-occupied",
        "error",
        ask(recipe(CMAKE, version="3.13.0")),
        occupied,
        ["/usr/local/cmake is a folder", "cmake_prefix"],
    ),
    (
        "requisite-missing",
        "error",
        ask_torch(),
        lambda state: [state["products"]["cmake"].update(manifest=None), with_tools(state, cmake="3.10.2")],
        ["/usr/bin/cmake 3.10.2", "cmake, at least 3.12.0", "role cmake"],
    ),
    (
        "requisite-missing",
        "error",
        ask_torch(),
        lambda state: [state["products"]["gcc730"].update(manifest=None), with_tools(state, gcc="4.8.5", gxx="4.8.5")],
        ["/usr/bin/gcc 4.8.5, /usr/bin/g++ 4.8.5", "at least 7.3.0", "role gcc730"],
    ),
    (
        "requisite-missing",
        "error",
        ask_torch(*(used(GCC, TORCH) + [recipe(APEX)])),
        lambda state: None,
        ["torch is missing in /usr/bin/python3.9", "role that builds it"],
    ),
    (
        "hccl-interface",
        "error",
        ask_torch(environment=dict(ENVIRONMENT, hccl_interface="eth7")),
        lambda state: None,
        ["'eth7'", "eth0 (192.168.1.10)", "torch_npu_build_hccl_interface", "torch_npu_build_hccl_if_ip"],
    ),
    (
        "torch-cuda",
        "warning",
        ask_plugin(),
        today(torch="2.6.0", nvidia_cublas_cu12="12.4.5.8"),
        [
            "torch 2.6.0 in /usr/local/lib/python3.11/dist-packages, a build for CUDA",
            "the CPU build of torch 2.6.0",
            "ascend_venv",
            "remove the nvidia-* packages",
        ],
    ),
    (
        "torch-npu-pair",
        "error",
        ask_plugin(*used(TORCH), recipe(APEX)),
        today(torch="2.6.0", torch_npu="2.5.1.post1"),
        [
            "torch_npu 2.5.1.post1 beside torch 2.6.0 in /usr/bin/python3.11",
            "`/usr/bin/python3.11 -m pip uninstall torch-npu`",
        ],
    ),
    (
        "gcc-of-torch",
        "warning",
        ask_plugin(),
        today(gcc="12.2.0"),
        [
            "gcc 12.2.0 in /usr/bin would build torch_npu",
            "gcc 11, with which torch 2.6.0 was built",
            "Set gcc730_accept_installed: false, and gcc730_version: auto or 11.2.0",
        ],
    ),
]


def npu(**changes):
    return lambda state: state["npu"].update(changes)


def closed(**changes):
    """The run user, who is nobody's friend, may not open the nodes."""

    def change(state):
        shut = dict({"accessible": False}, **changes.get("node", {}))
        state["npu"].update(
            run_user="worker", member=changes.get("member", False), chips=[], problem="failed: -8005", code=-8005
        )
        state["npu"]["nodes"] = [node("davinci0", **shut), node("davinci_manager", **shut)]

    return change


def foreign_torch(state):
    state["products"]["torch"].update(version="1.8.1", site="/usr/lib/python3/dist-packages")


def packages(**versions):
    return lambda state: state["pythons"]["python3.9"]["packages"].update(versions)


def no_packages(state):
    for name in ("numpy", "sympy"):
        del state["pythons"]["python3.9"]["packages"][name]


def stale_wheels(state):
    state["cann"][0]["wheels"] = {"te": "0.4.0", "topi": "0.4.0", "hccl": "0.1.0"}
    packages(te="0.3.0", topi="0.4.0")(state)


def outgrown(state):
    state.update(installed(ask_torch(), with_tools(bare(), cmake="3.22.1", gcc="9.3.0", gxx="9.3.0")))
    with_tools(state, gcc="10.2.1", gxx="10.2.1")


def tools(**versions):
    return functools.partial(with_tools, **versions)


# The same, of what cann_check looks at besides.
TRIGGERS_OF_FITNESS = [
    ("cann-too-old", "warning", fit(), lambda state: state["cann"][0].update(version="5.0.2"), ["CANN 5.0.2"]),
    ("cann-wheels", "warning", fit(), stale_wheels, ["te 0.3.0 in /usr/bin/python3.9; wanted: te 0.4.0", "CANN 5.0.4"]),
    (
        "unreadable",
        "warning",
        fit(),
        lambda state: user(state).update(
            closed_records=[
                dict(shut("/usr/local/Ascend/driver/version.info", "HwHiAiUser", by_group=True), folder=False)
            ]
        ),
        [
            "driver/version.info exists, but worker may not read it (root:HwHiAiUser",
            "usermod -a -G HwHiAiUser worker",
        ],
    ),
    (
        "unreadable",
        "warning",
        fit(),
        lambda state: state.update(closed=[dict(shut("/etc/os-release", "root"), folder=False)]),
        ["/etc/os-release exists, but root may not read it", "chmod o+r /etc/os-release"],
    ),
    (
        "driver-missing",
        "error",
        fit(),
        lambda state: [state.update(driver=None, firmware=None), npu(smi=None, chips=[], nodes=[])(state)],
        ["1 NPU(s) on the PCI bus and no driver", "reboot"],
    ),
    (
        "driver-firmware",
        "error",
        fit(),
        lambda state: state.update(driver_firmware_agree=False),
        ["driver 21.0.4 and firmware 1.80.21.2.210", "/usr/local/Ascend/driver/version.info"],
    ),
    (
        "npu-missing",
        "error",
        fit(),
        npu(chips=[], pci=[], nodes=[]),
        ["npu-smi shows no NPU", "ascend_require_npu: false"],
    ),
    ("npu-missing", "error", fit(), npu(smi=None, chips=[], pci=[], nodes=[]), ["npu-smi is missing"]),
    (
        "npu-missing",
        "note",
        fit(fitness={"require_npu": False}),
        npu(smi=None, chips=[], pci=[], nodes=[]),
        ["npu-smi is missing"],
    ),
    ("npu-smi", "error", fit(), npu(chips=[], problem="gave no answer in 10 s"), ["npu-smi: gave no answer in 10 s"]),
    (
        "npu-smi",
        "error",
        fit(),
        npu(chips=[], problem="ret is -8005", code=-8005, remedy="Reboot it"),
        ["-8005", "Reboot it"],
    ),
    ("npu-smi", "warning", fit(), npu(smi=None, chips=[]), ["no npu-smi in /usr/local/sbin"]),
    (
        "npu-busy",
        "warning",
        fit(),
        npu(chips=[], problem="ret is -8020", code=-8020, remedy="stop it"),
        ["-8020", "Stop it"],
    ),
    ("npu-unhealthy", "warning", fit(), npu(chips=[chip(0), chip(3, health="Alarm")]), ["NPU 3 chip 0: Alarm"]),
    (
        "npu-group",
        "error",
        fit(),
        closed(),
        ["worker is not in the group HwHiAiUser", "usermod -a -G HwHiAiUser worker"],
    ),
    (
        "npu-nodes",
        "error",
        fit(),
        closed(node={"group": "root", "mode": "0600"}),
        ["worker may not open /dev/davinci0 (root:root 0600), /dev/davinci_manager", "root:HwHiAiUser 0660"],
    ),
    ("npu-nodes", "error", fit(), closed(member=True, node={"mode": "0600"}), ["may not open"]),
    ("npu-nodes", "error", fit(), closed(member=True), ["may not open", "Log in again"]),
    ("npu-nodes", "error", fit(), npu(nodes=[]), ["no /dev/davinci*", "Reboot"]),
    (
        "openeuler-affinity",
        "note",
        fit(),
        lambda state: state["os"].update(openeuler_family=True, name="openEuler 20.03"),
        ["openEuler 20.03", "GOMP_CPU_AFFINITY", "/etc/ascend-pytorch/env.sh"],
    ),
    (
        "package-version",
        "error",
        fit(),
        packages(numpy="2.0.1"),
        ["numpy 2.0.1 in /usr/bin/python3.9", "numpy<=1.99 for torch 1.8.1", "pip install 'numpy<=1.99'"],
    ),
    ("package-missing", "warning", fit(), no_packages, ["no numpy, sympy", "pip install 'numpy<=1.99' sympy`"]),
    (
        "package-missing",
        "warning",
        fit(release=dict(RELEASE, cann={"minimum": "5.0.3", "maximum": "9.0.0"})),
        lambda state: [state["cann"][0].update(version="8.0.RC1.T5"), no_packages(state)],
        ["no cython, numpy, sympy", "pip install cython 'numpy>=1.19.2,<=1.24' sympy`"],
    ),
    (
        "torch-foreign",
        "warning",
        fit(),
        foreign_torch,
        ["torch 1.8.1 in /usr/lib/python3/dist-packages", "did not build", "ascend_venv"],
    ),
    (
        "clock-skew",
        "warning",
        fit(),
        lambda state: state.update(clock_skew_s=-400.0),
        ["400 s behind", "at most 300 s"],
    ),
    ("clock-skew", "error", fit(), lambda state: state.update(clock_skew_s=9e4), ["90000 s ahead of"]),
    ("umask", "note", fit(), lambda state: state.update(umask="0077"), ["umask 0077 for root"]),
    (
        "memory",
        "error",
        ask_torch(),
        lambda state: state["memory"].update(available_mib=1024),
        ["1.0 GiB of memory free of 64.0", "2.0 GiB for one job that builds torch", "when the host is idle"],
    ),
    (
        "memory",
        "error",
        ask_torch(),
        lambda state: state["memory"].update(available_mib=1024, limit={"path": "/c/memory.max", "mib": 3072}),
        ["1.0 GiB of memory free of the 3.0 GiB that /c/memory.max allows", "Raise this limit"],
    ),
    (
        "inodes",
        "error",
        ask_torch(),
        disk("/var/lib/ascend-pytorch", free_inodes=1000),
        ["1000 inodes free in /", "240000 to build torch"],
    ),
    (
        "tool-broken",
        "warning",
        fit(),
        lambda state: state["tools"]["cmake"].append(tool("/usr/bin/cmake", None, "gave no answer in 10 s")),
        ["/usr/bin/cmake gave no answer in 10 s", "cmake that works"],
    ),
    (
        "source-unreachable",
        "error",
        fit(),
        lambda state: state.update(unanswered={"torch: pytorch/pytorch": [["https://x/p.git", "no answer for 10 s"]]}),
        ["torch: pytorch/pytorch: https://x/p.git (no answer for 10 s)", "ascend_mirrors"],
    ),
    (
        "compilers-mixed",
        "warning",
        fit(),
        tools(gcc="9.4.0", gxx="7.5.0"),
        ["/usr/bin/gcc 9.4.0, /usr/bin/g++ 7.5.0", "one version of all compilers in /usr/bin"],
    ),
    (
        "tools-outgrown",
        "note",
        ask_torch(),
        outgrown,
        ["torch was built with an older tool", "gcc730 10.2.1 instead of 9.3.0", "ascend_rebuild: true"],
    ),
    (
        "noexec",
        "error",
        ask_torch(),
        disk("/var/lib/ascend-pytorch", noexec=True, stands_at="/var"),
        ["/var/lib/ascend-pytorch is on a file system mounted with noexec (/var)", "Set ascend_work_dir"],
    ),
    (
        "noexec",
        "error",
        ask(recipe(CMAKE, version="3.13.0")),
        disk("/usr/local", noexec=True),
        ["/usr/local is on", "noexec", "Set cmake_prefix"],
    ),
    (
        "noexec",
        "error",
        ask_torch(venv="/opt/venv"),
        lambda state: [
            in_venv()(state),
            state["disk"].update({"/opt/venv": dict(state["disk"]["/usr/local"], noexec=True)}),
        ],
        ["/opt/venv is on", "Set ascend_venv"],
    ),
    (
        "package-python",
        "error",
        ask_torch(),
        lambda state: state.update(
            missing_needs=["patch"], packaging_python={"path": "/usr/bin/python3", "version": "3.7.9"}
        ),
        [
            "apt runs under /usr/bin/python3, Python 3.7.9, which ansible-core 2.19.14 does not support",
            "Python 3.8 or newer with apt's own package, to install patch",
            "Run `apt-get install -y patch` on the host",
        ],
    ),
    (
        "tools-missing",
        "error",
        ask_torch(),
        lambda state: user(state).update(missing_needs=["acl"], login_uid=1001),
        ["missing: acl (a plain user may not", "`apt-get install -y acl`", "ascend_packages_become: true"],
    ),
    (
        "tool-too-new",
        "error",
        ask(recipe(GCC, version="11.2.0", accept=dict(GCC["accept"], maximum={"x86_64": "9"}))),
        lambda state: None,
        ["gcc730_version is 11.2.0", "at most 9 on x86_64", "gcc730_max_version"],
    ),
    (
        "requisite-missing",
        "error",
        ask_torch(*used(dict(CMAKE, accept=dict(CMAKE["accept"], maximum="3")), GCC), recipe(TORCH)),
        lambda state: [state["products"]["cmake"].update(manifest=None), with_tools(state, cmake="4.0.2")],
        ["/usr/bin/cmake 4.0.2", "cmake, at least 3.12.0, at most 3", "role cmake"],
    ),
    (
        "link-foreign",
        "warning",
        ask(recipe(CMAKE, version="3.13.0")),
        lambda state: state["products"]["cmake"]["links"].update({"/usr/bin/cmake": "foreign"}),
        ["/usr/bin/cmake was not made by this collection", "/usr/local/cmake/bin/cmake", "cmake_replace_link: true"],
    ),
]


SHARE = {"hosts": "node[1-2]", "paths": ["/home/a/.local", "/home/a/w"], "env_file": ""}


def test_what_is_found_of_hosts_together():
    (alone,) = checks.shared_place_findings([SHARE])
    assert finding.describe(alone).startswith("note: node[1-2] share /home/a/.local, /home/a/w; wanted: ")
    assert (
        "one builds and publishes there" in alone["wanted"] and "ascend_work_dir" in alone["remedy"] and alone["source"]
    )
    note, warning = checks.shared_place_findings([dict(SHARE, env_file="/home/a/env.sh")])
    assert (note["id"], warning["id"], warning["severity"]) == ("shared-place", "shared-place", "warning")
    assert "/home/a/env.sh" in warning["found"] and "set ascend_env_file" in warning["remedy"]


# What the pip of the guide's Python 3.7.5 takes.
OLD_PIP = {
    "version": "19.2.3",
    "problem": "",
    "platforms": ["manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"],
}


def has_wheels(planned, names):
    """A bundle has these for the pip that is to install torch."""
    torch = planned.products["torch"]
    order = torch.order._replace(wheels=[["wheels/" + name, "ab" * 32] for name in names])
    planned.products["torch"] = torch._replace(order=order)


@pytest.mark.parametrize(
    "names, refused",
    [
        (["FieldYAML-6.0.1-cp37-cp37m-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"], [0]),
        (["a-1-py3-none-any.whl", "b-1-cp37-cp37m-manylinux1_x86_64.whl", "c-1-cp37-cp37m-linux_x86_64.whl"], []),
        # One that it takes is enough.
        (["A_b-1-cp37-cp37m-manylinux2014_x86_64.whl", "a.b-0.9-cp37-cp37m-manylinux2010_x86_64.whl"], []),
        (
            [
                "a-1-cp37-cp37m-manylinux_2_28_x86_64.whl",
                "a-1-py3-none-any.whl",
                "b-1-cp37-abi3-manylinux2014_x86_64.whl",
            ],
            [2],
        ),
        ([], []),
        *([[name], [0]] for name in sorted(set(re.findall(r"\S+\.whl", text(str(FIELD / "b09_old_pip.txt")))))),
    ],
)
def test_wheels_of_a_bundle_that_a_pip_refuses(names, refused):
    state = ready()
    python(pip=OLD_PIP)(state)
    request = ask_torch(offline=True, install_packages=False)
    planned = make(request, state)
    has_wheels(planned, names)
    told = found(request, state, planned)
    assert [each["id"] for each in told] == ["pip-too-old"] * bool(refused)
    for each in told:
        assert each["wanted"].endswith(": " + ", ".join(names[number] for number in refused))
        assert "19.2.3" in each["found"] and each["severity"] == "error" and "--upgrade pip" in each["remedy"]
    # A newer pip takes all of them, and of one that does not say nothing is known.
    for pip in ({"platforms": ["manylinux_2_28_x86_64", *PLATFORMS]}, {"platforms": []}):
        python(pip=dict(OLD_PIP, **pip))(state)
        has_wheels(planned, names[:1])
        assert found(request, state, planned) == []


@pytest.mark.parametrize("ident, severity, request_, spoil, words", TRIGGERS + TRIGGERS_OF_FITNESS)
def test_each_finding_has_its_trigger(ident, severity, request_, spoil, words):
    state = ready()
    spoil(state)
    findings = found(request_, state)
    assert [(each["id"], each["severity"]) for each in findings] == [(ident, severity)]
    said = finding.describe(findings[0])
    assert [word for word in words if word not in said] == []
    assert said.startswith(severity + ": ") and said.endswith("[{0}]".format(ident))
    assert findings[0]["found"] and findings[0]["wanted"] and findings[0]["remedy"] and findings[0]["source"]


# Those that have tests of their own.
OTHERS = {"env-file-unwritable", "npu-kind", "release-chosen", "release-unfit", "torch-differs", checks.SHARED}


def test_every_check_has_a_trigger():
    assert {ident for ident, *_rest in TRIGGERS + TRIGGERS_OF_FITNESS} | OTHERS == set(checks.CHECKS)


@pytest.mark.parametrize("ident, severity, request_, spoil, words", TRIGGERS + TRIGGERS_OF_FITNESS)
def test_each_check_can_be_silenced(ident, severity, request_, spoil, words):
    state = ready()
    spoil(state)
    assert found(request_._replace(silenced=[ident]), state) == []


@pytest.mark.parametrize("ident, severity, request_, spoil, words", TRIGGERS_OF_FITNESS)
def test_a_role_that_builds_one_thing_asks_less(ident, severity, request_, spoil, words):
    state = ready()
    spoil(state)
    asked = checks.CHECKS[ident].subject in ("build", "cann")
    assert bool(found(request_._replace(fitness=None), state)) == asked


def test_on_a_host_that_only_builds_npus_are_noted():
    for ident, entry in checks.CHECKS.items():
        state = ready()
        for name, _severity, _request, spoil, _words in TRIGGERS_OF_FITNESS:
            if name == ident and entry.subject == "npu":
                spoil(state)
                there = found(fit(fitness={"require_npu": False}), state)
                assert [each["severity"] for each in there] == ["note"], ident
                break


def test_checks_are_documented():
    for entry in checks.CHECKS.values():
        assert entry.meaning.endswith(".") and entry.source and entry.severity in finding.SEVERITIES


def test_all_of_it_is_told_at_once():
    state = bare(cann=[], pythons={}, python=None, missing_needs=["git"])
    state["disk"]["/var/lib/ascend-pytorch"].update(free_mib=10, writable=False)
    request = ask_torch(install_packages=False, environment=dict(ENVIRONMENT, hccl_interface="ib0"))
    assert sorted(idents(request, state)) == [
        "cann-missing",
        "disk-full",
        "hccl-interface",
        "python-missing",
        "requisite-missing",
        "requisite-missing",
        "tools-missing",
        "work-dir-unwritable",
    ]


def test_a_release_with_letters_is_the_one_of_its_numbers():
    for version in ("5.0.4.T5.0.B010", "5.0.3.alpha005"):
        state = ready()
        state["cann"][0]["version"] = version
        assert found(fit(), state) == []


def test_nobody_is_told_to_use_a_virtual_environment_before_it_is_made():
    state = ready()
    state["venv"] = "/opt/venv"
    (told,) = [each for each in found(fit(), state) if each["id"] == "package-missing"]
    assert told["remedy"].startswith("once site.yml has made the virtual environment, run `/opt/venv/bin/python -m pip")
    in_venv(packages={})(state)
    (told,) = [each for each in found(fit(), state) if each["id"] == "package-missing"]
    assert told["remedy"].startswith("run `/opt/venv/bin/python -m pip")


def test_the_packages_of_an_unknown_cann_are_those_of_the_oldest_that_will_do():
    for state in (ready(cann=[]), ready()):
        if state["cann"]:
            state["cann"][0]["version"] = None
        del state["pythons"]["python3.9"]["packages"]["attrs"]
        user(state)
        told = [each for each in found(fit(), state) if each["id"] == "package-missing"]
        assert [(each["found"], each["remedy"]) for each in told] == [
            ("/usr/bin/python3.9 has no attrs", "run `/usr/bin/python3.9 -m pip install --user attrs`")
        ]


@pytest.mark.parametrize(
    "request_, spoil",
    [
        # What packages will bring is no finding.
        (ask_torch(), lambda state: state.update(missing_needs=["git"])),
        (ask_torch(packages_become=True), lambda state: user(state).update(missing_needs=["git"])),
        (ask_torch(), python(headers=False)),
        (ask_torch(), python(shared_library=False)),
        (ask_torch(), python(packages={"pyyaml": "1", "wheel": "1"}, pip=NO_PIP)),
        (ask_torch(), lacks("distutils", path="/usr/bin/python3.9")),
        (ask_torch(), lacks("distutils", path="/usr/bin/python3.9", pip=NO_PIP)),
        (ask_torch(), lacks("ensurepip")),
        # What is not built is not unpacked; what a mirror or a bundle has needs no TLS.
        (ask_torch(), own_python("bz2", "lzma", "ssl", "ctypes")),
        (ask(recipe(CMAKE)), own_python("zlib", "ssl")),
        (ask(recipe(CMAKE, version="3.13.0"), mirrors=["/m"]), own_python("ssl", "bz2", "lzma")),
        (ask(recipe(CMAKE, version="3.13.0"), offline=True), own_python("ssl")),
        (
            ask_torch(venv="/opt/venv"),
            lambda state: [lacks("ensurepip", path="/usr/bin/python3.9")(state), state.update(venv="/opt/venv")],
        ),
        # setuptools brings a distutils of its own.
        (ask_torch(), lacks("distutils", packages={"setuptools": "68.0", "pip": "23.0", "pyyaml": "1", "wheel": "1"})),
        # What stands in an environment of its own is not asked of the Python that made it.
        (ask_torch(venv="/opt/venv"), lambda state: [in_venv()(state), no_pip(state)]),
        (ask_torch(venv="/opt/venv"), lambda state: [in_venv()(state), no_python(state)]),
        # Nothing is installed, or by a Python that will do, or none is known.
        (ask_torch(), lambda state: state.update(packaging_python={"path": "/p", "version": "3.6.9"})),
        (ask_torch(), lambda state: state.update(missing_needs=["git"], packaging_python=None)),
        (
            ask_torch(),
            lambda state: state.update(missing_needs=["git"], packaging_python={"path": "/p", "version": "3.8.1"}),
        ),
        # acl is for one plain account that becomes another.
        (ask_torch(), lambda state: user(state).update(missing_needs=["acl"], login_uid=1000)),
        (ask_torch(), lambda state: user(state).update(missing_needs=["acl"], login_uid=0)),
        (ask_torch(), lambda state: state.update(missing_needs=["acl"], login_uid=1001)),
        (ask_torch(packages_become=True), lambda state: user(state).update(missing_needs=["acl"], login_uid=1001)),
        (ask(recipe(CMAKE)), lambda state: user(state).update(missing_needs=["acl"], login_uid=1001)),
        (ask(recipe(CMAKE)), disk("/var/lib/ascend-pytorch", noexec=True)),
        (ask(recipe(CMAKE)), disk("/usr/local", noexec=True)),
        # What is not built needs no room, and what is not published no place.
        (ask(recipe(CMAKE)), disk("/var/lib/ascend-pytorch", free_mib=0, writable=False)),
        (ask(recipe(CMAKE)), disk("/usr/local", writable=False)),
        (ask(recipe(CMAKE)), lambda state: state.update(work_dir_objection="others may write to it")),
        (ask(recipe(CMAKE)), occupied),
        # Root's builds leave the session, as do those of whoever lingers; and nothing dies where nothing is built.
        (ask_torch(), lambda state: state.update(session={"ends": True, "lingers": False})),
        (ask_torch(), lambda state: user(state).update(session={"ends": True, "lingers": True})),
        (ask(recipe(CMAKE)), lambda state: user(state).update(session={"ends": True, "lingers": False})),
        (ask(recipe(CMAKE), recipe(GCC)), lambda state: state.update(missing_needs=["bzip2"])),
        (
            ask_torch(environment=dict(ENVIRONMENT, hccl_interface="eth7", set={"HCCL_IF_IP": "10.0.0.1"})),
            lambda state: None,
        ),
        (ask_torch(environment=dict(ENVIRONMENT, hccl_interface="eth0")), lambda state: None),
    ],
)
def test_what_is_no_finding(request_, spoil):
    state = ready()
    spoil(state)
    assert found(request_, state) == []


def test_a_converged_host_is_not_bothered():
    request = copy.deepcopy(EVERYTHING)
    state = installed(request, bare())
    state.update(missing_needs=["git", "bzip2", "make"])
    for place in state["disk"].values():
        place.update(free_mib=0, writable=False)
    assert found(request, state) == []


def test_a_stored_product_needs_no_room_to_build():
    request = ask_torch()
    state = installed(request, ready())
    state["products"]["torch"].update(manifest=None, version=None)
    state["disk"]["/var/lib/ascend-pytorch"]["free_mib"] = 1
    assert make(request, state).products["torch"].do == "publish" and found(request, state) == []


def test_who_takes_lacks_nothing_that_only_building_needs():
    state = bare(missing_needs=["make", "gcc", "g++", "git", "bzip2"], memory={"total_mib": 512, "available_mib": 100})
    state["disk"]["/var/lib/ascend-pytorch"].update(free_mib=1024, free_inodes=10)
    python(path="/opt/bin/python3.9", headers=False, shared_library=False)(state)
    user(state)["unanswered"] = {}
    wrong = {"disk-full", "inodes", "memory", "python-headers", "python-library", "tools-missing"}
    assert wrong <= set(idents(EVERYTHING, state))
    assert idents(takes(EVERYTHING), state) == idents(runs(EVERYTHING), state) == []


@pytest.mark.parametrize(
    "spoil, ident, words",
    [
        (lambda state: state.update(missing_needs=["openblas"]), "tools-missing", "openblas"),
        (python(path="/opt/python3.9", pip=NO_PIP), "pip-missing", "pip"),
        (lacks("ctypes"), "python-modules", "torch imports it"),
        (lambda state: state["disk"]["/var/lib/ascend-pytorch"].update(free_mib=1000), "disk-full", "1 GiB to take"),
        (lambda state: state["disk"]["/usr/local"].update(writable=False), "prefix-unwritable", "gcc730"),
        (lambda state: state["products"]["gcc730"].update(occupied="a folder"), "prefix-occupied", "gcc730"),
        (lambda state: state["products"]["torch"].update(version="1.8.1", site="/s"), "torch-foreign", "1.8.1"),
    ],
)
def test_what_who_takes_lacks_too(spoil, ident, words):
    state = bare()
    state["pythons"]["python3.9"]["path"] = "/opt/bin/python3.9"
    spoil(state)
    told = found(runs(EVERYTHING, install_packages=False, fitness=FITNESS), state)
    assert [each["id"] for each in told] == [ident]
    assert words in told[0]["found"] + told[0]["wanted"]


def test_a_foreign_link_of_what_is_taken():
    state = bare()
    state["products"]["cmake"]["links"] = {"/usr/bin/cmake": "foreign"}
    assert (
        idents(takes(ask(recipe(CMAKE))), state) == ["link-foreign"] and idents(runs(ask(recipe(CMAKE))), state) == []
    )


def test_who_takes_must_know_what_it_was_built_with():
    assert idents(takes(ask_torch()), bare()) == ["requisite-missing", "requisite-missing"]
    promised = make(EVERYTHING, bare()).tools
    assert found(runs(ask_torch(promised=promised)), bare()) == []


def test_a_tool_that_the_host_shall_not_bring_itself():
    request = ask_torch(*(used(CMAKE, dict(GCC, accept={})) + [recipe(TORCH)]))
    state = with_tools(ready(), gcc="10.2.1", gxx="10.2.1")
    state["products"]["gcc730"].update(manifest=None)
    assert idents(request, state) == ["requisite-missing"]


def test_in_check_mode_a_promised_tool_is_not_missing():
    promised = make(ask(recipe(CMAKE), recipe(GCC)), bare()).tools
    assert found(ask_torch(promised=promised), bare()) == []
    assert idents(ask_torch(), bare()) == ["requisite-missing", "requisite-missing"]


# --- variables --------------------------------------------------------------------------------------------------------


NPU_RELEASE = dict(
    situations.RELEASE,
    version="2.6.0.post5",
    tag="v7.3.0-pytorch2.6.0",
    torch={"layout": "plugin", "version": "2.6.0"},
    unsupported_variables=[],
)


def environment(**values):
    return dict(ENVIRONMENT, set=dict(ENVIRONMENT["set"], **values))


@pytest.mark.parametrize(
    "request_, words",
    [
        (ask(recipe(CMAKE, prefix="/usr")), ["cmake_prefix: '/usr' is refused", "/usr/local/cmake"]),
        (ask(recipe(CMAKE, prefix="//usr/local/")), ["cmake_prefix"]),
        (ask(recipe(GCC, prefix="/")), ["gcc730_prefix"]),
        (ask(recipe(GCC, prefix="gcc")), ["gcc730_prefix", "absolute"]),
        (ask(recipe(CMAKE, prefix="")), ["cmake_prefix"]),
        (ask(recipe(CMAKE, prefix="~/..")), ["cmake_prefix"]),
        (ask_torch(*(used(dict(GCC, prefix="/usr")) + [recipe(TORCH)])), ["gcc730_prefix"]),
        (
            ask(recipe(CMAKE, sources=[dict(CMAKE["sources"][0], sha256="c" * 40)])),
            ["sha256 of cmake-3.12.1.tar.gz", "64", "40 characters", "sha256sum"],
        ),
        (
            ask_torch(recipe(TORCH, built_with=[], sources=[dict(TORCH["sources"][0], commit="v1.8.1")])),
            ["commit of pytorch/pytorch", "40", "git rev-parse v1.8.1^{commit}"],
        ),
        (ask_torch(python="python3.11"), ["ascend_python: 'python3.11'", "torch 1.8.1", "3.7, 3.8, 3.9"]),
        (ask_torch(python="/usr/bin/python2.7"), ["ascend_python"]),
        (ask_torch(environment=environment(HCCL_IF_IP="300.1.1.1")), ["HCCL_IF_IP", "torch_npu_build_hccl_if_ip"]),
        (ask_torch(environment=environment(HCCL_IF_IP="127.0.0.1")), ["HCCL_IF_IP"]),
        (ask_torch(environment=environment(TASK_QUEUE_ENABLE="yes")), ["torch_npu_build_task_queue_enable"]),
        (ask_torch(environment=environment(DYNAMIC_COMPILE_ENABLE="1")), ["DYNAMIC_COMPILE_ENABLE", "not supported"]),
        (
            ask_torch(environment=environment(PTCOPY_ENABLE="1"), release=NPU_RELEASE),
            ["PTCOPY_ENABLE", "no release of the plugin torch_npu reads it", "torch_npu_build_ptcopy_enable"],
        ),
        (
            ask_torch(environment=environment(TORCH_TRANSFER_TO_NPU="1"), release=NPU_RELEASE),
            ["torch_npu_build_torch_transfer_to_npu", "from 26.0.0 on, and this release is of 7.3.0"],
        ),
        (
            ask(recipe(CMAKE, prefix="/opt/x"), recipe(GCC, prefix="/opt/x/")),
            ["cmake_prefix, gcc730_prefix: all of these are /opt/x"],
        ),
        (ask(recipe(CMAKE), silenced=["umask", "nonsense"]), ["there is no check nonsense", "umask"]),
        (ask(recipe(CMAKE), cann_path="latest"), ["ascend_cann_path: 'latest'", "8.0.RC3"]),
        (ask(recipe(CMAKE), cann_path="V100R001C13"), ["ascend_cann_path"]),
        (ask(recipe(CMAKE), jobs="0"), ["ascend_jobs: '0'"]),
        (ask(recipe(CMAKE), jobs="-1"), ["ascend_jobs"]),
        (ask(recipe(CMAKE), jobs="many"), ["ascend_jobs: 'many'", "auto"]),
        (ask(recipe(CMAKE), jobs=""), ["ascend_jobs"]),
        (ask(recipe(CMAKE), jobs="2.5"), ["ascend_jobs"]),
        (ask(recipe(CMAKE), jobs="²"), ["ascend_jobs"]),
    ],
)
def test_variables_that_are_wrong(request_, words):
    problems = checks.variable_problems(request_)
    assert len(problems) == 1, problems
    assert [word for word in words if word not in problems[0]] == []


@pytest.mark.parametrize(
    "request_",
    [
        ask(recipe(CMAKE, prefix="/opt/cmake"), jobs="4"),
        ask(recipe(CMAKE, prefix="~/cmake"), jobs=4),
        ask_torch(cann_path="/opt/my cann"),
        ask_torch(cann_path="~/Ascend"),
        ask_torch(cann_path="8.0.RC1.T5"),
        # What an interpreter of such a name is, it says itself.
        ask_torch(python="python3.8"),
        ask_torch(python="/opt/python/bin/python3"),
        ask_torch(python="/opt/python-3.11/bin/py"),
        ask_torch(python="/usr/bin/python3.9"),
        ask_torch(environment=environment(HCCL_IF_IP="10.0.0.1")),
        # The defaults.
        ask_torch(environment=environment(TASK_QUEUE_ENABLE="auto", PTCOPY_ENABLE="auto"), release=NPU_RELEASE),
        ask_torch(environment=environment(TASK_QUEUE_ENABLE="2", PER_STREAM_QUEUE="1"), release=NPU_RELEASE),
    ],
)
def test_variables_that_are_right(request_):
    assert checks.variable_problems(request_) == []


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        (ask(recipe(CMAKE, environment={"https_proxy": "http://ann:s3cret@proxy:3128"})), "cmake: 'http://proxy:3128'"),
        (ask(recipe(CMAKE, requirements=["x @ git+https://s3cret@h/x.git"])), "cmake: 'x @ git+https://h/x.git'"),
        (ask_torch(environment=environment(X="https://ann:s3cret@h")), "the environment file: 'https://h'"),
    ],
)
def test_a_password_is_not_taken_where_all_can_read_it(request_, where):
    (problem,) = [words for words in checks.variable_problems(request_) if "login" in words]
    assert problem.startswith(where) and "PIP_CONFIG_FILE" in problem and "s3cret" not in problem


def test_all_variables_are_told_at_once():
    request = ask_torch(
        recipe(CMAKE, prefix="/usr", sources=[dict(CMAKE["sources"][0], sha256="")]),
        recipe(GCC, prefix="/"),
        jobs="x",
        python="python2.7",
        environment=environment(HCCL_IF_IP="x"),
    )
    assert len(checks.variable_problems(request)) == 6


def test_a_value_that_no_release_takes_is_told_with_all_other_problems_while_the_release_is_guessed():
    def told(settled, **chosen):
        release = dict(NPU_RELEASE, is_settled=settled)
        return checks.variable_problems(ask_torch(release=release, environment=environment(**chosen), jobs="x"))

    wrong = {"HCCL_IF_IP": "127.0.0.1", "TASK_QUEUE_ENABLE": "7"}
    assert len(told(False, **wrong)) == 3
    assert told(False, **wrong) == told(True, **wrong)
    # What only the guessed release does not read may be for the one that comes.
    assert len(told(False, DYNAMIC_OP="ADD", TASK_QUEUE_ENABLE="auto", HCCL_IF_IP="")) == 1
    assert len(told(True, DYNAMIC_OP="ADD")) == 2


@pytest.mark.parametrize(
    ("change", "variable"),
    [
        ({"work_dir": "/data/my work"}, "ascend_work_dir"),
        ({"work_dir": "relative/x"}, "ascend_work_dir"),
        ({"env_file": "/tmp/env.sh"}, "ascend_env_file"),
        ({"venv": "~bob/venv"}, "ascend_venv"),
    ],
)
def test_a_path_that_will_not_do_is_told_before_any_host_is_asked(change, variable):
    (problem,) = checks.variable_problems(ask(recipe(CMAKE), **change))
    assert problem.startswith("{0}: {1!r} is refused: ".format(variable, next(iter(change.values()))))


def test_memory_of_the_largest_file_counts():
    def seen(available_mib, **changes):
        state = ready()
        state["memory"].update(available_mib=available_mib)
        request = ask_torch()
        request = request._replace(recipes=[dict(entry, **changes) for entry in request.recipes])
        return "memory" in idents(request, state)

    large = {"mem_gib_per_job": 0.8, "mem_gib_first": 4.2}
    assert seen(4200, **large) and not seen(4301, **large) and not seen(900, mem_gib_per_job=0.8)


def test_a_build_in_an_environment_of_its_own_needs_ensurepip():
    state, request = ready(), ask_torch()
    lacks("ensurepip")(state)
    assert "python-modules" not in idents(request, state)
    own = {"stages": {"configure": [{"venv": {"path": "{obj}/venv"}}]}}
    request = request._replace(recipes=[dict(entry, **own) for entry in request.recipes])
    assert "python-modules" in idents(request, state)


def test_pip_may_be_told_to_install_into_the_distributions_python():
    state = ready()
    python(managed=True, pip=dict(state["pythons"]["python3.9"]["pip"], settings={"break-system-packages": "1"}))(state)
    assert found(ask_torch(), state) == []
    python(pip=dict(state["pythons"]["python3.9"]["pip"], settings=None))(state)
    assert [each["id"] for each in found(ask_torch(), state)] == ["python-managed"]
