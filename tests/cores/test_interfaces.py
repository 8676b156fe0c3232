# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection leans on that ansible-core does not document, each by a test of its own; CONTRIBUTING.md lists it.

Every supported ansible-core runs this, by its own pytest. One run of ansible-playbook, with the actions in probe/, looks
at all of it on hosts that are this machine; a few things take a run of their own.
"""

from __future__ import annotations

import ast
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from ansible.plugins.action import ActionBase
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.connection.ssh import Connection as Ssh
from ansible.release import __version__

ROOT = Path(__file__).resolve().parents[2]
CORE = f"ansible-core {__version__}"
# How long something is waited for that takes a moment.
LIMIT_S = 60.0
COLUMNS = 132

PLAY = """
- name: Look at what a worker sees
  hosts: here
  gather_facts: false
  module_defaults:
    group/test.probe.all: {out: "{{ out }}"}
  tasks:
    - test.probe.look: {what: process}
    - test.probe.look: {what: held}
    - test.probe.look: {what: says}
    - test.probe.look: {what: fact}
    - test.probe.look: {what: settings}
      run_once: true
      vars: {probe_words: ["of {{ probe_of }}"], probe_of: "{{ 'theirs' }}"}
    - test.probe.look: {what: variables}

    - test.probe.look: {what: value, value: "of {{ inventory_hostname }}", name: registered}
      register: __probe_registered
    - test.probe.look: {what: hostvars, of: two}
      run_once: true

    - test.probe.look:
        what: plain
        value:
          - "{{ inventory_hostname }}"
          - {deep: ["{{ ['a', inventory_hostname] }}", 1, true, null, "{{ {'b': probe_template} }}"]}
      run_once: true

    - name: Say nothing of become, and all of it
      block:
        - test.probe.look: {what: keywords, name: untouched}
        - test.probe.look: {what: keywords, name: unprivileged}
          become: true
          become_user: nobody
        - test.probe.look: {what: keywords, name: dry}
          check_mode: true
      when: inventory_hostname == 'one'

    - name: Use the connection
      block:
        - test.probe.look: {what: module}
        - test.probe.look: {what: connection}
          delegate_to: "{{ 'two' }}"
        - test.probe.look: {what: reset}
        - test.probe.look: {what: silent}
        - test.probe.look: {what: late}
          timeout: 1
          ignore_errors: true
          register: late
        - test.probe.look: {what: wrong}
          ignore_errors: true
          register: wrong
        - test.probe.look: {what: away}
          ignore_unreachable: true
          register: away
        - test.probe.look:
            what: value
            name: ends
            value: {late: "{{ late }}", wrong: "{{ wrong }}", away: "{{ away }}"}
      when: inventory_hostname == 'one'

    - name: Know what a role has that runs no task
      ansible.builtin.import_role: {name: test.probe.known, tasks_from: nothing}
    - test.probe.look: {what: value, name: role, value: ["{{ known_default | default }}", "{{ __known_var | default }}"]}
      run_once: true

    - name: Go round until all is done
      ansible.builtin.include_tasks: again.yml

    - name: Ask a module of the collection itself, for its warnings
      ascend.pytorch.cache: {cache: ["{{ out }}/store"]}
      run_once: true

- name: Do without a connection
  hosts: gone
  gather_facts: false
  tasks:
    - test.probe.unlinked:
      register: unlinked
    - ansible.builtin.group_by: {key: unlinked}
      when: unlinked.ran | default(false)

- name: Sort the hosts
  hosts: here
  gather_facts: false
  tasks:
    - ansible.builtin.group_by: {key: sorted}
      when: inventory_hostname != 'one'
    - test.probe.look: {what: away, out: "{{ out }}"}
      when: inventory_hostname == 'three'

- name: Take those of a group that the run has made
  hosts: "{{ 'sorted' if 'sorted' in groups else 'all:!all' }}"
  gather_facts: false
  tasks:
    - test.probe.look: {what: process, name: later, out: "{{ out }}"}
    - test.probe.look: {what: variables, name: then, out: "{{ out }}"}

- name: Take nobody, where there is no group
  hosts: "{{ 'never' if 'never' in groups else 'all:!all' }}"
  gather_facts: false
  tasks:
    - test.probe.look: {what: process, name: nobody, out: "{{ out }}"}

- name: Have every host of a play fail
  hosts: gone
  gather_facts: false
  tasks:
    - ansible.builtin.fail:

