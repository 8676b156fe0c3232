# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How builds are shown: on a real terminal (a pty that pyte reads) by processes such as ansible's workers, and in logs."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import ordering
import pyte
import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import live, processes, screen, speaking

COLLECTIONS = str(Path(__file__).parents[4] / "collections")
ORDER = ordering.order(name="torch", version="1.8.1", jobs=4)

# A run: it prints what it is told to, and forks workers that are cut off from the terminal as those of ansible-core 2.19
# are. A worker shows each status that it reads from a pipe of its own.
RUN = """
import json, os, select, sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.plugin_utils import live, speaking

class Log:
    def display(self, text):
        with open("log", "a") as log:
            log.write(text + "\\n")

def work(host):
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    speaking.display = Log()
    order = SimpleNamespace(name="torch", version="1.8.1", jobs=4)
    with live.build_display(host, order, "auto") as line, open(host) as pipe:
        for text in pipe:
            line.show(json.loads(text))

def flood():
    count = 0
    while not select.select([0], [], [], 0)[0]:
        # In two writes, and coloured: what is painted between them must leave all of it as it was.
        sys.stdout.write("\\x1b[0;32mok: %05d" % count)
        sys.stdout.flush()
        sys.stdout.write(" and more\\x1b[0m\\n")
        sys.stdout.flush()
        count += 1

def obey(command):
    kind, _space, rest = command.partition(" ")
    if kind == "open" and not os.fork():
        try:
            work(rest)
        finally:
            os._exit(0)
    elif kind == "print":
        print(rest, flush=True)
    elif kind == "flood":
        flood()

# Not by sys.stdin, whose buffer would hide the next command from flood().
for text in iter(lambda: os.read(0, 4096).decode(), ""):
    for command in text.splitlines():
        obey(command)
"""


