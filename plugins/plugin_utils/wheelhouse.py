# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels for hosts that reach no index: collected by the controller's pip for another Python and another machine.

pip chooses the files for the target, but evaluates environment markers (`python_version < "3.8"`) for the Python that it
runs in. So the requirements of the chosen wheels on the target are read from them, and downloaded in another round.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheel_files

try:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name, parse_wheel_filename
except ImportError:
    # ansible-core draws it in; without, whoever only reads the documentation need not fail.
    pass

# What building a wheel needs, even where no requirement says so.
BUILD_TOOLS = ("pip", "setuptools", "wheel")

# The oldest libc of the manylinux tags, by arch.
_FIRST_LIBC = {"x86_64": 5, "aarch64": 17}
# That of the newest wheels of torch and torch_npu.
_NEW_LIBC = 28
_OLD_TAGS = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
_MAX_ROUNDS = 50
_PIP_TIMEOUT_S = 3600.0
# As `python -m pip`, but for what stands in the folder that it is started in, which the settings of pip may name.
_PIP = "import sys; sys.path = [path for path in sys.path if path]; import runpy; runpy.run_module('pip', None, '__main__', True)"

_NO_MATCH = re.compile(r"No matching distribution found for (.+?)(?: \(from .*)?$", re.MULTILINE)
_NETWORK = re.compile(
    r"Retrying \(Retry|NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|SSLError|"
    r"CERTIFICATE_VERIFY_FAILED|Could not fetch URL|Connection(?:Reset)?Error|IncompleteRead|HTTP error|"
    r"Max retries exceeded"
)
_REMEDY = (
    "Where the hosts reach an index, nothing has to be done. Else build its wheel on a host of that platform (`pip wheel`), put "
    "it into a folder named in PIP_FIND_LINKS, and run again; or pin another version, or omit the platform"
)


class WheelhouseError(Exception):
    """The wheels cannot be collected at all; the message says what failed and what to do."""


class Target(NamedTuple):
    """What wheels are for: a Python such as 3.9, x86_64 or aarch64, and the oldest libc such as 2.17."""

    python: str
    arch: str
    libc: str


def platform_tags(target: Target) -> list[str]:
    """Return the platform tags of wheels that run on a target, those of the newest libc first."""
    found = []
    for minor in range(int(target.libc.split(".")[1]), _FIRST_LIBC[target.arch] - 1, -1):
        found.append(f"manylinux_2_{minor}_{target.arch}")
        if minor in _OLD_TAGS:
            found.append(f"{_OLD_TAGS[minor]}_{target.arch}")
    return [*found, f"linux_{target.arch}"]


def abi_tags(python: str) -> list[str]:
    """Return the ABI tags of wheels that a CPython takes; up to 3.7 its name has an m."""
    major, minor = (int(part) for part in python.split(".")[:2])
    return [f"cp{major}{minor}" + ("m" if (major, minor) < (3, 8) else ""), "abi3", "none"]


def marker_environment(target: Target) -> dict[str, str]:
    """Return the environment markers' variables as they are on a target."""
    return {
        "python_version": target.python,
        "python_full_version": target.python + ".0",
        "implementation_name": "cpython",
        "implementation_version": target.python + ".0",
        "platform_python_implementation": "CPython",
        "platform_machine": target.arch,
        "platform_system": "Linux",
        "platform_release": "",
        "platform_version": "",
        "os_name": "posix",
        "sys_platform": "linux",
        "extra": "",
    }


def applicable(lines: list[str], target: Target) -> list[str]:
    """Return the requirements whose markers hold on a target, without the markers; what is no requirement stays."""
    kept = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            kept.append(line)
            continue
        if requirement.marker is None or requirement.marker.evaluate(marker_environment(target)):
            kept.append(_without_marker(requirement))
    return kept


