# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make this checkout importable as ansible_collections.ascend.pytorch, as Ansible itself sees it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "collections"))
