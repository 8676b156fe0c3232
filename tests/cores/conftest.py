# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders in which ansible-playbook, of the ansible-core whose pytest this is, runs by itself on hosts that are this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).resolve().parent / "probe"
# How long a run may take: more than any does on a busy machine.
LIMIT_S = 120.0

HOSTS = """
here:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{python}"
    ansible_become_method: ansible.builtin.su
    probe_template: "{{{{ 'filled' ~ ' in' }}}}"
  hosts:
    # No templates: they would be filled in for the host that delegates.
    one: {{ansible_remote_tmp: "{out}/remote-one"}}
    two: {{ansible_remote_tmp: "{out}/remote-two"}}
    three:
gone:
  hosts:
    nowhere: {{ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}
"""


class Playground:
    """A folder with an inventory and the collection test.probe, whose actions and modules are those of probe/.

    `out` is where they write what they see; `printed` is what the last run printed, `pid` its process.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir()
        self.printed, self.pid = "", 0
        probe = folder / "collections" / "ansible_collections" / "test" / "probe"
        shutil.copytree(PROBE, probe / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
        written = {
            probe / "meta/runtime.yml": "action_groups: {all: [look]}",
            probe / "roles/known/defaults/main.yml": "known_default: a default",
            probe / "roles/known/vars/main.yml": "__known_var: a variable",
            probe / "roles/known/tasks/nothing.yml": "[]",
            folder / "hosts.yml": HOSTS.format(python=sys.executable, out=self.out),
            folder / "ansible.cfg": "",
        }
        for path, text in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def start(self, play: str, env: dict[str, str] | None = None, **more: Any) -> subprocess.Popen:
        """Start a playbook of this text. It sees nothing of the environment but PATH and `env`."""
        (self.folder / "play.yml").write_text(play)
        program = Path(sys.executable).with_name("ansible-playbook")
        ours = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": f"{self.folder / 'collections'}:{ROOT / 'collections'}",
            "ANSIBLE_NOCOLOR": "1",
            # Into a pipe Ansible's words would go by the block.
            "PYTHONUNBUFFERED": "1",
        }
        return subprocess.Popen(
            [program, "-i", "hosts.yml", "-e", json.dumps({"out": str(self.out)}), "play.yml"],
            cwd=self.folder,
            env={**ours, **(env or {})},
            stdin=subprocess.DEVNULL,
            text=True,
            **more,
        )

    def run(self, play: str, read: Callable[[str], None] = len, env: dict[str, str] | None = None) -> int:
        """Run a playbook of this text and return its exit status; `read` is given each line as it is printed."""
        process = self.start(play, env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid, lines = process.pid, []
        end = threading.Timer(LIMIT_S, process.kill)
        end.start()
        for line in process.stdout or ():
            read(line)
            lines.append(line)
        end.cancel()
        self.printed = "".join(lines)
        (self.folder / "printed").write_text(self.printed)
        return process.wait()

    def told(self, host: str, name: str) -> Any:
        """Return what a task wrote about a host; the test fails where it wrote nothing."""
        path = self.out / f"{host}.{name}.json"
        if not path.exists():
            pytest.fail(f"the task that tells {path.name} did not come to its end: see {self.folder / 'printed'}")
        return json.loads(path.read_text())


@pytest.fixture(scope="session")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Playground]:
    """What makes a Playground in a folder of this name."""
    return lambda name: Playground(tmp_path_factory.mktemp(name))
