# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pythons of hosts that the controller's ansible-core does not take."""

import shlex
import subprocess
import sys
from types import SimpleNamespace

import cores
import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import target_python
from ansible_collections.ascend.pytorch.plugins.plugin_utils.target_python import (
    interpreter_name,
    last_core,
    oldest_python,
    probe_command,
    too_old_message,
    trouble,
)


def test_the_table_is_that_of_the_cores_that_are_supported():
    assert target_python.OLDEST == {
        tuple(map(int, core.line.split("."))): (3, core.oldest_target) for core in cores.CORES
    }


@pytest.mark.parametrize(
    ("core", "python"),
    [
        ("2.16.0", (3, 6)),
        ("2.17.14", (3, 7)),
        ("2.18.1rc1", (3, 8)),
        ("2.19.0.dev0", (3, 8)),
        ("2.20", (3, 9)),
        ("2.21.5", (3, 9)),
        ("2.22.0", (3, 9)),
        ("3.0.0", (3, 9)),
        ("2.15.3", (3, 6)),
    ],
)
def test_oldest(core, python):
    assert oldest_python(core) == python


@pytest.mark.parametrize(
    ("python", "core"),
    [
        ("2.7.18", ""),
        ("3.5.10", ""),
        ("3.6.15", "2.16"),
        ("3.7.16", "2.17"),
        ("3.8.18", "2.19"),
        ("3.9.2", "2.21"),
        ("3.14.0", "2.21"),
    ],
)
def test_last_core(python, core):
    assert last_core(python) == core


@pytest.mark.parametrize(
    ("python", "core"), [("3.6.8", "2.16.19"), ("3.7.0", "2.17.1"), ("3.8.18", "2.19.14"), ("3.10.1", "2.21.5")]
)
def test_what_is_taken_is_no_trouble(python, core):
    assert too_old_message(python, core) == ""


def test_too_old_names_the_remedies():
    assert too_old_message("3.7.16", "2.21.5", "/usr/bin/python3", ["/usr/local/bin/python3.9", "/opt/python3.11"]) == (
        "its Python /usr/bin/python3 is 3.7.16, and with ansible-core 2.21.5 hosts need 3.9 or newer. Set "
        "ansible_python_interpreter to a newer one there (such as /usr/local/bin/python3.9, /opt/python3.11), or run "
        "ansible-core 2.17, the last that supports 3.7"
    )
    assert too_old_message("2.7.18", "2.16.19", "/usr/bin/python") == (
        "its Python /usr/bin/python is 2.7.18, and with ansible-core 2.16.19 hosts need 3.6 or newer. Set "
        "ansible_python_interpreter to a newer one there (install one: none was found)"
    )


@pytest.mark.parametrize(
    ("used", "variables", "name"),
    [
        ("#!/usr/bin/python3.7", {"ansible_python_interpreter": "{{ a_template }}"}, "/usr/bin/python3.7"),
        ("#!/usr/bin/env python3", {}, "/usr/bin/env python3"),
        (None, {"ansible_python_interpreter": "/opt/python"}, "/opt/python"),
        (None, {"ansible_python_interpreter": "auto_silent"}, "python3"),
        (None, {"ansible_facts": {"discovered_interpreter_python": "/usr/bin/python3.6"}}, "/usr/bin/python3.6"),
        (None, {}, "python3"),
    ],
)
def test_called(used, variables, name):
    assert interpreter_name(SimpleNamespace(_used_interpreter=used), variables) == name


def program(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def host(tmp_path):
    """host(version): an action for a host whose Python is of that version, "" for none that runs.

    On its PATH are a Python that would do, and a name behind which there is none.
    """
    folder = tmp_path / "it's"

    def made(version):
        python = program(folder / "python3", f"echo is {version}" if version else "exit 1")
        program(folder / "python3.9", "exit 127")
        program(folder / "python3.10", f'exec {sys.executable} "$@"')
        action = SimpleNamespace(_used_interpreter="#!" + shlex.quote(str(python)), asked=[])

        def ask(command):
            action.asked.append(command)
            path = {"PATH": f"{folder}:/usr/bin:/bin"}
            done = subprocess.run(["/bin/sh", "-c", command], env=path, check=True, stdout=subprocess.PIPE, text=True)
            return {"stdout": "Welcome!\r\n" + done.stdout.replace("\n", "\r\n")}

        action._low_level_execute_command = ask
        return action

    return made


FAILED = {"failed": True, "msg": "Module result deserialization failed: No start of json char found"}
VARIABLES = {"inventory_hostname": "h1"}


def test_trouble_is_told_of_the_host_by_name(host, monkeypatch):
    monkeypatch.setattr(target_python, "CORE", "2.21.5")
    action = host("3.7.16")
    words = trouble(action, FAILED, VARIABLES)
    assert words.startswith("h1: its Python '") and "is 3.7.16, and with ansible-core 2.21.5 hosts need 3.9" in words
    assert f"such as {sys.executable}" in words and "python3.9" not in words
    assert len(action.asked) == 1


def test_a_python_that_is_taken_is_no_trouble_of_ours(host, monkeypatch):
    monkeypatch.setattr(target_python, "CORE", "2.17.1")
    assert trouble(host("3.7.16"), FAILED, VARIABLES) == ""


def test_a_python_that_is_not_there_is_left_to_ansible(host):
    assert trouble(host(""), FAILED, VARIABLES) == ""


@pytest.mark.parametrize("result", [{"changed": False}, {"failed": True, "unreachable": True}])
def test_nobody_is_asked_without_need(host, result):
    action = host("3.7.16")
    assert trouble(action, result, VARIABLES) == "" and action.asked == []


@pytest.mark.parametrize("minor", [cores.CORES[-1].oldest_target, max(cores.CORES[0].controllers) - 1])
def test_the_question_is_one_that_every_python_answers(minor):
    found = cores.interpreters(minor)
    if not found:
        pytest.skip(f"no Python 3.{minor} on this machine")
    asked = ["/bin/sh", "-c", probe_command(str(found[0]), "2.21.5")]
    told = subprocess.run(asked, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    assert told.startswith(f"is 3.{minor}.")
