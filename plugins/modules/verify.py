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
  - Compares a published tree with its manifest, or a wheel with its RECORD, and runs what the recipe says proves it.
  - Runs outside any source tree, with the environment file sourced where the recipe asks for it. Changes nothing.
author: the ascend.pytorch authors (@ascend)
options:
  order:
    description: The order of one product, from the result of M(ascend.pytorch.plan).
    type: dict
    required: true
  full:
    description: Whether every file's digest is compared too, and not only presence, size and mode.
    type: bool
    default: false
  npu_libraries:
    description: Whether an import that fails for want of an NPU library is a failure; otherwise it is a note.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: The module changes nothing, with or without check mode.
"""

EXAMPLES = r"""
- name: Verify CMake
  ascend.pytorch.verify:
    order: "{{ __plan.plan.products.cmake.order }}"
    full: true
"""

RETURN = r"""
said:
  description: What each proving command printed.
  returned: success
  type: list
  elements: str
notes:
  description: What is not as it will be on a host with NPUs.
  returned: success
  type: list
  elements: str
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils import diagnose, fingerprint, host, manifest, recipe

# "ImportError: libhccl.so: cannot open shared object file: No such file or directory", as the dynamic linker says it.
_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")


def main():
    """Prove one product."""
    module = AnsibleModule(
        argument_spec={
            "order": {"type": "dict", "required": True},
            "full": {"type": "bool", "default": False},
            "npu_libraries": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    order = module.params["order"]
    entry = {key: order[key] for key in ("name", "product", "prefix", "links", "distribution")}
    there = host.product(entry, order["sites"])
    if there["manifest"] is None:
        if module.check_mode:
            module.exit_json(changed=False, said=[], notes=["{0} is not installed yet".format(order["name"])])
        module.fail_json(
            msg="{0} is not installed (no manifest at {1}): run the role's build".format(
                order["name"], order["prefix"] or order["python"]
            )
        )
    wrong = list(there["damage"])
    if module.params["full"] and order["product"] == "tree":
        wrong = manifest.damage(order["prefix"], manifest.read(order["prefix"]), full=True)
    if wrong:
        module.fail_json(
            msg="{0} {1} is damaged: {2}. Run the role again: it mends just that".format(
                order["name"], there["version"], "; ".join(wrong[:10])
            ),
            damage=wrong,
        )
    names = {
        "prefix": order["prefix"],
        "root": order["prefix"],
        "python": order["python"],
        "obj": "/",
        "version": order["version"],
        "env_file": order["env_file"],
        "fingerprint": fingerprint.short(there["manifest"]["fingerprint"]),
    }
    said, notes = [], []
    for step in recipe.fill(order["verify"], names):
        status, out, err = module.run_command(step["run"], cwd="/", data=step.get("stdin"))
        output = (out + err).strip()
        missing = _MISSING_LIBRARY.search(output)
        if missing:
            text = (
                "{0} {1} is installed; its import needs the NPU library {2}, which was not found with {3} sourced. "
                "Install CANN and the driver on this host, then run again"
            ).format(order["name"], there["version"], missing.group(1), order["env_file"])
            if module.params["npu_libraries"]:
                module.fail_json(msg=text)
            notes.append(text)
        elif status != 0 or ("expect" in step and not re.search(step["expect"], output, re.MULTILINE)):
            known = diagnose.diagnose(output) or {}
            module.fail_json(
                msg="{0} {1} does not work: `{2}` ended with status {3} and said:\n{4}\n{5}".format(
                    order["name"],
                    there["version"],
                    " ".join(step["run"]),
                    status,
                    "\n".join(output.splitlines()[-20:]),
                    "{cause}. {remedy}.".format(**known)
                    if known
                    else "Run the role again with its fingerprint changed, or remove the product and build it anew",
                )
            )
        said.append(output)
    module.exit_json(changed=False, said=said, notes=notes)


if __name__ == "__main__":
    main()
