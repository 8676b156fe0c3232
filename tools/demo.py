# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: start four simulated Ascend hosts and run site.yml on them. `make demo-down` removes them.

    .venv/bin/python tools/demo.py up|down|try

`try` tests the demo under another name: it starts from nothing, runs every command that the demo prints at its end, and
removes the demo.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import simulated
import yaml
from checkout import ROOT, environment
from stages import Result, Stage, report, run, show

Json = dict[str, Any]

HOSTS: list[Json] = [
    {"name": "demo1", "flavour": "bullseye"},
    {"name": "demo2", "flavour": "bullseye"},
    {"name": "demo3", "flavour": "openeuler"},
    # Its CANN, NPUs and Python are of today, so that it gets a torch_npu of today beside a stock torch.
    {"name": "demo4", "flavour": "bookworm", "options": {"cann": "9.1.0", "chip": "910B4"}},
]
# Hosts whose release follows from their CANN, with the release that this gives: the mirror has stand-ins of some only.
CHOSEN = {"demo4": "2.12.0"}
INVENTORY = ROOT / "inventories" / "demo"
# The file that is added to an inventory while the hosts are up.
UP = "up.yml"
HEADER = """\
---
# Written by `make demo`, removed by `make demo-down`: how the hosts are reached, and where their sources come from.
# yamllint disable rule:line-length
"""
# Run by a host's Python after the environment file was sourced. It prints what the manifests of the trees and wheels say, and
# checks that the wheels can be imported. One line each, `name: answer`; none for a product that the host does not have.
SURVEY = """
import importlib, json, platform
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

def tell(name, version, manifest):
    print(f"{name}: {version} {json.loads(manifest)['fingerprint'][:12]}")

system = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
print("os:", system["ID"].strip('"'), system["VERSION_ID"].strip('"'), platform.machine())
for name, pattern in (("cmake", "cmake"), ("gcc", "linux_gcc*")):
    # A prefix is a link to a tree beside it.
    for prefix in (path for path in Path("/usr/local").glob(pattern) if path.is_symlink()):
        manifest = (prefix / ".ascend-manifest.json").read_text()
        tell(name, json.loads(manifest)["version"], manifest)
for name in ("torch", "torch_npu", "apex"):
    try:
        wheel = distribution(name)
    except PackageNotFoundError:
        continue
    importlib.import_module(name)
    tell(name, wheel.version, wheel.read_text("ascend-manifest.json"))
"""
COLUMNS = ("host", "os", "cmake", "gcc", "torch", "torch_npu", "apex")
ENVIRONMENT = "/etc/ascend-pytorch/env.sh"
# The virtual environment of the hosts that have one, see inventories/demo/hosts.yml.
VENV = "/opt/ascend-pytorch/venv"


class Demo(NamedTuple):
    """A demo: the name of its fleet, and the folders that it writes to."""

    fleet: str

    @property
    def inventory(self) -> Path:
        """Return the inventory of its hosts."""
        return INVENTORY if self == DEMO else ROOT / ".cache" / "inventories" / self.fleet

    @property
    def products(self) -> Path:
        """Return the folder of its build cache."""
        return ROOT / ".cache" / f"{self.fleet}-products"

    @property
    def report(self) -> Path:
        """Return the folder of the playbooks' reports."""
        return ROOT / ".cache" / f"{self.fleet}-report"


DEMO = Demo("demo")
TRIAL = Demo("demo-test")


class Indented(yaml.SafeDumper):
    """Writes YAML with indented lists, as yamllint requires."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: D102 - yaml's own
        return super().increase_indent(flow, False)


def parse_answers(text: str) -> dict[str, str]:
    """Return the `name: answer` lines of a host's output."""
    return {name: answer for name, colon, answer in (line.partition(": ") for line in text.splitlines()) if colon}


