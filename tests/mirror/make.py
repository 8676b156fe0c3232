# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the local mirror: honest stand-ins for every source that the collection builds from.

    python3 tests/mirror/make.py OUT

OUT gets the archives, bare git repositories as <owner>/<repo>.git, and vars.yml, the variables that make the roles
use them. Digests and commits follow from the files in sources/ and from the CMake wheels pinned below, nothing else:
dates, authors and modes are fixed.
"""

import argparse
import bz2
import datetime
import difflib
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sources"
CACHE = HERE.parents[1] / ".cache" / "mirror"

Tree = Dict[str, bytes]
Facts = Dict[str, Union[str, bool]]

EPOCH = 1640995200  # 2022-01-01T00:00:00Z: every date in the mirror counts from here
AUTHOR = "Mirror <mirror@example.invalid>"

CMAKE_VERSION = "3.12.1"
GCC_VERSION = "7.3.0"
# As gcc 7.3.0's own contrib/download_prerequisites names them.
PREREQUISITES = {
    "gmp": ("6.1.0", "bz2"),
    "mpfr": ("3.1.4", "bz2"),
    "mpc": ("1.0.3", "gz"),
    "isl": ("0.16.1", "bz2"),
}

# The real CMake inside the stand-in: of PyPI's wheels the oldest whose programs need no libraries beside them, on both
# architectures. All of them run on glibc 2.17 and newer.
WHEEL_VERSION = "3.20.5"
WHEELS = {
    "x86_64": (
        "manylinux_2_5_x86_64.manylinux1_x86_64",
        "6c66b37e20246daf01886ee42287f27b182aac0dddd397a370e0988406fc3bf9",
    ),
    "aarch64": (
        "manylinux_2_17_aarch64.manylinux2014_aarch64",
        "79d4c182ff14872f42b4392545972ba045ed816d3d85892ca959af253604bcae",
    ),
}

REFS = ("2.0.3.tr5", "2.0.4.tr5")
TORCH_VERSIONS = ("1.5.0", "1.8.1")
# What build.sh of Ascend/pytorch has at each ref: the Pythons it takes and its PYTORCH_BUILD_NUMBER.
BUILDS = {
    ("2.0.3.tr5", "1.5.0"): {"pythons": "3.7 3.8", "number": "3"},
    ("2.0.3.tr5", "1.8.1"): {"pythons": "3.7 3.8", "number": "1"},
    ("2.0.4.tr5", "1.5.0"): {"pythons": "3.7 3.8", "number": "4", "new_env": True},
    ("2.0.4.tr5", "1.8.1"): {"pythons": "3.7 3.8 3.9", "number": "1"},
}

# PyTorch's submodules: path -> (owner/repo, state); a module with modules of its own names them in NESTED.
# A state is one commit of the module; "new" follows "old", and the default branch has moved on from both.
SUBMODULES = {
    "1.5.0": {
        "third_party/pybind11": ("pybind/pybind11", "old"),
        "third_party/gloo": ("facebookincubator/gloo", "old"),
        "third_party/pthreadpool": ("Maratyszcza/pthreadpool", "old"),
        "third_party/cpuinfo": ("pytorch/cpuinfo", "old"),
        "third_party/onnx": ("onnx/onnx", "old"),
        "third_party/fbgemm": ("pytorch/fbgemm", "old"),
    },
    "1.8.1": {
        "third_party/pybind11": ("pybind/pybind11", "new"),
        "third_party/gloo": ("facebookincubator/gloo", "new"),
        "third_party/pthreadpool": ("Maratyszcza/pthreadpool", "new"),
        "third_party/cpuinfo": ("pytorch/cpuinfo", "new"),
        "third_party/onnx": ("onnx/onnx", "new"),
        "third_party/fbgemm": ("pytorch/fbgemm", "new"),
        "third_party/fmt": ("fmtlib/fmt", "new"),
        "third_party/tensorpipe": ("pytorch/tensorpipe", "new"),
    },
}
NESTED = {
    "onnx/onnx": ("google/benchmark",),
    "pytorch/fbgemm": ("asmjit/asmjit", "pytorch/cpuinfo", "google/googletest"),
    "pytorch/tensorpipe": ("google/googletest", "libuv/libuv"),
}


# ---------------------------------------------------------------- templates


def holds(condition: str, facts: Facts) -> bool:
    """Whether a condition holds: `name` (is a true fact), `!name` (is not), or `name=value`."""
    if condition.startswith("!"):
        return not facts.get(condition[1:])
    name, equals, value = condition.partition("=")
    return facts.get(name) == value if equals else bool(facts.get(name))


def render(text: str, facts: Facts) -> str:
    """Fill in a template of sources/: `@@{name}`, and the lines `@@if condition`, `@@else`, `@@end`, which nest.

    Raises ValueError where the lines do not pair, KeyError where a name is not among the facts.
    """
    kept, open_ifs = [], []  # type: List[str], List[bool]
    for line in text.splitlines(keepends=True):
        word, _space, rest = line.strip().partition(" ")
        if word == "@@if":
            open_ifs.append(holds(rest, facts))
        elif word == "@@else":
            open_ifs[-1] = not open_ifs[-1]
        elif word == "@@end":
            if not open_ifs:
                raise ValueError("@@end without @@if")
            open_ifs.pop()
        elif all(open_ifs):
            kept.append(re.sub(r"@@\{(\w+)\}", lambda match: str(facts[match.group(1)]), line))
    if open_ifs:
        raise ValueError("@@if without @@end")
    return "".join(kept)


def tree(folder: str, facts: Facts) -> Tree:
    """Path to content of every file of sources/<folder>, rendered.

    The names lose their `.in` (with it no linter takes a stand-in for the collection's own code), `@@name@@` in a
    name is the fact `name`, and a file that renders to nothing is not there, unless it is a package's __init__.py.
    """
    root = SOURCES / folder
    known = dict(facts, bash="#!/bin/bash")  # type: Facts
    files = {}
    for path in sorted(root.rglob("*.in")):
        name = path.relative_to(root).as_posix()[: -len(".in")].replace("@@name@@", str(facts.get("name")))
        try:
            content = render(path.read_text(encoding="utf-8"), known)
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError("{}: {}".format(path, error)) from error
        if name.endswith("build_stub.sh"):
            content = content.replace("\n", "\r\n")
        if content:
            files[name] = content.encode()
    return files


def below(prefix: str, files: Tree) -> Tree:
    """The same files in a folder."""
    return {"{}/{}".format(prefix, name): content for name, content in files.items()}


# ---------------------------------------------------------------- patches


def unified_diff(old: Tree, new: Tree, old_root: str, new_root: str) -> bytes:
    """What `diff -Nur old_root new_root` prints for two trees: a file that is gone has the epoch as its date."""
    then = "2021-04-10 18:39:32.000000000 +0800"
    now = "2022-01-14 14:12:58.909154149 +0800"
    never = "1970-01-01 00:00:00.000000000 +0000"
    out = []  # type: List[str]
    for name in sorted(set(old) | set(new)):
        if old.get(name) == new.get(name):
            continue
        left, right = "{}/{}".format(old_root, name), "{}/{}".format(new_root, name)
        out.append("diff -Nur '--exclude=.git' {} {}\n".format(left, right))
        before, after = (files.get(name, b"").decode().splitlines(keepends=True) for files in (old, new))
        lines = difflib.unified_diff(
            before, after, left, right, then if name in old else never, now if name in new else never
        )
        for line in lines:
            out.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(out).encode()


# ---------------------------------------------------------------- git


class Commit(NamedTuple):
    """One commit of a stand-in: a whole tree, its submodules' commits, the branches and tags that point at it."""

    message: str
    files: Tree
    links: Dict[str, str] = {}
    parent: Optional[int] = None  # index into the repository's list; None is a root
    branches: Tuple[str, ...] = ()
    tags: Tuple[str, ...] = ()


def git(*args: str, stdin: bytes = b"") -> str:
    """What git prints. Raises RuntimeError with git's own words where it fails."""
    # A git hook that runs this has GIT_DIR set, which would lead git to the wrong repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ("git",) + args, input=stdin, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise RuntimeError("git {}: {}".format(" ".join(args), done.stderr.decode("utf-8", "replace")))
    return done.stdout.decode()


def data(content: bytes) -> bytes:
    """A `data` command of git fast-import."""
    return b"data %d\n%s\n" % (len(content), content)


def make_repository(out: Path, name: str, commits: List[Commit]) -> List[str]:
    """Write the bare repository out/<name>.git with these commits; returns their ids, in the same order.

    It can be cloned by path, file:// (shallow too) and dumb HTTP. Tags are annotated: a tag's id is not its commit's.
    """
    path = out / (name + ".git")
    if path.exists():
        shutil.rmtree(path)
    git("init", "--quiet", "--bare", "--template=", "--initial-branch=master", str(path))
    stream = []  # type: List[bytes]
    for number, commit in enumerate(commits):
        who = "{} {} +0000".format(AUTHOR, EPOCH + 86400 * number)
        stream.append(
            "commit refs/import/{}\nmark :{}\nauthor {who}\ncommitter {who}\n".format(
                number, number + 1, who=who
            ).encode()
        )
        stream.append(data(commit.message.encode()))
        if commit.parent is not None:
            stream.append(b"from :%d\n" % (commit.parent + 1))
        stream.append(b"deleteall\n")
        for file, content in sorted(commit.files.items()):
            stream.append("M 100644 inline {}\n".format(file).encode() + data(content))
        for folder, link in sorted(commit.links.items()):
            stream.append("M 160000 {} {}\n".format(link, folder).encode())
        for branch in commit.branches:
            stream.append("reset refs/heads/{}\nfrom :{}\n\n".format(branch, number + 1).encode())
        for tag in commit.tags:
            stream.append("tag {}\nfrom :{}\ntagger {}\n".format(tag, number + 1, who).encode())
            stream.append(data(tag.encode()))
    marks = path / "marks"
    git(
        "-C",
        str(path),
        "-c",
        "fastimport.unpackLimit=1",
        "fast-import",
        "--quiet",
        "--force",
        "--export-marks=" + str(marks),
        stdin=b"".join(stream),
    )
    ids = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    for number in range(len(commits)):
        git("-C", str(path), "update-ref", "-d", "refs/import/{}".format(number))
    for key in ("uploadpack.allowReachableSHA1InWant", "uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
        git("-C", str(path), "config", key, "true")
    (path / "info").mkdir(exist_ok=True)
    git("-C", str(path), "update-server-info")
    return [ids[":{}".format(number + 1)] for number in range(len(commits))]


def torch_facts(version: str) -> Facts:
    """What the templates of sources/pytorch and of the adapter need to know of a release."""
    new = version == "1.8.1"
    return {"version": version, "v181": new, "v150": not new, "more_modules": " fmt tensorpipe" if new else ""}


def native_torch(version: str, npu: bool) -> Tree:
    """PyTorch's tree at a release, as it is or as the patch makes it."""
    files = tree("pytorch", dict(torch_facts(version), npu=npu))
    if version == "1.5.0":
        files["requirements.txt"] = files["requirements.txt"].rstrip(b"\n")  # as the real one ends
    return files


def make_submodules(out: Path) -> Dict[Tuple[str, str], str]:
    """Write the repositories of all submodules; returns {(owner/repo, state): commit}."""
    names = {name for modules in SUBMODULES.values() for name, _state in modules.values()}
    names |= {name for nested in NESTED.values() for name in nested}
    made = {}  # type: Dict[Tuple[str, str], str]
    for name in sorted(names, key=lambda name: (name in NESTED, name)):  # those that others hold come first
        nested = NESTED.get(name, ())
        commits = []
        for number, state in enumerate(("old", "new", "moved on")):
            short = [module.split("/")[1] for module in nested]
            files = tree("submodule", {"name": name.split("/")[1], "state": state, "nested": " ".join(short)})
            if nested:
                files[".gitmodules"] = "".join(
                    '[submodule "third_party/{0}"]\n\tpath = third_party/{0}\n\turl = https://github.com/{1}.git\n'.format(
                        module.split("/")[1], module
                    )
                    for module in nested
                ).encode()
            # a nested module stays where it was, so one repository is needed at two commits in one checkout
            links = {"third_party/" + module.split("/")[1]: made[module, "old"] for module in nested}
            commits.append(
                Commit(state, files, links, number - 1 if number else None, ("master",) if state == "moved on" else ())
            )
        for state, commit in zip(("old", "new", "moved on"), make_repository(out, name, commits)):
            made[name, state] = commit
    return made


def make_torch(out: Path) -> Dict[str, str]:
    """Write pytorch/pytorch and its submodules; returns {version: commit of its tag}."""
    modules = make_submodules(out)
    commits = []
    for number, version in enumerate(TORCH_VERSIONS):
        links = {path: modules[module] for path, module in SUBMODULES[version].items()}
        commits.append(
            Commit(
                "Release " + version,
                native_torch(version, False),
                links,
                number - 1 if number else None,
                tags=("v" + version,),
            )
        )
    commits.append(Commit("Moved on", {"README.md": b"# PyTorch (stand-in, master)\n"}, {}, 1, ("master",)))
    return dict(zip(TORCH_VERSIONS, make_repository(out, "pytorch/pytorch", commits)))


def torch_adapter(ref: str) -> Tree:
    """Ascend/pytorch at a ref: patches, sources and scripts for both releases."""
    files = tree("ascend-pytorch/repo", {"ref": ref})
    for version in TORCH_VERSIONS:
        facts = dict(torch_facts(version), ref=ref, **BUILDS[ref, version])
        files.update(below("pytorch" + version, tree("ascend-pytorch/version", facts)))
        patched = native_torch(version, True)
        if ref == "2.0.3.tr5":  # one release older: its patch does a little less
            patched["test/test_torch.py"] = native_torch(version, False)["test/test_torch.py"]
        files["patch/pytorch{}_npu.patch".format(version)] = unified_diff(
            native_torch(version, False), patched, "pytorch-v" + version, "pytorch-develop-" + version.replace(".", "")
        )
    return files


def make_torch_adapter(out: Path) -> Dict[str, str]:
    """Write Ascend/pytorch; returns {ref: commit}."""
    commits = [
        Commit(ref, torch_adapter(ref), {}, number - 1 if number else None, (ref,)) for number, ref in enumerate(REFS)
    ]
    commits.append(Commit("Plugin layout", tree("ascend-pytorch/master", {}), {}, None, ("master",)))
    return dict(zip(REFS, make_repository(out, "Ascend/pytorch", commits)))


def make_apex(out: Path) -> str:
    """Write NVIDIA/apex and the submodule that nobody needs; returns the commit that stands for the guide's."""
    cutlass = make_repository(
        out, "NVIDIA/cutlass", [Commit("v1.2.0", {"README.md": b"# cutlass (stand-in)\n"}, branches=("master",))]
    )
    links = {"apex/contrib/csrc/multihead_attn/cutlass": cutlass[0]}
    files = tree("nvidia-apex", {})
    older = dict(files, **{"setup.py": files["setup.py"].replace(b'version="0.1"', b'version="0.0"')})
    newer = {name: content for name, content in files.items() if not name.startswith("apex/amp/")}
    newer["setup.py"] = files["setup.py"].replace(b"--cpp_ext", b"--cpp-ext")
    return make_repository(
        out,
        "NVIDIA/apex",
        [
            Commit("Before the guide's", older, links),
            Commit("The guide's", files, links, 0),
            Commit("Moved on: the patch does not fit here", newer, links, 1, ("master",)),
        ],
    )[1]


def make_apex_adapter(out: Path) -> Dict[str, str]:
    """Write Ascend/apex; returns {ref: commit}."""
    patch = unified_diff(tree("nvidia-apex", {}), tree("nvidia-apex", {"npu": True}), "apex", "apex-develop")
    commits = [
        Commit(
            ref,
            dict(tree("ascend-apex/repo", {"ref": ref}), **{"patch/npu.patch": patch}),
            {},
            number - 1 if number else None,
            (ref,),
        )
        for number, ref in enumerate(REFS)
    ]
    commits.append(Commit("Another layout", tree("ascend-apex/master", {}), {}, None, ("master",)))
    return dict(zip(REFS, make_repository(out, "Ascend/apex", commits)))


def make_repositories(out: Path) -> Dict[str, Dict[str, str]]:
    """Write all git repositories; returns the commits for each torch version, as vars.yml has them."""
    native, adapter = make_torch(out), make_torch_adapter(out)
    apex_native, apex_adapter = make_apex(out), make_apex_adapter(out)
    newest = REFS[-1]
    return {
        version: {
            "adapter": adapter[newest],
            "native": native[version],
            "apex_adapter": apex_adapter[newest],
            "apex_native": apex_native,
        }
        for version in TORCH_VERSIONS
    }


# ---------------------------------------------------------------- archives


def make_archive(path: Path, top: str, files: Tree, programs: Tuple[str, ...] = ()) -> str:
    """Write a .tar.gz or .tar.bz2 with one top folder; returns its sha256 in hex.

    What begins with `#!` or is named among the programs is executable.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo("{}/{}".format(top, name))
            entry.size, entry.mtime = len(content), EPOCH
            entry.mode = 0o755 if content.startswith(b"#!") or name in programs else 0o644
            tar.addfile(entry, io.BytesIO(content))
    packed = bz2.compress(raw.getvalue()) if path.suffix == ".bz2" else gzip.compress(raw.getvalue(), 6, mtime=0)
    path.write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


def prerequisite_file(name: str) -> str:
    """The archive's name of one of gcc's prerequisites."""
    version, packing = PREREQUISITES[name]
    return "{}-{}.tar.{}".format(name, version, packing)


def make_gcc(out: Path) -> Dict[str, str]:
    """Write gcc's archive and those of its prerequisites; returns {file: sha256}."""
    digests, sums = {}, []
    for name, (version, _packing) in PREREQUISITES.items():
        file = prerequisite_file(name)
        digests[file] = make_archive(
            out / file, "{}-{}".format(name, version), tree("prerequisite", {"name": name, "version": version})
        )
        sums.append("{}  {}\n".format(hashlib.sha512((out / file).read_bytes()).hexdigest(), file))
    major, minor, patch = GCC_VERSION.split(".")
    files = tree("gcc", {"version": GCC_VERSION, "major": major, "minor": minor, "patch": patch})
    files["contrib/prerequisites.sha512"] = "".join(sums).encode()
    file = "gcc-{}.tar.gz".format(GCC_VERSION)
    digests[file] = make_archive(out / file, file[: -len(".tar.gz")], files)
    return digests


def fetch_wheels(cache: Path) -> Dict[str, Path]:
    """PyPI's CMake wheels by architecture, from the cache or through pip, which checks their pinned digests."""
    cache.mkdir(parents=True, exist_ok=True)
    wheels = {}
    for arch, (platforms, digest) in WHEELS.items():
        wheels[arch] = cache / "cmake-{}-py2.py3-none-{}.whl".format(WHEEL_VERSION, platforms)
        if wheels[arch].exists() and hashlib.sha256(wheels[arch].read_bytes()).hexdigest() == digest:
            continue
        wanted = cache / "{}.txt".format(arch)
        wanted.write_text("cmake=={} --hash=sha256:{}\n".format(WHEEL_VERSION, digest))
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--require-hashes",
                "--only-binary",
                ":all:",
                "--platform",
                platforms.rsplit(".", maxsplit=1)[-1],
                "--python-version",
                "3.9",
                "--dest",
                str(cache),
                "--requirement",
                str(wanted),
            ],
            check=True,
        )
    return wheels


