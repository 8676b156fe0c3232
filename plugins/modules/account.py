#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: account
short_description: Account at the end of a run for what it was to do
version_added: "0.1.0"
description:
  - Fails when no host was examined, when a host did not get what the playbook is for, when planned work was not done
    without a known reason, and when an unfit host was not stopped.
  - Reports what was left out because of check mode, C(--tags) or C(--skip-tags), C(--limit), or a host that failed or is
    unreachable.
  - Uses what the plugins of this collection record during the run. Runs on the controller and connects to no host.
author: the ascend.pytorch authors (@ascend)
options:
  pattern:
    description: The pattern of the run's hosts, for the message; when omitted, the run was to work only on the controller.
    type: str
  hosts:
    description: The hosts of the inventory that match O(pattern).
    type: list
    elements: str
    default: []
  deeds:
    description: What was to be done for every host, or on the controller.
    type: list
    elements: str
    choices: [planned, verified, told, bundled, cached, stopped, cleaned, listed]
    default: []
  settles:
    description: Whether the run was to do what was planned.
    type: bool
    default: false
  by_tags:
    description: Whether C(--tags) and C(--skip-tags) are a reason to leave some of that out.
    type: bool
    default: false
  stops:
    description: Whether hosts that are not fit were to be stopped.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: The module changes nothing on any host, with or without check mode.
"""

EXAMPLES = r"""
- name: Account for what was to be done
  ascend.pytorch.account:
    pattern: ascend
    hosts: "{{ query('ansible.builtin.inventory_hostnames', 'ascend') }}"
    deeds: [planned]
    settles: true
  run_once: true
"""

RETURN = r"""
left_out:
  description: What was left out, and why, in sentences.
  returned: success
  type: list
  elements: str
"""
