# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""torch_npu from its first build to its removal. Each test goes on from where the last one ended."""

import json

import pytest
import rig
import yaml

PAIR = ("2.6.0+cpu", "2.6.0.post5")
ONE_JOB = {"ascend_jobs": 1, "torch_npu_build_build_environment": {"MIRROR_WORK": "1"}}


def variables(release):
    """The variables of a release of the mirror."""
    return yaml.safe_load((rig.MIRROR / "vars-{0}.yml".format(release)).read_text())


# --- from source ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def before(one):
    """What the host's Python had at first."""
    return one.packages()


def test_both_are_built_once_and_go_to_every_host(fleet, before, one, two):
    assert before
    fleet.run([one, two], "2.6.0.post5")
    assert [sum(host.built(product) for host in (one, two)) for product in ("torch", "torch_npu")] == [1, 1]
    for host in (one, two):
        found = host.imports()
        assert (found["torch"], found["torch_npu"]) == PAIR
        assert found["info"]["torch"]["version"] == "2.6.0"
        assert found["info"]["cxx"]["version"].startswith("10.")
        assert found["info"]["compiled"]["generated_with"] == "2.6.0+cpu"
        assert {"torch_npu/lib/libtensorpipe.so", "torch_npu/dynamo/torchair/__init__.py"} <= set(
            host.files("torch-npu")
        )


def test_the_build_left_the_hosts_python_as_it_was(before, one):
    news = {name: version for name, version in one.packages().items() if before.get(name) != version}
    # Its own requirements are torch's, and those that torch_npu imports.
    assert set(news) - {"pyyaml", "numpy"} == {"torch", "torch-npu", "filelock", "typing-extensions"}
    assert (news["torch"], news["torch-npu"]) == PAIR


def test_a_second_run_changes_nothing_and_all_is_whole(fleet, one, two):
    assert fleet.run([one, two], "2.6.0.post5").changed == set()
    proven = fleet.run([one, two], "2.6.0.post5", "-v", playbook="playbooks/verify.yml")
    assert proven.changed == set()
    assert proven.said.count("True on npu:0") >= 2


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_where_the_new_torch_npu_cannot_be_built_the_old_pair_stays(fleet, one):
    broken = {"torch_npu_build_build_environment": {"CXXFLAGS": "--no-such-option"}}
    failed = fleet.run([one], "2.1.0.post17", well=False, **broken)
    assert "torch_npu 2.1.0.post17 failed in stage build" in failed.words, failed.said[-3000:]
    assert one.versions() == PAIR


def test_parts_that_are_left_out_need_no_sources(fleet, partial_mirror, two):
    mirror = partial_mirror("ascend/Tensorpipe.git", "ascend/torchair.git")
    fleet.run(
        [two],
        "2.6.0.post5",
        ascend_mirrors=[str(mirror)],
        torch_npu_build_disable=["rpc", "torchair"],
    )
    assert two.versions() == PAIR
    assert not [name for name in two.files("torch-npu") if "tensorpipe" in name or "torchair" in name]


# --- ready-made -------------------------------------------------------------------------------------------------------


def test_the_vendors_wheel_takes_its_place_and_makes_room_again(fleet, index, one, two):
    ready = {"torch_npu_build_from": "wheel", "torch_npu_build_npu_index": index(one)}
    assert fleet.run([one], "2.6.0.post5", **ready).changed == {"one"}
    assert one.versions() == PAIR
    assert "cxx" not in one.imports()["info"]
    digests = {wheel["sha256"] for wheel in variables("2.6.0.post5")["mirror_ready_wheels"]}
    assert [digest for digest in digests if digest in json.dumps(one.manifest("torch_npu"))]
    assert fleet.run([one], "2.6.0.post5", **ready).changed == set()
    builds = one.built("torch_npu"), two.built("torch_npu")
    assert fleet.run([one], "2.6.0.post5").changed == {"one"}
    assert "cxx" in one.imports()["info"]
    assert (one.built("torch_npu"), two.built("torch_npu")) == builds


# --- other releases ---------------------------------------------------------------------------------------------------