- name: Go no further
  hosts: two
  gather_facts: false
  tasks:
    - test.probe.look: {what: process, name: further, out: "{{ out }}"}
"""
AGAIN = """
- test.probe.look: {what: value, name: "round{{ round | default(1) }}", value: "{{ round | default(1) | int }}"}
  register: rounds
- ansible.builtin.include_tasks: again.yml
  vars:
    round: "{{ rounds.value | int + 1 }}"
  when: rounds.value | int < (3 if inventory_hostname == 'one' else 2)
"""
ASKED = """
- hosts: one
  gather_facts: false
  tasks:
    - test.probe.look: {what: process, out: "{{ out }}"}
"""
KILLED = """
- hosts: one
  gather_facts: false
  tasks:
    - test.probe.look: {what: terminal, out: "{{ out }}"}
"""


@pytest.fixture(scope="module")
def run(playground):
    """The playground after the run of PLAY: `printed` is what it printed, `pid` its process."""
    ground = playground("looked")
    (ground.folder / "again.yml").write_text(AGAIN)

    def read(line: str) -> None:
        said = re.match(r"(\w+) says this", line)
        if said:
            (ground.out / f"{said[1]}.read").touch()

    ground.run(PLAY, read)
    return ground


def appears(path: Path) -> bool:
    """Wait for a file; say whether it has come."""
    until = time.monotonic() + LIMIT_S
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    return path.exists()


@pytest.fixture(scope="module")
def killed(playground):
    """The playground after a run on a terminal of COLUMNS columns that was killed with its worker at work."""
    ground = playground("killed")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    with open(ground.folder / "printed", "w") as printed:
        process = ground.start(KILLED, stdout=slave, stderr=printed)
    try:
        appears(ground.out / "one.terminal.json")
        process.kill()
        appears(ground.out / "one.killed.json")
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)
    return ground


# --- workers


def test_parent_is_the_run(run):
    """The parent of every worker, in every play, is the process of ansible-playbook."""
    seen = [run.told(*which) for which in (("one", "process"), ("three", "process"), ("two", "later"))]
    assert {each[how] for each in seen for how in ("parent", "parent_by_python")} == {run.pid}, (
        f"{CORE} no longer makes workers children of ansible-playbook, by Python's multiprocessing: plugin_utils/runs.py names "
        "a run by their parent, so that workers would not find what others of their run know"
    )


def test_run_is_held_by_its_workers(run):
    """What the run has locked before it forks, its workers find locked, and have open."""
    seen = [run.told(host, "held") for host in ("one", "two", "three")]
    assert len({each["folder"] for each in seen}) == 1
    assert [(each["taken"], each["open"]) for each in seen] == [(False, 1)] * 3, (
        f"{CORE} no longer imports an action before it forks the worker, or a worker no longer keeps what the run has open: "
        "other runs tell by the lock of plugin_utils/runs.py that this one lives, and would keep what it leaves for a week"
    )


def test_workers_are_processes(run):
    """Each host has a process of its own, whose main thread runs the action."""
    seen = [run.told(host, "process") for host in ("one", "two", "three")]
    assert len({each["pid"] for each in seen} | {run.pid}) == 4 and all(each["main_thread"] for each in seen), (
        f"{CORE} no longer runs actions in the main thread of a process for each host: action/build.py sets alarms and "
        "ends its process there, and the hosts of plugin_utils/cohort.py agree by locks that processes hold"
    )


def test_action_is_loaded_before_the_fork(run):
    """An action is imported by ansible-playbook, and a worker inherits its module."""
    assert {run.told(host, "process")["imported_by"] for host in ("one", "two", "three")} == {run.pid}, (
        f"{CORE} no longer imports actions before it forks the workers: plugin_utils/live.py looks for the terminal when it "
        "is imported (_TERMINAL), which a worker does not have, and plugin_utils/recipes.py reads its tables then, once for all hosts"
    )


def test_variables_are_filled_in_by_an_action(run):
    """`_templar` fills in what a task's variables have raw, and a copy of it what they would be with others."""
    assert run.told("one", "settings") == {"known": ["of theirs"], "given": ["of mine"]}, (
        f"{CORE} no longer has an action fill in variables: plugin_utils/settings.py reads those of the roles so"
    )


VAULTED = """
- hosts: one
  gather_facts: false
  vars:
    probe_words:
      - {hidden}
      - as it is
  tasks:
    - test.probe.look: {{what: settings, out: "{{{{ out }}}}"}}
"""


