# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git trees over bad roads, and what killed runs, users and full disks make of them: real git repositories."""

import os
import shutil
import signal
import threading

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.fetch import FetchError
from ansible_collections.ascend.pytorch.plugins.module_utils.sources.repositories import reset_tree
from sources import Forge, git, in_child, repository


def said(run, text):
    return [line for line in run.log if text in line]


def test_tree_with_nested_submodules_and_again_without_network(forge, clone, tmp_path):
    source = repository(forge.old, submodules=True)
    found = {"third_party/middle": forge.middle, "third_party/middle/deps/leaf": forge.leaf}
    assert clone(source, [tmp_path / "none", forge.base]) == found
    assert (clone.dest / "third_party/middle/deps/leaf/leaf.c").read_bytes() == b"int leaf;\n"
    rows = git("submodule", "status", "--recursive", cwd=clone.dest).splitlines()
    assert [row.split()[:2] for row in rows] == [[commit, path] for path, commit in sorted(found.items())]
    git("submodule", "update", "--init", "--recursive", cwd=clone.dest)  # as build scripts do: nothing is left to do
    assert (tmp_path / "git/pytorch/middle.git").is_dir() and (tmp_path / "git/Other/leaf.git").is_dir()
    del clone.log[:]
    assert clone(source) == found and not said(clone, "fetching")


def test_one_store_serves_several_commits_and_trees(forge, clone):
    clone(repository(forge.old), [forge.base])
    clone(repository(forge.tip, ref="master"), [forge.base], dest="src/second")
    clone(repository(forge.tip), [])  # another commit in the tree that was there
    assert (clone.dest / "a.c").read_bytes() == b"int newer;\n"


def test_by_commit_over_http_is_shallow(forge, server, clone):
    server.repos = forge.base
    clone(repository(forge.unnamed, server.url + "/Owner/pytorch.git", ref=None))
    assert git("rev-list", "--count", forge.unnamed, cwd=clone.store) == "1"
    assert len(said(clone, "fetching")) == 1


@pytest.mark.parametrize("ref, way", [("v1", " as v1 "), ("light", " as light "), ("master", " with all branches ")])
def test_git_that_cannot_ask_for_a_commit(forge, clone, tmp_path, monkeypatch, ref, way):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(
        """#!/bin/sh
case "$*" in *" fetch "*+%s:*) echo "fatal: Couldn't find remote ref %s" >&2; exit 128;; esac
PATH=%s exec git "$@"
"""
        % (forge.old, forge.old, os.environ["PATH"])
    )
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path / "bin", os.environ["PATH"]))
    clone(repository(forge.old, ref=ref), [forge.base])
    assert way in said(clone, "fetching")[-1]
    assert bool(said(clone, "master has moved: it is now at " + forge.tip)) == (ref == "master")


@pytest.mark.parametrize("ref", ["v1", "gone", None])
def test_all_of_it_where_nothing_else_helps(forge, server, clone, ref):
    server.repos, server.protocol_2 = forge.base, False
    clone(repository(forge.tip, server.url + "/Owner/pytorch.git", ref="master"))  # makes the store shallow
    clone(repository(forge.unnamed, server.url + "/Owner/pytorch.git", ref=ref))
    assert len(said(clone, " with all branches ")) == 1
    assert bool(said(clone, "v1 has moved: it is now at " + forge.old)) == (ref == "v1")


def test_plain_web_server(forge, server, clone, tmp_path):
    git("clone", "-q", "--mirror", forge.base / "Owner/pytorch.git", tmp_path / "Owner/pytorch.git")
    git("update-server-info", cwd=tmp_path / "Owner/pytorch.git")
    server.repos, server.dumb = tmp_path, True
    clone(repository(forge.old), [server.url])


def test_bad_roads_are_tried_again(forge, server, clone):
    pack = "/Owner/pytorch.git/git-upload-pack"
    server.repos, server.protocol_2 = forge.base, False
    server.faults.update({"/Owner/pytorch.git/info/refs": [503], pack: [("cut", 50_000), 500]})
    clone(repository(forge.tip, server.url + "/Owner/pytorch.git", ref="master"), attempts=4)
    assert len(said(clone, "again in")) == 3 and server.faults[pack] == []


