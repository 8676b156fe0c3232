#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: verify
short_description: Prove that published products are whole and work
version_added: "0.1.0"
description:
  - Compares each published tree with its manifest and each wheel with its RECORD, and all of them with what their orders
    ask for. What differs from its order is told as outdated, not as damaged.
  - Then runs what the recipes say proves them, outside any source tree, with the environment file sourced where the
    recipe asks for it; where there is an NPU, on that too.
  - Changes nothing. Everything that is wrong is told at once, each with its remedy; a command that hangs is stopped after
    its time limit, which is a problem, too.
author: the ascend.pytorch authors (@ascend)
options:
  orders:
    description:
      - The orders of the products. By default those of the host's plan, which M(ascend.pytorch.plan) made earlier in the run,
        with its O(environment) and O(npu).
    type: list
    elements: dict
  environment:
    description: The environment file as the plan has it, with C(path), C(text) and C(do); by default none is looked at.
    type: dict
  full:
    description: Whether every file's digest is compared too, and not only presence, size and mode.
    type: bool
    default: false
  npu:
    description: Whether the host has an NPU, which the recipes' C(verify_npu) steps are then tried on.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - The module changes nothing, with or without check mode.
      - In check mode, what a run would publish, mend or write first is a note and no problem.
"""

EXAMPLES = r"""
- name: Verify all that was planned
  ascend.pytorch.verify:
    full: true
"""

RETURN = r"""
products:
  description:
    - By name of the product, whether it is C(ok), its C(problems), its C(notes) (what is not as on a host with NPUs, say),
      and what each proving command C(said).
  returned: always
  type: dict
  sample:
    cmake:
      ok: true
      problems: []
      notes: []
      said: [cmake version 3.12.1]
problems:
  description: All problems, those of the environment file too.
  returned: always
  type: list
  elements: str
notes:
  description: All notes.
  returned: always
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import verifying


def main():
    """Prove the products of one host."""
    module = AnsibleModule(
        argument_spec={
            "orders": {"type": "list", "elements": "dict"},
            "environment": {"type": "dict"},
            "full": {"type": "bool", "default": False},
            "npu": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    asked = module.params
    if asked["orders"] is None:
        # The action has filled them in.
        module.fail_json(**outgoing.told(msg="orders: nothing was asked to be verified"))
    # Made when it is asked for, and removed with the module.
    run = verifying.make_runner(lambda: module.tmpdir, dict(os.environ))
    result = verifying.verify_all(verifying.Verification.of(asked), run, asked["full"], pending=module.check_mode)
    if result["problems"]:
        module.fail_json(**outgoing.told(msg=verifying.format_problems(result["problems"]), changed=False, **result))
    module.exit_json(**outgoing.told(changed=False, **result))


if __name__ == "__main__":
    main()
