# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels of the plugin line: stock torch, as a CPU and as a CUDA build, ready-made torch_npu, and an index of them.

Nothing in them is compiled, so they are written here for every Python and architecture, under their real names. The
members are not packed: what packs differs from one machine to the next, and the digests must not.
"""

import base64
import hashlib
import html
import io
import json
import zipfile
from pathlib import Path
from typing import Dict, List, Sequence, Tuple
from urllib.parse import quote

from mirror_plugin import MINIZ, TABLE, Row, downloads_miniz, facts, ready_files, rows
from mirror_trees import Tree, tree

Wheel = Dict[str, str]  # file, url, sha256

INDEX = "https://download.pytorch.org/whl/cpu/"
CUDA = "cu124"
# Of 1.8.1 the table has one stock wheel; these are there too.
OLD_STOCK = (
    *("torch-1.8.1+cpu-cp3{0}-cp3{1}-linux_x86_64.whl".format(*one) for one in (("7", "7m"), ("8", "8"), ("9", "9"))),
    *(
        "torch-1.8.1-cp3{0}-cp3{1}-manylinux2014_aarch64.whl".format(*one)
        for one in (("7", "7m"), ("8", "8"), ("9", "9"))
    ),
)
# The Pythons and platforms of the ready-made wheels, as PyPI has them; the other releases are not there.
READY = {
    "2.1.0.post17": ("38 39 310 311", "manylinux_2_17_{}.manylinux2014_{}", "manylinux_2_17_{}.manylinux2014_{}"),
    "2.6.0.post3": ("39 310 311", "manylinux_2_17_{}.manylinux2014_{}", "manylinux_2_28_{}"),
    "2.6.0.post5": ("39 310 311 312", "manylinux_2_17_{}.manylinux2014_{}", "manylinux_2_28_{}"),
    "2.12.0": ("310 311 312 313", "manylinux_2_28_{}", "manylinux_2_28_{}"),
}


def write_wheel(path: Path, files: Tree, requires: Tuple[str, ...] = (), entry_points: str = "") -> str:
    """Write a wheel whose name and tags are those of its file name; return its sha256 in hex."""
    name, version, *tags = path.name[: -len(".whl")].split("-")
    info = "{}-{}.dist-info".format(name, version)
    headers = ["Metadata-Version: 2.1", "Name: " + name, "Version: " + version]
    python, abi, platforms = tags
    kinds = ["Wheel-Version: 1.0", "Generator: mirror", "Root-Is-Purelib: false"]
    kinds += ["Tag: {}-{}-{}".format(python, abi, platform) for platform in platforms.split(".")]
    content = dict(files)
    content[info + "/METADATA"] = "\n".join(headers + ["Requires-Dist: " + one for one in requires] + [""]).encode()
    content[info + "/WHEEL"] = "\n".join([*kinds, ""]).encode()
    content[info + "/top_level.txt"] = (name + "\n").encode()
    if entry_points:
        content[info + "/entry_points.txt"] = entry_points.encode()
    record = []
    for member, data in sorted(content.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        record.append("{},sha256={},{}\n".format(member, digest, len(data)))
    record.append(info + "/RECORD,,\n")
    content[info + "/RECORD"] = "".join(record).encode()
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
        for member in [*sorted(name for name in content if not name.endswith("/RECORD")), info + "/RECORD"]:
            entry = zipfile.ZipInfo(member, (2022, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, content[member])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw.getvalue())
    return hashlib.sha256(raw.getvalue()).hexdigest()


# ---------------------------------------------------------------- stock torch


def stock_files(version: str, arch: str) -> Tree:
    """Return what a stock torch installs; version with its local part, such as 2.6.0+cpu."""
    release, _plus, local = version.partition("+")
    major, minor, patch = release.split(".")
    numbers = (int(major), int(minor), int(patch))
    new = numbers >= (2, 1, 0)
    # 2.6.0 went over to the new ABI on aarch64, and newer ones everywhere.
    abi = numbers >= (2, 7, 0) or (numbers >= (2, 6, 0) and arch == "aarch64")
    return tree(
        "stock",
        {
            "version": version,
            "release": release,
            "major": major,
            "minor": minor,
            "patch": patch,
            "cuda": local.startswith("cu"),
            "autoload": numbers >= (2, 5, 0),
            "torchgen": new,
            "abi": str(abi),
            "abi_number": str(int(abi)),
            "cxx": "17" if new else "14",
            "cplusplus": "201703L" if new else "201402L",
        },
    )


def stock_wheels(torch: str) -> List[Tuple[str, str]]:
    """Return file name and URL of each stock wheel of a torch version, the CPU builds."""
    if torch == "1.8.1":
        return [(file, INDEX + quote(file)) for file in OLD_STOCK]
    found = json.loads(TABLE.read_text(encoding="utf-8"))["stock_torch"][torch]
    return [(row["file"], row["url"]) for row in found]


def make_stock(out: Path, files: List[Tuple[str, str]]) -> List[Wheel]:
    """Write stock wheels, given as file name and URL."""
    made, trees = [], {}  # type: List[Wheel], Dict[Tuple[str, str], Tree]
    for file, url in files:
        version, arch = file.split("-")[1], "aarch64" if "aarch64" in file else "x86_64"
        if (version, arch) not in trees:
            trees[version, arch] = stock_files(version, arch)
        requires = ("typing-extensions",) if version.startswith("1.") else ("filelock", "typing-extensions>=4.8.0")
        made.append({"file": file, "url": url, "sha256": write_wheel(out / file, trees[version, arch], requires)})
    return made


def cuda_wheels(torch: str) -> List[Tuple[str, str]]:
    """Return file name and URL of the CUDA builds of a torch version: those of its CPU builds for x86_64, renamed."""
    found = [
        file.replace("+cpu", "+" + CUDA) for file, _url in stock_wheels(torch) if "+cpu" in file and "x86_64" in file
    ]
    return [(file, INDEX.replace("/cpu/", "/{}/".format(CUDA)) + quote(file)) for file in found]


# ---------------------------------------------------------------- ready-made torch_npu


def make_ready(out: Path, row: Row) -> List[Wheel]:
    """Write the ready-made wheels of a plugin release into out/simple/torch-npu."""
    package, made = row["package"], []
    pythons, *platforms = READY.get(package, ("",))
    entry_points = "[torch.backends]\ntorch_npu = torch_npu:_autoload\n" if row["autoload"] else ""
    files = ready_files(row)
    for arch, platform in zip(("x86_64", "aarch64"), platforms):
        local = "+cpu" if arch == "x86_64" and facts(row)["requires"] == "exact" else ""
        for python in pythons.split():
            file = "torch_npu-{0}-cp{1}-cp{1}-{2}.whl".format(package, python, platform.format(arch, arch))
            path = out / "simple" / "torch-npu" / file
            digest = write_wheel(path, files, ("torch=={}{}".format(row["torch"], local),), entry_points)
            made.append({"file": file, "url": "https://wheels.example.invalid/" + file, "sha256": digest})
    return made


def make_index(out: Path, stock: List[Wheel], ready: List[Wheel]) -> None:
    """Write out/simple, an index of packages (PEP 503): of stock torch, which stands in out, and of torch_npu."""
    pages = {"torch": ("../../", stock), "torch-npu": ("", ready)}
    for name, (prefix, wheels) in pages.items():
        anchors = [
            '<a href="{}{}#sha256={}">{}</a><br>\n'.format(
                prefix, quote(wheel["file"]), wheel["sha256"], html.escape(wheel["file"])
            )
            for wheel in wheels
        ]
        page = out / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<!DOCTYPE html>\n<title>{}</title>\n{}".format(name, "".join(anchors)))
    roots = "".join('<a href="{0}/">{0}</a><br>\n'.format(name) for name in pages)
    (out / "simple" / "index.html").write_text("<!DOCTYPE html>\n<title>Simple index</title>\n" + roots)


def variables(
    row: Row, commits: Dict[str, str], stock: List[Wheel], cuda: List[Wheel], ready: List[Wheel]
) -> List[str]:
    """Return the lines of a release's vars-<release>.yml: what makes the roles take this release from the mirror."""
    # 1.8.1 is also a release of the patched line: there the tag says which.
    version = row["tag"] if not row["submodules"] else row["package"]
    lines = ["---", 'ascend_torch_version: "{}"'.format(version)]
    lines += ['{}: "{}"'.format(*each) for each in commits.items()]
    if downloads_miniz(row):
        lines.append('torch_npu_build_digests: {{miniz.h: "{}"}}'.format(hashlib.sha256(MINIZ).hexdigest()))
    for name, wheels in (
        ("torch_npu_build_stock_wheels", stock),
        ("mirror_cuda_wheels", cuda),
        ("mirror_ready_wheels", ready),
    ):
        lines.append(name + (":" if wheels else ": []"))
        lines += ["  - " + json.dumps(wheel) for wheel in wheels]
    return lines


