# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller dies or sleeps: the build continues. Of two controllers only one starts a build."""

import signal

import rig

HOSTS = ONE, TWO, THREE = "first", "second", "third"


def test_one_that_dies_leaves_a_build_that_the_next_run_joins(crew, gate):
    first = crew.begin(["cmake"], HOSTS, ascend_mirrors=[gate.url])
    builder = gate.builder()
    first.kill()
    second = crew.begin(["cmake"], HOSTS, ascend_mirrors=[gate.url])
    second.says("joining it")
    gate.open()
    second.ended()
    assert gate.asked == [builder]
    assert (crew.built(builder), crew.built(*HOSTS)) == (1, 1)
    assert all(map(crew.stands, HOSTS))


def test_one_that_sleeps_goes_on_when_it_wakes(crew, gate):
    run = crew.begin(["cmake"], HOSTS, ascend_mirrors=[gate.url])
    builder = gate.builder()
    # Not its ssh connections: what the lid of a laptop does to those is the builder lost, or not.
    run.signal(signal.SIGSTOP)
    gate.open()
    # The build ends in the meantime.
    rig.until(lambda: crew.on(builder, "ls -d /var/lib/ascend-pytorch/products/cmake-*/product.json || true"))
    run.signal(signal.SIGCONT)
    run.ended()
    assert (crew.built(builder), crew.built(*HOSTS)) == (1, 1)
    assert all(map(crew.stands, HOSTS))


def test_a_run_beside_another_waits_for_it_and_takes_what_it_built(crew, gate):
    first = crew.begin(["cmake"], [ONE], ascend_mirrors=[gate.url])
    assert gate.builder() == ONE
    second = crew.begin(["cmake"], [TWO], ascend_mirrors=[gate.url])
    second.says("process {0} of".format(first.pid))
    gate.open()
    first.ended()
    second.ended()
    assert (crew.built(ONE), crew.built(TWO)) == (1, 0)
    assert crew.stands(TWO) and len(crew.kept()) == 1
