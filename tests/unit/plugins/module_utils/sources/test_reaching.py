# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether anybody answers: real servers on this machine, some of them closed, deaf or without what is asked for."""

import os
import socket

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.fetch import candidate_urls
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.reaching import find_unanswered, ssh_command
from hypothesis import given
from hypothesis import strategies as st
from sources import BODY, archive, repository


def test_one_place_that_answers_is_enough(server, closed):
    server.files["/a.tgz"] = BODY
    assert find_unanswered(archive(closed + "/a.tgz", server.url + "/a.tgz"), []) == []
    assert server.seen == [("GET", "/a.tgz", None)]
    # A mirror that has it spares the network.
    assert find_unanswered(archive(closed + "/a.tgz"), [server.url]) == []


def test_a_source_without_any_url_does_not_answer():
    assert find_unanswered(dict(archive(), urls=[]), []) == [("the role's ..._urls variable", "no URL is set")]
    assert find_unanswered(dict(archive(), urls=[], urls_variable="x_urls"), []) == [("x_urls", "no URL is set")]


def test_nobody_answers(server, closed, deaf, tmp_path):
    said = find_unanswered(
        archive(closed + "/a.tgz", deaf + "/a.tgz", server.url + "/a.tgz", str(tmp_path / "a.tgz"), "ftp://h/a.tgz"),
        [],
        0.3,
    )
    assert [url for url, _why in said] == [
        closed + "/a.tgz",
        deaf + "/a.tgz",
        server.url + "/a.tgz",
        "file://" + str(tmp_path / "a.tgz"),
        "ftp://h/a.tgz",
    ]
    for word, (_url, why) in zip(
        ["refused", "no answer for 0.3 s", "HTTP 404", "does not exist", ""], said, strict=True
    ):
        assert why and word in why


def test_what_no_download_would_ask_does_not_answer(server):
    # Somebody listens there, which says nothing.
    for url in (server.url.replace("http", "ftp") + "/a.tgz", server.url.rpartition("//")[2]):
        assert "not an address of an archive" in find_unanswered(archive(url), [], 5)[0][1]


def test_repositories_are_asked_as_git_does_without_git(server, closed, tmp_path, monkeypatch):
    git = {"kind": "git", "name": "x", "repo": "O/x", "commit": "a" * 40, "urls": []}
    server.files["/O/x.git/info/refs"] = b"refs"
    monkeypatch.setenv("PATH", "/nonexistent")
    server.dumb, server.repos = True, tmp_path
    (tmp_path / "O" / "x.git" / "info").mkdir(parents=True)
    (tmp_path / "O" / "x.git" / "info" / "refs").write_text("refs")
    assert find_unanswered(git, [server.url]) == find_unanswered(git, [str(tmp_path)]) == []
    assert "404" in find_unanswered(dict(git, urls=[server.url + "/none.git"]), [])[0][1]
    port = closed.rpartition(":")[2]
    for url in ("git://127.0.0.1:%s/x.git" % port, "ssh://git@127.0.0.1:%s/x.git" % port):
        assert "refused" in find_unanswered(dict(git, urls=[url]), [], 0.3)[0][1]
        assert find_unanswered(dict(git, urls=[url.replace(port, server.url.rpartition(":")[2])]), [], 5) == []


def test_a_password_is_not_shown_when_nobody_answers(closed):
    assert "secret" not in str(find_unanswered(archive(closed.replace("//", "//ann:secret@") + "/a.tgz"), []))


@given(st.lists(st.text(max_size=20), max_size=3), st.booleans())
def test_asking_nonsense_never_raises(urls, git):
    # Nothing of the network: what looks like an address is left out.
    urls = [url for url in urls if ":" not in url or url.startswith(("file:", "x:"))]
    source = {"kind": "git", "repo": "O/x", "urls": urls} if git else archive(*urls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "/nonexistent")
        patch.setattr(socket, "create_connection", lambda *_a, **_k: (each for each in ()).throw(OSError("no network")))
        assert all(why for _url, why in find_unanswered(source, [], 0.1))


def test_offline_says_so_before_anything_is_begun(tmp_path):
    for source in (repository("a" * 40, "https://h/x.git"), archive("https://h/a.tgz")):
        assert candidate_urls(dict(source, offline=True), []) == []
        assert find_unanswered(dict(source, offline=True), []) == [("ascend_bundle", "the bundle does not have it")]
        assert [why for _url, why in find_unanswered(dict(source, offline=True), [str(tmp_path)])] == ["does not exist"]


@pytest.mark.parametrize(
    "url, asked",
    [
        ("git@work:team/x.git", ["git@work", "git-upload-pack team/x.git"]),
        ("work:/srv/my x.git", ["work", "git-upload-pack '/srv/my x.git'"]),
        ("ssh://git@h.example.com/x.git", ["git@h.example.com", "git-upload-pack /x.git"]),
        ("ssh://h:2222/x.git", ["-p", "2222", "h", "git-upload-pack /x.git"]),
    ],
)
def test_what_git_would_run(url, asked, monkeypatch):
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    assert ssh_command(url) == ["ssh", "-o", "BatchMode=yes", *asked]
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -i '/my key'")
    assert ssh_command(url) == ["ssh", "-i", "/my key", *asked]


def programs(folder, script):
    """A folder of programs, of which ssh does this, for PATH."""
    (folder / "ssh").write_text("#!/bin/sh\n" + script)
    (folder / "ssh").chmod(0o755)
    return str(folder) + ":" + os.environ["PATH"]


def test_ssh_knows_what_a_name_means(tmp_path, monkeypatch):
    # No such host, and none is needed: it is an alias of the account's.
    source = repository("a" * 40, "git@no-such-host.invalid:team/x.git")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    monkeypatch.setenv("PATH", programs(tmp_path, 'printf "%s\\n" "$@" > "$0.asked"; echo 0000'))
    assert find_unanswered(source, []) == []
    assert (tmp_path / "ssh.asked").read_text().split("\n")[2:4] == [
        "git@no-such-host.invalid",
        "git-upload-pack team/x.git",
    ]
    assert find_unanswered(repository("a" * 40, "no-such-host:team/x.git"), []) == []
    monkeypatch.setenv("PATH", programs(tmp_path, "echo 'Host key verification failed.' >&2; exit 255"))
    ((_url, why),) = find_unanswered(source, [])
    assert why == "Host key verification failed."
    # An option is no host.
    (tmp_path / "ssh.asked").unlink()
    ((_url, why),) = find_unanswered(repository("a" * 40, "-oProxyCommand=x:y"), [])
    assert why and not (tmp_path / "ssh.asked").exists()
