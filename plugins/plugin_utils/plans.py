# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of each host, kept for later tasks: they name a product, and find its order here.

In the run's folder (see runs.py), of each host:
  plans/<host>.json     PLAN, by the plan's action, the last plan of a host counting: {"plan": as Plan.plain()
                        has it, "verify": {"orders", "environment", "npu", "asked": whether to verify once all stands},
                        "candidates": {product: as cohort.candidate makes it}}
  lacking/<host>.json   {product that has still to be brought: since when it was known to have to be built, by the controller's
                        monotonic clock; null as long as something that it needs has to come before}
Not registered variables: of these Ansible makes copies for each task of each host, and an order is long.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan as planning
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs

Json = dict[str, Any]

# The keys of a PLAN's "verify" that are options of the modules that verify.
VERIFY_KEYS = ("orders", "environment", "npu")


def _path(host: str) -> Path:
    return runs.folder() / "plans" / f"{runs.file_name(host)}.json"


def keep(host: str, plan: planning.Plan, verify: Json, candidates: list[Json]) -> None:
    """Keep what is to be done on a host.

    :param verify: what the module verify is asked, as it stands in JSON
    :param candidates: of the products that the host may build, see cohort.candidate()
    """
    entries = {each["order"]["name"]: each for each in candidates}
    runs.write(_path(host), json.dumps({"plan": plan.plain(), "verify": verify, "candidates": entries}))
    _keep_lacking(host, {})


def read(host: str) -> Json:
    """Return the PLAN of a host. Raises AnsibleActionFail where this run has made none."""
    known = read_json(str(_path(host)))
    if not known:
        raise AnsibleActionFail(
            f"{host}: there is no plan of this run for it. The first task of each role and of site.yml makes it: do not skip that "
            "task, with --start-at-task for example"
        )
    return dict(known)


def decision(plan: Json, name: str) -> planning.Decision:
    """Return the decision on a product in a kept plan; NOTHING where the plan does not have it."""
    found = plan["products"].get(name)
    return planning.Decision.of(found) if found else planning.Decision(planning.NOTHING, [], name, name)


def order(host: str, name: str) -> Order:
    """Return the order of a product. Raises AnsibleActionFail where the plan has none."""
    found = decision(read(host)["plan"], name).order
    if not found:
        raise AnsibleActionFail(f"{host}: its plan has no order for {name}. Run again, without --start-at-task")
    return found


def lacking(host: str) -> dict[str, float | None]:
    """Return what has still to be brought to a host, and since when it was known to have to be built."""
    return dict(read_json(str(_lacking_path(host))) or {})


def record_lacking(host: str, found: dict[str, bool], waiting: Iterable[str] = ()) -> list[str]:
    """Note which products have to be built before they can be published; return all that have still to be brought.

    For the host's own worker.

    :param found: name -> whether it has to be built, of the products that were looked for
    :param waiting: those that were not, since they need one of these
    """
    before = lacking(host)
    now = {name: since for name, since in before.items() if name not in found}
    now.update((name, before.get(name)) for name in waiting)
    now.update((name, before.get(name) or time.monotonic()) for name, lacks in found.items() if lacks)
    if now != before:
        _keep_lacking(host, now)
    return list(now)


def _lacking_path(host: str) -> Path:
    return runs.folder() / "lacking" / f"{runs.file_name(host)}.json"


def _keep_lacking(host: str, found: dict[str, float | None]) -> None:
    runs.write(_lacking_path(host), json.dumps(found))
