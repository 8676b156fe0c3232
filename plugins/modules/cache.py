#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: cache
short_description: List, verify or prune the build cache
version_added: "0.1.0"
description:
  - Prints what the build cache on the controller holds, compares it with its digests and signatures, or removes what
    has not been used for a while.
  - Runs on the controller and connects to no host; use it on C(localhost).
author: the ascend.pytorch authors (@ascend)
options:
  state:
    description:
      - V(listed) lists the products.
      - V(verified) also reads each of them, and fails when one is damaged, or not signed as O(trusted_keys) asks for.
        A damaged one is renamed to C(<label>.damaged-<n>), so that the next run builds it again.
      - V(pruned) removes each product that was not used for O(keep_days) days and is not one of the O(keep_last) last used
        ones of its name and platform, damaged products, and those that have been incomplete for a day. What a run is reading
        or writing stays.
    type: str
    choices: [listed, verified, pruned]
    default: listed
  cache:
    description:
      - The places of the build cache. Folders of the controller are read; URLs, which hosts access, are only named.
      - V(auto) is C(ascend-pytorch/products) in C($XDG_CACHE_HOME), or in C(~/.cache).
    type: list
    elements: str
    default: [auto]
  trusted_keys:
    description: File on the controller with the keys that products must be signed with, an C(allowed_signers) file as
      C(ssh-keygen) reads it, or a public key. Empty asks for no signatures.
    type: path
    default: ""
  keep_days:
    description: How many days a product is kept after its last use.
    type: float
    default: 30
  keep_last:
    description: How many products of each name and platform are kept, however long ago they were used.
    type: int
    default: 1
attributes:
  check_mode:
    support: full
    description: In check mode nothing is renamed or removed; the result says what would be.
"""

EXAMPLES = r"""
- name: Remove what was not used for half a year
  ascend.pytorch.cache:
    state: pruned
    keep_days: 180
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
entries:
  description: What the folders hold, after pruning, by name and version.
  returned: when all folders can be read
  type: list
  elements: dict
  contains:
    label:
      description: Name, version and the beginning of the fingerprint.
      type: str
      sample: cmake-3.12.1-0f3a5d1c77b2
    folder:
      description: Its folder.
      type: str
    status:
      description: V(whole), V(damaged), V(partial) for one on its way into the cache, V(unreadable) for one that the
        controller's user may not read.
      type: str
    wrong:
      description: What is wrong with it, in words. Empty for what was renamed before.
      type: list
      elements: str
    untrusted:
      description: Why its signature is not accepted, empty where it is accepted or none is required.
      type: str
    name:
      description: Name of the product.
      type: str
    version:
      description: Its version.
      type: str
    fingerprint:
      description: The digest of everything that determines its content.
      type: str
    part:
      description: Which part of the product it is, empty for the whole.
      type: str
      sample: runtime
    arch:
      description: Architecture of the hosts that it is for.
      type: str
    libc:
      description: Their C library.
      type: str
    python_abi:
      description: Their Python, for wheels.
      type: str
    size:
      description: Bytes on disk.
      type: int
    built:
      description: When it was built, in UTC.
      type: str
    host:
      description: The host that built it.
      type: str
    signed_by:
      description: Who signed it, by O(trusted_keys); the digest of the key where these are not given.
      type: str
    used:
      description: When it was used last, in UTC.
      type: str
removed:
  description: What was removed, or would be in check mode, each as in RV(entries).
  returned: when all folders can be read
  type: list
  elements: dict
elsewhere:
  description: The places that are not folders of the controller.
  returned: when all folders can be read
  type: list
  elements: str
headline:
  description: What was found or done in one sentence.
  returned: when all folders can be read
  type: str
  sample: 4 products, 512.3 MiB, all whole
table:
  description: The lines that were printed.
  returned: when all folders can be read
  type: list
  elements: str
"""
