# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of runs, by real processes: runs that fork workers as ansible-playbook does, get killed, and share a home."""

import errno
import fcntl
import os
import subprocess
import sys
import time
from urllib.parse import unquote

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort, processes, runs
from checkout import ROOT

# A run on a machine of the given name, that was booted as it says. It forks a worker, which says where the run's folder is and
# what the worker finds, and waits for a line. With "late" the worker is the first to import what this is about.
RUN = """
import multiprocessing, os, sys, time
sys.path.insert(0, sys.argv[1])
machine, boot, late = sys.argv[2:]

def pretend():
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import processes, runs
    own = processes.by_pid
    processes.by_pid = lambda pid: own(pid)._replace(**({"host": machine, "boot": boot} if machine else {}))
    return runs

def work():
    runs = pretend()
    print(runs.folder(), flush=True)
    while not runs.is_over():
        time.sleep(0.02)
    print("over", runs.current().pid, flush=True)
    sys.stdin = open(0)
    sys.stdin.readline()
    runs.end_if_over()
    print("never", flush=True)

if not late:
    pretend()
multiprocessing.get_context("fork").Process(target=work).start()
"""


class Started:
    """A run with one worker, on a machine of that name, or this one."""

    def __init__(self, home, machine="", boot="", late=""):
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(ROOT / "collections"), machine, boot, late],
            env=dict(os.environ, XDG_CACHE_HOME=str(home)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.folder = runs.Path(self.process.stdout.readline().strip())

    def kill(self):
        """Kill the run, and wait until its worker has noticed."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout.readline() == f"over {self.process.pid}\n"

    def end(self):
        """Let the worker end that is left."""
        self.process.kill()
        self.process.stdin.write("\n")
        self.process.stdin.close()
        said = self.process.stdout.read()
        self.process.stdout.close()
        self.process.wait()
        return said


@pytest.fixture
def start(tmp_path):
    started = []

    def make(*given, **more):
        started.append(Started(tmp_path, *given, **more))
        return started[-1]

    yield make
    for each in started:
        if not each.process.stdin.closed:
            each.end()


def test_a_run_is_known_by_its_machine_boot_namespace_process_and_start(start):
    one = start()
    own = processes.by_pid(one.process.pid)
    assert processes.parse(unquote(one.folder.name)) == own and own.started


def test_two_machines_with_one_home_leave_each_others_runs_alone(start):
    """The same kernel tells of the first run's lock, as a file server would; of its process the second knows nothing."""
    first = start("login1", "boot1")
    (first.folder / "elected").write_text("")
    second = start("login2", "boot2")
    third = start("login1", "boot1")
    assert first.folder.name.startswith("login1.boot1.") and second.folder.name.startswith("login2.boot2.")
    assert all(each.folder.is_dir() for each in (first, second, third)) and (first.folder / "elected").exists()
    # A machine that was booted anew has other processes of the same numbers.
    start("login1", "boot9")
    assert first.folder.is_dir()


def test_a_killed_run_goes_with_the_next_on_its_machine(start):
    first = start()
    first.kill()
    second = start()
    # Its worker may still write there, until it sees that it works for nobody.
    assert first.folder.is_dir()
    assert first.end() == ""
    third = start()
    assert not first.folder.exists() and second.folder.is_dir() and third.folder.is_dir()


def test_of_another_machine_it_goes_when_no_run_takes_that_long(start):
    """Whether a lock is seen between machines is a matter of how they mount: a free one alone proves nothing."""
    first = start("login1", "boot1")
    first.kill()
    first.end()
    start("login2", "boot2")
    assert first.folder.is_dir()
    old = time.time() - runs.KEEP_FOLDER_S - 60
    os.utime(first.folder, (old, old))
    living = start("login1", "boot9")
    os.utime(living.folder, (old, old))
    start("login2", "boot2")
    assert not first.folder.exists() and living.folder.is_dir()


def test_a_worker_that_imports_too_late_finds_its_run_all_the_same(start):
    one = start(late="late")
    assert processes.parse(unquote(one.folder.name)) == processes.by_pid(one.process.pid)
    assert not (one.folder / runs.HELD).exists()
    start()
    assert one.folder.is_dir()
    one.kill()
    assert one.end() == ""


def test_a_worker_whose_run_went_before_it_was_known_makes_no_folder(tmp_path):
    """It is a child of another process by then: of number 1, or whoever takes in orphans."""
    orphaned = "    while os.getppid() == multiprocessing.parent_process().pid: pass\n    runs = pretend()\n"
    late = RUN.replace("    runs = pretend()\n", orphaned)
    process = subprocess.Popen(
        [sys.executable, "-c", late + "os._exit(0)", str(ROOT / "collections"), "", "", "late"],
        env=dict(os.environ, XDG_CACHE_HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.communicate(timeout=60)[0] == b""
    assert list(tmp_path.iterdir()) == []


def test_folders_without_a_lock_stay_while_one_may_live(tmp_path):
    """Of an earlier version of the collection, of a run that is just beginning, and of a file system without locks."""
    there = tmp_path / "runs"
    for name in ("4711-123456", "being-made", "old"):
        (there / name).mkdir(parents=True)
    old = time.time() - runs.KEEP_FOLDER_S - 60
    os.utime(there / "old", (old, old))
    own = runs.folder(tmp_path)
    assert {path.name for path in there.iterdir()} == {"4711-123456", "being-made", own.name}


def test_a_run_without_locks_goes_on_and_elections_say_what_to_do(tmp_path, monkeypatch):
    def refuse(_descriptor, _how):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(runs.locking.LocksUnsupported):
        runs.hold(tmp_path, processes.by_pid(os.getpid()))
    run = cohort.Run(tmp_path)
    assert not (run.path / runs.HELD).exists()
    with pytest.raises(AnsibleActionFail, match="cannot be locked .*Function not implemented.*XDG_CACHE_HOME"):
        run.elect("cmake-1-f", "f", [])


def test_a_folder_that_was_removed_meanwhile_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_hold", runs.hold(tmp_path, processes.by_pid(os.getpid())))
    run = cohort.Run(tmp_path)
    runs.shutil.rmtree(run.path)
    with pytest.raises(AnsibleActionFail, match="cannot be opened .*run again"):
        run.elect("cmake-1-f", "f", [])
    with pytest.raises(AnsibleActionFail, match="was removed while it was running: run again"):
        cohort.Run(tmp_path)


@pytest.mark.parametrize(
    "words, name",
    [
        ("node-1.example.org", "node-1.example.org"),
        ("rack/1", "rack%2F1"),
        ("rack%2F1", "rack%252F1"),
        ("..", "%2E."),
        (".hidden", "%2Ehidden"),
        ("x86_64 glibc 2.31", "x86_64%20glibc%202.31"),
        ("名", "%E5%90%8D"),
    ],
)
def test_what_is_called_anything_has_a_file_of_its_own(words, name):
    assert runs.file_name(words) == name and unquote(name) == words


def test_two_that_write_at_once_write_by_files_of_their_own(tmp_path, monkeypatch):
    renamed, rename = [], os.rename
    monkeypatch.setattr(os, "rename", lambda source, dest: (renamed.append(source), rename(source, dest)))
    runs.write(tmp_path / "below" / "file", "1")
    runs.write(tmp_path / "below" / "file", "2")
    assert len(set(renamed)) == 2 and (tmp_path / "below" / "file").read_text() == "2"
