# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet document and its table: what is made of hosts' results, whatever became of the hosts."""

import copy
import json
import re

import fleets
import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet
from hypothesis import given
from hypothesis import strategies as st


def one(planned=None, verified=None, name="node1"):
    """The host of a document of one host."""
    return fleets.document({name: {"planned": planned, "verified": verified}})["hosts"][name]


def table(document, width=100):
    return "\n".join(fleet.table(document, width))


# --- the document


def test_the_document_is_plain_json_of_its_schema():
    document = fleets.document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["schema"], document["when"], document["collection_version"]) == (1, fleets.WHEN, "0.1.0")
    assert list(document["hosts"]) == list(fleets.mixed())
    for host in document["hosts"].values():
        assert list(host) == [
            "name", "status", "message", "platform", "ascend", "npus", "findings", "components", "environment"
        ]  # fmt: skip


def test_statuses():
    statuses = {name: host["status"] for name, host in fleets.document()["hosts"].items()}
    assert statuses == {
        **{f"node{number:03d}": "fit" for number in range(1, 7)},
        "node007": "warnings",
        **{f"node{number:03d}": "unfit" for number in (8, 9, 10)},
        "node011": "unreachable",
        "login": "failed",
    }


def test_a_host_that_has_everything():
    host = one(**fleets.whole("node1"))
    assert host["platform"] == {
        "os": "Debian GNU/Linux 11 (bullseye)",
        "arch": "x86_64",
        "libc": "glibc 2.31",
        "cores": 8,
        "memory_mib": 65536,
        "python": "3.9.2",
    }
    assert host["ascend"] == {
        "cann": "5.0.4",
        "driver": "21.0.4",
        "firmware": "1.79.22.5.220",
        "agree": True,
        "npu_smi": "",
    }
    assert [chip["health"] for chip in host["npus"]] == ["OK"] * 8
    assert list(host["components"]) == ["cmake", "gcc730", "torch", "apex"]
    torch = host["components"]["torch"]
    assert re.fullmatch("[0-9a-f]{64}", torch.pop("fingerprint"))
    assert torch.pop("now") == torch.pop("then")
    assert torch == {
        "do": "nothing",
        "why": [],
        "version": "1.8.1",
        "ours": True,
        "built": {"when": "2026-11-20T09:12:44Z", "host": "node1", "seconds": fleets.SECONDS["torch"]},
        "collection_version": "0.1.0",
        "verified": True,
        "problems": [],
        "notes": [],
    }
    assert host["environment"] == {"path": "/etc/ascend-pytorch/env.sh", "do": "nothing", "why": []}


def test_a_host_that_has_nothing():
    cmake = one(fleets.planned(fleets.host()))["components"]["cmake"]
    assert cmake["do"] == "build" and cmake["why"] == ["cmake: not installed"] and cmake["now"] == "not installed"
    assert cmake["version"] is cmake["fingerprint"] is cmake["built"] is cmake["verified"] is None and not cmake["ours"]


def test_the_hosts_own_tool_is_told_with_its_version():
    gcc = fleets.document()["hosts"]["node006"]["components"]["gcc730"]
    assert (gcc["do"], gcc["version"], gcc["ours"], gcc["fingerprint"]) == ("nothing", "10.2.1", False, None)


def test_what_should_stand_and_does_not_hold_makes_a_host_unfit():
    host = fleets.document()["hosts"]["node010"]
    assert host["status"] == "unfit" and host["components"]["torch"]["verified"] is False
    (found,) = host["findings"]
    assert found["id"] == "torch-verify" and found["severity"] == "error" and "Segmentation fault" in found["found"]


def test_what_is_to_be_built_anyway_need_not_hold():
    host = fleets.document()["hosts"]["node007"]
    assert host["components"]["cmake"]["verified"] is False and host["components"]["cmake"]["do"] == "publish"
    assert host["components"]["cmake"]["problems"] == ["bin/cmake: missing"]
    assert host["status"] == "warnings" and [found["id"] for found in host["findings"]] == ["cann-version"]


