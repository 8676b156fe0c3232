# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test` and its parts: run the named groups of stages, or all of them.

.venv/bin/python tools/run_tests.py [lint|unit|contract|browser|sanity|cores|demo|importer|molecule]...
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import cores
from checkout import AS_COLLECTION, ROOT, files
from stages import Result, Stage, report, run

IMAGES = Stage("images", ["python", "tools/run_molecule.py", "--prepare"], counts=True)
# How many stages run at the same time, before the scenarios.
LANES = 2
# The first to start are the stages that find most errors in the least time, then the longest ones, so that they do not run
# alone at the end. The others follow.
QUICK = ["ruff check", "ruff format", "yamllint", "shellcheck", "codespell", "pymarkdown", "contract"]
LONG = ["unit", "core 2.16", "core 2.19", "core 2.21", "sanity", "demo", "core 2.20"]

# Stages, each of which needs the result of the one before.
Chain = list[Stage]


def is_shell_script(name: str) -> bool:
    """Say whether a file of the checkout is written for sh or bash, as its first line says.

    Templates of stand-ins (*.in) do not count: they imitate the vendor's scripts, with their faults.
    """
    if name.endswith(".in"):
        return False
    with open(ROOT / name, "rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and first.split()[-1].split(b"/")[-1] in (b"sh", b"bash")


def groups() -> dict[str, list[Chain]]:
    """Return the chains of stages by group, in the order of the summary."""
    alone = {
        "lint": [
            Stage("ruff check", ["ruff", "check"]),
            Stage("ruff format", ["ruff", "format", "--check"]),
            Stage("yamllint", ["yamllint", "--strict", "."]),
            Stage("shellcheck", ["shellcheck", *filter(is_shell_script, files())]),
            Stage("mypy", ["mypy"]),
            Stage("codespell", ["codespell", *files()]),
            Stage("pymarkdown", ["pymarkdown", "--strict-config", "scan", *(n for n in files() if n.endswith(".md"))]),
            Stage("reuse", ["reuse", "lint", "--lines"]),
            Stage("changelog", ["antsibull-changelog", "lint-changelog-yaml", "--strict", "changelogs/changelog.yaml"]),
            # It recognises a collection only by the path of its folder.
            Stage("ansible-lint", ["ansible-lint", "--nocolor"], cwd=AS_COLLECTION),
        ],
        "unit": [Stage("unit", ["pytest", "tests/unit"], counts=True)],
        "contract": [Stage("contract", ["pytest", "tests/contract"], counts=True)],
        "browser": [Stage("browser", ["pytest", "tests/browser"], counts=True)],
        "sanity": [Stage("sanity", ["python", "tools/run_sanity.py"], counts=True)],
        "demo": [Stage("demo", ["python", "tools/demo.py", "try"], counts=True)],
        "importer": [Stage("importer", ["python", "tools/run_importer.py"], counts=True)],
        "molecule": [Stage("molecule", ["python", "tools/run_molecule.py"], counts=True)],
    }
    chains = {name: [[stage] for stage in stages] for name, stages in alone.items()}
    # The scenarios run last, with nothing else beside them.
    return {**chains, "cores": on_cores()[0]}


def on_cores() -> tuple[list[Chain], list[str]]:
    """Return the chain of each supported ansible-core, the newest first, and a line for each left out without a Python.

    tests/cores runs on every core. ansible-test sanity also runs on the older ones that scenarios run on; on the core of .venv
    it is a separate stage.
    """
    chains, left_out = [], []
    for core in cores.CORES:
        if core.line == cores.running():
            chains.append([Stage(f"core {core.line}", ["pytest", "tests/cores"], counts=True)])
        elif not cores.interpreter(core):
            left_out.append(cores.left_out(core, "tests/cores, sanity" if core.line in cores.OLDER else "tests/cores"))
        else:
            argv = [str(core.folder / "bin" / "python"), "-m", "pytest", "tests/cores"]
            chain = [cores.prepare(core), Stage(f"core {core.line}", argv, counts=True, env=cores.variables(core))]
            if core.line in cores.OLDER:
                sanity = ["python", "tools/run_sanity.py", core.line]
                chain.append(Stage(f"sanity {core.line}", sanity, counts=True))
            chains.append(chain)
    return chains, left_out


def launch_order(chains: list[Chain]) -> list[Chain]:
    """Return the chains in the order in which they are started, so that the lanes end at about the same time."""
    order = [IMAGES.name, *QUICK, *LONG]

    def place(chain: Chain) -> int:
        return order.index(chain[0].name) if chain[0].name in order else len(order)

    return sorted(chains, key=place)


def side_by_side(chains: list[Chain]) -> list[Result]:
    """Run chains at the same time and return the results in the order of the chains."""
    printing = threading.Lock()

    def run_quietly(chain: Chain) -> list[Result]:
        """Run a chain. The output of each stage is printed when it ends."""
        results = []
        for stage in chain:
            lines: list[str] = []
            results.append(run(stage, lines.append))
            with printing:
                print("\n".join(lines), flush=True)
        return results

    with ThreadPoolExecutor(LANES) as lanes:
        running = {chain[0].name: lanes.submit(run_quietly, chain) for chain in launch_order(chains)}
    return [result for chain in chains for result in running[chain[0].name].result()]


def main(names: list[str]) -> int:
    """Run the groups with these names, or all if none is named. Return the exit status."""
    known = groups()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"run_tests.py: no group {', '.join(unknown)}; the groups are {', '.join(known)}", file=sys.stderr)
        return 2
    wanted = names or list(known)
    # The scenarios' images take minutes on one core, so they are made while the other stages run.
    first = [[IMAGES]] if "molecule" in wanted else []
    before = [*first, *(chain for name in wanted if name != "molecule" for chain in known[name])]
    results = side_by_side(before)
    results += [run(stage) for (stage,) in known["molecule"] if "molecule" in wanted]
    return report(results, left_out=on_cores()[1] if "cores" in wanted else [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
