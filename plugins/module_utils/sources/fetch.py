# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all fetching shares: where to look for a pinned source, patience with bad roads, locks, and room on the disk.

download.py brings archives by these means, repositories.py git trees.

Times: `deadline` is a value of `time.monotonic()` in seconds, or None for no end; whatever ends in `_s` is in seconds.
`log` takes one line of text. A source is a mapping as in a recipe: "name", "kind" ("archive" or "git"), "urls", and
"file" and "sha256", or "repo" and "commit". `known` are logins for its URLs and mirrors, see base/logins.py: used, and never shown.
"""

import os
import re
import time
import urllib.parse
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking, places
from ansible_collections.ascend.pytorch.plugins.module_utils.base.outgoing import redact

Log = Callable[[str], None]
Source = Dict[str, Any]

_PROGRESS_BYTES = (
    1024 * 1024
)  # a try that brought this many new bytes was no failure: the road is bad, but it leads there
_LONGEST_PAUSE_S = 60.0
TIME_IS_UP = "the time allowed was over (ascend_timeout_s, or the role's own)"
LOG_EVERY_S = 15.0  # what takes long says this often how far it is
_LOCK_LIMIT_S = 4 * 3600.0


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
    tail = _path_in_mirror(source)
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


def _path_in_mirror(source: Source) -> str:
    """Where a mirror has it, below its base."""
    if source["kind"] == "git":
        return re.sub(r"\.git$", "", source["repo"].strip("/")) + ".git"
    return source["file"]


def _as_url(place: str) -> str:
    if place[0] not in "~/":
        return place
    return "file://" + urllib.parse.quote(os.path.normpath(places.expand_home(place)).replace("//", "/"))


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
        % (_path_in_mirror(source), "; or name other URLs in " + urls if urls else "")
    )


# -------------------- trying with patience


class FetchFault(Exception):
    """A try that failed. reason: in words; transient: the URL may do better in a moment; got: bytes had by then."""

    def __init__(self, reason: str, transient: bool = False, got: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient
        self.got = got


class DiskFull(Exception):
    """No space left: no other URL will help."""


class StalePart(Exception):
    """What an earlier try left does not fit what the server has now; it was removed: begin anew."""


def seconds_left(deadline: Optional[float], most: float) -> float:
    """Return the seconds that are left until `deadline`, at most `most`; nothing or less when it has passed."""
    return most if deadline is None else min(most, deadline - time.monotonic())


def try_urls(
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

    `once` raises FetchFault, DiskFull or StalePart; what else it raises goes through. Raises FetchError when no URL did, with the
    reason of each, and as soon as the disk is full.
    """
    tried = []  # type: List[Tuple[str, str]]
    for url in urls:
        host = urllib.parse.urlsplit(url).netloc
        most = 1 if host in tired else max(1, attempts)
        failures, best = 0, 0
        while True:
            try:
                if seconds_left(deadline, 1.0) <= 0:
                    raise FetchFault(TIME_IS_UP)
                once(url, failures + 1 >= most)
                return url
            except StalePart as stale:
                log("%s: %s: %s; begun anew" % (source["name"], redact(url), stale))
                continue
            except DiskFull as full:
                raise FetchError(source["name"], str(full), [(redact(url), "no space left")]) from full
            except FetchFault as fault:
                reason = redact(fault.reason)
                failures = 1 if fault.got >= best + _PROGRESS_BYTES else failures + 1
                best = max(best, fault.got)
                pause = min(_LONGEST_PAUSE_S, pause_s * 2 ** (failures - 1))
                if not fault.transient or failures >= most or seconds_left(deadline, pause + 1) <= pause:
                    if fault.transient and failures >= most and host:
                        tired.add(host)
                    elif fault.transient and failures < most and TIME_IS_UP not in reason:
                        reason += "; for another try " + TIME_IS_UP
                    tried.append((redact(url), reason))
                    log("%s: %s: %s" % (source["name"], redact(url), reason))
                    break
                log("%s: %s: %s; again in %.0f s" % (source["name"], redact(url), reason, pause))
                time.sleep(pause)
    what = (
        "%s could not be fetched." % source["file"]
        if source["kind"] == "archive"
        else "commit %s of %s could not be fetched." % (source["commit"], source["repo"])
    )
    if not urls:
        what = what[:-1] + ": no URL is known for it."
    raise FetchError(source["name"], what, tried, _remedy(source))


# -------------------- on this host's disk


@contextmanager
def hold_lock(path: str, name: str, log: Log, deadline: Optional[float]) -> Iterator[int]:
    """Hold the lock file `path`. Gives its descriptor: a child that inherits it holds the lock should we be killed.

    `name` is what to call the source. Raises FetchError when another still holds it at the deadline, or after hours.
    """
    wait_s = seconds_left(deadline, _LOCK_LIMIT_S)
    try:
        with locking.hold(path, wait_s, lambda: log("%s: waiting for another run that fetches it" % name)) as handle:
            yield handle
    except locking.LocksUnsupported as error:
        raise FetchError(name, "%s." % error.strerror) from None
    except locking.LockError:
        raise FetchError(
            name,
            "another run was still fetching it when " + TIME_IS_UP + ".",
            (),
            "See who holds %s (fuser shows it), and run again." % path,
        ) from None


def describe_full_disk(folder: str, needed: Optional[int] = None) -> str:
    """Return what to say of the full disk that `folder` is on; `needed`: the bytes that were wanted, where known."""
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


def remove_if_there(path: str) -> None:
    """Remove a file, if it is there. Raises OSError."""
    if os.path.exists(path):
        os.unlink(path)
