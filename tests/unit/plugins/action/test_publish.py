# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providing a product: what is taken from the build cache, published, or lacking; and what the run knows of it then."""

import contextlib
import copy
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.ascend.pytorch.plugins.action import publish as action
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    carry,
    cohort,
    ledger,
    mirror,
    plans,
    signing,
    store,
)
from situations import APEX, CMAKE, GCC, TORCH, ask, ask_torch, bare, installed, recipe, takes

HOST = "h"
REQUEST = ask(recipe(CMAKE), recipe(GCC))
STANDS = installed(REQUEST, bare())
ENVIRONMENT = {"path": "/env.sh", "text": "export A=1\n", "do": "publish", "why": [], "makes": ""}
NAMES = ["cmake", "gcc730", "torch", "apex"]
VERIFY = {"orders": [], "environment": None, "npu": False}


def spoilt(**how):
    """The host after something has happened to its CMake."""
    state = copy.deepcopy(STANDS)
    state.products["cmake"].update(how)
    return state


BUILD = plan.make(REQUEST, bare())
TAKE = plan.make(takes(REQUEST), bare())
NOTHING = plan.make(REQUEST, STANDS)
# Only a link lacks, for which no product is needed.
LINK = plan.make(REQUEST, spoilt(links={"/usr/bin/cmake": "absent"}))
# It is in the host's work directory, and so may not be in the build cache.
STORED = plan.make(REQUEST, spoilt(manifest=None, version=None))
REMOVE = plan.make(ask(recipe(CMAKE, state="absent")), STANDS)
# All of the guide, on a host that has nothing.
ALL = plan.make(ask_torch(*map(recipe, (CMAKE, GCC, TORCH, APEX))), bare())._replace(environment=ENVIRONMENT)

ORDER = BUILD.products["cmake"].order
LABEL = ORDER.label()
CANDIDATE = cohort.candidate(HOST, ORDER, bare(), True)
CACHE = ["/cache", "file:///shared"]
# How a product is published for which nothing is asked of the build cache, and of the host only that.
STRAIGHT = [("publish", "cmake")]


def given(answer):
    """Return an answer, or raise it."""
    if isinstance(answer, Exception):
        raise answer
    return answer


