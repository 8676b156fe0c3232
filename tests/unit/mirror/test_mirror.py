# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror's stand-ins are the same on every run, and have the habits that the collection must cope with."""

import importlib.util
import json
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

import mirror_trees
import mirror_wheels
import pytest

MIRROR = Path(__file__).resolve().parents[2] / "mirror"


def load(name):
    spec = importlib.util.spec_from_file_location("mirror_" + name, MIRROR / (name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = load("make")
serve = load("serve")


def run(*args, cwd=None):
    """Status and output of a program."""
    done = subprocess.run(
        [str(arg) for arg in args], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """A mirror without CMake's archive, which needs PyPI; with the commits and digests it was made with."""
    out = tmp_path_factory.mktemp("mirror")
    commits, _plugin = make.make_repositories(out)
    return out, commits, make.make_gcc(out)


def write(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


@pytest.fixture
def adapter(tmp_path):
    """Ascend/pytorch at its newest ref, with a native 1.8.1 in it."""
    write(tmp_path, make.torch_adapter("2.0.4.tr5"))
    write(tmp_path / "pytorch", make.native_torch("1.8.1", False))
    return tmp_path


# ---------------------------------------------------------------- always the same


def test_commits_and_digests_do_not_change(mirror, tmp_path):
    _out, commits, digests = mirror
    assert make.make_repositories(tmp_path)[0] == commits
    assert make.make_gcc(tmp_path) == digests


def test_variables_are_yaml_for_the_roles(mirror):
    import yaml

    _out, commits, digests = mirror
    made = yaml.safe_load(make.variables("0" * 64, digests, commits))
    assert made.pop("ascend_torch_version") == "1.8.1"
    assert set(made) == {
        "cmake_sha256",
        "gcc730_digests",
        "mirror_commits",
        "torch_npu_build_adapter_commit",
        "torch_npu_build_native_commit",
        "apex_build_adapter_commit",
        "apex_build_native_commit",
    }
    assert set(made["gcc730_digests"]) == {
        "gcc-7.3.0.tar.gz",
        "gmp-6.1.0.tar.bz2",
        "mpfr-3.1.4.tar.bz2",
        "mpc-1.0.3.tar.gz",
        "isl-0.16.1.tar.bz2",
    }
    assert all(len(commit) == 40 for row in made["mirror_commits"].values() for commit in row.values())


# ---------------------------------------------------------------- templates


def test_render_picks_and_fills_in():
    text = "@@if a\nA @@{b}\n@@if !c\nnested\n@@end\n@@else\nB\n@@end\n"
    assert mirror_trees.render(text, {"a": True, "b": "x"}) == "A x\nnested\n"
    assert mirror_trees.render(text, {"a": True, "b": "x", "c": True}) == "A x\n"
    assert mirror_trees.render(text, {"b": "x"}) == "B\n"


@pytest.mark.parametrize("text", ["@@if a\n", "@@end\n"])
def test_render_refuses_what_does_not_pair(text):
    with pytest.raises(ValueError):
        mirror_trees.render(text, {"a": True})


@pytest.mark.parametrize("version", make.TORCH_VERSIONS)
@pytest.mark.parametrize("npu", [False, True])
def test_rendered_python_compiles(version, npu):
    for name, content in make.native_torch(version, npu).items():
        if name.endswith(".py"):
            compile(content, name, "exec")


# ---------------------------------------------------------------- patches and gen.sh


@pytest.mark.parametrize("version", make.TORCH_VERSIONS)
@pytest.mark.parametrize("ref", make.REFS)
def test_the_patch_turns_native_into_npu(tmp_path, version, ref):
    write(tmp_path, make.native_torch(version, False))
    patch = tmp_path / "npu.patch"
    patch.write_bytes(make.torch_adapter(ref)["patch/pytorch{}_npu.patch".format(version)])
    status, said = run("patch", "-p1", "-i", patch, cwd=tmp_path)
    assert (status, "fuzz" in said, list(tmp_path.rglob("*.rej"))) == (0, False, [])
    wanted = make.native_torch(version, True)
    if ref == "2.0.4.tr5":
        assert {name: (tmp_path / name).read_bytes() for name in wanted} == wanted


def test_the_apex_patch_fits_the_guides_commit_and_no_other(mirror, tmp_path):
    out, commits, _digests = mirror
    for revision, fits in ((commits["1.8.1"]["apex_native"], True), ("master", False)):
        tree = tmp_path / revision
        assert run("git", "clone", "-q", out / "NVIDIA/apex.git", tree)[0] == 0
        assert run("git", "checkout", "-q", revision, cwd=tree)[0] == 0
        patch = tmp_path / "npu.patch"
        patch.write_text(run("git", "-C", out / "Ascend/apex.git", "show", "2.0.4.tr5:patch/npu.patch")[1])
        status, _said = run("patch", "-p1", "--dry-run", "--force", "-i", patch, cwd=tree)
        assert (status == 0) is fits


# In place of setuptools, which not every Python has: it prints what setup.py asks for.
SETUPTOOLS = """
import json, types
Extension = lambda name, sources, **more: dict(more, name=name, sources=sources)
find_packages = lambda **more: []
setup = lambda **asked: print(json.dumps({"version": asked["version"], "extensions": asked["ext_modules"]}))
"""


@pytest.fixture
def plugins_apex(tmp_path):
    """Apex's full code beside the plugin, and the folder of a torch 2.1.0 that is not below Python's prefix."""
    write(tmp_path, make.apex_adapter("5.0.0", "a" * 40))
    write(tmp_path / "apex", mirror_trees.tree("nvidia-apex", {}))
    assert run("bash", tmp_path / "scripts/gen.sh")[0] == 0 and not list(tmp_path.rglob("*.rej"))
    far = mirror_wheels.stock_files("2.1.0+cpu", "x86_64")
    commands = {f"setuptools/command/build_{what}.py": f"build_{what} = object".encode() for what in ("ext", "py")}
    far.update({"typing_extensions.py": b"", "setuptools/__init__.py": SETUPTOOLS.encode(), **commands})
    write(tmp_path / "far", far)
    return tmp_path / "apex", tmp_path / "far"


def asks(tree, far):
    """What setup.py asks setuptools for."""
    code = "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_path('setup.py', run_name='__main__')"
    status, said = run(sys.executable, "-W", "ignore", "-c", code, far, "--cpp_ext", cwd=tree)
    assert status == 0, said
    asked = json.loads(said.splitlines()[-1])
    assert [each["name"] for each in asked["extensions"]] == ["apex_C", "change_data_ptr"]
    return asked["version"], asked["extensions"][0]


def test_the_plugins_apex_has_no_version_and_looks_for_torch_in_one_folder(plugins_apex):
    tree, far = plugins_apex
    version, extension = asks(tree, far)
    assert version == "0.1-ascend" and not (tree / "csrc/npu_float_status").exists()
    assert {Path(folder).is_relative_to(sys.prefix) for folder in extension["include_dirs"]} == {True}
    assert "-std=c++17" in extension["extra_compile_args"] and "-D_GLIBC" not in str(extension)
    (far / "torch/version.py").write_text("__version__ = '2.0.1'")
    assert "-std=c++17" not in asks(tree, far)[1]["extra_compile_args"]


def test_the_recipes_changes_are_what_the_plugins_apex_needs(plugins_apex):
    import yaml

    tree, far = plugins_apex
    recipe = yaml.safe_load((MIRROR.parents[1] / "roles/apex_build/files/recipe.yml").read_text())
    texts = recipe["layouts"]["plugin"]["stages"]["patch"][1]["replace"]["texts"]
    setup = (tree / "setup.py").read_text()
    assert [setup.count(text) for text in texts] == [1, 1, 1]
    for text, replacement in texts.items():
        setup = setup.replace(text, replacement)
    (tree / "setup.py").write_text(setup)
    version, extension = asks(tree, far)
    assert version == "0.1+ascend"
    assert (Path(extension["include_dirs"][1]) / "torch/extension.h").is_relative_to(far)
    assert (Path(extension["include_dirs"][1]) / "torch/extension.h").exists()
    assert (Path(extension["library_dirs"][0]) / "libtorch_python.so").exists()
    assert "-D_GLIBCXX_USE_CXX11_ABI=0" in extension["extra_compile_args"]


def test_the_vendors_build_sh_of_apex_clones_into_its_own_tree(tmp_path):
    write(tmp_path, make.apex_adapter("5.0.0", "a" * 40))
    (tmp_path / "apex").mkdir()
    (tmp_path / "apex/there").write_text("")
    assert run("bash", tmp_path / "scripts/build.sh", "--python=3.11")[0] == 1
    status, said = run("bash", tmp_path / "scripts/build.sh", "--python=3.9")
    assert status != 0 and "already exists" in said


def test_gen_sh_says_nothing_of_a_second_run(adapter):
    assert run("bash", adapter / "scripts/gen.sh", "-v", "1.8.1")[0] == 0
    assert not list(adapter.rglob("*.rej"))
    assert (adapter / "pytorch/build.sh").exists()
    assert run("bash", adapter / "scripts/gen.sh", "-v", "1.8.1")[0] == 0
    assert (adapter / "pytorch/setup.py.rej").exists()
    # a hunk that fits a second time: what it brings is there twice, and the build will fail much later
    assert (adapter / "pytorch/aten/src/ATen/native/ReduceOps.cpp.orig").exists()


def test_gen_sh_says_nothing_of_a_wrong_tree(adapter):
    (adapter / "pytorch/setup.py").write_text("not PyTorch\n")
    status, said = run("bash", adapter / "scripts/gen.sh", "-v", "1.8.1")
    assert status == 0 and "FAILED" in said
    assert (adapter / "pytorch/setup.py.rej").exists() and (adapter / "pytorch/build.sh").exists()


@pytest.mark.parametrize("option", ["--version=1.8.1", "--help"])
def test_gen_sh_silently_does_1_5_0(adapter, option):
    assert run("bash", adapter / "scripts/gen.sh", option)[0] == 0
    assert (adapter / "pytorch/pytorch1.5.0_npu.patch").exists()


@pytest.mark.parametrize("version", ["1.9.0", "v1.8.1"])
def test_gen_sh_refuses_other_versions(adapter, version):
    status, said = run("bash", adapter / "scripts/gen.sh", "-v", version)
    assert status == 1 and "Only support version" in said


@pytest.mark.parametrize(
    "options, said",
    [
        (["--python=3.11"], "unsupported python version"),
        (["--python=3.9", "--verbose"], "Unsupported parameters"),
        (["--python=3.9", "--python=3.9"], "Failed to parse"),
        (["3.9"], "Unsupported parameters"),
    ],
)
def test_build_sh_takes_one_option(adapter, options, said):
    status, output = run("bash", adapter / "pytorch1.8.1/src/build.sh", *options)
    assert status == 1 and said in output


def test_pythons_are_those_of_the_release():
    for (ref, version), wanted in make.BUILDS.items():
        script = make.torch_adapter(ref)["pytorch{}/src/build.sh".format(version)].decode()
        assert "supported=({})\n".format(wanted["pythons"]) in script
        assert "PYTORCH_BUILD_NUMBER={}\n".format(wanted["number"]) in script


def test_build_stub_needs_dos2unix(adapter):
    assert b"\r\n" in (adapter / "pytorch1.8.1/src/third_party/acl/libs/build_stub.sh").read_bytes()


# ---------------------------------------------------------------- repositories


def test_the_default_branch_has_moved_on(mirror):
    out, commits, _digests = mirror
    head = run("git", "-C", out / "Ascend/pytorch.git", "ls-tree", "-r", "--name-only", "HEAD")[1].split()
    assert "ci/build.sh" in head and "scripts/gen.sh" not in head
    assert (
        run("git", "-C", out / "pytorch/pytorch.git", "rev-parse", "v1.8.1^{commit}")[1].strip()
        == commits["1.8.1"]["native"]
    )


@pytest.mark.parametrize("version", make.TORCH_VERSIONS)
def test_submodules_come_recursively_through_the_mirror(mirror, tmp_path, version):
    out, _commits, _digests = mirror
    options = ["-c", "protocol.file.allow=always", "-c", "url.file://{}/.insteadOf=https://github.com/".format(out)]
    status, said = run(
        "git",
        *options,
        "clone",
        "-q",
        "--depth=1",
        "-b",
        "v" + version,
        "--recurse-submodules",
        "https://github.com/pytorch/pytorch.git",
        tmp_path / "native",
    )
    assert status == 0, said
    for path in make.SUBMODULES[version]:
        assert (tmp_path / "native" / path / "CMakeLists.txt").exists()
    nested = tmp_path / "native/third_party/fbgemm/third_party/cpuinfo/README.md"
    assert "old" in nested.read_text()


# ---------------------------------------------------------------- gcc's archive


def test_gcc_wants_its_prerequisites(mirror, tmp_path):
    out, _commits, _digests = mirror
    with tarfile.open(out / "gcc-7.3.0.tar.gz") as tar:
        tar.extractall(tmp_path)
    source = tmp_path / "gcc-7.3.0"
    status, said = run(source / "configure", "--prefix=/opt/x", "--disable-bootstrap", cwd=tmp_path)
    assert status == 1 and "Building GCC requires GMP" in said
    for name in make.PREREQUISITES:
        file = make.prerequisite_file(name)
        (source / file).write_bytes((out / file).read_bytes())
    assert run("./contrib/download_prerequisites", cwd=source)[0] == 0
    assert (source / "mpfr/configure").exists()
    (source / make.prerequisite_file("isl")).write_bytes(b"half of it")
    status, said = run("./contrib/download_prerequisites", cwd=source)
    assert status == 1 and "isl-0.16.1.tar.bz2" in said
    assert run(source / "configure", "--no-such-option", cwd=tmp_path)[0] == 1


def test_gcc_of_the_plugin_line_has_its_own_prerequisites(tmp_path):
    digests = make.make_gcc(tmp_path, new=True)
    assert set(digests) == {
        "gcc-11.2.0.tar.xz",
        "gmp-6.1.0.tar.bz2",
        "mpfr-3.1.6.tar.bz2",
        "mpc-1.0.3.tar.gz",
        "isl-0.18.tar.bz2",
    }
    with tarfile.open(tmp_path / "gcc-11.2.0.tar.xz") as tar:
        assert tar.extractfile("gcc-11.2.0/gcc/BASE-VER").read() == b"11.2.0\n"


# ---------------------------------------------------------------- the server


@pytest.fixture
def address(tmp_path):
    write(tmp_path, {"file": bytes(range(200)), "owner/repo.git/info/refs": b"refs"})
    server = serve.make_server(tmp_path, cut_after=50, stall_seconds=60)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield "http://127.0.0.1:{}/".format(server.server_address[1])
    server.shutdown()
    server.server_close()


def get(url, timeout=10, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
        return answer.status, answer.read()


def test_whole_files_and_ranges(address):
    whole = bytes(range(200))
    assert get(address + "file") == (200, whole)
    assert get(address + "file", Range="bytes=190-") == (206, whole[190:])
    assert get(address + "file", Range="bytes=5-9") == (206, whole[5:10])
    assert get(address + "file", Range="bytes=-3") == (206, whole[-3:])
    with pytest.raises(urllib.error.HTTPError, match="416"):
        get(address + "file", Range="bytes=200-")


def test_a_repository_is_found_without_its_suffix(address):
    assert get(address + "owner/repo/info/refs")[1] == get(address + "owner/repo.git/info/refs")[1] == b"refs"


@pytest.mark.parametrize("path", ["404/file", "nothing", "../" + Path(__file__).name, "%2e%2e/x"])
def test_not_found(address, path):
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(address + path)


def test_flaky_cuts_once_and_can_be_resumed(address):
    with pytest.raises(Exception) as error:
        get(address + "flaky/file")
    assert error.value.partial == bytes(range(50))
    assert get(address + "flaky/file", Range="bytes=50-") == (206, bytes(range(50, 200)))


def test_corrupt_differs_in_one_byte(address):
    got = get(address + "corrupt/file")[1]
    assert [i for i in range(200) if got[i] != i] == [100]


def test_stall_stops_in_the_middle(address):
    with pytest.raises(OSError):
        get(address + "stall/file", timeout=0.3)
