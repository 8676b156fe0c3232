# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources for the tests of fetching: an archive, and real git repositories, made commit by commit."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
BODY = os.urandom(600_000)
SHA = hashlib.sha256(BODY).hexdigest()

GIT_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z",
}


def archive(*urls, **more):
    """An archive as a recipe has it, whose bytes are BODY."""
    source = {"name": "cmake", "kind": "archive", "file": "a.tgz", "urls": list(urls), "sha256": SHA, "dest": "a"}
    return dict(source, **more)


def repository(commit, *urls, **more):
    """A git source as a recipe has it."""
    source = {
        "name": "pytorch",
        "kind": "git",
        "repo": "Owner/pytorch",
        "urls": list(urls),
        "ref": "v1",
        "commit": commit,
        "dest": "pytorch",
        "submodules": False,
    }
    return dict(source, **more)


def git(*args, cwd="/", code=0):
    """Run git, and return what it prints."""
    done = subprocess.run(
        ["git", *args], cwd=str(cwd), env=GIT_ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    assert code is None or done.returncode == code, done.stderr.decode()
    return done.stdout.decode().strip()


class Forge:
    """Bare repositories <base>/Owner/name.git. commit() adds one to a repository's master and gives its id."""

    def __init__(self, base):
        self.base = Path(base)

    def commit(self, repo, files, submodules=()):
        """files: {path: bytes}; submodules: (path, url, commit)."""
        bare, work = self.base / (repo + ".git"), self.base / "work" / repo
        if not bare.exists():
            git("init", "-q", "--bare", bare)
            git("symbolic-ref", "HEAD", "refs/heads/master", cwd=bare)
            work.mkdir(parents=True)
            git("init", "-q", work)
            git("symbolic-ref", "HEAD", "refs/heads/master", cwd=work)
        modules = "".join(
            '[submodule "mod %s"]\n\tpath = %s\n\turl = %s\n' % (path, path, url) for path, url, unused in submodules
        )
        for path, content in dict(files, **({".gitmodules": modules.encode()} if modules else {})).items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(content)
            git("add", "-f", path, cwd=work)
        for path, _url, commit in submodules:
            git("update-index", "--add", "--cacheinfo", "160000", commit, path, cwd=work)
        git("commit", "-q", "-m", "change", cwd=work)
        git("push", "-q", str(bare), "master", cwd=work)
        return git("rev-parse", "HEAD", cwd=work)


def in_child(function, *args, **more):
    """Call a function of module_utils/sources, such as download.fetch_archive, in a Python of its own, silently."""
    code = (
        "import sys; sys.path.insert(0, %r)\n"
        "from ansible_collections.ascend.pytorch.plugins.module_utils.sources import %s\n"
        "%s(*%r, log=lambda line: None, **%r)\n"
    ) % (str(CHECKOUT / "collections"), function.partition(".")[0], function, args, more)
    return subprocess.Popen([sys.executable, "-c", code])
