# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Product folders: metadata that is read and refused, damage, and a rename that is killed at each of its steps."""

import json
import subprocess
import sys
from pathlib import Path

import cached
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products

COLLECTIONS = str(Path(__file__).parents[5] / "collections")
MARK = "ab" * 32

# Ends at the n-th change of the file system that a put makes, as a kill would.
KILLED = """
import os, sys
sys.path.insert(0, {collections!r})
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products
left = int(sys.argv[3])

def counted(function):
    def wrapped(*args, **kwargs):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return function(*args, **kwargs)
    return wrapped

for name in ("rename", "fsync", "unlink", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
products.publish(sys.argv[1], sys.argv[2])
"""


def test_who_only_looks_at_products_loads_nothing_that_unpacks_them():
    """A host whose Python lacks a kind of compression is examined all the same."""
    loads = (
        "import sys; sys.path.insert(0, {0!r}); from {1}.host import host; print('{1}.sources.archive' in sys.modules)"
    )
    argv = [sys.executable, "-S", "-c", loads.format(COLLECTIONS, products.__name__.rpartition(".product.")[0])]
    done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, universal_newlines=True)
    assert done.stdout.strip() == "False"


def test_a_product_is_read(tmp_path):
    folder = cached.make(tmp_path)
    found = products.read(str(folder), MARK)
    assert Path(found["path"]).read_bytes() == b"the product"
    assert found["sha256"] == json.loads((folder / "product.json").read_text())["sha256"]
    assert found["manifest"]["name"] == "cmake" and products.problems(str(folder)) == []


def test_what_is_not_that_product(tmp_path):
    folder = cached.make(tmp_path)
    assert products.read(str(folder), "cd" * 32) is None
    assert products.read(str(tmp_path / "none"), MARK) is None
    assert products.problems(str(tmp_path / "none")) == ["product.json: missing or unreadable"]


def test_damage_is_named(tmp_path):
    folder = cached.make(tmp_path)
    path = next(folder.glob("*.tar.gz"))
    path.write_bytes(b"THE PRODUCT")
    # The quick look reads no file.
    assert products.read(str(folder), MARK)
    assert products.problems(str(folder)) == [path.name + ": content differs from the digest in product.json"]
    path.write_bytes(b"the")
    assert products.read(str(folder), MARK) is None
    assert products.problems(str(folder)) == [path.name + ": 3 bytes, wanted 11"]
    path.unlink()
    assert products.read(str(folder), MARK) is None
    assert products.problems(str(folder)) == [path.name + ": missing"]


WHEEL = "torch-1.8.1+ascend-cp39-cp39-linux_x86_64.whl"
NAMED = {"name": "cmake", "version": "3.12.1", "fingerprint": MARK}
TREE = "cmake-3.12.1-" + MARK[:12] + ".tar.gz"


def metadata_text(**changes):
    return json.dumps(dict({"file": TREE, "size": 3, "sha256": "0" * 64, "manifest": NAMED}, **changes))


@pytest.mark.parametrize("file", [TREE, WHEEL])
def test_metadata(file):
    assert products.parse(metadata_text(file=file))["file"] == file
    assert products.parse(metadata_text().encode())["size"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100000,
        b"\xff\xfe\xfa",
        metadata_text(file="../../etc/passwd"),
        metadata_text(file="../" + WHEEL),
        metadata_text(file="/etc/passwd"),
        metadata_text(file=".."),
        metadata_text(file="product.json"),
        metadata_text(file="product.json.sig"),
        # The names of what else stands in such folders while products are carried.
        metadata_text(file="ascend-piece"),
        metadata_text(file="taken"),
        metadata_text(file="cmake-3.12.1-" + "cd" * 6 + ".tar.gz"),
        metadata_text(file=WHEEL.replace("torch", "to\x1b[2Jrch")),
        metadata_text(file="a\0b"),
        metadata_text(file=7),
        metadata_text(sha256=None),
        metadata_text(sha256="../../../etc"),
        metadata_text(size="3"),
        metadata_text(size=-1),
        metadata_text(size=1 << 62),
        metadata_text(size=True),
        metadata_text(size=None),
        metadata_text(manifest=[]),
        metadata_text(manifest={}),
        metadata_text(manifest=dict(NAMED, name="../x")),
        metadata_text(manifest=dict(NAMED, fingerprint="short")),
    ],
)
def test_what_is_no_metadata(text):
    assert products.parse(text) is None


def test_put_replaces(tmp_path):
    folder = cached.make(tmp_path, b"former")
    cached.fill(tmp_path / "new.partial", b"new")
    products.publish(str(tmp_path / "new.partial"), str(folder))
    assert Path(products.read(str(folder), MARK)["path"]).read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("replaces", [False, True])
def test_put_killed_at_any_step_leaves_a_whole_product_or_none(tmp_path, replaces):
    seen, step, status = set(), 0, 9
    while status == 9:
        cache = tmp_path / str(step)
        folder = cached.make(cache, b"former") if replaces else cache / "cmake-3.12.1-abababababab"
        partial = cache / "x.partial"
        cached.fill(partial, b"new")
        argv = [sys.executable, "-c", KILLED.format(collections=COLLECTIONS), str(partial), str(folder), str(step)]
        status = subprocess.run(argv, check=False).returncode
        if folder.exists():
            assert products.problems(str(folder)) == []
        found = products.read(str(folder), MARK)
        seen.add(Path(found["path"]).read_bytes() if found else None)
        # Whatever was left, the next one comes to its end.
        cached.fill(partial, b"newer")
        products.publish(str(partial), str(folder))
        assert Path(products.read(str(folder), MARK)["path"]).read_bytes() == b"newer"
        assert list(cache.iterdir()) == [folder]
        step += 1
    assert status == 0 and seen == {None, b"new"} | ({b"former"} if replaces else set())


def test_the_former_one_comes_back_when_the_new_one_cannot_be_put(tmp_path, monkeypatch):
    folder = cached.make(tmp_path, b"former")
    cached.fill(tmp_path / "new.partial", b"new")
    rename = products.os.rename

    def refused(before, after):
        if str(before).endswith("new.partial"):
            raise OSError(28, "No space left on device")
        rename(before, after)

    monkeypatch.setattr(products.os, "rename", refused)
    with pytest.raises(OSError, match="No space"):
        products.publish(str(tmp_path / "new.partial"), str(folder))
    assert Path(products.read(str(folder), MARK)["path"]).read_bytes() == b"former"


def test_set_aside_finds_a_free_name(tmp_path):
    for number in ("1", "2"):
        folder = cached.make(tmp_path)
        assert products.set_aside(str(folder)) == str(folder) + ".damaged-" + number
        assert not folder.exists() and Path(str(folder) + ".damaged-" + number, "product.json").exists()
