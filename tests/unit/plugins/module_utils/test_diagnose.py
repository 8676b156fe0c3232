# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build logs: each known failure in the words of the tool that prints it."""

import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils import diagnose
from hypothesis import given
from hypothesis import strategies as st

BEFORE = "".join("[{0:3d}%] Building CXX object src/CMakeFiles/a.dir/a{0}.cpp.o\n".format(done) for done in range(100))

# (what the tool prints, the failure's name, words of its cause or remedy)
CASES = [
    (
        "Could not find /src/pytorch/third_party/gloo/CMakeLists.txt\n"
        "Did you run 'git submodule update --init --recursive'?",
        "submodules missing",
        "recursively",
    ),
    (
        "CMake Error at CMakeLists.txt:7 (add_subdirectory):\n  The source directory\n\n    /src/third_party/cpuinfo\n\n"
        "  does not contain a CMakeLists.txt file.\n",
        "submodules missing",
        "third_party",
    ),
    (
        'CMake Error at CMakeLists.txt:7 (add_subdirectory):\n  add_subdirectory given source "third_party/fp16" '
        "which is not an existing directory.",
        "submodules missing",
        "",
    ),
    (
        "patching file setup.py\nHunk #1 FAILED at 12.\n1 out of 3 hunks FAILED -- saving rejects to file setup.py.rej",
        "patch rejected",
        "ref",
    ),
    (
        "can't find file to patch at input line 3\nNo file to patch.  Skipping patch.\n1 out of 1 hunk ignored",
        "patch rejected",
        "",
    ),
    ("Reversed (or previously applied) patch detected!  Skipping patch.", "patch rejected", "patched before"),
    (
        "error: RPC failed; curl 56 GnuTLS recv error (-110): The TLS connection was non-properly terminated.\n"
        "fatal: the remote end hung up unexpectedly\nfatal: early EOF\nfatal: index-pack failed",
        "network dropped",
        "Run again",
    ),
    (
        "fatal: unable to access 'https://localhost:1/x/': Failed to connect to localhost port 1 after 1 ms: Couldn't "
        "connect to server",
        "network dropped",
        "",
    ),
    ("urllib.error.URLError: <urlopen error [Errno 104] Connection reset by peer>", "network dropped", ""),
    (
        "Cloning into 'x'...\nfatal: unable to access 'https://nohost.invalid/x.git/': Could not resolve host: "
        "nohost.invalid",
        "host not found",
        "DNS",
    ),
    ("wget: unable to resolve host address 'nohost.invalid'", "host not found", ""),
    ("urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>", "host not found", ""),
    (
        "fatal: unable to access 'https://localhost/x.git/': server certificate verification failed. CAfile: "
        "/etc/ssl/certs/ca-certificates.crt CRLfile: none",
        "certificate not trusted",
        "CA certificate",
    ),
    ("curl: (60) SSL certificate problem: self-signed certificate", "certificate not trusted", ""),
    ("ERROR: The certificate of 'localhost' is not trusted.", "certificate not trusted", ""),
    (
        "<urlopen error [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate "
        "(_ssl.c:1129)>",
        "certificate not trusted",
        "clock",
    ),
    ("remote: Not Found\nfatal: repository 'https://example.org/Ascend/pytorch.git/' not found", "source moved", "ref"),
    ("fatal: unable to access 'https://example.org/x.git/': The requested URL returned error: 404", "source moved", ""),
    ("fatal: Remote branch 2.0.9.tr5 not found in upstream origin", "source moved", ""),
    ("error: pathspec '4ef930c' did not match any file(s) known to git", "source moved", ""),
    ("urllib.error.HTTPError: HTTP Error 404: Not Found", "source moved", ""),
    ("dd: writing to '/build/x': No space left on device", "disk full", "ascend_work_dir"),
    ("OSError: [Errno 28] No space left on device: '/build'", "disk full", ""),
    (
        "g++: fatal error: Killed signal terminated program cc1plus\ncompilation terminated.",
        "compiler killed",
        "ascend_jobs",
    ),
    ("g++: internal compiler error: Killed (program cc1plus)", "compiler killed", "ascend_jobs"),
    ("make: *** [Makefile:2: all] Killed", "out of memory", "ascend_jobs"),
    ("virtual memory exhausted: Cannot allocate memory", "out of memory", ""),
    ("cc1plus: out of memory allocating 65536 bytes after a total of 12345 bytes", "out of memory", ""),
    ("u.c:1:10: fatal error: sys/ustat.h: No such file or directory", "no sys/ustat.h", "--disable-libsanitizer"),
    (
        "sanitizer_platform_limits_posix.cc:157:23: fatal error: sys/ustat.h: No such file or directory",
        "no sys/ustat.h",
        "",
    ),
    (
        "CMake Error at CMakeLists.txt:1 (cmake_minimum_required):\n  CMake 3.12.0 or higher is required.  You are "
        "running version 3.10.2",
        "CMake too old",
        "3.12.0",
    ),
    (
        "CMake Error at CMakeLists.txt:1 (cmake_minimum_required):\n  Compatibility with CMake < 3.5 has been removed "
        "from CMake.",
        "CMake too new",
        "cmake_max_version",
    ),
    ("build.sh: line 40: dos2unix: command not found", "dos2unix missing", "package dos2unix"),
    ("build.sh: 40: dos2unix: not found", "dos2unix missing", ""),
    ("make: dos2unix: No such file or directory", "dos2unix missing", ""),
    ("/usr/bin/ld: cannot find -lopenblas: No such file or directory", "openblas missing", "libopenblas-dev"),
    (
        "CMake Error at FindBLAS.cmake:1 (MESSAGE):\n  A required library with BLAS API not found.  Please specify "
        "library location.",
        "openblas missing",
        "openblas-devel",
    ),
    ("  Could NOT find BLAS (missing: BLAS_LIBRARIES)", "openblas missing", ""),
    ("a.c:1:10: fatal error: Python.h: No such file or directory", "Python headers missing", "python3-dev"),
    (
        "Could NOT find PythonLibs (missing: PYTHON_LIBRARIES PYTHON_INCLUDE_DIRS)",
        "Python headers missing",
        "--enable-shared",
    ),
    ("ModuleNotFoundError: No module named 'yaml'", "pyyaml missing", "pyyaml"),
    ("ImportError: No module named yaml", "pyyaml missing", "pyyaml"),
    ("error: invalid command 'bdist_wheel'", "wheel missing", "wheel"),
    ("ModuleNotFoundError: No module named 'typing_extensions'", "typing_extensions missing", "cached"),
    (
        "ImportError: libhccl.so: cannot open shared object file: No such file or directory",
        "CANN library not found",
        "libhccl.so",
    ),
    (
        "OSError: libascend_hal.so: cannot open shared object file: No such file or directory",
        "CANN library not found",
        "driver",
    ),
    (
        "ImportError: libgfortran.so.5: cannot open shared object file: No such file or directory",
        "library not found",
        "libgfortran.so.5",
    ),
    (
        "ImportError: libpython3.9.so.1.0: cannot open shared object file: No such file or directory",
        "Python headers missing",
        "shared library",
    ),
    ("/usr/bin/ld: cannot find -lz: No such file or directory", "library not found", "libz"),
    (
        "ImportError: /usr/lib/aarch64-linux-gnu/libgomp.so.1: cannot allocate memory in static TLS block",
        "static TLS block",
        "LD_PRELOAD",
    ),
    (
        "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.2 as it may crash.",
        "numpy too new",
        "numpy<2",
    ),
    (
        "AttributeError: `np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead.",
        "numpy too new",
        "",
    ),
    (
        "../.././gcc/reload1.c:89:24: error: use of an operand of type 'bool' in 'operator++' is forbidden in C++17",
        "C++ standard too new",
        "-std=gnu++14",
    ),
    ("d.cpp:2:27: error: ISO C++17 does not allow dynamic exception specifications", "C++ standard too new", ""),
    (
        "ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.26' not found (required by "
        "torch/lib/x.so)",
        "libstdc++ too old",
        "GLIBCXX_3.4.26",
    ),
    (
        "make: Warning: File 'y' has modification time 3599 s in the future\n"
        "make: warning:  Clock skew detected.  Your build may be incomplete.",
        "clock skew",
        "chrony",
    ),
    ("mkdir: cannot create directory '/usr/local/foo': Permission denied", "permission denied", "prefix"),
    ("PermissionError: [Errno 13] Permission denied: '/usr/x'", "permission denied", "ascend_work_dir"),
    (
        "gmp-6.1.0.tar.bz2: FAILED\nsha512sum: WARNING: 1 computed checksum did NOT match\n"
        "error: Cannot verify integrity of possibly corrupted file gmp-6.1.0.tar.bz2",
        "checksum mismatch",
        "downloads",
    ),
    ("gzip: stdin: unexpected end of file\ntar: Unexpected EOF in archive", "checksum mismatch", ""),
    ("bash: ./gen.sh: /bin/bash^M: bad interpreter: No such file or directory", "CRLF script", "dos2unix"),
    ("c.sh: line 2: $'echo\\r': command not found", "CRLF script", ""),
    ("c.sh: 2: echo\r: not found", "CRLF script", ""),
    ("/usr/bin/env: 'bash\\r': No such file or directory", "CRLF script", ""),
    (
        "error: externally-managed-environment\n\n× This environment is externally managed",
        "Python managed by the system",
        "ascend_venv",
    ),
    (
        "make[2]: *** No rule to make target '../third_party/onnx/onnx.proto', needed by 'onnx.pb.cc'.  Stop.",
        "stale build folder",
        "third_party/onnx/onnx.proto",
    ),
    ("configure: error: no acceptable C compiler found in $PATH", "tool missing", "ascend_install_packages"),
    ("build.sh: line 3: patch: command not found", "tool missing", ""),
]


