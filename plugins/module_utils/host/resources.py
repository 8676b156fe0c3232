# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cores and memory that a process of this account may use: those of the machine, within the limits of control groups.

A process is in one group of each hierarchy, and the limits of that group and of all above it apply to it (cgroups(7)).
In all functions here `read` is called with a path and returns the file's text, "" if it cannot be read.
"""

import posixpath
import re

from ansible_collections.ascend.pytorch.plugins.module_utils.host import mounts

# Keys of memory.stat for memory that the kernel reclaims when needed. In v1, the keys with total_ include the groups below,
# as the usage does.
_RECLAIMABLE = ("inactive_file", "active_file", "slab_reclaimable")
# Where systemd and containers mount the groups, for a process that cannot see its mounts.
_USUAL_MOUNTS = (
    ("", "/", "/sys/fs/cgroup"),
    ("", "/", "/sys/fs/cgroup/unified"),
    ("memory", "/", "/sys/fs/cgroup/memory"),
    ("cpu", "/", "/sys/fs/cgroup/cpu"),
    ("cpu", "/", "/sys/fs/cgroup/cpu,cpuacct"),
)
_MIB = 1 << 20
# In v1, no limit is a number some pages below 1 << 63.
_UNLIMITED = 1 << 60


def cores(affinity, read):
    # type: (int, Callable[[str], str]) -> int
    """Return how many cores may be used, at least one.

    :param affinity: the number of cores that the process may run on
    """
    quotas = [quota for folder in levels("cpu", read) for quota in _cpu_quotas(folder, read)]
    return max(1, int(min([affinity] + quotas)))


def memory(read):
    # type: (Callable[[str], str]) -> Dict[str, Any]
    """Return {"total_mib", "available_mib", "limit"}: the least that the machine and every limit allow.

    limit is {"path": the file that sets it, "mib"} if a group leaves less memory available than the machine has, else None.
    """
    now = dict(machine_memory(read("/proc/meminfo")), limit=None)
    limits = [limit for folder in levels("memory", read) for limit in _memory_limits(folder, read)]
    if limits:
        # If two leave the same, name the file that can be written.
        path, most, free = min(limits, key=lambda limit: (limit[2], limit[0].endswith("/memory.stat")))
        if not now["total_mib"] or free // _MIB < now["available_mib"]:
            now.update(available_mib=free // _MIB, limit={"path": path, "mib": most // _MIB})
        totals = [most // _MIB for _path, most, _free in limits] + [now["total_mib"]]
        now["total_mib"] = min(filter(None, totals), default=0)
    return now


def machine_memory(meminfo):
    # type: (str) -> Dict[str, int]
    """Return {"total_mib", "available_mib"} from the text of /proc/meminfo (kB)."""
    found = {key: int(kib) for key, kib in re.findall(r"^(\w+):\s+([0-9]+) kB", meminfo, re.MULTILINE)}
    # Kernels before 3.14 have no MemAvailable; their cached memory includes shared memory, which cannot be reclaimed.
    cache = found.get("Buffers", 0) + found.get("Cached", 0) + found.get("SReclaimable", 0) - found.get("Shmem", 0)
    available = found.get("MemAvailable", found.get("MemFree", 0) + max(0, cache))
    return {"total_mib": found.get("MemTotal", 0) // 1024, "available_mib": available // 1024}


# --- control groups ---------------------------------------------------------------------------------------------------


def levels(controller, read):
    # type: (str, Callable[[str], str]) -> List[str]
    """Return the folders of this process's groups, v1's of the controller and v2's, each from its own group to the root.

    A group that the process cannot see has no folder, and its limit is not known: a container sees only its own groups.
    """
    groups, found = _groups(read("/proc/self/cgroup")), []
    for kind, root, mount in _mounts(read(mounts.MOUNTINFO)) or _USUAL_MOUNTS:
        if kind and controller not in kind.split(","):
            continue
        below = _below(groups.get(controller if kind else "", "/"), root)
        for folder in _up(mount, below) if below is not None else ():
            if folder not in found:
                found.append(folder)
            # The limits of a v1 group without use_hierarchy do not apply to the groups below it.
            if kind and read(posixpath.join(posixpath.dirname(folder), "memory.use_hierarchy")).strip() == "0":
                break
    return found


def _groups(content):
    # type: (str) -> Dict[str, str]
    # /proc/self/cgroup: "4:memory:/a/b" of v1, "0::/a/b" of v2. Returns controller ("" is v2) -> group.
    found = {}
    for line in content.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            found.update((controller, parts[2]) for controller in parts[1].split(","))
    return found


def _mounts(content):
    # type: (str) -> List[Tuple[str, str, str]]
    # Returns (v1's controllers or "" for v2, the group that is mounted, where).
    return [
        (mount.options if mount.kind == "cgroup" else "", mount.root, mount.where)
        for mount in mounts.parse(content)
        if mount.kind in ("cgroup", "cgroup2")
    ]


def _below(group, root):
    # type: (str, str) -> Optional[str]
    # Returns the group's path below a mount of the group `root`, None if the group is not below it. A group outside of the
    # namespace, such as `/..`, has no path there: then it is "", the mounted group, which is all that can be seen.
    group, root = group.rstrip("/") + "/", root.rstrip("/") + "/"
    below = group[len(root) :].rstrip("/") if group.startswith(root) else None
    if below is None:
        return "" if ".." in (group + root).split("/") else None
    return "" if ".." in below.split("/") else below


def _up(mount, below):
    # type: (str, str) -> Iterator[str]
    while below:
        yield posixpath.join(mount, below)
        below = posixpath.dirname(below)
    yield mount


# --- what a group allows ----------------------------------------------------------------------------------------------


def _number(content):
    # type: (str) -> Optional[int]
    # None for "max", "-1", and a missing file.
    content = content.strip()
    return int(content) if re.match("[0-9]+$", content) else None


def _stat(content):
    # type: (str) -> Dict[str, int]
    return {key: int(count) for key, count in re.findall(r"^(\w+) ([0-9]+)$", content, re.MULTILINE)}


def _memory_limits(folder, read):
    # type: (str, Callable[[str], str]) -> Iterator[Tuple[str, int, int]]
    # Yields (the limit's file, bytes that it allows, bytes of them that are free) of both versions. Above memory.high, a
    # group is slowed down until it makes no progress. hierarchical_memory_limit of v1 is the lowest limit of all groups
    # above, including those that cannot be seen.
    for used_by, limited_by in (
        ("memory.current", ("memory.max", "memory.high")),
        ("memory.usage_in_bytes", ("memory.limit_in_bytes",)),
    ):
        used = _number(read(posixpath.join(folder, used_by)))
        if used is None:
            continue
        stat = _stat(read(posixpath.join(folder, "memory.stat")))
        cache = sum(stat.get("total_" + key, stat.get(key, 0)) for key in _RECLAIMABLE)
        limits = [(name, _number(read(posixpath.join(folder, name)))) for name in limited_by]
        if used_by == "memory.usage_in_bytes":
            limits.append(("memory.stat", stat.get("hierarchical_memory_limit")))
        for name, most in limits:
            if most is not None and most < _UNLIMITED:
                yield posixpath.join(folder, name), most, max(0, most - max(0, used - cache))


def _cpu_quotas(folder, read):
    # type: (str, Callable[[str], str]) -> Iterator[float]
    # v2: cpu.max, "<quota> <period>" in microseconds or "max <period>"; v1 has a file for each, and a quota of -1 for none.
    for pair in (
        (read(posixpath.join(folder, "cpu.max")).split() + ["", ""])[:2],
        [read(posixpath.join(folder, "cpu.cfs_" + name)) for name in ("quota_us", "period_us")],
    ):
        quota, period = map(_number, pair)
        if quota and period:
            yield float(quota) / period
