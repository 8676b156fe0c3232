# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache in a folder: what is found in it, put into it, damaged, listed and taken away, by several at once."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cached
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products
from ansible_collections.ascend.pytorch.plugins.plugin_utils import cache_list, signing, store

COLLECTIONS = str(Path(__file__).parents[4] / "collections")
MARK = "ab" * 32
LABEL = "cmake-3.12.1-abababababab"

# Holds what the argument says until it is killed.
HOLDER = """
import sys
sys.path.insert(0, {collections!r})
from ansible_collections.ascend.pytorch.plugins.plugin_utils import store
with store.Store(sys.argv[1]).receiving(sys.argv[2]) as partial:
    (partial / "begun").write_text("half")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def told():
    return []


@pytest.fixture
def cache(tmp_path, told):
    return store.Store(tmp_path / "cache", told.append)


def unused_for(folder, days):
    for path in (*folder.iterdir(), folder):
        then = path.stat().st_mtime - days * 86400
        os.utime(path, (then, then))


def names(cache):
    return sorted(path.name for path in cache.folder.iterdir() if path.name != ".locks")


def test_whether_it_can_be_written(tmp_path):
    assert store.Store(tmp_path / "a" / "b").is_writable() and not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    assert not store.Store(tmp_path / "file").is_writable()
    assert not store.Store(tmp_path / "file" / "below").is_writable()


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_product_is_found_and_that_is_a_use(cache):
    folder = cached.make(cache.folder)
    unused_for(folder, 3)
    before = folder.stat().st_mtime
    found = cache.entry(LABEL, MARK, digest=True)
    assert found.path.read_bytes() == b"the product" and found.text == (folder / "product.json").read_bytes()
    assert found.sha256 == products.read(str(folder), MARK)["sha256"] and found.manifest["version"] == "3.12.1"
    assert found.signature is None and found.signed_by("") == ""
    assert folder.stat().st_mtime > before + 2 * 86400


def test_what_is_not_there(cache, told):
    assert cache.entry(LABEL, MARK) is None and not cache.folder.exists()
    cached.make(cache.folder)
    # The same beginning, another fingerprint: nothing is wrong with it, it is another's.
    assert cache.entry(LABEL, MARK[:-1] + "0") is None
    assert told == [] and names(cache) == [LABEL]


@pytest.mark.parametrize("label", ["../tool-1.0-abababababab", "/tool", "tool-1.0/2-abababababab", "..", "a\nb", ""])
def test_a_label_that_is_no_folders_name_leads_nowhere(cache, tmp_path, label):
    for use in (
        lambda: cache.entry(label, MARK),
        lambda: cache.entry(label, MARK, digest=True),
        lambda: cache.reading(label, MARK).__enter__(),
        lambda: cache.receiving(label).__enter__(),
        lambda: cache.commit(label),
    ):
        with pytest.raises(store.StoreError, match="cannot be kept in the build cache: .* is not a"):
            use()
    assert list(tmp_path.rglob("*tool*")) == [] and not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda folder: next(folder.glob("*.gz")).write_bytes(b"half"), "4 bytes, wanted 11"),
        (lambda folder: next(folder.glob("*.gz")).unlink(), "missing"),
        (lambda folder: (folder / "product.json").write_text("{"), "product.json: cannot be read"),
        (lambda folder: (folder / "product.json").unlink(), "product.json: missing"),
        (lambda folder: cached.fill(folder, version="3.13"), "belongs to another product"),
    ],
)
def test_a_damaged_one_is_told_and_set_aside(cache, told, damage, words):
    damage(cached.make(cache.folder))
    assert cache.entry(LABEL, MARK) is None
    assert names(cache) == [LABEL + ".damaged-1"]
    assert len(told) == 1 and words in told[0] and LABEL + ".damaged-1" in told[0]
    assert cache.entry(LABEL, MARK) is None and len(told) == 1


def test_other_content_is_seen_by_the_digest(cache, told):
    next(cached.make(cache.folder).glob("*.gz")).write_bytes(b"THE PRODUCT")
    assert cache.entry(LABEL, MARK)
    assert cache.entry(LABEL, MARK, digest=True) is None
    assert "content differs" in told[0] and names(cache) == [LABEL + ".damaged-1"]


def test_a_damaged_one_that_somebody_reads_stays_for_now(cache, told):
    folder = cached.make(cache.folder)
    with cache.reading(LABEL, MARK) as found:
        found.path.write_bytes(b"half")
        assert cache.entry(LABEL, MARK) is None
        assert names(cache) == [LABEL]
    assert cache.entry(LABEL, MARK) is None and not folder.exists()


def test_one_that_cannot_be_set_aside_is_told(cache, told, monkeypatch):
    next(cached.make(cache.folder).glob("*.gz")).unlink()

    def refused(_folder):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(products, "set_aside", refused)
    assert cache.entry(LABEL, MARK) is None
    assert "cannot be renamed" in told[0] and "Read-only" in told[0]


def test_a_cache_that_takes_no_locks_can_be_read(cache):
    cached.make(cache.folder)
    (cache.folder / ".locks").write_text("in the way")
    with cache.reading(LABEL, MARK) as found:
        assert found.path.exists()
    with pytest.raises(store.StoreError, match="set ascend_build_cache"), cache.receiving(LABEL):
        pass


# --- putting in -------------------------------------------------------------------------------------------------------


def test_received_and_committed(cache):
    with cache.receiving(LABEL) as partial:
        (partial / "piece-3").write_text("left over")
        cached.fill(partial)
        assert cache.entry(LABEL, MARK) is None
        found = cache.commit(LABEL)
    assert found.path.read_bytes() == b"the product" and names(cache) == [LABEL]
    assert sorted(path.name for path in found.folder.iterdir()) == [LABEL + ".tar.gz", "product.json"]
    assert cache.folder.stat().st_mode & 0o777 == 0o700


def test_what_was_received_replaces(cache):
    cached.make(cache.folder, b"former")
    with cache.receiving(LABEL) as partial:
        cached.fill(partial, b"new")
        cache.commit(LABEL)
    assert cache.entry(LABEL, MARK).path.read_bytes() == b"new" and names(cache) == [LABEL]


@pytest.mark.parametrize("spoil", [lambda partial: (partial / "product.json").unlink(),
                                   lambda partial: next(partial.glob("*.gz")).write_bytes(b""),
                                   lambda partial: cached.fill(partial, fingerprint="cd" * 32)])  # fmt: skip
def test_what_is_no_product_is_not_committed(cache, spoil):
    with cache.receiving(LABEL) as partial:
        cached.fill(partial)
        spoil(partial)
        with pytest.raises(store.StoreError, match="is not a whole product"):
            cache.commit(LABEL)
    assert cache.entry(LABEL, MARK) is None


def test_the_signature_comes_along(cache):
    with cache.receiving(LABEL) as partial:
        cached.fill(partial)
        (partial / "product.json.sig").write_bytes(b"signature")
        assert cache.commit(LABEL).signature == b"signature"


def test_a_disk_that_is_full(cache, monkeypatch):
    def full(_partial, _folder):
        raise OSError(errno.ENOSPC, "No space left on device", str(cache.folder))

    monkeypatch.setattr(products, "publish", full)
    with cache.receiving(LABEL) as partial:
        cached.fill(partial)
        with pytest.raises(store.StoreError, match="No space left.*ascend_cache=prune"):
            cache.commit(LABEL)
    # It can go on from what it has.
    assert names(cache) == [LABEL + ".partial"]


def test_a_controller_killed_on_the_way_leaves_what_it_has(cache):
    argv = [sys.executable, "-c", HOLDER.format(collections=COLLECTIONS), str(cache.folder), LABEL]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert cache.prune(0, 0) == []
        holder.kill()
        holder.wait()
    with cache.receiving(LABEL) as partial:
        assert (partial / "begun").read_text() == "half"
        cached.fill(partial)
        cache.commit(LABEL)
    assert cache.entry(LABEL, MARK)


def test_the_second_waits_for_the_first(cache):
    held, release = threading.Event(), threading.Event()

    def first():
        with cache.receiving(LABEL) as partial:
            held.set()
            assert release.wait(30)
            cached.fill(partial)
            cache.commit(LABEL)

    thread = threading.Thread(target=first)
    thread.start()
    assert held.wait(30)
    words = []

    def tell(said):
        words.append(said)
        release.set()

    second = store.Store(cache.folder, tell)
    # Another product needs not wait.
    with second.receiving("cmake-3.12.1-cdcdcdcdcdcd"):
        assert words == []
    with second.receiving(LABEL):
        assert second.entry(LABEL, MARK)
    thread.join()
    assert len(words) == 1 and LABEL in words[0]


# Waits, in a worker of a run that is killed then, for what another holds; says so if it ever goes on.
WAITER = """
import multiprocessing, os, signal, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.plugin_utils import store
folder, label, mark, way = sys.argv[2:]

