# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching over bad roads: real servers on this machine that cut, stall, lie and refuse; real git repositories."""

import errno
import hashlib
import io
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils import fetch
from ansible_collections.ascend.pytorch.plugins.module_utils.fetch import (
    FetchError,
    bare_repositories,
    bundle_git,
    bundle_name,
    bundled_file,
    candidate_urls,
    fetch_archive,
    fetch_git,
    git_closure,
    patched,
    reset_tree,
    unanswered,
)
from hypothesis import given
from hypothesis import strategies as st

CHECKOUT = Path(__file__).parents[4]
BODY = os.urandom(600_000)
SHA = hashlib.sha256(BODY).hexdigest()


# ---- a server with faults ----


class Server(ThreadingHTTPServer):
    """Serves `files`, and the bare repositories under `repos`; the faults of a path happen one a request, in order."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server_port
        self.files, self.faults, self.seen = {}, {}, []
        self.repos, self.protocol_2, self.dumb = None, True, False
        self.held, self.release = threading.Event(), threading.Event()

    def handle_error(self, *unused):
        """A client that goes away in the middle is what is tested: no traceback of that."""


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *unused):
        pass

    def do_GET(self):
        path, unused, query = self.path.partition("?")
        self.server.seen.append((self.command, path, self.headers.get("Range")))
        faults = self.server.faults.get(path, [])
        fault = faults.pop(0) if faults else None
        if isinstance(fault, int):
            return self.send_error(fault)
        if self.server.dumb:
            file = Path(self.server.repos) / path.lstrip("/")
            return self.answer(file.read_bytes(), fault) if file.is_file() else self.send_error(404)
        if ".git/" in path:
            return self.git(path, query, fault)
        body = self.server.files.get(path)
        return self.send_error(404) if body is None else self.answer(body, fault)

    do_POST = do_GET

    def answer(self, body, fault, headers=()):
        what, value = fault if isinstance(fault, tuple) else (fault, None)
        start, wanted = 0, self.headers.get("Range")
        if what == "redirect":
            self.send_response(302)
            self.send_header("Location", value)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if what == "body":
            body = value
        if wanted and what != "ignore range":
            start = int(wanted[len("bytes=") : -1]) + (value if what == "shift" else 0)
            if start >= len(body):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body)))
        for name, text in headers:
            self.send_header(name, text)
        body = body[start:]
        if what == "html":
            self.send_header("Content-Type", "text/html")
        if what != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if what in ("cut", "hold"):
            self.wfile.write(body[:value])
            self.wfile.flush()
            if what == "hold":
                self.server.held.set()
                self.server.release.wait(20)
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)

    def git(self, path, query, fault):
        env = dict(
            GIT_ENV,
            GIT_PROJECT_ROOT=str(self.server.repos),
            GIT_HTTP_EXPORT_ALL="1",
            PATH_INFO=path,
            QUERY_STRING=query,
            REQUEST_METHOD=self.command,
            REMOTE_ADDR="127.0.0.1",
            CONTENT_TYPE=self.headers.get("Content-Type", ""),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
        )
        if self.server.protocol_2:
            env["GIT_PROTOCOL"] = self.headers.get("Git-Protocol", "")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(
            ["git", "http-backend"], env=env, input=body, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
        )
        head, unused, body = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = [int(value.split()[0]) for name, value in headers if name == "Status"]
        if status:
            return self.send_error(status[0])
        if isinstance(fault, tuple) and len(body) <= fault[1]:  # only talk before the pack: keep the fault for that
            self.server.faults[path].insert(0, fault)
            fault = None
        self.answer(body, fault, headers)


@contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server():
    with serving() as one:
        yield one


@pytest.fixture
def deaf():
    """The URL of a port that takes connections and never says a word."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(16)
        yield "http://127.0.0.1:%d" % sock.getsockname()[1]


