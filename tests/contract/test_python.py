# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code that runs on hosts: Python 3.6, the standard library, and in module_utils nothing of Ansible. Elsewhere Python 3.10."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import BIN, ROOT

UTILS = "ansible_collections.ascend.pytorch.plugins.module_utils"
MODULES = sorted(ROOT.glob("plugins/modules/*.py"))
MODULE_UTILS = sorted(path for path in ROOT.glob("plugins/module_utils/*/*.py") if path.name != "__init__.py")


def imports(path: Path) -> set[str]:
    """The full names of the modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or ".")
    return names


def is_standard(name: str) -> bool:
    """Whether a module is of Python's standard library."""
    return name.split(".")[0] in sys.stdlib_module_names


def test_host_code_is_there():
    assert MODULES
    assert MODULE_UTILS


@pytest.mark.parametrize(
    ("oldest", "kinds"), [("3.6", ("modules", "module_utils")), ("3.10", ("action", "plugin_utils"))]
)
def test_code_is_python_of_the_oldest(oldest, kinds):
    """That of hosts, and that of the controller."""
    argv = [BIN / "vermin", f"--target={oldest}-", "--violations", "--no-tips", "--eval-annotations"]
    folders = [ROOT / "plugins" / kind for kind in kinds]
    told = subprocess.run([*argv, *folders], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("path", MODULE_UTILS, ids=lambda path: path.stem)
def test_module_utils_import_the_standard_library_alone(path):
    assert not {name for name in imports(path) if not is_standard(name) and not name.startswith(UTILS)}


@pytest.mark.parametrize("path", MODULES + MODULE_UTILS, ids=lambda path: path.stem)
def test_no_mode_is_given_to_makedirs(path):
    # Python 3.6 gives it to all folders above, too: make_folder does not.
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "makedirs"]
    given = [call for call in made if len(call.args) > 1 or {word.arg for word in call.keywords} - {"exist_ok"}]
    assert [call.lineno for call in given] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_import_no_more_than_ansible_brings_along(path):
    allowed = (UTILS, "ansible.module_utils.")
    assert not {name for name in imports(path) if not is_standard(name) and not name.startswith(allowed)}


# What a Python lacks that was built without the headers of a library, or that its distribution packs apart.
MAY_LACK = (
    "_bz2 _crypt _ctypes _curses _curses_panel _dbm _gdbm _hashlib _lzma _sqlite3 _ssl _tkinter _uuid distutils ensurepip lib2to3 "
    "nis readline venv zlib"
).split()


def test_host_code_starts_without_what_a_python_may_lack():
    # Whatever imports it, of ours or of the standard library: it is loaded where it is used, see extensions.load.
    names = [f"{UTILS}.{path.parent.name}.{path.stem}" for path in MODULE_UTILS]
    program = f"""
import importlib, sys, traceback
sys.path.insert(0, {str(ROOT / "collections")!r})
sys.modules.update(dict.fromkeys({MAY_LACK!r}))
for name in {names!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        print(name, traceback.format_exc())
"""
    told = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, ""), told.stdout + told.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_import_nothing_that_a_python_may_lack(path):
    lacking = {name.lstrip("_") for name in MAY_LACK} | {"dbm", "gzip"}
    assert not {name for name in imports(path) if name.split(".")[0] in lacking}
