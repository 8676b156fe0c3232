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
  - Elects the host that builds a product, out of the hosts that have a plan in this run and need the product with the same
    fingerprint. A host that has already started is preferred, then one that is not building another product, then the one
    with most cores, then with most memory. Where there is a group C(ascend_builders), only its hosts are elected.
  - The choice is kept for the run, until that host is lost.
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
    description: Whether hosts share builds; otherwise each host builds for itself.
    type: bool
    default: true
  takeovers:
    description: How many builders of one product may be lost before the run gives up building it.
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
  description: Name of the host that builds; empty where no host has reached this product yet.
  returned: always
  type: str
ready:
  description: Whether it has what it needs to build.
  returned: always
  type: bool
busy:
  description: Whether it is building another product.
  returned: always
  type: bool
leads:
  description: Whether this host runs the task that works with the builder.
  returned: always
  type: bool
takes_over_from:
  description: The host that was lost, whose build the elected one takes over.
  returned: when a builder was lost
  type: str
"""
