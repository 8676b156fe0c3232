# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve a folder that make.py wrote: archives, and git repositories over dumb HTTP.

    python3 tests/mirror/serve.py OUT --port 8000 --bind 0.0.0.0

A URL's first element may name a fault, the rest is the path as usual:

    /flaky/<path>    the first request for a path is cut after --cut-after bytes, the next ones are whole
    /404/<path>      is never there
    /corrupt/<path>  one byte in the middle is another
    /stall/<path>    nothing more comes after --cut-after bytes, for --stall-seconds or until the client goes

Ranges of bytes are served (RFC 7233, one range). As GitHub does, /owner/repo is taken for /owner/repo.git. /simple/ is
an index for pip.
"""

import argparse
import re
import select
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import List, Optional, Tuple
from urllib.parse import unquote, urlsplit

FAULTS = ("flaky", "404", "corrupt", "stall")


def split_fault(path: str) -> Tuple[Optional[str], str]:
    """The fault that a URL's path asks for, if any, and the path below it, without a leading slash."""
    first, _slash, rest = path.lstrip("/").partition("/")
    return (first, rest) if first in FAULTS else (None, path.lstrip("/"))


def find_file(root: Path, path: str) -> Optional[Path]:
    """The file that a URL's path names; None where there is none, or where it would be outside of the root."""
    for name in (path, re.sub(r"^([^/]+/[^/]+?)(?:\.git)?/", r"\1.git/", path), path.rstrip("/") + "/index.html"):
        file = (root / name).resolve()
        if file.is_file() and root.resolve() in file.parents:
            return file
    return None


def byte_range(header: Optional[str], size: int) -> Optional[Tuple[int, int]]:
    """First and last+1 byte that a Range header asks for, of a file of that many bytes; None: all of it.

    Raises ValueError where the file has no such bytes. A header of another form counts as none, as the RFC has it.
    """
    match = re.match(r"bytes=(\d*)-(\d*)$", header or "")
    if not match or not (match.group(1) or match.group(2)):
        return None
    if not match.group(1):
        return max(0, size - int(match.group(2))), size
    begin, end = int(match.group(1)), min(size, int(match.group(2) or size) + 1)
    if begin >= size or begin >= end:
        raise ValueError(header)
    return begin, end


class Server(ThreadingHTTPServer):
    """An HTTP server for one folder; what the handlers share."""

    daemon_threads = True

    def __init__(self, address: Tuple[str, int], root: Path, cut_after: int, stall_seconds: float) -> None:
        super().__init__(address, Handler)
        self.root, self.cut_after, self.stall_seconds = root, cut_after, stall_seconds
        self.cut = set()  # the paths that were cut already
        self.lock = threading.Lock()

    def first_time(self, path: str) -> bool:
        """Whether this path is asked for the first time."""
        with self.lock:
            new = path not in self.cut
            self.cut.add(path)
            return new


class Handler(BaseHTTPRequestHandler):
    """One client."""

    protocol_version = "HTTP/1.1"  # many small files: git asks for them over one connection
    server: Server

    def do_GET(self) -> None:
        """Answer with the file, a part of it, or the fault that was asked for."""
        fault, path = split_fault(unquote(urlsplit(self.path).path))
        file = find_file(self.server.root, path)
        if fault == "404" or file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = file.read_bytes()
        if fault == "corrupt" and content:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
        try:
            part = byte_range(self.headers.get("Range"), len(content))
        except ValueError:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", "bytes */{}".format(len(content)))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin, end = part or (0, len(content))
        self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
        if part:
            self.send_header("Content-Range", "bytes {}-{}/{}".format(begin, end - 1, len(content)))
        # pip takes an index of packages for none unless it is called HTML.
        self.send_header("Content-Type", "text/html" if file.suffix == ".html" else "application/octet-stream")
        self.send_header("Content-Length", str(end - begin))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(fault, path, content[begin:end])

    do_HEAD = do_GET

    def send_body(self, fault: Optional[str], path: str, body: bytes) -> None:
        """Send it whole, or as much of it as the fault lets through; never all of it."""
        some = body[: min(self.server.cut_after, len(body) // 2)]
        if fault == "stall":
            self.wfile.write(some)
            self.wfile.flush()
            select.select([self.connection], [], [], self.server.stall_seconds)  # readable: the client has gone
            self.close_connection = True
        elif fault == "flaky" and self.server.first_time(path):
            self.wfile.write(some)
            self.close_connection = True
        else:
            self.wfile.write(body)

    def handle(self) -> None:
        """As the base class, but a client that goes away is no error."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True


def make_server(
    root: Path, bind: str = "127.0.0.1", port: int = 0, cut_after: int = 100_000, stall_seconds: float = 3600.0
) -> Server:
    """A server that is bound but not yet serving; port 0 takes a free one. Sizes in bytes, times in seconds."""
    return Server((bind, port), root, cut_after, stall_seconds)


def main(arguments: Optional[List[str]] = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder that make.py wrote")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one and prints it")
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--cut-after", type=int, default=100_000, metavar="BYTES")
    parser.add_argument("--stall-seconds", type=float, default=3600.0)
    options = parser.parse_args(arguments)
    if not options.out.is_dir():
        parser.error("there is no folder {}: run make.py first".format(options.out))
    server = make_server(options.out, options.bind, options.port, options.cut_after, options.stall_seconds)
    print("serving {} on http://{}:{}/".format(options.out, *server.server_address[:2]), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
