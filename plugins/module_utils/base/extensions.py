# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the standard library that are missing in a Python that was built without the headers of a library.

They are imported only where they are used: a Python without one of them fails only there.
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
# The compiled module of each, which takes a tenth of the time to import.
COMPILED = {"ssl": "_ssl", "zlib": "zlib", "bz2": "_bz2", "lzma": "_lzma", "ctypes": "_ctypes"}
# A module that cannot be imported because another one is missing -> that one.
_NEEDED_BY = {"gzip": "zlib"}


class ModuleMissing(Exception):
    """A module is missing in this Python; the message says which Python, and what to do."""


def load(name: str) -> Any:
    """Import and return a module of the standard library.

    :raises ModuleMissing: it is missing in this Python
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = _NEEDED_BY.get(name, name)
        raise ModuleMissing(
            "the Python that Ansible uses on this host, {0}, has no {1} ({2}). Install {3} and build that Python again, or set "
            "ansible_python_interpreter to another".format(
                sys.executable, missing, error, " or ".join(HEADERS.get(missing, ("what it needs",)))
            )
        ) from error


def missing_modules() -> Dict[str, str]:
    """Return module -> why it cannot be imported, of those that are missing in the Python that runs this."""
    found = {}
    for name, compiled in COMPILED.items():
        try:
            importlib.import_module(compiled)
        except ImportError as error:
            found[name] = str(error)
    return found


def header_packages(names: Iterable[str], family: str) -> List[str]:
    """Return the packages with the headers that modules need, for a family (Debian, otherwise RedHat)."""
    return [HEADERS[name][0 if family == "Debian" else 1] for name in names if name in HEADERS]
