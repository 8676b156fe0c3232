# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles: made of real repositories and wheels, damaged, gone on with, and used as a host without a network would."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import cached
import ordering
import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import download, fetch, repositories
from ansible_collections.ascend.pytorch.plugins.plugin_utils import bundle, bundle_contents, bundling, mirror, runs
from wheels import make_wheel

PLATFORM = [{"arch": "aarch64", "python": "3.9"}]
ROW = {"version": "1.8.1", "pythons": ["3.7", "3.9"], "packages": {"numpy": {"maximum": "1.99"}, "sympy": {}}}


def git(*argv, cwd):
    return subprocess.run(
        ("git", "-c", "user.name=a", "-c", "user.email=a@b", *argv),
        cwd=cwd,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout.strip()


def commit(base, repo, files, submodules=()):
    """Commit files, and (path, url, commit) of submodules, to the repository <base>/<repo>.git; return the commit."""
    work = base / (repo + ".git")
    work.mkdir(parents=True, exist_ok=True)
    git("init", "-q", ".", cwd=work)
    modules = [f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, url, _commit in submodules]
    for path, text in {**files, **({".gitmodules": "".join(modules)} if modules else {})}.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    git("add", "-A", cwd=work)
    for path, _url, pin in submodules:
        git("update-index", "--add", "--cacheinfo", f"160000,{pin},{path}", cwd=work)
    git("commit", "-q", "-m", "x", cwd=work)
    return git("rev-parse", "HEAD", cwd=work)


PATCH = """diff --git a/requirements.txt b/requirements.txt
--- a/requirements.txt
+++ b/requirements.txt
@@ -1,2 +1,3 @@
 pyyaml
-stock
+torchvision==0.6.0
+future; python_version < "3.8"
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """What a bundle is made from: a mirror, an index, recipes; and .make(): (Maker, what it told, what it warned of)."""
    base, index = tmp_path / "mirror", tmp_path / "index"
    index.mkdir()
    for name, value in (("FIND_LINKS", str(index)), ("NO_INDEX", "1"), ("CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv("PIP_" + name, value)
    for name in ("pip", "setuptools", "wheel", "pyyaml", "future", "sympy"):
        make_wheel(index, name)
    make_wheel(index, "numpy", "1.26.4", "cp39-cp39-manylinux2014_aarch64")
    make_wheel(index, "numpy", "2.0", "cp39-cp39-manylinux2014_aarch64")
    make_wheel(index, "numpy", "1.21.6", "cp37-cp37m-manylinux2014_x86_64")
    inner = commit(base, "pytorch/cpuinfo", {"inner": "1"})
    native = commit(
        base,
        "pytorch/pytorch",
        {"requirements.txt": "pyyaml\nstock\n"},
        [("third_party/cpuinfo", "../cpuinfo.git", inner)],
    )
    adapter = commit(base, "Ascend/pytorch", {"patch/npu.patch": PATCH})
    (base / "cmake.tar.gz").write_bytes(b"archive")
    torch = {
        "name": "torch",
        "version": "1.8.1",
        "requirements": ["pyyaml", "wheel"],
        "sources": [
            {"name": "adapter", "kind": "git", "repo": "Ascend/pytorch", "commit": adapter, "dest": "pytorch"},
            {
                "name": "native",
                "kind": "git",
                "repo": "pytorch/pytorch",
                "commit": native,
                "urls": ["https://forge.invalid/pytorch/pytorch.git"],
                "dest": "pytorch/pytorch",
                "submodules": True,
            },
        ],
        "stages": {
            "patch": [{"patch": {"tree": "{src}/pytorch/pytorch", "file": "{src}/pytorch/patch/npu.patch"}}],
            "configure": [
                {"pip": ["pyyaml", "wheel"]},
                {"requirements": {"file": "{src}/pytorch/pytorch/requirements.txt", "drop": ["torchvision"]}},
            ],
        },
    }
    archive = {
        "name": "cmake",
        "kind": "archive",
        "file": "cmake.tar.gz",
        "sha256": hashlib.sha256(b"archive").hexdigest(),
        "urls": [],
        "dest": "cmake",
    }
    cmake = {"name": "cmake", "version": "3.12.1", "sources": [archive], "stages": {}}
    made = SimpleNamespace(base=base, index=index, recipes=[torch, cmake], inner=inner, native=native)
    made.folder, made.sources = tmp_path / "bundle", torch["sources"] + cmake["sources"]

    def make(platforms=tuple(PLATFORM), row=None, recipes=None, **more):
        told, warned = [], []
        maker = bundling.BundleMaker(made.folder, [str(base)], told.append, warned.append)
        manifest = maker.add_release(row or ROW, recipes or made.recipes, platforms and list(platforms), **more)
        return SimpleNamespace(manifest=manifest, changed=maker.changed, told=told, warned=warned)

    made.make = make
    return made


# --- making -----------------------------------------------------------------------------------------------------------


def test_it_holds_everything_and_again_is_nothing_to_do(shop):
    first = shop.make()
    assert first.changed and first.warned == []
    assert sorted(first.manifest["files"]) == sorted(
        ["cmake.tar.gz"]
        + [f"{source['repo']}/{source['commit']}.bundle" for source in shop.sources if source["kind"] == "git"]
        + [f"pytorch/cpuinfo/{shop.inner}.bundle"]
        + [f"wheels/{name}-1.0-py3-none-any.whl" for name in ("pip", "setuptools", "sympy", "pyyaml", "wheel")]
        + ["wheels/numpy-1.26.4-cp39-cp39-manylinux2014_aarch64.whl"]
    )
    assert bundle.verify(shop.folder) == bundle.unknown_files(shop.folder) == []
    before = (shop.folder / "bundle.json").read_bytes()
    shutil.rmtree(shop.base)
    shutil.rmtree(shop.index)
    again = shop.make()
    assert not again.changed and again.told == again.warned == []
    assert (shop.folder / "bundle.json").read_bytes() == before
    assert not (shop.folder / ".work").exists()


def test_requirements_are_those_of_the_patched_file_for_each_python(shop):
    manifest = shop.make(platforms=[{"arch": "x86_64", "python": "3.7"}, *PLATFORM]).manifest
    asked = {key: entry["requirements"] for key, entry in manifest["wheels"].items()}
    common = ["numpy<1.100", "pip", "pyyaml", "setuptools", "sympy", "wheel"]
    assert sorted(asked) == ["1.8.1-3.7-x86_64", "1.8.1-3.9-aarch64"]
    for lines in asked.values():
        assert [line for line in lines if ";" not in line] == common
    names = [sorted(os.path.basename(name) for name in entry["files"]) for entry in manifest["wheels"].values()]
    assert ["future" in str(each) for each in names] == [True, False]


def test_another_release_is_added(shop):
    shop.make()
    older = dict(shop.recipes[0], version="1.5.0")
    added = shop.make(row=dict(ROW, version="1.5.0", pythons=["3.7"]), recipes=[older], platforms=None)
    assert added.manifest["releases"] == ["1.5.0", "1.8.1"]
    # No numpy for Python 3.7 on aarch64: told, and no reason to stop.
    assert len(added.warned) == 1 and "Python 3.7 on aarch64: numpy<1.100" in added.warned[0]
    assert "cmake.tar.gz" in added.manifest["files"] and bundle.verify(shop.folder) == []
    assert not any("fetching" in line for line in added.told)


def test_what_is_damaged_is_named_and_alone_made_anew(shop):
    shop.make()
    native = f"pytorch/pytorch/{shop.native}.bundle"
    content = bytearray((shop.folder / native).read_bytes())
    content[-1] ^= 1
    (shop.folder / native).write_bytes(content)
    (shop.folder / "cmake.tar.gz").unlink()
    numpy = next((shop.folder / "wheels").glob("numpy*"))
    numpy.write_bytes(b"short")
    (shop.folder / "notes.txt").write_text("mine")
    problems = bundle.verify(shop.folder)
    assert [line.partition(":")[0] for line in problems] == ["cmake.tar.gz", native, f"wheels/{numpy.name}"]
    assert "missing" in problems[0] and "sha256" in problems[1] and "5 bytes" in problems[2]
    mended = shop.make()
    assert [line.split(" ")[1] for line in mended.told if "fetching" in line] == ["pytorch/pytorch", "cmake.tar.gz"]
    assert len(mended.warned) == 3 and bundle.verify(shop.folder) == []
    assert bundle.unknown_files(shop.folder) == ["notes.txt"]


def test_a_run_that_was_broken_off_goes_on(shop):
    (shop.base / "cmake.tar.gz").rename(shop.base / "kept")
    with pytest.raises(fetch.FetchError, match="cmake.tar.gz"):
        shop.make()
    assert "never finished" in bundle.verify(shop.folder)[0]
    assert mirror.contents(str(shop.folder), shop.sources) == ([], []), "half a bundle serves nobody"
    for owner in ("pytorch", "Ascend"):
        shutil.rmtree(shop.base / owner)
    (shop.base / "kept").rename(shop.base / "cmake.tar.gz")
    assert [line for line in shop.make().told if "fetching" in line] == ["fetching cmake.tar.gz"]
    assert bundle.verify(shop.folder) == []


def test_check_mode_says_what_would_come(shop):
    maker = bundling.BundleMaker(shop.folder, [], print, print)
    assert maker.missing_files(ROW, shop.recipes, PLATFORM) == [
        "Ascend/pytorch",
        "pytorch/pytorch",
        "cmake.tar.gz",
        "wheels for Python 3.9 on aarch64",
    ]
    assert not shop.folder.exists()
    shop.make()
    assert maker.missing_files(ROW, shop.recipes, PLATFORM) == []


def test_wheels_that_nobody_asks_for_any_more_go(shop):
    shop.make()
    make_wheel(shop.index, "numpy", "1.19", "cp39-cp39-manylinux2014_aarch64")
    manifest = shop.make(row=dict(ROW, packages={"numpy": {"maximum": "1.20"}})).manifest
    assert [name for name in manifest["files"] if "numpy" in name] == [
        "wheels/numpy-1.19-cp39-cp39-manylinux2014_aarch64.whl"
    ]
    assert len(list((shop.folder / "wheels").glob("numpy*"))) == 1


def test_products_of_a_build_cache_are_carried(shop, tmp_path):
    cache = tmp_path / "cache"
    good = cached.make(cache, name="torch", arch="aarch64")
    cached.make(cache, name="torch", arch="x86_64", fingerprint="cd" * 32)
    cached.make(cache, name="other", arch="aarch64", fingerprint="ef" * 32)
    spoilt = cached.make(cache, name="torch", version="1.5.0", arch="aarch64", fingerprint="12" * 32)
    next(spoilt.glob("*.gz")).write_bytes(b"something")
    made = shop.make(cache=str(cache))
    assert os.listdir(shop.folder / "products") == [good.name]
    assert len(made.warned) == 1 and spoilt.name in made.warned[0]
    assert bundle.verify(shop.folder) == []
    assert not [line for line in shop.make(cache=str(cache)).told if "copying" in line]


def test_two_runs_do_not_make_one_bundle(shop):
    shop.folder.mkdir()
    other = os.open(shop.folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(bundle.BundleError, match="another run"):
        shop.make()
    os.close(other)


def test_a_run_that_is_gone_begins_nothing_more(shop, monkeypatch):
    """It ends between two steps: no git or pip is left that would work in the folder with the next run's."""
    begun = []
    monkeypatch.setattr(runs, "is_over", lambda: len(begun) == 2)
    monkeypatch.setattr(os, "_exit", sys.exit)
    maker = bundling.BundleMaker(shop.folder, [str(shop.base)], begun.append, pytest.fail)
    with pytest.raises(SystemExit):
        maker.add_release(ROW, shop.recipes, list(PLATFORM))
    assert [line.split(" ")[1] for line in begun] == ["Ascend/pytorch", "pytorch/pytorch"]
    held = os.open(shop.folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(held)


def test_archives_of_one_name_are_not_mixed_up(shop):
    shop.make()
    source = dict(shop.recipes[1]["sources"][0], sha256="0" * 64)
    with pytest.raises(bundle.BundleError, match="another ascend_bundle_dest"):
        shop.make(recipes=[dict(shop.recipes[1], sources=[source])])
    with pytest.raises(bundle.BundleError, match="different digests"):
        bundle_contents.sources([shop.recipes[1], dict(shop.recipes[1], sources=[source])])


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}', '{"format": 1}'])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "bundle.json").write_text(text)
    with pytest.raises(bundle.BundleError, match="bundle.json"):
        bundle.verify(tmp_path)


COMMIT = "0a" * 20
ENTRY = {"sha256": "0" * 64, "size": 1}
BELOW = {"repo": "Ascend/apex", "commit": COMMIT, "path": "third_party/apex", "urls": ["https://x/a.git"]}
OF_WHEELS = {"python": "3.9", "arch": "x86_64", "libc": "2.17", "release": "1.8.1", "requirements": ["numpy"]}


def foreign_manifest(**changes):
    """A manifest as another machine may have written it."""
    sound = {
        "format": 1,
        "releases": ["1.8.1"],
        "files": {"a.tar.gz": ENTRY, "wheels/a.whl": ENTRY},
        "repositories": {"Ascend/pytorch": {COMMIT: {"submodules": [BELOW]}}},
        "requirements": {"x": ""},
        "wheels": {"k": dict(OF_WHEELS, files=["wheels/a.whl"], lacking=[])},
    }
    return json.dumps(dict(sound, **changes))


def test_a_manifest_from_elsewhere(tmp_path):
    (tmp_path / "bundle.json").write_text(foreign_manifest())
    assert bundle.read(tmp_path)["releases"] == ["1.8.1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {"../x": ENTRY}},
        {"files": {"/x": ENTRY}},
        {"files": {"x": {}}},
        {"files": {"x": dict(ENTRY, size=-1)}},
        {"repositories": {"../secret": {COMMIT: {"submodules": []}}}},
        {"repositories": {"/etc": {COMMIT: {"submodules": []}}}},
        {"repositories": {"Ascend/pytorch": {"../x": {"submodules": []}}}},
        {"repositories": {"Ascend/pytorch": {COMMIT: {}}}},
        {"repositories": {"Ascend/pytorch": {COMMIT: {"submodules": [dict(BELOW, repo="../../secret")]}}}},
        {"repositories": {"Ascend/pytorch": {COMMIT: {"submodules": [dict(BELOW, commit="HEAD")]}}}},
        {"repositories": {"Ascend/pytorch": {COMMIT: {"submodules": [dict(BELOW, path="../x")]}}}},
        {"wheels": {"k": dict(OF_WHEELS, files=["../a.whl"], lacking=[])}},
        {"wheels": {"k": dict(OF_WHEELS, files=["wheels/b.whl"], lacking=[])}},
        {"wheels": {"k": {}}},
        {"releases": "1.8.1"},
        {"requirements": None},
    ],
)
def test_a_manifest_that_leads_elsewhere_is_refused(tmp_path, changes):
    (tmp_path / "bundle.json").write_text(foreign_manifest(**changes))
    with pytest.raises(
        bundle.BundleError, match="bundle.json does not match the format of this collection: .* Do not use"
    ):
        bundle.read(tmp_path)


