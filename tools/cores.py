# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supported releases of ansible-core, and a virtual environment of each for the tests.

.venv has the tools and the newest release that its Python supports. Every other release gets an environment in .cache/cores,
made with a Python of this machine that it supports: one named python3.N, or one of pyenv. A release for which there is none
is left out, and the summary of the tests says so.
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
    """A release of ansible-core: its line, the version that is tested, the Pythons that it supports.

    `controllers` are the minor versions of Python 3 on which it runs. `oldest_target` is the minor version of the oldest
    Python 3 on hosts that its modules run on. The source is ansible-core's support matrix.
    """

    line: str
    version: str
    controllers: tuple[int, ...]
    oldest_target: int

    @property
    def folder(self) -> Path:
        """Return the path of its virtual environment."""
        return ROOT / ".cache" / "cores" / self.line


# The newest first. tests/contract checks that meta/runtime.yml, the READMEs, docs/install.md and requirements/dev.txt agree.
CORES = [
    Core("2.21", "2.21.5", (12, 13, 14), 9),
    Core("2.20", "2.20.10", (12, 13, 14), 9),
    Core("2.19", "2.19.14", (11, 12, 13), 8),
    Core("2.18", "2.18.19", (11, 12, 13), 8),
    Core("2.17", "2.17.14", (10, 11, 12), 7),
    Core("2.16", "2.16.19", (10, 11, 12), 6),
]
# The releases that scenarios also run on, besides the newest.
OLDER = ["2.19", "2.16"]
# The packages that the tests need besides ansible-core, in the versions of constraints.txt.
TEST_PACKAGES = ["jmespath", "pytest", "pytest-testinfra"]
# Each release requires its own version of these.
UNPINNED = ("resolvelib==",)


def core(line: str) -> Core:
    """Return the release of a line, such as 2.16. Raises KeyError for an unknown one."""
    return {each.line: each for each in CORES}[line]


def running() -> str:
    """Return the line of the ansible-core that this process imports."""
    from ansible.release import __version__

    return ".".join(__version__.split(".")[:2])


def interpreters(minor: int) -> list[Path]:
    """Return the working Pythons 3.`minor` of this machine, the one on PATH first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    named = shutil.which(f"python3.{minor}")
    found = [Path(named)] if named else []
    found += sorted(pyenv.glob(f"3.{minor}.*/bin/python3.{minor}"), reverse=True)
    # The name is not enough: pyenv also has shims for Pythons that are not selected.
    return [path for path in found if _minor(path) == minor]


def _minor(path: Path) -> int | None:
    argv = [str(path), "-c", "import sys; print(sys.version_info[1])"]
    told = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return int(told.stdout) if told.returncode == 0 else None


def interpreter(core: Core) -> Path | None:
    """Return the newest Python of this machine that a release supports and that can make virtual environments, or None.

    The newest, because it is the one that users are likely to have.
    """
    for minor in sorted(core.controllers, reverse=True):
        for path in interpreters(minor):
            argv = [str(path), "-c", "import ensurepip, venv"]
            if subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
                return path
    return None


def prepare(core: Core) -> Stage:
    """Return the stage that makes the environment of a release. It takes a moment if the environment exists."""
    return Stage(f"core {core.line}", [sys.executable, str(ROOT / "tools" / "cores.py"), core.line])


def left_out(core: Core, what: str) -> str:
    """Return the line that says what is not tested on a release, because this machine has no Python that it supports."""
    pythons = ", ".join(f"3.{minor}" for minor in core.controllers)
    return f"{what} on ansible-core {core.line}: no Python {pythons} with venv on this machine"


def variables(core: Core) -> dict[str, str]:
    """Return the environment variables with which the programs of a release are found first."""
    path = os.pathsep.join([str(core.folder / "bin"), str(BIN), os.environ.get("PATH", os.defpath)])
    return {"PATH": path, "CORE_VERSION": core.version}


def make(core: Core) -> int:
    """Make the environment of a release and return the exit status."""
    python = interpreter(core)
    if python is None:
        print(f"cores.py: {left_out(core, 'nothing runs')}", file=sys.stderr)
        return 1
    pins = (ROOT / "requirements" / "constraints.txt").read_text().splitlines()
    kept = "".join(f"{pin}\n" for pin in pins if not pin.startswith(UNPINNED))
    return virtual.make(core.folder, str(python), kept, [f"ansible-core=={core.version}", *TEST_PACKAGES])


if __name__ == "__main__":
    sys.exit(make(core(sys.argv[1])))
