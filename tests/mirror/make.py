# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the local mirror: honest stand-ins for every source that the collection builds from.

    python3 tests/mirror/make.py OUT

OUT gets the archives, bare git repositories as <owner>/<repo>.git, wheels and their index, and vars.yml, the variables
that make the roles use them; vars-<release>.yml are those of a release of the plugin line. Digests and commits follow
from the files in sources/, the table of releases and the CMake wheels pinned below, nothing else: dates, authors and
modes are fixed.
"""

import argparse
import bz2
import datetime
import difflib
import gzip
import hashlib
import io
import lzma
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # where this file is loaded and not run
    sys.path.insert(0, str(HERE))

from mirror_plugin import MINIZ, TAGS, plugin_commits  # noqa: E402 - needs the path above
from mirror_trees import EPOCH, Commit, Facts, Tree, below, make_repository, tree  # noqa: E402
from mirror_wheels import make_wheels  # noqa: E402

CACHE = HERE.parents[1] / ".cache" / "mirror"

# The tools of the patched line, and those of the plugin line.
CMAKE_VERSION, NEW_CMAKE_VERSION = "3.12.1", "3.18.4"
GCC_VERSION, NEW_GCC_VERSION = "7.3.0", "11.2.0"
# As gcc's own contrib/download_prerequisites names them.
PREREQUISITES = {
    "gmp": ("6.1.0", "bz2"),
    "mpfr": ("3.1.4", "bz2"),
    "mpc": ("1.0.3", "gz"),
    "isl": ("0.16.1", "bz2"),
}
NEW_PREREQUISITES = dict(PREREQUISITES, mpfr=("3.1.6", "bz2"), isl=("0.18", "bz2"))

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
# The ref of Ascend/apex for the plugin line.
PLUGIN_APEX = "5.0.0"
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


# ---------------------------------------------------------------- PyTorch and the patches for it


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
    """Write Ascend/pytorch and the submodules of its plugin line; returns {ref or tag: commit}."""
    commits = [
        Commit(ref, torch_adapter(ref), {}, number - 1 if number else None, (ref,)) for number, ref in enumerate(REFS)
    ]
    commits += plugin_commits(out, len(commits))
    made = make_repository(out, "Ascend/pytorch", commits)
    return {commit.message: sha for commit, sha in zip(commits, made) if commit.message in REFS + TAGS}


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


def apex_adapter(ref: str, native: str = "") -> Tree:
    """Return Ascend/apex's tree at a ref; native: of the plugin line, the commit of NVIDIA/apex that it clones by itself."""
    facts = {"ref": ref, "plugin": bool(native), "native": native}  # type: Facts
    files = tree("ascend-apex/repo", facts)
    if native:
        files = {name: content for name, content in files.items() if "/npu_float_status/" not in name}
    before, after = tree("nvidia-apex", {}), tree("nvidia-apex", {"npu": True, "plugin": bool(native)})
    return dict(files, **{"patch/npu.patch": unified_diff(before, after, "apex", "apex-develop")})


def make_apex_adapter(out: Path, native: str) -> Dict[str, str]:
    """Write Ascend/apex, both lines of it; returns {ref: commit}."""
    commits = [
        Commit(ref, apex_adapter(ref), {}, number - 1 if number else None, (ref,)) for number, ref in enumerate(REFS)
    ]
    commits.append(Commit(PLUGIN_APEX, apex_adapter(PLUGIN_APEX, native), {}, None, (PLUGIN_APEX, "master")))
    return dict(zip((*REFS, PLUGIN_APEX), make_repository(out, "Ascend/apex", commits)))


def make_repositories(out: Path) -> Tuple[Dict[str, Dict[str, str]], Dict[str, Dict[str, str]]]:
    """Write all git repositories.

    Returns the commits for each torch version, as vars.yml has them, and for each tag of the plugin line those that its
    vars-<release>.yml has, by variable.
    """
    native, adapter = make_torch(out), make_torch_adapter(out)
    apex_native = make_apex(out)
    apex_adapters = make_apex_adapter(out, apex_native)
    newest = REFS[-1]
    patched = {
        version: {
            "adapter": adapter[newest],
            "native": native[version],
            "apex_adapter": apex_adapters[newest],
            "apex_native": apex_native,
        }
        for version in TORCH_VERSIONS
    }
    plugin = {
        tag: {
            "torch_npu_build_adapter_commit": adapter[tag],
            "apex_build_adapter_commit": apex_adapters[PLUGIN_APEX],
            "apex_build_native_commit": apex_native,
        }
        for tag in TAGS
    }
    return patched, plugin