# --- use --------------------------------------------------------------------------------------------------------------


def order(work_dir, **more):
    return ordering.order(
        **{"product": "wheel", "python_version": "3.9", "arch": "aarch64", "work_dir": str(work_dir), **more}
    )


def test_a_host_takes_its_sources_from_what_is_sent(shop, tmp_path):
    shop.make()
    held, lacking = mirror.contents(str(shop.folder), shop.sources)
    assert lacking == [] and (f"pytorch/cpuinfo/{shop.inner}.bundle", shop.inner) in held
    mirror.pack(str(shop.folder), held, str(tmp_path / "mirror.tar"))
    with tarfile.open(tmp_path / "mirror.tar") as tar:
        tar.extractall(tmp_path / "host")
    shutil.rmtree(shop.folder)
    shutil.rmtree(shop.base)
    there, log = ["file://" + str(tmp_path / "host")], []
    _adapter, native, archive = (dict(source, offline=True) for source in shop.sources)
    assert download.fetch_archive(archive, there, str(tmp_path / "downloads"), log.append)
    answer = repositories.fetch_git(native, there, str(tmp_path / "git"), str(tmp_path / "src"), log.append)
    assert answer["submodules"] == {"third_party/cpuinfo": shop.inner}
    assert (tmp_path / "src/third_party/cpuinfo/inner").read_text() == "1"
    assert "invalid" not in "".join(log)


