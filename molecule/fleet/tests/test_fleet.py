# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Built once for a cohort, whatever way hosts come, products are carried, and toolchains are wanted."""

import shutil
import subprocess

import pytest
from rig import PROJECT

COHORT = ONE, TWO, THREE = "fleet1", "fleet2", "fleet3"
# Makes the first of them a builder, and so nobody else.
BUILDERS = ("-i", str(PROJECT / "molecule/fleet/inventory/builders.yml"))


def key_at(path):
    """Make a key to sign with, and return it and what trusts it, as variables."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return {"ascend_sign_key": str(path)}, {"ascend_trusted_keys": "{0}.pub".format(path)}


def test_each_cohort_builds_once_and_a_reinstalled_host_not_at_all(crew):
    everyone = [*COHORT, "plain"]
    assert crew.apply(["cmake"], everyone, "--check").changed == set(everyone)
    assert crew.kept() == [] and crew.built(*everyone) == 0

    crew.apply(["cmake"], everyone)
    assert (crew.built(*COHORT), crew.built("plain")) == (1, 1)
    assert len(crew.kept()) == 2
    assert all(map(crew.stands, everyone))

    crew.anew(TWO, "plain")
    assert crew.apply(["cmake"], everyone).changed == {TWO, "plain"}
    assert crew.built(TWO, "plain") == 0
    assert crew.stands(TWO) and crew.stands("plain")


@pytest.mark.parametrize(
    ("env", "playbook"),
    [
        ({"ANSIBLE_STRATEGY": "free", "ANSIBLE_FORKS": "1"}, None),
        ({"ANSIBLE_STRATEGY": "host_pinned", "ANSIBLE_FORKS": "2"}, None),
        ({}, PROJECT / "molecule/fleet/serial.yml"),
    ],
    ids=["free", "host_pinned", "serial"],
)
def test_in_whatever_order_hosts_come_one_builds(crew, env, playbook):
    crew.apply(["cmake"], COHORT, env=env, playbook=playbook)
    assert crew.built(*COHORT) == 1
    assert all(map(crew.stands, COHORT))


def test_a_build_that_cannot_be_begun_is_told_to_all(crew):
    run = crew.begin(["cmake"], COHORT, ascend_mirrors=["/nowhere/at/all"]).ended(well=False)
    assert run.recap("failed") == dict.fromkeys(COHORT, 1), run.said[-3000:]
    assert run.words.count("/nowhere/at/all is not a folder on the controller") >= 1
    assert "building cmake-3.12.1-" in run.words and "failed: see the message of that host" in run.words


def test_a_build_that_fails_is_tried_once_and_told_to_all(crew):
    run = crew.begin(["cmake"], COHORT, cmake_configure_options=["--nonsense"]).ended(well=False)
    assert run.recap("failed") == dict.fromkeys(COHORT, 1), run.said[-3000:]
    tries = "cat /var/lib/ascend-pytorch/builds/cmake-*/build.log 2>/dev/null | grep -cx '=== configure' || true"
    assert sum(int(crew.on(host, tries)) for host in COHORT) == 1
    assert "Unknown option: --nonsense" in run.said
    assert crew.kept() == []
    assert not any(map(crew.stands, COHORT))


def test_what_a_host_still_has_is_built_by_no_other(crew):
    crew.apply(["cmake"], [ONE])
    shutil.rmtree(crew.cache)
    crew.on(ONE, "rm -r /usr/local/cmake*")
    # That one has nothing to build, and so takes another way than those that take it from there.
    assert crew.apply(["cmake"], COHORT).changed == set(COHORT)
    assert (crew.built(ONE), crew.built(TWO, THREE)) == (1, 0)
    assert all(map(crew.stands, COHORT)) and len(crew.kept()) == 1


def test_who_is_no_builder_builds_for_nobody_and_hands_on_nothing(crew):
    crew.apply(["cmake"], [TWO])
    shutil.rmtree(crew.cache)
    # What it has built before is there to be handed on; the builder builds its own.
    crew.apply(["cmake"], COHORT, *BUILDERS)
    assert (crew.built(ONE), crew.built(TWO), crew.built(THREE)) == (1, 1, 0)
    assert all(map(crew.stands, COHORT))

    shutil.rmtree(crew.cache)
    crew.anew(THREE)
    run = crew.begin(["cmake"], [TWO, THREE], *BUILDERS).ended(well=False)
    assert "no host can build cmake" in run.words and "ascend_builders (fleet1)" in run.words
    assert crew.built(THREE) == 0 and not crew.stands(THREE) and crew.kept() == []


def test_a_cache_that_is_served_is_taken_from(crew, serving):
    sign, trust = key_at(crew.folder / "key")
    crew.apply(["cmake"], [ONE], *BUILDERS, **sign)
    url = serving(crew.cache)
    # A controller that has nothing itself.
    places = {"ascend_build_cache": [str(crew.folder / "empty"), url]}
    run = crew.begin(["cmake"], [TWO], **places).ended(well=False)
    assert "is read without TLS" in run.words and "ascend_trusted_keys" in run.words
    crew.apply(["cmake"], [TWO], **places, **trust)
    assert crew.built(TWO) == 0 and crew.stands(TWO)


def test_a_cache_in_a_file_system_that_hosts_share(crew):
    place = {"ascend_build_cache": ["file:///srv/products"]}
    crew.apply(["cmake"], [ONE, TWO], **place)
    assert crew.built(ONE, TWO) == 1
    assert crew.stands(ONE) and crew.stands(TWO)
    # Nothing went through the controller.
    assert crew.kept() == []
    for host in (ONE, TWO):
        # As another fleet would find it, with hosts that are new.
        crew.on(host, "rm -rf /var/lib/ascend-pytorch /usr/local/cmake* /usr/bin/cmake")
    crew.apply(["cmake"], [ONE, TWO], **place)
    assert crew.built(ONE, TWO) == 0
    assert crew.stands(ONE) and crew.stands(TWO)


def test_only_what_a_trusted_key_signed_is_taken(crew):
    (sign, ours), (_sign, theirs) = (key_at(crew.folder / name) for name in ("ours", "theirs"))
    crew.apply(["cmake"], [ONE], *BUILDERS, **sign, **ours)
    (label,) = crew.kept()
    assert (crew.cache / label / "product.json.sig").is_file()

    crew.apply(["cmake"], [TWO], **ours)
    assert crew.built(TWO) == 0 and crew.stands(TWO)

    # What stands in the cache does not get there: it builds its own.
    run = crew.apply(["cmake"], [THREE], **theirs)
    assert "is refused: its signature" in run.words
    assert crew.built(THREE) == 1 and crew.stands(THREE)


def test_takers_get_wheels_and_runtime_libraries_and_no_toolchain(crew):
    wanted = {"ascend_toolchain_on": "builders", "gcc730_accept_installed": False, "cmake_accept_installed": False}
    crew.apply([], COHORT, *BUILDERS, **wanted)
    for product in ("cmake", "gcc730", "torch", "apex"):
        assert (crew.built(ONE, product=product), crew.built(TWO, THREE, product=product)) == (1, 0)
    for host in COHORT:
        crew.on(host, "cd / && . /etc/ascend-pytorch/env.sh && python3.9 -c 'import torch, apex'")
    for host in (TWO, THREE):
        assert crew.on(host, "ls -d /usr/local/cmake* /usr/local/linux_gcc7.3.0/bin/g* 2>/dev/null || true") == ""
        # The libraries stand where the environment file looks for them.
        crew.on(host, "ls /usr/local/linux_gcc7.3.0/lib64/libstdc++.so.6")

    assert crew.apply([], COHORT, *BUILDERS, **wanted).changed == set()

    # A host that is new comes alone, without the builders: what they build with is known from their last run.
    crew.anew(TWO)
    assert crew.apply([], [TWO], *BUILDERS, **wanted).changed == {TWO}
    assert sum(crew.built(TWO, product=product) for product in ("cmake", "gcc730", "torch", "apex")) == 0
    crew.on(TWO, "cd / && . /etc/ascend-pytorch/env.sh && python3.9 -c 'import torch, apex'")
