# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet in one document, and that document as a table for a terminal. Pure: nothing is read or run.

The document (schema 1) is what playbooks/check.yml and playbooks/report.yml write:

    {"schema": 1, "collection_version", "when": UTC ISO time, "hosts": {name: HOST}}
    HOST      {"name": its name again, for queries,
               "status": fit|warnings|unfit|unreachable|failed, "message": why it is unreachable or failed,
               "platform": {"os", "arch", "libc", "cores", "memory_mib", "python"} | None,
               "ascend": {"cann", "driver", "firmware", "agree", "npu_smi": words when it told nothing} | None,
               "npus": chips as npus.npus has them, "findings": as checks.find_problems has them,
               "components": {name: COMPONENT} in the plan's order, "environment": {"path", "do", "why"} | None}
    COMPONENT {"do": nothing|publish|build|remove, "why": [words], "now": words, "then": words,
               "version", "fingerprint": of what stands there | None, "ours": did this collection make it,
               "built": {"when", "host", "seconds": {stage: seconds}} | None, "collection_version": str | None,
               "verified": bool | None, "problems": [words], "notes": [words]}

An NPU that only the PCI bus tells of has None where npu-smi would have told a number, and no health.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.host import npus
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.plan import NOTHING
from ansible_collections.ascend.pytorch.plugins.plugin_utils import failures, together

SCHEMA = 1
FIT, WARNINGS, UNFIT, UNREACHABLE, FAILED = "fit", "warnings", "unfit", "unreachable", "failed"
# From worst to best, with the words for people.
VERDICTS = {
    UNFIT: "unfit",
    UNREACHABLE: "unreachable",
    FAILED: "failed",
    WARNINGS: "fit with warnings",
    FIT: "fit",
}
SEVERITIES = ("error", "warning", "note")
# Hosts that no plan could be made for, and what to do about them where nobody knows more of the cause.
REMEDIES = {
    UNREACHABLE: "see that the host is up and that `ansible <host> -m ansible.builtin.ping` works, then run again",
    FAILED: "correct what the message says, then run again",
}

# With more hosts than this, hosts with the same result share a row.
MAX_ROWS = 50
# How many different values of one finding are listed.
MAX_VALUES = 4

Json = dict[str, Any]


# --- the document -----------------------------------------------------------------------------------------------------


def document(results: dict[str, Json], when: str, collection_version: str) -> Json:
    """Return the fleet document.

    :param results: host -> {"planned": what ascend.pytorch.plan returned | None, "verified": the same of
        ascend.pytorch.verify | None}; each may be a failure's or an unreachable host's
    :param when: UTC ISO time
    """
    planned = {name: result.get("planned") or {} for name, result in results.items()}
    found = together.findings(planned, fold)
    return {
        "schema": SCHEMA,
        "collection_version": collection_version,
        "when": when,
        "hosts": {
            name: _host(name, planned[name], result.get("verified") or {}, found[name])
            for name, result in results.items()
        },
    }


def _host(name: str, planned: Json, verified: Json, of_fleet: list[Json]) -> Json:
    """:param of_fleet: findings that come from looking at all hosts together"""
    state, plan = planned.get("state") or {}, planned.get("plan") or {}
    # A check of nothing but the host itself plans no products, which is a plan nevertheless.
    examined = isinstance(planned.get("plan"), dict)
    tools, checked = plan.get("tools") or {}, verified.get("products") or {}
    components = {
        part: _component(decided, _part(state, "products").get(part) or {}, tools.get(part), checked.get(part) or {})
        for part, decided in (plan.get("products") or {}).items()
    }
    findings = list(planned.get("findings") or []) + (of_fleet if examined else []) + _unverified(components)
    status, message = _status(planned, verified, examined, findings)
    env = plan.get("environment")
    return {
        "name": name,
        "status": status,
        # The plan's own messages begin with the host's name.
        "message": message.removeprefix(name + ": "),
        "platform": _platform(state) if state else None,
        "ascend": _ascend(state) if state else None,
        "npus": _npus(_part(state, "npu")),
        "findings": findings,
        "components": components,
        "environment": {key: env.get(key) for key in ("path", "do", "why")} if env else None,
    }


def _part(state: Json, key: str) -> Json:
    return state.get(key) or {}


def _status(planned: Json, verified: Json, examined: bool, findings: list[Json]) -> tuple[str, str]:
    if planned.get("unreachable"):
        return UNREACHABLE, failures.message(planned) or "gave no answer"
    if not examined:
        return FAILED, failures.message(planned) or "the run ended before it came to this host"
    if verified.get("unreachable"):
        return UNREACHABLE, "during the verification: " + (failures.message(verified) or "gave no answer")
    if verified and "products" not in verified and not verified.get("skipped"):
        return FAILED, "the verification failed: " + (failures.message(verified) or "it did not say why")
    found = {finding["severity"] for finding in findings}
    return (UNFIT if "error" in found else WARNINGS if "warning" in found else FIT), ""


def _platform(state: Json) -> Json:
    python = state.get("venv_python") or _part(state, "pythons").get(state.get("python") or "") or {}
    system = _part(state, "os")
    return {
        "os": system.get("name") or " ".join(filter(None, (system.get("id"), system.get("version")))),
        "arch": state.get("arch"),
        "libc": state.get("libc"),
        "cores": state.get("cores"),
        "memory_mib": _part(state, "memory").get("total_mib"),
        "python": python.get("version"),
    }


def _ascend(state: Json) -> Json:
    installations = state.get("cann") or []
    return {
        "cann": installations[0].get("version") if installations else None,
        "driver": _part(state, "driver").get("version"),
        "firmware": _part(state, "firmware").get("version"),
        "agree": state.get("driver_firmware_agree"),
        "npu_smi": _npu_smi(_part(state, "npu")),
    }


def _npu_smi(npu: Json) -> str:
    """Return why npu-smi gave no information, "" where it did or was not run."""
    if not npu or npu.get("chips"):
        return ""
    problem, code = npu.get("problem") or "", npu.get("code")
    if code is not None and str(code) not in problem:
        problem = f"{code}: {problem}" if problem else str(code)
    return problem or ("" if npu.get("smi") else "not there")


def _npus(npu: Json) -> list[Json]:
    if npu.get("chips"):
        return npu["chips"]
    # Without npu-smi the PCI bus still lists the cards.
    amounts = (
        "power_w",
        "temp_c",
        "aicore_percent",
        "memory_used_mb",
        "memory_total_mb",
        "hbm_used_mb",
        "hbm_total_mb",
    )
    return [
        {
            **dict.fromkeys(("npu_id", "chip_id", "phy_id", *amounts)),
            "name": card.get("name") or card.get("device") or "",
            "kind": npus.kind_on_bus(card.get("name") or ""),
            "health": "",
            "bus_id": card.get("address"),
        }
        for card in npu.get("pci") or []
    ]


def _component(decided: Json, there: Json, tool: Json | None, checked: Json) -> Json:
    manifest = there.get("manifest") or {}
    version = there.get("version")
    own = str(decided.get("now")).startswith("the host's own")
    if not version and own and tool and not decided.get("order"):
        version = tool.get("version")
    return {
        "do": decided["do"],
        "why": list(decided.get("why") or []),
        "now": decided.get("now") or "",
        "then": decided.get("then") or "",
        "version": version or None,
        "fingerprint": manifest.get("fingerprint"),
        "ours": bool(manifest),
        "built": _built(manifest.get("built")),
        "collection_version": manifest.get("collection_version"),
        "verified": checked.get("ok"),
        "problems": list(checked.get("problems") or []),
        "notes": list(checked.get("notes") or []),
    }


def _built(built: Any) -> Json | None:
    """Return what a manifest says of the build, and of its seconds what is a number: the file may have been edited."""
    if not isinstance(built, dict):
        return None
    seconds = built.get("seconds")
    return {
        "when": str(built.get("when") or ""),
        "host": str(built.get("host") or ""),
        "seconds": {
            str(stage): value
            for stage, value in (seconds.items() if isinstance(seconds, dict) else ())
            if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        },
    }


def _unverified(components: dict[str, Json]) -> list[Json]:
    """Return findings for products that failed the verification, unless they are to be built anyway."""
    return [
        {
            "id": name + "-verify",
            "severity": "error",
            "found": problem,
            "wanted": f"{name} whole and working",
            "remedy": "do what the message says, or run site.yml for this host: it repairs what is damaged",
            "source": "verification",
        }
        for name, component in components.items()
        if component["verified"] is False and component["do"] == NOTHING
        for problem in component["problems"] or ["it did not say why"]
    ]


# --- what it says altogether ------------------------------------------------------------------------------------------


def summary(fleet: Json) -> dict[str, int]:
    """Return {"hosts", status: how many.., "complete": hosts that stand and need nothing}."""
    hosts = fleet["hosts"].values()
    counts = {status: sum(host["status"] == status for host in hosts) for status in VERDICTS}
    return {"hosts": len(hosts), **counts, "complete": sum(map(is_complete, hosts))}


def is_complete(host: Json) -> bool:
    """Say whether a host has everything: a plan that finds nothing to do, and no verification that failed."""
    env = host["environment"]
    return (
        bool(host["components"])
        and host["status"] in (FIT, WARNINGS, UNFIT)
        and all(entry["do"] == NOTHING and entry["verified"] is not False for entry in host["components"].values())
        and (env is None or env["do"] == NOTHING)
    )


def unfit_hosts(fleet: Json) -> list[str]:
    """Return the names of the hosts that nothing may be built on as they are."""
    return [name for name, host in fleet["hosts"].items() if host["status"] not in (FIT, WARNINGS)]


def headline(fleet: Json) -> str:
    """Return the fleet's verdict in one sentence."""
    counts, bad = summary(fleet), len(unfit_hosts(fleet))
    if not counts["hosts"]:
        return "No host was looked at"
    if bad:
        return f"{bad} of {_count(counts['hosts'], 'host')} {'is' if bad == 1 else 'are'} not fit"
    said = "The host is fit" if counts["hosts"] == 1 else f"All {counts['hosts']} hosts are fit"
    return said + (f", {counts[WARNINGS]} with warnings" if counts[WARNINGS] else "")


def groups(fleet: Json) -> list[Json]:
    """Return the findings of all hosts, the same finding once: worst first, then those of most hosts.

    [{"id", "severity", "remedy", "source", "hosts": [..], "values": [{"found", "wanted", "hosts": [..]}]}]; hosts that
    are unreachable make groups of the id `unreachable`, those that failed of the id `failed`, one for each remedy.
    """
    found: dict[tuple[str, ...], Json] = {}
    for name, host in fleet["hosts"].items():
        for finding in all_findings(host):
            key = tuple(finding[part] for part in ("severity", "id", "remedy", "source"))
            group = found.setdefault(
                key,
                {part: finding[part] for part in ("id", "severity", "remedy", "source")} | {"hosts": {}, "values": {}},
            )
            group["hosts"][name] = None
            group["values"].setdefault((finding["found"], finding["wanted"]), {})[name] = None
    result = [
        group
        | {
            "hosts": list(group["hosts"]),
            "values": [
                {"found": value, "wanted": wanted, "hosts": list(hosts)}
                for (value, wanted), hosts in group["values"].items()
            ],
        }
        for group in found.values()
    ]
    return sorted(result, key=lambda group: (SEVERITIES.index(group["severity"]), -len(group["hosts"])))


def all_findings(host: Json) -> list[Json]:
    """Return a host's findings, first of them that it is unreachable or failed."""
    if host["status"] not in REMEDIES:
        return host["findings"]
    missing = {
        "id": host["status"],
        "severity": "error",
        "found": host["message"],
        "wanted": "",
        "remedy": failures.remedy(host["message"]) or REMEDIES[host["status"]],
        "source": "connection" if host["status"] == UNREACHABLE else "run",
    }
    return [missing, *host["findings"]]


# --- the table --------------------------------------------------------------------------------------------------------


def table(fleet: Json, width: int) -> list[str]:
    """Return lines for a terminal: the hosts, their findings with remedies, and the verdict last.

    A row a host, as long as that can be read: more than 50 hosts, or columns that do not fit, become paragraphs, one for
    all hosts that say the same.

    :param width: columns of the terminal; a word that is longer than that stays whole
    """
    lines = _rows(fleet, width) if len(fleet["hosts"]) <= MAX_ROWS else _paragraphs(fleet, width)
    for group in groups(fleet):
        lines += ["", *_finding_lines(group, width)]
    lines += ["", *_wrapped(_verdict(fleet), width)]
    # Text of hosts may hold control sequences of terminals.
    return [outgoing.printable(line) for line in lines]


def _rows(fleet: Json, width: int) -> list[str]:
    hosts = fleet["hosts"]
    names = _component_names(fleet)
    grid = [["host", "verdict", *names, "environment"]]
    for name, host in hosts.items():
        does = _plan_words(host)
        grid.append([name, _verdict_cell(host), *(does.get(part, "-") for part in (*names, "environment"))])
    widths = [max(map(len, column)) for column in zip(*grid)]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        return _paragraphs(fleet, width)
    return ["  ".join(cell.ljust(size) for cell, size in zip(row, widths)).rstrip() for row in grid]


def _paragraphs(fleet: Json, width: int) -> list[str]:
    alike: dict[tuple[str, str], list[str]] = {}
    for name, host in sorted(fleet["hosts"].items(), key=lambda item: list(VERDICTS).index(item[1]["status"])):
        does = ", ".join(f"{part} {words}" for part, words in _plan_words(host).items())
        alike.setdefault((_verdict_cell(host), does), []).append(name)
    lines = []
    for (verdict, does), names in alike.items():
        many = f" ({len(names)} hosts)" if len(names) > 1 else ""
        lines += _wrapped(f"{verdict}{many}: {fold(names)}", width, "    ")
        lines += _wrapped(does, width, "    ", "    ") if does else []
    return lines


def _finding_lines(group: Json, width: int) -> list[str]:
    lines = [f"{group['severity']} {group['id']}, {_count(len(group['hosts']), 'host')}"]

    def add(text: str) -> None:
        lines.extend(_wrapped(text, width, "      ", "    "))

    wanted = {value["wanted"] for value in group["values"]}
    for value in group["values"][:MAX_VALUES]:
        own = f"; wanted: {value['wanted']}" if len(wanted) > 1 else ""
        add(f"{fold(value['hosts'])}: {value['found']}{own}")
    rest = list(dict.fromkeys(name for value in group["values"][MAX_VALUES:] for name in value["hosts"]))
    if rest:
        add(f"and other values on {fold(rest)}")
    if len(wanted) == 1 and wanted != {""}:
        add("Wanted: " + wanted.pop())
    add("Remedy: " + group["remedy"])
    return lines


def _verdict(fleet: Json) -> str:
    counts = summary(fleet)
    parts = [f"{counts[status]} {words}" for status, words in VERDICTS.items() if counts[status]]
    said = headline(fleet) + (": " + ", ".join(parts) if len(parts) > 1 else "")
    return f"{said}; {counts['complete']} {'has' if counts['complete'] == 1 else 'have'} everything."


def _component_names(fleet: Json) -> list[str]:
    return list(dict.fromkeys(name for host in fleet["hosts"].values() for name in host["components"]))


def _verdict_cell(host: Json) -> str:
    counts = [
        _count(number, severity)
        for severity in SEVERITIES[:2]
        if (number := sum(finding["severity"] == severity for finding in host["findings"]))
    ]
    verdict = FIT if host["status"] == WARNINGS else VERDICTS[host["status"]]
    return ", ".join([verdict, *counts])


def _plan_words(host: Json) -> dict[str, str]:
    """Return component (and the environment file) -> what it is or would become, in a word or two."""
    does = {}
    for name, entry in host["components"].items():
        stands = entry["version"] or "absent"
        if entry["do"] != NOTHING:
            does[name] = entry["do"]
        elif entry["verified"] is False:
            does[name] = stands + " fails"
        else:
            does[name] = stands if entry["ours"] or not entry["version"] else "own " + stands
    if host["environment"]:
        does["environment"] = "ok" if host["environment"]["do"] == NOTHING else host["environment"]["do"]
    return does


def _wrapped(text: str, width: int, later: str = "", first: str = "") -> list[str]:
    """Return the text's lines, each wrapped; `first` indents the first, `later` those that follow."""
    lines = []
    for number, line in enumerate(text.splitlines()):
        own = " " * (len(line) - len(line.lstrip()))
        lines += textwrap.wrap(
            line,
            max(width, 40),
            initial_indent=later if number else first,
            subsequent_indent=later + own,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# --- names of hosts ---------------------------------------------------------------------------------------------------

_NUMBERED = re.compile(r"(?s)(.*?)([0-9]+)([^0-9]*)")


def fold(names: Iterable[str]) -> str:
    """Return names of hosts in short: "login, node[001-020,025]"; numbers fold where they stand last in a name."""
    families: dict[tuple[str, str | None], list[str]] = {}
    for name in dict.fromkeys(names):
        parts = _NUMBERED.fullmatch(name)
        families.setdefault((parts[1], parts[3]) if parts else (name, None), []).append(parts[2] if parts else "")
    folded = []
    for (before, after), numbers in families.items():
        ranges = _ranges(sorted(numbers, key=lambda digits: (int(digits or 0), len(digits))))
        folded.append(before + (f"[{','.join(ranges)}]" if len(numbers) > 1 else numbers[0]) + (after or ""))
    return ", ".join(folded)


def _ranges(numbers: list[str]) -> list[str]:
    ranges, begin = [], numbers[0]
    for number, following in zip_longest(numbers, numbers[1:]):
        if following is None or not _follows(number, following):
            ranges.append(number if number == begin else f"{begin}-{number}")
            begin = following
    return ranges


def _follows(number: str, following: str) -> bool:
    # 9, 10 and 09, 10 go on; 9, 010 do not: a range says by its ends how its numbers are written.
    same_style = len(number) == len(following) or not (number.startswith("0") or following.startswith("0"))
    return same_style and int(following) == int(number) + 1
