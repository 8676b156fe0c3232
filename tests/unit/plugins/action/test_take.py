# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a product: from a place of the build cache, or what the host has itself; and what the run knows of it then."""

from types import SimpleNamespace

import cached
import pytest
from ansible_collections.ascend.pytorch.plugins.action import take as action
from ansible_collections.ascend.pytorch.plugins.module_utils import builds
from situations import bare

ORDER = dict(cached.manifest(), part_of="", parts=[])
LABEL = builds.label(ORDER)


@pytest.fixture
def take(monkeypatch, tmp_path):
    """take(cache, found, taken): the result, where the host has the product or not, and what the cache gives."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def act(cache, found=False, taken=None):
        made = action.ActionModule.__new__(action.ActionModule)
        made._task = SimpleNamespace(check_mode=False)
        arguments = {"order": ORDER, "cache": cache, "trusted_keys": "", "wait": False}
        made.validate_argument_spec = lambda _spec: (None, arguments)
        monkeypatch.setattr(action.carry, "Carrier", lambda *_given: SimpleNamespace(has=lambda _order: found))
        gives = SimpleNamespace(take=lambda _order: taken, places=cache)
        monkeypatch.setattr(action.buildcache, "BuildCache", lambda *_given, **_more: gives)
        return made.act({}, {"inventory_hostname": "h"})

    return act


@pytest.fixture
def known(take):
    """What the run knows of the host."""
    state = dict(bare(), products={}, tools={}, missing_needs=[], stored={}, begun={})
    question = {"products": [], "tools": [], "needs": [], "pythons": [], "run_user": ""}
    made = action.examined.Examined("h")
    made.keep(question, state)
    return lambda: made.recall(question)["stored"]


@pytest.mark.parametrize("found", [True, False])
def test_without_a_cache_a_host_has_it_or_not(take, known, found):
    assert take([], found=found) == {"changed": False, "found": found, "place": ""}
    assert known() == {}


def test_what_was_taken_the_host_has_from_then_on(take, known):
    assert take(["/cache"], taken={"changed": True, "place": "/cache"}) == {
        "changed": True,
        "found": True,
        "place": "/cache",
    }
    assert known() == {LABEL: ORDER["fingerprint"]}


def test_what_no_place_has_is_not_found(take, known):
    assert not take(["/cache"])["found"] and known() == {}
