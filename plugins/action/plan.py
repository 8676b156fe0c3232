# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the variables, examine the host in one call, plan, and report all problems at once."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.module_utils.base import logins
from ansible_collections.ascend.pytorch.plugins.module_utils.base.about import VERSION
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks, finding
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.module_utils.plan.requests import Request
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    boundary,
    here,
    keyring,
    ledger,
    options,
    plans,
    releases,
    settings,
    speaking,
    tags,
    target_python,
    variables,
)
from ansible_collections.ascend.pytorch.plugins.plugin_utils import request as requests
from ansible_collections.ascend.pytorch.plugins.plugin_utils.parts import Part, findings_of, tools_of

ARGUMENTS = options.argument_spec("plan")
_NPU = re.compile("/dev/davinci[0-9]")


def unfit_message(host, problems):
    """Return the message for a host that has problems."""
    return "{0}: {1}, nothing was changed:\n{2}".format(
        host,
        "1 problem" if len(problems) == 1 else "{0} problems".format(len(problems)),
        "\n".join("  - " + problem for problem in problems),
    )


def summarize(work: plan.Plan, verified: plan.Plan) -> dict:
    """Return the part of a plan that tasks read; the actions read the rest of it, see plans.py.

    :param work: what is to be done; :param verified: the plan of what is verified
    """
    keys, environment = ("do", "why", "now", "then"), work.environment
    return {
        "products": {name: {key: getattr(entry, key) for key in keys} for name, entry in work.products.items()},
        "packages": work.packages._asdict(),
        "venv": work.venv,
        "environment": environment if environment and environment["do"] != plan.NOTHING else None,
        "tasks": [task for task in work.tasks if task != "verify"]
        + [task for task in verified.tasks if task == "verify"],
        "work": work.work,
    }


def platform(state: State) -> str:
    """Return the platform by which a host finds the builders whose tools its wheels are built with."""
    return "{0} {1}".format(state.arch, state.libc)


def has_npu(state: State) -> bool:
    """Say whether a host has an NPU, by npu-smi or by its device nodes: a container may have only the nodes."""
    found = state.npu
    return bool(found.get("chips")) or any(_NPU.match(node["path"]) for node in found.get("nodes") or ())


def built_with(state: State) -> dict:
    """Return the tools, by name, that the installed wheels were built with, according to their manifests."""
    manifests = [entry["manifest"] for entry in state.products.values() if entry["manifest"]]
    used = {
        name: mark
        for manifest in manifests
        for name, mark in (manifest.get("identity", {}).get("built_with") or {}).items()
    }
    return {
        name: {"name": name, "folder": "", "identity": mark, "library": "", "version": ""}
        for name, mark in used.items()
    }


def path_problems(shared: settings.Settings, cache: list[str], mirrors: list[str]) -> list[str]:
    """Return the problems of the paths on the controller that a user set.

    :param shared: the variables of the role road; :param cache: places of the build cache
    """
    bundle = shared["bundle"]
    # The products of a bundle are a place of the cache that nobody named.
    cache = [place for place in cache if not bundle or place != bundle + "/products"]
    read = [("ascend_" + name, shared[name]) for name in ("bundle", "sign_key", "trusted_keys")]
    read += [("ascend_mirrors", entry) for entry in mirrors if here.is_folder(entry)]
    found = [here.problem(variable, path, here.READ) for variable, path in read]
    return here.cache_problems(cache) + [words for words in found if words]


def disks(request: Request, state: State) -> dict:
    """Return the state of a host's folders, with their ids across hosts only where shared folders are checked for."""
    if checks.is_wanted(checks.CHECKS[checks.SHARED], request):
        return state.disk
    return {path: dict(room, place="") for path, room in state.disk.items()}


def fit_message(host: str, needs: dict) -> str:
    """Return the line for a fit host that needs something; needs is what ledger.needed() returns."""
    items = [item + " removed" if what == plan.REMOVE else item for item, what in needs.items() if what]
    return "{0}: fit, {1}".format(host, "needs " + ", ".join(items) if items else "is to be verified")