def test_a_bundle_that_lost_a_file_is_told(shop):
    shop.make()
    (shop.folder / f"pytorch/cpuinfo/{shop.inner}.bundle").unlink()
    held, lacking = mirror.contents(str(shop.folder), shop.sources)
    assert [path.split("/")[0] for path, _pin in held] == ["Ascend", "cmake.tar.gz"]
    assert len(lacking) == 1 and shop.inner in lacking[0]
    assert mirror.contents(str(shop.folder), [dict(shop.sources[1], commit="0" * 40)]) == ([], [])


def test_a_host_gets_the_wheels_of_its_python(shop, tmp_path):
    shop.make(platforms=[{"arch": "x86_64", "python": "3.7"}, *PLATFORM])
    held = mirror.wheels(str(shop.folder), order(tmp_path))
    assert len(held) == 6 and not any("cp37" in path or "future" in path for path, _sha in held)
    assert mirror.pip_options(order("/w"), held) == [
        "--no-index",
        "--find-links",
        f"/w/mirror/{mirror.content_name(held)}/wheels",
    ]
    assert mirror.wheels(str(shop.folder), order(tmp_path, product="tree")) == []
    assert mirror.pip_options(order("/w"), []) == []
    with pytest.raises(
        AnsibleActionFail, match="no wheels for Python 3.8 on aarch64; it has them for 3.7 on x86_64, 3.9"
    ):
        mirror.wheels(str(shop.folder), order(tmp_path, python_version="3.8"))
    with pytest.raises(AnsibleActionFail, match="no bundle.json"):
        mirror.wheels(str(tmp_path), order(tmp_path))
    (shop.folder / held[0][0]).unlink()
    with pytest.raises(AnsibleActionFail, match=f"{held[0][0]} .*playbooks/bundle.yml"):
        mirror.wheels(str(shop.folder), order(tmp_path))


