# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and requests of a release whose torch is a stock one, with torch_npu beside it, for the tests of checks."""

import situations
from situations import CMAKE, GCC, PLATFORMS, TORCH, ask, recipe, used

PLUGIN = {
    "version": "2.6.0.post5",
    "pythons": ["3.11", "3.10", "3.9"],
    "cann": {"minimum": "8.5.0", "maximum": "8.5.0"},
    "cmake": "3.18.0",
    "gcc": "8.0.0",
    "newest": {"cmake": "3"},
    "toolchain": {"cmake": "3.18.4", "gcc": "11.2.0"},
    "built_with_gcc": "11",
    "unsupported_variables": [],
    "packages": {},
    "torch": {"layout": "plugin", "version": "2.6.0"},
    "apex": None,
}

STOCK = recipe(TORCH, version="2.6.0", built_with=[], requirements=[], sources=[], needs=[], stages={})
TORCH_NPU = dict(
    recipe(TORCH, version="2.6.0.post5", requirements=[], needs=["git"]),
    name="torch_npu",
    distribution="torch_npu",
    built_with=["cmake", "gcc730"],
)
CMAKE_BELOW_4 = recipe(CMAKE, accept=dict(CMAKE["accept"], minimum="3.18.0", maximum="3"), version="3.18.4")
GCC_11 = recipe(GCC, version="11.2.0", accept=dict(GCC["accept"], minimum="8.0.0"))


def ask_plugin(*recipes, **changes):
    """What torch_npu_build asks for, with the tools that others have brought."""
    wanted = recipes or (*used(CMAKE_BELOW_4, GCC_11), STOCK, TORCH_NPU)
    return ask(*[recipe(entry) for entry in wanted], **dict({"release": PLUGIN}, **changes))


def host(**changes):
    """A host of today, as a mapping: Debian 12, CMake and gcc of its own, CANN 8.5.0, and nothing of torch."""
    state = situations.bare()._asdict()
    state["pythons"] = {
        "python3.11": dict(
            state["pythons"]["python3.9"],
            path="/usr/bin/python3.11",
            real="/usr/bin/python3.11",
            version="3.11.2",
            tag="cp311",
            abi="cp311",
            packages={name: "1" for name in ("attrs", "cython", "numpy", "pip", "pyyaml", "wheel", "setuptools")},
            pip={"version": "23.0.1", "problem": "", "platforms": PLATFORMS, "asked": True},
        )
    }
    state.update(
        python="python3.11", packaging_python={"path": "/usr/bin/python3", "version": "3.11.2"}, libc="glibc 2.36"
    )
    state["cann"][0].update(version="8.5.0", path="/usr/local/Ascend/cann-8.5.0")
    state["products"]["torch_npu"] = {"manifest": None, "version": None, "damage": []}
    state["tools"] = {
        name: [situations.tool("/usr/bin/" + name, version)]
        for name, version in (("cmake", "3.25.1"), ("gcc", "11.4.0"), ("g++", "11.4.0"))
    }
    return dict(state, **changes)


def has(state, **versions):
    """These packages are in the host's Python; torch and torch_npu are known as products besides."""
    for name, version in versions.items():
        state["pythons"]["python3.11"]["packages"][name.replace("_", "-")] = version
        if name in state["products"]:
            state["products"][name].update(version=version, site="/usr/local/lib/python3.11/dist-packages")
    return state


def today(gcc="11.4.0", chips=("910B", "910B"), **versions):
    """A change that makes of any state the host of today, with this gcc, kinds of chips, and packages."""

    def change(state):
        state.update(has(host(), **versions))
        state["tools"].update({name: [situations.tool("/usr/bin/" + name, gcc)] for name in ("gcc", "g++")})
        state["npu"]["chips"] = [situations.chip(number, kind=kind) for number, kind in enumerate(chips)]

    return change