def make_wheels(
    out: Path, commits: Dict[str, Dict[str, str]], tools: Sequence[str] = (), old_tools: Sequence[str] = ()
) -> Dict[str, str]:
    """Write all wheels, their index, and vars-<release>.yml of each release; return {file: sha256} of all wheels.

    commits: by variable, for each tag of the plugin line; tools: lines of vars-<release>.yml about CMake and gcc; old_tools: the
    same of releases in C++14.
    """
    stock = {torch: make_stock(out, stock_wheels(torch)) for torch in sorted({row["torch"] for row in rows()})}
    cuda = {"2.6.0": make_stock(out, cuda_wheels("2.6.0"))}
    indexed = []  # type: List[Wheel]
    for row in rows():
        torch, ready = row["torch"], make_ready(out, row)
        indexed += ready
        lines = [*variables(row, commits[row["tag"]], stock[torch], cuda.get(torch, []), ready)]
        lines += [*(tools if row["cxx"] >= 17 else old_tools), ""]
        (out / "vars-{}.yml".format(row["package"])).write_text("\n".join(lines))
    plain = [wheel for wheels in (*stock.values(), *cuda.values()) for wheel in wheels]
    make_index(out, plain, indexed)
    return {wheel["file"]: wheel["sha256"] for wheel in plain + indexed}
