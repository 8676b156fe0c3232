# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a known failure in a build's log, with its name, cause and remedy.

The log is read from its end, and the last error in it is the cause: an earlier one, after which the build continued, is not.
For one line, the first row that matches counts: those in failures_of_torch_npu.py come first, then those in
failures_of_host.py, then those in failures_of_tools.py.

Warnings and CMake's messages about optional parts are not errors. Some errors only say that something before them failed:
a known failure in the lines before comes first. When nothing is known of an error, its own text is shown.
"""

import itertools
import re
from typing import Dict, List, Optional, Set, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    failures,
    failures_of_host,
    failures_of_tools,
    failures_of_torch_npu,
    harmless,
)

# The error that ends a build is near the end of its log, but with many jobs at once a thousand lines or more before it.
LAST_LINES = 2000
LAST_BYTES = 16 * 1024 * 1024

# How many lines above a line that only reports a failure its cause may be.
_NEAR = 40

# Their order counts: for one line, the first row that matches.
_KNOWN = failures_of_torch_npu.ROWS + failures_of_host.ROWS + failures_of_tools.ROWS

# "x.cpp:5:3: error: …", "configure: error: …", the assembler's "x.s:7: Error: …". The linker gives the reason in lines before
# its error, without that word: "x.cpp:(.text+0x5): undefined reference to `f()'". CMake gives it in the lines below.
_ERROR_LINE = re.compile(
    r"\s*([^\s:][^:]{0,300})(?::[0-9]+){0,2}: (?:[Ff]atal |internal compiler )?[Ee]rror: (?!ld returned)\S"
    r"|\s*(\S[^:]{0,300}):.{0,300}(?:undefined reference to|multiple definition of|relocation \S+ against .* can ?not be used)"
)

# A line of the sources below a compiler's message, with its number before it (since gcc 9) or a mark below it.
_QUOTE = re.compile(r"\s*[0-9]* \|")
_MARK = re.compile(r"\s*[~^][\s~^]*$")

# "WARNING: …", "x.cpp:5:3: warning: …", "CMake Deprecation Warning at …", and CMake's "-- …", which is never an error. Without
# a colon "npm WARN …", "warning …" and "<time> WARNING …"; and apt's "W: …". npm's notices are not errors either.
_ASIDE = re.compile(
    r"^\s*-- |(?:^|[\s:\[(])(?:\w*warning|warn|note)\s*[:\])]|^\s*CMake (?:\w+ )?Warning\b"
    r"|^\s*(?:p?npm |yarn |[0-9][-0-9:,.TZ ]* )?warn(?:ing)?\s|^W: |^\s*npm (?:notice|http|info|verbose|sill|timing) ",
    re.IGNORECASE,
)

# The indented lines below it belong to it.
_WARNING_HEAD = re.compile(r"CMake .{0,30}Warning\b|\S+:[0-9]+: \w*Warning: ")
_ERROR = re.compile(r"\b(?:error|fatal): ", re.IGNORECASE)

# pip gives the reason why it found nothing in warnings, not in its error.
_PIP_FOUND_NOTHING = re.compile(r"ERROR: (?:Could not find a version that satisfies|No matching distribution found)")


def diagnose(log_text: str) -> Optional[Dict[str, str]]:
    """Return {"name", "cause", "remedy"} of the failure that ended a build, from the last lines of its log.

    When no failure is known and a compiler or another tool printed an error, the name is "error" and the cause has that
    line. None when there is neither.
    """
    lines = [line[: harmless.LONGEST_LINE] for line in log_text.split("\n")[-LAST_LINES:]]
    asides, errors = _classify(lines)
    answer = pip = limit = None
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
        if known and (answer is None or answer["name"] != "error" or is_error or known["name"] in failures.ROOTS):
            return known
        hint = _first_match(failures.LAST_WORDS, line)
        if hint or is_error:
            answer, limit = answer or hint or _show(lines, errors[number]), number - _NEAR
    return answer


def _classify(lines: List[str]) -> Tuple[Set[int], Dict[int, int]]:
    # Return the numbers of the lines that are not errors; and for each line of a tool's error its number -> the number of
    # the error's first line. Indented text below a warning of CMake or Python, or an error of CMake, belongs to that.
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
    shown = lines[number]
    found = _ERROR_LINE.match(shown)
    if found:
        # The first error of the same file: the later ones usually follow from it.
        others = (_ERROR_LINE.match(line) for line in lines[:number] if not _ASIDE.search(line))
        shown = next((other.string for other in others if other and other.groups() == found.groups()), shown)
    else:
        # CMake's text is below, sometimes after an empty line.
        below = list(
            itertools.takewhile(lambda line: not line or line[0].isspace(), lines[number + 1 : number + _NEAR])
        )
        first = next((place for place, line in enumerate(below) if line.strip()), 0)
        shown = " ".join([shown] + [line.strip() for line in itertools.takewhile(str.strip, below[first:])])
    return {
        "name": "error",
        "cause": "This error is not a known one: `{0}`.".format(shown.strip()),
        "remedy": "Read that line and those around it in the log, fix what it names, and run again.",
    }
