# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate stand-ins of CANN's libraries, with which a torch_npu can be imported on a machine without CANN.

    python3 tests/mirror/cann_stubs.py SITE OUT
    LD_LIBRARY_PATH=OUT python3 -c 'import torch, torch_npu'

SITE is the site-packages of a Python with torch and torch_npu, real ones or the mirror's. OUT gets a library for each
one that torch_npu's libraries are linked to (`readelf -d`) and that no package and no system brings. The first of them
has every symbol that is missing (`nm -D`), as a function that returns an error code; the others are empty: the loader
looks for a symbol in all libraries that it has loaded. Only a symbol with a version (`readelf -V`) is in the library
of that version. It takes gcc and binutils.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Set

# What every function returns: ACL_ERROR_INVALID_PARAM of CANN.
ERROR_CODE = 100000
# The libraries of a system, as they are linked; all others are in a package or are CANN's.
SYSTEM = re.compile(
    r"(ld-linux|linux-vdso|lib(c|m|dl|rt|util|pthread|resolv|stdc\+\+|gcc_s|gomp|atomic|z|python3[\d.]*m?)\.so)"
)
# What Python itself has: it is not in the libraries that a module names.
PYTHON = re.compile(r"_?Py[A-Z_]")


class Stubs(NamedTuple):
    """What was generated: the names of the libraries, and all of their symbols, both sorted."""

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


def versions(library: Path) -> Dict[str, str]:
    """Return the versions of symbols that a library needs: version -> the library that has them."""
    found = {}  # type: Dict[str, str]
    file = ""
    for kind, name in re.findall(r"\b(File|Name): (\S+)", output("readelf", "--wide", "-V", str(library))):
        if kind == "File":
            file = name
        elif file:
            found[name] = file
    return found


def versioned(library: Path) -> Dict[str, str]:
    """Return the symbols that a library needs in a version: name -> version."""
    lines = output("nm", "-D", "--format=posix", "--undefined-only", str(library)).splitlines()
    rows = (line.split()[0].partition("@") for line in lines if line.strip())
    return {name: version.lstrip("@") for name, at, version in rows if at}


def system_symbols(names: Iterable[str], compiler: str) -> Set[str]:
    """Return the symbols of the system's libraries with these names, found where the compiler has them."""
    found = set()  # type: Set[str]
    for name in sorted(names):
        path = Path(output(compiler, "-print-file-name=" + name).strip())
        if path.is_absolute() and path.exists():
            found |= symbols(path, True)
    return found


def write_library(path: Path, names: Iterable[str], version_of: Dict[str, str], code: int, compiler: str) -> None:
    """Link a library of functions that return a code.

    :param names: their symbols; :param version_of: name -> version, for those that have one
    """
    # The name for the assembler may be any; the one in C counts nothing.
    lines = ['int f{0}(void) __asm__("{1}");\nint f{0}(void) {{ return {2}; }}\n'.format(number, name, code)
             for number, name in enumerate(names)]  # fmt: skip
    by_version = {}  # type: Dict[str, List[str]]
    for name in names:
        if name in version_of:
            by_version.setdefault(version_of[name], []).append(name)
    options = ["-shared", "-fPIC", "-O1", "-Wl,-soname," + path.name, "-o", str(path)]
    with tempfile.TemporaryDirectory() as folder:
        source, script = Path(folder, "stubs.c"), Path(folder, "versions")
        source.write_text("".join(lines) or "\n")
        if by_version:
            nodes = ["{} {{ global: {}; }};\n".format(each, "; ".join(found)) for each, found in by_version.items()]
            script.write_text("".join(nodes))
            options.append("-Wl,--version-script=" + str(script))
        output(compiler, *options, str(source))


def generate(site: Path, out: Path, compiler: str = "gcc", package: str = "torch_npu", code: int = ERROR_CODE) -> Stubs:
    """Write the libraries into out; return what was written. Raises RuntimeError where the package is not in site.

    :param package: whose libraries want them; :param code: what their functions return
    """
    ours = find_libraries(site / package)
    if not ours:
        raise RuntimeError("{} has no libraries: is {} installed there?".format(site / package, package))
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
    version_of = {name: version for path in ours for name, version in versioned(path).items()}
    library_of = {version: library for path in ours for version, library in versions(path).items()}
    out.mkdir(parents=True, exist_ok=True)
    for library in libraries:
        has = [name for name in names if library_of.get(version_of.get(name, ""), libraries[0]) == library]
        write_library(out / library, has, version_of, code, compiler)
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
