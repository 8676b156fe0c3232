# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever has nobody to build for it is told so once the builders have come as far as the product, and not before."""

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.ascend.pytorch.plugins.action import elect
from ansible_collections.ascend.pytorch.plugins.action import plan as planning
from ansible_collections.ascend.pytorch.plugins.action import publish as publishing
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from ansible_collections.ascend.pytorch.plugins.plugin_utils import carry, plans
from situations import CMAKE, ask, bare, recipe

REQUEST = ask(recipe(CMAKE))


class Fleet:
    """A builder, b1, and a host of another platform that builds nothing, h."""

    def __init__(self, monkeypatch):
        self._patch = monkeypatch
        monkeypatch.setattr(carry, "Carrier", lambda *_given, **_more: SimpleNamespace(handed_over={}))
        for host, state, request in (
            ("b1", bare(), REQUEST),
            ("h", bare(libc="glibc 2.28"), REQUEST._replace(builds=False)),
        ):
            planned = plan.make(request, state)
            plans.keep(host, planned, {"asked": False}, planning.candidates(host, planned, state, ["b1"], early=False))

    def _act(self, module, host, **arguments):
        made = module.ActionModule.__new__(module.ActionModule)
        made._task = SimpleNamespace(check_mode=False, args=arguments)
        made._execute_module = lambda *_given, **_more: {"changed": True, "notes": []}
        return made.act({}, {"inventory_hostname": host, "ansible_play_hosts": ["b1", "h"]})

    def provide(self, host, taken=None):
        cache = SimpleNamespace(places=["/cache"], take=lambda _order: taken)
        self._patch.setattr(publishing.buildcache, "BuildCache", lambda *_given, **_more: cache)
        return self._act(publishing, host, names=["cmake"], cache=["/cache"])

    def elect(self, host):
        return self._act(elect, host, name="cmake", builders=["b1"])


@pytest.fixture
def fleet(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Fleet(monkeypatch)


@pytest.mark.parametrize("taken", [{"changed": True, "place": "/cache"}, None], ids=["takes", "builds"])
def test_a_host_whose_builders_have_all_come_so_far_is_told(fleet, taken):
    fleet.provide("b1", taken)
    assert fleet.provide("h")["lacking"] == ["cmake"]
    with pytest.raises(AnsibleActionFail, match="no host can build cmake"):
        fleet.elect("h")


def test_a_host_whose_builder_is_still_to_come_waits(fleet):
    assert fleet.provide("h")["lacking"] == ["cmake"]
    told = fleet.elect("h")
    assert (told["builder"], told["ready"], told["leads"]) == ("", False, False)