class Host:
    """A host with a plan, and stand-ins: for what it has in its work directory, for the build cache, and for the module."""

    def __init__(self, monkeypatch):
        self.has = self.held = self.verifies = False
        # What the build cache gives: of each product, or by name.
        self.taken, self.given = None, {}
        # What the module makes of each product, in what it fails, and what it says in the first calls that has not arrived.
        self.one, self.trouble, self.late = {"changed": True, "notes": []}, {}, []
        # The controller's clock, and how long publishing a product takes by it.
        self.now, self.takes_s = 1000.0, 0.0
        # What was asked of it, in order; what was said; how the build cache was asked.
        self.asked, self.said, self.caches, self.calls = [], [], [], []
        monkeypatch.setattr(carry, "Carrier", self._carrier)
        monkeypatch.setattr(action.buildcache, "BuildCache", self._cache)
        monkeypatch.setattr(cohort.Run, "copy_slot", self._copying)
        monkeypatch.setattr(action.speaking, "say", self.said.append)
        for module in (action, plans):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def plan(self, planned, candidates=(CANDIDATE,)):
        plans.keep(HOST, planned, dict(VERIFY, asked=self.verifies), list(candidates))
        needs = ledger.needed(planned)
        ledger.Ledger().enter(HOST, {item: do for item, do in needs.items() if do}, [], [])

    def publish(self, check_mode=False, **arguments):
        made = action.ActionModule.__new__(action.ActionModule)
        made._task = SimpleNamespace(check_mode=check_mode, args=arguments)
        made._execute_module = self._module
        return made.act({}, {"inventory_hostname": HOST})

    def provide(self, check_mode=False, **arguments):
        return self.publish(check_mode, **{"names": ["cmake"], "cache": CACHE, **arguments})

    @property
    def needs(self):
        """What it needs yet, by the ledger."""
        return set(ledger.Ledger().entry(HOST)["needs"])

    @property
    def did(self):
        """What was done, by the ledger."""
        return ledger.Ledger().entry(HOST)["did"]

    @property
    def lacking(self):
        return list(plans.lacking(HOST))

    @property
    def offered(self):
        return cohort.Run().elect(LABEL, ORDER.fingerprint, [HOST]) is not None

    def _carrier(self, _action, _task_vars, known, hands_over):
        def has(order):
            self.asked.append(("has", order.name))
            return self.has

        return SimpleNamespace(has=has, known=known, hands_over=hands_over, handed_over={})

    def _cache(self, places, carrier, _warn, trusted_keys):
        def take(order):
            self.asked.append(("take", order.name))
            taken = given(self.given.get(order.name, self.taken))
            if taken and carrier.hands_over:
                carrier.handed_over[order.name] = {"piece": "/tmp/" + order.name}
            return taken

        def holds(order):
            self.asked.append(("holds", order.name))
            return self.held

        self.caches.append((places, carrier.known, trusted_keys))
        return SimpleNamespace(places=places, take=take, holds=holds)

    @contextlib.contextmanager
    def _copying(self, at_once):
        self.asked.append(("copying", at_once))
        yield
        self.asked.append(("copied", at_once))

    def _module(self, name, module_args, task_vars):
        assert name == "ascend.pytorch.publish" and task_vars["inventory_hostname"] == HOST
        # Nothing else the module on the host knows.
        assert set(module_args) <= {"orders", "replaced", "arrived", "environment", "state", "verify"}
        self.calls.append(module_args)
        names = [order["name"] for order in module_args["orders"] + module_args.get("replaced", [])]
        names += ["environment file"] if module_args["environment"] else []
        self.asked.append(("publish", *names))
        late, self.late = self.late, []
        done = {}
        for each in names:
            if late and (each in late or not each.startswith("cmake")):
                continue
            if each in self.trouble:
                return {"failed": True, "msg": self.trouble[each], "changed": bool(done), "products": done, "notes": []}
            done[each] = dict(copy.deepcopy(self.one), seconds=self.takes_s)
        if "" in self.trouble:
            return self.trouble[""]
        self.now += self.takes_s * len(done)
        notes = [note for each in done.values() for note in each["notes"]]
        result = {"changed": any(each["changed"] for each in done.values()), "notes": notes, "products": done}
        if module_args.get("verify") and not late:
            result["verified"] = {"cmake": {"notes": ["no NPU here"]}}
        return dict(result, removed=["/gone"]) if module_args["state"] == "absent" else dict(result, unarrived=late)


