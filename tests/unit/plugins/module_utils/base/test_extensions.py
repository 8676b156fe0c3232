# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python lacks that was built without the headers of a library."""

import sys

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import extensions


@pytest.mark.parametrize("name", extensions.COMPILED)
def test_each_module_that_is_lacking_is_told(monkeypatch, name):
    assert extensions.missing_modules() == {}
    monkeypatch.setitem(sys.modules, extensions.COMPILED[name], None)
    assert (
        list(extensions.missing_modules()) == [name] and extensions.COMPILED[name] in extensions.missing_modules()[name]
    )


def test_one_that_is_lacking_is_named_where_it_is_wanted(monkeypatch):
    assert extensions.load("gzip").compress
    monkeypatch.setitem(sys.modules, "gzip", None)
    with pytest.raises(extensions.ModuleMissing) as told:
        extensions.load("gzip")
    words = str(told.value)
    assert sys.executable in words and "has no zlib" in words and "zlib1g-dev or zlib-devel" in words
