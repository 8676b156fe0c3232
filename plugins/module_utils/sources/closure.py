# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the bare repositories that a mirror folder must have for a commit: those of all its submodules, at any depth."""

import os
from typing import Callable, Dict, List, Optional, Sequence

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch, git_command, git_urls


def git_closure(
    open_repo: Callable[[str], Optional[str]], repo: str, commit: str, without: Sequence[str] = ()
) -> List[Dict[str, str]]:
    """Return what `commit` of `repo` needs, with submodules at any depth: [{"repo", "commit", "path"}], the top first.

    open_repo("Owner/name") gives the folder of a bare repository, or None (see bare_repositories). `path` is its place in
    the tree, "" for the top. A submodule's repo is that of its names, see git_urls.names_in_mirror, that is there. Nothing
    is written. Raises FetchError, which lists all that is missing. without: paths of submodules that are left out.
    """
    needed = []  # type: List[Dict[str, str]]
    missing = []  # type: List[Tuple[str, str]]
    waiting = [("", [repo], commit, [repo + ".git"])]
    with git_command.Git(repo, lambda line: None, None, 60.0) as git:
        while waiting:
            path, names, wanted, urls = waiting.pop(0)
            name, where = next(((one, open_repo(one)) for one in names if open_repo(one)), (names[0], None))
            what = " or ".join(one + ".git" for one in ([name] if where else names))
            what += " (submodule %s)" % path if path else ""
            if not where or not os.path.isdir(where):
                missing.append((what, "missing; commit %s is needed" % wanted))
                continue
            if not git_command.has_whole_commit(git, os.path.abspath(where), wanted):
                missing.append((what, "does not have commit %s, or not all of it" % wanted))
                continue
            needed.append({"repo": name, "commit": wanted, "path": path})
            try:
                for link in git_command.gitlinks(git, os.path.abspath(where), wanted):
                    there, below = os.path.join(path, link.path), git_urls.submodule_urls(urls, link.url)
                    if not git_urls.is_left_out(there, without):
                        waiting.append((there, git_urls.names_in_mirror(below), link.commit, below))
            except git_command.Broken as error:
                missing.append((what, str(error)))
    if missing:
        raise fetch.FetchError(
            repo,
            "the mirror lacks what commit %s needs." % commit,
            missing,
            "Put a bare clone (git clone --mirror) of each into the mirror directory, or fetch the commit "
            "into the existing one.",
        )
    return needed


def bare_repositories(base: str) -> Callable[[str], Optional[str]]:
    """Return `open_repo` for a mirror directory: it finds <base>/<repo>.git."""

    def open_repo(repo: str) -> Optional[str]:
        path = os.path.join(places.expand_home(base), repo + ".git")
        return path if git_urls.is_plain(repo) and os.path.isdir(path) else None

    return open_repo
