# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run accounts for what it was for: with a part of it taken out, it fails and says what was not done.

site.yml on this machine, whose stand-in of CMake is really built and published, all of it below the test's own folder.
Each test goes on from the last one.
"""

import json
import shutil
import subprocess
import sys

import cores
import pytest
import yaml
from checkout import ROOT, environment, files

# What costs seconds, and hangs on the collection more than on the ansible-core, is tried on those that scenarios run on.
chosen_cores = pytest.mark.skipif(
    cores.running() not in (cores.CORES[0].line, *cores.OLDER),
    reason="tried on the newest ansible-core and two older ones",
)

GROUPING = """
    - *group
"""
PUBLISHING = """
- name: Publish it
  ansible.builtin.include_tasks: publish.yml
  when: "'publish' in __road_planned.plan.legs"
  tags: [build]
"""
# CMake, and then what only works with it.
CHAIN = """
- name: Take one role's product for granted in another's plan
  hosts: here
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: ascend.pytorch.cmake}
    - ansible.builtin.include_role: {name: ascend.pytorch.road, tasks_from: plan}
      vars: {road_name: what uses it, road_request: {recipes: ["{{ __cmake_recipe | combine({'reference': true}) }}"]}}
    - ansible.builtin.include_role: {name: ascend.pytorch.road, tasks_from: plan}
      vars: {road_name: what comes then, road_request: {recipes: []}}
    - ansible.builtin.debug: {msg: "promised {{ __road_planned.promised | default({}) | list }}"}
