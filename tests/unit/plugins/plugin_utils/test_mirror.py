# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrors that are folders on the controller: what of them is sent, and that what is sent serves."""

import contextlib
import hashlib
import os
import subprocess
import sys
import tarfile
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, repositories
from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror, runs


def git(*argv, cwd):
    return subprocess.run(
        ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always") + argv,
        cwd=str(cwd),
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    ).stdout.strip()


def commit(work, **files):
    work.mkdir(parents=True, exist_ok=True)
    git("init", "-q", cwd=work)
    for name, text in files.items():
        (work / name).write_text(text)
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", "x", cwd=work)
    return git("rev-parse", "HEAD", cwd=work)


@pytest.fixture
def folder(tmp_path):
    """A mirror with an archive, and a repository with a submodule; answers (folder, sources)."""
    base = tmp_path / "mirror"
    (base / "pytorch").mkdir(parents=True)
    (base / "cmake.tar.gz").write_bytes(b"archive")
    (base / "unrelated.tar.gz").write_bytes(b"large")
    inner = commit(tmp_path / "cpuinfo", inner="1")
    commit(tmp_path / "native", outer="1")
    git("submodule", "--quiet", "add", str(tmp_path / "cpuinfo"), "third_party/cpuinfo", cwd=tmp_path / "native")
    modules = (tmp_path / "native/.gitmodules").read_text()
    (tmp_path / "native/.gitmodules").write_text(
        modules.replace(str(tmp_path / "cpuinfo"), "https://github.com/pytorch/cpuinfo.git")
    )
    outer = commit(tmp_path / "native")
    for name in ("cpuinfo", "native"):
        git("clone", "-q", "--mirror", str(tmp_path / name), str(base / "pytorch" / (name + ".git")), cwd=tmp_path)
    return base, [
        {
            "name": "cmake",
            "kind": "archive",
            "file": "cmake.tar.gz",
            "sha256": hashlib.sha256(b"archive").hexdigest(),
            "urls": [],
            "dest": "cmake",
        },
        {
            "name": "native",
            "kind": "git",
            "repo": "pytorch/native",
            "commit": outer,
            "ref": "",
            "urls": [],
            "dest": "native",
            "submodules": True,
            "inner": inner,
        },
    ]


def test_what_is_held_of_the_sources(folder):
    base, (archive, native) = folder
    held, lacking = mirror.contents(str(base), [archive, native])
    assert lacking == []
    assert held == [
        ("cmake.tar.gz", archive["sha256"]),
        ("pytorch/cpuinfo.git", native["inner"]),
        ("pytorch/native.git", native["commit"]),
    ]
    assert mirror.contents(str(base), [dict(native, submodules=False)]) == (
        [("pytorch/native.git", native["commit"])],
        [],
    )


def test_what_is_not_held_is_left_to_the_urls(folder):
    base, (archive, native) = folder
    assert mirror.contents(str(base), [dict(archive, file="other"), dict(native, repo="Other/native")]) == ([], [])


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda base: subprocess.check_call(["rm", "-r", str(base / "pytorch/cpuinfo.git")]), "pytorch/cpuinfo.git"),
        (lambda base: subprocess.check_call(["rm", "-r", str(base / "pytorch/native.git/objects")]), "native.git"),
    ],
)
def test_a_mirror_that_lacks_a_part_is_told(folder, spoil, words):
    base, sources = folder
    spoil(base)
    held, lacking = mirror.contents(str(base), sources)
    assert held == [("cmake.tar.gz", sources[0]["sha256"])], "as good as none: the next place is asked"
    assert len(lacking) == 1 and words in lacking[0]


def test_a_commit_that_is_not_there(folder):
    base, (_archive, native) = folder
    held, lacking = mirror.contents(str(base), [dict(native, commit="0" * 40)])
    assert held == [] and "0" * 40 in lacking[0]


def test_the_name_goes_by_the_contents():
    held = [("a", "1"), ("b", "2")]
    assert mirror.content_name(held) == mirror.content_name(list(held)) != mirror.content_name([("a", "1"), ("b", "3")])
    assert len(mirror.content_name(held)) == 12


def test_what_is_sent_serves_on_the_host(folder, tmp_path):
    base, sources = folder
    packed = str(tmp_path / "mirror.tar")
    mirror.pack(str(base), mirror.contents(str(base), sources)[0], packed)
    there = tmp_path / "host"
    with tarfile.open(packed) as tar:
        tar.extractall(str(there))
    assert sorted(os.listdir(str(there))) == ["cmake.tar.gz", "pytorch"]
    logged = []
    assert download.fetch_archive(sources[0], ["file://" + str(there)], str(tmp_path / "downloads"), logged.append)
    answer = repositories.fetch_git(
        sources[1], ["file://" + str(there)], str(tmp_path / "git"), str(tmp_path / "src"), logged.append
    )
    assert answer["submodules"] == {"third_party/cpuinfo": sources[1]["inner"]}
    assert (tmp_path / "src/third_party/cpuinfo/inner").read_text() == "1"


def test_nothing_held_is_an_empty_archive(tmp_path):
    mirror.pack(str(tmp_path), [], str(tmp_path / "x.tar"))
    assert tarfile.open(str(tmp_path / "x.tar")).getnames() == []


def test_two_workers_send_a_host_the_same_one_after_the_other(tmp_path, monkeypatch):
    """Who leads may change between a host's election and another's: both would write, and unpack, one file there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    both, sent = threading.Barrier(2), []

    def send(*_arguments):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)
            sent.append("beside another")
        return "/there"

    monkeypatch.setattr(mirror.Sender, "_send_if_absent", send)
    action = types.SimpleNamespace(_task=types.SimpleNamespace(delegate_to="node"))
    with ThreadPoolExecutor() as pool:
        senders = [mirror.Sender(action, {}) for _each in range(2)]
        assert list(pool.map(lambda each: each.send({}, "/folder", []), senders)) == ["/there"] * 2
    assert sent == []


def test_a_worker_of_a_killed_run_sends_nothing_more(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(runs, "is_over", lambda: True)
    monkeypatch.setattr(os, "_exit", sys.exit)
    action = types.SimpleNamespace(_task=types.SimpleNamespace(delegate_to="rack/1"))
    with pytest.raises(SystemExit):
        mirror.Sender(action, {}).send({}, "/folder", [])
    assert [path.parent.name for path in tmp_path.rglob("*rack*")] == ["locks"]


def test_a_wheel_is_held_as_an_archive_is(folder):
    base, (archive, _native) = folder
    (base / "torch.whl").write_bytes(b"archive")
    wheel = dict(archive, kind="file", file="torch.whl")
    assert mirror.contents(str(base), [wheel]) == ([("torch.whl", wheel["sha256"])], [])


def test_submodules_that_are_left_out_are_not_held(folder):
    base, (_archive, native) = folder
    subprocess.check_call(["rm", "-r", str(base / "pytorch/cpuinfo.git")])
    assert mirror.contents(str(base), [dict(native, without=["third_party/cpuinfo"])]) == (
        [("pytorch/native.git", native["commit"])],
        [],
    )
