# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all fetching shares: the URLs to try for a pinned source, repeated tries, locks, and space on the disk.

download.py fetches archives with it, repositories.py git trees.

Times: `deadline` is a value of `time.monotonic()` in seconds, or None for no end; whatever ends in `_s` is in seconds.
`log` takes one line of text. A source is a mapping as in a recipe: "name", "kind" ("archive", "file" or "git"), "urls",
and "file" and "sha256", or "repo" and "commit". `known` are logins for its URLs and mirrors, see base/logins.py; never logged.
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

# A try that brought this many new bytes starts the count of failures again: the network is bad, but the file gets through.
_PROGRESS_BYTES = 1024 * 1024
_LONGEST_PAUSE_S = 60.0
TIME_IS_UP = "the time allowed was over (ascend_timeout_s, or the role's own)"
LOG_EVERY_S = 15.0  # how often the progress of a long fetch is logged
_LOCK_LIMIT_S = 4 * 3600.0


class FetchError(Exception):
    """A source that could not be fetched.

    source: its name; tried: (URL or path, reason), in the order of the tries. The message has both, and the remedy.
    """

    def __init__(self, source: str, problem: str, tried: Sequence[Tuple[str, str]] = (), remedy: str = "") -> None:
        self.source = source
        self.tried = list(tried)
        lines = ["%s: %s" % (source, problem)]
        lines += ["  %s: %s" % one for one in self.tried]
        super().__init__("\n".join(lines + ([remedy] if remedy else [])))


# -------------------- URLs to try


def is_file(source: Source) -> bool:
    """Say whether a source is one file with a sha256, to be unpacked or not, and no git tree."""
    return source["kind"] in ("archive", "file")


def candidate_urls(source: Source, mirrors: Sequence[str]) -> List[str]:
    """Return the URLs to try for `source`, in order: each mirror's, then the source's own; each once.

    A mirror base B gives B/<file> for an archive or a wheel and B/<repo>.git for a git source, and the same of its
    "other_repos", the names of its copies. Plain absolute paths and `~` become
    file:// URLs. A source that is marked "offline" is looked for in the mirrors only.
    """
    bases = [base.strip() for base in mirrors if base.strip()]
    found = [_in_mirror(base, tail) for base in bases for tail in _paths_in_mirror(source)]
    if not source.get("offline"):
        found += [_as_url(url.strip()) for url in source.get("urls") or () if url.strip()]
    return sorted(set(found), key=found.index)


def _paths_in_mirror(source: Source) -> List[str]:
    """Return the paths below a mirror's base that a source may have."""
    if is_file(source):
        return [source["file"]]
    repos = [source["repo"]] + list(source.get("other_repos") or ())
    return [re.sub(r"\.git$", "", repo.strip("/")) + ".git" for repo in repos]


def _in_mirror(base: str, tail: str) -> str:
    # A plain path is quoted together with its tail; a URL is quoted already.
    quoted = tail if base[0] in "~/" else urllib.parse.quote(tail, safe="/+~")
    return _as_url((base if base[0] in "~/" else base.rstrip("/")) + "/" + quoted)


def _as_url(place: str) -> str:
    if place[0] not in "~/":
        return place
    return "file://" + urllib.parse.quote(os.path.normpath(places.expand_home(place)).replace("//", "/"))


def _remedy(source: Source) -> str:
    urls = source.get("urls_variable", "the role's …_urls variable")
    if source.get("offline"):
        return (
            "This run fetches from the bundle only (ascend_bundle). Complete it with playbooks/bundle.yml for this "
            "release on a machine with a network, or leave ascend_bundle empty."
        )
    return (
        "Copy it to a place that this host can reach, as <mirror>/%s, and name <mirror> in ascend_mirrors%s. Proxies are "
        "read from http_proxy, https_proxy and no_proxy, certificates from SSL_CERT_FILE."
        % (_paths_in_mirror(source)[0], "; or name other URLs in " + urls if urls else "")
    )


# -------------------- repeated tries


class FetchFault(Exception):
    """A try that failed. reason: in words; transient: another try of the URL may succeed; got: bytes fetched so far."""

    def __init__(self, reason: str, transient: bool = False, got: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient
        self.got = got


class DiskFull(Exception):
    """No space is left on the disk: another URL does not help."""


class StalePart(Exception):
    """What an earlier try left does not match the server's file. It was removed: start again."""


def seconds_left(deadline: Optional[float], most: float) -> float:
    """Return the seconds that are left until `deadline`, at most `most`; 0 or less when it has passed."""
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
    `pause_s`. A try that brought _PROGRESS_BYTES more than any before it starts the count again.
    `tired` collects the hosts that failed in all attempts: from then on they get one try.

    `once` raises FetchFault, DiskFull or StalePart; other exceptions are passed on. Raises FetchError when no URL
    succeeded, with the reason of each, and at once when the disk is full.
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
                log("%s: %s: %s; starting again" % (source["name"], redact(url), stale))
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
                log("%s: %s: %s; trying again in %.0f s" % (source["name"], redact(url), reason, pause))
                time.sleep(pause)
    what = (
        "%s could not be fetched." % source["file"]
        if is_file(source)
        else "commit %s of %s could not be fetched." % (source["commit"], source["repo"])
    )
    if not urls:
        what = what[:-1] + ": no URL is known for it."
    raise FetchError(source["name"], what, tried, _remedy(source))


# -------------------- on this host's disk


@contextmanager
def hold_lock(path: str, name: str, log: Log, deadline: Optional[float]) -> Iterator[int]:
    """Hold the lock file `path`. Gives its descriptor: a child that inherits it keeps the lock if this process is killed.

    `name` names the source in messages. Raises FetchError when another process still holds the lock at the deadline, or
    after _LOCK_LIMIT_S.
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
            "Find the process that holds %s (fuser shows it), and run again." % path,
        ) from None


def describe_full_disk(folder: str, needed: Optional[int] = None) -> str:
    """Return the message for a full disk, the one of `folder`. needed: how many more bytes do not fit, if known."""
    try:
        disk = os.statvfs(folder)
        free = " (%.0f MiB free)" % (disk.f_bavail * disk.f_frsize / 2.0**20)
    except OSError:
        free = ""
    need = "" if needed is None else " for %.0f MiB more" % (needed / 2.0**20)
    return (
        "no space left%s on the file system of %s%s. Free some, or set ascend_work_dir to a folder on a larger disk, and "
        "run again: what was fetched is kept." % (need, folder, free)
    )


def remove_if_there(path: str) -> None:
    """Remove a file if it exists. Raises OSError."""
    if os.path.exists(path):
        os.unlink(path)