@pytest.fixture
def closed():
    """The URL of a port that nobody listens on: bound, so that nobody else takes it meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield "http://127.0.0.1:%d" % sock.getsockname()[1]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


# ---- where to look ----


def archive(*urls, **more):
    source = {"name": "cmake", "kind": "archive", "file": "a.tgz", "urls": list(urls), "sha256": SHA, "dest": "a"}
    return dict(source, **more)


def test_mirrors_come_first_and_paths_become_urls(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    mirrors = ["/srv/my mirror/", "~", "file:///srv/m", "https://m.example/x/", "", " "]
    assert candidate_urls(archive("https://cmake.example/a.tgz", "https://m.example/x/a.tgz"), mirrors) == [
        "file:///srv/my%20mirror/a.tgz",
        "file:///home/ann/a.tgz",
        "file:///srv/m/a.tgz",
        "https://m.example/x/a.tgz",
        "https://cmake.example/a.tgz",
    ]
    git = {
        "kind": "git",
        "repo": "Ascend/pytorch",
        "urls": ["~/clones/p.git", "https://gitee.example/ascend/pytorch.git"],
    }
    assert candidate_urls(git, ["~/m", "git@host:mirror", "http://m"]) == [
        "file:///home/ann/m/Ascend/pytorch.git",
        "git@host:mirror/Ascend/pytorch.git",
        "http://m/Ascend/pytorch.git",
        "file:///home/ann/clones/p.git",
        "https://gitee.example/ascend/pytorch.git",
    ]


# ---- whether anybody answers ----


def test_one_place_that_answers_is_enough(server, closed):
    server.files["/a.tgz"] = BODY
    assert unanswered(archive(closed + "/a.tgz", server.url + "/a.tgz"), []) == []
    assert server.seen == [("GET", "/a.tgz", None)]
    # A mirror that has it spares the network.
    assert unanswered(archive(closed + "/a.tgz"), [server.url]) == []


def test_nobody_answers(server, closed, deaf, tmp_path):
    said = unanswered(
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
    for word, (_url, why) in zip(["refused", "no answer for 0.3 s", "HTTP 404", "not there", ""], said, strict=True):
        assert why and word in why


def test_repositories_are_asked_as_git_does_without_git(server, closed, tmp_path, monkeypatch):
    git = {"kind": "git", "name": "x", "repo": "O/x", "commit": "a" * 40, "urls": []}
    server.files["/O/x.git/info/refs"] = b"refs"
    monkeypatch.setenv("PATH", "/nonexistent")
    server.dumb, server.repos = True, tmp_path
    (tmp_path / "O" / "x.git" / "info").mkdir(parents=True)
    (tmp_path / "O" / "x.git" / "info" / "refs").write_text("refs")
    assert unanswered(git, [server.url]) == unanswered(git, [str(tmp_path)]) == []
    assert "404" in unanswered(dict(git, urls=[server.url + "/none.git"]), [])[0][1]
    port = closed.rpartition(":")[2]
    for url in ("git://127.0.0.1:%s/x.git" % port, "ssh://git@127.0.0.1:%s/x.git" % port):
        assert "refused" in unanswered(dict(git, urls=[url]), [], 0.3)[0][1]
        assert unanswered(dict(git, urls=[url.replace(port, server.url.rpartition(":")[2])]), [], 5) == []


def test_a_password_is_not_shown_when_nobody_answers(closed):
    assert "secret" not in str(unanswered(archive(closed.replace("//", "//ann:secret@") + "/a.tgz"), []))


PLACES = st.one_of(st.text(), st.sampled_from(["/a", "/a/", "//a", "~", "~/b", "https://h/", "file:///a", "https://h"]))


@given(st.lists(st.text(max_size=20), max_size=3), st.booleans())
def test_asking_nonsense_never_raises(urls, git):
    # Nothing of the network: what looks like an address is left out.
    urls = [url for url in urls if ":" not in url or url.startswith(("file:", "x:"))]
    source = {"kind": "git", "repo": "O/x", "urls": urls} if git else archive(*urls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", lambda *_a, **_k: (each for each in ()).throw(OSError("no network")))
        assert all(why for _url, why in unanswered(source, [], 0.1))


@given(st.lists(PLACES, max_size=5), st.lists(PLACES, max_size=5), st.booleans())
def test_candidates_are_ordered_and_unique(mirrors, urls, git):
    source = {"kind": "git", "repo": "Owner/re po", "urls": urls} if git else archive(*urls)
    found = candidate_urls(source, mirrors)
    assert len(found) == len(set(found)) <= len(mirrors) + len(urls)
    assert found[: len(candidate_urls(dict(source, urls=[]), mirrors))] == candidate_urls(
        dict(source, urls=[]), mirrors
    )
    assert not any(url.startswith(("/", "~")) or url != url.strip() for url in found)
    assert set(candidate_urls(source, [])) <= set(found)


@pytest.mark.parametrize(
    "parent, relative, url",
    [
        ("https://h/Ascend/pytorch.git", "../x.git", "https://h/Ascend/x.git"),
        ("https://h/Ascend/pytorch.git/", "../../O/x.git", "https://h/O/x.git"),
        ("https://h/Ascend/pytorch", "./x", "https://h/Ascend/pytorch/x"),
        ("git@h:Ascend/pytorch.git", "../x.git", "git@h:Ascend/x.git"),
        ("git@h:Ascend/pytorch.git", "../../O/x.git", "git@h:O/x.git"),
        ("Ascend/pytorch.git", "../../O/x.git", "O/x.git"),
    ],
)
def test_relative_submodule_urls(parent, relative, url):
    assert fetch._submodule_urls([parent], relative) == [url]


@pytest.mark.parametrize(
    "url, urls, repo",
    [
        ("https://github.com/pytorch/cpuinfo.git", ["https://github.com/pytorch/cpuinfo.git"], "pytorch/cpuinfo"),
        ("git://github.com/a/b", ["https://github.com/a/b", "git://github.com/a/b"], "a/b"),
        ("git@github.com:a/b.git", ["https://github.com/a/b.git", "git@github.com:a/b.git"], "a/b"),
        ("ssh://git@host:29/a/b", ["https://host/a/b", "ssh://git@host:29/a/b"], "a/b"),
        ("https://host:8/x/y/a/b.git/", ["https://host:8/x/y/a/b.git/"], "a/b"),
        ("https://host/b.git", ["https://host/b.git"], "b"),
        ("/srv/a/b", ["/srv/a/b"], "a/b"),
    ],
)
def test_absolute_submodule_urls_and_their_place_in_a_mirror(url, urls, repo):
    assert fetch._submodule_urls(["https://h/p.git"], url) == urls
    assert {fetch._last_two(one) for one in urls} == {repo}


# ---- archives ----


@pytest.fixture
def get(tmp_path):
    """fetch_archive with quick retries. `.log` is what it said, `.part` the file that it gathers in."""

    def run(source, mirrors=(), **more):
        options = dict({"attempts": 3, "pause_s": 0.01, "stall_s": 5.0}, **more)
        path = fetch_archive(source, list(mirrors), str(tmp_path / "downloads"), run.log.append, **options)
        assert Path(path).read_bytes() == BODY and not run.part.exists()
        return path

    run.log, run.part = [], tmp_path / "downloads" / (SHA + "-a.tgz.part")
    run.part.parent.mkdir()
    return run


def ranges(server):
    return [wanted for unused, unused2, wanted in server.seen]


def test_fetch_and_again_without_network(server, get, tmp_path):
    server.files["/a.tgz"] = BODY
    path = get(archive(server.url + "/a.tgz"))
    assert path == str(tmp_path / "downloads" / (SHA + "-a.tgz"))
    assert get(archive()) == path and len(server.seen) == 1
    Path(path).write_bytes(b"spoilt")
    get(archive(server.url + "/a.tgz"))


def test_file_urls_and_plain_paths(get, tmp_path):
    (tmp_path / "my mirror").mkdir()
    (tmp_path / "my mirror/a.tgz").write_bytes(BODY)
    get.part.write_bytes(BODY[:1000])
    get(archive(), [str(tmp_path / "none"), str(tmp_path / "my mirror")])
    assert any("No such file" in line for line in get.log)


def test_cut_connections_go_on_where_they_ended(server, get):
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("cut", 100_000), ("cut", 200_000)]
    get(archive(server.url + "/a.tgz"))
    assert ranges(server) == [None, "bytes=100000-", "bytes=300000-"]


def test_a_bad_road_that_leads_on_is_no_failure(server, get, monkeypatch):
    monkeypatch.setattr(fetch, "_NEWS", 50_000)
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("cut", 100_000)] * 5
    get(archive(server.url + "/a.tgz"), attempts=2)
    assert len(server.seen) == 6


def test_range_ignored(server, get):
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("cut", 100_000), "ignore range"]
    get(archive(server.url + "/a.tgz"))
    assert ranges(server) == [None, "bytes=100000-"]


def test_another_range_than_asked(server, get):
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("cut", 100_000), ("shift", 7)]
    get(archive(server.url + "/a.tgz"))
    assert ranges(server) == [None, "bytes=100000-", None]


def test_no_length(server, get):
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = ["no length"]
    get(archive(server.url + "/a.tgz"))


@pytest.mark.parametrize(
    "part, wanted",
    [
        (BODY, []),  # killed before the rename
        (BODY[:5000], ["bytes=5000-"]),  # killed on the way
        (BODY + b"more", ["bytes=600004-", None]),  # too long: 416
        (b"?" * 5000, ["bytes=5000-", None]),  # of another file: the digest says so
        (b"?" * 600_000, ["bytes=600000-", None]),
        (b"", [None]),
    ],
)
def test_what_an_earlier_run_left(server, get, part, wanted):
    server.files["/a.tgz"] = BODY
    get.part.write_bytes(part)
    get(archive(server.url + "/a.tgz"))
    assert ranges(server) == wanted


def test_the_file_changed_on_the_server_between_two_tries(server, get):
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("body", b"x" * 300_000), ("cut", 1000)]
    get.part.write_bytes(BODY[:1000])
    get(archive(server.url + "/a.tgz"))


def test_404_goes_to_the_next_at_once_and_503_is_tried_again(server, get):
    server.files["/b/a.tgz"] = BODY
    server.faults["/b/a.tgz"] = [503, 503]
    get(archive(server.url + "/b/a.tgz"), [server.url + "/m"])
    assert [path for unused, path, unused2 in server.seen] == ["/m/a.tgz"] + ["/b/a.tgz"] * 3
    assert any("HTTP 404" in line for line in get.log) and any("HTTP 503" in line for line in get.log)


def test_wrong_digest_goes_to_the_next_url(server, get):
    server.files.update({"/bad": b"x" * 10, "/good": BODY})
    get(archive(server.url + "/bad", server.url + "/good"))
    assert any("digest is %s, wanted %s" % (hashlib.sha256(b"x" * 10).hexdigest(), SHA) in line for line in get.log)
    assert ranges(server) == [None, None]  # nothing of the bad one was kept


def test_a_login_page_is_called_one(server, get):
    server.files["/a"] = b"<html>"
    server.faults["/a"] = ["html"]
    with pytest.raises(FetchError, match="a web page") as caught:
        get(archive(server.url + "/a"))
    assert caught.value.tried[0][0] == server.url + "/a"
    assert not get.part.exists()


def test_stall_is_noticed_and_what_came_is_kept(server, deaf, get):
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("hold", 70_000)]
    get(archive(deaf + "/a.tgz", server.url + "/a.tgz"), stall_s=0.3, attempts=2)
    assert ranges(server) == [None, "bytes=70000-"]
    assert sum("no answer for 0.3 s; again" in line for line in get.log) == 2


def test_nobody_has_it_says_everything(server, closed, get):
    urls = [closed + "/a.tgz", "ftp://h.invalid/a.tgz", "nonsense", "file:///none/a.tgz"]
    with pytest.raises(FetchError) as caught:
        get(archive(*urls, urls_variable="cmake_urls"), [server.url])
    error = caught.value
    assert error.source == "cmake" and [url for url, unused in error.tried] == [server.url + "/a.tgz"] + urls
    for text in (
        "cmake: a.tgz could not be fetched",
        "HTTP 404",
        "refused",
        "only http, https, file",
        "No such file",
        "ascend_mirrors",
        "cmake_urls",
        *urls,
    ):
        assert text in str(error)
    with pytest.raises(FetchError, match="no URL is known"):
        get(archive())


def test_redirects_are_followed_but_not_out_of_http(server, get):
    server.files.update({"/r": b"", "/evil": b"", "/a.tgz": BODY})
    server.faults.update({"/r": [("redirect", server.url + "/a.tgz")], "/evil": [("redirect", "file:///etc/passwd")]})
    get(archive(server.url + "/evil", server.url + "/r"))
    assert any("/evil" in line and "not allowed" in line for line in get.log)


def test_a_password_is_used_but_not_shown(get):
    asked = []

    def opener(request, timeout):
        asked.append((request.full_url, request.unredirected_hdrs["Authorization"]))
        raise urllib.error.HTTPError(request.full_url, 403, "Forbidden", {}, io.BytesIO())

    with pytest.raises(FetchError) as caught:
        get(archive("https://ann:s%20cret@h.invalid/a.tgz"), opener=opener)
    assert asked == [("https://h.invalid/a.tgz", "Basic YW5uOnMgY3JldA==")]
    assert "cret" not in str(caught.value) + "".join(get.log)


def test_tls_is_verified_and_said_so(get, monkeypatch):
    context = []
    monkeypatch.setattr(
        fetch.urllib.request,
        "HTTPSHandler",
        lambda context, real=urllib.request.HTTPSHandler, seen=context: seen.append(context) or real(context=context),
    )
    fetch._opener()
    assert context[0].verify_mode == ssl.CERT_REQUIRED and context[0].check_hostname

    def opener(request, timeout):
        raise urllib.error.URLError(ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self signed"))

    with pytest.raises(FetchError, match="SSL_CERT_FILE"):
        get(archive("https://h.invalid/a.tgz"), opener=opener)
    assert len(get.log) == 1  # not tried again


@pytest.mark.parametrize(
    "error, tries",
    [
        (urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "Temporary failure")), 3),
        (urllib.error.URLError(socket.gaierror(socket.EAI_NONAME, "Name not known")), 1),
        (ConnectionResetError(104, "reset"), 3),
        (socket.timeout("timed out"), 3),
        (ConnectionRefusedError(111, "refused"), 1),
    ],
)
def test_what_may_pass_is_tried_again_with_growing_pauses(get, monkeypatch, error, tries):
    calls, pauses = [], []
    monkeypatch.setattr(fetch.time, "sleep", pauses.append)

    def opener(request, timeout):
        calls.append(timeout)
        raise error

    with pytest.raises(FetchError):
        get(archive("https://h.invalid/a.tgz"), opener=opener, pause_s=2.0)
    assert calls == [5.0] * tries and pauses == [2.0, 4.0][: tries - 1]


def test_a_host_that_wore_out_its_tries_gets_one_from_then_on(deaf, get):
    with pytest.raises(FetchError):
        get(archive(deaf + "/1", deaf + "/2"), stall_s=0.1)
    assert len(get.log) == 3 + 1


def test_full_disk_known_before_and_met_on_the_way(server, get, monkeypatch):
    server.files["/a.tgz"] = BODY
    real = os.statvfs
    monkeypatch.setattr(fetch.os, "statvfs", lambda path: os.statvfs_result((4096, 4096) + (10,) * 8))
    with pytest.raises(FetchError, match=r"no space left for 1 MiB more .*downloads \(0 MiB free\).*ascend_work_dir"):
        get(archive(server.url + "/a.tgz", server.url + "/other"))
    monkeypatch.setattr(fetch.os, "statvfs", real)

    def full(unused):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch.os, "fsync", full)
    with pytest.raises(FetchError, match="no space left") as caught:
        get(archive(server.url + "/a.tgz", server.url + "/other"))
    assert len(caught.value.tried) == 1 and get.part.stat().st_size == len(BODY)


def test_deadline_and_malformed_sources(deaf, get, tmp_path):
    with pytest.raises(FetchError, match="the time allowed was over"):
        get(archive(deaf + "/a"), deadline=time.monotonic() - 1)
    begun = time.monotonic()
    with pytest.raises(FetchError):
        get(archive(deaf + "/a", deaf + "/b"), deadline=begun + 0.4, stall_s=60, pause_s=60)
    assert time.monotonic() - begun < 5
    for wrong in ({"sha256": "abc"}, {"sha256": None}, {"file": "../x"}):
        with pytest.raises(FetchError, match="malformed"):
            get(archive("https://h.invalid/a", **wrong))
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match="cannot write into"):
        fetch_archive(archive("https://h.invalid/a"), [], str(tmp_path / "file/downloads"), get.log.append)


def in_child(function, *args, **more):
    """Call a function of fetch in a Python of its own, silently."""
    code = (
        "import sys; sys.path.insert(0, %r)\n"
        "from ansible_collections.ascend.pytorch.plugins.module_utils import fetch\n"
        "fetch.%s(*%r, log=lambda line: None, **%r)\n"
    ) % (str(CHECKOUT / "collections"), function, args, more)
    return subprocess.Popen([sys.executable, "-c", code])


def test_killed_while_fetching_goes_on_with_what_it_had(server, get, tmp_path):
    body = BODY * 5
    source = archive(server.url + "/a.tgz", sha256=hashlib.sha256(body).hexdigest())
    server.files["/a.tgz"] = body
    server.faults["/a.tgz"] = [("hold", 2_000_000)]
    part = tmp_path / "downloads" / (source["sha256"] + "-a.tgz.part")
    child = in_child("fetch_archive", source, [], str(tmp_path / "downloads"))
    assert server.held.wait(20)
    until = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > 1_000_000) and time.monotonic() < until:
        time.sleep(0.01)
    child.kill()
    child.wait()
    size = part.stat().st_size
    assert size > 1_000_000
    path = fetch_archive(source, [], str(tmp_path / "downloads"), get.log.append)
    assert Path(path).read_bytes() == body and ranges(server) == [None, "bytes=%d-" % size]


def test_two_at_once_fetch_once(server, get):
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("hold", 1000)]
    threads = [threading.Thread(target=get, args=(archive(server.url + "/a.tgz"),)) for unused in range(2)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 10
    while not any("waiting for another run" in line for line in get.log) and time.monotonic() < until:
        time.sleep(0.01)
    server.release.set()
    for thread in threads:
        thread.join(20)
    assert any("waiting for another run" in line for line in get.log)
    assert ranges(server) == [None, "bytes=1000-"]


# ---- git ----

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


def git(*args, cwd="/", code=0):
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


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """pytorch (old, tagged v1; then master) > third_party/middle (absolute URL) > deps/leaf (relative URL)."""
    forge = Forge(tmp_path_factory.mktemp("forge"))
    forge.leaf = forge.commit("Other/leaf", {"leaf.c": b"int leaf;\n"})
    forge.commit("Other/leaf", {"leaf.c": b"int newer;\n"})  # the recorded commit is no tip
    forge.middle = forge.commit(
        "pytorch/middle",
        {"m.c": b"int m;\n", ".gitignore": b"*.o\n"},
        [("deps/leaf", "../../Other/leaf.git", forge.leaf)],
    )
    forge.old = forge.commit(
        "Owner/pytorch",
        {"a.c": b"int a;\n", "big": os.urandom(400_000)},
        [("third_party/middle", "https://forge.invalid/pytorch/middle.git", forge.middle)],
    )
    git("tag", "-a", "-m", "v1", "v1", forge.old, cwd=forge.base / "Owner/pytorch.git")
    git("tag", "light", forge.old, cwd=forge.base / "Owner/pytorch.git")
    forge.unnamed = forge.commit("Owner/pytorch", {"a.c": b"int unnamed;\n"})
    forge.tip = forge.commit("Owner/pytorch", {"a.c": b"int newer;\n"})
    return forge


def repository(commit, *urls, **more):
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


@pytest.fixture
def clone(tmp_path):
    """fetch_git with quick retries, and a check that what it gives is the commit, clean. `.log`: what it said."""

    def run(source, mirrors=(), dest="src/pytorch", **more):
        options = dict({"attempts": 3, "pause_s": 0.01, "stall_s": 10.0}, **more)
        done = fetch_git(
            source,
            [str(one) for one in mirrors],
            str(tmp_path / "git"),
            str(tmp_path / dest),
            run.log.append,
            **options,
        )
        assert done["commit"] == git("rev-parse", "HEAD", cwd=tmp_path / dest) == source["commit"]
        assert git("status", "--porcelain", "--ignored", cwd=tmp_path / dest) == ""
        return done["submodules"]

    run.log, run.dest, run.store = [], tmp_path / "src/pytorch", tmp_path / "git/Owner/pytorch.git"
    return run


def said(run, text):
    return [line for line in run.log if text in line]


def test_tree_with_nested_submodules_and_again_without_network(forge, clone, tmp_path):
    source = repository(forge.old, submodules=True)
    found = {"third_party/middle": forge.middle, "third_party/middle/deps/leaf": forge.leaf}
    assert clone(source, [tmp_path / "none", forge.base]) == found
    assert (clone.dest / "third_party/middle/deps/leaf/leaf.c").read_bytes() == b"int leaf;\n"
    rows = git("submodule", "status", "--recursive", cwd=clone.dest).splitlines()
    assert [row.split()[:2] for row in rows] == [[commit, path] for path, commit in sorted(found.items())]
    git("submodule", "update", "--init", "--recursive", cwd=clone.dest)  # as build scripts do: nothing is left to do
    assert (tmp_path / "git/pytorch/middle.git").is_dir() and (tmp_path / "git/Other/leaf.git").is_dir()
    del clone.log[:]
    assert clone(source) == found and not said(clone, "fetching")


def test_one_store_serves_several_commits_and_trees(forge, clone):
    clone(repository(forge.old), [forge.base])
    clone(repository(forge.tip, ref="master"), [forge.base], dest="src/second")
    clone(repository(forge.tip), [])  # another commit in the tree that was there
    assert (clone.dest / "a.c").read_bytes() == b"int newer;\n"


def test_by_commit_over_http_is_shallow(forge, server, clone):
    server.repos = forge.base
    clone(repository(forge.unnamed, server.url + "/Owner/pytorch.git", ref=None))
    assert git("rev-list", "--count", forge.unnamed, cwd=clone.store) == "1"
    assert len(said(clone, "fetching")) == 1


@pytest.mark.parametrize("ref, way", [("v1", " as v1 "), ("light", " as light "), ("master", " with all branches ")])
def test_git_that_cannot_ask_for_a_commit(forge, clone, tmp_path, monkeypatch, ref, way):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(
        """#!/bin/sh
