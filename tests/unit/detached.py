# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small real detached builds for tests, which a named pipe can hold up."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import ordering
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, locks, looking

COLLECTIONS = str(Path(__file__).parents[2] / "collections")

# A build forks, which pytest had better not; and what holds up a stage that runs no program is put in here: it notes
# each stage of the head's own in the file "runs", and reads the pipe "gate" in the stage named.
DRIVER = """
import json, os, shutil, sys
sys.path.insert(0, {collections!r})
from ansible_collections.ascend.pytorch.plugins.module_utils.build import stages, starting
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
order, stage = Order.of(json.loads(sys.argv[1])), sys.argv[2]
here = os.path.dirname(order.work_dir)

def held(name, function):
    def wrapped(*args, **kwargs):
        with open(os.path.join(here, "runs"), "a") as runs:
            runs.write(name + "\\n")
        if name == stage:
            open(os.path.join(here, "gate")).read()
        return function(*args, **kwargs)
    return wrapped

for name in ("fetch", "verify", "extract"):
    setattr(stages.Build, "_" + name, held(name, getattr(stages.Build, "_" + name)))
# During packing: the archive exists, its metadata does not.
fingerprint.file_digest = held("pack", fingerprint.file_digest)
remove, removing = shutil.rmtree, held("clean", shutil.rmtree)
shutil.rmtree = lambda path, **more: (removing if path.endswith("/src") else remove)(path, **more)
print(starting.start(order))
"""


def script(name, more=":"):
    """Return a step that records its stage and waits for the pipe named after the stage, if there is one."""
    return {
        "run": [
            "/bin/sh",
            "-c",
            "echo {0} >> {{work}}/../runs; if [ -p {{work}}/../gate.{0} ]; then "
            "cat {{work}}/../gate.{0}; fi; {1}".format(name, more),
        ]
    }


def make_order(tmp_path, **changes):
    """Return an order that makes a tree of one file, from one archive in a mirror."""
    mirror = tmp_path / "mirror"
    mirror.mkdir(exist_ok=True)
    with tarfile.open(mirror / "tool-1.0.tar.gz", "w:gz") as out:
        info = tarfile.TarInfo("tool-1.0/said")
        info.size = 6
        out.addfile(info, io.BytesIO(b"hello\n"))
    made = {
        "work_dir": str(tmp_path / "work"),
        "python": sys.executable,
        "python_version": "3.9",
        "python_tag": "cp39",
        "mirrors": ["file://" + str(mirror)],
        "sources": [
            {
                "name": "tool",
                "kind": "archive",
                "file": "tool-1.0.tar.gz",
                "urls": [],
                "dest": "tool",
                "sha256": hashlib.sha256((mirror / "tool-1.0.tar.gz").read_bytes()).hexdigest(),
            }
        ],
        "stages": {
            "patch": [script("patch", "echo patched >> {src}/tool/said")],
            "configure": [script("configure", "echo {prefix} > {obj}/where")],
            "build": [script("build", "echo '[ 50%] half'; cat {src}/tool/said > {obj}/out")],
            "install": [
                script("install", "mkdir -p {root}/bin && cp {obj}/out {root}/bin/tool && ln -s tool {root}/bin/alias")
            ],
            "sanity": [script("sanity", "grep patched {root}/bin/tool")],
        },
    }
    return ordering.order(**dict(made, **changes))


def started(order, held_stage=""):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER.format(collections=COLLECTIONS), json.dumps(order._asdict()), held_stage],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def ended(order):
    """Read the status until the build ends, as the action does."""
    status = looking.read_status(order)
    while status["state"] == "running":
        status = looking.read_status(order, status["seen"], 10.0)
    return status


def runs(tmp_path):
    return (tmp_path / "runs").read_text().split()


def reached(pipe):
    """Wait until somebody reads the pipe, and return its other end: the reader waits as long as that is open."""
    return open(str(pipe), "w")


def gone(pid):
    try:
        with open("/proc/{0}/stat".format(pid)) as stream:
            return stream.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def killed(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gone(pid))


def wait_until(condition):
    while not condition():
        time.sleep(0.01)
    return True


def settled(order):
    """Wait until the head of a build has ended."""
    lock = None
    while lock is None:
        lock = locks.try_lock(builds.paths(order))
    os.close(lock)


def readers(path):
    """Return the programs whose command line has the path."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/{0}/cmdline".format(name), "rb") as stream:
                    if str(path).encode() in stream.read() and not gone(name):
                        found.append(int(name))
            except OSError:
                continue
    return found


def learning_order(tmp_path):
    order = make_order(tmp_path)
    order.stages["build"] = [
        script("build", "echo cc -c a.c -o a.o; echo cc -c b.c -o b.o; cat {src}/tool/said > {obj}/out")
    ]
    return order


def sleeper(**environment):
    """Start a program with this environment alone, and wait until it has it: the kernel lays it out after exec returns."""
    process = subprocess.Popen(["sleep", "60"], env=environment)
    wait_until(Path("/proc/{0}/environ".format(process.pid)).read_bytes)
    return process
