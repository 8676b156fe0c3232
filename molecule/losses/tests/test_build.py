# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build dies for different reasons: the next run goes on from the last good stage."""

import json
import re

import rig
from ansible_collections.ascend.pytorch.plugins.module_utils.build import torn
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe

ONE = "first"
# All except patch, which takes no time for a tree.
STAGES = ("fetch", "verify", "extract", "configure", "build", "install", "sanity", "pack")
# Long enough to be killed while it compiles. Heavy units end seconds apart one by one, and the last begins at 40 %.
HEAVY = {"torch_npu_build_build_environment": {"MIRROR_WORK": "3"}, "ascend_jobs": 1}
LASTING = {"torch_npu_build_build_environment": {"MIRROR_WORK": "1"}, "ascend_jobs": 2}
# The oldest first.
OBJECTS = "find /var/lib/ascend-pytorch/builds/torch-*/ -name '*.o' -printf '%T@ %p\\n' | sort -n"

# Allocates memory as long as a process lives. A zombie, which its parent has not waited for yet, has no command line.
HOG = """
taken = []
while len(taken) < 1024 and open("/proc/{0}/cmdline").read():
    taken.append(b"x" * (1 << 20))
"""


def done_before(said):
    """Return the stages that a run found done."""
    return re.findall(r"^=== (\w+): done before$", said, re.MULTILINE)


def all_before(stage):
    """Return the stages before another one."""
    every = [*recipe.STAGES, "pack"]
    return every[: every.index(stage)]


def test_killed_at_every_stage_it_goes_on_from_there(crew):
    former = STAGES[0]
    for stage in STAGES:
        before = len(crew.tries(ONE))
        with crew.striking(ONE, "cmake", stage):
            run = crew.begin(["cmake"], [ONE]).ended(well=False)
        # The message says where the build ended, although its process is gone.
        assert "failed in stage {0}: its process ended without a message".format(stage) in run.words
        assert not crew.stands(ONE)
        # Where it died before the run followed it, the same run has tried once more.
        first, *more = [done_before(said) for said in crew.tries(ONE)[before:]]
        assert first == all_before(former) and more in ([], [all_before(stage)])
        former = stage
    crew.apply(["cmake"], [ONE])
    assert crew.stands(ONE) and crew.whole(ONE)
    assert done_before(crew.tries(ONE)[-1]) == all_before("pack")


def test_killed_while_it_patches_and_compiles_it_repeats_neither(crew):
    crew.apply(["cmake"], [ONE])
    for stage, percent in (("patch", 0), ("build", 40)):
        with crew.striking(ONE, "torch", stage, percent, hands=True):
            crew.begin(["torch_npu_build"], [ONE], **HEAVY).ended(well=False)
    compiled = [line.split(" ") for line in crew.on(ONE, OBJECTS).splitlines()]
    # The last ones may be incomplete.
    good = [path for when, path in compiled if float(when) < float(compiled[-1][0]) - torn.KILLED_MARGIN_S]
    assert len(good) >= 4, compiled
    crew.apply(["torch_npu_build"], [ONE], **HEAVY)
    crew.on(ONE, "cd / && . /etc/ascend-pytorch/env.sh && python3.9 -c 'import torch'")

    before, last = crew.tries(ONE, "torch")[-2:]
    assert done_before(before)[-1] == "extract"
    assert done_before(last)[-1] == "configure"
    # Objects that make compiles again; for those whose stubs build.sh writes each time that is right.
    now = re.findall(r"Building C\w* object (\S+\.o)", last)
    again = {name for name in now if any(path.endswith("/" + name) for path in good)}
    assert len(again) <= 2 and not [name for name in again if "Kernel" in name], (again, good)
    assert any("Kernel" in path for path in good) and any("Kernel" in name for name in now)


def is_lasting(crew, tries):
    """Return whether a build of torch is in this try and compiles the heavy units."""
    said = crew.tries(ONE, "torch")
    return len(said) == tries and "Kernel" in said[-1]


def test_a_host_that_reboots_and_then_is_out_of_memory_goes_on_each_time(crew, revived):
    crew.apply(["cmake"], [ONE])
    run = crew.begin(["torch_npu_build"], [ONE], **LASTING)
    rig.until(lambda: is_lasting(crew, 1), what=lambda: run.said)
    crew.lose(ONE)
    run.ended(well=False)
    assert run.recap("unreachable") == {ONE: 1}

    revived()
    run = crew.begin(["torch_npu_build"], [ONE], **LASTING)
    rig.until(lambda: is_lasting(crew, 2), what=lambda: run.said)
    assert done_before(crew.tries(ONE, "torch")[-1])[-1] == "configure"
    status = json.loads(crew.on(ONE, "cat /var/lib/ascend-pytorch/builds/torch-*/status.json"))
    # Otherwise the kernel kills the process with the most memory, a compiler or the one that allocates it.
    crew.on(ONE, "echo 1000 > /proc/{0}/oom_score_adj".format(status["pid"]))
    with crew.little_memory(ONE, spare_mib=128):
        rig.on(ONE).run("python3 -c %s || true", HOG.format(status["pid"]))
    run.ended(well=False)
    assert "failed in stage build: its process ended without a message: it was killed, ran out of memory" in run.words

    crew.apply(["torch_npu_build"], [ONE], **LASTING)
    assert done_before(crew.tries(ONE, "torch")[-1])[-1] == "configure"


def test_stopped_it_says_so_and_goes_on_when_it_is_wanted_again(crew, gate):
    run = crew.begin(["cmake"], [ONE], ascend_mirrors=[gate.url])
    assert gate.builder() == ONE
    stop = rig.PROJECT / "playbooks" / "stop.yml"
    told = crew.begin([], [ONE], "--check", playbook=stop).ended().words
    assert "first: would stop cmake-3.12.1-" in told and "in stage fetch" in told
    told = crew.begin([], [ONE], playbook=stop).ended()
    assert "first: stopped (the next run goes on from there): cmake-3.12.1-" in told.words and told.changed == {ONE}
    run.ended(well=False)
    assert "failed in stage fetch: it was stopped by the playbook stop" in run.words
    told = crew.begin([], [ONE], playbook=stop).ended()
    assert "first: no build is running" in told.words and told.changed == set()
    gate.open()
    crew.apply(["cmake"], [ONE])
    assert crew.stands(ONE) and crew.built(ONE) == 1
