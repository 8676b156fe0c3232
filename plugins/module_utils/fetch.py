# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring pinned sources to a host: archives by digest, git trees by commit, from the first URL that has them.

Times: `deadline` is a value of `time.monotonic()` in seconds, or None for no end; whatever ends in `_s` is in seconds.
`log` takes one line of text. Passwords in URLs are used, but never shown.
"""

import base64
import errno
import fcntl
import hashlib
import http.client
import os
import re
import selectors
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

Log = Callable[[str], None]
Source = Dict[str, Any]

_CHUNK = 256 * 1024
_NEWS = 1024 * 1024  # a try that brought this many new bytes was no failure: the road is bad, but it leads there
_LONGEST_PAUSE_S = 60.0
_LOG_EVERY_S = 15.0
_LOCAL_LIMIT_S = 3600.0  # a git command that only works on this host, when there is no deadline
_LOCK_LIMIT_S = 4 * 3600.0
_SCHEMES = ("http", "https", "file")


class FetchError(Exception):
    """A source that could not be had.

    source: its name; tried: (URL or path, reason) in the order of trying. The message has both, and the remedy.
    """

    def __init__(self, source: str, problem: str, tried: Sequence[Tuple[str, str]] = (), remedy: str = "") -> None:
        self.source = source
        self.tried = list(tried)
        lines = ["%s: %s" % (source, problem)]
        lines += ["  %s: %s" % one for one in self.tried]
        super().__init__("\n".join(lines + ([remedy] if remedy else [])))


# -------------------- where to look


def candidate_urls(source: Source, mirrors: Sequence[str]) -> List[str]:
    """The URLs to try for `source`, in order: each mirror's, then the source's own; each once.

    A mirror base B gives B/<file> for an archive and B/<repo>.git for a git source. Plain absolute paths and `~` become
    file:// URLs. The own URLs of a source that is marked "offline" are not tried.
    """
    tail = _tail(source)
    found = []  # type: List[str]
    for base in mirrors:
        base = base.strip()
        if base:
            # A plain path is quoted with its tail, a URL is taken as it is.
            found.append(
                _as_url(
                    base + "/" + tail
                    if base[0] in "~/"
                    else base.rstrip("/") + "/" + urllib.parse.quote(tail, safe="/+~")
                )
            )
    if not source.get("offline"):
        found += [_as_url(url.strip()) for url in source.get("urls") or () if url.strip()]
    return sorted(set(found), key=found.index)


def _tail(source: Source) -> str:
    """Where a mirror has it, below its base."""
    if source["kind"] == "git":
        return re.sub(r"\.git$", "", source["repo"].strip("/")) + ".git"
    return source["file"]


def _as_url(place: str) -> str:
    if place[0] not in "~/":
        return place
    return "file://" + urllib.parse.quote(os.path.normpath(os.path.expanduser(place)).replace("//", "/"))


def _shown(text: str) -> str:
    """`text` without the name and password that a URL in it may carry."""
    return re.sub(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@]+@", r"\1", text)


def _remedy(source: Source) -> str:
    urls = source.get("urls_variable", "the role's …_urls variable")
    if source.get("offline"):
        return (
            "This run fetches from the bundle alone (ascend_bundle). Complete that with playbooks/bundle.yml for this "
            "release where there is a network, or leave ascend_bundle empty."
        )
    return (
        "Put it where this host can reach it, as <mirror>/%s, and name <mirror> in ascend_mirrors%s. Proxies are "
        "read from http_proxy, https_proxy and no_proxy, certificates from SSL_CERT_FILE."
        % (_tail(source), "; or name other URLs in " + urls if urls else "")
    )


def unanswered(source: Source, mirrors: Sequence[str], limit_s: float = 10.0) -> List[Tuple[str, str]]:
    """Ask the places of a source whether they are there, fetching nothing of it.

    Returns [] when one answers, else (URL, what it said) of each; waits limit_s seconds for each.
    """
    tried = []
    urls = candidate_urls(source, mirrors)
    if source.get("offline") and not urls:
        return [("ascend_bundle", "the bundle has not got it")]
    for url in urls:
        if source["kind"] == "git" and _bundle_at(url, source.get("commit", "")):
            return []
        why = _silence(url, source["kind"] == "git", limit_s)
        if not why:
            return []
        tried.append((_shown(url), why))
    return tried


def _silence(url: str, repository: bool, limit_s: float) -> str:
    """Why a URL does not answer, "" when it does. Needs no git: that may yet have to be installed."""
    parts = urllib.parse.urlsplit(url)
    ssh = re.match(r"(?:ssh://)?(?:[^@/]+@)?\[?([^:/\]]+)", url)
    try:
        if parts.scheme == "file":
            return "" if os.path.exists(urllib.parse.unquote(parts.path)) else "not there"
        if parts.scheme in ("http", "https"):
            # What git asks first of all; an archive is let go once its headers have come.
            asked = url.rstrip("/") + "/info/refs?service=git-upload-pack" if repository else url
            _opener()(_request(asked, 0), timeout=limit_s).close()
            return ""
        port = parts.port or {"git": 9418, "ssh": 22}.get(parts.scheme, 22)
        host = parts.hostname if parts.scheme else ssh and ssh.group(1)
        socket.create_connection((host, port), timeout=limit_s).close()
        return ""
    except urllib.error.HTTPError as error:
        error.close()
        return "HTTP %d %s" % (error.code, error.reason)
    except _Fault as fault:
        return fault.reason
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _network_fault(error, limit_s).reason


# -------------------- trying with patience


class _Fault(Exception):
    """A try that failed. transient: the same URL may do better in a moment; got: bytes had by then."""

    def __init__(self, reason: str, transient: bool = False, got: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient
        self.got = got


class _Full(Exception):
    """No space left: no other URL will help."""


class _Stale(Exception):
    """What an earlier try left does not fit what the server has now; it was removed: begin anew."""


def _left(deadline: Optional[float], most: float) -> float:
    return most if deadline is None else min(most, deadline - time.monotonic())


def _first_that_works(
    source: Source,
    urls: Sequence[str],
    once: Callable[[str, bool], None],
    log: Log,
    deadline: Optional[float],
    attempts: int,
    pause_s: float,
    tired: Set[str],
) -> str:
    """Call once(url, last try) for one URL after the other until one does not raise; return that URL.

    After a transient fault the URL is tried again, up to `attempts` times in a row, with pauses doubling from
    `pause_s`; a try that brought _NEWS more bytes than any before starts the count again.
    `tired` holds the hosts that wore out all attempts: they get one try from then on.
    """
    tried = []  # type: List[Tuple[str, str]]
    for url in urls:
        host = urllib.parse.urlsplit(url).netloc
        most = 1 if host in tired else max(1, attempts)
        failures, best = 0, 0
        while True:
            try:
                if _left(deadline, 1.0) <= 0:
                    raise _Fault("the time allowed was over")
                once(url, failures + 1 >= most)
                return url
            except _Stale as stale:
                log("%s: %s: %s; begun anew" % (source["name"], _shown(url), stale))
                continue
            except _Full as full:
                raise FetchError(source["name"], str(full), [(_shown(url), "no space left")]) from full
            except _Fault as fault:
                reason = _shown(fault.reason)
                failures = 1 if fault.got >= best + _NEWS else failures + 1
                best = max(best, fault.got)
                pause = min(_LONGEST_PAUSE_S, pause_s * 2 ** (failures - 1))
                if not fault.transient or failures >= most or _left(deadline, pause + 1) <= pause:
                    if fault.transient and failures >= most and host:
                        tired.add(host)
                    tried.append((_shown(url), reason))
                    log("%s: %s: %s" % (source["name"], _shown(url), reason))
                    break
                log("%s: %s: %s; again in %.0f s" % (source["name"], _shown(url), reason, pause))
                time.sleep(pause)
    what = (
        "%s could not be fetched." % source["file"]
        if source["kind"] == "archive"
        else "commit %s of %s could not be fetched." % (source["commit"], source["repo"])
    )
    if not urls:
        what = what[:-1] + ": no URL is known for it."
    raise FetchError(source["name"], what, tried, _remedy(source))


@contextmanager
def _locked(path: str, name: str, log: Log, deadline: Optional[float]) -> Iterator[int]:
    """Hold the lock file `path`. Gives its descriptor: a child that inherits it holds the lock should we be killed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end, told = time.monotonic() + _left(deadline, _LOCK_LIMIT_S), False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, InterruptedError):
                if not told:
                    log("%s: waiting for another run that fetches it" % name)
                    told = True
                if time.monotonic() >= end:
                    raise FetchError(
                        name,
                        "another run was still fetching it when the time allowed was over.",
                        (),
                        "See who holds %s (fuser shows it), and run again." % path,
                    ) from None
                time.sleep(0.2)
        yield handle
    finally:
        os.close(handle)


