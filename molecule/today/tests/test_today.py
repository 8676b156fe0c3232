# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each host got the newest release that goes with its CANN, as its user sees it."""

import json

import pytest
import rig

VENV = "/opt/ascend-pytorch/venv/bin/python"
# (Python, stock torch, torch_npu, CANN's home)
EXPECTED = {
    "debian": (VENV, "2.9.0+cpu", "2.9.0.post1", "/usr/local/Ascend/cann-8.5.0"),
    "euler": ("python3.9", "2.6.0+cpu", "2.6.0.post2", "/usr/local/Ascend/ascend-toolkit/8.2.RC1"),
    "pod": (VENV, "2.12.0+cpu", "2.12.0", "/usr/local/Ascend/cann-9.1.0"),
}
CODE = """
import json, os, torch, torch_npu
cann = os.path.realpath(os.environ["ASCEND_TOOLKIT_HOME"])
print(json.dumps([torch.__version__, torch_npu.__version__, cann, torch_npu.build_info()["torch"]["version"], torch.npu.device_count()]))
"""


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """play(playbook): the rig.Run of a playbook that has ended well, and the folder of its reports."""
    folder, begun = tmp_path_factory.mktemp("runs"), []

    def run(name):
        argv = ["ansible-playbook", str(rig.PROJECT / "playbooks" / name), "-i", rig.INVENTORY, "-v"]
        argv += ["-i", str(rig.PROJECT / "molecule/today/inventory"), "-e", "fleet_mirror=" + str(rig.MIRROR)]
        argv += ["-e", "ascend_report_dir=" + str(folder)]
        begun.append(rig.Run(argv, rig.environment(), folder / (name + ".log")))
        return begun[-1].ended(), folder

    yield run
    for each in begun:
        each.kill()


def test_both_are_imported_with_this_cann(host):
    name = host.backend.host
    python, torch, torch_npu, cann = EXPECTED[name]
    said = host.check_output("cd / && . /etc/ascend-pytorch/env.sh && %s -c %s", python, CODE)
    npus = 4 if name == "pod" else 2
    assert json.loads(said) == [torch, torch_npu, cann, torch.partition("+")[0], npus]


@pytest.mark.parametrize("tool", ["patch", "dos2unix", "bzip2"])
def test_what_only_other_builds_need_is_not_installed(host, tool):
    assert not host.exists(tool)


def test_they_are_whole_and_use_the_npu(play):
    run, _folder = play("verify.yml")
    assert run.changed == set()
    sums = [line for line in run.said.splitlines() if line.strip() == "- 'the sum is right: True on npu:0'"]
    assert len(sums) == len(EXPECTED), run.said[-3000:]


def test_every_host_is_fit_and_is_told_which_release_it_has_and_why(play):
    _run, folder = play("check.yml")
    hosts = json.loads((folder / "check.json").read_text())["hosts"]
    assert set(hosts) == set(EXPECTED)
    for name, host in hosts.items():
        # A virtual environment has none of the packages that CANN imports.
        told = {each["id"] for each in host["findings"] if each["severity"] != "note"}
        assert told == ({"package-missing"} if EXPECTED[name][0] == VENV else set()), host["findings"]
        (why,) = [each["found"] for each in host["findings"] if each["id"] == "release-chosen"]
        assert "torch_npu {0} is the newest for CANN".format(EXPECTED[name][2]) in why
        assert {part["do"] for part in host["components"].values()} == {"nothing"}
