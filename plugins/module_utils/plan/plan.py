# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: from variables and a host's examined state to what that host needs, and why. Pure: nothing is read or run.

The request is as requests.py has it, the state what host.examine returns.
"""

import collections
import hashlib
import os
from typing import List, NamedTuple, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import orders, packages, pythons, requests
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import tools as toolbox
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order

NOTHING, PUBLISH, TAKE, BUILD, REMOVE = "nothing", "publish", "take", "build", "remove"
# Task files of the role road, in the order in which a host goes through them.
TASKS = ("remove", "provide", "verify")
# What a product stands after that did not before.
BRINGING = (PUBLISH, TAKE, BUILD)


class Decision(NamedTuple):
    """What a plan has of one product. In JSON it is a mapping of its fields: plain() goes out, and of() is what comes in."""

    # One of the words above: to take is to have it from whoever builds it.
    do: str
    # Why, in words.
    why: List[str]
    # What of it stands, and what will when that is done, in words.
    now: str
    then: str
    # What it is done by; None where the host's own will do, or nothing is wanted.
    order: Optional[Order] = None
    # Of a product to publish: whether the host has it ready, and the build cache may not yet: its build ended before anybody
    # followed it.
    hands_on: bool = False
    # Which tools of the host's own have become newer, in words, where what stands stays all the same; "" for none.
    kept: str = ""
    # The order by which it would be built with those; None where nothing is kept.
    anew: Optional[Order] = None

    @classmethod
    def of(cls, found):
        # type: (Dict[str, Any]) -> Decision
        """Return the entry that a mapping of its fields is; what is unknown there is left out."""
        orders_of = {key: Order.of(found[key]) for key in ("order", "anew") if found.get(key)}
        return cls(**dict({name: found[name] for name in cls._fields if name in found}, **orders_of))

    def plain(self):
        # type: () -> Dict[str, Any]
        """Return a mapping of its fields, with mappings for its orders."""
        return dict(self._asdict(), order=self.order and self.order._asdict(), anew=self.anew and self.anew._asdict())


def question(request):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return what host.examine must be asked for this request."""
    recipes = request["recipes"]
    commands = {command for entry in recipes for command in (entry.get("accept") or {}).get("commands", [])}
    return {
        "products": [
            {
                "name": entry["name"],
                "version": entry["version"],
                "product": entry["product"],
                "prefix": entry.get("prefix", ""),
                "links": entry.get("links", []),
                "distribution": entry.get("distribution", ""),
            }
            for entry in recipes
        ],
        "tools": sorted(commands | {"gcc", "g++", "cc", "c++"}),
        "needs": sorted(
            {need for entry in recipes for need in entry.get("needs", []) + entry.get("runs_with", [])}
            | set(request["needs"])
            | {"acl"}
        ),
        "pythons": requests.pythons(request),
        "venv": request["venv"],
        "work_dir": request["work_dir"],
        "env_file": request["env_file"],
        "run_user": (request["fitness"] or {}).get("run_user", ""),
        "cann_path": request["cann_path"],
    }


