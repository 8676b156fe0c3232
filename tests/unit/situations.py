# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and requests as the plan sees them, for the tests of the plan and of what stands in its way."""

import copy
import hashlib

from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request

RELEASE = {
    "version": "1.8.1",
    "pythons": ["3.7", "3.8", "3.9"],
    "cann": {"minimum": "5.0.3", "maximum": "5.0.4"},
    "cmake": "3.12.0",
    "gcc": "7.3.0",
    "unsupported_variables": ["DYNAMIC_COMPILE_ENABLE"],
    "packages": {"numpy": {"maximum": "1.99"}, "sympy": {}},
}

# What the operators of CANN import, from one release of CANN on.
OPERATORS = [
    {"from": "5.0", "packages": {"numpy": {}, "attrs": {}}},
    {"from": "7.0.RC1", "packages": {"numpy": {"minimum": "1.19.2", "maximum": "1.24"}, "attrs": {}, "cython": {}}},
]

FITNESS = {
    "require_npu": True,
    "run_user": "",
    "max_clock_skew_s": 300,
    "check_sources": True,
    "packages": OPERATORS,
}

CMAKE = {
    "name": "cmake",
    "version": "3.12.1",
    "product": "tree",
    "prefix": "auto",
    "links": [{"path": "auto", "target": "bin/cmake"}],
    "accept": {"commands": ["cmake"], "minimum": "3.12.0", "maximum": ""},
    "sources": [
        {
            "name": "cmake",
            "kind": "archive",
            "file": "cmake-3.12.1.tar.gz",
            "urls": ["https://x/cmake"],
            "sha256": "c" * 64,
            "dest": "cmake",
        }
    ],
    "needs": ["make", "gcc", "g++", "openssl"],
    "stages": {
        "configure": [{"run": ["{src}/cmake/configure", "--prefix={prefix}"]}],
        "build": [{"run": ["make", "-j{jobs}"]}],
        "sanity": [{"run": ["{root}/bin/cmake", "--version"]}],
    },
    "mem_gib_per_job": 1,
    "disk_gib": 2,
}

GCC = {
    "name": "gcc730",
    "version": "7.3.0",
    "product": "tree",
    "prefix": "auto",
    "links": [],
    "accept": {"commands": ["gcc", "g++"], "minimum": "7.3.0", "maximum": ""},
    "sources": [
        {"name": "gcc", "kind": "archive", "file": "gcc-7.3.0.tar.gz", "urls": [], "sha256": "d" * 64, "dest": "gcc"}
    ],
    "needs": ["make", "gcc", "g++", "bzip2"],
    "runtime": ["lib64/lib*.so.*[0-9]"],
    "adapt": [
        {"libc_above": "2.27", "options": ["--disable-libsanitizer"]},
        {"compiler_from": "11", "environment": {"CXXFLAGS": "-g -O2 -std=gnu++14"}},
    ],
    "stages": {
        "configure": [{"run": ["{src}/gcc/configure", "{options}", "--disable-bootstrap"]}],
        "build": [{"run": ["make"]}],
        "install": [{"link": {"path": "{root}/bin/cc", "to": "gcc"}}],
    },
    "mem_gib_per_job": 1,
    "disk_gib": 8,
}

TORCH = {
    "name": "torch",
    "version": "1.8.1",
    "product": "wheel",
    "distribution": "torch",
    "built_with": ["cmake", "gcc730"],
    "requirements": ["pyyaml", "wheel"],
    "sources": [
        {
            "name": "native",
            "kind": "git",
            "repo": "pytorch/pytorch",
            "ref": "v1.8.1",
            "commit": "e" * 40,
            "urls": [],
            "dest": "pytorch",
            "submodules": True,
        }
    ],
    "needs": ["git", "patch", "dos2unix"],
    "runs_with": ["openblas"],
    "environment": {},
    "stages": {"build": [{"run": ["bash", "build.sh"]}]},
    "mem_gib_per_job": 2,
    "disk_gib": 20,
}

APEX = {
    "name": "apex",
    "version": "0.1",
    "product": "wheel",
    "distribution": "apex",
    "built_with": ["gcc730", "torch"],
    "requirements": [],
    "needs": ["git"],
    "stages": {},
    "sources": [
        {
            "name": "native",
            "kind": "git",
            "repo": "NVIDIA/apex",
            "ref": "",
            "commit": "a" * 40,
            "urls": [],
            "dest": "apex",
        }
    ],
}

ENVIRONMENT = {"set": {"TASK_QUEUE_ENABLE": "1", "HCCL_IF_IP": "", "DYNAMIC_OP": ""}, "hccl_interface": ""}

