# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the machine: its clock, memory, disks, tools, and the folders that are written to."""

import os
from typing import Any, Dict, Iterator, List

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.checks.finding import (
    BUILD,
    ERROR,
    HOST,
    NOTE,
    WARNING,
    Check,
    Seen,
    check,
    seen,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import packages
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan as plans
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import Plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request
from ansible_collections.ascend.pytorch.plugins.module_utils.product import recipe as recipes

CHECKS: List[Check] = []

_ROOM = "guide, gcc: temporary space"
_DAY_S = 86400
# A product from another host is one file in the work directory: gcc, the largest one, has half of this.
_TAKEN_GIB = 1
# Files of a recipe's sources and objects per GiB of the space that it needs: torch with all submodules and objects has
# some 4,000, gcc some 12,000.
_FILES_PER_GIB = 12000


def _recipes_to_build(request: Request, plan: Plan) -> List[Dict[str, Any]]:
    """Return the recipes that the plan builds."""
    return [
        entry for entry in request.recipes if not entry.get("reference") and plan.does(entry["name"]) == plans.BUILD
    ]


def _products_to_change(plan: Plan) -> List[str]:
    return sorted(name for name, entry in plan.products.items() if entry.do != plans.NOTHING)


@check(CHECKS, "clock-skew", HOST, WARNING, "fact: sources newer than now make a build loop")
def _clock_skew(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The host's clock is far from the controller's; a day is an error."""
    skew, limit = state.clock_skew_s, request.fitness["max_clock_skew_s"]
    if abs(skew) > limit:
        yield seen(
            "the clock is {0:.0f} s {1} the controller's".format(abs(skew), "ahead of" if skew > 0 else "behind"),
            "at most {0} s".format(limit),
            "set the host's clock with chronyd or ntpd, or correct the controller's",
            ERROR if abs(skew) > _DAY_S else "",
        )


@check(CHECKS, "umask", HOST, NOTE, "fact: with umask 077, other accounts cannot read a prefix")
def _umask(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Other accounts cannot read what is installed by hand with this umask."""
    if int(state.umask, 8) & 0o055:
        yield seen(
            "umask {0} for {1}".format(state.umask, state.user["name"]),
            "0022",
            "nothing to do for what this collection publishes: it uses 0022; set the umask for what you install by hand",
        )


@check(CHECKS, "session-ends", BUILD, WARNING, "fact: logind kills what a login started")
def _session_ends(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A build would be killed with the login session that it is started from."""
    name, session = state.user["name"], state.session
    # Builds of root get a scope of the system manager.
    if state.user["uid"] and session["ends"] and not session["lingers"] and _recipes_to_build(request, plan):
        yield seen(
            "logind ends the processes of {0} with its session (KillUserProcesses), and lingering is not enabled for {0}".format(
                name
            ),
            "a build that continues when the connection is lost",
            "have an administrator run `loginctl enable-linger {0}`, or run the play as root".format(name),
        )


@check(CHECKS, "memory", BUILD, ERROR, "guide, torch: memory of parallel compilers")
def _memory(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """There is not enough memory for one job of a build."""
    need_mib = max([int(1024 * recipes.memory_for_one_job(entry)) for entry in _recipes_to_build(request, plan)] or [0])
    if state.memory["available_mib"] < need_mib:
        limit = state.memory.get("limit")
        whole = "{0:.1f}".format(state.memory["total_mib"] / 1024.0)
        if limit:
            whole = "the {0:.1f} GiB that {1} allows".format(limit["mib"] / 1024.0, limit["path"])
        yield seen(
            "{0:.1f} GiB of memory free of {1}".format(state.memory["available_mib"] / 1024.0, whole),
            "{0:.1f} GiB for one job that builds {1}".format(
                need_mib / 1024.0, ", ".join(entry["name"] for entry in _recipes_to_build(request, plan))
            ),
            "raise this limit of the control group (of systemd: MemoryMax, MemoryHigh; of the container: --memory), or stop "
            "what uses the memory"
            if limit
            else "stop what uses the memory, or build when the host is idle",
        )


@check(CHECKS, "disk-full", BUILD, ERROR, _ROOM)
def _disk_full(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The work directory's disk does not have enough space for a build, or for a product that another host builds."""
    work = state.disk[state.work_dir]
    taken = sorted(name for name, entry in plan.products.items() if entry.do == plans.TAKE)
    need_gib = max(_need_gib(request, plan), _TAKEN_GIB if taken else 0)
    if work["free_mib"] < need_gib * 1024:
        yield seen(
            "{0:.1f} GiB free in {1}".format(work["free_mib"] / 1024.0, work["stands_at"]),
            "{0} GiB to {1} {2}".format(
                need_gib, "build" if _recipes_to_build(request, plan) else "take", ", ".join(_products_to_change(plan))
            ),
            "free some space there, or set ascend_work_dir to a disk with more space",
        )


def _need_gib(request: Request, plan: Plan) -> int:
    return max([int(entry.get("disk_gib", 1)) for entry in _recipes_to_build(request, plan)] or [0])


@check(CHECKS, "inodes", BUILD, ERROR, _ROOM)
def _inodes(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The work directory's disk cannot hold the number of files that a build makes."""
    work, need = state.disk[state.work_dir], _need_gib(request, plan) * _FILES_PER_GIB
    # None: this file system does not count them.
    if work["free_inodes"] is not None and work["free_inodes"] < need:
        yield seen(
            "{0} inodes free in {1}".format(work["free_inodes"], work["stands_at"]),
            "{0} to build {1}".format(need, ", ".join(_products_to_change(plan))),
            "remove small files there, or set ascend_work_dir to another disk",
        )


@check(CHECKS, "tool-broken", HOST, WARNING, "fact: tools that hang or crash")
def _tool_broken(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """A program hangs, crashes or does not print its version."""
    for name, there in sorted(state.tools.items()):
        for found in there:
            if not found["version"]:
                yield seen(
                    "{0} {1}".format(found["path"], found["problem"] or "does not print its version"),
                    "a {0} that works, or none".format(name),
                    "run `{0} --version` by hand; repair or remove it".format(found["path"]),
                )


@check(CHECKS, "tools-missing", BUILD, ERROR, "guide, prerequisites: tools")
def _tools_missing(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Tools are missing, and this run may not install them."""
    lacking = plan.packages.needs
    if lacking and not packages.may_install(request, state):
        command = {"Debian": "apt-get install -y ", "RedHat": state.os["package_manager"] + " install -y "}.get(
            state.os["family"]
        )
        why = "ascend_install_packages is false"
        if request.install_packages:
            why = "a plain user may not install packages"
        elif request.offline:
            why = "a bundle contains no packages"
        if not command:
            why, remedy = "the package manager is not known", "install these tools by hand"
        else:
            remedy = "have an administrator run `{0}{1}`".format(command, " ".join(plan.packages.names))
            # In the other cases, becoming root does not help.
            if request.install_packages:
                remedy += ", or set ascend_packages_become: true"
        yield seen("missing: {0} ({1})".format(", ".join(lacking), why), "these tools", remedy)


@check(CHECKS, "work-dir-unwritable", BUILD, ERROR, "design: the work directory")
def _work_dir(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The work directory is not writable."""
    work = state.disk[state.work_dir]
    if _products_to_change(plan) and not work["writable"]:
        yield seen(
            "{0} may not write in {1}".format(state.user["name"], work["stands_at"]),
            "a writable work directory",
            "set ascend_work_dir to a path that it may write to",
        )


@check(CHECKS, "work-dir-unsafe", BUILD, ERROR, "design: the work directory")
def _work_dir_unsafe(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Other accounts can put files into the work directory, which are then run."""
    if _products_to_change(plan) and state.work_dir_objection:
        yield seen(
            state.work_dir_objection,
            "a work directory that only {0} can write to: files in it are run".format(state.user["name"]),
            "set ascend_work_dir to a path where only this account can create files; or inspect what is in it, remove it, and "
            "take write access from others",
        )


@check(CHECKS, "noexec", BUILD, ERROR, "fact: hardened hosts mount /var and /home noexec")
def _noexec(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """No program can be started in the work directory, or where something is published to."""
    bringing = {name: entry.order for name, entry in plan.products.items() if entry.do in plans.PROVIDING}
    places = {state.work_dir: "ascend_work_dir"} if bringing else {}
    for name, order in sorted(bringing.items()):
        if order.product == "tree":
            places[os.path.dirname(order.prefix)] = name + "_prefix"
        else:
            places.update((site, "ascend_venv") for site in [state.venv] + order.sites if site in state.disk)
    for place, variable in places.items():
        if state.disk[place]["noexec"]:
            yield seen(
                "{0} is on a file system mounted with noexec ({1})".format(place, state.disk[place]["stands_at"]),
                "a file system that allows programs to start and libraries to load",
                "set {0} to a path on another file system, or mount this one without noexec".format(variable),
            )


@check(CHECKS, "package-python", BUILD, ERROR, "fact: an ansible-core drops old Pythons of hosts")
def _package_python(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Ansible's module for the package manager would run under a Python that this ansible-core does not support."""
    python, core = state.packaging_python, state.core
    needed = plan.packages.names and packages.may_install(request, state)
    if needed and python and not versions.is_within(python["version"], core["oldest_python"]):
        manager = state.os["package_manager"]
        yield seen(
            "{0} runs under {1}, Python {2}, which ansible-core {3} does not support".format(
                manager, python["path"], python["version"], core["version"]
            ),
            "Python {0} or newer with {1}'s own package, to install {2}".format(
                core["oldest_python"], manager, " ".join(plan.packages.names)
            ),
            "run `{0} install -y {1}` on the host, or use an older ansible-core".format(
                {"apt": "apt-get"}.get(manager, manager), " ".join(plan.packages.names)
            ),
        )


@check(CHECKS, "env-file-unwritable", BUILD, ERROR, "guide, environment variables")
def _env_file(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The environment file cannot be written."""
    env = plan.environment
    if env and env["do"] == plans.PUBLISH:
        parent = state.disk[os.path.dirname(env["path"])]
        if not parent["writable"]:
            yield seen(
                "{0} may not write in {1}".format(state.user["name"], parent["stands_at"]),
                "to write the environment file {0}".format(env["path"]),
                "set ascend_env_file to a path that it may write to (auto: under its home), or run the play as root",
            )


@check(CHECKS, "hccl-interface", BUILD, ERROR, "guide, environment variables: HCCL_IF_IP")
def _hccl_interface(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """The interface that HCCL_IF_IP takes its address from is missing."""
    wanted = request.environment
    if (
        wanted
        and wanted.get("hccl_interface")
        and not wanted["set"].get("HCCL_IF_IP")
        and wanted["hccl_interface"] not in state.interfaces
    ):
        yield seen(
            "no interface {0!r} with an IPv4 address".format(wanted["hccl_interface"]),
            "one of " + ", ".join("{0} ({1})".format(*pair) for pair in sorted(state.interfaces.items())),
            "set torch_npu_build_hccl_interface to one of these for this host, or torch_npu_build_hccl_if_ip",
        )


@check(CHECKS, "shared-place", HOST, NOTE, "fact: homes on NFS; a host that the inventory has under two names")
def _shared_place(request: Request, state: State, plan: Plan) -> Iterator[Seen]:
    """Hosts share a folder, such as a home; a warning where each would write a different environment file there."""
    # One host alone is not enough: the playbooks check and report find it, with find_shared_places().
    return iter(())


def find_shared_places(shares: List[Dict[str, Any]]) -> Iterator[Seen]:
    """Yield what the check shared-place finds.

    :param shares: as sharing.shared_places returns them, with "hosts" as a text
    """
    for each in shares:
        yield seen(
            "{0} share {1}".format(each["hosts"], ", ".join(each["paths"])),
            "identical hosts, of which one builds and publishes there and the others use it; or separate folders for each host",
            "nothing if that is intended. Otherwise set ascend_work_dir, cmake_prefix, gcc730_prefix, ascend_venv and "
            "ascend_env_file to folders that are not shared; if the inventory has one host under two names, remove one",
        )
        if each["env_file"]:
            yield seen(
                "{0} share the environment file {1}, and each would write a different one".format(
                    each["hosts"], each["env_file"]
                ),
                "an environment file for each host: it has that host's settings for the network, CANN and gcc",
                "set ascend_env_file to a path with the inventory_hostname, such as ~/.config/ascend-pytorch/<host>.sh",
                WARNING,
            )