def test_sending(shop, tmp_path):
    """What the host is asked, in turn, and that a copy is made only where it lacks something."""
    shop.make()
    held = mirror.wheels(str(shop.folder), order(tmp_path))
    asked, copied = [], []

    def execute(name, module_args, task_vars):
        asked.append((name, module_args.get("archive")))
        # In JSON, a named tuple would be a list without a word.
        assert Order.of(json.loads(json.dumps(module_args))["order"]) == order(tmp_path)
        return {"present": bool(copied), "folder": "/there"}

    def put_file(source, dest):
        with tarfile.open(source) as tar:
            copied.append(sorted(tar.getnames()))

    connection = SimpleNamespace(
        put_file=put_file, _shell=SimpleNamespace(tmpdir="/tmp/of-the-task", join_path=os.path.join)
    )
    action = SimpleNamespace(
        _task=SimpleNamespace(delegate_to=None),
        _connection=connection,
        _execute_module=execute,
        _is_become_unprivileged=lambda: False,
    )
    sender = mirror.Sender(action, {"inventory_hostname": "node"})
    os.makedirs(os.path.expanduser(mirror.C.DEFAULT_LOCAL_TMP), exist_ok=True)
    for _twice in range(2):
        assert sender.send(order(tmp_path), str(shop.folder), held) == "/there"
    assert copied == [sorted(path for path, _sha in held)]
    assert [archive for _name, archive in asked] == [None, "/tmp/of-the-task/mirror.tar", None]
    json.dumps(held)
    copied.clear()
    (shop.folder / held[0][0]).write_bytes(b"short")
    with pytest.raises(AnsibleActionFail, match=f"{held[0][0]}: .*playbooks/bundle.yml repairs"):
        sender.send(order(tmp_path), str(shop.folder), held)
    assert copied == []