PREFIXES = {"cmake": "/usr/local/cmake", "gcc730": "/usr/local/linux_gcc7.3.0"}


def recipe(entry, **changes):
    return dict(copy.deepcopy(entry), **changes)


def used(*entries):
    """The recipes as a role puts them before its own that only uses these products."""
    keys = ("name", "version", "product", "prefix", "accept", "distribution")
    return [dict({key: copy.deepcopy(entry[key]) for key in keys if key in entry}, reference=True) for entry in entries]


def ask(*recipes, **changes):
    asked = dict(
        {
            "recipes": list(recipes),
            "release": {},
            "python": "auto",
            "venv": "",
            "environment": None,
            "needs": [],
            "jobs": "auto",
            "timeout_s": 100,
            "mirrors": [],
            "keep_builds": False,
            "replace_link": False,
            "rebuild": False,
            "install_packages": True,
            "packages_become": False,
            "require_cann": True,
            "cann_path": "",
            "fitness": None,
            "silenced": [],
            "builds": True,
            "toolchain": "whole",
            "collection_version": "0.1.0",
            "promised": {},
            "work_dir": "auto",
            "env_file": "auto",
        },
        **changes,
    )
    return Request(**asked)


def ask_torch(*recipes, **changes):
    return ask(*(recipes or used(CMAKE, GCC) + [recipe(TORCH)]), **dict({"release": RELEASE}, **changes))


def takes(request, **changes):
    """The same of a host that builds nothing."""
    return request._replace(builds=False, **changes)


def runs(request, **changes):
    """The same of a host that builds nothing and has no use for a toolchain."""
    return takes(request, toolchain="runtime", **changes)


def planned(**changes):
    """A plan in which nothing is to be done."""
    nothing = {
        "products": {},
        "packages": plan.Packages(needs=[], names=[], become_root=False, manager="apt"),
        "environment": None,
        "tools": {},
        "venv": [],
        "tasks": [],
        "work": False,
    }
    return plan.Plan(**dict(nothing, **changes))


def chip(number, **changes):
    """An NPU as npu-smi shows it."""
    return dict(
        {
            "npu_id": number,
            "chip_id": 0,
            "phy_id": None,
            "name": "910A",
            "kind": "910",
            "health": "OK",
            "bus_id": "0000:61:00.{0}".format(number),
            "power_w": 66.2,
            "temp_c": 38,
            "aicore_percent": 0,
            "memory_used_mb": 640,
            "memory_total_mb": 15171,
            "hbm_used_mb": 2,
            "hbm_total_mb": 32768,
        },
        **changes,
    )


def node(name, **changes):
    """A device node as it is on a host that is well."""
    well = {"path": "/dev/" + name, "owner": "root", "group": "HwHiAiUser", "mode": "0660", "accessible": True}
    return dict(well, **changes)


# Of the wheels that a pip takes on x86_64 with glibc 2.31.
PLATFORMS = [
    *("manylinux_2_{0}_x86_64".format(minor) for minor in range(31, 4, -1)),
    *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"),
]


