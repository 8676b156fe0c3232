# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release of torch for a host: out of the two tables, by the variables and by what the host has.

A release is a mapping, as the rows of roles/road/files/releases.yml are. The rows of torch_npu.json are given that form here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, versions
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import ROLES as FOLDER
from ansible_collections.ascend.pytorch.plugins.plugin_utils.settings import Settings, Source, data

Json = dict[str, Any]

# Read when this module is imported, which Ansible does once, before it starts a worker for each host.
# The patched trees, version -> release.
PATCHED = data("road", "files/releases.yml")
# The plugin's releases and the stock torches, as tools/releases.py makes them.
PLUGIN = json.loads((FOLDER / "road/files/torch_npu.json").read_text(encoding="utf-8"))

# Both, as releases.choose reads them.
ROWS = releases.rows(PLUGIN, PATCHED)

# What the rows of PLUGIN do not say.
COMMON = data("road", "files/plugin.yml")
# The C++ standard of the patched trees.
OLD_STANDARD = min(COMMON["tools"])
OLDEST_CMAKE, OLDEST_GCC = COMMON["cmake"]["oldest"], COMMON["tools"][OLD_STANDARD]["gcc"]
# A value of ascend_torch_index: the index that pip is configured for.
PIP_S_INDEX = "pip"
CPU_INDEX = COMMON["cpu_index"]


def series(row: Mapping[str, Any]) -> str:
    """Return the series of the plugin that a row's tag names, such as 7.3.0 for v7.3.0-pytorch2.6.0; "" without one."""
    return str(row.get("tag") or "").lstrip("vV").partition("-")[0]


def latest(entries: Sequence[Json], version: str) -> Json:
    """Return the last entry of a list in plugin.yml that a version has reached; {} for none."""
    return next((each for each in reversed(entries) if versions.compare(version or "0", each["since"]) >= 0), {})


def chips(row: Mapping[str, Any]) -> list[str]:
    """Return the kinds of chips that a row's sources know, see host/npu_smi.py; [] where that is not known."""
    known = [each for each in COMMON["chips"] if row["cann"] and versions.compare(row["cann"], each["since"]) >= 0]
    return [kind for each in known for kind in each["kinds"]]


def downloads(row: Mapping[str, Any]) -> list[Json]:
    """Return what the build of a row downloads, as sources of a recipe."""
    return [
        source
        for each in COMMON["downloads"]
        if each["torch"] == row["torch"] and versions.compare(series(row) or "0", each["since"]) >= 0
        for source in each["files"]
    ]


def package_requirements(release: Mapping[str, Any]) -> list[str]:
    """Return the requirements for pip that a release's packages are: a maximum of 1.99 takes 1.99.5 too."""
    lines = []
    for name, limits in sorted((release.get("packages") or {}).items()):
        bounds = [">=" + limits["minimum"]] if limits.get("minimum") else []
        if limits.get("maximum"):
            numbers = [int(part) for part in str(limits["maximum"]).split(".")]
            bounds.append("<" + ".".join(str(part) for part in numbers[:-1] + [numbers[-1] + 1]))
        lines.append(name + ",".join(bounds))
    return lines


def apex(row: Mapping[str, Any]) -> Json | None:
    """Return the Apex of a row, as the patched releases have theirs; None where it has none."""
    made = dict(COMMON["apex"])
    torches, since = made.pop("torch"), made.pop("since")
    is_for = row["torch"] in torches and versions.compare(series(row) or "0", since) >= 0
    return made if is_for else None


def facts(state: State, python: str) -> releases.Host:
    """Return what of a host decides about its release.

    :param python: as ascend_python has it
    """
    if state.venv_python:
        found = [state.venv_python]
    else:
        found = [each for name, each in state.pythons.items() if each and python in (places.AUTO, name)]
    known = [".".join(str(each.get("version")).split(".")[:2]) for each in found if each.get("version")]
    cann = str(state.cann[0]["version"] or "") if state.cann else ""
    return releases.Host(cann, list(dict.fromkeys(known)), state.arch)


def ready_made(row: Json) -> Json:
    """Return a row with the Pythons that PyPI has its ready-made wheel for; it is refused where there is no such wheel."""
    if row["layout"] != releases.PLUGIN:
        return row
    for each in COMMON["ready_made"]:
        if row["package"] in each["packages"]:
            fitting = [name for name in row["pythons"] if versions.is_within(name, each["oldest"], each["newest"])]
            return {**row, "pythons": fitting}
    why = (
        f"PyPI has no ready-made wheel of {releases.describe(row)}: set torch_npu_build_from to source, which builds it"
    )
    return {**row, "refused": f"{why}, or torch_npu_build_npu_index to an index that has one"}


