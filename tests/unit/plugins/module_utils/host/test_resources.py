# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process may use of made-up machines: their control groups stand in folders."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import ask
from ansible_collections.ascend.pytorch.plugins.module_utils.host import resources
from hypothesis import given
from hypothesis import strategies as st

GIB = 1 << 30
MEMINFO = "MemTotal:       67108864 kB\nMemFree:         1048576 kB\nMemAvailable:   50331648 kB\n"
V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)
HYBRID = V1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
NO_LIMIT = str(9223372036854771712)


@pytest.fixture
def machine(tmp_path):
    """make(files) -> what reads them; some stand for themselves unless they are named."""

    def make(files, cgroup="", mounts="", meminfo=MEMINFO):
        proc = {"/proc/self/cgroup": cgroup, "/proc/self/mountinfo": mounts, "/proc/meminfo": meminfo}
        for path, content in dict(proc, **files).items():
            place = tmp_path / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("{0}\n".format(content))
        return lambda path: ask.text(str(tmp_path) + path)

    return make


def group(folder, most, used, **more):
    """The files of a group of v2."""
    stat = "".join("{0} {1}\n".format(*pair) for pair in more.items())
    return {
        "/sys/fs/cgroup" + folder + "/memory.max": most,
        "/sys/fs/cgroup" + folder + "/memory.current": used,
        "/sys/fs/cgroup" + folder + "/memory.stat": "anon 1\n" + stat,
    }


def group_v1(folder, most, used, stat="", hierarchy=1):
    """The files of a group of v1."""
    folder = "/sys/fs/cgroup/memory" + folder
    return {
        folder + "/memory.limit_in_bytes": most,
        folder + "/memory.usage_in_bytes": used,
        folder + "/memory.stat": stat,
        folder + "/memory.use_hierarchy": hierarchy,
    }


# --- memory


@pytest.mark.parametrize(
    "meminfo, total, available",
    [
        ("MemTotal:       16384000 kB\nMemFree:         1024000 kB\nMemAvailable:    8192000 kB\n", 16000, 8000),
        ("MemTotal: 2048 kB\nMemFree: 1024 kB\n", 2, 1),
        # A kernel that does not say what is available: the cache but what is shared can be given back.
        (
            "MemTotal: 8192 kB\nMemFree: 1024 kB\nBuffers: 1024 kB\nCached: 3072 kB\nShmem: 1024 kB\nSReclaimable: 1024 kB\n",
            8,
            5,
        ),
        ("", 0, 0),
        ("MemTotal: lots\n", 0, 0),
    ],
)
def test_memory_of_the_machine(machine, meminfo, total, available):
    assert resources.machine_memory(meminfo) == {"total_mib": total, "available_mib": available}
    found = resources.memory(machine({}, meminfo=meminfo))
    assert found == {"total_mib": total, "available_mib": available, "limit": None}


def test_cache_does_not_count_as_used(machine):
    files = group(
        "/a", 8 * GIB, 7 * GIB, inactive_file=3 * GIB, active_file=2 * GIB, slab_reclaimable=GIB, shmem=GIB // 2
    )
    found = resources.memory(machine(files, "0::/a\n", V2))
    limit = {"path": "/sys/fs/cgroup/a/memory.max", "mib": 8192}
    assert found == {"total_mib": 8192, "available_mib": 7168, "limit": limit}


