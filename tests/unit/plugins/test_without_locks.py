# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system without locks: whoever needs one says so, with what to do, and who does not need it goes on.

How builds are started and looked at is in modules/test_build.py, publishing in module_utils/publish, elections in test_runs.py.
"""

import os
import time

import cached
import ordering
import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, results
from ansible_collections.ascend.pytorch.plugins.module_utils.product import caching, entries, products, published
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch, repositories
from ansible_collections.ascend.pytorch.plugins.modules import carry, clean, stop
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    bundle,
    bundling,
    cohort,
    live,
    mirror,
    processes,
    runs,
    screen,
    speaking,
    store,
)
from answering import told
from host_entries import LABEL, MARK, fill
from sources import SHA, archive, repository

pytestmark = pytest.mark.usefixtures("without_locks")


def says(words, path, number):
    """Whether a text names the file, why it cannot be locked and what to do, and nothing that would not help."""
    assert f"{path} cannot be locked ({os.strerror(number)})" in words and "NFS: version 4" in words, words
    assert "[Errno" not in words and "as root" not in words and "this as the account" not in words, words
    return True


@pytest.fixture
def work_dir(tmp_path):
    """A work directory with a build that was begun while its file system had locks."""
    paths = builds.BuildPaths(str(tmp_path / "work"), "tool-1.0-0123456789ab")
    os.makedirs(paths.folder, 0o700)
    os.chmod(tmp_path / "work", 0o700)
    open(paths.lock, "w").close()
    return str(tmp_path / "work")


def test_builds_are_not_stopped_by_guess(work_dir, without_locks):
    answer = told(stop, work_dirs=[work_dir])
    assert answer["failed"] and answer["stopped"] == []
    assert says(answer["msg"], os.path.join(work_dir, "builds/tool-1.0-0123456789ab/lock"), without_locks)


def test_nothing_is_taken_from_a_work_directory(work_dir, without_locks):
    answer = told(clean, work_dirs=[work_dir], keep_days=0, keep_last=0)
    assert answer["failed"] and answer["removed"] == []
    assert says(answer["msg"], os.path.join(work_dir, "lock"), without_locks)


def test_nothing_is_carried_to_a_host(tmp_path, without_locks):
    text = (fill(tmp_path / "made", b"content"), (tmp_path / "made/product.json").read_text())[1]
    (tmp_path / "work").mkdir(mode=0o700)
    asked = {"state": "wanted", "work_dir": str(tmp_path / "work"), "label": LABEL, "fingerprint": MARK}
    answer = told(carry, metadata=text, **asked)
    assert answer["failed"] and says(answer["msg"], tmp_path / f"work/products/.{LABEL}.lock", without_locks)


@pytest.mark.parametrize("kind", ["archive", "repository"])
def test_nothing_is_fetched(tmp_path, without_locks, kind):
    with pytest.raises(fetch.FetchError) as error:
        if kind == "archive":
            download.fetch_archive(archive("/none"), [], str(tmp_path), print)
        else:
            repositories.fetch_git(repository("0" * 40, "/none"), [], str(tmp_path), str(tmp_path / "tree"), print)
    file = f"{SHA}-a.tgz.lock" if kind == "archive" else "Owner/pytorch.git.lock"
    assert says(str(error.value), tmp_path / file, without_locks)


def test_parts_are_made_of_a_product_by_nobody(tmp_path, monkeypatch, without_locks):
    order = ordering.order(work_dir=str(tmp_path), fingerprint=MARK)
    monkeypatch.setattr(builds, "part_orders", lambda _order: [order._replace(fingerprint="e" * 64)])
    fill(tmp_path / "products" / LABEL, b"content")
    with pytest.raises(OSError) as error:
        results.make_missing_parts(order)
    assert says(str(error.value), tmp_path / "products" / LABEL, without_locks)


def test_a_build_cache_is_read_and_not_written(tmp_path, without_locks):
    folder, label = store.Store(tmp_path / "cache"), "cmake-3.12.1-abababababab"
    cached.make(tmp_path / "cache")
    with folder.reading(label, "ab" * 32) as found:
        assert found.path.read_bytes() == b"the product"
    with pytest.raises(store.StoreError, match="or set ascend_build_cache to") as error, folder.receiving(label):
        pytest.fail("two could put it in at once")
    assert says(str(error.value), tmp_path / "cache", without_locks)


def test_a_shared_place_goes_by_renames_alone(tmp_path):
    entry = entries.Entry(str(tmp_path / "work"), LABEL, MARK)
    fill(tmp_path / "work/products" / LABEL, b"content")
    assert caching.store_product(entry, (tmp_path / "shared").as_uri(), None) is True
    assert products.read(str(tmp_path / "shared" / LABEL), MARK)


def test_a_tree_is_used_and_not_said_to_be(tmp_path):
    os.close(published.lock_tree(str(tmp_path)))
    assert published.in_use(str(tmp_path)) is False


def test_no_bundle_is_made(tmp_path, without_locks):
    maker = bundling.BundleMaker(tmp_path / "bundle", [], print, pytest.fail)
    with pytest.raises(bundle.BundleError, match="or set ascend_bundle_dest to") as error, maker._locked():
        pytest.fail("two could make it at once")
    assert says(str(error.value), tmp_path / "bundle", without_locks)


@pytest.mark.parametrize("use", ["election", "build", "mirror"])
def test_hosts_of_a_run_do_not_agree(tmp_path, monkeypatch, without_locks, use):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sender = mirror.Sender.__new__(mirror.Sender)
    monkeypatch.setattr(mirror.Sender, "_host", lambda _self: "node")
    run = cohort.Run()
    with pytest.raises(AnsibleActionFail, match="or set XDG_CACHE_HOME to a folder") as error:
        if use == "election":
            run.elect("cmake-1-f", "f", [])
        else:
            with run.building("cmake-1-f", pytest.fail) if use == "build" else sender._locked("mark"):
                pytest.fail("two could do it at once")
    file = {
        "election": run.path / "lock",
        "build": tmp_path / "ascend-pytorch/locks/cmake-1-f.lock",
        "mirror": tmp_path / "ascend-pytorch/locks/mirror-mark-node.lock",
    }[use]
    assert says(str(error.value), file, without_locks)


def test_builds_are_shown_as_lines_of_a_log(tmp_path, monkeypatch, without_locks):
    said = []
    monkeypatch.setattr(speaking, "say_if_verbose", said.append)
    monkeypatch.setattr(processes, "has_terminal", lambda _run: True)
    monkeypatch.setattr(live, "open_terminal", lambda _pid: os.open(os.devnull, os.O_WRONLY))
    monkeypatch.setattr(screen, "terminal_size", lambda _descriptor: (24, 80))
    shown = live.BuildDisplay("node", ordering.order(), "log")
    shown.board = screen.Board(tmp_path, runs.current())
    now = time.monotonic()
    row = screen.Row("node", "build", 1, now, None, now, now, str(processes.by_pid(os.getpid())))
    assert shown._paint(row) is False and shown.board is None
    assert says(said[0], tmp_path / "lock", without_locks)
