# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of git repositories: their URLs, their names in a mirror, and the URLs of their submodules."""

import os
import re
import urllib.parse
from typing import List, Sequence

from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch


def is_address(url: str) -> bool:
    """Say whether git reads `url` as a URL or host:path to fetch from, and not as a local path."""
    return re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*://", url) is not None or re.match(r"^[\w.-]+@[\w.-]+:", url) is not None


def is_plain(repo: str) -> bool:
    """Say whether `repo` is a name like Owner/name, which is safe as a path."""
    return re.match(r"^\w[\w.+~-]*(/\w[\w.+~-]*)*$", repo) is not None


def owner_and_name(url: str) -> str:
    """Return the Owner/name of a repository's URL, as mirrors use it: its path's last two elements, without .git."""
    path = urllib.parse.urlsplit(url).path if "://" in url else url.rpartition(":")[2]
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    return re.sub(r"\.git$", "", "/".join(parts[-2:]))


def names_in_mirror(urls: Sequence[str]) -> List[str]:
    """Return the names under which a mirror may have a repository with these URLs, each once."""
    names = [owner_and_name(url) for url in urls]
    return sorted(set(names), key=names.index)


def bundle_name(repo: str, commit: str) -> str:
    """Return the path in a mirror folder of a commit's git bundle, which can replace the bare repository <repo>.git."""
    return "%s/%s.bundle" % (repo, commit)


def find_bundle(url: str, commit: str) -> str:
    """Return the path of the git bundle that replaces the repository at a file:// URL, "" when there is none."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "file" or not commit:
        return ""
    path = bundle_name(re.sub(r"\.git/?$", "", urllib.parse.unquote(parts.path)), commit)
    return path if os.path.isfile(path) else ""


# -------------------- submodules


def is_left_out(path: str, without: Sequence[str]) -> bool:
    """Say whether a submodule, by its path in the tree, is one that a source leaves out, or is inside of one."""
    return any((path.rstrip("/") + "/").startswith(one.rstrip("/") + "/") for one in without)


def parent_urls(source: fetch.Source) -> List[str]:
    """Return the URLs that relative ones in the .gitmodules of a git source are resolved against."""
    return list(source.get("urls") or [source["repo"] + ".git"])


def submodule_urls(parents: Sequence[str], url: str) -> List[str]:
    """Return the absolute URLs of a submodule's URL in .gitmodules, given the URLs of the repository that it is in.

    A relative URL (./ or ../) is resolved as git does, against each of the parents. For git:// and ssh addresses https
    comes first: public hosts no longer serve git://, and hosts that build have no key for ssh. Copies on GitHub come last.
    """
    if url.startswith(("./", "../")):
        return _with_copies([_join(parent, url) for parent in parents])
    match = re.match(r"^(?:git://|ssh://(?:[^@/]+@)?|[\w.-]+@)([\w.-]+)(?::\d+)?[:/]+(.+)$", url)
    return _with_copies((["https://%s/%s" % match.groups()] if match else []) + [url])


# The repositories on GitHub that have the pinned commits of the vendor's submodules, by their path on Gitee or GitCode.
_GITHUB_COPIES = (
    (re.compile(r"ascend/([\w.-]+)\Z", re.IGNORECASE), "Ascend/{0}"),
    (re.compile(r"(?:mirrors|GitHub_Trending/go)/googletest\Z"), "google/googletest"),
    (re.compile(r"(?:mirrors|GitHub_Trending/fm)/fmt\Z"), "fmtlib/fmt"),
    (re.compile(r"(?:mirrors/nlohmann-json|GitHub_Trending/js/json)\Z"), "nlohmann/json"),
    (re.compile(r"mirrors/libnop\Z"), "google/libnop"),
    (re.compile(r"(?:mirrors|gh_mirrors/li)/libuv\Z"), "libuv/libuv"),
    (re.compile(r"mirrors/pybind11\Z"), "pybind/pybind11"),
    (re.compile(r"openeuler/libboundscheck\Z"), "openeuler-mirror/libboundscheck"),
)


def _with_copies(urls: Sequence[str]) -> List[str]:
    """Return URLs, followed by those of their copies on GitHub that they do not contain."""
    found = list(urls)
    for url in urls:
        place = re.match(r"https?://(?:gitee|gitcode)\.com/(.+?)(?:\.git)?/?\Z", url)
        for path, copy in _GITHUB_COPIES if place else ():
            named = path.match(place.group(1))
            if named:
                found.append("https://github.com/%s.git" % copy.format(*named.groups()))
    return sorted(set(found), key=found.index)


def _join(parent: str, relative: str) -> str:
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


def submodule_source(source: fetch.Source, path: str, commit: str, urls: Sequence[str]) -> fetch.Source:
    """Return the source of a submodule. path: its place in the tree of `source`; urls: where it can be fetched."""
    return {
        "name": "%s: submodule %s" % (source["name"], path),
        "kind": "git",
        "commit": commit,
        "urls_variable": "",  # its URLs are in .gitmodules: no variable sets them
        "repo": owner_and_name(urls[0]),
        "other_repos": names_in_mirror(urls)[1:],
        "urls": [one for one in urls if is_address(one) or one[0] == "/"],
        "offline": bool(source.get("offline")),
    }
