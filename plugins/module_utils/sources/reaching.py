# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a source's servers answer, before a build starts. Nothing is fetched."""

import http.client
import os
import re
import shlex
import shutil
import socket
import urllib.error
import urllib.parse
from typing import List, Optional, Sequence, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins, outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, last_words
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch, git_urls


def find_unanswered(
    source: fetch.Source, mirrors: Sequence[str], limit_s: float = 10.0, known: Optional[logins.Logins] = None
) -> List[Tuple[str, str]]:
    """Check whether one of a source's URLs answers, without fetching the source.

    Return [] when one does, else (URL, reason) for each. limit_s: how long to wait for each, in seconds.
    """
    tried = []
    urls = fetch.candidate_urls(source, mirrors)
    if source.get("offline") and not urls:
        return [("ascend_bundle", "the bundle does not have it")]
    if not urls:
        return [(source.get("urls_variable") or "the role's ..._urls variable", "no URL is set")]
    for url in urls:
        if source["kind"] == "git" and git_urls.find_bundle(url, source.get("commit", "")):
            return []
        why = _url_problem(url, source["kind"] == "git", limit_s, known)
        if not why:
            return []
        tried.append((outgoing.redact(url), why))
    return tried


def ssh_command(url: str) -> List[str]:
    """Return the command that git runs for a repository's ssh URL, ssh://[user@]host[:port]/path or [user@]host:path."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "ssh":
        place, port, path = parts.netloc.rpartition("@")[0], parts.port, parts.path
        place += ("@" if place else "") + (parts.hostname or "")
    else:
        place, port, path = url.partition(":")[0], None, url.partition(":")[2]
    command = shlex.split(os.environ.get("GIT_SSH_COMMAND", "")) or ["ssh", "-o", "BatchMode=yes"]
    where = ["-p", str(port)] if port else []
    return command + where + [place, "git-upload-pack {0}".format(shlex.quote(urllib.parse.unquote(path)))]


def _ssh_problem(url: str, limit_s: float) -> Optional[str]:
    """Return why ssh gets no answer, "" when it gets one; None when ssh is not installed yet.

    Only ssh itself can apply its configuration for a host: aliases, ports, keys, jump hosts.
    """
    argv = ssh_command(url)
    if argv[-2].startswith("-"):
        return "not the name of a host"
    if shutil.which(argv[0]) is None:
        return None
    # Without input, git-upload-pack lists its refs and exits.
    status, output, complaint = ask(argv, time_limit_s=limit_s)
    if status == 0 or complaint.startswith("printed more"):
        return ""
    return last_words(output) or complaint or "ssh ended with status {0}".format(status)


def _url_problem(url: str, repository: bool, limit_s: float, known: Optional[logins.Logins]) -> str:
    """Return why a URL does not answer, "" when it does. Does not use git, which may not be installed yet."""
    parts = urllib.parse.urlsplit(url)
    ssh = re.match(r"(?:ssh://)?(?:[^@/]+@)?\[?([^:/\]]+)", url)
    try:
        if parts.scheme == "file":
            return "" if os.path.exists(urllib.parse.unquote(parts.path)) else "does not exist"
        if parts.scheme in ("http", "https"):
            # The first request of git; of an archive only the headers are read.
            asked = url.rstrip("/") + "/info/refs?service=git-upload-pack" if repository else url
            download.make_opener()(download.request_for(asked, 0, known), timeout=limit_s).close()
            return ""
        if not repository:
            # Raises, as a download would, that it is not an address of an archive.
            download.request_for(url, 0)
        if repository and (parts.scheme == "ssh" or ("://" not in url and ":" in url)):
            answer = _ssh_problem(url, limit_s)
            if answer is not None:
                return answer
        port = parts.port or {"git": 9418, "ssh": 22}.get(parts.scheme, 22)
        host = parts.hostname if parts.scheme else ssh and ssh.group(1)
        socket.create_connection((host, port), timeout=limit_s).close()
        return ""
    except urllib.error.HTTPError as error:
        error.close()
        return "HTTP %d %s" % (error.code, error.reason)
    except fetch.FetchFault as fault:
        return fault.reason
    except (OSError, ValueError, http.client.HTTPException) as error:
        return download.network_fault(error, limit_s).reason
