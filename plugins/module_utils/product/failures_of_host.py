# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known failures of a host's disk, memory and network, and of the sources that are fetched: rows for diagnose.py."""

import re

from ansible_collections.ascend.pytorch.plugins.module_utils.product.failures import (
    BROKE,
    FETCH_ANEW,
    NO_FIT,
    NOT_WHOLE,
    ONE_RELEASE,
    RUN_AGAIN,
)

_MORE_MEMORY = (
    "Set ascend_jobs lower (each job of torch needs about 2 GiB; of torch_npu, one needs 4.2 and the others 0.8), end other "
    "programs that use the memory, or add memory or swap; `dmesg` names what was killed."
)

# (expression, name, cause, remedy); {0} in a cause or remedy is the expression's first group.
ROWS = tuple(
    (re.compile(expression, re.IGNORECASE), name, cause, remedy)
    for expression, name, cause, remedy in (
        (
            r"No space left on|Disk quota exceeded|Out of diskspace|\[Errno (?:28|122)\]",
            "disk full",
            "A disk, a quota or /tmp is full.",
            "Free space (`df -h`, `df -i`), or set ascend_work_dir to a folder on a larger disk. Do not delete other users' "
            "files in /tmp.",
        ),
        (
            r"Killed signal terminated program|Killed \(program|internal compiler error: Killed"
            r"|unable to execute command: Killed",
            "compiler killed",
            "The kernel killed the compiler: the host, or its limit, was out of memory.",
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
            "Out of memory: a program could get no more memory, or the kernel killed it.",
            _MORE_MEMORY,
        ),
        (
            r"\b(?:v?fork|clone|posix_spawn|pthread_create|thread(?:s|ed)?|Thread creation)\b[^|]{0,80}"
            r"Resource temporarily unavailable|\[Errno 11\] Resource temporarily unavailable|can't start new thread"
            r"|what\(\):  Resource temporarily unavailable|: Cannot fork$",
            "too many processes or threads",
            "The account or the container has reached its limit of processes or threads.",
            "Set ascend_jobs lower, end other programs there, or raise the limit: `ulimit -u` (nproc in "
            "/etc/security/limits.d), TasksMax of systemd, or the container's limit of pids.",
        ),
        (
            r"Too many open files",
            "too many open files",
            "A program has reached its limit of open files.",
            "Raise the limit: `ulimit -n` (nofile in /etc/security/limits.d), LimitNOFILE of systemd, or the container's own; "
            "or set ascend_jobs lower.",
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
            "Get the sources by git with core.autocrlf=false, or from the pinned archive, and do not copy them through "
            "Windows. `dos2unix` converts a single file.",
        ),
        (
            r"Hunk #[0-9]+ FAILED .*\(different line endings\)",
            "CRLF patch",
            "Either the patch or the file that it is for has the line ends of Windows (CRLF).",
            "Get both by git with core.autocrlf=false, or from the pinned archive, and do not copy them through Windows.",
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
            "The file of trusted CA certificates that is set on this host does not exist, or cannot be read.",
            "Install the package ca-certificates, or correct the setting that names the file: SSL_CERT_FILE, GIT_SSL_CAINFO, "
            "CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE, PIP_CERT, git's http.sslCAInfo.",
        ),
        (
            r"ssl module in Python is not available|SSL module is not available|No module named '?_ssl\b"
            r"|unknown url type: '?https\b",
            "Python without ssl",
            "This Python was built without its ssl module, so it cannot use https.",
            "Install OpenSSL's development files (libssl-dev of the Debian family, openssl-devel of the RedHat family) and "
            "build that Python again, or name another with ascend_python.",
        ),
        (
            r"\b407 Proxy Authentication|\bHTTP code 407\b|\bresponse 407\b|Tunnel connection failed: 407"
            r"|(?:returned error:|HTTP Error|ERROR) 407\b|Proxy Authentication Required",
            "proxy wants a password",
            "The proxy requires a user and a password.",
            "Name them in http_proxy and https_proxy (http://user:password@proxy:port, special characters as %XX), or name a "
            "mirror that this host reaches without it in ascend_mirrors.",
        ),
        (
            r"Authentication failed for|(?:returned error:|HTTP Error|ERROR) 401\b",
            "login wanted",
            "The server requires a user and a password, or refused the given ones.",
            "Put them into the URL, in ascend_mirrors or the role's own (https://user:password@server/, special characters as "
            "%XX; a token is a password, too), and keep that variable in a vault.",
        ),
        (
            r"(?:HTTP code|tunnel failed, response|Tunnel connection failed:) 403\b",
            "proxy refuses",
            "The proxy refuses connections to this server.",
            "Ask its administrator to allow the server, add the server to no_proxy if this host reaches it without the proxy, "
            "or name a mirror that this host reaches in ascend_mirrors.",
        ),
        (
            r"certificate verify failed|certificate verification failed|SSL certificate problem|SEC_ERROR_UNKNOWN_ISSUER"
            r"|certificate of '?\S+ (?:is not |has expired|doesn't have a known issuer|hasn't got a known issuer)"
            r"|CERTIFICATE_VERIFY_FAILED|cannot verify \S+ certificate|Peer's certificate |certificate subject name|"
            r"certificate common name .* doesn't match",
            "certificate not trusted",
            "The server's TLS certificate was refused: unknown authority, another server's name, or a wrong clock.",
            "Install your organisation's CA certificate (package ca-certificates), set the clock, or name a mirror with a "
            "trusted certificate in ascend_mirrors. Certificates are always verified.",
        ),
        (
            r"Could not resolve (?:host|proxy)|unable to resolve host|Temporary failure in name resolution"
            r"|Name or service not known|NameResolutionError|nodename nor servname|\bgetaddrinfo E(?:NOTFOUND|AI_AGAIN)\b",
            "host not found",
            "A host name could not be resolved: there is no DNS, or no connection out of this network.",
            "Check DNS and the proxy (http_proxy, https_proxy), or name a mirror that this host reaches in ascend_mirrors.",
        ),
        (
            r"repository '\S+' not found|remote: Repository not found|could not read Username|Remote branch \S+ not found"
            r"|couldn't find remote ref|pathspec '\S+' did not match|reference is not a tree|not our ref"
            r"|request for unadvertised object|did not contain [0-9a-f]{7,}|does not appear to be a git repository"
            r"|(?:returned error:|HTTP Error|ERROR) (?:40[34]|410)\b",
            "source moved",
            "The repository, the ref or the file does not exist at its URL.",
            "The role's defaults have a ref and commit that are known to exist: compare yours, and the URLs, with them. Or "
            "name a mirror that has them in ascend_mirrors.",
        ),
        (
            r"RPC failed(?!.*\b40[0-9]\b)|HTTP code 5[0-9][0-9] from proxy|Proxy CONNECT aborted"
            r"|(?:tunnel failed, response|Tunnel connection failed:) 5[0-9][0-9]|Connection (?:reset|timed out|refused|aborted|closed by)|Connection was reset"
            r"|Failed to connect to|Couldn't connect to server|Network is unreachable|No route to host"
            r"|Operation timed out|Read timed out|read operation timed out|(?:Read|Connect)Timeout|Timeout was reached|Operation too slow|IncompleteRead"
            r"|RemoteDisconnected|stream [0-9]+ was not closed cleanly"
            r"|TLS connection was non-properly terminated|gnutls_handshake\(\) failed|SSL_ERROR_SYSCALL|Empty reply from server"
            r"|(?:Recv|Send) failure|(?:returned error:|HTTP Error|ERROR) (?:429|5[0-9][0-9])\b"
            # As npm and other Node programs print it, so that sources with such a name do not match.
            r"|(?:^npm (?:ERR!|error) .*|\b(?:read|connect|write) )\b(?:ECONN(?:RESET|REFUSED|ABORTED)|E(?:SOCKET)?TIMEDOUT"
            r"|E(?:NET|HOST)UNREACH)\b",
            "network dropped",
            BROKE,
            RUN_AGAIN,
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
            NOT_WHOLE,
            FETCH_ANEW,
        ),
        (
            r"Hunk #[0-9]+ FAILED|patch does not apply|Reversed \(or previously applied\) patch detected"
            r"|can't find file to patch|Only garbage was found in the patch|(?:malformed|corrupt) patch at line",
            "patch rejected",
            NO_FIT,
            ONE_RELEASE,
        ),
    )
)  # type: Tuple[Row, ...]
