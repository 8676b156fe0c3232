# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make of a stock torch for CUDA, as PyPI has it on x86_64, what its build for CPUs is to those who build against it.

    python3 tests/mirror/cpu_torch.py torch-2.1.0-cp311-cp311-manylinux1_x86_64.whl OUT

OUT gets torch-2.1.0+cpu-cp311-cp311-linux_x86_64.whl: its version and its file name are those of the PyTorch project's build,
it requires nothing of CUDA, its CMake package neither looks for CUDA nor has targets of it, and stand-ins of CUDA's libraries
(see cann_stubs.py) let it be imported without them. The libraries of torch itself are PyPI's.

It is for machines that reach PyPI and not the PyTorch project's index. It takes gcc, binutils, and the size of an unpacked torch.
"""

import argparse
import base64
import csv
import hashlib
import io
import re
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List, Tuple

import cann_stubs

# cudaErrorNoDevice: what asks for a GPU learns that there is none.
NO_DEVICE = 100
# The targets of CUDA in the CMake packages of torch and of the Tensorpipe in it.
TARGETS = ("c10_cuda", "torch_cuda_library", "torch_cuda", "tensorpipe_cuda")
# A target, up to the next one or to the end of the list of targets: as CMake's install(EXPORT) writes them.
TARGET = r'^# (?:Create imported|Import) target "?(?:{})"?\b.*?(?=^# |^if\(|^#-|\Z)'.format("|".join(TARGETS))
REQUIREMENT = re.compile(r"^Requires-Dist: (nvidia-|triton\b).*\n", re.MULTILINE)


def without_cuda(text: str) -> str:
    """Return a file of torch's CMake packages without the search for CUDA, its targets and what they define."""
    # The condition that CMake wrote for USE_CUDA, in front of what it guards.
    text = re.sub(r"^( *)if\(ON\)(?=\n(?:  # [^\n]*CAFFE2_USE_|\s*append_wholearchive_lib_if_found\(torch_cuda|  if\(MSVC\)))",
                  r"\1if(OFF)", text, flags=re.MULTILINE)  # fmt: skip
    text = re.sub(TARGET, "", text, flags=re.MULTILINE | re.DOTALL)
    listed = re.compile(r"^foreach\(_expectedTarget .*\)$", re.MULTILINE)
    text = listed.sub(lambda found: re.sub(r" (?:{})\b".format("|".join(TARGETS)), "", found.group()), text)
    text = text.replace("torch_cpu_library;torch_cuda_library", "torch_cpu_library")
    text = text.replace("/usr/local/cuda/lib64/libcudart.so;", "")
    return text.replace('  INTERFACE_INCLUDE_DIRECTORIES "/usr/local/cuda/include"\n', "")


def changed(files: Dict[str, str], version: str) -> Dict[str, str]:
    """Return the texts in a wheel of torch that are others in its build for CPUs: name -> text, under their old names."""
    made = {}
    for name, text in files.items():
        if name.endswith(".cmake"):
            made[name] = without_cuda(text)
        elif name == "torch/version.py":
            text = re.sub(r"^__version__ = .*$", "__version__ = {!r}".format(version), text, flags=re.MULTILINE)
            made[name] = re.sub(r"^cuda(:.*)? = .*$", "cuda = None", text, flags=re.MULTILINE)
        elif name.endswith(".dist-info/METADATA"):
            made[name] = REQUIREMENT.sub("", re.sub(r"^Version: .*$", "Version: " + version, text, flags=re.MULTILINE))
        elif name.endswith(".dist-info/WHEEL"):
            made[name] = re.sub(r"^Tag: (\S+)-\S+$", r"Tag: \1-linux_x86_64", text, flags=re.MULTILINE)
    return {name: text for name, text in made.items() if text != files[name]}


def record_of(content: bytes) -> Tuple[str, str]:
    """Return a file's digest and size as a wheel's RECORD has them."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return "sha256=" + digest, str(len(content))


def stub_libraries(wheel: zipfile.ZipFile) -> Dict[str, bytes]:
    """Return stand-ins of the libraries that a torch is linked to and does not bring: name in the wheel -> content."""
    with tempfile.TemporaryDirectory() as folder:
        site, out = Path(folder, "site"), Path(folder, "out")
        wheel.extractall(site, [name for name in wheel.namelist() if name.startswith("torch/") and ".so" in name])
        cann_stubs.generate(site, out, package="torch", code=NO_DEVICE)
        return {"torch/lib/" + path.name: path.read_bytes() for path in sorted(out.iterdir())}


def convert(path: Path, out: Path) -> Path:
    """Write the wheel into out and return its path. Raises ValueError where the file is no wheel of a torch for CUDA."""
    project, public, python, abi, _platform = path.name[: -len(".whl")].split("-")
    version = public.partition("+")[0] + "+cpu"
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        texts = [
            name for name in names if re.search(r"\.cmake$|^torch/version\.py$|\.dist-info/(METADATA|WHEEL)$", name)
        ]
        new = changed({name: wheel.read(name).decode() for name in texts}, version)
        if project != "torch" or "torch/version.py" not in new:
            raise ValueError("{} is no wheel of torch for CUDA".format(path))
        contents = {name: text.encode() for name, text in new.items()}
        contents.update(stub_libraries(wheel))
        made = out / "-".join([project, version, python, abi, "linux_x86_64.whl"])
        renamed = ("{}-{}.".format(project, public), "{}-{}.".format(project, version))
        record = next(name for name in names if name.endswith(".dist-info/RECORD"))
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(wheel.read(record).decode())) if row}
        rows.update({name: list(record_of(content)) for name, content in contents.items()})
        write(wheel, made, contents, renamed, record, rows)
    return made


def write(
    wheel: zipfile.ZipFile,
    made: Path,
    contents: Dict[str, bytes],
    renamed: Tuple[str, str],
    record: str,
    rows: Dict[str, List[str]],
) -> None:
    """Write a wheel out of another.

    :param contents: the files that are new or changed: name -> content; :param renamed: what names begin with, and shall
    :param record: the name of its RECORD; :param rows: its rows, by name
    """
    made.parent.mkdir(parents=True, exist_ok=True)
    part = made.with_name(made.name + ".part")
    # Not packed: it is large, and is unpacked as soon as it is made.
    with zipfile.ZipFile(part, "w") as target:
        for name in [*dict.fromkeys([*wheel.namelist(), *contents])]:
            if name == record or name.endswith("/"):
                continue
            new_name = name.replace(*renamed) if name.startswith(renamed[0]) else name
            if name in contents:
                target.writestr(new_name, contents[name])
                continue
            with wheel.open(name) as source, target.open(new_name, "w", force_zip64=True) as copy:
                for piece in iter(lambda: source.read(1 << 20), b""):
                    copy.write(piece)
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(
            [name.replace(*renamed) if name.startswith(renamed[0]) else name, *row] for name, row in rows.items()
        )
        target.writestr(record.replace(*renamed), lines.getvalue())
    part.replace(made)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the wheel for CUDA")
    parser.add_argument("out", type=Path, help="folder for the wheel for CPUs")
    options = parser.parse_args()
    try:
        print(convert(options.wheel, options.out))
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        print("cpu_torch: {}".format(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
