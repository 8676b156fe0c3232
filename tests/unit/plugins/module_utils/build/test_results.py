# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The products of builds: trees, their parts, wheels."""

import base64
import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, results
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest, products
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import unpacking
from detached import ended, make_order, script, started

pytestmark = pytest.mark.usefixtures("nothing_hangs_or_stays")


def with_part(tmp_path, **changes):
    """Return an order whose tree has libraries, and the order of the part that has only these."""
    whole = make_order(tmp_path, **changes)
    part = {
        "part_of": whole.fingerprint,
        "fingerprint": "cd" * 32,
        "identity": {"part_of": whole.fingerprint, "part": "runtime"},
        "files": ["lib64/lib*.so.*[0-9]", "share/none*"],
    }
    order = whole._replace(parts=[part])
    made = (
        "mkdir -p {root}/lib64/deep && cd {root}/lib64 && umask 077 && for name in libc++.so.6.0.24 libc++.so.6.0.24-gdb.py "
        "libc++.a deep/lib.so.1; do echo $name > $name; done; chmod 755 libc++.so.6.0.24; "
        "ln -s libc++.so.6.0.24 libc++.so.6; ln -s libc++.so.6.0.24 libc++.so"
    )
    order.stages["install"] = [script("install", made)]
    order.stages["sanity"] = []
    return order, builds.part_orders(order)[0]


def unpacked(product, folder):
    unpacking.unpack(product["path"], str(folder), strip=0)
    its_manifest = manifest.read(str(folder))
    assert manifest.damage(str(folder), its_manifest, full=True) == []
    return its_manifest


def test_a_part_comes_out_of_the_build_of_the_whole(tmp_path):
    order, part = with_part(tmp_path)
    started(order)
    assert ended(order)["state"] == "done"
    whole, product = builds.finished_product(order), builds.finished_product(part)
    assert (
        builds.with_build_fingerprint(part).fingerprint
        == builds.with_build_fingerprint(order).fingerprint
        == order.fingerprint
    )
    assert product["path"].endswith("products/tool-1.0-cdcdcdcdcdcd/tool-1.0-cdcdcdcdcdcd.tar.gz")
    its_manifest = unpacked(product, tmp_path / "part")
    assert set(its_manifest["files"]) == {"lib64/libc++.so.6", "lib64/libc++.so.6.0.24"}
    assert its_manifest["files"]["lib64/libc++.so.6.0.24"]["mode"] == "0755"
    assert (tmp_path / "part/lib64").stat().st_mode & 0o777 == 0o755
    assert (its_manifest["name"], its_manifest["fingerprint"], its_manifest["identity"]) == (
        "tool",
        "cd" * 32,
        part.identity,
    )
    assert its_manifest["built"] == whole["manifest"]["built"]
    assert len(unpacked(whole, tmp_path / "whole")["files"]) == 6
    assert sorted(os.listdir(tmp_path / "work/products")) == ["tool-1.0-abababababab", "tool-1.0-cdcdcdcdcdcd"]


def test_a_whole_that_is_older_than_its_parts_gets_them(tmp_path):
    order, part = with_part(tmp_path)
    started(order._replace(parts=[]))
    assert ended(order)["state"] == "done" and builds.finished_product(part) is None
    leftover = tmp_path / "work/products/tool-1.0-cdcdcdcdcdcd.partial-tree"
    (leftover / "old").mkdir(parents=True)
    before = os.umask(0o077)
    try:
        results.make_missing_parts(order)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
    its_manifest = unpacked(builds.finished_product(part), tmp_path / "part")
    assert set(its_manifest["files"]) == {"lib64/libc++.so.6", "lib64/libc++.so.6.0.24"}
    assert (tmp_path / "part/lib64").stat().st_mode & 0o777 == 0o755
    assert sorted(os.listdir(tmp_path / "work/products")) == ["tool-1.0-abababababab", "tool-1.0-cdcdcdcdcdcd"]
    # The same parts as from the build itself; and only once.
    first = Path(builds.finished_product(part)["path"])
    made = first.stat().st_mtime_ns
    results.make_missing_parts(order)
    assert first.stat().st_mtime_ns == made
    content = first.read_bytes()
    shutil.rmtree(first.parent)
    results.make_missing_parts(order)
    assert Path(builds.finished_product(part)["path"]).read_bytes() == content


def test_a_part_of_what_was_taken_was_not_built_here(tmp_path):
    order, part = with_part(tmp_path)
    started(order._replace(parts=[]))
    assert ended(order)["state"] == "done"
    whole = builds.paths(order).product
    assert products.taken_from(whole) == ""
    products.mark_taken(whole, "https://cache.example.com")
    results.make_missing_parts(order)
    assert products.taken_from(builds.paths(part).product) == "https://cache.example.com"


def test_without_the_whole_there_is_nothing_to_complete(tmp_path):
    order, part = with_part(tmp_path)
    results.make_missing_parts(order)
    assert builds.finished_product(part) is None and not (tmp_path / "work").exists()
    assert builds.part_orders(make_order(tmp_path)) == []


def test_an_install_that_installs_nothing(tmp_path):
    order = make_order(tmp_path)
    order.stages.update(install=[{"run": ["true"]}], sanity=[])
    started(order)
    status = ended(order)
    assert (status["state"], status["stage"]) == ("failed", "pack")
    assert "nothing into" in status["error"]["message"]


def wheel_order(tmp_path):
    (tmp_path / "dist").mkdir()
    info = "tool-1.0+x.dist-info/"
    files = {"tool.py": b"", info + "METADATA": b"Metadata-Version: 2.1\nName: tool\nVersion: 1.0+x\n"}
    record = "".join(
        "{0},sha256={1},{2}\n".format(
            name, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("="), len(data)
        )
        for name, data in files.items()
    )
    with zipfile.ZipFile(str(tmp_path / "dist/tool-1.0+x-py3-none-any.whl"), "w") as out:
        for name, data in list(files.items()) + [(info + "RECORD", record + info + "RECORD,,\n")]:
            out.writestr(name, data)
    return make_order(
        tmp_path,
        product="wheel",
        prefix="",
        sources=[],
        stages={"install": [{"wheel": {"dist": str(tmp_path / "dist"), "name": "tool", "version": "{version}"}}]},
    )


def test_a_wheel_with_its_manifest(tmp_path):
    order = wheel_order(tmp_path)
    started(order)
    assert ended(order)["state"] == "done"
    product = builds.finished_product(order)
    assert os.path.basename(product["path"]) == "tool-1.0+x-py3-none-any.whl"
    with zipfile.ZipFile(product["path"]) as packed:
        its_manifest = manifest.parse(packed.read("tool-1.0+x.dist-info/" + manifest.WHEEL_NAME).decode())
        assert its_manifest["fingerprint"] == order.fingerprint
        assert manifest.WHEEL_NAME in packed.read("tool-1.0+x.dist-info/RECORD").decode()


def test_no_wheel_is_no_product(tmp_path):
    order = wheel_order(tmp_path)
    order.stages["install"] = []
    started(order)
    status = ended(order)
    assert status["state"] == "failed" and "must put one wheel there" in status["error"]["message"]
