# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""requirements.txt is filtered so that nothing in it replaces the torch that is built."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import requirements_txt
from hypothesis import given
from hypothesis import strategies as st

DROP = ["torch", "torchvision", "typing"]

TEXT = """\
# Python dependencies of the build

future
numpy >= 1.16 , < 2   # not 2
PyYAML[libyaml]==5.3; python_version < "3.10"
setuptools\\
    >=40
typing
typing_extensions
dataclasses
TorchVision==0.6.0
torch.
"""


def test_a_vendors_file():
    kept, dropped = requirements_txt.filter_requirements(TEXT, DROP, (3, 9))
    assert kept == [
        "future",
        "numpy >= 1.16 , < 2",
        'PyYAML[libyaml]==5.3; python_version < "3.10"',
        "setuptools >=40",
        "typing_extensions",
    ]
    assert [line for line, _why in dropped] == ["typing", "dataclasses", "TorchVision==0.6.0", "torch."]
    assert all(why for _line, why in dropped)


def test_what_is_builtin_depends_on_the_python():
    assert requirements_txt.filter_requirements("dataclasses", [], (3, 6))[0] == ["dataclasses"]
    assert requirements_txt.filter_requirements("dataclasses", [], (3, 7))[0] == []
    assert requirements_txt.filter_requirements("typing", [], (3, 9)) == (
        [],
        [("typing", "a part of Python since 3.5")],
    )


@pytest.mark.parametrize(
    "line",
    [
        "torch",
        "Torch>=1.4",
        "torch (>=1.4)",
        "torch[opt] ~= 1.4",
        "torch;python_version>'3'",
        "torch!=1.0",
        "torch===1",
        "torch @ https://example.org/torch-1.8.1-cp39-cp39-linux_x86_64.whl",
        "\ufefftorch",
        "torch==1.8.1 --hash=sha256:00",
        "https://example.org/whl/torch-1.8.1%2Bcpu-cp39-cp39-linux_x86_64.whl",
        "./torch-1.8.1-cp39-cp39-linux_x86_64.whl",
        "torch-1.8.1-cp39-cp39-linux_x86_64.whl",
        "https://example.org/torch-1.8.1-cp39-cp39-linux_x86_64.whl#sha256=00",
        "git+https://example.org/pytorch/vision.git@v1#egg=torchvision",
        "-e git+https://example.org/v.git#egg=torch-vision",
        "--editable=git+ssh://x/v.git#egg=torchvision&subdirectory=x",
        "-r more.txt",
        "-rmore.txt",
        "--requirement more.txt",
        "-c limits.txt",
        "-e .",
        ".",
        "/srv/torch",
        "./src",
        "--index-url https://example.org/simple",
        "-f https://example.org",
        "--extra-index-url=https://example.org",
        "--pre",
        "git+https://example.org/pytorch.git",
        "https://example.org/x.tar.gz",
        "torch 1.8",
        "== 1.0",
        "\\",
        "ＴＯＲＣＨ",
    ],
)
def test_lines_that_are_left_out(line):
    drop = DROP + ["torch-vision"]
    kept, dropped = requirements_txt.filter_requirements(line, drop, (3, 9))
    assert kept == [] and len(dropped) == 1 and dropped[0][1]


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "ninja",
        "torch_geometric_like",
        "pytorch-metric",
        "requests[socks]>=2,<3",
        "typing-extensions==4.0",
        "hypothesis ; sys_platform=='linux'",
        "a @ https://example.org/a-1.tar.gz",
        "git+https://example.org/six.git#egg=six",
    ],
)
def test_lines_that_are_kept(line):
    assert requirements_txt.filter_requirements(line, DROP, (3, 9)) == ([line], [])


def test_nothing_is_installed_editable():
    line = "git+https://example.org/six.git#egg=six"
    assert requirements_txt.filter_requirements("-e " + line, DROP, (3, 9)) == ([line], [])


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                [
                    "torch",
                    "Torch",
                    "-e ",
                    "-r ",
                    "\\\n",
                    "\n",
                    "#",
                    " ",
                    "==1",
                    "[x]",
                    ";",
                    "@",
                    "egg=",
                    "/",
                    ".whl",
                    "six",
                    "-",
                ]
            )
        ).map("".join),
    )
)
def test_any_file_is_filtered_and_what_is_kept_is_kept_again(text):
    kept, dropped = requirements_txt.filter_requirements(text, DROP, (3, 9))
    assert requirements_txt.filter_requirements("\n".join(kept), DROP, (3, 9)) == (kept, [])
    for line in kept:
        assert "\n" not in line and not line.startswith("-")
        assert (
            not line.lower().startswith(("torch=", "torch@", "torch[", "torch;", "torch ")) and line.lower() != "torch"
        )
    for line, why in dropped:
        assert line and why


def test_constraints():
    assert requirements_txt.torch_constraints("1.8.1+ascend") == "torch==1.8.1+ascend\n"
    assert requirements_txt.torch_constraints("1.5.0+ascend.post4") == "torch==1.5.0+ascend.post4\n"
    for wrong in ("", "latest", "1.8.1\ntorch", "1.8.1 "):
        with pytest.raises(ValueError, match="version of torch"):
            requirements_txt.torch_constraints(wrong)
