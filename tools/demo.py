# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: three simulated Ascend hosts, from nothing to site.yml's result. `make demo-down` removes them.

.venv/bin/python tools/demo.py up|down
"""

import json
import subprocess
import sys

import simulated
from checkout import ROOT, environment
from stages import Stage, run

FLEET = "demo"
HOSTS = [
    {"name": "demo1", "flavour": "bullseye"},
    {"name": "demo2", "flavour": "bullseye"},
    {"name": "demo3", "flavour": "openeuler"},
]
# What a host says of itself, as its user would ask: one line each, `name: answer`.
ASK = """
for file in /etc/ascend-pytorch/env.sh ~/.config/ascend-pytorch/env.sh; do [ ! -e $file ] || . $file; done
cd / || exit
echo "os: $(. /etc/os-release; echo "$ID $VERSION_ID" "$(uname -m)")"
echo "cmake: $(cmake --version 2>&1 | sed -n '1s/.* //p')"
echo "gcc: $(gcc -dumpfullversion 2>&1)"
for module in torch apex; do
    echo "$module: $(python3 -c "import $module as it; print(getattr(it, '__version__', 'yes'))" 2>&1 | tail -n 1)"
done
"""


def answers(text: str) -> dict[str, str]:
    """The `name: answer` lines of what a host said."""
    return {name: answer for name, colon, answer in (line.partition(": ") for line in text.splitlines()) if colon}


def table(rows: list[dict[str, str]]) -> str:
    """The rows as a table; the columns are those of the first row."""
    lines = [list(rows[0])] + [[row.get(column, "-") for column in rows[0]] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def ask(host: str) -> dict[str, str]:
    """What a host has now."""
    argv = [*simulated.PROGRAM, "ssh", "--fleet", FLEET, host, ASK]
    said = subprocess.run(
        argv, cwd=ROOT, env=environment(), check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return {"host": host, **answers(said.stdout)}


def up() -> int:
    """Start the hosts, run site.yml on them, and say what they have; returns the exit status."""
    site = ["ansible-playbook", "site.yml", "-i", "inventories/demo", "-i", str(simulated.inventory(FLEET))]
    site += ["-e", f"@{simulated.MIRROR_VARS}", "-e", json.dumps({"ascend_mirrors": [str(simulated.MIRROR)]})]
    for stage in (simulated.make_mirror(), simulated.up(FLEET, HOSTS), Stage("site", site)):
        done = run(stage)
        print(f"--- {stage.name}: {done.seconds:.0f} s")
        if done.failed:
            print(f"demo: {stage.name} failed; what it says stands above. `make demo` goes on from there.")
            return 1
    print("\n" + table([ask(host["name"]) for host in HOSTS]))
    print(f"""
Log in to one:  python3 tests/fleet ssh --fleet {FLEET} {HOSTS[0]["name"]}
Run it again:   make demo     (nothing is left to change)
Clean up:       make demo-down""")
    return 0


if __name__ == "__main__":
    sys.exit({"up": up, "down": lambda: run(simulated.down(FLEET)).failed}[sys.argv[1]]())
