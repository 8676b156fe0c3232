# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/verify.yml, report.yml and remove.yml on the converged hosts; what is damaged or removed is restored afterwards."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import testinfra

PROJECT = Path(__file__).resolve().parents[3]
INVENTORY = os.environ["FLEET_INVENTORY"]
SITE = "/usr/local/lib/python3.9/dist-packages"
GCC = "/usr/local/linux_gcc7.3.0"
FULL = ("-e", "ascend_verify_full=true")
CONFIRMED = ("-e", "ascend_remove_confirmed=true")


def play(name, *options, hosts="ascend"):
    """Run a playbook of the collection as a user would; the result has returncode and stdout."""
    return subprocess.run(
        [
            "ansible-playbook",
            str(PROJECT / "playbooks" / name),
            *("-i", INVENTORY, "-i", str(PROJECT / "molecule/site/inventory")),
            *("-e", "@" + os.environ["FLEET_MIRROR_VARS"], "-e", "fleet_mirror=" + os.environ["FLEET_MIRROR"]),
            *("--limit", hosts),
            *options,
        ],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / "collections"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "true",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def words(result):
    """Return the output of a run as one line, since long texts are folded."""
    return " ".join(result.stdout.split())


def changes(result):
    """Return how many tasks changed something, by host."""
    return {host: int(count) for host, count in re.findall(r"^(\S+) +: .*changed=(\d+)", result.stdout, re.MULTILINE)}


@pytest.fixture(scope="module")
def bullseye():
    """The host that is damaged and emptied, as root; at the end it has everything again."""
    there = testinfra.get_host("ansible://bullseye", ansible_inventory=INVENTORY)
    yield there
    result = play("site.yml", hosts="bullseye")
    assert result.returncode == 0, result.stdout[-3000:]


def standing(host):
    """Return what the collection has installed on a host, by name."""
    return host.check_output(
        "ls -d /usr/local/cmake* %s* /usr/bin/cmake* /etc/ascend-pytorch/* %s/torch* %s/apex* 2>/dev/null; true",
        GCC,
        SITE,
        SITE,
    ).splitlines()


# --- verify -----------------------------------------------------------------------------------------------------------


# Reading every file takes minutes on an emulated host, and is the same there.
@pytest.mark.parametrize("options, hosts", [(("-v",), "ascend"), (("--check", *FULL), "ascend:!aarch64")])
def test_what_was_converged_is_whole_and_works(options, hosts):
    result = play("verify.yml", *options, hosts=hosts)
    assert result.returncode == 0, result.stdout[-3000:]
    assert set(changes(result).values()) == {0} and len(changes(result)) == (2 if "!" in hosts else 3)
    if "-v" in options:
        assert result.stdout.count("- 2.0 2.0 on npu:0") == 3


def test_the_report_has_all_of_it():
    # Its fingerprints are held against those of the scenario cores, on older ansible-cores; see tools/run_molecule.py.
    folder = Path(os.environ["REPORT_FOLDER"])
    result = play("report.yml", "-e", f"ascend_report_dir={folder}")
    assert result.returncode == 0, result.stdout[-3000:]
    hosts = json.loads((folder / "report.json").read_text())["hosts"]
    assert len(hosts) == 3
    for host in hosts.values():
        assert [part["verified"] for part in host["components"].values()] == [True] * 4
    # A later host takes it even if the host that built it is gone and had no other host to build for.
    stands = {(name, part["fingerprint"][:12]) for host in hosts.values() for name, part in host["components"].items()}
    cache = Path(os.environ["XDG_CACHE_HOME"], "ascend-pytorch", "products")
    assert stands <= {(path.name.partition("-")[0], path.name.rpartition("-")[2]) for path in cache.iterdir()}


def test_an_import_by_the_verification_leaves_nothing(bullseye):
    before = bullseye.check_output("find %s /root -xdev -not -path '/root/.ansible*' | sort", SITE)
    bullseye.check_output("rm -rf %s/torch/cuda/__pycache__", SITE)
    assert play("verify.yml", hosts="bullseye").returncode == 0
    after = bullseye.check_output("find %s /root -xdev -not -path '/root/.ansible*' | sort", SITE)
    assert set(after.splitlines()) <= set(before.splitlines())
    assert not bullseye.file(SITE + "/torch/cuda/__pycache__").exists


def test_an_npu_that_cannot_be_used_is_told(bullseye):
    bullseye.check_output("mv /dev/davinci0 /dev/away")
    try:
        result = play("verify.yml", hosts="bullseye")
    finally:
        bullseye.check_output("mv /dev/away /dev/davinci0")
    assert result.returncode != 0
    assert "1 problem with what is installed" in result.stdout
    assert "torch.npu.is_available: False" in result.stdout and "check.yml" in result.stdout


def test_all_damage_is_told_at_once_with_its_remedy_and_mended_by_it(bullseye):
    gone = bullseye.check_output("find /usr/local/cmake/ -name '*.cmake' | head -1")
    changed = bullseye.check_output("find %s/ -type f -name cc1", GCC)
    size = bullseye.file(changed).size
    bullseye.check_output("rm %s %s/apex/amp/__init__.py /usr/bin/cmake", gone, SITE)
    bullseye.check_output("printf X | dd of=%s bs=1 seek=%s conv=notrunc status=none", changed, str(size // 2))
    bullseye.check_output("echo 'raise ValueError(\"by hand\")' >> %s/torch/__init__.py", SITE)
    bullseye.check_output("echo >> /etc/ascend-pytorch/env.sh")
    assert bullseye.file(changed).size == size

    quick = play("verify.yml", hosts="bullseye")
    assert quick.returncode != 0 and "content differs" not in quick.stdout and "cc1" not in quick.stdout
    result = play("verify.yml", *FULL, hosts="bullseye")
    assert result.returncode != 0 and changes(result) == {"bullseye": 0}
    said = words(result)
    for expected in (
        f"cmake 3.12.1 is damaged: {gone[len('/usr/local/cmake/') :]}: missing. Run site.yml",
        "cmake 3.12.1: /usr/bin/cmake is not linked to it. Run site.yml",
        f"gcc730 7.3.0 is damaged: {changed[len(GCC) + 1 :]}: content differs. Delete the files that differ, then run site.yml",
        "torch 1.8.1+ascend is damaged: torch/__init__.py: size differs. Run site.yml",
        "ValueError: by hand",
        "apex 0.1+ascend is damaged: apex/amp/__init__.py: missing. Run site.yml",
        "environment file /etc/ascend-pytorch/env.sh: differs from the planned one. Run site.yml",
    ):
        assert expected in said

    bullseye.check_output("rm %s", changed)
    assert play("site.yml", hosts="bullseye").returncode == 0
    mended = play("verify.yml", *FULL, hosts="bullseye")
    assert mended.returncode == 0, mended.stdout[-3000:]


def test_what_is_outdated_is_told_as_that():
    result = play("verify.yml", "-e", '{"cmake_configure_options": ["--no-system-curl"]}', hosts="bullseye")
    assert result.returncode != 0
    assert re.search(r"cmake 3\.12\.1 \([0-9a-f]{12}\) is outdated: flags of stage configure changed", words(result))
    assert "damaged" not in result.stdout


# --- remove -----------------------------------------------------------------------------------------------------------


def test_removal_wants_a_confirmation(bullseye):
    before = standing(bullseye)
    for options in ((), ("-e", "ascend_remove_confirmed=false")):
        result = play("remove.yml", *options)
        assert result.returncode != 0
        assert "-e ascend_remove_confirmed=true" in words(result) and "Examine" not in result.stdout
    assert standing(bullseye) == before


def test_check_mode_lists_what_would_go_and_takes_nothing(bullseye):
    before = standing(bullseye)
    result = play("remove.yml", "--check", hosts="bullseye,openeuler")
    assert result.returncode == 0, result.stdout[-3000:]
    assert standing(bullseye) == before
    listed = re.findall(r"^ *- (/\S+)$", result.stdout, re.MULTILINE)
    assert len(listed) == 2 * len(set(listed))
    assert {path for path in before if not path.endswith(".pyc")} <= set(listed)


def test_what_is_ours_goes_and_what_is_not_stays(bullseye):
    bullseye.check_output("mkdir -p /usr/local/cmake-mine-000000000000")
    bullseye.check_output("echo mine > /usr/local/cmake/share/mine && echo mine > %s/torch/mine.py", SITE)
    bullseye.check_output("sed -i s/1.8.1/1.8.2/ %s/torch/version.py", SITE)
    tree = str(Path("/usr/local", Path(bullseye.file("/usr/local/cmake").linked_to).name))
    try:
        result = play("remove.yml", *CONFIRMED, hosts="bullseye")
        assert result.returncode == 0, result.stdout[-3000:]
        assert standing(bullseye) == sorted([tree, "/usr/local/cmake-mine-000000000000", SITE + "/torch"])
        left = bullseye.check_output("find %s %s/torch -type f", tree, SITE).splitlines()
        assert sorted(left) == sorted([tree + "/share/mine", SITE + "/torch/mine.py", SITE + "/torch/version.py"])
        assert "torch/mine.py, torch/version.py" in words(result) and f"{tree}: these files stay" in words(result)
        assert not bullseye.file("/etc/ascend-pytorch/env.sh").exists
        # Requirements, and packages that pip installed for them, stay on the host.
        assert bullseye.run("python3.9 -m pip show pyyaml").rc == 0
        assert changes(play("remove.yml", *CONFIRMED, hosts="bullseye")) == {"bullseye": 0}
    finally:
        bullseye.check_output("rm -rf /usr/local/cmake-mine-000000000000 %s/torch/mine.py", SITE)


def test_what_is_wanted_again_is_there_without_a_build(bullseye):
    before = bullseye.check_output("stat -c '%%Y %%n' /var/lib/ascend-pytorch/builds/*/status.json")
    result = play("site.yml", hosts="bullseye")
    assert result.returncode == 0, result.stdout[-3000:]
    assert bullseye.check_output("stat -c '%%Y %%n' /var/lib/ascend-pytorch/builds/*/status.json") == before
    assert play("verify.yml", *FULL, hosts="bullseye").returncode == 0
    bullseye.check_output("rm -f /usr/local/cmake/share/mine")
