# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/demo.py: the inventory that it completes, and the commands that it ends with. `tools/demo.py try` runs them."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import demo
import pytest
import yaml
from checkout import ROOT, environment
from yamllint import linter
from yamllint.config import YamlLintConfig

# As tests/fleet writes it: long paths are the longest that lines get.
HOST = {
    "ansible_host": "192.0.2.7",
    "ansible_port": 22,
    "ansible_ssh_common_args": "-o StrictHostKeyChecking=yes " + f"-o UserKnownHostsFile=/{'long/' * 20}known_hosts",
}
FLEET = {
    "all": {
        "children": {
            "ascend": {
                "hosts": {host["name"]: dict(HOST) for host in demo.HOSTS},
                "vars": {"fleet_name": "demo"},
            }
        }
    }
}
SOURCES = {
    "cmake_sha256": "0" * 64,
    "gcc730_digests": {"gcc-7.3.0.tar.gz": "1" * 64},
    "mirror_commits": {"1.8.1": {"adapter": "2" * 40}},
    "torch_npu_build_adapter_commit": "{{ mirror_commits[ascend_torch_version | default('1.8.1')].adapter }}",
}
CHOSEN = {"demo4": {"ascend_torch_version": "2.12.0", "cmake_sha256": "3" * 64}}
RECAP = """
PLAY RECAP *********************************************************************
demo1                      : ok=2    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
demo2                      : ok=2    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
demo3                      : ok=2    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
demo4                      : ok=2    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
"""


def ansible(*argv: str) -> subprocess.CompletedProcess:
    """What one of Ansible's programs says, run in the checkout's folder."""
    return subprocess.run(
        argv, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def hostvars(inventory: Path) -> dict:
    """The variables of an inventory's hosts."""
    done = ansible("ansible-inventory", "-i", str(inventory), "--list")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["_meta"]["hostvars"]


@pytest.fixture(scope="module")
def down(tmp_path_factory):
    """The demo's inventory as it is while no host is up."""
    folder = tmp_path_factory.mktemp("demo") / "inventory"
    shutil.copytree(demo.INVENTORY, folder, ignore=shutil.ignore_patterns(demo.UP))
    return folder


@pytest.fixture(scope="module")
def up(down, tmp_path_factory):
    """The same with hosts that are up, as far as it knows."""
    folder = tmp_path_factory.mktemp("demo") / "inventory"
    shutil.copytree(down, folder)
    (folder / demo.UP).write_text(demo.up_yml(demo.DEMO, FLEET, SOURCES, CHOSEN))
    return folder


def test_the_inventory_alone_has_all_that_the_hosts_need(up):
    known = hostvars(up)
    assert sorted(known) == ["demo1", "demo2", "demo3", "demo4"]
    for name, told in known.items():
        assert told["ansible_host"] == "192.0.2.7"
        assert told["ascend_mirrors"] == [str(ROOT / ".cache" / "sources")]
        assert told["ascend_build_cache"] == [str(ROOT / ".cache" / "demo-products")]
        assert told["ascend_report_dir"] == str(ROOT / ".cache" / "demo-report")
        assert told["gcc730_accept_installed"] is False
        expected = {**SOURCES, "cmake_sha256": "3" * 64} if name in CHOSEN else SOURCES
        assert {each: told[each] for each in SOURCES} == expected
        assert told.get("ascend_torch_version") == ("auto" if name in CHOSEN else None)


def test_templates_among_the_sources_stay_templates(up):
    done = ansible("ansible", "demo1", "-i", str(up), "-m", "debug", "-a", "var=torch_npu_build_adapter_commit")
    assert "2" * 40 in done.stdout, done.stdout + done.stderr


def test_hosts_that_are_not_up_say_what_to_do(down):
    assert {told["ansible_host"] for told in hostvars(down).values()} == {"not-up.run-make-demo.invalid"}


def test_the_inventory_passes_the_linter():
    """`make lint` looks at it, while a demo is up."""
    text = demo.up_yml(demo.DEMO, FLEET, SOURCES, CHOSEN)
    problems = linter.run(text, YamlLintConfig(file=str(ROOT / ".yamllint")))
    assert not list(problems)
    assert yaml.safe_load(text)["ascend"]["hosts"]["demo3"] == HOST


def test_another_demo_keeps_to_itself():
    ours, other = demo.DEMO, demo.Demo("demo-test")
    assert ours.inventory == ROOT / "inventories" / "demo"
    for one, two in zip(
        (ours.inventory, ours.products, ours.report), (other.inventory, other.products, other.report), strict=True
    ):
        assert one != two and one not in two.parents and two not in one.parents


def test_three_commands_come_next():
    check, verify, page = map(shlex.split, demo.commands(demo.next_steps(demo.DEMO)))
    assert check == [".venv/bin/ansible-playbook", "playbooks/check.yml", "-i", "inventories/demo"]
    assert verify == [".venv/bin/ansible-playbook", "playbooks/verify.yml", "-i", "inventories/demo"]
    assert page[:3] == [".venv/bin/python", "-m", "webbrowser"]
    assert page[3] == f"file://{demo.DEMO.report}/report.html"


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("option", ["--syntax-check", "--list-hosts"])
def test_the_commands_are_such_that_ansible_takes_them(up, number, option):
    program, playbook, minus_i, inventory = shlex.split(demo.commands(demo.next_steps(demo.DEMO))[number])
    assert (ROOT / program).is_file() and (ROOT / playbook).is_file() and (ROOT / inventory).is_dir()
    done = ansible(str(ROOT / program), playbook, minus_i, str(up), option)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stderr
    if option == "--list-hosts":
        assert {"demo1", "demo2", "demo3", "demo4"} <= set(done.stdout.split())


def test_a_path_with_a_blank_can_be_pasted(monkeypatch):
    monkeypatch.setattr(demo, "ROOT", Path("/home/my work"))
    page = shlex.split(demo.commands(demo.next_steps(demo.Demo("x")))[2])[3]
    assert page == "file:///home/my%20work/.cache/x-report/report.html"


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (RECAP, []),
        # Ansible's own words, and not those of a task that speaks of them
        (f"demo1 : changed=7\n{RECAP}", []),
        (RECAP.replace("changed=0", "changed=3", 1), ["demo1: ok=2    changed=3"]),
        (RECAP.replace("failed=0", "failed=1", 1), ["demo1: ok=2    changed=0"]),
        (RECAP.replace("unreachable=0", "unreachable=1", 1), ["demo1: ok=2    changed=0"]),
        (RECAP.replace("demo2 ", "demo9 "), ["demo2 is not in the recap"]),
        (f"  cmake (3.12.1) is outdated: the sources differ\n{RECAP}", ["cmake (3.12.1) is outdated: the sources"]),
        ("", [f"demo{number} is not in the recap" for number in (1, 2, 3, 4)]),
    ],
)
def test_complaints(output, told):
    found = demo.find_problems(output.splitlines())
    assert len(found) == len(told)
    assert all(one.startswith(start) for one, start in zip(found, told, strict=True))