def test_the_next_url_after_missing_closed_deaf_and_locked_ones(forge, server, closed, deaf, clone):
    server.repos = forge.base
    server.faults["/private/r.git/info/refs"] = [401] * 9
    clone(
        repository(
            forge.old,
            closed + "/x/r.git",
            server.url + "/none/r.git",
            server.url + "/private/r.git",
            server.url + "/Other/leaf.git",
            "nonsense",
            deaf + "/x/r.git",
            server.url + "/Owner/pytorch.git",
        ),
        # Five times as long git may be silent here, and a second until it gives up by itself.
        stall_s=0.18,
        attempts=1,
    )
    for text in (
        "none/r.git: fatal: repository",
        "private/r.git: fatal: Authentication failed",
        "leaf.git: does not have commit",
        "not an address",
        "no output for",
    ):
        assert said(clone, text), clone.log


def test_nobody_has_the_commit_says_everything(forge, clone, tmp_path):
    with pytest.raises(FetchError) as caught:
        clone(repository("f" * 40, "file:///none/p.git", urls_variable="torch_urls"), [forge.base])
    error = caught.value
    assert [url for url, unused in error.tried] == ["file://%s/Owner/pytorch.git" % forge.base, "file:///none/p.git"]
    for text in (
        "pytorch: commit " + "f" * 40,
        "does not have commit",
        "does not appear to be",
        "torch_urls",
        "<mirror>/Owner/pytorch.git",
    ):
        assert text in str(error)
    assert not clone.dest.exists()
    git("clone", "-q", "--mirror", forge.base / "Owner/pytorch.git", tmp_path / "m/Owner/pytorch.git")
    with pytest.raises(FetchError, match="submodule third_party/middle: (.|\n)* <mirror>/pytorch/middle.git") as caught:
        clone(repository(forge.old, submodules=True), [tmp_path / "m"])
    assert [url for url, unused in caught.value.tried][1] == "https://forge.invalid/pytorch/middle.git"


@pytest.mark.parametrize("wrong", [{"commit": "v1"}, {"commit": None}, {"ref": "--upload-pack=x"}, {"repo": "../x"}])
def test_malformed_sources(clone, wrong):
    with pytest.raises(FetchError, match="malformed"):
        clone(dict(repository("f" * 40), **wrong))


def test_a_submodule_cannot_run_commands_or_leave_the_stores(clone, tmp_path):
    forge = Forge(tmp_path / "forge")
    for url, text in (
        ("ext::touch " + str(tmp_path / "ran"), "could not be fetched|no usable address"),
        ("https://h.invalid/../..", "no usable address"),
    ):
        commit = forge.commit("Owner/evil", {"f": b"1"}, [("sub", url, "a" * 40)])
        with pytest.raises(FetchError, match=text):
            clone(repository(commit, repo="Owner/evil", ref=None, submodules=True), [forge.base])
    assert not (tmp_path / "ran").exists()


def test_a_submodule_from_nowhere_is_named(clone, tmp_path):
    forge = Forge(tmp_path / "forge")
    forge.commit("Owner/odd", {"f": b"1"}, [("sub", "../x.git", "a" * 40)])
    commit = forge.commit("Owner/odd", {".gitmodules": b"# none\n"})
    with pytest.raises(FetchError, match="submodule sub, but its .gitmodules has no URL for it"):
        clone(repository(commit, repo="Owner/odd", ref=None, submodules=True), [forge.base])


def spoil_worktree(dest):
    (dest / "a.c").write_text("edited")
    (dest / "big").unlink()
    (dest / "new").mkdir()
    (dest / "new/x.o").write_text("")
    (dest / "third_party/middle/m.o").write_text("ignored, yet gone")
    (dest / "third_party/middle/m.c").unlink()
    (dest / "third_party/middle/deps/leaf/leaf.c.rej").write_text("")
    (dest / ".git/index.lock").write_text("")
    (dest / "third_party/middle/.git/index.lock").write_text("")


