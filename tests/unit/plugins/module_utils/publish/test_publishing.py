# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing: a tree is whole before and after, and files of others are not changed."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, manifest, published
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import publishing
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive, packing, unpacking
from checkout import ROOT

FIRST, SECOND, THIRD = "1" * 64, "2" * 64, "3" * 64


@pytest.fixture
def packed(tmp_path):
    """make(version, fingerprint) -> (order, archive, sha256) of a product whose program prints its version."""
    (tmp_path / "usr/bin").mkdir(parents=True)

    def make(version="1.0", mark=FIRST, **changes):
        root = tmp_path / "made" / mark
        (root / "bin").mkdir(parents=True)
        (root / "bin/tool").write_text("#!/bin/sh\necho {0}\n".format(version))
        (root / "bin/tool").chmod(0o755)
        (root / "bin/alias").symlink_to("tool")
        (root / "doc").mkdir()
        (root / "doc/words").write_text("words of " + version)
        its_manifest = manifest.compose("tool", version, "tree", mark, {}, {}, "0.1.0")
        manifest.write(str(root), dict(its_manifest, files=manifest.scan(str(root))))
        path = str(tmp_path / (mark[:12] + ".tar.gz"))
        packing.pack(str(root), path)
        order = ordering.order(
            version=version,
            fingerprint=mark,
            prefix=str(tmp_path / "opt/tool"),
            links=[{"path": str(tmp_path / "usr/bin/tool"), "target": "bin/tool"}],
        )
        return order._replace(**changes), path, fingerprint.file_digest(path)

    return make


@pytest.fixture
def opt(tmp_path):
    return tmp_path / "opt"


def says(path):
    return os.popen(str(path)).read().strip()


def standing(opt):
    return sorted(os.listdir(str(opt)))


def tree_of(order):
    return published.tree_path(order.prefix, order.version, order.fingerprint)


def damage(order):
    return manifest.damage(order.prefix, manifest.read(order.prefix), full=True)


# --- trees ------------------------------------------------------------------------------------------------------------


def test_more_than_its_manifest_says_is_not_unpacked(packed, opt, tmp_path):
    order, path, _sha256 = packed()
    root = tmp_path / "more"
    unpacking.unpack(path, str(root), strip=0)
    (root / "bin/hidden").write_bytes(bytes(4096))
    packing.pack(str(root), path)
    with pytest.raises(archive.ArchiveError, match="holds more than the [0-9]+ bytes that it may hold: refused"):
        publishing.publish_tree(order, path, fingerprint.file_digest(path))
    assert standing(opt) == []
    (root / manifest.TREE_NAME).unlink()
    packing.pack(str(root), path)
    with pytest.raises(archive.ArchiveError, match="no readable manifest"):
        publishing.publish_tree(order, path, fingerprint.file_digest(path))


def test_more_entries_than_a_tree_has_are_not_unpacked(packed, opt, monkeypatch):
    order, path, sha256 = packed()
    monkeypatch.setattr(publishing.unpacked, "MOST_ENTRIES", 2)
    with pytest.raises(archive.ArchiveError, match="holds more than the 2 entries that it may hold: refused"):
        publishing.publish_tree(order, path, sha256)
    assert standing(opt) == []


def test_fresh(packed, opt, tmp_path):
    order, path, sha256 = packed()
    publishing.publish_tree(order, path, sha256)
    assert standing(opt) == ["tool", "tool-1.0-111111111111"]
    # Relative: the parent may be moved or mounted elsewhere.
    assert os.readlink(order.prefix) == "tool-1.0-111111111111"
    assert says(opt / "tool/bin/tool") == says(tmp_path / "usr/bin/tool") == "1.0"
    assert os.readlink(str(tmp_path / "usr/bin/tool")) == str(opt / "tool/bin/tool")
    assert damage(order) == [] and (opt / "tool").stat().st_mode & 0o777 == 0o755


