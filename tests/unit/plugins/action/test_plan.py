# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller works out around the plan: the clock, the message for an unfit host, whom to ask for sources."""

import json
import subprocess
from types import SimpleNamespace

import playing
import pytest
from ansible_collections.ascend.pytorch.plugins.action import plan as action
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import plan
from checkout import AS_COLLECTION
from situations import CMAKE, FITNESS, GCC, TORCH, ask, ask_torch, bare, recipe


@pytest.mark.parametrize(
    "clock, seconds",
    [
        # It answered between the question and the answer, as far as can be told.
        (1000.0, 0.0),
        (1004.9, 0.0),
        (990.0, -10.0),
        (1025.0, 20.0),
    ],
)
def test_the_clock_is_as_far_off_as_is_sure(clock, seconds):
    assert action.clock_skew(clock, 1000.0, 1005.0) == seconds


def test_the_message_for_an_unfit_host():
    assert action.unfit_message("h", ["a"]) == "h: 1 problem, nothing was changed:\n  - a"
    assert action.unfit_message("h", ["a", "b"]) == "h: 2 problems, nothing was changed:\n  - a\n  - b"


def test_a_host_that_is_taken_through_the_guide_has_a_line():
    needs = {"cmake": "", "torch": "build", "apex": "remove", "environment file": "write", "packages": ""}
    assert action.fit_message("h", needs) == "h: fit, needs torch, apex removed, environment file"
    assert action.fit_message("h", dict.fromkeys(needs, "")) == "h: fit, is to be verified"


@pytest.mark.parametrize("asked, questions", [(True, [False]), (False, [False, True])])
def test_the_pip_of_a_wheel_that_comes_is_asked_before_the_host_is_called_fit(monkeypatch, tmp_path, asked, questions):
    """A wheel of the same version stands there, so that examine alone leaves pip unasked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made, told = action.ActionModule.__new__(action.ActionModule), []
    arguments = {
        "roles": ["cmake"],
        "group": "",
        "unfit_group": "",
        "builders": [],
        "cache": [],
        "promised": {},
        "by_tags": False,
    }
    shared = {
        "silenced_checks": [],
        "toolchain_on": "all",
        "sign_key": "",
        "trusted_keys": "",
        "bundle": "",
    }
    request = ask_torch(recipe(CMAKE), recipe(GCC), recipe(TORCH), mirrors=[])
    monkeypatch.setattr(action.settings, "Source", lambda *_given: None)
    monkeypatch.setattr(action.settings, "Settings", lambda *_given: shared)
    settled = SimpleNamespace(of=None, is_settled=lambda: True)
    monkeypatch.setattr(action.releases, "Releases", lambda *_given: settled)
    monkeypatch.setattr(action.requests, "make", lambda *_given: request)
    monkeypatch.setattr(action.requests, "groups", lambda roles, _source: [roles])
    made._task = SimpleNamespace(check_mode=False)
    made.validate_argument_spec = lambda _spec: (None, arguments)
    made._is_become_unprivileged = lambda: True
    made._enter = lambda *_given: None

    def examine(_name, module_args, task_vars):
        told.append(module_args.get("pip", False))
        state = bare()
        state = state._replace(tools={name: state.tools.get(name, []) for name in module_args["tools"]})
        state.pythons["python3.9"]["pip"]["asked"] = asked or module_args.get("pip", False)
        return {"state": state._asdict()}

    made._execute_module = examine
    monkeypatch.setattr(action.variables, "refuse_undefined", lambda *_given: None)
    monkeypatch.setattr(action.keyring, "keep", lambda *_given: None)
    assert made.act({}, {"inventory_hostname": "h"})["plan"]["products"]["torch"]["do"] == "build"
    assert told == questions
    assert action.plans.order("h", "torch").name == "torch"


@pytest.mark.parametrize("silenced, place", [([], "nas:/home 7"), (["umask"], "nas:/home 7"), (["shared-place"], "")])
def test_places_are_named_where_it_is_asked_whether_hosts_share_them(silenced, place):
    state = bare(disk={"/home": {"path": "/home", "place": "nas:/home 7"}})
    request = ask(fitness=FITNESS, silenced=silenced)
    assert action.disks(request, state) == {"/home": {"path": "/home", "place": place}}
    assert action.disks(request._replace(fitness=None), state)["/home"]["place"] == ""


def test_whom_to_ask_for_sources(tmp_path):
    planned = plan.make(ask(recipe(CMAKE), recipe(GCC)), bare())
    assert [source["name"] for source in action.sources_to_reach(planned, [])[0]] == [
        "cmake: cmake-3.12.1.tar.gz",
        "gcc730: gcc-7.3.0.tar.gz",
    ]
    # What a folder on the controller holds is sent, and what is not built needs nothing.
    (tmp_path / "cmake-3.12.1.tar.gz").write_bytes(b"")
    assert [source["file"] for source in action.sources_to_reach(planned, [str(tmp_path), "https://m.example"])[0]] == [
        "gcc-7.3.0.tar.gz"
    ]
    planned.products["gcc730"] = planned.products["gcc730"]._replace(do=plan.PUBLISH)
    assert action.sources_to_reach(planned, [str(tmp_path)]) == ([], {})


def test_what_a_mirror_lacks_of_a_repository_is_known(tmp_path):
    planned = plan.make(ask(recipe(CMAKE)), bare())
    entry = planned.products["cmake"]
    commit = {"name": "s", "kind": "git", "repo": "Owner/name", "commit": "1" * 40, "urls": [], "submodules": True}
    planned.products["cmake"] = entry._replace(order=entry.order._replace(sources=[commit]))
    assert action.sources_to_reach(planned, [str(tmp_path)])[1] == {"cmake: Owner/name": []}
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "Owner/name.git")], check=True)
    asked, lacking = action.sources_to_reach(planned, [str(tmp_path)])
    assert [source["name"] for source in asked] == list(lacking) == ["cmake: Owner/name"]
    (folder, why) = lacking["cmake: Owner/name"][0]
    assert folder == str(tmp_path) and "Owner/name.git: does not have commit 1111" in why and "\n" not in why


@pytest.fixture
def site(tmp_path):
    """site(variables): what the site's own playbook says of a host that cannot be reached, line ends aside."""

    def run(said):
        hosts = {"ascend": {"hosts": {"nowhere": {"ansible_host": "127.0.0.1", "ansible_port": 9}}}}
        (tmp_path / "hosts.json").write_text(json.dumps(hosts))
        done = playing.play(
            AS_COLLECTION / "playbooks" / "site.yml",
            "-i",
            "hosts.json",
            "-e",
            json.dumps(said),
            cwd=tmp_path,
            XDG_CACHE_HOME=str(tmp_path / "home"),
        )
        words = " ".join(done.stdout.split())
        assert done.returncode, words
        return words

    return run