def cmake_parts(wheels: Dict[str, Path]) -> Tree:
    """What the stand-in carries of the real CMake: the program for each architecture, its modules, its licences.

    Left out, for a small archive and a quick publish: help texts, ctest and cpack, and all finders but a few.
    """
    finders = re.compile(r"/Modules/Find(?!Package|Threads|Python|Git|PkgConfig)[^/]*\.cmake$|/Modules/FindCUDA/")
    parts = {}
    for arch, wheel in sorted(wheels.items()):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name == "cmake/data/bin/cmake":
                    parts["prebuilt/{}/cmake".format(arch)] = archive.read(name)
                elif re.match(r"cmake/data/share/cmake-[\d.]+/(Modules|Templates)/.*[^/]$", name):
                    if not finders.search(name):
                        parts["prebuilt/" + name[len("cmake/data/") :]] = archive.read(name)
                elif re.match(r"cmake/data/doc/.*[^/]$", name):
                    parts["prebuilt/" + name[len("cmake/data/") :]] = archive.read(name)
                elif "/LICENSE" in name and ".dist-info/" in name:
                    parts["Licenses/" + name.rsplit("/", 1)[1]] = archive.read(name)
    return parts


def make_cmake(out: Path, cache: Path) -> str:
    """Write CMake's archive; returns its sha256."""
    parts = cmake_parts(fetch_wheels(cache))
    files = dict(parts, **tree("cmake", {"version": CMAKE_VERSION, "wheel_version": WHEEL_VERSION}))
    programs = tuple("prebuilt/{}/cmake".format(arch) for arch in WHEELS)
    return make_archive(out / "cmake-{}.tar.gz".format(CMAKE_VERSION), "cmake-" + CMAKE_VERSION, files, programs)


