# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server on this machine that cuts, stalls, lies and refuses, as roads to sources do."""

import base64
import socket
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sources import GIT_ENV


class Server(ThreadingHTTPServer):
    """Serves `files`, and the bare repositories under `repos`; the faults of a path happen one a request, in order.

    With a `login` ("name:password") it is asked for, and whoever has not got it gets a 401; `asked` are the headers
    that came with one. `folder` is served as well.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server_port
        self.files, self.faults, self.seen = {}, {}, []
        self.repos, self.protocol_2, self.dumb = None, True, False
        self.login, self.folder, self.let_in, self.asked = "", None, 0, set()
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
        self.server.asked.add(self.headers.get("Authorization"))
        if self.server.login:
            wanted = "Basic " + base64.b64encode(self.server.login.encode()).decode()
            if self.headers.get("Authorization") != wanted:
                return self.refuse()
            self.server.let_in += 1
        if self.server.dumb:
            file = Path(self.server.repos) / path.lstrip("/")
            return self.answer(file.read_bytes(), fault) if file.is_file() else self.send_error(404)
        if ".git/" in path:
            return self.git(path, query, fault)
        body = self.server.files.get(path)
        file = Path(self.server.folder or "") / path.lstrip("/")
        if body is None and self.server.folder and file.is_file():
            body = file.read_bytes()
        return self.send_error(404) if body is None else self.answer(body, fault)

    do_POST = do_GET

    def refuse(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="sources"')
        self.send_header("Content-Length", "0")
        self.end_headers()

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
    """A server that runs for the while."""
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
