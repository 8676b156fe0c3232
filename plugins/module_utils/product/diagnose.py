# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build's log means: the failures that are known, by name, with cause and remedy.

The log is read from its end, and the error that stands nearest to it is the answer: what a build did long before it
failed, and went on, is no cause. Of one line, the first row that fits: those in failures_of_host.py come first, then those in
failures_of_tools.py.

Warnings and what CMake tells of optional parts are no errors. Some errors only tell that something before them went wrong:
they give way to what is known of the lines before. Where nothing is known, the error itself is shown.
"""

import itertools
import re
from typing import Dict, List, Optional, Set, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    failures,
    failures_of_host,
    failures_of_tools,
    harmless,
)

# An error that ends a build stands near the end of its log; with many jobs at once, some thousand lines before it.
LAST_LINES = 2000
LAST_BYTES = 16 * 1024 * 1024

# How far above a line that only tells of a failure its cause may stand.
_NEAR = 40

# Their order counts: of one line, the first row that fits.
_KNOWN = failures_of_host.ROWS + failures_of_tools.ROWS

# "x.cpp:5:3: error: …", "configure: error: …", the assembler's "x.s:7: Error: …"; that the linker failed it has said in
# the lines before, without that word: "x.cpp:(.text+0x5): undefined reference to `f()'". CMake says why in the lines below.
_ERROR_LINE = re.compile(
    r"\s*([^\s:][^:]{0,300})(?::[0-9]+){0,2}: (?:[Ff]atal |internal compiler )?[Ee]rror: (?!ld returned)\S"
    r"|\s*(\S[^:]{0,300}):.{0,300}(?:undefined reference to|multiple definition of|relocation \S+ against .* can ?not be used)"
)

# A line of the sources under a compiler's word on it, with its number before it (since gcc 9) or a mark below it.
_QUOTE = re.compile(r"\s*[0-9]* \|")
_MARK = re.compile(r"\s*[~^][\s~^]*$")

# "WARNING: …", "x.cpp:5:3: warning: …", "CMake Deprecation Warning at …", and CMake's "-- …", which is never an error. Without
# a colon "npm WARN …", "warning …" and "<time> WARNING …"; and apt's "W: …". What npm tells beside is no error either.
_ASIDE = re.compile(
    r"^\s*-- |(?:^|[\s:\[(])(?:\w*warning|warn|note)\s*[:\])]|^\s*CMake (?:\w+ )?Warning\b"
    r"|^\s*(?:p?npm |yarn |[0-9][-0-9:,.TZ ]* )?warn(?:ing)?\s|^W: |^\s*npm (?:notice|http|info|verbose|sill|timing) ",
    re.IGNORECASE,
)

# What is indented below it belongs to it.
_WARNING_HEAD = re.compile(r"CMake .{0,30}Warning\b|\S+:[0-9]+: \w*Warning: ")
_ERROR = re.compile(r"\b(?:error|fatal): ", re.IGNORECASE)

# pip tells in warnings why it found nothing, and in its error nothing of that.
_PIP_FOUND_NOTHING = re.compile(r"ERROR: (?:Could not find a version that satisfies|No matching distribution found)")


def diagnose(log_text: str) -> Optional[Dict[str, str]]:
    """Return {"name", "cause", "remedy"} of the failure that ended a build, as the last lines of its log show it.

    Where none is known and a compiler or another tool told an error of its own, the name is "error" and the cause that
    line. None where there is neither.
    """
    lines = [line[: harmless.LONGEST_LINE] for line in log_text.split("\n")[-LAST_LINES:]]
    asides, errors = _classify(lines)
    told = pip = limit = None
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if limit is not None and number < limit:
            break
        if _PIP_FOUND_NOTHING.match(line.strip()):
            pip = number
        if number in asides and not (
            pip is not None and pip - number <= _NEAR and line.lstrip().startswith("WARNING: ")
        ):
            continue
        is_error = number in errors
        known = _first_match(_KNOWN, line)
        # A tool's own error is not explained by what another program said before it.
        if known and (told is None or told["name"] != "error" or is_error or known["name"] in failures.ROOTS):
            return known
        hint = _first_match(failures.LAST_WORDS, line)
        if hint or is_error:
            told, limit = told or hint or _show(lines, errors[number]), number - _NEAR
    return told


def _classify(lines: List[str]) -> Tuple[Set[int], Dict[int, int]]:
    # The numbers of the lines that are no errors, and of those of a tool's errors: number -> that of the error's first.
    # The indented text below a warning of CMake's or Python's, or an error of CMake's, belongs to it.
    asides, errors = set(), {}
    in_warning, error = False, None  # type: bool, Optional[int]
    for number, line in enumerate(lines):
        if line.strip() and not line[0].isspace() and not line.startswith("Call Stack"):
            in_warning = _WARNING_HEAD.match(line) is not None
            error = number if line.startswith("CMake Error") else None
        warning = _ASIDE.search(line)
        if in_warning or harmless.is_harmless(line) or (warning and not _ERROR.search(line[: warning.start()])):
            asides.add(number)
        elif _QUOTE.match(line):
            asides.add(number)
        elif error is not None:
            errors[number] = error
        elif _ERROR_LINE.match(line):
            errors[number] = number
        elif number and _MARK.match(line) and lines[number - 1][:1].isspace():
            asides.add(number - 1)
    return asides, errors


def _first_match(rows: Tuple[failures.Row, ...], line: str) -> Optional[Dict[str, str]]:
    for expression, name, cause, remedy in rows:
        found = expression.search(line)
        if found:
            words = [word or "" for word in found.groups()]
            return {"name": name, "cause": cause.format(*words), "remedy": remedy.format(*words)}
    return None


def _show(lines: List[str], number: int) -> Dict[str, str]:
    said = lines[number]
    found = _ERROR_LINE.match(said)
    if found:
        # The first error of the same file: those after it come of it.
        others = (_ERROR_LINE.match(line) for line in lines[:number] if not _ASIDE.search(line))
        said = next((other.string for other in others if other and other.groups() == found.groups()), said)
    else:
        # CMake's words stand below, after an empty line in places.
        below = list(
            itertools.takewhile(lambda line: not line or line[0].isspace(), lines[number + 1 : number + _NEAR])
        )
        first = next((place for place, line in enumerate(below) if line.strip()), 0)
        said = " ".join([said] + [line.strip() for line in itertools.takewhile(str.strip, below[first:])])
    return {
        "name": "error",
        "cause": "Nothing is known of this error: `{0}`.".format(said.strip()),
        "remedy": "Look at that line and at those around it in the log, mend what it names, and run again.",
    }
