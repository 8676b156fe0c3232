# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest: what is written is read, what is damaged is found, and foreign text is no manifest."""

import json
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import manifest
from hypothesis import given
from hypothesis import strategies as st

MANIFEST = manifest.compose("cmake", "3.12.1", "tree", "f" * 64, {"version": "3.12.1"}, {"host": "h"}, "0.1.0")


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "bin").mkdir(parents=True)
    (root / "bin/cmake").write_text("#!/bin/sh\n")
    (root / "bin/cmake").chmod(0o755)
    (root / "share: odd\n").mkdir()
    (root / "share: odd\n/doc: é").write_text("words")
    (root / "share: odd\n/doc: é").chmod(0o644)
    (root / "alias").symlink_to("bin")
    (root / "gone").symlink_to("nowhere")
    manifest.write(str(root), dict(MANIFEST, files=manifest.scan(str(root))))
    return root


def wrong(root, full=False):
    return manifest.damage(str(root), manifest.read(str(root)), full)


def test_what_is_there_is_scanned(tree):
    os.mkfifo(str(tree / "pipe"))
    found = manifest.scan(str(tree))
    assert set(found) == {"bin/cmake", "share: odd\n/doc: é", "alias", "gone"}
    assert found["alias"] == {"link": "bin"} and found["gone"] == {"link": "nowhere"}
    assert (found["bin/cmake"]["mode"], found["bin/cmake"]["size"]) == ("0755", 10)
    assert len(found["bin/cmake"]["sha256"]) == 64


def test_names_that_are_no_text_survive(tmp_path):
    with open(os.path.join(os.fsencode(str(tmp_path)), b"\xff\xfe"), "w"):
        pass
    manifest.write(str(tmp_path), dict(MANIFEST, files=manifest.scan(str(tmp_path))))
    assert wrong(tmp_path, full=True) == []


def test_written_is_read(tree):
    its_manifest = manifest.read(str(tree))
    assert {key: value for key, value in its_manifest.items() if key != "files"} == MANIFEST
    assert not (tree / (manifest.TREE_NAME + ".partial")).exists()
    assert (tree / manifest.TREE_NAME).stat().st_mode & 0o777 == 0o644
    assert wrong(tree) == [] and wrong(tree, full=True) == []


def test_what_a_killed_write_left_is_not_of_the_tree(tree):
    (tree / (manifest.TREE_NAME + ".partial")).write_text("{")
    manifest.write(str(tree), dict(MANIFEST, files=manifest.scan(str(tree))))
    assert wrong(tree, full=True) == []


def test_more_files_than_it_had_are_no_damage(tree):
    (tree / "bin/__pycache__").mkdir()
    (tree / "bin/__pycache__/x.pyc").write_text("")
    assert wrong(tree, full=True) == []


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda root: (root / "bin/cmake").unlink(), "bin/cmake: missing"),
        (lambda root: (root / "bin/cmake").write_text("longer than before"), "bin/cmake: size differs"),
        (lambda root: (root / "bin/cmake").chmod(0o700), "bin/cmake: mode 0700, wanted 0755"),
        (lambda root: [(root / "alias").unlink(), (root / "alias").symlink_to("sbin")], "alias: not a link to bin"),
        (lambda root: [(root / "alias").unlink(), (root / "alias").mkdir()], "alias: not a link to bin"),
        (lambda root: (root / "gone").unlink(), "gone: missing"),
        (lambda root: [(root / "bin/cmake").unlink(), (root / "bin/cmake").mkdir()], "bin/cmake: size differs"),
        (
            lambda root: [(root / "bin/cmake").unlink(), (root / "bin").rmdir(), (root / "bin").write_text("")],
            "bin/cmake: missing",
        ),
    ],
)
def test_damage_is_found(tree, spoil, words):
    spoil(tree)
    assert wrong(tree) == [words] == wrong(tree, full=True)


def test_another_content_of_the_same_size_is_found_by_a_full_look(tree):
    (tree / "bin/cmake").write_text("#!/bin/ah\n")
    assert wrong(tree) == []
    assert wrong(tree, full=True) == ["bin/cmake: content differs"]


def test_there_is_none(tmp_path, tree):
    assert manifest.read(str(tmp_path)) is None
    assert manifest.read(str(tmp_path / "none")) is None
    assert manifest.read(str(tree / "bin/cmake")) is None
    (tree / manifest.TREE_NAME).unlink()
    (tree / manifest.TREE_NAME).mkdir()
    assert manifest.read(str(tree)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"schema": None},
        {"fingerprint": None},
        {"name": 3},
        {"version": None},
        {"files": []},
        {"files": {"a": {}}},
        {"files": {"a": {"sha256": "x", "mode": "0644"}}},
        {"files": {"a": "b"}},
        {"files": {"a\0": {"link": "b"}}},
        {"files": {"../a": {"link": "b"}}},
        {"files": {"/a": {"link": "b"}}},
        {"files": {"a/../../b": {"sha256": "0" * 64, "mode": "0644", "size": 1}}},
        {"files": {"a": {"sha256": "0" * 64, "mode": "0644", "size": -1}}},
        {"files": {"a": {"sha256": "../x", "mode": "0644", "size": 1}}},
        {"name": "../cmake"},
        {"fingerprint": "short"},
        {"identity": []},
        {"requirements": "numpy"},
        {"requirements": [1]},
    ],
)
def test_what_is_like_a_manifest_and_is_none(changes):
    assert manifest.parse(json.dumps(MANIFEST)) == MANIFEST
    assert manifest.parse(json.dumps(dict(MANIFEST, **changes))) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["link", "sha256", "mode", "size"]) | st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.text())
def test_any_text(text):
    assert manifest.parse(text) is None


def test_text_that_is_nested_without_end():
    assert manifest.parse("[" * 100000) is None


@given(st.fixed_dictionaries({}, optional={key: JSON for key in list(MANIFEST) + ["files", "requirements"]}))
def test_what_is_taken_for_a_manifest_can_be_worked_with(changes):
    its_manifest = manifest.parse(json.dumps(dict(MANIFEST, **changes)))
    if its_manifest is not None:
        assert isinstance(its_manifest["name"] + its_manifest["version"] + its_manifest["fingerprint"], str)
        assert isinstance(manifest.damage("/nonexistent", its_manifest, full=True), list)
