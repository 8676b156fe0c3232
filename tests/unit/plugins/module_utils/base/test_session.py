# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login sessions: what logind does with their programs, and how a build leaves one, or says that it cannot."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import session

SESSION = "/user.slice/user-1000.slice/session-3.scope"
# As systemd 247 comes, the first as its authors deliver it and the second as Debian does.
DELIVERED = "#  This file is part of systemd.\n[Login]\n#NAutoVTs=6\n#KillUserProcesses=yes\n#KillExcludeUsers=root\n"
DEBIAN = DELIVERED.replace("=yes", "=no")


@pytest.mark.parametrize(
    "main, added, name, answer",
    [
        (DELIVERED, [], "worker", True),
        (DELIVERED, [], "root", False),
        (DEBIAN, [], "worker", False),
        ("", [], "worker", False),
        (DEBIAN, ["[Login]\nKillUserProcesses=yes\n"], "worker", True),
        (DEBIAN, ["[Login]\n KillUserProcesses = on\n"], "worker", True),
        (DEBIAN, ["[Login]\n# KillUserProcesses=yes\n"], "worker", False),
        (DELIVERED, ["[Login]\nKillUserProcesses=0\n"], "worker", False),
        # The last word counts.
        (DELIVERED, ["[Login]\nKillUserProcesses=no\n", "[Login]\nKillUserProcesses=1\n"], "worker", True),
        (DEBIAN + "KillUserProcesses=yes\n", ["[Login]\nKillUserProcesses=no\n"], "worker", False),
        (DELIVERED, ["[Login]\nKillExcludeUsers=root worker\n"], "worker", False),
        (DELIVERED, ["[Login]\nKillExcludeUsers=\n"], "root", False),
        (DELIVERED, ["[Login]\nKillExcludeUsers=other\n"], "root", True),
        (DELIVERED, ["[Login]\nKillExcludeUsers=worker\n", "[Login]\nKillExcludeUsers=other\n"], "worker", False),
        (DELIVERED, ["[Login]\nKillOnlyUsers=guest\n"], "worker", False),
        (DELIVERED, ["[Login]\nKillOnlyUsers=guest worker\n"], "worker", True),
    ],
)
def test_whose_programs_logind_ends(main, added, name, answer):
    assert session.ends_programs(main, added, name) is answer


def test_a_file_of_a_name_counts_once_and_names_decide_the_order(tmp_path):
    high, low = tmp_path / "etc", tmp_path / "usr"
    for folder, name, words in (
        (high, "20-b.conf", "high b"),
        (low, "20-b.conf", "low b"),
        (low, "30-c.conf", "low c"),
        (high, "10-a.conf", "high a"),
        (high, "not-one", "no"),
    ):
        (folder / "logind.conf.d").mkdir(parents=True, exist_ok=True)
        (folder / "logind.conf.d" / name).write_text(words)
    (low / "logind.conf").write_text("main")
    assert session.read_configuration((str(high), str(low))) == ("main", ["high a", "high b", "low c"])
    assert session.read_configuration((str(tmp_path / "none"),)) == ("", [])


@pytest.mark.parametrize(
    "content, answer",
    [
        ("0::/user.slice/user-0.slice/session-1.scope\n", "/user.slice/user-0.slice/session-1.scope"),
        ("12:pids:/a\n2:cpu,cpuacct:/b\n1:name=systemd:/system.slice/ssh.service\n0::/\n", "/system.slice/ssh.service"),
        ("3:memory:/docker/ab\n", ""),
        ("", ""),
    ],
)
def test_the_group_of_a_process(content, answer):
    assert session.control_group(content) == answer


def test_who_is_within_a_unit():
    assert session.is_within("0::/system.slice/a-1.scope\n", "a-1.scope")
    assert session.is_within("0::/system.slice/a-1.scope/below\n", "a-1.scope")
    assert not session.is_within("0::/system.slice/a-12.scope\n", "a-1.scope")
    assert not session.is_within("0::/\n", "")


