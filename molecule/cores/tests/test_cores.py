# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet from its first check to its removal, by every playbook, on one ansible-core. Each test goes on from the last one."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import rig

FIT = ["aarch64", "bullseye", "openeuler", "second"]
PRODUCTS = ["cmake", "gcc730", "torch", "apex"]
LIMIT = ("--limit", "ascend:!unfit")
# For what is no other on an emulated host, and takes minutes there.
NATIVE = ("--limit", "ascend:!unfit:!aarch64")
FOLDER = Path(os.environ["REPORT_FOLDER"])
REPORT = {"ascend_report_dir": str(FOLDER)}
LOOK = ". /etc/ascend-pytorch/env.sh && cd / && python3.9 -c 'import apex, torch; print(torch.__version__)'"
# As if the host had been installed anew, but for its packages.
ANEW = """
python3.9 -m pip uninstall -q -y torch apex
rm -rf /var/lib/ascend-pytorch /usr/local/cmake* /usr/local/linux_gcc* /usr/bin/cmake /etc/ascend-pytorch
"""


class Controller:
    """A user of this scenario's ansible-core, with a cache of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.env = rig.environment(XDG_CACHE_HOME=str(folder / "xdg"), ANSIBLE_FORKS="10")
        self.runs = []

    @property
    def cache(self):
        return self.folder / "xdg" / "ascend-pytorch" / "products"

    def begin(self, playbook, *options, **variables):
        """Start a playbook on the scenario's hosts."""
        inventory = ("-i", str(rig.PROJECT / "molecule/cores/inventory"))
        given = {"fleet_mirror": str(rig.MIRROR), "ascend_progress": "log", **variables}
        output = self.folder / f"run{len(self.runs)}.log"
        self.runs.append(rig.Run(rig.playbook(playbook, given, *inventory, *options), self.env, output))
        return self.runs[-1]

    def run(self, playbook, *options, well=True, limit_s=600, **variables):
        """Run a playbook to its end, which must be well or must not be."""
        return self.begin(playbook, *options, **variables).ended(well, limit_s)


@pytest.fixture(scope="module")
def controller(tmp_path_factory):
    made = Controller(tmp_path_factory.mktemp("controller"))
    yield made
    for run in made.runs:
        run.kill()


def builds(host):
    """The products that a host has built, by their logs, each as often as its build stage ran."""
    script = "cd /var/lib/ascend-pytorch/builds 2>/dev/null && grep -c '^=== build$' */build.log /dev/null || true"
    counts = re.findall(r"^([a-z0-9]+)-\S*:(\d+)$", rig.on(host).check_output(script), re.MULTILINE)
    return {name: int(count) for name, count in counts if int(count)}


def test_the_programs_are_those_of_this_core():
    said = subprocess.run(["ansible", "--version"], check=True, capture_output=True, text=True).stdout
    assert said.startswith(f"ansible [core {os.environ['CORE_VERSION']}]")


def test_check_finds_what_is_wrong_and_answers_a_query(controller):
    run = controller.run("playbooks/check.yml", well=False, ascend_query="hosts.*.status | sort(@)", **REPORT)
    document = json.loads((FOLDER / "check.json").read_text())
    errors = {
        name: {finding["id"] for finding in host["findings"] if finding["severity"] == "error"}
        for name, host in document["hosts"].items()
    }
    assert errors == {**dict.fromkeys(FIT, set()), "unfit": {"cann-missing", "driver-firmware"}}
    assert json.loads((FOLDER / "check-query.json").read_text())[-1] == "unfit"
    assert "1 of 5 hosts is not fit: unfit" in run.words


def test_errors_stop_the_fleet_before_the_first_change(controller):
    run = controller.run("site.yml", well=False)
    assert "cann-missing" in run.said and "driver-firmware" in run.said
    assert run.changed == set() and "Provide what" not in run.said


