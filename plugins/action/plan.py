# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around the plan: check the variables, examine the host in one call, plan, and stop with all that is wrong at once."""

from __future__ import annotations

import json
import os
import time

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils import checks, finding, logins, plan
from ansible_collections.ascend.pytorch.plugins.module_utils.about import VERSION
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    boundary,
    examined,
    here,
    keyring,
    ledger,
    settings,
    speaking,
    target_python,
    variables,
)
from ansible_collections.ascend.pytorch.plugins.plugin_utils import request as requests

ARGUMENTS = {
    "roles": {"type": "list", "elements": "str", "choices": list(requests.ROLES), "required": True},
    "group": {"type": "str", "default": ""},
    "unfit_group": {"type": "str", "default": ""},
    "builders": {"type": "list", "elements": "str", "default": []},
    "cache": {"type": "list", "elements": "str", "default": []},
    "promised": {"type": "dict", "default": {}},
    "again": {"type": "bool", "default": True},
}


def unfit(host, problems):
    """Return the message for a host that has problems."""
    return "{0}: {1}, nothing was changed:\n{2}".format(
        host,
        "1 problem" if len(problems) == 1 else "{0} problems".format(len(problems)),
        "\n".join("  - " + problem for problem in problems),
    )


def brief(planned: dict) -> dict:
    """Return a plan without what it is carried out by."""
    keys = ("do", "why", "now", "then")
    return {
        "products": {name: {key: entry[key] for key in keys} for name, entry in planned["products"].items()},
        "packages": planned["packages"],
        "work": planned["work"],
    }


def built_with(state: dict) -> dict:
    """Return by name what the wheels on a host were built with, as their manifests have it."""
    cards = [entry["manifest"] for entry in state["products"].values() if entry["manifest"]]
    used = {name: mark for card in cards for name, mark in (card.get("identity", {}).get("built_with") or {}).items()}
    return {
        name: {"name": name, "folder": "", "identity": mark, "library": "", "version": ""}
        for name, mark in used.items()
    }


def paths(shared: settings.Settings, cache: list[str], mirrors: list[str]) -> list[str]:
    """Return what is wrong with the paths on the controller that a user gave.

    :param shared: the variables of the role road; :param cache: places of the build cache
    """
    bundle = shared["bundle"]
    # The products of a bundle are a place of the cache that nobody named.
    cache = [place for place in cache if not bundle or place != bundle + "/products"]
    read = [("ascend_" + name, shared[name]) for name in ("bundle", "sign_key", "trusted_keys")]
    read += [("ascend_mirrors", entry) for entry in mirrors if here.is_folder(entry)]
    found = [here.problem(variable, path, here.READ) for variable, path in read]
    return here.cache_problems(cache) + [words for words in found if words]


def rooms(request: dict, state: dict) -> dict:
    """Return what a host's folders are, with what names them on all hosts only where that is asked for."""
    if checks.asked(checks.CHECKS[checks.SHARED], request):
        return state["disk"]
    return {path: dict(room, place="") for path, room in state["disk"].items()}


def skew(clock: float, began: float, ended: float) -> float:
    """Return by how many seconds a host's clock is ahead; 0 where it lay between the question and the answer."""
    return min(0.0, clock - began) + max(0.0, clock - ended)


def sources(planned: dict, mirrors: list[str]) -> list[dict]:
    """Return the sources of what is to be built that no mirror folder of the controller holds, by names of their own."""
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

    asked = []
    folders = [os.path.abspath(os.path.expanduser(entry)) for entry in mirrors if here.is_folder(entry)]
    for name, entry in planned["products"].items():
        if entry["do"] == plan.BUILD:
            for source in entry["order"]["sources"]:
                if not any(mirror.contents(folder, [source])[0] for folder in folders):
                    asked.append(dict(source, name="{0}: {1}".format(name, source.get("repo") or source["file"])))
    return asked


