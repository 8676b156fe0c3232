# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test` and its parts: run the named groups of stages, or all of them.

.venv/bin/python tools/run_tests.py [lint|unit|contract|browser|sanity|molecule]...
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from checkout import AS_COLLECTION, ROOT, files
from stages import Stage, report, run

IMAGES = Stage("images", ["python", "tools/run_molecule.py", "--prepare"], counts=True)


def is_shell_script(name: str) -> bool:
    """Whether a file of the checkout is written for sh or bash, as its first line says.

    Not so the stand-ins' templates (*.in): they have the habits of the scripts that they stand for.
    """
    if name.endswith(".in"):
        return False
    with open(ROOT / name, "rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and first.split()[-1].split(b"/")[-1] in (b"sh", b"bash")


def groups() -> dict[str, list[Stage]]:
    """The stages by group, in the order in which they run: what tells most in least time comes first."""
    return {
        "lint": [
            Stage("ruff check", ["ruff", "check"]),
            Stage("ruff format", ["ruff", "format", "--check"]),
            Stage("yamllint", ["yamllint", "--strict", "."]),
            Stage("shellcheck", ["shellcheck", *filter(is_shell_script, files())]),
            # It takes the folder for a collection only under the path of one.
            Stage("ansible-lint", ["ansible-lint", "--nocolor"], cwd=AS_COLLECTION),
        ],
        "unit": [Stage("unit", ["pytest", "tests/unit"], counts=True)],
        "contract": [Stage("contract", ["pytest", "tests/contract"], counts=True)],
        "browser": [Stage("browser", ["pytest", "tests/browser"], counts=True)],
        "sanity": [Stage("sanity", ["python", "tools/run_sanity.py"], counts=True)],
        "molecule": [Stage("molecule", ["python", "tools/run_molecule.py"], counts=True)],
    }


def main(names: list[str]) -> int:
    """Run the groups of these names; all, where none is named. Returns the exit status."""
    known = groups()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"run_tests.py: no group {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    wanted = names or list(known)
    said: list[str] = []
    with ThreadPoolExecutor(1) as beside:
        # The scenarios' images take minutes, of one core: time that the stages before them need anyway.
        images = beside.submit(run, IMAGES, said.append) if "molecule" in wanted else None
        before = [run(stage) for name in wanted if name != "molecule" for stage in known[name]]
        prepared = [images.result()] if images else []
    print("\n".join(said), flush=True)
    return report(before + prepared + [run(stage) for stage in known["molecule"] if images])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
