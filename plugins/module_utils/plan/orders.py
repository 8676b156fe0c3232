# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders: the input of the build, publish and verify modules, one for each product."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import pythons
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import tools as toolbox
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, published
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.module_utils.product.recipe import job_count as count_jobs


def adapt_recipe(recipe, state):
    # type: (Dict[str, Any], State) -> Dict[str, Any]
    """Return the recipe with the options and variables that this host's libc or compiler requires.

    recipe["adapt"] is a list of {"libc_above": v, "options": [..], "environment": {..}}, whose options replace the
    argument "{options}" of a step, and {"compiler_from": v, "environment": {..}}. What the compiler requires goes into
    "compiler_environment": hosts of one cohort have the same libc, but may have different compilers, or none yet.
    """
    options, extra, by_compiler = [], {}, {}
    compiler = next((found["version"] for found in state.tools.get("g++", []) if found["version"]), None)
    libc = state.libc.rpartition(" ")[2]
    for rule in recipe.get("adapt", []):
        if "libc_above" in rule:
            if libc and state.libc.startswith("glibc") and not versions.is_within(libc, "", rule["libc_above"]):
                options += rule.get("options", [])
                extra.update(rule.get("environment", {}))
        elif compiler and versions.is_within(compiler, rule["compiler_from"], ""):
            by_compiler.update(rule["environment"])

    def fill_options(step):
        # type: (Dict[str, Any]) -> Dict[str, Any]
        if "run" not in step or "{options}" not in step["run"]:
            return step
        at = step["run"].index("{options}")
        return dict(step, run=step["run"][:at] + options + step["run"][at + 1 :])

    return dict(
        recipe,
        environment=dict(recipe.get("environment", {}), **extra),
        compiler_environment=by_compiler,
        stages={stage: [fill_options(step) for step in steps] for stage, steps in recipe.get("stages", {}).items()},
    )


def make(request, recipe, installed, state, tools):
    # type: (Request, Dict[str, Any], Dict[str, Any], State, Dict[str, Any]) -> Order
    """Return the order of a recipe's product.

    :param recipe: see adapt_recipe; :param installed: of state.products
    :param tools: name -> tool, None for a missing one
    """
    python = pythons.interpreter(state)
    used = {name: tools.get(name) for name in recipe.get("built_with", [])}
    resolved = dict(recipe, prefix=installed.get("prefix", ""))
    identity = fingerprint.identity(
        resolved,
        _platform(state, python),
        {name: tool["identity"] if tool else "missing" for name, tool in used.items()},
    )
    order = Order(
        name=recipe["name"],
        version=recipe["version"],
        product=recipe["product"],
        state=recipe.get("state", "present"),
        distribution=recipe.get("distribution", ""),
        fingerprint=fingerprint.digest(identity),
        identity=identity,
        prefix=resolved["prefix"],
        links=[
            {"path": path, "target": link["target"]}
            for path, link in zip(installed.get("links", {}), recipe.get("links", []))
        ],
        replace_link=bool(request.replace_link),
        sources=[dict(source, offline=True) for source in recipe["sources"]] if request.offline else recipe["sources"],
        stages=recipe["stages"],
        verify=recipe.get("verify", []),
        verify_npu=recipe.get("verify_npu", []),
        jobs=count_jobs(request.jobs, state.cores, state.memory["available_mib"], recipe),
        work_dir=state.work_dir,
        env_file=state.env_file["path"],
        mirrors=request.mirrors,
        arch=state.arch,
        npu_libraries=bool(request.require_cann),
        keep=request.keep_builds,
        timeout_s=request.timeout_s,
        collection_version=request.collection_version,
        installed_with=recipe.get("installed_with", ""),
        **dict(_tool_fields(recipe, used, python), **_python_fields(recipe, installed, state, python)),
    )
    return order._replace(parts=[_runtime_part(order, recipe["runtime"])]) if recipe.get("runtime") else order


def _platform(state, python):
    # type: (State, Dict[str, Any]) -> Dict[str, str]
    """Return the properties of a host that decide whether it can use what another host has built."""
    return {
        "arch": state.arch,
        "libc": state.libc,
        "python_abi": "{0}-{1}".format(python.get("tag", ""), python.get("abi", "")),
        "distribution": "{id} {version}".format(**state.os).strip(),
    }


def _tool_fields(recipe, used, python):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return the fields of an order that say which tools a build uses, and where they are."""
    wheel = recipe["product"] == "wheel"
    known = [tool for tool in used.values() if tool]
    made = dict(recipe.get("environment", {}), **recipe.get("compiler_environment", {}))
    compiler = used.get("gcc730")
    if compiler:
        made.update(CC=compiler["folder"] + "/gcc", CXX=compiler["folder"] + "/g++")
    folders = [tool["folder"] for tool in known if tool["folder"]]
    python_folder = os.path.dirname(python.get("path") or "")
    if wheel and python_folder and python_folder not in folders:
        # After the tools: /usr/bin, the folder of many Pythons, also has the compiler that is not good enough.
        folders.append(python_folder)
    return {
        "environment": made,
        "path": folders,
        # Only the host's own tools, with their full versions.
        "tools": {name: tool["version"] for name, tool in used.items() if tool and tool.get("version")},
        # Trees that must not be removed during the build.
        "trees": [tool["tree"] for tool in known if tool.get("tree")],
        "library_path": [tool["library"] for tool in known if tool["library"]]
        + ([python["library_path"]] if wheel and python.get("library_path") else []),
    }


def _python_fields(recipe, installed, state, python):
    # type: (Dict[str, Any], Dict[str, Any], State, Dict[str, Any]) -> Dict[str, Any]
    """Return the fields of an order about the Python that the product is for, and what pip must install for it."""
    requirements = list(recipe.get("requirements", [])) + list((installed["manifest"] or {}).get("requirements", []))
    return {
        "python": python.get("path", ""),
        "python_version": ".".join(str(python.get("version") or "").split(".")[:2]),
        "python_tag": python.get("tag", ""),
        "sites": python.get("sites", []),
        "pip_options": pythons.pip_options(state),
        "pip_settings": (python.get("pip") or {}).get("settings"),
        "requirements": recipe.get("requirements", []),
        "requirements_missing": published.missing_requirements(requirements, python.get("packages", {}))
        if recipe["product"] == "wheel"
        else [],
    }


def runtime_order(recipe, installed, order, tool_identity):
    # type: (Dict[str, Any], Dict[str, Any], Order, str) -> Optional[Order]
    """Return the order of what programs that were built with a tool need at run time; None when they need nothing.

    :param order: of the whole; :param tool_identity: of the tool that they were built with
    """
    if not recipe.get("runtime") or not toolbox.is_published(tool_identity):
        return None
    whole = order._replace(fingerprint=tool_identity)
    if installed["manifest"] and installed["manifest"]["fingerprint"] == tool_identity:
        return whole
    # The part has no sources, stages and checks of its own.
    part = _runtime_part(whole, recipe["runtime"])
    return whole._replace(links=[], sources=[], stages={}, verify=[], parts=[], **part)


def _runtime_part(whole, patterns):
    # type: (Order, List[str]) -> Dict[str, Any]
    """Return the fields that differ in the order of a tree's runtime part, which comes out of the build of the whole."""
    identity = {key: whole.identity[key] for key in ("name", "version", "product", "prefix", "platform")}
    identity.update(part="runtime", part_of=whole.fingerprint, files=patterns)
    return {
        "part_of": whole.fingerprint,
        "identity": identity,
        "fingerprint": fingerprint.digest(identity),
        "files": patterns,
    }
