#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: examine
short_description: Read everything about a host that a plan needs, in one call
version_added: "0.1.0"
description:
  - Reads the operating system, C library, processor, memory, disks, compilers, CMake, Pythons, CANN, network interfaces
    and the manifests of published products and installed wheels.
  - Changes nothing. A tool that hangs or crashes costs its time limit and a word in the result, never the run.
author: the ascend.pytorch authors (@ascend)
options:
  products:
    description: The products to look for, each with C(name), C(version), C(product), C(prefix), C(links) and C(distribution).
    type: list
    elements: dict
    default: []
  tools:
    description: Names of programs whose places and versions are wanted.
    type: list
    elements: str
    default: [cmake, gcc, g++]
  needs:
    description: Names of the build needs to look for.
    type: list
    elements: str
    default: []
  pythons:
    description: Interpreters to ask, by name or path, the one to prefer first.
    type: list
    elements: str
    default: [python3.7, python3.8, python3.9]
  venv:
    description: Path of a virtual environment, empty for none.
    type: str
    default: ""
  work_dir:
    description: Where sources, builds and products stand, or V(auto).
    type: str
    default: auto
  env_file:
    description: Where the environment file stands, or V(auto).
    type: str
    default: auto
attributes:
  check_mode:
    support: full
    description: The module changes nothing, with or without check mode.
"""

EXAMPLES = r"""
- name: Look at every Ascend host
  ascend.pytorch.examine:
  register: __examined
"""

RETURN = r"""
state:
  description: What the host is and has.
  returned: always
  type: dict
  sample:
    arch: aarch64
    libc: glibc 2.31
    cores: 192
    python: python3.9
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils import host


def main():
    """Answer one question about this host."""
    module = AnsibleModule(
        argument_spec={
            "products": {"type": "list", "elements": "dict", "default": []},
            "tools": {"type": "list", "elements": "str", "default": ["cmake", "gcc", "g++"]},
            "needs": {"type": "list", "elements": "str", "default": []},
            "pythons": {"type": "list", "elements": "str", "default": ["python3.7", "python3.8", "python3.9"]},
            "venv": {"type": "str", "default": ""},
            "work_dir": {"type": "str", "default": "auto"},
            "env_file": {"type": "str", "default": "auto"},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, state=host.examine(module.params))


if __name__ == "__main__":
    main()