def test_what_does_not_work_here_is_not_made_live(packed, opt):
    first, second = packed("1.0", FIRST), packed("2.0", SECOND)
    publishing.publish_tree(*first)
    tried = []

    def fails(root):
        tried.append((says(os.path.join(root, "bin/tool")), says(opt / "tool/bin/tool")))
        raise RuntimeError("no libz.so.1")

    with pytest.raises(RuntimeError, match="no libz"):
        publishing.publish_tree(*second, check_sanity=fails)
    # It was unpacked whole, but not published yet.
    assert tried == [("2.0", "1.0")]
    assert standing(opt) == ["tool", "tool-1.0-111111111111"] and says(opt / "tool/bin/tool") == "1.0"


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_everybody_can_read_it_whatever_the_umask(packed, opt, umask):
    opt.mkdir()
    product = packed()
    before = os.umask(umask)
    try:
        publishing.publish_tree(*product)
    finally:
        os.umask(before)
    assert damage(product[0]) == []
    assert (opt / "tool").stat().st_mode & 0o777 == (opt / "tool/bin").stat().st_mode & 0o777 == 0o755


def test_again_needs_no_archive_and_changes_nothing(packed, opt):
    order, path, sha256 = packed()
    publishing.publish_tree(order, path, sha256)
    before = os.lstat(tree_of(order)).st_ino
    publishing.publish_tree(order, "", "")
    assert os.lstat(tree_of(order)).st_ino == before and standing(opt) == ["tool", "tool-1.0-111111111111"]


def test_the_former_stays_for_rollback_and_older_ones_go(packed, opt):
    publishing.publish_tree(*packed("1.0", FIRST))
    publishing.publish_tree(*packed("2.0", SECOND))
    assert says(opt / "tool/bin/tool") == "2.0" and says(opt / "tool-1.0-111111111111/bin/tool") == "1.0"
    (opt / "tool-not-ours").mkdir()
    (opt / "tool-9.9-999999999999").mkdir()
    third = packed("3.0", THIRD)
    publishing.publish_tree(*third)
    expected = ["tool", "tool-2.0-222222222222", "tool-3.0-333333333333", "tool-9.9-999999999999", "tool-not-ours"]
    assert standing(opt) == expected
    # A repair is no reason to remove the former one.
    publishing.publish_tree(*third)
    assert standing(opt) == expected


def test_what_a_build_works_with_stays_until_it_ends(packed, opt):
    first = packed("1.0", FIRST)
    publishing.publish_tree(*first)
    tree = tree_of(first[0])
    held = [published.lock_tree(tree), published.lock_tree(tree)]
    publishing.publish_tree(*packed("2.0", SECOND))
    third = packed("3.0", THIRD)
    publishing.publish_tree(*third)
    assert published.in_use(tree) and says(tree + "/bin/tool") == "1.0" and says(opt / "tool/bin/tool") == "3.0"
    before = standing(opt)
    with pytest.raises(publishing.PublishError, match="a build uses .*tool-1.0-111111111111: wait"):
        publishing.withdraw_tree(third[0])
    assert standing(opt) == before and says(opt / "tool/bin/tool") == "3.0"
    for descriptor in held:
        assert published.in_use(tree)
        os.close(descriptor)
    assert not published.in_use(tree)
    publishing.publish_tree(*packed("4.0", "4" * 64))
    assert standing(opt) == ["tool", "tool-3.0-333333333333", "tool-4.0-444444444444"]


def test_back_to_the_former(packed, opt):
    first = packed("1.0", FIRST)
    publishing.publish_tree(*first)
    publishing.publish_tree(*packed("2.0", SECOND))
    publishing.publish_tree(first[0], "", "")
    assert says(opt / "tool/bin/tool") == "1.0" and len(standing(opt)) == 3


