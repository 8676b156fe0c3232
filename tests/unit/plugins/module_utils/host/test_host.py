# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of itself: real questions to this machine, and made-up hosts in folders."""

import json
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import account, host
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, manifest
from installations import asked, tree
from plain import as_plain, open_folder

TORCH = {"name": "torch", "version": "1.8.1", "product": "wheel", "distribution": "torch", "prefix": "", "links": []}


@pytest.mark.parametrize(
    "wanted, there, asked_for",
    [
        ([TORCH], "1.8.1", False),
        ([TORCH], "1.5.0", True),
        ([TORCH], "damaged", True),
        ([TORCH], "", True),
        # Which products there are is not known yet.
        ([], "", True),
    ],
)
def test_pip_is_asked_only_when_it_may_have_to_install_something(tmp_path, monkeypatch, wanted, there, asked_for):
    if there:
        info = tmp_path / "torch.dist-info"
        info.mkdir()
        version = "1.5.0" if there == "1.5.0" else "1.8.1"
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: {0}\n".format(version))
        (info / "RECORD").write_text(
            "torch.py,sha256=AAAA,1\n" if there == "damaged" else "torch.dist-info/METADATA,,\n"
        )
        its_manifest = manifest.compose("torch", version, "wheel", "f" * 64, {}, {}, "0")
        (info / manifest.WHEEL_NAME).write_text(json.dumps(its_manifest))
    told = host.interpreters.examine(sys.executable)
    monkeypatch.setattr(host.interpreters, "examine", lambda _name: dict(told, sites=[str(tmp_path)]))
    state = host.examine(
        {
            "products": wanted,
            "tools": [],
            "needs": [],
            "pythons": ["python3"],
            "venv": "",
            "work_dir": str(tmp_path / "work"),
            "env_file": str(tmp_path / "env.sh"),
        }
    )
    # Only pip itself knows which wheels it takes.
    assert bool(state.pythons["python3"]["pip"]["platforms"]) == asked_for


def everything(root):
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode, path.lstat().st_size)
        for path in [root] + sorted(root.rglob("*"))
    }


@pytest.mark.parametrize("uid", [0, 1000])
def test_examining_tells_all_and_changes_nothing(tmp_path, monkeypatch, program, uid):
    home = tmp_path / "home"
    (home / ".config/ascend-pytorch").mkdir(parents=True)
    (home / ".config/ascend-pytorch/env.sh").write_text("# env\n")
    program("cmake", "echo cmake version 3.20.0", "home/.local/bin")
    tree(tmp_path)
    monkeypatch.setattr(account, "user", lambda: {"uid": uid, "name": "u", "home": str(home)})
    monkeypatch.setenv("HOME", str(home))
    before = everything(tmp_path)
    umask = os.umask(0o027)
    try:
        state = host.examine(
            {
                "products": [
                    asked(tmp_path, links=[{"path": "auto", "target": "bin/cmake"}, {"path": "", "target": "x"}]),
                    {"name": "gcc730", "version": "7.3.0", "product": "tree", "prefix": "auto", "links": []},
                    {
                        "name": "torch",
                        "version": "1.8.1",
                        "product": "wheel",
                        "prefix": "",
                        "links": [],
                        "distribution": "torch",
                    },
                ],
                "tools": ["cmake", "no-such-tool"],
                "needs": ["make"],
                "pythons": ["python9.9", sys.executable],
                "venv": "~/venv",
                "work_dir": "auto",
                "env_file": "auto",
            }
        )
    finally:
        assert os.umask(umask) == 0o027
    assert everything(tmp_path) == before

    assert State.of(json.loads(json.dumps(state._asdict()))) == state
    own = str(home / ".local")
    assert set(state.session) == {"ends", "lingers"}
    assert state.umask == "0027" and state.cores >= 1 and abs(state.clock - time.time()) < 60
    assert state.arch == os.uname().machine and state.interfaces["lo"] == "127.0.0.1"
    assert (state.python, state.pythons["python9.9"]) == (sys.executable, None)
    assert (state.venv, state.venv_python) == (str(home / "venv"), None)
    assert state.products["cmake"]["version"] == "3.12.1"
    assert list(state.products["cmake"]["links"]) == [own + "/bin/cmake" if uid else "/usr/bin/cmake"]
    assert state.products["gcc730"]["prefix"] == (own if uid else "/usr/local") + "/linux_gcc7.3.0"
    assert state.tools["no-such-tool"] == []
    assert {
        "path": own + "/bin/cmake",
        "real": os.path.realpath(own + "/bin/cmake"),
        "version": "3.20.0",
        "problem": "",
    } in state.tools["cmake"]
    env_file = state.env_file
    if uid:
        assert state.work_dir == own + "/share/ascend-pytorch"
        assert env_file["sha256"] == fingerprint.file_digest(env_file["path"]) and env_file["path"].startswith(
            str(home)
        )
    else:
        assert state.work_dir == "/var/lib/ascend-pytorch" and env_file["path"] == "/etc/ascend-pytorch/env.sh"
    for folder in (state.work_dir, os.path.dirname(env_file["path"]), str(tmp_path / "opt")):
        assert state.disk[folder]["free_mib"] >= 0


