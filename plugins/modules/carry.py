#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: carry
short_description: Do a host's part in carrying a product between it and the build cache
version_added: "0.1.0"
description:
  - Called by the actions of M(ascend.pytorch.publish) and M(ascend.pytorch.build), which carry products in pieces between a
    host and a folder of the controller, or let the host read from, or write to, a place that it can access itself.
  - A product in C(products) of the work directory is always complete. What has arrived of one is kept, and the next transfer
    continues from there.
author: the ascend.pytorch authors (@ascend)
options:
  state:
    description:
      - V(held) says whether the host has the product, and V(wanted) how much of it has arrived.
      - V(cut) writes a part of it into O(piece); V(received) adds O(piece) to what has arrived.
      - V(looked_up) reads the product's metadata at O(place), V(taken) fetches the product from there, V(kept) puts it there.
    type: str
    choices: [held, wanted, cut, received, looked_up, taken, kept]
    required: true
  work_dir:
    description: The work directory on the host.
    type: path
    required: true
  label:
    description: The product's name, version and short fingerprint, which is the name of its folder.
    type: str
    required: true
  fingerprint:
    description: The product's fingerprint.
    type: str
    required: true
  digest:
    description: Whether V(held) compares the file with its digest; a damaged product is renamed and counts as not there.
    type: bool
    default: false
  metadata:
    description: Text of the C(product.json) of the product, for V(wanted), V(received) and V(taken).
    type: str
  signature:
    description: Signature of the metadata, as text; without it the product gets none, and V(kept) uses the one it has.
    type: str
  sha256:
    description: Digest of the file that V(cut) cuts.
    type: str
  offset:
    description: Where in the product's file the piece begins, in bytes.
    type: int
    default: 0
  length:
    description: Size of the piece in bytes; for V(cut) the maximum.
    type: int
    default: 0
  piece:
    description: Path of the piece on the host, a file that exists; without it V(received) only completes what has arrived.
    type: path
  place:
    description: A place of the build cache that the host can access, a C(file://), C(http://) or C(https://) URL.
    type: str
  signed:
    description: Whether the metadata at O(place) has to be signed. V(looked_up) then reads it without TLS too.
    type: bool
    default: false
  logins:
    description:
      - Logins for the URLs of the build cache, by address, as C(name:password).
      - The actions fill it in from the URLs.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: In check mode nothing is carried; the result says whether something would be.
"""

EXAMPLES = r"""
- name: Fetch a product from a web server, unless the host has it
  ascend.pytorch.carry:
    state: taken
    work_dir: /var/lib/ascend-pytorch
    label: cmake-3.12.1-0123456789ab
    fingerprint: "{{ fingerprint }}"
    metadata: "{{ lookup('ansible.builtin.url', place ~ '/cmake-3.12.1-0123456789ab/product.json', split_lines=false) | string }}"
    place: "{{ place }}"
"""

RETURN = r"""
present:
  description: Whether the product is on the host now.
  returned: for held, wanted and received
  type: bool
received:
  description: How many bytes of the product's file have arrived.
  returned: for wanted and received
  type: int
length:
  description: Size of the piece in bytes.
  returned: for cut
  type: int
taken:
  description: Where the product comes from, in words; empty when the host has built it.
  returned: for held, when it is present
  type: str
metadata:
  description: Text of the product's metadata.
  returned: for held and looked_up
  type: str
signature:
  description: Signature of the metadata, if it has one.
  returned: for held and looked_up
  type: str
wrong:
  description: Why the product there cannot be used, in words.
  returned: for looked_up
  type: str
damaged:
  description: Whether what arrived differs from its metadata.
  returned: for received, and on failure
  type: bool
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.product import caching, carrying, entries


def perform_state(module):
    """Do what the state says and return the result."""
    params, dry = module.params, module.check_mode
    state = params["state"]
    entry = entries.Entry(params["work_dir"], params["label"], params["fingerprint"])
    if state == "held":
        return entries.product_texts(entry, params["digest"], dry)
    if state == "wanted":
        return carrying.prepare(entry, params["metadata"], dry)
    if state == "looked_up":
        return caching.look_up(params["place"], params["label"], params["signed"], params["logins"])
    if dry:
        return {"changed": state != "cut" and (state == "kept" or not entry.whole())}
    if state == "cut":
        return {
            "length": carrying.write_piece(entry, params["sha256"], params["offset"], params["length"], params["piece"])
        }
    if state == "received":
        words = [params[key] for key in ("metadata", "signature", "offset", "piece", "length")]
        return dict(carrying.receive(entry, *words), changed=True)
    if state == "taken":
        words = [params[key] for key in ("metadata", "signature", "place")]
        return {"changed": caching.fetch_product(entry, *words, log=module.log, known=params["logins"])}
    return {"changed": caching.store_product(entry, params["place"], params["signature"])}


def main():
    """Do a host's part in carrying a product."""
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["held", "wanted", "cut", "received", "looked_up", "taken", "kept"],
                "required": True,
            },
            "work_dir": {"type": "path", "required": True},
            "label": {"type": "str", "required": True},
            "fingerprint": {"type": "str", "required": True},
            "digest": {"type": "bool", "default": False},
            "metadata": {"type": "str"},
            "signature": {"type": "str"},
            "sha256": {"type": "str"},
            "offset": {"type": "int", "default": 0},
            "length": {"type": "int", "default": 0},
            "piece": {"type": "path"},
            "place": {"type": "str"},
            "signed": {"type": "bool", "default": False},
            "logins": {"type": "dict", "default": {}, "no_log": True},
        },
        required_if=[
            ("state", "wanted", ["metadata"]),
            ("state", "received", ["metadata"]),
            ("state", "cut", ["sha256", "piece"]),
            ("state", "looked_up", ["place"]),
            ("state", "taken", ["metadata", "place"]),
            ("state", "kept", ["place"]),
        ],
        supports_check_mode=True,
    )
    os.umask(0o022)
    try:
        result = perform_state(module)
    except entries.CarryingError as error:
        module.fail_json(**outgoing.clean_result(msg=str(error), damaged=error.damaged))
    except OSError as error:
        told = entries.explain_os_error(error, module.params["work_dir"], "ascend_work_dir")
        module.fail_json(**outgoing.clean_result(msg=str(told), damaged=False))
    module.exit_json(**outgoing.clean_result(**dict({"changed": False}, **result)))


if __name__ == "__main__":
    main()
