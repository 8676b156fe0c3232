# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The usual layouts of CANN and nnal."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.host import layouts


def test_layout_of_cann_8():
    top = "/usr/local/Ascend/ascend-toolkit/latest"
    driver = "/usr/local/Ascend/driver"
    tiling = top + "/opp/built-in/op_impl/ai_core/tbe/op_tiling/lib/linux/aarch64"
    libraries = [
        driver + "/lib64",
        driver + "/lib64/common",
        driver + "/lib64/driver",
        top + "/lib64",
        top + "/lib64/plugin/opskernel",
        top + "/lib64/plugin/nnengine",
        tiling,
        top + "/tools/aml/lib64",
        top + "/tools/aml/lib64/plugin",
    ]
    python = [top + "/python/site-packages", top + "/opp/built-in/op_impl/ai_core/tbe"]
    programs = [top + "/bin", top + "/compiler/ccec_compiler/bin", top + "/tools/ccec_compiler/bin"]
    there = set(libraries + python + programs + [top, top + "/opp", top + "/toolkit"])
    assert layouts.cann_layout(top + "/", driver, "aarch64", there.__contains__) == {
        "prepend": {"LD_LIBRARY_PATH": libraries, "PYTHONPATH": python, "PATH": programs},
        "set": {
            "ASCEND_TOOLKIT_HOME": top,
            "ASCEND_HOME_PATH": top,
            "ASCEND_AICPU_PATH": top,
            "ASCEND_OPP_PATH": top + "/opp",
            "TOOLCHAIN_HOME": top + "/toolkit",
        },
    }


def test_layout_of_cann_5():
    top = "/root/Ascend/nnae/latest"
    plugin = top + "/fwkacllib/lib64/plugin/opskernel"
    there = {
        top,
        top + "/fwkacllib/lib64",
        plugin + "/libfe.so",
        plugin + "/libge_local_engine.so",
        top + "/atc/bin",
        top + "/fwkacllib/python/site-packages",
        top + "/fwkacllib/ccec_compiler/bin",
        top + "/opp",
    }
    found = layouts.cann_layout(top, "/nowhere", "x86_64", there.__contains__)
    assert found["prepend"] == {
        "LD_LIBRARY_PATH": [top + "/fwkacllib/lib64"],
        "PYTHONPATH": [top + "/fwkacllib/python/site-packages"],
        "PATH": [top + "/fwkacllib/ccec_compiler/bin", top + "/atc/bin"],
    }
    assert found["set"]["OPTION_EXEC_EXTERN_PLUGIN_PATH"] == plugin + "/libfe.so:" + plugin + "/libge_local_engine.so"
    assert found["set"]["ASCEND_OPP_PATH"] == top + "/opp"
    assert "TOOLCHAIN_HOME" not in found["set"]


def test_layout_of_nothing():
    assert layouts.cann_layout("/a", "/b", "x86_64", os.path.lexists) == {"prepend": {}, "set": {}}


def test_layout_of_cann_8_5_and_newer():
    top = "/usr/local/Ascend/cann-9.1.0"
    programs = [top + "/bin", top + "/tools/ccec_compiler/bin", top + "/tools/profiler/bin", top + "/tools/msobjdump"]
    cmake = [top + "/toolkit/tools/tikicpulib/lib/cmake", top + "/lib64/cmake"]
    there = {top, top + "/lib64", top + "/opp", *programs, *cmake}
    found = layouts.cann_layout(top, "/usr/local/Ascend/driver", "aarch64", there.__contains__)
    assert found["prepend"] == {"LD_LIBRARY_PATH": [top + "/lib64"], "PATH": programs, "CMAKE_PREFIX_PATH": cmake}
    assert found["set"]["ASCEND_HOME_PATH"] == top and found["set"]["ASCEND_OPP_PATH"] == top + "/opp"
    # That of an older CANN does not set these, even if the folders are there.
    older = "/usr/local/Ascend/ascend-toolkit/latest"
    there = {path.replace(top, older) for path in there}
    found = layouts.cann_layout(older, "/usr/local/Ascend/driver", "aarch64", there.__contains__)
    assert found["prepend"] == {
        "LD_LIBRARY_PATH": [older + "/lib64"],
        "PATH": [older + "/bin", older + "/tools/ccec_compiler/bin"],
    }


def test_layout_of_nnal():
    home = "/usr/local/Ascend/nnal/atb/latest/atb/cxx_abi_0"
    there = {home, home + "/lib", home + "/bin"}
    assert layouts.nnal_layout("/usr/local/Ascend/nnal/atb/", 0, there.__contains__) == {
        "prepend": {"LD_LIBRARY_PATH": [home + "/lib"], "PATH": [home + "/bin"]},
        "set": {"ATB_HOME_PATH": home},
    }
    assert layouts.nnal_layout("/usr/local/Ascend/nnal/atb", 1, there.__contains__) == {}