def candidates(
    host: str, planned: dict, state: dict, builders: list[str], early: bool, check_mode: bool = False
) -> list[dict]:
    """Return for each product that this host may build what an election asks of it.

    :param builders: the hosts that may build, and hand on what they have, where the user named such; whatever another host
        says that it has begun or has, nobody is to take it
    :param early: the plan is not that of the product's own role: only what stands whole is ready to build it again
    :param check_mode: what is lacking is taken to be there, since nothing is installed
    """
    # Not before: on a converged fleet loading them would be a good part of what the plan costs.
    from ansible_collections.ascend.pytorch.plugins.module_utils import builds
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort

    if not boundary.may_build(host, builders):
        return []
    prepared = check_mode or not (planned["packages"]["names"] or planned["venv"])
    ready = {plan.BUILD: not early and prepared, plan.PUBLISH: True, plan.NOTHING: host in builders}

    def offers(entry: dict) -> bool:
        """Say whether a host has part in the election: one that only wants a link to what stands has nothing to give."""
        order, do = entry["order"], entry["do"]
        if not order or do not in ready or (early and not ready[do]):
            return False
        return do != plan.PUBLISH or state["stored"].get(builds.label(order)) == order["fingerprint"]

    return [
        # Others that lack it are told apart by what they would have built now, whatever stays here.
        cohort.candidate(host, entry.get("anew") or entry["order"], state, ready[entry["do"]])
        for entry in planned["products"].values()
        if offers(entry)
    ]