def _sync_folder(folder: str) -> None:
    """Make a rename in `folder` last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -------------------- archives


def fetch_archive(
    source: Source,
    mirrors: Sequence[str],
    downloads_dir: str,
    log: Log,
    deadline: Optional[float] = None,
    attempts: int = 3,
    pause_s: float = 2.0,
    stall_s: float = 60.0,
    opener: Optional[Callable[..., Any]] = None,
) -> str:
    """Bring an archive into `downloads_dir` and return its path, `<downloads_dir>/<sha256>-<file>`.

    The bytes gather in `….part`, which the next try, URL or run goes on with; the file gets its name only when whole
    and of the right digest. One that is there already needs no network. `opener(request, timeout=seconds)` answers like
    urllib's; the default takes http, https (certificates always verified) and file URLs, and the environment's proxies.

    Raises FetchError when no URL has it, when the disk is full, and for a source without a proper digest.
    """
    wanted, name = str(source.get("sha256", "")).lower(), source["file"]
    if not re.match(r"^[0-9a-f]{64}$", wanted) or "/" in name or name in ("", ".", ".."):
        raise FetchError(
            source["name"],
            "sha256 %r or file name %r is malformed." % (source.get("sha256"), name),
            (),
            "A sha256 digest has 64 hexadecimal digits, a file name no slash.",
        )
    final = os.path.join(downloads_dir, "%s-%s" % (wanted, name))
    part = final + ".part"
    try:
        with _locked(final + ".lock", source["name"], log, deadline):
            if os.path.exists(final):
                if _digest_of(final)[0].hexdigest() == wanted:
                    return final
                log("%s: %s is not what it was: fetched anew" % (source["name"], final))
                os.unlink(final)
            opener = opener or _opener()

            def once(url: str, unused: bool) -> None:
                _download(source["name"], url, part, wanted, opener, log, deadline, stall_s)

            url = _first_that_works(
                source, candidate_urls(source, mirrors), once, log, deadline, attempts, pause_s, set()
            )
            os.rename(part, final)
            _sync_folder(downloads_dir)
            log("%s: %s has the right digest; from %s" % (source["name"], name, _shown(url)))
            return final
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FetchError(source["name"], _no_space(downloads_dir)) from error
        raise FetchError(
            source["name"],
            "cannot write into %s: %s." % (downloads_dir, error),
            (),
            "Give a folder that this user can write (ascend_work_dir).",
        ) from error


def _no_space(folder: str, needed: Optional[int] = None) -> str:
    """What to say of a full disk; `needed` in bytes."""
    try:
        disk = os.statvfs(folder)
        free = " (%.0f MiB free)" % (disk.f_bavail * disk.f_frsize / 2.0**20)
    except OSError:
        free = ""
    need = "" if needed is None else " for %.0f MiB more" % (needed / 2.0**20)
    return (
        "no space left%s on the file system of %s%s. Free some, or set ascend_work_dir to a roomier place, and run "
        "again: what was fetched is kept." % (need, folder, free)
    )


def _opener() -> Callable[..., Any]:
    director = urllib.request.OpenerDirector()  # not build_opener(): that would take ftp: and data: URLs too
    context = ssl.create_default_context()  # reads SSL_CERT_FILE and SSL_CERT_DIR
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.FileHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        director.add_handler(handler)
    return director.open


def _digest_of(path: str) -> Tuple[Any, int]:
    """(sha256 object, size in bytes) of what `path` holds; of nothing if it is not there."""
    digest, size = hashlib.sha256(), 0
    if os.path.exists(path):
        with open(path, "rb") as content:
            for chunk in iter(lambda: content.read(_CHUNK), b""):
                digest.update(chunk)
                size += len(chunk)
    return digest, size


def _request(url: str, have: int) -> urllib.request.Request:
    """A request for what comes after the first `have` bytes."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise _Fault("not an address of an archive: only %s are" % ", ".join(_SCHEMES))
    login, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urllib.parse.urlunsplit(parts._replace(netloc=host)))
    request.add_header("User-Agent", "ascend.pytorch")
    if at:  # unredirected: a password is for the host it was given for
        token = base64.b64encode(urllib.parse.unquote(login).encode("utf-8")).decode("ascii")
        request.add_unredirected_header("Authorization", "Basic " + token)
    if have and parts.scheme != "file":
        request.add_header("Range", "bytes=%d-" % have)
    return request


