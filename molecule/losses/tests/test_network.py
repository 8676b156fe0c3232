# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network fails: fetches are resumed, retried with growing delays, and continued from the next URL."""

import os
import re
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import rig

ONE = "first"
ARCHIVE = "cmake-3.12.1.tar.gz"
# Nothing is fetched from the internet.
NOWHERE = {"torch_npu_build_adapter_urls": [], "torch_npu_build_native_urls": []}
# Errors of git in any of the stores.
STORES = (
    "for store in /var/lib/ascend-pytorch/git/*/*.git; do git -C $store fsck --no-dangling 2>&1; done | sed /^notice:/d"
)


def recording(asked, answer):
    """A handler of requests that notes (path, Range) of each in asked, and does answer(handler, real) for it."""

    def made(base):
        class Recording(base):
            def do_GET(self):
                asked.append((self.path.strip("/"), self.headers.get("Range")))
                answer(self, super().do_GET)

        return Recording

    return made


def test_a_cut_download_goes_on_where_it_was_after_growing_pauses_and_from_the_next_place(crew, serving):
    asked = {"busy": [], "cut": []}
    half = (rig.MIRROR / ARCHIVE).stat().st_size // 2

    def busy(handler, _real):
        handler.send_error(503)

    def cut(handler, real):
        if len(asked["cut"]) > 1:
            real()
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(2 * half))
        handler.end_headers()
        with (rig.MIRROR / ARCHIVE).open("rb") as stream:
            handler.wfile.write(stream.read(half))
        handler.close_connection = True

    places = [serving(rig.MIRROR, recording(asked[name], answer)) for name, answer in (("busy", busy), ("cut", cut))]
    crew.apply(["cmake"], [ONE], ascend_mirrors=places, cmake_urls=[])
    assert crew.stands(ONE)
    assert [path for path, _range in asked["busy"]] == [ARCHIVE] * 3
    assert asked["cut"] == [(ARCHIVE, None), (ARCHIVE, "bytes={0}-".format(half))]
    assert re.findall(r"again in (\d+) s", crew.log(ONE)) == ["2", "4", "2"]


# Has what Ansible's apt needs, but no make any more; a package of that is in /root/packages.
LACKING = """
set -e
get() { apt-get -q -y -o Acquire::Retries=3 "$@"; }
get update > /dev/null && get install --no-install-recommends python3-apt > /dev/null
mkdir -p /root/packages/make/DEBIAN /root/packages/make/usr/bin && cd /root/packages && cp /usr/bin/make make/usr/bin
printf 'Package: make\nVersion: 99\nArchitecture: all\nMaintainer: a <a@a.test>\nDescription: it\n' > make/DEBIAN/control
dpkg-deb --build make make.deb > /dev/null
{ cat make/DEBIAN/control; echo Filename: make.deb; echo Size: $(wc -c < make.deb)
  echo SHA256: $(sha256sum < make.deb | cut -d' ' -f1); } > Packages
dpkg --remove --force-depends make > /dev/null 2>&1; rm -f /usr/bin/make
"""
# Knows of all packages of the world only that one, and of the host's own mirrors nothing.
ALONE = """
echo 'deb [trusted=yes] {0}/ ./' > /root/sources.list
cat > /etc/apt/apt.conf.d/zz-alone <<END
Dir::Etc::SourceList "/root/sources.list"; Dir::Etc::SourceParts "-"; Dir::State::Lists "/root/lists/";
Acquire::Retries "0"; Acquire::http::Proxy "DIRECT";
END
mkdir -p /root/lists/partial && apt-get -q update
"""


def test_a_package_that_its_mirror_does_not_give_is_asked_for_again(crew, serving, tmp_path):
    asked = []

    def packages_asked():
        return [path for path, _range in asked if path.endswith(".deb")]

    def faltering(handler, real):
        if handler.path.endswith(".deb") and len(packages_asked()) < 3:
            handler.send_error(503)
        else:
            real()

    crew.on(ONE, LACKING)
    try:
        packages = tmp_path / "packages"
        packages.mkdir()
        for name in ("Packages", "make.deb"):
            rig.pod.podman("cp", f"{rig.container(ONE)}:/root/packages/{name}", str(packages))
        crew.on(ONE, ALONE.format(serving(packages, recording(asked, faltering))))
        said = crew.apply(["cmake"], [ONE]).said
        # Some ansible-cores name the role before the task.
        tried = re.findall(
            r"^FAILED - RETRYING: \[first\]: .*Install the packages that are missing, with apt", said, re.M
        )
        assert len(tried) == 2, said
        assert packages_asked() == ["make.deb"] * 3
        assert crew.stands(ONE)
    finally:
        crew.on(
            ONE,
            "cd /root && cp -n packages/make/usr/bin/make /usr/bin/ && rm -rf packages lists sources.list"
            " /etc/apt/apt.conf.d/zz-alone",
        )


