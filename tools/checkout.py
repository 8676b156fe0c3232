# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of the checkout, the files that belong to it, and the environment in which its tools run. Standard library only."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
# The same folder, under the path by which Ansible knows a collection.
AS_COLLECTION = ROOT / "collections" / "ansible_collections" / "ascend" / "pytorch"


def files(root: Path = ROOT) -> list[str]:
    """Return the paths, relative to `root`, of the files that git tracks or would track, without links.

    Raises OSError if `root` is not a git checkout.
    """
    # A checkout of another user, as in some CI containers, is no danger here: git only lists files.
    argv = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=root, check=False, capture_output=True, text=True)
    if listed.returncode:
        raise OSError(f"{root} is not a git checkout, so its files cannot be listed: {listed.stderr.strip()}")
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]


def environment(**extra: str) -> dict[str, str]:
    """Return this process's environment with the checkout's tools first on PATH, its ansible.cfg, plain output, and `extra`.

    ansible.cfg is named because Ansible otherwise ignores it in a world-writable folder. Compiled modules are always written:
    otherwise each ansible-playbook would compile Ansible again.
    """
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)])
    ours = {"PATH": path, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **ours, "PYTHONDONTWRITEBYTECODE": "", **extra}
