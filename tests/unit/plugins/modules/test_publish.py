# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module publish with the real pip of a virtual environment, of an account whose pip has settings of its own."""

import json
import os
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import diagnose, fingerprint, manifest
from ansible_collections.ascend.pytorch.plugins.modules import publish as module_publish
from checkout import ROOT

DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible.module_utils.testing import patch_module_args
from ansible_collections.ascend.pytorch.plugins.modules import publish
with patch_module_args(json.loads(sys.argv[2])):
    publish.main()
"""
VERIFY = {
    "run": ["{python}", "-c", "import os, tool; print(tool.version, os.path.realpath(tool.__file__))"],
    "expect": "^{version} {site}/tool/",
}


def make_wheel(folder, version, source):
    """Return a finished product of a wheel that has one module."""
    path, info = folder / f"tool-{version}-py3-none-any.whl", f"tool-{version}.dist-info/"
    mark = fingerprint.digest([version, source])
    card = manifest.compose("tool", version, "wheel", mark, {"version": version}, {"host": "builder"}, "0.1.0")
    files = {
        "tool/__init__.py": source,
        info + "METADATA": f"Metadata-Version: 2.1\nName: tool\nVersion: {version}\n",
        info + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + manifest.WHEEL_NAME: json.dumps(card),
    }
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
        out.writestr(info + "RECORD", "".join(f"{name},,\n" for name in [*files, info + "RECORD"]))
    return {"path": str(path), "sha256": fingerprint.file_digest(str(path)), "manifest": card}


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv")
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False)
    if made.returncode != 0:
        pytest.skip("this Python makes no virtual environments with pip")
    return folder


def site(venv):
    return next((venv / "lib").glob("python*/site-packages"))


def publish(venv, home, product):
    order = {
        "name": "tool",
        "version": product["manifest"]["version"],
        "product": "wheel",
        "distribution": "tool",
        "fingerprint": product["manifest"]["fingerprint"],
        "prefix": "",
        "links": [],
        "python": str(venv / "bin/python"),
        "sites": [str(site(venv))],
        "pip_options": [],
        "requirements": [],
        "verify": [VERIFY],
        "env_file": str(home / "env.sh"),
        "env_text": "TO_COME=1\nexport TO_COME\n",
        "work_dir": str(home / "work"),
        "library_path": [],
    }
    argv = [sys.executable, "-c", DRIVER, str(ROOT / "collections"), json.dumps({"order": order, "product": product})]
    environment = {**os.environ, "HOME": str(home), "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PREFIX": str(home / "prefix")}
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise AssertionError(done.stdout + done.stderr) from None


def stands(venv):
    return (site(venv) / "tool/__init__.py").read_text(), sorted(entry.name for entry in site(venv).glob(".*"))


def test_pips_own_settings_decide_nothing_and_what_does_not_work_replaces_nothing(venv, tmp_path):
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        "[install]\nuser = true\n[global]\nindex-url = https://joe:pw@mine/x\n"
    )
    first = publish(venv, tmp_path, make_wheel(tmp_path, "1.0", "version = '1.0'\n"))
    assert first.get("changed") is True, first
    assert any("index-url https://" in note and "joe:pw" not in note for note in first["notes"])
    assert stands(venv) == ("version = '1.0'\n", [".ascend-lock"])
    assert not (tmp_path / "prefix").exists() and not (tmp_path / ".local").exists()

    broken = publish(venv, tmp_path, make_wheel(tmp_path, "2.0", "raise ImportError('libopenblas.so.0')\n"))
    assert broken.get("failed") is True
    for words in ("what was there before still is", "built on builder", "libopenblas.so.0"):
        assert words in broken["msg"]
    assert stands(venv) == ("version = '1.0'\n", [".ascend-lock"])

    second = publish(venv, tmp_path, make_wheel(tmp_path, "3.0", "version = '3.0'\n"))
    assert second.get("changed") is True and stands(venv) == ("version = '3.0'\n", [".ascend-lock"])


def test_a_pip_that_fails_is_told_with_its_last_lines_and_what_is_known_of_them():
    module = SimpleNamespace(
        run_command=lambda argv, **options: (
            1,
            "Looking in links: /wheels\n",
            "ERROR: No matching distribution found for x\n",
        ),
        fail_json=lambda msg, **rest: pytest.fail(msg),
    )
    order = {"name": "apex", "library_path": [], "work_dir": "/work"}
    with pytest.raises(pytest.fail.Exception) as failed:
        module_publish.run_pip(module, order, ["pip", "install", "x"])
    assert "ERROR: No matching distribution found for x" in str(failed.value)
    known = diagnose.diagnose("ERROR: No matching distribution found for x")
    assert f" {known['cause']} {known['remedy']}\n" in str(failed.value)
