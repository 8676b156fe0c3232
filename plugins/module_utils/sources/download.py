# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Download archives by their digest, over http, https or from a file: resumed, checked, and renamed only when whole.

Times, log lines and sources are those of fetch.py.
"""

import errno
import hashlib
import http.client
import os
import re
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Optional, Sequence, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, extensions, logins, outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch

_CHUNK = 256 * 1024
_SCHEMES = ("http", "https", "file")


def fetch_archive(
    source: fetch.Source,
    mirrors: Sequence[str],
    downloads_dir: str,
    log: fetch.Log,
    deadline: Optional[float] = None,
    attempts: int = 3,
    pause_s: float = 2.0,
    stall_s: float = 60.0,
    opener: Optional[Callable[..., Any]] = None,
    known: Optional[logins.Logins] = None,
) -> str:
    """Bring an archive into `downloads_dir` and return its path, `<downloads_dir>/<sha256>-<file>`.

    The bytes are collected in `….part`, which the next try, URL or run continues; the file gets its name only when it is
    whole and has the right digest. An archive that exists already needs no network. `opener(request, timeout=seconds)`
    behaves like urllib's; the default opens http, https (certificates always verified) and file URLs, and uses the
    environment's proxies. If a source has a `size`, no more bytes than that are accepted.

    Raises FetchError when no URL has it, when the disk is full, and for a source without a proper digest.
    """
    wanted, name = str(source.get("sha256", "")).lower(), source["file"]
    if not re.match(r"^[0-9a-f]{64}$", wanted) or "/" in name or name in ("", ".", ".."):
        raise fetch.FetchError(
            source["name"],
            "sha256 %r or file name %r is malformed." % (source.get("sha256"), name),
            (),
            "A sha256 digest has 64 hexadecimal digits, a file name no slash.",
        )
    final = os.path.join(downloads_dir, "%s-%s" % (wanted, name))
    part = final + ".part"
    try:
        with fetch.hold_lock(final + ".lock", source["name"], log, deadline):
            if os.path.exists(final):
                if _digest_of(final)[0].hexdigest() == wanted:
                    return final
                log("%s: %s has changed since it was fetched: fetching it again" % (source["name"], final))
                os.unlink(final)
            opener = opener or make_opener()

            def once(url: str, unused: bool) -> None:
                _download(source["name"], url, part, wanted, source.get("size"), opener, log, deadline, stall_s, known)

            url = fetch.try_urls(
                source, fetch.candidate_urls(source, mirrors), once, log, deadline, attempts, pause_s, set()
            )
            durable.replace(part, final)
            log("%s: %s has the right digest; from %s" % (source["name"], name, outgoing.redact(url)))
            return final
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise fetch.FetchError(source["name"], fetch.describe_full_disk(downloads_dir)) from error
        raise fetch.FetchError(
            source["name"],
            "cannot write into %s: %s." % (downloads_dir, error),
            (),
            "Set ascend_work_dir to a folder that this user can write to.",
        ) from error


def _digest_of(path: str) -> Tuple[Any, int]:
    """Return (sha256 object, size in bytes) of a file's content; of no bytes when there is no file."""
    digest, size = hashlib.sha256(), 0
    if os.path.exists(path):
        with open(path, "rb") as content:
            for chunk in iter(lambda: content.read(_CHUNK), b""):
                digest.update(chunk)
                size += len(chunk)
    return digest, size


# -------------------- one try


