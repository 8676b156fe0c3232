# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module publish with the real pip of a virtual environment, of an account whose pip has its own settings."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import environments
import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import diagnose, fingerprint, manifest, products
from ansible_collections.ascend.pytorch.plugins.module_utils.provide import providing
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import publishing
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


def make_wheel(folder, name, version, source):
    """Return a finished product of a wheel that has one module."""
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info/"
    mark = fingerprint.digest([version, source])
    its_manifest = manifest.compose(name, version, "wheel", mark, {"version": version}, {"host": "builder"}, "0.1.0")
    files = {
        f"{name}/__init__.py": source,
        info + "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        info + "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + manifest.WHEEL_NAME: json.dumps(its_manifest),
    }
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)
        out.writestr(info + "RECORD", "".join(f"{name},,\n" for name in [*files, info + "RECORD"]))
    return {"path": str(path), "sha256": fingerprint.file_digest(str(path)), "manifest": its_manifest}


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv")
    try:
        environments.make(sys.executable, folder)
    except subprocess.CalledProcessError:
        pytest.skip("this Python makes no virtual environments with pip")
    return folder


def site(venv):
    return next((venv / "lib").glob("python*/site-packages"))


def order_of(venv, home, product, **changes):
    """Return the order of a wheel whose product is in the work directory."""
    its_manifest = product["manifest"]
    order = ordering.order(
        name=its_manifest["name"],
        version=its_manifest["version"],
        product="wheel",
        distribution=its_manifest["name"],
        fingerprint=its_manifest["fingerprint"],
        prefix="",
        python=str(venv / "bin/python"),
        sites=[str(site(venv))],
        verify=[VERIFY],
        env_file=str(home / "env.sh"),
        env_text="TO_COME=1\nexport TO_COME\n",
        work_dir=str(home / "work"),
    )
    folder = home / "work/products" / products.label(its_manifest)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(product["path"], folder)
    (folder / products.METADATA).write_text(json.dumps(products.compose(product["path"], its_manifest)))
    return order._replace(**changes)


def publish(home, orders, **more):
    arguments = json.dumps({"orders": [order._asdict() for order in orders], **more})
    argv = [sys.executable, "-c", DRIVER, str(ROOT / "collections"), arguments]
    environment = {**os.environ, "HOME": str(home), "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PREFIX": str(home / "prefix")}
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise AssertionError(done.stdout + done.stderr) from None


def stands(venv):
    return (site(venv) / "tool/__init__.py").read_text(), sorted(entry.name for entry in site(venv).glob(".*"))


def test_pips_own_settings_decide_nothing_and_what_does_not_work_replaces_nothing(venv, tmp_path):
    index = tmp_path / "index" / "needed"
    index.mkdir(parents=True)
    needed = make_wheel(tmp_path, "needed", "1.0", "version = '1.0'\n")
    shutil.move(needed["path"], index)
    (index / "index.html").write_text('<a href="needed-1.0-py3-none-any.whl">needed-1.0-py3-none-any.whl</a>')
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        f"[install]\nuser = true\n[global]\nindex-url = file://{tmp_path}/index\n"
    )
    first = order_of(venv, tmp_path, make_wheel(tmp_path, "tool", "1.0", "version = '1.0'\n"), requirements=["needed"])
    told = publish(tmp_path, [first])
    assert told.get("changed") is True, told
    assert any("index-url file://" in note for note in told["notes"])
    assert told["products"]["tool"]["changed"] and (site(venv) / "needed").is_dir()
    assert stands(venv) == ("version = '1.0'\n", [".ascend-lock"])
    assert not (tmp_path / "prefix").exists() and not (tmp_path / ".local").exists()

    broken = order_of(venv, tmp_path, make_wheel(tmp_path, "tool", "2.0", "raise ImportError('libopenblas.so.0')\n"))
    told = publish(tmp_path, [broken], environment={"path": str(tmp_path / "env.sh"), "text": "", "makes": ""})
    assert told.get("failed") is True and told["products"] == {} and not (tmp_path / "env.sh").exists()
    for words in (
        "tool was not published, and what was there before is unchanged",
        "built on builder",
        "libopenblas.so.0",
    ):
        assert words in told["msg"]
    assert stands(venv) == ("version = '1.0'\n", [".ascend-lock"])

    third = order_of(venv, tmp_path, make_wheel(tmp_path, "tool", "3.0", "version = '3.0'\n"))
    told = publish(tmp_path, [third])
    assert told.get("changed") is True and stands(venv) == ("version = '3.0'\n", [".ascend-lock"])
    # No index is used, so it does not matter which.
    assert told["notes"] == []