def table(rows: list[dict[str, str]]) -> str:
    """Return the rows as a table, with a column for each key that a row has, in the order of SURVEY."""
    columns = sorted({column for row in rows for column in row}, key=COLUMNS.index)
    lines = [columns] + [[row.get(column, "-") for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def up_yml(demo: Demo, fleet: Json, sources: Json, chosen: dict[str, Json]) -> str:
    """Return the inventory file of hosts that are up. With it, a playbook needs only `-i` and the inventory's folder.

    :param fleet: the inventory that tests/fleet wrote, with the group `ascend`.
    :param sources: the mirror's vars.yml: digests and commits of the stand-ins.
    :param chosen: the same of the releases in CHOSEN, by host.
    """
    group = fleet["all"]["children"]["ascend"]
    hosts = {
        name: {**known, **({**chosen[name], "ascend_torch_version": "auto"} if name in chosen else {})}
        for name, known in group["hosts"].items()
    }
    places = {
        "ascend_mirrors": [str(simulated.MIRROR)],
        # Its own build cache, so that the demo builds even if other runs have built before. `make demo-down` removes it.
        "ascend_build_cache": [str(demo.products)],
        "ascend_report_dir": str(demo.report),
    }
    everything = {"ascend": {**group, "hosts": hosts, "vars": {**group.get("vars", {}), **places, **sources}}}
    return HEADER + yaml.dump(everything, Dumper=Indented, sort_keys=False, width=110)


def playbook(name: str, demo: Demo) -> str:
    """Return the command that runs a playbook on a demo's hosts, to be run in the checkout's folder."""
    return shlex.join([".venv/bin/ansible-playbook", name, "-i", os.path.relpath(demo.inventory, ROOT)])


def next_steps(demo: Demo) -> str:
    """Return the next commands for a new user, each after a line that says what it is for."""
    page = demo.report / "report.html"
    return f"""\
  # Check whether each host is fit, and show what it has.
  {playbook("playbooks/check.yml", demo)}
  # Verify that what is installed is complete and works.
  {playbook("playbooks/verify.yml", demo)}
  # Open the report {page}
  {shlex.join([".venv/bin/python", "-m", "webbrowser", page.as_uri()])}"""


def commands(steps: str) -> list[str]:
    """Return the commands among the lines of next_steps."""
    return [line.strip() for line in steps.splitlines() if not line.strip().startswith("#")]


def find_problems(lines: list[str]) -> list[str]:
    """Return the problems in the output of a playbook that should change nothing on the demo's hosts."""
    told = [line.strip() for line in lines if "outdated" in line]
    recap = "\n".join(lines).rpartition("PLAY RECAP")[2]
    for host in (host["name"] for host in HOSTS):
        found = re.search(rf"^{host} +: (.*)$", recap, re.MULTILINE)
        counts = dict(pair.split("=") for pair in found[1].split()) if found else {}
        if not found:
            told.append(f"{host} is not in the recap")
        elif any(counts[name] != "0" for name in ("changed", "unreachable", "failed")):
            told.append(f"{host}: {found[1].strip()}")
    return told


def find_missing_pages(lines: list[str]) -> list[str]:
    """Return the problems in the output of a browser that only prints the addresses it should open."""
    pages = [Path(unquote(urlsplit(line).path)) for line in lines if line.startswith("file://")]
    return [f"there is no {page}" for page in pages if not page.is_file()] if pages else ["no page was opened"]


def survey(demo: Demo, host: str) -> dict[str, str]:
    """Return what a host has now, without what it could not answer."""
    command = (
        f". {ENVIRONMENT}; cd / && exec $(ls {VENV}/bin/python 2>/dev/null || echo python3) -c {shlex.quote(SURVEY)}"
    )
    argv = [*simulated.PROGRAM, "ssh", "--fleet", demo.fleet, host, command]
    said = subprocess.run(
        argv, cwd=ROOT, env=environment(), check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return {"host": host, **{name: answer for name, answer in parse_answers(said.stdout).items() if name in COLUMNS}}


def is_complete(row: dict[str, str]) -> bool:
    """Say whether a host has what the demo shows: a patched torch with Apex, or a stock torch with torch_npu."""
    return {"cmake", "gcc", "torch"} <= row.keys() and not row.keys().isdisjoint({"torch_npu", "apex"})


def write_inventory(demo: Demo) -> None:
    """Complete a demo's inventory once its hosts are up."""
    if demo.inventory != INVENTORY:
        shutil.rmtree(demo.inventory, ignore_errors=True)
        shutil.copytree(INVENTORY, demo.inventory, ignore=shutil.ignore_patterns(UP))
    fleet, sources = (
        yaml.safe_load(path.read_text()) for path in (simulated.inventory(demo.fleet), simulated.MIRROR_VARS)
    )
    chosen = {
        host: yaml.safe_load(simulated.MIRROR_VARS.with_name(f"vars-{release}.yml").read_text())
        for host, release in CHOSEN.items()
    }
    (demo.inventory / UP).write_text(up_yml(demo, fleet, sources, chosen))


def stages(demo: Demo) -> Iterator[Stage]:
    """Yield the stages from nothing to the report. Each needs the result of those before it."""
    yield simulated.make_mirror()
    yield simulated.up(demo.fleet, HOSTS)
    write_inventory(demo)
    yield Stage("site", shlex.split(playbook("site.yml", demo)))
    yield Stage("report", shlex.split(playbook("playbooks/report.yml", demo)))


def up(demo: Demo) -> tuple[str, ...]:
    """Start the hosts, run site.yml on them, and print what they have and the next commands.

    Returns the lines that say what failed, none if nothing failed.
    """
    begin = time.monotonic()
    for stage in stages(demo):
        result = run(stage)
        print(f"--- {stage.name}: {result.seconds:.0f} s")
        if result.failed:
            print(f"demo: {stage.name} failed; its messages are above. `make demo` continues from there.")
            return result.why or (f"{stage.name} failed",)
    rows = [survey(demo, host["name"]) for host in HOSTS]
    print(f"""
{table(rows)}

Each host has the release that goes with its CANN: version and fingerprint of each product, and {ENVIRONMENT}.
CMake, gcc, the patched torch, torch_npu and Apex were built from source; the torch beside torch_npu is the stock one.
The sources are stand-ins with the layout and behaviour of the real ones. It took {time.monotonic() - begin:.0f} s.

Next commands, to run in {ROOT}:
{next_steps(demo)}

Log in:         .venv/bin/python tests/fleet ssh --fleet {demo.fleet} {HOSTS[0]["name"]}
                . {ENVIRONMENT} && python3 -c "import torch, apex; print(torch.__version__)"
Run it again:   make demo     (this changes nothing)
Clean up:       make demo-down""")
    missing = [row["host"] for row in rows if not is_complete(row)]
    if missing:
        print(f"demo: {', '.join(missing)}: the survey is incomplete; log in to see why")
    return tuple(f"{host}: the survey is incomplete" for host in missing)


def down(demo: Demo) -> int:
    """Remove the hosts, what they have built, and their reports. Return the exit status."""
    (demo.inventory / UP).unlink(missing_ok=True)
    for folder in (demo.products, demo.report, *([] if demo.inventory == INVENTORY else [demo.inventory])):
        shutil.rmtree(folder, ignore_errors=True)
    return int(run(simulated.down(demo.fleet)).failed)


def run_as_newcomer(name: str, command: str, judge: Callable[[list[str]], list[str]]) -> Result:
    """Run a command as a user without an activated environment, and check its output with `judge`."""
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        show(line)

    # Instead of opening a browser, the address is printed. The first line is the command itself.
    result = run(Stage(name, ["sh", "-c", command], env={"PATH": os.defpath, "BROWSER": "echo"}), say)
    told = () if result.failed else tuple(judge(lines[1:]))
    return result._replace(passed=0, failed=1, why=told) if told else result


def try_demo(demo: Demo = TRIAL) -> int:
    """Test the demo from nothing to its removal, with all commands that it prints at its end. Return the exit status."""
    down(demo)
    begin = time.monotonic()
    why = up(demo)
    results = [Result("demo", int(not why), int(bool(why)), time.monotonic() - begin, why)]
    if not why:
        check, verify, page = commands(next_steps(demo))
        results += [
            run_as_newcomer("look", check, find_problems),
            run_as_newcomer("prove", verify, find_problems),
            run_as_newcomer("open", page, find_missing_pages),
            run_as_newcomer("again", playbook("site.yml", demo), find_problems),
        ]
    begin = time.monotonic()
    stays = down(demo)
    results.append(Result("down", 1 - stays, stays, time.monotonic() - begin))
    return report(results, "demo: ")


COMMANDS: dict[str, Callable[[], int]] = {
    "up": lambda: int(bool(up(DEMO))),
    "down": lambda: down(DEMO),
    "try": try_demo,
}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]]())
