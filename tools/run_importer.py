# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run galaxy-importer on the collection's tarball, as Galaxy and automation hubs do before they accept a collection.

Then ansible-builder, which galaxy-importer requires, makes the context of an execution environment with the same tarball.
Both run in an environment of their own, .cache/importer, with the versions of requirements/importer.txt. They use no network
and no container; ansible-test is run by tools/run_sanity.py. An error of galaxy-importer is a failure, a warning is only shown.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import execution_environment
import tarball
import virtual
from checkout import ROOT, environment

CACHE = ROOT / ".cache" / "importer"
VENV = CACHE / "venv"
REQUIREMENTS = ROOT / "requirements" / "importer.txt"
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"

SETTINGS = """\
[galaxy-importer]
ansible_local_tmp = {cache}/tmp
ansible_test_local_image = False
check_changelog = True
check_required_tags = True
offline_ansible_lint = True
run_ansible_doc = True
run_ansible_lint = True
run_ansible_test = False
run_flake8 = False
tmp_root_dir = {cache}/tmp
"""
DONE = "Importer processing completed successfully"
_NAME = re.compile(r"[\w.-]+(?=[=;<>])")
_LEVEL = re.compile(r"(?:WARNING|ERROR|CRITICAL): ")
# Failures of ansible-lint itself are reported like its findings, as warnings.
_BROKEN = re.compile(r"internal-error|ansible-lint not found|flake8 not found")


def constraints(pins: str, wanted: str) -> str:
    """Return the pins of constraints.txt for packages that importer.txt does not pin itself."""
    own = {found[0].lower() for line in wanted.splitlines() if (found := _NAME.match(line))}
    return "".join(f"{pin}\n" for pin in pins.splitlines() if not (m := _NAME.match(pin)) or m[0].lower() not in own)


def outcome(lines: Iterable[str], status: int) -> tuple[list[str], list[str]]:
    """Return (warnings, errors) of a run of galaxy-importer, from what it printed and its exit status.

    A run that does not say that it has finished, and a check that was left out, are errors too.
    """
    told = [line for line in lines if _LEVEL.match(line)]
    errors = [line for line in told if not line.startswith("WARNING: ") or _BROKEN.search(line)]
    if not errors and (status or DONE not in lines):
        errors.append(f"ERROR: galaxy-importer did not complete successfully: exit status {status}")
    return [line for line in told if line not in errors], errors


def prepare() -> int:
    """Make the environment, unless it exists, and return the exit status."""
    pins = constraints(CONSTRAINTS.read_text(), REQUIREMENTS.read_text())
    return virtual.make(VENV, sys.executable, pins, ["-r", str(REQUIREMENTS)])


def run(archive: Path) -> tuple[list[str], int]:
    """Run galaxy-importer on a tarball and show its output. Return the lines and the exit status."""
    shutil.rmtree(CACHE / "tmp", ignore_errors=True)
    (CACHE / "tmp").mkdir()
    settings = CACHE / "galaxy-importer.cfg"
    settings.write_text(SETTINGS.format(cache=CACHE))
    env = environment(GALAXY_IMPORTER_CONFIG=str(settings))
    env["PATH"] = os.pathsep.join([str(VENV / "bin"), env["PATH"]])
    # Only the content of the tarball is checked, not the checkout around it.
    del env["ANSIBLE_CONFIG"]
    argv = [str(VENV / "bin" / "python"), "-m", "galaxy_importer.main", str(archive)]
    lines = []
    # It writes its result into the current folder.
    with subprocess.Popen(
        argv, cwd=CACHE, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    return lines, process.returncode


def main() -> int:
    """Check the tarball, print a closing line `importer: N passed, N failed`, and return the exit status."""
    if prepare():
        print("importer: 0 passed, 1 failed")
        return 1
    try:
        archive = tarball.make(CACHE)
    except (OSError, ValueError) as error:
        print(f"ERROR: {error}\nimporter: 0 passed, 1 failed")
        return 1
    warnings, errors = outcome(*run(archive))
    problems = execution_environment.problems(VENV / "bin" / "ansible-builder", archive, CACHE / "tmp")
    for line in [*warnings, *errors, *(f"ERROR: {problem}" for problem in problems)]:
        print(line)
    failed = len(errors) + len(problems)
    print(f"importer: {[errors, problems].count([])} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
