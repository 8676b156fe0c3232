# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins are taken out of URLs, and found again for the server that they are for; what is sent to it has them."""

import overheard
import pytest
import servers
from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins
from ansible_collections.ascend.pytorch.plugins.module_utils.product import caching, entries
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch, reaching
from sources import BODY, archive, repository

SECRET = "s3cr/t@"
LOGIN = "ann:s3cr%2Ft%40"


@pytest.mark.parametrize(
    ("url", "address", "login"),
    [
        ("https://ann:pw@h.org/a", "https://h.org/a", "ann:pw"),
        ("HTTP://ann:p%40w@h.org:81", "HTTP://h.org:81", "ann:p%40w"),
        ("https://token@h.org/a", "https://h.org/a", "token:"),
        # A password that was not percent-encoded.
        ("https://ann:p@w@h.org/a@b", "https://h.org/a@b", "ann:p@w"),
        ("https://ann:p/w#1@h.org/a", "https://h.org/a", "ann:p/w#1"),
        # No logins.
        ("https://h.org/@scope/x@1", "https://h.org/@scope/x@1", ""),
        ("https://h.org:8080/@scope/x@1", "https://h.org:8080/@scope/x@1", ""),
        ("https://[::1]:8080/x@1", "https://[::1]:8080/x@1", ""),
        ("https://h.org?at=a@b", "https://h.org?at=a@b", ""),
        ("/a/folder@home", "/a/folder@home", ""),
        ("git@h.org:a/b.git", "git@h.org:a/b.git", ""),
        # ssh wants a name, and takes a password from nobody.
        ("ssh://git@h.org/a.git", "ssh://git@h.org/a.git", ""),
        ("ssh://git:pw@h.org/a.git", "ssh://git@h.org/a.git", ""),
    ],
)
def test_a_login_and_the_rest_of_a_url(url, address, login):
    assert logins.split(url) == (address, login)
    assert logins.split(address) == (address, "")


def test_a_login_is_for_its_server_and_the_nearest_of_several_is_taken():
    known = {"https://h/a": "1:", "https://h/b/c": "2:", "https://h:81/b": "3:"}
    for url, login in {
        "https://h/a/x.tgz": "1:",
        "https://h/b/c/x.git": "2:",
        # A submodule that is named relative to the repository that has the login.
        "https://h/b/y.git": "2:",
        "https://H/b/c": "2:",
        "https://h:81/a": "3:",
        "http://h/a": "",
        "https://h.org/a": "",
        "https://own:4@h/a": "own:4",
        "/h/a": "",
    }.items():
        assert logins.login_for(url, known) == login, url
    assert logins.login_for("https://h/a", None) == logins.login_for("https://h/a", {}) == ""


def test_lists_of_urls_lose_their_logins_and_nothing_else_does():
    found = {}
    data = {
        "mirrors": [" https://ann:pw@h/m ", "~/m", "ssh://git@h/m"],
        "recipes": [{"sources": [{"urls": ["https://bob:pw@i/s"]}], "stages": {"build": ["https://ann:pw@h/x"]}}],
        "cache": "auto",
    }
    assert logins.take_out(data, found) == {
        "mirrors": ["https://h/m", "~/m", "ssh://git@h/m"],
        "recipes": [{"sources": [{"urls": ["https://i/s"]}], "stages": {"build": ["https://ann:pw@h/x"]}}],
        "cache": "auto",
    }
    assert found == {"https://h/m": "ann:pw", "https://i/s": "bob:pw"}
    assert logins.urls_with_login(logins.take_out(data, found)) == ["https://h/x"]
    assert logins.urls_with_login(["ssh://git@h/m", "me@h.org", "https://h/a@b", 1, None]) == []


@pytest.fixture
def closed_server(server):
    server.login = "ann:" + SECRET
    return server


def test_an_archive_is_fetched_with_a_known_login(closed_server, tmp_path):
    closed_server.files["/m/a.tgz"] = BODY
    log, mirrors = [], [closed_server.url + "/m"]
    for known in (None, {closed_server.url: "ann:wrong"}):
        with pytest.raises(fetch.FetchError, match="HTTP 401"):
            download.fetch_archive(archive(), mirrors, str(tmp_path), log.append, known=known)
    known = {closed_server.url + "/m": LOGIN}
    download.fetch_archive(archive(), mirrors, str(tmp_path), log.append, known=known)
    assert SECRET not in "".join(log) and LOGIN not in "".join(log)


def test_a_server_is_asked_with_a_known_login(closed_server, forge):
    closed_server.repos = forge.base
    source = repository(forge.old, closed_server.url + "/Owner/pytorch.git")
    assert "401" in reaching.find_unanswered(source, [])[0][1]
    assert reaching.find_unanswered(source, [], known={closed_server.url: LOGIN}) == []


def test_a_build_cache_is_asked_with_a_known_login(closed_server):
    with pytest.raises(entries.CarryingError, match="HTTP 401"):
        caching.look_up(closed_server.url, "x-1-" + "a" * 12, True)
    found = caching.look_up(closed_server.url, "x-1-" + "a" * 12, True, {closed_server.url: LOGIN})
    assert found == {"metadata": None, "signature": None, "wrong": ""}


def test_git_gets_a_login_that_nobody_sees(closed_server, forge, clone, tmp_path):
    closed_server.repos = forge.base
    # From a URL of its own, and for all that is on a server; the password with and without its signs encoded.
    own = closed_server.url.replace("://", "://ann:s3cr%2Ft@@")
    with overheard.arguments("s3cr") as seen:
        clone(repository(forge.old, own + "/Owner/pytorch.git"))
        known = {closed_server.url: LOGIN}
        clone(repository(forge.tip, closed_server.url + "/Owner/pytorch.git", ref="master"), dest="two", known=known)
    assert closed_server.let_in > 3 and seen == set()
    assert overheard.files(tmp_path, "s3cr") == [] and "s3cr" not in "".join(clone.log)


def test_git_has_submodules_of_the_same_server(closed_server, forge, clone):
    closed_server.repos = forge.base
    top = forge.commit("Owner/closed", {"a": b"a"}, [("leaf", "../../Other/leaf.git", forge.leaf)])
    source = repository(top, closed_server.url + "/Owner/closed.git", repo="Owner/closed", submodules=True, ref="")
    known = {closed_server.url + "/Owner/closed.git": LOGIN}
    assert clone(source, dest="closed", known=known) == {"leaf": forge.leaf}


def test_git_is_let_in_nowhere_else(closed_server, forge, clone):
    """Neither by a wrong password, nor does another server get to know it by sending git on."""
    closed_server.repos = forge.base
    source = repository(forge.old, closed_server.url.replace("://", "://ann:wr0ng@") + "/Owner/pytorch.git")
    with pytest.raises(fetch.FetchError, match="Authentication failed") as caught:
        clone(source)
    assert "wr0ng" not in str(caught.value)
    with servers.serving() as other:
        there = closed_server.url + "/Owner/pytorch.git/info/refs?service=git-upload-pack"
        other.files["/moved/info/refs"] = b""
        other.faults["/moved/info/refs"] = [("redirect", there)] * 9
        closed_server.let_in, closed_server.asked = 0, set()
        with pytest.raises(fetch.FetchError):
            clone(repository(forge.old, other.url + "/moved"), known={other.url: LOGIN})
    assert closed_server.let_in == 0 and closed_server.asked == {None}