def test_a_parent_that_is_a_link(packed, opt, tmp_path):
    (tmp_path / "data").mkdir()
    opt.symlink_to("data")
    publishing.publish_tree(*packed("1.0", FIRST))
    second = packed("2.0", SECOND)
    publishing.publish_tree(*second)
    assert standing(opt) == ["tool", "tool-1.0-111111111111", "tool-2.0-222222222222"]
    assert published.occupied_by(second[0].prefix, published.trees(second[0].prefix, "tool")) is None


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda prefix: prefix.mkdir(), "is a folder that"),
        (lambda prefix: prefix.write_text("x"), "is a file that"),
        (lambda prefix: prefix.symlink_to("/usr"), "is a link to /usr that"),
        (lambda prefix: prefix.symlink_to("nowhere"), "is a link to nowhere that"),
    ],
)
def test_what_is_not_ours_is_left_alone(packed, opt, tmp_path, make, words):
    opt.mkdir()
    make(opt / "tool")
    before = os.lstat(str(opt / "tool")).st_ino
    with pytest.raises(publishing.PublishError, match=words + ".*tool_prefix"):
        publishing.publish_tree(*packed())
    assert os.lstat(str(opt / "tool")).st_ino == before and standing(opt) == ["tool"]
    assert not (tmp_path / "usr/bin/tool").exists()


def test_our_own_link_whose_tree_is_gone_is_ours(packed, opt):
    product = packed()
    publishing.publish_tree(*product)
    shutil.rmtree(tree_of(product[0]))
    assert published.occupied_by(product[0].prefix, published.trees(product[0].prefix, "tool")) is None
    publishing.publish_tree(*product)
    assert damage(product[0]) == []


def test_the_archive_is_not_what_was_built(packed, opt):
    publishing.publish_tree(*packed("1.0", FIRST))
    order, path, sha256 = packed("2.0", SECOND)
    with open(path, "ab") as stream:
        stream.write(b"x")
    with pytest.raises(publishing.PublishError, match="sha256 differs"):
        publishing.publish_tree(order, path, sha256)
    assert says(opt / "tool/bin/tool") == "1.0" and len(standing(opt)) == 2


def test_an_archive_that_is_damaged_with_its_digest(packed, opt):
    publishing.publish_tree(*packed("1.0", FIRST))
    order, path, _sha256 = packed("2.0", SECOND)
    with open(path, "r+b") as stream:
        stream.truncate(os.path.getsize(path) // 2)
    with pytest.raises(archive.ArchiveError):
        publishing.publish_tree(order, path, fingerprint.file_digest(path))
    assert says(opt / "tool/bin/tool") == "1.0" and len(standing(opt)) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda root: (root / "bin/tool").write_text("another"),
        lambda root: (root / "doc/words").unlink(),
    ],
)
def test_an_archive_that_is_not_as_its_manifest_says(packed, opt, tmp_path, spoil):
    order, path, _sha256 = packed()
    spoil(tmp_path / "made" / FIRST)
    packing.pack(str(tmp_path / "made" / FIRST), path)
    with pytest.raises(publishing.PublishError, match="not as its manifest says: "):
        publishing.publish_tree(order, path, fingerprint.file_digest(path))
    assert standing(opt) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda root: (root / "bin/tool").unlink(),
        lambda root: (root / "bin/tool").chmod(0o600),
        lambda root: (root / "doc/words").write_text("longer than it was, surely"),
        lambda root: shutil.rmtree(str(root / "doc")),
        lambda root: [(root / "bin/alias").unlink(), (root / "bin/alias").symlink_to("nowhere")],
        lambda root: [(root / "bin/tool").unlink(), (root / "bin/tool").mkdir(), (root / "bin/tool/x").mkdir()],
        lambda root: (root / manifest.TREE_NAME).unlink(),
        lambda root: (root / manifest.TREE_NAME).write_text("{"),
        lambda root: shutil.rmtree(str(root)),
    ],
)
def test_a_damaged_tree_is_mended(packed, opt, tmp_path, spoil):
    product = packed()
    publishing.publish_tree(*product)
    (opt / "tool/bin/theirs").write_text("put there by the user")
    root = opt / "tool-1.0-111111111111"
    spoil(root)
    gone = not root.exists()
    publishing.publish_tree(*product)
    assert damage(product[0]) == [] and says(tmp_path / "usr/bin/tool") == "1.0"
    assert (opt / "tool/bin/theirs").exists() != gone
    assert standing(opt) == ["tool", "tool-1.0-111111111111"]


