# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides a product's bytes is in its fingerprint, and nothing else is."""

import hashlib
import json
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from hypothesis import given
from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)

RECIPE = {
    "name": "cmake",
    "version": "3.12.1",
    "product": "tree",
    "prefix": "/usr/local/cmake",
    "sources": [
        {
            "name": "cmake",
            "kind": "archive",
            "file": "cmake.tar.gz",
            "sha256": "a" * 64,
            "dest": "cmake",
            "urls": ["u"],
        },
        {
            "name": "extra",
            "kind": "git",
            "repo": "A/b",
            "ref": "v1",
            "commit": "b" * 40,
            "dest": "extra",
            "urls": ["v"],
        },
    ],
    "environment": {"CXXFLAGS": "-O2"},
    "stages": {
        "configure": [{"run": ["./configure", "--prefix={prefix}"]}],
        "build": [{"run": ["make"]}],
        "sanity": [{"run": ["true"]}],
    },
    "verify": [{"run": ["true"]}],
    "mem_gib_per_job": 1,
    "disk_gib": 2,
    "needs": ["make"],
}
PLATFORM = {"arch": "x86_64", "libc": "glibc 2.31", "python_abi": "cp39-cp39"}


def mark(recipe=None, platform=None, built_with=None, **changes):
    return fingerprint.digest(
        fingerprint.identity(dict(recipe or RECIPE, **changes), platform or PLATFORM, built_with or {})
    )


def source(index, **changes):
    sources = [dict(each) for each in RECIPE["sources"]]
    sources[index].update(changes)
    return {"sources": sources}


def stage(name, steps):
    return {"stages": dict(RECIPE["stages"], **{name: steps})}


def turned(data):
    """The same, with the keys of every mapping in the opposite order."""
    if isinstance(data, dict):
        return {key: turned(data[key]) for key in reversed(list(data))}
    return [turned(item) for item in data] if isinstance(data, list) else data


@given(DATA)
def test_the_order_of_keys_does_not_matter(data):
    assert fingerprint.digest(data) == fingerprint.digest(turned(data))


@given(DATA, DATA)
def test_different_data_differ(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint.digest(one) == fingerprint.digest(other)) == same


def test_the_digest_is_what_it_was():
    # A change here would rebuild every product everywhere.
    assert fingerprint.digest({"b": [1, "é"], "a": None}) == hashlib.sha256(b'{"a":null,"b":[1,"\\u00e9"]}').hexdigest()


def test_the_digest_of_a_file_and_its_short_form(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(os.urandom(3 << 20) + b"x")
    assert fingerprint.file_digest(str(path)) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert fingerprint.short("0123456789abcdef") == "0123456789ab"


@pytest.mark.parametrize(
    "changes",
    [
        source(0, urls=["elsewhere"]),
        source(0, file="other.tar.gz"),
        source(1, ref="v2"),
        source(1, urls=[]),
        source(1, repo="C/d"),
        stage("sanity", [{"run": ["false"]}]),
        {"verify": []},
        {"mem_gib_per_job": 7},
        {"mem_gib_first": 9},
        {"disk_gib": 9},
        {"needs": []},
        {"jobs": 3},
        {"links": [{"path": "/x", "target": "y"}]},
        {"accept": {}},
        {"sources": RECIPE["sources"][::-1]},
    ],
)
def test_what_leaves_the_bytes_alone_does_not_matter(changes):
    assert mark(**changes) == mark()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"version": "3.13.0"}, ["version 3.12.1 -> 3.13.0"]),
        ({"prefix": "/opt/cmake"}, ["prefix /usr/local/cmake -> /opt/cmake"]),
        ({"name": "other"}, ["name cmake -> other"]),
        ({"environment": {"CXXFLAGS": "-O3"}}, ["build environment changed"]),
        (source(0, sha256="c" * 64), ["source cmake changed"]),
        (source(0, dest="elsewhere"), ["source cmake changed"]),
        (source(1, commit="c" * 40), ["source extra changed"]),
        (source(1, submodules=True), ["source extra changed"]),
        ({"sources": RECIPE["sources"][:1]}, ["source extra changed"]),
        (
            stage("configure", [{"run": ["./configure", "--prefix={prefix}", "--fast"]}]),
            ["flags of stage configure changed"],
        ),
        (stage("patch", [{"run": ["x"]}]), ["flags of stage patch changed"]),
        (dict(stage("build", []), version="4"), ["version 3.12.1 -> 4", "flags of stage build changed"]),
    ],
)
def test_what_decides_the_bytes_matters_and_is_named(changes, words):
    assert mark(**changes) != mark()
    before = fingerprint.identity(RECIPE, PLATFORM, {})
    assert fingerprint.describe_changes(before, fingerprint.identity(dict(RECIPE, **changes), PLATFORM, {})) == words
    assert fingerprint.describe_changes(before, before) == []


@pytest.mark.parametrize("key, value", [("arch", "aarch64"), ("libc", "glibc 2.28")])
def test_the_platform_matters(key, value):
    platform = dict(PLATFORM, **{key: value})
    assert mark(platform=platform) != mark()
    assert fingerprint.describe_changes(
        fingerprint.identity(RECIPE, PLATFORM, {}), fingerprint.identity(RECIPE, platform, {})
    ) == ["platform changed"]


def test_the_python_matters_for_wheels_alone():
    other = dict(PLATFORM, python_abi="cp38-cp38")
    assert mark(platform=other) == mark()
    assert mark(platform=other, product="wheel") != mark(product="wheel")


def test_what_it_is_built_with_matters():
    assert mark(built_with={"gcc730": "1" * 64}) != mark(built_with={"gcc730": "2" * 64}) != mark()
    before = fingerprint.identity(RECIPE, PLATFORM, {"cmake": "x", "gcc730": "1"})
    after = fingerprint.identity(RECIPE, PLATFORM, {"cmake": "x", "gcc730": "2"})
    assert fingerprint.describe_changes(before, after) == ["built with another gcc730"]


def test_an_identity_of_another_time_is_compared_too():
    assert "version changed" in fingerprint.describe_changes({}, fingerprint.identity(RECIPE, PLATFORM, {}))


def test_submodules_that_are_left_out_matter_and_none_are_no_change():
    source = dict(name="adapter", commit="c" * 40, dest="pytorch", submodules=True)

    def mark(**more):
        recipe = dict(RECIPE, sources=[dict(source, **more)])
        return fingerprint.digest(fingerprint.identity(recipe, PLATFORM, {}))

    assert mark() == mark(without=[]) == mark(without=None)
    assert mark(without=["a", "b"]) == mark(without=["b", "a"]) != mark()