def _download(
    name: str,
    url: str,
    part: str,
    wanted: str,
    opener: Callable[..., Any],
    log: Log,
    deadline: Optional[float],
    stall_s: float,
) -> None:
    """One try to make `part` whole. Raises _Fault, _Stale or _Full; OSError when `part` itself cannot be handled."""
    digest, have = _digest_of(part)
    if have and digest.hexdigest() == wanted:  # killed between the last byte and the rename
        return
    request = _request(url, have)
    resumed = have
    try:
        response = opener(request, timeout=max(0.1, _left(deadline, stall_s)))
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            os.unlink(part)
            raise _Stale("%d bytes kept from an earlier try are more than it has" % have) from error
        raise _Fault(
            "HTTP %d %s" % (error.code, error.reason), error.code in (408, 425, 429) or error.code >= 500
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _network_fault(error, stall_s) from error
    try:
        status = getattr(response, "status", None)
        if status == 206:
            span = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
            if not have or not span or int(span.group(1)) != have:
                _forget(part)
                raise (_Stale("it sent another piece than was asked for") if have else _Fault("HTTP 206 unasked for"))
        else:  # the whole file, whatever was asked for
            digest, have, resumed = hashlib.sha256(), 0, 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        if total is not None:
            _make_room(part, have, total)
        log("%s: fetching %s%s" % (name, _shown(url), ", going on at %d bytes" % have if have else ""))
        have = _copy(name, response, part, digest, have, total, log, deadline, stall_s)
        page = "html" in (response.headers.get("Content-Type") or "")
    finally:
        response.close()
    if digest.hexdigest() == wanted:
        return
    _forget(part)
    if resumed:
        # The piece from before may be to blame, so this says nothing of the URL yet.
        raise _Stale("joined to %d bytes kept from an earlier try, the digest is wrong" % resumed)
    raise _Fault(
        "digest is %s, wanted %s (%d bytes%s)" % (digest.hexdigest(), wanted, have, ", a web page" if page else "")
    )


def _copy(
    name: str,
    response: Any,
    part: str,
    digest: Any,
    have: int,
    total: Optional[int],
    log: Log,
    deadline: Optional[float],
    stall_s: float,
) -> int:
    """Append the response to the first `have` bytes of `part`, and to `digest`; return the new size. Synced to disk."""
    read = getattr(response, "read1", response.read)  # read() would wait for a full chunk, however slowly it drips
    told = time.monotonic()
    with open(part, "ab") as out:
        out.truncate(have)
        try:
            while total is None or have < total:
                if _left(deadline, 1.0) <= 0:
                    raise _Fault("the time allowed was over", got=have)
                try:
                    chunk = read(_CHUNK if total is None else min(_CHUNK, total - have))
                except (OSError, http.client.HTTPException, ValueError) as error:
                    fault = _network_fault(error, stall_s)
                    raise _Fault(fault.reason, fault.transient, have) from error
                if not chunk:
                    break
                out.write(chunk)
                digest.update(chunk)
                have += len(chunk)
                if time.monotonic() - told >= _LOG_EVERY_S:
                    told = time.monotonic()
                    log("%s: %.1f%s MiB" % (name, have / 2.0**20, " of %.1f" % (total / 2.0**20) if total else ""))
            out.flush()
            os.fsync(out.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _Full(_no_space(os.path.dirname(part), None if total is None else total - have)) from error
            raise
    if total is not None and have < total:
        raise _Fault("the connection ended after %d of %d bytes" % (have, total), True, have)
    return have


def _make_room(part: str, have: int, total: int) -> None:
    """Cut `part` to the `have` bytes that count; raise _Full at once where an hour's download would end so anyway."""
    with open(part, "ab") as out:
        out.truncate(have)
    disk = os.statvfs(os.path.dirname(part))
    if total - have > disk.f_bavail * disk.f_frsize:
        raise _Full(_no_space(os.path.dirname(part), total - have))


def _forget(part: str) -> None:
    if os.path.exists(part):
        os.unlink(part)


def _network_fault(error: Exception, stall_s: float) -> _Fault:
    """What went wrong on the way, in words, and whether it may pass."""
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    if isinstance(cause, ssl.CertificateError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return _Fault(
            "its certificate is not trusted (%s). Mind the host's clock, or name your CA in SSL_CERT_FILE" % cause
        )
    if isinstance(cause, socket.timeout):
        return _Fault("no answer for %g s" % stall_s, True)
    if isinstance(cause, socket.gaierror):
        return _Fault("its name cannot be resolved (%s)" % cause, cause.errno == socket.EAI_AGAIN)
    passing = (
        TimeoutError,
        ConnectionResetError,
        ConnectionAbortedError,
        BrokenPipeError,
        ssl.SSLError,
        http.client.IncompleteRead,
        http.client.BadStatusLine,
    )
    return _Fault(str(cause) or type(cause).__name__, isinstance(cause, passing))


# -------------------- running git

# What git is told instead of the user's and the system's settings: a url.insteadOf, autocrlf, a hook or an lfs filter
# would change what is fetched. A file, because git takes safe.directory from nowhere else before 2.38, and because the
# git that serves a file:// URL reads it too. No gc: work trees borrow objects from the stores.
_GIT_CONFIG = """\
[safe]
\tdirectory = *
[protocol]
\tversion = 2
[protocol "file"]
\tallow = always
[uploadpack]
\tallowAnySHA1InWant = true
[http]
\tlowSpeedLimit = 1000
\tlowSpeedTime = %d
\tsslVerify = true
[core]
\tautocrlf = false
\thooksPath = /dev/null
\tfsmonitor = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[fetch]
\trecurseSubmodules = false
[submodule]
\trecurse = false
[init]
\tdefaultBranch = master
[advice]
\tdetachedHead = false
"""

_Outcome = NamedTuple("_Outcome", [("code", int), ("out", bytes), ("err", str)])


class _Git(object):
    """Runs git commands that cannot prompt, cannot hang and see no settings but ours. A context manager."""

    def __init__(self, name: str, log: Log, deadline: Optional[float], stall_s: float, near: str = "") -> None:
        self.name, self.log, self.deadline, self.stall_s = name, log, deadline, stall_s
        self.near = near  # where its settings may stand for the while; else where temporary files do
        self.lock = None  # type: Optional[int]  # inherited by children: an orphan of a killed run keeps its lock

    def __enter__(self) -> "_Git":
        self.home = tempfile.mkdtemp(prefix=".git-home-", dir=self.near if os.path.isdir(self.near) else None)
        config = os.path.join(self.home, ".gitconfig")
        with open(config, "w") as out:
            out.write(_GIT_CONFIG % max(1, int(self.stall_s)))
        self.env = _git_environment(self.home, config)
        return self

    def __exit__(self, *unused: Any) -> None:
        shutil.rmtree(self.home, ignore_errors=True)

    def __call__(self, *args: str, **kwargs: Any) -> _Outcome:
        """Run `git <args>`; git_dir=, tree= say on what, remote=True that another host is awaited. Code -1: stopped.

        A repository is always named: git that looks for one itself may find, and clean, the one around it.
        """
        where, tree, remote = kwargs.get("git_dir"), kwargs.get("tree"), kwargs.get("remote", False)
        argv = ["git"] + (["--git-dir=" + where] if where else []) + (["--work-tree=" + tree] if tree else [])
        return self._run(argv + list(args), tree or where or "/", self.stall_s * 5 if remote else None)

    def must(self, *args: str, **kwargs: Any) -> bytes:
        """The same, for a command that fails only if something is broken. Returns its output."""
        done = self(*args, **kwargs)
        if done.code != 0:
            if "No space left" in done.err or "Disk quota exceeded" in done.err:
                raise FetchError(self.name, _no_space(kwargs.get("tree") or kwargs.get("git_dir") or "/"))
            if done.code == -1:  # no sign of damage
                raise FetchError(self.name, "git %s was stopped: %s." % (args[0], done.err), (), "Run again.")
            raise _Broken("git %s failed: %s" % (args[0], _gist(done.err)))
        return done.out

    def _run(self, argv: List[str], cwd: str, silence_s: Optional[float]) -> _Outcome:
        limit_s = _left(self.deadline, _LOCAL_LIMIT_S if silence_s is None else float("inf"))
        if limit_s <= 0:
            return _Outcome(-1, b"", "the time allowed was over")
        try:
            # A session of its own: no terminal to prompt on, and one group to kill.
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=() if self.lock is None else (self.lock,),
            )
        except FileNotFoundError:
            raise FetchError(
                self.name, "there is no git on this host, or %s is gone." % cwd, (), "Install git."
            ) from None
        try:
            return self._watch(process, time.monotonic() + limit_s, silence_s)
        finally:
            if process.poll() is None:
                _kill(process)
            process.stdout.close()
            process.stderr.close()

    def _watch(self, process: Any, end: float, silence_s: Optional[float]) -> _Outcome:
        out, err = bytearray(), bytearray()
        last = told = time.monotonic()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ, out)
            ready.register(process.stderr, selectors.EVENT_READ, err)
            while ready.get_map():
                now = time.monotonic()
                until = end if silence_s is None else min(end, last + silence_s)
                if now >= until:
                    why = "the time allowed was over" if now >= end else "no sign of life for %g s" % silence_s
                    return _Outcome(-1, bytes(out), why)
                for key, _events in ready.select(min(until - now, 3600.0)):
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        ready.unregister(key.fileobj)
                    key.data.extend(chunk)
                    last = time.monotonic()
                if len(err) > 2 * 65536:  # an hour's progress lines
                    del err[:-65536]
                if silence_s is not None and last - told >= _LOG_EVERY_S:
                    told = last
                    self.log("%s: git: %s" % (self.name, (_lines(err) or ["…"])[-1]))
        return _Outcome(process.wait(), bytes(out), "\n".join(_lines(err)))


class _Broken(Exception):
    """A repository or work tree of ours that git cannot work with: it is made anew."""


def _git_environment(home: str, config: str) -> Dict[str, str]:
    kept = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXEC_PATH")
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in kept}
    env.update(
        {
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "GIT_CONFIG_GLOBAL": config,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": "file:http:https:git:ssh",  # not ext::, which runs what a .gitmodules says
            "LC_ALL": "C",
            "LANGUAGE": "C",  # its messages are read
        }
    )
    if "GIT_SSH" not in env:
        env.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    # libcurl knows neither the variable that Python and OpenSSL read, nor this one in capitals.
    for ours, theirs in (("SSL_CERT_FILE", "GIT_SSL_CAINFO"), ("HTTP_PROXY", "http_proxy")):
        if env.get(ours):
            env.setdefault(theirs, env[ours])
    return env


