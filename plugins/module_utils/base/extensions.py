# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the standard library that a Python lacks which was built without the headers of a library.

They are loaded where they are used: who lacks one goes without what needs it, and is told of it there.
"""

import importlib
import sys
from typing import Any, Dict, Iterable, List

# Module -> the package with the headers, of Debian and of RedHat.
HEADERS = {
    "ssl": ("libssl-dev", "openssl-devel"),
    "zlib": ("zlib1g-dev", "zlib-devel"),
    "bz2": ("libbz2-dev", "bzip2-devel"),
    "lzma": ("liblzma-dev", "xz-devel"),
    "ctypes": ("libffi-dev", "libffi-devel"),
}
# The part of each that is compiled: what is not Python in it, and takes a tenth of the time to load.
COMPILED = {"ssl": "_ssl", "zlib": "zlib", "bz2": "_bz2", "lzma": "_lzma", "ctypes": "_ctypes"}
# Whose lack is seen in another's.
_NEEDED_BY = {"gzip": "zlib"}


class ModuleMissing(Exception):
    """This Python has not got a module; the message says which Python, and what to do."""


def load(name: str) -> Any:
    """Return a module of the standard library.

    :raises ModuleMissing: this Python has not got it
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        lacking = _NEEDED_BY.get(name, name)
        raise ModuleMissing(
            "the Python that Ansible uses on this host, {0}, has no {1} ({2}). Install {3} and build that Python again, or set "
            "ansible_python_interpreter to another".format(
                sys.executable, lacking, error, " or ".join(HEADERS.get(lacking, ("what it needs",)))
            )
        ) from error


def missing_modules() -> Dict[str, str]:
    """Return module -> why it cannot be imported, of those that the Python which runs this lacks."""
    found = {}
    for name, compiled in COMPILED.items():
        try:
            importlib.import_module(compiled)
        except ImportError as error:
            found[name] = str(error)
    return found


def header_packages(names: Iterable[str], family: str) -> List[str]:
    """Return the packages with the headers that modules need, in a family (Debian, else RedHat)."""
    return [HEADERS[name][0 if family == "Debian" else 1] for name in names if name in HEADERS]
