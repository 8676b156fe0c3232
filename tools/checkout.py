# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the checkout is, what belongs to it, and the environment in which its tools run. Standard library alone."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
# The same folder, under the path by which Ansible knows a collection.
AS_COLLECTION = ROOT / "collections" / "ansible_collections" / "ascend" / "pytorch"


def files(root: Path = ROOT) -> list[str]:
    """The paths, from `root`, of the files that git tracks or would track; links are left out.

    Raises OSError, with what to do, where `root` is not a git checkout.
    """
    # A checkout that belongs to another user than root, as in some CI containers, is no danger here: git only lists.
    argv = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=root, check=False, capture_output=True, text=True)
    if listed.returncode:
        raise OSError(f"{root} is not a git checkout, whose files could be listed: {listed.stderr.strip()}")
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]


def environment(**extra: str) -> dict[str, str]:
    """This process's environment with our tools first on PATH, our ansible.cfg, plain output, and `extra`.

    Ansible ignores the ansible.cfg of a world-writable folder unless it is named. What is imported is kept compiled, even where
    this environment says otherwise: each ansible-playbook would compile Ansible anew.
    """
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    ours = {"PATH": path, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **ours, "PYTHONDONTWRITEBYTECODE": "", **extra}