@pytest.fixture
def host(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Host(monkeypatch)


def place(name="/cache"):
    """What the build cache says of a product that it gave."""
    return {"changed": True, "place": name}


# --- what the plan leaves as it is, and orders ------------------------------------------------------------------------


UNCHANGED = {"changed": False, "notes": [], "products": {}, "lacking": []}


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("planned, name", [(NOTHING, "cmake"), (REMOVE, "cmake"), (BUILD, "apex")])
def test_where_nothing_is_to_be_brought_nothing_is_asked_of_the_host(host, planned, name, check_mode):
    host.plan(planned)
    needed = host.needs
    assert host.provide(check_mode, names=[name]) == UNCHANGED
    assert host.asked == host.said == [] and host.needs == needed and not host.offered


def test_a_host_without_a_plan_is_told_so(host):
    with pytest.raises(AnsibleActionFail, match="^h: there is no plan of this run"):
        host.provide()
    assert host.asked == []


def test_names_have_to_be_given(host):
    host.plan(BUILD)
    with pytest.raises(AnsibleError, match="names"):
        host.publish(state="present")
    assert host.asked == []


# --- from the build cache ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planned", [BUILD, TAKE, STORED])
def test_what_the_build_cache_has_is_taken_and_published(host, planned):
    host.plan(planned)
    needed = host.needs
    host.taken = {"changed": True, "place": "/cache"}
    told = host.provide()
    assert (told["changed"], told["lacking"], told["products"]["cmake"]["how"]) == (True, [], "taken")
    assert host.asked == [("copying", 5), ("take", "cmake"), ("copied", 5), *STRAIGHT]
    assert host.calls[0]["orders"] == [planned.products["cmake"].order._asdict()]
    assert host.calls[0]["arrived"] == {"cmake": {"piece": "/tmp/cmake"}}
    assert host.needs == needed - {"cmake"} != needed
    assert host.lacking == [] and not host.offered


def test_the_build_cache_is_asked_as_the_task_says(host):
    host.plan(BUILD)
    host.provide(cache=["/cache", "https://me:secret@cache.example.com/x"], trusted_keys="/keys", copies=2)
    (asked,) = host.caches
    places, known, keys = asked
    assert (places, keys) == (["/cache", "https://cache.example.com/x"], "/keys")
    # The login goes along apart.
    assert "secret" in str(known)
    assert host.asked[0] == ("copying", 2)


@pytest.mark.parametrize("planned", [BUILD, TAKE, STORED])
def test_what_no_place_has_is_lacking_and_not_published(host, planned):
    host.plan(planned)
    needed = host.needs
    assert host.provide() == dict(UNCHANGED, lacking=["cmake"])
    assert host.asked == [("copying", 5), ("take", "cmake"), ("copied", 5)]
    assert host.lacking == ["cmake"] and host.needs == needed and "cmake" in needed
    assert host.said == []


def test_who_lacks_it_stands_for_election(host):
    host.plan(BUILD)
    assert not host.offered
    host.provide()
    assert host.offered
    assert cohort.Run().elect(LABEL, ORDER.fingerprint, [HOST]) == cohort.Election(HOST, True, False)
    assert cohort.Run().order(LABEL, HOST) == ORDER


def test_who_may_not_build_it_does_not(host):
    host.plan(BUILD, candidates=[cohort.candidate(HOST, BUILD.products["gcc730"].order, bare(), True)])
    assert host.provide()["lacking"] == ["cmake"]
    assert not host.offered and cohort.Run().elect(LABEL, ORDER.fingerprint, [HOST]) is None


def test_all_that_lacks_is_told_until_it_is_there(host):
    host.plan(BUILD)
    assert host.provide()["lacking"] == ["cmake"]
    assert host.provide(names=["gcc730"])["lacking"] == ["cmake", "gcc730"]
    host.taken = {"changed": True, "place": "/cache"}
    assert host.provide()["lacking"] == ["gcc730"]
    assert host.provide(names=["gcc730"])["lacking"] == []


@pytest.mark.parametrize(
    "error",
    [carry.CarryError("no room left"), store.StoreError("no room left"), signing.SigningError("no room left")],
    ids=["carry", "store", "signing"],
)
def test_what_is_wrong_with_the_build_cache_is_told(host, error):
    host.plan(BUILD)
    host.taken = error
    with pytest.raises(AnsibleActionFail, match="^h: no room left$"):
        host.provide()
    assert host.needs == {"cmake", "gcc730"} and STRAIGHT[0] not in host.asked


# --- without it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planned", [BUILD, STORED])
def test_what_this_host_has_just_built_is_published(host, planned):
    host.plan(planned)
    plans.record_lacking(HOST, {"cmake": True})
    assert host.provide(built="cmake", waits=True)["lacking"] == []
    assert host.asked == STRAIGHT and host.caches == [] and "cmake" not in host.needs


@pytest.mark.parametrize("cache", [[], CACHE])
def test_what_only_wants_a_link_takes_no_product(host, cache):
    host.plan(LINK)
    assert host.provide(cache=cache)["lacking"] == []
    assert host.asked == STRAIGHT and host.needs == set()


@pytest.mark.parametrize("planned", [BUILD, STORED])
def test_without_a_build_cache_what_the_host_has_is_published(host, planned):
    host.plan(planned)
    host.has = True
    assert host.provide(cache=[])["lacking"] == []
    assert host.asked == [("has", "cmake"), *STRAIGHT] and "cmake" not in host.needs


@pytest.mark.parametrize("planned", [BUILD, STORED])
def test_without_a_build_cache_what_the_host_has_not_is_lacking(host, planned):
    host.plan(planned, candidates=[])
    assert host.provide(cache=[]) == dict(UNCHANGED, lacking=["cmake"])
    assert host.asked == [("has", "cmake")] and "cmake" in host.needs


# --- while others build it --------------------------------------------------------------------------------------------


def test_a_build_that_is_under_way_is_waited_for_one_turn(host, monkeypatch):
    waited = []
    monkeypatch.setattr(cohort, "wait_for", lambda done, limit_s: waited.append((done(), limit_s, list(host.asked))))
    host.plan(BUILD)
    with cohort.Run().building(LABEL, pytest.fail):
        assert host.provide(waits=True)["lacking"] == ["cmake"]
    host.taken, host.asked = {"changed": True, "place": "/cache"}, []
    assert host.provide(waits=True)["lacking"] == []
    # Before the build cache is asked.
    assert waited == [(False, 30.0, []), (True, 30.0, [])]


def test_the_first_look_waits_for_nobody(host, monkeypatch):
    monkeypatch.setattr(cohort, "wait_for", lambda *_given: pytest.fail("it waits"))
    host.plan(BUILD)
    with cohort.Run().building(LABEL, pytest.fail):
        assert host.provide()["lacking"] == ["cmake"]


@pytest.mark.parametrize("waits", [False, True])
def test_a_failed_build_is_told_to_its_cohort(host, waits):
    host.plan(BUILD)
    cohort.Run().end(LABEL, "building cmake on b failed")
    with pytest.raises(AnsibleActionFail, match="^h: building cmake on b failed$"):
        host.provide(waits=waits)
    assert host.needs == {"cmake", "gcc730"} and STRAIGHT[0] not in host.asked


def test_a_failed_build_is_nothing_to_who_has_the_product_from_elsewhere(host):
    host.plan(BUILD)
    cohort.Run().end(LABEL, "building cmake on b failed")
    host.taken = {"changed": True, "place": "/cache"}
    assert host.provide()["lacking"] == [] and host.asked[-1:] == STRAIGHT


def test_a_part_fails_with_the_build_of_the_whole(host):
    part, planned = ORDER._replace(fingerprint="a" * 64, part_of=ORDER.fingerprint), copy.deepcopy(TAKE)
    planned.products["cmake"] = planned.products["cmake"]._replace(order=part)
    host.plan(planned)
    cohort.Run().end(LABEL, "building cmake on b failed")
    with pytest.raises(AnsibleActionFail, match="^h: building cmake on b failed$"):
        host.provide()


@pytest.mark.parametrize("builder, how", [("h", "built"), ("b", "taken")])
def test_what_this_host_built_while_another_led_is_not_told_to_be_taken(host, builder, how):
    host.plan(BUILD)
    cohort.Run().end(LABEL, built_on=builder)
    host.taken = {"changed": True, "place": "/cache"}
    assert host.provide(waits=True)["products"]["cmake"]["how"] == how


def test_what_was_built_and_is_nowhere_is_told_with_the_places(host):
    host.plan(BUILD)
    cohort.Run().end(LABEL)
    with pytest.raises(AnsibleActionFail) as failure:
        host.provide(waits=True)
    said = str(failure.value)
    assert said.startswith(f"h: {LABEL} was built, but this host finds it in no place")
    assert "(/cache, file:///shared)" in said and "one folder that all hosts share" in said


def test_a_build_that_ended_before_this_host_looks_is_no_reason_to_fail(host):
    """The cache of this host may be another than the builder's: it stands for election itself."""
    host.plan(BUILD)
    cohort.Run().end(LABEL)
    assert host.provide()["lacking"] == ["cmake"] and host.offered


def test_while_it_is_built_again_nobody_fails(host):
    host.plan(BUILD)
    cohort.Run().end(LABEL)
    cohort.Run().begin(LABEL, "b")
    assert host.provide(waits=True)["lacking"] == ["cmake"]


# --- check mode -------------------------------------------------------------------------------------------------------


def test_in_check_mode_what_is_in_the_build_cache_would_be_published(host):
    host.plan(BUILD)
    host.held = True
    told = host.provide(check_mode=True)
    assert told == {**UNCHANGED, "changed": True, "products": {"cmake": {"changed": True, "notes": [], "seconds": 0.0}}}
    # It is not brought, and nothing is done.
    assert host.asked == [("holds", "cmake"), *STRAIGHT]
    assert host.needs == {"cmake", "gcc730"} and host.said == [] and not host.offered


def test_in_check_mode_what_is_lacking_is_told_and_would_be_published(host):
    host.plan(BUILD)
    told = host.provide(check_mode=True)
    assert (told["changed"], told["lacking"]) == (True, ["cmake"])
    assert host.asked == [("holds", "cmake"), *STRAIGHT]
    assert host.needs == {"cmake", "gcc730"} and host.said == []
    # It is told who would build it.
    assert host.offered


def test_in_check_mode_a_host_is_not_asked_what_it_has(host):
    host.plan(BUILD)
    host.has = True
    assert host.provide(check_mode=True, cache=[])["lacking"] == ["cmake"]
    assert host.asked == STRAIGHT


def test_in_check_mode_nothing_is_lacking_after_it_would_have_been_built(host):
    host.plan(BUILD)
    host.provide(check_mode=True)
    host.asked.clear()
    assert host.provide(check_mode=True, waits=True) == UNCHANGED
    assert host.asked == [] and host.lacking == []


# --- what becomes of it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "planned, given, how",
    [
        (BUILD, {"built": "cmake"}, "built here"),
        (LINK, {}, "put in place"),
        (BUILD, {"cache": []}, "put in place"),
        (BUILD, {}, "taken from the build cache"),
    ],
)
def test_what_was_published_is_said_with_where_it_is_from(host, planned, given, how):
    host.plan(planned)
    host.has, host.taken, host.takes_s = True, {"changed": True, "place": "/cache"}, 61.6
    told = host.provide(**given)["products"]["cmake"]
    then = "cmake 3.12.1 ({0}) at /usr/local/cmake".format(ORDER.fingerprint[:12])
    assert host.said == [f"h: {then}: {how}, 62 s"]
    # The table at the end of the run has it too.
    assert told["how"] in how and told["seconds"] == 61.6
    assert host.did["cmake"] == {"how": told["how"], "seconds": pytest.approx(61.6)}