@pytest.mark.parametrize("said, name, word", CASES, ids=lambda value: value[:40] if isinstance(value, str) else None)
def test_known_failures(said, name, word):
    for log in (
        said,
        BEFORE + said + "\nmake[1]: *** [Makefile:101: all] Error 2\nmake: *** [Makefile:5: all] Error 2\n",
    ):
        found = diagnose.diagnose(log)
        assert found is not None
        assert sorted(found) == ["cause", "name", "remedy"]
        assert found["name"] == name
        assert word in found["cause"] + found["remedy"]
        assert found["cause"].endswith(".") and found["remedy"].endswith(".")


def test_every_row_of_the_table_has_a_case():
    assert {name for _said, name, _word in CASES} == {row[1] for row in diagnose._KNOWN}


@pytest.mark.parametrize(
    "log",
    [
        "",
        BEFORE,
        BEFORE + "make: *** [Makefile:5: all] Error 2\n",
        "-- Cannot find a library with BLAS API. Not using BLAS.\n",
        "syntax error: unexpected end of file\n",
        "ERROR: torchvision 0.6.0 has requirement torch==1.5.0, but you'll have torch 1.5.0a0+1977093 which is "
        "incompatible.\n",
    ],
)
def test_what_is_no_known_failure(log):
    assert diagnose.diagnose(log) is None


