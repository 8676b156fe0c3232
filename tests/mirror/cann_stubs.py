# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate stand-ins of CANN's libraries, with which a torch_npu can be imported on a machine without CANN.

    python3 tests/mirror/cann_stubs.py SITE OUT
    LD_LIBRARY_PATH=OUT python3 -c 'import torch, torch_npu'

SITE is the site-packages of a Python with torch and torch_npu, real ones or the mirror's. OUT gets a library for each
one that torch_npu's libraries are linked to (`readelf -d`) and that no package and no system brings. The first of them
has every symbol that is missing (`nm -D`), as a function that returns an error code; the others are empty: the loader
looks for a symbol in all libraries that it has loaded. It takes gcc and binutils.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterable, List, NamedTuple, Set

# What every function returns: ACL_ERROR_INVALID_PARAM of CANN.
ERROR_CODE = 100000
# The libraries of a system, as they are linked; all others are in a package or are CANN's.
SYSTEM = re.compile(
    r"(ld-linux|linux-vdso|lib(c|m|dl|rt|util|pthread|resolv|stdc\+\+|gcc_s|gomp|atomic|z|python3[\d.]*m?)\.so)"
)
# What Python itself has: it is not in the libraries that a module names.
PYTHON = re.compile(r"_?Py[A-Z_]")


class Stubs(NamedTuple):
    """What was generated: the names of the libraries, sorted, and the symbols of the first of them."""

    libraries: List[str]
    symbols: List[str]


def output(*command: str) -> str:
    """Return what a program prints. Raises RuntimeError with its own words where it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError("{} failed: {}".format(" ".join(command), done.stderr.strip()))
    return done.stdout


def is_elf(path: Path) -> bool:
    """Say whether a file begins as a library does; some of torch's are large."""
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def find_libraries(folder: Path) -> List[Path]:
    """Return the shared libraries below a folder, modules of Python included."""
    found = [path for path in sorted(folder.rglob("*.so*")) if path.is_file() and not path.is_symlink()]
    return [path for path in found if is_elf(path)]


def needed(library: Path) -> Set[str]:
    """Return the names of the libraries that a library is linked to: the NEEDED lines of `readelf -d`."""
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", output("readelf", "-d", str(library))))


def symbols(library: Path, defined: bool) -> Set[str]:
    """Return the dynamic symbols that a library has, or those that it needs from others, without their versions.

    A line of `nm -D --format=posix` is "<name>[@version] <kind> ...". Weak ones (w, v) may stay missing.
    """
    lines = output("nm", "-D", "--format=posix", "--defined-only" if defined else "--undefined-only", str(library))
    rows = [line.split() for line in lines.splitlines() if line.strip()]
    return {row[0].partition("@")[0] for row in rows if defined or row[1] == "U"}


def system_symbols(names: Iterable[str], compiler: str) -> Set[str]:
    """Return the symbols of the system's libraries with these names, found where the compiler has them."""
    found = set()  # type: Set[str]
    for name in sorted(names):
        path = Path(output(compiler, "-print-file-name=" + name).strip())
        if path.is_absolute() and path.exists():
            found |= symbols(path, True)
    return found


def link(out: Path, name: str, source: Path, compiler: str) -> None:
    """Link one library from a C file."""
    options = ["-shared", "-fPIC", "-O1", "-Wl,-soname," + name, "-o", str(out / name)]
    output(compiler, *options, str(source))


def generate(site: Path, out: Path, compiler: str = "gcc") -> Stubs:
    """Write the libraries into out; return what was written. Raises RuntimeError where there is no torch_npu."""
    ours = find_libraries(site / "torch_npu")
    if not ours:
        raise RuntimeError("{} has no libraries: is torch_npu installed there?".format(site / "torch_npu"))
    torch = find_libraries(site / "torch") if (site / "torch").is_dir() else []
    bundled = [path for folder in sorted(site.glob("torch*.libs")) for path in find_libraries(folder)]
    here = {path.name for path in (*ours, *torch, *bundled)}
    wanted = set().union(*(needed(path) for path in ours))
    system = {name for name in wanted.union(*(needed(path) for path in torch)) if SYSTEM.match(name)}
    libraries = sorted(wanted - here - system)
    missing = set().union(*(symbols(path, False) for path in ours))
    for path in (*ours, *torch, *bundled):
        missing -= symbols(path, True)
    missing -= system_symbols(system | {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1"}, compiler)
    names = sorted(name for name in missing if not PYTHON.match(name))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        full, empty = Path(folder, "full.c"), Path(folder, "empty.c")
        # The name for the assembler may be any; the one in C counts nothing.
        lines = ['int f{0}(void) __asm__("{1}");\nint f{0}(void) {{ return {2}; }}\n'.format(number, name, ERROR_CODE)
                 for number, name in enumerate(names)]  # fmt: skip
        full.write_text("".join(lines) or "\n")
        empty.write_text("\n")
        for number, name in enumerate(libraries):
            link(out, name, empty if number else full, compiler)
    return Stubs(libraries, names)


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path, help="site-packages with torch and torch_npu")
    parser.add_argument("out", type=Path, help="folder for the libraries")
    options = parser.parse_args()
    try:
        made = generate(options.site, options.out)
    except (OSError, RuntimeError) as error:
        print("cann_stubs: {}".format(error), file=sys.stderr)
        return 1
    print("{}: {} libraries, {} symbols: {}".format(
        options.out, len(made.libraries), len(made.symbols), " ".join(made.libraries)))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
