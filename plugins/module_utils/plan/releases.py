# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the release of torch that goes with a host, out of the vendor's table. Pure.

A row is a mapping:
  package   the version of torch_npu, such as 2.6.0.post5; of a patched tree, the key of its row in releases.yml
  torch     the version of torch
  tag       of Ascend/pytorch, "" where its sources are of a branch
  version   what the tree at the tag calls itself
  layout    "patch" or "plugin"
  cann      the CANN that it was released with, "" where none is known; of a patched tree {"minimum", "maximum"}
  pythons   the Pythons that its build takes
  stock     the wheels of the stock torch, [{"file", "url", "sha256"}]; [] where the table has none
  refused   why it cannot be had as the variables want it, in a sentence; absent where it can
and, of a plugin, what building it takes, see roles/road/files/torch_npu.json.
"""

import re
from typing import Any, Dict, List, NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, versions
from ansible_collections.ascend.pytorch.plugins.module_utils.host import ascend_files

PATCH, PLUGIN = "patch", "plugin"
# Those that CANN and the releases are made for.
ARCHES = ("x86_64", "aarch64")

_WHEEL = re.compile(r".*-cp(?P<major>[0-9])(?P<minor>[0-9]+)-[^-]+-[^-]*_(?P<arch>" + "|".join(ARCHES) + r")\.whl")


class Host(NamedTuple):
    """What of a host decides about its release."""

    # Such as 8.2.RC1, "" for no CANN or one of unknown release.
    cann: str
    # Such as 3.11.
    pythons: List[str]
    # x86_64 or aarch64.
    arch: str


class Choice(NamedTuple):
    """The release for a host."""

    # Always one, also where there is a problem: the rest of the plan is made for it.
    row: Dict[str, Any]
    # Why this one, in a sentence.
    why: str
    # The packages that would also go, the newest first.
    others: List[str]
    # Why it cannot be used, in a sentence that names the nearest that can; "" where it can.
    problem: str
    # What else should be known, in a sentence; "" for nothing.
    note: str = ""


def rows(plugin, patched):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[Dict[str, Any]]
    """Return the rows of both tables, the newest first.

    :param plugin: roles/road/files/torch_npu.json; :param patched: roles/road/files/releases.yml, and rows that users added
    """
    found = [
        {
            "package": key,
            "torch": str(row.get("version", key)),
            "tag": _tag(row),
            "version": str(row.get("version", key)),
            "layout": PATCH,
            "cann": row.get("cann") or "",
            "pythons": row.get("pythons", []),
            "stock": [],
        }
        for key, row in patched.items()
    ]
    known = {row["package"] for row in found}
    for row in plugin["releases"]:
        if row["package"] not in known or row["pythons"]:
            found.append(dict(row, layout=PLUGIN, stock=plugin["stock_torch"].get(row["torch"], [])))
    return sorted(found, key=_newest_first)


def _tag(patched):
    # type: (Dict[str, Any]) -> str
    """Return the tag that the sources of a patched tree are of, "" where they are of a branch. Rows of users may lack any key."""
    ref = str(((patched.get("torch") or {}).get("adapter") or {}).get("ref") or "")
    return ref if "-pytorch" in ref else ""


def _newest_first(row):
    # type: (Dict[str, Any]) -> Tuple
    torch = [-number for number in sort_key(row["torch"])[0]] + [0, 0, 0]
    stages = sort_key(row["package"])[1]
    # Rows without a CANN are for the brave; they come last.
    return not row["cann"], torch[:3], [tuple(-number for number in stage) for stage in stages]


def sort_key(version):
    # type: (str) -> Tuple
    """Return a key to sort versions by. Rows that users added may have any text, which comes first."""
    try:
        return versions.parse(version)
    except ValueError:
        return (), (), ()


def pythons_of(row, arch=""):
    # type: (Dict[str, Any], str) -> List[str]
    """Return the Pythons that both the build and the stock torch take, the preferred one first.

    For a patched tree the guide prefers the oldest; for the plugin it is the newest.

    :param arch: "" for any architecture
    """
    pythons = row["pythons"] if row["layout"] == PATCH else sorted(row["pythons"], key=versions.parse, reverse=True)
    # Of torch 1 the vendor names the wheel for one Python, as an example.
    if not row["stock"] or row["torch"].startswith("1."):
        return list(pythons)
    wheels = [_WHEEL.match(each["file"]) for each in row["stock"]]
    there = {
        "{major}.{minor}".format(**wheel.groupdict()) for wheel in wheels if wheel and arch in ("", wheel.group("arch"))
    }
    # Where the table has no wheel for an architecture, pip may still find one.
    return [python for python in pythons if python in there or not there]


def find(wanted, table):
    # type: (str, List[Dict[str, Any]]) -> List[Dict[str, Any]]
    """Return the rows that a text names, the newest first; [] for none.

    The text is "auto", which names all of them, a version of torch, a tag, or a package. 2.1.0.post4 is the package of two rows: the
    one whose tree says so is meant. A version of torch may also be a package, which is named by its tag then: 1.8.1 names the
    patched tree and the plugin's releases for that torch, and the host's CANN decides.
    """
    if wanted == places.AUTO:
        return list(table)
    of_torch = [row for row in table if row["torch"] == wanted]
    exact = [row for row in table if wanted and wanted in (row["tag"], row["package"])]
    own = [row for row in exact if row["version"] == wanted]
    return of_torch or (own if len(exact) > 1 else []) or exact


def choose(wanted, table, host):
    # type: (str, List[Dict[str, Any]], Host) -> Choice
    """Return the release for a host: the newest of those that `wanted` names and that go with it.

    It goes with a host if it was released with the host's CANN, or with the nearest older one of the same series, such as 8.3, and
    has a Python and an architecture that the host has. What is named by its tag or package is not replaced by another one.

    :param wanted: see find(), which must find something
    """
    found = find(wanted, table)
    if len(found) == 1 and wanted != places.AUTO:
        return _named(found[0], "{0} was named".format(describe(found[0])), table, host)
    usable = [row for row in found if not refusal(row)]
    near = _of_nearest_cann(usable, host.cann)
    fitting = [row for row in near if python_of(row, host)]
    if fitting:
        row = fitting[0]
        why = "{0} is the newest for CANN {1} with Python {2} on {3}".format(
            describe(row), host.cann, python_of(row, host), host.arch
        )
        return Choice(row, why, [each["package"] for each in fitting[1:]], "")
    if wanted != places.AUTO:
        # As it was named: the patched tree, if there is one, else what is nearest.
        own = [row for row in found if row["layout"] == PATCH and row["package"] == wanted]
        likely = own or [row for row in near + usable if python_of(row, host)] or near + usable + found
        row = likely[0]
        return _named(row, "{0}: the host's CANN could not decide".format(describe(row)), table, host)
    guess = near or [row for row in usable if python_of(row, host)] or usable
    return Choice(guess[0], "", [], _why_none(near, table, host))


def _named(row, why, table, host):
    # type: (Dict[str, Any], str, List[Dict[str, Any]], Host) -> Choice
    """Return the choice of a release that the user named. Checks of the host's CANN and Python warn where it does not go."""
    problem = refusal(row)
    nearest = _nearest(row, table, host) if problem else None
    if problem and nearest:
        problem += "; the nearest that would do is {0}".format(nearest["package"])
    note = ""
    if host.cann and not _of_nearest_cann([row], host.cann):
        near = _of_nearest_cann([each for each in table if not refusal(each)], host.cann)
        note = "it was not released for CANN {0}".format(host.cann)
        note += ", which goes with {0}".format(", ".join(each["package"] for each in near[:3])) if near else ""
    return Choice(row, why, [], problem, note)


