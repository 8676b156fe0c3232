# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every test of `ansible-test sanity` on the collection as it is in the checkout. A skipped test is a failure.

    .venv/bin/python tools/run_sanity.py [CORE]

CORE is the line of an older ansible-core, such as 2.16, whose ansible-test is run; by default it is that of .venv. On older
ones, only the files that users get are tested; tests and tools run only on that of .venv.

ansible-test needs a real folder at …/ansible_collections/ascend/pytorch, so the files are copied to .cache/sanity/<core>.
It keeps its virtual environments and caches in $HOME/.ansible, so HOME is set to a folder in .cache/sanity/<core>.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import cores
from checkout import BIN, ROOT, environment, files

# ansible-test downloads its get-pip from an address that many networks do not reach. This replaces it: the pip of .venv
# installs the pip that ansible-test asks for, from PyPI or the index that pip is configured to use.
GET_PIP = """\
import subprocess, sys
packages = [a for a in sys.argv[1:] if a not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([{pip!r}, "--python", sys.executable, "install", "--quiet", *packages]))
"""
USER_FILES = (
    "plugins/",
    "playbooks/",
    "roles/",
    "meta/",
    "changelogs/",
    "requirements",
    "galaxy.yml",
    "README.md",
    "LICENSE",
    # It says which Pythons ansible-test is to consider.
    "tests/config.yml",
)
# ansible-test's warnings about what it leaves out, in addition to the reasons in its JUnit files. For example, no shellcheck.
LEFT_OUT = re.compile(r"WARNING: (Skipping |Required program )")
# Where ansible-test says which pip it needs. It looks for a get-pip that is named after this version.
_WANTED_PIP = re.compile(r"\bpip='([\d.]+)'")


def get_pip_names(root: Path) -> list[str]:
    """Return the names of the get-pips that the ansible-test in a virtual environment looks for."""
    sources = root.glob("lib/python3.*/site-packages/ansible_test/_internal/python_requirements.py")
    versions = {version for source in sources for version in _WANTED_PIP.findall(source.read_text())}
    return [f"get_pip_{version.replace('.', '_')}.py" for version in sorted(versions)]


def user_files(names: list[str]) -> list[str]:
    """Return the files that run where the collection is installed, and those that ansible-test requires of a collection."""
    return [name for name in names if name.startswith(USER_FILES)]


def prepare(copy: Path, home: Path, root: Path, names: list[str]) -> None:
    """Make the copy and the home again, keeping the home's caches, for the ansible-test in a virtual environment."""
    shutil.rmtree(copy, ignore_errors=True)
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    # ansible-test asks the nearest git repository for its files, and the checkout's repository ignores all of .cache.
    subprocess.run(["git", "init", "--quiet", str(copy)], check=True)
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in get_pip_names(root):
        (cache / name).write_text(GET_PIP.format(pip=str(BIN / "pip")))
    # pip's configuration, which may name a mirror, is the user's
    settings = home / ".config" / "pip"
    settings.parent.mkdir(exist_ok=True)
    settings.unlink(missing_ok=True)
    settings.symlink_to(Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "pip")


class Outcome(NamedTuple):
    """The result of ansible-test: the names of tests. Those that were skipped because something is missing have the reason too."""

    passed: list[str]
    failed: list[str]
    skipped: list[str]


def outcome(folder: Path) -> Outcome:
    """Read ansible-test's JUnit files in `folder`.

    A test to which no file applies (PowerShell's, say) is neither passed nor skipped.
    """
    result = Outcome([], [], [])
    for report in sorted(folder.glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            name, skip = case.get("name", report.stem), case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                result.failed.append(name)
            elif skip is None:
                result.passed.append(name)
            elif (reason := skip.text or skip.get("message") or "") != "No tests applicable.":
                result.skipped.append(f"{name}: {reason}")
    return result


def main(line: str) -> int:
    """Run the tests of a core, print a closing line `sanity: N passed, N failed`, and return the exit status."""
    core = cores.core(line)
    folder = ROOT / ".cache" / "sanity" / line
    copy, home = folder / "ansible_collections" / "ascend" / "pytorch", folder / "home"
    ours = line == cores.running()
    prepare(copy, home, BIN.parent if ours else core.folder, files() if ours else user_files(files()))
    env = environment(HOME=str(home), **({} if ours else cores.variables(core)))
    python = subprocess.run(["python", "-V"], env=env, check=True, capture_output=True, text=True).stdout
    minor = ".".join(python.split()[1].split(".")[:2])
    argv = ["ansible-test", "sanity", "--color", "no", "--junit", "--python", minor]
    left_out = []
    with subprocess.Popen(
        argv, cwd=copy, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if LEFT_OUT.match(line):
                left_out.append(line.strip())
    passed, failed, skipped = outcome(copy / "tests" / "output" / "junit")
    not_tested = skipped + [line for line in left_out if not any(reason in line for reason in skipped)]
    for reason in not_tested:
        print(f"sanity: not completely tested, which counts as a failure: {reason}")
    bad = max(len(failed) + len(not_tested), 1 if process.returncode or not passed else 0)
    print(f"sanity: {len(passed)} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if sys.argv[1:] else cores.running()))