# ---------------------------------------------------------------- archives


def make_archive(path: Path, top: str, files: Tree, programs: Tuple[str, ...] = ()) -> str:
    """Write a .tar.gz, .tar.bz2 or .tar.xz with one top folder; returns its sha256 in hex.

    What begins with `#!` or is named among the programs is executable.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo("{}/{}".format(top, name))
            entry.size, entry.mtime = len(content), EPOCH
            entry.mode = 0o755 if content.startswith(b"#!") or name in programs else 0o644
            tar.addfile(entry, io.BytesIO(content))
    if path.suffix == ".gz":
        packed = gzip.compress(raw.getvalue(), 6, mtime=0)
    else:
        packed = (bz2 if path.suffix == ".bz2" else lzma).compress(raw.getvalue())
    path.write_bytes(packed)
    return hashlib.sha256(packed).hexdigest()


def prerequisite_file(name: str, prerequisites: Optional[Dict[str, Tuple[str, str]]] = None) -> str:
    """The archive's name of one of gcc's prerequisites, by default of the guide's."""
    version, packing = (prerequisites or PREREQUISITES)[name]
    return "{}-{}.tar.{}".format(name, version, packing)


def make_gcc(out: Path, new: bool = False) -> Dict[str, str]:
    """Write gcc's archive and those of its prerequisites, of the plugin line if new; returns {file: sha256}."""
    digests, sums = {}, []
    gcc, prerequisites = (NEW_GCC_VERSION, NEW_PREREQUISITES) if new else (GCC_VERSION, PREREQUISITES)
    for name, (version, _packing) in prerequisites.items():
        file = prerequisite_file(name, prerequisites)
        digests[file] = make_archive(
            out / file, "{}-{}".format(name, version), tree("prerequisite", {"name": name, "version": version})
        )
        sums.append("{}  {}\n".format(hashlib.sha512((out / file).read_bytes()).hexdigest(), file))
    major, minor, patch = gcc.split(".")
    libstdcxx = "6.0.29" if new else "6.0.24"
    files = tree(
        "gcc",
        {"version": gcc, "major": major, "minor": minor, "patch": patch, "libstdcxx": libstdcxx, "new": new},
    )
    files["contrib/prerequisites.sha512"] = "".join(sums).encode()
    file = "gcc-{}.tar.{}".format(gcc, "xz" if new else "gz")
    digests[file] = make_archive(out / file, "gcc-" + gcc, files)
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


def make_cmake(out: Path, cache: Path, versions: Tuple[str, ...] = (CMAKE_VERSION, NEW_CMAKE_VERSION)) -> List[str]:
    """Write CMake's archives; returns the sha256 of each."""
    parts = cmake_parts(fetch_wheels(cache))
    programs = tuple("prebuilt/{}/cmake".format(arch) for arch in WHEELS)
    digests = []
    for version in versions:
        files = dict(parts, **tree("cmake", {"version": version, "wheel_version": WHEEL_VERSION}))
        digests.append(make_archive(out / "cmake-{}.tar.gz".format(version), "cmake-" + version, files, programs))
    return digests


# ---------------------------------------------------------------- all of it


def tool_variables(cmake: str, gcc: Dict[str, str]) -> List[str]:
    """The lines of vars.yml, or of a release's, about CMake and gcc."""
    digests = ['  {}: "{}"'.format(file, digest) for file, digest in sorted(gcc.items())]
    return ['cmake_sha256: "{}"'.format(cmake), "gcc730_digests:", *digests]


def variables(cmake: str, gcc: Dict[str, str], commits: Dict[str, Dict[str, str]]) -> str:
    """vars.yml: the variables of the roles that make them take what stands in the mirror."""
    # Said outright: without it the release follows from the host, and vars-<release>.yml say another.
    lines = ["---", 'ascend_torch_version: "1.8.1"', *tool_variables(cmake, gcc)]
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
        row = "(mirror_commits[ascend_torch_version] | default({}))"
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
    commits, plugin = make_repositories(options.out)
    (options.out / "miniz.h").write_bytes(MINIZ)
    gcc, new_gcc = make_gcc(options.out), make_gcc(options.out, new=True)
    cmake, new_cmake = make_cmake(options.out, options.cache)
    make_wheels(options.out, plugin, tool_variables(new_cmake, new_gcc), tool_variables(cmake, gcc))
    (options.out / "vars.yml").write_text(variables(cmake, gcc, commits))
    print("{} made in {:.1f} s".format(options.out, (datetime.datetime.now() - begun).total_seconds()))


if __name__ == "__main__":
    main()
