# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build logs: each known failure in the words of the tool that prints it, and what only looks like it."""

import time
from types import SimpleNamespace

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import ending
from ansible_collections.ascend.pytorch.plugins.module_utils.product import diagnose, failures, harmless
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
    ("Reversed (or previously applied) patch detected!  Skipping patch.", "patch rejected", "already patched"),
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
    ("npm ERR! network request failed, reason: Connection reset by peer", "network dropped", ""),
    (
        "npm ERR! code ECONNRESET\nnpm ERR! network aborted\nnpm ERR! network This is a problem related to network connectivity.",
        "network dropped",
        "ascend_mirrors",
    ),
    ("npm error network request to https://npm.example/x failed, reason: connect ETIMEDOUT", "network dropped", ""),
    (
        "Error: read ECONNRESET\n    at TLSWrap.onStreamRead (node:internal/stream_base_commons:217:20)",
        "network dropped",
        "",
    ),
    (
        "npm ERR! network request to https://npm.example/x failed, reason: getaddrinfo ENOTFOUND npm.example",
        "host not found",
        "",
    ),
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
    (
        "fatal: unable to access 'https://example.org/x.git/': error setting certificate verify locations:\n"
        "  CAfile: /opt/ca.pem\n  CApath: none",
        "CA file missing",
        "SSL_CERT_FILE",
    ),
    ("curl: (77) error setting certificate file: /opt/ca.pem", "CA file missing", "ca-certificates"),
    (
        "ERROR: Could not install packages due to an OSError: Could not find a suitable TLS CA certificate bundle, invalid "
        "path: /opt/ca.pem",
        "CA file missing",
        "",
    ),
    (
        "WARNING: pip is configured with locations that require TLS/SSL, however the ssl module in Python is not available."
        "\nERROR: Could not find a version that satisfies the requirement numpy (from versions: none)\n"
        "ERROR: No matching distribution found for numpy",
        "Python without ssl",
        "libssl-dev",
    ),
    ("ModuleNotFoundError: No module named '_ssl'", "Python without ssl", "ascend_python"),
    ("urllib.error.URLError: <urlopen error unknown url type: https>", "Python without ssl", ""),
    (
        "fatal: unable to access 'https://example.org/x.git/': Received HTTP code 407 from proxy after CONNECT",
        "proxy wants a password",
        "https_proxy",
    ),
    (
        "fatal: unable to access 'https://example.org/x.git/': CONNECT tunnel failed, response 407",
        "proxy wants a password",
        "",
    ),
    ("urllib.error.URLError: <urlopen error Tunnel connection failed: 407 authenticate>", "proxy wants a password", ""),
    ("ERROR 407: Proxy Authentication Required.", "proxy wants a password", ""),
    (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError(\"OSError('Tunnel connection failed: 407 "
        "Proxy Authentication Required')\")': /simple/numpy/\nERROR: No matching distribution found for numpy",
        "proxy wants a password",
        "",
    ),
    ("fatal: unable to access 'https://example.org/x.git/': Empty reply from server", "network dropped", ""),
    ("fatal: the remote end hung up unexpectedly\nfatal: early EOF\nfatal: index-pack failed", "network dropped", ""),
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
    ("c++: fatal error: Killed signal terminated program lto1", "compiler killed", "memory"),
    ("clang: error: unable to execute command: Killed", "compiler killed", ""),
    ("make: *** [Makefile:2: all] Killed", "out of memory", "ascend_jobs"),
    ("make[3]: *** [src/a.dir/build.make:76: src/a.o] Error 137", "out of memory", "dmesg"),
    ("FAILED: [code=137] src/a.o\nninja: build stopped: subcommand failed.", "out of memory", ""),
    (
        "[ 88%] Linking CXX executable bin/tool\ncollect2: fatal error: ld terminated with signal 9 [Killed]\n"
        "compilation terminated.",
        "out of memory",
        "ascend_jobs",
    ),
    ("/bin/bash: line 7: 30122 Killed                  g++ -c -o a.o a.cpp", "out of memory", ""),
    ("Killed", "out of memory", ""),
    ("subprocess.CalledProcessError: Command '['make']' died with <Signals.SIGKILL: 9>.", "out of memory", ""),
    ("/usr/bin/ld: final link failed: memory exhausted", "out of memory", ""),
    (
        "fatal: Out of memory, realloc failed\nfatal: index-pack failed\nfatal: fetch-pack: invalid index-pack output",
        "out of memory",
        "",
    ),
    ("error: git-remote-https died of signal 9\nfatal: the remote end hung up unexpectedly", "out of memory", ""),
    ("fatal: mmap failed: Cannot allocate memory\nfatal: early EOF", "out of memory", ""),
    ("/bin/sh: fork: Cannot allocate memory", "out of memory", ""),
    ("./configure: fork: Resource temporarily unavailable", "too many processes or threads", "ascend_jobs"),
    ("/bin/sh: fork: retry: Resource temporarily unavailable", "too many processes or threads", "ulimit -u"),
    ("make: vfork: Resource temporarily unavailable", "too many processes or threads", ""),
    ("ninja: fatal: posix_spawn: Resource temporarily unavailable", "too many processes or threads", ""),
    ("libgomp: Thread creation failed: Resource temporarily unavailable", "too many processes or threads", ""),
    ("RuntimeError: can't start new thread", "too many processes or threads", "pids"),
    ("BlockingIOError: [Errno 11] Resource temporarily unavailable", "too many processes or threads", ""),
    (
        "Receiving objects:  41% (1000/2439)\nfatal: unable to create thread: Resource temporarily unavailable\n"
        "fatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
        "too many processes or threads",
        "",
    ),
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
        "libpython not found",
        "shared library",
    ),
    (
        "/opt/python/bin/python3: error while loading shared libraries: libpython3.8.so.1.0: cannot open shared object "
        "file: No such file or directory",
        "libpython not found",
        "LD_LIBRARY_PATH",
    ),
    ("ModuleNotFoundError: No module named '_ctypes'", "Python without a module", "libffi"),
    ("zipimport.ZipImportError: can't decompress data; zlib not available", "Python without a module", "zlib"),
    ("ModuleNotFoundError: No module named 'distutils'", "setuptools missing", "setuptools"),
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
    ("a.cpp:9:8: error: 'auto_ptr' is not a member of 'std'", "C++ standard too new", ""),
    (
        "io.h:12:10: error: \u2018uint64_t\u2019 does not name a type\n"
        "io.h:4:1: note: \u2018uint64_t\u2019 is defined in header \u2018<cstdint>\u2019; did you forget to include it?",
        "compiler too new",
        "uint64_t",
    ),
    ("q.cc:3:16: error: 'numeric_limits' is not a member of 'std'", "compiler too new", "numeric_limits"),
    ("k.cc:7:4: error: 'x' may be used uninitialized [-Werror=maybe-uninitialized]", "compiler too new", "role gcc"),
    (
        "host_config.h:1:2: error: #error -- unsupported GNU version! gcc versions later than 8 are not supported!",
        "compiler too new",
        "later than 8",
    ),
    (
        "ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.26' not found (required by "
        "torch/lib/x.so)",
        "libstdc++ too old",
        "GLIBCXX_3.4.26",
    ),
    (
        "configure: error: newly created file is older than distributed files!\nCheck your system clock",
        "clock skew",
        "chrony",
    ),
    ("ninja: error: manifest 'build.ninja' still dirty after 100 tries", "clock skew", ""),
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
    ("error: command '/usr/bin/gcc' died with signal 9", "out of memory", "dmesg"),
    ("error: command 'gcc' failed with exit status 137", "out of memory", ""),
    ("terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc", "out of memory", ""),
    ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 9.1 GiB", "out of memory", ""),
    ("fatal: unable to create threaded lstat: Resource temporarily unavailable", "too many processes or threads", ""),
    ("./configure: 7: Cannot fork", "too many processes or threads", ""),
    ("ninja: fatal: pipe: Too many open files", "too many open files", "ulimit -n"),
    ("OSError: [Errno 24] Too many open files: '/build/x'", "too many open files", ""),
    (
        "build.sh: line 8: syntax error near unexpected token `$'do\\r''\nbuild.sh: line 8: `for each in x; do\r'",
        "CRLF script",
        "Windows",
    ),
    (
        "patching file tools/x.py\nHunk #1 FAILED at 3 (different line endings).\n1 out of 1 hunk FAILED -- saving rejects to "
        "file tools/x.py.rej\nnpu.patch does not fit the native sources in /src",
        "CRLF patch",
        "core.autocrlf",
    ),
    ("patch: **** malformed patch at line 40: +x", "patch rejected", ""),
    (
        "build.sh: line 3: patch: command not found\nnpu.patch does not fit the native sources in /src",
        "tool missing",
        "",
    ),
    (
        "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://example.org/x/'",
        "login wanted",
        "vault",
    ),
    ("urllib.error.HTTPError: HTTP Error 401: Unauthorized", "login wanted", ""),
    (
        "fatal: unable to access 'https://example.org/x/': Received HTTP code 403 from proxy after CONNECT",
        "proxy refuses",
        "no_proxy",
    ),
    ("fatal: unable to access 'https://example.org/x/': CONNECT tunnel failed, response 403", "proxy refuses", ""),
    (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError(\"OSError('Tunnel connection failed: 403 "
        "Forbidden')\")': /simple/numpy/\nERROR: No matching distribution found for numpy",
        "proxy refuses",
        "",
    ),
    (
        "fatal: unable to access 'https://example.org/x/': Received HTTP code 503 from proxy after CONNECT",
        "network dropped",
        "",
    ),
    ("fatal: unable to access 'https://example.org/x/': Proxy CONNECT aborted", "network dropped", ""),
    ("error: RPC failed; curl 92 HTTP/2 stream 5 was not closed cleanly: CANCEL (err 8)", "network dropped", ""),
    ("http.client.RemoteDisconnected: Remote end closed connection without response", "network dropped", ""),
    ("urllib.error.HTTPError: HTTP Error 429: Too Many Requests", "network dropped", ""),
    (
        "fatal: unable to access 'https://example.org/x/': SSL: no alternative certificate subject name matches target host "
        "name 'example.org'",
        "certificate not trusted",
        "another server's name",
    ),
    (
        "fatal: unable to access 'https://example.org/x/': Peer's Certificate issuer is not recognized.",
        "certificate not trusted",
        "",
    ),
    (
        "ERROR: cannot verify example.org's certificate, issued by 'CN=Corp':\n  Self-signed certificate encountered.",
        "certificate not trusted",
        "",
    ),
    ("ERROR: The certificate of 'example.org' has expired.", "certificate not trusted", ""),
    (
        "error: Server does not allow request for unadvertised object 0a1b2c3\nfatal: Fetched in submodule path 'third_party/x', "
        "but it did not contain 0a1b2c3d. Direct fetching of that commit failed.",
        "source moved",
        "",
    ),
    (
        "fatal: '/mirror/x.git' does not appear to be a git repository\nfatal: Could not read from remote repository.",
        "source moved",
        "",
    ),
    ("fatal: No url found for submodule path 'third_party/x' in .gitmodules", "submodules missing", ""),
    (
        "onnx.pb.h:12:2: error: #error This file was generated by a newer version of protoc which is\n"
        "onnx.pb.h:13:2: error: #error incompatible with your Protocol Buffer headers. Please update",
        "protobuf of two versions",
        "another protobuf of this host",
    ),
    (
        "[libprotobuf FATAL stubs/common.cc:87] This program was compiled against version 3.9.2 of the Protocol Buffer runtime "
        "library, which is not compatible with the installed version (3.19.1).",
        "protobuf of two versions",
        "",
    ),
    (
        "TypeError: Descriptors cannot be created directly.\nIf this call came from a _pb2.py file, your generated code is out of "
        "date",
        "protobuf too new",
        "protobuf<3.21",
    ),
    ("r.h:7:3: error: 'numeric_limits' is not a class template", "compiler too new", ""),
    ("a.cpp:4:7: error: 'size_t' in namespace 'std' does not name a type", "compiler too new", "size_t"),
    ("a.c:9:3: error: implicit declaration of function 'f' [-Wimplicit-function-declaration]", "compiler too new", ""),
    (
        "CMake Error at CMakeLists.txt:4 (cmake_policy):\n  Policy CMP0025 may not be set to OLD behavior because this version "
        "of CMake\n  no longer supports it.",
        "CMake too new",
        "CMP0025",
    ),
    ("/usr/bin/python3: No module named pip", "pip missing", "ensurepip"),
    (
        "ERROR: x-1-cp37-cp37m-manylinux2014_aarch64.whl is not a supported wheel on this platform.",
        "wheel refused",
        "19.3",
    ),
    (
        "Looking in links: /wheels\nERROR: Could not find a version that satisfies the requirement FieldYAML (from versions: "
        "none)\nERROR: No matching distribution found for FieldYAML",
        "package not found",
        "FieldYAML",
    ),
    (
        "ERROR: Can not perform a '--user' install. User site-packages are not visible in this virtualenv.",
        "pip set up otherwise",
        "pip.conf",
    ),
    ("ERROR: Could not find an activated virtualenv (required).", "pip set up otherwise", ""),
    ("ModuleNotFoundError: No module named 'requests'", "Python module missing", "requests"),
    ("/usr/bin/python3.9: No module named build", "Python module missing", "build"),
    ("cmake: /lib64/libc.so.6: version `GLIBC_2.28' not found (required by cmake)", "glibc too old", "GLIBC_2.28"),
    (
        'CMake Error: The source "/new/CMakeLists.txt" does not match the source "/old/CMakeLists.txt" used to generate cache.',
        "stale build folder",
        "/old/CMakeLists.txt",
    ),
    (
        "CMake Error: The current CMakeCache.txt directory /b/CMakeCache.txt is different than the directory /a where "
        "CMakeCache.txt was created.",
        "stale build folder",
        "/a.",
    ),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'cmake'", "tool missing", ""),
    ("make[1]: g++: No such file or directory", "tool missing", ""),
    ("g++: fatal error: cannot execute 'cc1plus': execvp: No such file or directory", "tool missing", ""),
    ("tar (child): bzip2: Cannot exec: No such file or directory", "tool missing", "bzip2"),
    (
        "unable to execute 'g++': No such file or directory\nerror: command 'g++' failed with exit status 1",
        "tool missing",
        "",
    ),
    (
        "CMake Error at CMakeLists.txt:2 (project):\n  The CMAKE_C_COMPILER:\n\n    /opt/gcc\n\n  is not a full path to an "
        "existing compiler tool.",
        "tool missing",
        "",
    ),
    ("fatal: detected dubious ownership in repository at '/src/x'", "owner of a repository", "/src/x"),
    ("fatal: unsafe repository ('/src/x' is owned by someone else)", "owner of a repository", "chown"),
    ("fatal: Unable to create '/src/x/.git/index.lock': File exists.", "git lock left", "/src/x/.git/index.lock"),
    ("cp: error reading 'x': Input/output error", "disk broken", "dmesg"),
    ("cp: cannot stat 'x': Stale file handle", "disk broken", ""),
    ("bash: bin/cmake: cannot execute binary file: Exec format error", "other machine", "aarch64"),
    ("make: *** [Makefile:3: x] Illegal instruction (core dumped)", "other processor", "OPENBLAS_CORETYPE"),
    ("make: *** [Makefile:3: x] Segmentation fault (core dumped)", "program crashed", ""),
    ("Segmentation fault (core dumped)", "program crashed", ""),
    (
        "Exception: The path does not exist: /src/third_party/op-plugin/op_plugin/config/op_plugin_functions.yaml",
        "submodules missing",
        "third_party/op-plugin",
    ),
    (
        "FileNotFoundError: [Errno 2] No such file or directory: '/src/op_plugin/config/v2r6//op_plugin_functions.yaml'",
        "submodules missing",
        "config/v2r6//op_plugin_functions.yaml",
    ),
    (
        "CMake Error at torch/share/cmake/Caffe2/Caffe2Config.cmake:90 (message):\n"
        "  Your installed Caffe2 version uses CUDA but I cannot find the CUDA libraries.\n  Please set the proper CUDA prefixes",
        "torch with CUDA",
        "+cpu",
    ),
    (
        "Types.hpp:9:10: fatal error: cuda_runtime_api.h: No such file or directory\ncompilation terminated.",
        "torch with CUDA",
        "CPU build",
    ),
    (
        "RuntimeError: Two accelerators cannot be used at the same time in PyTorch: npu and cuda",
        "torch with CUDA",
        "",
    ),
    ("a.cpp:3:10: fatal error: 'filesystem' file not found", "compiler too old", "gcc 8"),
    ("a.cpp:3:10: fatal error: filesystem: No such file or directory", "compiler too old", "role gcc"),
    (
        "PyTorch is not installed for python3.11. Please install it before building.",
        "torch not imported",
        "python3.11 cannot",
    ),
    ("ModuleNotFoundError: No module named 'torch_npu._C'", "imported in the source tree", "another folder"),
    (
        "ImportError: /usr/lib/python3/site-packages/torch_npu/lib/libtorch_npu.so: undefined symbol: _ZN5torch10ValueErrorC1EPKcz",
        "torch of another release",
        "_ZN5torch10ValueErrorC1EPKcz",
    ),
    (
        "ImportError: /site/torch_npu/lib/libtorch_npu.so: undefined symbol: _ZN2ge8Operator12AttrRegisterEPKcl",
        "CANN without a function",
        "_ZN2ge8Operator12AttrRegisterEPKcl of CANN",
    ),
    (
        "ImportError: /site/torch_npu/lib/libop_plugin_atb.so: undefined symbol: _ZN3atb15CreateOperationINS_5infer",
        "ATB too old",
        "nnal",
    ),
    (
        "ImportError: libatb.so: cannot open shared object file: No such file or directory",
        "CANN library not found",
        "libatb.so",
    ),
    (
        "ImportError: /opt/conda/lib/libgomp.so.1: cannot allocate memory in static TLS block",
        "static TLS block",
        "/opt/conda/lib/libgomp.so.1",
    ),
    (
        "CMake Error at third_party/Tensorpipe/third_party/libuv/CMakeLists.txt:1 (cmake_minimum_required):\n"
        "  Compatibility with CMake < 3.5 has been removed from CMake.",
        "CMake too new",
        "CMAKE_POLICY_VERSION_MINIMUM=3.5",
    ),
    (
        "ImportError: libhccl.so: cannot open shared object file: No such file or directory\n\nThe above exception was the "
        "direct cause of the following exception:\n\nTraceback (most recent call last):\n"
        "RuntimeError: Failed to load the backend extension: torch_npu. You can disable extension auto-loading with "
        "TORCH_DEVICE_BACKEND_AUTOLOAD=0.",
        "CANN library not found",
        "libhccl.so",
    ),
    (
        "RuntimeError: Failed to load the backend extension: torch_npu. You can disable extension auto-loading with "
        "TORCH_DEVICE_BACKEND_AUTOLOAD=0.",
        "NPU backend not loaded",
        "environment file",
    ),
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


# (the row that it looks like, what it is: another, "error" for an error that nothing is known of or None, what is printed)
NEAR_MISSES = [
    ("torch with CUDA", None, "-- Your installed Caffe2 version does not use CUDA"),
    ("compiler too old", "error", "a.cpp:3:10: fatal error: my_filesystem: No such file or directory"),
    ("torch not imported", None, "PyTorch is installed for python3.11: 2.6.0"),
    ("imported in the source tree", "Python module missing", "ModuleNotFoundError: No module named 'torch_npu'"),
    ("ATB too old", None, "ImportError: /opt/lib/libother.so: undefined symbol: _ZN3atb15CreateOperation"),
    (
        "CANN without a function",
        "torch of another release",
        "ImportError: /site/torch_npu/lib/libtorch_npu.so: undefined symbol: _ZN5torch10ValueError",
    ),
    ("torch of another release", None, "ImportError: /site/numpy/core.so: undefined symbol: PyInit"),
    ("NPU backend not loaded", None, "RuntimeError: Failed to load the backend extension: torch_xpu."),
    ("disk full", None, "warning: no space left on the line for a comment\nCMake Warning: No space left on device"),
    ("compiler killed", "error", "g++: internal compiler error: Segmentation fault signal terminated program cc1plus"),
    ("out of memory", "error", "collect2: fatal error: ld terminated with signal 11 [Segmentation fault], core dumped"),
    ("out of memory", None, "/bin/sh: line 1: 4711 Terminated              c++ -c a.cpp\nmake: *** [a.o] Error 143"),
    ("out of memory", "network dropped", "remote: fatal: Out of memory, malloc failed\nfatal: early EOF"),
    ("out of memory", None, "warning: suggested limit is too high: Cannot allocate memory"),
    ("too many processes or threads", None, "cat: write error: Resource temporarily unavailable"),
    ("static TLS block", "out of memory", "python: libx.so.1: mmap: Cannot allocate memory"),
    ("CRLF script", "other machine", "bash: ./gen.sh: /bin/bash: bad interpreter: Exec format error"),
    ("dos2unix missing", None, "-- dos2unix: not found\ndos2unix: converting file setup.py to Unix format"),
    ("CA file missing", "certificate not trusted",
     "fatal: unable to access 'https://example.org/': server certificate verification failed. CAfile: none CRLfile: none"),
    ("Python without ssl", "error",
     "WARNING: pip is configured with locations that require TLS/SSL, however the ssl module in Python is not available.\n"
     "Successfully installed numpy-1.21.6\na.cpp:1:1: error: expected unqualified-id"),
    ("proxy wants a password", "source moved", "fatal: unable to access 'https://example.org/': "
     "The requested URL returned error: 403"),
    ("certificate not trusted", None, "Warning: SSL certificate problem ignored, verification is off"),
    ("host not found", None, "WARNING: Retrying (Retry(total=1)) after connection broken by 'Temporary failure in name "
     "resolution'\nSuccessfully installed wheel-0.37.1"),
    ("source moved", None, "warning: redirecting to https://example.org/x.git/, returned error: 404 before"),
    ("network dropped", None, "fatal: fetch-pack: invalid index-pack output\nfatal: index-pack failed"),
    ("network dropped", None, "warning: unable to access '/root/.gitconfig': Is a directory"),
    # They tried again, and what ended the build is another thing.
    ("network dropped", None, "npm WARN registry Unexpected warning for https://npm.example/: Miscellaneous Warning "
     "ECONNRESET: request failed, reason: Connection reset by peer\nnpm ERR! missing script: build\nmake: *** [ui] Error 1"),
    ("network dropped", None, "npm WARN network Connection reset\n"),
    ("network dropped", None, "npm WARN network read ECONNRESET\nnpm ERR! missing script: build"),
    ("network dropped", None, "npm http fetch GET https://npm.example/x attempt 1 failed with ECONNRESET, Connection reset by peer"),
    ("network dropped", None, "  WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by "
     "'ConnectionResetError(104, 'Connection reset by peer')': /simple/numpy/\nmake: *** [all] Error 1"),
    ("network dropped", None, "pip: warning: Connection reset by peer\nmake: *** [all] Error 1"),
    ("network dropped", "error", "socket.c:7:12: error: 'ECONNRESET' undeclared (first use in this function)"),
    ("host not found", None, "npm warn network getaddrinfo ENOTFOUND npm.example\nmake: *** [ui] Error 1"),
    ("network dropped", "error", "npm warn registry reason: read ETIMEDOUT, Connection timed out\n"
     "a.cpp:1:1: error: expected unqualified-id"),
    ("network dropped", None, " WARN  GET https://npm.example/x: Connection reset by peer. Will retry in 10 seconds.\n"
     "make: *** [ui] Error 1"),
    ("network dropped", None, "2026-01-02 03:04:05,678 WARNING urllib3.connectionpool Retrying: Read timed out.\n"
     "make: *** [all] Error 1"),
    ("network dropped", None, "W: Failed to fetch http://example.org/x.deb  Connection timed out\nmake: *** [all] Error 1"),
    ("submodules missing", None, "-- Could not find /src/third_party/mkl-dnn, building without it"),
    ("checksum mismatch", None, "FAILED: src/a.o\nninja: build stopped: subcommand failed."),
    ("checksum mismatch", "disk full", "cp: error writing 'x': No space left on device\ntar: Unexpected EOF in archive"),
    ("patch rejected", None, "patching file setup.py\nHunk #1 succeeded at 14 (offset 2 lines)."),
    ("no sys/ustat.h", None, "-- Looking for sys/ustat.h - not found"),
    ("C++ standard too new", None, "a.cpp:1:9: warning: ISO C++17 does not allow 'register' storage class specifier"),
    ("compiler too new", None, "a.cpp:1:9: warning: 'x' may be used uninitialized [-Wmaybe-uninitialized]"),
    ("compiler too new", "error", "a.cpp:1:9: error: 'frobnicate' is not a member of 'std'"),
    ("CMake too old", None, "-- CMake 3.20 or higher is required for presets, going on without"),
    ("CMake too new", None, "CMake Deprecation Warning at CMakeLists.txt:1 (cmake_minimum_required):\n"
     "  Compatibility with CMake < 3.5 has been removed from CMake, or will be.\n\n  Update the VERSION argument.\n"),
    ("openblas missing", None, "-- Could NOT find OpenBLAS (missing: OpenBLAS_LIB)\n"
     "CMake Warning at cmake/Dependencies.cmake:9 (find_package):\n  Could NOT find BLAS (missing: BLAS_LIBRARIES)\n"),
    ("libpython not found", "Python headers missing", "/usr/bin/ld: cannot find -lpython3.9"),
    ("Python headers missing", None, "-- Could NOT find PythonLibs (missing: PYTHON_LIBRARIES PYTHON_INCLUDE_DIRS)"),
    ("Python managed by the system", None, "note: see PEP 668 for externally managed environments"),
    ("wheel missing", None, "WARNING: error: invalid command 'bdist_wheel' is no longer met"),
    ("pyyaml missing", "Python module missing", "ModuleNotFoundError: No module named 'yamllint'"),
    ("typing_extensions missing", None, "UserWarning: No module named 'typing_extensions', types are not checked"),
    ("Python without a module", "Python module missing", "ModuleNotFoundError: No module named '_ctypes_test'"),
    ("setuptools missing", "Python module missing", "ModuleNotFoundError: No module named 'setuptools_rust'"),
    ("numpy too new", None, "UserWarning: Failed to initialize NumPy: _ARRAY_API not found (Triggered internally)"),
    ("libstdc++ too old", "glibc too old", "ImportError: libm.so.6: version `GLIBC_2.29' not found (required by x.so)"),
    ("CANN library not found", "library not found",
     "ImportError: libgraphite.so.2: cannot open shared object file: No such file or directory"),
    ("library not found", None, "/usr/bin/ld: warning: libz.so.1: cannot open shared object file, needed by a.so"),
    ("stale build folder", None, "make: *** No rule to make target 'install'.  Stop."),
    ("tool missing", None, "build.sh: line 9: my-cmake-helper: command not found"),
    ("permission denied", "error", "warning: unable to access '/root/.config/git/ignore': Permission denied\n"
     "a.cpp:4:2: error: 'bar' was not declared in this scope\nmake[2]: *** [a.o] Error 1"),
    ("permission denied", None, "git@example.org: Permission denied (publickey).\n"
     "fatal: Could not read from remote repository."),
    ("clock skew", None, "make: Warning: File 'y' has modification time 3599 s in the future\n"
     "make: warning:  Clock skew detected.  Your build may be incomplete."),
    ("out of memory", "error", "a.cpp:9:5: warning: deprecated\n    9 |     throw std::bad_alloc();\n      |     ^~~~~\n"
     "b.cpp:2:1: error: expected unqualified-id"),
    ("out of memory", None, "a.cpp:9:5: warning: deprecated\n     throw MemoryError(\"Cannot allocate memory\");\n     ^~~~~"),
    ("disk full", None, "a.cpp:9:5: note: here\n    9 | // No space left on device"),
    ("too many open files", None, "checking for too many open connections... no"),
    ("CRLF patch", "patch rejected", "Hunk #1 FAILED at 3.\n1 out of 1 hunk FAILED -- saving rejects to file x.rej"),
    ("login wanted", "source moved", "fatal: unable to access 'https://example.org/': The requested URL returned error: 403"),
    ("proxy refuses", "proxy wants a password", "fatal: unable to access 'https://example.org/': CONNECT tunnel failed, "
     "response 407"),
    ("protobuf of two versions", None, "-- Protobuf was generated by cmake, compiler version 3.9.2"),
    ("protobuf too new", None, "-- Descriptors cannot be created directly, using the pure Python implementation"),
    ("pip missing", "Python module missing", "ModuleNotFoundError: No module named 'pip._vendor.six'"),
    ("wheel refused", None, "Skipping link: none of the wheel's tags match: x-1-cp37-cp37m-linux_x86_64.whl"),
    ("package not found", "host not found", "WARNING: Retrying (Retry(total=0)) after connection broken by "
     "'[Errno -2] Name or service not known': /simple/x/\nERROR: No matching distribution found for x"),
    ("pip set up otherwise", None, "Defaulting to user installation because normal site-packages is not writeable"),
    ("Python module missing", None, "/usr/lib/x.py:7: UserWarning: slow\n  warnings.warn(\"ImportError: No module named 'x'\")"),
    ("glibc too old", "libstdc++ too old", "ImportError: libstdc++.so.6: version `GLIBCXX_3.4.29' not found"),
    ("owner of a repository", None, "hint: the folder is owned by root"),
    ("git lock left", None, "mkdir: cannot create directory 'x': File exists"),
    ("disk broken", None, "configure: WARNING: Input/output error handling is left out"),
    ("other machine", None, "-- Exec format error handling: no"),
    ("other processor", None, "-- Performing Test HAS_AVX512 - Failed: Illegal instruction"),
    ("program crashed", "error", "a.cpp:1:1: internal compiler error: Segmentation fault"),
]  # fmt: skip

NOTHING = [
    "",
    BEFORE,
    BEFORE + "make: *** [Makefile:5: all] Error 2\n",
    "-- Cannot find a library with BLAS API. Not using BLAS.\n",
    "syntax error: unexpected end of file\n",
    "ERROR: torchvision 0.6.0 has requirement torch==1.5.0, but you'll have torch 1.5.0a0+1977093 which is "
    "incompatible.\n",
    "collect2: error: ld returned 1 exit status\n",
]

# (a row or None, log): each gives its own cause or none, whatever the other rows are.
LOGS = (
    [(name, said) for said, name, _word in CASES]
    + [(name, said) for _row, name, said in NEAR_MISSES]
    + [(None, said) for said in NOTHING]
)
ROWS = diagnose._KNOWN + failures.LAST_WORDS


@pytest.mark.parametrize("name, log", LOGS)
def test_each_log_gives_its_own_cause_or_none(name, log):
    assert (diagnose.diagnose(log) or {}).get("name") == name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_every_row_has_a_log_that_it_is_for_and_a_near_miss(row):
    assert any(row[0].search(line) for said, name, _word in CASES if name == row[1] for line in said.split("\n"))
    assert any(like == row[1] != name for like, name, _said in NEAR_MISSES)


@pytest.mark.parametrize("said, name, _word", CASES)
def test_no_line_of_a_log_speaks_for_another_row(said, name, _word):
    found = [diagnose._first_match(ROWS, line) for line in said.split("\n")]
    # Some of git's and tar's last words come of a cause that they do not know.
    last = {row[1] for row in failures.LAST_WORDS}
    assert {one["name"] for one in found if one} - {name} <= last


def test_all_rows_are_tested():
    assert {name for _said, name, _word in CASES} == {row[1] for row in ROWS} >= set(failures.ROOTS)
    assert {like for like, _name, _said in NEAR_MISSES} == {row[1] for row in ROWS}


def test_the_error_that_is_nearest_to_the_end_is_the_cause():
    early, late = "ModuleNotFoundError: No module named 'yaml'\n", "a.c:1:10: fatal error: Python.h: No such file\n"
    assert diagnose.diagnose(early + BEFORE + late)["name"] == "Python headers missing"
    assert diagnose.diagnose(late + BEFORE + early)["name"] == "pyyaml missing"
    # A warning that comes later is no cause.
    assert diagnose.diagnose(late + "make: warning:  Clock skew detected.\n")["name"] == "Python headers missing"


def test_a_compilers_error_is_shown_where_nothing_is_known():
    log = (
        "mkdir: cannot create directory '/x': Permission denied\n" + BEFORE + "b.cpp:1:1: warning: unused\n"
        "a.cpp:3:5: error: 'one' was not declared in this scope\na.cpp:9:5: error: 'two' was not declared\n"
        "collect2: error: ld returned 1 exit status\nmake: *** [all] Error 1\n"
    )
    found = diagnose.diagnose(log)
    assert found["name"] == "error" and "a.cpp:3:5: error: 'one' was not declared in this scope" in found["cause"]
    # Another program's failure just before it is not its cause, a full disk is, and so is what is known of that file.
    near = log.split("\n", 1)[1]
    assert diagnose.diagnose(near.replace("b.cpp:1:1: warning: unused", "touch: Permission denied"))["name"] == "error"
    assert (
        diagnose.diagnose(near.replace("b.cpp:1:1: warning: unused", "x: No space left on device"))["name"]
        == "disk full"
    )
    known = "a.cpp:1:1: error: 'uint8_t' does not name a type"
    assert diagnose.diagnose(near.replace("b.cpp:1:1: warning: unused", known))["name"] == "compiler too new"


@pytest.mark.parametrize(
    "said, shown",
    [
        (
            "a.cpp: In function `main':\na.cpp:(.text+0x5): undefined reference to `one()'\na.cpp:(.text+0x9): undefined "
            "reference to `two()'\ncollect2: error: ld returned 1 exit status",
            "a.cpp:(.text+0x5): undefined reference to `one()'",
        ),
        (
            "a.s: Assembler messages:\na.s:12: Error: no such instruction: `sdot'",
            "a.s:12: Error: no such instruction: `sdot'",
        ),
        (
            "CMake Error at cmake/x.cmake:1 (message):\n\n  This needs\n  a thing.\n\nCall Stack (most recent call first):\n"
            "  CMakeLists.txt:9 (include)\n\n-- Configuring incomplete, errors occurred!",
            "CMake Error at cmake/x.cmake:1 (message): This needs a thing.",
        ),
        (
            "CMake Error: generator Nothing\n-- Configuring incomplete, errors occurred!",
            "CMake Error: generator Nothing",
        ),
    ],
)
def test_the_errors_of_other_tools_are_shown_too(said, shown):
    found = diagnose.diagnose(BEFORE + said + "\nmake: *** [all] Error 2\n")
    assert found["name"] == "error" and "`{0}`".format(shown) in found["cause"]


def test_what_is_known_of_the_first_of_cmakes_errors_is_the_cause():
    first = "CMake Error at a:1 (cmake_minimum_required):\n  Compatibility with CMake < 3.5 has been removed from CMake.\n\n"
    second = "CMake Error at b:1 (message):\n  The other part is missing.\n\n"
    assert diagnose.diagnose(first + second)["name"] == "CMake too new"


def test_last_words_do_not_speak_of_what_was_long_before():
    log = "RuntimeError: can't start new thread\n" + BEFORE + "fatal: early EOF\n"
    assert diagnose.diagnose(log)["name"] == "network dropped"


def test_a_known_error_is_found_before_the_lines_of_other_jobs():
    log = "g++: fatal error: Killed signal terminated program cc1plus\n" + BEFORE * 15 + "make: *** [all] Error 2\n"
    assert diagnose.diagnose(log)["name"] == "compiler killed"


@pytest.mark.parametrize("lines", [BEFORE * 15, "{0}\n".format("c++ -DLONG " * 400) * 60])
def test_a_build_hands_over_as_much_of_its_log_as_is_asked_for(tmp_path, lines):
    log = tmp_path / "build.log"
    log.write_text("g++: fatal error: Killed signal terminated program cc1plus\n" + lines + "make: *** [all] Error 2\n")
    error = ValueError("`make` ended with status 2")
    told = ending.explain(error, SimpleNamespace(log=str(log)))
    assert told["name"] == "compiler killed" and told["message"] == str(error)


def test_only_the_end_of_a_log_is_read():
    log = "cp: error writing 'x': No space left on device\n" + "done\n" * (diagnose.LAST_LINES + 1)
    assert diagnose.diagnose(log) is None


@given(st.one_of(st.text(), st.lists(st.sampled_from([said for _name, said in LOGS])).map("\n".join)))
def test_any_log_is_read_without_an_error(log):
    found = diagnose.diagnose(log)
    assert found is None or all(found.values())
    harmless.harmless_messages(log)


@pytest.mark.parametrize("line", ["x" * 100000 + " torchvision " * 1000 + "'" * 1000, "a." * 1000, " " * 2000 + "x"])
def test_a_huge_log_is_read_at_once(line):
    log = (line + "\n") * 300
    before = time.process_time()
    diagnose.diagnose(log)
    assert time.process_time() - before < 5


def test_a_log_of_errors_alone_is_read_at_once():
    log = "\n".join("a{0}.cpp:{0}:1: error: 'x' was not declared".format(number) for number in range(3000))
    before = time.process_time()
    assert "a2999.cpp" in diagnose.diagnose(log)["cause"]
    assert time.process_time() - before < 5
