# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build's log means: the failures that are known, by name, with cause and remedy.

The tables are read from the top and the first row that fits is the answer, so what brings other errors about (a full
disk, a killed compiler) stands above them, and what only may be the reason stands last.
"""

import re
from typing import Dict, List, Optional

# An error that ends a build stands near the end of its log; with many jobs at once, some thousand lines before it.
LAST_LINES = 2000
_LONGEST_LINE = 2000

# (expression, name, cause, remedy); {0} in a cause or remedy is the expression's first group.
_KNOWN = tuple(
    (re.compile(expression, re.IGNORECASE), name, cause, remedy)
    for expression, name, cause, remedy in (
        (
            r"[Nn]o space left on|Disk quota exceeded|\[Errno 28\]",
            "disk full",
            "A disk, a quota or /tmp is full.",
            "Free space (`df -h`, `df -i`), or set ascend_work_dir to a folder on a larger disk. Other people's files in /tmp "
            "are not yours to delete.",
        ),
        (
            r"(?:Killed signal terminated program|Killed \(program) (\w+)|internal compiler error: Killed",
            "compiler killed",
            "The kernel ended the compiler because the memory was used up.",
            "Set ascend_jobs lower (each job of torch wants about 2 GiB), or add memory or swap; `dmesg` names what was "
            "killed.",
        ),
        (
            r"virtual memory exhausted|out of memory allocating|cc1plus: out of memory|std::bad_alloc|\bMemoryError\b"
            r"|Cannot allocate memory(?! in static TLS)|\] Killed\s*$|Out of memory: Kill",
            "out of memory",
            "The memory was used up.",
            "Set ascend_jobs lower (each job of torch wants about 2 GiB), or add memory or swap.",
        ),
        (
            r"(?<!\S)(\S+\.so[\w.]*): cannot allocate memory in static TLS block",
            "static TLS block",
            "On aarch64, {0} must be loaded before other libraries use up the space for thread variables.",
            "Set LD_PRELOAD to the path of that library for this program, or import torch before other packages.",
        ),
        (
            r"\^M: bad interpreter|\$'\S*\\r': command not found|\benv: .*\\r.*: No such file|\r: not found"
            r"|cannot execute: required file not found",
            "CRLF script",
            "A script has the line ends of Windows (CRLF).",
            "Get the sources by git with core.autocrlf=false, or from the pinned archive, and not by way of Windows. "
            "`dos2unix` mends a single file.",
        ),
        (
            r"dos2unix: (?:command )?not found|dos2unix: No such file",
            "dos2unix missing",
            "torch's build script calls dos2unix, which is not installed.",
            "Install the package dos2unix, or set ascend_install_packages to true.",
        ),
        (
            r"certificate verify failed|certificate verification failed|SSL certificate problem|SEC_ERROR_UNKNOWN_ISSUER"
            r"|certificate of '?\S+ is not trusted|CERTIFICATE_VERIFY_FAILED",
            "certificate not trusted",
            "The server's TLS certificate was refused: unknown authority, or a wrong clock.",
            "Install your organisation's CA certificate (package ca-certificates), set the clock, or name a mirror that is "
            "trusted in ascend_mirrors. Verification is not turned off.",
        ),
        (
            r"Could not resolve (?:host|proxy)|unable to resolve host|Temporary failure in name resolution"
            r"|Name or service not known|NameResolutionError|nodename nor servname",
            "host not found",
            "A host name could not be resolved: no DNS, or no way out of this network.",
            "Check DNS and the proxy (http_proxy, https_proxy), or name a mirror that this host reaches in ascend_mirrors.",
        ),
        (
            r"repository '\S+' not found|remote: Repository not found|could not read Username|Remote branch \S+ not found"
            r"|couldn't find remote ref|pathspec '\S+' did not match|reference is not a tree|not our ref"
            r"|returned error: 40[34]|HTTP Error 40[34]|ERROR 40[34]",
            "source moved",
            "The repository, the ref or the file is not where it was looked for.",
            "The role's defaults have a ref and commit that are known to exist: compare yours with them, and the URLs. Or "
            "name "
            "a mirror in ascend_mirrors that holds them.",
        ),
        (
            r"fatal: (?:early EOF|the remote end hung up|fetch-pack|index-pack failed|protocol error)|RPC failed"
            r"|unexpected disconnect|Connection (?:reset by peer|timed out|refused|aborted)|Failed to connect to"
            r"|Network is unreachable|No route to host|Operation timed out|Read timed out|ReadTimeoutError|IncompleteRead"
            r"|unable to access '\S+'|TLS connection was non-properly terminated|Couldn't connect to server"
            r"|Could not read from remote repository",
            "network dropped",
            "The connection broke, or the server was not reached.",
            "Run again: what was fetched is kept and the rest is tried from every URL. If it stays so, name a nearer mirror "
            "in ascend_mirrors.",
        ),
        (
            r"did you run 'git submodule update --init|Could not find \S+/third_party/|no submodule mapping found"
            r"|^\s+does not contain a CMakeLists\.txt file|add_subdirectory given source .* not an existing directory",
            "submodules missing",
            "The native sources are incomplete: third_party's submodules are empty.",
            "Get the sources by git with all submodules, recursively (a source tarball has none); a mirror must hold every "
            "submodule's repository too. Then run again.",
        ),
        (
            r"computed checksums? did NOT match|^\S+: FAILED$|cannot verify integrity|integrity check failed|checksum mismatch"
            r"|THESE PACKAGES DO NOT MATCH THE HASHES|gzip: .*unexpected end of file|tar: Unexpected EOF in archive"
            r"|not in gzip format|not a bzip2 file|Compressed file ended unexpectedly",
            "checksum mismatch",
            "A downloaded archive (of gcc: gmp, mpfr, mpc or isl) is not whole, or not the pinned one.",
            "Delete it from the downloads folder of the work directory and run again; if it fails again, the mirror's copy is "
            "bad or the digest in the variables belongs to another version.",
        ),
        (
            r"[0-9]+ out of [0-9]+ hunks? (?:FAILED|ignored)|Hunk #[0-9]+ FAILED|saving rejects to file|patch does not apply"
            r"|Reversed \(or previously applied\) patch detected|can't find file to patch|Only garbage was found in the patch"
            r"|does not fit the native sources",
            "patch rejected",
            "The vendor's patch does not fit the native sources: another version, or a tree patched before.",
            "Use the adapter's and the native ref and commit of one release, as in the defaults; the tree is put back before "
            "every try, so do not patch it by hand.",
        ),
        (
            r"sys/ustat\.h: No such file|invalid application of .sizeof. to incomplete type .*ustat",
            "no sys/ustat.h",
            "This gcc's libsanitizer needs sys/ustat.h, which glibc 2.28 and later no longer have.",
            "Configure gcc with --disable-libsanitizer (the role does so where libc demands it), or build 9.3.0 or later.",
        ),
        (
            r"forbidden in C\+\+(?:17|1z)|ISO C\+\+17 does not allow",
            "C++ standard too new",
            "The host's compiler (gcc 11 or later) takes C++17 for granted; older sources, such as "
            "gcc 7's, are not C++17.",
            "Set CXXFLAGS=-std=gnu++14 for this build (the role does so where the host's compiler demands it).",
        ),
        (
            r"CMake (\S+) or higher is required",
            "CMake too old",
            "The sources want CMake {0} or later.",
            "Run the role cmake first, with cmake_min_version at least that, and see that its link comes first in PATH.",
        ),
        (
            r"Compatibility with CMake < ([0-9.]+) has been removed",
            "CMake too new",
            "CMake 4 no longer takes sources that were written for CMake before {0}.",
            "Set cmake_max_version to 3.26, so that the role provides an older one.",
        ),
        (
            r"library with BLAS API not found|cannot find -lopenblas|Could not find a library with BLAS|cblas\.h: No such file"
            r"|libopenblas\S*: cannot open shared object file|Could NOT find (?:OpenBLAS|BLAS)",
            "openblas missing",
            "openblas, or its development files, are not installed.",
            "Install libopenblas-dev (Debian family) or openblas-devel (RedHat family), or set ascend_install_packages.",
        ),
        (
            r"Python\.h: No such file|Could NOT find PythonLibs|missing: PYTHON_(?:INCLUDE_DIRS?|LIBRAR)|cannot find -lpython"
            r"|libpython\S+: cannot open shared object",
            "Python headers missing",
            "Python's headers or its shared library are not there.",
            "Install python3-dev (Debian family) or python3-devel (RedHat family) of the very Python that builds; one built "
            "from source needs --enable-shared.",
        ),
        (
            r"externally-managed-environment|externally managed",
            "Python managed by the system",
            "This Python's packages belong to the system (PEP 668), and pip refuses to change them.",
            "Set ascend_venv to a folder for a virtual environment, or ascend_python to a Python of your own.",
        ),
        (
            r"invalid command 'bdist_wheel'",
            "wheel missing",
            "Python's wheel package, which makes wheels, is not installed.",
            "Install wheel for the Python that builds (`python -m pip install wheel`).",
        ),
        (
            r"No module named '?yaml\b",
            "pyyaml missing",
            "Python's yaml module is not installed.",
            "Install pyyaml for the Python that builds (`python -m pip install pyyaml`) and run again from a clean build "
            "folder: the failed one is cached.",
        ),
        (
            r"No module named '?typing_extensions\b",
            "typing_extensions missing",
            "Python's typing_extensions module is not installed.",
            "Install typing_extensions for the Python that builds and run again from a clean build folder: the failed one is "
            "cached.",
        ),
        (
            r"A module that was compiled using NumPy 1|was removed in the NumPy 2\.0 release"
            r"|numpy\.core\.multiarray failed to import|_ARRAY_API not found|module 'numpy' has no attribute",
            "numpy too new",
            "A numpy is installed that this torch or CANN was not made for (2 and later, or a name that "
            "numpy dropped).",
            "Install numpy below 2 for this Python: `python -m pip install 'numpy<2'`, or what the release's table says.",
        ),
        (
            r"version [`'](GLIBCXX_[0-9.]+|CXXABI_[0-9.]+)' not found",
            "libstdc++ too old",
            "The libstdc++ that is found lacks {0}: gcc, g++ and libstdc++ are of different versions.",
            "Put <gcc prefix>/lib64 in front of LD_LIBRARY_PATH (source the environment file), and use gcc, g++, cc and c++ "
            "of one version.",
        ),
        (
            r"(lib(?:hccl|ascendcl|acl_\w+|ge_\w+|graph|runtime|register|error_manager|ascend_\w+|opapi|platform|msprofiler"
            r"|tsdclient|c_sec|mmpa|dcmi|ascend_hal|drvdsmi_host|fmk_\w+|op_common)\w*\.so[\w.]*): cannot open shared object",
            "CANN library not found",
            "{0} belongs to CANN or its driver: the environment is not sourced, or CANN is not installed.",
            "Source the environment file (`. <ascend_env_file>`) and try again; if it stays so, install the CANN toolkit of "
            "the release, and for a library of the driver, the driver.",
        ),
        (
            r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object",
            "library not found",
            "{0} is not in the search path of libraries.",
            "Install the package that has it, or put its folder into LD_LIBRARY_PATH; of CANN's libraries: source the "
            "environment file.",
        ),
        (
            r"No rule to make target '(\S*third_party/\S+?)'",
            "stale build folder",
            "The build folder speaks of {0}, which is no longer there.",
            "Run again with a clean build folder.",
        ),
        (
            r"ld: cannot find -l(\S+?)(?::|$)",
            "library not found",
            "The linker does not find lib{0}.",
            "Install the development package of lib{0}.",
        ),
        (
            r"\b(?:gcc|g\+\+|cc|c\+\+|make|patch|cmake|git|bzip2): (?:command )?not found"
            r"|No CMAKE_C(?:XX)?_COMPILER could be found|no acceptable C compiler found|C compiler cannot create executables",
            "tool missing",
            "A program that the build needs is not installed, or does not work.",
            "Install gcc, g++, make, patch, git and bzip2, or set ascend_install_packages to true.",
        ),
        (
            r"(?:Permission denied|Operation not permitted|Read-only file system)(?!.*publickey)",
            "permission denied",
            "A file or folder may not be read or written by this account.",
            "Choose a prefix and an ascend_work_dir that belong to the account, or let the play become root; look for a "
            "noexec or read-only mount.",
        ),
        # A warning of make's, which becomes a failure only when it makes the build go round in circles.
        (
            r"Clock skew detected|has modification time \S+ s in the future|newly created file is older than distributed",
            "clock skew",
            "Sources are newer than this host's clock: make builds the same files again and again.",
            "Set the clock (chrony or ntpd), then run again.",
        ),
        # CMake says this of optional parts too.
        (
            r"Cannot find a library with BLAS",
            "openblas missing",
            "openblas, or its development files, are not installed.",
            "Install libopenblas-dev (Debian family) or openblas-devel (RedHat family), or set ascend_install_packages.",
        ),
    )
)

_HARMLESS = tuple(
    (re.compile(expression, re.IGNORECASE), meaning)
    for expression, meaning in (
        (
            r"torchvision \S+ (?:has requirement|requires) torch[=<>!~]\S+ but you(?:'ll)? have torch \S+",
            "torchvision was published for the stock torch and compares version numbers only: the Ascend build, whose number "
            "has a suffix, works with it. Nothing is to be done.",
        ),
        (
            r"pip's dependency resolver does not currently take into account all the packages that are installed",
            "pip lists here what it thinks does not go together; torch itself was installed.",
        ),
        (
            r"Running pip as the 'root' user can result in broken permissions",
            "pip prefers virtual environments; the role installs as root on purpose when no ascend_venv is set.",
        ),
        (
            r"Cannot find a library with BLAS API\. Not using BLAS",
            "CMake has looked for one of several BLAS libraries and goes on with the next.",
        ),
    )
)


def diagnose(log_text: str) -> Optional[Dict[str, str]]:
    """Return {"name", "cause", "remedy"} of the known failure that the last lines of a build's log show, or None."""
    lines = [line[:_LONGEST_LINE] for line in log_text.split("\n")[-LAST_LINES:] if not _is_harmless(line)]
    for expression, name, cause, remedy in _KNOWN:
        # Line by line, from the last: the nearest to the end is the one to name.
        for line in reversed(lines):
            found = expression.search(line)
            if found:
                words = [word or "" for word in found.groups()]
                return {"name": name, "cause": cause.format(*words), "remedy": remedy.format(*words)}
    return None


def harmless(text: str) -> List[str]:
    """Return, for each message in the text that alarms without reason, the message and what it means."""
    notes = []
    for line in text.splitlines():
        line = line[:_LONGEST_LINE].strip()
        notes += [
            "{0} -- harmless: {1}".format(line, meaning) for expression, meaning in _HARMLESS if expression.search(line)
        ]
    return list(dict.fromkeys(notes))


def _is_harmless(line: str) -> bool:
    return any(expression.search(line[:_LONGEST_LINE]) for expression, _meaning in _HARMLESS)
