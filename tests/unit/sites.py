# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on this machine, whose stand-in of CMake is really built and published, all of it below one folder."""

import json
import shutil
import subprocess
import sys

import yaml
from checkout import ROOT, environment, files

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
    """A copy of the collection, hosts that are this machine, and a controller's user with a cache of their own.

    :param more: variables of the hosts, in place of those that stand here; `sources` is where the stand-ins' sources are
    """

    def __init__(self, folder, **more):
        self.folder, self.sources, self.printed = folder, folder / "sources", ""
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
        sources = self.sources
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
            **more,
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
        for name in ("playbooks/site.yml", "playbooks/tasks/guide.yml"):
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
        self.printed = done.stdout
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