def test_a_wheel_and_what_is_left_out_of_a_tree(shop, tmp_path):
    (shop.base / "torch-2.6-cp38-cp38-linux_x86_64.whl").write_bytes(b"wheel")
    digest = hashlib.sha256(b"wheel").hexdigest()
    wheel = {
        "name": "stock",
        "kind": "file",
        "file": "torch-2.6-cp38-cp38-linux_x86_64.whl",
        "sha256": digest,
        "urls": [],
        "dest": "stock",
    }
    tree = dict(shop.sources[1], without=["third_party/cpuinfo"])
    recipes = [{"name": "torch_npu", "version": "1", "sources": [wheel, tree], "stages": {}}]
    made = shop.make(recipes=recipes, row=dict(ROW, packages={}))
    assert sorted(made.manifest["repositories"]) == ["pytorch/pytorch"]
    assert made.manifest["files"]["torch-2.6-cp38-cp38-linux_x86_64.whl"]["sha256"] == digest
    assert mirror.contents(str(shop.folder), [wheel, tree]) == (
        [(f"pytorch/pytorch/{shop.native}.bundle", shop.native), ("torch-2.6-cp38-cp38-linux_x86_64.whl", digest)],
        [],
    )
    assert not shop.make(recipes=recipes, row=dict(ROW, packages={})).changed
    assert mirror.contents(str(shop.folder), [dict(tree, without=[])])[0] == [], "it lacks the submodule"


def test_what_a_wheel_requires_comes_for_its_platform(shop):
    path = make_wheel(
        shop.base, "torch", "2.6", "cp39-cp39-linux_aarch64", requires=["sympy", "nvidia-x", 'six; extra == "a"']
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    wheel = {"name": "stock", "kind": "file", "file": path.name, "sha256": digest, "urls": [], "dest": "stock"}
    stages = {"install": [{"wheel": {"drop": ["nvidia-*"]}}, {"pip_download": {"requirement": "future==1.0"}}]}
    recipes = [{"name": "torch", "version": "1", "sources": [wheel], "stages": stages}]
    made = shop.make(recipes=recipes, row=dict(ROW, packages={}))
    (entry,) = made.manifest["wheels"].values()
    assert entry["requirements"] == ["future==1.0", "pip", "setuptools", "sympy", "wheel"] and entry["lacking"] == []
    assert len(entry["files"]) == 5
    assert not shop.make(recipes=recipes, row=dict(ROW, packages={})).changed