def make(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return {"products": {name: …}, "packages": {…}, "environment": …, "tools": {name: {…}},
    "venv": argv, "tasks": [names of the road's task files, in order], "work": bool}.

    Each product is a Decision; in JSON the plan is as plain() has it.
    """
    tools = {}  # type: Dict[str, Optional[Dict[str, Any]]]
    products = {}
    wants = requests.may_build(request) and not requests.is_leaving(request)
    lacking = [need for need in request["needs"] if wants and need in state["missing_needs"]]
    for recipe in request["recipes"]:
        decided = _product(request, recipe, state, tools)
        if not recipe.get("reference"):
            products[recipe["name"]] = decided
        lacking += [
            need for need in needed(recipe, decided.do) if need in state["missing_needs"] and need not in lacking
        ]
    if packages.between_plain_users(state) and any(entry.do in BRINGING for entry in products.values()):
        lacking += [need for need in ("acl",) if need in state["missing_needs"]]
    env = _environment(request, state, tools)
    for name, entry in products.items():
        if entry.do in BRINGING and entry.order.product == "wheel":
            # It is tried before it is published, which is before the file is written.
            products[name] = entry._replace(order=entry.order._replace(env_text=env["text"] if env else ""))
    return {
        "products": products,
        "packages": {
            "needs": lacking,
            "names": packages.to_install(request, state, lacking),
            "become_root": packages.becomes_root(request, state),
            "manager": state["os"]["package_manager"],
        },
        "environment": env,
        "tools": {name: tool for name, tool in tools.items() if tool},
        "venv": pythons.make_venv(state),
        "tasks": tasks(list(products.values()), env),
        "work": bool(env and env["do"] != NOTHING) or any(entry.do != NOTHING for entry in products.values()),
    }


def plain(planned):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return a plan as it stands in JSON."""
    return dict(planned, products={name: entry.plain() for name, entry in planned["products"].items()})


def merged(plans):
    # type: (List[Dict[str, Any]]) -> Dict[str, Any]
    """Return one plan of several for a host, each for other products, in the order in which they are carried out."""
    first, found = plans[0], {"products": {}, "tools": {}}  # type: Dict[str, Any], Dict[str, Dict[str, Any]]
    if len(plans) == 1:
        return first
    for each in plans:
        found["products"].update(each["products"])
        found["tools"].update(each["tools"])
    packaging = [each["packages"] for each in plans]
    done = {task for each in plans for task in each["tasks"]}
    return dict(
        found,
        packages=dict(
            packaging[0],
            needs=_union(each["needs"] for each in packaging),
            names=_union(each["names"] for each in packaging),
            become_root=any(each["become_root"] for each in packaging),
        ),
        environment=next((each["environment"] for each in plans if each["environment"]), None),
        venv=next((each["venv"] for each in plans if each["venv"]), []),
        tasks=[task for task in TASKS if task in done],
        work=any(each["work"] for each in plans),
    )


def _union(lists):
    # type: (Iterable[List[str]]) -> List[str]
    """Return what is in any of some lists, each once, as it comes."""
    return list(collections.OrderedDict.fromkeys(one for each in lists for one in each))


def needed(recipe, do):
    # type: (Dict[str, Any], str) -> List[str]
    """Return what must be on a host for what is done about a recipe's product."""
    building = recipe.get("needs", []) if do == BUILD else []
    return building + (recipe.get("runs_with", []) if do in BRINGING else [])


def tasks(products, env):
    # type: (List[Decision], Optional[Dict[str, Any]]) -> List[str]
    """Return the task files that a host goes through, in order; one that has everything is only verified."""
    done = {entry.do for entry in products}
    stands = any(entry.order and entry.order.state == "present" for entry in products)
    if env:
        done.add(env["do"])
    taken = {"remove": REMOVE in done, "provide": not done.isdisjoint(BRINGING), "verify": stands}
    return [task for task in TASKS if taken[task]]


def asks_pip(planned, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Say whether pip has still to be asked: a wheel comes in the place of one that stands whole in the same version."""
    comes = any(entry.do in BRINGING and entry.order.product == "wheel" for entry in planned["products"].values())
    python = pythons.interpreter(state)
    return comes and bool(python.get("version")) and not python["pip"]["asked"]


# --- what is to stand -------------------------------------------------------------------------------------------------


def _product(request, recipe, state, tools):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Decision
    """Decide about one recipe; what the recipes after it are built with goes into tools."""
    name = recipe["name"]
    there = state["products"][name]
    if recipe.get("reference"):
        tools[name] = toolbox.referred(request, recipe, there, state)
        return _contented("")
    if recipe.get("state") == "absent":
        return _leaving(recipe, there, orders.make(request, recipe, there, state, tools))
    own = None if there["manifest"] else toolbox.of_host(recipe, there, state)
    followed = toolbox.of_builders(request, recipe, there)
    if own and not followed:
        tools[name] = own
        words = "the host's own {0} {1} in {2}".format(name, own["version"], own["folder"])
        return _contented(words, words + " will do")
    order = orders.make(request, orders.adapt(recipe, state), there, state, tools)
    kept = {} if request["rebuild"] else _kept(there, order)
    order, anew = order._replace(**kept.get("order", {})), order
    tree = recipe["product"] == "tree"
    tools[name] = followed or (
        toolbox.of_ours(there["prefix"], name, order.version, order.fingerprint)
        if tree
        else toolbox.entry(name, "", order.fingerprint)
    )
    if requests.only_runs(request, recipe):
        order = orders.to_run(recipe, there, order, tools[name]["identity"])
        if order is None:
            return _contented(_now(name, there), name + ": not wanted where nothing is built")
    decided = _to_stand(request, recipe, there, state, order)
    return decided._replace(kept=kept["words"], anew=anew) if kept else decided


def _leaving(recipe, there, order):
    # type: (Dict[str, Any], Dict[str, Any], Order) -> Decision
    name, manifest, now = recipe["name"], there["manifest"], _now(recipe["name"], there)
    return Decision(
        do=REMOVE if manifest or there.get("trees") else NOTHING,
        why=[name + ": to be absent"] if manifest else [],
        now=now,
        then=now if manifest else name,
        order=order,
    )


def _to_stand(request, recipe, there, state, order):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any], Order) -> Decision
    """Decide how an order's product comes to stand."""
    name, mark, manifest = recipe["name"], order.fingerprint, there["manifest"]
    then = "{0}{1} {2} ({3}){4}".format(
        "the runtime libraries of " if order.part_of else "",
        name,
        order.version,
        fingerprint.short(mark),
        " at " + there["prefix"] if recipe["product"] == "tree" else "",
    )
    why = _reasons(there, order)
    if not why:
        return _contented(then)._replace(order=order)
    # What is whole may still want a link, or a requirement that somebody removed; that takes no product.
    whole = manifest and not there["damage"] and manifest["fingerprint"] == mark
    stored = not whole and state["stored"].get(order.label()) == mark
    if whole or stored:
        do = PUBLISH
    else:
        # A part comes out of the build of the whole, which is the builder's.
        do = BUILD if requests.may_build(request) and not order.part_of else TAKE
    return Decision(
        do=do,
        why=["{0}: {1}".format(name, reason) for reason in why],
        now=_now(name, there),
        then=then,
        order=order,
        hands_on=bool(stored and requests.may_build(request) and not order.part_of),
    )


def _contented(words, why=""):
    # type: (str, str) -> Decision
    """Return the decision to leave things as they are."""
    return Decision(NOTHING, [why] if why else [], words, words)


def _now(name, there):
    # type: (str, Dict[str, Any]) -> str
    """Say what stands of a product."""
    manifest = there["manifest"]
    if not there["version"]:
        return "not installed"
    return "{0} {1}".format(name, there["version"]) + (
        " ({0})".format(fingerprint.short(manifest["fingerprint"])) if manifest else ", not made by this collection"
    )


def _kept(there, order):
    # type: (Dict[str, Any], Order) -> Dict[str, Any]
    """Return {"order": what of it is as what stands has it, "words": why that stays}; {} where it does not.

    It stays where it is whole and only tools of the host's own have become newer: what decides whether others may have a
    product is no reason to build it anew.
    """
    manifest = there["manifest"]
    if not manifest or there["damage"] or manifest["fingerprint"] == order.fingerprint:
        return {}
    newer = fingerprint.outgrown(manifest.get("identity", {}), order.identity, toolbox.SERIES)
    if newer is None:
        return {}
    # The whole versions, where they are known.
    then, now = manifest.get("built", {}).get("tools", {}), order.tools
    return {
        "order": {"fingerprint": manifest["fingerprint"], "identity": manifest["identity"]},
        "words": ", ".join(
            "{0} {1} instead of {2}".format(name, now.get(name, later), then.get(name, sooner))
            for name, (sooner, later) in newer.items()
        ),
    }


def _reasons(there, order):
    # type: (Dict[str, Any], Order) -> List[str]
    """Say why what stands is not what is to stand; empty when it is."""
    manifest = there["manifest"]
    if manifest is None:
        if there["version"]:
            return ["{0} is there, which this collection did not make".format(there["version"])]
        return ["not installed"]
    if manifest["fingerprint"] != order.fingerprint:
        return fingerprint.changes(manifest.get("identity", {}), order.identity) or ["recipe changed"]
    reasons = list(there["damage"][:3])
    for link in order.links:
        stands = there["links"][link["path"]]
        if stands == "absent" or (stands == "foreign" and order.replace_link):
            reasons.append("{0} is not linked to it".format(link["path"]))
    return reasons + ["{0} is not installed".format(line) for line in order.requirements_missing]


# --- the environment file ---------------------------------------------------------------------------------------------


def _environment(request, state, tools):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    wanted = request["environment"]
    if wanted is None:
        return None
    settings = environment.merge(state["cann_environment"], environment_settings(request, state))
    compiler = tools.get("gcc730")
    if compiler and compiler.get("lives"):
        settings = environment.merge({"prepend": {"LD_LIBRARY_PATH": [compiler["lives"]]}}, settings)
    library_path = pythons.interpreter(state).get("library_path")
    if library_path and requests.release_to_come(request):
        # Last: of all that stands in that folder, no more than Python's own library is wanted.
        settings = environment.merge(settings, {"prepend": {"LD_LIBRARY_PATH": [library_path]}})
    text = environment.render(settings)
    there = state["env_file"]
    same = there["sha256"] == hashlib.sha256(text.encode("utf-8")).hexdigest()
    if wanted.get("state") == "absent":
        # Whatever CANN and gcc have become since it was written; one that was changed by hand is not ours to take away.
        stays = there["sha256"] and not there["ours"]
        why = ["environment file {0}: changed by hand, left there".format(there["path"])] if stays else []
        return {"path": there["path"], "text": text, "do": REMOVE if there["ours"] else NOTHING, "why": why}
    why = [] if same else ["environment file: " + ("changed" if there["sha256"] else "not there")]
    folder = os.path.dirname(there["path"])
    # A folder that is there stays as it is: its mode may be whoever's, /tmp's for one.
    makes = folder if not same and state["disk"][folder]["stands_at"] != folder else ""
    return {"path": there["path"], "text": text, "do": NOTHING if same else PUBLISH, "why": why, "makes": makes}


def environment_settings(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return what the variables ask of the environment file, the address of a named interface filled in."""
    wanted = request["environment"]
    values = {name: str(value) for name, value in wanted["set"].items() if str(value) != ""}
    if wanted.get("hccl_interface") and "HCCL_IF_IP" not in values:
        address = state["interfaces"].get(wanted["hccl_interface"])
        if address:
            values["HCCL_IF_IP"] = address
    unset = list(wanted.get("unset", [])) + (["GOMP_CPU_AFFINITY"] if state["os"]["openeuler_family"] else [])
    return {"set": values, "unset": unset}