def test_a_killed_run_is_gone_on_with_and_each_cohort_builds_once(controller):
    killed = controller.begin("site.yml", *LIMIT)
    # Packages for the emulated host take minutes. Of what is built quickly not every stage is told.
    killed.says("Start building torch", 600)
    killed.kill()
    run = controller.run("site.yml", *LIMIT)
    taken = Path(os.environ["SITE_PRODUCTS"]).is_dir()
    # What the build cache has came before anything was built.
    assert run.changed == set(FIT) - ({"aarch64"} if taken else set())
    assert builds("aarch64") == ({} if taken else dict.fromkeys(PRODUCTS, 1))
    counts = [builds(host) for host in FIT if host != "aarch64"]
    # One libc and one arch: CMake and gcc serve both distributions, wheels the hosts of their own.
    wanted = {"cmake": 1, "gcc730": 1, "torch": 2, "apex": 2}
    assert {name: sum(count.get(name, 0) for count in counts) for name in PRODUCTS} == wanted
    for host in FIT:
        assert rig.on(host).check_output(LOOK) == "1.8.1+ascend"


def test_a_second_run_changes_nothing(controller):
    run = controller.run("site.yml", *LIMIT)
    assert run.recap("changed") == dict.fromkeys(FIT, 0)
    assert "Provide what" not in run.said and "unfit: by --limit" in run.said


def test_what_stands_is_proven_and_reported(controller):
    run = controller.run("playbooks/verify.yml", *LIMIT)
    assert run.recap("changed") == dict.fromkeys(FIT, 0)
    rig.on("second").check_output(
        "echo 'raise ValueError(1)' >> /usr/local/lib/python3.9/dist-packages/apex/__init__.py"
    )
    run = controller.run("playbooks/verify.yml", *NATIVE, well=False, ascend_verify_full=True)
    assert "apex 0.1+ascend is damaged" in run.words and run.recap("failed")["second"] == 1
    assert controller.run("site.yml", *NATIVE).changed == {"second"}
    # The fingerprints in it are held against those of the scenario site, on the newest core; see tools/run_molecule.py.
    controller.run("playbooks/report.yml", *LIMIT, **REPORT)
    hosts = json.loads((FOLDER / "report.json").read_text())["hosts"]
    assert {name: [part["verified"] for part in host["components"].values()] for name, host in hosts.items()} == (
        dict.fromkeys(FIT, [True] * 4)
    )
    assert (FOLDER / "report.html").stat().st_size > 10_000


def test_a_bundle_carries_it_to_a_host_that_is_new(controller):
    folder = controller.folder / "bundle"
    wanted = {
        "ascend_bundle_dest": str(folder),
        "ascend_mirrors": [str(rig.MIRROR)],
        "ascend_bundle_releases": ["1.8.1"],
        "ascend_bundle_platforms": [{"arch": "x86_64", "python": "3.9"}],
        "ascend_bundle_products": str(controller.cache),
    }
    controller.run("playbooks/bundle.yml", **wanted)
    assert sum(controller.run("playbooks/bundle.yml", **wanted).recap("changed").values()) == 0
    assert "is whole" in controller.run("playbooks/bundle.yml", ascend_bundle_state="verified", **wanted).said
    rig.on("second").check_output(ANEW)
    own = {"ascend_bundle": str(folder), "ascend_build_cache": [str(controller.folder / "empty")]}
    assert controller.run("site.yml", "--limit", "second", **own).changed == {"second"}
    assert builds("second") == {}
    assert rig.on("second").check_output(LOOK) == "1.8.1+ascend"


def test_the_cache_is_listed_verified_and_pruned(controller):
    kept = len(list(controller.cache.glob("*/product.json")))
    assert kept >= len(PRODUCTS)
    assert f"{kept} products, " in controller.run("playbooks/cache.yml").said
    assert "all whole" in controller.run("playbooks/cache.yml", ascend_cache="verify").said
    run = controller.run("playbooks/cache.yml", "--check", ascend_cache="prune", ascend_cache_keep_days=0)
    assert "would be removed" in run.said


def test_removal_wants_a_confirmation_and_leaves_nothing(controller):
    assert "ascend_remove_confirmed=true" in controller.run("playbooks/remove.yml", *NATIVE, well=False).words
    confirmed = {"ascend_remove_confirmed": True}
    assert controller.run("playbooks/remove.yml", *LIMIT, **confirmed).changed == set(FIT)
    assert controller.run("playbooks/remove.yml", *NATIVE, **confirmed).changed == set()
    for host in FIT:
        left = (
            "ls -d /usr/local/cmake* /usr/local/linux_gcc* /usr/bin/cmake /etc/ascend-pytorch/env.sh 2>/dev/null; true"
        )
        assert rig.on(host).check_output(left) == ""
        assert rig.on(host).run("python3.9 -m pip show torch apex").rc != 0