@pytest.mark.parametrize("given", [{"built": "cmake", "waits": True}, {"waits": True}])
def test_what_had_to_be_built_took_as_long_as_that(host, given):
    host.plan(BUILD)
    host.provide()
    for _turn in range(2):
        host.now += 3600
        host.provide(waits=True)
    host.now, host.takes_s, host.taken = host.now + 3600, 5.0, {"changed": True, "place": "/cache"}
    host.provide(**given)
    (said,) = host.said
    assert said.endswith(", 10805 s") and host.did["cmake"]["seconds"] == 10805.0


def test_what_was_there_already_is_not_said(host):
    host.plan(LINK)
    host.one = {"changed": False, "notes": []}
    host.provide()
    assert host.said == [] and host.needs == set() and host.did["cmake"]["how"] == "found"


def test_in_check_mode_nothing_was_done(host):
    host.plan(LINK)
    host.provide(check_mode=True)
    assert host.did == {} and host.needs == {"cmake"}


def test_notes_are_said_of_their_host(host):
    host.plan(LINK)
    host.one = {"changed": False, "notes": ["pip means no harm", "nor here"]}
    assert host.provide()["notes"] == ["pip means no harm", "nor here"]
    assert host.said == ["h: pip means no harm", "h: nor here"]


def test_what_could_not_be_published_is_needed_yet(host):
    host.plan(BUILD)
    host.trouble, host.taken = {"cmake": "no room"}, place()
    told = host.provide()
    assert told["failed"] and told["msg"] == "no room" and "unarrived" not in told
    assert host.asked[-1:] == STRAIGHT and host.needs == {"cmake", "gcc730"} and host.said == [] and host.did == {}


