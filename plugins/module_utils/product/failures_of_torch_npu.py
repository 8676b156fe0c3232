# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known failures of torch_npu, the plugin beside a stock torch: of its build and of its import. Rows for diagnose.py."""

import re

_CPU_BUILD = (
    "Use the CPU build of that torch release, as in the table of releases: torch==<version>+cpu of PyTorch's own index on "
    "x86_64, PyPI's wheel on aarch64."
)

# (expression, name, cause, remedy); {0} in a cause or remedy is the expression's first group.
ROWS = tuple(
    (re.compile(expression, re.IGNORECASE), name, cause, remedy)
    for expression, name, cause, remedy in (
        (
            r"(?:The path does not exist: |No such file or directory: ')(\S*(?:op_plugin_functions|derivatives|op_plugin/config)"
            r"[^\s']*)",
            "submodules missing",
            "The sources of torch_npu have no {0}: the submodule third_party/op-plugin is missing, or is of another release.",
            "Get the sources by git with all submodules at the commits that the release records; a mirror must hold every "
            "submodule's repository too. Then run again.",
        ),
        (
            r"Your installed Caffe2 version uses CUDA|cuda_runtime(?:_api)?\.h: No such file"
            r"|Two accelerators cannot be used at the same time in PyTorch: npu and cuda",
            "torch with CUDA",
            "The stock torch is a build with CUDA, beside which torch_npu can be neither built nor used.",
            _CPU_BUILD,
        ),
        (
            r"'filesystem' file not found|\bfilesystem: No such file or directory",
            "compiler too old",
            "The compiler has no <filesystem> of C++17, which came with gcc 8.",
            "Build with the gcc that the role gcc provides, of the version in the release's row, and put it first in PATH.",
        ),
        (
            r"PyTorch is not installed for (python[0-9]+(?:\.[0-9]+)?)",
            "torch not imported",
            "{0} cannot import the stock torch that torch_npu is built with.",
            "Run `python -c 'import torch'` with that Python in the build's virtual environment, which says why; then run again.",
        ),
        (
            r"No module named '?torch_npu\._C\b",
            "imported in the source tree",
            "Python imports torch_npu from a folder of its sources, which has no compiled module.",
            "Start the program in another folder, and take the source tree out of PYTHONPATH.",
        ),
        (
            r"\b((?:lib)?(?:torch_npu|op_plugin)[\w./+-]*\.so[\w.]*): undefined symbol: (_ZNK?3atb\w+)",
            "ATB too old",
            "{0} needs {1} of ATB, which belongs to CANN's package nnal: its environment is not sourced, or it is older.",
            "Install the nnal of the release's CANN, and source its atb/set_env.sh (the environment file does so).",
        ),
        (
            r"\b((?:lib)?(?:torch_npu|op_plugin)[\w./+-]*\.so[\w.]*): undefined symbol: ((?:_ZNK?2ge\d|acl|Hccl|aml)\w+)",
            "CANN without a function",
            "{0} needs {1} of CANN, which the CANN on this host does not have: it is older than the release of torch_npu, or only a "
            "part of it is installed.",
            "Install the whole toolkit of the CANN that goes with the release (playbooks/releases.yml lists it), or choose a release "
            "that goes with this CANN.",
        ),
        (
            r"\b((?:lib)?(?:torch_npu|op_plugin)[\w./+-]*\.so[\w.]*): undefined symbol: (\w+)",
            "torch of another release",
            "{0} needs {1}, which the installed torch does not have: torch and torch_npu are not of one release, or not of one "
            "C++ ABI.",
            "Run site.yml, which installs the torch and the torch_npu of one release; do not upgrade one of them alone.",
        ),
    )
)  # type: Tuple[Row, ...]
