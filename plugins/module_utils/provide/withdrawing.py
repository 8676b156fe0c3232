# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take products away that this collection has published, and the environment file."""

import os
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import text
from ansible_collections.ascend.pytorch.plugins.module_utils.host.environment import ITEM
from ansible_collections.ascend.pytorch.plugins.module_utils.provide import providing
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import installing, publishing


def withdraw(module, orders, environment, done):
    # type: (AnsibleModule, List[Order], Optional[Dict[str, Any]], Dict[str, Any]) -> None
    """Take products away in order, in check mode only say what would go. Raises providing.Failed.

    :param environment: the environment file as the plan has it, None where it stays
    :param done: gets the DONE of each (see providing.py), also of those before the one that fails
    """
    for order in orders:
        done[order.name] = _without(module, order)
    if environment:
        done[ITEM] = _without_environment(module, environment["path"])


def _without(module, order):
    # type: (AnsibleModule, Order) -> Dict[str, Any]
    """Take a product away; return its DONE."""
    began, before = time.monotonic(), providing.standing(order)
    try:
        if module.check_mode or not before["manifest"]:
            removed, notes = _withdrawn(module, order)
        else:
            with publishing.alone(order):
                removed, notes = _withdrawn(module, order)
                # Whoever waits for it makes another.
                os.unlink(publishing.lock_path(order))
    except (publishing.PublishError, OSError) as error:
        raise providing.Failed(
            "{0} was not taken away wholly: {1}. Mend that and run again: it goes on where it was".format(
                order.name, error
            )
        )
    return dict(providing.told(order, before, False, began, changed=bool(removed), notes=notes), removed=removed)


def _withdrawn(module, order):
    # type: (AnsibleModule, Order) -> Tuple[List[str], List[str]]
    """Return (what goes, notes) of a product that is taken away, in check mode would be."""
    if order.product == "tree":
        return publishing.withdraw_tree(order, dry=module.check_mode)
    if not module.check_mode:
        providing.enclose(module, order, asks_index=False)
    return installing.withdraw(order, lambda argv: providing.run_pip(module, order, argv), dry=module.check_mode)


def _without_environment(module, path):
    # type: (AnsibleModule, str) -> Dict[str, Any]
    """Take the environment file away; return its DONE."""
    began, before, there = time.monotonic(), text(path), os.path.lexists(path)
    try:
        if there and not module.check_mode:
            os.unlink(path)
    except OSError as error:
        raise providing.Failed("the environment file {0} cannot be taken away: {1}".format(path, error.strerror))
    return {
        "changed": there,
        "diff": {"before": before, "after": "", "before_header": path, "after_header": path} if there else {},
        "notes": [],
        "seconds": round(time.monotonic() - began, 2),
        "removed": [path] if there else [],
    }
