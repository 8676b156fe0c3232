# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of each host, kept for the tasks that carry it out: they name a product, and find its order here.

In the run's folder (see runs.py), written by the plan's action, the last plan of a host counting:
  plans/<host>.json     PLAN: {"plan": as module_utils/plan/plan.py makes it, "verify": {"orders", "environment", "npu"},
                        "candidates": {product: as cohort.candidate makes it}, "lacking": {product that is to be built first: since
                        when, by the controller's monotonic clock}}
Not registered variables: of these Ansible makes copies for each task of each host, and an order is long.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.plugin_utils import runs

Json = dict[str, Any]


def _path(host: str) -> Path:
    return runs.folder() / "plans" / f"{runs.file_name(host)}.json"


def keep(host: str, plan: Json, verify: Json, candidates: list[Json]) -> None:
    """Keep what is to be done on a host.

    :param verify: what the module verify is asked; :param candidates: of the products that the host may build
    """
    entries = {each["order"]["name"]: each for each in candidates}
    runs.write(_path(host), json.dumps({"plan": plan, "verify": verify, "candidates": entries, "lacking": {}}))


def of(host: str) -> Json:
    """Return the PLAN of a host. Raises AnsibleActionFail where this run has made none."""
    known = read_json(str(_path(host)))
    if not known:
        raise AnsibleActionFail(
            f"{host}: this run has not planned anything for it. The first task of each role and of site.yml does: do not leave "
            "it out, by --start-at-task say"
        )
    return dict(known)


def product(host: str, name: str) -> Json:
    """Return the plan's entry of a product, as module_utils/plan/plan.py describes it; one of which nothing is asked is left alone."""
    nothing = {"do": "nothing", "why": [], "now": name, "then": name, "order": None}
    return dict(of(host)["plan"]["products"].get(name, nothing))


def order(host: str, name: str) -> Json:
    """Return the order of a product. Raises AnsibleActionFail where the plan has none."""
    found = product(host, name)["order"]
    if not found:
        raise AnsibleActionFail(f"{host}: its plan asks for no {name}")
    return dict(found)


def lack(host: str, name: str, lacks: bool) -> list[str]:
    """Note whether a product has to be built before it can be published; return all of which that is so. For the host's worker."""
    known = of(host)
    lacking = {each: since for each, since in known["lacking"].items() if each != name}
    if lacks:
        lacking[name] = known["lacking"].get(name, time.monotonic())
    if lacking != known["lacking"]:
        runs.write(_path(host), json.dumps(dict(known, lacking=lacking)))
    return list(lacking)


def lacking_since(host: str, name: str) -> float | None:
    """Return since when a product is lacking, by the monotonic clock; None where it is not."""
    found = of(host)["lacking"].get(name)
    return None if found is None else float(found)