def unmet_requirements(wheels: list[Path], asked: list[str], target: Target) -> list[str]:
    """Return what the wheels require on a target and no wheel among them is, as requirements without markers.

    :param asked: the requirements that brought them, whose extras count
    """
    extras: dict[str, set[str]] = {}
    versions: dict[str, Any] = {}
    for line in asked:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        extras.setdefault(canonicalize_name(requirement.name), set()).update(requirement.extras)
    required = []
    for wheel in wheels:
        name, version, _build, _tags = parse_wheel_filename(wheel.name)
        versions[name] = version
        for requirement in _requires(wheel):
            marker = requirement.marker
            if marker is None or any(
                marker.evaluate({**marker_environment(target), "extra": extra}) for extra in {"", *extras.get(name, ())}
            ):
                required.append(requirement)
    return sorted(
        {
            _without_marker(requirement)
            for requirement in required
            if canonicalize_name(requirement.name) not in versions
            or not requirement.specifier.contains(versions[canonicalize_name(requirement.name)], prereleases=True)
        }
    )


def _requires(wheel: Path) -> list[Requirement]:
    try:
        lines = wheel_files.read(str(wheel))["requires"]
    except wheel_files.WheelError as error:
        raise WheelhouseError(
            f"pip downloaded a file that is not a wheel: {error}. Check the index that serves it, or its mirror"
        )
    found = []
    for line in lines:
        try:
            found.append(Requirement(line))
        except InvalidRequirement:
            # As pip does with what old tools wrote.
            continue
    return found


def _without_marker(requirement: Requirement) -> str:
    bare = Requirement(str(requirement))
    bare.marker = None
    return str(bare)


def _project_name(line: str) -> str:
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
    return canonicalize_name(found.group(0)) if found else line


