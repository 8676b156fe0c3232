# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated hosts that are made anew for each measurement, and what a command costs them and this machine."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]
# The simulated fleet is a package of tests/.
sys.path[:0] = [str(TESTS), str(TESTS.parent / "tools")]
import simulated  # noqa: E402
from checkout import ROOT, environment  # noqa: E402
from fleet import podman as pod  # noqa: E402
from fleet.hosts import container_name  # noqa: E402
from fleet.shell import FleetError  # noqa: E402
from stages import Stage, run  # noqa: E402

FLEET = "bench"
# What ends a measurement, with the reason.
FAILURES = (RuntimeError, FleetError)
# What the package manager would bring on the way; how fast its mirror is today is not what is measured.
PACKAGES = ("patch", "dos2unix", "bzip2", "m4")
# On the hosts: nothing of the road stands there.
OURS = "/srv/bench"
CONTROL_GROUPS = Path("/sys/fs/cgroup")


class Cost(NamedTuple):
    """What a measurement took, in seconds: wall time, processor time of all hosts, and of the controller's processes."""

    wall_s: float
    cpu_s: float
    controller_s: float


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def names(count: int) -> list[str]:
    """The names of a fleet's hosts."""
    return [f"bench{number}" for number in range(1, count + 1)]


def on_all(count: int, act: Callable[[str], str]) -> list[str]:
    """Do something to the containers of all hosts at once; returns what came of it."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(act, [container_name(FLEET, name) for name in names(count)]))


def shell(script: str) -> Callable[[str], str]:
    """What runs a script in a container, as root."""
    return lambda container: pod.podman("exec", container, "sh", "-c", script)


def must(stage: Stage) -> None:
    if run(stage, tell).failed:
        raise RuntimeError(f"{stage.name} failed; what it says stands above")


def make_hosts(count: int, copies: Mapping[Path, str]) -> None:
    """Make the fleet's hosts anew, with the packages that building takes.

    :param copies: files and folders of this machine that they get, and where
    """
    must(simulated.down(FLEET))
    must(simulated.up(FLEET, [{"name": name, "flavour": "bullseye"} for name in names(count)]))
    tell(f"packages {' '.join(PACKAGES)} for {count} hosts")
    # By podman: an ssh connection that is made beforehand would be one that the road need not make.
    install = f"apt-get -qq install --no-install-recommends {' '.join(PACKAGES)}"
    on_all(
        count,
        shell(f"mkdir -p {OURS}; export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && {install}"),
    )
    for here, there in copies.items():
        on_all(count, lambda container, here=here, there=there: pod.podman("cp", str(here), f"{container}:{there}"))


def spent_s(group: str, root: Path = CONTROL_GROUPS) -> float:
    """Seconds of processor time that a control group and those in it have spent.

    :param group: its path as podman tells it, from the root of the hierarchy
    :param root: where cgroup v1 (cpuacct.usage, nanoseconds) or v2 (cpu.stat, `usage_usec N`) is mounted
    :raises RuntimeError: when neither counts it
    """
    inner = group.strip("/")
    first, second = root / "cpuacct" / inner / "cpuacct.usage", root / inner / "cpu.stat"
    # Without a path it would be the whole machine's.
    if inner and first.is_file():
        return int(first.read_text()) / 1e9
    if inner and second.is_file():
        return int(dict(line.split() for line in second.read_text().splitlines())["usage_usec"]) / 1e6
    raise RuntimeError(f"no control group counts the processor time of a host: neither {first} nor {second} is its own")


def hosts_spent_s(count: int) -> float:
    """Seconds of processor time that all hosts have spent since they started."""
    groups = on_all(count, lambda container: pod.podman("inspect", "--format", "{{.State.CgroupPath}}", container))
    return sum(spent_s(group.strip()) for group in groups)


def timed(argv: list[str], log: Path, xdg: Path, spent: Callable[[], float]) -> tuple[Cost, int]:
    """Run a command, its output into a file; return what it took and its exit status.

    :param xdg: the folder of caches, apart from others' locks, records and build cache
    :param spent: what the hosts have spent until now, in seconds
    """
    # Sockets have short paths; one of a former host at the same address would wait for that one.
    with tempfile.TemporaryDirectory(prefix="bench-") as sockets, log.open("w") as stream:
        env = environment(XDG_CACHE_HOME=str(xdg), ANSIBLE_SSH_CONTROL_PATH_DIR=sockets)
        before, begin = spent(), time.monotonic()
        process = subprocess.Popen(
            argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
        # Tells of this command and its workers alone, and not of others that were waited for.
        _pid, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - begin
        cost = Cost(wall_s, spent() - before, usage.ru_utime + usage.ru_stime)
    process.returncode = os.waitstatus_to_exitcode(status)
    return cost, process.returncode
