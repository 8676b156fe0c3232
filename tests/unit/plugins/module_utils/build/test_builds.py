# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds: real detached ones, small; killed, joined, failing, late, on a full disk."""

import base64
import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking, places
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, steps, stopping
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, products, published, recipe
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import unpacking

COLLECTIONS = str(Path(__file__).parents[5] / "collections")

# A build forks, which pytest had better not; and what holds up a stage that runs no program is put in here: it notes
# each stage of the head's own in the file "runs", and reads the pipe "gate" in the stage named.
DRIVER = """
import json, os, sys
sys.path.insert(0, {collections!r})
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
order, stage = json.loads(sys.argv[1]), sys.argv[2]
here = os.path.dirname(order["work_dir"])

def held(name, function):
    def wrapped(*args, **kwargs):
        with open(os.path.join(here, "runs"), "a") as runs:
            runs.write(name + "\\n")
        if name == stage:
            open(os.path.join(here, "gate")).read()
        return function(*args, **kwargs)
    return wrapped

for name in ("fetch", "verify", "extract"):
    setattr(builds.Build, "_" + name, held(name, getattr(builds.Build, "_" + name)))
# In the midst of packing: the archive stands, what describes it does not.
builds.fingerprint.file_digest = held("pack", builds.fingerprint.file_digest)
remove, removing = builds.shutil.rmtree, held("clean", builds.shutil.rmtree)
builds.shutil.rmtree = lambda path, **more: (removing if path.endswith("/src") else remove)(path, **more)
print(builds.start(order))
"""


@pytest.fixture(autouse=True)
def nothing_hangs_or_stays(tmp_path):
    def late(signum, frame):
        raise AssertionError("a test waited for a minute")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and str(tmp_path).encode() in Path("/proc", name, "environ").read_bytes():
                os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue


def script(name, more=":"):
    """A step that notes its stage and, where there is a pipe named after the stage, is held up by it."""
    return {
        "run": [
            "/bin/sh",
            "-c",
            "echo {0} >> {{work}}/../runs; if [ -p {{work}}/../gate.{0} ]; then "
            "cat {{work}}/../gate.{0}; fi; {1}".format(name, more),
        ]
    }


