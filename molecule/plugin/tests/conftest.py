# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as a user runs them with the variables of one release, and what of the mirror the hosts are given."""

import contextlib
import json
import subprocess

import pytest
import rig

# Prints what a Python has: {"torch", "torch_npu", "info": torch_npu.build_info()}; the environment file was sourced before.
IMPORT = """
import json, torch
found = {"torch": torch.__version__}
try:
    import torch_npu
except ModuleNotFoundError:
    pass
else:
    found.update(torch_npu=torch_npu.__version__, info=torch_npu.build_info())
print(json.dumps(found))
"""

# Prints the most compilers that ran at one time, until its input ends.
COUNT = """
import glob, threading, sys, time
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set())).start()
most = 0
while not ended.wait(0.01):
    now = 0
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path) as stream:
                now += stream.read() == "cc1plus\\n"
        except OSError:
            pass
    most = max(most, now)
print(most)
"""


class Host:
    """A host of the scenario, as root sees it."""

    def __init__(self, name, home="", work="/var/lib/ascend-pytorch"):
        self.name, self.work = name, work
        self.python = home + "/venv/bin/python" if home else "/usr/bin/python3.9"
        self.env = home + "/.config/ascend-pytorch/env.sh" if home else "/etc/ascend-pytorch/env.sh"

    def on(self, script, stdin=None):
        """What a shell script prints there. Raises FleetError when it fails."""
        return rig.shell.run(rig.inside(self.name, "sh", "-c", script), stdin=stdin)

    def told(self, code):
        """What code prints, as JSON, in its Python with the environment file."""
        argv = ["bash", "-euc", '. "$0"; cd /; exec "$1" -c "$2"', self.env, self.python, code]
        return json.loads(rig.shell.run(rig.inside(self.name, *argv)))

    def imports(self):
        """The versions that its Python imports, see IMPORT."""
        return self.told(IMPORT)

    def apex(self):
        """What its Apex was built with."""
        return self.told("import apex, json; print(json.dumps(apex.build_info()))")

    def versions(self):
        """(torch, torch_npu) that its Python imports."""
        found = self.imports()
        return found["torch"], found.get("torch_npu")

    def packages(self):
        """What its Python has: name -> version."""
        listed = self.on(self.python + " -m pip list --format json 2>/dev/null || echo '[]'")
        return {each["name"].lower().replace("_", "-"): each["version"] for each in json.loads(listed)}

    def files(self, name):
        """The files of an installed wheel, by pip."""
        said = self.on(self.python + " -m pip show -f " + name)
        return said.partition("Files:")[2].split()

    def manifest(self, name):
        """The manifest of an installed wheel."""
        site = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        if self.python.startswith("/usr/"):
            site = "import site; print(site.getsitepackages()[0])"
        path = self.on('cd /; {0} -c "{1}"'.format(self.python, site)).strip()
        return json.loads(self.on("cat {0}/{1}-*.dist-info/ascend-manifest.json".format(path, name)))

    @contextlib.contextmanager
    def compilers(self):
        """Meanwhile, its compilers are counted; the list has the most of one time when that is over."""
        argv = rig.inside(self.name, "python3", "-c", COUNT)
        counter = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        most = []
        try:
            yield most
        finally:
            most.append(int(counter.communicate(timeout=60)[0]))

    def built(self, product):
        """How often it ran the build stage of a product, by the logs."""
        logs = self.on("cat {0}/builds/{1}-*/build.log 2>/dev/null || true".format(self.work, product))
        return logs.splitlines().count("=== build")


class Fleet:
    """The scenario's hosts, and playbooks on them."""

    def __init__(self, folder):
        self.folder, self.begun = folder, []

    def begin(self, hosts, release, *options, playbook="site.yml", **variables):
        """Start a playbook on hosts for a release of the mirror, "" for the patched line; it is killed at the end of the test."""
        given = {
            "ascend_mirrors": [str(rig.MIRROR)],
            "ascend_build_cache": ["auto"],
            "ascend_progress": "log",
            "ascend_venv": "{{ '~/venv' if inventory_hostname == 'two' else '' }}",
        }
        chosen = ["-e", "@" + str(rig.MIRROR / "vars-{0}.yml".format(release))] if release else []
        names = ",".join(host.name for host in hosts)
        # A test's own variables come after the release's, and overrule them.
        argv = rig.playbook(playbook, given, "--limit", names, *chosen, "-e", json.dumps(variables), *options)
        output = self.folder / "run{0}.log".format(len(self.begun))
        self.begun.append(rig.Run(argv, rig.environment(ANSIBLE_FORKS="10"), output))
        return self.begun[-1]

    def run(self, hosts, release, *options, well=True, **more):
        """Run a playbook to its end, which must be well or must not be."""
        return self.begin(hosts, release, *options, **more).ended(well)


@pytest.fixture(scope="session")
def one():
    return Host("one")


@pytest.fixture(scope="session")
def two():
    return Host("two", "/home/ascend", "/home/ascend/.local/share/ascend-pytorch")


@pytest.fixture(scope="session")
def old():
    return Host("old")


@pytest.fixture
def fleet(tmp_path):
    made = Fleet(tmp_path)
    yield made
    for run in made.begun:
        run.kill()


@pytest.fixture(scope="session")
def partial_mirror(tmp_path_factory):
    """partial_mirror(*names): a folder with all that the mirror has, without these repositories."""

    def make(*names):
        folder = tmp_path_factory.mktemp("mirror")
        for path in sorted(rig.MIRROR.iterdir()):
            if path.is_dir() and not (path / "HEAD").exists() and path.name != "simple":
                (folder / path.name).mkdir()
                for inner in path.iterdir():
                    if "{0}/{1}".format(path.name, inner.name) not in names:
                        (folder / path.name / inner.name).symlink_to(inner)
            else:
                (folder / path.name).symlink_to(path)
        return folder

    return make


@pytest.fixture(scope="session")
def index():
    """index(host): put the mirror's index onto a host; return its URL there."""

    def put(host):
        packed = subprocess.check_output(["tar", "-c", "-C", str(rig.MIRROR), "simple"])
        host.on("mkdir -p /srv/index && tar -x -C /srv/index", stdin=packed)
        return "file:///srv/index/simple"

    return put
