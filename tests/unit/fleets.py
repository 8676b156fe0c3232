# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets as the playbooks register them, for the tests of the fleet document and of the page that shows it."""

import copy

from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet
from situations import APEX, CMAKE, ENVIRONMENT, GCC, TORCH, ask_torch, bare, installed, recipe, with_tools

WHEN = "2026-11-22T21:50:00Z"
VERSION = "0.1.0"
REQUEST = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), recipe(APEX), environment=ENVIRONMENT)

# Seconds of each stage, as builds on a server of many cores take them.
SECONDS = {
    "cmake": {"fetch": 4, "verify": 0.3, "extract": 2.1, "configure": 61, "build": 118, "install": 3, "sanity": 0.4},
    "gcc730": {"fetch": 41, "verify": 1.2, "extract": 24, "configure": 16, "build": 2710, "install": 48, "sanity": 2},
    "torch": {"fetch": 380, "extract": 12, "patch": 8.5, "configure": 0.2, "build": 3420, "install": 31, "sanity": 6},
    "apex": {"fetch": 6, "extract": 0.4, "patch": 0.7, "build": 74, "install": 1.1, "sanity": 3.2},
}


def finding(ident, severity="error", found="", wanted="", remedy="", source="design"):
    return {
        "id": ident,
        "severity": severity,
        "found": found or "what " + ident + " is about",
        "wanted": wanted or "something else",
        "remedy": remedy or "mend " + ident,
        "source": source,
    }


DISK = ("disk-full", "error", "3.1 GiB free in /var", "20 GiB to build torch")
DISK_REMEDY = "free some space there, or set ascend_work_dir to a disk with more space"
CANN = finding(
    "cann-version",
    "warning",
    "CANN 5.1.RC1 in /usr/local/Ascend/ascend-toolkit/latest",
    "CANN 5.0.3 to 5.0.4 for torch 1.8.1",
    "install that CANN, or choose the torch release that goes with 5.1.RC1",
    "guide, prerequisites: CANN",
)
PYTHON = finding(
    "python-library",
    "error",
    "/usr/local/bin/python3.8 has no shared libpython",
    "a Python built with --enable-shared",
    "rebuild it with --enable-shared, or set ascend_python to another",
    "guide, prerequisites: Python",
)


def chip(number, health="OK", hbm_used=0, **changes):
    return dict(
        {
            "npu_id": number,
            "chip_id": 0,
            "phy_id": number,
            "name": "910A",
            "kind": "910",
            "health": health,
            "bus_id": f"0000:{0x61 + number:02X}:00.0",
            "power_w": 66.4 + number,
            "temp_c": 34 + number,
            "aicore_percent": 0,
            "memory_used_mb": 591 + number,
            "memory_total_mb": 14795,
            "hbm_used_mb": hbm_used,
            "hbm_total_mb": 32768,
        },
        **changes,
    )


def npu(chips=(), **changes):
    """state.npu: by default npu-smi answers and shows these chips."""
    return dict(
        {
            "smi": "/usr/local/sbin/npu-smi",
            "problem": "",
            "code": None,
            "remedy": "",
            "tool_version": "21.0.4",
            "driver_version": "21.0.4",
            "chips": list(chips),
            "pci": [],
            "nodes": [],
            "run_user": "root",
            "group": "HwHiAiUser",
            "group_exists": True,
            "member": True,
        },
        **changes,
    )


def host(**changes):
    """An examined Ascend host with eight healthy NPUs and nothing built."""
    state = bare(
        npu=npu(chip(number) for number in range(8)),
        driver={"path": "/usr/local/Ascend/driver", "version": "21.0.4"},
        firmware={"path": "/usr/local/Ascend/firmware", "version": "1.79.22.5.220"},
        driver_firmware_agree=True,
        clock_skew_s=0.0,
    )
    state.os.update(name="Debian GNU/Linux 11 (bullseye)", version="11")
    return state._replace(**copy.deepcopy(changes))


