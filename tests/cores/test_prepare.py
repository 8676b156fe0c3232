# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a host is prepared, on every supported ansible-core: packages by root, all else by the account that works there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

ROAD = Path(__file__).resolve().parents[2] / "roles/road"

# What installs packages, and what plans again, says instead as whom it would.
INSTALL = "- test.probe.look: {what: keywords, name: '{{ installs }}', out: '{{ out }}'}"
PLAN = "- test.probe.look: {what: keywords, name: '{{ plans }}', out: '{{ out }}'}"
PLAY = f"""
- name: Prepare hosts
  hosts: here
  gather_facts: false
  vars:
    installs: installs
    plans: plans
    # Whether all tasks become another account, and whether packages are installed by becoming root.
    case: "{{{{ {{'one': [true, true], 'two': [false, true], 'three': [true, false]}}[inventory_hostname] }}}}"
    ansible_become: "{{{{ case[0] }}}}"
    ansible_become_user: svc
    ansible_su_user: svc
    __road_planned:
      plan: {{packages: {{names: [patch], become_root: "{{{{ case[1] }}}}", manager: apt}}, venv: []}}
  tasks:
    - name: Prepare the host
      ansible.builtin.include_tasks: prepare.yml

- name: Make a virtual environment
  hosts: one
  gather_facts: false
  vars:
    plans: plans with an environment
    __road_planned:
      plan: {{packages: {{names: [], become_root: false, manager: apt}}, venv: ["{sys.executable}", -m, venv, --without-pip, "{{{{ out }}}}/venv"]}}
  tasks:
    - name: Prepare the host
      ansible.builtin.include_tasks: prepare.yml
"""
# The methods that have a name of their own for whom to become. Of community.general's this is all that counts here.
BUILTIN, OTHERS = ("su", "sudo"), ("doas", "dzdo", "ksu", "machinectl", "pbrun", "pfexec", "run0", "sesu")
METHOD = """
DOCUMENTATION = '''
name: {method}
short_description: As community.general.{method} is told whom to become
description: [It becomes nobody.]
author: the ascend.pytorch authors
options:
  become_user:
    description: Whom to become.
    vars: [{{name: ansible_become_user}}, {{name: ansible_{method}_user}}]
'''
from ansible.plugins.become import BecomeBase


class BecomeModule(BecomeBase):
    name = "test.probe.{method}"

    def build_become_command(self, cmd, shell):
        return cmd
"""
BY_METHOD = """
- name: Prepare a host by {method}
  hosts: one
  gather_facts: false
  vars:
    installs: installs by {method}
    plans: plans by {method}
    ansible_become: true
    ansible_become_method: {collection}.{method}
    ansible_{method}_user: svc
    __road_planned:
      plan: {{packages: {{names: [patch], become_root: true, manager: apt}}, venv: []}}
  tasks:
    - name: Prepare the host
      ansible.builtin.include_tasks: prepare.yml
"""
# Python's own would be imported by venv; one in the folder that `python -m` is started in goes before it.
STRANGER = "raise SystemExit('the logging of a stranger')\n"


@pytest.fixture(scope="module")
def prepared(playground):
    """The playground after the road's own prepare.yml, in a folder that has a Python module of its own."""
    ground = playground("prepared")
    shutil.copy(ROAD / "tasks/prepare.yml", ground.folder)
    (ground.folder / "packages_apt.yml").write_text(INSTALL)
    (ground.folder / "plan.yml").write_text(PLAN)
    (ground.folder / "logging.py").write_text(STRANGER)
    become = ground.folder / "collections/ansible_collections/test/probe/plugins/become"
    become.mkdir()
    for method in OTHERS:
        (become / f"{method}.py").write_text(METHOD.format(method=method))
    plays = [BY_METHOD.format(method=method, collection="ansible.builtin") for method in BUILTIN]
    plays += [BY_METHOD.format(method=method, collection="test.probe") for method in OTHERS]
    ground.run("".join([PLAY, *plays]))
    return ground


@pytest.mark.parametrize("host", ["one", "two"])
def test_packages_are_installed_by_root(prepared, host):
    """Whomever the inventory's variables say to become, and where they say to become nobody."""
    assert prepared.told(host, "installs")["account"] == "root"


@pytest.mark.parametrize("method", BUILTIN + OTHERS)
def test_packages_are_installed_by_root_whatever_the_method_calls_it(prepared, method):
    assert prepared.told("one", f"installs by {method}")["account"] == "root"
    assert prepared.told("one", f"plans by {method}")["account"] == "svc"


def test_packages_are_left_to_the_account_that_may_not_become_root(prepared):
    assert prepared.told("three", "installs")["account"] == "svc"


@pytest.mark.parametrize("host, account", [("one", "svc"), ("two", None), ("three", "svc")])
def test_all_else_is_the_accounts(prepared, host, account):
    assert prepared.told(host, "plans")["account"] == account


def test_modules_in_the_folder_of_the_login_are_not_run(prepared):
    assert (prepared.out / "venv/bin/python").exists(), prepared.printed
