# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Around the plan: check the variables, examine the host in one call, plan, and stop with all that is wrong at once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins
from ansible_collections.ascend.pytorch.plugins.module_utils.base.about import VERSION
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks, finding
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    boundary,
    here,
    keyring,
    ledger,
    options,
    plans,
    settings,
    speaking,
    tags,
    target_python,
    variables,
)
from ansible_collections.ascend.pytorch.plugins.plugin_utils import request as requests

ARGUMENTS = options.argument_spec("plan")
_NPU = re.compile("/dev/davinci[0-9]")


def unfit(host, problems):
    """Return the message for a host that has problems."""
    return "{0}: {1}, nothing was changed:\n{2}".format(
        host,
        "1 problem" if len(problems) == 1 else "{0} problems".format(len(problems)),
        "\n".join("  - " + problem for problem in problems),
    )


def brief(work: dict, verified: dict) -> dict:
    """Return of a plan what tasks go by; what it is carried out by they find in plans.py.

    :param work: what is to be done; :param verified: the plan of what is verified
    """
    keys, environment = ("do", "why", "now", "then"), work["environment"]
    return {
        "products": {name: {key: getattr(entry, key) for key in keys} for name, entry in work["products"].items()},
        "packages": work["packages"],
        "venv": work["venv"],
        "environment": environment if environment and environment["do"] != plan.NOTHING else None,
        "tasks": [task for task in work["tasks"] if task != "verify"]
        + [task for task in verified["tasks"] if task == "verify"],
        "work": work["work"],
    }


def platform(state: dict) -> str:
    """Return what of a host's platform decides which builders' tools its wheels are built with."""
    return "{0} {1}".format(state["arch"], state["libc"])


def has_npu(state: dict) -> bool:
    """Say whether a host has an NPU: as npu-smi tells them; a container may have the nodes alone."""
    found = state.get("npu") or {}
    return bool(found.get("chips")) or any(_NPU.match(node["path"]) for node in found.get("nodes") or ())


def built_with(state: dict) -> dict:
    """Return by name what the wheels on a host were built with, as their manifests have it."""
    manifests = [entry["manifest"] for entry in state["products"].values() if entry["manifest"]]
    used = {
        name: mark
        for manifest in manifests
        for name, mark in (manifest.get("identity", {}).get("built_with") or {}).items()
    }
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
    if checks.is_wanted(checks.CHECKS[checks.SHARED], request):
        return state["disk"]
    return {path: dict(room, place="") for path, room in state["disk"].items()}


def fit(host: str, needs: dict) -> str:
    """Return what to say of a host that is taken through the guide; needs is what ledger.needed() returns."""
    items = [item + " removed" if what == plan.REMOVE else item for item, what in needs.items() if what]
    return "{0}: fit, {1}".format(host, "needs " + ", ".join(items) if items else "is to be verified")


def skew(clock: float, began: float, ended: float) -> float:
    """Return by how many seconds a host's clock is ahead; 0 where it lay between the question and the answer."""
    return min(0.0, clock - began) + max(0.0, clock - ended)


def sources(planned: dict, mirrors: list[str]) -> list[dict]:
    """Return the sources of what is to be built that no mirror folder of the controller holds, by names of their own."""
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

    asked = []
    folders = [os.path.abspath(os.path.expanduser(entry)) for entry in mirrors if here.is_folder(entry)]
    for name, entry in planned["products"].items():
        if entry.do == plan.BUILD:
            for source in entry.order.sources:
                if not any(mirror.contents(folder, [source])[0] for folder in folders):
                    asked.append(dict(source, name="{0}: {1}".format(name, source.get("repo") or source["file"])))
    return asked