def test_no_release_starts_more_compilers_than_there_are_jobs(fleet, one, old):
    fleet.run([old], "")
    assert old.versions() == ("1.8.1+ascend", None)
    assert "apex" in old.packages()
    with one.compilers() as of_one, old.compilers() as of_old:
        # The older one starts as many as there are cores, whatever MAX_JOBS says.
        runs = [fleet.begin([one], "2.1.0.post17", **ONE_JOB), fleet.begin([old], "1.8.1", **ONE_JOB)]
        for run in runs:
            run.ended(limit_s=480)
    assert (of_one, of_old) == ([1], [1])
    assert one.versions() == ("2.1.0+cpu", "2.1.0.post17")


def test_apex_comes_where_the_release_has_one(fleet, one):
    apex = one.apex()
    assert (apex["torch"], apex["options"]) == ("2.1.0+cpu", ["--cpp_ext"])
    assert (apex["compiled"]["torch"], apex["compiled"]["abi"]) == ("2.1.0", 0)
    # The vendor's version, 0.1-ascend, is none for pip.
    assert one.packages()["apex"] == "0.1+ascend"
    changed = json.dumps(one.manifest("apex")["identity"]["stages"])
    assert "version='0.1-ascend'" in changed and "version='0.1+ascend'" in changed
    assert fleet.run([one], "2.1.0.post17", **ONE_JOB).changed == set()
    proven = fleet.run([one], "2.1.0.post17", "-v", playbook="playbooks/verify.yml", **ONE_JOB)
    assert proven.changed == set() and "/apex/__init__.py" in proven.words


def test_an_apex_that_the_release_does_not_have_is_refused_before_anything_changes(fleet, one):
    refused = fleet.run([one], "2.6.0.post5", well=False, apex_build_state="present")
    assert "there is no Apex for torch 2.6.0.post5: set apex_build_state to auto or absent" in refused.words
    assert refused.changed == set()


def test_a_patched_torch_became_a_plugin_and_comes_back(fleet, old):
    assert old.versions() == ("1.8.1+cpu", "1.8.1")
    assert "apex" not in old.packages()
    fleet.run([old], "")
    assert old.versions() == ("1.8.1+ascend", None)
    assert "torch-npu" not in old.packages() and "apex" in old.packages()


def test_the_release_follows_from_the_host(fleet, old):
    fleet.run(
        [old],
        "",
        playbook="playbooks/check.yml",
        ascend_torch_version="auto",
        cann_check_check_sources=False,
        ascend_report_dir=str(fleet.folder),
    )
    checked = json.loads((fleet.folder / "check.json").read_text())["hosts"]["old"]
    chosen = [each for each in checked["findings"] if each["id"] == "release-chosen"]
    assert "torch 1.8.1 is the newest for CANN 5.0.4" in chosen[0]["found"]


# --- removal ----------------------------------------------------------------------------------------------------------


def test_removal_leaves_nothing(fleet, one):
    fleet.run([one], "2.1.0.post17", "-e", "ascend_remove_confirmed=true", playbook="playbooks/remove.yml")
    assert not {"torch", "torch-npu", "apex"} & set(one.packages())
    left = "ls -d /etc/ascend-pytorch/* {0}/torch* {0}/functorch {0}/apex* 2>/dev/null || true"
    assert one.on(left.format("/usr/local/lib/python3.9/dist-packages")) == ""


def test_a_torch_for_cuda_is_told_before_it_is_replaced(fleet, one):
    file = next(each["file"] for each in variables("2.6.0.post5")["mirror_cuda_wheels"] if "-cp39-" in each["file"])
    one.on("cat > /srv/" + file, stdin=(rig.MIRROR / file).read_bytes())
    one.on("python3.9 -m pip install -q --no-deps --no-index /srv/" + file)
    seen = fleet.run([one], "2.6.0.post5", "--check")
    assert "torch-cuda" in seen.words and "torch 2.6.0+cu124" in seen.words
    assert one.packages()["torch"] == "2.6.0+cu124"
    fleet.run([one], "2.6.0.post5")
    assert one.versions() == PAIR
