# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the environment scripts of CANN and nnal usually set, for hosts on which they cannot be run."""

import os
import re
from typing import Any, Callable, Dict

# Where the parts of CANN are if it has no set_env.sh, relative to the toolkit's folder: those of 8.x first, then of 5.0.x,
# in which each part has its own folder. {arch} is the machine's name (aarch64).
_CANN_LISTS = {
    "LD_LIBRARY_PATH": (
        "lib64",
        "lib64/plugin/opskernel",
        "lib64/plugin/nnengine",
        "opp/built-in/op_impl/ai_core/tbe/op_tiling/lib/linux/{arch}",
        "tools/aml/lib64",
        "tools/aml/lib64/plugin",
        "fwkacllib/lib64",
        "fwkacllib/lib64/plugin/opskernel",
        "fwkacllib/lib64/plugin/nnengine",
        "atc/lib64",
        "acllib/lib64",
    ),
    "PYTHONPATH": (
        "python/site-packages",
        "opp/built-in/op_impl/ai_core/tbe",
        "fwkacllib/python/site-packages",
        "fwkacllib/python/site-packages/auto_tune.egg/auto_tune",
        "fwkacllib/python/site-packages/schedule_search.egg",
        "toolkit/python/site-packages",
        "atc/python/site-packages",
        "pyACL/python/site-packages/acl",
        "opp/op_impl/built-in/ai_core/tbe",
    ),
    "PATH": (
        "bin",
        "compiler/ccec_compiler/bin",
        "tools/ccec_compiler/bin",
        "fwkacllib/ccec_compiler/bin",
        "fwkacllib/bin",
        "atc/ccec_compiler/bin",
        "atc/bin",
        "toolkit/tools/ide_daemon/bin",
    ),
}
# What 8.5 and newer, which are in folders such as cann-8.5.0, have besides.
_NEWER_CANN = re.compile(r"cann(-.*)?")
_NEWER_CANN_LISTS = {
    "PATH": (
        "tools/profiler/bin",
        "tools/ascend_system_advisor/asys",
        "tools/show_kernel_debug_data",
        "tools/msobjdump",
    ),
    "CMAKE_PREFIX_PATH": ("toolkit/tools/tikicpulib/lib/cmake", "lib64/cmake"),
}
_DRIVER_LIBRARIES = ("lib64", "lib64/common", "lib64/driver")
_CANN_VARIABLES = (
    ("ASCEND_TOOLKIT_HOME", ""),
    ("ASCEND_HOME_PATH", ""),
    ("ASCEND_AICPU_PATH", ""),
    ("ASCEND_OPP_PATH", "opp"),
    ("TOOLCHAIN_HOME", "toolkit"),
)
_PLUGINS = tuple(
    "fwkacllib/lib64/plugin/opskernel/" + name for name in ("libfe.so", "libaicpu_engine.so", "libge_local_engine.so")
)

# Relative to the folder of one C++ ABI.
_NNAL_LISTS = {"LD_LIBRARY_PATH": ("lib", "examples", "tests/atbopstest"), "PATH": ("bin",)}


def cann_layout(toolkit: str, driver: str, arch: str, exists: Callable[[str], bool]) -> Dict[str, Any]:
    """Return, as settings (see environment.py), what set_env.sh would set, for a CANN without one; only paths that exist.

    :param toolkit: the folder of CANN, such as /usr/local/Ascend/ascend-toolkit/latest or /usr/local/Ascend/cann
    :param driver: the driver's folder, such as /usr/local/Ascend/driver
    :param arch: aarch64 or x86_64
    :param exists: returns whether a path exists
    """
    toolkit, driver = toolkit.rstrip("/"), driver.rstrip("/")
    prepend = {"LD_LIBRARY_PATH": ["{0}/{1}".format(driver, part) for part in _DRIVER_LIBRARIES]}
    tables = [_CANN_LISTS] + ([_NEWER_CANN_LISTS] if _NEWER_CANN.fullmatch(os.path.basename(toolkit)) else [])
    for name, parts in (item for each in tables for item in each.items()):
        prepend[name] = prepend.get(name, []) + ["{0}/{1}".format(toolkit, part.format(arch=arch)) for part in parts]
    found = {name: [folder for folder in folders if exists(folder)] for name, folders in prepend.items()}
    paths = ((name, (toolkit + "/" + part).rstrip("/")) for name, part in _CANN_VARIABLES)
    plain = {name: path for name, path in paths if exists(path)}
    plugins = [path for path in ("{0}/{1}".format(toolkit, part) for part in _PLUGINS) if exists(path)]
    if plugins:
        plain["OPTION_EXEC_EXTERN_PLUGIN_PATH"] = ":".join(plugins)
    return {"prepend": {name: folders for name, folders in found.items() if folders}, "set": plain}


def nnal_layout(atb: str, cxx_abi: int, exists: Callable[[str], bool]) -> Dict[str, Any]:
    """Return, as settings, the paths that set_env.sh of nnal's atb would set; {} if it has no libraries for that ABI.

    :param atb: the folder of atb, such as /usr/local/Ascend/nnal/atb
    :param cxx_abi: 0 or 1, the C++ ABI of torch
    :param exists: returns whether a path exists
    """
    home = "{0}/latest/atb/cxx_abi_{1}".format(atb.rstrip("/"), cxx_abi)
    if not exists(home):
        return {}
    lists = {name: [home + "/" + part for part in parts] for name, parts in _NNAL_LISTS.items()}
    found = {name: [folder for folder in folders if exists(folder)] for name, folders in lists.items()}
    return {"prepend": {name: folders for name, folders in found.items() if folders}, "set": {"ATB_HOME_PATH": home}}
