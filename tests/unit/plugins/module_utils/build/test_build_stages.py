# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages are run once, continued after a kill, and run again where their files have changed."""

import errno
import hashlib
import io
import json
import os
import shutil
import tarfile
import time
from pathlib import Path

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, kernel
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, looking, stages
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, published, recipe
from detached import (
    ended,
    gone,
    killed,
    learning_order,
    make_order,
    reached,
    readers,
    runs,
    script,
    started,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_what_a_killed_run_spent_on_the_build_stage_counts(tmp_path):
    order = learning_order(tmp_path)
    paths = builds.paths(order)
    paths.make_folders()
    killed_one = stages.Build(order, paths, io.StringIO())
    killed_one.stage_fingerprint = {stage: mark for stage, _what, mark in stages.stage_plan(order)}["build"]
    killed_one.status.update(stage="build", stage_started=time.time() - 100)
    killed_one.report_progress(30, 5)
    status = read_json(paths.status)
    assert (status["percent"], status["objects"], status["jobs"]) == (30, 5, 3)
    assert stages.Build(order, paths, io.StringIO()).spent_before("build", "another recipe")["objects"] == 0

    assert started(order) == "resumed"
    ended(order)
    built = builds.finished_product(order)["manifest"]["built"]
    assert 100 <= built["seconds"]["build"] < 160 and built["objects"] == {"build": 7}


@pytest.mark.parametrize("rebooted", [False, True])
def test_what_a_killed_run_may_have_left_half_is_made_again(tmp_path, monkeypatch, rebooted):
    order = learning_order(tmp_path)
    paths = builds.paths(order)
    paths.make_folders()
    killed_one = stages.Build(order, paths, io.StringIO())
    killed_one.stage_fingerprint = {stage: mark for stage, _what, mark in stages.stage_plan(order)}["build"]
    began = time.time() - 1000
    killed_one.status.update(stage="build", stage_started=began)
    killed_one.since = began
    if rebooted:
        monkeypatch.setattr(kernel, "boot", lambda: "another")
    killed_one.save_spent()
    monkeypatch.undo()
    for name, seconds in (("blob", -100), ("early", 10), ("near", 470), ("last", 500)):
        path = Path(paths.src, name + ".o")
        path.write_text("object")
        os.utime(path, (began + seconds, began + seconds))

    log = io.StringIO()
    resumed = stages.Build(order, paths, log)
    resumed.run_stage("build", [], killed_one.stage_fingerprint)
    assert sorted(os.listdir(paths.src)) == (["blob.o", "early.o"] if rebooted else ["blob.o", "early.o", "near.o"])
    assert "objects that were written last may be incomplete: they are built again" in log.getvalue()
    # The start is that of the first run.
    assert read_json(resumed.spent_path())["since"] == began


def test_a_clock_that_is_set_back_keeps_no_status_from_being_written(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    paths = builds.paths(order)
    paths.make_folders()
    build, wall, since = stages.Build(order, paths, io.StringIO()), [1e9], [100.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    monkeypatch.setattr(time, "monotonic", lambda: since[0])
    build.save()
    wall[0], since[0] = 1e9 - 3600, 102.0
    build.report_progress(42, 0)
    assert read_json(paths.status)["percent"] == 42


@pytest.mark.parametrize("stage", recipe.STAGES + ("pack",))
def test_killed_in_a_stage_it_goes_on_from_there(tmp_path, stage):
    own = stage in ("fetch", "verify", "extract", "pack")
    pipe = tmp_path / ("gate" if own else "gate." + stage)
    os.mkfifo(str(pipe))
    order = make_order(tmp_path)
    started(order, stage if own else "")
    gate = reached(pipe)
    status = looking.read_status(order)
    assert (status["state"], status["stage"]) == ("running", stage)
    killed(status["pid"])
    orphans = readers(tmp_path / "work/../gate.{0}".format(stage))
    assert bool(orphans) != own, "a program that a stage runs survives its head, or there would be nothing to end"
    assert looking.read_status(order)["state"] == "dead"
    assert builds.finished_product(order) is None

    # Removed, but still open: an orphan that reads it would keep waiting.
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
    with tarfile.open(builds.finished_product(order)["path"]) as packed:
        member = [one for one in packed.getmembers() if one.name.endswith("bin/tool")][0]
        assert packed.extractfile(member).read() == b"hello\npatched\n"
        member = [one for one in packed.getmembers() if one.name.endswith(manifest.TREE_NAME)][0]
        assert set(json.loads(packed.extractfile(member).read().decode())["files"]) == {"bin/tool", "bin/alias"}


def test_killed_while_it_cleans_up(tmp_path):
    os.mkfifo(str(tmp_path / "gate"))
    order = make_order(tmp_path)
    started(order, "clean")
    gate = reached(tmp_path / "gate")
    killed(read_json(builds.paths(order).status)["pid"])
    gate.close()
    assert looking.read_status(order)["state"] == "done" and started(order) == "done"
    # A stamp whose folder is partly removed must not count when the product is wanted again.
    shutil.rmtree(str(tmp_path / "work/products"))
    shutil.rmtree(str(tmp_path / "work/builds/tool-1.0-abababababab/stage"))
    started(order)
    status = ended(order)
    assert status["state"] == "done", status["tail"]


def test_a_changed_sanity_step_is_done_again_alone(tmp_path):
    order = make_order(tmp_path)
    good = order.stages["sanity"]
    order.stages["sanity"] = [script("sanity", "false")]
    started(order)
    assert ended(order)["stage"] == "sanity"
    order.stages["sanity"] = good
    started(order)
    assert ended(order)["state"] == "done"
    assert [runs(tmp_path).count(name) for name in ("build", "install", "sanity")] == [1, 1, 2]


def test_a_stage_whose_stamp_is_gone_is_done_again_with_those_after_it(tmp_path):
    order = make_order(tmp_path)
    good = order.stages["sanity"]
    order.stages["sanity"] = [script("sanity", "false")]
    started(order)
    ended(order)
    os.unlink(str(tmp_path / "work/builds/tool-1.0-abababababab/stamps/build.json"))
    order.stages["sanity"] = good
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
    killed(looking.read_status(order)["pid"])
    os.unlink(str(pipe))
    damage(Path(builds.paths(order).stage + order.prefix, "bin/tool"))
    started(order)
    gate.close()
    assert ended(order)["state"] == "done"
    assert [runs(tmp_path).count(name) for name in ("build", "install")] == [1, 2]
    assert "is not as it was installed, so the stage is run again" in Path(builds.paths(order).log).read_text()
    with tarfile.open(builds.finished_product(order)["path"]) as packed:
        members = {member.name.rpartition("/")[2]: member for member in packed.getmembers()}
        assert packed.extractfile(members["tool"]).read() == b"hello\npatched\n"
        assert members["alias"].linkname == "tool"


def test_what_a_stage_wrote_is_on_the_disk_before_its_stamp_says_so(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    paths = builds.paths(order)
    paths.make_folders()
    synced = []

    def sync(path):
        assert path == paths.folder
        synced.append({name.partition(".")[0] for name in os.listdir(paths.stamps) if name.endswith(".json")})

    monkeypatch.setattr(durable, "sync_file_system", sync)
    with open(paths.log, "w") as log:
        stages.Build(order, paths, log).run()
    # When a stage is synced, the stages before it have stamps, but it has none yet.
    assert synced == [set(recipe.STAGES[:number]) for number in range(len(recipe.STAGES))]


def test_a_disk_that_does_not_take_what_a_stage_wrote_fails_the_stage(tmp_path, monkeypatch):
    order = make_order(tmp_path)
    paths = builds.paths(order)
    paths.make_folders()

    def sync(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    monkeypatch.setattr(durable, "sync_file_system", sync)
    with open(paths.log, "w") as log, pytest.raises(OSError, match="Input/output error"):
        stages.Build(order, paths, log).run()
    assert os.listdir(paths.stamps) == []


def test_what_half_an_install_left_is_not_in_the_product(tmp_path):
    order = make_order(tmp_path)
    good = order.stages["install"]
    order.stages["install"] = [script("install", "mkdir -p {root} && touch {root}/junk && false")]
    started(order)
    assert ended(order)["stage"] == "install"
    order.stages["install"] = good
    started(order)
    assert ended(order)["state"] == "done"
    with tarfile.open(builds.finished_product(order)["path"]) as packed:
        assert not [name for name in packed.getnames() if "junk" in name]


def test_what_was_learned_outlives_a_failure(tmp_path):
    # true does for Python what a good pip does.
    order = make_order(tmp_path, python="/bin/true")
    order.stages["configure"] = [
        {"run": ["/bin/sh", "-c", "echo numpy > {src}/needed"]},
        {"requirements": {"file": "{src}/needed", "drop": [], "constraints": ""}},
    ]
    good = order.stages["build"]
    order.stages["build"] = [script("build", "false")]
    started(order)
    assert ended(order)["stage"] == "build"
    order.stages["build"] = good
    started(order)
    assert ended(order)["state"] == "done"
    assert builds.finished_product(order)["manifest"]["requirements"] == ["numpy"]


def test_what_a_stage_decides_decides_those_after_it():
    def marks(order):
        return {stage: mark for stage, _what, mark in stages.stage_plan(order)}

    def same(before, after):
        return [stage for stage in recipe.STAGES if before[stage] == after[stage]]

    pin = {"name": "a", "commit": "a" * 40, "dest": "a"}
    order = ordering.order(sources=[pin], stages={"patch": [], "build": [{"run": ["make"]}], "sanity": []})
    before = marks(order)
    assert same(before, marks(order._replace(sources=[dict(pin, urls=["x"], name="b")]))) == list(recipe.STAGES)
    assert same(before, marks(order._replace(sources=[dict(pin, submodules=True)]))) == []
    changed = order._replace(stages=dict(order.stages, build=[{"run": ["make", "-k"]}]))
    assert same(before, marks(changed)) == ["fetch", "verify", "extract", "patch", "configure"]
    changed = order._replace(stages=dict(order.stages, sanity=[{"run": ["x"]}]))
    assert same(before, marks(changed)) == list(recipe.STAGES[:-1])


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


def test_a_wheel_is_fetched_checked_and_put_into_its_folder_as_it_is(tmp_path):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/torch.whl").write_bytes(b"wheel")
    wheel = {"name": "stock", "kind": "file", "file": "torch.whl", "urls": [], "dest": "stock"}
    wheel["sha256"] = hashlib.sha256(b"wheel").hexdigest()
    order = ordering.order(work_dir=str(tmp_path / "work"), sources=[wheel], mirrors=[str(tmp_path / "mirror")])
    paths = builds.paths(order)
    paths.make_folders()
    build = stages.Build(order, paths, io.StringIO())
    for stage in ("fetch", "verify", "extract"):
        build.run_stage(stage, [], "")
    assert Path(paths.src, "stock/torch.whl").read_bytes() == b"wheel"
    marks = [
        [mark for _stage, _what, mark in stages.stage_plan(order._replace(sources=[dict(wheel, **more)]))]
        for more in ({}, {"without": []}, {"without": ["a"]}, {"sha256": "a" * 64})
    ]
    assert marks[0] == marks[1] and all(marks[0] != other for other in marks[2:])