# ---------------------------------------------------------------- all of it


def variables(cmake: str, gcc: Dict[str, str], commits: Dict[str, Dict[str, str]]) -> str:
    """vars.yml: the variables of the roles that make them take what stands in the mirror."""
    lines = ["---", 'cmake_sha256: "{}"'.format(cmake), "gcc730_digests:"]
    lines += ['  {}: "{}"'.format(file, digest) for file, digest in sorted(gcc.items())]
    lines.append("mirror_commits:")
    for version, parts in commits.items():
        lines.append('  "{}":'.format(version))
        lines += ['    {}: "{}"'.format(part, commit) for part, commit in parts.items()]
    for variable, part in (
        ("torch_npu_build_adapter_commit", "adapter"),
        ("torch_npu_build_native_commit", "native"),
        ("apex_build_adapter_commit", "apex_adapter"),
        ("apex_build_native_commit", "apex_native"),
    ):
        # A release that the mirror has not got is for the role to refuse.
        row = "(mirror_commits[ascend_torch_version | default('1.8.1')] | default({}))"
        lines.append("{}: \"{{{{ {}.{} | default('auto') }}}}\"".format(variable, row, part))
    return "\n".join(lines) + "\n"


def main(arguments: Optional[List[str]] = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder to write into; what it has of an older mirror is replaced")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where PyPI's wheels are kept (default: %(default)s)")
    options = parser.parse_args(arguments)
    os.umask(0o022)  # hosts' plain users read the mirror too
    begun = datetime.datetime.now()
    options.out.mkdir(parents=True, exist_ok=True)
    commits = make_repositories(options.out)
    gcc = make_gcc(options.out)
    cmake = make_cmake(options.out, options.cache)
    (options.out / "vars.yml").write_text(variables(cmake, gcc, commits))
    print("{} made in {:.1f} s".format(options.out, (datetime.datetime.now() - begun).total_seconds()))


if __name__ == "__main__":
    main()
