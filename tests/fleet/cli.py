# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from fleet import flavours, hosts, images, shell, state
from fleet import podman as pod
from fleet.shell import FleetError

REQUIREMENTS = Path(__file__).parent / "requirements-system.txt"


def say(line: str) -> None:
    """Tell the user how things go, beside the program's output proper."""
    print(line, file=sys.stderr, flush=True)


def required_packages(text: str) -> list[str]:
    """Return the package names of a requirements file: one a line, `#` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def prepare(_args: argparse.Namespace) -> int:
    """Install what the fleet needs on this machine and it lacks."""
    wanted = required_packages(REQUIREMENTS.read_text())
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}\n", *wanted]
    # It fails when a package is unknown, which is one of the things to find out.
    known = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    there = {line.split()[1] for line in known.splitlines() if line.startswith("ii")}
    missing = [name for name in wanted if name not in there]
    if missing:
        say(f"installing {' '.join(missing)} …")
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
        shell.run(shell.root_argv([*apt, "update"]))
        shell.run(shell.root_argv([*apt, "install", "--no-install-recommends", *missing]))
    return 0


def up(args: argparse.Namespace) -> int:
    """Start a fleet's hosts and write their inventory."""
    asked = flavours.parse_hosts(args.host, args.opt, args.user)
    inventory = args.inventory or state.folder("fleets", args.fleet) / "inventory.yml"
    hosts.up(args.fleet, asked, Path(inventory).absolute(), say)
    return 0


def down(args: argparse.Namespace) -> int:
    """Remove a fleet's hosts."""
    say(f"removed: {' '.join(hosts.down(args.fleet)) or 'no host'}")
    return 0


def status(args: argparse.Namespace) -> int:
    """List hosts, one a line: fleet, host, flavour, user, state, address."""
    for record in pod.containers(args.fleet or ""):
        labels = record["Labels"]
        told = [labels.get(key, "?") for key in (pod.FLEET, pod.HOST, pod.FLAVOUR, pod.USER)]
        print("\t".join([*told, record["State"], pod.address(record["Id"]) or "-"]))
    return 0


def ssh(args: argparse.Namespace) -> int:
    """Log in to a host, or run a command there."""
    records = {record["Labels"][pod.HOST]: record for record in pod.containers(args.fleet)}
    if args.name not in records:
        raise FleetError(f"fleet {args.fleet} has no host {args.name}; it has: {' '.join(records) or 'none'}")
    user = records[args.name]["Labels"][pod.USER]
    argv = hosts.ssh_argv(args.fleet, args.name, user, state.folder("fleets", args.fleet))
    os.execvp(argv[0], [*argv, *args.command])


def image(args: argparse.Namespace) -> int:
    """Build a flavour's image unless it is there, and print its name."""
    print(images.ensure(args.flavour, say))
    return 0


def clean(_args: argparse.Namespace) -> int:
    """Remove the fleet's images; downloaded packages stay in the cache."""
    say(f"removed: {' '.join(images.clean()) or 'no image'}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="tests/fleet", description="Simulated Ascend hosts in podman containers.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(function, fleet: bool | None = None) -> argparse.ArgumentParser:
        made = commands.add_parser(function.__name__, help=function.__doc__)
        made.set_defaults(function=function)
        if fleet is not None:
            made.add_argument("--fleet", required=fleet, metavar="NAME")
        return made

    command(prepare)
    made = command(up, fleet=True)
    made.add_argument("--host", action="append", required=True, metavar="NAME=FLAVOUR[:USER]",
                      help=f"flavours: {', '.join(flavours.FLAVOURS)}")  # fmt: skip
    made.add_argument("--user", choices=list(flavours.USERS), default="root", help="for hosts that do not say")
    made.add_argument("--opt", action="append", default=[], metavar="HOST:KEY=VALUE",
                      help=f"keys: {', '.join(flavours.OPTIONS)}")  # fmt: skip
    made.add_argument("--inventory", metavar="PATH", help="default: inventory.yml beside the fleet's keys")
    command(down, fleet=True)
    command(status, fleet=False)
    made = command(ssh, fleet=True)
    made.add_argument("name", metavar="HOST")
    made.add_argument("command", nargs=argparse.REMAINDER)
    command(image).add_argument("flavour", choices=list(flavours.FLAVOURS))
    command(clean)
    return top


def main(argv: list[str]) -> int:
    """Run one command; return the exit status: 0, or 1 after a message that says what is wrong."""
    args = parser().parse_args(argv)
    try:
        if getattr(args, "fleet", None):
            flavours.checked_name(args.fleet, "fleet")
        return args.function(args)
    except FleetError as error:
        say(f"fleet: {error}")
        return 1
