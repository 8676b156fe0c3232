# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: three simulated Ascend hosts, from nothing to site.yml's result. `make demo-down` removes them.

.venv/bin/python tools/demo.py up|down
"""

import json
import shlex
import shutil
import subprocess
import sys
import time

import simulated
from checkout import ROOT, environment
from stages import Stage, run

FLEET = "demo"
HOSTS = [
    {"name": "demo1", "flavour": "bullseye"},
    {"name": "demo2", "flavour": "bullseye"},
    {"name": "demo3", "flavour": "openeuler"},
]
CACHE = ROOT / ".cache" / "demo-products"
# Run by a host's Python, the environment file sourced: what the manifests of its trees and wheels tell, and whether the
# wheels can be imported. One line each, `name: answer`.
SURVEY = """
import importlib, json, platform
from importlib.metadata import distribution
from pathlib import Path

def tell(name, version, card):
    print(f"{name}: {version} {json.loads(card)['fingerprint'][:12]}")

system = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
print("os:", system["ID"].strip('"'), system["VERSION_ID"].strip('"'), platform.machine())
for name, prefix in (("cmake", "/usr/local/cmake"), ("gcc", "/usr/local/linux_gcc7.3.0")):
    card = Path(prefix, ".ascend-manifest.json").read_text()
    tell(name, json.loads(card)["version"], card)
for name in ("torch", "apex"):
    importlib.import_module(name)
    wheel = distribution(name)
    tell(name, wheel.version, wheel.read_text("ascend-manifest.json"))
"""
ENVIRONMENT = "/etc/ascend-pytorch/env.sh"


def answers(text: str) -> dict[str, str]:
    """The `name: answer` lines of what a host said."""
    return {name: answer for name, colon, answer in (line.partition(": ") for line in text.splitlines()) if colon}


def table(rows: list[dict[str, str]]) -> str:
    """The rows as a table; the columns are those of the fullest row."""
    columns = list(max(rows, key=len))
    lines = [columns] + [[row.get(column, "-") for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def ask(host: str) -> dict[str, str]:
    """What a host has now; what it could not say is missing."""
    command = f". {ENVIRONMENT}; cd / && exec python3 -c {shlex.quote(SURVEY)}"
    argv = [*simulated.PROGRAM, "ssh", "--fleet", FLEET, host, command]
    said = subprocess.run(
        argv, cwd=ROOT, env=environment(), check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return {"host": host, **answers(said.stdout)}


def up() -> int:
    """Start the hosts, run site.yml on them, and say what they have; returns the exit status."""
    site = ["ansible-playbook", "site.yml", "-i", "inventories/demo", "-i", str(simulated.inventory(FLEET))]
    # The demo builds, whatever was built before; `make demo-down` starts it from nothing.
    site += ["-e", f"@{simulated.MIRROR_VARS}", "-e"]
    site += [json.dumps({"ascend_mirrors": [str(simulated.MIRROR)], "ascend_build_cache": [str(CACHE)]})]
    begin = time.monotonic()
    for stage in (simulated.make_mirror(), simulated.up(FLEET, HOSTS), Stage("site", site)):
        done = run(stage)
        print(f"--- {stage.name}: {done.seconds:.0f} s")
        if done.failed:
            print(f"demo: {stage.name} failed; what it says stands above. `make demo` goes on from there.")
            return 1
    rows = [ask(host["name"]) for host in HOSTS]
    print(f"""
{table(rows)}

Each host has CMake, gcc, torch and Apex, built from source (version and fingerprint), and {ENVIRONMENT}.
The sources are stand-ins with the layout and habits of the real ones. It took {time.monotonic() - begin:.0f} s.

Log in to one:  python3 tests/fleet ssh --fleet {FLEET} {HOSTS[0]["name"]}
                . {ENVIRONMENT} && python3 -c "import torch, apex; print(torch.__version__)"
Run it again:   make demo     (nothing is left to change)
Clean up:       make demo-down""")
    missing = [row["host"] for row in rows if "apex" not in row]
    if missing:
        print(f"demo: {', '.join(missing)} could not tell all of it; log in and look")
        return 1
    return 0


def down() -> int:
    """Remove the hosts, and what they have built; returns the exit status."""
    shutil.rmtree(CACHE, ignore_errors=True)
    return int(run(simulated.down(FLEET)).failed)


if __name__ == "__main__":
    sys.exit({"up": up, "down": down}[sys.argv[1]]())
