# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments for tools that need other versions than .venv has."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path


def make(folder: Path, python: str, pins: str, wanted: list[str]) -> int:
    """Make a virtual environment, unless it exists with the same inputs. Return the exit status, and print what failed.

    :param python: the interpreter that makes it
    :param pins: the text of pip's constraints
    :param wanted: what pip is to install, as arguments of its command line
    """
    told = subprocess.run([python, "-c", "import sys; print(sys.version)"], check=True, capture_output=True, text=True)
    inputs = [
        str(folder),
        told.stdout,
        pins,
        wanted,
        *(Path(path).read_text() for path in wanted if path.endswith(".txt")),
    ]
    # Written last: an incomplete environment has no stamp, and is made again.
    stamp = folder / f"stamp-{hashlib.sha256(repr(inputs).encode()).hexdigest()[:16]}"
    if stamp.exists():
        return 0
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    constraints = folder / "constraints.txt"
    constraints.write_text(pins)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--no-compile", "--no-input"]
    for argv in (
        [python, "-m", "venv", str(folder)],
        [*pip, "--disable-pip-version-check", "-c", str(constraints), *wanted],
    ):
        done = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            print(f"{Path(sys.argv[0]).name}: {' '.join(argv)} failed", file=sys.stderr)
            return done.returncode
    stamp.touch()
    return 0
