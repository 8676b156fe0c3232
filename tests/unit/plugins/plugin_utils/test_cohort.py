# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers of a run agree on: who builds, who leads, who was lost."""

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading

import ordering
import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort, processes, runs
from checkout import ROOT
from situations import bare

ORDER = ordering.order(name="cmake", version="3.12.1", fingerprint="f" * 64)
LABEL = "cmake-3.12.1-" + "f" * 12
GCC = ordering.order(name="gcc730", version="7.3.0", fingerprint="e" * 64)


def offered(host, cores=8, memory=1024, ready=True, begun=0, fingerprint="f" * 64):
    """A candidate as a plan records it."""
    state = bare(begun={LABEL: begun - 1} if begun else {}, cores=cores, memory={"total_mib": memory})
    return cohort.candidate(host, ORDER._replace(fingerprint=fingerprint), state, ready)


@pytest.fixture
def run(tmp_path):
    return cohort.Run(tmp_path)


@pytest.mark.parametrize(
    "candidates, busy, who",
    [
        ([], set(), None),
        ([offered("b"), offered("a")], set(), "a"),
        ([offered("n10"), offered("n9")], set(), "n9"),
        ([offered("a"), offered("b", cores=16)], set(), "b"),
        ([offered("a"), offered("b", memory=4096)], set(), "b"),
        ([offered("a", cores=64), offered("b", begun=1)], set(), "b"),
        ([offered("a", begun=2), offered("b", begun=5)], set(), "b"),
        ([offered("a", cores=64, ready=False), offered("b")], set(), "b"),
        ([offered("a", cores=64), offered("b")], {"a"}, "b"),
        ([offered("a", begun=1), offered("b")], {"a"}, "a"),
        ([offered("a")], {"a"}, "a"),
        ([offered("a", ready=False)], set(), "a"),
    ],
)
def test_who_is_elected(candidates, busy, who):
    chosen = cohort.elect(candidates, busy)
    assert (chosen and chosen["host"]) == who


def test_who_has_the_product_is_before_who_has_begun_it():
    state = bare(stored={LABEL: "f" * 64}, cores=1, memory={"total_mib": 1})
    has = cohort.candidate("z", ORDER, state, True)
    assert cohort.elect([offered("a", begun=8, cores=64), has], set())["host"] == "z"


def choose(run, hosts=("a", "b", "c")):
    elected = run.elect(LABEL, "f" * 64, list(hosts))
    return elected and elected.builder


def test_only_hosts_of_the_cohort_build_for_it(run):
    run.offer("cmake", offered("a", cores=64, fingerprint="e" * 64))
    assert choose(run) is None
    run.offer("cmake", offered("b"))
    assert choose(run) == "b"


def test_a_choice_stands_until_that_host_is_lost(run):
    run.offer("cmake", offered("b"))
    assert choose(run) == "b"
    run.offer("cmake", offered("a", cores=64))
    assert choose(run) == "b"
    run.lose(LABEL, "b")
    assert choose(run) == "a"
    assert run.lost(LABEL) == ["b"]
    run.lose(LABEL, "a")
    assert choose(run) is None


def test_one_that_is_ready_displaces_one_that_is_not(run):
    run.offer("cmake", offered("a", ready=False, cores=64))
    assert choose(run) == "a"
    run.offer("cmake", offered("b"))
    assert choose(run) == "b"


def test_nobody_waits_for_a_host_that_failed_to_get_ready(run):
    run.offer("cmake", offered("a", ready=False, cores=64))
    run.offer("cmake", offered("b", ready=False))
    assert choose(run, hosts=["b"]) == "b"


def test_products_are_built_on_different_hosts(run):
    state = bare(cores=8, memory={"total_mib": 1})
    for host in ("a", "b"):
        run.offer("cmake", offered(host))
        run.offer("gcc730", cohort.candidate(host, GCC, state, True))
    assert choose(run) == "a"
    assert not run.has_begun(LABEL)
    assert run.begin(LABEL, "a") and not run.begin(LABEL, "b")
    assert run.has_begun(LABEL)
    other = run.elect("gcc730-7.3.0-" + "e" * 12, "e" * 64, ["a", "b"])
    assert (other.builder, other.busy) == ("b", False)


def test_a_host_that_has_built_is_busy_no_more(run):
    run.offer("cmake", offered("a"))
    choose(run)
    run.begin(LABEL, "a")
    run.offer("gcc730", dict(offered("a"), order=GCC._asdict()))
    assert run.elect("gcc730-7.3.0-" + "e" * 12, "e" * 64, ["a"]).busy
    run.end(LABEL)
    assert not run.has_begun(LABEL)
    assert not run.elect("gcc730-7.3.0-" + "e" * 12, "e" * 64, ["a"]).busy