def refusal(row):
    # type: (Dict[str, Any]) -> str
    """Return why a row cannot be built or installed by anybody, "" where it can."""
    if row["layout"] == PLUGIN and not row["tag"]:
        return "{0} has no tag in the vendor's repository, only a branch that has moved on".format(describe(row))
    return row.get("refused", "")


def describe(row):
    # type: (Dict[str, Any]) -> str
    """Return what a release is called, such as torch_npu 2.6.0.post5."""
    return ("torch " if row["layout"] == PATCH else "torch_npu ") + row["package"]


def python_of(row, host):
    # type: (Dict[str, Any], Host) -> Optional[str]
    """Return the Python of a host that a row would use, None for none."""
    return next((python for python in pythons_of(row, host.arch) if python in host.pythons), None)


def _of_nearest_cann(table, cann):
    # type: (List[Dict[str, Any]], str) -> List[Dict[str, Any]]
    """Return the rows for a CANN, or for the nearest older one of its series."""
    key = _age(cann)
    if key <= _age(""):
        return []
    found = []  # type: List[Tuple[Any, Dict[str, Any]]]
    for row in table:
        limits = row["cann"]
        if isinstance(limits, dict):
            if ascend_files.is_release_within(cann, limits.get("minimum", ""), limits.get("maximum", "")):
                found.append((key, row))
        elif limits and _series(limits) == _series(cann) and _age(limits) <= key:
            found.append((_age(limits), row))
    nearest = max([age for age, _row in found], default=None)
    return [row for age, row in found if age == nearest]


