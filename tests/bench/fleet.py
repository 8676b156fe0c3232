# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench-fleet`: what site.yml costs a fleet that builds once, beside one host, and beside a fleet that builds apart.

    one           one host from nothing: what a build takes
    fleet         all hosts from nothing, sharing what one of them builds
    reinstalled   the same on hosts made anew, with the build cache filled: nothing is built
    nothing       the same once more: nothing is to be done
    each          all hosts from nothing, sharing nothing

Prints one line of JSON. In seconds of wall time `one_s`, `fleet_s` and so on; `ratio` is fleet_s/one_s, 1 at the best, and
`saved` is each_s/fleet_s. `cpu_s` are the seconds of processor time that this machine spent, hosts and controller alike, so
let it do nothing else; `controller_mib` is the most memory that a process of ansible-playbook had; `cache_mib` is the size of
the build cache. Hosts that build what they should take, and the other way round, are an error.
What it does meanwhile goes to standard error. --keep leaves the hosts, and the logs of the runs.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import simulated  # noqa: E402
from checkout import ROOT, environment  # noqa: E402
from stages import Stage, run  # noqa: E402

FLEET, HOSTS = "bench-fleet", 8
# So many slow files has the stand-in for PyTorch that building it is most of the work, as it is with the real one.
HEAVY_FILES = 24
FOLDER = ROOT / ".cache" / FLEET
# With the hosts' own compiler, which will do, these are what is built.
PRODUCTS = ("cmake", "torch", "apex")
# What the package manager would bring: how fast its mirror is today is not what is measured.
PACKAGES = "patch,dos2unix,bzip2"

_RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=0", re.MULTILINE)


class Phase(NamedTuple):
    """One measured run of site.yml. `cache` names the build cache, "" shares nothing; `built`: by how many hosts."""

    name: str
    hosts: int
    cache: str
    built: int
    fresh: bool = True


PHASES = (
    Phase("one", 1, "one", 1),
    Phase("fleet", HOSTS, "fleet", 1),
    Phase("reinstalled", HOSTS, "fleet", 0),
    Phase("nothing", HOSTS, "fleet", 0, fresh=False),
    Phase("each", HOSTS, "", HOSTS),
)


class Cost(NamedTuple):
    """What a run took: wall time and processor time in seconds, the greatest process of the controller in MiB."""

    wall_s: float
    cpu_s: float
    controller_mib: float


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def names(count: int) -> list[str]:
    """The names of the first hosts of the fleet."""
    return [f"bench{number}" for number in range(1, count + 1)]


def playbook(phase: Phase, heavy_files: int) -> list[str]:
    """The command that runs site.yml for a phase, as a user of a checkout does."""
    variables = {
        "ascend_mirrors": [str(simulated.MIRROR)],
        "ascend_build_cache": [str(FOLDER / phase.cache)] if phase.cache else [],
        "torch_npu_build_build_environment": {"MIRROR_WORK": str(heavy_files)},
    }
    argv = [
        "ansible-playbook",
        "site.yml",
        "-i",
        str(simulated.inventory(FLEET)),
        "--limit",
        ",".join(names(phase.hosts)),
    ]
    return [*argv, "-e", f"@{simulated.MIRROR_VARS}", "-e", json.dumps(variables)]


def busy_s(stat: str, ticks: int) -> float:
    """Seconds of processor time that a machine has spent since it started, all cores together.

    :param stat: the text of /proc/stat, whose first line counts user, nice, system, idle, iowait, irq, softirq, steal
    :param ticks: in a second, of those counts
    """
    counts = [int(word) for word in stat.split("\n", 1)[0].split()[1:8]]
    user, nice, system, _idle, _iowait, irq, softirq = counts
    return (user + nice + system + irq + softirq) / ticks


def busy_now_s() -> float:
    return busy_s(Path("/proc/stat").read_text(), os.sysconf("SC_CLK_TCK"))


def changes(said: str) -> dict[str, int]:
    """How many tasks changed something, by host, of a run's closing lines; hosts that failed are left out."""
    return {host: int(count) for host, count in _RECAP.findall(said)}


def builds(counts: str) -> Counter[str]:
    """How often each product was built.

    :param counts: what grep -Hc said of build logs: lines `…/builds/<name>-<version>-<fingerprint>/build.log:<times>`
    """
    found: Counter[str] = Counter()
    for line in counts.splitlines():
        path, _colon, times = line.rpartition(":")
        found[Path(path).parent.name.rsplit("-", 2)[0]] += int(times)
    return +found