def test_the_first_that_asks_leads(run):
    run.offer("cmake", offered("b"))
    choose(run)
    assert [run.claim_lead(LABEL, host, ["a", "b", "c"]) for host in ("c", "a", "b", "c")] == [True, False, False, True]
    # And another when that one has failed.
    assert run.claim_lead(LABEL, "a", ["a", "b"])


def test_with_another_builder_somebody_leads_anew(run):
    run.offer("cmake", offered("b"))
    run.offer("cmake", offered("a"))
    choose(run)
    assert run.claim_lead(LABEL, "c", ["a", "b", "c"])
    run.lose(LABEL, choose(run))
    choose(run)
    assert run.claim_lead(LABEL, "b", ["a", "b", "c"])


def test_who_was_not_led_takes_the_lead(run):
    run.offer("cmake", offered("b"))
    choose(run)
    assert run.claim_lead(LABEL, "a", ["a", "b"]) and not run.claim_lead(LABEL, "b", ["a", "b"])
    assert [run.count_turn(LABEL, "b"), run.count_turn(LABEL, "b"), run.count_turn(LABEL, "a")] == [1, 2, 1]
    assert run.take_lead(LABEL, "b")
    assert run.claim_lead(LABEL, "b", ["a", "b"]) and not run.claim_lead(LABEL, "a", ["a", "b"])


def test_without_a_folder_to_write_to_it_is_said_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AnsibleActionFail, match="XDG_CACHE_HOME"):
        cohort.Run(tmp_path / "file")


def test_a_failed_build_is_told_to_the_whole_cohort(run):
    assert run.failure(LABEL) == ""
    run.end(LABEL, "it failed on b")
    assert cohort.Run(run.home).failure(LABEL) == "it failed on b"


def hold(home, held, release):
    with cohort.Run(home, processes.by_pid(os.getpid())).building(LABEL, lambda who: None):
        held.set()
        release.wait(60)


def test_another_run_waits_and_says_for_whom(tmp_path):
    held, release = multiprocessing.Event(), multiprocessing.Event()
    other = multiprocessing.Process(target=hold, args=(tmp_path, held, release))
    other.start()
    try:
        assert held.wait(60)
        run, said, done = cohort.Run(tmp_path), [], threading.Event()
        assert run.is_building(LABEL)

        def second():
            with run.building(LABEL, lambda who: (said.append(who), release.set())):
                done.set()

        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(60)
        assert done.is_set()
        assert f"process {other.pid} of " in said[0]
    finally:
        release.set()
        other.join()
    assert not run.is_building(LABEL)


def test_a_killed_run_holds_nothing(tmp_path):
    held, release = multiprocessing.Event(), multiprocessing.Event()
    other = multiprocessing.Process(target=hold, args=(tmp_path, held, release))
    other.start()
    assert held.wait(60)
    other.kill()
    other.join()
    assert not cohort.Run(tmp_path).is_building(LABEL)


# Waits, in a worker of a run that is killed then, for a build that goes on.
WAIT = """
import fcntl, multiprocessing, os, pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort
home, label, way = sys.argv[2:]

def tell(*_words):
    os.kill(os.getppid(), signal.SIGKILL)

def wait():
    run = cohort.Run(pathlib.Path(home))
    if way == "lock":
        with run.building(label, tell):
            pass
    elif way == "run":
        tell()
        run.elect(label, "f", [])
    else:
        cohort.wait_for(tell, 60)
    print("works on")

if way == "run":
    # As another worker that is stopped.
    held = open(cohort.Run(pathlib.Path(home)).path / "lock", "w")
    fcntl.flock(held, fcntl.LOCK_EX)
multiprocessing.get_context("fork").Process(target=wait).start()
"""


@pytest.mark.parametrize("way", ["lock", "turn", "run"])
def test_a_worker_of_a_killed_run_waits_no_longer(tmp_path, run, way):
    with run.building(LABEL, print):
        argv = [sys.executable, "-c", WAIT, str(ROOT / "collections"), str(tmp_path), LABEL, way]
        # Its output ends when the worker has ended.
        done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


PLATFORM = "x86_64 glibc 2.31"


