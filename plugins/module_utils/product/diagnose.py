# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build's log means: the failures that are known, by name, with cause and remedy.

The log is read from its end, and the error that stands nearest to it is the answer: what a build did long before it
failed, and went on, is no cause. Of one line, the first row of the table that fits.

Warnings and what CMake tells of optional parts are no errors. Some errors only tell that something before them went wrong:
they give way to what is known of the lines before. Where nothing is known, the error itself is shown.
"""

import itertools
import re
from typing import Dict, List, Optional, Pattern, Set, Tuple

# An error that ends a build stands near the end of its log; with many jobs at once, some thousand lines before it.
LAST_LINES = 2000
LAST_BYTES = 16 * 1024 * 1024
_LONGEST_LINE = 2000
# How far above a line that only tells of a failure its cause may stand.
_NEAR = 40

Row = Tuple[Pattern[str], str, str, str]

_NOT_WHOLE = "A downloaded archive (of gcc: gmp, mpfr, mpc or isl) is not whole, or not the pinned one."
_FETCH_ANEW = (
    "Delete it from the downloads folder of the work directory and run again; if it fails again, the mirror's copy is "
    "bad or the digest in the variables belongs to another version."
)
_BROKE = "The connection broke, or the server was not reached."
_RUN_AGAIN = (
    "Run again: what was fetched is kept and the rest is tried from every URL. If it stays so, name a nearer mirror in "
    "ascend_mirrors."
)
_NO_FIT = "The vendor's patch does not fit the native sources: another version, or a tree patched before."
_ONE_RELEASE = (
    "Use the adapter's and the native ref and commit of one release, as in the defaults; the tree is put back before "
    "every try, so do not patch it by hand."
)
_NO_PACKAGE = "pip finds no {0} that it can take: none for this Python and machine, or none where it looked."
_FIND_IT = (
    "See that the index or mirror that pip goes by has it (`python -m pip download <name>` tries it), or the bundle, for "
    "this very Python; a pip older than 19.3 takes no manylinux2014 wheels: have pip upgraded, or set ascend_venv."
)
_MORE_MEMORY = (
    "Set ascend_jobs lower (each job of torch wants about 2 GiB), end what else uses the memory, or add memory or swap; "
    "`dmesg` names what was killed."
)

# (expression, name, cause, remedy); {0} in a cause or remedy is the expression's first group.
_KNOWN = tuple(
    (re.compile(expression, re.IGNORECASE), name, cause, remedy)
    for expression, name, cause, remedy in (
        (
            r"No space left on|Disk quota exceeded|Out of diskspace|\[Errno (?:28|122)\]",
            "disk full",
            "A disk, a quota or /tmp is full.",
            "Free space (`df -h`, `df -i`), or set ascend_work_dir to a folder on a larger disk. Other people's files in /tmp "
            "are not yours to delete.",
        ),
        (
            r"Killed signal terminated program|Killed \(program|internal compiler error: Killed"
            r"|unable to execute command: Killed",
            "compiler killed",
            "The kernel ended the compiler: the host, or its limit, was out of memory.",
            _MORE_MEMORY,
        ),
        (
            r"\b(?:died of|(?:died|terminated) with|(?:killed|terminated) by) signal 9\b"
            r"|sh: line [0-9]+: +[0-9]+ Killed\b|^Killed$|\*\*\* .*\] (?:Killed|Error 137)\b|^FAILED: \[code=137\]"
            r"|exit (?:status|code) 137\b|died with <Signals\.SIGKILL"
            r"|^(?!remote: ).*\bOut of memory, (?:m|re|c)alloc failed"
            r"|virtual memory exhausted|: memory exhausted|out of memory allocating|\b(?:cc1\w*|as|ld[.\w]*): out of memory"
            r"|LLVM ERROR: out of memory|(?:what\(\): +|instance of '|Error: )std::bad_alloc|^[\w.]*MemoryError\b"
            r"|Out of memory: Kill"
            r"|Cannot allocate memory(?! in static TLS)",
            "out of memory",
            "The memory was used up (out of memory): a program got no more, or the kernel killed it.",
            _MORE_MEMORY,
        ),
        (
            r"\b(?:v?fork|clone|posix_spawn|pthread_create|thread(?:s|ed)?|Thread creation)\b[^|]{0,80}"
            r"Resource temporarily unavailable|\[Errno 11\] Resource temporarily unavailable|can't start new thread"
            r"|what\(\):  Resource temporarily unavailable|: Cannot fork$",
            "too many processes or threads",
            "The account or the container may have no more processes or threads.",
            "Set ascend_jobs lower, end what else runs there, or raise the limit: `ulimit -u` (nproc in "
            "/etc/security/limits.d), TasksMax of systemd, or the container's limit of pids.",
        ),
        (
            r"Too many open files",
            "too many open files",
            "A program may have no more files open.",
            "Raise the limit: `ulimit -n` (nofile in /etc/security/limits.d), LimitNOFILE of systemd, or the container's own; or "
            "set ascend_jobs lower.",
        ),
        (
            r"(?<!\S)(\S+\.so[\w.]*): cannot allocate memory in static TLS block",
            "static TLS block",
            "On aarch64, {0} must be loaded before other libraries use up the space for thread variables.",
            "Set LD_PRELOAD to the path of that library for this program, or import torch before other packages.",
        ),
        (
            r"\^M: bad interpreter|\$'\S*\\r': command not found|\benv: .*\\r.*: No such file|\r: not found"
            r"|cannot execute: required file not found|syntax error near unexpected token .*\\r''",
            "CRLF script",
            "A script has the line ends of Windows (CRLF).",
            "Get the sources by git with core.autocrlf=false, or from the pinned archive, and not by way of Windows. "
            "`dos2unix` mends a single file.",
        ),
        (
            r"Hunk #[0-9]+ FAILED .*\(different line endings\)",
            "CRLF patch",
            "The patch, or the file that it is for, has the line ends of Windows (CRLF), and the other has not.",
            "Get both by git with core.autocrlf=false, or from the pinned archive, and not by way of Windows.",
        ),
        (
            r"dos2unix: (?:command )?not found|dos2unix: No such file",
            "dos2unix missing",
            "torch's build script calls dos2unix, which is not installed.",
            "Install the package dos2unix, or set ascend_install_packages to true.",
        ),
        (
            r"error setting certificate (?:verify locations|file|path)|Problem with the SSL CA cert|error reading ca cert file"
            r"|error adding trust anchors|suitable TLS CA certificate bundle, invalid path|curl: \(77\)"
            r"|(?:Cannot open|unable to load|failed to load) CA (?:certificate|cert|file)",
            "CA file missing",
            "The file of trusted CA certificates that is named on this host is not there, or cannot be read.",
            "Install the package ca-certificates, or set right what names the file: SSL_CERT_FILE, GIT_SSL_CAINFO, "
            "CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE, PIP_CERT, git's http.sslCAInfo.",
        ),
        (
            r"ssl module in Python is not available|SSL module is not available|No module named '?_ssl\b"
            r"|unknown url type: '?https\b",
            "Python without ssl",
            "This Python was built without its ssl module, so it gets nothing over https.",
            "Install OpenSSL's development files (libssl-dev of the Debian family, openssl-devel of the RedHat family) and "
            "build that Python again, or name another with ascend_python.",
        ),
        (
            r"\b407 Proxy Authentication|\bHTTP code 407\b|\bresponse 407\b|Tunnel connection failed: 407"
            r"|(?:returned error:|HTTP Error|ERROR) 407\b|Proxy Authentication Required",
            "proxy wants a password",
            "The proxy wants a user and a password.",
            "Name them in http_proxy and https_proxy (http://user:password@proxy:port, special characters as %XX), or name a "
            "mirror that this host reaches without it in ascend_mirrors.",
        ),
        (
            r"Authentication failed for|(?:returned error:|HTTP Error|ERROR) 401\b",
            "login wanted",
            "The server wants a user and a password, or refused those that it got.",
            "Name them in the URL, in ascend_mirrors or the role's own (https://user:password@server/, special characters as %XX; a "
            "token is a password, too), and keep that in a vault.",
        ),
        (
            r"(?:HTTP code|tunnel failed, response|Tunnel connection failed:) 403\b",
            "proxy refuses",
            "The proxy lets nobody through to this server.",
            "Have its administrator open the way to the server, take the server out of the proxy (no_proxy) where it is reached "
            "without, or name a mirror that this host reaches in ascend_mirrors.",
        ),
        (
            r"certificate verify failed|certificate verification failed|SSL certificate problem|SEC_ERROR_UNKNOWN_ISSUER"
            r"|certificate of '?\S+ (?:is not |has expired|doesn't have a known issuer|hasn't got a known issuer)"
            r"|CERTIFICATE_VERIFY_FAILED|cannot verify \S+ certificate|Peer's certificate |certificate subject name|"
            r"certificate common name .* doesn't match",
            "certificate not trusted",
            "The server's TLS certificate was refused: unknown authority, another server's name, or a wrong clock.",
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
            r"|request for unadvertised object|did not contain [0-9a-f]{7,}|does not appear to be a git repository"
            r"|(?:returned error:|HTTP Error|ERROR) (?:40[34]|410)\b",
            "source moved",
            "The repository, the ref or the file is not where it was looked for.",
            "The role's defaults have a ref and commit that are known to exist: compare yours with them, and the URLs. Or "
            "name "
            "a mirror in ascend_mirrors that holds them.",
        ),
        (
            r"RPC failed(?!.*\b40[0-9]\b)|HTTP code 5[0-9][0-9] from proxy|Proxy CONNECT aborted"
            r"|(?:tunnel failed, response|Tunnel connection failed:) 5[0-9][0-9]|Connection (?:reset|timed out|refused|aborted|closed by)|Connection was reset"
            r"|Failed to connect to|Couldn't connect to server|Network is unreachable|No route to host"
            r"|Operation timed out|Read timed out|read operation timed out|(?:Read|Connect)Timeout|Timeout was reached|Operation too slow|IncompleteRead"
            r"|RemoteDisconnected|stream [0-9]+ was not closed cleanly"
            r"|TLS connection was non-properly terminated|gnutls_handshake\(\) failed|SSL_ERROR_SYSCALL|Empty reply from server"
            r"|(?:Recv|Send) failure|(?:returned error:|HTTP Error|ERROR) (?:429|5[0-9][0-9])\b",
            "network dropped",
            _BROKE,
            _RUN_AGAIN,
        ),
        (
            r"did you run 'git submodule update --init|Could not find \S+/third_party/|no submodule mapping found|No url found for submodule path"
            r"|^\s+does not contain a CMakeLists\.txt file|add_subdirectory given source .* not an existing directory",
            "submodules missing",
            "The native sources are incomplete: third_party's submodules are empty.",
            "Get the sources by git with all submodules, recursively (a source tarball has none); a mirror must hold every "
            "submodule's repository too. Then run again.",
        ),
        (
            r"^\S+: FAILED$|cannot verify integrity|integrity check failed|checksum mismatch"
            r"|THESE PACKAGES DO NOT MATCH THE HASHES|not in gzip format|not a bzip2 file",
            "checksum mismatch",
            _NOT_WHOLE,
            _FETCH_ANEW,
        ),
        (
            r"Hunk #[0-9]+ FAILED|patch does not apply|Reversed \(or previously applied\) patch detected"
            r"|can't find file to patch|Only garbage was found in the patch|(?:malformed|corrupt) patch at line",
            "patch rejected",
            _NO_FIT,
            _ONE_RELEASE,
        ),
        (
            r"sys/ustat\.h: No such file|invalid application of .sizeof. to incomplete type .*ustat",
            "no sys/ustat.h",
            "This gcc's libsanitizer needs sys/ustat.h, which glibc 2.28 and later no longer have.",
            "Configure gcc with --disable-libsanitizer (the role does so where libc demands it), or build 9.3.0 or later.",
        ),
        (
            r"forbidden in C\+\+(?:17|1z)|ISO C\+\+(?:17|1z) does not allow|\W(?:auto_ptr|random_shuffle|unary_function"
            r"|binary_function|bind1st|bind2nd|mem_fun|ptr_fun|unexpected_handler)\W is not a member of \Wstd\W"
            r"|reference to \Wbyte\W is ambiguous",
            "C++ standard too new",
            "The host's compiler (gcc 11 or later) takes C++17 for granted; older sources, such as "
            "gcc 7's, are not C++17.",
            "Set CXXFLAGS=-std=gnu++14 for this build (the role does so where the host's compiler demands it).",
        ),
        (
            r"generated by an? (?:older|newer) version of protoc|incompatible with your Protocol Buffer headers"
            r"|compiled against version \S+ of the Protocol Buffer",
            "protobuf of two versions",
            "Another protobuf of this host, its protoc or its headers, came before the one that the sources bring.",
            "Take it out of the search path of this build (/usr/local, CMAKE_PREFIX_PATH, CPATH), or uninstall its development "
            "files, and run again with a clean build folder.",
        ),
        (
            r"Descriptors cannot (?:not )?be created directly",
            "protobuf too new",
            "Python's protobuf is newer than the generated code takes.",
            "Install an older one for this Python: `python -m pip install 'protobuf<3.21'`.",
        ),
        (
            r"error: (\Wu?int(?:8|16|32|64|ptr)_t\W (?:was not declared|does not name a type|has not been declared"
            r"|is not a member of).*)"
            r"|error: (\W(?:std::)?(?:numeric_limits|runtime_error|logic_error|out_of_range|exchange|function|mutex|thread"
            r"|unique_ptr|shared_ptr|array|optional|string_view|nullopt|sort|copy|numbers|u?int(?:8|16|32|64|ptr)_t|size_t|ptrdiff_t)\W "
            r"(?:is not a (?:member of \Wstd\W|class template)|in namespace \Wstd\W does not name a).*)"
            r"|error: (.*\[-(?:Werror[=\]]|W(?:implicit-function-declaration|implicit-int|int-conversion"
            r"|incompatible-pointer-types)\]).*)|(unsupported GNU version! gcc versions later than .*)",
            "compiler too new",
            "The sources were written for an older compiler than the host's: {0}{1}{2}{3}.",
            "Build with the gcc that the role gcc provides, of the version that the release's guide names, and see that it comes "
            "first in PATH.",
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
            r"Policy (\S+) may not be set to OLD behavior",
            "CMake too new",
            "This CMake no longer has the former behaviour ({0}) that the sources ask for.",
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
            r"(libpython[\w.+-]+): cannot open shared object",
            "libpython not found",
            "The loader does not find {0}, the shared library of a Python that was built with --enable-shared.",
            "Put the lib folder of that Python into LD_LIBRARY_PATH where it is called, or into a file of /etc/ld.so.conf.d and "
            "run ldconfig; or build it with -Wl,-rpath, or name another with ascend_python.",
        ),
        (
            r"Python\.h: No such file|Could NOT find PythonLibs|missing: PYTHON_(?:INCLUDE_DIRS?|LIBRAR)|cannot find -lpython",
            "Python headers missing",
            "Python's headers or the library to link with are not there.",
            "Install python3-dev (Debian family) or python3-devel (RedHat family) of the very Python that builds; one built "
            "from source needs --enable-shared.",
        ),
        (
            r"No module named '?pip\b(?!\.)",
            "pip missing",
            "This Python has no pip.",
            "Install python3-pip, or run `python -m ensurepip` with that Python, or name another with ascend_python.",
        ),
        (
            r"(?<!\S)(\S+\.whl) is not a supported wheel on this platform",
            "wheel refused",
            "pip does not take {0}: it is for another Python or machine, or this pip is too old to know its kind.",
            "Have pip upgraded (manylinux2014 came with pip 19.3, manylinux_2_x with 20.3), set ascend_venv, or get the wheel for "
            "this Python and machine.",
        ),
        (
            r"Can not (?:perform|combine) (?:a )?'--user'|Could not find an activated virtualenv",
            "pip set up otherwise",
            "pip's own settings on this host (user, target, prefix, require-virtualenv) are in the way.",
            "Take them out of pip.conf and the PIP_ variables: `python -m pip config list` shows them.",
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
            r"No module named '?_(ctypes|bz2|lzma|zlib|sqlite3|hashlib)\b"
            r"|No module named '?(zlib)\b|can't decompress data; (zlib) not available",
            "Python without a module",
            "This Python was built without its module {0}{1}{2}.",
            "Install the development files of it (libffi, bzip2, xz, zlib, sqlite or OpenSSL) and build that Python again, or "
            "name another with ascend_python.",
        ),
        (
            r"No module named '?(distutils|setuptools)\b",
            "setuptools missing",
            "Python's module {0} is not installed.",
            "Install setuptools for the Python that builds (`python -m pip install setuptools`), and python3-distutils on the "
            "Debian family.",
        ),
        (
            r"Error: No module named '?([\w.]+)|^\S*python[\w.]*: No module named '?([\w.]+)",
            "Python module missing",
            "Python's module {0}{1} is not installed.",
            "Install what brings it for the Python that builds (`python -m pip install` and its name), then run again.",
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
            r"version [`'](GLIBC_[0-9.]+)' not found",
            "glibc too old",
            "A program or library was made for a newer system than this one: it wants {0}.",
            "Get one that was built on this system, or an older one: the C library of a system cannot be replaced.",
        ),
        (
            r"(lib(?:hccl|ascendcl|acl_\w+|ge_\w+|graph(?!ite)|runtime|register|error_manager|ascend_\w+|opapi|platform|msprofiler"
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
            r'CMakeCache\.txt directory \S+ is different than the directory "?(\S+?)"? where'
            r'|does not match the source "(\S+)" used to generate cache',
            "stale build folder",
            "The build folder was made for {0}{1}.",
            "Run again with a clean build folder.",
        ),
        (
            r"ld: cannot find -l(\S+?)(?::|$)",
            "library not found",
            "The linker does not find lib{0}.",
            "Install the development package of lib{0}.",
        ),
        (
            r"(?<![\w.-])(?:gcc|g\+\+|cc|c\+\+|ld|as|ar|make|ninja|m4|patch|cmake|git|tar|bzip2|xz|gzip|unzip|perl): "
            r"(?:command )?not found|^make(?:\[[0-9]+\])?: (?:gcc|g\+\+|cc|c\+\+|make|ninja|cmake): No such file"
            r"|No such file or directory: '(?:\S*/)?(?:gcc|g\+\+|cc|c\+\+|make|ninja|patch|cmake|git)'"
            r"|unable to execute '\S+': No such file|error: command '\S+' failed: No such file"
            r"|(?:cannot execute|error trying to exec) \W\S*(?:cc1|as|ld|collect2)\w*\W: execvp|\(child\): \w+: Cannot exec"
            r"|CMAKE_MAKE_PROGRAM is not set|no cmake or cmake3 with version"
            r"|No CMAKE_C(?:XX)?_COMPILER could be found|CMAKE_C(?:XX)?_COMPILER not set"
            r"|not a full path to an existing compiler tool|not able to compile a simple test program"
            r"|no acceptable C compiler found|C(?:\+\+)? compiler cannot create executables",
            "tool missing",
            "A program that the build needs is not installed, or does not work.",
            "Install gcc, g++, make, patch, git and bzip2, or set ascend_install_packages to true.",
        ),
        (
            r"detected dubious ownership in repository at '(\S+)'|unsafe repository \('(\S+)' is owned by someone else",
            "owner of a repository",
            "git does not trust {0}{1}, which belongs to another account.",
            "Give the folder to the account that builds (chown -R), or name another ascend_work_dir.",
        ),
        (
            r"Unable to create '(\S+\.lock)': File exists",
            "git lock left",
            "{0} is there: git is at work in that folder, or was killed there.",
            "See that no git runs there, delete that file, and run again.",
        ),
        (
            r"Input/output error|Stale (?:NFS )?file handle|Structure needs cleaning|Transport endpoint is not connected",
            "disk broken",
            "A disk, or the server of a network file system, does not answer as it should.",
            "See `dmesg` and `mount` on the host, mend the disk or mount it anew, or set ascend_work_dir to another one.",
        ),
        (
            r"Exec format error",
            "other machine",
            "A program was made for another kind of machine, such as x86_64 for aarch64, or is damaged.",
            "Take away what was brought from another machine (`file` tells what it is), and run again.",
        ),
        (
            r"(?:^|\] |\): )Illegal instruction\b|\*\*\* .*\] Error 132\b|died with <Signals\.SIGILL",
            "other processor",
            "A program or library has instructions that this processor does not know.",
            "Build or install it for this processor; for OpenBLAS, set OPENBLAS_CORETYPE to a type that fits (ARMV8, HASWELL).",
        ),
        (
            r"^Segmentation fault|sh: line [0-9]+: +[0-9]+ Segmentation fault|\*\*\* .*\] (?:Segmentation fault|Error 139)\b"
            r"|died with <Signals\.SIGSEGV",
            "program crashed",
            "A program of the build crashed (segmentation fault).",
            "Run again: the memory was short, or a compiler stumbled. If it crashes at the same place, use the gcc that the role "
            "gcc provides; if at others, have the memory tested.",
        ),
        (
            r"(?:Permission denied|Operation not permitted|Read-only file system)(?!.*publickey)",
            "permission denied",
            "A file or folder may not be read or written by this account.",
            "Choose a prefix and an ascend_work_dir that belong to the account, or let the play become root; look for a "
            "noexec or read-only mount.",
        ),
        # make only warns of it, and mostly builds well.
        (
            r"newly created file is older than distributed|manifest '\S+' still dirty after",
            "clock skew",
            "Sources are newer than this host's clock: the same files are made again and again.",
            "Set the clock (chrony or ntpd), then run again.",
        ),
    )
)  # type: Tuple[Row, ...]

# What makes every other program fail, whatever that says.
_ROOTS = ("disk full", "compiler killed", "out of memory", "too many processes or threads")

# What only tells that something before it went wrong; where nothing is known of that, it means this.
_LAST_WORDS = (
    (
        re.compile(
            r"^(?:fatal: |error: )?(?:early EOF|the remote end hung up|fetch-pack: unexpected disconnect)",
            re.IGNORECASE,
        ),
        "network dropped",
        _BROKE,
        _RUN_AGAIN,
    ),
    (
        re.compile(
            r"gzip: .*unexpected end of file|tar: Unexpected EOF in archive|Compressed file ended unexpectedly",
            re.IGNORECASE,
        ),
        "checksum mismatch",
        _NOT_WHOLE,
        _FETCH_ANEW,
    ),
    (
        re.compile(
            r"[0-9]+ out of [0-9]+ hunks? (?:FAILED|ignored)|saving rejects to file|does not fit the native sources",
            re.IGNORECASE,
        ),
        "patch rejected",
        _NO_FIT,
        _ONE_RELEASE,
    ),
    (
        re.compile(
            r"ERROR: (?:Could not find a version that satisfies the requirement|No matching distribution found for) (\S+)"
        ),
        "package not found",
        _NO_PACKAGE,
        _FIND_IT,
    ),
)  # type: Tuple[Row, ...]

# "x.cpp:5:3: error: …", "configure: error: …", the assembler's "x.s:7: Error: …"; that the linker failed it has said in
# the lines before, without that word: "x.cpp:(.text+0x5): undefined reference to `f()'". CMake says why in the lines below.
_ERROR_LINE = re.compile(
    r"\s*([^\s:][^:]{0,300})(?::[0-9]+){0,2}: (?:[Ff]atal |internal compiler )?[Ee]rror: (?!ld returned)\S"
    r"|\s*(\S[^:]{0,300}):.{0,300}(?:undefined reference to|multiple definition of|relocation \S+ against .* can ?not be used)"
)
# A line of the sources under a compiler's word on it, with its number before it (since gcc 9) or a mark below it.
_QUOTE = re.compile(r"\s*[0-9]* \|")
_MARK = re.compile(r"\s*[~^][\s~^]*$")
# "WARNING: …", "x.cpp:5:3: warning: …", "CMake Deprecation Warning at …", and CMake's "-- …", which is never an error. Without
# a colon "npm WARN …", "warning …" and "<time> WARNING …"; and apt's "W: …".
_ASIDE = re.compile(
    r"^\s*-- |(?:^|[\s:\[(])(?:\w*warning|warn|note)\s*[:\])]|^\s*CMake (?:\w+ )?Warning\b"
    r"|^\s*(?:p?npm |yarn |[0-9][-0-9:,.TZ ]* )?warn(?:ing)?\s|^W: ",
    re.IGNORECASE,
)
# What is indented below it belongs to it.
_WARNING_HEAD = re.compile(r"CMake .{0,30}Warning\b|\S+:[0-9]+: \w*Warning: ")
_ERROR = re.compile(r"\b(?:error|fatal): ", re.IGNORECASE)
# pip tells in warnings why it found nothing, and in its error nothing of that.
_PIP_FOUND_NOTHING = re.compile(r"ERROR: (?:Could not find a version that satisfies|No matching distribution found)")

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
    """Return {"name", "cause", "remedy"} of the failure that ended a build, as the last lines of its log show it.

    Where none is known and a compiler or another tool told an error of its own, the name is "error" and the cause that
    line. None where there is neither.
    """
    lines = [line[:_LONGEST_LINE] for line in log_text.split("\n")[-LAST_LINES:]]
    asides, errors = _sorted(lines)
    told = pip = limit = None
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        if limit is not None and number < limit:
            break
        if _PIP_FOUND_NOTHING.match(line.strip()):
            pip = number
        if number in asides and not (
            pip is not None and pip - number <= _NEAR and line.lstrip().startswith("WARNING: ")
        ):
            continue
        is_error = number in errors
        known = _first(_KNOWN, line)
        # A tool's own error is not explained by what another program said before it.
        if known and (told is None or told["name"] != "error" or is_error or known["name"] in _ROOTS):
            return known
        hint = _first(_LAST_WORDS, line)
        if hint or is_error:
            told, limit = told or hint or _show(lines, errors[number]), number - _NEAR
    return told


def harmless(text: str) -> List[str]:
    """Return, for each message in the text that alarms without reason, the message and what it means."""
    notes = []
    for line in text.splitlines():
        line = line[:_LONGEST_LINE].strip()
        notes += [
            "{0} -- harmless: {1}".format(line, meaning) for expression, meaning in _HARMLESS if expression.search(line)
        ]
    return list(dict.fromkeys(notes))


def _sorted(lines: List[str]) -> Tuple[Set[int], Dict[int, int]]:
    # The numbers of the lines that are no errors, and of those of a tool's errors: number -> that of the error's first.
    # The indented text below a warning of CMake's or Python's, or an error of CMake's, belongs to it.
    asides, errors = set(), {}
    in_warning, error = False, None  # type: bool, Optional[int]
    for number, line in enumerate(lines):
        if line.strip() and not line[0].isspace() and not line.startswith("Call Stack"):
            in_warning = _WARNING_HEAD.match(line) is not None
            error = number if line.startswith("CMake Error") else None
        warning = _ASIDE.search(line)
        if in_warning or _is_harmless(line) or (warning and not _ERROR.search(line[: warning.start()])):
            asides.add(number)
        elif _QUOTE.match(line):
            asides.add(number)
        elif error is not None:
            errors[number] = error
        elif _ERROR_LINE.match(line):
            errors[number] = number
        elif number and _MARK.match(line) and lines[number - 1][:1].isspace():
            asides.add(number - 1)
    return asides, errors


def _first(rows: Tuple[Row, ...], line: str) -> Optional[Dict[str, str]]:
    for expression, name, cause, remedy in rows:
        found = expression.search(line)
        if found:
            words = [word or "" for word in found.groups()]
            return {"name": name, "cause": cause.format(*words), "remedy": remedy.format(*words)}
    return None


def _show(lines: List[str], number: int) -> Dict[str, str]:
    said = lines[number]
    found = _ERROR_LINE.match(said)
    if found:
        # The first error of the same file: those after it come of it.
        others = (_ERROR_LINE.match(line) for line in lines[:number] if not _ASIDE.search(line))
        said = next((other.string for other in others if other and other.groups() == found.groups()), said)
    else:
        # CMake's words stand below, after an empty line in places.
        below = list(
            itertools.takewhile(lambda line: not line or line[0].isspace(), lines[number + 1 : number + _NEAR])
        )
        first = next((place for place, line in enumerate(below) if line.strip()), 0)
        said = " ".join([said] + [line.strip() for line in itertools.takewhile(str.strip, below[first:])])
    return {
        "name": "error",
        "cause": "Nothing is known of this error: `{0}`.".format(said.strip()),
        "remedy": "Look at that line and at those around it in the log, mend what it names, and run again.",
    }


def _is_harmless(line: str) -> bool:
    return any(expression.search(line[:_LONGEST_LINE]) for expression, _meaning in _HARMLESS)
