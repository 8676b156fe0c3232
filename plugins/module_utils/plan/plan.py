# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: from variables and a host's examined state to what that host needs, and why. Pure: nothing is read or run.

A request is a mapping:
  recipes           in the order in which they are built; see product/recipe.py. One with "reference": true is only used by others
  release           the torch release's row, {} when none is asked for
  python, venv      "auto" or an interpreter's name; a virtual environment's path or ""
  environment       {"set": {NAME: value}, "unset": [..], "hccl_interface": name}, None when no file is asked for
  cann_path         the CANN that counts, by its path or release; "" for the newest
  needs             what must be there on a host that may build, even when nothing is built
  fitness           what a host must be besides able to build: {"require_npu", "run_user", "max_clock_skew_s",
                    "check_sources", "packages": [{"from": release of CANN, "packages": {name: limits}}]}, None when that is not asked
  silenced          ids of the checks that are not made
  jobs, timeout_s, mirrors, keep_builds, replace_link, install_packages, packages_become, require_cann,
  collection_version
  rebuild           whether what stands is built anew when only a tool of the host's own is newer
  builds            whether this host may build; one that may not takes what others have built
  toolchain         "whole", or "runtime" where nothing is built: of a tool only what programs need that were built with it
  promised          tools by name (as make returns them) that stand in no tree here: what earlier plans of this run would
                    have provided (check mode), and what the builders work with (toolchain "runtime")
The state is what host.examine returns.
"""

import collections
import hashlib
import os
import re

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, versions
from ansible_collections.ascend.pytorch.plugins.module_utils.host import environment, needs
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, published
from ansible_collections.ascend.pytorch.plugins.module_utils.product.recipe import jobs as count_jobs

NOTHING, PUBLISH, TAKE, BUILD, REMOVE = "nothing", "publish", "take", "build", "remove"
# The legs of the road, in order: task files of the role road.
LEGS = ("remove", "provide", "environment", "verify")
# What a product stands after that did not before.
BRINGING = (PUBLISH, TAKE, BUILD)

_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")

# How many numbers of the version of a host's own tool decide what is built with it. CMake's patch releases write the same
# build files; since gcc 5 the first number is the release, with its ABI and libstdc++, and the others mend faults in it.
SERIES = {"cmake": 2, "gcc730": 1}


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
        "pythons": pythons(request),
        "venv": request["venv"],
        "work_dir": request["work_dir"],
        "env_file": request["env_file"],
        "run_user": (request["fitness"] or {}).get("run_user", ""),
        "cann_path": request["cann_path"],
    }


def pythons(request):
    # type: (Dict[str, Any]) -> List[str]
    """Return the interpreters to look for, the one to prefer first."""
    if request["python"] != places.AUTO:
        return [request["python"]]
    return ["python" + version for version in request["release"].get("pythons", [])]


def may_build(request):
    # type: (Dict[str, Any]) -> bool
    """Say whether this host may build what it lacks."""
    return bool(request.get("builds", True))


def only_runs(request, recipe):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Say whether a host wants of a recipe's product only what programs need that were built with it."""
    return recipe["product"] == "tree" and request.get("toolchain", "whole") == "runtime"


def release_to_come(request):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return the release's row, {} where things are taken away: that needs no CANN, nor a Python."""
    leaving = any(entry.get("state") == "absent" for entry in request["recipes"])
    return {} if leaving else request["release"]


def is_leaving(request):
    # type: (Dict[str, Any]) -> bool
    """Say whether all that is asked for is to be absent."""
    made = [entry for entry in request["recipes"] if not entry.get("reference")]
    return bool(made) and all(entry.get("state") == "absent" for entry in made)


def interpreter(state):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return the interpreter that wheels are for: the virtual environment's if one is asked for, else the chosen."""
    chosen = state["pythons"].get(state["python"] or "") or {}
    if not state["venv"]:
        return chosen
    # An environment that is not made yet will be the chosen one's, and empty.
    return state["venv_python"] or dict(chosen, path=state["venv"] + "/bin/python", sites=[], packages={})


