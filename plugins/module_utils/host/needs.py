# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build needs on its host: how to find it, and the packages that provide it, by family.

A row is a name -> {"commands": all of these, or "headers": any of these globs; "Debian": packages, "RedHat": packages}.
The families are those of Ansible's facts; openEuler, EulerOS, Kylin, BCLinux and CentOS are of RedHat's.
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
    # With it, one unprivileged account lets another read the files that Ansible sends.
    "acl": {"commands": ["setfacl"], "Debian": ["acl"], "RedHat": ["acl"]},
    "bzip2": {"commands": ["bzip2"], "Debian": ["bzip2"], "RedHat": ["bzip2"]},
    # Without these two, torch_npu's wheel keeps its debug symbols, and needs the libgomp of the host that built it.
    "eu-strip": {"commands": ["eu-strip"], "Debian": ["elfutils"], "RedHat": ["elfutils"]},
    "patchelf": {"commands": ["patchelf"], "Debian": ["patchelf"], "RedHat": ["patchelf"]},
    # gmp's configure fails without it.
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
    """Return those of the named needs that are missing on the host.

    :param which: command name -> its path or None
    :param matches: glob pattern -> paths that match it
    """
    found = []
    for name in names:
        row = NEEDS[name]
        if not all(which(command) for command in row.get("commands", [])):
            found.append(name)
        elif "headers" in row and not any(matches(pattern) for pattern in row["headers"]):
            found.append(name)
    return found


def packages_for(names, family):
    # type: (List[str], str) -> List[str]
    """Return the packages that provide the named needs in a family (Debian or RedHat), [] for another family."""
    found = []  # type: List[Any]
    for name in names:
        found += [package for package in NEEDS[name].get(family, []) if package not in found]
    return found