@pytest.mark.parametrize(
    "planned, verified, status, words",
    [
        (None, None, "failed", "the run ended before it came to this host"),
        ({"unreachable": True, "msg": "No route to host"}, None, "unreachable", "No route to host"),
        ({"unreachable": True}, {"skipped": True}, "unreachable", "gave no answer"),
        ({"failed": True, "msg": "node1: 1 problem"}, {"skipped": True}, "failed", "1 problem"),
        ({"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback\nOSError: x\n"}, None, "failed",
         "MODULE FAILURE OSError: x"),
        (fleets.planned(fleets.host()), {"unreachable": True, "msg": "timed out"}, "unreachable",
         "during the verification: timed out"),
        (fleets.planned(fleets.host()), {"failed": True, "msg": "crashed"}, "failed", "the verification failed: crashed"),
    ],
)  # fmt: skip
def test_hosts_that_tell_nothing(planned, verified, status, words):
    host = one(planned, verified)
    assert (host["status"], host["message"]) == (status, words)
    assert bool(host["components"]) == (planned is not None and "plan" in planned)


@pytest.mark.parametrize(
    "result, words",
    [
        ({"failed": True, "msg": "sudo: sorry, you must have a tty to run sudo"}, "ansible_pipelining: false"),
        ({"unreachable": True, "msg": "ssh: connect to host x port 22: Connection refused"}, "sshd"),
        ({"failed": True, "msg": "what nobody has seen"}, "correct what the message says, then run again"),
        ({"unreachable": True, "msg": "what nobody has seen"}, "see that the host is up"),
    ],
)
def test_a_host_that_tells_nothing_has_the_remedy_of_its_own_failure(result, words):
    (found,) = fleet.all_findings(one(result))
    assert words in found["remedy"]


def test_a_skipped_verification_is_none():
    host = one(fleets.planned(fleets.host()), {"skipped": True, "changed": False})
    assert host["status"] == "fit" and host["components"]["torch"]["verified"] is None


@pytest.mark.parametrize(
    "npu, said",
    [
        (fleets.npu([fleets.chip(0)]), ""),
        (fleets.npu(smi=None), "not there"),
        (fleets.npu(problem="gave no answer in 10 s"), "gave no answer in 10 s"),
        (fleets.npu(problem="ended with status 255", code=-8005), "-8005: ended with status 255"),
        (fleets.npu(problem="said -8005", code=-8005), "said -8005"),
        (fleets.npu(code=-8020), "-8020"),
        (None, ""),
    ],
)
def test_why_npu_smi_told_nothing(npu, said):
    assert one(fleets.planned(fleets.host(npu=npu)))["ascend"]["npu_smi"] == said


def test_without_npu_smi_the_bus_tells_of_npus():
    (chip,) = fleets.document()["hosts"]["node009"]["npus"]
    assert chip["name"] == chip["kind"] == "910" and chip["bus_id"] == "0000:c1:00.0" and chip["health"] == ""
    assert set(chip) == set(fleets.chip(0)) and chip["npu_id"] is chip["hbm_total_mb"] is None


@pytest.mark.parametrize("key", fleets.host()._fields)
def test_a_state_that_lacks_something_still_makes_a_host(key):
    """As other versions of the modules may return it."""
    planned = fleets.planned(fleets.host())
    del planned["state"][key]
    assert one(planned)["status"] == "fit"


@pytest.mark.parametrize(
    "built, known",
    [
        (None, None),
        ("yesterday", None),
        ({}, {"when": "", "host": "", "seconds": {}}),
        ({"when": 5, "seconds": []}, {"when": "5", "host": "", "seconds": {}}),
        ({"seconds": {"build": "long", "fetch": float("nan"), "patch": -1, "verify": True, "sanity": 2}},
         {"when": "", "host": "", "seconds": {"sanity": 2}}),
    ],
)  # fmt: skip
def test_a_manifest_that_was_edited(built, known):
    state = fleets.built(fleets.host(), "node1")
    state.products["torch"]["manifest"]["built"] = built
    assert one(fleets.planned(state))["components"]["torch"]["built"] == known


# --- what it says altogether


def test_summary():
    assert fleet.summary(fleets.document()) == {
        "hosts": 12, "fit": 6, "warnings": 1, "unfit": 3, "unreachable": 1, "failed": 1, "complete": 5
    }  # fmt: skip


