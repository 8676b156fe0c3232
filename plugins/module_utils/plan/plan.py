# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what a host needs, and why, from the variables and the host's state. Pure: nothing is read or run.

For the request see requests.py, for the state host/state.py.
"""

import collections
import hashlib
import os
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment, needs, nnal
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import orders, packages, pythons, requests
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import tools as toolbox
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order

NOTHING, PUBLISH, TAKE, BUILD, REMOVE = "nothing", "publish", "take", "build", "remove"
# Task files of the role road, in the order in which they are run for a host.
TASKS = ("remove", "provide", "verify")
# The decisions that provide the host with a product.
PROVIDING = (PUBLISH, TAKE, BUILD)


class Decision(NamedTuple):
    """What a plan says about one product. In JSON it is a mapping of its fields: plain() writes it, of() reads it."""

    # One of the words above; "take" is to get it from the host that builds it.
    do: str
    # The reasons, in words.
    why: List[str]
    # What is installed now, and what is installed after that, in words.
    now: str
    then: str
    # The order to carry out; None where the host's own tool is accepted, or nothing is wanted.
    order: Optional[Order] = None
    # Of a product to publish: whether the host has it in its work directory, while the build cache may not have it yet, because
    # no run followed the build to its end.
    hands_on: bool = False
    # Which of the host's own tools are newer, in words, where the product is kept nevertheless; "" for none.
    kept: str = ""
    # The order that would build it with the newer tools; None where "kept" is empty.
    anew: Optional[Order] = None

    @classmethod
    def of(cls, found):
        # type: (Dict[str, Any]) -> Decision
        """Return the decision from a mapping of its fields; unknown keys are ignored."""
        orders_of = {key: Order.of(found[key]) for key in ("order", "anew") if found.get(key)}
        return cls(**dict({name: found[name] for name in cls._fields if name in found}, **orders_of))

    def plain(self):
        # type: () -> Dict[str, Any]
        """Return a mapping of its fields, with mappings for its orders."""
        return dict(self._asdict(), order=self.order and self.order._asdict(), anew=self.anew and self.anew._asdict())


class Packages(NamedTuple):
    """The packages of the distribution that are missing on a host."""

    # The needs that they satisfy, see host/needs.py.
    needs: List[str]
    # The names of the packages to install.
    names: List[str]
    # Whether the account becomes root to install them.
    become_root: bool
    # "apt", "dnf" or "yum"; "" where none is known.
    manager: str


class Plan(NamedTuple):
    """What a host needs, and why. In JSON it is a mapping of its fields, as plain() returns it."""

    # In the order in which they are built.
    products: Dict[str, Decision]
    packages: Packages
    # The environment file: {"path", "text", "do", "why"}, and "makes": the folder to create for it, "" for none. None where
    # no file is wanted.
    environment: Optional[Dict[str, Any]]
    # The tools that products are built with, by name, see tools.py.
    tools: Dict[str, Dict[str, Any]]
    # The command that creates the virtual environment, [] where none is to be created.
    venv: List[str]
    # Names of the task files of the role road, in order.
    tasks: List[str]
    # Whether anything is to be done.
    work: bool

    def plain(self):
        # type: () -> Dict[str, Any]
        """Return a mapping of its fields, with mappings for what is in it."""
        products = {name: entry.plain() for name, entry in self.products.items()}
        return dict(self._asdict(), products=products, packages=self.packages._asdict())

    def does(self, name):
        # type: (str) -> str
        """Return what is done with a product; NOTHING with one that it does not have."""
        return self.products[name].do if name in self.products else NOTHING


def examine_arguments(request):
    # type: (Request) -> Dict[str, Any]
    """Return the arguments of host.examine for this request."""
    recipes, release = request.recipes, request.release
    # What is installed will hardly be what was guessed: pip is asked once the release is known.
    guessed = not release.get("is_settled", True) and release["torch"]["layout"] == environment.PLUGIN
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
                "state": "guessed" if guessed else entry.get("state", "present"),
            }
            for entry in recipes
        ],
        "tools": sorted(commands | {"gcc", "g++", "cc", "c++"}),
        # All that there are: which count may depend on what is found.
        "needs": sorted(needs.NEEDS),
        "pythons": requests.python_names(request),
        "venv": request.venv,
        "work_dir": request.work_dir,
        "env_file": request.env_file,
        "run_user": (request.fitness or {}).get("run_user", ""),
        "cann_path": request.cann_path,
        "nnal": nnal.question((request.environment or {}).get("nnal", nnal.NOT), request.release),
    }


def answer(asked, settled, state):
    # type: (Request, Request, State) -> Optional[State]
    """Return the state that a host has for a request, by its examination for another one; None where that cannot tell.

    :param asked: what the host was examined for, when its release was not settled; :param settled: the request
    """
    if asked is settled:
        return state
    before, now = examine_arguments(asked), examine_arguments(settled)
    python = next((name for name in now["pythons"] if (state.pythons.get(name) or {}).get("version")), None)
    places_of = [
        {entry["name"]: (entry["prefix"], entry["links"], entry["distribution"]) for entry in question["products"]}
        for question in (before, now)
    ]
    told = places_of[0] == places_of[1] and python == state.python
    if not now["nnal"]:
        return state._replace(nnal=None) if told else None
    # One that is beside CANN was read for one C++ ABI.
    known = before["nnal"].get(state.arch) == now["nnal"].get(state.arch) or (before["nnal"] and not state.nnal)
    return state if told and known else None


def make(request, state):
    # type: (Request, State) -> Plan
    """Return the plan of a request for a host."""
    tools = {}  # type: Dict[str, Optional[Dict[str, Any]]]
    products = {}
    wants = requests.may_build(request) and not requests.is_all_absent(request)
    missing = [need for need in request.needs if wants and need in state.missing_needs]
    for recipe in request.recipes:
        decided = _decide(request, recipe, state, tools)
        # What the release does not have is only of interest where another release has left it.
        if not recipe.get("reference") and (recipe.get("in_release", True) or decided.do != NOTHING):
            products[recipe["name"]] = decided
        missing += [
            need for need in needs_for(recipe, decided.do) if need in state.missing_needs and need not in missing
        ]
    if packages.becomes_unprivileged(state) and any(entry.do in PROVIDING for entry in products.values()):
        missing += [need for need in ("acl",) if need in state.missing_needs]
    env = _plan_environment(request, state, tools)
    for name, entry in products.items():
        if entry.do in PROVIDING and entry.order.product == "wheel":
            # A wheel is tried before it is published, and the file is written after that.
            products[name] = entry._replace(order=entry.order._replace(env_text=env["text"] if env else ""))
    return Plan(
        products=products,
        packages=Packages(
            needs=missing,
            names=packages.to_install(request, state, missing),
            become_root=packages.becomes_root(request, state),
            manager=state.os["package_manager"],
        ),
        environment=env,
        tools={name: tool for name, tool in tools.items() if tool},
        venv=pythons.venv_command(state),
        tasks=task_files(list(products.values()), env),
        work=bool(env and env["do"] != NOTHING) or any(entry.do != NOTHING for entry in products.values()),
    )


def merge(plans):
    # type: (List[Plan]) -> Plan
    """Merge plans of one host, each for other products, in the order in which they are carried out."""
    if len(plans) == 1:
        return plans[0]
    packaging = [each.packages for each in plans]
    done = {task for each in plans for task in each.tasks}
    return Plan(
        products={name: entry for each in plans for name, entry in each.products.items()},
        packages=packaging[0]._replace(
            needs=_union(each.needs for each in packaging),
            names=_union(each.names for each in packaging),
            become_root=any(each.become_root for each in packaging),
        ),
        environment=next((each.environment for each in plans if each.environment), None),
        tools={name: tool for each in plans for name, tool in each.tools.items()},
        venv=next((each.venv for each in plans if each.venv), []),
        tasks=[task for task in TASKS if task in done],
        work=any(each.work for each in plans),
    )


def _union(lists):
    # type: (Iterable[List[str]]) -> List[str]
    """Return all items of the lists in order, each once."""
    return list(collections.OrderedDict.fromkeys(one for each in lists for one in each))


def needs_for(recipe, do):
    # type: (Dict[str, Any], str) -> List[str]
    """Return the needs of a recipe's product on a host where this is done."""
    building = recipe.get("needs", []) if do == BUILD else []
    return building + (recipe.get("runs_with", []) if do in PROVIDING else [])