def test_what_is_whole_is_not_replaced_when_something_else_is_mended(packed, opt):
    product = packed()
    publishing.publish_tree(*product)
    before = (opt / "tool/bin/tool").stat().st_ino
    (opt / "tool/doc/words").unlink()
    publishing.publish_tree(*product)
    assert (opt / "tool/bin/tool").stat().st_ino == before


class Killed(BaseException):
    """An exception that no handler catches, like a kill."""


@pytest.mark.parametrize(
    "where, count",
    [
        ("unpack", 1),
        ("sync", 1),
        ("rename", 1),
        ("rename", 2),
        ("rename", 3),
        ("rename", 4),
        ("symlink", 1),
        ("symlink", 2),
        ("rmtree", 3),
    ],
)
@pytest.mark.parametrize("damaged", [False, True])
def test_killed_anywhere_the_former_or_the_new_stands_whole_and_the_next_run_ends_it(
    packed, opt, tmp_path, monkeypatch, where, count, damaged
):
    publishing.publish_tree(*packed("1.0", FIRST))
    order, path, sha256 = packed("2.0", SECOND)
    if damaged:
        publishing.publish_tree(order, path, sha256)
        (opt / "tool/doc/words").unlink()
    home = {"unpack": unpacking, "sync": os, "rename": os, "symlink": os, "rmtree": shutil}[where]
    real, left = getattr(home, where), [count]

    def counted(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(home, where, counted)
    try:
        publishing.publish_tree(order, path, sha256)
    except Killed:
        pass
    monkeypatch.undo()
    assert says(opt / "tool/bin/tool") in ("1.0", "2.0") and says(tmp_path / "usr/bin/tool") in ("1.0", "2.0")
    if not damaged:
        assert damage(order) == []
    publishing.publish_tree(order, path, sha256)
    assert damage(order) == [] and says(tmp_path / "usr/bin/tool") == "2.0"
    assert standing(opt) == ["tool", "tool-1.0-111111111111", "tool-2.0-222222222222"]
    assert os.listdir(str(tmp_path / "usr/bin")) == ["tool"]


def test_a_prefix_that_cannot_be_written(packed, opt):
    opt.write_text("a file")
    with pytest.raises((OSError, archive.ArchiveError)):
        publishing.publish_tree(*packed())
    assert opt.read_text() == "a file"


# --- links ------------------------------------------------------------------------------------------------------------


def test_a_link_is_never_missing(tmp_path):
    link, done, seen = str(tmp_path / "link"), threading.Event(), []
    publishing.swap_link(link, "target-0")

    def look():
        while not done.is_set():
            try:
                seen.append(os.readlink(link))
            except OSError as error:
                seen.append(error)
                return

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(1, 2000):
            publishing.swap_link(link, "target-{0}".format(number))
    finally:
        done.set()
        watcher.join()
    assert not [entry for entry in seen if not isinstance(entry, str)] and len(set(seen)) > 1
    assert os.listdir(str(tmp_path)) == ["link"]


def test_what_a_killed_swap_left_is_no_hindrance(tmp_path):
    (tmp_path / "link.partial").symlink_to("x")
    publishing.swap_link(str(tmp_path / "link"), "y")
    assert os.readlink(str(tmp_path / "link")) == "y" and os.listdir(str(tmp_path)) == ["link"]


def foreign_file(path):
    path.write_text("#!/bin/sh\necho theirs\n")
    path.chmod(0o755)


def foreign_link(path):
    foreign_file(path.parent / "real")
    path.symlink_to("real")


@pytest.mark.parametrize("make", [foreign_file, foreign_link])
def test_a_foreign_link_is_left_alone(packed, opt, tmp_path, make):
    make(tmp_path / "usr/bin/tool")
    order, path, sha256 = packed()
    publishing.publish_tree(order, path, sha256)
    assert says(tmp_path / "usr/bin/tool") == "theirs" and says(opt / "tool/bin/tool") == "1.0"
    assert published.link_state(str(tmp_path / "usr/bin/tool"), order.prefix, "bin/tool") == "foreign"
    publishing.withdraw_tree(order)
    assert says(tmp_path / "usr/bin/tool") == "theirs"


@pytest.mark.parametrize("make", [foreign_file, foreign_link])
def test_a_foreign_link_is_replaced_when_allowed_and_put_back_by_removal(packed, opt, tmp_path, make):
    make(tmp_path / "usr/bin/tool")
    product = packed(replace_link=True)
    publishing.publish_tree(*product)
    publishing.publish_tree(*product)
    assert says(tmp_path / "usr/bin/tool") == "1.0"
    assert says(tmp_path / ("usr/bin/tool" + publishing.SAVED_SUFFIX)) == "theirs"
    publishing.withdraw_tree(product[0])
    assert says(tmp_path / "usr/bin/tool") == "theirs"
    assert [name for name in os.listdir(str(tmp_path / "usr/bin")) if "tool" in name] == ["tool"] and standing(
        opt
    ) == []


def test_the_folder_of_a_link_is_made(packed, tmp_path):
    order, path, sha256 = packed()
    order.links[0]["path"] = str(tmp_path / "home/.local/bin/tool")
    publishing.publish_tree(order, path, sha256)
    assert says(tmp_path / "home/.local/bin/tool") == "1.0"


def test_the_state_of_a_link(tmp_path):
    path = str(tmp_path / "x")
    assert published.link_state(path, "/opt/tool", "bin/tool") == "absent"
    os.symlink("/opt/tool/bin/tool", path)
    assert published.link_state(path, "/opt/tool", "bin/tool") == "ours"
    assert published.link_state(path, "/opt/other", "bin/tool") == "foreign"


# --- taken away -------------------------------------------------------------------------------------------------------


def test_what_was_put_there_is_taken_away(packed, opt, tmp_path):
    publishing.publish_tree(*packed("1.0", FIRST))
    order, path, sha256 = packed("2.0", SECOND)
    publishing.publish_tree(order, path, sha256)
    (opt / "tool-9.9-999999999999").mkdir()
    before = sorted(str(entry) for entry in opt.rglob("*"))
    told = publishing.withdraw_tree(order, dry=True)
    assert sorted(str(entry) for entry in opt.rglob("*")) == before and says(tmp_path / "usr/bin/tool") == "2.0"
    assert publishing.withdraw_tree(order) == told
    assert sorted(told[0]) == sorted(
        [str(tmp_path / "usr/bin/tool"), order.prefix, str(opt / "tool-1.0-111111111111"), tree_of(order)]
    )
    assert told[1] == []
    assert standing(opt) == ["tool-9.9-999999999999"] and os.listdir(str(tmp_path / "usr/bin")) == []
    assert publishing.withdraw_tree(order) == ([], [])


@pytest.mark.parametrize("make", [lambda prefix: prefix.mkdir(), lambda prefix: prefix.symlink_to("/usr")])
def test_what_is_not_ours_is_not_taken_away(packed, opt, make):
    opt.mkdir()
    make(opt / "tool")
    before = os.lstat(str(opt / "tool")).st_ino
    assert publishing.withdraw_tree(packed()[0]) == ([], [])
    assert os.lstat(str(opt / "tool")).st_ino == before


def added(tree):
    (tree / "doc/mine").write_text("mine")


def added_in_a_folder_of_its_own(tree):
    (tree / "new/deep").mkdir(parents=True)
    (tree / "new/deep/mine").write_text("mine")


def changed_in_a_byte(tree):
    (tree / "doc/words").write_text("WORDS of 1.0")


def turned_into_a_link(tree):
    (tree / "doc/words").unlink()
    (tree / "doc/words").symlink_to("../../elsewhere")


def led_elsewhere(tree):
    (tree / "bin/alias").unlink()
    (tree / "bin/alias").symlink_to("/bin/sh")


def moved_to_another_disk(tree):
    shutil.move(str(tree / "doc"), str(tree.parent / "elsewhere"))
    (tree / "doc").symlink_to("../elsewhere")


@pytest.mark.parametrize(
    "spoil, stays",
    [
        (added, "doc/mine"),
        (added_in_a_folder_of_its_own, "new/deep/mine"),
        (changed_in_a_byte, "doc/words"),
        (turned_into_a_link, "doc/words"),
        (led_elsewhere, "bin/alias"),
        (moved_to_another_disk, "doc"),
    ],
)
def test_what_is_not_as_the_manifest_has_it_stays_and_is_told(packed, opt, spoil, stays):
    product = packed()
    publishing.publish_tree(*product)
    tree = opt / "tool-1.0-111111111111"
    spoil(tree)
    kept = os.readlink(str(tree / stays)) if os.path.islink(str(tree / stays)) else (tree / stays).read_bytes()
    dry = publishing.withdraw_tree(product[0], dry=True)
    removed, notes = publishing.withdraw_tree(product[0])
    assert (removed, notes) == dry
    assert len(notes) == 1 and str(tree) in notes[0] and stays in notes[0]
    left = [str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_symlink() or not path.is_dir()]
    assert left == [stays]
    assert (
        os.readlink(str(tree / stays)) if os.path.islink(str(tree / stays)) else (tree / stays).read_bytes()
    ) == kept
    # Without its manifest it is no tree: a second run has nothing to do, and it can be published again.
    assert publishing.withdraw_tree(product[0]) == ([], [])
    if spoil is not moved_to_another_disk:
        publishing.publish_tree(*product)
        assert damage(product[0]) == [] and says(opt / "tool/bin/tool") == "1.0"


def test_files_elsewhere_are_not_followed(packed, opt):
    product = packed()
    publishing.publish_tree(*product)
    moved_to_another_disk(opt / "tool-1.0-111111111111")
    publishing.withdraw_tree(product[0])
    assert (opt / "elsewhere/words").read_text() == "words of 1.0"


def test_what_python_compiled_from_ours_is_ours(packed, opt):
    order, path, sha256 = packed()
    publishing.publish_tree(order, path, sha256)
    tree = opt / "tool-1.0-111111111111"
    its_manifest = manifest.read(str(tree))
    (tree / "doc/ours.py").write_text("x = 1")
    manifest.write(str(tree), dict(its_manifest, files=manifest.scan(str(tree))))
    (tree / "doc/__pycache__").mkdir()
    for name in ("ours.cpython-39.pyc", "ours.cpython-39.opt-1.pyc", "theirs.cpython-39.pyc"):
        (tree / "doc/__pycache__" / name).write_bytes(b"x")
    _removed, notes = publishing.withdraw_tree(order)
    assert os.listdir(str(tree / "doc/__pycache__")) == ["theirs.cpython-39.pyc"] and "theirs" in notes[0]


def test_a_long_list_is_cut(packed, opt):
    product = packed()
    publishing.publish_tree(*product)
    for number in range(publishing.MAX_FILES + 3):
        (opt / "tool/mine{0:02d}".format(number)).write_text("")
    note = publishing.withdraw_tree(product[0], dry=True)[1][0]
    assert "mine00" in note and "and 3 more" in note and "mine12" not in note


def test_a_link_that_somebody_removed_is_replaced_by_what_was_saved(packed, tmp_path):
    foreign_file(tmp_path / "usr/bin/tool")
    product = packed(replace_link=True)
    publishing.publish_tree(*product)
    (tmp_path / "usr/bin/tool").unlink()
    _removed, notes = publishing.withdraw_tree(product[0])
    assert says(tmp_path / "usr/bin/tool") == "theirs" and "restored" in notes[0]


def test_what_was_saved_is_told_where_something_newer_stands(packed, tmp_path):
    foreign_file(tmp_path / "usr/bin/tool")
    product = packed(replace_link=True)
    publishing.publish_tree(*product)
    (tmp_path / "usr/bin/tool").unlink()
    (tmp_path / "usr/bin/tool").symlink_to("newer")
    _removed, notes = publishing.withdraw_tree(product[0])
    assert os.readlink(str(tmp_path / "usr/bin/tool")) == "newer"
    assert says(tmp_path / ("usr/bin/tool" + publishing.SAVED_SUFFIX)) == "theirs"
    assert len(notes) == 1 and publishing.SAVED_SUFFIX in notes[0]


@pytest.mark.parametrize("where", ["unlink", "rmdir"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_a_removal_that_is_killed_is_gone_on_with(packed, opt, tmp_path, monkeypatch, where, count):
    product = packed()
    publishing.publish_tree(*product)
    added(opt / "tool")
    real, left = getattr(os, where), [count]

    def counted(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(publishing.os, where, counted)
    try:
        publishing.withdraw_tree(product[0])
    except Killed:
        pass
    monkeypatch.undo()
    publishing.withdraw_tree(product[0])
    assert [str(path.relative_to(opt)) for path in opt.rglob("*") if not path.is_dir()] == [
        "tool-1.0-111111111111/doc/mine"
    ]
    assert os.listdir(str(tmp_path / "usr/bin")) == []


def test_trees_of_another_name_are_not_ours(packed, opt):
    order, path, sha256 = packed()
    publishing.publish_tree(order, path, sha256)
    assert published.trees(order.prefix, "tool") == [tree_of(order)]
    assert published.trees(order.prefix, "other") == []
    # Neither one whose name only begins like that, nor one with the characters of a glob.
    assert published.trees(str(opt / "too"), "tool") == published.trees(str(opt / "t*l"), "tool") == []


# --- wheels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, missing",
    [
        ("numpy", False),
        ("NumPy>=1.1", False),
        ("typing.extensions", False),
        ("typing_extensions==4", False),
        ("numpy[all]", False),
        ("numpy (>=1)", False),
        ("numpy @ https://x/numpy.whl", False),
        ("numpy ; python_version<'4'", False),
        ("  numpy  ", False),
        ("six", True),
        ("num", True),
        ("numpy>=1.2,<2", False),
        ("numpy>=1.20", True),
        ("numpy (>=1.20)", True),
        ("numpy[all] ~= 1.3", True),
        ("numpy!=1.2", True),
        ("numpy==1.*", False),
        ("numpy==2.*", True),
        # Also if pip fails.
        ("numpy==1!2", False),
        ("git+https://x/numpy.git#egg=numpy", False),
        ("git+https://x/y.git@v1#subdirectory=z&egg=six", True),
        ("https://x/numpy-1.2-py3-none-any.whl#sha256=abc", False),
        ("https://x/numpy-1.3-py3-none-any.whl", True),
        ("https://x/whatever.zip", False),
        ("six @ https://x/six.whl", True),
    ],
)
def test_requirements_that_are_missing(line, missing):
    assert published.missing_requirements([line], {"numpy": "1.2", "typing-extensions": "4"}) == [line] * missing


@pytest.mark.parametrize("option", ["-e ", "--editable ", "--editable="])
def test_what_is_to_be_editable_is_installed_like_the_rest(option):
    line = "git+https://x/six.git#egg=six"
    assert published.missing_requirements([option + line], {}) == [line]
    assert published.missing_requirements([option + line], {"six": "1"}) == []


def test_a_full_disk_leaves_the_former(packed, opt, monkeypatch):
    publishing.publish_tree(*packed("1.0", FIRST))

    def full(_path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publishing.durable, "sync_file_system", full)
    second, before = packed("2.0", SECOND), standing(opt)
    with pytest.raises(OSError):
        publishing.publish_tree(*second)
    assert says(opt / "tool/bin/tool") == "1.0" and standing(opt) == before


# --- one place, several processes -------------------------------------------------------------------------------------

PUBLISH = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.ascend.pytorch.plugins.module_utils.product import published
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import publishing
found, path, sha256 = json.loads(sys.argv[2])
order = Order.of(found)
with publishing.hold_lock(order):
    publishing.publish_tree(order, path, sha256, lambda root: None)
"""


def test_hosts_that_share_a_prefix_publish_one_after_another(packed, opt):
    order, path, sha256 = packed(product="tree")
    argv = [sys.executable, "-c", PUBLISH, str(ROOT / "collections"), json.dumps([order._asdict(), path, sha256])]
    running = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _each in range(6)]
    assert [process.communicate(timeout=120)[1] for process in running] == [""] * 6
    its_manifest = manifest.read(str(opt / "tool"))
    assert its_manifest["fingerprint"] == FIRST and manifest.damage(str(opt / "tool"), its_manifest, full=True) == []
    assert sorted(path.name for path in opt.iterdir()) == [".tool.ascend-lock", "tool", "tool-1.0-" + FIRST[:12]]


def test_a_place_that_another_holds_is_not_published_to(packed, monkeypatch):
    order, path, sha256 = packed(product="tree")
    monkeypatch.setattr(publishing, "LOCK_LIMIT_S", 0)
    with publishing.hold_lock(order):
        with pytest.raises(publishing.PublishError, match="another process has held .*tool.ascend-lock"):
            with publishing.hold_lock(order):
                publishing.publish_tree(order, path, sha256)
        assert not os.path.lexists(order.prefix)
    with publishing.hold_lock(order):
        publishing.publish_tree(order, path, sha256)
    assert os.path.islink(order.prefix)


@pytest.mark.parametrize("product", ["tree", "wheel"])
def test_where_there_are_no_locks_another_place_is_named(tmp_path, without_locks, product):
    order = ordering.order(product=product, prefix=str(tmp_path / "tool"), sites=[str(tmp_path)])
    with pytest.raises(publishing.PublishError) as told:
        with publishing.hold_lock(order):
            pytest.fail("two could publish there at once")
    words = str(told.value)
    assert words.startswith(f"{publishing.lock_path(order)} cannot be locked ({os.strerror(without_locks)})")
    assert words.endswith("or set the prefix and the Python to places that the host does not share")


def test_what_killed_processes_left_of_this_host_goes_and_of_others_stays(packed, opt):
    order, path, sha256 = packed()
    tree = published.tree_path(order.prefix, "1.0", FIRST)
    opt.mkdir()
    mine, other = publishing.partial_path(tree), tree + ".elsewhere.1.partial"
    for folder in (mine, mine + ".partial", other):
        os.mkdir(folder)
    publishing.publish_tree(order, path, sha256)
    assert sorted(path.name for path in opt.iterdir()) == ["tool", os.path.basename(tree), os.path.basename(other)]


@pytest.mark.parametrize(
    ("sites", "options", "wanted"),
    [
        (["home", "local", "system"], ["--user"], "home"),
        (["home", "local", "system"], [], "local"),
        (["home", "missing", "system"], [], "system"),
        (["venv"], [], "venv"),
    ],
)
def test_the_lock_of_a_wheel_is_where_pip_puts_it(tmp_path, sites, options, wanted):
    for name in {"local", "system", "venv"} & set(sites):
        (tmp_path / name).mkdir()
    order = ordering.order(product="wheel", sites=[str(tmp_path / name) for name in sites], pip_options=options)
    assert publishing.lock_path(order) == str(tmp_path / wanted / ".ascend-lock")