def _request_rest(
    url: str, part: str, have: int, opener: Callable[..., Any], stall_s: float, known: Optional[logins.Logins]
) -> Any:
    """Request the part of a file after its first `have` bytes; return the response. Raises FetchFault or StalePart."""
    try:
        return opener(request_for(url, have, known), timeout=stall_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            os.unlink(part)
            raise fetch.StalePart("the %d bytes kept from an earlier try are more than the file has" % have) from error
        raise fetch.FetchFault(
            "HTTP %d %s" % (error.code, error.reason), error.code in (408, 425, 429) or error.code >= 500
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise network_fault(error, stall_s) from error


def _download(
    name: str,
    url: str,
    part: str,
    wanted: str,
    most: Optional[int],
    opener: Callable[..., Any],
    log: fetch.Log,
    deadline: Optional[float],
    stall_s: float,
    known: Optional[logins.Logins],
) -> None:
    """Try once to complete `part`. Raises FetchFault, StalePart or DiskFull; OSError when `part` cannot be read or written."""
    digest, have = _digest_of(part)
    if have and digest.hexdigest() == wanted:  # killed between the last byte and the rename
        return
    resumed = have
    stall_s = max(0.1, fetch.seconds_left(deadline, stall_s))
    response = _request_rest(url, part, have, opener, stall_s, known)
    try:
        status = getattr(response, "status", None)
        if status == 206:
            span = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
            if not have or not span or int(span.group(1)) != have:
                fetch.remove_if_there(part)
                raise (
                    fetch.StalePart("the server sent another piece than was requested")
                    if have
                    else fetch.FetchFault("HTTP 206, though the whole file was requested")
                )
        else:  # the server sends the whole file, whatever was requested
            digest, have, resumed = hashlib.sha256(), 0, 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        if total is not None:
            if most is not None and total > most:
                raise _discard_oversized(part, most)
            _make_room(part, have, total)
        log("%s: fetching %s%s" % (name, outgoing.redact(url), ", continuing at %d bytes" % have if have else ""))
        have = _copy(name, response, part, digest, have, total, most, log, deadline, stall_s)
        page = "html" in (response.headers.get("Content-Type") or "")
    finally:
        response.close()
    if digest.hexdigest() == wanted:
        return
    fetch.remove_if_there(part)
    if resumed:
        # The bytes kept may be the wrong ones, so the URL is not at fault yet.
        raise fetch.StalePart("with the %d bytes kept from an earlier try, the digest is wrong" % resumed)
    raise fetch.FetchFault(
        "digest is %s, wanted %s (%d bytes%s)" % (digest.hexdigest(), wanted, have, ", a web page" if page else "")
    )


def _copy(
    name: str,
    response: Any,
    part: str,
    digest: Any,
    have: int,
    total: Optional[int],
    most: Optional[int],
    log: fetch.Log,
    deadline: Optional[float],
    stall_s: float,
) -> int:
    """Append the response to the first `have` bytes of `part`, and to `digest`; return the new size. Synced to disk."""
    read = getattr(response, "read1", response.read)  # read() would wait for a full chunk, however slowly it arrives
    logged = time.monotonic()
    with open(part, "ab") as out:
        out.truncate(have)
        try:
            while total is None or have < total:
                if fetch.seconds_left(deadline, 1.0) <= 0:
                    raise fetch.FetchFault(fetch.TIME_IS_UP, got=have)
                try:
                    chunk = read(_CHUNK if total is None else min(_CHUNK, total - have))
                except (OSError, http.client.HTTPException, ValueError) as error:
                    fault = network_fault(error, stall_s)
                    raise fetch.FetchFault(fault.reason, fault.transient, have) from error
                if not chunk:
                    break
                if most is not None and have + len(chunk) > most:
                    raise _discard_oversized(part, most)
                out.write(chunk)
                digest.update(chunk)
                have += len(chunk)
                if time.monotonic() - logged >= fetch.LOG_EVERY_S:
                    logged = time.monotonic()
                    log("%s: %.1f%s MiB" % (name, have / 2.0**20, " of %.1f" % (total / 2.0**20) if total else ""))
            durable.flush(out)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise fetch.DiskFull(
                    fetch.describe_full_disk(os.path.dirname(part), None if total is None else total - have)
                ) from error
            raise
    if total is not None and have < total:
        raise fetch.FetchFault("the connection ended after %d of %d bytes" % (have, total), True, have)
    return have


def _discard_oversized(part: str, most: int) -> fetch.FetchFault:
    """Remove a `part` that is larger than expected, and return the FetchFault to raise."""
    fetch.remove_if_there(part)
    return fetch.FetchFault("it has more than the %d bytes that are expected" % most)


def _make_room(part: str, have: int, total: int) -> None:
    """Cut `part` to its valid `have` bytes. Raise DiskFull now, not after an hour's download, when `total` bytes do not fit."""
    with open(part, "ab") as out:
        out.truncate(have)
    disk = os.statvfs(os.path.dirname(part))
    if total - have > disk.f_bavail * disk.f_frsize:
        raise fetch.DiskFull(fetch.describe_full_disk(os.path.dirname(part), total - have))


# -------------------- requests to a server


class WithoutTls(fetch.FetchFault):
    """A redirect led to a URL without TLS, whose content can be changed on the way."""


class _TlsOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirects to https only."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        if urllib.parse.urlsplit(newurl).scheme != "https":
            raise WithoutTls("it redirects to %s, which is read without TLS" % outgoing.redact(newurl))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def make_opener(tls: bool = False) -> Callable[..., Any]:
    """Return a function that opens http, https and file URLs: opener(URL or request, timeout=seconds).

    It returns and raises what urllib's own does. Certificates are verified; proxies are the environment's. A Python
    without ssl cannot open https URLs.

    tls: raise WithoutTls for a redirect to a URL without TLS. For content whose digest is not known beforehand.
    """
    director = urllib.request.OpenerDirector()  # not build_opener(): that would open ftp: and data: URLs too
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        _https_handler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _TlsOnly() if tls else urllib.request.HTTPRedirectHandler(),
        urllib.request.FileHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        director.add_handler(handler)
    return director.open


def _https_handler() -> urllib.request.BaseHandler:
    try:
        context = extensions.load("ssl").create_default_context()  # reads SSL_CERT_FILE and SSL_CERT_DIR
    except extensions.ModuleMissing as error:
        return _NoTls(str(error))
    return urllib.request.HTTPSHandler(context=context)


class _NoTls(urllib.request.BaseHandler):
    """Raise, for each https URL, an error that says why it cannot be opened."""

    def __init__(self, why: str) -> None:
        self.why = why

    def https_open(self, request: urllib.request.Request) -> Any:
        raise urllib.error.URLError(extensions.ModuleMissing(self.why))


def request_for(url: str, have: int, known: Optional[logins.Logins] = None) -> urllib.request.Request:
    """Return a request for a URL's content after its first `have` bytes, with its login, if one is known, as a header.

    Raises fetch.FetchFault for anything but an http, https or file URL.
    """
    address = logins.split(url)[0]
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in _SCHEMES:
        raise fetch.FetchFault("not an address of an archive: use %s" % ", ".join(_SCHEMES))
    request = urllib.request.Request(address)
    request.add_header("User-Agent", "ascend.pytorch")
    login = logins.login_for(url, known)
    if login:  # unredirected: a password is sent only to the host it was given for
        request.add_unredirected_header("Authorization", logins.authorization_header(login))
    if have and parts.scheme != "file":
        request.add_header("Range", "bytes=%d-" % have)
    return request


def network_fault(error: Exception, stall_s: float) -> fetch.FetchFault:
    """Return a FetchFault that describes an error of the network, and says whether it is transient.

    `error` is what an opener or its response raised, other than HTTPError; `stall_s` the timeout that was given.
    """
    # Without the ssl module loaded, no error can be one of its kind.
    ssl = sys.modules.get("ssl")
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    if (ssl and isinstance(cause, ssl.CertificateError)) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
        return fetch.FetchFault(
            "its certificate is not trusted (%s). Check the host's clock, or name your CA in SSL_CERT_FILE" % cause
        )
    if isinstance(cause, socket.timeout):
        return fetch.FetchFault("no answer for %.3g s" % stall_s, True)
    if isinstance(cause, socket.gaierror):
        return fetch.FetchFault("its name cannot be resolved (%s)" % cause, cause.errno == socket.EAI_AGAIN)
    transient = (
        TimeoutError,
        ConnectionResetError,
        ConnectionAbortedError,
        BrokenPipeError,
        http.client.IncompleteRead,
        http.client.BadStatusLine,
    ) + ((ssl.SSLError,) if ssl else ())
    return fetch.FetchFault(str(cause) or type(cause).__name__, isinstance(cause, transient))
