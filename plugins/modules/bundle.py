#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: bundle
short_description: Collect all that a release is built from, for hosts without a network
version_added: "0.1.0"
description:
  - Makes a folder on the controller with all that a release of torch is built from and installed with, for hosts without a
    network. It holds the source archives, every repository at its pin with all submodules as git bundles, the wheels that
    pip installs on hosts, and C(bundle.json) with the digest of every file, which is written last.
  - A file that is already in the folder, with the digest in C(bundle.json) or in the record of an interrupted run, is not
    fetched again. Damaged files are named and fetched again.
  - The folder can be used as a mirror; see also the variable C(ascend_bundle).
  - Runs on the controller, needs git and pip there, but not root, and connects to no host.
author: the ascend.pytorch authors (@ascend)
options:
  dest:
    description: The bundle's folder on the controller, created when it does not exist.
    type: path
    required: true
  state:
    description:
      - V(present) fetches what is missing.
      - V(verified) reads every file, changes nothing, and fails with the names of those that are missing or damaged.
    type: str
    choices: [present, verified]
    default: present
  releases:
    description:
      - The releases of torch that the bundle is for, named as in C(ascend_torch_version), but not V(auto). Default is
        C(ascend_torch_version) where that is set.
      - Needs the variables of the roles that make products, which say where sources come from.
    type: list
    elements: str
  platforms:
    description: The hosts that wheels are collected for. Default is x86_64 and aarch64 with each Python that the release
      supports.
    type: list
    elements: dict
    suboptions:
      arch:
        description: The architecture.
        type: str
        choices: [x86_64, aarch64]
        required: true
      python:
        description: The Python, such as V(3.9).
        type: str
        required: true
      libc:
        description: The oldest glibc of these hosts.
        type: str
        default: "2.17"
  products:
    description: Folder of a build cache on the controller whose products are added too; empty for none.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: In check mode nothing is fetched; the result says what would be.
"""

EXAMPLES = r"""
- name: Load the variables of the roles
  ansible.builtin.include_role:
    name: "ascend.pytorch.{{ item }}"
    tasks_from: recipe
    public: true
  loop: [cmake, gcc730, torch_npu_build, apex_build]

- name: Collect what torch 1.8.1 is built from
  ascend.pytorch.bundle:
    dest: /srv/bundle
    releases: ["1.8.1"]
    platforms:
      - {arch: aarch64, python: "3.9"}

- name: Verify the bundle after copying it
  ascend.pytorch.bundle:
    dest: /srv/bundle
    state: verified
"""

RETURN = r"""
releases:
  description: The releases that the bundle is for.
  returned: when not in check mode
  type: list
  elements: str
files:
  description: How many files the bundle has.
  returned: when not in check mode
  type: int
bytes:
  description: Their size.
  returned: when not in check mode
  type: int
lacking:
  description: Requirements that have no wheel for a platform, in words.
  returned: when not in check mode
  type: list
  elements: str
missing:
  description: What would be fetched.
  returned: in check mode
  type: list
  elements: str
problems:
  description: What is missing or damaged, in words, file by file.
  returned: when verified
  type: list
  elements: str
"""