def test_of_several_wheels_those_before_the_one_that_does_not_work_stand(venv, tmp_path):
    base = make_wheel(tmp_path, "base", "1.0", "version = '1.0'\n")
    works = make_wheel(tmp_path, "tool", "4.0", "import base\nversion = '4.0'\n")
    orders = [
        order_of(venv, tmp_path, base, verify=[]),
        order_of(venv, tmp_path, works),
        order_of(venv, tmp_path, make_wheel(tmp_path, "late", "1.0", ""), verify=[{"run": ["false"]}]),
    ]
    told = publish(tmp_path, orders)
    assert told.get("failed") is True and "late was not published" in told["msg"]
    assert {name: each["changed"] for name, each in told["products"].items()} == {"base": True, "tool": True}
    assert stands(venv)[0] == "import base\nversion = '4.0'\n" and not (site(venv) / "late").exists()


def test_what_pip_says_to_have_installed_and_does_not_stand_is_told(venv, tmp_path):
    order = order_of(venv, tmp_path, make_wheel(tmp_path, "lost", "1.0", ""), verify=[])
    told = publish(tmp_path, [order._replace(sites=[str(site(venv).parent)])])
    assert told["failed"] and "lost was not published" in told["msg"] and "it is not whole in any of" in told["msg"], (
        told
    )
    assert told["products"] == {}


def test_what_is_not_there_is_told(venv, tmp_path):
    order = order_of(venv, tmp_path, make_wheel(tmp_path, "gone", "1.0", ""))
    shutil.rmtree(tmp_path / "work/products")
    told = publish(tmp_path, [order])
    assert told["failed"] and "gone 1.0" in told["msg"] and "Build it first" in told["msg"]


def test_all_that_stands_is_verified_with_the_last_of_it(venv, tmp_path):
    def asked(order):
        return {"orders": [order._asdict()], "environment": environment, "npu": False}

    environment = {"path": str(tmp_path / "env.sh"), "text": "export A=1\n", "makes": "", "do": "publish", "why": []}
    tool = order_of(venv, tmp_path, make_wheel(tmp_path, "tool", "8.0", "version = '8.0'\n"))
    told = publish(tmp_path, [tool], environment=environment, verify=asked(tool))
    assert told["verified"]["tool"]["ok"] and told["verified"]["tool"]["said"][0].startswith("8.0 "), told
    # A product that does not work after all is reported, and stays.
    other = tool._replace(verify=[{"run": ["{python}", "-c", "import nothing"]}])
    told = publish(tmp_path, [tool], environment=environment, verify=asked(other))
    assert told["failed"] and "1 problem with what is installed" in told["msg"] and told["products"]["tool"], told


def arrived(product, path, **changes):
    metadata = json.dumps(products.compose(product["path"], product["manifest"]))
    shutil.copy(product["path"], path)
    return {
        "metadata": metadata,
        "signature": None,
        "piece": str(path),
        "length": os.path.getsize(product["path"]),
        **changes,
    }


