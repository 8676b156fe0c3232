# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives over bad roads: a real server on this machine that cuts, stalls, lies and refuses."""

import errno
import hashlib
import io
import os
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.download import fetch_archive
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.fetch import FetchError
from sources import BODY, SHA, archive, in_child


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
    monkeypatch.setattr(fetch, "_PROGRESS_BYTES", 50_000)
    server.files["/a.tgz"] = BODY
    server.faults["/a.tgz"] = [("cut", 100_000)] * 5
    get(archive(server.url + "/a.tgz"), attempts=2)
    assert len(server.seen) == 6


@pytest.mark.parametrize("told", [True, False])
def test_no_more_is_taken_than_is_wanted(get, told):
    """Whoever serves it may lie of its length, or say nothing and never end."""
    read = []

    class Answer(io.BytesIO):
        status, headers = 200, {"Content-Length": "1000"} if told else {}

        def read1(self, size):
            read.append(size)
            return b"x" * size

    with pytest.raises(FetchError, match="has more than the 900 bytes"):
        get(dict(archive("http://x/a.tgz"), size=900), opener=lambda request, timeout: Answer())
    assert len(read) == (0 if told else 1) and not get.part.exists()


def test_what_has_the_wanted_size_is_taken(server, get):
    server.files["/a.tgz"] = BODY
    get(dict(archive(server.url + "/a.tgz"), size=len(BODY)))


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
    assert sum("no answer for 0.3 s; trying again" in line for line in get.log) == 2


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
        "use http, https, file",
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
        get(archive("https://ann:s%20cret@h.invalid/a.tgz", "https://ann:p@cret@h.invalid/b.tgz"), opener=opener)
    assert asked == [
        ("https://h.invalid/a.tgz", "Basic YW5uOnMgY3JldA=="),
        ("https://h.invalid/b.tgz", "Basic YW5uOnBAY3JldA=="),
    ]
    assert "cret" not in str(caught.value) + "".join(get.log)


def test_tls_is_verified_and_said_so(get, monkeypatch):
    context = []
    monkeypatch.setattr(
        download.urllib.request,
        "HTTPSHandler",
        lambda context, real=urllib.request.HTTPSHandler, seen=context: seen.append(context) or real(context=context),
    )
    download.make_opener()
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
    monkeypatch.setattr(time, "sleep", pauses.append)

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
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result((4096, 4096) + (10,) * 8))
    with pytest.raises(FetchError, match=r"no space left for 1 MiB more .*downloads \(0 MiB free\).*ascend_work_dir"):
        get(archive(server.url + "/a.tgz", server.url + "/other"))
    monkeypatch.setattr(os, "statvfs", real)

    def full(unused):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FetchError, match="no space left") as caught:
        get(archive(server.url + "/a.tgz", server.url + "/other"))
    assert len(caught.value.tried) == 1 and get.part.stat().st_size == len(BODY)


def test_deadline_and_malformed_sources(deaf, get, tmp_path):
    with pytest.raises(FetchError, match="the time allowed was over .ascend_timeout_s"):
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


def test_killed_while_fetching_goes_on_with_what_it_had(server, get, tmp_path):
    body = BODY * 5
    source = archive(server.url + "/a.tgz", sha256=hashlib.sha256(body).hexdigest())
    server.files["/a.tgz"] = body
    server.faults["/a.tgz"] = [("hold", 2_000_000)]
    part = tmp_path / "downloads" / (source["sha256"] + "-a.tgz.part")
    child = in_child("download.fetch_archive", source, [], str(tmp_path / "downloads"))
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


def test_a_python_without_ssl_fetches_what_needs_none(server, get, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ssl", None)
    (tmp_path / "a.tgz").write_bytes(BODY)
    get(archive((tmp_path / "a.tgz").as_uri()))
    get.part.with_name(SHA + "-a.tgz").unlink()
    server.files["/a.tgz"] = BODY
    get(archive("https://127.0.0.1:9/a.tgz", server.url + "/a.tgz"))
    get.part.with_name(SHA + "-a.tgz").unlink()
    with pytest.raises(FetchError) as told:
        get(archive("https://127.0.0.1:9/a.tgz"))
    for words in (sys.executable + ", has no ssl", "libssl-dev or openssl-devel", "ansible_python_interpreter"):
        assert words in str(told.value)
