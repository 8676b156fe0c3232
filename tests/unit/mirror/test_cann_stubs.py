# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins of CANN's libraries are what a torch_npu lacks, no less and no more."""

import os
import shutil
import subprocess
import sys

import cann_stubs
import pytest

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("gcc", "g++", "readelf", "nm")), reason="no gcc, or no binutils"
)

TORCH = "int torch_version(void) { return 2; }\n"
PLUGIN = """
#include <string>
#include <cstring>
extern "C" int aclInit(const char *), HcclCommInitAll(unsigned), torch_version(void), Py_Initialize(void);
extern "C" int maybe(void) __attribute__((weak));
namespace ge { struct Graph { Graph(const std::string &); int run(); }; }
extern "C" int start(void) {
    std::string text("x");
    if (std::strlen(text.c_str()) != 1 || maybe) return 1;
    return torch_version() == 2 ? aclInit(nullptr) : HcclCommInitAll(1);
}
extern "C" int graph(void) { return ge::Graph("g").run(); }
extern "C" int python(void) { return Py_Initialize(); }
"""


def compile_library(path, text, *options, language="c"):
    path.parent.mkdir(parents=True, exist_ok=True)
    source = path.with_suffix(".source")
    source.write_text(text)
    done = subprocess.run(
        [
            "g++" if language == "c++" else "gcc",
            "-shared",
            "-fPIC",
            "-o",
            path,
            "-x",
            language,
            source,
            "-x",
            "none",
            *options,
        ],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    source.unlink()


@pytest.fixture
def site(tmp_path):
    """A site-packages whose torch_npu is linked to torch and to two libraries of CANN, which are gone again."""
    cann = tmp_path / "real-cann"
    for name in ("libascendcl.so", "libhccl.so"):
        compile_library(cann / name, "\n", "-Wl,-soname," + name)
    lib = tmp_path / "site/torch/lib"
    compile_library(lib / "libtorch.so", TORCH, "-Wl,-soname,libtorch.so")
    inside = ["-Wl,--no-as-needed", cann / "libhccl.so", cann / "libascendcl.so", lib / "libtorch.so"]
    target = tmp_path / "site/torch_npu/lib/libtorch_npu.so"
    compile_library(target, PLUGIN, *inside, "-Wl,-rpath,$ORIGIN/../../torch/lib", language="c++")
    (tmp_path / "site/torch_npu/lib/libtext.so").write_text("no library\n")
    shutil.rmtree(cann)
    return tmp_path / "site"


def load(site, folder, function):
    """What a process says that loads torch_npu's library and calls a function of it."""
    code = "import ctypes; print(getattr(ctypes.CDLL({!r}), {!r})())".format(
        str(site / "torch_npu/lib/libtorch_npu.so"), function
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout


def test_what_is_missing_is_generated(site, tmp_path):
    out = tmp_path / "stubs"
    assert "libhccl.so: cannot open shared object file" in load(site, out, "start")
    made = cann_stubs.generate(site, out)
    assert made.libraries == ["libascendcl.so", "libhccl.so"] == sorted(path.name for path in out.iterdir())
    assert {"aclInit", "HcclCommInitAll"} < set(made.symbols)
    assert [name for name in made.symbols if name.startswith("_ZN2ge5Graph")]
    assert not {"torch_version", "strlen", "maybe", "Py_Initialize"} & set(made.symbols)
    assert load(site, out, "start") == load(site, out, "graph") == "{}\n".format(cann_stubs.ERROR_CODE)
    assert cann_stubs.symbols(out / "libhccl.so", True) & set(made.symbols) == set()


def test_no_torch_npu_is_an_error(tmp_path, monkeypatch, capsys):
    with pytest.raises(RuntimeError, match="is torch_npu installed there"):
        cann_stubs.generate(tmp_path, tmp_path / "out")
    monkeypatch.setattr(sys, "argv", ["cann_stubs.py", str(tmp_path), str(tmp_path / "out")])
    assert cann_stubs.main() == 1
    assert "is torch_npu installed there" in capsys.readouterr().err


def test_command_line_says_what_was_made(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cann_stubs.py", str(site), str(tmp_path / "out")])
    assert cann_stubs.main() == 0
    assert "2 libraries" in capsys.readouterr().out
