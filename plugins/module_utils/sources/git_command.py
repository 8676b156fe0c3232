# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run git so that it cannot prompt or hang and uses only this module's settings; and read what a repository holds.

Times and log lines are those of fetch.py.
"""

import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins, outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch

_LOCAL_LIMIT_S = 3600.0  # for a git command that uses no network, when there is no deadline

# Git's settings, in place of the user's and the system's: a url.insteadOf, autocrlf, a hook or an lfs filter would change
# what is fetched. They are in a file because git before 2.38 reads safe.directory only from one, and because the git that
# serves a file:// URL reads it too. No gc: work trees borrow objects from the stores.
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

# Added for one server at a time, and not for servers that it redirects to. Any account can read a program's arguments, and
# a killed run may leave a file behind: so a login is only in the environment, which no other account can read.
_LOGIN_NAME, _LOGIN_PASSWORD = "ASCEND_LOGIN_NAME", "ASCEND_LOGIN_PASSWORD"
_GIT_LOGIN = r"""[credential "%s"]
    helper = "!f() { test \"$1\" = get && printf 'username=%%s\\npassword=%%s\\n' \"$%s\" \"$%s\"; }; f"
"""

# The result of a git command: its exit status (-1: it was stopped), its output, and the lines of its error output.
Outcome = NamedTuple("Outcome", [("code", int), ("out", bytes), ("err", str)])


class Broken(Exception):
    """A repository or work tree of this collection that git cannot use: the caller makes a new one."""


class Git(object):
    """Run git commands that cannot prompt or hang and use only this module's settings. A context manager.

    name: of the source, for the log and errors; home: a folder for small files, removed when the context ends; stall_s: a
    command that uses the network is stopped when it prints nothing for five times as long.
    """

    def __init__(
        self,
        name: str,
        log: fetch.Log,
        deadline: Optional[float],
        stall_s: float,
        near: str = "",
        known: Optional[logins.Logins] = None,
    ) -> None:
        self.name, self.log, self.deadline, self.stall_s, self.known = name, log, deadline, stall_s, known
        self.near = near  # the folder for `home`; the system's one for temporary files when it does not exist
        self.lock = None  # type: Optional[int]  # inherited by children, so that a git that outlives its run keeps the lock

    def __enter__(self) -> "Git":
        self.home = tempfile.mkdtemp(prefix=".git-home-", dir=self.near if os.path.isdir(self.near) else None)
        self.config = os.path.join(self.home, ".gitconfig")
        self._configure()
        self.env = _git_environment(self.home, self.config)
        return self

    def _configure(self, more: str = "") -> None:
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(_GIT_CONFIG % max(1, int(self.stall_s)) + more)

    def __exit__(self, *unused: Any) -> None:
        shutil.rmtree(self.home, ignore_errors=True)

    def __call__(self, *args: str, **kwargs: Any) -> Outcome:
        """Run `git <args>` and return its Outcome. Raises FetchError when there is no git.

        git_dir=, tree=: the repository and the work tree. They are always named: git would otherwise search upwards, and
        might find, and clean, a repository around the folder. remote=True: the command uses the network.
        """
        where, tree, remote = kwargs.get("git_dir"), kwargs.get("tree"), kwargs.get("remote", False)
        argv = ["git"] + (["--git-dir=" + where] if where else []) + (["--work-tree=" + tree] if tree else [])
        return self._run(argv + list(args), tree or where or "/", self.stall_s * 5 if remote else None)

    def admitted(self, url: str) -> str:
        """Return a URL without its login, for the arguments of the next command, and give git the login for it."""
        address, login = logins.split(url)[0], logins.login_for(url, self.known)
        parts = urllib.parse.urlsplit(address)
        names = (_LOGIN_NAME, _LOGIN_PASSWORD)
        self.env.update(zip(names, logins.decode(login)))
        self._configure(_GIT_LOGIN % ((parts.scheme + "://" + parts.netloc,) + names) if login else "")
        return address

    def must(self, *args: str, **kwargs: Any) -> bytes:
        """Run a command that fails only if something is broken, and return its output.

        Raises Broken; FetchError when the command was stopped, and when the disk is full.
        """
        done = self(*args, **kwargs)
        if done.code != 0:
            if "No space left" in done.err or "Disk quota exceeded" in done.err:
                raise fetch.FetchError(
                    self.name, fetch.describe_full_disk(kwargs.get("tree") or kwargs.get("git_dir") or "/")
                )
            if done.code == -1:  # says nothing about damage
                raise fetch.FetchError(self.name, "git %s was stopped: %s." % (args[0], done.err), (), "Run again.")
            raise Broken("git %s failed: %s" % (args[0], error_summary(done.err)))
        return done.out

    def _run(self, argv: List[str], cwd: str, silence_s: Optional[float]) -> Outcome:
        limit_s = fetch.seconds_left(self.deadline, _LOCAL_LIMIT_S if silence_s is None else float("inf"))
        if limit_s <= 0:
            return Outcome(-1, b"", fetch.TIME_IS_UP)
        try:
            # A new session: without a terminal to prompt on, and with one process group to kill.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
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
            raise fetch.FetchError(
                self.name, "git is not installed on this host, or %s was removed." % cwd, (), "Install git."
            ) from None
        try:
            return self._watch(process, time.monotonic() + limit_s, silence_s)
        finally:
            if process.poll() is None:
                _kill(process)
            process.stdout.close()
            process.stderr.close()

    def _watch(self, process: Any, end: float, silence_s: Optional[float]) -> Outcome:
        out, err = bytearray(), bytearray()
        last = logged = time.monotonic()
        with selectors.DefaultSelector() as ready:
            ready.register(process.stdout, selectors.EVENT_READ, out)
            ready.register(process.stderr, selectors.EVENT_READ, err)
            while ready.get_map():
                now = time.monotonic()
                until = end if silence_s is None else min(end, last + silence_s)
                if now >= until:
                    why = fetch.TIME_IS_UP if now >= end else "no output for %g s" % silence_s
                    return Outcome(-1, bytes(out), why)
                for key, _events in ready.select(min(until - now, 3600.0)):
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        ready.unregister(key.fileobj)
                    key.data.extend(chunk)
                    last = time.monotonic()
                if len(err) > 2 * 65536:  # an hour's progress lines
                    del err[:-65536]
                if silence_s is not None and last - logged >= fetch.LOG_EVERY_S:
                    logged = last
                    self.log("%s: git: %s" % (self.name, outgoing.redact((_lines(err) or ["…"])[-1])))
        return Outcome(process.wait(), bytes(out), "\n".join(_lines(err)))


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
            "GIT_ALLOW_PROTOCOL": "file:http:https:git:ssh",  # not ext::, with which a .gitmodules could run any command
            "LC_ALL": "C",
            "LANGUAGE": "C",  # patterns match git's messages in English
        }
    )
    if "GIT_SSH" not in env:
        env.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    # libcurl reads neither SSL_CERT_FILE, as Python and OpenSSL do, nor HTTP_PROXY in capitals.
    for known, read_by_git in (("SSL_CERT_FILE", "GIT_SSL_CAINFO"), ("HTTP_PROXY", "http_proxy")):
        if env.get(known):
            env.setdefault(read_by_git, env[known])
    return env


def _kill(process: Any) -> None:
    for number, wait_s in ((signal.SIGTERM, 3), (signal.SIGKILL, 30)):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=wait_s)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _lines(err: bytes) -> List[str]:
    """Return the lines of git's error output, without blank ones; of each progress line, its last state."""
    text = bytes(err).decode("utf-8", "replace")
    return [line.rstrip("\r").rpartition("\r")[2].strip() for line in text.split("\n") if line.strip()]