def test_a_host_that_is_lost_has_nothing_published(host):
    host.plan(BUILD)
    host.trouble, host.taken = {"": {"unreachable": True, "msg": "no route"}}, place()
    assert host.provide()["unreachable"] and host.needs == {"cmake", "gcc730"} and host.did == {}


# --- several products -------------------------------------------------------------------------------------------------


def test_all_that_the_build_cache_has_is_published_in_one_call(host):
    host.plan(ALL)
    host.taken = place()
    told = host.provide(names=NAMES)
    takes = [("take", name) for name in NAMES]
    assert host.asked == [("copying", 5), *takes, ("copied", 5), ("publish", *NAMES, "environment file")]
    assert set(host.calls[0]["arrived"]) == set(NAMES) and host.calls[0]["environment"] == ENVIRONMENT
    assert told["lacking"] == [] and told["changed"] and host.needs == set()
    assert {name: each["how"] for name, each in host.did.items()} == {
        **dict.fromkeys(NAMES, "taken"),
        "environment file": "written",
    }
    assert len(host.said) == 5 and host.said[-1] == "h: environment file: written, 0 s"


def test_trees_are_published_whatever_lacks_and_wheels_wait_for_what_they_need(host):
    host.plan(ALL)
    host.taken, host.given = place(), {"gcc730": None}
    told = host.provide(names=NAMES)
    assert host.asked == [("copying", 5), ("take", "cmake"), ("take", "gcc730"), ("copied", 5), ("publish", "cmake")]
    assert sorted(told["lacking"]) == ["apex", "gcc730", "torch"]
    assert host.needs == {"gcc730", "torch", "apex", "environment file"}
    # Once it is there the rest comes.
    host.given, host.asked = {}, []
    assert sorted(host.provide(names=["gcc730"], waits=True)["lacking"]) == ["apex", "torch"]
    assert host.provide(names=["torch"])["lacking"] == ["apex"]
    assert host.asked[-1] == ("publish", "torch", "environment file")
    assert host.provide(names=["apex"])["lacking"] == [] and host.needs == set()