def _kill(process: Any) -> None:
    for number, wait_s in ((signal.SIGTERM, 3), (signal.SIGKILL, 30)):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=wait_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _lines(err: bytes) -> List[str]:
    """Lines of git's error output, without blank ones; of each progress line, its last state."""
    text = bytes(err).decode("utf-8", "replace")
    return [line.rstrip("\r").rpartition("\r")[2].strip() for line in text.split("\n") if line.strip()]


def _gist(err: str) -> str:
    """The lines of git's error output that say what is wrong, in one."""
    lines = [line for line in err.split("\n") if re.match(r"(remote: )?(fatal|error|ERROR|fetch-pack)\b", line)]
    return _shown("; ".join(lines or err.split("\n")[-3:]) or "it said nothing")


# -------------------- git sources

# The server does not give out a commit, or a shallow one, by its name; asking in another way may do.
_REFUSED = re.compile(
    r"unadvertised object|no such remote ref|[Cc]ouldn't find remote ref|not valid|does not support|"
    r"expected shallow|Server does not allow"
)
_ABSENT = re.compile(r"not our ref")  # only a server that looks up any name says so: it has not got it
_HOPELESS = re.compile(
    r"not found|does not exist|does not appear to be a git repository|[Cc]ould ?n[o']t resolve|"
    r"Connection refused|Couldn't connect to server|No route to host|Network is unreachable|"
    r"could not read (Username|Password)|Authentication failed|returned error: (401|403|404|410)|"
    r"certificate|not allowed|[Uu]nable to find remote helper|Permission denied|"
    r"transport '.*' not allowed"
)