def test_variables_from_a_vault_are_filled_in_by_an_action(playground):
    """What was encrypted, in what `_templar` gives, is text, or becomes text by str()."""
    ground = playground("vault")
    secret = ground.folder / "secret"
    secret.write_text("open sesame")
    program = Path(sys.executable).with_name("ansible-vault")
    argv = [program, "encrypt_string", "--vault-password-file", secret, "of the vault"]
    hidden = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=ground.folder).stdout
    text = "!vault |\n" + "".join(f"        {line.strip()}\n" for line in hidden.splitlines()[1:])
    status = ground.run(VAULTED.format(hidden=text.rstrip()), env={"ANSIBLE_VAULT_PASSWORD_FILE": str(secret)})
    assert status == 0, ground.printed
    words = ["of the vault", "as it is"]
    assert ground.told("one", "settings") == {"known": words, "given": words}, (
        f"{CORE} no longer gives what a vault holds as text: plugin_utils/settings.py takes it for that"
    )


def test_terminal_is_the_parents(killed):
    """The run keeps the terminal as its standard output, where a worker finds it."""
    assert killed.told("one", "terminal")["opened"], (
        f"{CORE} no longer has the terminal as standard output of the worker's parent: plugin_utils/live.py opens it "
        "there to show how builds go"
    )


def test_killed_run_is_noticed(killed):
    """A worker outlives a run that is killed, and sees that its parent is another."""
    assert killed.told("one", "killed")["noticed"], (
        f"{CORE} no longer leaves workers another parent when the run is killed: action/build.py would follow a build for "
        "nobody, and hold its lock (runs.is_over)"
    )


def test_alarm_breaks_a_call_off(run):
    """A signal's exception that is no Exception comes through a module call and a connection, at once."""
    seen = run.told("one", "silent")
    assert seen["broken"] and seen["took"] < 15, (
        f"{CORE} no longer lets the alarm of action/build.py (limited, Silent) through _execute_module: a build would wait "
        "for a silent host for hours"
    )


def test_task_timeout_rings_inside_ours(run):
    """A task's `timeout` is kept inside an alarm of ours that is due later."""
    late = run.told("one", "ends")["value"]["late"]
    assert late.get("failed") and re.search("(?i)timed out|expected time", late["msg"]), (
        f"{CORE} no longer ends a task at its timeout by the alarm clock (ITIMER_REAL) that action/build.py (limited) "
        f"takes over and gives back: {late}"
    )


# --- what is said


def test_words_of_a_worker_are_printed_at_once(run):
    """What a worker displays is printed while its task still runs."""
    assert all(run.told(host, "says")["read"] for host in ("one", "two", "three")), (
        f"{CORE} no longer prints what a worker displays before its task ends: plugin_utils/live.py tells so how a build "
        "goes, for hours"
    )


def test_callback_of_the_run(run, playground):
    """A worker knows the name of the callback that prints, whether it is named or not."""
    other = playground("minimal")
    other.run(ASKED, env={"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal"})
    known = [ground.told("one", "process")["callback"] for ground in (run, other)]
    assert known == ["default", "ansible.builtin.minimal"], (
        f"{CORE} no longer has the name of the callback that prints as DEFAULT_STDOUT_CALLBACK ({known}): "
        "plugin_utils/speaking.py would say something between the words of a callback that programs read"
    )


def test_warnings_of_a_worker_are_printed(run):
    lacking = [host for host in ("one", "two", "three") if run.printed.count(f"{host} warns of this") != 1]
    assert not lacking, (
        f"{CORE} no longer prints, once, what a worker warns of ({', '.join(lacking)}): action/plan.py warns of findings, "
        "action/build.py of lost builders"
    )


def test_columns_of_the_display(run, killed):
    """display.columns is what fits the terminal, and 79 where there is none; a worker knows it too."""
    without, on_terminal = run.told("one", "process")["columns"], killed.told("one", "terminal")["columns"]
    assert (without, on_terminal) == (79, COLUMNS - 1), (
        f"{CORE} no longer has the width in display.columns ({without} without a terminal, {on_terminal} on one of "
        f"{COLUMNS}): action/fleet.py and action/cache.py fit their tables to it"
    )


# --- arguments, variables and results