def test_the_environment_file_alone(host):
    host.plan(NOTHING._replace(environment=ENVIRONMENT))
    told = host.provide(names=NAMES)
    assert host.asked == [("publish", "environment file")]
    assert told["changed"] and told["lacking"] == [] and host.needs == set()
    # It belongs to torch.
    host.plan(NOTHING._replace(environment=ENVIRONMENT))
    assert host.provide(names=["cmake"]) == UNCHANGED and host.needs == {"environment file"}


def test_in_check_mode_all_of_it_is_told_whatever_lacks(host):
    host.plan(ALL)
    told = host.provide(check_mode=True, names=NAMES)
    assert host.asked == [*(("holds", name) for name in NAMES), ("publish", *NAMES, "environment file")]
    assert sorted(told["lacking"]) == sorted(NAMES) and told["changed"] and host.did == {}


def test_what_comes_before_a_failure_is_published_and_recorded(host):
    host.plan(ALL)
    host.taken, host.trouble = place(), {"torch": "it does not work here"}
    told = host.provide(names=NAMES)
    assert told["failed"] and told["changed"] and host.needs == {"torch", "apex", "environment file"}
    assert len(host.said) == 2


def test_what_cannot_be_brought_keeps_nothing_before_it_from_being_published(host):
    host.plan(ALL)
    host.taken, host.given = place(), {"torch": carry.CarryError("no room left")}
    with pytest.raises(AnsibleActionFail, match="^h: no room left$"):
        host.provide(names=NAMES)
    assert host.asked[-1] == ("publish", "cmake", "gcc730")
    assert host.needs == {"torch", "apex", "environment file"}