def test_what_builders_build_with_is_known_to_runs_without_them(tmp_path, run):
    assert run.tools(PLATFORM, ["b2"]) == {}
    run.offer_tools("b2", PLATFORM, {"cmake": {"identity": "1" * 64}})
    run.offer_tools("b2", PLATFORM, {"gcc730": {"identity": "2" * 64}})
    wanted = {"cmake": {"identity": "1" * 64}, "gcc730": {"identity": "2" * 64}}
    assert run.tools(PLATFORM, ["b2"]) == wanted and run.tools("aarch64 glibc 2.31", ["b2"]) == {}

    other = cohort.Run(tmp_path, processes.by_pid(os.getppid()))
    assert other.tools(PLATFORM, ["b1", "b2"]) == wanted
    # Another inventory's builders are nobody here.
    assert other.tools(PLATFORM, ["b1"]) == {}
    # And who has part in a run has the say in it.
    other.offer_tools("b10", PLATFORM, {"cmake": {"identity": "3" * 64}})
    assert other.tools(PLATFORM, ["b2", "b10"]) == {"cmake": {"identity": "3" * 64}}
    assert cohort.Run(tmp_path, processes.by_pid(1)).tools(PLATFORM, ["b10", "b2"]) == wanted


# --- many hosts -------------------------------------------------------------------------------------------------------


class Files:
    """How often something is read from files meanwhile, and how much."""

    def __init__(self, monkeypatch):
        self.reads, self.chars = 0, 0
        monkeypatch.setattr("builtins.open", self._open(open))
        monkeypatch.setattr("io.open", self._open(io.open))

    def _open(self, real):
        def opened(*given, **more):
            stream = real(*given, **more)
            read = stream.read
            stream.read = lambda *size: self._count(read(*size))
            return stream

        return opened

    def _count(self, what):
        self.reads, self.chars = self.reads + 1, self.chars + len(what)
        return what


def read_by_one(home, hosts, ready, monkeypatch):
    """(times, characters) that the last host reads, of so many that ask who builds; the orders are long ones."""
    run, order = cohort.Run(home), ORDER._replace(env_text="x" * 5000)
    names = [f"n{number}" for number in range(hosts)]
    for name in names:
        run.offer("cmake", dict(offered(name, ready=ready), order=order._asdict()))
    for name in names[:-1]:
        assert run.elect(LABEL, "f" * 64, names).builder == "n0"
        run.claim_lead(LABEL, name, names)
        run.count_turn(LABEL, name)
    with monkeypatch.context() as patch:
        read = Files(patch)
        run.elect(LABEL, "f" * 64, names)
        run.claim_lead(LABEL, names[-1], names)
        run.count_turn(LABEL, names[-1])
    return read.reads, read.chars


@pytest.mark.parametrize("ready", [True, False])
def test_what_a_host_reads_does_not_grow_with_their_number(tmp_path, monkeypatch, ready):
    few, many = (read_by_one(tmp_path / str(hosts), hosts, ready, monkeypatch) for hosts in (10, 60))
    assert few[0] == many[0] and few[0] > 0
    # The place in a file has some digits.
    assert abs(few[1] - many[1]) < 20


def test_a_builder_that_turns_out_to_lack_something_is_not_kept(run):
    run.offer("cmake", offered("a", cores=64))
    run.offer("cmake", offered("b"))
    assert choose(run) == "a"
    run.offer("cmake", offered("a", cores=64, ready=False))
    assert choose(run) == "b"


def test_one_that_gets_ready_goes_on(run):
    run.offer("cmake", offered("a", ready=False, cores=64))
    run.offer("cmake", offered("b", ready=False))
    assert choose(run) == "a" and not run.elect(LABEL, "f" * 64, ["a", "b"]).ready
    run.offer("cmake", offered("a", cores=64))
    assert run.elect(LABEL, "f" * 64, ["a", "b"]) == cohort.Election("a", True, False)


def test_what_a_host_says_again_is_no_news(run):
    for _turn in range(3):
        run.offer("cmake", offered("a"))
    assert len((run.path / "cohorts" / runs.file_name(LABEL) / "candidates").read_text().splitlines()) == 1
    run.offer("cmake", offered("a", ready=False))
    run.offer("cmake", offered("a"))
    assert len((run.path / "cohorts" / runs.file_name(LABEL) / "candidates").read_text().splitlines()) == 3


def test_the_order_is_the_candidates_last(run):
    run.offer("cmake", dict(offered("a"), order=ORDER._replace(jobs=1)._asdict()))
    run.offer("cmake", dict(offered("a"), order=ORDER._replace(jobs=2)._asdict()))
    assert run.order(LABEL, "a") == ORDER._replace(jobs=2)


# --- names ------------------------------------------------------------------------------------------------------------

ODD = "rack/1/../..:n 名"


