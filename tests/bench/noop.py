# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench-noop`: what site.yml costs on a fleet where nothing is to be done, beside a playbook of one ping.

Prints one line of JSON: `ratio` of the medians of wall time, `site_s` and `ping_s` (those medians, in seconds), `hosts`.
What it does meanwhile goes to standard error. --keep leaves the hosts, for another measurement.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import simulated  # noqa: E402
from checkout import ROOT, environment  # noqa: E402
from stages import Stage, run  # noqa: E402

FLEET, HOSTS, ROUNDS = "bench", 8, 9
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def playbook(path: str) -> list[str]:
    """The command that runs a playbook on the hosts, as a user of a checkout does."""
    argv = ["ansible-playbook", path, "-i", str(simulated.inventory(FLEET)), "-e", f"@{simulated.MIRROR_VARS}"]
    # The hosts' own compiler will do: what stands there does not matter, that it stands does.
    return [*argv, "-e", json.dumps({"ascend_mirrors": [str(simulated.MIRROR)]})]


def seconds(path: str) -> float:
    """Run a playbook that has nothing to do and return its wall time. Raises RuntimeError if it did something."""
    begin = time.monotonic()
    done = subprocess.run(playbook(path), cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    took = time.monotonic() - begin
    recap = _RECAP.findall(done.stdout)
    # One task a host, and in the end one for all of them, which is any host's.
    idle = sum(int(row[1]) for row in recap) <= HOSTS + 1 and all(row[2:] == ("0", "0", "0") for row in recap)
    if done.returncode or len(recap) != HOSTS or not idle:
        raise RuntimeError(f"{path} was to cost each of {HOSTS} hosts one task, and change nothing:\n{done.stdout}")
    return took


def main(argv: list[str]) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave the hosts for another measurement")
    keep = parser.parse_args(argv).keep
    hosts = [{"name": f"bench{number}", "flavour": "bullseye"} for number in range(1, HOSTS + 1)]
    try:
        for stage in (simulated.make_mirror(), simulated.up(FLEET, hosts), Stage("converge", playbook("site.yml"))):
            if run(stage, tell).failed:
                return 1
        pairs = [(seconds("tests/bench/ping.yml"), seconds("site.yml")) for _round in range(ROUNDS + 1)][1:]
    except RuntimeError as error:
        tell(str(error))
        return 1
    finally:
        if not keep:
            run(simulated.down(FLEET), tell)
    ping, site = (statistics.median(column) for column in zip(*pairs, strict=True))
    tell("ping, site in seconds: " + ", ".join(f"{one:.2f} {two:.2f}" for one, two in pairs))
    print(
        json.dumps({"ratio": round(site / ping, 3), "site_s": round(site, 3), "ping_s": round(ping, 3), "hosts": HOSTS})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