def test_json_makes_plain_data(run):
    """What templates made goes through JSON, and what comes out has no marks of Ansible's."""
    seen = run.told("one", "plain")
    plain = {"builtins.bool", "builtins.dict", "builtins.int", "builtins.list", "builtins.NoneType", "builtins.str"}
    assert seen["value"] == ["one", {"deep": [["a", "one"], 1, True, None, {"b": "filled in"}]}], (
        f"{CORE} no longer writes a task's arguments as JSON as they are: the actions make them plain so: {seen}"
    )
    assert set(seen["kinds"]) == plain, f"{CORE}: JSON no longer makes plain data: {seen['kinds']}"


def test_variables_of_a_worker(run):
    """An action's task_vars have the magic variables, and the facts that other results set."""
    seen, then = run.told("two", "variables"), run.told("two", "then")
    assert seen == {
        "inventory_hostname": "two",
        "play_hosts": ["one", "two", "three"],
        "run_tags": ["all"],
        "fact": "set by a result",
        "groups": ["all", "gone", "here", "ungrouped"],
    }, (
        f"{CORE} no longer gives an action its variables in task_vars: plugin_utils/tags.py and action/elect.py read them: {seen}"
    )
    assert then["play_hosts"] == ["two"], (
        f"{CORE} no longer leaves a lost host out of ansible_play_hosts ({then['play_hosts']}): action/elect.py would "
        "elect it to build"
    )


def test_hostvars_as_they_are(run):
    """hostvars.raw_get has a host's registered results, and templates that are not filled in."""
    seen = run.told("one", "hostvars")
    assert seen["is_in"] and not seen["stranger_is_in"], f"{CORE}: `in hostvars` no longer tells hosts: action/fleet.py"
    assert seen["template"].startswith("{{") and (seen["registered"] or {}).get("value") == "of two", (
        f"{CORE} no longer has in hostvars.raw_get what hosts registered, templates untouched: action/fleet.py collects "
        f"the findings of all hosts by it: {seen}"
    )


def test_message_of_a_failure(run):
    """A failure of an action is told in its own words, lines and all."""
    wrong = run.told("one", "ends")["value"]["wrong"]
    assert wrong.get("failed") and wrong.get("msg") == "one is wrong:\n  - in two lines", (
        f"{CORE} no longer has the message of AnsibleActionFail as its text (plugin_utils/speaking.py): every action tells "
        f"people so what to do: {wrong}"
    )
    assert "NoneType: None" not in run.printed, (
        f"{CORE} tells of a failure as of an exception that there was not: see plugin_utils/speaking.py: {wrong}"
    )


def test_lost_connection_makes_unreachable(run):
    """A host whose action raises AnsibleConnectionFailure is unreachable, and later plays go without it."""
    away = run.told("one", "ends")["value"]["away"]
    assert away.get("unreachable") and "one is away" in str(away.get("msg")), (
        f"{CORE} no longer makes a host unreachable whose action raises AnsibleConnectionFailure: action/build.py gives a "
        f"lost builder up so, and fleet.py reads the result: {away}"
    )
    assert not (run.out / "three.later.json").exists(), f"{CORE}: a later play takes a host that is unreachable"


def test_module_of_the_actions_name(run):
    """_execute_module runs the module that an action stands around, and returns a failure of it."""
    seen = run.told("one", "module")
    assert seen["well"].get("tmpdir") and not seen["well"].get("failed"), (
        f"{CORE} no longer runs the module of an action's own name by _execute_module: build, plan and publish do: {seen}"
    )
    assert seen["fail"].get("failed") and seen["fail"].get("more") == "a key of its own", (
        f"{CORE} no longer returns a module's failure with its keys from _execute_module: plugin_utils/carry.py and "
        f"action/build.py tell so what is damaged: {seen['fail']}"
    )


def test_words_of_a_broken_module(run):
    """The result of a module that gave no result is a failure, with what it said as module_stdout and module_stderr."""
    broken = run.told("one", "module")["break"]
    said = [str(broken.get(stream)).strip() for stream in ("module_stdout", "module_stderr")]
    assert broken.get("failed") and said == ["this is how", "this is why"], (
        f"{CORE} no longer has as module_stdout and module_stderr what a module said that broke down: "
        f"plugin_utils/failures.py tells so why a host could not be looked at: {broken}"
    )


def test_temporary_folder_of_a_module(run):
    """module.tmpdir is there while the module runs, and not after the task."""
    well = run.told("one", "module")["well"]
    assert well["is_folder"] and not os.path.exists(well["tmpdir"]), (
        f"{CORE}: module.tmpdir is no folder that goes with the task: modules/verify.py tries programs out in it: {well}"
    )