def candidates(
    host: str, planned: dict, state: dict, builders: list[str], early: bool, check_mode: bool = False
) -> list[dict]:
    """Return for each product that this host may build what an election asks of it.

    :param builders: the hosts that may build, and hand on what they have, where the user named such; whatever another host
        says that it has begun or has, nobody is to take it
    :param early: before others of the play had their turn: only those have part that stand ready, having the product
    :param check_mode: what is lacking is taken to be there, since nothing is installed
    """
    # Not before: on a converged fleet loading it would be a good part of what the plan costs.
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort

    if not boundary.may_build(host, builders):
        return []
    prepared = check_mode or not (planned["packages"]["names"] or planned["venv"])
    ready = {plan.BUILD: not early and prepared, plan.PUBLISH: True, plan.NOTHING: host in builders}

    def offers(entry: plan.Decision) -> bool:
        """Say whether a host has part in the election: one that only wants a link to what stands has nothing to give."""
        order, do = entry.order, entry.do
        if not order or do not in ready or (early and not ready[do]):
            return False
        return do != plan.PUBLISH or state["stored"].get(order.label()) == order.fingerprint

    return [
        # Others that lack it are told apart by what they would have built now, whatever stays here.
        cohort.candidate(host, entry.anew or entry.order, state, ready[entry.do])
        for entry in planned["products"].values()
        if offers(entry)
    ]


def add_wheels(planned: dict, bundle: str) -> None:
    """Add to the orders of a plan what a bundle has for pip on their host."""
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

    for name, entry in planned["products"].items():
        order = entry.order
        if order and entry.do in plan.PROVIDING:
            held = mirror.wheels(bundle, order)
            pip_options = order.pip_options + mirror.pip_options(order, held)
            order = order._replace(bundle=bundle, wheels=held, pip_options=pip_options)
            planned["products"][name] = entry._replace(order=order)


class Part(NamedTuple):
    """What some roles ask of a host, the host's state, and their plan."""

    roles: list[str]
    request: dict
    state: dict
    plan: dict

    def findings(self) -> list[dict]:
        """Return what is found of it."""
        return checks.find_problems(self.request, self.state, self.plan)


def tools_of(parts: list[Part]) -> dict:
    """Return what plans provide for those after them, by name."""
    return {name: tool for part in parts for name, tool in part.plan["tools"].items()}


def found_of(parts: list[Part]) -> list[dict]:
    """Return what is found of all of them, each once."""
    found: list[dict] = []
    for part in parts:
        found += [each for each in part.findings() if each not in found]
    return found


