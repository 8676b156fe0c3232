# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table at the end of a run: what was done to each host, by product, and how long it took."""

from ansible_collections.ascend.pytorch.plugins.plugin_utils import outcome


def entry(needs=(), **did):
    """A host's entry of the ledger: product=(how, seconds)."""
    return {
        "needs": dict.fromkeys(needs, "build"),
        "did": {name: {"how": how, "seconds": seconds} for name, (how, seconds) in did.items()},
    }


def test_a_row_a_host():
    entries = {
        "node1": entry(cmake=("built", 61.6), torch=("built", 3600.2)),
        "node2": entry(needs=["torch"], cmake=("taken", 3.2)),
        "node3": entry(),
        "node4": entry(torch=("taken", 9)),
    }
    assert outcome.table(entries, 80) == [
        "host   cmake        torch",
        "node1  built, 62 s  built, 3600 s",
        "node2  taken, 3 s   not done",
        "node4  -            taken, 9 s",
    ]


def test_where_nothing_was_done_there_is_no_table():
    assert outcome.table({"node1": entry(), "node2": entry(needs=["torch"])}, 80) == []
    assert outcome.table({}, 80) == []


def test_many_hosts_to_which_the_same_was_done_are_one_row():
    entries = {f"node{n}": entry(cmake=("taken", 2 + n / 20)) for n in range(1, 61)}
    entries["node60"] = entry(cmake=("built", 50))
    assert outcome.table(entries, 80) == [
        "hosts       cmake",
        "node[1-59]  taken, 2 to 5 s",
        "node60      built, 50 s",
    ]


def test_what_does_not_fit_becomes_a_line_a_host():
    entries = {"node1": entry(cmake=("built", 61), torch=("built", 3600)), "node2": entry(torch=("taken", 9))}
    assert outcome.table(entries, 30) == ["node1: cmake built, 61 s; torch built, 3600 s", "node2: torch taken, 9 s"]