def test_a_time_limit_ends_in_an_error_that_says_so(crew, gate):
    run = crew.begin(["cmake"], [ONE], ascend_mirrors=[gate.url], cmake_urls=[], ascend_timeout_s=6).ended(well=False)
    assert "failed in stage fetch" in run.words, run.said[-3000:]
    told = re.search(
        re.escape(gate.url) + r"/cmake-3.12.1.tar.gz: no answer for [0-9.]+ s; (for another .*?)\)", run.words
    )
    assert told.group(1).startswith("for another try the time allowed was over (ascend_timeout_s")
    gate.open()
    crew.apply(["cmake"], [ONE], ascend_mirrors=[gate.url], cmake_urls=[])
    assert crew.stands(ONE)


class Forge:
    """A git server, and a proxy in front of it that ends the connection during a pack.

    :ivar asked: the repositories that were asked for, in order
    :ivar deaths_over: the repositories over which it dies, each once, and whether it is then started again, as a service
        manager does; it has begun to send a pack
    """

    def __init__(self):
        self.asked, self.deaths_over, self.deaths = [], {}, 0
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()
        self.door = socket.create_server((rig.controller(), 0))
        self.url = "git://{0}:{1}".format(*self.door.getsockname())
        threading.Thread(target=self.receive, daemon=True).start()

    def start(self):
        argv = ["git", "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", "--port={0}".format(self.port)]
        self.process = subprocess.Popen(
            [*argv, "--base-path={0}".format(rig.MIRROR), str(rig.MIRROR)],
            # The mirror may belong to another account.
            env={
                **os.environ,
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
            },
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

        def listens():
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", self.port)) == 0

        rig.until(listens, 20)

    def die(self, comes_back):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.deaths += 1
        if comes_back:
            self.start()

    def receive(self):
        while True:
            try:
                client, _address = self.door.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        with client, socket.socket() as server:
            try:
                server.connect(("127.0.0.1", self.port))
            except OSError:
                return
            # "git-upload-pack /Owner/name.git", then what else git says of itself.
            request = client.recv(65536)
            repository = re.search(rb"/(\S+?)(?:\.git)?\0", request).group(1).decode()
            self.asked.append(repository)
            server.sendall(request)
            threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
            for chunk in iter(lambda: receive(server), b""):
                begins = chunk.find(b"PACK")
                if repository in self.deaths_over and begins >= 0:
                    client.sendall(chunk[: begins + 40])
                    # Closing it has no effect while the other thread reads from it.
                    client.shutdown(socket.SHUT_RDWR)
                    self.die(self.deaths_over.pop(repository))
                    return
                try:
                    client.sendall(chunk)
                except OSError:
                    return

    def close(self):
        self.door.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def receive(connection):
    """The next bytes of a connection, none at its end, however it comes."""
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def pass_on(source, sink):
    for chunk in iter(lambda: receive(source), b""):
        try:
            sink.sendall(chunk)
        except OSError:
            return


@pytest.fixture
def forge():
    made = Forge()
    yield made
    made.close()


@pytest.fixture
def host(crew):
    """A host with CMake, and so with everything that torch is built with."""
    crew.apply(["cmake"], [ONE])
    return ONE


def test_a_git_server_that_stays_dead_is_left_for_the_next_place(crew, host, forge):
    forge.deaths_over = {"pytorch/pytorch": False}
    crew.apply(["torch_npu_build"], [host], ascend_mirrors=[forge.url, str(rig.MIRROR)], **NOWHERE)
    assert re.findall(r"again in (\d+) s", crew.log(host, "torch")) == ["2", "4"]
    assert crew.on(host, STORES) == ""


def test_one_that_dies_in_the_midst_of_a_pack_is_asked_again_and_for_no_submodule_twice(crew, host, forge):
    whole = Path(rig.MIRROR, "pytorch/cpuinfo.git")
    assert whole.is_dir()
    forge.deaths_over = {"pytorch/pytorch": True, "pytorch/cpuinfo": False}
    run = crew.begin(["torch_npu_build"], [host], ascend_mirrors=[forge.url], **NOWHERE).ended(well=False)
    assert "failed in stage fetch" in run.words and forge.url + "/pytorch/cpuinfo.git" in run.words, run.said[-3000:]
    # It recovered from the first death, not from the second.
    assert forge.deaths == 2
    assert re.findall(r"again in (\d+) s", crew.log(host, "torch")) == ["2", "2", "4"]
    # No store is incomplete, and no incomplete tree is used.
    assert crew.on(host, STORES) == ""
    before, forge.asked = set(forge.asked) - {"pytorch/cpuinfo"}, []
    assert "pytorch/pytorch" in before

    forge.start()
    crew.apply(["torch_npu_build"], [host], ascend_mirrors=[forge.url], **NOWHERE)
    assert "pytorch/cpuinfo" in forge.asked and not before & set(forge.asked)
    crew.on(host, "cd / && . /etc/ascend-pytorch/env.sh && python3.9 -c 'import torch'")
