# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a build is, read from the lines that its tools print and from how long former builds took."""

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

# CMake's makefiles: "[ 45%] Building CXX object …"; ninja: "[12/345] Building …".
_PERCENT = re.compile(r"^\s*\[\s*(\d{1,3})%\]")
_COUNTED = re.compile(r"^\s*\[\s*(\d+)/(\d+)\]")

# A compiler's command line: "gcc -O2 -c a.c -o a.o", also "-oa.o", or the source alone, which a.o is named after. What
# libtool is asked for ends in .lo, and is not counted beside the commands that it then prints.
_OUTPUT = re.compile(r"(?<=\s)-o\s*([^\s;'\"`)]+\.o)(?![\w.])")
_SOURCE = re.compile(r"(?<=\s)([^\s;'\"`(]+\.(?:c|cc|cpp|cxx|C|s|S|f|f90))(?![\w.])")
# The same, told briefly: "  CC       a.lo", "  CXX      a.o".
_BRIEF = re.compile(r"^\s+(?:CC|CXX|AS|CPPAS|FC|F77|HOSTCC|HOSTCXX)\s+\S+\.l?o\s*$")

# The stage that all jobs work in, and that takes nearly all the time.
LONG_STAGE = "build"

# Before that a pace tells nothing.
_PACE_FROM = 0.05
_PACE_FROM_S = 30.0
# By how much a stage may outlast the former one before nobody can say how long it will still take.
_OVERDUE_S = 60.0


def percent(line: str) -> Optional[int]:
    """Return the percentage (0 to 100) that a line of output tells, None when it tells none."""
    match = _PERCENT.match(line)
    if match:
        return min(100, int(match.group(1)))
    match = _COUNTED.match(line)
    if match and int(match.group(2)) > 0:
        return min(100, int(match.group(1)) * 100 // int(match.group(2)))
    return None


def objects(line: str) -> int:
    """Return how many object files the compile commands in a line of make's output name; one named twice counts once."""
    if " -c" not in line:
        return 1 if _BRIEF.match(line) else 0
    if not re.search(r"\s-c(?:\s|$)", line) or "--mode=" in line:
        return 0
    named = set(_OUTPUT.findall(line))
    return len(named or (() if re.search(r"\s-o\s*\S", line) else set(_SOURCE.findall(line))))


# --- how long it will take --------------------------------------------------------------------------------------------


class Estimate(NamedTuple):
    """How far a build is: percent of its stage, and seconds until all is done; None where nobody can say."""

    percent: Optional[int]
    seconds_left: Optional[float]


def nearest(manifests: Iterable[Dict[str, Any]], version: str, host: str = "") -> List[Dict[str, Any]]:
    """Return what manifests of a product say of how it was built, the most telling first.

    That is the build of the nearest version, of those one on the same host, and of those the newest.

    :param host: the builder, as a manifest names it
    """
    wanted = _numbers(version)

    def distance(manifest):
        # type: (Dict[str, Any]) -> Any
        numbers = _numbers(manifest.get("version"))
        return [abs(one - other) for one, other in zip(numbers, wanted)], manifest["built"].get("host") != host

    told = [one for one in manifests if isinstance(one.get("built"), dict)]
    newest_first = sorted(told, key=lambda manifest: str(manifest["built"].get("when")), reverse=True)
    return [manifest["built"] for manifest in sorted(newest_first, key=distance)]


def _numbers(version):
    # type: (Any) -> List[int]
    return ([int(number) for number in re.findall(r"\d+", str(version))] + [0] * 4)[:4]


def estimate(
    former: Sequence[Dict[str, Any]],
    stages: Sequence[str],
    stage: str,
    told: Optional[int],
    compiled: int,
    elapsed_s: float,
    jobs: int,
) -> Estimate:
    """Estimate how far a build is from how former ones went.

    :param former: of nearest(): "seconds" and "objects" by stage, and "jobs"; what is none of these is passed over
    :param stages: all of a build, in order; :param stage: the one that it is in
    :param told: the percentage that its tools last told, None for none; :param compiled: its objects so far
    :param elapsed_s: since the stage began
    """
    fraction = _fraction(former, stage, told, compiled)
    left = _left(stage, fraction, _expected(former, stage, jobs), elapsed_s)
    if left is not None and stage in stages:
        left += sum(_expected(former, later, jobs) or 0.0 for later in stages[stages.index(stage) + 1 :])
    return Estimate(None if fraction is None else int(fraction * 100), left)


def _number(value):
    # type: (Any) -> Optional[float]
    """Return a finite number from 0 up as it is, None for anything else: a manifest comes from another host."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # The bound is past the age of the world, and below what no float holds.
    return float(value) if 0 <= value < 1e18 else None


def _by_stage(built, key, stage):
    # type: (Dict[str, Any], str, str) -> Optional[float]
    by_stage = built.get(key)
    return _number(by_stage.get(stage)) if isinstance(by_stage, dict) else None


def _expected(former, stage, jobs):
    # type: (Sequence[Dict[str, Any]], str, int) -> Optional[float]
    """Return how many seconds a stage takes by the nearest former build that tells, None when none does."""
    for built in former:
        seconds = _by_stage(built, "seconds", stage)
        if seconds is not None:
            had = _number(built.get("jobs"))
            return seconds * had / jobs if stage == LONG_STAGE and had and jobs > 0 else seconds
    return None


def _fraction(former, stage, told, compiled):
    # type: (Sequence[Dict[str, Any]], str, Optional[int], int) -> Optional[float]
    if told is not None:
        return told / 100.0
    for built in former:
        before = _by_stage(built, "objects", stage)
        if before:
            # Its end is told by the next stage, not by a number that another version had.
            return min(0.99, compiled / before)
    return None


def _left(stage, fraction, expected_s, elapsed_s):
    # type: (str, Optional[float], Optional[float], float) -> Optional[float]
    """Return the seconds that a stage still takes, None where nobody can say."""
    if fraction is None:
        if expected_s is None or elapsed_s > expected_s + _OVERDUE_S:
            return None
        return max(0.0, expected_s - elapsed_s)
    if expected_s is None:
        # Of shorter stages the rest says nothing about when all is done.
        if stage != LONG_STAGE or fraction < _PACE_FROM or elapsed_s < _PACE_FROM_S:
            return None
        return elapsed_s * (1.0 - fraction) / fraction
    # The former build is believed at the beginning, this one's own pace (elapsed / fraction) towards the end.
    return (1.0 - fraction) * ((1.0 - fraction) * expected_s + elapsed_s)