@pytest.fixture(autouse=True)
def nothing_hangs():
    def late(signum, frame):
        raise AssertionError("a test waited for a minute")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Terminal:
    """A terminal that a program is run in, as its session's leader."""

    def __init__(self, folder, lines=24, columns=80):
        self.folder = folder
        self.screen = pyte.HistoryScreen(columns, lines, history=1000000)
        self.stream = pyte.ByteStream(self.screen)
        self.master, self.slave = pty.openpty()
        self.process = None
        self.pipes = {}
        self.resize(lines, columns)

    def resize(self, lines, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def start(self, argv, **environment):
        self.process = subprocess.Popen(
            argv,
            cwd=self.folder,
            env=dict(
                {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TERM": "xterm", "LC_ALL": "C.UTF-8"},
                **environment,
            ),
            stdin=subprocess.PIPE,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY),
        )

    def tell(self, text):
        os.write(self.process.stdin.fileno(), text.encode() + b"\n")

    def open(self, host):
        os.mkfifo(self.folder / host)
        self.tell("open " + host)
        self.pipes[host] = open(self.folder / host, "w", buffering=1)

    def show(self, host, stage="build", percent=None, **more):
        now = time.time()
        status = {"state": "running", "stage": stage, "percent": percent, "now": now, "started": now, **more}
        self.pipes[host].write(json.dumps(status) + "\n")

    def end(self, host):
        self.pipes.pop(host).close()

    def until(self, condition):
        """Read what is written to the terminal until it looks as it should."""
        late = time.monotonic() + 30
        while not condition():
            if select.select([self.master], [], [], 0.1)[0]:
                self.stream.feed(os.read(self.master, 65536))
            assert time.monotonic() < late, "\n".join(self.rows())

    def rows(self):
        return [row.rstrip() for row in self.screen.display]

    def all_rows(self):
        """Return all that was ever printed, and what stands at the bottom."""
        past = (
            "".join(row[column].data for column in range(self.screen.columns)).rstrip()
            for row in self.screen.history.top
        )
        return list(past) + self.rows()

    def bottom(self, *starts):
        """Say whether the lowest rows start so, and the one above has nothing of ours."""
        rows = self.rows()[-len(starts) - 1 :]
        return "torch" not in rows[0] and all(
            row.startswith(start) for row, start in zip(rows[1:], starts, strict=True)
        )

    def is_given_back(self):
        """Say whether nothing is painted, and all the screen scrolls."""
        return not any("torch" in row for row in self.rows()) and self.screen.margins is None

    def owner(self):
        """Return the process that the one row is of."""
        row = next((self.folder / ".cache").glob("ascend-pytorch/runs/*/screen/*.row"))
        return processes.parse(json.loads(row.read_text())["owner"]).pid

    def painters(self):
        """Return the painters that live."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except OSError:
                continue
            if screen.PROGRAM.encode() in words and str(self.folder).encode() in words:
                found.append(int(path.parent.name))
        return found

    def close(self):
        for pipe in self.pipes.values():
            pipe.close()
        for pid in [self.process.pid] + self.painters():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.stdin.close()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(tmp_path):
    made = Terminal(tmp_path)
    made.start([sys.executable, "-c", RUN, COLLECTIONS])
    yield made
    made.close()


# --- on a terminal ----------------------------------------------------------------------------------------------------


def test_workers_and_the_run_write_at_once(terminal):
    for host in ("one", "two", "three"):
        terminal.open(host)
        terminal.show(host, percent=0)
        terminal.until(lambda: any(host + "  torch" in row for row in terminal.rows()))  # noqa: B023
    assert terminal.bottom("one  torch 1.8.1  build  0 %  ", "two  torch", "three  torch")
    terminal.tell("flood")
    for percent in range(10, 50, 10):
        for host in ("one", "two", "three"):
            terminal.show(host, percent=percent)
        text = "torch 1.8.1  build  {0} %".format(percent)
        terminal.until(lambda: terminal.bottom("one  " + text, "two  " + text, "three  " + text))  # noqa: B023
    terminal.end("two")
    terminal.until(lambda: terminal.bottom("one  torch", "three  torch"))
    terminal.tell("print that was all")
    terminal.until(lambda: "that was all" in terminal.rows())
    terminal.end("one")
    terminal.end("three")
    terminal.until(terminal.is_given_back)
    terminal.tell("print after it")
    terminal.until(lambda: "after it" in terminal.rows())
    printed = [row for row in terminal.all_rows() if row]
    count = len(printed) - 2
    assert printed == ["ok: {0:05d} and more".format(n) for n in range(count)] + ["that was all", "after it"]
    assert count > 1000, "the run must have printed while the rows were painted"
    colours = {terminal.screen.history.top[n][0].fg for n in range(count // 2)}
    assert colours == {"green"}
    assert not terminal.painters()


def test_time_goes_on_between_two_looks(terminal):
    terminal.open("one")
    terminal.show("one", "fetch")
    terminal.until(lambda: terminal.bottom("one  torch 1.8.1  fetch  0s"))
    terminal.until(lambda: terminal.bottom("one  torch 1.8.1  fetch  2s"))


def test_a_build_that_ends_is_told_for_good(terminal):
    terminal.open("one")
    terminal.show("one", "install")
    terminal.until(lambda: terminal.bottom("one  torch"))
    terminal.show("one", "pack", state="done")
    terminal.until(terminal.is_given_back)
    terminal.until((terminal.folder / "log").exists)
    assert (terminal.folder / "log").read_text().startswith("one  torch 1.8.1  done  ")


def test_a_worker_that_is_killed_takes_its_row_with_it(terminal):
    terminal.open("one")
    terminal.show("one")
    terminal.until(lambda: terminal.bottom("one  torch"))
    os.kill(terminal.owner(), signal.SIGKILL)
    terminal.until(terminal.is_given_back)


def test_a_run_that_is_killed_gives_the_terminal_back(terminal):
    terminal.open("one")
    terminal.show("one")
    terminal.until(lambda: terminal.bottom("one  torch"))
    terminal.process.kill()
    terminal.process.wait()
    terminal.until(terminal.is_given_back)
    terminal.until(lambda: not terminal.painters())


def has_open(pid, name):
    """Say whether a process has a file of that name open."""
    found = []
    for path in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):
            found.append(os.path.basename(os.readlink(path)))
    return name in found


@pytest.mark.parametrize("leaves", [False, True])
def test_a_worker_of_a_killed_run_does_not_wait_for_the_lock(terminal, leaves):
    """Whoever has the lock of the rows may write to a terminal that is stopped."""
    terminal.open("one")
    terminal.show("one", percent=1)
    terminal.until(lambda: terminal.bottom("one  torch 1.8.1  build  1 %"))
    worker = terminal.owner()
    with open(next(terminal.folder.glob(".cache/ascend-pytorch/runs/*/screen/lock"))) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if leaves:
            terminal.end("one")
        else:
            terminal.show("one", percent=2)
        terminal.until(lambda: has_open(worker, "lock"))
        terminal.process.kill()
        terminal.process.wait()
        terminal.until(lambda: not Path(f"/proc/{worker}/fd/0").is_symlink())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_painter_that_is_killed_is_replaced(terminal, number):
    terminal.open("one")
    terminal.show("one", percent=1)
    terminal.until(lambda: terminal.bottom("one  torch 1.8.1  build  1 %"))
    [painter] = terminal.painters()
    os.kill(painter, number)
    terminal.until(lambda: painter not in terminal.painters())
    if number == signal.SIGTERM:
        terminal.until(terminal.is_given_back)

    def is_painted_after_the_next_look():
        terminal.show("one", percent=2)
        return terminal.bottom("one  torch 1.8.1  build  2 %")

    terminal.until(is_painted_after_the_next_look)
    terminal.end("one")
    terminal.until(terminal.is_given_back)


def test_a_run_that_is_stopped_leaves_the_terminal_to_the_shell(terminal):
    terminal.open("one")
    terminal.show("one")
    terminal.until(lambda: terminal.bottom("one  torch"))
    os.kill(terminal.process.pid, signal.SIGSTOP)
    terminal.until(terminal.is_given_back)
    os.kill(terminal.process.pid, signal.SIGCONT)
    terminal.until(lambda: terminal.bottom("one  torch"))


@pytest.mark.parametrize("lines, columns", [(12, 60), (40, 100)])
def test_a_terminal_that_is_resized(terminal, lines, columns):
    for _row in range(30):
        terminal.tell("print before")
        terminal.until(lambda: "before" in terminal.rows())
    terminal.open("one")
    terminal.show("one")
    terminal.until(lambda: terminal.bottom("one  torch"))
    terminal.resize(lines, columns)
    terminal.until(lambda: terminal.bottom("one  torch"))
    assert sum("torch" in row for row in terminal.rows()) == 1
    terminal.tell("print after")
    terminal.until(lambda: "after" in terminal.rows())
    terminal.end("one")
    terminal.until(terminal.is_given_back)
    # pyte itself forgets what leaves a screen that shrinks.
    assert [row for row in terminal.all_rows() if row][-11:] == ["before"] * 10 + ["after"]


def test_a_tiny_terminal_gets_lines_of_a_log(terminal):
    terminal.resize(screen.MIN_LINES - 1, 80)
    terminal.open("one")
    terminal.show("one")
    terminal.until((terminal.folder / "log").exists)
    assert terminal.is_given_back() and not terminal.painters()
    terminal.resize(24, 80)
    terminal.show("one")
    terminal.until(lambda: terminal.bottom("one  torch"))
    terminal.resize(24, screen.MIN_COLUMNS - 1)
    terminal.until(terminal.is_given_back)


def test_more_builds_than_there_is_room_for(terminal):
    hosts = ["host{0:02d}".format(n) for n in range(12)]
    for host in hosts:
        terminal.open(host)
        terminal.show(host)
    terminal.until(lambda: terminal.rows()[-1] == "and 5 more builds")
    assert sum("torch" in row for row in terminal.rows()) == 7
    for host in hosts:
        terminal.end(host)
    terminal.until(lambda: terminal.is_given_back() and not any(terminal.rows()))


# --- by ansible-playbook ----------------------------------------------------------------------------------------------

ACTION = """
import os, time
from types import SimpleNamespace
from ansible.plugins.action import ActionBase
from ansible_collections.ascend.pytorch.plugins.plugin_utils import live, speaking

class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        order = SimpleNamespace(name="torch", version="1.8.1", jobs=4)
        status = {"state": "running", "stage": "build", "percent": 45}
        with live.build_display(task_vars["inventory_hostname"], order, self._task.args["mode"]) as line:
            line.show(status)
            while not os.path.exists("go"):
                time.sleep(0.05)
            line.show(dict(status, state="done"))
        return dict(super().run(tmp, task_vars), changed=True)
"""
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Build
      build_for_show: {{mode: {0}}}
"""


def playbook(folder, mode):
    (folder / "action_plugins").mkdir()
    (folder / "action_plugins/build_for_show.py").write_text(ACTION)
    (folder / "play.yml").write_text(PLAY.format(mode))
    return [sys.executable, "-m", "ansible", "playbook", "-i", "one,two,", "play.yml"]


def environment(folder):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_ACTION_PLUGINS": str(folder / "action_plugins"),
    }


