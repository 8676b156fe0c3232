# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench-provision`: what site.yml costs fresh hosts that find everything in the build cache, beside a plain script.

Prints one line of JSON:

    hosts                       how many there are, made anew for each measurement
    site_s, script_s            wall time of site.yml, and of the script, in seconds
    site_over_script            their ratio; goal: 1.5 at most
    controller_cpu_s_per_host   processor time of ansible-playbook and its workers for each host, in seconds; goal: 1.5 at most
    controller_peak_mib         the most memory that one of these processes had, in MiB
    task_results_per_host       of a plain run, skipped ones too; goal: 30 at most
    examinations_per_host       how often a host is examined; goal: 2 at most

The script does by ssh, scp, tar and pip what has to be done on each host, on as many hosts at once as site.yml: the products
are copied from the same build cache, unpacked at the same places, linked and installed by the same pip, an environment file is
written, and what came of it is proven by its version or an import. It plans nothing, checks nothing and cannot be repeated.

Everything is built once, by a host of its own, before anything is measured. What else there is to say goes to standard error; a
goal that is missed is no failure. --hosts 8,32 measures several fleets, each on a line of its own; --forks 32 works on as many
hosts at once. With more hosts than forks Ansible's own process looks for a free one without a pause: that is in the figures.
"""

import argparse
import json
import os
import re
import resource
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from measuring import (
    FAILURES,
    FLEET,
    ROOT,
    TESTS,
    hosts_spent_s,
    make_hosts,
    must,
    names,
    run,
    simulated,
    tell,
    timed,
)

FOLDER = ROOT / ".cache" / "bench-provision"
SCRIPT = TESTS / "bench" / "provision.sh"
FORKS = int(re.search(r"^forks = (\d+)$", (ROOT / "ansible.cfg").read_text(), re.MULTILINE)[1])
GOALS = (
    ("site_over_script", 1.5),
    ("controller_cpu_s_per_host", 1.5),
    ("task_results_per_host", 30),
    ("examinations_per_host", 2),
)
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=0\s+failed=0\s+skipped=(\d+)", re.MULTILINE)


class Measured(NamedTuple):
    """What one fleet cost: wall times in seconds, of the controller its processor time in seconds and its peak in MiB."""

    hosts: int
    site_s: float
    script_s: float
    controller_s: float
    peak_mib: float
    results: float
    examinations: float


def site(*options: str) -> list[str]:
    """The command that takes the hosts through site.yml, as a user of a checkout does."""
    argv = ["ansible-playbook", "site.yml", "-i", str(simulated.inventory(FLEET)), "-e", f"@{simulated.MIRROR_VARS}"]
    # The whole toolchain is carried, also where the host's own would do.
    told = {
        "ascend_mirrors": [str(simulated.MIRROR)],
        "gcc730_accept_installed": False,
        "cmake_accept_installed": False,
    }
    return [*argv, "-e", json.dumps(told), *options]


def products(cache: Path) -> dict[str, Path]:
    """The files of the products in a build cache, by name. Raises RuntimeError where one is not there exactly once."""
    found: dict[str, list[Path]] = {}
    for metadata in cache.glob("*/product.json"):
        known = json.loads(metadata.read_text())
        if "part_of" not in known["manifest"]["identity"]:
            found.setdefault(known["manifest"]["name"], []).append(metadata.parent / known["file"])
    if sorted(found) != ["apex", "cmake", "gcc730", "torch"] or any(len(paths) != 1 for paths in found.values()):
        raise RuntimeError(f"{cache} was to hold each product once: {found}")
    return {name: paths[0] for name, paths in found.items()}


def script(cache: Path, count: int, forks: int) -> list[str]:
    """The command that does the same by a plain script, on all hosts at once."""
    files = products(cache)
    order = [str(files[name]) for name in ("cmake", "gcc730", "torch", "apex")]
    return ["bash", str(SCRIPT), str(simulated.inventory(FLEET)), str(forks), *order, *names(count)]


def results(said: str, count: int) -> float:
    """How many task results a host has in a run, by its recap. Raises RuntimeError where hosts are missing or failed."""
    recap = [row for row in _RECAP.findall(said) if row[0] in names(count)]
    if len(recap) != count or any(int(changed) == 0 for _host, _ok, changed, _skipped in recap):
        raise RuntimeError(f"{said}\nsite.yml was to provide everything on {count} hosts")
    return sum(int(ok) + int(skipped) for _host, ok, _changed, skipped in recap) / count


def examinations(said: str, count: int) -> float:
    """How often a host is examined, by what -vvv says of the modules that are run."""
    return len(re.findall(r"Using module file \S+/examine\.py", said)) / count


def measure(count: int, cache: Path, forks: int) -> Measured:
    """Measure the script and site.yml on hosts made anew. Raises RuntimeError where one of them failed.

    :param forks: on how many hosts both work at once
    """

    def spent() -> float:
        return hosts_spent_s(count)

    fresh: dict[Path, str] = {}
    make_hosts(count, fresh)
    log = FOLDER / f"script-{count}.log"
    by_script, status = timed(script(cache, count, forks), log, FOLDER / "none", spent)
    if status:
        raise RuntimeError(f"{log.read_text()}\nthe script ended with {status}")
    make_hosts(count, fresh)
    log = FOLDER / f"site-{count}.log"
    by_site, status = timed(site("--forks", str(forks)), log, FOLDER / "xdg", spent)
    if status:
        raise RuntimeError(f"{log.read_text()}\nsite.yml ended with {status}")
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    told = results(log.read_text(), count)
    # Apart, since saying so much takes time.
    make_hosts(2, fresh)
    log = FOLDER / "examined.log"
    _cost, status = timed(site("-vvv"), log, FOLDER / "xdg", lambda: 0.0)
    if status:
        raise RuntimeError(f"{log.read_text()[-20000:]}\nsite.yml ended with {status}")
    tell(f"{count} hosts: script {by_script.wall_s:.1f} s, site.yml {by_site.wall_s:.1f} s")
    return Measured(
        count,
        by_site.wall_s,
        by_script.wall_s,
        by_site.controller_s,
        peak_mib,
        told,
        examinations(log.read_text(), 2),
    )


def summed_up(one: Measured) -> dict[str, float]:
    """The line of JSON for a fleet, as the value that it holds."""
    return {
        "hosts": one.hosts,
        "site_s": round(one.site_s, 1),
        "script_s": round(one.script_s, 1),
        "site_over_script": round(one.site_s / one.script_s, 2),
        "controller_cpu_s_per_host": round(one.controller_s / one.hosts, 2),
        "controller_peak_mib": round(one.peak_mib),
        "task_results_per_host": round(one.results, 1),
        "examinations_per_host": round(one.examinations, 1),
    }


def verdicts(summary: dict[str, float]) -> list[str]:
    """Say of each goal whether it is met."""
    return [
        f"{key} is {summary[key]}, which {'meets' if summary[key] <= most else 'MISSES'} the goal of at most {most}"
        for key, most in GOALS
    ]


def main(argv: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--hosts", default="8", metavar="N,…", help="how many hosts each fleet has; default: %(default)s"
    )
    parser.add_argument(
        "--forks", type=int, default=FORKS, metavar="N", help="on how many hosts at once; default: ansible.cfg's"
    )
    parser.add_argument("--keep", action="store_true", help="leave the hosts of the last measurement, and the logs")
    args = parser.parse_args(argv)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    tell(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: what else runs here makes wall times longer")
    try:
        must(simulated.make_mirror())
        must(simulated.image("bullseye"))
        make_hosts(1, {})
        log = FOLDER / "built.log"
        _cost, status = timed(site(), log, FOLDER / "xdg", lambda: 0.0)
        if status:
            raise RuntimeError(f"{log.read_text()}\nbuilding everything ended with {status}")
        cache = FOLDER / "xdg" / "ascend-pytorch" / "products"
        for count in map(int, args.hosts.split(",")):
            summary = summed_up(measure(count, cache, args.forks))
            tell("\n".join(["", *verdicts(summary)]))
            print(json.dumps(summary), flush=True)
    except FAILURES as error:
        tell(str(error))
        return 1
    finally:
        if not args.keep:
            run(simulated.down(FLEET), tell)
            shutil.rmtree(FOLDER, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
