# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins of the plugin line: really built, with the habits and the failures of the real one."""

import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import urllib.request
import venv
import zipfile
from pathlib import Path

import mirror_plugin
import mirror_trees
import mirror_wheels
import pytest
import yaml

MIRROR = Path(__file__).resolve().parents[2] / "mirror"
CACHE = MIRROR.parents[1] / ".cache" / "mirror"
PYTHON = "{}.{}".format(*sys.version_info)
TAG = "v7.3.0-pytorch2.6.0"
ROWS = {row["tag"]: row for row in mirror_plugin.rows()}

can_build = pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("g++") and Path(sysconfig.get_paths()["include"], "Python.h").exists())
    or PYTHON not in ROWS[TAG]["pythons"],
    reason="no CMake, no C++ compiler, no headers of Python, or a Python that the release does not take",
)


def run(*args, cwd=None, **environment):
    """Status and output of a program."""
    done = subprocess.run(
        [str(arg) for arg in args],
        cwd=cwd,
        env={**os.environ, **environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout


def stock(folder, version):
    """A stock wheel for this Python, whether or not it is among those of the mirror."""
    tag = "cp{}{}".format(*sys.version_info)
    file = "torch-{0}-{1}-{1}-linux_{2}.whl".format(version, tag, os.uname().machine)
    mirror_wheels.make_stock(folder, [(file, "")])
    return folder / file


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    """Ascend/pytorch and its plugin line's submodules, and the commit of each tag."""
    out = tmp_path_factory.mktemp("repositories")
    commits = mirror_plugin.plugin_commits(out, 0)
    made = mirror_trees.make_repository(out, "Ascend/pytorch", commits)
    return out, {commit.message: sha for commit, sha in zip(commits, made, strict=True)}


@pytest.fixture(scope="module")
def checkout(repositories, tmp_path_factory):
    """The tree of TAG with all that git checks out."""
    out, _commits = repositories
    target = tmp_path_factory.mktemp("checkout") / "pytorch"
    options = ["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"]
    for host in ("github.com", "gitee.com", "gitcode.com"):
        options += ["-c", "url.file://{}/.insteadOf=https://{}/".format(out, host)]
    clone = ["clone", "-q", "-b", TAG, "--recurse-submodules", "https://github.com/Ascend/pytorch.git"]
    status, said = run("git", *options, *clone, target)
    assert status == 0, said
    return target


@pytest.fixture
def tree(checkout, tmp_path):
    """A copy of it, to be damaged and built."""
    return shutil.copytree(checkout, tmp_path / "pytorch", symlinks=True)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A virtual environment with what a build needs, and the stock torch of TAG."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=True, symlinks=True)
    pip = [folder / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    found, needs = CACHE / ("python" + PYTHON), ["pyyaml", "setuptools", "wheel", "filelock", "typing-extensions"]
    if not found.is_dir():
        status, said = run(*pip, "download", "--dest", str(found) + ".new", *needs)
        assert status == 0, said
        os.replace(str(found) + ".new", found)
    wheel = stock(tmp_path_factory.mktemp("stock"), "2.6.0+cpu")
    status, said = run(*pip, "install", "--no-index", "--find-links", found, *needs, wheel)
    assert status == 0, said
    return folder / "bin" / ("python" + PYTHON)


@pytest.fixture
def build(tree, python, tmp_path):
    """Runs ci/build.sh as a build does; its status and output. wget brings the header that it downloads."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "miniz.h").write_bytes(mirror_plugin.MINIZ)
    (programs / "wget").write_text(
        '#!/bin/sh\n[ "$1" = {} ] && cp {}/miniz.h "$4"\n'.format(mirror_plugin.MINIZ_URL, programs)
    )
    (programs / "wget").chmod(0o755)
    path = "{}:{}:{}".format(programs, python.parent, os.environ["PATH"])
    given = {"PATH": path, "BUILD_WITHOUT_SHA": "1", "MAX_JOBS": "2"}

    def go(*options, **environment):
        asked = options or ("--python=" + PYTHON,)
        return run("bash", tree / "ci/build.sh", *asked, **{**given, **environment})

    return go


def names(tree):
    """The members of the only wheel that was built."""
    (wheel,) = (tree / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return wheel, archive.namelist()


def missing_library(said):
    return "libhccl.so: cannot open shared object file: No such file or directory" in said


# ---------------------------------------------------------------- trees


@pytest.mark.parametrize("tag", mirror_plugin.TAGS)
def test_trees_are_those_of_their_release(repositories, tag):
    out, commits = repositories
    row = ROWS[tag]
    show = functools.partial(run, "git", "-C", out / "Ascend/pytorch.git", "show")
    assert "supported=({})\n".format(" ".join(row["pythons"])) in show(commits[tag] + ":ci/build.sh")[1]
    setup = show(commits[tag] + ":setup.py")[1]
    compile(setup, "setup.py", "exec")
    assert ('getenv("MAX_JOBS"' in setup) is row["max_jobs"]
    assert ("torch.backends" in setup) is row["autoload"]
    assert ("third_party/acl_src" in {"third_party/" + path.split("/")[1] for path in row["submodules"]}) == (
        "rm -rf $source" in show(commits[tag] + ":" + mirror_plugin.facts(row)["generate"])[1]
    )
    links = run("git", "-C", out / "Ascend/pytorch.git", "ls-tree", "-r", commits[tag])[1]
    assert set(re.findall(r"^160000 commit \w+\t(.+)$", links, re.MULTILINE)) == set(row["submodules"])


def test_branches_say_the_next_version(repositories):
    out, commits = repositories
    show = functools.partial(run, "git", "-C", out / "Ascend/pytorch.git", "show")
    assert show(commits[TAG] + ":version.txt")[1] == "2.6.0.post5\n"
    assert show("v2.6.0-7.3.0:version.txt")[1] == "2.6.0.post6\n"
    assert mirror_plugin.next_version("2.12.0") == "2.12.0.post1"


def test_git_passes_over_what_is_not_to_be_updated(checkout):
    modules = (checkout / ".gitmodules").read_text()
    assert "\tpath = third_party/torch-mlir\n" in modules and modules.count("\tupdate = none\n") == 1
    assert not list((checkout / "third_party/torch-mlir").iterdir())
    assert (checkout / "third_party/torchair/torchair/third_party/googletest/CMakeLists.txt").exists()
    nested, own = "third_party/Tensorpipe/third_party/googletest/README.md", "third_party/googletest/README.md"
    assert "old" in (checkout / nested).read_text() and "new" in (checkout / own).read_text()


# ---------------------------------------------------------------- builds


@can_build
def test_wheel_is_built_and_cannot_be_imported_without_cann(build, tree, python, tmp_path):
    status, said = build()
    assert status == 0, said[-3000:]
    wheel, members = names(tree)
    assert wheel.name.startswith("torch_npu-2.6.0.post5-cp")
    assert {"torch_npu/lib/libtensorpipe.so", "torch_npu/dynamo/torchair/__init__.py"} <= set(members)
    assert "make -j 2\n" in said

    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    status, said = run(python, "-c", "import torch", cwd=tmp_path, PYTHONPATH=str(site))
    assert status == 1 and missing_library(said)
    assert said.splitlines()[-1] == (
        "RuntimeError: Failed to load the backend extension: torch_npu. "
        "You can disable extension auto-loading with TORCH_DEVICE_BACKEND_AUTOLOAD=0."
    )
    status, said = run(python, "-c", "import torch_npu", cwd=tmp_path, PYTHONPATH=str(site))
    assert status == 1 and said.splitlines()[-1].startswith("ImportError: ") and missing_library(said)
    off = {"PYTHONPATH": str(site), "TORCH_DEVICE_BACKEND_AUTOLOAD": "0"}
    assert run(python, "-c", "import torch; print(torch.__version__)", cwd=tmp_path, **off) == (0, "2.6.0+cpu\n")

    cann = tmp_path / "cann"
    cann.mkdir()
    for library in ("hccl", "ascendcl", "acl_op_compiler", "ge_runner", "graph"):
        assert run("gcc", "-shared", "-o", cann / "lib{}.so".format(library), "-x", "c", os.devnull)[0] == 0
    code = (
        "import json, torch, torch.npu, torch_npu; print(json.dumps([torch_npu.__version__, torch_npu.build_info()]))"
    )
    status, said = run(python, "-c", code, cwd=tmp_path, PYTHONPATH=str(site), LD_LIBRARY_PATH=str(cann))
    assert status == 0, said
    version, info = json.loads(said)
    assert version == "2.6.0.post5" and info["torch"]["version"] == "2.6.0"
    assert info["compiled"]["operators"] == "npu_format_cast npu_add npu_sum"
    assert info["compiled"]["generated_with"] == "2.6.0+cpu"


@can_build
def test_missing_torchair_and_tensorpipe_are_not_missed(build, tree):
    for path in ("third_party/torchair/torchair", "third_party/Tensorpipe"):
        shutil.rmtree(tree / path)
        (tree / path).mkdir()
    status, said = build()
    assert status == 0, said[-3000:]
    assert not [name for name in names(tree)[1] if "torchair" in name or "tensorpipe" in name]


@can_build
def test_missing_op_plugin_ends_it(build, tree):
    shutil.rmtree(tree / "third_party/op-plugin")
    status, said = build()
    assert status == 1
    assert re.search(r"The path does not exist: \S+/op_plugin/config/v2r6/op_plugin_functions.yaml", said)
    assert "third_party/op-plugin/op_plugin" in said and "is not an existing directory" in said


@can_build
@pytest.mark.parametrize("module", ["libuv", "googletest"])
def test_missing_nested_module_ends_it(build, tree, module):
    shutil.rmtree(tree / "third_party/Tensorpipe/third_party" / module)
    status, said = build()
    assert status == 1 and "git submodule update --init --recursive" in said


@can_build
def test_no_submodule_at_all_is_left_to_git(build, tree):
    for path in ROWS[TAG]["submodules"]:
        shutil.rmtree(tree / path)
    shutil.rmtree(tree / ".git")
    status, said = build()
    assert status == 1 and "Trying to initialize submodules" in said and "Please run:" in said


@can_build
def test_cuda_build_of_torch_ends_it(build, tmp_path):
    zipfile.ZipFile(stock(tmp_path, "2.6.0+cu124")).extractall(tmp_path / "cuda")
    status, said = build(PYTHONPATH=str(tmp_path / "cuda"))
    assert status == 1
    assert "Your installed Caffe2 version uses CUDA but I cannot find the CUDA libraries" in " ".join(said.split())


@can_build
def test_other_torch_does_not_compile(build, tmp_path):
    zipfile.ZipFile(stock(tmp_path, "2.1.0+cpu")).extractall(tmp_path / "other")
    status, said = build(PYTHONPATH=str(tmp_path / "other"))
    assert status == 1 and "this plugin is for torch 2.6.0" in said


@can_build
def test_header_is_downloaded_with_wget_and_checked(build, python, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for program in ("bash", "dirname", "readlink", "git"):
        (few / program).symlink_to(shutil.which(program))
    status, said = build(PATH="{}:{}".format(few, python.parent))
    assert status == 1 and "wget not found, please install wget" in said
    (tmp_path / "bin/miniz.h").write_text("another file\n")
    status, said = build()
    assert status == 1 and "the sha256sum of miniz.h is not incorrect." in said


@pytest.mark.parametrize(
    "options, words",
    [
        (["--python=3.6"], "3.6 is an unsupported python version"),
        (["--verbose"], "ERROR Unsupported parameters: --verbose"),
        (["--torch=2.6.0"], "ERROR Unsupported parameters: --torch=2.6.0"),
        (["3.9"], "Failed to parse script args"),
    ],
)
def test_build_sh_refuses(tmp_path, options, words):
    script = tmp_path / "build.sh"
    script.write_bytes(mirror_plugin.plugin_tree(ROWS[TAG])["ci/build.sh"])
    status, said = run("bash", script, *options)
    assert status == 1 and words in said


def test_newest_build_sh_hides_why_torch_cannot_be_imported(tmp_path):
    row = ROWS["v26.1.0-pytorch2.12.0"]
    script = tmp_path / "build.sh"
    script.write_bytes(mirror_plugin.plugin_tree(row)["ci/build.sh"])
    fake = tmp_path / "python3.11"
    fake.write_text("#!/bin/sh\necho 'Failed to load the backend extension' >&2\nexit 1\n")
    fake.chmod(0o755)
    status, said = run(
        "bash", script, "--python=3.11", "--torch=2.12.0", PATH="{}:{}".format(tmp_path, os.environ["PATH"])
    )
    assert (status, said) == (1, "PyTorch is not installed for python3.11. Please install it before building.\n")


# ---------------------------------------------------------------- wheels and their index


COMMITS = dict.fromkeys(
    mirror_plugin.TAGS, {"torch_npu_build_adapter_commit": "0" * 40, "apex_build_native_commit": "1" * 40}
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """All wheels, and the digests that they were made with."""
    out = tmp_path_factory.mktemp("wheels")
    return out, mirror_wheels.make_wheels(out, COMMITS)


def test_wheels_do_not_change(wheels, tmp_path):
    assert mirror_wheels.make_wheels(tmp_path, COMMITS) == wheels[1]


def test_variables_name_the_wheels_of_their_release(wheels):
    out, digests = wheels
    for tag, row in ROWS.items():
        made = yaml.safe_load((out / "vars-{}.yml".format(row["package"])).read_text())
        assert made["ascend_torch_version"] == (row["package"] if row["submodules"] else tag)
        assert {name: made[name] for name in COMMITS[tag]} == COMMITS[tag]
        for wheel in made["torch_npu_build_stock_wheels"] + made["mirror_cuda_wheels"]:
            assert wheel["sha256"] == digests[wheel["file"]]
            assert hashlib.sha256((out / wheel["file"]).read_bytes()).hexdigest() == wheel["sha256"]
            assert wheel["file"].startswith("torch-{}".format(row["torch"]))
        assert bool(made["mirror_cuda_wheels"]) is (row["torch"] == "2.6.0")
        assert bool(made["mirror_ready_wheels"]) is (row["package"] in mirror_wheels.READY)


def test_wheels_say_what_they_are(wheels):
    out, _digests = wheels
    with zipfile.ZipFile(out / "torch-2.6.0+cu124-cp311-cp311-linux_x86_64.whl") as archive:
        assert b'__version__ = "2.6.0+cu124"\ncuda = "12.4"' in archive.read("torch/version.py")
        assert b"\nVersion: 2.6.0+cu124\nRequires-Dist: filelock\n" in archive.read(
            "torch-2.6.0+cu124.dist-info/METADATA"
        )
    (ready,) = (out / "simple/torch-npu").glob("torch_npu-2.6.0.post5-cp311-cp311-manylinux_2_17_x86_64*.whl")
    with zipfile.ZipFile(ready) as archive:
        info = "torch_npu-2.6.0.post5.dist-info/"
        assert b"Tag: cp311-cp311-manylinux2014_x86_64\n" in archive.read(info + "WHEEL")
        assert b"Requires-Dist: torch==2.6.0+cpu\n" in archive.read(info + "METADATA")
        assert b"torch_npu = torch_npu:_autoload" in archive.read(info + "entry_points.txt")
        assert archive.testzip() is None
    with zipfile.ZipFile(out / "torch-1.8.1+cpu-cp37-cp37m-linux_x86_64.whl") as archive:
        assert b"torch.backends" not in archive.read("torch/__init__.py")
        assert "torchgen/__init__.py" not in archive.namelist()


def test_index_is_served_for_pip(wheels):
    out, digests = wheels
    spec = importlib.util.spec_from_file_location("mirror_serve", MIRROR / "serve.py")
    serve = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve)
    server = serve.make_server(out)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        address = "http://127.0.0.1:{}/simple/".format(server.server_address[1])
        for project, count in (("torch", 42), ("torch-npu", 30)):
            with urllib.request.urlopen(address + project + "/", timeout=10) as answer:
                assert answer.headers["Content-Type"] == "text/html"
                found = re.findall(r'<a href="([^"#]+)#sha256=(\w{64})">([^<]+)</a>', answer.read().decode())
            assert len(found) == count
            assert all(digests[file] == digest for _link, digest, file in found)
            with urllib.request.urlopen(address + project + "/" + found[0][0], timeout=10) as answer:
                assert hashlib.sha256(answer.read()).hexdigest() == found[0][1]
    finally:
        server.shutdown()
        server.server_close()


@can_build
def test_ready_made_wheel_cannot_be_imported_without_cann(wheels, python, tmp_path):
    for ready in (wheels[0] / "simple/torch-npu").glob("torch_npu-2.6.0.post5-cp311-*x86_64.whl"):
        zipfile.ZipFile(ready).extractall(tmp_path / "site")
    status, said = run(python, "-c", "import torch_npu", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert status == 1 and missing_library(said)