def test_the_cause_goes_before_what_it_brings_about():
    log = (
        "g++: fatal error: Killed signal terminated program cc1plus\n"
        "ModuleNotFoundError: No module named 'yaml'\ncp: error writing 'x': No space left on device\n"
        "make: warning:  Clock skew detected.  Your build may be incomplete.\n"
    )
    assert diagnose.diagnose(log)["name"] == "disk full"


def test_only_the_end_of_a_log_is_read():
    log = "cp: error writing 'x': No space left on device\n" + "done\n" * (diagnose.LAST_LINES + 1)
    assert diagnose.diagnose(log) is None


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: torchvision 0.6.0 has requirement torch==1.5.0, but you'll have torch 1.5.0a0+1977093 which is "
        "incompatible.",
        "torchvision 0.15.1 requires torch==2.0.0, but you have torch 1.5.0+ascend.post4 which is incompatible.",
        "torchvision 0.15.1 has requirement torch==2.0.0, but you have torch 1.5.0a0.",
        "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed. This "
        "behaviour is the source of the following dependency conflicts.",
    ],
)
def test_harmless(line):
    notes = diagnose.harmless(
        "Installing collected packages: torch\n  {0}\n{0}\nSuccessfully installed torch".format(line)
    )
    assert len(notes) == 1
    assert line in notes[0] and "harmless" in notes[0]


def test_other_complaints_are_not_called_harmless():
    assert (
        diagnose.harmless(
            "torchvision 0.15.1 requires numpy, which is not installed.\n"
            "apex 0.1 requires torch==2.0.0, but you have torch 1.8.1 which is incompatible.\n"
        )
        == []
    )


@given(st.one_of(st.text(), st.lists(st.sampled_from([said for said, _name, _word in CASES])).map("\n".join)))
def test_any_log_is_read_without_an_error(log):
    found = diagnose.diagnose(log)
    assert found is None or all(found.values())
    diagnose.harmless(log)


def test_a_huge_log_is_read_at_once():
    log = ("x" * 100000 + " torchvision " * 1000 + "'" * 1000 + "\n") * 300
    before = time.process_time()
    diagnose.diagnose(log)
    assert time.process_time() - before < 5