class Wheelhouse:
    """Collects the wheels of one target.

    :param scratch: folder for the while, made and emptied here; :param held: folder with wheels that are there already
    :param log: called with each line that pip prints
    """

    def __init__(self, scratch: Path, held: Path, log: Callable[[str], None]) -> None:
        self.round, self.made, self.held, self.log = scratch / "round", scratch / "made", held, log
        self.apart = scratch / "apart"

    def collect(
        self, lines: list[str], target: Target, alone: Sequence[tuple[str, list[str]]] = ()
    ) -> tuple[list[Path], list[dict[str, str]]]:
        """Return (the wheels, [{"requirement", "why", "remedy"}] of what has none) for requirements and all below them.

        :param alone: (requirement, indexes, of which "" is pip's own) of wheels whose own requirements are brought by other means
        :raises WheelhouseError: there is no pip, or the index gives no answer
        """
        wanted = sorted(set(applicable(lines, target)))
        lacking: list[dict[str, str]] = []
        self.made.mkdir(parents=True, exist_ok=True)
        for _round in range(_MAX_ROUNDS):
            said = self._download(wanted, target)
            if said is None:
                files = sorted(self.round.glob("*.whl"))
                more = [line for line in unmet_requirements(files, wanted, target) if line not in wanted]
                if not more:
                    return files + self._collect_alone(alone, target, lacking), lacking
                wanted += more
                continue
            wanted = self._drop_failing(wanted, target, said, lacking)
        raise WheelhouseError(
            f"pip does not find a complete set of wheels for Python {target.python}: {' '.join(wanted)}. Pin some of these versions"
        )

    def _collect_alone(
        self, alone: Sequence[tuple[str, list[str]]], target: Target, lacking: list[dict[str, str]]
    ) -> list[Path]:
        """Return the wheels of requirements without those below them, and add what has none to lacking."""
        shutil.rmtree(self.apart, ignore_errors=True)
        if int(target.libc.split(".")[1]) < _NEW_LIBC:
            # These are what the hosts are to have, whatever libc they need.
            target = target._replace(libc=f"2.{_NEW_LIBC}")
        argv = ["download", "--dest", str(self.apart), "--no-deps", *_wheel_options(target)]
        for line, indexes in alone:
            if all(self._run_pip([*argv, *(["--index-url", index] if index else []), line]) for index in indexes):
                lacking.append({"requirement": line, "why": "there is no wheel for this platform", "remedy": _REMEDY})
        return sorted(self.apart.glob("*.whl"))

    def _drop_failing(self, wanted: list[str], target: Target, said: str, lacking: list[dict[str, str]]) -> list[str]:
        """Return the requirements to go on with after pip failed: what has no wheel is built if it is pure, else left out."""
        culprit = _NO_MATCH.search(said)
        why = "there is no wheel for this platform, and no source that makes a pure one"
        if culprit and self._build_pure_wheel(culprit.group(1), target):
            return wanted
        name = _project_name(culprit.group(1)) if culprit else ""
        out = [line for line in wanted if _project_name(line) == name]
        if not out:
            # Something below one of them: which one, pip does not say.
            out = [line for line in wanted if self._download([line], target) is not None]
            why = (
                f"{culprit.group(1)}, which it needs, has no wheel" if culprit else "pip finds no set of wheels for it"
            )
        if not out:
            out, why = wanted, "each of them has wheels, but all together do not: " + _error_line(said)
        lacking += [{"requirement": line, "why": why, "remedy": _REMEDY} for line in out]
        return [line for line in wanted if line not in out]

    def _download(self, wanted: list[str], target: Target) -> str | None:
        """Have pip bring wheels for all that is wanted into the round's folder; return what it said if it failed."""
        shutil.rmtree(self.round, ignore_errors=True)
        self.round.mkdir(parents=True)
        if not wanted:
            return None
        return self._run_pip(["download", "--dest", str(self.round), *_wheel_options(target), *wanted])

    def _build_pure_wheel(self, requirement: str, target: Target) -> bool:
        """Build the wheel of a source that needs no compiler, for a target; say whether it came out."""
        source = self.round / "source"
        shutil.rmtree(source, ignore_errors=True)
        name = _project_name(requirement)
        if any(_project_name(wheel.name.split("-")[0]) == name for wheel in self.made.glob("*.whl")):
            return False
        fetched = self._run_pip(
            ["download", "--dest", str(source), "--no-deps", "--no-binary", name, *_target_options(target), requirement]
        )
        if fetched is not None:
            return False
        if self._run_pip(["wheel", "--wheel-dir", str(source), "--no-deps", *map(str, source.iterdir())]) is not None:
            return False
        pure = list(source.glob("*-none-any.whl"))
        for wheel in pure:
            os.replace(wheel, self.made / wheel.name)
        return bool(pure)

    def _run_pip(self, argv: list[str]) -> str | None:
        """Run pip; return None, or what it said when it failed.

        :raises WheelhouseError: there is no pip, or it had no answer from its index
        """
        links = [
            option for folder in (self.made, self.held) if folder.is_dir() for option in ("--find-links", str(folder))
        ]
        # Without retries pip hides that an index gave no answer.
        options = ["--disable-pip-version-check", "--no-input", "--retries", "3", *links]
        command = [sys.executable, "-c", _PIP, argv[0], *options, *argv[1:]]
        self.log("$ " + " ".join(command))
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_PIP_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise WheelhouseError(f"pip cannot collect wheels: {error}. Run again: what was downloaded is kept")
        said = done.stdout.decode("utf-8", "replace")
        self.log(said)
        if done.returncode == 0:
            return None
        if "No module named pip" in said:
            raise WheelhouseError(f"{sys.executable} has no pip: run `{sys.executable} -m ensurepip`, then run again")
        if "No space left" in said:
            raise WheelhouseError("pip has no disk space left: free some, and run again: what was downloaded is kept")
        if _NETWORK.search(said):
            raise WheelhouseError(
                f"pip got no answer from its index: {_error_line(said)}. Set http_proxy, https_proxy or PIP_INDEX_URL (for torch and "
                "torch_npu: torch_npu_build_torch_index and torch_npu_build_npu_index), and run again: what was downloaded is kept"
            )
        return said


def _target_options(target: Target) -> list[str]:
    return ["--python-version", target.python, "--implementation", "cp"]


def _wheel_options(target: Target) -> list[str]:
    """Return the options with which pip takes only wheels for a target."""
    chosen = [*_target_options(target), "--only-binary=:all:"]
    for tag in platform_tags(target):
        chosen += ["--platform", tag]
    for abi in abi_tags(target.python):
        chosen += ["--abi", abi]
    return chosen


def _error_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next(
        (line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "it said nothing"
    )