def task_files(products, env):
    # type: (List[Decision], Optional[Dict[str, Any]]) -> List[str]
    """Return the task files that are run for a host, in order; a host that has everything is only verified."""
    decisions = {entry.do for entry in products}
    is_present = any(entry.order and entry.order.state == "present" for entry in products)
    if env:
        decisions.add(env["do"])
    needed = {"remove": REMOVE in decisions, "provide": not decisions.isdisjoint(PROVIDING), "verify": is_present}
    return [task for task in TASKS if needed[task]]


def must_query_pip(planned, state):
    # type: (Plan, State) -> bool
    """Say whether pip must still be queried: a wheel is to be installed, and the examination did not query pip."""
    comes = any(entry.do in PROVIDING and entry.order.product == "wheel" for entry in planned.products.values())
    python = pythons.interpreter(state)
    return comes and bool(python.get("version")) and not python["pip"]["asked"]


# --- the decisions ----------------------------------------------------------------------------------------------------


def _decide(request, recipe, state, tools):
    # type: (Request, Dict[str, Any], State, Dict[str, Any]) -> Decision
    """Decide about one recipe; adds to tools what the recipes after it are built with."""
    name = recipe["name"]
    installed = state.products[name]
    if recipe.get("reference"):
        tools[name] = toolbox.referenced_tool(request, recipe, installed, state)
        return _no_change("")
    if recipe.get("state") == "absent":
        return _decide_absent(recipe, installed, orders.make(request, recipe, installed, state, tools))
    host_tool = None if installed["manifest"] else toolbox.host_tool(recipe, installed, state)
    builders_tool = toolbox.builders_tool(request, recipe, installed)
    if host_tool and not builders_tool:
        tools[name] = host_tool
        words = "the host's own {0} {1} in {2}".format(name, host_tool["version"], host_tool["folder"])
        return _no_change(words, words + " is accepted")
    order = orders.make(request, orders.adapt_recipe(recipe, state), installed, state, tools)
    kept = {} if request.rebuild else _keep_installed(installed, order)
    order, rebuilt = order._replace(**kept.get("order", {})), order
    tree = recipe["product"] == "tree"
    tools[name] = builders_tool or (
        toolbox.published_tool(installed["prefix"], name, order.version, order.fingerprint)
        if tree
        else toolbox.make_tool(name, "", order.fingerprint)
    )
    if requests.wants_runtime_only(request, recipe):
        order = orders.runtime_order(recipe, installed, order, tools[name]["identity"])
        if order is None:
            return _no_change(_describe_installed(name, installed), name + ": not wanted where nothing is built")
    decided = _decide_present(request, recipe, installed, state, order)
    return decided._replace(kept=kept["words"], anew=rebuilt) if kept else decided