def add_wheels(planned: dict, bundle: str) -> None:
    """Add to the orders of a plan what a bundle has for pip on their host."""
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

    for entry in planned["products"].values():
        order = entry["order"]
        if order and entry["do"] in plan.BRINGING:
            held = mirror.wheels(bundle, order)
            order.update(bundle=bundle, wheels=held)
            order["pip_options"] = order["pip_options"] + mirror.pip_options(order, held)


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        host = task_vars["inventory_hostname"]
        variables.refuse_undefined(self, task_vars)
        _validated, arguments = self.validate_argument_spec(ARGUMENTS)
        # Plain data from here on: what came out of templates carries marks that hashing must not see.
        arguments = json.loads(json.dumps(arguments))
        source = settings.Source(self, task_vars)
        road = settings.Settings("road", source)
        # From here on nothing has a login, and what is made of it can be shown; later tasks have them of the keyring.
        found = {}
        request = logins.taken_out(requests.made(arguments["roles"], source), found)
        keyring.keep(host, found)
        group, unfit_group, builders = (arguments[key] for key in ("group", "unfit_group", "builders"))
        check_mode, cache = self._task.check_mode, [place for place in arguments["cache"] if place]
        is_builder, shared = host in builders, bool(cache)
        request.update(
            # Where the user names builders the others take what those build, and nothing else.
            builds=boundary.may_build(host, builders) or not shared,
            toolchain="whole" if is_builder or road["toolchain_on"] == "all" else "runtime",
            silenced=road["silenced_checks"],
            collection_version=VERSION,
            promised=arguments["promised"] if check_mode else {},
        )

        # What is wrong with a path is told of the path as it was given.
        problems = paths(road, arguments["cache"], request["mirrors"])
        if road["bundle"]:
            # Nothing else is asked for anything, a package manager neither: what lacks is told.
            bundle = os.path.abspath(os.path.expanduser(road["bundle"]))
            request.update(mirrors=[bundle], offline=True, install_packages=False)
        problems += checks.variable_problems(request)
        if road["toolchain_on"] == "builders" and not (builders and shared):
            problems.append(
                "ascend_toolchain_on is `builders`, which takes hosts in the group ascend_builders and a build cache: fill the "
                "group and set ascend_build_cache, or set ascend_toolchain_on to `all`"
            )
        problems += boundary.problems(cache, road["sign_key"], road["trusted_keys"], builders)
        if problems:
            raise AnsibleActionFail(unfit(host, problems))
        seen = self._known(request, host, arguments["again"]) or self._examine(request, task_vars)
        if "state" not in seen:
            return dict(result, **seen)
        state = dict(seen["state"], disk=rooms(request, seen["state"]))
        platform = "{0} {1}".format(state["arch"], state["libc"])
        if request["toolchain"] == "runtime":
            # Its wheels are the builders'. A run that knows of none leaves what stands as it is.
            request["promised"].update(built_with(state), **self._run().tools(platform, builders))
        planned = plan.make(request, state)
        if plan.asks_pip(planned, state):
            seen = self._examine(request, task_vars, pip=True)
            if "state" not in seen:
                return dict(result, **seen)
            state = dict(seen["state"], disk=rooms(request, seen["state"]))
            planned = plan.make(request, state)
        if "question" in seen and (planned["work"] or not group):
            # More plans may follow in this run. What an earlier one saw is out of date.
            examined.Examined(host).keep(seen["question"], seen["state"])
        if road["bundle"]:
            add_wheels(planned, bundle)
        if (request["fitness"] or {}).get("check_sources"):
            asked = self._reach(request, planned, task_vars)
            if asked.get("failed") or asked.get("unreachable"):
                result.update(asked)
                return result
            state["unanswered"] = asked["unanswered"]
        findings = checks.findings(request, state, planned)
        errors = [finding.words(each) for each in findings if each["severity"] == finding.ERROR]
        if errors and not unfit_group:
            # All of it would be printed with the failure, and push what is wrong off the screen.
            raise AnsibleActionFail(unfit(host, errors))
        if group:
            # Who only sorts hosts passes on what people read: of hundreds of hosts all of it would take seconds.
            result.update(changed=False, plan=brief(planned), findings=findings)
        else:
            result.update(changed=False, plan=planned, findings=findings, state=state)
        told = bool(unfit_group) and not group
        for each in findings:
            if each["severity"] == finding.WARNING and not told:
                speaking.warn("{0}: {1}".format(host, finding.words(each)))
        self._enter(host, planned, errors)
        if errors:
            # Whoever groups the hosts decides what becomes of those.
            result.update(msg=unfit(host, errors), group=unfit_group)
            return result
        if shared and request["toolchain"] == "whole" and (is_builder or not group):
            for each in candidates(host, planned, state, builders, early=bool(group), check_mode=check_mode):
                self._run().offer(each["order"]["name"], each)
            if is_builder:
                self._run().offer_tools(host, platform, planned["tools"])
        if check_mode and not told:
            for entry in planned["products"].values():
                if entry["do"] != plan.NOTHING:
                    speaking.say(
                        "{0}: would {1} {2}: {3}".format(host, entry["do"], entry["then"], "; ".join(entry["why"]))
                    )
            if planned["packages"]["names"]:
                speaking.say("{0}: would install packages: {1}".format(host, " ".join(planned["packages"]["names"])))
        if check_mode:
            # Not a fact: those may be cached, and a later run would believe in tools that never were.
            result["promised"] = dict(request["promised"], **planned["tools"])
        # Who asks for the verification alone asks for it on converged hosts too.
        works = planned["work"] or "verify" in task_vars.get("ansible_run_tags", ())
        result.update(group=group if works else "")
        return result

    def _known(self, request, host, again):
        """Return {"state": what this run knows of the host}, None where that is not to count, or does not answer."""
        state = None if again else examined.Examined(host).recall(plan.question(request))
        return {"state": state} if state else None

    def _examine(self, request, task_vars, pip=False):
        """Return {"question", "state": the host's answer}, or the result of a host that could not be looked at.

        :param pip: whether pip is asked whatever stands there
        """
        began = time.time()
        question = plan.question(request)
        told = self._execute_module("ascend.pytorch.examine", module_args=dict(question, pip=pip), task_vars=task_vars)
        if told.get("failed") or told.get("unreachable"):
            # Not before: few hosts fail.
            from ansible_collections.ascend.pytorch.plugins.plugin_utils import failures

            words = target_python.trouble(self, told, task_vars)
            if words:
                raise AnsibleActionFail(words)
            remedy = failures.remedy(failures.message(told))
            return dict(told, remedy=remedy) if remedy else told
        state = told["state"]
        state["clock_skew_s"] = skew(state["clock"], began, time.time())
        state["core"] = target_python.core()
        if not self._is_become_unprivileged():
            # A shell of sudo's that a local run was started from.
            state["login_uid"] = state["user"]["uid"]
        return {"question": question, "state": state}

    @staticmethod
    def _enter(host, planned, errors):
        """Enter into the run's ledger what the host needs."""
        needs = ledger.needed(planned)
        ledger.Ledger().enter(
            host,
            {item: do for item, do in needs.items() if do},
            [item for item, do in needs.items() if not do],
            errors,
        )

    @staticmethod
    def _run():
        # Not before: on a converged fleet loading it would be a good part of what the plan costs.
        from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort

        return cohort.Run()

    def _reach(self, request, planned, task_vars):
        if not any(entry["do"] == plan.BUILD for entry in planned["products"].values()):
            return {"unanswered": {}}
        asked = sources(planned, request["mirrors"])
        if not asked:
            return {"unanswered": {}}
        return self._execute_module(
            "ascend.pytorch.reach",
            module_args={
                "sources": asked,
                "mirrors": [entry for entry in request["mirrors"] if not here.is_folder(entry)],
                "logins": keyring.of(task_vars["inventory_hostname"]),
            },
            task_vars=task_vars,
        )