def assert_whole(dest):
    assert (dest / "a.c").read_bytes() == b"int a;\n" and (dest / "big").stat().st_size == 400_000
    assert sorted(os.listdir(dest)) == [".git", ".gitmodules", "a.c", "big", "third_party"]
    assert sorted(os.listdir(dest / "third_party/middle")) == [".git", ".gitignore", ".gitmodules", "deps", "m.c"]
    assert sorted(os.listdir(dest / "third_party/middle/deps/leaf")) == [".git", "leaf.c"]


def test_reset_tree_needs_no_network_and_touches_no_tree_around(forge, clone, tmp_path, monkeypatch):
    git("init", "-q", tmp_path)  # what a git that looks for its repository would find
    (tmp_path / "mine").write_text("mine")
    clone(repository(forge.old, submodules=True), [forge.base])
    spoil_worktree(clone.dest)
    git(
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "-qm",
        "moved on",
        "--allow-empty",
        cwd=clone.dest / "third_party/middle/deps/leaf",
    )
    reset_tree(str(clone.dest))
    assert_whole(clone.dest)
    assert git("rev-parse", "HEAD", cwd=clone.dest / "third_party/middle/deps/leaf") == forge.leaf
    shutil.rmtree(str(clone.dest / "third_party/middle"))
    with pytest.raises(FetchError, match="submodule .*third_party/middle is missing(.|\n)*Remove"):
        reset_tree(str(clone.dest))
    (clone.dest / ".git/HEAD").write_text("")
    with pytest.raises(FetchError, match="cannot be reset"):
        reset_tree(str(clone.dest))
    with pytest.raises(FetchError, match="has no .git"):
        reset_tree(str(tmp_path / "src"))
    assert (tmp_path / "mine").exists() and clone.store.exists()


def spoil_dot_git(dest):
    (dest / ".git/HEAD").write_text("")


def spoil_half_init(dest):
    shutil.rmtree(str(dest))
    (dest / ".git").mkdir(parents=True)


def spoil_submodule(dest):
    shutil.rmtree(str(dest / "third_party/middle/.git"))


def spoil_borrowed(dest):
    (dest / ".git/objects/info/alternates").write_text("/nowhere\n")


@pytest.mark.parametrize("spoil", [spoil_worktree, spoil_dot_git, spoil_half_init, spoil_submodule, spoil_borrowed])
def test_half_a_checkout_is_made_whole_without_network(forge, clone, spoil):
    source = repository(forge.old, submodules=True)
    clone(source, [forge.base])
    spoil(clone.dest)
    clone(source)
    assert_whole(clone.dest)