def fetch_git(
    source: Source,
    mirrors: Sequence[str],
    git_dir_root: str,
    dest: str,
    log: Log,
    deadline: Optional[float] = None,
    attempts: int = 3,
    pause_s: float = 2.0,
    stall_s: float = 60.0,
) -> Dict[str, Any]:
    """Put the pinned commit of a git source, and if source["submodules"] all of its submodules, at `dest`.

    Commits come through bare stores, `<git_dir_root>/<Owner>/<repo>.git`, kept from run to run: what is in them needs
    no network. The tree at `dest` has a `.git` of its own that borrows the store's objects, and is left exactly as the
    commit has it: half a checkout, built files and edits are put back. Submodules are real repositories inside it, each
    at its recorded commit, from their own candidate URLs (relative ones resolved against each of the parent's).

    Returns {"commit": 40 hex, "submodules": {path: 40 hex}}. Raises FetchError.
    """
    top = _checked(source)
    dest, git_dir_root = os.path.abspath(dest), os.path.abspath(git_dir_root)
    patience = {"attempts": attempts, "pause_s": pause_s, "tired": set()}
    found = {}  # type: Dict[str, str]
    with _ours(source["name"], git_dir_root, "Remove %s and %s, and run again." % (dest, git_dir_root)):
        with _Git(source["name"], log, deadline, stall_s, git_dir_root) as git:
            _place(git, top, mirrors, git_dir_root, dest, patience)
            waiting = [("", top["commit"], _parents(top))]
            while waiting and source.get("submodules"):
                above, commit, parents = waiting.pop(0)
                for link in _gitlinks(git, os.path.join(dest, above, ".git"), commit):
                    path = os.path.join(above, link.path)
                    urls = _submodule_urls(parents, link.url)
                    child = submodule_source(source, path, link.commit, urls)
                    _place(git, child, mirrors, git_dir_root, os.path.join(dest, path), patience, inside=True)
                    # As `git submodule init` leaves it, so that git submodule commands know it.
                    git.must(
                        "config",
                        "submodule.%s.url" % link.name,
                        _shown(urls[0]),
                        git_dir=os.path.join(dest, above, ".git"),
                    )
                    found[path] = link.commit
                    waiting.append((path, link.commit, urls))
    return {"commit": top["commit"], "submodules": found}


def _checked(source: Source) -> Source:
    """The git source with its commit in lower case; FetchError when it is malformed."""
    if not re.match(r"^[0-9a-fA-F]{40}$", source.get("commit") or ""):
        raise FetchError(
            source["name"],
            "commit %r is malformed." % source.get("commit"),
            (),
            "A commit has 40 hexadecimal digits (git rev-parse gives it).",
        )
    if (source.get("ref") or "").startswith("-") or not _plain(source["repo"]):
        raise FetchError(
            source["name"],
            "ref %r or repo %r is malformed." % (source.get("ref"), source["repo"]),
            (),
            "A repo looks like Ascend/pytorch, a ref like 2.0.4.tr5.",
        )
    return dict(source, commit=source["commit"].lower())


@contextmanager
def _ours(name: str, git_dir_root: str, remedy: str) -> Iterator[None]:
    """Make the folder of the stores, and a FetchError of all that goes wrong with what is ours on this host."""
    try:
        os.makedirs(git_dir_root, exist_ok=True)
        yield
    except _Broken as error:
        raise FetchError(name, "%s." % error, (), remedy) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FetchError(name, _no_space(git_dir_root)) from error
        raise FetchError(name, "%s." % error, (), "Mend that, and run again.") from error


def _parents(source: Source) -> List[str]:
    """The URLs that relative ones in a repository's .gitmodules are resolved against."""
    return list(source.get("urls") or [source["repo"] + ".git"])


def submodule_source(source: Source, path: str, commit: str, urls: Sequence[str]) -> Source:
    """The source of a submodule; `path` is where in the tree of `source` it belongs, `urls` where it may be had."""
    return {
        "name": "%s: submodule %s" % (source["name"], path),
        "kind": "git",
        "commit": commit,
        "urls_variable": "",  # they are in its .gitmodules, where nobody can set them
        "repo": _last_two(urls[0]),
        "urls": [one for one in urls if _is_address(one) or one[0] == "/"],
        "offline": bool(source.get("offline")),
    }


def reset_tree(path: str, deadline: Optional[float] = None) -> None:
    """Put the work tree `path` and its submodules back to their commits: edits, new and ignored files go. No network.

    Raises FetchError when it is no work tree, or a submodule that was there is gone.
    """
    path = os.path.abspath(path)
    with _Git(path, lambda line: None, deadline, 60.0, os.path.join(path, ".git")) as git:
        try:
            _reset(git, path)
        except (_Broken, OSError) as error:
            raise FetchError(
                path, "the tree cannot be put back: %s." % error, (), "Remove %s and run again: it is made anew." % path
            ) from error


def git_closure(open_repo: Callable[[str], Optional[str]], repo: str, commit: str) -> List[Dict[str, str]]:
    """Everything that `commit` of `repo` needs, submodules of submodules too: [{"repo", "commit", "path"}], top first.

    open_repo("Owner/name") gives the folder of a bare repository, or None (see bare_repositories); `path` is where in
    the tree it belongs, "" for the top. A submodule's repo is the last two elements of its URL's path, as mirrors have
    it. Reads only. Raises FetchError with all that is missing.
    """
    needed = []  # type: List[Dict[str, str]]
    missing = []  # type: List[Tuple[str, str]]
    waiting = [("", repo, commit, [repo + ".git"])]
    with _Git(repo, lambda line: None, None, 60.0) as git:
        while waiting:
            path, name, wanted, urls = waiting.pop(0)
            where = open_repo(name)
            what = "%s.git%s" % (name, " (submodule %s)" % path if path else "")
            if not where or not os.path.isdir(where):
                missing.append((what, "not there; commit %s is needed" % wanted))
                continue
            if not _whole(git, os.path.abspath(where), wanted):
                missing.append((what, "has not got commit %s, or not whole" % wanted))
                continue
            needed.append({"repo": name, "commit": wanted, "path": path})
            try:
                for link in _gitlinks(git, os.path.abspath(where), wanted):
                    below = _submodule_urls(urls, link.url)
                    waiting.append((os.path.join(path, link.path), _last_two(below[0]), link.commit, below))
            except _Broken as error:
                missing.append((what, str(error)))
    if missing:
        raise FetchError(
            repo,
            "the mirror lacks what commit %s needs." % commit,
            missing,
            "Put a bare clone (git clone --mirror) of each into the mirror directory, or fetch the commit "
            "into the one that is there.",
        )
    return needed


# -------------------- repositories as files