def built(state, host_name, pace=1.0, when="2026-11-20T09:12:44Z"):
    """The host after all of it has been built there; `pace` times the usual seconds."""
    state = installed(REQUEST, state)
    for name, product in state.products.items():
        if product["manifest"]:
            # As the file has them: sorted.
            seconds = {stage: round(SECONDS[name][stage] * pace, 1) for stage in sorted(SECONDS[name])}
            product["manifest"].update(
                built={"when": when, "host": host_name, "seconds": seconds}, collection_version=VERSION
            )
    return state


def planned(state, *findings):
    """What the action `plan` returns for an examined host."""
    made = plan.make(REQUEST, state)
    return {"changed": False, "plan": made.plain(), "findings": list(findings), "state": state._asdict()}


def verified(result, **problems):
    """What the module `verify` returns for a planned host: all is well but for what `problems` tells by product."""
    names = [name for name, entry in result["plan"]["products"].items() if entry["order"]]
    products = {
        name: {"ok": name not in problems, "problems": problems.get(name, []), "notes": [], "said": []}
        for name in names
    }
    return {"changed": False, "failed": False, "failed_when_result": False, "products": products}


def whole(name, pace=1.0, **changes):
    """A host that has everything, and has been verified."""
    result = planned(built(host(**changes), name, pace))
    return {"planned": result, "verified": verified(result)}


def mixed():
    """A dozen hosts, of which each state and each fault that a report knows is one."""
    results = {
        f"node{number:03d}": whole(f"node{number:03d}", pace) for number, pace in enumerate((1, 1.04, 1.11, 0.97), 1)
    }
    results["node005"] = whole(
        "node005", 1.6, npu=npu([chip(0), chip(1, "Warning", 30110), chip(2, "Alarm", 32768, temp_c=91)])
    )

    own = with_tools(host(), cmake="3.18.4", gcc="10.2.1", gxx="10.2.1")
    results["node006"] = {"planned": planned(own), "verified": None}
    older = built(host(), "node007")
    older.cann[0].update(version="5.1.RC1")
    older.products["cmake"].update(damage=["bin/cmake: missing"])
    results["node007"] = {
        "planned": planned(older, CANN),
        "verified": verified(planned(older), cmake=["bin/cmake: missing"]),
    }
    results["node008"] = {
        "planned": planned(host(), finding(*DISK, DISK_REMEDY, "guide, gcc: temporary space"), PYTHON, CANN)
    }
    less = ("disk-full", "error", "0.4 GiB free in /var", DISK[3])
    dumb = npu(smi=None, tool_version=None, pci=[{"address": "0000:c1:00.0", "device": "0xd801", "name": "910"}])
    results["node009"] = {
        "planned": planned(
            host(npu=dumb, driver_firmware_agree=None), finding(*less, DISK_REMEDY, "guide, gcc: temporary space")
        )
    }
    result = planned(
        built(host(npu=npu(problem="ended with status 255: DrvMngGetConsoleLogLevel failed", code=-8005)), "node010")
    )
    broken = "torch 1.8.1 does not work: `python3.9 -c import torch` ended with status 1 and said:\nSegmentation fault"
    results["node010"] = {"planned": result, "verified": verified(result, torch=[broken])}
    results["node011"] = {
        "planned": {
            "unreachable": True,
            "changed": False,
            "msg": "ssh: connect to host 10.0.0.11 port 22: No route to host",
        },
        "verified": {"skipped": True, "changed": False},
    }
    results["login"] = {
        "planned": {
            "failed": True,
            "msg": "login: 1 problem, nothing was changed:\n  - ascend_python: 'python2' is refused",
        },
        "verified": {"skipped": True, "changed": False},
    }
    return results