class Asked:
    """What one task asks of one host, and what of it the shared variables decide."""

    def __init__(self, arguments: dict, source: settings.Source, host: str, check_mode: bool) -> None:
        self.host, self.check_mode = host, check_mode
        self._arguments, self._source = arguments, source
        self.road = settings.Settings("road", source)
        self.builders: list[str] = arguments["builders"]
        self.is_builder = host in self.builders
        self.cache = [place for place in arguments["cache"] if place]
        self.toolchain = "whole" if self.is_builder or self.road["toolchain_on"] == "all" else "runtime"
        # Whether it may build for others, and hand on what it has.
        self.hands_on = bool(self.cache) and self.toolchain == "whole"
        # Whether a table, of check.yml say, tells what is found.
        self.is_told = bool(arguments["unfit_group"]) and not arguments["group"]
        # From here on nothing has a login, and what is made of it can be shown; later tasks have them of the keyring.
        self.logins: dict = {}

    def request(self, roles: list[str]) -> dict:
        """Return what roles ask, as module_utils/plan/requests.py describes it."""
        request = logins.take_out(requests.made(roles, self._source), self.logins)
        request.update(
            # Where the user names builders the others take what those build, and nothing else.
            builds=boundary.may_build(self.host, self.builders) or not self.cache,
            toolchain=self.toolchain,
            silenced=self.road["silenced_checks"],
            collection_version=VERSION,
            promised=dict(self._arguments["promised"]) if self.check_mode else {},
        )
        return request

    def requests(self) -> list[tuple[list[str], dict]]:
        """Return roles, and what they ask: one request, or several where roles are to work differently.

        Raises AnsibleActionFail, with all that is wrong with the variables.
        """
        roles = self._arguments["roles"]
        whole = self.request(roles)
        grouped = requests.groups(roles, self._source)
        found = [(roles, whole)] if len(grouped) == 1 else [(group, self.request(group)) for group in grouped]
        problems: list[str] = []
        for request in [whole, *(request for _roles, request in found if request is not whole)]:
            problems += [words for words in self.problems(request) if words not in problems]
        if problems:
            raise AnsibleActionFail(unfit(self.host, problems))
        return found

    def problems(self, request: dict) -> list[str]:
        """Return what is wrong with the variables, in sentences; and have all come out of the bundle, where there is one."""
        # What is wrong with a path is told of the path as it was given.
        found = paths(self.road, self._arguments["cache"], request["mirrors"])
        self._take_bundle(request)
        found += checks.variable_problems(request)
        if self.road["toolchain_on"] == "builders" and not (self.builders and self.cache):
            found.append(
                "ascend_toolchain_on is `builders`, which takes hosts in the group ascend_builders and a build cache: fill the "
                "group and set ascend_build_cache, or set ascend_toolchain_on to `all`"
            )
        return found + boundary.problems(self.cache, self.road["sign_key"], self.road["trusted_keys"], self.builders)

    def _take_bundle(self, request: dict) -> None:
        """Change a request so that nothing is asked for anything but the bundle: a package manager neither, what lacks is told."""
        if self.road["bundle"]:
            bundle = os.path.abspath(os.path.expanduser(self.road["bundle"]))
            request.update(mirrors=[bundle], offline=True, install_packages=False)

    def plan(self, request: dict, state: dict, tools: dict) -> dict:
        """Return the plan of a request.

        :param tools: what plans before it provide
        """
        request = dict(request, promised=dict(request["promised"], **tools))
        if self.toolchain == "runtime":
            # Its wheels are the builders'. A run that knows of none leaves what stands as it is.
            request["promised"].update(built_with(state), **self.run().tools(platform(state), self.builders))
        planned = plan.make(request, state)
        if self.road["bundle"]:
            add_wheels(planned, request["mirrors"][0])
        return planned

    def left(self, parts: list[Part], is_left: Callable[[str], bool]) -> list[Part]:
        """Return what is left of the plan of the whole guide where some roles are left out."""
        left: list[Part] = []
        for part in parts:
            roles = [role for role in part.roles if is_left(role)]
            request = self.request(roles)
            self._take_bundle(request)
            left.append(Part(roles, request, part.state, self.plan(request, part.state, tools_of(left))))
        return left

    def candidates(self, planned: dict, state: dict, early: bool) -> list[dict]:
        """Return what an election asks of this host; nothing where it builds for itself alone, or not at all."""
        if not self.hands_on:
            return []
        return candidates(self.host, planned, state, self.builders, early, self.check_mode)

    def run(self):
        """Return what the workers of this run agree on."""
        # Not before: on a converged fleet loading it would be a good part of what the plan costs.
        from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort

        return cohort.Run()