def _decide_absent(recipe, installed, order):
    # type: (Dict[str, Any], Dict[str, Any], Order) -> Decision
    name, manifest, now = recipe["name"], installed["manifest"], _describe_installed(recipe["name"], installed)
    return Decision(
        do=REMOVE if manifest or installed.get("trees") else NOTHING,
        why=[name + ": to be absent"] if manifest else [],
        now=now,
        then=now if manifest else name,
        order=order,
    )


def _decide_present(request, recipe, installed, state, order):
    # type: (Request, Dict[str, Any], Dict[str, Any], State, Order) -> Decision
    """Decide how the host gets an order's product."""
    name, mark, manifest = recipe["name"], order.fingerprint, installed["manifest"]
    then = "{0}{1} {2} ({3}){4}".format(
        "the runtime libraries of " if order.part_of else "",
        name,
        order.version,
        fingerprint.short(mark),
        " at " + installed["prefix"] if recipe["product"] == "tree" else "",
    )
    why = _reasons_to_change(installed, order)
    if not why:
        return _no_change(then)._replace(order=order)
    # A whole product may still need a link, or a requirement that somebody removed; the product itself is not needed then.
    whole = manifest and not installed["damage"] and manifest["fingerprint"] == mark
    stored = not whole and state.stored.get(order.label()) == mark
    if whole or stored:
        do = PUBLISH
    else:
        # A part comes out of the build of the whole, which only builders do.
        do = BUILD if requests.may_build(request) and not order.part_of else TAKE
    return Decision(
        do=do,
        why=["{0}: {1}".format(name, reason) for reason in why],
        now=_describe_installed(name, installed),
        then=then,
        order=order,
        hands_on=bool(stored and requests.may_build(request) and not order.part_of),
    )


def _no_change(words, why=""):
    # type: (str, str) -> Decision
    """Return the decision to leave things as they are."""
    return Decision(NOTHING, [why] if why else [], words, words)