def biggest(store):
    files = [path for path in (store / "objects").rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def lose_object(store):
    biggest(store).unlink()


def truncate_object(store):
    path = biggest(store)
    path.chmod(0o644)
    path.write_bytes(b"")


def lose_head(store):
    (store / "HEAD").unlink()


def empty_store(store):
    shutil.rmtree(str(store))
    store.mkdir()


@pytest.mark.parametrize("damage", [lose_object, truncate_object, lose_head, empty_store])
def test_a_damaged_store_is_made_anew(forge, clone, damage):
    clone(repository(forge.old), [forge.base])
    damage(clone.store)
    shutil.rmtree(str(clone.dest))
    clone(repository(forge.old), [forge.base])
    assert said(clone, "fetching it again")


def test_locks_of_a_killed_git_do_not_matter(forge, clone):
    clone(repository(forge.old), [forge.base])
    for name in ("shallow.lock", "HEAD.lock", "refs/pins/%s.lock" % forge.tip):
        (clone.store / name).write_text("")
    (clone.store / "objects/pack/tmp_pack_x").write_text("half")
    clone(repository(forge.tip, ref="master"), [forge.base])
    assert not list(clone.store.rglob("*.lock")) + list(clone.store.rglob("tmp_pack*"))


def test_killed_while_fetching_and_run_again(forge, server, clone, tmp_path):
    server.repos, server.protocol_2 = forge.base, False
    server.faults["/Owner/pytorch.git/git-upload-pack"] = [("hold", 100_000)]
    source = repository(forge.tip, server.url + "/Owner/pytorch.git", ref="master")
    child = in_child("repositories.fetch_git", source, [], str(tmp_path / "git"), str(clone.dest), stall_s=1.0)
    assert server.held.wait(20)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    server.release.set()
    clone(source)


def test_two_at_once(forge, clone, tmp_path):
    errors = []

    def run(dest):
        try:
            clone(repository(forge.old, submodules=True), [forge.base], dest=dest)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=("src/%d" % number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def test_what_is_not_ours_is_not_removed(forge, clone):
    clone.dest.mkdir(parents=True)
    (clone.dest / "thesis.txt").write_text("years of work")
    with pytest.raises(FetchError, match="did not make it.*\n.*Move it to another place"):
        clone(repository(forge.old), [forge.base])
    assert (clone.dest / "thesis.txt").exists()


def test_the_users_git_settings_and_variables_do_not_matter(forge, clone, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text(
        '[url "https://h.invalid/"]\n\tinsteadOf = file://\n[core]\n\tautocrlf = true\n\thooksPath = /none\n'
        "[protocol]\n\tallow = never\n[transfer]\n\tfsckObjects = true\n[init]\n\ttemplateDir = /none\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    clone(repository(forge.old, submodules=True), [forge.base])
    reset_tree(str(clone.dest))
    assert_whole(clone.dest)
    assert not (tmp_path / "elsewhere").exists()


def test_submodules_that_are_left_out(forge, clone):
    assert clone(repository(forge.old, submodules=True, without=["third_party/middle/deps"]), [forge.base]) == {
        "third_party/middle": forge.middle
    }
    assert said(clone, "third_party/middle/deps/leaf is left out") and not said(clone, "fetching %s" % forge.leaf)
    assert os.listdir(str(clone.dest / "third_party/middle/deps/leaf")) == []
    reset_tree(str(clone.dest))


def test_submodules_that_git_itself_does_not_update(clone, tmp_path):
    forge = Forge(tmp_path / "forge")
    leaf = forge.commit("Owner/leaf", {"leaf.c": b"int leaf;\n"})
    modules = b"""[submodule "leaf"]
\tpath = deps/leaf
\turl = ../leaf.git
[submodule "mlir"]
\tpath = deps/mlir
\turl = https://forge.invalid/llvm/mlir.git
\tupdate = none
"""
    # Without `submodules`, so that .gitmodules is this one.
    forge.commit("Owner/pytorch", {".gitmodules": modules})
    work = forge.base / "work/Owner/pytorch"
    for path, commit in (("deps/leaf", leaf), ("deps/mlir", "b" * 40)):
        git("update-index", "--add", "--cacheinfo", "160000", commit, path, cwd=work)
    git("commit", "-q", "-m", "x", cwd=work)
    git("push", "-q", str(forge.base / "Owner/pytorch.git"), "master", cwd=work)
    source = repository(git("rev-parse", "HEAD", cwd=work), submodules=True)
    assert clone(source, [forge.base]) == {"deps/leaf": leaf}
    assert (clone.dest / "deps/leaf/leaf.c").is_file() and not said(clone, "mlir")
    git("submodule", "update", "--init", "--recursive", cwd=clone.dest)
    reset_tree(str(clone.dest))


def test_a_commit_of_a_submodule_that_no_address_has_is_named(clone, tmp_path):
    forge = Forge(tmp_path / "forge")
    forge.commit("Owner/leaf", {"leaf.c": b"int leaf;\n"})
    top = forge.commit("Owner/pytorch", {"f": b"1"}, [("deps/leaf", "../leaf.git", "c" * 40)])
    with pytest.raises(FetchError, match="submodule deps/leaf: commit %s of Owner/leaf could not be" % ("c" * 40)):
        clone(repository(top, submodules=True), [forge.base], attempts=1)
