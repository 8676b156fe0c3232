# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs in a bundle."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import bundle, bundle_contents


def test_platforms_and_places():
    assert [each["arch"] for each in bundle_contents.platforms(None, ["3.8"])] == ["x86_64", "aarch64"]
    assert bundle_contents.platforms([{"arch": "x86_64", "python": "3.9"}], ["3.7"]) == []
    recipe = {"name": "torch", "sources": [{"dest": "pytorch"}, {"dest": "pytorch/pytorch"}]}
    assert bundle_contents.locate("{src}/pytorch/pytorch/r.txt", recipe) == ({"dest": "pytorch/pytorch"}, "r.txt")
    assert bundle_contents.locate("{src}/pytorch/patch/x", recipe) == ({"dest": "pytorch"}, "patch/x")
    with pytest.raises(bundle.BundleError, match="none of its sources"):
        bundle_contents.locate("{src}/elsewhere/x", recipe)


def test_sources_that_several_recipes_have():
    wheel = {"name": "stock", "kind": "file", "file": "torch.whl", "sha256": "a" * 64}
    tree = {"name": "adapter", "kind": "git", "repo": "Ascend/pytorch", "commit": "c" * 40, "submodules": True}

    def sources(*recipes):
        return bundle_contents.sources([{"name": "torch", "sources": list(each)} for each in recipes])

    assert sources([wheel], [wheel, tree]) == [
        dict(wheel, name="torch: torch.whl"),
        dict(tree, name="torch: Ascend/pytorch"),
    ]
    with pytest.raises(bundle.BundleError, match="different digests"):
        sources([wheel], [dict(wheel, sha256="b" * 64)])
    assert sources([dict(tree, without=["a", "b"])])[0]["without"] == ["a", "b"]
    assert sources([dict(tree, without=["a", "b"])], [dict(tree, without=["b", "c"])])[0]["without"] == ["b"]
    assert sources([dict(tree, without=["a"])], [tree])[0]["without"] == []
    assert sources([dict(tree, submodules=False)], [dict(tree, without=["a"])])[0]["without"] == ["a"]


def test_what_recipes_of_wheels_ask_for():
    stock = [
        {"name": "stock", "kind": "file", "file": "torch-2.6.0+cpu-cp39-cp39-linux_x86_64.whl"},
        {"name": "stock", "kind": "file", "file": "torch-2.6.0-cp310-cp310-manylinux_2_28_aarch64.whl"},
    ]
    header = {"name": "miniz", "kind": "file", "file": "miniz.h"}
    recipes = [
        {
            "name": "torch",
            "sources": [*stock, header],
            "stages": {"install": [{"wheel": {"dist": "x", "drop": ["triton"]}}]},
        },
        {
            "name": "torch_npu",
            "requirements": ["numpy"],
            "stages": {
                "configure": [{"venv": {"requirements": ["pyyaml", "wheel"]}}, {"venv": {"path": "x"}}],
                "install": [
                    {"pip_download": {"requirement": "torch-npu==2.6.0", "index": ["https://one/simple", ""]}},
                    {"pip_download": {"requirement": "torch==2.6.0"}},
                ],
            },
        },
    ]
    assert bundle_contents.named_requirements(recipes) == ["numpy", "pyyaml", "wheel"]
    assert bundle_contents.downloaded_wheels(recipes) == [
        ("torch-npu==2.6.0", ["https://one/simple", ""]),
        ("torch==2.6.0", [""]),
    ]
    for source, python, arch in ((stock[0], "3.9", "x86_64"), (stock[1], "3.10", "aarch64")):
        assert bundle_contents.wheel_sources(recipes, {"python": python, "arch": arch}) == [(source, ["triton"])]
    assert bundle_contents.wheel_sources(recipes, {"python": "3.9", "arch": "aarch64"}) == []
