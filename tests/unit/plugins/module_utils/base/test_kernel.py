# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of the kernel has a name."""

from ansible_collections.ascend.pytorch.plugins.module_utils.base import kernel


def test_this_boot_has_a_name():
    assert kernel.boot() == kernel.boot() != ""