def test_a_host_may_be_called_anything(tmp_path, run):
    label, product = f"{LABEL}@{ODD}", "torch/npu"
    order = ORDER._replace(version="1/2")
    run.offer(product, dict(offered(ODD), order=order._asdict()))
    cohort_label = order.label()
    run.arrive(product, ODD)
    assert run.has_arrived(product, ODD) and not run.has_arrived(product, "rack")
    assert run.elect(cohort_label, "f" * 64, [ODD]) == cohort.Election(ODD, True, False)
    assert run.order(cohort_label, ODD) == order
    assert run.count_turn(label, ODD) == run.count_unready(label, ODD) == 1 and run.next_turn_s(label, ODD) == 30.0
    assert run.begin(label, ODD) and run.has_begun(label) and run.elect(cohort_label, "f" * 64, []).busy
    run.end(label, "it failed")
    assert run.failure(label) == "it failed" and run.ended(label) and not run.has_begun(label)
    assert run.built_on(label) == ""
    run.end(label, built_on=ODD)
    assert run.built_on(label) == ODD
    with run.building(label, print):
        assert run.is_building(label)
    run.offer_tools(ODD, "odd/../libc", {"cmake": {}})
    assert run.tools("odd/../libc", [ODD]) == {"cmake": {}}
    # Nothing lies deeper, or higher, than with a plain name.
    depth = {len(path.relative_to(tmp_path).parts) for path in tmp_path.rglob("*") if path.is_file()}
    assert max(depth) == len(run.path.relative_to(tmp_path).parts) + 4
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "tools", "locks"}


# --- turns ------------------------------------------------------------------------------------------------------------


def test_a_host_that_waits_for_the_longest_build_takes_few_turns():
    """Each is a file of tasks within the one before, of which ansible-core bears some 240."""
    took, turns = 0.0, 0
    while took < 43200:
        took += cohort.turn_s(turns)
        turns += 1
    assert turns < 100
    assert [cohort.turn_s(number) for number in (0, 3, 4, 8, 10**6)] == [30.0, 30.0, 60.0, 120.0, 600.0]


def test_turns_are_counted_by_host_and_product(tmp_path):
    run = cohort.Run(tmp_path)
    assert [run.next_turn_s("cmake-1", "a") for _turn in range(5)] == [30.0, 30.0, 30.0, 30.0, 60.0]
    assert run.next_turn_s("cmake-1", "b") == run.next_turn_s("gcc-1", "a") == 30.0


# --- copies -----------------------------------------------------------------------------------------------------------


class Full(Exception):
    """All places are taken."""


@pytest.fixture
def copying(monkeypatch, run):
    """copying(at_once, waits, by): a place, held until it is closed. Whoever finds none calls `waits`, which raises Full."""

    def refuse():
        raise Full

    def hold(at_once, waits=refuse, by=run):
        held = contextlib.ExitStack()
        with monkeypatch.context() as patch:
            patch.setattr(cohort.runs, "end_if_over", waits)
            patch.setattr(cohort.runs, "POLL_S", 0)
            held.enter_context(by.copy_slot(at_once))
        return held

    return hold


@pytest.mark.parametrize("at_once, places", [(1, 1), (2, 2), (5, 5), (0, 1), (-3, 1)])
def test_no_more_copy_than_may_at_once(copying, at_once, places):
    with contextlib.ExitStack() as held:
        for _host in range(places):
            held.push(copying(at_once))
        with pytest.raises(Full):
            copying(at_once)
    # Each has left its place.
    with contextlib.ExitStack() as held:
        for _host in range(places):
            held.push(copying(at_once))


@pytest.mark.parametrize("leaves", [0, 1, 2])
def test_the_next_copies_when_one_leaves(copying, leaves):
    held, looks = [copying(3) for _host in range(3)], []

    def wait():
        looks.append(len(held))
        if len(looks) == 3:
            held.pop(leaves).close()

    held.append(copying(3, waits=wait))
    # It looked until there was a place, and has that: there is no other.
    assert looks == [3, 3, 3] and len(held) == 3
    with pytest.raises(Full):
        copying(3)
    for each in held:
        each.close()


def test_one_that_fails_leaves_its_place(copying):
    with pytest.raises(ZeroDivisionError), copying(1):
        raise ZeroDivisionError
    copying(1).close()


def hold_a_copy(home, run, held, release):
    with cohort.Run(home, run).copy_slot(1):
        held.set()
        release.wait(60)


def test_the_workers_of_a_run_share_the_places_and_a_killed_one_has_none(tmp_path, run, copying):
    held, release = multiprocessing.Event(), multiprocessing.Event()
    worker = multiprocessing.Process(target=hold_a_copy, args=(tmp_path, run.run, held, release))
    worker.start()
    try:
        assert held.wait(60)
        with pytest.raises(Full):
            copying(1)
        # Another run has its own.
        copying(1, by=cohort.Run(tmp_path, processes.by_pid(os.getppid()))).close()
    finally:
        worker.kill()
        worker.join()
    copying(1).close()