def bundle_name(repo: str, commit: str) -> str:
    """Where a mirror folder may have a commit as a git bundle, in place of the bare repository <repo>.git."""
    return "%s/%s.bundle" % (repo, commit)


def _bundle_at(url: str, commit: str) -> str:
    """The path of the git bundle that stands in for the repository at `url`; "" when there is none."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "file" or not commit:
        return ""
    path = bundle_name(re.sub(r"\.git/?$", "", urllib.parse.unquote(parts.path)), commit)
    return path if os.path.isfile(path) else ""


def bundle_git(
    source: Source,
    mirrors: Sequence[str],
    git_dir_root: str,
    path: str,
    log: Log,
    deadline: Optional[float] = None,
    attempts: int = 3,
    pause_s: float = 2.0,
    stall_s: float = 60.0,
) -> List[Dict[str, Any]]:
    """Write the pinned commit of a git source as the git bundle `path`, and return the submodules that it records.

    The bundle has one ref, refs/pins/<commit>, and of the history this commit alone: all that a build needs, at a
    fraction of the size. fetch_git takes it from a mirror folder that has it as bundle_name says. Written beside
    `path`, synced and renamed. The commit comes through a store in `git_dir_root`, as with fetch_git.

    A submodule is {"path", "commit", "urls"}, urls resolved as with fetch_git. Raises FetchError.
    """
    top = _checked(source)
    git_dir_root = os.path.abspath(git_dir_root)
    patience = {"attempts": attempts, "pause_s": pause_s, "tired": set()}
    with _ours(source["name"], git_dir_root, "Remove %s, and run again." % git_dir_root):
        with _Git(source["name"], log, deadline, stall_s, git_dir_root) as git:

            def use(store: str) -> List[_Gitlink]:
                _bundle(git, store, top["commit"], os.path.abspath(path))
                return _gitlinks(git, store, top["commit"])

            links = _with_store(git, top, mirrors, git_dir_root, patience, use)
    return [
        {"path": link.path, "commit": link.commit, "urls": _submodule_urls(_parents(top), link.url)} for link in links
    ]


def bundled_file(bundle: str, commit: str, path: str) -> Optional[bytes]:
    """What the file `path` of the commit in a git bundle holds, None when it has no such. Raises FetchError."""
    with _Git(bundle, lambda line: None, None, 60.0) as git:
        store = os.path.join(git.home, "store.git")
        try:
            git.must("init", "-q", "--bare", "--template=", store)
            git.must("bundle", "unbundle", os.path.abspath(bundle), git_dir=store)
        except _Broken as error:
            raise FetchError(bundle, "%s." % error, (), "Remove it, and run again: it is made anew.") from error
        done = git("cat-file", "blob", "%s:%s" % (commit, path), git_dir=store)
        return done.out if done.code == 0 else None


def patched(text: bytes, path: str, patch: bytes) -> bytes:
    """What a patch of a whole tree (as for `patch -p1`) makes of its file `path`. Raises FetchError where it does not fit."""
    with _Git(path, lambda line: None, None, 60.0) as git:
        tree = os.path.join(git.home, "tree")
        os.makedirs(os.path.dirname(os.path.join(tree, path)))
        with open(os.path.join(git.home, "patch"), "wb") as out:
            out.write(patch)
        with open(os.path.join(tree, path), "wb") as out:
            out.write(text)
        try:
            dot = os.path.join(tree, ".git")
            git.must("init", "-q", "--template=", tree)
            git.must("apply", "--include=" + path, os.path.join(git.home, "patch"), git_dir=dot, tree=tree)
        except _Broken as error:
            raise FetchError(path, "%s." % error, (), "The patch and the file are not of one release.") from error
        with open(os.path.join(tree, path), "rb") as made:
            return made.read()


def _bundle(git: _Git, store: str, commit: str, path: str) -> None:
    """Write the commit that the store holds as a git bundle, without what lies behind it."""
    scratch = os.path.join(git.home, "bundle.git")
    git.must("init", "-q", "--bare", "--template=", scratch)
    _write(os.path.join(scratch, "objects", "info", "alternates"), os.path.join(store, "objects"))
    _write(os.path.join(scratch, "shallow"), commit)
    git.must("update-ref", "refs/pins/" + commit, commit, git_dir=scratch)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        git.must("bundle", "create", path + ".partial", "refs/pins/" + commit, git_dir=scratch)
        with open(path + ".partial", "rb") as made:
            os.fsync(made.fileno())
        os.rename(path + ".partial", path)
        _sync_folder(os.path.dirname(path))
    finally:
        _forget(path + ".partial")
        shutil.rmtree(scratch)


def _unbundle(git: _Git, store: str, bundle: str, commit: str) -> None:
    """Bring into the store what a git bundle has of the commit. Raises _Fault or _Full."""
    git.log("%s: taking %s out of %s" % (git.name, commit, bundle))
    shallow = os.path.join(store, "shallow")
    former = _lines_of(shallow)
    # Before its objects: git would look in vain for what lies behind a commit that is not known as the end.
    _write(shallow, "\n".join(former + [commit]))
    done = git("bundle", "unbundle", bundle, git_dir=store)
    if _whole(git, store, commit):
        return
    if former:
        _write(shallow, "\n".join(former))
    else:
        _forget(shallow)
    if "No space left" in done.err or "Disk quota exceeded" in done.err:
        raise _Full(_no_space(store))
    raise _Fault(
        "%s is damaged, or is not what its name says: %s"
        % (bundle, _gist(done.err) if done.code else "it has not got the commit")
    )


def _lines_of(path: str) -> List[str]:
    if not os.path.exists(path):
        return []
    with open(path) as stream:
        return stream.read().split()


def bare_repositories(base: str) -> Callable[[str], Optional[str]]:
    """`open_repo` for a mirror directory: <base>/<repo>.git."""

    def open_repo(repo: str) -> Optional[str]:
        path = os.path.join(os.path.expanduser(base), repo + ".git")
        return path if _plain(repo) and os.path.isdir(path) else None

    return open_repo


# -------------------- one repository, store to tree


def _place(
    git: _Git,
    source: Source,
    mirrors: Sequence[str],
    root: str,
    dest: str,
    patience: Dict[str, Any],
    inside: bool = False,
) -> None:
    """Bring one repository's commit to `dest`."""
    _with_store(
        git,
        source,
        mirrors,
        root,
        patience,
        lambda store: _check_out(git, store, source["commit"], dest, inside),
    )


