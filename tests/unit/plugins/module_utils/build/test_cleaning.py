# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is removed from a work directory, and what stays."""

import json
import os
import time
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, cleaning, locks

DAY_S = 86400
NOW = time.time()


def aged(path, days):
    for each in [*path.rglob("*"), path]:
        os.utime(str(each), (NOW - days * DAY_S,) * 2, follow_symlinks=False)


def product(work, name, version, days, part=""):
    folder = work / "products" / "{0}-{1}-{2}".format(name, version, part or "whole")
    folder.mkdir(parents=True)
    name_of_file = "{0}-{1}-{2}.tar.gz".format(name, version, "a" * 12)
    (folder / name_of_file).write_text("packed")
    identity = {"part": part} if part else {}
    made = {"name": name, "version": version, "fingerprint": "a" * 64, "identity": identity}
    metadata = {"file": name_of_file, "size": 6, "sha256": "b" * 64, "manifest": made}
    (folder / "product.json").write_text(json.dumps(metadata))
    aged(folder, days)
    return folder


def other(work, path, days, file=False):
    made = work / path
    made.parent.mkdir(parents=True, exist_ok=True)
    if file:
        made.write_text("content")
    else:
        made.mkdir()
        (made / "inside").write_text("content")
    aged(made, days)
    return made


@pytest.fixture
def work(tmp_path):
    """A work directory with one of each that is old, and one that is not."""
    for days in (10, 40):
        other(tmp_path, "builds/tool-1-{0}".format(days), days)
        other(tmp_path, "downloads/{0}-tool.tar.gz".format(days), days, file=True)
        other(tmp_path, "git/Owner{0}/tool.git".format(days), days)
        other(tmp_path, "mirror/{0}".format(days), days)
    # Used by others, so not removed.
    other(tmp_path, "git/Owner40/tool.git.lock", 40, file=True)
    other(tmp_path, "downloads/40-tool.tar.gz.lock", 40, file=True)
    other(tmp_path, "mine", 400)
    return tmp_path


def gone(work, before=NOW - 30 * DAY_S, keep_last=2, dry=False):
    found = cleaning.clean(str(work), before, keep_last, dry)
    return None if found is None else [os.path.relpath(entry["path"], str(work)) for entry in found]


OLD = ["builds/tool-1-40", "downloads/40-tool.tar.gz", "git/Owner40/tool.git", "mirror/40"]


def test_what_is_old_goes_and_the_rest_stays(work):
    before = set(work.rglob("*"))
    assert gone(work, dry=True) == OLD
    assert set(work.rglob("*")) - before == {work / "lock"}
    assert gone(work) == OLD
    left = before - {
        path for path in before for name in OLD if str(path).startswith(str(work / name)) and path.suffix != ".lock"
    }
    assert set(work.rglob("*")) == left | {work / "lock"}
    assert gone(work) == []


def test_the_last_products_of_a_name_stay_however_old(tmp_path):
    for version, days in (("1", 50), ("2", 70), ("3", 60)):
        product(tmp_path, "gcc730", version, days)
    product(tmp_path, "gcc730", "1", 90, part="runtime")
    product(tmp_path, "cmake", "1", 300)
    assert gone(tmp_path, dry=True) == ["products/gcc730-2-whole"]
    assert gone(tmp_path, keep_last=1, dry=True) == ["products/gcc730-2-whole", "products/gcc730-3-whole"]
    # Publishing it again counts as use.
    os.utime(str(tmp_path / "products/gcc730-2-whole"))
    assert gone(tmp_path) == ["products/gcc730-3-whole"]
    assert gone(tmp_path, keep_last=1) == ["products/gcc730-1-whole"]


def test_what_is_half_or_set_aside_is_no_last_product(tmp_path):
    for name in ("tool-1-whole", "tool-1-whole.partial-ab", "tool-1-whole.damaged-1"):
        product(tmp_path, "tool", "1", 50).rename(tmp_path / "products" / ("-" + name))
    assert gone(tmp_path, keep_last=1) == ["products/-tool-1-whole.damaged-1", "products/-tool-1-whole.partial-ab"]


def test_while_a_build_is_under_way_nothing_goes(work):
    using = locks.lock_work_dir(str(work), alone=False)
    try:
        # There may be several builds at a time.
        os.close(locks.lock_work_dir(str(work), alone=False))
        assert gone(work) is None and all((work / name).exists() for name in OLD)
    finally:
        os.close(using)
    assert gone(work) == OLD


def test_one_that_has_its_product_is_waited_for(work, monkeypatch):
    """Its head holds the lock of the work directory until it has deleted its folders."""
    product(work, "tool", "1", 0)
    paths = builds.BuildPaths(str(work), "tool-1-whole")
    paths.make_folders()
    held = [locks.try_lock(paths), locks.lock_work_dir(str(work), alone=False)]

    def end(_seconds):
        while held:
            os.close(held.pop())

    monkeypatch.setattr(cleaning.time, "sleep", end)
    assert gone(work) == OLD and not held


def test_one_of_an_older_release_of_the_collection_counts(work):
    paths = builds.BuildPaths(str(work), "tool-1-40")
    lock = locks.try_lock(paths)
    try:
        aged(Path(paths.folder), 40)
        assert gone(work) is None
    finally:
        os.close(lock)


def test_where_there_is_no_work_directory_none_is_made(tmp_path):
    assert gone(tmp_path / "none") == [] and not (tmp_path / "none").exists()


def test_files_of_several_names_count_once(tmp_path):
    (tmp_path / "a").write_bytes(b"\1" * 100000)
    single = cleaning.disk_usage(str(tmp_path))
    os.link(str(tmp_path / "a"), str(tmp_path / "b"))
    assert single >= 100000 and cleaning.disk_usage(str(tmp_path)) == single


def test_where_others_may_write_nothing_is_taken(tmp_path):
    mine = other(tmp_path, "home/thesis", 400)
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    (work / "builds").symlink_to(mine.parent)
    with pytest.raises(PermissionError, match="others may write"):
        gone(work)
    assert (mine / "inside").is_file()
