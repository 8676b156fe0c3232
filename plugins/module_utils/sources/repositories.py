# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch git trees by their commit, with all submodules, into bare stores that are kept and work trees that use their objects.

Times, log lines and sources are those of fetch.py.
"""

import errno
import os
import re
import shutil
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins, outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch, git_command, git_urls

# The server does not send a commit by its name, or no shallow one; another kind of fetch may work.
_REFUSED = re.compile(
    r"unadvertised object|no such remote ref|[Cc]ouldn't find remote ref|not valid|does not support|"
    r"expected shallow|Server does not allow"
)
_ABSENT = re.compile(r"not our ref")  # from a server that looks up any name: it does not have the commit
_PERMANENT = re.compile(
    r"not found|does not exist|does not appear to be a git repository|[Cc]ould ?n[o']t resolve|"
    r"Connection refused|Couldn't connect to server|No route to host|Network is unreachable|"
    r"could not read (Username|Password)|Authentication failed|returned error: (401|403|404|410)|"
    r"certificate|not allowed|[Uu]nable to find remote helper|Permission denied|"
    r"transport '.*' not allowed"
)


def fetch_git(
    source: fetch.Source,
    mirrors: Sequence[str],
    git_dir_root: str,
    dest: str,
    log: fetch.Log,
    deadline: Optional[float] = None,
    attempts: int = 3,
    pause_s: float = 2.0,
    stall_s: float = 60.0,
    known: Optional[logins.Logins] = None,
) -> Dict[str, Any]:
    """Check out the pinned commit of a git source at `dest`, with all of its submodules if source["submodules"].

    Without those, and what is in them, whose paths in the tree are in source["without"], and those with `update = none`.

    Commits are fetched into bare stores, `<git_dir_root>/<Owner>/<repo>.git`, which are kept from run to run: a commit
    in its store needs no network. The tree at `dest` has its own `.git`, which borrows the store's objects, and is exactly
    as in the commit: an incomplete checkout, built files and edits are reset. Submodules are real repositories inside it,
    each at its recorded commit, from their own candidate URLs (relative ones resolved against each of the parent's).

    Returns {"commit": 40 hex, "submodules": {path: 40 hex}}. Raises FetchError.
    """
    top = validate_source(source)
    dest, git_dir_root = os.path.abspath(dest), os.path.abspath(git_dir_root)
    patience = {"attempts": attempts, "pause_s": pause_s, "tired": set()}
    found = {}  # type: Dict[str, str]
    with report_local_errors(source["name"], git_dir_root, "Remove %s and %s, and run again." % (dest, git_dir_root)):
        with git_command.Git(source["name"], log, deadline, stall_s, git_dir_root, known) as git:
            _check_out_source(git, top, mirrors, git_dir_root, dest, patience)
            waiting = [("", top["commit"], git_urls.parent_urls(top))]
            while waiting and source.get("submodules"):
                above, commit, parents = waiting.pop(0)
                for link in git_command.gitlinks(git, os.path.join(dest, above, ".git"), commit):
                    path = os.path.join(above, link.path)
                    if git_urls.is_left_out(path, source.get("without") or ()):
                        log("%s: submodule %s is left out" % (source["name"], path))
                        continue
                    urls = git_urls.submodule_urls(parents, link.url)
                    child = git_urls.submodule_source(source, path, link.commit, urls)
                    _check_out_source(
                        git, child, mirrors, git_dir_root, os.path.join(dest, path), patience, inside=True
                    )
                    # As `git submodule init` does, so that git submodule commands work on it.
                    git.must(
                        "config",
                        "submodule.%s.url" % link.name,
                        logins.split(urls[0])[0],
                        git_dir=os.path.join(dest, above, ".git"),
                    )
                    found[path] = link.commit
                    waiting.append((path, link.commit, urls))
    return {"commit": top["commit"], "submodules": found}


def _check_out_source(
    git: git_command.Git,
    source: fetch.Source,
    mirrors: Sequence[str],
    root: str,
    dest: str,
    patience: Dict[str, Any],
    inside: bool = False,
) -> None:
    """Fetch one repository's commit and check it out at `dest`."""
    with_store(
        git,
        source,
        mirrors,
        root,
        patience,
        lambda store: _check_out(git, store, source["commit"], dest, inside),
    )


def reset_tree(path: str, deadline: Optional[float] = None) -> None:
    """Reset the work tree `path` and its submodules to their commits, and remove new and ignored files. Needs no network.

    Raises FetchError when it is not a work tree, or a submodule that it had is missing.
    """
    path = os.path.abspath(path)
    with git_command.Git(path, lambda line: None, deadline, 60.0, os.path.join(path, ".git")) as git:
        try:
            _reset(git, path)
        except (git_command.Broken, OSError) as error:
            raise fetch.FetchError(
                path,
                "the tree cannot be reset: %s." % error,
                (),
                "Remove %s and run again: it is checked out again." % path,
            ) from error


# -------------------- stores


def validate_source(source: fetch.Source) -> fetch.Source:
    """Return the git source with its commit in lower case. Raises FetchError when it is malformed."""
    if not re.match(r"^[0-9a-fA-F]{40}$", source.get("commit") or ""):
        raise fetch.FetchError(
            source["name"],
            "commit %r is malformed." % source.get("commit"),
            (),
            "A commit has 40 hexadecimal digits (git rev-parse gives it).",
        )
    if (source.get("ref") or "").startswith("-") or not git_urls.is_plain(source["repo"]):
        raise fetch.FetchError(
            source["name"],
            "ref %r or repo %r is malformed." % (source.get("ref"), source["repo"]),
            (),
            "A repo looks like Ascend/pytorch, a ref like 2.0.4.tr5.",
        )
    return dict(source, commit=source["commit"].lower())


@contextmanager
def report_local_errors(name: str, git_dir_root: str, remedy: str) -> Iterator[None]:
    """Make the folder of the stores, and turn errors of this host's disk and repositories into a FetchError.

    name: of the source, for messages; remedy: what to do when git cannot use a store or work tree.
    """
    try:
        os.makedirs(git_dir_root, exist_ok=True)
        yield
    except git_command.Broken as error:
        raise fetch.FetchError(name, "%s." % error, (), remedy) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise fetch.FetchError(name, fetch.describe_full_disk(git_dir_root)) from error
        raise fetch.FetchError(name, "%s." % error, (), "Fix that, and run again.") from error


def with_store(
    git: git_command.Git,
    source: fetch.Source,
    mirrors: Sequence[str],
    root: str,
    patience: Dict[str, Any],
    use: Callable[[str], Any],
) -> Any:
    """Fetch one repository's commit into its store, call use(store) while that is locked, and return the result.

    The store is <root>/<repo>.git. A damaged store is removed and fetched again, once.
    `patience`: {"attempts", "pause_s", "tired"}, see fetch.try_urls.

    Raises FetchError when the commit cannot be fetched; git_command.Broken and OSError, see `report_local_errors`.
    """
    if not git_urls.is_plain(source["repo"]):
        raise fetch.FetchError(
            source["name"], "no usable address: %r." % source["repo"], (), "Correct the URL in its .gitmodules."
        )
    git.name = source["name"]
    store = os.path.join(root, source["repo"] + ".git")
    with fetch.hold_lock(store + ".lock", source["name"], git.log, git.deadline) as lock:
        git.lock = lock
        try:
            for again in (False, True):
                try:
                    _bring_commit(git, source, mirrors, store, patience)
                    return use(store)
                except git_command.Broken as error:
                    if again or fetch.seconds_left(git.deadline, 1.0) <= 0:
                        raise
                    git.log("%s: %s is damaged (%s): fetching it again" % (source["name"], store, error))
                    _remove_tree(store)
        finally:
            git.lock = None


def _bring_commit(
    git: git_command.Git, source: fetch.Source, mirrors: Sequence[str], store: str, patience: Dict[str, Any]
) -> None:
    """Make sure that the store holds the commit with all its files. Raises FetchError, or Broken for a damaged store."""
    commit = source["commit"]
    fresh = not os.path.isdir(store)
    if fresh:
        _remove_tree(store + ".new")
        os.makedirs(os.path.dirname(store), exist_ok=True)
        git.must("init", "-q", "--bare", "--template=", store + ".new")
        os.rename(store + ".new", store)
    _drop_locks(store)
    if git_command.has_whole_commit(git, store, commit):
        git.must("update-ref", "refs/pins/" + commit, commit, git_dir=store)
        return
    # A pinned commit was whole once. git may not fetch the files of a commit that it has already.
    if (
        git("cat-file", "-e", commit, git_dir=store).code == 0
        or os.path.exists(os.path.join(store, "refs", "pins", commit))
        or git.must("rev-parse", "--is-bare-repository", git_dir=store).strip() != b"true"
    ):
        raise git_command.Broken("commit %s is not whole" % commit)

    def once(url: str, last: bool) -> None:
        _fetch_into(git, store, url, source, last)

    try:
        url = fetch.try_urls(
            source,
            fetch.candidate_urls(source, mirrors),
            once,
            git.log,
            git.deadline,
            patience["attempts"],
            patience["pause_s"],
            patience["tired"],
        )
    except fetch.FetchError:
        # The store may be the cause. An older git does not know the option, and exits with 129.
        if not fresh and git("fsck", "--connectivity-only", git_dir=store).code not in (0, 129, -1):
            raise git_command.Broken("git fsck reports errors") from None
        raise
    git.must("update-ref", "refs/pins/" + commit, commit, git_dir=store)
    tip = _remote_commit(git, url, source.get("ref"))
    if tip and tip != commit:
        git.log(
            "%s: %s has moved: it is now at %s; the pinned %s is used" % (source["name"], source["ref"], tip, commit)
        )


def _fetch_into(git: git_command.Git, store: str, url: str, source: fetch.Source, last: bool) -> None:
    """Try once to fetch the commit from `url`, with as little history as its server allows. Raises FetchFault or DiskFull."""
    if not git_urls.is_address(url):
        raise fetch.FetchFault("not an address that git can fetch from")
    commit, shallow = source["commit"], ["--depth", "1"]
    bundle = git_urls.find_bundle(url, commit)
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
            options = options + ["--unshallow"]  # else the server assumes that the store has the history before the cut
        git.log("%s: fetching %s %s from %s" % (source["name"], commit, way, outgoing.redact(url)))
        _drop_locks(store)
        address = git.admitted(url)
        done = git("fetch", "-n", "--progress", *(options + [address] + refspecs), git_dir=store, remote=True)
        if git_command.has_whole_commit(git, store, commit):
            return
        if done.code == 0:
            continue
        reason = git_command.error_summary(done.err)
        if "No space left" in done.err or "Disk quota exceeded" in done.err:
            raise fetch.DiskFull(fetch.describe_full_disk(store))
        if _ABSENT.search(done.err):
            break
        if _REFUSED.search(done.err):
            continue
        # On the last try the other kinds of fetch are tried too: not every server reports clearly that it refuses one.
        if _PERMANENT.search(done.err) or not last or number == len(asked) - 1 or done.code == -1:
            raise fetch.FetchFault(reason, not _PERMANENT.search(done.err))
    raise fetch.FetchFault(
        "does not have commit %s%s" % (commit, " in any branch or tag" if number == len(asked) - 1 else "")
    )


def _unbundle(git: git_command.Git, store: str, bundle: str, commit: str) -> None:
    """Copy the commit from a git bundle into the store. Raises FetchFault or DiskFull."""
    git.log("%s: taking %s from %s" % (git.name, commit, bundle))
    shallow = os.path.join(store, "shallow")
    former = _read_words(shallow)
    # Before the objects: git would look for the parents of a commit that is not listed as shallow.
    write_line(shallow, "\n".join(former + [commit]))
    done = git("bundle", "unbundle", bundle, git_dir=store)
    if git_command.has_whole_commit(git, store, commit):
        return
    if former:
        write_line(shallow, "\n".join(former))
    else:
        fetch.remove_if_there(shallow)
    if "No space left" in done.err or "Disk quota exceeded" in done.err:
        raise fetch.DiskFull(fetch.describe_full_disk(store))
    raise fetch.FetchFault(
        "%s is damaged, or is not the bundle that its name says: %s"
        % (bundle, git_command.error_summary(done.err) if done.code else "it does not have the commit")
    )


def _remote_commit(git: git_command.Git, url: str, ref: Optional[str]) -> str:
    """Return the commit of the tag or branch `ref` on the server, "" when the server does not say."""
    for kind, prefix in (("--tags", "refs/tags/"), ("--heads", "refs/heads/")):
        done = git("ls-remote", kind, git.admitted(url), ref, ref + "^{}", remote=True) if ref else None
        if done and done.code == 0:
            rows = [row.split("\t") for row in done.out.decode("utf-8", "replace").splitlines() if "\t" in row]
            tips = {name: commit for commit, name in rows}
            for name in (prefix + ref + "^{}", prefix + ref):  # an annotated tag's commit first
                if name in tips:
                    return tips[name]
    return ""


# -------------------- trees


def _check_out(git: git_command.Git, store: str, commit: str, dest: str, inside: bool) -> None:
    """Make `dest` the work tree of the commit, even over an incomplete one. Raises Broken if the store is damaged.

    It is a repository of its own that borrows the store's objects: `git worktree` is too new for CentOS 7, and a clone
    does not share a shallow store. inside: `dest` is in a tree that this function made, so nothing there is the user's.
    """
    dot = os.path.join(dest, ".git")
    if os.path.lexists(dest) and not os.path.isdir(dot) and (not os.path.isdir(dest) or os.listdir(dest)):
        if not inside:
            raise fetch.FetchError(
                git.name,
                "%s is in the place of the source, but this collection did not make it." % dest,
                (),
                "Move it to another place, and run again.",
            )
        _remove_tree(dest)
    for again in (False, True):
        try:
            if again:
                _remove_tree(dest)
            os.makedirs(dest, exist_ok=True)
            _drop_locks(dot)
            git.must("init", "-q", "--template=", dest)
            write_line(
                os.path.join(dot, "objects", "info", "alternates"), os.path.join(os.path.abspath(store), "objects")
            )
            if os.path.exists(os.path.join(store, "shallow")):
                shutil.copyfile(os.path.join(store, "shallow"), os.path.join(dot, "shallow"))
            git.must("update-ref", "--no-deref", "HEAD", commit, git_dir=dot)
            _restore(git, dest)
            return
        except git_command.Broken:
            if again:
                raise


def _restore(git: git_command.Git, tree: str) -> None:
    dot = os.path.join(tree, ".git")
    _drop_locks(dot)
    git.must("reset", "-q", "--hard", "HEAD", git_dir=dot, tree=tree)
    git.must("clean", "-ffdxq", git_dir=dot, tree=tree)


def _reset(git: git_command.Git, tree: str) -> None:
    """Reset `tree`, then each of its submodules to the commit that it records."""
    dot = os.path.join(tree, ".git")
    if not os.path.lexists(dot):
        raise git_command.Broken("%s has no .git" % tree)
    _restore(git, tree)
    commit = git.must("rev-parse", "HEAD", git_dir=dot).decode("ascii").strip()
    for link in git_command.gitlinks(git, dot, commit):
        path = os.path.join(tree, link.path)
        if os.path.lexists(os.path.join(path, ".git")):
            git.must("update-ref", "--no-deref", "HEAD", link.commit, git_dir=os.path.join(path, ".git"))
            _reset(git, path)
        elif git("config", "submodule.%s.url" % link.name, git_dir=dot).code == 0:
            raise git_command.Broken("submodule %s is missing" % path)


# -------------------- files


def _drop_locks(git_dir: str) -> None:
    """Remove lock files that a killed git left. No other git is at work: this run and its children hold the store's lock."""
    for folder, folders, files in os.walk(git_dir):
        if folder == git_dir:
            folders[:] = [name for name in folders if name in ("refs", "info", "objects")]
        elif os.path.basename(folder) == "objects":
            folders[:] = [name for name in folders if name in ("info", "pack")]
        for name in files:
            if name.endswith(".lock") or os.path.basename(folder) == "pack" and name.startswith("tmp_"):
                os.unlink(os.path.join(folder, name))


def _remove_tree(path: str) -> None:
    """Remove a tree by renaming it first, so that an incomplete tree never has its name."""
    old = path + ".old"
    for one in (old, path):
        if one == path and os.path.lexists(path):
            os.rename(path, old)
        if os.path.isdir(old) and not os.path.islink(old):
            shutil.rmtree(old)
        elif os.path.lexists(old):
            os.unlink(old)


def write_line(path: str, line: str) -> None:
    """Write a line of text into the file `path`, and make its folder if missing. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(line + "\n")


def _read_words(path: str) -> List[str]:
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as stream:
        return stream.read().split()