"""
# As ansible.posix.json, in short: nothing is printed before the end, and then one document.
CALLBACK = """
import json
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = "{name: ours_json, type: stdout, short_description: one document, description: [one document]}"

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "ours_json"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.told = {}

    def v2_runner_on_ok(self, result):
        self.told[result._task.get_name().rpartition(" : ")[2]] = json.loads(self._dump_results(result._result))

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps(self.told))
"""


class Site:
    """A copy of the collection, a host that is this machine, and a controller's user with a cache of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.collection = folder / "collections" / "ansible_collections" / "ascend" / "pytorch"
        for name in files():
            if name.startswith(("plugins/", "playbooks/", "roles/", "meta/", "galaxy.yml")):
                (self.collection / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.collection / name)
        # Facts outlive a run.
        self.facts = folder / "facts"
        (folder / "ansible.cfg").write_text(
            f"[defaults]\nfact_caching = jsonfile\nfact_caching_connection = {self.facts}\n"
        )
        sources = folder / "sources"
        subprocess.run([sys.executable, str(ROOT / "tests/mirror/make.py"), str(sources)], check=True)
        absent = {f"{role}_state": "absent" for role in ("gcc730", "torch_npu_build", "apex_build")}
        host = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            **yaml.safe_load((sources / "vars.yml").read_text()),
            **absent,
            "ascend_mirrors": [str(sources)],
            "ascend_require_cann": False,
            "ascend_require_npu": False,
            "ascend_install_packages": False,
            "ascend_work_dir": str(folder / "work"),
            "ascend_env_file": str(folder / "etc" / "env.sh"),
            # The release's Pythons are none of this test's.
            "ascend_silenced_checks": ["python-missing"],
            "cann_check_needs": [],
            "cann_check_check_sources": False,
            "cmake_accept_installed": False,
            "cmake_prefix": str(folder / "cmake"),
            "cmake_link": "",
        }
        self.inventory = folder / "hosts.json"
        self.inventory.write_text(json.dumps({"ascend": {"hosts": {"here": host, "there": host}}}))

    def without(self, name, text):
        """Take a text out of a file of the copy, until it is put back by `whole`."""
        path = self.collection / name
        before = path.read_text()
        assert before.count(text) >= 1, f"{name} has no such text any more:\n{text}"
        path.write_text(before.replace(text, "\n"))

    def whole(self):
        """Put back what was taken out."""
        for name in ("playbooks/site.yml", "roles/road/tasks/product.yml"):
            shutil.copy2(ROOT / name, self.collection / name)

    def document(self, *options, playbook):
        """Run a playbook under a callback that prints for programs; return what is on its standard output, read as JSON."""
        folder = self.folder / "callbacks"
        folder.mkdir(exist_ok=True)
        (folder / "ours_json.py").write_text(CALLBACK)
        more = {"ANSIBLE_STDOUT_CALLBACK": "ours_json", "ANSIBLE_CALLBACK_PLUGINS": str(folder)}
        done = self._started(options, playbook, more, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(done.stdout)

    def run(self, *options, playbook="site.yml"):
        """Run a playbook on the host `here`; return its exit status and what it says, line ends aside."""
        done = self._started(options, playbook, {}, stderr=subprocess.STDOUT)
        return done.returncode, " ".join(done.stdout.split())

    def _started(self, options, playbook, more, stderr):
        argv = ["ansible-playbook", str(self.collection / "playbooks" / playbook), "-i", str(self.inventory), *options]
        env = environment(
            ANSIBLE_COLLECTIONS_PATH=str(self.folder / "collections"), XDG_CACHE_HOME=str(self.folder / "xdg")
        )
        # The programs of the ansible-core that runs this test, and a controller with no settings of its own.
        env["PATH"] = f"{sys.prefix}/bin:{env['PATH']}"
        env["ANSIBLE_CONFIG"] = str(self.folder / "ansible.cfg")
        return subprocess.run(
            argv,
            env={**env, **more},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("site"))


def test_a_finding_that_nothing_stops_is_told(site):
    site.without("playbooks/site.yml", GROUPING)
    try:
        status, words = site.run("-l", "here", "-e", '{"ascend_require_npu": true, "ascend_only_fit_hosts": false}')
    finally:
        site.whole()
    assert status != 0 and "here: unfit, and nothing stopped it:" in words and "npu-missing" in words, words[-3000:]


def test_planned_work_that_was_never_begun_is_told(site):
    site.without("playbooks/site.yml", GROUPING)
    try:
        status, words = site.run("-l", "here")
    finally:
        site.whole()
    assert status != 0 and "here: planned and not done: build cmake" in words, words[-3000:]
    assert "Provide CMake" not in words and not (site.folder / "cmake").exists()


def test_a_product_that_was_built_and_not_published_is_told(site):
    site.without("roles/road/tasks/product.yml", PUBLISHING)
    try:
        # Else the proof of it would tell.
        status, words = site.run("-l", "here", "--tags", "build")
    finally:
        site.whole()
    assert status != 0 and "here: planned and not done:" in words and "cmake" in words, words[-3000:]
    assert not (site.folder / "cmake").exists()


@chosen_cores
def test_what_is_left_out_for_a_reason_is_told_and_no_error(site):
    status, words = site.run("-l", "here", "--check")
    assert status == 0 and "here: in check mode nothing is done: cmake" in words, words[-3000:]
    assert "there: by --limit" in words
    status, words = site.run("-l", "here", "--tags", "gcc730")
    assert status == 0 and "here: by --tags or --skip-tags: cmake" in words, words[-3000:]
    assert not (site.folder / "cmake").exists()


@chosen_cores
def test_what_check_mode_would_put_there_counts_to_the_end_of_the_run(site):
    (site.collection / "playbooks" / "chain.yml").write_text(CHAIN)
    status, words = site.run("--check", playbook="chain.yml")
    assert status == 0 and "promised ['cmake']" in words, words[-3000:]
    assert not any("promised" in path.read_text() for path in site.facts.glob("*"))


@chosen_cores
def test_a_callback_for_programs_prints_its_document_alone(site):
    """Where people have a table, and what check mode would do; what they would read is in the results."""
    told = site.document("-l", "here", playbook="check.yml")["Tell what was found"]
    assert "everything" in told["table"][-1] and told["headline"] == "The host is fit"
    told = site.document("-l", "here", "--check", playbook="site.yml")
    assert told["Account for it"]["left_out"]


def test_the_whole_run_does_all_of_it_and_the_next_nothing(site):
    status, words = site.run("-l", "here")
    assert status == 0 and "planned and not done" not in words, words[-3000:]
    assert (site.folder / "cmake" / "bin" / "cmake").exists()
    status, words = site.run("-l", "here")
    assert status == 0 and "changed=0" in words and "Provide CMake" not in words, words[-3000:]
    assert "not done" not in words


@chosen_cores
def test_a_pattern_that_matches_nobody_is_named(site):
    for playbook in ("site", "check", "verify", "report", "remove"):
        status, words = site.run("-e", "ascend_hosts=nobody", playbook=f"{playbook}.yml")
        assert status != 0 and "the pattern 'nobody' matches none of the inventory" in words, words[-3000:]
    status, words = site.run("-e", "ascend_hosts=here", "-l", "there", playbook="check.yml")
    assert status != 0 and "--limit leaves none of those that the pattern 'here' matches (here)" in words, words[-3000:]


@chosen_cores
def test_what_a_playbook_is_for_is_not_skipped_in_silence(site):
    status, words = site.run("-l", "here", "--tags", "check", playbook="verify.yml")
    assert status != 0 and "here: not verified" in words and "without --tags" in words, words[-3000:]
    for playbook, what in (
        ("cache", "the build cache was not looked at"),
        ("bundle", "no bundle was made or verified"),
    ):
        status, words = site.run("-l", "here", playbook=f"{playbook}.yml")
        assert status != 0 and what in words and "--limit" in words, words[-3000:]
    status, words = site.run("-e", '{"ascend_bundle_releases": []}', playbook="bundle.yml")
    assert status != 0 and "no bundle was made or verified" in words, words[-3000:]