def _age(release):
    # type: (str) -> Tuple
    """Return a key to compare releases of CANN by. That of 6.3.RC3.1 is above that of 6.3.RC3, unlike their release_key."""
    known, _stage, rest = ascend_files.sort_key(release)
    return known, rest


def _series(release):
    # type: (str) -> str
    """Return the series of a release of CANN, such as 8.3 of 8.3.RC1."""
    return ".".join(release.split(".")[:2])


def _why_none(near, table, host):
    # type: (List[Dict[str, Any]], List[Dict[str, Any]], Host) -> str
    """Return why no release goes with a host, in a sentence."""
    if not host.cann:
        return "there is no CANN of a known release that could decide: name a release of torch, such as {0}".format(
            next(row["package"] for row in table if not refusal(row))
        )
    if near:
        takes = sorted({python for row in near for python in pythons_of(row, host.arch)}, key=versions.parse)
        return "the releases for CANN {0} ({1}) take Python {2} on {3}, and the host has {4}".format(
            host.cann,
            ", ".join(row["package"] for row in near[:4]),
            ", ".join(takes) or "none",
            host.arch,
            ", ".join(host.pythons) or "none",
        )
    known = sorted(
        {row["cann"] for row in table if isinstance(row["cann"], str) and row["cann"]}, key=ascend_files.release_key
    )
    return "no release goes with CANN {0}: the table knows {1} to {2}".format(host.cann, known[0], known[-1])


def _nearest(row, table, host):
    # type: (Dict[str, Any], List[Dict[str, Any]], Host) -> Optional[Dict[str, Any]]
    """Return the release that would do in place of a row, None for none.

    Those that go with the host's CANN come first, or with the row's where none does; of these, those of the same torch. The torch
    is that of the package's name: the vendor's table says 1.8.1 of 1.5.0.post3.
    """
    would = [
        each
        for each in table
        if each is not row and not refusal(each) and (not host.pythons or python_of(each, host)) and each["cann"]
    ]
    of_row = row["cann"] if isinstance(row["cann"], str) else ""
    going = {id(each) for each in _of_nearest_cann(would, host.cann) or _of_nearest_cann(would, of_row)}
    order = {id(each): number for number, each in enumerate(table)}
    own = sort_key(row["package"])[0]

    def distance(each):
        # type: (Dict[str, Any]) -> Tuple
        return id(each) not in going, sort_key(each["torch"])[0] != own, abs(order[id(each)] - order[id(row)])

    return min(would, key=distance, default=None)