def error_summary(err: str) -> str:
    """Return the lines of git's error output that say what is wrong, joined to one, without passwords."""
    lines = [line for line in err.split("\n") if re.match(r"(remote: )?(fatal|error|ERROR|fetch-pack)\b", line)]
    return outgoing.redact("; ".join(lines or err.split("\n")[-3:]) or "it printed nothing")


# -------------------- what a repository holds


def has_whole_commit(git: Git, store: str, commit: str) -> bool:
    """Say whether the commit, its folders and its files are all in the repository `store`.

    Only checks that the objects exist: git has checked their content when they came in.
    """
    return git("rev-list", "--objects", "--no-walk", "--quiet", commit, git_dir=store).code == 0


# A submodule as a commit records it: its name and URL in .gitmodules, its path in the tree, and its commit (40 hex).
Gitlink = NamedTuple("Gitlink", [("name", str), ("path", str), ("url", str), ("commit", str)])


def gitlinks(git: Git, git_dir: str, commit: str) -> List[Gitlink]:
    """Return the submodules that a commit records, sorted by path, with what its .gitmodules says of them. Raises Broken.

    Those with `update = none` are left out, as by `git submodule update`.

    `git ls-tree -r -z` prints "<mode> <type> <id>\\t<path>\\0", with mode 160000 for a submodule; `git config -z --list`
    prints "<key>\\n<value>\\0".
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
    modules = {}  # type: Dict[str, Dict[str, str]]
    for item in git.must("config", "-z", "-f", listing, "--list").split(b"\0"):
        key, unused, value = os.fsdecode(item).partition("\n")
        match = re.match(r"^submodule\.(.+)\.(path|url|update)$", key, re.DOTALL)
        if match:
            modules.setdefault(match.group(1), {})[match.group(2)] = value
    unwanted = {one["path"].rstrip("/") for one in modules.values() if one.get("path") and one.get("update") == "none"}
    named = {
        one["path"].rstrip("/"): (name, one["url"])
        for name, one in modules.items()
        if one.get("path") and one.get("url")
    }
    orphans = sorted(set(commits) - set(named) - unwanted)
    if orphans:
        raise Broken("commit %s has the submodule %s, but its .gitmodules has no URL for it" % (commit, orphans[0]))
    return [Gitlink(named[path][0], path, named[path][1], commits[path]) for path in sorted(set(commits) - unwanted)]