@pytest.fixture
def booted(monkeypatch, tmp_path):
    """A function that makes this a host with systemd: who asks, from where, what logind does, and what systemd answers."""

    def make(uid=0, group=SESSION, ends=True, lingers=False, answers=((0, b"", ""),), moves=True):
        asked, answers, here = [], list(answers), [group]
        monkeypatch.setattr(session, "BOOTED", str(tmp_path))
        monkeypatch.setattr(session, "MOVE_LIMIT_S", 0.05)
        monkeypatch.setattr(session.os, "geteuid", lambda: uid)
        monkeypatch.setattr(session, "_account", lambda: "worker" if uid else "root")
        monkeypatch.setattr(session, "is_lingering", lambda name: lingers)
        monkeypatch.setattr(session, "ends_programs", lambda main, added, name: ends)
        monkeypatch.setattr(session, "text", lambda path: "0::{0}\n".format(here[0]))

        def ask(argv, env, time_limit_s):
            asked.append((argv, env))
            status = answers[0][0]
            if status == 0 and moves:
                here[0] = "/system.slice/" + argv[argv.index("ssa(sv)a(sa(sv))") + 1]
            return answers.pop(0)

        monkeypatch.setattr(session, "ask", ask)
        return asked

    return make


def test_root_gets_a_scope_beside_those_of_sessions(booted):
    asked = booted()
    assert session.move_to_scope("a.scope") == ("a.scope", "")
    (argv, _env), words = asked[0], " ".join(asked[0][0])
    assert argv[:2] == ["busctl", "--system"]
    assert "StartTransientUnit ssa(sv)a(sa(sv)) a.scope fail 4 PIDs au 1 {0} ".format(os.getpid()) in words
    assert "Slice s system.slice" in words and words.endswith(" OOMPolicy s continue 0")


def test_a_systemd_that_knows_fewer_properties_is_asked_again(booted):
    asked = booted(answers=[(1, b"Cannot set property OOMPolicy, or unknown property.\n", ""), (0, b"", "")])
    assert session.move_to_scope("a.scope") == ("a.scope", "")
    assert "OOMPolicy" in asked[0][0] and "OOMPolicy" not in asked[1][0]


def test_a_plain_user_that_lingers_gets_one_of_its_own_manager(booted):
    asked = booted(uid=1000, lingers=True)
    assert session.move_to_scope("a.scope") == ("a.scope", "")
    argv, env = asked[0]
    assert argv[:2] == ["busctl", "--user"] and env["XDG_RUNTIME_DIR"] == "/run/user/1000"
    assert "system.slice" not in argv


def test_one_that_does_not_linger_stays_where_it_is_least_in_danger(booted):
    # Its own manager ends with the last session, whatever logind is told.
    asked = booted(uid=1000, ends=False)
    assert session.move_to_scope("a.scope") == ("", "")
    asked += booted(uid=1000, ends=True)
    scope, note = session.move_to_scope("a.scope")
    assert scope == "" and "worker does not linger" in note and "KillUserProcesses" in note
    assert asked == []


REFUSED = (1, b"Failed to connect to bus:\nNo such file or directory\n", "")


@pytest.mark.parametrize(
    "answers, words",
    [
        (
            [REFUSED, REFUSED],
            "systemd gives it no scope of its own (Failed to connect to bus: No such file or directory)",
        ),
        ([(None, b"", "cannot be started: No such file or directory")] * 2, "(cannot be started: No such file"),
        ([(None, b"", "gave no answer in 10 s")] * 2, "gave no answer"),
    ],
)
def test_where_systemd_refuses_it_says_what_that_means(booted, answers, words):
    booted(answers=answers)
    scope, note = session.move_to_scope("a.scope")
    assert scope == "" and words in note and SESSION in note and "limits" in note


def test_a_promise_that_is_not_kept_is_none(booted):
    booted(moves=False)
    scope, note = session.move_to_scope("a.scope")
    assert scope == "" and "accepted the scope" in note


def test_outside_of_a_session_nothing_is_lost_by_staying(booted):
    booted(group="/system.slice/ssh.service", answers=[REFUSED, REFUSED])
    assert session.move_to_scope("a.scope") == ("", "")


def test_without_systemd_nothing_is_asked(booted, monkeypatch, tmp_path):
    asked = booted()
    monkeypatch.setattr(session, "BOOTED", str(tmp_path / "none"))
    assert session.move_to_scope("a.scope") == ("", "")
    assert asked == [] and session.examine("worker") == {"ends": False, "lingers": False}