def foreign(accept, state, ours):
    # type: (Dict[str, Any], Dict[str, Any], str) -> Optional[Dict[str, Any]]
    """Return {"folder", "version"} of what the host has itself of acceptable versions, all its commands of one version.

    :param accept: see accepted
    :param ours: the prefix whose programs do not count
    """
    if not accept:
        return None
    published = re.compile(re.escape(ours) + r"(-.+-[0-9a-f]{%d})?/" % fingerprint.SHORT)
    first, others = accept["commands"][0], accept["commands"][1:]
    for found in state["tools"].get(first, []):
        folder = os.path.dirname(found["path"])
        # Our own program counts for the host's own neither by its folder nor by a link such as /usr/bin/cmake.
        if not found["version"] or published.match(found.get("real", found["path"])):
            continue
        same = all(
            any(
                other["path"] == os.path.join(folder, name) and other["version"] == found["version"]
                for other in state["tools"].get(name, [])
            )
            for name in others
        )
        if same and versions.within(found["version"], accept.get("minimum", ""), accept.get("maximum", "")):
            return {"folder": folder, "version": found["version"]}
    return None


def accepted(recipe, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return what this host may have instead of a recipe's product, see product/recipe.py: of maxima by architecture its own."""
    accept = recipe.get("accept") or {}
    newest = accept.get("maximum") or ""
    if isinstance(newest, dict):
        newest = newest.get(state["arch"], "")
    return dict(accept, minimum=str(accept.get("minimum") or ""), maximum=str(newest)) if accept else {}


def unfit(accept, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> str
    """Say what the host has of a tool and why it will not do."""
    there = [
        "{0} {1}".format(found["path"], found["version"] or "(" + found["problem"] + ")")
        for command in accept.get("commands", [])
        for found in state["tools"].get(command, [])
    ]
    return ", ".join(there) or "none"


def wanted_words(accept):
    # type: (Dict[str, Any]) -> str
    """Say what of a tool will do, such as "gcc and g++ of one version, at least 7.3.0"."""
    if not accept:
        return "the one that its role publishes, since the host's own shall not do"
    words = " and ".join(accept["commands"]) + (" of one version" if len(accept["commands"]) > 1 else "")
    words += ", at least " + accept["minimum"] if accept.get("minimum") else ""
    return words + (", at most " + accept["maximum"] if accept.get("maximum") else "")


def adapt(recipe, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return the recipe with the options and variables that this host's libc or compiler demand.

    recipe["adapt"] is a list of {"libc_above": v, "options": [..], "environment": {..}}, of which the options stand where
    a step's argument is "{options}", and {"compiler_from": v, "environment": {..}}. What the compiler demands goes into
    "compiler_environment": hosts of one cohort have the same libc, but each its own compiler, or none before it builds.
    """
    options, extra, by_compiler = [], {}, {}
    compiler = next((found["version"] for found in state["tools"].get("g++", []) if found["version"]), None)
    libc = state["libc"].rpartition(" ")[2]
    for rule in recipe.get("adapt", []):
        if "libc_above" in rule:
            if libc and state["libc"].startswith("glibc") and not versions.within(libc, "", rule["libc_above"]):
                options += rule.get("options", [])
                extra.update(rule.get("environment", {}))
        elif compiler and versions.within(compiler, rule["compiler_from"], ""):
            by_compiler.update(rule["environment"])

    def spread(step):
        # type: (Dict[str, Any]) -> Dict[str, Any]
        if "run" not in step or "{options}" not in step["run"]:
            return step
        at = step["run"].index("{options}")
        return dict(step, run=step["run"][:at] + options + step["run"][at + 1 :])

    return dict(
        recipe,
        environment=dict(recipe.get("environment", {}), **extra),
        compiler_environment=by_compiler,
        stages={stage: [spread(step) for step in steps] for stage, steps in recipe.get("stages", {}).items()},
    )


def make(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return {"products": {name: …}, "packages": {…}, "environment": …, "tools": {name: {…}},
    "venv": argv, "legs": [names of the road's task files, in order], "work": bool}.

    A product is {"do": nothing|publish|take|build|remove, "why": [words], "now": words, "then": words, "order": {…}}; the
    order is what the build, publish and verify modules work by. To take is to have it from whoever builds it.
    """
    tools = {}  # type: Dict[str, Optional[Dict[str, Any]]]
    products = {}
    wants = may_build(request) and not is_leaving(request)
    lacking = [need for need in request["needs"] if wants and need in state["missing_needs"]]
    for recipe in request["recipes"]:
        decided = _product(request, recipe, state, tools)
        if not recipe.get("reference"):
            products[recipe["name"]] = decided
        lacking += [
            need for need in needed(recipe, decided["do"]) if need in state["missing_needs"] and need not in lacking
        ]
    if between_plain_users(state) and any(entry["do"] in BRINGING for entry in products.values()):
        lacking += [need for need in ("acl",) if need in state["missing_needs"]]
    env = _environment(request, state, tools)
    for entry in products.values():
        if entry["do"] in BRINGING and entry["order"]["product"] == "wheel":
            # It is tried before it is published, which is before the file is written.
            entry["order"] = dict(entry["order"], env_text=env["text"] if env else "")
    return {
        "products": products,
        "packages": {
            "needs": lacking,
            "names": packages(request, state, lacking),
            "become_root": becomes_root(request, state),
            "manager": state["os"]["package_manager"],
        },
        "environment": env,
        "tools": {name: tool for name, tool in tools.items() if tool},
        "venv": make_venv(state),
        "legs": legs(list(products.values()), env),
        "work": bool(env and env["do"] != NOTHING) or any(entry["do"] != NOTHING for entry in products.values()),
    }


def merged(plans):
    # type: (List[Dict[str, Any]]) -> Dict[str, Any]
    """Return one plan of several for a host, each for other products, in the order in which they are carried out."""
    first, found = plans[0], {"products": {}, "tools": {}}  # type: Dict[str, Any], Dict[str, Dict[str, Any]]
    if len(plans) == 1:
        return first
    for each in plans:
        found["products"].update(each["products"])
        found["tools"].update(each["tools"])
    packages = [each["packages"] for each in plans]
    done = {leg for each in plans for leg in each["legs"]}
    return dict(
        found,
        packages=dict(
            packages[0],
            needs=_union(each["needs"] for each in packages),
            names=_union(each["names"] for each in packages),
            become_root=any(each["become_root"] for each in packages),
        ),
        environment=next((each["environment"] for each in plans if each["environment"]), None),
        venv=next((each["venv"] for each in plans if each["venv"]), []),
        legs=[leg for leg in LEGS if leg in done],
        work=any(each["work"] for each in plans),
    )


def _union(lists):
    # type: (Iterable[List[str]]) -> List[str]
    """Return what is in any of some lists, each once, as it comes."""
    return list(collections.OrderedDict.fromkeys(one for each in lists for one in each))


def between_plain_users(state):
    # type: (Dict[str, Any]) -> bool
    """Say whether Ansible logs in as one plain account and becomes another: what it sends must be opened to that one."""
    return 0 not in (state["user"]["uid"], state["login_uid"]) and state["login_uid"] != state["user"]["uid"]


def needed(recipe, do):
    # type: (Dict[str, Any], str) -> List[str]
    """Return what must be on a host for what is done about a recipe's product."""
    building = recipe.get("needs", []) if do == BUILD else []
    return building + (recipe.get("runs_with", []) if do in BRINGING else [])


def legs(products, env):
    # type: (List[Dict[str, Any]], Optional[Dict[str, Any]]) -> List[str]
    """Return the legs of the road that are to be taken, in order; a host that has everything is only verified."""
    done = {entry["do"] for entry in products}
    stands = any(entry["order"] and entry["order"]["state"] == "present" for entry in products)
    taken = {
        "remove": REMOVE in done,
        "provide": not done.isdisjoint(BRINGING),
        "environment": bool(env) and env["do"] != NOTHING,
        "verify": stands,
    }
    return [leg for leg in LEGS if taken[leg]]


def may_install(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Say whether packages may be installed on this host."""
    return bool(
        request["install_packages"]
        and state["os"]["package_manager"]
        and (state["user"]["uid"] == 0 or request["packages_become"])
    )


def packages(request, state, lacking):
    # type: (Dict[str, Any], Dict[str, Any], List[str]) -> List[str]
    """Return the packages that bring what lacks, with what lacks of a Python that the distribution provides."""
    names, found = needs.packages(lacking, state["os"]["family"]), interpreter(state)
    if not request["release"] or not is_packaged(found):
        return names
    debian, own = state["os"]["family"] == "Debian", "python" + ".".join(found["version"].split(".")[:2])
    if may_build(request) and not (found["headers"] and found["shared_library"]):
        names.append(own + "-dev" if debian else "python3-devel")
    if debian and make_venv(state) and "ensurepip" in found["lacks"]:
        names.append(own + "-venv")
    if not state["venv"] and "pip" not in found["packages"]:
        names.append("python3-pip")
    elif lacks_distutils(found):
        names.append("python3-setuptools")
    return names


def is_packaged(python):
    # type: (Dict[str, Any]) -> bool
    """Say whether an interpreter is the distribution's own, which its packages complete: not one from source, say."""
    return bool(python.get("version")) and python["real"].startswith("/usr/bin/")


def lacks_distutils(python):
    # type: (Dict[str, Any]) -> bool
    """Say whether nothing can be built with an interpreter: it has neither distutils nor setuptools, which brings it."""
    return "distutils" in python["lacks"] and "setuptools" not in python["packages"]


def _product(request, recipe, state, tools):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Decide about one recipe; what the recipes after it are built with goes into tools."""
    name = recipe["name"]
    there = state["products"][name]
    if recipe.get("reference"):
        tools[name] = _referred(request, recipe, there, state)
        return _contented("")
    if recipe.get("state") == "absent":
        return _leaving(recipe, there, _order(request, recipe, there, state, tools))
    own = None if there["manifest"] else _own(recipe, there, state)
    followed = _followed(request, recipe, there)
    if own and not followed:
        tools[name] = own
        words = "the host's own {0} {1} in {2}".format(name, own["version"], own["folder"])
        return _contented(words, words + " will do")
    order = _order(request, adapt(recipe, state), there, state, tools)
    kept = {} if request["rebuild"] else _kept(there, order)
    order, anew = dict(order, **kept.get("order", {})), order
    tree = recipe["product"] == "tree"
    tools[name] = followed or (
        _ours(there["prefix"], name, order["version"], order["fingerprint"])
        if tree
        else _tool(name, "", order["fingerprint"])
    )
    if only_runs(request, recipe):
        order = _order_to_run(recipe, there, order, tools[name]["identity"])
        if order is None:
            return _contented(_now(name, there), name + ": not wanted where nothing is built")
    decided = _to_stand(request, recipe, there, state, order)
    return dict(decided, kept=kept["words"], anew=anew) if kept else decided


def _contented(words, why=""):
    # type: (str, str) -> Dict[str, Any]
    """Return the decision to leave things as they are."""
    return {"do": NOTHING, "why": [why] if why else [], "now": words, "then": words, "order": None}


def _now(name, there):
    # type: (str, Dict[str, Any]) -> str
    """Say what stands of a product."""
    card = there["manifest"]
    if not there["version"]:
        return "not installed"
    return "{0} {1}".format(name, there["version"]) + (
        " ({0})".format(fingerprint.short(card["fingerprint"])) if card else ", not made by this collection"
    )


# --- what others are built with ---------------------------------------------------------------------------------------


def _tool(name, folder, mark, library="", version=""):
    # type: (str, str, str, str, str) -> Dict[str, Any]
    """Return a tool; its version is told where it is the host's own, of whose identity only the series is part."""
    return {"name": name, "folder": folder, "identity": mark, "library": library, "version": version}


def series(name, version):
    # type: (str, str) -> str
    """Return the identity of a host's own tool, such as "cmake 3.22": of its version what decides what it builds."""
    return "{0} {1}".format(name, ".".join(version.split(".")[: SERIES.get(name)]))


def _ours(prefix, name, version, mark):
    # type: (str, str, str, str) -> Dict[str, Any]
    """Return a tool that this collection made, with the tree that it is and, "lives", its libraries as programs find them.

    A build names the tree: the link may lead to another before it ends. What is in that path is in the tool's fingerprint.
    """
    tree = published.tree_path(prefix, version, mark)
    below = "/lib64" if name == "gcc730" else ""
    return dict(_tool(name, tree + "/bin", mark, below and tree + below), tree=tree, lives=below and prefix + below)


def _own(recipe, there, state):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return the host's own tool that will do for a recipe's product, None when there is none."""
    own = foreign(accepted(recipe, state), state, there["prefix"]) if recipe["product"] == "tree" else None
    name = recipe["name"]
    return own and _tool(name, own["folder"], series(name, own["version"]), version=own["version"])


def _followed(request, recipe, there):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return the tool that the builders work with, where a host only runs what they build: so their cohort is its own."""
    tool = request["promised"].get(recipe["name"]) if only_runs(request, recipe) else None
    version = (there["manifest"] or {}).get("version") or recipe["version"]
    return (
        _ours(there["prefix"], tool["name"], version, tool["identity"]) if tool and _is_ours(tool["identity"]) else tool
    )


def _is_ours(identity):
    # type: (str) -> bool
    """Say whether a tool is one that this collection made: that has a fingerprint, the host's own a name and version."""
    return bool(_FINGERPRINT.match(identity))


def _referred(request, recipe, there, state):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    """Return the tool that another role has provided, or the host has; None when it has none that will do."""
    name, card, promised = recipe["name"], there["manifest"], request["promised"].get(recipe["name"])
    if recipe["product"] == "wheel":
        if not there["version"]:
            return promised
        return _tool(name, "", card["fingerprint"] if card else "{0} {1}".format(name, there["version"]))
    accept = accepted(recipe, state)
    part_of = card.get("identity", {}).get("part_of") if card else None
    usable = (
        card
        and not there["damage"]
        and versions.within(card["version"], accept.get("minimum", ""), accept.get("maximum", ""))
        # With a runtime part nothing can be built.
        and (not part_of or only_runs(request, recipe))
    )
    ours = _ours(there["prefix"], name, card["version"], part_of or card["fingerprint"]) if usable else None
    return _followed(request, recipe, there) or ours or _own(recipe, there, state) or promised


# --- what is to stand -------------------------------------------------------------------------------------------------


def _leaving(recipe, there, order):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    name, card, now = recipe["name"], there["manifest"], _now(recipe["name"], there)
    return {
        "do": REMOVE if card or there.get("trees") else NOTHING,
        "why": [name + ": to be absent"] if card else [],
        "now": now,
        "then": now if card else name,
        "order": order,
    }


def _order_to_run(recipe, there, order, mark):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], str) -> Optional[Dict[str, Any]]
    """Return the order of what programs need that were built with a tool; None when they need nothing of it.

    :param order: of the whole; :param mark: the identity of the tool that they were built with
    """
    if not recipe.get("runtime") or not _is_ours(mark):
        return None
    whole = dict(order, fingerprint=mark)
    if there["manifest"] and there["manifest"]["fingerprint"] == mark:
        return whole
    # What makes and proves the whole has no use for the part.
    return dict(whole, links=[], sources=[], stages={}, verify=[], parts=[], **_runtime_part(whole, recipe["runtime"]))


def _to_stand(request, recipe, there, state, order):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Decide how an order's product comes to stand."""
    name, mark, card = recipe["name"], order["fingerprint"], there["manifest"]
    then = "{0}{1} {2} ({3}){4}".format(
        "the runtime libraries of " if order["part_of"] else "",
        name,
        order["version"],
        fingerprint.short(mark),
        " at " + there["prefix"] if recipe["product"] == "tree" else "",
    )
    why = _reasons(there, order)
    if not why:
        return dict(_contented(then), order=order)
    # What is whole may still want a link, or a requirement that somebody removed; that takes no product.
    whole = card and not there["damage"] and card["fingerprint"] == mark
    label = "{0}-{1}-{2}".format(name, order["version"], fingerprint.short(mark))
    stored = not whole and state["stored"].get(label) == mark
    if whole or stored:
        do = PUBLISH
    else:
        # A part comes out of the build of the whole, which is the builder's.
        do = BUILD if may_build(request) and not order["part_of"] else TAKE
    return {
        "do": do,
        "why": ["{0}: {1}".format(name, reason) for reason in why],
        "now": _now(name, there),
        "then": then,
        "order": order,
        # A build that ended before anybody followed it has not come to the build cache yet.
        "hands_on": stored and may_build(request) and not order["part_of"],
    }


def _kept(there, order):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return {"order": what of it is as what stands has it, "words": why that stays}; {} where it does not.

    It stays where it is whole and only tools of the host's own have become newer: what decides whether others may have a
    product is no reason to build it anew.
    """
    card = there["manifest"]
    if not card or there["damage"] or card["fingerprint"] == order["fingerprint"]:
        return {}
    newer = fingerprint.outgrown(card.get("identity", {}), order["identity"], SERIES)
    if newer is None:
        return {}
    # The whole versions, where they are known.
    then, now = card.get("built", {}).get("tools", {}), order["tools"]
    return {
        "order": {"fingerprint": card["fingerprint"], "identity": card["identity"]},
        "words": ", ".join(
            "{0} {1} instead of {2}".format(name, now.get(name, later), then.get(name, sooner))
            for name, (sooner, later) in newer.items()
        ),
    }


def _reasons(there, order):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[str]
    """Say why what stands is not what is to stand; empty when it is."""
    card = there["manifest"]
    if card is None:
        if there["version"]:
            return ["{0} is there, which this collection did not make".format(there["version"])]
        return ["not installed"]
    if card["fingerprint"] != order["fingerprint"]:
        return fingerprint.changes(card.get("identity", {}), order["identity"]) or ["recipe changed"]
    reasons = list(there["damage"][:3])
    for link in order["links"]:
        stands = there["links"][link["path"]]
        if stands == "absent" or (stands == "foreign" and order["replace_link"]):
            reasons.append("{0} is not linked to it".format(link["path"]))
    return reasons + ["{0} is not installed".format(line) for line in order["requirements_missing"]]


def _order(request, recipe, there, state, tools):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    python = interpreter(state)
    wheel = recipe["product"] == "wheel"
    used = {name: tools.get(name) for name in recipe.get("built_with", [])}
    platform = {
        "arch": state["arch"],
        "libc": state["libc"],
        "python_abi": "{0}-{1}".format(python.get("tag", ""), python.get("abi", "")),
        "distribution": "{id} {version}".format(**state["os"]).strip(),
    }
    resolved = dict(recipe, prefix=there.get("prefix", ""))
    identity = fingerprint.identity(
        resolved, platform, {name: tool["identity"] if tool else "missing" for name, tool in used.items()}
    )
    known = [tool for tool in used.values() if tool]
    made = dict(recipe.get("environment", {}), **recipe.get("compiler_environment", {}))
    compiler = used.get("gcc730")
    if compiler:
        made.update(CC=compiler["folder"] + "/gcc", CXX=compiler["folder"] + "/g++")
    folders = [tool["folder"] for tool in known if tool["folder"]]
    python_folder = os.path.dirname(python.get("path") or "")
    if wheel and python_folder and python_folder not in folders:
        # After the tools: /usr/bin, where many a Python stands, also holds the compiler that was found wanting.
        folders.append(python_folder)
    requirements = list(recipe.get("requirements", [])) + list((there["manifest"] or {}).get("requirements", []))
    order = {
        "name": recipe["name"],
        "version": recipe["version"],
        "product": recipe["product"],
        "state": recipe.get("state", "present"),
        "distribution": recipe.get("distribution", ""),
        "fingerprint": fingerprint.digest(identity),
        "identity": identity,
        "prefix": resolved["prefix"],
        "links": [
            {"path": path, "target": link["target"]}
            for path, link in zip(there.get("links", {}), recipe.get("links", []))
        ],
        "replace_link": bool(request["replace_link"]),
        "sources": [dict(source, offline=True) for source in recipe["sources"]]
        if request.get("offline")
        else recipe["sources"],
        "stages": recipe["stages"],
        "verify": recipe.get("verify", []),
        "verify_npu": recipe.get("verify_npu", []),
        "environment": made,
        "path": folders,
        # The host's own, with all of their versions.
        "tools": {name: tool["version"] for name, tool in used.items() if tool and tool.get("version")},
        # What must not be cleared away meanwhile.
        "trees": [tool["tree"] for tool in known if tool.get("tree")],
        "library_path": [tool["library"] for tool in known if tool["library"]]
        + ([python["library_path"]] if wheel and python.get("library_path") else []),
        "jobs": count_jobs(
            request["jobs"], state["cores"], state["memory"]["available_mib"], recipe.get("mem_gib_per_job", 1)
        ),
        "work_dir": state["work_dir"],
        "env_file": state["env_file"]["path"],
        "mirrors": request["mirrors"],
        "python": python.get("path", ""),
        "python_version": ".".join(str(python.get("version") or "").split(".")[:2]),
        "python_tag": python.get("tag", ""),
        "arch": state["arch"],
        "sites": python.get("sites", []),
        "pip_options": pip_options(state),
        "npu_libraries": bool(request["require_cann"]),
        "requirements": recipe.get("requirements", []),
        "requirements_missing": published.pip_missing(requirements, python.get("packages", {})) if wheel else [],
        "keep": request["keep_builds"],
        "timeout_s": request["timeout_s"],
        "collection_version": request["collection_version"],
        "part_of": "",
        "parts": [],
    }
    if recipe.get("runtime"):
        order["parts"].append(_runtime_part(order, recipe["runtime"]))
    return order


def _runtime_part(whole, patterns):
    # type: (Dict[str, Any], List[str]) -> Dict[str, Any]
    """Return what is different in the order of a tree's runtime part, which comes out of the build of the whole."""
    identity = {key: whole["identity"][key] for key in ("name", "version", "product", "prefix", "platform")}
    identity.update(part="runtime", part_of=whole["fingerprint"], files=patterns)
    return {
        "part_of": whole["fingerprint"],
        "identity": identity,
        "fingerprint": fingerprint.digest(identity),
        "files": patterns,
    }


def asks_pip(planned, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Say whether pip has still to be asked: a wheel comes in the place of one that stands whole in the same version."""
    comes = any(
        entry["do"] in BRINGING and entry["order"]["product"] == "wheel" for entry in planned["products"].values()
    )
    python = interpreter(state)
    return comes and bool(python.get("version")) and not python["pip"]["asked"]


def becomes_root(request, state):
    # type: (Dict[str, Any], Dict[str, Any]) -> bool
    """Say whether packages are installed by becoming root, which who is root already need not."""
    return bool(request["packages_become"]) and state["user"]["uid"] != 0


def make_venv(state):
    # type: (Dict[str, Any]) -> List[str]
    """Return the command that makes the virtual environment, empty when none is asked for or it is there."""
    chosen = state["pythons"].get(state["python"] or "")
    if not state["venv"] or state["venv_python"] or not chosen:
        return []
    finds = ["env", "LD_LIBRARY_PATH=" + chosen["library_path"]] if chosen["library_path"] else []
    return finds + [chosen["path"], "-m", "venv", state["venv"]]


def pip_options(state):
    # type: (Dict[str, Any]) -> List[str]
    """Return what pip is told in addition: a plain user installs for himself, as the guide says."""
    return ["--user"] if state["user"]["uid"] != 0 and not state["venv"] else []


def _environment(request, state, tools):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Optional[Dict[str, Any]]
    wanted = request["environment"]
    if wanted is None:
        return None
    settings = environment.merge(state["cann_environment"], environment_settings(request, state))
    compiler = tools.get("gcc730")
    if compiler and compiler.get("lives"):
        settings = environment.merge({"prepend": {"LD_LIBRARY_PATH": [compiler["lives"]]}}, settings)
    library_path = interpreter(state).get("library_path")
    if library_path and release_to_come(request):
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
