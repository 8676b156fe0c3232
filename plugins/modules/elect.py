#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: elect
short_description: Elect the host that builds a product for its cohort
version_added: "0.1.0"
description:
  - Of the hosts whose plan this run has seen and whose product has the same fingerprint, elects the one that builds it.
    One that has begun goes on; then come those not busy with another product, those with most cores, and most memory. Where
    there is a group C(ascend_builders), the plan offers its hosts alone.
  - The choice stands for the run, until that host is lost.
  - Runs on the controller and connects to no host.
author: the ascend.pytorch authors (@ascend)
options:
  name:
    description: Name of the product, for which the host's plan, by M(ascend.pytorch.plan) earlier in the run, has an order.
    type: str
    required: true
  builders:
    description: Hosts of the group C(ascend_builders).
    type: list
    elements: str
    default: []
  shared:
    description: Whether hosts share builds; otherwise each is elected for itself.
    type: bool
    default: true
  takeovers:
    description: How many builders of one product may be lost before building it is given up.
    type: int
    default: 2
  again:
    description: Whether to wait, for a while, for the elected host to get ready.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: The module changes nothing on any host, with or without check mode.
"""

EXAMPLES = r"""
- name: Elect the builder of CMake
  ascend.pytorch.elect:
    name: cmake
    builders: "{{ groups.ascend_builders | default([]) }}"
  register: __elected
"""

RETURN = r"""
builder:
  description: Name of the host that builds; empty where none has come as far as this product.
  returned: always
  type: str
ready:
  description: Whether it has what building takes.
  returned: always
  type: bool
busy:
  description: Whether it is building another product.
  returned: always
  type: bool
leads:
  description: Whether the task that works with the builder is this host's.
  returned: always
  type: bool
takes_over_from:
  description: The host that was lost with the build, and whose build the elected one goes on with.
  returned: when a builder was lost
  type: str
"""