class ActionModule(speaking.Action):
    """See the module of the same name for the options."""

    def act(self, result, task_vars):
        host = task_vars["inventory_hostname"]
        variables.refuse_undefined(self, task_vars)
        arguments = self.arguments(ARGUMENTS)
        asked = Asked(arguments, settings.Source(self, task_vars), host, self._task.check_mode)
        requests_of = asked.requests()
        keyring.keep(host, asked.logins)
        parts: list[Part] = []
        for roles, request in requests_of:
            seen = self._planned(asked, roles, request, tools_of(parts), task_vars)
            if not isinstance(seen, Part):
                return dict(result, **seen)
            parts.append(seen)
        planned, findings = plan.merge([part.plan for part in parts]), found_of(parts)
        working = verified = parts
        given = tags.given(task_vars)
        if arguments["by_tags"] and not given.leave_all(arguments["roles"]):
            working, verified = asked.left(parts, given.works), asked.left(parts, given.verifies)
            findings += [each for each in found_of(working) if each not in findings]
        work = plan.merge([part.plan for part in working])
        errors = [finding.describe(each) for each in findings if each["severity"] == finding.ERROR]
        if errors and not arguments["unfit_group"]:
            # All of it would be printed with the failure, and push what is wrong off the screen.
            raise AnsibleActionFail(unfit(host, errors))
        self._tell(asked, planned, findings)
        # Packages for what the tags leave out are not installed.
        needs = ledger.needed(dict(planned, packages=work["packages"], venv=work["venv"]))
        self._enter(host, needs, errors)
        # Who asks for the verification alone asks for it on converged hosts too.
        works = any(needs.values()) or tags.VERIFIES in given.run
        result.update(changed=False, findings=findings, group=arguments["group"] if works else "")
        if result["group"] and not errors and not self._task.check_mode:
            speaking.say(fit(host, needs))
        if errors:
            # Whoever groups the hosts decides what becomes of those.
            result.update(msg=unfit(host, errors), group=arguments["unfit_group"])
        if not errors or asked.is_told:
            whole = arguments["by_tags"] or given.leave_all(arguments["roles"])
            self._keep(asked, working, plan.merge([part.plan for part in verified]), whole)
        if asked.is_told:
            state = parts[-1].state
            products = {name: how for part in parts for name, how in part.state["products"].items()}
            result.update(plan=plan.plain(planned), state=dict(state, products=products))
        else:
            # Of hundreds of hosts all of it would take seconds.
            result.update(plan=brief(work, plan.merge([part.plan for part in verified])))
        if self._task.check_mode:
            # Not a fact: those may be cached, and a later run would believe in tools that never were.
            result["promised"] = dict(arguments["promised"], **planned["tools"])
        return result

    def _planned(self, asked, roles, request, tools, task_vars):
        """Examine the host and plan; return a Part, or the result of a host that could not be looked at."""
        state = self._examine(request, task_vars)
        if "products" not in state:
            return state
        planned = asked.plan(request, state, tools)
        if plan.must_query_pip(planned, state):
            state = self._examine(request, task_vars, pip=True)
            if "products" not in state:
                return state
            planned = asked.plan(request, state, tools)
        if (request["fitness"] or {}).get("check_sources"):
            answer = self._reach(request, planned, task_vars)
            if answer.get("failed") or answer.get("unreachable"):
                return answer
            state["unanswered"] = answer["unanswered"]
        return Part(roles, request, state, planned)

    @staticmethod
    def _keep(asked, working, verified, whole):
        """Keep the plan for the tasks that carry it out; tell the other hosts what this one has for them already.

        :param whole: whether --tags and --skip-tags leave the verification of all that is `verified`
        """
        host, work, state = asked.host, plan.merge([part.plan for part in working]), working[-1].state
        verify = {
            # What the plan leaves to the host's own (a CMake that will do) has no order.
            "orders": [entry.order._asdict() for entry in verified["products"].values() if entry.order],
            "environment": verified["environment"],
            "npu": has_npu(state),
            "asked": whole and "verify" in verified["tasks"],
        }
        offers = [each for part in working for each in asked.candidates(part.plan, part.state, early=False)]
        plans.keep(host, work, verify, offers)
        for each in (each for part in working for each in asked.candidates(part.plan, part.state, early=True)):
            asked.run().offer(each["order"]["name"], each)
        if asked.is_builder and asked.hands_on:
            run = asked.run()
            run.offer_tools(host, platform(state), work["tools"])
            for name, entry in work["products"].items():
                if entry.do not in plan.PROVIDING:
                    run.arrive(name, host)

    def _tell(self, asked, planned, findings):
        """Show the warnings of a plan, and in check mode what would be done, where no table will tell of it."""
        host = asked.host
        for each in [] if asked.is_told else findings:
            if each["severity"] == finding.WARNING:
                speaking.warn("{0}: {1}".format(host, finding.describe(each)))
        if not self._task.check_mode or asked.is_told:
            return
        for entry in planned["products"].values():
            if entry.do != plan.NOTHING:
                speaking.say("{0}: would {1} {2}: {3}".format(host, entry.do, entry.then, "; ".join(entry.why)))
        if planned["packages"]["names"]:
            speaking.say("{0}: would install packages: {1}".format(host, " ".join(planned["packages"]["names"])))

    def _examine(self, request, task_vars, pip=False):
        """Return the host's state, or the result of a host that could not be looked at.

        :param pip: whether pip is asked whatever stands there
        """
        began = time.time()
        question = dict(plan.examine_arguments(request), pip=pip)
        told = self._execute_module("ascend.pytorch.examine", module_args=question, task_vars=task_vars)
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
        return dict(state, disk=rooms(request, state))

    @staticmethod
    def _enter(host, needs, errors):
        """Enter into the run's ledger what the host needs."""
        ledger.Ledger().enter(
            host,
            {item: do for item, do in needs.items() if do},
            [item for item, do in needs.items() if not do],
            errors,
        )

    def _reach(self, request, planned, task_vars):
        if not any(entry.do == plan.BUILD for entry in planned["products"].values()):
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
