# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of ansible-core that are supported, and a virtual environment of each for the tests.

.venv has the newest that its Python takes, and the tools. Every other release gets an environment in .cache/cores, made
with a Python of this machine that it takes: one named python3.N, or one of pyenv. A release for which there is none is
left out, and the summary of the tests says so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import virtual
from checkout import BIN, ROOT
from stages import Stage


class Core(NamedTuple):
    """A release of ansible-core: its line, the version that is tested, the Pythons that it takes.

    `controllers` are the minor versions of Python 3 on which it runs, `oldest_target` is that of the oldest Python 3 of
    hosts that its modules run on (ansible-core's support matrix).
    """

    line: str
    version: str
    controllers: tuple[int, ...]
    oldest_target: int

    @property
    def folder(self) -> Path:
        """Where its virtual environment is."""
        return ROOT / ".cache" / "cores" / self.line


# The newest first. meta/runtime.yml, the READMEs and requirements/dev.txt say the same; tests/contract holds them to it.
CORES = [
    Core("2.21", "2.21.5", (12, 13, 14), 9),
    Core("2.20", "2.20.10", (12, 13, 14), 9),
    Core("2.19", "2.19.14", (11, 12, 13), 8),
    Core("2.18", "2.18.19", (11, 12, 13), 8),
    Core("2.17", "2.17.14", (10, 11, 12), 7),
    Core("2.16", "2.16.19", (10, 11, 12), 6),
]
# Those that scenarios run on besides the newest.
OLDER = ["2.19", "2.16"]
# What the tests need beside ansible-core, in the versions of constraints.txt.
TEST_PACKAGES = ["jmespath", "pytest", "pytest-testinfra"]
# Of these each release demands a version of its own.
UNPINNED = ("resolvelib==",)


def core(line: str) -> Core:
    """The release of a line, such as 2.16. Raises KeyError."""
    return {each.line: each for each in CORES}[line]


def running() -> str:
    """The line of the ansible-core that this process imports."""
    from ansible.release import __version__

    return ".".join(__version__.split(".")[:2])


def interpreters(minor: int) -> list[Path]:
    """The Pythons 3.`minor` of this machine that run, those on PATH first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    named = shutil.which(f"python3.{minor}")
    found = [Path(named)] if named else []
    found += sorted(pyenv.glob(f"3.{minor}.*/bin/python3.{minor}"), reverse=True)
    # A name proves nothing: pyenv's shims stand for Pythons that are not chosen, too.
    return [path for path in found if _minor(path) == minor]


def _minor(path: Path) -> int | None:
    argv = [str(path), "-c", "import sys; print(sys.version_info[1])"]
    told = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return int(told.stdout) if told.returncode == 0 else None


def interpreter(core: Core) -> Path | None:
    """A Python of this machine that a release takes and that can make virtual environments, None where there is none.

    The newest that is there: it is the one that users get.
    """
    for minor in sorted(core.controllers, reverse=True):
        for path in interpreters(minor):
            argv = [str(path), "-c", "import ensurepip, venv"]
            if subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
                return path
    return None


def prepare(core: Core) -> Stage:
    """Make the environment of a release; a moment where it is there."""
    return Stage(f"core {core.line}", [sys.executable, str(ROOT / "tools" / "cores.py"), core.line])


def left_out(core: Core, what: str) -> str:
    """Return the line for what is not tested on a release, since no Python of this machine takes it."""
    pythons = ", ".join(f"3.{minor}" for minor in core.controllers)
    return f"{what} on ansible-core {core.line}: no Python {pythons} with venv on this machine"


def variables(core: Core) -> dict[str, str]:
    """What makes the programs of a release those that are found first."""
    path = os.pathsep.join([str(core.folder / "bin"), str(BIN), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "CORE_VERSION": core.version}


def make(core: Core) -> int:
    """Make the environment of a release; returns the exit status."""
    python = interpreter(core)
    if python is None:
        print(f"cores.py: {left_out(core, 'nothing runs')}", file=sys.stderr)
        return 1
    pins = (ROOT / "requirements" / "constraints.txt").read_text().splitlines()
    kept = "".join(f"{pin}\n" for pin in pins if not pin.startswith(UNPINNED))
    return virtual.make(core.folder, str(python), kept, [f"ansible-core=={core.version}", *TEST_PACKAGES])


if __name__ == "__main__":
    sys.exit(make(core(sys.argv[1])))
