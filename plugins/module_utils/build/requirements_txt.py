# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter a vendor's requirements.txt so that nothing in it replaces the torch that is built.

Lines that the filter cannot judge (another file, a folder, a URL without a name) are left out and reported.
"""

import re
from typing import Iterable, List, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.product.published import plain_requirement
from ansible_collections.ascend.pytorch.plugins.module_utils.product.wheel import WheelError, normalise, parse_filename

# Modules that later Pythons include; distributions of these names do harm there ("typing" breaks that of 3.7).
_BUILTIN_SINCE = {"dataclasses": (3, 7), "typing": (3, 5), "enum34": (3, 4), "futures": (3, 2), "pathlib": (3, 4)}

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# PEP 508: name [extras] then a version, a marker, an @ or nothing.
_REQUIREMENT = re.compile(r"(?P<name>{0})\s*(?:\[[^\]]*\])?\s*(?P<rest>$|[=<>!~;@(].*)".format(_NAME.pattern))
_EGG = re.compile(r"[#&]egg=({0})".format(_NAME.pattern))
_ARCHIVES = (".whl", ".zip", ".gz", ".bz2", ".xz")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!]*(\+[A-Za-z0-9._-]+)?")


def filter_requirements(
    text: str, drop: Iterable[str], python: Tuple[int, ...]
) -> Tuple[List[str], List[Tuple[str, str]]]:
    """Return (lines for pip to install, [(line, why it was left out)]) of a requirements.txt.

    :param text: the file's content; comments and empty lines are in neither list, continued lines are joined
    :param drop: names that must not be installed, in any spelling
    :param python: the Python that installs, such as (3, 9)
    """
    unwanted = {normalise(name) for name in drop}
    kept = []  # type: List[str]
    dropped = []  # type: List[Tuple[str, str]]
    for line in _lines(text):
        why = _reason_to_drop(line, unwanted, tuple(python))
        if why is None:
            # An editable install would need the build's folder later.
            kept.append(plain_requirement(line))
        else:
            dropped.append((line, why))
    return kept, dropped


def torch_constraints(torch_version: str) -> str:
    """Return a constraints file for pip that keeps torch at the version that was built, such as 1.8.1+ascend.

    :raises ValueError: it is not a version
    """
    if not _VERSION.fullmatch(torch_version):
        raise ValueError("not a version of torch: {0!r}".format(torch_version))
    return "torch=={0}\n".format(torch_version)


def _lines(text: str) -> List[str]:
    joined = re.sub(r"\\\r?\n", " ", text.lstrip("\ufeff"))
    bare = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in joined.splitlines())
    return [" ".join(line.split()) for line in bare if line]


def _reason_to_drop(line: str, unwanted: Iterable[str], python: Tuple[int, ...]) -> Optional[str]:
    if line.startswith("-") and not re.match(r"(-e|--editable)\b", line):
        if re.match(r"(-r|-c|--requirement|--constraint)", line):
            return "another file, whose lines would not be checked"
        return "an option: the inventory says where and how pip installs"
    name = _requirement_name(line)
    if name is None:
        return "it does not name what it installs"
    if name in unwanted:
        return "it would replace what is built here, or damage this Python"
    since = _BUILTIN_SINCE.get(name)
    if since and python >= since:
        return "a part of Python since {0}.{1}".format(*since)
    return None


def _requirement_name(line: str) -> Optional[str]:
    found = _REQUIREMENT.fullmatch(line)
    if found and not _is_path(line):
        return normalise(found.group("name"))
    egg = _EGG.search(line)
    if egg:
        return normalise(egg.group(1))
    try:
        return normalise(str(parse_filename(line.split("#")[0].split("?")[0].split()[-1].replace("%2B", "+"))["name"]))
    except (WheelError, IndexError):
        return None


def _is_path(line: str) -> bool:
    return line.startswith((".", "/", "~")) or (" " not in line and line.endswith(_ARCHIVES))