def _with_store(
    git: _Git,
    source: Source,
    mirrors: Sequence[str],
    root: str,
    patience: Dict[str, Any],
    use: Callable[[str], Any],
) -> Any:
    """Return what use(store) does, of a store that holds one repository's commit and is locked for the while.

    A store that turns out to be damaged is made anew, once.
    """
    if not _plain(source["repo"]):
        raise FetchError(source["name"], "no usable address: %r." % source["repo"], (), "Mend its .gitmodules.")
    git.name = source["name"]
    store = os.path.join(root, source["repo"] + ".git")
    with _locked(store + ".lock", source["name"], git.log, git.deadline) as lock:
        git.lock = lock
        try:
            for again in (False, True):
                try:
                    _stock(git, source, mirrors, store, patience)
                    return use(store)
                except _Broken as error:
                    if again or _left(git.deadline, 1.0) <= 0:
                        raise
                    git.log("%s: %s is damaged and made anew (%s)" % (source["name"], store, error))
                    _discard(store)
        finally:
            git.lock = None


def _stock(git: _Git, source: Source, mirrors: Sequence[str], store: str, patience: Dict[str, Any]) -> None:
    """See that the store holds the commit with all its files. Raises FetchError, or _Broken for a damaged store."""
    commit = source["commit"]
    fresh = not os.path.isdir(store)
    if fresh:
        _discard(store + ".new")
        os.makedirs(os.path.dirname(store), exist_ok=True)
        git.must("init", "-q", "--bare", "--template=", store + ".new")
        os.rename(store + ".new", store)
    _drop_locks(store)
    if _whole(git, store, commit):
        git.must("update-ref", "refs/pins/" + commit, commit, git_dir=store)
        return
    # Pinned means that it was whole once. A commit without its files is one that git may believe it need not fetch.
    if (
        git("cat-file", "-e", commit, git_dir=store).code == 0
        or os.path.exists(os.path.join(store, "refs", "pins", commit))
        or git.must("rev-parse", "--is-bare-repository", git_dir=store).strip() != b"true"
    ):
        raise _Broken("commit %s is not whole" % commit)

    def once(url: str, last: bool) -> None:
        _fetch_into(git, store, url, source, last)

    try:
        url = _first_that_works(
            source,
            candidate_urls(source, mirrors),
            once,
            git.log,
            git.deadline,
            patience["attempts"],
            patience["pause_s"],
            patience["tired"],
        )
    except FetchError:
        # Nobody had it, or is it the store? An older git does not know the option, and says so with 129.
        if not fresh and git("fsck", "--connectivity-only", git_dir=store).code not in (0, 129, -1):
            raise _Broken("git fsck finds faults") from None
        raise
    git.must("update-ref", "refs/pins/" + commit, commit, git_dir=store)
    tip = _tip(git, url, source.get("ref"))
    if tip and tip != commit:
        git.log(
            "%s: %s has moved: it is now at %s; the pinned %s is used" % (source["name"], source["ref"], tip, commit)
        )


def _fetch_into(git: _Git, store: str, url: str, source: Source, last: bool) -> None:
    """One try to bring the commit from `url`, as shallowly as its server allows. Raises _Fault or _Full."""
    if not _is_address(url):
        raise _Fault("not an address git can fetch from")
    commit, shallow = source["commit"], ["--depth", "1"]
    bundle = _bundle_at(url, commit)
    if bundle:
        _unbundle(git, store, bundle, commit)
        return
    asked = [("by its name", shallow, ["+%s:refs/pins/%s" % (commit, commit)])]
    if source.get("ref"):
        asked.append(("as %s" % source["ref"], shallow, ["+%s:refs/fetched" % source["ref"]]))
    asked.append(
        ("with all branches and tags", ["-p"], ["+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*"])
    )
    for number, (way, options, refspecs) in enumerate(asked):
        if options is not shallow and os.path.exists(os.path.join(store, "shallow")):
            options = options + ["--unshallow"]  # else the server thinks we have what lies behind the cut
        git.log("%s: fetching %s %s from %s" % (source["name"], commit, way, _shown(url)))
        _drop_locks(store)
        done = git("fetch", "-n", "--progress", *(options + [url] + refspecs), git_dir=store, remote=True)
        if _whole(git, store, commit):
            return
        if done.code == 0:
            continue
        reason = _gist(done.err)
        if "No space left" in done.err or "Disk quota exceeded" in done.err:
            raise _Full(_no_space(store))
        if _ABSENT.search(done.err):
            break
        if _REFUSED.search(done.err):
            continue
        # On the last try the other ways are tried too: not every server says plainly that it refuses one.
        if _HOPELESS.search(done.err) or not last or number == len(asked) - 1 or done.code == -1:
            raise _Fault(reason, not _HOPELESS.search(done.err))
    raise _Fault("has not got commit %s%s" % (commit, " in any branch or tag" if number == len(asked) - 1 else ""))


def _tip(git: _Git, url: str, ref: Optional[str]) -> str:
    """The commit that tag or branch `ref` stands at on the server; empty when that cannot be learned."""
    for kind, prefix in (("--tags", "refs/tags/"), ("--heads", "refs/heads/")):
        done = git("ls-remote", kind, url, ref, ref + "^{}", remote=True) if ref else None
        if done and done.code == 0:
            rows = [row.split("\t") for row in done.out.decode("utf-8", "replace").splitlines() if "\t" in row]
            tips = {name: commit for commit, name in rows}
            for name in (prefix + ref + "^{}", prefix + ref):  # an annotated tag's commit first
                if name in tips:
                    return tips[name]
    return ""


def _whole(git: _Git, store: str, commit: str) -> bool:
    """Whether the commit, its folders and its files are all there (names only: what came in was checked by git)."""
    return git("rev-list", "--objects", "--no-walk", "--quiet", commit, git_dir=store).code == 0


def _check_out(git: _Git, store: str, commit: str, dest: str, inside: bool) -> None:
    """Make `dest` the work tree of the commit, whatever half of one stands there. Raises _Broken if the store is bad.

    Not a `git worktree` (too new for CentOS 7) and not a clone (refuses to share a shallow store): a repository of its
    own that borrows the store's objects. `inside`: within a tree of ours, where nothing of the user's can be.
    """
    dot = os.path.join(dest, ".git")
    if os.path.lexists(dest) and not os.path.isdir(dot) and (not os.path.isdir(dest) or os.listdir(dest)):
        if not inside:
            raise FetchError(
                git.name,
                "%s stands where the source belongs, and is no work of ours." % dest,
                (),
                "Move it away, and run again.",
            )
        _discard(dest)
    for again in (False, True):
        try:
            if again:
                _discard(dest)
            os.makedirs(dest, exist_ok=True)
            _drop_locks(dot)
            git.must("init", "-q", "--template=", dest)
            _write(os.path.join(dot, "objects", "info", "alternates"), os.path.join(os.path.abspath(store), "objects"))
            if os.path.exists(os.path.join(store, "shallow")):
                shutil.copyfile(os.path.join(store, "shallow"), os.path.join(dot, "shallow"))
            git.must("update-ref", "--no-deref", "HEAD", commit, git_dir=dot)
            _restore(git, dest)
            return
        except _Broken:
            if again:
                raise


