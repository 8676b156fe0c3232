# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A torch for CUDA becomes one for CPUs in all that those see who build against it."""

import csv
import io
import shutil
import subprocess
import sys
import zipfile

import cpu_torch
import pytest

CONFIG = """\
if(OFF)
  include("${CMAKE_CURRENT_LIST_DIR}/public/LoadHIP.cmake")
endif()
if(ON)
  # The file public/cuda.cmake exclusively uses CAFFE2_USE_*.
  include("${CMAKE_CURRENT_LIST_DIR}/public/cuda.cmake")
endif()
if(ON)
  include("${CMAKE_CURRENT_LIST_DIR}/public/mkldnn.cmake")
endif()
"""
TARGETS = """\
foreach(_expectedTarget c10_cuda c10 torch_cuda torch_cuda_library torch)
# Create imported target c10_cuda
add_library(c10_cuda SHARED IMPORTED)

# Create imported target c10
add_library(c10 SHARED IMPORTED)

# Create imported target torch_cuda
set_target_properties(torch_cuda PROPERTIES
  INTERFACE_COMPILE_DEFINITIONS "USE_C10D_NCCL"
)

# Create imported target torch_cuda_library
add_library(torch_cuda_library INTERFACE IMPORTED)

# Create imported target torch
set_target_properties(torch PROPERTIES
  INTERFACE_LINK_LIBRARIES "torch_cpu_library;torch_cuda_library"
)

if(CMAKE_VERSION VERSION_LESS 2.8.12)
endif()
"""
METADATA = """\
Name: torch
Version: 2.1.0
Requires-Dist: filelock
Requires-Dist: nvidia-cudnn-cu12 (==8.9.2.26) ; platform_system == "Linux"
Requires-Dist: triton (==2.1.0) ; platform_system == "Linux"
"""


def test_cmake_neither_looks_for_cuda_nor_defines_it():
    assert cpu_torch.without_cuda(CONFIG) == CONFIG.replace("if(ON)", "if(OFF)", 1)
    made = cpu_torch.without_cuda(TARGETS)
    assert "foreach(_expectedTarget c10 torch)\n" in made
    assert "cuda" not in made and "NCCL" not in made
    assert [line for line in made.splitlines() if line.startswith("#")] == [
        "# Create imported target c10",
        "# Create imported target torch",
    ]
    assert '  INTERFACE_LINK_LIBRARIES "torch_cpu_library"\n' in made and "if(CMAKE_VERSION" in made


@pytest.fixture
def for_cuda(tmp_path):
    """A wheel of a torch for CUDA, linked to a library that is not in it."""
    if not all(shutil.which(program) for program in ("gcc", "readelf", "nm")):
        pytest.skip("no gcc, or no binutils")

    def compile_library(name, text, *options):
        path = tmp_path / name
        argv = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", str(path), *options]
        subprocess.run(argv, input=text, text=True, check=True)
        return path

    (tmp_path / "map").write_text("libcudart.so.12 { global: cudaGetDeviceCount; };\n")
    cuda = compile_library(
        "libcudart.so.12",
        "int cudaGetDeviceCount(int *n) { *n = 8; return 0; }\n",
        f"-Wl,-soname,libcudart.so.12,--version-script={tmp_path / 'map'}",
    )
    torch = compile_library(
        "libtorch.so",
        "int cudaGetDeviceCount(int *);\nint devices(void) { int n; return cudaGetDeviceCount(&n); }\n",
        str(cuda),
    )
    path = tmp_path / "torch-2.1.0-cp311-cp311-manylinux1_x86_64.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("torch/version.py", "__version__ = '2.1.0+cu121'\ncuda = '12.1'\n")
        wheel.writestr("torch/share/cmake/Caffe2/Caffe2Config.cmake", CONFIG)
        wheel.write(torch, "torch/lib/libtorch.so")
        wheel.writestr("torch-2.1.0.dist-info/METADATA", METADATA)
        wheel.writestr("torch-2.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux1_x86_64\n")
        rows = [[name, "sha256=old", "1"] for name in wheel.namelist()] + [["torch-2.1.0.dist-info/RECORD", "", ""]]
        wheel.writestr("torch-2.1.0.dist-info/RECORD", "".join(",".join(row) + "\n" for row in rows))
    cuda.unlink()
    return path


def test_the_wheel_is_what_the_build_for_cpus_is(for_cuda, tmp_path):
    made = cpu_torch.convert(for_cuda, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["torch-2.1.0+cpu-cp311-cp311-linux_x86_64.whl"]
    with zipfile.ZipFile(made) as wheel:
        assert wheel.testzip() is None
        text = {name: wheel.read(name) for name in wheel.namelist()}
        wheel.extractall(tmp_path / "site")
    assert text["torch/version.py"].decode() == "__version__ = '2.1.0+cpu'\ncuda = None\n"
    metadata = text["torch-2.1.0+cpu.dist-info/METADATA"].decode()
    assert "Version: 2.1.0+cpu\n" in metadata and "filelock" in metadata
    assert "nvidia" not in metadata and "triton" not in metadata
    assert b"Tag: cp311-cp311-linux_x86_64" in text["torch-2.1.0+cpu.dist-info/WHEEL"]
    rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(text["torch-2.1.0+cpu.dist-info/RECORD"].decode()))}
    assert set(rows) == set(text)
    stub = "torch/lib/libcudart.so.12"
    for name in ("torch/version.py", "torch-2.1.0+cpu.dist-info/METADATA", stub):
        assert tuple(rows[name]) == cpu_torch.record_of(text[name])
    # What was linked to CUDA loads, in the version of its symbol, and finds no device.
    code = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).devices())"
    argv = [sys.executable, "-c", code, str(tmp_path / "site/torch/lib/libtorch.so")]
    done = subprocess.run(
        argv,
        env={"LD_LIBRARY_PATH": str(tmp_path / "site/torch/lib")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.stdout == f"{cpu_torch.NO_DEVICE}\n"


def test_another_wheel_is_refused(for_cuda, tmp_path, capsys, monkeypatch):
    made = cpu_torch.convert(for_cuda, tmp_path / "out")
    monkeypatch.setattr(sys, "argv", ["cpu_torch.py", str(made), str(tmp_path / "again")])
    assert cpu_torch.main() == 1
    assert "is no wheel of torch for CUDA" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()