case "$*" in *" fetch "*+%s:*) echo "fatal: Couldn't find remote ref %s" >&2; exit 128;; esac
PATH=%s exec git "$@"
"""
        % (forge.old, forge.old, os.environ["PATH"])
    )
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path / "bin", os.environ["PATH"]))
    clone(repository(forge.old, ref=ref), [forge.base])
    assert way in said(clone, "fetching")[-1]
    assert bool(said(clone, "master has moved: it is now at " + forge.tip)) == (ref == "master")


@pytest.mark.parametrize("ref", ["v1", "gone", None])
def test_all_of_it_where_nothing_else_helps(forge, server, clone, ref):
    server.repos, server.protocol_2 = forge.base, False
    clone(repository(forge.tip, server.url + "/Owner/pytorch.git", ref="master"))  # makes the store shallow
    clone(repository(forge.unnamed, server.url + "/Owner/pytorch.git", ref=ref))
    assert len(said(clone, " with all branches ")) == 1
    assert bool(said(clone, "v1 has moved: it is now at " + forge.old)) == (ref == "v1")


def test_plain_web_server(forge, server, clone, tmp_path):
    git("clone", "-q", "--mirror", forge.base / "Owner/pytorch.git", tmp_path / "Owner/pytorch.git")
    git("update-server-info", cwd=tmp_path / "Owner/pytorch.git")
    server.repos, server.dumb = tmp_path, True
    clone(repository(forge.old), [server.url])


def test_bad_roads_are_tried_again(forge, server, clone):
    pack = "/Owner/pytorch.git/git-upload-pack"
    server.repos, server.protocol_2 = forge.base, False
    server.faults.update({"/Owner/pytorch.git/info/refs": [503], pack: [("cut", 50_000), 500]})
    clone(repository(forge.tip, server.url + "/Owner/pytorch.git", ref="master"), attempts=4)
    assert len(said(clone, "again in")) == 3 and server.faults[pack] == []


def test_the_next_url_after_missing_closed_deaf_and_locked_ones(forge, server, closed, deaf, clone):
    server.repos = forge.base
    server.faults["/private/r.git/info/refs"] = [401] * 9
    clone(
        repository(
            forge.old,
            closed + "/x/r.git",
            server.url + "/none/r.git",
            server.url + "/private/r.git",
            server.url + "/Other/leaf.git",
            "nonsense",
            deaf + "/x/r.git",
            server.url + "/Owner/pytorch.git",
        ),
        stall_s=0.1,
        attempts=1,
    )
    for text in (
        "none/r.git: fatal: repository",
        "private/r.git: fatal: Authentication failed",
        "leaf.git: has not got commit",
        "not an address",
        "no sign of life",
    ):
        assert said(clone, text), clone.log


def test_nobody_has_the_commit_says_everything(forge, clone, tmp_path):
    with pytest.raises(FetchError) as caught:
        clone(repository("f" * 40, "file:///none/p.git", urls_variable="torch_urls"), [forge.base])
    error = caught.value
    assert [url for url, unused in error.tried] == ["file://%s/Owner/pytorch.git" % forge.base, "file:///none/p.git"]
    for text in (
        "pytorch: commit " + "f" * 40,
        "has not got commit",
        "does not appear to be",
        "torch_urls",
        "<mirror>/Owner/pytorch.git",
    ):
        assert text in str(error)
    assert not clone.dest.exists()
    git("clone", "-q", "--mirror", forge.base / "Owner/pytorch.git", tmp_path / "m/Owner/pytorch.git")
    with pytest.raises(FetchError, match="submodule third_party/middle: (.|\n)* <mirror>/pytorch/middle.git") as caught:
        clone(repository(forge.old, submodules=True), [tmp_path / "m"])
    assert [url for url, unused in caught.value.tried][1] == "https://forge.invalid/pytorch/middle.git"


@pytest.mark.parametrize("wrong", [{"commit": "v1"}, {"commit": None}, {"ref": "--upload-pack=x"}, {"repo": "../x"}])
def test_malformed_sources(clone, wrong):
    with pytest.raises(FetchError, match="malformed"):
        clone(dict(repository("f" * 40), **wrong))


def test_a_submodule_cannot_run_commands_or_leave_the_stores(clone, tmp_path):
    forge = Forge(tmp_path / "forge")
    for url, text in (
        ("ext::touch " + str(tmp_path / "ran"), "could not be fetched|no usable address"),
        ("https://h.invalid/../..", "no usable address"),
    ):
        commit = forge.commit("Owner/evil", {"f": b"1"}, [("sub", url, "a" * 40)])
        with pytest.raises(FetchError, match=text):
            clone(repository(commit, repo="Owner/evil", ref=None, submodules=True), [forge.base])
    assert not (tmp_path / "ran").exists()


def test_a_submodule_from_nowhere_is_named(clone, tmp_path):
    forge = Forge(tmp_path / "forge")
    forge.commit("Owner/odd", {"f": b"1"}, [("sub", "../x.git", "a" * 40)])
    commit = forge.commit("Owner/odd", {".gitmodules": b"# none\n"})
    with pytest.raises(FetchError, match="submodule sub, but its .gitmodules does not say"):
        clone(repository(commit, repo="Owner/odd", ref=None, submodules=True), [forge.base])


def spoil_worktree(dest):
    (dest / "a.c").write_text("edited")
    (dest / "big").unlink()
    (dest / "new").mkdir()
    (dest / "new/x.o").write_text("")
    (dest / "third_party/middle/m.o").write_text("ignored, yet gone")
    (dest / "third_party/middle/m.c").unlink()
    (dest / "third_party/middle/deps/leaf/leaf.c.rej").write_text("")
    (dest / ".git/index.lock").write_text("")
    (dest / "third_party/middle/.git/index.lock").write_text("")


def assert_whole(dest):
    assert (dest / "a.c").read_bytes() == b"int a;\n" and (dest / "big").stat().st_size == 400_000
    assert sorted(os.listdir(dest)) == [".git", ".gitmodules", "a.c", "big", "third_party"]
    assert sorted(os.listdir(dest / "third_party/middle")) == [".git", ".gitignore", ".gitmodules", "deps", "m.c"]
    assert sorted(os.listdir(dest / "third_party/middle/deps/leaf")) == [".git", "leaf.c"]


def test_reset_tree_needs_no_network_and_touches_no_tree_around(forge, clone, tmp_path, monkeypatch):
    git("init", "-q", tmp_path)  # what a git that looks for its repository would find
    (tmp_path / "mine").write_text("mine")
    clone(repository(forge.old, submodules=True), [forge.base])
    spoil_worktree(clone.dest)
    git(
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "-qm",
        "moved on",
        "--allow-empty",
        cwd=clone.dest / "third_party/middle/deps/leaf",
    )
    reset_tree(str(clone.dest))
    assert_whole(clone.dest)
    assert git("rev-parse", "HEAD", cwd=clone.dest / "third_party/middle/deps/leaf") == forge.leaf
    fetch.shutil.rmtree(str(clone.dest / "third_party/middle"))
    with pytest.raises(FetchError, match="submodule .*third_party/middle is gone(.|\n)*Remove"):
        reset_tree(str(clone.dest))
    (clone.dest / ".git/HEAD").write_text("")
    with pytest.raises(FetchError, match="cannot be put back"):
        reset_tree(str(clone.dest))
    with pytest.raises(FetchError, match="has no .git"):
        reset_tree(str(tmp_path / "src"))
    assert (tmp_path / "mine").exists() and clone.store.exists()


def spoil_dot_git(dest):
    (dest / ".git/HEAD").write_text("")


def spoil_half_init(dest):
    fetch.shutil.rmtree(str(dest))
    (dest / ".git").mkdir(parents=True)


def spoil_submodule(dest):
    fetch.shutil.rmtree(str(dest / "third_party/middle/.git"))


def spoil_borrowed(dest):
    (dest / ".git/objects/info/alternates").write_text("/nowhere\n")


@pytest.mark.parametrize("spoil", [spoil_worktree, spoil_dot_git, spoil_half_init, spoil_submodule, spoil_borrowed])
def test_half_a_checkout_is_made_whole_without_network(forge, clone, spoil):
    source = repository(forge.old, submodules=True)
    clone(source, [forge.base])
    spoil(clone.dest)
    clone(source)
    assert_whole(clone.dest)


def biggest(store):
    files = [path for path in (store / "objects").rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def lose_object(store):
    biggest(store).unlink()


def truncate_object(store):
    path = biggest(store)
    path.chmod(0o644)
    path.write_bytes(b"")


def lose_head(store):
    (store / "HEAD").unlink()


def empty_store(store):
    fetch.shutil.rmtree(str(store))
    store.mkdir()


@pytest.mark.parametrize("damage", [lose_object, truncate_object, lose_head, empty_store])
def test_a_damaged_store_is_made_anew(forge, clone, damage):
    clone(repository(forge.old), [forge.base])
    damage(clone.store)
    fetch.shutil.rmtree(str(clone.dest))
    clone(repository(forge.old), [forge.base])
    assert said(clone, "damaged and made anew")


def test_locks_of_a_killed_git_do_not_matter(forge, clone):
    clone(repository(forge.old), [forge.base])
    for name in ("shallow.lock", "HEAD.lock", "refs/pins/%s.lock" % forge.tip):
        (clone.store / name).write_text("")
    (clone.store / "objects/pack/tmp_pack_x").write_text("half")
    clone(repository(forge.tip, ref="master"), [forge.base])
    assert not list(clone.store.rglob("*.lock")) + list(clone.store.rglob("tmp_pack*"))


def test_killed_while_fetching_and_run_again(forge, server, clone, tmp_path):
    server.repos, server.protocol_2 = forge.base, False
    server.faults["/Owner/pytorch.git/git-upload-pack"] = [("hold", 100_000)]
    source = repository(forge.tip, server.url + "/Owner/pytorch.git", ref="master")
    child = in_child("fetch_git", source, [], str(tmp_path / "git"), str(clone.dest), stall_s=1.0)
    assert server.held.wait(20)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    server.release.set()
    clone(source)


def test_two_at_once(forge, clone, tmp_path):
    errors = []

    def run(dest):
        try:
            clone(repository(forge.old, submodules=True), [forge.base], dest=dest)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=("src/%d" % number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def test_what_is_not_ours_is_not_removed(forge, clone):
    clone.dest.mkdir(parents=True)
    (clone.dest / "thesis.txt").write_text("years of work")
    with pytest.raises(FetchError, match="no work of ours.*\n.*Move it away"):
        clone(repository(forge.old), [forge.base])
    assert (clone.dest / "thesis.txt").exists()


def test_the_users_git_settings_and_variables_do_not_matter(forge, clone, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text(
        '[url "https://h.invalid/"]\n\tinsteadOf = file://\n[core]\n\tautocrlf = true\n\thooksPath = /none\n'
        "[protocol]\n\tallow = never\n[transfer]\n\tfsckObjects = true\n[init]\n\ttemplateDir = /none\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    clone(repository(forge.old, submodules=True), [forge.base])
    reset_tree(str(clone.dest))
    assert_whole(clone.dest)
    assert not (tmp_path / "elsewhere").exists()


def test_certificates_and_proxies_reach_git(monkeypatch):
    for name in ("GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/ca.pem")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")
    env = fetch._git_environment("/h", "/h/.gitconfig")
    assert (env["GIT_SSL_CAINFO"], env["http_proxy"]) == ("/etc/ca.pem", "http://proxy:3128")
    assert "GIT_SSL_NO_VERIFY" not in env


def test_deadline_kills_git_and_all_its_children(forge, deaf, clone):
    begun = time.monotonic()
    with pytest.raises(FetchError, match="the time allowed was over"):
        clone(repository(forge.old, deaf + "/Owner/pytorch.git"), deadline=begun + 0.7, stall_s=60)
    assert time.monotonic() - begun < 5
    left = subprocess.run(["pgrep", "-f", deaf], stdout=subprocess.PIPE, check=False).stdout
    assert left == b""


def test_no_git_and_full_disk_are_said_plainly(forge, clone, monkeypatch):
    real = os.environ["PATH"]
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(FetchError, match="there is no git"):
        clone(repository(forge.old), [forge.base])
    monkeypatch.setenv("PATH", real)
    run = fetch._Git._run

    def full(self, argv, cwd, silence_s):
        if "fetch" in argv:
            return fetch._Outcome(128, b"", "fatal: write error: No space left on device")
        return run(self, argv, cwd, silence_s)

    monkeypatch.setattr(fetch._Git, "_run", full)
    with pytest.raises(FetchError, match="no space left .*ascend_work_dir"):
        clone(repository(forge.old, "file:///other"), [forge.base])


# ---- what a mirror directory must have ----


def test_closure_names_everything(forge):
    assert git_closure(bare_repositories(str(forge.base)), "Owner/pytorch", forge.old) == [
        {"repo": "Owner/pytorch", "commit": forge.old, "path": ""},
        {"repo": "pytorch/middle", "commit": forge.middle, "path": "third_party/middle"},
        {"repo": "Other/leaf", "commit": forge.leaf, "path": "third_party/middle/deps/leaf"},
    ]


def test_closure_tells_all_that_is_missing(forge, tmp_path):
    odd = Forge(tmp_path)
    commit = odd.commit(
        "Owner/top",
        {"f": b"1"},
        [("one", "../none.git", "a" * 40), ("two", "https://h.invalid/Owner/old.git", "b" * 40)],
    )
    odd.commit("Owner/old", {"f": b"1"})
    with pytest.raises(FetchError, match="git clone --mirror") as caught:
        git_closure(bare_repositories(str(tmp_path)), "Owner/top", commit)
    assert caught.value.tried == [
        ("Owner/none.git (submodule one)", "not there; commit %s is needed" % ("a" * 40)),
        ("Owner/old.git (submodule two)", "has not got commit %s, or not whole" % ("b" * 40)),
    ]
    assert bare_repositories(str(tmp_path))("../Owner/top") is None


# ---- repositories as files ----


@pytest.fixture
def bundles(forge, tmp_path):
    """bundles(commit, repo): make a git bundle from the forge in the folder bundles.base; gives its submodules."""

    def make(commit, repo="Owner/pytorch", **more):
        path = str(make.base / bundle_name(repo, commit))
        source = repository(commit, repo=repo, **more)
        return bundle_git(source, [str(forge.base)], str(tmp_path / "stores"), path, make.log.append, pause_s=0.01)

    make.base, make.log = tmp_path / "bundles", []
    return make


def test_a_tree_comes_out_of_bundles_alone(forge, bundles, clone):
    url = "https://forge.invalid/pytorch/middle.git"
    assert bundles(forge.old) == [{"path": "third_party/middle", "commit": forge.middle, "urls": [url]}]
    below = bundles(forge.middle, "pytorch/middle", urls=[url])
    assert below == [{"path": "deps/leaf", "commit": forge.leaf, "urls": ["https://forge.invalid/Other/leaf.git"]}]
    assert bundles(forge.leaf, "Other/leaf") == []
    assert not list(bundles.base.rglob("*.partial"))
    source = repository(forge.old, "https://forge.invalid/Owner/pytorch.git", submodules=True, offline=True)
    assert unanswered(source, [str(bundles.base)]) == []
    assert clone(source, [bundles.base]) == {
        "third_party/middle": forge.middle,
        "third_party/middle/deps/leaf": forge.leaf,
    }
    assert not said(clone, "invalid"), "nothing but the bundles is asked"


def test_a_bundle_has_the_commit_alone_and_the_store_goes_on(forge, bundles, clone):
    """What a store had before a bundle came, and what it gets after it, is as good as ever."""
    bundles(forge.tip)
    clone(repository(forge.old), [forge.base])
    clone(repository(forge.tip, ref="master"), [bundles.base], dest="src/second")
    assert git("rev-list", "--count", forge.tip, cwd=clone.store) == "1"
    clone(repository(forge.unnamed, ref=""), [forge.base], dest="src/third")
    git("fsck", "--connectivity-only", cwd=clone.store)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, other: path.write_bytes(path.read_bytes()[:-200]),
        lambda path, other: path.write_bytes(b""),
        lambda path, other: path.write_bytes(other.read_bytes()),
    ],
    ids=["cut", "empty", "another commit"],
)
def test_a_damaged_bundle_is_named_and_does_no_harm(forge, bundles, clone, spoil):
    for commit in (forge.tip, forge.old):
        bundles(commit)
    path = bundles.base / bundle_name("Owner/pytorch", forge.tip)
    spoil(path, bundles.base / bundle_name("Owner/pytorch", forge.old))
    with pytest.raises(FetchError, match="bundle.yml") as caught:
        clone(repository(forge.tip, "https://forge.invalid/x.git", offline=True), [bundles.base])
    assert len(caught.value.tried) == 1 and str(path) in caught.value.tried[0][1]
    clone(repository(forge.tip), [bundles.base, forge.base])


def test_offline_says_so_before_anything_is_begun(tmp_path):
    for source in (repository("a" * 40, "https://h/x.git"), archive("https://h/a.tgz")):
        assert candidate_urls(dict(source, offline=True), []) == []
        assert unanswered(dict(source, offline=True), []) == [("ascend_bundle", "the bundle has not got it")]
        assert [why for _url, why in unanswered(dict(source, offline=True), [str(tmp_path)])] == ["not there"]


def test_a_file_out_of_a_bundle_and_as_a_patch_leaves_it(forge, bundles):
    bundles(forge.tip)
    path = str(bundles.base / bundle_name("Owner/pytorch", forge.tip))
    assert bundled_file(path, forge.tip, "a.c") == b"int newer;\n"
    assert bundled_file(path, forge.tip, "none.c") is None
    patch = git("diff", forge.old, forge.tip, cwd=forge.base / "Owner/pytorch.git").encode() + b"\n"
    assert patched(b"int a;\n", "a.c", patch) == b"int newer;\n"
    assert patched(b"as it was", "other/file", patch) == b"as it was"
    with pytest.raises(FetchError, match="not of one release"):
        patched(b"something else\n", "a.c", patch)
    Path(path).write_bytes(b"no bundle")
    with pytest.raises(FetchError, match="made anew"):
        bundled_file(path, forge.tip, "a.c")
