# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For scenarios with real stock torches, or the real sources of torch_npu: the releases, the wheels, and the variables."""

import functools
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import rig
import yaml

sys.path.insert(0, str(rig.PROJECT / "tests" / "mirror"))
import cpu_torch  # noqa: E402 - needs the path above

# Bare clones, <owner>/<name>.git, of what CONTRIBUTING.md names as the real sources.
CLONES = os.environ.get("REAL_MIRROR", "")
# The stock torches are kept, as they take minutes to bring.
WHEELS = rig.PROJECT / ".cache" / "real"
VENV = "/opt/torch"
TABLE = json.loads((rig.PROJECT / "roles/road/files/torch_npu.json").read_text())


class Release(NamedTuple):
    """A release of torch_npu on a host of the scenario."""

    host: str
    tag: str
    python: str
    # What of the tree is compiled: units of CMake's compilation database.
    units: int

    @property
    def row(self):
        """Its row in the collection's table."""
        return next(row for row in TABLE["releases"] if row["tag"] == self.tag)


OLD = Release("old", "v3.0.0-pytorch1.8.1", "3.9", 490)
NEW = Release("new", "v7.2.0-pytorch2.1.0", "3.11", 1203)


def is_for_cuda(path):
    """Whether a wheel of torch is a build for CUDA, by what it requires, or by its version."""
    with zipfile.ZipFile(path) as wheel:
        metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))).decode()
        version = wheel.read("torch/version.py").decode()
    return "Requires-Dist: nvidia-" in metadata or "+cu" in version


def find_torch(version, python):
    """The wheel of torch that pip finds for a Python on x86_64; None, and pip's words, where it finds none."""
    folder = WHEELS / f"{version}-{python}"
    platforms = ("manylinux_2_28", "manylinux2014", "manylinux1", "linux")
    wanted = [f"--python-version={python}", *(f"--platform={platform}_x86_64" for platform in platforms)]
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-d", str(folder), *wanted]
    # pip knows by the digest whether it has it already.
    done = subprocess.run([*argv, f"torch=={version}"], capture_output=True, text=True, check=False)
    return next(folder.glob("*.whl"), None) if done.returncode == 0 else None, done.stderr


@functools.cache
def stock_torch(version, python):
    """The wheel of a stock torch for CPUs; where pip only finds the one for CUDA, what cpu_torch.py makes of it."""
    path, said = find_torch(version, python)
    assert path, f"pip finds no torch {version}: {said[-600:]}"
    if is_for_cuda(path):
        print(
            f"{path.name} is a build for CUDA; its CMake package, its requirements and its version are made those for CPUs"
        )
        path = cpu_torch.convert(path, WHEELS / "cpu")
    return path


def stock_variables(path):
    """The variables by which a wheel in a folder of the controller is the stock torch."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"torch_npu_build_stock_wheels": [{"file": path.name, "url": f"https://none/{path.name}", "sha256": digest}]}


def inventory(path, releases, mirrors):
    """Write the inventory with which the hosts get their releases from mirrors; return the option that names it."""
    hosts = {
        release.host: {
            "ascend_torch_version": release.tag,
            **stock_variables(stock_torch(release.row["torch"], release.python)),
        }
        for release in releases
    }
    common = {
        "ascend_mirrors": [*mirrors, str(WHEELS / "cpu")],
        "ascend_venv": VENV,
        "ascend_require_npu": False,
        "ascend_report_dir": str(path.parent),
        # The sources are in the mirror, and the tools of Debian are new enough.
        "cann_check_needs": [],
    }
    path.write_text(yaml.safe_dump({"ascend": {"hosts": hosts, "vars": common}}))
    return ["-i", str(path)]


def run(playbook, log, *options):
    """Begin a playbook; return its rig.Run."""
    # What it is given is in the inventory: extra variables would come before it.
    argv = ["ansible-playbook", str(rig.PROJECT / playbook), "-i", rig.INVENTORY, *options]
    return rig.Run(argv, rig.environment(), Path(log))


def ask(host, script):
    """What a script of bash prints on a host."""
    return rig.shell.run(rig.inside(host, "bash", "-euc", script))


# The tree of the release that is built.
TREE = "cd /var/lib/ascend-pytorch/builds/torch_npu-*/src/pytorch"
