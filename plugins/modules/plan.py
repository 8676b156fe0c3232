#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: plan
short_description: Examine a host and plan what it needs, and why
version_added: "0.1.0"
description:
  - Checks the variables, examines the host in one module call, and plans what each recipe needs there.
  - When the variables are wrong or the host is not fit, fails with all problems before anything is changed.
  - A host that needs something joins the group named by O(group).
author: the ascend.pytorch authors (@ascend)
options:
  roles:
    description:
      - The roles to plan for, by their variables, which must be loaded where this runs; all of them for the whole guide.
    type: list
    elements: str
    choices: [cmake, gcc730, torch_npu_build, apex_build, cann_check]
    required: true
  group:
    description: The group that fit hosts with work to do join; empty for none.
    type: str
    default: ""
  unfit_group:
    description: The group that unfit hosts join instead of failing; when empty, they fail.
    type: str
    default: ""
  builders:
    description: Hosts of the group C(ascend_builders). Where there are any, other hosts take what these build, and no host
      takes a product from any other host.
    type: list
    elements: str
    default: []
  cache:
    description: Places of the build cache, see O(ascend.pytorch.publish#module:cache); without any, hosts share no builds.
    type: list
    elements: str
    default: []
  by_tags:
    description: Whether C(--tags) and C(--skip-tags) decide which part of the plan this run carries out.
    type: bool
    default: false
  promised:
    description:
      - RV(promised) of an earlier plan of the run, for check mode. What that plan would have installed counts as installed.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: The action changes nothing on the host, with or without check mode.
"""

EXAMPLES = r"""
- name: Load the variables of the role
  ansible.builtin.import_role:
    name: ascend.pytorch.cmake
    tasks_from: recipe

- name: Plan what CMake needs
  ascend.pytorch.plan:
    roles: [cmake]
  register: __planned
"""

RETURN = r"""
plan:
  description:
    - C(products) by name, each with C(do) (nothing, publish, take, build or remove) and C(why); C(packages), C(environment),
      C(venv) and whether there is C(work). The modules find the order of a product by its name.
    - With O(unfit_group) and no O(group), as for a table, also the C(order) of each product.
  returned: always
  type: dict
findings:
  description: The findings, each with C(id), C(severity), C(found), C(wanted), C(remedy) and C(source).
  returned: always
  type: list
  elements: dict
state:
  description: What M(ascend.pytorch.examine) returned.
  returned: with O(unfit_group) and no O(group)
  type: dict
promised:
  description: The tools that are installed after this plan and those before it, by name, for O(promised) of the next one.
  returned: in check mode
  type: dict
"""