def test_check_mode_of_a_task(run):
    assert [run.told("one", name)["check_mode"] for name in ("untouched", "dry")] == [False, True], (
        f"{CORE} no longer has a task's check mode in self._task.check_mode: every action would change hosts in check mode"
    )


# --- the connection


def test_nothing_is_asked_before_it_is_used(run):
    """An action without TRANSFERS_FILES has no temporary folder on its host, and has asked that host for nothing."""
    assert run.told("one", "connection")["at_first"] is None, (
        f"{CORE} makes a temporary folder for every action: action/build.py would wait, unseen, for a lost host"
    )
    assert re.search(r"nowhere +: ok=2 .*unreachable=0 ", run.printed), (
        f"{CORE} connects to the host of an action with _requires_connection = False: bundle.py, cache.py, elect.py and "
        "fleet.py need none"
    )


def test_temporary_folder_on_the_host(run):
    """_make_tmp_path makes a folder in the remote_tmp of the host that is delegated to; it goes with the task."""
    seen = run.told("one", "connection")
    first, second = seen["folders"]
    parent = str(run.out / "remote-two")
    assert first != second and all(re.fullmatch(rf"{parent}/ansible-tmp-[^/]+/?", each) for each in (first, second)), (
        f"{CORE} no longer makes folders ansible-tmp-* in ansible_remote_tmp of the host by _make_tmp_path, anew once "
        f"_shell.tmpdir is None: plugin_utils/transfer.py sends files through them: {seen['folders']}"
    )
    assert not os.path.exists(second), f"{CORE} no longer removes what _make_tmp_path made: plugin_utils/transfer.py"


def test_file_transfer(run):
    """put_file and fetch_file carry every byte, and _remote_chmod and _fixup_perms2 let accounts at a file."""
    seen = run.told("one", "connection")
    assert seen["same"], f"{CORE}: put_file and fetch_file of a connection change bytes: plugin_utils/transfer.py"
    assert (seen["rc"], seen["mode"]) == (0, 0o604), (
        f"{CORE}: _remote_chmod(paths, mode) no longer returns rc and sets the mode: plugin_utils/transfer.py: {seen}"
    )
    assert seen["fixup_takes"] == ["remote_paths"], (
        f"{CORE}: _fixup_perms2 no longer takes the paths first: plugin_utils/transfer.py: {seen['fixup_takes']}"
    )


def test_command_without_a_module(run):
    """_low_level_execute_command runs a line of shell on the host, and returns rc and stdout; it raises for no status."""
    seen = run.told("one", "reset")["alive"]
    assert (seen["rc"], seen["stdout"].strip()) == (3, "alive"), (
        f"{CORE}: _low_level_execute_command no longer returns rc and stdout: plugin_utils/target_python.py asks a host so "
        f"for its Pythons: {seen}"
    )


def test_interpreter_of_a_module(run):
    """_used_interpreter is the first line of the module that was run last, or the interpreter in it."""
    used = run.told("one", "module")["used_interpreter"] or ""
    assert used.removeprefix("#!").strip() == sys.executable, (
        f"{CORE} no longer has in _used_interpreter what a module was run by: plugin_utils/target_python.py tells so of a "
        f"Python that is too old: {used}"
    )


def test_version_of_the_core():
    """ansible.release has the version, as two numbers and more."""
    assert re.match(r"2\.\d+\.", __version__), (
        f"{CORE} no longer has its version in ansible.release: plugin_utils/target_python.py knows by it which Pythons it takes"
    )


def test_delegated_connection(run):
    """Delegated, an action works on the other host, and its variables are still those of the task's own host."""
    seen = run.told("one", "connection")
    assert (seen["delegate_to"], seen["inventory_hostname"]) == ("two", "one") and "/remote-two/" in seen["remote"], (
        f"{CORE} no longer leads a delegated action to _task.delegate_to with task_vars of its own host: action/build.py "
        f"builds so on the builder of another host: {seen}"
    )


def test_become_of_another_account(run):
    told = [run.told("one", name)["unprivileged"] for name in ("untouched", "unprivileged")]
    assert told == [False, True], (
        f"{CORE}: _is_become_unprivileged() no longer tells that become leads to a plain account ({told}): "
        "plugin_utils/transfer.py chooses by it who may read a file"
    )


def test_connection_can_be_reset(run):
    """A connection can be reset, and is used again after it; that of ssh has its own way."""
    assert run.told("one", "reset")["alive"]["rc"] == 3 and Ssh.reset is not ConnectionBase.reset, (
        f"{CORE}: connections can no longer be reset: action/build.py drops so one that is dead"
    )