def make_order(tmp_path, **changes):
    """An order that makes a tree of one file, from one archive in a mirror."""
    mirror = tmp_path / "mirror"
    mirror.mkdir(exist_ok=True)
    with tarfile.open(mirror / "tool-1.0.tar.gz", "w:gz") as out:
        info = tarfile.TarInfo("tool-1.0/said")
        info.size = 6
        out.addfile(info, io.BytesIO(b"hello\n"))
    order = {
        "name": "tool",
        "version": "1.0",
        "product": "tree",
        "fingerprint": "ab" * 32,
        "identity": {"version": "1.0"},
        "work_dir": str(tmp_path / "work"),
        "prefix": "/opt/tool",
        "jobs": 3,
        "python": sys.executable,
        "python_version": "3.9",
        "python_tag": "cp39",
        "arch": "x86_64",
        "env_file": "/none",
        "environment": {},
        "path": [],
        "library_path": [],
        "pip_options": [],
        "mirrors": ["file://" + str(mirror)],
        "keep": False,
        "collection_version": "0.1.0",
        "timeout_s": 50,
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
    order.update(changes)
    return order


def started(order, held_stage=""):
    done = subprocess.run(
        [sys.executable, "-c", DRIVER.format(collections=COLLECTIONS), json.dumps(order), held_stage],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def ended(order):
    """Look until it ends, as the action does."""
    status = builds.look(order)
    while status["state"] == "running":
        status = builds.look(order, status["seen"], 10.0)
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
    """Wait until the head of a build has gone."""
    lock = None
    while lock is None:
        lock = builds.try_lock(builds.Place(order))
    os.close(lock)


def readers(path):
    """The programs whose command line has the path."""
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


# --- to its end -------------------------------------------------------------------------------------------------------


def test_a_build_to_its_end(tmp_path):
    order = make_order(tmp_path)
    assert builds.product(order) is None
    assert started(order) == "started"
    status = ended(order)
    assert (status["state"], status["done"]) == ("done", list(recipe.STAGES))
    product = builds.product(order)
    assert product["sha256"] == hashlib.sha256(Path(product["path"]).read_bytes()).hexdigest()
    assert product["manifest"]["fingerprint"] == order["fingerprint"] and "files" not in product["manifest"]
    assert set(product["manifest"]["built"]["seconds"]) == set(recipe.STAGES)
    with tarfile.open(product["path"]) as packed:
        names = [name.replace("./", "", 1) for name in packed.getnames()]
        assert {"bin/tool", "bin/alias", manifest.TREE_NAME} <= set(names)
        member = [one for one in packed.getmembers() if one.name.endswith(manifest.TREE_NAME)][0]
        card = manifest.parse(packed.extractfile(member).read().decode())
    assert card["files"]["bin/tool"]["sha256"] == hashlib.sha256(b"hello\npatched\n").hexdigest()
    assert card["files"]["bin/alias"] == {"link": "tool"}
    log = Path(status["log"]).read_text()
    assert all("=== " + stage in log for stage in recipe.STAGES)
    assert "[ 50%] half" in log and "tool-1.0-abababababab" in log
    # What it was made of goes, after all else; what others may want is kept.
    settled(order)
    assert runs(tmp_path) == list(recipe.STAGES) + ["pack", "clean"]
    folder = Path(status["log"]).parent
    assert not {"src", "obj", "stage", "stamps", "tmp"} & set(os.listdir(folder))
    assert [name for name in os.listdir(tmp_path / "work/downloads") if name.endswith("-tool-1.0.tar.gz")]
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700

    assert started(order) == "done"
    assert runs(tmp_path).count("build") == 1


def with_part(tmp_path, **changes):
    """An order whose tree has libraries, and the order of the part that has them alone."""
    order = make_order(tmp_path, **changes)
    identity = {"part_of": order["fingerprint"], "part": "runtime"}
    order["parts"] = [
        {
            "part_of": order["fingerprint"],
            "fingerprint": "cd" * 32,
            "identity": identity,
            "files": ["lib64/lib*.so.*[0-9]", "share/none*"],
        }
    ]
    made = (
        "mkdir -p {root}/lib64/deep && cd {root}/lib64 && umask 077 && for name in libc++.so.6.0.24 libc++.so.6.0.24-gdb.py "
        "libc++.a deep/lib.so.1; do echo $name > $name; done; chmod 755 libc++.so.6.0.24; "
        "ln -s libc++.so.6.0.24 libc++.so.6; ln -s libc++.so.6.0.24 libc++.so"
    )
    order["stages"]["install"] = [script("install", made)]
    order["stages"]["sanity"] = []
    return order, builds.parts(order)[0]


def unpacked(product, folder):
    unpacking.unpack(product["path"], str(folder), strip=0)
    card = manifest.read(str(folder))
    assert manifest.damage(str(folder), card, full=True) == []
    return card


def test_a_part_comes_out_of_the_build_of_the_whole(tmp_path):
    order, part = with_part(tmp_path)
    started(order)
    assert ended(order)["state"] == "done"
    whole, product = builds.product(order), builds.product(part)
    assert builds.maker(part)["fingerprint"] == builds.maker(order)["fingerprint"] == order["fingerprint"]
    assert product["path"].endswith("products/tool-1.0-cdcdcdcdcdcd/tool-1.0-cdcdcdcdcdcd.tar.gz")
    card = unpacked(product, tmp_path / "part")
    assert set(card["files"]) == {"lib64/libc++.so.6", "lib64/libc++.so.6.0.24"}
    assert card["files"]["lib64/libc++.so.6.0.24"]["mode"] == "0755"
    assert (tmp_path / "part/lib64").stat().st_mode & 0o777 == 0o755
    assert (card["name"], card["fingerprint"], card["identity"]) == ("tool", "cd" * 32, part["identity"])
    assert card["built"] == whole["manifest"]["built"]
    assert len(unpacked(whole, tmp_path / "whole")["files"]) == 6
    assert sorted(os.listdir(tmp_path / "work/products")) == ["tool-1.0-abababababab", "tool-1.0-cdcdcdcdcdcd"]


def test_a_whole_that_is_older_than_its_parts_gets_them(tmp_path):
    order, part = with_part(tmp_path)
    started(dict(order, parts=[]))
    assert ended(order)["state"] == "done" and builds.product(part) is None
    leftover = tmp_path / "work/products/tool-1.0-cdcdcdcdcdcd.partial-tree"
    (leftover / "old").mkdir(parents=True)
    before = os.umask(0o077)
    try:
        builds.complete(order)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    card = unpacked(builds.product(part), tmp_path / "part")
    assert set(card["files"]) == {"lib64/libc++.so.6", "lib64/libc++.so.6.0.24"}
    assert (tmp_path / "part/lib64").stat().st_mode & 0o777 == 0o755
    assert sorted(os.listdir(tmp_path / "work/products")) == ["tool-1.0-abababababab", "tool-1.0-cdcdcdcdcdcd"]
    # The same as with the build itself; and once is enough.
    first = Path(builds.product(part)["path"])
    made = first.stat().st_mtime_ns
    builds.complete(order)
    assert first.stat().st_mtime_ns == made
    content = first.read_bytes()
    shutil.rmtree(first.parent)
    builds.complete(order)
    assert Path(builds.product(part)["path"]).read_bytes() == content


def test_a_part_of_what_was_taken_was_not_built_here(tmp_path):
    order, part = with_part(tmp_path)
    started(dict(order, parts=[]))
    assert ended(order)["state"] == "done"
    whole = builds.Place(order).product
    assert products.taken_from(whole) == ""
    products.mark_taken(whole, "https://cache.example.com")
    builds.complete(order)
    assert products.taken_from(builds.Place(part).product) == "https://cache.example.com"


def test_without_the_whole_there_is_nothing_to_complete(tmp_path):
    order, part = with_part(tmp_path)
    builds.complete(order)
    assert builds.product(part) is None and not (tmp_path / "work").exists()
    assert builds.parts(make_order(tmp_path)) == []


def learning_order(tmp_path):
    order = make_order(tmp_path)
    order["stages"]["build"] = [
        script("build", "echo cc -c a.c -o a.o; echo cc -c b.c -o b.o; cat {src}/tool/said > {obj}/out")
    ]
    return order


def test_a_tree_from_elsewhere_is_tried_where_it_was_unpacked(tmp_path):
    root, note = tmp_path / "tree", tmp_path / "note"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_text("#!/bin/sh\necho $GREETING from $0 in $TMPDIR\n")
    (root / "bin/tool").chmod(0o755)
    order = make_order(tmp_path, environment={"GREETING": "hello"})
    order["stages"]["sanity"] = [
        {"run": ["/bin/sh", "-c", "{root}/bin/tool > {obj}/said && cp {obj}/said " + str(note)]},
        {"run": ["{root}/bin/tool"], "expect": "^hello from {root}/bin/tool"},
    ]
    builds.prove_sane(order, str(root))
    folder = str(tmp_path / "work/products/tool-1.0-abababababab.partial-sanity")
    assert note.read_text() == "hello from {0}/bin/tool in {1}\n".format(root, folder)
    assert not os.path.lexists(folder)

    (root / "bin/tool").write_text("#!/bin/sh\necho libz.so.1: cannot open shared object file >&2\nexit 127\n")
    with pytest.raises(steps.StepError, match="ended with status 127(.|\n)*libz.so.1: cannot open"):
        builds.prove_sane(order, str(root))
    assert not os.path.lexists(folder)


def test_later_builds_can_learn_from_it(tmp_path):
    order = learning_order(tmp_path)
    started(order)
    ended(order)
    built = builds.product(order)["manifest"]["built"]
    assert (built["jobs"], built["objects"]) == (3, {"build": 2})


def test_what_a_killed_run_spent_on_the_build_stage_counts(tmp_path):
    order = learning_order(tmp_path)
    place = builds.Place(order)
    place.make()
    killed_one = builds.Build(order, place, io.StringIO())
    killed_one.mark = {stage: mark for stage, _what, mark in builds.stage_plan(order)}["build"]
    killed_one.status.update(stage="build", stage_started=time.time() - 100)
    killed_one.tell(30, 5)
    status = builds.read_json(place.status)
    assert (status["percent"], status["objects"], status["jobs"]) == (30, 5, 3)
    assert builds.Build(order, place, io.StringIO()).spent_before("build", "another recipe")["objects"] == 0

    assert started(order) == "resumed"
    ended(order)
    built = builds.product(order)["manifest"]["built"]
    assert 100 <= built["seconds"]["build"] < 160 and built["objects"] == {"build": 7}


@pytest.mark.parametrize("rebooted", [False, True])
def test_what_a_killed_run_may_have_left_half_is_made_again(tmp_path, monkeypatch, rebooted):
    order = learning_order(tmp_path)
    place = builds.Place(order)
    place.make()
    killed_one = builds.Build(order, place, io.StringIO())
    killed_one.mark = {stage: mark for stage, _what, mark in builds.stage_plan(order)}["build"]
    began = time.time() - 1000
    killed_one.status.update(stage="build", stage_started=began)
    killed_one.since = began
    if rebooted:
        monkeypatch.setattr(builds.kernel, "boot", lambda: "another")
    killed_one.note_spent()
    monkeypatch.undo()
    for name, seconds in (("blob", -100), ("early", 10), ("near", 470), ("last", 500)):
        path = Path(place.src, name + ".o")
        path.write_text("object")
        os.utime(path, (began + seconds, began + seconds))

    log = io.StringIO()
    resumed = builds.Build(order, place, log)
    resumed.perform("build", [], killed_one.mark)
    assert sorted(os.listdir(place.src)) == (["blob.o", "early.o"] if rebooted else ["blob.o", "early.o", "near.o"])
    assert "objects that were written last may be halves: done again" in log.getvalue()
    # It began when the first did.
    assert builds.read_json(resumed.spent_path())["since"] == began


def test_keep_keeps(tmp_path):
    order = make_order(tmp_path, keep=True)
    started(order)
    ended(order)
    assert (tmp_path / "work/builds/tool-1.0-abababababab/obj/out").read_text() == "hello\npatched\n"


def test_joined_while_it_runs(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    assert started(order) == "started"
    gate = reached(tmp_path / "gate.build")
    assert started(order) == "joined"
    assert builds.lock_work_dir(order["work_dir"], alone=True) is None
    status = builds.look(order)
    assert (status["state"], status["stage"]) == ("running", "build") and status["product"] is None
    # It does not come back before something changed, or its time is over.
    assert builds.look(order, status["seen"], 0.3)["seen"] == status["seen"]
    gate.close()
    assert ended(order)["state"] == "done"
    assert runs(tmp_path).count("build") == 1
    settled(order)
    os.close(builds.lock_work_dir(order["work_dir"], alone=True))


def test_what_is_published_is_used_then_whenever_it_was_built(tmp_path):
    order = make_order(tmp_path)
    builds.note_use(order)
    product = tmp_path / "work/products/tool-1.0-abababababab"
    product.mkdir(parents=True)
    os.utime(str(product), (1e9, 1e9))
    builds.note_use(order)
    assert product.stat().st_mtime > time.time() - 60


def test_it_can_be_asked_and_has_left_the_session_before_the_module_ends(tmp_path, monkeypatch):
    order, place = make_order(tmp_path), []
    monkeypatch.setattr(builds.session, "leave", lambda unit: time.sleep(1) or place.append(unit) or (unit, "stays"))
    # The head is forked from this process, and has what was put in here.
    assert builds.start(order) == "started"
    status = builds.read_json(builds.Place(order).status)
    unit = "ascend-pytorch-tool-1.0-abababababab-{0}.scope".format(status["pid"])
    assert (status["scope"], status["note"], place) == (unit, "stays", [])
    assert ended(order)["state"] == "done"
    # It is the first that the log says of this try.
    assert (tmp_path / "work/builds/tool-1.0-abababababab/build.log").read_text().splitlines()[1] == "stays"


def test_a_scope_has_a_name_that_systemd_takes(tmp_path):
    name = builds.scope_name(make_order(tmp_path, version="1.8.1+ascend"))
    assert name == "ascend-pytorch-tool-1.8.1_ascend-abababababab-{0}.scope".format(os.getpid())


def test_looking_ends_as_soon_as_something_changes(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    seen = builds.look(order)["seen"]
    gate.close()
    assert builds.look(order, seen, 50.0)["seen"] != seen


def test_a_clock_that_is_set_back_keeps_nobody_waiting(tmp_path, monkeypatch):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    clock = iter(range(10**6, 0, -3600))
    monkeypatch.setattr(builds.time, "time", lambda: float(next(clock)))
    began = time.monotonic()
    status = builds.look(order, ["running", "build"], 0.5)
    assert status["state"] == "running" and time.monotonic() - began < 10
    gate.close()


def test_a_clock_that_is_set_back_keeps_no_status_from_being_written(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    place = builds.Place(order)
    place.make()
    build, wall, since = builds.Build(order, place, io.StringIO()), [1e9], [100.0]
    monkeypatch.setattr(builds.time, "time", lambda: wall[0])
    monkeypatch.setattr(builds.time, "monotonic", lambda: since[0])
    build.save()
    wall[0], since[0] = 1e9 - 3600, 102.0
    build.tell(42, 0)
    assert builds.read_json(place.status)["percent"] == 42


def test_what_was_never_begun_is_not_waited_for(tmp_path):
    assert builds.look(make_order(tmp_path), None, 50.0)["state"] == "dead"


def test_looking_leaves_quick_stages_their_time(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    begin = time.time()
    # The stage that was seen has long passed, and another may follow at once.
    assert builds.look(order, ["running", "fetch"], 50.0)["stage"] == "build"
    assert begin + builds.SETTLE_S <= time.time() < begin + 40
    gate.close()
    assert ended(order)["state"] == "done"


# --- killed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", recipe.STAGES + ("pack",))
def test_killed_in_a_stage_it_goes_on_from_there(tmp_path, stage):
    own = stage in ("fetch", "verify", "extract", "pack")
    pipe = tmp_path / ("gate" if own else "gate." + stage)
    os.mkfifo(str(pipe))
    order = make_order(tmp_path)
    started(order, stage if own else "")
    gate = reached(pipe)
    status = builds.look(order)
    assert (status["state"], status["stage"]) == ("running", stage)
    killed(status["pid"])
    orphans = readers(tmp_path / "work/../gate.{0}".format(stage))
    assert bool(orphans) != own, "a program that a stage runs survives its head, or there would be nothing to end"
    assert builds.look(order)["state"] == "dead"
    assert builds.product(order) is None

    # Put away, but still open: an orphan that reads it would wait on.
    os.unlink(str(pipe))
    assert started(order) == "resumed"
    assert all(gone(pid) for pid in orphans)
    gate.close()
    status = ended(order)
    assert (status["state"], status["done"]) == ("done", list(recipe.STAGES)), status["tail"]
    expected = list(recipe.STAGES) + ["pack"]
    assert [expected.count(name) + (name == stage) for name in expected] == [
        runs(tmp_path).count(name) for name in expected
    ]
    with tarfile.open(builds.product(order)["path"]) as packed:
        member = [one for one in packed.getmembers() if one.name.endswith("bin/tool")][0]
        assert packed.extractfile(member).read() == b"hello\npatched\n"
        card = [one for one in packed.getmembers() if one.name.endswith(manifest.TREE_NAME)][0]
        assert set(json.loads(packed.extractfile(card).read().decode())["files"]) == {"bin/tool", "bin/alias"}


def test_a_program_that_left_its_session_is_ended_too(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    order["stages"]["build"] = [{"run": ["/bin/sh", "-c", "setsid cat {work}/../gate & setsid cat {work}/../gate"]}]
    started(order)
    gate = reached(tmp_path / "gate")
    command = "cat\0" + str(tmp_path / "work/../gate")
    wait_until(lambda: len(readers(command)) == 2)
    orphans = readers(command)
    killed(builds.look(order)["pid"])
    order["stages"]["build"] = [script("build", "cat {src}/tool/said > {obj}/out")]
    started(order)
    assert all(gone(pid) for pid in orphans)
    gate.close()
    assert ended(order)["state"] == "done"


# One that closed what it inherited, as Python's subprocess has it; and one that left session and folder.
@pytest.mark.parametrize("how", ["env -i cat {0} 100<&-", "cd / && setsid env -i cat {0}"])
@pytest.mark.parametrize("above", ["", "link"])
def test_a_program_that_made_an_environment_of_its_own_is_ended_too(tmp_path, how, above):
    order = make_order(tmp_path)
    if above:
        (tmp_path / "real").mkdir()
        (tmp_path / above).symlink_to("real")
        order["work_dir"] = str(tmp_path / above / "work")
    os.mkfifo(str(tmp_path / "gate"))
    order["stages"]["build"] = [{"run": ["/bin/bash", "-c", how.format(tmp_path / "gate") + "; exit 1"]}]
    started(order)
    gate = reached(tmp_path / "gate")
    command = "cat\0" + str(tmp_path / "gate")
    wait_until(lambda: readers(command))
    orphans = readers(command)
    killed(builds.look(order)["pid"])
    assert set(orphans) <= set(builds.hands(builds.Place(order))) and not [pid for pid in orphans if gone(pid)]
    order["stages"]["build"] = [script("build", "cat {src}/tool/said > {obj}/out")]
    assert started(order) == "resumed"
    assert all(gone(pid) for pid in orphans)
    gate.close()
    assert ended(order)["state"] == "done"


@pytest.mark.parametrize("mark", ["scope", "session"])
def test_programs_are_known_by_the_unit_or_the_session_of_a_run_of_this_boot(tmp_path, monkeypatch, mark):
    place = builds.Place(make_order(tmp_path))
    place.make()
    process = subprocess.Popen(["sleep", "60"], env={}, cwd=place.obj, start_new_session=True)
    left = {"boot": builds.kernel.boot(), "pid": 1, "scope": "", "session": 0}
    try:
        monkeypatch.setattr(builds.session, "is_within", lambda content, unit: unit == "mine.scope")
        for known, boot, answer in ((1, left["boot"], True), (0, left["boot"], False), (1, "another", False)):
            value = {"scope": "mine.scope", "session": process.pid}[mark] if known else left[mark]
            builds.write_json(place.status, dict(left, boot=boot, **{mark: value}))
            assert (process.pid in builds.hands(place)) == answer
        if mark == "session":
            # Another's, that got the number.
            builds.write_json(place.status, dict(left, session=process.pid))
            monkeypatch.setattr(builds.os, "readlink", lambda path: place.folder + "-2/obj")
            assert process.pid not in builds.hands(place)
        # One that nobody waits for any more stays in its unit as long as its parent lives.
        process.kill()
        wait_until(lambda: gone(process.pid))
        builds.write_json(place.status, dict(left, scope="mine.scope"))
        assert process.pid not in builds.hands(place)
    finally:
        process.kill()
        process.wait()


def sleeper(**environment):
    """Start a program with this environment alone, and wait until it has it: the kernel lays it out after exec returns."""
    process = subprocess.Popen(["sleep", "60"], env=environment)
    wait_until(Path("/proc/{0}/environ".format(process.pid)).read_bytes)
    return process


def test_other_builds_and_other_programs_are_let_live(tmp_path):
    place = builds.Place(make_order(tmp_path))
    place.make()
    other, mine = sleeper(TMPDIR=place.tmp + "2"), sleeper(TMPDIR=place.tmp)
    try:
        builds.stop_hands(place)
        assert mine.wait() == -signal.SIGKILL
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_program_whose_name_is_no_text_is_none_of_a_build(tmp_path):
    place = builds.Place(make_order(tmp_path))
    place.make()
    # A builtin of the shell, so that it is the shell's own name.
    other = subprocess.Popen(["/bin/sh", "-c", "printf '\\377' > /proc/self/comm; read end"], stdin=subprocess.PIPE)
    try:
        wait_until(lambda: Path("/proc/{0}/comm".format(other.pid)).read_bytes() == b"\xff\n")
        assert other.pid not in builds.hands(place)
    finally:
        other.stdin.close()
        other.wait()


def test_a_program_that_cannot_be_ended_is_told(tmp_path, monkeypatch):
    place = builds.Place(make_order(tmp_path))
    place.make()
    monkeypatch.setattr(builds.os, "kill", lambda pid, number: None)
    stubborn = sleeper(TMPDIR=place.tmp)
    try:
        with pytest.raises(OSError, match=str(stubborn.pid)):
            builds.stop_hands(place, patience_s=0.1)
    finally:
        monkeypatch.undo()
        stubborn.kill()
        stubborn.wait()


def test_killed_while_it_cleans_up(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    started(order, "clean")
    gate = reached(tmp_path / "gate")
    killed(builds.read_json(builds.Place(order).status)["pid"])
    gate.close()
    assert builds.look(order)["state"] == "done" and started(order) == "done"
    # A stamp whose folder is half removed must not be believed when the product is wanted again.
    shutil.rmtree(str(tmp_path / "work/products"))
    shutil.rmtree(str(tmp_path / "work/builds/tool-1.0-abababababab/stage"))
    started(order)
    status = ended(order)
    assert status["state"] == "done", status["tail"]


# --- stopped ----------------------------------------------------------------------------------------------------------


def test_one_that_is_stopped_says_so_and_goes_on_from_there(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    hands = readers(tmp_path / "work/../gate.build")
    (place,) = stopping.under_way(order["work_dir"])
    assert place.folder == builds.Place(order).folder and hands
    stopping.stop(place)
    assert stopping.under_way(order["work_dir"]) == [] and all(gone(pid) for pid in hands)
    status = builds.look(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert "it was stopped" in status["error"]["message"] and "run again" in status["error"]["remedy"]
    gate.close()
    os.unlink(str(tmp_path / "gate.build"))
    assert started(order) == "resumed"
    assert ended(order)["state"] == "done" and runs(tmp_path).count("configure") == 1


def test_what_a_stage_of_its_own_does_is_stopped_too(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    started(order, "extract")
    gate = reached(tmp_path / "gate")
    stopping.stop(builds.Place(order))
    assert builds.look(order)["error"]["message"].startswith("it was stopped")
    gate.close()


def test_one_that_does_not_listen_is_killed(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    started(order)
    gate = reached(tmp_path / "gate.build")
    pid = builds.look(order)["pid"]
    os.kill(pid, signal.SIGSTOP)
    stopping.stop(builds.Place(order), patience_s=0.3)
    assert gone(pid) and builds.look(order)["state"] == "dead"
    assert not readers(tmp_path / "work/../gate.build")
    gate.close()


def test_another_process_that_has_the_number_is_not_ended(tmp_path):
    place = builds.Place(make_order(tmp_path))
    place.make()
    other = sleeper(PLAIN="1")
    builds.write_json(place.status, {"state": "running", "pid": other.pid})
    lock = builds.try_lock(place)
    try:
        # As whoever starts it anew has the lock, for longer than that takes.
        threading.Timer(0.5, os.close, [lock]).start()
        stopping.stop(place)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_where_nothing_is_under_way_nothing_is_made(tmp_path):
    assert stopping.under_way(str(tmp_path / "none")) == [] and not (tmp_path / "none").exists()


# --- failing ----------------------------------------------------------------------------------------------------------


def test_a_failing_stage_is_told_and_done_again_alone(tmp_path):
    order = make_order(tmp_path)
    order["stages"]["build"] = [
        script(
            "build",
            "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do echo line $i; done; "
            "[ -e {work}/../mended ] || exit 7; cat {src}/tool/said > {obj}/out",
        )
    ]
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert "ended with status 7" in status["error"]["message"] and "/bin/sh -c" in status["error"]["message"]
    assert status["log"] == str(tmp_path / "work/builds/tool-1.0-abababababab/build.log")
    assert len(status["tail"]) == builds.TAIL_LINES and "line 22" in status["tail"]
    assert status["tail"][-1].startswith("!!! build: ")
    assert builds.product(order) is None and status["product"] is None

    (tmp_path / "mended").write_text("")
    # At once, since people are quick: the head may not have gone yet.
    assert started(order) == "resumed"
    status = ended(order)
    assert status["state"] == "done", status["tail"]
    assert [runs(tmp_path).count(name) for name in ("extract", "patch", "configure", "build", "install")] == [
        1,
        1,
        1,
        2,
        1,
    ]
    log = Path(status["log"]).read_text()
    assert "!!! build" in log and "=== configure: done before" in log


def test_a_changed_sanity_step_is_done_again_alone(tmp_path):
    order = make_order(tmp_path)
    good = order["stages"]["sanity"]
    order["stages"]["sanity"] = [script("sanity", "false")]
    started(order)
    assert ended(order)["stage"] == "sanity"
    order["stages"]["sanity"] = good
    started(order)
    assert ended(order)["state"] == "done"
    assert [runs(tmp_path).count(name) for name in ("build", "install", "sanity")] == [1, 1, 2]


def test_a_stage_whose_stamp_is_gone_is_done_again_with_those_after_it(tmp_path):
    order = make_order(tmp_path)
    good = order["stages"]["sanity"]
    order["stages"]["sanity"] = [script("sanity", "false")]
    started(order)
    ended(order)
    os.unlink(str(tmp_path / "work/builds/tool-1.0-abababababab/stamps/build.json"))
    order["stages"]["sanity"] = good
    started(order)
    assert ended(order)["state"] == "done"
    assert [runs(tmp_path).count(name) for name in ("configure", "build", "install", "sanity")] == [1, 2, 2, 2]


def truncated(path):
    os.truncate(str(path), 0)


def relinked(path):
    path.with_name("alias").unlink()
    path.with_name("alias").symlink_to("elsewhere")


@pytest.mark.parametrize("damage", [truncated, relinked, os.unlink], ids=["truncated", "link", "gone"])
@pytest.mark.parametrize("ended_in", ["sanity", "pack"])
def test_what_a_power_cut_took_of_an_install_is_installed_again(tmp_path, ended_in, damage):
    pipe = tmp_path / ("gate" if ended_in == "pack" else "gate.sanity")
    os.mkfifo(str(pipe))
    order = make_order(tmp_path)
    started(order, "pack" if ended_in == "pack" else "")
    gate = reached(pipe)
    killed(builds.look(order)["pid"])
    os.unlink(str(pipe))
    damage(Path(builds.Place(order).stage + order["prefix"], "bin/tool"))
    started(order)
    gate.close()
    assert ended(order)["state"] == "done"
    assert [runs(tmp_path).count(name) for name in ("build", "install")] == [1, 2]
    assert "is not as it was installed, done again" in Path(builds.Place(order).log).read_text()
    with tarfile.open(builds.product(order)["path"]) as packed:
        members = {member.name.rpartition("/")[2]: member for member in packed.getmembers()}
        assert packed.extractfile(members["tool"]).read() == b"hello\npatched\n"
        assert members["alias"].linkname == "tool"


def test_what_a_stage_wrote_is_on_the_disk_before_its_stamp_says_so(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    place = builds.Place(order)
    place.make()
    synced = []

    def sync(path):
        assert path == place.folder
        synced.append({name.partition(".")[0] for name in os.listdir(place.stamps) if name.endswith(".json")})

    monkeypatch.setattr(builds.durable, "sync_file_system", sync)
    with open(place.log, "w") as log:
        builds.Build(order, place, log).run()
    # With each stage synced, those before it are stamped, and it is not.
    assert synced == [set(recipe.STAGES[:number]) for number in range(len(recipe.STAGES))]


def test_a_disk_that_does_not_take_what_a_stage_wrote_fails_the_stage(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    place = builds.Place(order)
    place.make()

    def sync(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(builds.durable, "sync_file_system", sync)
    with open(place.log, "w") as log, pytest.raises(OSError, match="Input/output error"):
        builds.Build(order, place, log).run()
    assert os.listdir(place.stamps) == []


def test_what_half_an_install_left_is_not_in_the_product(tmp_path):
    order = make_order(tmp_path)
    good = order["stages"]["install"]
    order["stages"]["install"] = [script("install", "mkdir -p {root} && touch {root}/junk && false")]
    started(order)
    assert ended(order)["stage"] == "install"
    order["stages"]["install"] = good
    started(order)
    assert ended(order)["state"] == "done"
    with tarfile.open(builds.product(order)["path"]) as packed:
        assert not [name for name in packed.getnames() if "junk" in name]


def test_what_was_learned_outlives_a_failure(tmp_path):
    # true does for Python what a good pip does.
    order = make_order(tmp_path, python="/bin/true")
    order["stages"]["configure"] = [
        {"run": ["/bin/sh", "-c", "echo numpy > {src}/needed"]},
        {"requirements": {"file": "{src}/needed", "drop": [], "constraints": ""}},
    ]
    good = order["stages"]["build"]
    order["stages"]["build"] = [script("build", "false")]
    started(order)
    assert ended(order)["stage"] == "build"
    order["stages"]["build"] = good
    started(order)
    assert ended(order)["state"] == "done"
    assert builds.product(order)["manifest"]["requirements"] == ["numpy"]


def test_a_failed_build_leaves_no_program_running(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    order["stages"]["build"] = [{"run": ["/bin/sh", "-c", "cat {work}/../gate > /dev/null 2>&1 & exit 1"]}]
    started(order)
    assert ended(order)["state"] == "failed"
    assert wait_until(lambda: not readers(tmp_path / "work/../gate"))


def test_a_build_that_is_about_to_end_is_waited_for(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    place = builds.Place(order)
    place.make()
    builds.write_json(place.status, {"state": "failed"})
    locks = [None, None, 7]
    monkeypatch.setattr(builds, "try_lock", lambda place: locks.pop(0))
    monkeypatch.setattr(builds, "has_head", lambda place: True)
    monkeypatch.setattr(builds, "stop_hands", lambda place: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        builds.start(order)
    assert locks == []
    builds.write_json(place.status, {"state": "running"})
    locks.append(None)
    assert builds.start(order) == "joined"


def test_who_only_looks_at_a_dead_build_is_not_joined(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path)
    place = builds.Place(order)
    started(order)
    gate = reached(tmp_path / "gate.build")
    assert builds.has_head(place)
    killed(builds.look(order)["pid"])
    gate.close()
    os.unlink(str(tmp_path / "gate.build"))
    with open(place.lock) as stream:
        # As look() does, only longer.
        locking.lock(stream.fileno(), place.lock, shared=True)
        assert builds.look(order)["state"] == "dead" and builds.try_lock(place) is None
        threading.Timer(0.5, stream.close).start()
        assert started(order) == "resumed"
    assert ended(order)["state"] == "done"


def test_what_a_stage_decides_decides_those_after_it():
    def marks(order):
        return {stage: mark for stage, _what, mark in builds.stage_plan(order)}

    def same(before, after):
        return [stage for stage in recipe.STAGES if before[stage] == after[stage]]

    pin = {"name": "a", "commit": "a" * 40, "dest": "a"}
    order = {"sources": [pin], "stages": {"patch": [], "build": [{"run": ["make"]}], "sanity": []}}
    before = marks(order)
    assert same(before, marks(dict(order, sources=[dict(pin, urls=["x"], name="b")]))) == list(recipe.STAGES)
    assert same(before, marks(dict(order, sources=[dict(pin, submodules=True)]))) == []
    changed = dict(order, stages=dict(order["stages"], build=[{"run": ["make", "-k"]}]))
    assert same(before, marks(changed)) == ["fetch", "verify", "extract", "patch", "configure"]
    changed = dict(order, stages=dict(order["stages"], sanity=[{"run": ["x"]}]))
    assert same(before, marks(changed)) == list(recipe.STAGES[:-1])


def test_a_wrong_archive_fails_in_fetch_by_name(tmp_path):
    order = make_order(tmp_path)
    order["sources"][0]["sha256"] = "0" * 64
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "fetch")
    assert "tool-1.0.tar.gz" in "\n".join(status["tail"])
    assert not (tmp_path / "work/products").exists()


def test_past_its_time_all_of_it_is_ended(tmp_path):
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path, timeout_s=1)
    started(order)
    gate = reached(tmp_path / "gate.build")
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert "time limit" in status["error"]["message"] and "_timeout_s" in status["error"]["message"]
    assert "last good stage" in status["error"]["remedy"]
    assert wait_until(lambda: not readers(tmp_path / "work/../gate.build")), "its programs end with it"
    gate.close()


def test_what_programs_say_as_they_are_ended_is_no_cause(tmp_path, monkeypatch):
    place = SimpleNamespace(log=str(tmp_path / "build.log"), work=str(tmp_path))
    (tmp_path / "build.log").write_text(
        "g++: fatal error: Killed signal terminated program cc1plus\nmake: *** [a.o] Error 1\n"
    )
    monkeypatch.setattr(builds, "stop_hands", lambda place: None)
    with pytest.raises(builds.Stopped) as raised:
        builds._out_of_time({"timeout_s": 9}, place)
    told = builds.explain(raised.value, place)
    assert "9 s" in told["message"] and (told["cause"], told["name"]) == ("", "") and told["remedy"]


def test_an_install_that_installs_nothing(tmp_path):
    order = make_order(tmp_path)
    order["stages"].update(install=[{"run": ["true"]}], sanity=[])
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "pack")
    assert "nothing into" in status["error"]["message"]


def test_an_error_of_our_own_is_told_too(tmp_path):
    order = make_order(tmp_path)
    order["stages"]["build"] = [{"run": [None]}]
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "build")
    assert any("Traceback" in line for line in status["tail"])


def test_a_known_failure_has_its_remedy(tmp_path):
    order = make_order(tmp_path)
    order["stages"]["build"] = [{"run": ["/bin/sh", "-c", "echo 'CMake 3.13 or higher is required.'; exit 1"]}]
    started(order)
    error = ended(order)["error"]
    assert error["name"] == "CMake too old" and error["cause"] and error["remedy"]


def test_a_full_disk_is_named(tmp_path):
    place = builds.Place(make_order(tmp_path))
    place.make()
    said = builds.explain(OSError(errno.ENOSPC, "No space left on device"), place)
    assert said["name"] == "disk full" and place.work in said["cause"] and "ascend_work_dir" in said["remedy"]
    assert builds.explain(ValueError(), place)["message"] == "ValueError"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
@pytest.mark.parametrize(
    "filler",
    [
        "dd if=/dev/zero of={obj}/big bs=4096",
        # The program itself does not mind: the log does.
        "dd if=/dev/zero of={obj}/big bs=4096 2>/dev/null; seq 100000; sleep 100",
    ],
)
def test_a_build_on_a_full_disk_says_so_and_goes_on_when_there_is_room(tmp_path, filler):
    work = tmp_path / "work"
    work.mkdir()
    if subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(work)], stderr=subprocess.DEVNULL
    ):
        pytest.skip("this root may not mount")
    try:
        order = make_order(tmp_path)
        good = order["stages"]["build"]
        order["stages"]["build"] = [script("build", filler)]
        started(order)
        status = ended(order)
        assert (status["state"], status["stage"]) == ("failed", "build"), status
        assert status["error"]["name"] == "disk full"
        os.unlink(str(work / "builds/tool-1.0-abababababab/obj/big"))
        order["stages"]["build"] = good
        assert started(order) == "resumed"
        assert ended(order)["state"] == "done"
        assert runs(tmp_path).count("configure") == 1
    finally:
        subprocess.check_call(["umount", "-l", str(work)])


def test_a_folder_that_cannot_be_made_is_an_error_of_start(tmp_path):
    (tmp_path / "work").write_text("a file")
    with pytest.raises(OSError):
        builds.start(make_order(tmp_path))


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_nothing_is_built_where_others_could_have_put_something(tmp_path, mode):
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(mode)
    with pytest.raises(PermissionError, match="others may write to .*work"):
        builds.start(make_order(tmp_path))
    assert os.listdir(tmp_path / "work") == []


# --- wheels -----------------------------------------------------------------------------------------------------------


def wheel_order(tmp_path):
    (tmp_path / "dist").mkdir()
    info = "tool-1.0+x.dist-info/"
    files = {"tool.py": b"", info + "METADATA": b"Metadata-Version: 2.1\nName: tool\nVersion: 1.0+x\n"}
    record = "".join(
        "{0},sha256={1},{2}\n".format(
            name, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("="), len(data)
        )
        for name, data in files.items()
    )
    with zipfile.ZipFile(str(tmp_path / "dist/tool-1.0+x-py3-none-any.whl"), "w") as out:
        for name, data in list(files.items()) + [(info + "RECORD", record + info + "RECORD,,\n")]:
            out.writestr(name, data)
    return make_order(
        tmp_path,
        product="wheel",
        prefix="",
        sources=[],
        stages={"install": [{"wheel": {"dist": str(tmp_path / "dist"), "name": "tool", "version": "{version}"}}]},
    )


def test_a_wheel_with_its_manifest(tmp_path):
    order = wheel_order(tmp_path)
    started(order)
    assert ended(order)["state"] == "done"
    product = builds.product(order)
    assert os.path.basename(product["path"]) == "tool-1.0+x-py3-none-any.whl"
    with zipfile.ZipFile(product["path"]) as packed:
        card = manifest.parse(packed.read("tool-1.0+x.dist-info/" + manifest.WHEEL_NAME).decode())
        assert card["fingerprint"] == order["fingerprint"]
        assert manifest.WHEEL_NAME in packed.read("tool-1.0+x.dist-info/RECORD").decode()


def test_no_wheel_is_no_product(tmp_path):
    order = wheel_order(tmp_path)
    order["stages"]["install"] = []
    started(order)
    status = ended(order)
    assert status["state"] == "failed" and "wanted is one wheel" in status["error"]["message"]


# --- small parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["product.json", "tool-1.0-abababababab.tar.gz"])
def test_half_a_product_is_none(tmp_path, damage):
    order = make_order(tmp_path)
    started(order)
    ended(order)
    assert builds.product(dict(order, fingerprint="ab" * 31 + "cd")) is None
    os.unlink(str(tmp_path / "work/products/tool-1.0-abababababab" / damage))
    assert builds.product(order) is None
    assert started(order) == "resumed"
    assert ended(order)["state"] == "done" and builds.product(order) is not None


def test_the_environment_is_made_and_not_inherited(tmp_path, monkeypatch):
    for name in os.environ:
        monkeypatch.delenv(name)
    for name in (
        "CFLAGS",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "CC",
        "MAKEFLAGS",
        "LD_PRELOAD",
        "HOME",
        "LANG",
        "PIP_USER",
    ):
        monkeypatch.setenv(name, "leak")
    monkeypatch.setenv("http_proxy", "passed")
    order = make_order(tmp_path)
    made = builds.environment(order, "/home", "/tmp", {"PIP_INDEX_URL": "passed"})
    assert "leak" not in made.values()
    assert {name for name, value in made.items() if value == "passed"} == {"http_proxy", "PIP_INDEX_URL"}
    assert made["PATH"] == places.SYSTEM_PATH and "LD_LIBRARY_PATH" not in made
    assert (made["HOME"], made["TMPDIR"], made["TZ"]) == ("/home", "/tmp", "UTC")

    order.update(path=["/g/bin", "/c/bin"], library_path=["/g/lib64"], environment={"CXX": "/g/bin/g++", "PATH": "no"})
    made = builds.environment(order, "/home", "/tmp", {})
    assert made["PATH"] == "/g/bin:/c/bin:" + places.SYSTEM_PATH
    assert (made["LD_LIBRARY_PATH"], made["CXX"]) == ("/g/lib64", "/g/bin/g++")


def test_a_build_keeps_what_it_works_with(tmp_path):
    tree = tmp_path / "gcc-7.3.0-123456789012"
    tree.mkdir()
    os.mkfifo(str(tmp_path / "gate.build"))
    order = make_order(tmp_path, trees=[str(tree)])
    started(order)
    with open(str(tmp_path / "gate.build"), "w"):
        assert published.in_use(str(tree))
    assert ended(order)["state"] == "done"
    wait_until(lambda: not published.in_use(str(tree)))


def test_a_build_whose_tool_is_gone_says_so(tmp_path):
    order = make_order(tmp_path, trees=[str(tmp_path / "gone")])
    started(order)
    status = ended(order)
    assert (
        status["state"] == "failed"
        and "/gone, which this was to be built with, is not there" in status["error"]["message"]
    )
    assert "run again" in status["error"]["message"]


def test_programs_get_that_environment_with_names_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("CFLAGS", "leak")
    order = make_order(tmp_path, environment={"WHERE": "{prefix}"})
    order["stages"]["configure"] = [{"run": ["env"], "env": {"HOW": "{jobs}"}}]
    started(order)
    lines = Path(ended(order)["log"]).read_text().splitlines()
    assert "WHERE=/opt/tool" in lines and "HOW=3" in lines
    assert not [line for line in lines if line.startswith("CFLAGS=")]
    assert "HOME=" + builds.Place(order).home in lines


@pytest.mark.parametrize(
    "text, wanted",
    [(None, None), (b"", None), (b"{", None), (b"[1]", None), (b"\xff\xfe", None), (b'{"a": 1}', {"a": 1})],
)
def test_json_that_is_not_there_or_not_whole(tmp_path, text, wanted):
    path = tmp_path / "x.json"
    if text is not None:
        path.write_bytes(text)
    assert builds.read_json(str(path)) == wanted


def test_the_tail_of_a_log(tmp_path):
    path = tmp_path / "log"
    assert builds.tail(str(path)) == []
    path.write_bytes(b"x" * 200000 + b"\n" + b"".join(b"%d \xff\n" % number for number in range(50)))
    assert builds.tail(str(path), 2) == ["48 \ufffd", "49 \ufffd"]
    assert len(builds.tail(str(path))) == builds.TAIL_LINES