def large(number):
    """A fleet of so many hosts: most have everything, every tenth is to be built on, some are unfit or gone."""
    results = {}
    ready, fresh = host(), host()
    for index in range(number):
        name = f"npu-{index // 100 + 1:02d}-{index % 100:03d}.example.net"
        if index % 97 == 13:
            results[name] = {"planned": {"unreachable": True, "msg": "Connection timed out"}, "verified": None}
        elif index % 41 == 7:
            free = f"{index % 9}.{index % 7} GiB free in /var"
            results[name] = {
                "planned": planned(fresh, finding(DISK[0], DISK[1], free, DISK[3], DISK_REMEDY)),
                "verified": None,
            }
        elif index % 10 == 3:
            results[name] = {"planned": planned(fresh), "verified": None}
        else:
            result = planned(built(ready, name, 1 + (index * 7919 % 61) / 100))
            results[name] = {"planned": result, "verified": verified(result)}
    return results


# (its name, libc, Python, memory) of the systems of a fleet that has grown over the years
SYSTEMS = [
    ("Debian GNU/Linux 11 (bullseye)", "glibc 2.31", "3.9.2", 65536),
    ("openEuler 22.03 (LTS-SP4)", "glibc 2.34", "3.9.9", 772608),
    ("Ubuntu 22.04.5 LTS", "glibc 2.35", "3.10.12", 1546240),
    ("Kylin Linux Advanced Server V10 (Lance)", "glibc 2.28", "3.9.21", 515072),
]
NAMES = ("npu-{:04d}.train.cluster.example.net", "atlas-800-{:04d}.example.net", "trainer{:04d}")


def varied(number):
    """A fleet of so many hosts of several systems, names and faults, where cohorts share what one host of each has built."""
    results = {}
    for index in range(number):
        kind = index * 7 // 3 % len(SYSTEMS)
        name = NAMES[index % len(NAMES)].format(index)
        system, libc, python, memory = SYSTEMS[kind]
        chips = [
            chip(
                card,
                "Warning" if (index, card) == (index // 23 * 23, 3) else "OK",
                hbm_used=(index * 37 + card * 911) % 32768,
                temp_c=31 + (index * 5 + card * 3) % 30,
                power_w=66.4 + (index + card) % 20,
            )
            for card in range(8)
        ]
        state = host(cores=192 if kind else 8, libc=libc, memory={"total_mib": memory, "available_mib": memory // 2})
        state = state._replace(npu=npu(chips))
        state.os.update(name=system)
        for each in state.pythons.values():
            each.update(version=python)
        state.cann[0].update(version="5.0.4" if index % 5 else "5.1.RC1")
        # Kept in a place of its own for each host, so that no two give the very same words.
        free = f"{index % 19}.{index % 7} GiB free in /data/{name.partition('.')[0]}/work"
        found = [CANN] if index % 5 == 0 else []
        found += (
            [finding(*DISK[:2], free, DISK[3], DISK_REMEDY, "guide, gcc: temporary space")] if index % 6 == 2 else []
        )
        found += [PYTHON] if index % 31 == 8 else []
        found += [finding("clock-skew", "note", f"the clock is {index % 50 + 3} s ahead")] if index % 9 == 4 else []
        if index % 47 == 7:
            said = f"ssh: connect to host {name} port 22: No route to host"
            results[name] = {"planned": {"unreachable": True, "msg": said}, "verified": None}
        elif index % 10 == 3 or found and index % 6 == 2:
            results[name] = {"planned": planned(state, *found), "verified": None}
        else:
            # One in a hundred of a kind builds, and the others take it.
            builder = NAMES[kind % len(NAMES)].format(index // 100 * 100)
            result = planned(built(state, builder, 1 + index // 100 / 20 + kind / 10), *found)
            worn = {"torch": ["lib/libtorch_cpu.so: missing"]} if index % 53 == 5 else {}
            results[name] = {"planned": result, "verified": verified(result, **worn)}
    return results


def document(results=None):
    """The document of a fleet, the mixed one by default."""
    return fleet.document(mixed() if results is None else results, WHEN, VERSION)
