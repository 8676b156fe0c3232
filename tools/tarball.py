# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection's tarball with `ansible-galaxy collection build`, from the files that git tracks or would track.

    .venv/bin/python tools/tarball.py [--repository URL] [--output-path FOLDER]

Galaxy requires the URL of the repository. galaxy.yml has a placeholder for it, which URL replaces in a copy of the checkout.
Prints the path of the tarball.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checkout import ROOT, environment, files

_REPOSITORY = re.compile(r"^repository: .*$", re.MULTILINE)
_FORBIDDEN = re.compile(r"[\s\"'\\]")


def with_repository(galaxy: str, url: str) -> str:
    """Return the text of galaxy.yml with `url` as its repository. Raises ValueError if this is not possible."""
    if not url.startswith(("https://", "http://")) or _FORBIDDEN.search(url):
        raise ValueError(f"the repository must be an http(s) URL, but is {url!r}")
    text, count = _REPOSITORY.subn(lambda _match: f'repository: "{url}"', galaxy)
    if count != 1:
        raise ValueError(f"galaxy.yml must have one line `repository:`, but has {count}")
    return text


def copy(folder: Path, root: Path = ROOT) -> None:
    """Copy the files that git tracks or would track into `folder`."""
    for name in files(root):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, folder / name)


def build(source: Path, output: Path) -> Path:
    """Run `ansible-galaxy collection build` on a folder and return the path of the tarball.

    Raises OSError with its output if it fails.
    """
    with tempfile.TemporaryDirectory(dir=output) as made:
        argv = ["ansible-galaxy", "collection", "build", "--output-path", made, str(source)]
        told = subprocess.run(argv, env=environment(), check=False, capture_output=True, text=True)
        if told.returncode:
            raise OSError(f"{' '.join(argv)} failed: {(told.stdout + told.stderr).strip()}")
        (tarball,) = Path(made).glob("*.tar.gz")
        return tarball.replace(output / tarball.name)


def make(output: Path, repository: str | None = None, root: Path = ROOT) -> Path:
    """Build the tarball of a checkout in a folder and return its path. Raises OSError or ValueError."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as folder:
        copy(Path(folder), root)
        if repository is not None:
            galaxy = Path(folder) / "galaxy.yml"
            galaxy.write_text(with_repository(galaxy.read_text(), repository))
        return build(Path(folder), output)


def main(argv: list[str]) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description="Build the collection's tarball.")
    parser.add_argument(
        "--repository", metavar="URL", help="the repository that the tarball names; default: a placeholder"
    )
    parser.add_argument("--output-path", metavar="FOLDER", type=Path, default=ROOT / ".cache")
    asked = parser.parse_args(argv)
    try:
        print(make(asked.output_path.resolve(), asked.repository))
    except (OSError, ValueError) as error:
        print(f"tarball.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
