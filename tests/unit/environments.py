# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments with pip, made in a moment."""

import subprocess

# ensurepip has pip install itself and compile all of it, which takes seconds. Where a distribution keeps the wheel
# elsewhere than Python does, that is what is left.
UNPACK = """
import ensurepip, glob, os, runpy, sys, zipfile
found = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled", "pip-*.whl"))
if found:
    zipfile.ZipFile(found[0]).extractall([path for path in sys.path if path.endswith("site-packages")][0])
else:
    runpy.run_module("ensurepip", run_name="__main__")
"""


def make(python, folder):
    """Have a Python make a virtual environment with the pip that it brings. Raises CalledProcessError where it cannot."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    subprocess.run([folder / "bin" / "python", "-I", "-c", UNPACK], check=True)
