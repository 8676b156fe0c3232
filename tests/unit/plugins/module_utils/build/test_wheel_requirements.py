# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a wheel's requirements is installed, and how what it lacks is told."""

import subprocess
import sys

from ansible_collections.ascend.pytorch.plugins.module_utils.build import wheel_requirements


def test_what_is_dropped_and_what_python_says_besides():
    said = [
        "x.py:3: DeprecationWarning: old",
        "requires: Six",
        "requires: nvidia_nccl-cu12==2",
        "requires: ",
        "",
        "numpy",
    ]
    assert wheel_requirements.select(said, ["NVIDIA-*", "sixth"]) == (["Six"], ["nvidia_nccl-cu12==2"])
    assert wheel_requirements.select([], ["torch"]) == ([], [])


def test_the_question_to_a_python():
    lines = [
        "a>=1",
        'b[x]; python_version >= "3.0"',
        'c; python_version < "3.0"',
        'd; extra == "all"',
        "not one at all",
    ]
    argv = [sys.executable, "-c", wheel_requirements.QUESTION] + lines
    done = subprocess.run(argv, stdout=subprocess.PIPE, universal_newlines=True, check=True)
    assert done.stdout.splitlines() == ["requires: a>=1", "requires: b[x]"]


def test_what_is_missing_is_told_with_the_submodule_that_makes_it():
    words = wheel_requirements.describe_missing("/w/a.whl", ["torch_npu/lib/libtensorpipe.so"])
    assert words.startswith(
        "/w/a.whl was built without torch_npu/lib/libtensorpipe.so. Most likely the submodule third_party/T"
    )
    assert wheel_requirements.describe_missing("/w/a.whl", ["x/y"]).endswith(
        "Look in this log for the step that makes it"
    )
