# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs in a bundle."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import bundle, bundle_contents


def test_rows_platforms_and_places():
    row = {"packages": {"b": {"minimum": "3", "maximum": "3.99"}, "a": {}}}
    assert bundle_contents.row_requirements(row) == ["a", "b>=3,<3.100"]
    assert [each["arch"] for each in bundle_contents.platforms(None, ["3.8"])] == ["x86_64", "aarch64"]
    assert bundle_contents.platforms([{"arch": "x86_64", "python": "3.9"}], ["3.7"]) == []
    recipe = {"name": "torch", "sources": [{"dest": "pytorch"}, {"dest": "pytorch/pytorch"}]}
    assert bundle_contents.locate("{src}/pytorch/pytorch/r.txt", recipe) == ({"dest": "pytorch/pytorch"}, "r.txt")
    assert bundle_contents.locate("{src}/pytorch/patch/x", recipe) == ({"dest": "pytorch"}, "patch/x")
    with pytest.raises(bundle.BundleError, match="none of its sources"):
        bundle_contents.locate("{src}/elsewhere/x", recipe)