def _describe_installed(name, installed):
    # type: (str, Dict[str, Any]) -> str
    """Say which version of a product is installed."""
    manifest = installed["manifest"]
    if not installed["version"]:
        return "not installed"
    return "{0} {1}".format(name, installed["version"]) + (
        " ({0})".format(fingerprint.short(manifest["fingerprint"])) if manifest else ", not made by this collection"
    )


def _keep_installed(installed, order):
    # type: (Dict[str, Any], Order) -> Dict[str, Any]
    """Return {"order": fields of the installed product's order, "words": why that is kept}; {} where it is not kept.

    It is kept where it is whole and only the host's own tools are newer: they decide whether other hosts can use a
    product, but are no reason to build it again.
    """
    manifest = installed["manifest"]
    if not manifest or installed["damage"] or manifest["fingerprint"] == order.fingerprint:
        return {}
    newer = fingerprint.newer_tools(manifest.get("identity", {}), order.identity, toolbox.SERIES)
    if newer is None:
        return {}
    # The full versions, where they are known.
    then, now = manifest.get("built", {}).get("tools", {}), order.tools
    return {
        "order": {"fingerprint": manifest["fingerprint"], "identity": manifest["identity"]},
        "words": ", ".join(
            "{0} {1} instead of {2}".format(name, now.get(name, later), then.get(name, sooner))
            for name, (sooner, later) in newer.items()
        ),
    }


def _reasons_to_change(installed, order):
    # type: (Dict[str, Any], Order) -> List[str]
    """Say why what is installed is not what is wanted; empty when it is."""
    manifest = installed["manifest"]
    if manifest is None:
        if installed["version"]:
            return ["{0} is installed, but was not made by this collection".format(installed["version"])]
        return ["not installed"]
    if manifest["fingerprint"] != order.fingerprint:
        return fingerprint.describe_changes(manifest.get("identity", {}), order.identity) or ["recipe changed"]
    reasons = list(installed["damage"][:3])
    for link in order.links:
        link_state = installed["links"][link["path"]]
        if link_state == "absent" or (link_state == "foreign" and order.replace_link):
            reasons.append("{0} is not linked to it".format(link["path"]))
    return reasons + ["{0} is not installed".format(line) for line in order.requirements_missing]


# --- the environment file ---------------------------------------------------------------------------------------------


def _plan_environment(request, state, tools):
    # type: (Request, State, Dict[str, Any]) -> Optional[Dict[str, Any]]
    wanted = request.environment
    if wanted is None:
        return None
    beside = (state.nnal or {}).get("environment") or {}
    settings = environment.merge(beside, state.cann_environment, environment_settings(request, state))
    compiler = tools.get("gcc730")
    if compiler and compiler.get("lives"):
        settings = environment.merge({"prepend": {"LD_LIBRARY_PATH": [compiler["lives"]]}}, settings)
    library_path = pythons.interpreter(state).get("library_path")
    if library_path and requests.wanted_release(request):
        # Last: only Python's own library is wanted from that folder.
        settings = environment.merge(settings, {"prepend": {"LD_LIBRARY_PATH": [library_path]}})
    text = environment.render(settings)
    written = state.env_file
    same = written["sha256"] == hashlib.sha256(text.encode("utf-8")).hexdigest()
    if wanted.get("state") == "absent":
        # CANN and gcc may have changed since it was written. A file that was changed by hand is not removed.
        stays = written["sha256"] and not written["ours"]
        why = ["environment file {0}: changed by hand, left there".format(written["path"])] if stays else []
        return {"path": written["path"], "text": text, "do": REMOVE if written["ours"] else NOTHING, "why": why}
    why = [] if same else ["environment file: " + ("changed" if written["sha256"] else "not there")]
    folder = os.path.dirname(written["path"])
    # The mode of an existing folder is not changed: it may be /tmp, for example.
    makes = folder if not same and state.disk[folder]["stands_at"] != folder else ""
    return {"path": written["path"], "text": text, "do": NOTHING if same else PUBLISH, "why": why, "makes": makes}


def environment_settings(request, state):
    # type: (Request, State) -> Dict[str, Any]
    """Return what the variables say about the environment file, with the address of a named interface."""
    wanted = request.environment
    values = environment.resolve(wanted["set"], request.release)
    if wanted.get("hccl_interface") and "HCCL_IF_IP" not in values:
        address = state.interfaces.get(wanted["hccl_interface"])
        if address:
            values["HCCL_IF_IP"] = address
    unset = list(wanted.get("unset", [])) + (["GOMP_CPU_AFFINITY"] if state.os["openeuler_family"] else [])
    return {"set": values, "unset": unset}