def on_hosts() -> Counter[str]:
    """How often each product was built by the hosts that there are now."""
    # A stage that was done before is logged by another line.
    script = "grep -Hcx '=== build' /var/lib/ascend-pytorch/builds/*/build.log 2>/dev/null; true"
    argv = [*simulated.PROGRAM, "ssh", "--fleet", FLEET]
    total: Counter[str] = Counter()
    for name in names(HOSTS):
        said = subprocess.run([*argv, name, script], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if said.returncode:
            raise RuntimeError(f"{name} does not tell what it built: {said.stderr.strip()}")
        total += builds(said.stdout)
    return total


def size_mib(folder: Path) -> float:
    """The size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def amiss(phase: Phase, built: Counter[str], changed: dict[str, int]) -> str:
    """Say what went otherwise than it should have, "" for nothing."""
    wanted = Counter({name: phase.built for name in PRODUCTS if phase.built})
    if built != wanted:
        return f"{phase.name}: builds were to be {dict(wanted)}, and were {dict(built)}"
    # Of hosts that need nothing the recap tells too: they are planned for.
    if set(changed) != set(names(phase.hosts)):
        return f"{phase.name}: {phase.hosts} hosts were to end well, and did: {', '.join(changed) or 'none'}"
    if not phase.fresh and any(changed.values()):
        return f"{phase.name}: nothing was to change, and did: {changed}"
    return ""


def timed(argv: list[str], log: Path) -> tuple[Cost, int]:
    """Run a command, its output into a file; return what it took and its exit status."""
    cpu, begin = busy_now_s(), time.monotonic()
    with log.open("w") as stream:
        # Apart from other runs' locks and records, so that this one waits for nobody.
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=environment(XDG_CACHE_HOME=str(FOLDER / "xdg")),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        # Tells of this command and its workers alone; what the tool ran before, such as an image's build, is bigger.
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = Cost(time.monotonic() - begin, busy_now_s() - cpu, usage.ru_maxrss / 1024)
    return cost, process.returncode


def must(stage: Stage) -> None:
    if run(stage, tell).failed:
        raise RuntimeError(f"{stage.name} failed; what it says stands above")


def make_hosts() -> None:
    """Make the fleet's hosts anew, with the packages that building takes."""
    must(simulated.down(FLEET))
    must(simulated.up(FLEET, [{"name": name, "flavour": "bullseye"} for name in names(HOSTS)]))
    argv = ["ansible", "ascend", "-i", str(simulated.inventory(FLEET)), "-m", "ansible.builtin.apt"]
    argv += ["-a", f"name={PACKAGES} install_recommends=false update_cache=true"]
    # An address may have been a former host's, with an ssh connection that still waits for that one.
    must(Stage("packages", argv, env={"ANSIBLE_SSH_RETRIES": "3"}))


def measure(phase: Phase, heavy_files: int) -> Cost:
    """Run a phase. Raises RuntimeError when it failed, or did something else than it should have."""
    if phase.fresh:
        make_hosts()
    log = FOLDER / f"{phase.name}.log"
    cost, status = timed(playbook(phase, heavy_files), log)
    said = log.read_text()
    wrong = f"{phase.name}: site.yml failed" if status else amiss(phase, on_hosts(), changes(said))
    if wrong:
        raise RuntimeError(f"{said}\n{wrong}")
    tell(f"{phase.name}: {cost.wall_s:.1f} s, {cost.cpu_s:.1f} s of processor time, {cost.controller_mib:.0f} MiB")
    return cost


def summed_up(costs: dict[str, Cost], cache_mib: float) -> dict:
    """The line of JSON, as the value that it holds.

    :param costs: of every phase, by its name
    """
    return {
        "ratio": round(costs["fleet"].wall_s / costs["one"].wall_s, 3),
        "saved": round(costs["each"].wall_s / costs["fleet"].wall_s, 3),
        **{f"{name}_s": round(cost.wall_s, 1) for name, cost in costs.items()},
        "cpu_s": {name: round(cost.cpu_s, 1) for name, cost in costs.items()},
        "controller_mib": {name: round(cost.controller_mib) for name, cost in costs.items()},
        "cache_mib": round(cache_mib, 1),
        "hosts": HOSTS,
    }


def main(argv: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the hosts of the last phase, and the logs")
    parser.add_argument("--heavy-files", type=int, default=HEAVY_FILES, metavar="N", help="default: %(default)s")
    args = parser.parse_args(argv)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        must(simulated.make_mirror())
        must(simulated.image("bullseye"))
        costs = {phase.name: measure(phase, args.heavy_files) for phase in PHASES}
        cache_mib = size_mib(FOLDER / "fleet")
    except RuntimeError as error:
        tell(str(error))
        return 1
    finally:
        if not args.keep:
            run(simulated.down(FLEET), tell)
            shutil.rmtree(FOLDER, ignore_errors=True)
    print(json.dumps(summed_up(costs, cache_mib)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
