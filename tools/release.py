# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a release can be made of this checkout: every problem at once, or else what is left for a person to do.

    .venv/bin/python tools/release.py --repository URL

Builds the tarball of the release in .cache/release and installs it in a temporary folder. Changes nothing else, and uses no
network.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tarball
import yaml
from checkout import ROOT, environment

FOLDER = ROOT / ".cache" / "release"
CHANGELOG = "CHANGELOG.rst"


def tag_of(version: str) -> str:
    """Return the name of the git tag of a version."""
    return f"v{version}"


def tree_problems(status: str) -> list[str]:
    """Return what is wrong with the tree, from what `git status --porcelain` printed."""
    changed = [line[3:] for line in status.splitlines()]
    return [f"the tree is not clean: {', '.join(changed)}; commit these files or remove them"] if changed else []


def version_problems(version: str, about: str, releases: Iterable[str]) -> list[str]:
    """Return where another version stands than in galaxy.yml.

    :param about: the text of about.py
    :param releases: the versions in the changelog, the newest last
    """
    found = re.search(r'^VERSION = "(.*)"$', about, re.MULTILINE)
    places = {
        "about.py": found[1] if found else "none",
        "changelogs/changelog.yaml": next(reversed([*releases]), "none"),
    }
    return [
        f"galaxy.yml has version {version}, but {place} has {other}; set both to the version to release"
        for place, other in places.items()
        if other != version
    ]


def changelog_problems(written: str, generated: str, fragments: list[str]) -> list[str]:
    """Return what is wrong with the changelog.

    :param written: the text of CHANGELOG.rst; :param generated: what antsibull-changelog makes of changelog.yaml
    :param fragments: names of files in changelogs/fragments, which are not yet in changelog.yaml
    """
    found = []
    if fragments:
        found.append(f"changelogs/fragments has {', '.join(fragments)}; run `antsibull-changelog release`")
    if written != generated:
        found.append(f"{CHANGELOG} is not what changelogs/changelog.yaml says; run `antsibull-changelog generate`")
    return found


def tag_problems(version: str, tags: Iterable[str]) -> list[str]:
    """Return why a version cannot be tagged, given the tags that exist."""
    tag = tag_of(version)
    return [f"the tag {tag} exists; raise the version, a released one stays as it is"] if tag in tags else []


def left_to_do(version: str, archive: Path) -> list[str]:
    """Return what a person does, in this order, when there is no problem."""
    tag = tag_of(version)
    return [
        "run `make test`, and `make test-real REAL_MIRROR=…` where the build of a product has changed since the last release",
        f"read the entry of {version} in {CHANGELOG} as a user would, and see that its date is that of the release",
        f"git tag --sign {tag} --message {tag} && git push origin {tag}",
        f"ansible-galaxy collection publish {archive}",
        f"make a release page of {tag} on the code host: the entry of the changelog, and the tarball",
        "in galaxy.yml, about.py and the changelog, begin the next version",
    ]


def output(*argv: str, **variables: str) -> str:
    """Return what a command prints in the checkout. Raises OSError with its output if it fails."""
    told = subprocess.run(argv, cwd=ROOT, env=environment(**variables), check=False, capture_output=True, text=True)
    if told.returncode:
        raise OSError(f"{' '.join(argv)} failed: {(told.stdout + told.stderr).strip()}")
    return told.stdout


def generated_changelog() -> str:
    """Return the text that CHANGELOG.rst should have. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        path = Path(folder) / CHANGELOG
        output("antsibull-changelog", "generate", "--output", str(path))
        return path.read_text()


def install(archive: Path) -> None:
    """Install a tarball in a temporary folder, without Galaxy. Raises OSError."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        # Only there: the checkout itself is one that is installed, as far as its ansible.cfg is concerned.
        variables = {"ANSIBLE_COLLECTIONS_PATH": folder}
        output("ansible-galaxy", "collection", "install", "--offline", str(archive), "-p", folder, **variables)
        if not (Path(folder) / "ansible_collections" / "ascend" / "pytorch" / "MANIFEST.json").is_file():
            raise OSError(f"{archive} was not installed as ascend.pytorch")


def problems_of_checkout(version: str) -> list[str]:
    """Return everything that is wrong with the checkout. Raises OSError if this cannot be found out."""
    changes: dict[str, Any] = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text())
    fragments = sorted(path.name for path in (ROOT / "changelogs").glob("fragments/*"))
    return [
        *tree_problems(output("git", "-c", "safe.directory=*", "status", "--porcelain")),
        *version_problems(
            version, (ROOT / "plugins" / "module_utils" / "base" / "about.py").read_text(), changes["releases"]
        ),
        *changelog_problems((ROOT / CHANGELOG).read_text(), generated_changelog(), fragments),
        *tag_problems(version, output("git", "-c", "safe.directory=*", "tag", "--list").split()),
    ]


def main(argv: list[str]) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description="Check that a release can be made of this checkout.")
    parser.add_argument("--repository", metavar="URL", required=True, help="the repository that the tarball names")
    asked = parser.parse_args(argv)
    version = str(yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"])
    FOLDER.mkdir(parents=True, exist_ok=True)
    problems, archive = [], None
    try:
        problems += problems_of_checkout(version)
        archive = tarball.make(FOLDER, asked.repository)
        install(archive)
    except (OSError, ValueError) as error:
        problems.append(str(error))
    for problem in problems:
        print(f"release.py: {problem}", file=sys.stderr)
    if problems or not archive:
        return 1
    print(f"{archive} builds and installs. What is left to do for {version}:")
    for number, step in enumerate(left_to_do(version, archive), 1):
        print(f"{number}. {step}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