def _restore(git: _Git, tree: str) -> None:
    dot = os.path.join(tree, ".git")
    _drop_locks(dot)
    git.must("reset", "-q", "--hard", "HEAD", git_dir=dot, tree=tree)
    git.must("clean", "-ffdxq", git_dir=dot, tree=tree)


def _reset(git: _Git, tree: str) -> None:
    """Put back `tree`, then each of its submodules at the commit that it records."""
    dot = os.path.join(tree, ".git")
    if not os.path.lexists(dot):
        raise _Broken("%s has no .git" % tree)
    _restore(git, tree)
    commit = git.must("rev-parse", "HEAD", git_dir=dot).decode("ascii").strip()
    for link in _gitlinks(git, dot, commit):
        path = os.path.join(tree, link.path)
        if os.path.lexists(os.path.join(path, ".git")):
            git.must("update-ref", "--no-deref", "HEAD", link.commit, git_dir=os.path.join(path, ".git"))
            _reset(git, path)
        elif git("config", "submodule.%s.url" % link.name, git_dir=dot).code == 0:
            raise _Broken("submodule %s is gone" % path)


_Gitlink = NamedTuple("_Gitlink", [("name", str), ("path", str), ("url", str), ("commit", str)])


def _gitlinks(git: _Git, git_dir: str, commit: str) -> List[_Gitlink]:
    """The submodules that a commit records, with what its .gitmodules says of them. Raises _Broken.

    `git ls-tree -r -z` gives "<mode> <type> <id>\\t<path>\\0", where mode 160000 is a submodule; `git config -z --list`
    gives "<key>\\n<value>\\0".
    """
    rows = git.must("ls-tree", "-r", "-z", commit, git_dir=git_dir).split(b"\0")
    commits = {
        os.fsdecode(row.split(b"\t", 1)[1]): row.split()[2].decode("ascii")
        for row in rows
        if row.startswith(b"160000 ")
    }
    if not commits:
        return []
    text = git("cat-file", "blob", commit + ":.gitmodules", git_dir=git_dir)
    listing = os.path.join(git.home, "modules")
    with open(listing, "wb") as out:
        out.write(text.out)
    told = {}  # type: Dict[str, Dict[str, str]]
    for item in git.must("config", "-z", "-f", listing, "--list").split(b"\0"):
        key, unused, value = os.fsdecode(item).partition("\n")
        match = re.match(r"^submodule\.(.+)\.(path|url)$", key, re.DOTALL)
        if match:
            told.setdefault(match.group(1), {})[match.group(2)] = value
    named = {
        one["path"].rstrip("/"): (name, one["url"]) for name, one in told.items() if one.get("path") and one.get("url")
    }
    orphans = sorted(set(commits) - set(named))
    if orphans:
        raise _Broken(
            "commit %s has the submodule %s, but its .gitmodules does not say from where" % (commit, orphans[0])
        )
    return [_Gitlink(named[path][0], path, named[path][1], commits[path]) for path in sorted(commits)]


# -------------------- addresses of repositories


def _is_address(url: str) -> bool:
    return re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*://", url) is not None or re.match(r"^[\w.-]+@[\w.-]+:", url) is not None


def _plain(repo: str) -> bool:
    """Whether `repo` is a name like Owner/name, safe to make a path of."""
    return re.match(r"^\w[\w.+~-]*(/\w[\w.+~-]*)*$", repo) is not None


def _last_two(url: str) -> str:
    """Owner/name out of a repository's URL: the last two elements of its path, without .git."""
    path = urllib.parse.urlsplit(url).path if "://" in url else url.rpartition(":")[2]
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return re.sub(r"\.git$", "", "/".join(parts[-2:]))


def _submodule_urls(parents: Sequence[str], url: str) -> List[str]:
    """Absolute URLs for what .gitmodules says, given the URLs of the repository that it is in.

    A relative one (./ or ../) is resolved as git does, against each of the parents. git:// and ssh addresses are first
    tried over https: public hosts have dropped the former, and hosts that build have no key for the latter.
    """
    if url.startswith(("./", "../")):
        return [_joined(parent, url) for parent in parents]
    match = re.match(r"^(?:git://|ssh://(?:[^@/]+@)?|[\w.-]+@)([\w.-]+)(?::\d+)?[:/]+(.+)$", url)
    return (["https://%s/%s" % match.groups()] if match else []) + [url]


def _joined(parent: str, relative: str) -> str:
    base = parent.rstrip("/")
    while True:
        if relative.startswith("./"):
            relative = relative[2:].lstrip("/")
        elif relative.startswith("../"):
            relative = relative[3:].lstrip("/")
            base, separator, unused = base.rpartition("/")
            if not separator and ":" in unused:  # host:path
                return unused.rpartition(":")[0] + ":" + relative
        else:
            return base + "/" + relative if base else relative


# -------------------- small things


def _drop_locks(git_dir: str) -> None:
    """Remove lock files that a killed git left. We hold the store's lock, and so does every git that we started."""
    for folder, folders, files in os.walk(git_dir):
        if folder == git_dir:
            folders[:] = [name for name in folders if name in ("refs", "info", "objects")]
        elif os.path.basename(folder) == "objects":
            folders[:] = [name for name in folders if name in ("info", "pack")]
        for name in files:
            if name.endswith(".lock") or os.path.basename(folder) == "pack" and name.startswith("tmp_"):
                os.unlink(os.path.join(folder, name))


def _discard(path: str) -> None:
    """Remove a tree in such a way that half of it never stands there under its name."""
    old = path + ".old"
    for one in (old, path):
        if one == path and os.path.lexists(path):
            os.rename(path, old)
        if os.path.isdir(old) and not os.path.islink(old):
            shutil.rmtree(old)
        elif os.path.lexists(old):
            os.unlink(old)


def _write(path: str, line: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(line + "\n")
