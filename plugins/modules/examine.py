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
  - Reads the operating system, C library, processor, memory, disks, clock, compilers, CMake, Pythons, CANN, driver,
    firmware, NPUs and their device nodes, network interfaces, and the manifests of published products and installed
    wheels.
  - Changes nothing. A tool that hangs is stopped after its time limit. This or a crash is reported in the result and does
    not fail the module.
author: the ascend.pytorch authors (@ascend)
options:
  products:
    description:
      - The products to look for, each with C(name), C(version), C(product), C(prefix), C(links) and C(distribution).
      - By default those of the collection's roles, in their default places.
    type: list
    elements: dict
  tools:
    description: Names of programs to find, with their versions.
    type: list
    elements: str
    default: [cmake, gcc, g++]
  needs:
    description: Names of the build needs to look for.
    type: list
    elements: str
    default: []
  pythons:
    description: Interpreters to examine, by name or path, the preferred one first.
    type: list
    elements: str
    default: [python3.7, python3.8, python3.9]
  pip:
    description: Whether to always query the pip of the interpreter for wheels, otherwise only where it may have to install
      one. That takes longer than everything else.
    type: bool
    default: false
  venv:
    description: Path of a virtual environment, empty for none.
    type: str
    default: ""
  work_dir:
    description: Folder of sources, builds and products, or V(auto).
    type: str
    default: auto
  env_file:
    description: Path of the environment file, or V(auto).
    type: str
    default: auto
  run_user:
    description: The account whose access to the NPUs is checked; empty for the one that the module runs as.
    type: str
    default: ""
  cann_path:
    description: The CANN to use, by its path or its release; empty for the newest.
    type: str
    default: ""
  nnal:
    description: The C++ ABI of torch by architecture, such as C(aarch64) to V(1), for the nnal beside CANN; by default nnal is
      not looked for.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: The module changes nothing, with or without check mode.
"""

EXAMPLES = r"""
# Ad hoc: ansible ascend -m ascend.pytorch.examine
- name: Examine every Ascend host
  ascend.pytorch.examine:
  register: __examined

- name: List the NPUs that are not healthy
  ansible.builtin.debug:
    msg: "{{ __examined.state.npu.chips | rejectattr('health', 'equalto', 'OK') | map(attribute='bus_id') }}"
"""

RETURN = r"""
state:
  description: The state of the host.
  returned: always
  type: dict
  sample:
    arch: aarch64
    libc: glibc 2.31
    cores: 192
    python: python3.9
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.host import host

# What the roles publish by default.
DEFAULT_PRODUCTS = [
    {"name": "cmake", "version": "", "product": "tree", "prefix": "auto", "links": []},
    {"name": "gcc730", "version": "7.3.0", "product": "tree", "prefix": "auto", "links": []},
    {"name": "torch", "version": "", "product": "wheel", "distribution": "torch"},
    {"name": "torch_npu", "version": "", "product": "wheel", "distribution": "torch_npu"},
    {"name": "apex", "version": "", "product": "wheel", "distribution": "apex"},
]


def main():
    """Examine this host."""
    module = AnsibleModule(
        argument_spec={
            "products": {"type": "list", "elements": "dict"},
            "tools": {"type": "list", "elements": "str", "default": ["cmake", "gcc", "g++"]},
            "needs": {"type": "list", "elements": "str", "default": []},
            "pythons": {"type": "list", "elements": "str", "default": ["python3.7", "python3.8", "python3.9"]},
            "pip": {"type": "bool", "default": False},
            "venv": {"type": "str", "default": ""},
            "work_dir": {"type": "str", "default": "auto"},
            "env_file": {"type": "str", "default": "auto"},
            "run_user": {"type": "str", "default": ""},
            "cann_path": {"type": "str", "default": ""},
            "nnal": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    question = dict(module.params)
    if question["products"] is None:
        question["products"] = DEFAULT_PRODUCTS
    module.exit_json(**outgoing.clean_result(changed=False, state=host.examine(question)._asdict()))


if __name__ == "__main__":
    main()