def test_what_has_been_brought_is_taken_in_and_published(venv, tmp_path):
    product = make_wheel(tmp_path, "tool", "5.0", "version = '5.0'\n")
    order = order_of(venv, tmp_path, product)
    shutil.rmtree(tmp_path / "work")
    came = {"tool": arrived(product, tmp_path / "ascend-piece-tool")}
    environment = {"path": str(tmp_path / "etc/env.sh"), "text": "export A=1\n", "makes": str(tmp_path / "etc")}
    checked = publish(tmp_path, [order], arrived=came, environment=environment, _ansible_check_mode=True)
    assert checked["changed"] and not (tmp_path / "work").exists() and not (tmp_path / "etc").exists()
    told = publish(tmp_path, [order], arrived=came, environment=environment)
    assert told["changed"] and told["unarrived"] == [] and stands(venv)[0] == "version = '5.0'\n", told
    assert {each["after"] for each in told["diff"]} == {each["after"] for each in checked["diff"]}
    assert (tmp_path / "etc/env.sh").read_text() == "export A=1\n"
    assert (tmp_path / "etc/env.sh").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "work/products" / products.label(product["manifest"]) / products.TAKEN).is_file()


@pytest.mark.parametrize("spoil", [{"length": 1}, {"piece": "/nowhere/ascend-piece-tool"}, {"metadata": "{}"}])
def test_what_has_not_arrived_whole_is_told_and_nothing_that_needs_it_is_published(venv, tmp_path, spoil):
    product = make_wheel(tmp_path, "tool", "6.0", "version = '6.0'\n")
    order = order_of(venv, tmp_path, product)
    shutil.rmtree(tmp_path / "work")
    before = stands(venv)
    needs_it = order_of(venv, tmp_path, make_wheel(tmp_path, "late", "1.0", ""), verify=[])
    came = {"tool": arrived(product, tmp_path / "ascend-piece-tool", **spoil)}
    environment = {"path": str(tmp_path / "env.sh"), "text": "export A=1\n", "makes": ""}
    told = publish(tmp_path, [order, needs_it], arrived=came, environment=environment)
    assert told["unarrived"] == ["tool"] and not told["changed"] and told["products"] == {}, told
    assert stands(venv) == before and not (tmp_path / "env.sh").exists()


def test_products_and_the_environment_file_are_taken_away(venv, tmp_path):
    tool = order_of(venv, tmp_path, make_wheel(tmp_path, "tool", "7.0", "version = '7.0'\n"))
    environment = {"path": str(tmp_path / "env.sh"), "text": "export A=1\n", "makes": ""}
    publish(tmp_path, [tool], environment=environment)
    for check_mode in (True, False):
        told = publish(tmp_path, [tool], environment=environment, state="absent", _ansible_check_mode=check_mode)
        assert told["changed"] and str(tmp_path / "env.sh") in told["removed"], told
        assert (tmp_path / "env.sh").exists() is (site(venv) / "tool").exists() is check_mode
    again = publish(tmp_path, [tool], environment=environment, state="absent")
    assert not again["changed"] and again["removed"] == []


def test_an_environment_file_that_cannot_be_written_is_told(venv, tmp_path):
    (tmp_path / "file").write_text("")
    told = publish(tmp_path, [], environment={"path": str(tmp_path / "file/env.sh"), "text": "", "makes": ""})
    assert (
        told["failed"]
        and f"the environment file {tmp_path}/file/env.sh cannot be written: Not a directory" in told["msg"]
    )


def test_a_pip_that_fails_is_told_with_its_last_lines_and_what_is_known_of_them():
    module = SimpleNamespace(
        run_command=lambda argv, **options: (
            1,
            "Looking in links: /wheels\n",
            "ERROR: No matching distribution found for x\n",
        )
    )
    order = ordering.order(name="apex")
    with pytest.raises(publishing.PublishError) as failed:
        providing.run_pip(module, order, ["pip", "install", "x"])
    assert "ERROR: No matching distribution found for x" in str(failed.value)
    known = diagnose.diagnose("ERROR: No matching distribution found for x")
    assert f" {known['cause']} {known['remedy']}\n" in str(failed.value)