def _bare(release: Mapping[str, Any]) -> Json:
    """Return a release without what is only known once its host was examined."""
    known = ("choice", "goes_with_cann", "would_take", "is_settled")
    return {key: value for key, value in release.items() if key not in known}


class Releases:
    """The releases that the variables of a host name: before it is examined a guess, then those that go with it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        # Made when a release is asked for.
        self._tables: Tables | None = None
        self._host: releases.Host | None = None
        # What a variable names -> (the variable, the release).
        self._known: dict[str, tuple[str, Json]] = {}

    def settle(self, state: State, python: str) -> bool:
        """Have `of` return the releases that go with a host from now on; say whether the guesses were right.

        For the arguments see facts().
        """
        guessed, self._host, self._known = self._known, facts(state, python), {}
        return all(_bare(self.of(wanted, variable)) == _bare(guess) for wanted, (variable, guess) in guessed.items())

    def is_settled(self) -> bool:
        """Say whether all releases are what they will be once the host was examined."""
        return all(release["is_settled"] for _variable, release in self._known.values())

    def of(self, wanted: str, variable: str) -> Json:
        """Return the release that a text names, see Tables. Raises AnsibleActionFail where it names none."""
        if wanted not in self._known:
            tables = self._tables = self._tables or Tables.of(self._source)
            host = self._host
            release = tables.choose(wanted, variable, host) if host else tables.guess(wanted, variable)
            self._known[wanted] = (variable, release)
        return self._known[wanted][1]


class Tables:
    """Both tables, with the rows that the user added."""

    def __init__(
        self,
        more: Mapping[str, Any],
        index: str = "",
        stock: Sequence[Any] = (places.AUTO,),
        from_pypi: bool = False,
    ) -> None:
        """
        :param more: ascend_extra_releases; :param index: ascend_torch_index
        :param stock: torch_npu_build_stock_wheels
        :param from_pypi: whether the vendor's part is to be taken ready-made, without an index of the user's own
        """
        self._patched: Json = {**PATCHED, **more}
        self._index, self._stock = index, stock
        self._rows = releases.rows(PLUGIN, self._patched) if more else ROWS
        if from_pypi:
            self._rows = [ready_made(row) for row in self._rows]

    @classmethod
    def of(cls, source: Source) -> Tables:
        """Return the tables by the variables of the role road, and of torch_npu_build where that role is imported."""
        road = Settings("road", source)
        settings = Settings("torch_npu_build", source)
        index, stock, made_by, npu_index = (
            settings[name] if name in settings else usual
            for name, usual in (
                ("torch_index", ""),
                ("stock_wheels", [places.AUTO]),
                ("from", "source"),
                ("npu_index", ""),
            )
        )
        # A bundle may have come from another index.
        carried = "bundle" in road and road["bundle"]
        return cls(road["extra_releases"], index, stock, made_by == "wheel" and not npu_index and not carried)

    def first(self, wanted: str, variable: str) -> Json:
        """Return the likeliest of the rows that a text names: a patched tree, unless any release will do, else the newest."""
        found = self.find(wanted, variable)
        found = [row for row in found if not releases.refusal(row)] or found
        patched = [row for row in found if row["layout"] == releases.PATCH and wanted != places.AUTO]
        # 1.5.0 is a torch of several releases, and the package of one of them.
        own = [row for row in patched if row["package"] == wanted]
        return (own or patched or found)[0]

    def find(self, wanted: str, variable: str) -> list[Json]:
        """Return the rows that a text names, see releases.find. Raises AnsibleActionFail where it names none."""
        found = releases.find(wanted, self._rows) if wanted else []
        if not found:
            torches = sorted({row["torch"] for row in self._rows}, key=releases.sort_key)
            raise AnsibleActionFail(
                f"{variable}: {wanted!r} is not a known release. Set {variable} to auto, to a version of torch ({', '.join(torches)}), "
                "or to a package or tag of torch_npu that playbooks/releases.yml lists, or add a row to ascend_extra_releases"
            )
        return found

    def guess(self, wanted: str, variable: str) -> Json:
        """Return a release to examine a host for, before anything is known of it: with the Pythons of all that it may become."""
        found = self.find(wanted, variable)
        release = self.release(self.first(wanted, variable), None)
        # Those of the likely one first, as it prefers them.
        more = {python for row in found for python in row["pythons"]} - set(release["pythons"])
        release["pythons"] = release["pythons"] + sorted(more, key=versions.parse, reverse=True)
        # The stock torch of a plugin depends on the host.
        return {**release, "is_settled": len(found) == 1 and release["torch"].get("layout") != releases.PLUGIN}

    def choose(self, wanted: str, variable: str, host: releases.Host) -> Json:
        """Return the release for an examined host; its key "choice" says why, see releases.Choice."""
        self.find(wanted, variable)
        choice = releases.choose(wanted, self._rows, host)
        anyhow = choice if wanted == places.AUTO else releases.choose(places.AUTO, self._rows, host)
        return {
            **self.release(choice.row, host),
            "choice": choice._asdict(),
            "goes_with_cann": [] if anyhow.problem else [anyhow.row["package"], *anyhow.others],
            "would_take": self._would_take(host),
            "is_settled": True,
        }

    def _would_take(self, host: releases.Host) -> dict[str, str]:
        """Return Python of a host -> the newest package that takes it."""
        found = {}
        for row in self._rows:
            for python in releases.pythons_of(row, host.arch):
                if python in host.pythons:
                    found.setdefault(python, row["package"])
        return found

    def release(self, row: Mapping[str, Any], host: releases.Host | None) -> Json:
        """Return the release of a row.

        :param host: for which a stock torch is chosen; None where it is not known yet
        """
        if row["layout"] == releases.PATCH:
            return {"toolchain": COMMON["tools"][OLD_STANDARD]["build"], **self._patched[row["package"]]}
        stock = [one for each in self._stock for one in (row["stock"] if each == places.AUTO else [each])]
        return plugin_release({**row, "stock": stock}, host, self._index)


def plugin_release(row: Mapping[str, Any], host: releases.Host | None, index: str) -> Json:
    """Return the release of one of the plugin's rows, in the form of the patched ones."""
    tools = COMMON["tools"][row["cxx"] or OLD_STANDARD]
    numpy = latest(COMMON["numpy"], row["torch"])["newest"]
    pythons = releases.pythons_of(row, host.arch if host else "")
    python = (releases.python_of(row, host) if host else None) or ""
    return {
        "version": row["package"],
        "tag": row["tag"],
        "pythons": pythons,
        "cann": {"minimum": row["cann"], "maximum": ".".join(row["cann"].split(".")[:2])},
        "cmake": row["cmake"] or OLDEST_CMAKE,
        "gcc": tools["gcc"],
        "newest": {"cmake": COMMON["cmake"]["newest"]},
        "toolchain": tools["build"],
        "unsupported_variables": [],
        "packages": {"numpy": {"maximum": numpy}} if numpy else {},
        "autoload": row["autoload"],
        "built_with_gcc": COMMON["built_with_gcc"].get(row["torch"], ""),
        "chips": chips(row),
        "torch": {
            "layout": releases.PLUGIN,
            "version": row["torch"],
            "adapter": {
                "repo": "Ascend/pytorch",
                "ref": row["tag"],
                "commit": row["commit"],
                "urls": COMMON["addresses"],
            },
            "submodules": row["submodules"],
            "stock": stock_source(row, python, host.arch if host else "", index),
            "options": row["options"],
            "downloads": downloads(row),
            "max_jobs": row["max_jobs"],
            "cxx_flags": tools["cxx_flags"],
            "imports": [
                name
                for name, last in COMMON["imports"].items()
                if row["tag"] and versions.compare(series(row), last) <= 0
            ],
            "tree_version": row["version"],
            "mem_gib_first": latest(COMMON["memory"], series(row))["gib"],
        },
        "apex": apex(row),
    }


def stock_source(row: Mapping[str, Any], python: str, arch: str, index: str) -> Json:
    """Return the stock torch of a row for a Python and an architecture, as a source of a recipe.

    Where the table has no digest of it, or pip is to find it, the source has only a requirement.

    :param index: as torch_npu_build_torch_index has it
    """
    tag = "-cp" + python.replace(".", "") + "-"
    fitting = [each for each in row["stock"] if python and tag in each["file"] and each["file"].endswith(f"{arch}.whl")]
    found = next(iter(fitting), {})
    if index == PIP_S_INDEX or not found.get("sha256"):
        # On x86_64 PyPI's are for CUDA. On aarch64 they are for CPUs, and it has some that are older than the other index.
        usual = [CPU_INDEX] if arch == "x86_64" else [CPU_INDEX, ""]
        indexes = [""] if index == PIP_S_INDEX else [*([index] if index else []), *usual]
        return {"requirement": f"torch=={row['torch']}", "index": indexes}
    own = [f"{index.rstrip('/')}/{quote(found['file'])}"] if index else []
    return {
        "name": "stock",
        "kind": "file",
        "file": found["file"],
        "urls": [*own, found["url"]],
        "sha256": found["sha256"],
        "dest": "stock",
    }
