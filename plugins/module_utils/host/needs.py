# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build needs to find on its host: how to see that it is there, and the package that brings it, by family.

A row is a name -> {"commands": all of these, or "headers": any of these globs; "Debian": packages, "RedHat": packages}.
The families are those that Ansible's facts tell; openEuler, EulerOS, Kylin, BCLinux and CentOS count to RedHat.
"""

import glob

_INCLUDE = ("/usr/include/", "/usr/include/*-linux-gnu/", "/usr/local/include/")


def _headers(*names):
    # type: (*str) -> List[str]
    return [folder + name for name in names for folder in _INCLUDE]


NEEDS = {
    "make": {"commands": ["make"], "Debian": ["make"], "RedHat": ["make"]},
    "gcc": {"commands": ["gcc"], "Debian": ["gcc"], "RedHat": ["gcc"]},
    "g++": {"commands": ["g++"], "Debian": ["g++"], "RedHat": ["gcc-c++"]},
    "git": {"commands": ["git"], "Debian": ["git"], "RedHat": ["git"]},
    "patch": {"commands": ["patch"], "Debian": ["patch"], "RedHat": ["patch"]},
    "dos2unix": {"commands": ["dos2unix"], "Debian": ["dos2unix"], "RedHat": ["dos2unix"]},
    # By which one plain account lets another into what it was sent.
    "acl": {"commands": ["setfacl"], "Debian": ["acl"], "RedHat": ["acl"]},
    "bzip2": {"commands": ["bzip2"], "Debian": ["bzip2"], "RedHat": ["bzip2"]},
    # gmp's configure refuses to go on without it.
    "m4": {"commands": ["m4"], "Debian": ["m4"], "RedHat": ["m4"]},
    "zlib": {"headers": _headers("zlib.h"), "Debian": ["zlib1g-dev"], "RedHat": ["zlib-devel"]},
    "openssl": {"headers": _headers("openssl/ssl.h"), "Debian": ["libssl-dev"], "RedHat": ["openssl-devel"]},
    "openblas": {
        "headers": _headers("cblas.h", "openblas/cblas.h", "openblas-*/cblas.h", "*/cblas.h"),
        "Debian": ["libopenblas-dev"],
        "RedHat": ["openblas-devel"],
    },
}  # type: Dict[str, Dict[str, List[str]]]


def missing(names, which, matches=glob.glob):
    # type: (List[str], Callable[[str], Optional[str]], Callable[[str], List[str]]) -> List[str]
    """Return those of the named needs that the host lacks.

    :param which: command name -> its path or None
    :param matches: glob pattern -> paths that match it
    """
    lacking = []
    for name in names:
        row = NEEDS[name]
        if not all(which(command) for command in row.get("commands", [])):
            lacking.append(name)
        elif "headers" in row and not any(matches(pattern) for pattern in row["headers"]):
            lacking.append(name)
    return lacking


def packages_for(names, family):
    # type: (List[str], str) -> List[str]
    """Return the packages that bring the named needs in a family (Debian or RedHat), none for another family."""
    found = []  # type: List[Any]
    for name in names:
        found += [package for package in NEEDS[name].get(family, []) if package not in found]
    return found
