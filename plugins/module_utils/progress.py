# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a build is, read from the lines that its tools print."""

import re
from typing import Optional

# CMake's makefiles: "[ 45%] Building CXX object …"; ninja: "[12/345] Building …".
_PERCENT = re.compile(r"^\s*\[\s*(\d{1,3})%\]")
_COUNTED = re.compile(r"^\s*\[\s*(\d+)/(\d+)\]")


def percent(line: str) -> Optional[int]:
    """Return the percentage (0 to 100) that a line of output tells, None when it tells none."""
    match = _PERCENT.match(line)
    if match:
        return min(100, int(match.group(1)))
    match = _COUNTED.match(line)
    if match and int(match.group(2)) > 0:
        return min(100, int(match.group(1)) * 100 // int(match.group(2)))
    return None