def test_of_a_host_that_is_lost_nothing_more_is_asked(host):
    host.plan(ALL)
    host.taken, host.given = place(), {"gcc730": AnsibleConnectionFailure("gone")}
    with pytest.raises(AnsibleConnectionFailure):
        host.provide(names=NAMES)
    assert [each[0] for each in host.asked] == ["copying", "take", "take"] and host.did == {}


def test_what_does_not_arrive_whole_is_brought_again_with_what_needs_it(host):
    host.plan(ALL)
    host.taken, host.late = place(), ["gcc730"]
    told = host.provide(names=NAMES)
    first, second = host.calls
    assert set(first["arrived"]) == set(NAMES) and second["arrived"] == {}
    assert [order["name"] for order in second["orders"]] == ["gcc730", "torch", "apex"]
    assert told["lacking"] == [] and host.needs == set() and set(told["products"]) == {*NAMES, "environment file"}


def test_what_is_damaged_in_the_build_cache_is_lacking(host):
    host.plan(BUILD)
    host.taken, host.late = place(), ["cmake"]
    kept = host._module

    def module(*given, **more):
        # The second time it is seen to be damaged, and set aside.
        host.taken = None
        return kept(*given, **more)

    host._module = module
    told = host.provide()
    assert told["lacking"] == ["cmake"] and len(host.calls) == 1 and "cmake" in host.needs and host.offered


# --- what is verified with it -----------------------------------------------------------------------------------------


def is_verified():
    return ledger.VERIFIED in ledger.Ledger().entry(HOST)["done"]


def test_with_the_last_product_all_is_verified(host):
    host.verifies = True
    host.plan(ALL)
    host.taken, host.given = place(), {"apex": None}
    assert "verified" not in host.provide(names=NAMES) and host.calls[-1]["verify"] is None and not is_verified()
    host.given = {}
    told = host.provide(names=["apex"], waits=True)
    assert host.calls[-1]["verify"] == VERIFY and "verified" in told and is_verified()
    assert host.said[-2:] == ["h: no NPU here", "h: cmake: verified"]


def test_the_environment_file_may_be_the_last(host):
    host.verifies = True
    host.plan(NOTHING._replace(environment=ENVIRONMENT))
    assert "verified" in host.provide(names=NAMES)


@pytest.mark.parametrize("verifies, check_mode", [(False, False), (True, True)])
def test_what_is_not_to_be_verified_now_is_not(host, verifies, check_mode):
    host.verifies = verifies
    host.plan(BUILD)
    host.taken = place()
    host.provide(check_mode, names=NAMES)
    assert host.calls[-1]["verify"] is None and not is_verified()


def test_what_has_not_arrived_is_not_verified_before_it_has(host):
    host.verifies = True
    host.plan(ALL)
    host.taken, host.late = place(), ["gcc730"]
    assert "verified" in host.provide(names=NAMES) and is_verified()


# --- what goes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode, needs", [(False, set()), (True, {"cmake"})])
def test_what_is_to_be_absent_is_taken_away(host, check_mode, needs):
    host.plan(REMOVE)
    host.one = {"changed": True, "notes": ["a file stays"]}
    assert host.needs == {"cmake"}
    told = host.publish(check_mode, names=["apex", "torch", "gcc730", "cmake"], state="absent")
    assert (told["changed"], told["removed"], told["notes"]) == (True, ["/gone"], ["a file stays"])
    assert host.asked == STRAIGHT and host.needs == needs
    assert {name: done["how"] for name, done in host.did.items()} == ({} if check_mode else {"cmake": "removed"})
    assert host.calls == [
        {"orders": [REMOVE.products["cmake"].order._asdict()], "environment": None, "state": "absent"},
    ]
    # The task that follows tells it, of all that went.
    assert host.said == []


def test_the_environment_file_goes_with_the_rest(host):
    gone = dict(ENVIRONMENT, do="remove")
    host.plan(REMOVE._replace(environment=gone))
    host.publish(names=["torch", "cmake"], state="absent")
    assert host.asked == [("publish", "cmake", "environment file")] and host.needs == set()
    assert host.did["environment file"]["how"] == "removed"