def test_in_ansible_playbook_on_a_terminal(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.start(playbook(tmp_path, "auto"), **environment(tmp_path))
    try:
        terminal.until(lambda: all(" torch 1.8.1  build  45 %" in row for row in terminal.rows()[-2:]))
        (tmp_path / "go").touch()
        terminal.until(lambda: terminal.process.poll() is not None)
        terminal.until(lambda: sum("changed=1" in row for row in terminal.rows()) == 2)
        said = [row for row in terminal.all_rows() if row]
        assert {"changed: [one]", "changed: [two]"} < set(said)
        assert sorted(row for row in said if "torch" in row) == [
            "one  torch 1.8.1  done  0s",
            "two  torch 1.8.1  done  0s",
        ]
        assert terminal.screen.margins is None
    finally:
        terminal.close()


def test_ansible_playbook_that_is_interrupted(tmp_path):
    terminal = Terminal(tmp_path)
    terminal.start(playbook(tmp_path, "auto"), **environment(tmp_path))
    try:
        terminal.until(lambda: all(" torch 1.8.1  build  45 %" in row for row in terminal.rows()[-2:]))
        os.write(terminal.master, b"\x03")
        terminal.until(lambda: terminal.process.poll() is not None)
        terminal.until(terminal.is_given_back)
        terminal.until(lambda: not terminal.painters())
    finally:
        terminal.close()


@pytest.mark.parametrize("mode, lines", [("auto", 2), ("log", 2), ("none", 0)])
def test_in_ansible_playbook_in_a_log(tmp_path, mode, lines):
    (tmp_path / "go").touch()
    done = subprocess.run(
        playbook(tmp_path, mode),
        cwd=tmp_path,
        env=dict(environment(tmp_path), TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("  torch 1.8.1  build  45 %  0s\n") == lines, done.stdout
    assert done.stdout.count("  torch 1.8.1  done  0s\n") == lines
    assert "\x1b" not in done.stdout


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mode, environment, wanted",
    [
        ("auto", {"TERM": "xterm"}, True),
        ("auto", {"TERM": "dumb"}, False),
        ("auto", {}, False),
        # ansible-runner: AWX, ansible-navigator
        ("auto", {"TERM": "xterm", "AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1"}, False),
        ("terminal", {"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/1"}, True),
        ("log", {"TERM": "xterm"}, False),
        ("none", {"TERM": "xterm"}, False),
    ],
)
def test_when_a_terminal_is_wanted(mode, environment, wanted):
    assert live.wants_terminal(mode, environment) is wanted


@pytest.mark.parametrize(
    "changes, text",
    [
        ({}, "host  torch 1.8.1  build  45 %  12m03s, 14m left"),
        ({"percent": None}, "host  torch 1.8.1  build  12m03s, 14m left"),
        ({"ends": None}, "host  torch 1.8.1  build  45 %  12m03s"),
        ({"ends": 0.0}, "host  torch 1.8.1  build  45 %  12m03s, 1m left"),
        ({"ends": 1000 + 3600 + 61}, "host  torch 1.8.1  build  45 %  12m03s, 1h02m left"),
        ({"seen": 941.0}, "host  torch 1.8.1  build  45 %  12m03s, 14m left"),
        ({"seen": 935.0}, "host  torch 1.8.1  build  45 %  12m03s, no answer for 1m05s"),
    ],
)
def test_words(changes, text):
    row = screen.Row("host  torch 1.8.1", "build", 45, 1000.0 - 723, 1000.0 + 835, 0.0, 985.0, "1-1")
    assert screen.row_text(row._replace(**changes), 1000.0) == text


@pytest.mark.parametrize(
    "seconds, words",
    [(0, "0s"), (8.9, "8s"), (60, "1m00s"), (185, "3m05s"), (3599.9, "59m59s"), (3725, "1h02m"), (100000, "27h46m")],
)
def test_elapsed(seconds, words):
    assert screen.format_elapsed(seconds) == words


def test_what_hosts_say_cannot_steer_the_terminal(monkeypatch):
    """A row comes to the painter with nothing in it that could."""
    said = []
    monkeypatch.setattr(speaking.display, "display", said.append)
    status = {"state": "running", "stage": "\x1b[2Jbuild\n", "percent": None, "now": 5.0, "started": 0.0}
    with live.build_display("h\x9bost", ORDER, "log") as line:
        line.show(status)
        assert screen.visible_lines([line.row], line.row.seen, 24, 80) == ["h?ost  torch 1.8.1  ?[2Jbuild?  5s"]
        assert screen.visible_lines([line.row], line.row.seen, 24, 10) == ["h?ost  tor"]
    assert said == ["h?ost  torch 1.8.1  ?[2Jbuild?  5s"]


def test_a_log_has_a_line_for_each_stage_and_one_now_and_then(monkeypatch):
    said = []
    monkeypatch.setattr(speaking.display, "display", said.append)
    log, row = live.ProgressLog(), screen.Row("h", "fetch", None, 0.0, None, 0.0, 0.0, "1-1")
    for now, stage in [(0, "fetch"), (20, "fetch"), (30, "build"), (329, "build"), (330, "build"), (331, "build")]:
        log.show(row._replace(stage=stage, seen=float(now)), float(now))
    assert said == ["h  fetch  0s", "h  build  30s", "h  build  5m30s"]


def test_times_are_the_hosts_and_estimates_come_from_former_builds(monkeypatch):
    said = []
    monkeypatch.setattr(speaking.display, "display", said.append)
    former = [
        {"version": "1.5.0", "built": {"seconds": {"build": 9000}, "jobs": 4, "objects": {"build": 1}}},
        {"version": "1.8.1", "built": {"seconds": {"build": 600, "install": 50}, "jobs": 8, "objects": {"build": 200}}},
    ]
    status = {
        "state": "running", "stage": "build", "percent": None, "objects": 50,
        "now": 5000.0, "started": 3999.5, "stage_started": 4700.0, "host": "x",
    }  # fmt: skip
    with live.build_display("one", ORDER, "log", former) as line:
        line.show(status)
        line.show(dict(status, state="failed"))
    assert said == ["one  torch 1.8.1  build  25 %  16m40s, 16m left"]


def test_a_build_that_stood_already_is_not_told(monkeypatch):
    said = []
    monkeypatch.setattr(speaking.display, "display", said.append)
    with live.build_display("one", ORDER, "log") as line:
        line.show({"state": "done", "stage": "pack", "percent": None})
    assert said == []


def test_where_nothing_is_shown_no_stage_ends_a_look():
    assert (
        live.BuildDisplay("one", ORDER, "log").shows_stages() and live.BuildDisplay("one", ORDER, "auto").shows_stages()
    )
    assert not live.BuildDisplay("one", ORDER, "none").shows_stages()


@pytest.mark.parametrize(
    "painted, began_s, wanted",
    [(True, 0, 2), (True, 60, 6), (True, 3600, live.POLL_ON_TERMINAL_S), (False, 0, live.POLL_S)],
)
def test_a_look_costs_the_builder_little(monkeypatch, painted, began_s, wanted):
    monkeypatch.setattr(live.time, "monotonic", lambda: 10000.0)
    line = live.BuildDisplay("one", ORDER, "log")
    line.board = object() if painted else None
    line.row = screen.Row("one  torch", "build", 5, 10000.0 - began_s, None, 0.0, 0.0, "")
    assert line.poll_s() == wanted
