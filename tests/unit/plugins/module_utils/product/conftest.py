# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of a host's entries go by."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import entries
from host_entries import LABEL, MARK, fill


@pytest.fixture
def entry(tmp_path):
    """A work directory with the product."""
    made = entries.Entry(str(tmp_path / "work"), LABEL, MARK)
    fill(tmp_path / "work/products" / LABEL, b"content")
    return made