PATCHED = {"host": "demo1", "os": "debian 11", "cmake": "3.12.1", "gcc": "7.3.0", "torch": "1.8.1", "apex": "0.1"}
PLUGIN = {
    "host": "demo4",
    "os": "debian 12",
    "cmake": "3.18.4",
    "gcc": "11.2.0",
    "torch": "2.9.0",
    "torch_npu": "2.9.0",
}


def test_a_table_has_the_columns_of_all_rows():
    head, one, other = demo.table([PATCHED, PLUGIN]).splitlines()
    assert head.split() == ["host", "os", "cmake", "gcc", "torch", "torch_npu", "apex"]
    assert one.split()[-3:] == ["1.8.1", "-", "0.1"] and other.split()[-3:] == ["2.9.0", "2.9.0", "-"]


@pytest.mark.parametrize("without", ["", "cmake", "gcc", "torch", "apex"])
def test_what_a_host_must_have_at_the_end(without):
    assert demo.is_complete({name: value for name, value in PATCHED.items() if name != without}) == (not without)
    assert demo.is_complete({name: value for name, value in PLUGIN.items() if name != without}) == (
        without in ("", "apex")
    )


def test_unopened(tmp_path):
    page = tmp_path / "my report.html"
    assert demo.find_missing_pages([]) == ["no page was opened"]
    assert demo.find_missing_pages(["noise", page.as_uri()]) == [f"there is no {page}"]
    page.touch()
    assert demo.find_missing_pages(["noise", page.as_uri()]) == []


def test_a_command_is_judged_by_its_status_first(monkeypatch, capsys):
    assert demo.run_as_newcomer("it", "exit 3", lambda lines: []).failed == 1
    assert demo.run_as_newcomer("it", "echo well", lambda lines: []).passed == 1
    bad = demo.run_as_newcomer("it", "echo outdated", demo.find_problems)
    assert (bad.passed, bad.failed) == (0, 1) and bad.why[0] == "outdated"
    assert "outdated" in capsys.readouterr().out
