# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A builder is lost: another takes over. Hosts are unreachable: the others continue, and the next run does only those."""

import rig

HOSTS = ONE, TWO, THREE = "first", "second", "third"


def test_a_lost_builder_is_stood_in_for_and_the_next_run_goes_to_it_alone(crew, gate, revived):
    run = crew.begin(["cmake"], HOSTS, ascend_mirrors=[gate.url])
    lost = gate.builder()
    crew.lose(lost)
    gate.open()
    run.ended(well=False)
    others = [host for host in HOSTS if host != lost]
    assert run.recap("unreachable") == {host: int(host == lost) for host in HOSTS}, run.said[-3000:]
    assert "takes over building cmake from {0}".format(lost) in run.said
    assert crew.built(*others) == 1
    assert all(map(crew.stands, others))

    revived()
    assert crew.apply(["cmake"], HOSTS).changed == {lost}
    assert crew.built(lost) == 0 and crew.stands(lost)


def test_one_whose_cable_is_pulled_is_noticed_whatever_ssh_is_told(crew, gate, tmp_path_factory):
    # ssh must not notice a silent connection itself, and a connection of another test must not be used.
    env = {
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(tmp_path_factory.mktemp("cp")),
    }
    run = crew.begin(["cmake"], HOSTS, env=env, ascend_mirrors=[gate.url])
    lost = gate.builder()
    others = [host for host in HOSTS if host != lost]
    # A module that waits there for the build; ssh's own keep-alive would notice that nobody answers.
    waiting = "ps -eo etimes=,args= | awk '/sh -c .*python3/ && !/awk/ && $1 >= 3'"
    rig.until(lambda: crew.on(lost, waiting), what=lambda: run.said)
    with crew.unplugged(lost):
        gate.open()
        run.ended(well=False)
    assert run.recap("unreachable") == {host: int(host == lost) for host in HOSTS}, run.said[-3000:]
    assert "no answer for" in run.words and "takes over building cmake from {0}".format(lost) in run.said
    assert crew.built(*others) == 1
    assert all(map(crew.stands, others))


def test_builders_are_lost_up_to_a_number_of_times(crew, gate, revived):
    run = crew.begin(["cmake"], HOSTS, ascend_mirrors=[gate.url], ascend_takeovers=1)
    lost = []
    for _builder in range(2):
        lost.append(gate.builder(besides=lost))
        crew.lose(lost[-1])
    run.ended(well=False)
    (left,) = set(HOSTS) - set(lost)
    assert "building cmake 3.12.1 was given up" in run.words and ", ".join(lost) in run.words, run.said[-3000:]
    assert run.recap("failed")[left] == 1
    assert crew.built(left) == 0


def test_the_reachable_ones_finish_and_the_next_run_does_the_others_alone(crew, revived):
    crew.lose(TWO)
    # The whole guide, and the product that is built first.
    run = crew.begin([], HOSTS, "--tags", "cmake").ended(well=False)
    assert run.recap("unreachable") == {ONE: 0, TWO: 1, THREE: 0}
    assert run.recap("failed") == dict.fromkeys(HOSTS, 0)
    assert crew.built(ONE, THREE) == 1
    assert all(crew.stands(host) and crew.whole(host) for host in (ONE, THREE))
    revived()
    assert crew.apply([], HOSTS, "--tags", "cmake").changed == {TWO}
    assert crew.stands(TWO) and crew.whole(TWO)
    assert crew.built(TWO) == 0
