#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: publish
short_description: Publish a built product on a host, or remove it
version_added: "0.1.0"
description:
  - A tree is unpacked beside its prefix, checked against its manifest, and published by a rename and a link swap. Before
    the swap the host has the complete former tree, after it the complete new one.
  - A wheel is installed by the pip of its own Python, which removes a different version first. Before that it is unpacked
    into a separate folder, and the commands that prove it are run there.
  - Files that this collection did not install are never changed. When a product is removed, files that were added to it or
    changed in it stay, and are reported.
author: the ascend.pytorch authors (@ascend)
options:
  names:
    description:
      - Names of products that the host's plan, by M(ascend.pytorch.plan) earlier in the run, has orders for, in the order in
        which they need each other.
      - What the plan wants built is taken from the build cache first. A product that no place of the cache has is not
        published, nor are the wheels after it; they are in RV(lacking). A product for which there is nothing to do is skipped.
      - With C(torch) and C(torch_npu) comes the environment file, where the plan has one.
      - A product that works only with another one is published by the task that names both.
    type: list
    elements: str
  orders:
    description: The orders of these products. The action fills it in, only with products that have arrived on the host.
    type: list
    elements: dict
  replaced:
    description: The orders of products that are removed when those of O(orders) are published. The action fills it in.
    type: list
    elements: dict
    default: []
  arrived:
    description:
      - By name of the product, what was sent to the host and is put into its work directory first, with C(metadata),
        C(signature), C(piece) and C(length). The action fills it in.
    type: dict
    default: {}
  environment:
    description: The environment file, as the plan has it. The action fills it in.
    type: dict
  verify:
    description:
      - What to verify when all of it has been published, as options of M(ascend.pytorch.verify). The action fills it in with
        the last products of the host.
    type: dict
  state:
    description: V(present) publishes; V(absent) removes what this collection's manifests list, and restores what was saved.
    type: str
    choices: [present, absent]
    default: present
  cache:
    description:
      - Places of the build cache, tried in order. C(auto) is a folder in the cache of the controller's user; a path, a folder
        on the controller; a C(file://) URL, a folder that all hosts see; an C(http://) or C(https://) URL, a server.
      - Without any, only products in the host's work directory are published.
    type: list
    elements: str
    default: []
  trusted_keys:
    description: File of public keys on the controller. What is taken must be signed with one of them; empty for unsigned.
    type: str
    default: ""
  copies:
    description: To how many hosts products are sent at the same time.
    type: int
    default: 5
  built:
    description: The product that this host has just built, empty for none.
    type: str
    default: ""
  waits:
    description: Whether to wait for a build of the product that is under way, for as long as one turn takes.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Says what would be published or removed.
  diff_mode:
    support: full
    description: Shows what is installed and what would be installed.
"""

EXAMPLES = r"""
- name: Publish what the build cache has
  ascend.pytorch.publish:
    names: [cmake, gcc730, torch, torch_npu, apex]
    cache: [auto]
"""

RETURN = r"""
lacking:
  description: The products of the host that this run has to build before they can be published, and those that need them.
  returned: when O(state=present)
  type: list
  elements: str
products:
  description:
    - By name of the product, and by C(environment file), whether it C(changed), its C(notes), and the C(seconds) that it took,
      including its build where it was built.
    - C(how) says how it came, C(built) on this host, C(taken) from the build cache, C(put in place) from what the host had, or
      C(found) when another process had published it.
    - Of a product that was removed, C(removed) has the paths.
  returned: always
  type: dict
verified:
  description: By name of the product, what M(ascend.pytorch.verify) returns for it.
  returned: when all that the plan wants is installed
  type: dict
unarrived:
  description: The products that did not arrive whole. The action sends them again.
  returned: when O(state=present)
  type: list
  elements: str
notes:
  description:
    - Harmless complaints of pip, each explained.
    - When something is removed, what was restored, and what stays because it is not this collection's.
  returned: always
  type: list
  elements: str
removed:
  description: The paths that were, or in check mode would be, removed.
  returned: when O(state=absent)
  type: list
  elements: str
"""

import os
import traceback

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.module_utils.provide import providing, withdrawing
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import verifying


def main():
    """Publish the products of one host, or remove them."""
    module = AnsibleModule(
        argument_spec={
            "orders": {"type": "list", "elements": "dict"},
            "replaced": {"type": "list", "elements": "dict", "default": []},
            "arrived": {"type": "dict", "default": {}},
            "environment": {"type": "dict"},
            "verify": {"type": "dict"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            # Only for the action.
            "names": {"type": "list", "elements": "str"},
            "cache": {"type": "list", "elements": "str", "default": []},
            "trusted_keys": {"type": "str", "default": "", "no_log": False},
            "copies": {"type": "int", "default": 5},
            "built": {"type": "str", "default": ""},
            "waits": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    # A copy, since publishing wheels changes this process' environment.
    session = dict(os.environ)
    params, outcomes, late = module.params, {}, []
    if params["orders"] is None:
        # The action fills them in.
        module.fail_json(**outgoing.clean_result(msg="orders: there is no order to publish"))
    orders = [Order.of(each) for each in params["orders"]]
    os.umask(0o022)
    trouble = {}
    try:
        if params["state"] == "absent":
            withdrawing.withdraw(module, orders, params["environment"], outcomes)
        else:
            late = providing.provide(module, orders, params["arrived"], params["environment"], outcomes)
            if not late:
                withdrawing.withdraw(module, [Order.of(each) for each in params["replaced"]], None, outcomes)
    except providing.ProvideError as error:
        trouble = {"msg": str(error), "exception": traceback.format_exc()}
    result = {
        "changed": any(each["changed"] for each in outcomes.values()),
        "diff": [each["diff"] for each in outcomes.values() if each["diff"]],
        "notes": [note for each in outcomes.values() for note in each["notes"]],
        "products": {
            name: {key: value for key, value in each.items() if key != "diff"} for name, each in outcomes.items()
        },
    }
    if params["state"] == "absent":
        result["removed"] = [path for each in outcomes.values() for path in each["removed"]]
    else:
        result["unarrived"] = late
        if params["verify"] and not (late or trouble):
            wanted = verifying.Verification.of(params["verify"])
            verified = verifying.verify_all(wanted, verifying.make_runner(lambda: module.tmpdir, session))
            result.update(verified=verified["products"], notes=result["notes"] + verified["notes"])
            if verified["problems"]:
                trouble = {"msg": verifying.format_problems(verified["problems"])}
    (module.fail_json if trouble else module.exit_json)(**outgoing.clean_result(**dict(result, **trouble)))


if __name__ == "__main__":
    main()