@pytest.mark.parametrize(
    "results, words",
    [
        ({}, "No host was looked at"),
        ({"a": fleets.whole("a")}, "The host is fit"),
        ({"a": fleets.whole("a"), "b": fleets.whole("b")}, "All 2 hosts are fit"),
        ({"a": fleets.whole("a"), "b": {"planned": fleets.planned(fleets.host(), fleets.CANN)}},
         "All 2 hosts are fit, 1 with warnings"),
        ({"a": {}}, "1 of 1 host is not fit"),
        (fleets.mixed(), "5 of 12 hosts are not fit"),
    ],
)  # fmt: skip
def test_headline(results, words):
    assert fleet.headline(fleets.document(results)) == words


def test_unfit():
    assert fleet.unfit_hosts(fleets.document()) == ["node008", "node009", "node010", "node011", "login"]


def test_the_same_finding_is_told_once():
    groups = fleet.groups(fleets.document())
    assert [(group["id"], group["hosts"]) for group in groups] == [
        ("disk-full", ["node008", "node009"]),
        ("python-library", ["node008"]),
        ("torch-verify", ["node010"]),
        ("unreachable", ["node011"]),
        ("failed", ["login"]),
        ("cann-version", ["node007", "node008"]),
    ]
    assert groups[0]["values"] == [
        {"found": "3.1 GiB free in /var", "wanted": "20 GiB to build torch", "hosts": ["node008"]},
        {"found": "0.4 GiB free in /var", "wanted": "20 GiB to build torch", "hosts": ["node009"]},
    ]


def test_a_host_that_has_the_same_finding_twice_counts_once():
    twice = fleets.planned(fleets.host(), fleets.CANN, dict(fleets.CANN, found="another CANN"))
    (group,) = fleet.groups(fleets.document({"node1": {"planned": twice}}))
    assert group["hosts"] == ["node1"] and len(group["values"]) == 2


# --- the table


def test_table_of_some_hosts():
    lines = table(fleets.document()).splitlines()
    assert lines[0].split() == ["host", "verdict", "cmake", "gcc730", "torch", "apex", "environment"]
    rows = dict(zip(fleets.mixed(), lines[1:13], strict=True))
    assert re.split("  +", rows["node001"]) == ["node001", "fit", "3.12.1", "7.3.0", "1.8.1", "0.1", "ok"]
    assert re.split("  +", rows["node006"]) == [
        "node006", "fit", "own 3.18.4", "own 10.2.1", "build", "build", "publish"
    ]  # fmt: skip
    assert re.split("  +", rows["node008"])[:2] == ["node008", "unfit, 2 errors, 1 warning"]
    assert re.split("  +", rows["node010"])[4] == "1.8.1 fails"
    assert re.split("  +", rows["login"]) == ["login", "failed", "-", "-", "-", "-", "-"]
    assert max(map(len, lines)) <= 100


def test_table_tells_findings_with_remedies_and_the_verdict_last():
    said = table(fleets.document())
    assert (
        "error disk-full, 2 hosts\n"
        "    node008: 3.1 GiB free in /var\n"
        "    node009: 0.4 GiB free in /var\n"
        "    Wanted: 20 GiB to build torch\n"
        "    Remedy: free some space there, or set ascend_work_dir to a disk with more space\n"
    ) in said
    assert "error unreachable, 1 host\n    node011: ssh: connect to host 10.0.0.11 port 22: No route to host\n" in said
    assert said.index("error ") < said.index("warning cann-version") < said.index("5 of 12 hosts are not fit: 3 unfit")


def test_a_narrow_terminal_gets_paragraphs():
    lines = fleet.table(fleets.document(), 60)
    assert "fit (5 hosts): node[001-005]" in lines
    assert max(map(len, lines)) <= 60


def test_many_hosts_that_say_the_same_share_a_paragraph():
    results = {f"node{number:03d}": fleets.whole(f"node{number:03d}") for number in range(1, 121)}
    results["node007"] = {"planned": {"unreachable": True, "msg": "timed out"}}
    assert fleet.table(fleets.document(results), 100) == [
        "unreachable: node007",
        "fit (119 hosts): node[001-006,008-120]",
        "    cmake 3.12.1, gcc730 7.3.0, torch 1.8.1, apex 0.1, environment ok",
        "",
        "error unreachable, 1 host",
        "    node007: timed out",
        "    Remedy: see that the host is up and that `ansible <host> -m ansible.builtin.ping` works, then",
        "      run again",
        "",
        "1 of 120 hosts is not fit: 1 unreachable, 119 fit; 119 have everything.",
    ]


