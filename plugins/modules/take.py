#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: take
short_description: Take a product from the build cache
version_added: "0.1.0"
description:
  - Asks the places of the build cache in turn for a product, and brings it to the host, into C(products) of its work
    directory. What the host has already stays.
  - A folder on the controller is sent in pieces, and sending goes on where it was interrupted; from a URL or a shared folder
    the host fetches by itself. The host compares the digest.
  - Fails when the product was to be built in this run and that failed.
author: the ascend.pytorch authors (@ascend)
options:
  order:
    description: The order of the product on this host, from the result of M(ascend.pytorch.plan).
    type: dict
    required: true
  cache:
    description: Places of the build cache. V(auto) is the folder of the controller's user; a C(file://) URL is a folder that
      the hosts see, an C(http://) or C(https://) URL is read from. Without any only the host's own work directory counts.
    type: list
    elements: str
    default: []
  trusted_keys:
    description: File of public keys of which one must have signed the product; empty to take it unsigned.
    type: str
    default: ""
  wait:
    description: Whether to wait, for a while, for the end of a build of it that is under way.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: In check mode nothing is brought; the result says whether it would be.
"""

EXAMPLES = r"""
- name: Take CMake from the build cache
  ascend.pytorch.take:
    order: "{{ __plan.plan.products.cmake.order }}"
    cache: [auto]
  register: __taken
"""

RETURN = r"""
found:
  description: Whether the product is on the host now.
  returned: always
  type: bool
place:
  description: The place that had it, empty where none did.
  returned: always
  type: str
"""