def test_temporary_folder_of_the_controller(run):
    """DEFAULT_LOCAL_TMP is one folder for a run, kept from other accounts, and removed at its end."""
    seen = [run.told(host, name) for host, name in (("one", "process"), ("three", "process"), ("two", "later"))]
    folders = {each["local_tmp"] for each in seen}
    assert len(folders) == 1 and {each["local_tmp_mode"] for each in seen} == {0o700}, (
        f"{CORE}: constants.DEFAULT_LOCAL_TMP is no longer the run's own folder: carry.py, mirror.py and signing.py put "
        f"pieces, archives and texts there: {seen}"
    )
    assert not os.path.exists(folders.pop()), f"{CORE} no longer removes DEFAULT_LOCAL_TMP: archives would pile up"


def test_names_of_our_actions_are_free():
    """What our actions call their own is nothing that ActionBase has by that name."""
    taken = set(dir(ActionBase)) - {"run", "_requires_connection", "__doc__"}
    clashes = []
    speaking = ROOT / "plugins" / "plugin_utils" / "speaking.py"
    for path in [speaking, *sorted((ROOT / "plugins" / "action").glob("*.py"))]:
        classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
        for node in (inner for each in classes if each.name in ("Action", "ActionModule") for inner in ast.walk(each)):
            own = ""
            if isinstance(node, ast.FunctionDef):
                own = node.name
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                own = node.attr
            if own in taken:
                clashes.append(f"{path.name}:{node.lineno}: {own}")
    assert not clashes, f"{CORE} has names of its own in ActionBase that ours take away: {clashes}"


# --- playbooks


def test_groups_made_by_group_by(run):
    """A later play's `hosts` takes a group that group_by has made, and nobody where there is none."""
    assert (run.out / "two.later.json").exists() and not (run.out / "one.later.json").exists(), (
        f"{CORE} no longer knows, in a later play's hosts, a group of group_by: playbooks/site.yml would do nothing on "
        "hosts that need something, and say that all is well"
    )
    assert not list(run.out.glob("*.nobody.json")), (
        f"{CORE} takes hosts where `hosts` is 'all:!all': playbooks/site.yml means nobody by it"
    )


def test_run_ends_where_all_hosts_of_a_play_fail(run):
    assert not (run.out / "two.further.json").exists(), (
        f"{CORE} goes on after a play of which every host failed: playbooks/site.yml stops there where hosts are unfit"
    )


def test_tasks_include_themselves(run):
    """A file of tasks may include itself, for each host as often as that needs."""
    rounds = sorted(path.name for path in run.out.glob("*.round*.json"))
    wanted = [
        f"{host}.round{n}.json" for host, last in (("one", 3), ("three", 2), ("two", 2)) for n in range(1, last + 1)
    ]
    assert rounds == wanted, (
        f"{CORE}: tasks no longer include themselves: roles/road/tasks/build.yml does, until a builder is ready: "
        f"{rounds}"
    )


def test_role_without_tasks_is_known(run):
    """What a role has in defaults and vars is the play's, once it is imported, though no task of it runs."""
    assert run.told("one", "role")["value"] == ["a default", "a variable"], (
        f"{CORE} no longer makes an imported role's variables the play's: playbooks/tasks/plan.yml knows the recipes so"
    )


SLIPS = """
- hosts: one
  gather_facts: false
  vars:
    ascend_trusted_keys: "{{ kyes_dir }}/allowed_signers"
    ascend_bundle: "{{ stick }}/bundle"
    ascend_torch_version: "{{ '1.8.1' }}"
  tasks:
    - ansible.builtin.import_role: {name: ascend.pytorch.cmake}
"""


def test_slip_in_a_shared_variable(playground):
    """`x | default('')` takes the default where a name inside of x is undefined; `_templar.template` says which that is."""
    ground = playground("slips")
    assert ground.run(SLIPS) != 0, (
        f"{CORE}: a variable that names something undefined is no error: plugins/plugin_utils/variables.py finds it so"
    )
    words = " ".join(ground.printed.split())
    for name, undefined in (("ascend_trusted_keys", "kyes_dir"), ("ascend_bundle", "stick")):
        assert f"{name} cannot be filled in: '{undefined}' is undefined. Define that" in words, (
            f"{CORE} no longer says which name is undefined: plugins/plugin_utils/variables.py tells the user of both: {words}"
        )
    assert "ascend_torch_version cannot" not in words
