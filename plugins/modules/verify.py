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
  - Compares each published tree with its manifest and each wheel with its RECORD, and all of them with their
    orders. What differs from its order is reported as outdated, not as damaged.
  - Then runs the commands of the recipes that prove them, outside any source tree, with the environment file sourced where
    the recipe says so; where there is an NPU, also on that.
  - Changes nothing. All problems are reported at once, each with its remedy. A command that hangs is stopped after its time
    limit, which is a problem too.
author: the ascend.pytorch authors (@ascend)
options:
  orders:
    description:
      - The orders of the products. By default those of the host's plan, which M(ascend.pytorch.plan) made earlier in the run,
        with its O(environment) and O(npu).
    type: list
    elements: dict
  environment:
    description: The environment file as the plan has it, with C(path), C(text) and C(do); by default none.
    type: dict
  full:
    description: Whether to compare the digest of every file too, not only presence, size and mode.
    type: bool
    default: false
  npu:
    description: Whether the host has an NPU; then the C(verify_npu) steps of the recipes are run on it.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - The module changes nothing, with or without check mode.
      - In check mode, what a run would publish, repair or write first is a note and no problem.
"""

EXAMPLES = r"""
- name: Verify all that was planned
  ascend.pytorch.verify:
    full: true
"""

RETURN = r"""
products:
  description:
    - By name of the product, whether it is C(ok), its C(problems), its C(notes) (for example what was not tried without an NPU),
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
  description: All problems, also those of the environment file.
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
    """Verify the products of one host."""
    module = AnsibleModule(
        argument_spec={
            "orders": {"type": "list", "elements": "dict"},
            "environment": {"type": "dict"},
            "full": {"type": "bool", "default": False},
            "npu": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    if params["orders"] is None:
        # The action fills them in.
        module.fail_json(**outgoing.clean_result(msg="orders: there is no order to verify"))
    # The folder is created at first use, and removed when the module ends.
    run = verifying.make_runner(lambda: module.tmpdir, dict(os.environ))
    result = verifying.verify_all(verifying.Verification.of(params), run, params["full"], pending=module.check_mode)
    if result["problems"]:
        module.fail_json(
            **outgoing.clean_result(msg=verifying.format_problems(result["problems"]), changed=False, **result)
        )
    module.exit_json(**outgoing.clean_result(changed=False, **result))


if __name__ == "__main__":
    main()