def test_whom_to_trust_is_asked_before_any_host_is(site):
    """By the site's own playbook: what the roles' variables say reaches the plan."""
    words = site({"ascend_sign_key": "~/key", "ascend_build_cache": ["auto", "http://cache.example.com"]})
    assert "nowhere: 2 problems, nothing was changed:" in words, words
    assert "http://cache.example.com is read without TLS" in words and "the group ascend_builders is empty" in words


def test_a_list_that_was_given_as_text_is_told(site):
    """As -e name=value gives it. It was a folder of that name."""
    assert "ascend_build_cache is the text '[]', and has to be a list" in site({"ascend_build_cache": "[]"})


def test_paths_on_the_controller_are_judged_before_any_host_is_asked(site):
    words = site(
        {
            "ascend_build_cache": ["auto", "/tmp", "file:///etc", "ftp://me:secret@cache.example.com"],
            "ascend_bundle": "~bob/bundle",
            "ascend_trusted_keys": "keys\n",
            "ascend_mirrors": ["https://m.example", "~bob/mirror"],
        }
    )
    assert "nowhere: 6 problems, nothing was changed:" in words, words
    for given in (
        "build_cache: '/tmp'",
        "build_cache: 'file:///etc'",
        "bundle: '~bob/bundle'",
        "mirrors: '~bob/mirror'",
    ):
        assert f"ascend_{given} is refused: " in words, words
    assert "ascend_trusted_keys: 'keys" in words
    assert "ascend_build_cache: ftp://cache.example.com cannot be a build cache" in words
