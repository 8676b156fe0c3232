# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as they occur in practice: of tools, of CANN and its driver, of wheels and of packages.

    [v] numbers   { stage [number] }   [ local ]
        3.12.0      .RC1 .alpha003       +ascend.post3, -6
                    -beta.1 .post10

The order: numbers first (3.12 is 3.12.0), then each stage (dev < alpha < beta < rc < none < post), then the local part.
"""

import re
from typing import Optional, Tuple

_STAGES = {
    "dev": -4,
    "a": -3,
    "alpha": -3,
    "b": -2,
    "beta": -2,
    "c": -1,
    "rc": -1,
    "pre": -1,
    "preview": -1,
    "post": 1,
    "p": 1,
    "sp": 1,
    "spc": 1,
}
_LONGEST = 200
_FINAL = (0, 0)
_NUMBERED = 1

_VERSION = re.compile(
    r"v?(?P<numbers>[0-9]+(?:\.[0-9]+)*)"
    # The look-aheads match whole words and numbers only; without them, some texts would take exponential time.
    r"(?P<stages>(?:[-._~]?[a-z]+(?![a-z])(?:[-._]?[0-9]+(?![0-9]))*)*)"
    r"(?P<local>(?:\+|-(?=[0-9]))[a-z0-9.+~_-]+)?",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[0-9]+|[a-z]+")

# In what a tool prints: at least two numbers, not a part of a word, a path or a longer thing such as lib3.9.so.
_PRINTED = re.compile(
    r"(?<![\w./+])[vV]?([0-9]{1,9}(?:\.[0-9]{1,9})+(?:[-.]?(?:rc|alpha|beta|dev|post|a|b)\.?[0-9]{1,9})*)(?![0-9])",
    re.IGNORECASE,
)
_SPECIFIER = re.compile(r"(?P<how>===|~=|==|!=|<=|>=|<|>)\s*(?P<what>[^\s,()]+)")
_ALONE = re.compile(r"\s*([0-9]{1,9})\s*")


def parse(text: str) -> Tuple:
    """Return a tuple to compare a version by; it may be compared only with other tuples of this function.

    :raises ValueError: the text is not a version, such as V100R001C13SPC005B246; the message repeats the text
    """
    if not isinstance(text, str):
        raise ValueError("not a version: {0!r}".format(text))
    found = _VERSION.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        raise ValueError("not a version: {0!r}".format(text[:_LONGEST]))
    numbers = [int(number) for number in found.group("numbers").split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    stages = []
    for word in _WORDS.findall(found.group("stages").lower()):
        if not word.isdigit():
            if word not in _STAGES:
                raise ValueError("not a version: {0!r} ({1!r} is unknown)".format(text, word))
            stages.append((_STAGES[word], 0))
        elif stages[-1][1] == 0:
            stages[-1] = (stages[-1][0], int(word))
        else:
            stages.append((_NUMBERED, int(word)))
    # As in PEP 440, a number in the local part is greater than a word.
    local = tuple(
        (1, int(word), "") if word.isdigit() else (0, 0, word)
        for word in _WORDS.findall((found.group("local") or "").lower())
    )
    return tuple(numbers), tuple(stages) + (_FINAL,), local


def compare(a: str, b: str) -> int:
    """Return -1, 0 or 1 if a is older than, the same as, or newer than b.

    :raises ValueError: one of them is not a version
    """
    left, right = parse(a), parse(b)
    return (left > right) - (left < right)


def is_within(version: str, minimum: str = "", maximum: str = "") -> bool:
    """Say whether minimum <= version <= maximum; "" leaves a side open.

    A maximum is compared in as many numbers as it has: 3.26 admits 3.26.4, 3 admits every 3.x, and 3.26.4 does not
    admit 3.26.5. A maximum with a stage (5.1.RC1) is compared whole. The local part (+ascend, -6) of the version never
    puts it above a maximum without one.

    :raises ValueError: one of them is not a version
    """
    value = parse(version)
    if minimum and value < parse(minimum):
        return False
    if not maximum:
        return True
    numbers, stages, local = parse(maximum)
    if stages == (_FINAL,) and not local:
        written = _VERSION.fullmatch(maximum.strip()).group("numbers").count(".") + 1
        # parse leaves out zeros at the end, which count here: 6.0 admits 6.0.1.
        return value[0][:written] <= numbers + (0,) * (written - len(numbers))
    return (value[0], value[1], value[2] if local else ()) <= (numbers, stages, local)


def satisfies(version: str, specifiers: str) -> bool:
    """Say whether a version satisfies a list of specifiers, such as ">=1.20,<2" (a part of PEP 440).

    A specifier that is not understood, such as one with an epoch, is satisfied by every version: pip decides on it.
    """
    return all(_admits(found.group("how"), found.group("what"), version) for found in _SPECIFIER.finditer(specifiers))


def _admits(how: str, wanted: str, version: str) -> bool:
    if how == "===":
        return version == wanted
    prefix = wanted.endswith(".*")
    try:
        bound, value = parse(wanted[:-2] if prefix else wanted), parse(version)
    except ValueError:
        return True
    if not bound[2]:
        # A build or repackaging of the same version also counts.
        value = (value[0], value[1], ())
    if how in ("==", "!="):
        same = _starts_with(value, wanted[:-2]) if prefix else value == bound
        return same == (how == "==")
    if how == "~=":
        return value >= bound and _starts_with(value, wanted.rpartition(".")[0])
    if how in ("<", ">") and value[0] == bound[0] and bound[1] == (_FINAL,):
        # "<2" means none of 2's release candidates, ">2" none of its post releases.
        return False
    return {"<": value < bound, ">": value > bound, "<=": value <= bound, ">=": value >= bound}[how]


def _starts_with(value: Tuple, prefix: str) -> bool:
    """Say whether a parsed version begins with these numbers; 1.2 begins with 1.2.0."""
    numbers = [int(word) for word in re.findall(r"[0-9]+", prefix)]
    return (list(value[0]) + [0] * len(numbers))[: len(numbers)] == numbers


def find_version(text: str) -> Optional[str]:
    """Return the first version in what a tool prints for `--version`, None if there is none.

    Text in parentheses is the packager's, and counts only if there is no other version:
    `gcc (Debian 10.2.1-6) 10.2.1 20210110` is 10.2.1. A single number counts only if it is the whole text
    (`gcc -dumpversion` of some builds).
    """
    bare = re.sub(r"\([^()\n]*\)", " ", text)
    for candidate in (bare, text):
        found = _PRINTED.search(candidate)
        if found:
            return found.group(1)
    alone = _ALONE.fullmatch(text)
    return alone.group(1) if alone else None
