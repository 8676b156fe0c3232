# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-builder makes of the collection's tarball: a context with it, and the requirements that it finds in it.

Only the context is made. To build the image, a base image and a network would be needed.
"""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import yaml
from checkout import ROOT, environment

# The base image is only named.
DEFINITION = """\
version: 3
images:
  base_image:
    name: debian:12
dependencies:
  ansible_core:
    package_pip: ansible-core
  ansible_runner:
    package_pip: ansible-runner
  galaxy:
    collections:
      - name: {name}
        type: file
additional_build_files:
  - src: {path}
    dest: .
"""
_FROM = "# from collection ascend.pytorch"


def requirements(text: str) -> list[str]:
    """Return the lines of a file of requirements that are no comments."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def missing(kind: str, wanted: Iterable[str], found: Iterable[str]) -> list[str]:
    """Return a problem for each requirement that ansible-builder did not find in the collection.

    :param kind: python or system; :param found: what it found, each with a comment that says where
    """
    known = {line.partition("#")[0].strip() for line in found if _FROM in line}
    return [f"ansible-builder does not find the {kind} requirement {each}" for each in wanted if each not in known]


def context_problems(context: Path, name: str) -> list[str]:
    """Return why the context in a folder would not install the tarball with this name."""
    build = context / "_build"
    try:
        steps = (context / "Containerfile").read_text()
        asked = yaml.safe_load((build / "requirements.yml").read_text())
    except OSError as error:
        return [f"the context is not complete: {error}"]
    found = []
    if not any("ansible-galaxy collection install" in line for line in steps.splitlines() if line.startswith("RUN ")):
        found.append("the Containerfile installs no collection")
    if asked != {"collections": [{"name": name, "type": "file"}]} or not (build / name).is_file():
        found.append(f"the context does not install {name}: {asked}")
    return found


def problems(builder: Path, archive: Path, folder: Path) -> list[str]:
    """Return everything that is wrong with an execution environment that has the tarball.

    :param builder: the program ansible-builder; :param folder: in which the context and the installed tarball are put
    """
    context, installed, definition = folder / "context", folder / "installed", folder / "execution-environment.yml"
    for each in (context, installed):
        shutil.rmtree(each, ignore_errors=True)
    definition.write_text(DEFINITION.format(name=archive.name, path=archive))
    try:
        output([str(builder), "create", "--file", str(definition), "--context", str(context)])
        galaxy = ["ansible-galaxy", "collection", "install", "--offline", str(archive), "-p", str(installed)]
        output(galaxy, ANSIBLE_COLLECTIONS_PATH=str(installed))
        told = yaml.safe_load(output([str(builder), "introspect", str(installed)]))
    except OSError as error:
        return [str(error)]
    python = requirements((ROOT / "requirements" / "controller.txt").read_text())
    system = requirements((ROOT / "bindep.txt").read_text())
    return [
        *context_problems(context, archive.name),
        *missing("python", python, told["python"]),
        *missing("system", system, told["system"]),
    ]


def output(argv: list[str], **variables: str) -> str:
    """Return what a command prints. Raises OSError with its output if it fails."""
    told = subprocess.run(argv, cwd=ROOT, env=environment(**variables), check=False, capture_output=True, text=True)
    if told.returncode:
        raise OSError(f"{' '.join(argv)} failed: {(told.stdout + told.stderr).strip()}")
    return told.stdout
