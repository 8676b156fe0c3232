# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of hosts, as data, and how a command line names hosts.

A kind is added by adding a row: another Debian release needs its name and its Python, nothing else.
"""

import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

from fleet.cards import CARDS
from fleet.shell import FleetError

SCRIPTS = Path(__file__).parent / "scripts"

# What an Ascend server's administrator has put there before the collection comes. cmake, dos2unix, patch and bzip2
# are absent on purpose: to bring them is the collection's work.
PACKAGES = (
    "systemd-sysv", "openssh-server", "iproute2", "procps", "ca-certificates",
    "python3", "python3-dev", "python3-venv", "python3-pip",
    "gcc", "g++", "make", "git", "zlib1g-dev", "libssl-dev", "libopenblas-dev",
)  # fmt: skip

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# What an emulated host gets as this machine's own (scripts/native.sh), since it costs ten times as much under emulation:
# packages of this machine's arch, {triplet} being the host's, with _ as -.
NATIVE = ("git", "g++-{triplet}", "binutils-{triplet}")


@dataclass(frozen=True)
class Flavour:
    """One kind of host. `script` turns the image of the flavour `base` into this one; without `base`, it is Debian."""

    release: str
    python: str
    arch: str = "amd64"
    base: str = ""
    script: str = "debian.sh"
    apt: bool = True
    packages: tuple[str, ...] = PACKAGES

    @property
    def machine(self) -> str:
        """What `uname -m` says on such a host."""
        return MACHINES[self.arch]

    @property
    def triplet(self) -> str:
        """What compilers call such a host."""
        return f"{self.machine}-linux-gnu"

    @property
    def emulated(self) -> bool:
        """Whether such a host is of another arch than this machine, which is slow."""
        return self.machine != platform.machine()


FLAVOURS = {
    "bullseye": Flavour(release="bullseye", python="3.9"),
    "bookworm": Flavour(release="bookworm", python="3.11"),
    # With all that a build needs: to have the package manager bring it takes an emulated host minutes.
    "bullseye-arm64": Flavour(
        release="bullseye", python="3.9", arch="arm64", packages=(*PACKAGES, "patch", "dos2unix", "bzip2", "m4")
    ),
    "openeuler": Flavour(release="bullseye", python="3.9", base="bullseye", script="openeuler.sh", apt=False),
}

USERS = {"root": "root", "plain": "ascend"}
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class Host:
    """A host as the command line asks for it.

    :ivar user: the account to log in with: `root`, or `ascend`, which may not use sudo.
    :ivar options: see OPTIONS.
    """

    name: str
    flavour: str
    user: str = "root"
    options: dict[str, str] = field(default_factory=dict)


# What `--opt HOST:KEY=VALUE` takes, and the shape of each value.
OPTIONS = {
    "memory": re.compile(r"[1-9]\d*[bkmg]"),  # limit of the host's memory, as podman writes it: 512m
    "cpus": re.compile(r"\d+(\.\d+)?"),  # limit of its processor time, in cores
    # a file system at that path, of that size and with that many inodes: a disk that gets full
    "tmpfs": re.compile(r"/[^:,\"]+:[1-9]\d*[kmg](:([1-9]\d*|noexec))?"),
    "shared": re.compile(
        r"/[^:,\"]+"
    ),  # a folder at that path that all hosts of the fleet with this option have together
    "cann": re.compile(r"none|missing|\d+\.[0-9A-Za-z.-]+"),  # CANN's release; `none`: no driver and no NPU either
    "chip": re.compile("|".join(CARDS)),  # the kind of its NPUs, with their driver and firmware
    "npu": re.compile(r"none|sick|busy|hang|crash|rubbish|-8005"),  # no NPU, an unhealthy one, or a broken npu-smi
    "nodes": re.compile(r"root"),  # the device nodes are root's alone
    "driver": re.compile(r"none"),  # NPUs without a driver
    "firmware": re.compile(r"\d+(\.\d+){2,}"),  # firmware's version; the driver of 910A takes 1.80
    "wheels": re.compile(r"stale"),  # the Python has the wheels of a former CANN
}

# Beside `KEY=none` these would mean nothing.
VOID_BESIDE_NONE = {
    "cann": ("chip", "npu", "nodes", "driver", "firmware", "wheels"),
    "driver": ("npu", "nodes"),
    "npu": ("nodes",),
}


def checked_name(name: str, what: str) -> str:
    """Return `name` when it can name a container and a host.

    :raises FleetError: when it cannot; `what` says whose name it is.
    """
    if not NAME.fullmatch(name):
        raise FleetError(f"{what} '{name}': use up to 32 small letters, digits and inner hyphens")
    return name


def check_together(host: Host) -> None:
    """Refuse options that contradict each other.

    :raises FleetError: naming the two.
    """
    for key, others in VOID_BESIDE_NONE.items():
        for other in others:
            if host.options.get(key) == "none" and host.options.get(other, "none") != "none":
                told = f"--opt {host.name}:{other}={host.options[other]}"
                raise FleetError(f"{told}: means nothing beside {key}=none; drop one of the two")


def parse_hosts(hosts: list[str], options: list[str], user: str = "root") -> list[Host]:
    """Read `NAME=FLAVOUR[:USER]` and `NAME:KEY=VALUE` arguments.

    :param user: `root` or `plain`, for hosts that do not say.
    :raises FleetError: naming the argument that is wrong and what it may be.
    """
    found: dict[str, Host] = {}
    for text in hosts:
        name, equals, rest = text.partition("=")
        flavour, _colon, login = rest.partition(":")
        checked_name(name, "host")
        if not equals or flavour not in FLAVOURS:
            raise FleetError(f"--host {text}: expected NAME=FLAVOUR[:USER] with a flavour of {', '.join(FLAVOURS)}")
        if (login or user) not in USERS:
            raise FleetError(f"--host {text}: the user is one of {', '.join(USERS)}")
        if name in found:
            raise FleetError(f"--host {text}: host {name} was already given")
        found[name] = Host(name, flavour, USERS[login or user])
    for text in options:
        name, _colon, rest = text.partition(":")
        key, _sign, value = rest.partition("=")
        if name not in found:
            raise FleetError(f"--opt {text}: expected HOST:KEY=VALUE with a host of {', '.join(found)}")
        if key not in OPTIONS:
            raise FleetError(f"--opt {text}: expected HOST:KEY=VALUE with a key of {', '.join(OPTIONS)}")
        if not OPTIONS[key].fullmatch(value):
            raise FleetError(f"--opt {text}: expected {key}={OPTIONS[key].pattern}")
        found[name].options[key] = value
    for host in found.values():
        check_together(host)
    return list(found.values())