def bare(**changes):
    """An examined host, as root, of Debian, with tools to build but no product and no CMake, and CANN in place."""
    python = {
        "path": "/usr/bin/python3.9",
        "version": "3.9.2",
        "tag": "cp39",
        "abi": "cp39",
        "headers": True,
        "shared_library": True,
        "sites": ["/usr/lib/python3/dist-packages"],
        "venv": False,
        "real": "/usr/bin/python3.9",
        "library_path": "",
        "lacks": {},
        "pip": {"version": "20.3.4", "problem": "", "platforms": PLATFORMS, "asked": True},
        "problem": "",
        "packages": {
            "attrs": "20.3.0",
            "numpy": "1.19.5",
            "pip": "20.3.4",
            "pyyaml": "5.3.1",
            "sympy": "1.7.1",
            "wheel": "0.34.2",
        },
    }
    room = {
        "stands_at": "/",
        "free_mib": 100 * 1024,
        "free_inodes": 10**7,
        "writable": True,
        "noexec": False,
        "place": "",
    }
    state = {
        "user": {"uid": 0, "name": "root", "home": "/root"},
        "login_uid": 0,
        "packaging_python": {"path": "/usr/bin/python3", "version": "3.9.2"},
        "core": {"version": "2.19.14", "oldest_python": "3.8"},
        "os": {
            "id": "debian",
            "name": "Debian GNU/Linux 11 (bullseye)",
            "version": "11",
            "family": "Debian",
            "package_manager": "apt",
            "openeuler_family": False,
        },
        "arch": "x86_64",
        "libc": "glibc 2.31",
        "cores": 8,
        "memory": {"total_mib": 65536, "available_mib": 32768},
        "clock": 1.6e9,
        "clock_skew_s": 0.0,
        "umask": "0022",
        "work_dir": "/var/lib/ascend-pytorch",
        "work_dir_objection": "",
        "session": {"ends": False, "lingers": False},
        "env_file": {"path": "/etc/ascend-pytorch/env.sh", "sha256": None, "ours": False},
        "disk": {
            path: dict(room, path=path) for path in ("/var/lib/ascend-pytorch", "/etc/ascend-pytorch", "/usr/local")
        },
        "tools": {"gcc": [], "g++": [], "cmake": []},
        "missing_needs": [],
        "own_python": {"path": "/usr/bin/python3", "lacks": {}},
        "pythons": {"python3.9": python},
        "python": "python3.9",
        "venv": "",
        "venv_python": None,
        "cann": [
            {
                "kind": "toolkit",
                "root": "/usr/local/Ascend",
                "version": "5.0.4",
                "half": "",
                "set_env": None,
                "distrusted": "",
                "path": "/usr/local/Ascend/ascend-toolkit/latest",
                "wheels": {},
                "closed": [],
            }
        ],
        "cann_aside": [],
        "cann_closed": [],
        "closed_records": [],
        "closed": [],
        "driver": {"path": "/usr/local/Ascend/driver", "version": "21.0.4"},
        "firmware": {"path": "/usr/local/Ascend/firmware", "version": "1.80.21.2.210"},
        "driver_firmware_agree": True,
        "npu": {
            "smi": "/usr/local/sbin/npu-smi",
            "problem": "",
            "code": None,
            "remedy": "",
            "tool_version": "21.0.4",
            "driver_version": "21.0.4",
            "chips": [chip(0), chip(1)],
            "pci": [{"address": "0000:61:00.0", "device": "0xd801", "name": "910"}],
            "nodes": [node("davinci0"), node("davinci1"), node("davinci_manager")],
            "run_user": "root",
            "group": "HwHiAiUser",
            "group_exists": True,
            "member": False,
        },
        "cann_environment": {},
        "nnal": None,
        "interfaces": {"lo": "127.0.0.1", "eth0": "192.168.1.10"},
        "stored": {},
        "begun": {},
        "products": {
            "cmake": {
                "manifest": None,
                "version": None,
                "damage": [],
                "prefix": PREFIXES["cmake"],
                "occupied": None,
                "links": {"/usr/bin/cmake": "absent"},
            },
            "gcc730": {
                "manifest": None,
                "version": None,
                "damage": [],
                "prefix": PREFIXES["gcc730"],
                "occupied": None,
                "links": {},
            },
            "torch": {"manifest": None, "version": None, "damage": []},
            "apex": {"manifest": None, "version": None, "damage": []},
        },
    }
    return State(**dict(state, **changes))


def tool(path, version, problem=""):
    return {"path": path, "version": version, "problem": problem}


def with_tools(state, **versions):
    """The host has programs of its own: name of the command (gxx for g++) -> version, or a list of (folder, version)."""
    for name, told in versions.items():
        name = name.replace("gxx", "g++")
        pairs = told if isinstance(told, list) else [("/usr/bin", told)]
        state.tools[name] = [tool(folder + "/" + name, version) for folder, version in pairs]
    return state


def installed(request, state):
    """The host after what the request asks has been done: its manifests, its links, its environment file."""
    state = copy.deepcopy(state)
    planned = plan.make(request, state)
    for name, entry in planned.products.items():
        order = entry.order
        if order is None:
            continue
        there = state.products[name]
        there.update(
            version=order.version,
            manifest={
                "schema": 1,
                "name": name,
                "version": order.version,
                "product": order.product,
                "fingerprint": order.fingerprint,
                "identity": order.identity,
                "built": {"tools": order.tools},
            },
        )
        for path in there.get("links", {}):
            there["links"][path] = "ours"
        state.stored[order.label()] = order.fingerprint
        for python in state.pythons.values():
            python["packages"].update({line: "1" for line in order.requirements})
    if planned.environment:
        state.env_file["sha256"] = hashlib.sha256(planned.environment["text"].encode()).hexdigest()
        state.env_file["ours"] = True
    return state


def decided(request, state, name):
    """What is decided about a product."""
    return plan.make(request, state).products[name]


def does(request, state, name="cmake"):
    """What is to be done about a product."""
    return decided(request, state, name).do


def site(*recipes):
    """A host where these roles have done their work."""
    return installed(ask(*[recipe(entry) for entry in recipes]), bare())


def of_torch(state, *recipes, **changes):
    """The order of torch."""
    return decided(ask_torch(*recipes, **changes), state, "torch").order
