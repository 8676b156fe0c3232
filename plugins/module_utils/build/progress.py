# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a build is, from the lines that its tools print and from the times of former builds."""

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

# CMake's makefiles: "[ 45%] Building CXX object …"; ninja: "[12/345] Building …".
_PERCENT = re.compile(r"^\s*\[\s*(\d{1,3})%\]")
_COUNTED = re.compile(r"^\s*\[\s*(\d+)/(\d+)\]")

# A compiler's command line: "gcc -O2 -c a.c -o a.o", also "-oa.o", or the source alone, which a.o is named after. A
# command of libtool has a .lo instead, and is not counted: libtool prints the compiler's commands as well.
_OUTPUT = re.compile(r"(?<=\s)-o\s*([^\s;'\"`)]+\.o)(?![\w.])")
_SOURCE = re.compile(r"(?<=\s)([^\s;'\"`(]+\.(?:c|cc|cpp|cxx|C|s|S|f|f90))(?![\w.])")
# The same in short form: "  CC       a.lo", "  CXX      a.o".
_BRIEF = re.compile(r"^\s+(?:CC|CXX|AS|CPPAS|FC|F77|HOSTCC|HOSTCXX)\s+\S+\.l?o\s*$")

# The stage that uses all jobs and takes nearly all the time.
LONG_STAGE = "build"

# Before that fraction and time the pace says nothing.
_PACE_FROM = 0.05
_PACE_FROM_S = 30.0
# How much longer than before a stage may take until the remaining time is unknown.
_OVERDUE_S = 60.0


def parse_percent(line: str) -> Optional[int]:
    """Return the percentage (0 to 100) in a line of output, None when it has none."""
    match = _PERCENT.match(line)
    if match:
        return min(100, int(match.group(1)))
    match = _COUNTED.match(line)
    if match and int(match.group(2)) > 0:
        return min(100, int(match.group(1)) * 100 // int(match.group(2)))
    return None


def count_objects(line: str) -> int:
    """Return how many object files the compile commands in a line of make's output name; one named twice counts once."""
    if " -c" not in line:
        return 1 if _BRIEF.match(line) else 0
    if not re.search(r"\s-c(?:\s|$)", line) or "--mode=" in line:
        return 0
    named = set(_OUTPUT.findall(line))
    return len(named or (() if re.search(r"\s-o\s*\S", line) else set(_SOURCE.findall(line))))


# --- how long it will take --------------------------------------------------------------------------------------------


class Estimate(NamedTuple):
    """How far a build is: percent of its stage, and seconds until all is done; None where that is unknown."""

    percent: Optional[int]
    seconds_left: Optional[float]


def nearest_builds(manifests: Iterable[Dict[str, Any]], version: str, host: str = "") -> List[Dict[str, Any]]:
    """Return the "built" of a product's manifests, the most similar build first.

    That is the build of the nearest version, among those one on the same host, and among those the newest.

    :param host: the builder, as a manifest names it
    """
    wanted = _version_numbers(version)

    def distance(manifest):
        # type: (Dict[str, Any]) -> Any
        numbers = _version_numbers(manifest.get("version"))
        return [abs(one - other) for one, other in zip(numbers, wanted)], manifest["built"].get("host") != host

    tool_percent = [one for one in manifests if isinstance(one.get("built"), dict)]
    newest_first = sorted(tool_percent, key=lambda manifest: str(manifest["built"].get("when")), reverse=True)
    return [manifest["built"] for manifest in sorted(newest_first, key=distance)]


def _version_numbers(version):
    # type: (Any) -> List[int]
    return ([int(number) for number in re.findall(r"\d+", str(version))] + [0] * 4)[:4]


def estimate(
    former: Sequence[Dict[str, Any]],
    stages: Sequence[str],
    stage: str,
    tool_percent: Optional[int],
    compiled: int,
    elapsed_s: float,
    jobs: int,
) -> Estimate:
    """Estimate how far a build is, from former builds.

    :param former: of nearest_builds(): "seconds" and "objects" by stage, and "jobs"; values that are not valid are ignored
    :param stages: all of a build, in order; :param stage: the one that it is in
    :param tool_percent: the last percentage that its tools printed, None for none; :param compiled: its objects so far
    :param elapsed_s: since the stage began
    """
    fraction = _fraction_done(former, stage, tool_percent, compiled)
    left = _seconds_left(stage, fraction, _expected_seconds(former, stage, jobs), elapsed_s)
    if left is not None and stage in stages:
        left += sum(_expected_seconds(former, later, jobs) or 0.0 for later in stages[stages.index(stage) + 1 :])
    return Estimate(None if fraction is None else int(fraction * 100), left)


def _as_number(value):
    # type: (Any) -> Optional[float]
    """Return a finite number from 0 up as a float, None for anything else: a manifest comes from another host."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # The bound excludes infinity and integers that are too large for a float.
    return float(value) if 0 <= value < 1e18 else None


def _stage_number(built, key, stage):
    # type: (Dict[str, Any], str, str) -> Optional[float]
    by_stage = built.get(key)
    return _as_number(by_stage.get(stage)) if isinstance(by_stage, dict) else None


def _expected_seconds(former, stage, jobs):
    # type: (Sequence[Dict[str, Any]], str, int) -> Optional[float]
    """Return how many seconds a stage takes by the nearest former build that has a time, None when none has."""
    for built in former:
        seconds = _stage_number(built, "seconds", stage)
        if seconds is not None:
            had = _as_number(built.get("jobs"))
            return seconds * had / jobs if stage == LONG_STAGE and had and jobs > 0 else seconds
    return None


def _fraction_done(former, stage, tool_percent, compiled):
    # type: (Sequence[Dict[str, Any]], str, Optional[int], int) -> Optional[float]
    if tool_percent is not None:
        return tool_percent / 100.0
    for built in former:
        before = _stage_number(built, "objects", stage)
        if before:
            # Never 1: another version may have had fewer objects.
            return min(0.99, compiled / before)
    return None


def _seconds_left(stage, fraction, expected_s, elapsed_s):
    # type: (str, Optional[float], Optional[float], float) -> Optional[float]
    """Return the seconds that a stage still takes, None where that is unknown."""
    if fraction is None:
        if expected_s is None or elapsed_s > expected_s + _OVERDUE_S:
            return None
        return max(0.0, expected_s - elapsed_s)
    if expected_s is None:
        # The rest of a short stage says nothing about the end of the build.
        if stage != LONG_STAGE or fraction < _PACE_FROM or elapsed_s < _PACE_FROM_S:
            return None
        return elapsed_s * (1.0 - fraction) / fraction
    # At the beginning the former build counts most, towards the end this build's own pace (elapsed / fraction).
    return (1.0 - fraction) * ((1.0 - fraction) * expected_s + elapsed_s)