def test_an_environment_whose_own_python_is_wanted_is_asked_twice(tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    own = str(venv / "bin" / "python")
    question = {"products": [], "tools": [], "needs": [], "pythons": [own], "venv": str(venv)}
    state = host.examine(dict(question, work_dir="auto", env_file="auto", run_user=""))
    assert state.python == own
    assert state.venv_python["version"] == state.pythons[own]["version"] == "%d.%d.%d" % sys.version_info[:3]


def test_what_may_not_be_read_is_not_taken_for_absent(monkeypatch):
    with open_folder() as root:
        env_file, prefix = root / "env.sh", root / "cmake"
        env_file.write_text("# env\n")
        (prefix / "bin").mkdir(parents=True)
        (prefix / manifest.TREE_NAME).write_text("{}")
        own = root / "py/bin/python3"
        own.parent.mkdir(parents=True)
        own.symlink_to(sys.executable)
        for path in (env_file, prefix, root / "py"):
            path.chmod(0)
        question = {
            "products": [asked(root, prefix=str(prefix), links=[])],
            "tools": [],
            "needs": [],
            "pythons": [str(own)],
            "venv": "",
            "work_dir": str(root / "work"),
            "env_file": str(env_file),
        }
        state = State.of(as_plain(lambda: host.examine(question)._asdict()))
        assert state.env_file["sha256"] is None
        assert {str(path) for path in (env_file, prefix, root / "py")} <= {shut["path"] for shut in state.closed}


def test_cann_that_the_account_for_torch_may_not_enter(tmp_path):
    (tmp_path / "cann").mkdir(mode=0o700)
    there = {"path": str(tmp_path / "cann")}
    assert host._closed_to("", there) == host._closed_to("root", there) == host._closed_to("nobody", None) == []
    assert host._closed_to("no-such-user", there) == []
    (shut,) = host._closed_to("nobody", there)
    assert shut["user"] == "nobody" and shut["folder"]


def test_for_a_wheel_that_is_to_be_absent_pip_is_not_asked():
    """Such as torch_npu beside a patched torch: to ask pip takes longer than all the rest of the examination."""
    whole = {"manifest": {"version": "1.8.1"}, "damage": []}
    none = {"manifest": None, "damage": []}
    torch = {"name": "torch", "product": "wheel", "version": "1.8.1"}
    npu = {"name": "torch_npu", "product": "wheel", "version": "", "state": "absent"}
    assert not host._needs_pip([torch, npu], {"torch": whole, "torch_npu": none})
    assert host._needs_pip([torch, dict(npu, state="present")], {"torch": whole, "torch_npu": none})
    assert host._needs_pip([torch, npu], {"torch": none, "torch_npu": none})