def clock_skew(clock: float, began: float, ended: float) -> float:
    """Return by how many seconds a host's clock is ahead; 0 if it is between the times of the call and of its return."""
    return min(0.0, clock - began) + max(0.0, clock - ended)


def sources_to_reach(planned: plan.Plan, mirrors: list[str]) -> tuple[list[dict], dict[str, list[tuple[str, str]]]]:
    """Return the sources of the products to build that are in no mirror folder of the controller, each with a name of its own.

    Also what the folders lack that have a part of them: name -> [(folder, reason)].
    """
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

    asked: list[dict] = []
    lacking: dict[str, list[tuple[str, str]]] = {}
    folders = [os.path.abspath(os.path.expanduser(entry)) for entry in mirrors if here.is_folder(entry)]
    for name, entry in planned.products.items():
        if entry.do == plan.BUILD:
            for source in entry.order.sources:
                found = {folder: mirror.contents(folder, [source]) for folder in folders}
                if not any(held for held, _messages in found.values()):
                    what = "{0}: {1}".format(name, source.get("repo") or source["file"])
                    asked.append(dict(source, name=what))
                    lacking[what] = [
                        (folder, " ".join(" ".join(said).split())) for folder, (_held, said) in found.items() if said
                    ]
    return asked, lacking


def candidates(
    host: str, planned: plan.Plan, state: State, builders: list[str], early: bool, check_mode: bool = False
) -> list[dict]:
    """Return the candidates of this host for the elections of builders, one for each product that it may build or has.

    :param builders: the only hosts that may build and hand on products, where the user named any
    :param early: before other hosts of the play had their turn; then only a host that is ready is a candidate
    :param check_mode: missing packages count as installed
    """
    # Imported here: a converged fleet does not need it, and would spend much of the plan's time on it.
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import cohort

    if not boundary.may_build(host, builders):
        return []
    prepared = check_mode or not (planned.packages.names or planned.venv)
    ready = {plan.BUILD: not early and prepared, plan.PUBLISH: True, plan.NOTHING: host in builders}

    def offers(entry: plan.Decision) -> bool:
        """Say whether the host is a candidate: one that only needs a link has no product to hand on."""
        order, do = entry.order, entry.do
        if not order or do not in ready or (early and not ready[do]):
            return False
        return do != plan.PUBLISH or state.stored.get(order.label()) == order.fingerprint

    return [
        # Cohorts are told apart by what would be built now, also where an older product is kept here.
        cohort.candidate(host, entry.anew or entry.order, state, ready[entry.do])
        for entry in planned.products.values()
        if offers(entry)
    ]


def add_wheels(planned: plan.Plan, bundle: str) -> None:
    """Add the wheels of a bundle that pip on the host needs to the orders of a plan."""
    from ansible_collections.ascend.pytorch.plugins.plugin_utils import mirror

    for name, entry in planned.products.items():
        order = entry.order
        if order and entry.do in plan.PROVIDING:
            held = mirror.wheels(bundle, order)
            pip_options = order.pip_options + mirror.pip_options(order, held)
            order = order._replace(bundle=bundle, wheels=held, pip_options=pip_options)
            planned.products[name] = entry._replace(order=order)


