# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds: their names, folders and products, and small real detached builds."""

import hashlib
import os
import tarfile
import time
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, recipe
from detached import ended, learning_order, make_order, runs, settled, started

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def test_a_build_to_its_end(tmp_path):
    order = make_order(tmp_path)
    assert builds.finished_product(order) is None
    assert started(order) == "started"
    status = ended(order)
    assert (status["state"], status["done"]) == ("done", list(recipe.STAGES))
    product = builds.finished_product(order)
    assert product["sha256"] == hashlib.sha256(Path(product["path"]).read_bytes()).hexdigest()
    assert product["manifest"]["fingerprint"] == order.fingerprint and "files" not in product["manifest"]
    assert set(product["manifest"]["built"]["seconds"]) == set(recipe.STAGES)
    with tarfile.open(product["path"]) as packed:
        names = [name.replace("./", "", 1) for name in packed.getnames()]
        assert {"bin/tool", "bin/alias", manifest.TREE_NAME} <= set(names)
        member = [one for one in packed.getmembers() if one.name.endswith(manifest.TREE_NAME)][0]
        its_manifest = manifest.parse(packed.extractfile(member).read().decode())
    assert its_manifest["files"]["bin/tool"]["sha256"] == hashlib.sha256(b"hello\npatched\n").hexdigest()
    assert its_manifest["files"]["bin/alias"] == {"link": "tool"}
    log = Path(status["log"]).read_text()
    assert all("=== " + stage in log for stage in recipe.STAGES)
    assert "[ 50%] half" in log and "tool-1.0-abababababab" in log
    # Its own folders are removed at the end; what other builds may use is kept.
    settled(order)
    assert runs(tmp_path) == list(recipe.STAGES) + ["pack", "clean"]
    folder = Path(status["log"]).parent
    assert not {"src", "obj", "stage", "stamps", "tmp"} & set(os.listdir(folder))
    assert [name for name in os.listdir(tmp_path / "work/downloads") if name.endswith("-tool-1.0.tar.gz")]
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700

    assert started(order) == "done"
    assert runs(tmp_path).count("build") == 1


def test_later_builds_can_learn_from_it(tmp_path):
    order = learning_order(tmp_path)
    started(order)
    ended(order)
    built = builds.finished_product(order)["manifest"]["built"]
    assert (built["jobs"], built["objects"]) == (3, {"build": 2})


def test_keep_keeps(tmp_path):
    order = make_order(tmp_path, keep=True)
    started(order)
    ended(order)
    assert (tmp_path / "work/builds/tool-1.0-abababababab/obj/out").read_text() == "hello\npatched\n"


def test_what_is_published_is_used_then_whenever_it_was_built(tmp_path):
    order = make_order(tmp_path)
    builds.note_use(order)
    product = tmp_path / "work/products/tool-1.0-abababababab"
    product.mkdir(parents=True)
    os.utime(str(product), (1e9, 1e9))
    builds.note_use(order)
    assert product.stat().st_mtime > time.time() - 60


@pytest.mark.parametrize("damage", ["product.json", "tool-1.0-abababababab.tar.gz"])
def test_half_a_product_is_none(tmp_path, damage):
    order = make_order(tmp_path)
    started(order)
    ended(order)
    assert builds.finished_product(order._replace(fingerprint="ab" * 31 + "cd")) is None
    os.unlink(str(tmp_path / "work/products/tool-1.0-abababababab" / damage))
    assert builds.finished_product(order) is None
    assert started(order) == "resumed"
    assert ended(order)["state"] == "done" and builds.finished_product(order) is not None


@pytest.mark.parametrize(
    "text, wanted",
    [(None, None), (b"", None), (b"{", None), (b"[1]", None), (b"\xff\xfe", None), (b'{"a": 1}', {"a": 1})],
)
def test_json_that_is_not_there_or_not_whole(tmp_path, text, wanted):
    path = tmp_path / "x.json"
    if text is not None:
        path.write_bytes(text)
    assert read_json(str(path)) == wanted


def test_the_tail_of_a_log(tmp_path):
    path = tmp_path / "log"
    assert builds.tail(str(path)) == []
    path.write_bytes(b"x" * 200000 + b"\n" + b"".join(b"%d \xff\n" % number for number in range(50)))
    assert builds.tail(str(path), 2) == ["48 \ufffd", "49 \ufffd"]
    assert len(builds.tail(str(path))) == builds.TAIL_LINES