def test_every_host_of_a_large_fleet_is_told():
    results = fleets.large(500)
    said = table(fleets.document(results))
    assert "13 unfit" in said and "and other values on npu-02-071.example.net, npu-03-[012,053,094].example.net" in said
    assert len(said.splitlines()) < 60
    heads = re.findall(r"^(?:fit|unfit|unreachable)[^(:]*(?:\(\d+ hosts\))?:((?:.*\n)(?:    npu-.*\n)*)", said, re.M)
    folded = ", ".join(" ".join(head.split()) for head in heads)
    assert sorted(unfold(folded)) == sorted(results)


def test_what_hosts_say_does_not_steer_the_terminal():
    evil = {"planned": {"failed": True, "msg": "\x1b[2Jgone\x07\nsecond\u202eline"}}
    said = fleet.table(fleets.document({"\x1b]0;x\x07": evil}), 100)
    assert all(line.isprintable() for line in said) and any("gone" in line for line in said)


def test_the_document_is_not_changed_by_telling_it():
    document = fleets.document()
    before = copy.deepcopy(document)
    table(document)
    assert document == before


# --- names of hosts


def unfold(folded):
    """The names that a folded list stands for."""
    names = []
    for entry in folded.split(", "):
        before, bracket, rest = entry.partition("[")
        numbers, _bracket, after = rest.partition("]")
        for part in numbers.split(",") if bracket else []:
            first, _dash, last = part.partition("-")
            width = len(first) if first.startswith("0") or len(first) == len(last or first) else 0
            names += [f"{before}{n:0{width}d}{after}" for n in range(int(first), int(last or first) + 1)]
        names += [] if bracket else [entry]
    return names


@pytest.mark.parametrize(
    "names, folded",
    [
        ([], ""),
        (["login"], "login"),
        (["node1"], "node1"),
        (["node1", "node2", "node4"], "node[1-2,4]"),
        (["node001", "node002", "node003", "login"], "node[001-003], login"),
        ([f"n{number}" for number in range(8, 13)], "n[8-12]"),
        (["n08", "n09", "n10"], "n[08-10]"),
        (["n9", "n010"], "n[9,010]"),
        (["n1", "n01"], "n[1,01]"),
        (["n2", "n1", "n2"], "n[1-2]"),
        (["10.0.0.1", "10.0.0.2"], "10.0.0.[1-2]"),
        (["a1.example.net", "a2.example.net", "b1.example.net"], "a[1-2].example.net, b1.example.net"),
        (["rack1-node1", "rack1-node2", "rack2-node1"], "rack1-node[1-2], rack2-node1"),
    ],
)
def test_fold(names, folded):
    assert fleet.fold(names) == folded


@given(st.lists(st.from_regex(r"[a-c]{0,2}[0-9]{0,3}[a-c]{0,1}", fullmatch=True).filter(bool), unique=True))
def test_folded_names_are_the_same_names(names):
    assert sorted(unfold(fleet.fold(names))) == sorted(names) if names else fleet.fold(names) == ""


def sharing_hosts(*names, **changes):
    results = {name: fleets.whole(name) for name in names}
    for result in results.values():
        for path, room in result["planned"]["state"]["disk"].items():
            room.update({"place": "nas:/home" + path + " 7"}, **changes)
    return results


def test_hosts_that_share_a_place_are_told_so():
    results = dict(sharing_hosts("node1", "node2", "node3"), node4=fleets.whole("node4"), gone={"planned": None})
    hosts = fleets.document(results)["hosts"]
    for name in ("node1", "node2", "node3"):
        (found,) = hosts[name]["findings"]
        assert (found["id"], found["severity"]) == ("shared-place", "note")
        assert found["found"].startswith("node[1-3] share ") and "/var/lib/ascend-pytorch" in found["found"]
        assert hosts[name]["status"] == "fit"
    assert hosts["node4"]["findings"] == [] and hosts["gone"]["findings"] == []
    # The same words for all of them, so that they are told once.
    assert [len(group["hosts"]) for group in fleet.groups({"hosts": hosts}) if group["id"] == "shared-place"] == [3]


def test_a_place_that_is_not_asked_for_is_not_told():
    hosts = fleets.document(sharing_hosts("node1", "node2", place=""))["hosts"]
    assert [host["findings"] for host in hosts.values()] == [[], []]
