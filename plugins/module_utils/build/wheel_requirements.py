# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wheel requires, by its metadata, for a Python; and what was to be in a wheel and is not."""

import fnmatch
import re
from typing import Iterable, List, Sequence, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.product.wheel import normalise

# Run with the Python that the wheel is for: its pip has what evaluates environment markers. Prints those requirements that
# apply, without their markers, one to a line that begins with "requires: "; one that pip cannot read is not printed, and
# those of an extra do not apply.
QUESTION = """\
import sys
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
for line in sys.argv[1:]:
    try:
        one = Requirement(line)
    except InvalidRequirement:
        continue
    if one.marker is None or one.marker.evaluate({"extra": ""}):
        one.marker = None
        print("requires: {0}".format(one))
"""

_MARK = "requires: "
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# Where the parts of the vendor's wheels come from that are not in it when a submodule was missing: its build passes over it.
_SUBMODULES = (("tensorpipe", "third_party/Tensorpipe"), ("torchair", "third_party/torchair/torchair"))


def select(lines: Iterable[str], drop: Sequence[str]) -> Tuple[List[str], List[str]]:
    """Return (the requirements to install, those that are left out) of a wheel's own.

    :param lines: as QUESTION prints them; :param drop: names, or patterns such as nvidia-*, in any spelling
    """
    # Python may print warnings among them.
    return partition([line[len(_MARK) :] for line in lines if line.startswith(_MARK)], drop)


def partition(lines: Iterable[str], drop: Sequence[str]) -> Tuple[List[str], List[str]]:
    """Return (requirements that are kept, those that are left out); markers stay. See select."""
    kept, dropped = [], []  # type: List[str], List[str]
    unwanted = [normalise(pattern) for pattern in drop]
    for line in lines:
        named = _NAME.match(line)
        if not named:
            continue
        name = normalise(named.group(0))
        (dropped if any(fnmatch.fnmatchcase(name, pattern) for pattern in unwanted) else kept).append(line)
    return kept, dropped


def find_limits(lines: Iterable[str], limits: Iterable[str]) -> List[str]:
    """Return those of the requirements `limits` that are for a project that one of the lines requires."""
    names = {normalise(named.group(0)) for named in map(_NAME.match, lines) if named}
    return [line for line in limits if normalise(_NAME.match(line).group(0)) in names]


def describe_missing(path: str, missing: Sequence[str]) -> str:
    """Return the message for a wheel that lacks files or folders that it must have, with the submodules that make them."""
    lacking = " ".join(missing).lower()
    submodules = [place for word, place in _SUBMODULES if word in lacking]
    remedy = (
        "Most likely the submodule {0} was not in the sources: look for it in this log, and let the source have it".format(
            " and ".join(submodules)
        )
        if submodules
        else "Look in this log for the step that makes it"
    )
    return "{0} was built without {1}. {2}".format(path, ", ".join(missing), remedy)