def wait():
    cache = store.Store(folder, lambda _words: None)
    os.kill(os.getppid(), signal.SIGKILL)
    if way == "receiving":
        with cache.receiving(label):
            pass
    else:
        cache.entry(label, mark)
    print("works on")

multiprocessing.get_context("fork").Process(target=wait).start()
"""


@pytest.mark.parametrize("way, lock", [("receiving", LABEL + ".receiving"), ("reading", LABEL)])
def test_a_worker_of_a_killed_run_waits_no_longer(cache, way, lock):
    cached.make(cache.folder)
    with cache._lock(lock, fcntl.LOCK_EX):
        argv = [sys.executable, "-c", WAITER, COLLECTIONS, str(cache.folder), LABEL, MARK, way]
        # Its output ends when the worker has ended.
        done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


def test_a_product_that_is_read_is_replaced_after_that(cache):
    cached.make(cache.folder, b"former")
    begun = threading.Event()

    def replace():
        with cache.receiving(LABEL) as partial:
            cached.fill(partial, b"new")
            begun.set()
            cache.commit(LABEL)

    thread = threading.Thread(target=replace)
    with cache.reading(LABEL, MARK) as found:
        thread.start()
        assert begun.wait(30)
        assert found.path.read_bytes() == b"former"
    thread.join(30)
    assert cache.entry(LABEL, MARK).path.read_bytes() == b"new"


def test_while_it_is_replaced_a_product_is_never_missed(cache, told):
    cached.make(cache.folder)

    def replace():
        for size in range(200):
            with cache.receiving(LABEL) as partial:
                cached.fill(partial, b"x" * size)
                cache.commit(LABEL)

    thread = threading.Thread(target=replace)
    thread.start()
    while thread.is_alive():
        with cache.reading(LABEL, MARK) as found:
            assert products.problems(str(found.folder)) == []
        assert "damaged" not in {one["status"] for one in cache.entries()}
    assert told == []


# --- looking after it -------------------------------------------------------------------------------------------------


def test_entries(cache):
    cached.make(cache.folder)
    cached.make(cache.folder, name="torch", version="1.8.1", fingerprint="cd" * 32, python_abi="cp39")
    (cache.folder / "cmake-3.12.1-efefefefefef.partial").mkdir()
    (cache.folder / "cmake-3.12.1-efefefefefef.damaged-1").mkdir()
    (cache.folder / "somebody's own").mkdir()
    found = cache.entries()
    assert [(one["label"], one["status"]) for one in found] == [
        (LABEL, "whole"),
        ("cmake-3.12.1-efefefefefef", "damaged"),
        ("cmake-3.12.1-efefefefefef", "partial"),
        ("torch-1.8.1-cdcdcdcdcdcd", "whole"),
    ]
    size = sum(path.stat().st_size for path in (cache.folder / "torch-1.8.1-cdcdcdcdcdcd").iterdir())
    assert found[3] == {
        "label": "torch-1.8.1-cdcdcdcdcdcd",
        "folder": str(cache.folder / "torch-1.8.1-cdcdcdcdcdcd"),
        "status": "whole",
        "wrong": [],
        "untrusted": "",
        "name": "torch",
        "version": "1.8.1",
        "fingerprint": "cd" * 32,
        "part": "",
        "arch": "x86_64",
        "libc": "glibc 2.31",
        "python_abi": "cp39",
        "size": size,
        "built": "2026-11-01T10:00:00Z",
        "host": "node001",
        "signed_by": "",
        "used": found[3]["used"],
    }
    assert store.Store(cache.folder / "none").entries() == []


def test_metadata_with_odd_parts_is_listed(cache):
    folder = cached.make(cache.folder)
    metadata = json.loads((folder / "product.json").read_text())
    metadata["manifest"].update(identity=[], built={"when": 7, "host": "a\033[31mb"})
    (folder / "product.json").write_text(json.dumps(metadata))
    (found,) = cache.entries()
    assert (found["built"], found["arch"]) == ("", "")
    assert "\033" not in "\n".join(cache_list.table([found], 200))


def test_manifests_of_former_builds(cache):
    cached.make(cache.folder)
    cached.make(cache.folder, name="torch", version="1.8.1")
    products.set_aside(str(cached.make(cache.folder, version="3.13", fingerprint="cd" * 32)))
    assert [one["version"] for one in cache.manifests("cmake")] == ["3.12.1", "3.13"]
    assert store.Store(cache.folder / "none").manifests("cmake") == []


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "key"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops@site", "-f", str(path)]
    subprocess.run(argv, check=True)
    return str(path)


def sign(folder, key):
    metadata = folder / "product.json"
    signing.write(metadata, signing.sign(metadata.read_bytes(), key))


def test_who_signed(cache, key):
    folder = cached.make(cache.folder)
    sign(folder, key)
    assert cache.entries(key + ".pub")[0]["signed_by"] == "ops@site"
    assert cache.entries()[0]["signed_by"].startswith("SHA256:")
    assert cache.entry(LABEL, MARK).signed_by(key + ".pub") == "ops@site"
    (folder / "product.json").write_text((folder / "product.json").read_text() + "\n")
    for trusted in ("", key + ".pub"):
        (one,) = cache.entries(trusted)
        assert one["signed_by"] == "" and "does not fit its metadata" in one["untrusted"]
    with pytest.raises(signing.Refused):
        cache.entry(LABEL, MARK).signed_by(key + ".pub")


def test_verify(cache, told, key):
    sign(cached.make(cache.folder), key)
    other = cached.make(cache.folder, fingerprint="cd" * 32)
    next(other.glob("*.gz")).write_bytes(b"THE PRODUCT")
    cached.make(cache.folder, fingerprint="ef" * 32)
    before = names(cache)
    for dry in (True, False):
        whole, damaged, unsigned = cache.verify(key + ".pub", dry)
        assert (whole["status"], whole["wrong"], whole["untrusted"]) == ("whole", [], "")
        assert damaged["status"] == "damaged" and "content differs" in damaged["wrong"][0]
        assert unsigned["status"] == "whole" and "not signed" in unsigned["untrusted"]
        assert (names(cache) == before) == dry
    assert names(cache) == [LABEL, other.name + ".damaged-1", "cmake-3.12.1-efefefefefef"]
    # Known by now, it is no news.
    assert [one["wrong"] for one in cache.verify()] == [[], [], []] and len(told) == 1


def test_prune_keeps_what_is_used(cache):
    torch = {"name": "torch", "version": "1.8.1"}
    old = [
        cached.make(cache.folder, fingerprint=mark * 32, python_abi=abi, **torch)
        for mark, abi in (("aa", "cp38"), ("ab", "cp38"), ("ac", "cp38"), ("ad", "cp39"))
    ]
    for days, folder in zip((40, 50, 10, 60), old):
        unused_for(folder, days)
    assert [one["folder"] for one in cache.prune(30, 2, dry=True)] == [str(old[1])]
    assert [one["folder"] for one in cache.prune(30, 1, dry=True)] == [str(old[0]), str(old[1])]
    assert [one["folder"] for one in cache.prune(45, 0, dry=True)] == [str(old[1]), str(old[3])]
    assert all(folder.exists() for folder in old)
    cache.prune(30, 1)
    assert [folder.exists() for folder in old] == [False, False, True, True]
    assert names(cache) == sorted([old[2].name, old[3].name])


def test_prune_takes_what_is_no_product(cache):
    damaged = cached.make(cache.folder)
    next(damaged.glob("*.gz")).unlink()
    for name, days in (
        ("x-1-aaaaaaaaaaaa.damaged-1", 0),
        ("x-1-aaaaaaaaaaaa.partial", 0),
        ("x-1-bbbbbbbbbbbb.partial", 2),
    ):
        (cache.folder / name).mkdir()
        (cache.folder / name / "piece").write_text("")
        unused_for(cache.folder / name, days)
    # The folder's own time stands still while a file in it grows.
    unused_for(cache.folder / "x-1-aaaaaaaaaaaa.partial", 2)
    os.utime(cache.folder / "x-1-aaaaaaaaaaaa.partial" / "piece")
    (cache.folder / "somebody's own").mkdir()
    assert len(cache.prune(30, 1)) == 3
    assert names(cache) == ["somebody's own", "x-1-aaaaaaaaaaaa.partial"]


def test_prune_lets_be_what_somebody_reads(cache):
    cached.make(cache.folder)
    with cache.reading(LABEL, MARK):
        assert cache.prune(0, 0) == []
    assert [one["label"] for one in cache.prune(0, 0)] == [LABEL]
    assert names(cache) == []


def test_prune_lets_be_what_was_used_after_all(cache, monkeypatch):
    unused_for(cached.make(cache.folder), 40)
    listed = store.Store.entries

    def used_meanwhile(self, trusted=""):
        found = listed(self, trusted)
        assert self.entry(LABEL, MARK)
        return found

    monkeypatch.setattr(store.Store, "entries", used_meanwhile)
    assert cache.prune(30, 0) == [] and names(cache) == [LABEL]


def test_pruning_killed_in_the_middle_leaves_no_half_product(cache, monkeypatch):
    unused_for(cached.make(cache.folder), 40)

    def killed(_path, **_more):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda path, **more: None if more else killed(path))
        with pytest.raises(KeyboardInterrupt):
            cache.prune(30, 0)
    assert cache.entry(LABEL, MARK) is None and names(cache) == [LABEL + ".partial-former"]
    assert len(cache.prune(30, 0)) == 1 and names(cache) == []
