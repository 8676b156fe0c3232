# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the workers of a run agree on: who builds, who leads, who was lost."""

import multiprocessing
import os
import subprocess
import sys
import threading

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort

ORDER = {"name": "cmake", "version": "3.12.1", "fingerprint": "f" * 64}
LABEL = "cmake-3.12.1-" + "f" * 12


def offered(host, cores=8, memory=1024, ready=True, begun=0, fingerprint="f" * 64):
    """A candidate as a plan records it."""
    state = {
        "stored": {},
        "begun": {LABEL: begun - 1} if begun else {},
        "cores": cores,
        "memory": {"total_mib": memory},
    }
    return cohort.candidate(host, dict(ORDER, fingerprint=fingerprint), state, ready)


@pytest.fixture
def run(tmp_path):
    return cohort.Run(tmp_path, os.getpid())


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
    state = {"stored": {LABEL: "f" * 64}, "begun": {}, "cores": 1, "memory": {"total_mib": 1}}
    has = cohort.candidate("z", ORDER, state, True)
    assert cohort.elect([offered("a", begun=8, cores=64), has], set())["host"] == "z"


def choose(run, hosts=("a", "b", "c")):
    elected = run.elect("cmake", LABEL, "f" * 64, list(hosts))
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
    gcc = dict(ORDER, name="gcc730", fingerprint="e" * 64)
    state = {"stored": {}, "begun": {}, "cores": 8, "memory": {"total_mib": 1}}
    for host in ("a", "b"):
        run.offer("cmake", offered(host))
        run.offer("gcc730", cohort.candidate(host, gcc, state, True))
    assert choose(run) == "a"
    assert not run.has_begun(LABEL)
    assert run.begin(LABEL) and not run.begin(LABEL)
    assert run.has_begun(LABEL)
    other = run.elect("gcc730", "gcc730-7.3.0-" + "e" * 12, "e" * 64, ["a", "b"])
    assert (other.builder, other.busy) == ("b", False)


def test_a_host_that_has_built_is_busy_no_more(run):
    run.offer("cmake", offered("a"))
    choose(run)
    run.begin(LABEL)
    run.offer("gcc730", dict(offered("a"), order=dict(ORDER, fingerprint="e" * 64)))
    assert run.elect("gcc730", "gcc730-7.3.0-" + "e" * 12, "e" * 64, ["a"]).busy
    run.end(LABEL)
    assert not run.has_begun(LABEL)
    assert not run.elect("gcc730", "gcc730-7.3.0-" + "e" * 12, "e" * 64, ["a"]).busy


def test_the_first_that_asks_leads(run):
    run.offer("cmake", offered("b"))
    choose(run)
    assert [run.leads(LABEL, host, ["a", "b", "c"]) for host in ("c", "a", "b", "c")] == [True, False, False, True]
    # And another when that one has failed.
    assert run.leads(LABEL, "a", ["a", "b"])


def test_with_another_builder_somebody_leads_anew(run):
    run.offer("cmake", offered("b"))
    run.offer("cmake", offered("a"))
    choose(run)
    assert run.leads(LABEL, "c", ["a", "b", "c"])
    run.lose(LABEL, choose(run))
    choose(run)
    assert run.leads(LABEL, "b", ["a", "b", "c"])


def test_who_was_not_led_takes_the_lead(run):
    run.offer("cmake", offered("b"))
    choose(run)
    assert run.leads(LABEL, "a", ["a", "b"]) and not run.leads(LABEL, "b", ["a", "b"])
    assert [run.turn(LABEL, "b"), run.turn(LABEL, "b"), run.turn(LABEL, "a")] == [1, 2, 1]
    assert run.take_lead(LABEL, "b")
    assert run.leads(LABEL, "b", ["a", "b"]) and not run.leads(LABEL, "a", ["a", "b"])


def test_without_a_folder_to_write_to_it_is_said_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AnsibleActionFail, match="XDG_CACHE_HOME"):
        cohort.Run(tmp_path / "file", os.getpid())


def test_a_failed_build_is_told_to_the_whole_cohort(run):
    assert run.failure(LABEL) == ""
    run.end(LABEL, "it failed on b")
    assert cohort.Run(run.home, os.getpid()).failure(LABEL) == "it failed on b"


def test_what_a_gone_run_left_is_removed(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "runs" / f"{gone.pid}-123").mkdir(parents=True)
    # The same number, given to another process since.
    (tmp_path / "runs" / f"{os.getpid()}-1").mkdir()
    run = cohort.Run(tmp_path, os.getpid())
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [run.path.name]


def hold(home, held, release):
    with cohort.Run(home, os.getpid()).building(LABEL, lambda who: None):
        held.set()
        release.wait(60)


def test_another_run_waits_and_says_for_whom(tmp_path):
    held, release = multiprocessing.Event(), multiprocessing.Event()
    other = multiprocessing.Process(target=hold, args=(tmp_path, held, release))
    other.start()
    try:
        assert held.wait(60)
        run, said, done = cohort.Run(tmp_path, os.getpid()), [], threading.Event()
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
    assert not cohort.Run(tmp_path, os.getpid()).is_building(LABEL)


PLATFORM = "x86_64 glibc 2.31"


def test_what_builders_build_with_is_known_to_runs_without_them(tmp_path, run):
    assert run.tools(PLATFORM, ["b2"]) == {}
    run.offer_tools("b2", PLATFORM, {"cmake": {"identity": "1" * 64}})
    run.offer_tools("b2", PLATFORM, {"gcc730": {"identity": "2" * 64}})
    wanted = {"cmake": {"identity": "1" * 64}, "gcc730": {"identity": "2" * 64}}
    assert run.tools(PLATFORM, ["b2"]) == wanted and run.tools("aarch64 glibc 2.31", ["b2"]) == {}

    other = cohort.Run(tmp_path, os.getppid())
    assert other.tools(PLATFORM, ["b1", "b2"]) == wanted
    # Another inventory's builders are nobody here.
    assert other.tools(PLATFORM, ["b1"]) == {}
    # And who has part in a run has the say in it.
    other.offer_tools("b10", PLATFORM, {"cmake": {"identity": "3" * 64}})
    assert other.tools(PLATFORM, ["b2", "b10"]) == {"cmake": {"identity": "3" * 64}}
    assert cohort.Run(tmp_path, 1).tools(PLATFORM, ["b10", "b2"]) == wanted


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
    run = cohort.Run(tmp_path, os.getpid())
    assert [run.next_turn_s("cmake-1", "a") for _turn in range(5)] == [30.0, 30.0, 30.0, 30.0, 60.0]
    assert run.next_turn_s("cmake-1", "b") == run.next_turn_s("gcc-1", "a") == 30.0
