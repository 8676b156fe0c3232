# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twelve hosts of four cohorts and three forks: hosts that wait leave the forks to those that build, and no builder idles."""

import http.server
import json
import threading

import pytest
import sites

COHORTS, EACH = 4, 3
HOSTS = [f"host{number:02}" for number in range(1, COHORTS * EACH + 1)]


@pytest.fixture
def meeting():
    """URL of a mirror that gives the archive of CMake to nobody before as many ask for it as there are cohorts; who was let down."""
    barrier, let_down = threading.Barrier(COHORTS), []

    class Meeting(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                barrier.wait(60)
            except threading.BrokenBarrierError:
                let_down.append(self.path)
            content = (server.folder / self.path.rpartition("/")[2]).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Meeting)
    server.let_down = let_down
    server.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def fleet(tmp_path, meeting):
    """A site of hosts that are this machine, each with folders of its own; every fourth has the same recipe."""
    site = sites.Site(tmp_path, ascend_mirrors=[meeting.url])
    meeting.folder = site.sources
    host = json.loads(site.inventory.read_text())["ascend"]["hosts"]["here"]
    own = {
        name: {
            **host,
            "ascend_work_dir": f"{tmp_path}/{name}/builds",
            "ascend_env_file": f"{tmp_path}/{name}/env.sh",
            "cmake_prefix": f"{tmp_path}/cmake{number % COHORTS}",
            "cmake_configure_options": ["--", f"-DCOHORT={number % COHORTS}"],
        }
        for number, name in enumerate(HOSTS)
    }
    site.inventory.write_text(json.dumps({"ascend": {"hosts": own}}))
    return site


def builds(site):
    """How many builds of CMake were begun, by host."""
    logs = site.folder.glob("host*/builds/*/cmake-*/build.log")
    return sorted(path.relative_to(site.folder).parts[0] for path in logs)


def test_all_of_it_ends_and_the_cohorts_build_side_by_side(fleet, meeting, monkeypatch):
    # Hosts that wait could hold all forks: with a linear strategy each task ends for all before the next one begins.
    monkeypatch.setenv("ANSIBLE_STRATEGY", "free")
    status, words = fleet.run("--forks", "3")
    assert status == 0, fleet.printed[-5000:]
    assert not meeting.let_down and len(builds(fleet)) == COHORTS
    # Who shares a prefix with others of the cohort may find it there.
    assert words.count("unreachable=0 failed=0") == len(HOSTS) and "taken from the build cache" in words
