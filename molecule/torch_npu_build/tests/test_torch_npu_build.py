# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PyTorch for Ascend imports with its environment set, was built by the right tools, and never by stock torch."""

import json

import pytest

HOSTS = {
    "nothing-set": {
        "python": "/usr/bin/python3.9",
        "env": "/etc/ascend-pytorch/env.sh",
        "cmake": "/usr/local/cmake",
        "gcc": "/usr/bin/g++",
        "version": "10.2.1",
    },
    "all-set": {
        "python": "/home/ascend/venv/bin/python",
        "env": "/home/ascend/ascend env.sh",
        "cmake": "/home/ascend/.local/cmake",
        "gcc": "/home/ascend/.local/linux_gcc7.3.0-7.3.0-",
        "version": "7.3.0",
    },
}


@pytest.fixture
def where(host):
    return HOSTS[host.backend.host]


def in_environment(host, where, command, shell="bash"):
    return host.check_output("%s -euc '. \"$0\"; cd /; '%s %s", shell, command, where["env"])


@pytest.fixture
def built(host, where):
    return json.loads(
        in_environment(host, where, where["python"] + ' -c "import torch, json; print(json.dumps(torch.build_info()))"')
    )


def test_imports_from_outside_the_source_tree(host, where):
    said = in_environment(host, where, where["python"] + ' -c "import torch; print(torch.__version__)"')
    assert said == "1.8.1+ascend"


def test_stands_where_every_account_finds_it_whatever_pips_own_settings_say(host):
    assert "install.user='true'" in host.check_output("python3.9 -m pip config list")
    assert not host.run("ls ~/.local/lib/python3.9/site-packages/torch").succeeded


def test_built_by_the_cmake_that_the_role_published(built, where):
    assert built["cmake"]["executable"].startswith(where["cmake"] + "-3.12.1-")
    assert built["cmake"]["version"] == "3.12.1"


def test_built_by_the_compiler_that_the_plan_chose(built, where):
    # For a tool that a role published, the path of its tree, not the link.
    assert built["cxx"]["path"].startswith(where["gcc"])
    assert built["cxx"]["version"] == where["version"]
    assert (built["compiled"]["compiled_through"] == "7.3.0") == (where["version"] == "7.3.0")


def test_pip_knows_it_and_the_guides_prerequisites(host, where):
    names = {
        entry["name"].lower().replace("_", "-"): entry["version"]
        for entry in json.loads(host.check_output("%s -m pip list --format json 2>/dev/null", where["python"]))
    }
    assert names["torch"] == "1.8.1+ascend"
    assert {"pyyaml", "wheel", "typing-extensions"} <= set(names)
    assert "torchvision" not in names


def test_the_manifest_is_in_the_wheel_and_pip_knows_it(host, where):
    files = host.check_output("%s -m pip show -f torch 2>/dev/null", where["python"])
    assert "ascend-manifest.json" in files


def test_the_environment_of_the_guides_table(host, where):
    said = in_environment(host, where, "env", shell="sh").splitlines()
    values = dict(line.split("=", 1) for line in said if "=" in line)
    wanted = {
        "PTCOPY_ENABLE": "1",
        "HCCL_WHITELIST_DISABLE": "1",
        "ASCEND_GLOBAL_LOG_LEVEL": "3",
        "ASCEND_GLOBAL_EVENT_ENABLE": "0",
        "ASCEND_SLOG_PRINT_TO_STDOUT": "0",
        "ASCEND_OPP_PATH": "/usr/local/Ascend/ascend-toolkit/latest/opp",
    }
    assert {name: values.get(name) for name in wanted} == wanted
    assert "DYNAMIC_COMPILE_ENABLE" not in values
    if host.backend.host == "all-set":
        assert values["TASK_QUEUE_ENABLE"] == "0"
        assert values["DYNAMIC_OP"] == "ADD#MUL"
        assert values["TRI_COMBINED_ENABLE"] == "1"
        assert values["HCCL_IF_IP"] == host.check_output(
            "ip -4 -o addr show eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'"
        )
        assert values["LD_LIBRARY_PATH"].split(":")[0] == "/home/ascend/.local/linux_gcc7.3.0/lib64"
    else:
        assert values["TASK_QUEUE_ENABLE"] == "1"
        assert "HCCL_IF_IP" not in values
    for name in ("LD_LIBRARY_PATH", "PYTHONPATH", "PATH"):
        assert "" not in values[name].split(":")


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_sourcing_it_twice_changes_nothing(host, where, shell):
    said = host.check_output(
        '%s -euc \'. "$0"; a=$LD_LIBRARY_PATH:$PATH; . "$0"; [ "$a" = "$LD_LIBRARY_PATH:$PATH" ] && echo same\' %s',
        shell,
        where["env"],
    )
    assert said == "same"