def test_where_nothing_is_to_go_the_host_is_not_asked(host):
    host.plan(NOTHING)
    told = host.publish(names=NAMES, state="absent")
    assert told == {"changed": False, "notes": [], "products": {}, "removed": []} and host.asked == []


# --- torch and torch_npu ------------------------------------------------------------------------------------------------


def pair(state=None, **npu):
    """The plan of a stock torch with torch_npu, on a host that has neither, or a state of one; `npu` changes torch_npu."""
    state = state or bare()
    state.products.setdefault("torch_npu", copy.deepcopy(bare().products["torch"]))
    stock = recipe(TORCH, built_with=[], installed_with="torch_npu")
    plugin = recipe(TORCH, name="torch_npu", distribution="torch_npu", built_with=[], **npu)
    return plan.make(ask(stock, plugin), state)


def test_torch_is_only_looked_for_while_its_torch_npu_is_to_be_built(host):
    host.plan(pair())
    host.given, host.held = {"torch": place()}, True
    # The build cache has it; what it is installed with is in another task.
    told = host.provide(names=["torch"])
    assert [each for each in host.asked if each[0] not in ("copying", "copied")] == [("holds", "torch")]
    assert told["lacking"] == [] and not host.calls
    # In one task, but the build cache lacks torch_npu.
    host.asked.clear()
    host.held = False
    told = host.provide(names=["torch", "torch_npu"])
    assert not host.calls and ("take", "torch") not in host.asked and "torch_npu" in told["lacking"]


def test_both_are_published_at_once(host):
    host.plan(pair())
    host.given, host.held = {"torch": place(), "torch_npu": place()}, True
    told = host.provide(names=["torch", "torch_npu"])
    assert told["lacking"] == [] and [each for each in host.asked if each[0] == "publish"] == [
        ("publish", "torch", "torch_npu")
    ]


def test_what_a_new_torch_replaces_goes_with_its_publishing_and_not_before(host):
    """A patched torch has no torch_npu: without it the stock torch would be of no use while the other one is built."""
    state = bare()
    manifest = {"fingerprint": "f" * 64, "identity": {}, "version": "2.6.0", "requirements": []}
    state.products["torch_npu"] = dict(
        copy.deepcopy(state.products["torch"]), manifest=manifest, version="2.6.0", site="/site"
    )
    gone = recipe(TORCH, name="torch_npu", distribution="torch_npu", state="absent", in_release=False, sources=[])
    host.plan(plan.make(ask(recipe(TORCH, built_with=[]), gone), state))
    assert host.publish(names=["torch_npu", "torch"], state="absent")["removed"] == [] and not host.calls
    host.given = {"torch": place()}
    host.provide(names=["torch", "torch_npu"])
    assert ("publish", "torch", "torch_npu") in host.asked
    assert [order["name"] for order in host.calls[-1]["replaced"]] == ["torch_npu"]
    assert host.did["torch_npu"]["how"] == "removed" and host.needs == set()


# --- wheels of a bundle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check_mode, wheels", [(False, ["a.whl"]), (True, ["a.whl"]), (False, [])])
def test_what_pip_needs_is_sent_before_it_is_asked(host, monkeypatch, check_mode, wheels):
    def send(order, bundle, held):
        host.asked.append(("send", order.name, bundle, held))

    monkeypatch.setattr(mirror, "Sender", lambda _action, _task_vars: SimpleNamespace(send=send))
    planned = copy.deepcopy(LINK)
    order = ORDER._replace(bundle="/bundle", wheels=wheels)
    planned.products["cmake"] = planned.products["cmake"]._replace(order=order)
    host.plan(planned)
    host.provide(check_mode)
    sent = [("send", "cmake", "/bundle", ["a.whl"])] if wheels and not check_mode else []
    assert [each for each in host.asked if each[0] in ("send", "publish")] == sent + STRAIGHT
