# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a build by CMake is, by the objects that exist of all that it compiles, in all of its libraries.

The percentage that make prints may be that of one library, and is 100 while others are still to be compiled.
"""

import json
import os
import re
import time
from typing import Optional, Sequence

# In compile_commands.json (https://clang.llvm.org/docs/JSONCompilationDatabase.html) a unit has "directory" and "command",
# and since CMake 3.20 "output".
_OUTPUT = re.compile(r"\s-o\s+(\S+)")
# A thousand files are looked up each time.
_EVERY_S = 2.0


class Units:
    """The compile units that a file of CMake lists. The file may come later, and change."""

    def __init__(self, paths: Sequence[str]) -> None:
        """
        :param paths: the places where the build may have its file; the first one that is there counts
        """
        self.paths, self.path = paths, ""
        self.objects = []  # type: List[str]
        self.changed_ns = 0
        self.looked, self.last = float("-inf"), None  # type: float, Optional[int]

    def percent(self) -> Optional[int]:
        """Return which percentage of the objects exists, at most 99, since they are linked later; None if it is not known."""
        now = time.monotonic()
        if now - self.looked >= _EVERY_S:
            self.looked = now
            self._read()
            there = sum(1 for path in self.objects if os.path.exists(path))
            self.last = min(99, there * 100 // len(self.objects)) if self.objects else None
        return self.last

    def _read(self) -> None:
        path = next((path for path in self.paths if os.path.isfile(path)), "")
        try:
            changed_ns = os.stat(path).st_mtime_ns
            if (path, changed_ns) == (self.path, self.changed_ns):
                return
            with open(path, encoding="utf-8") as stream:
                listed = json.load(stream)
        except (OSError, ValueError):
            # Not there yet, or CMake is writing it.
            return
        self.path, self.changed_ns, self.objects = path, changed_ns, sorted(set(filter(None, map(_object_of, listed))))


def _object_of(unit: object) -> str:
    if not isinstance(unit, dict):
        return ""
    found = _OUTPUT.search(str(unit.get("command", "")))
    made = str(unit.get("output") or (found.group(1) if found else ""))
    return os.path.join(str(unit.get("directory", "")), made) if made else ""
