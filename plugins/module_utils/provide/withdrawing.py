# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove products that this collection has published, and the environment file."""

import os
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import text
from ansible_collections.ascend.pytorch.plugins.module_utils.host.environment import ITEM
from ansible_collections.ascend.pytorch.plugins.module_utils.provide import providing
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import installing, publishing


def withdraw(module, orders, environment, outcomes):
    # type: (AnsibleModule, List[Order], Optional[Dict[str, Any]], Dict[str, Any]) -> None
    """Remove products in order; in check mode only return what would be removed. Raises providing.ProvideError.

    :param environment: the environment file as the plan has it, None where it stays
    :param outcomes: gets the outcome of each (see providing.py), also of those before the one that fails
    """
    for order in orders:
        outcomes[order.name] = _withdraw_product(module, order)
    if environment:
        outcomes[ITEM] = _withdraw_environment(module, environment["path"])


def _withdraw_product(module, order):
    # type: (AnsibleModule, Order) -> Dict[str, Any]
    """Remove a product; return its outcome."""
    began, before = time.monotonic(), providing.read_installed(order)
    try:
        if module.check_mode or not before["manifest"]:
            removed, notes = _withdraw_files(module, order)
        else:
            with publishing.hold_lock(order):
                removed, notes = _withdraw_files(module, order)
                # A process that waits for the lock makes a new one.
                os.unlink(publishing.lock_path(order))
    except (publishing.PublishError, OSError) as error:
        raise providing.ProvideError(
            "{0} was not removed completely: {1}. Correct that and run again to continue".format(order.name, error)
        )
    return dict(
        providing.make_outcome(order, before, False, began, changed=bool(removed), notes=notes), removed=removed
    )


def _withdraw_files(module, order):
    # type: (AnsibleModule, Order) -> Tuple[List[str], List[str]]
    """Remove the files of a product; return (paths that are, in check mode would be, removed, notes)."""
    if order.product == "tree":
        return publishing.withdraw_tree(order, dry=module.check_mode)
    if not module.check_mode:
        providing.isolate_pip(module, order, asks_index=False)
    return installing.withdraw(order, lambda argv: providing.run_pip(module, order, argv), dry=module.check_mode)


def _withdraw_environment(module, path):
    # type: (AnsibleModule, str) -> Dict[str, Any]
    """Remove the environment file; return its outcome."""
    began, before, is_there = time.monotonic(), text(path), os.path.lexists(path)
    try:
        if is_there and not module.check_mode:
            os.unlink(path)
    except OSError as error:
        raise providing.ProvideError("the environment file {0} cannot be removed: {1}".format(path, error.strerror))
    return {
        "changed": is_there,
        "diff": {"before": before, "after": "", "before_header": path, "after_header": path} if is_there else {},
        "notes": [],
        "seconds": round(time.monotonic() - began, 2),
        "removed": [path] if is_there else [],
    }