class Asked:
    """What one task asks of one host, with what the shared variables decide."""

    def __init__(self, arguments: dict, source: settings.Source, host: str, check_mode: bool) -> None:
        self.host, self.check_mode = host, check_mode
        self._arguments, self._source = arguments, source
        self.road = settings.Settings("road", source)
        self.builders: list[str] = arguments["builders"]
        self.is_builder = host in self.builders
        self.cache = [place for place in arguments["cache"] if place]
        self.toolchain = "whole" if self.is_builder or self.road["toolchain_on"] == "all" else "runtime"
        # Whether it may build for others and hand on its products.
        self.hands_on = bool(self.cache) and self.toolchain == "whole"
        # Whether a table reports the findings, such as check.yml's.
        self.is_told = bool(arguments["unfit_group"]) and not arguments["group"]
        # The logins are taken out of the request, so that everything made of it may be shown; later tasks read them from the keyring.
        self.logins: dict = {}
        self._releases = releases.Releases(source)
        # Whether releases were guessed before the host was examined, and whether that was right.
        self._guesses, self._guessed_right = False, None

    def request(self, roles: list[str]) -> Request:
        """Return the request of roles, with what the shared variables decide."""
        given = logins.take_out(requests.make(roles, self._source, self._releases.of)._asdict(), self.logins)
        return Request(**given)._replace(
            # Where the user names builders, the other hosts only take what those build.
            builds=boundary.may_build(self.host, self.builders) or not self.cache,
            toolchain=self.toolchain,
            silenced=self.road["silenced_checks"],
            collection_version=VERSION,
            promised=dict(self._arguments["promised"]) if self.check_mode else {},
        )

    def bundled(self, request: Request) -> Request:
        """Return the request with everything taken from the bundle, where there is one; no package manager is used then."""
        if not self.road["bundle"]:
            return request
        bundle = os.path.abspath(os.path.expanduser(self.road["bundle"]))
        return request._replace(mirrors=[bundle], offline=True, install_packages=False)

    def requests(self) -> list[tuple[list[str], Request]]:
        """Return groups of roles with their requests: one group, or several where variables differ between roles.

        Raises AnsibleActionFail with all problems of the variables.
        """
        roles = self._arguments["roles"]
        whole = self.request(roles)
        grouped = requests.groups(roles, self._source)
        found = [(roles, whole)] if len(grouped) == 1 else [(group, self.request(group)) for group in grouped]
        self._refuse([whole, *(request for _roles, request in found if request is not whole)])
        self._guesses = not self._releases.is_settled()
        return [(group, self.bundled(request)) for group, request in found]

    def _refuse(self, asked: list[Request]) -> None:
        """Raise AnsibleActionFail with all problems of the variables."""
        problems: list[str] = []
        for request in asked:
            problems += [words for words in self.problems(request) if words not in problems]
        if problems:
            raise AnsibleActionFail(unfit_message(self.host, problems))

    def settle(self, roles: list[str], request: Request, state: State) -> Request:
        """Return the request of roles with the releases that go with the examined host.

        Raises AnsibleActionFail with all problems of the variables, where the releases were not settled before.
        """
        if not self._guesses:
            return request
        # Filling in all recipes again takes longer than anything else here.
        if self._guessed_right is None:
            self._guessed_right = self._releases.settle(state, request.python)
        if self._guessed_right and request.release:
            settled = request._replace(release=requests.release(roles, self._source, self._releases.of))
        else:
            settled = self.bundled(self.request(roles))
        self._refuse([settled])
        return settled

    def problems(self, request: Request) -> list[str]:
        """Return the problems of the variables, in sentences."""
        # The mirrors as the user set them, even if a bundle replaces them.
        found = path_problems(self.road, self._arguments["cache"], request.mirrors)
        found += checks.variable_problems(self.bundled(request))
        if self.road["toolchain_on"] == "builders" and not (self.builders and self.cache):
            found.append(
                "ascend_toolchain_on is `builders`, which takes hosts in the group ascend_builders and a build cache: fill the "
                "group and set ascend_build_cache, or set ascend_toolchain_on to `all`"
            )
        return found + boundary.problems(self.cache, self.road["sign_key"], self.road["trusted_keys"], self.builders)

    def plan(self, request: Request, state: State, tools: dict) -> plan.Plan:
        """Return the plan of a request.

        :param tools: the tools that earlier plans provide
        """
        promised = {**request.promised, **tools}
        if self.toolchain == "runtime":
            # Its wheels are built with the builders' tools. A run without builders keeps what is installed.
            promised.update(built_with(state), **self.run().tools(platform(state), self.builders))
        planned = plan.make(request._replace(promised=promised), state)
        if self.road["bundle"]:
            add_wheels(planned, request.mirrors[0])
        return planned

    def remaining(self, parts: list[Part], is_left: Callable[[str], bool]) -> list[Part]:
        """Return the plans of the roles that are not left out."""
        remaining: list[Part] = []
        for part in parts:
            roles = [role for role in part.roles if is_left(role)]
            request = self.bundled(self.request(roles))
            remaining.append(Part(roles, request, part.state, self.plan(request, part.state, tools_of(remaining))))
        return remaining

    def candidates(self, planned: plan.Plan, state: State, early: bool) -> list[dict]:
        """Return the candidates of this host; none if it builds only for itself, or not at all."""
        if not self.hands_on:
            return []
        return candidates(self.host, planned, state, self.builders, early, self.check_mode)

    def run(self):
        """Return what the workers of this run share."""
        # Imported here: a converged fleet does not need it, and would spend much of the plan's time on it.
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
        planned, findings = plan.merge([part.plan for part in parts]), findings_of(parts)
        working = verified = parts
        given = tags.given(task_vars)
        if arguments["by_tags"] and not given.leave_all(arguments["roles"]):
            working, verified = asked.remaining(parts, given.works), asked.remaining(parts, given.verifies)
            findings += [each for each in findings_of(working) if each not in findings]
        work = plan.merge([part.plan for part in working])
        errors = [finding.describe(each) for each in findings if each["severity"] == finding.ERROR]
        if errors and not arguments["unfit_group"]:
            # The whole plan would be printed with the failure, and hide the message.
            raise AnsibleActionFail(unfit_message(host, errors))
        self._tell(asked, planned, findings)
        # Packages for products that the tags leave out are not installed.
        needs = ledger.needed(planned._replace(packages=work.packages, venv=work.venv))
        self._enter(host, needs, errors)
        # --tags verify verifies converged hosts too.
        works = any(needs.values()) or tags.VERIFIES in given.run
        result.update(changed=False, findings=findings, group=arguments["group"] if works else "")
        if result["group"] and not errors and not self._task.check_mode:
            speaking.say(fit_message(host, needs))
        if errors:
            # The play that groups the hosts decides what happens to them.
            result.update(msg=unfit_message(host, errors), group=arguments["unfit_group"])
        if not errors or asked.is_told:
            whole = arguments["by_tags"] or given.leave_all(arguments["roles"])
            self._keep(asked, working, plan.merge([part.plan for part in verified]), whole)
        if asked.is_told:
            state = parts[-1].state
            products = {name: how for part in parts for name, how in part.state.products.items()}
            result.update(plan=planned.plain(), state=state._replace(products=products)._asdict())
        else:
            # The whole plans of hundreds of hosts would take seconds to print.
            result.update(plan=summarize(work, plan.merge([part.plan for part in verified])))
        if self._task.check_mode:
            # Not a fact: facts may be cached, and a later run would count on tools that do not exist.
            result["promised"] = dict(arguments["promised"], **planned.tools)
        return result

    def _planned(self, asked, roles, request, tools, task_vars):
        """Examine the host and plan; return a Part, or the module's result where that failed."""
        state = self._examine(request, task_vars)
        if not isinstance(state, State):
            return state
        settled = asked.settle(roles, request, state)
        state = plan.answer(request, settled, state)
        if state is None:
            state = self._examine(settled, task_vars)
            if not isinstance(state, State):
                return state
        request = settled
        planned = asked.plan(request, state, tools)
        if plan.must_query_pip(planned, state):
            state = self._examine(request, task_vars, pip=True)
            if not isinstance(state, State):
                return state
            planned = asked.plan(request, state, tools)
        if (request.fitness or {}).get("check_sources"):
            answer = self._reach(request, planned, task_vars)
            if answer.get("failed") or answer.get("unreachable"):
                return answer
            state = state._replace(unanswered=answer["unanswered"])
        return Part(roles, request, state, planned)

    @staticmethod
    def _keep(asked, working, verified, whole):
        """Keep the plan for the tasks that carry it out, and offer what this host already has to the other hosts.

        :param whole: whether --tags and --skip-tags leave the verification of all that is `verified`
        """
        host, work, state = asked.host, plan.merge([part.plan for part in working]), working[-1].state
        verify = {
            # There is no order where the host's own tool is accepted.
            "orders": [entry.order._asdict() for entry in verified.products.values() if entry.order],
            "environment": verified.environment,
            "npu": has_npu(state),
            "asked": whole and "verify" in verified.tasks,
        }
        offers = [each for part in working for each in asked.candidates(part.plan, part.state, early=False)]
        plans.keep(host, work, verify, offers)
        for each in (each for part in working for each in asked.candidates(part.plan, part.state, early=True)):
            asked.run().offer(each["order"]["name"], each)
        if asked.is_builder and asked.hands_on:
            run = asked.run()
            run.offer_tools(host, platform(state), work.tools)
            for name, entry in work.products.items():
                if entry.do not in plan.PROVIDING:
                    run.arrive(name, host)

    def _tell(self, asked, planned, findings):
        """Show the warnings of a plan, and in check mode what would be done, unless a table reports it later."""
        host = asked.host
        for each in [] if asked.is_told else findings:
            if each["severity"] == finding.WARNING:
                speaking.warn("{0}: {1}".format(host, finding.describe(each)))
        if not self._task.check_mode or asked.is_told:
            return
        for entry in planned.products.values():
            if entry.do != plan.NOTHING:
                speaking.say("{0}: would {1} {2}: {3}".format(host, entry.do, entry.then, "; ".join(entry.why)))
        if planned.packages.names:
            speaking.say("{0}: would install packages: {1}".format(host, " ".join(planned.packages.names)))

    def _examine(self, request, task_vars, pip=False):
        """Return the state of the host, or the module's result where that failed.

        :param pip: query pip in any case
        """
        began = time.time()
        question = dict(plan.examine_arguments(request), pip=pip)
        told = self._execute_module("ascend.pytorch.examine", module_args=question, task_vars=task_vars)
        if told.get("failed") or told.get("unreachable"):
            # Imported here: few hosts fail.
            from ansible_collections.ascend.pytorch.plugins.plugin_utils import failures

            words = target_python.trouble(self, told, task_vars)
            if words:
                raise AnsibleActionFail(words)
            remedy = failures.remedy(failures.message(told))
            return dict(told, remedy=remedy) if remedy else told
        state = State.of(told["state"])
        return state._replace(
            clock_skew_s=clock_skew(state.clock, began, time.time()),
            core=target_python.core(),
            # Without become, SUDO_UID comes from the shell that a local run was started from, and says nothing.
            login_uid=state.login_uid if self._is_become_unprivileged() else state.user["uid"],
            disk=disks(request, state),
        )

    @staticmethod
    def _enter(host, needs, errors):
        """Enter what the host needs in the run's ledger."""
        ledger.Ledger().enter(
            host,
            {item: do for item, do in needs.items() if do},
            [item for item, do in needs.items() if not do],
            errors,
        )

    def _reach(self, request, planned, task_vars):
        if not any(entry.do == plan.BUILD for entry in planned.products.values()):
            return {"unanswered": {}}
        asked, lacking = sources_to_reach(planned, request.mirrors)
        if not asked:
            return {"unanswered": {}}
        answer = self._execute_module(
            "ascend.pytorch.reach",
            module_args={
                "sources": asked,
                "mirrors": [entry for entry in request.mirrors if not here.is_folder(entry)],
                "logins": keyring.of(task_vars["inventory_hostname"]),
            },
            task_vars=task_vars,
        )
        for name, tried in answer.get("unanswered", {}).items():
            tried[:0] = lacking.get(name, [])
        return answer