@pytest.mark.parametrize(
    "stat",
    [
        "inactive_file 1\nactive_file 1\ntotal_inactive_file {0}\ntotal_active_file {0}\n",
        # Without the groups below: an old kernel, or one without hierarchy.
        "inactive_file {0}\nactive_file {0}\n",
    ],
)
def test_cache_does_not_count_as_used_in_v1(machine, stat):
    files = group_v1("/a", 8 * GIB, 7 * GIB, stat.format(2 * GIB))
    found = resources.memory(machine(files, "4:memory:/a\n0::/\n", V1))
    limit = {"path": "/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "mib": 8192}
    assert found == {"total_mib": 8192, "available_mib": 5120, "limit": limit}


@pytest.mark.parametrize("most", ["max", NO_LIMIT, "", "5 6", "-1"])
def test_no_limit(machine, most):
    for files, cgroup, mounts in (
        (group("/a", most, GIB), "0::/a\n", V2),
        (group_v1("/a", most, GIB), "4:memory:/a\n", V1),
    ):
        assert resources.memory(machine(files, cgroup, mounts))["limit"] is None


@pytest.mark.parametrize(
    "outer, inner, named, free",
    [
        (4 * GIB, "max", "", 3072),
        ("max", 4 * GIB, "/in.slice/in.scope", 3584),
        (5 * GIB, 4 * GIB, "/in.slice/in.scope", 3584),
        (4 * GIB, 8 * GIB, "", 3072),
    ],
)
def test_every_level_counts(machine, outer, inner, named, free):
    files = dict(group("/out.slice", outer, GIB), **group("/out.slice/in.slice/in.scope", inner, GIB // 2))
    found = resources.memory(machine(files, "0::/out.slice/in.slice/in.scope\n", V2))
    assert found["limit"]["path"] == "/sys/fs/cgroup/out.slice{0}/memory.max".format(named)
    assert (found["total_mib"], found["available_mib"]) == (4096, free)


def test_every_level_counts_in_v1(machine):
    stat = "hierarchical_memory_limit {0}\n".format(4 * GIB)
    files = dict(group_v1("/out", 4 * GIB, 2 * GIB, stat), **group_v1("/out/in", NO_LIMIT, GIB, stat))
    cgroup = "9:cpu,cpuacct:/else\n4:memory:/out/in\n"
    found = resources.memory(machine(files, cgroup, HYBRID))
    assert found["limit"] == {"path": "/sys/fs/cgroup/memory/out/memory.limit_in_bytes", "mib": 4096}
    assert found["available_mib"] == 2048
    # Of the same bounds the file that can be written is named.
    files = dict(group_v1("/out", 4 * GIB, GIB, stat), **group_v1("/out/in", NO_LIMIT, GIB, stat))
    found = resources.memory(machine(files, cgroup, HYBRID))
    assert found["limit"]["path"] == "/sys/fs/cgroup/memory/out/memory.limit_in_bytes"
    # A group that its parent does not count is not bound by it.
    files = dict(group_v1("/out", 4 * GIB, 2 * GIB, hierarchy=0), **group_v1("/out/in", NO_LIMIT, GIB))
    assert resources.memory(machine(files, cgroup, HYBRID))["limit"] is None


def test_v1_tells_a_limit_above_its_namespace(machine):
    files = group_v1("", NO_LIMIT, GIB, "hierarchical_memory_limit {0}\n".format(3 * GIB))
    found = resources.memory(machine(files, "4:memory:/\n", V1))
    assert found["available_mib"] == 2048
    assert found["limit"] == {"path": "/sys/fs/cgroup/memory/memory.stat", "mib": 3072}


def test_a_group_is_slowed_down_before_its_limit(machine):
    files = dict(group("/a", 8 * GIB, GIB), **{"/sys/fs/cgroup/a/memory.high": 4 * GIB})
    found = resources.memory(machine(files, "0::/a\n", V2))
    assert found["limit"] == {"path": "/sys/fs/cgroup/a/memory.high", "mib": 4096} and found["available_mib"] == 3072


def test_the_machine_may_have_less_than_the_limit(machine):
    found = resources.memory(machine(group("/a", 60 * GIB, GIB), "0::/a\n", V2))
    assert found == {"total_mib": 61440, "available_mib": 49152, "limit": None}


def test_more_used_than_allowed(machine):
    found = resources.memory(machine(group("/a", GIB, 2 * GIB, inactive_file=5), "0::/a\n", V2))
    assert found["available_mib"] == 0
    # Cache may be counted at another moment than the usage.
    found = resources.memory(machine(group("/a", 2 * GIB, GIB, inactive_file=5 * GIB), "0::/a\n", V2))
    assert found["available_mib"] == 2048


def test_a_machine_that_tells_nothing_has_what_its_group_allows(machine):
    found = resources.memory(machine(group("/a", 2 * GIB, GIB), "0::/a\n", V2, meminfo=""))
    assert (found["total_mib"], found["available_mib"]) == (2048, 1024)


# --- where the groups stand


@pytest.mark.parametrize(
    "cgroup, mounts, folders",
    [
        ("0::/a/b\n", V2, ["/a/b", "/a", ""]),
        # Namespaces: the own group is the root of what is seen, or stands outside of it.
        ("0::/\n", V2, [""]),
        ("0::/../..\n", V2, [""]),
        ("0::/../c\n", V2, [""]),
        ("0::/\n", V2.replace(" / /sys", " /../.. /sys"), [""]),
        ("0::/../c/d\n", V2.replace(" / /sys", " /.. /sys"), ["/c/d", "/c", ""]),
        # A container without one: its own group is mounted, its name is that of the host.
        ("0::/docker/1f\n", V2.replace(" / /sys", " /docker/1f /sys"), [""]),
        ("0::/docker/1f/in\n", V2.replace(" / /sys", " /docker/1f /sys"), ["/in", ""]),
        # Somebody else's.
        ("0::/docker/1f\n", V2.replace(" / /sys", " /docker/1 /sys"), []),
        # Nothing is known of the mounts, or of the group.
        ("", V2, [""]),
        ("0::/a\n5:memory:/m\n", "", ["/a", "", "/unified/a", "/unified", "/memory/m", "/memory"]),
        ("5:memory:/m\n0::/u/x\n", HYBRID, ["/memory/m", "/memory", "/unified/u/x", "/unified/u", "/unified"]),
    ],
)
def test_levels(cgroup, mounts, folders, machine):
    found = resources.levels("memory", machine({}, cgroup, mounts))
    assert found == ["/sys/fs/cgroup" + folder for folder in folders]


def test_a_mount_with_a_blank(machine):
    mounts = V2.replace("/sys/fs/cgroup", "/my\\040groups")
    assert resources.levels("cpu", machine({}, "0::/a\n", mounts)) == ["/my groups/a", "/my groups"]


# --- cores


@pytest.mark.parametrize(
    "outer, inner, cores",
    [
        ("max 100000", "max 100000", 16),
        ("400000 100000", "max 100000", 4),
        ("max 100000", "250000 100000", 2),
        ("400000 100000", "800000 100000", 4),
        ("50000 100000", "max 100000", 1),
        ("6400000 100000", "max 100000", 16),
        ("", "nonsense", 16),
        ("100000 0", "0 100000", 16),
    ],
)
def test_cpu_quotas(machine, outer, inner, cores):
    files = {"/sys/fs/cgroup/a/cpu.max": outer, "/sys/fs/cgroup/a/b/cpu.max": inner}
    assert resources.cores(16, machine(files, "0::/a/b\n", V2)) == cores


@pytest.mark.parametrize("quota, cores", [("-1", 16), ("300000", 6), ("10000", 1), ("", 16)])
def test_cpu_quotas_of_v1(machine, quota, cores):
    folder = "/sys/fs/cgroup/cpu,cpuacct/a/"
    files = {folder + "cpu.cfs_quota_us": quota, folder + "cpu.cfs_period_us": "50000"}
    assert resources.cores(16, machine(files, "4:cpu,cpuacct:/a/b\n0::/\n", HYBRID)) == cores
    # Without a look at the mounts.
    assert resources.cores(16, machine(files, "4:cpu,cpuacct:/a/b\n")) == cores


# --- anything


@given(st.text())
def test_anything_in_every_file(content):
    found = resources.memory(lambda path: content)
    assert set(found) == {"total_mib", "available_mib", "limit"}
    assert resources.cores(4, lambda path: content) >= 1


def test_this_machine():
    found = resources.memory(ask.text)
    assert 0 <= found["available_mib"] <= found["total_mib"] and found["total_mib"] > 0
    assert 1 <= resources.cores(len(os.sched_getaffinity(0)), ask.text) <= len(os.sched_getaffinity(0))
