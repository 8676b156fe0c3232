# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels are tried, then installed in one transaction of pip; they are removed except what somebody changed."""

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, manifest
from ansible_collections.ascend.pytorch.plugins.module_utils.product.wheel import WheelError
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import installing, publishing

FIRST = "1" * 64
WHEEL = ordering.order(
    name="torch",
    python="/p",
    pip_options=["--user"],
    distribution="torch",
    version="1.8.1",
    product="wheel",
)
PIP = ["/p", "-m", "pip", "install", "--disable-pip-version-check", "--user"]


APEX = WHEEL._replace(name="apex", distribution="apex", version="0.1")


def made(folder, name, files=None, **changes):
    """Return the Wheel of a file that holds these files, one module by default."""
    path = folder / f"{name}.whl"
    with zipfile.ZipFile(path, "w") as out:
        for entry, text in {**(files or {f"{name}.py": ""}), f"{name}-1.dist-info/RECORD": ""}.items():
            out.writestr(entry, text)
    order = {"torch": WHEEL, "apex": APEX}[name]._replace(sites=[str(folder / "site")])
    (folder / "site").mkdir(exist_ok=True)
    wheel = installing.Wheel(order, str(path), fingerprint.file_digest(str(path)), {}, [])
    return wheel._replace(**changes)


class Pip:
    """Replaces pip: records its arguments and returns an output."""

    def __init__(self, says=""):
        self.argvs, self.says = [], says

    def __call__(self, argv):
        self.argvs.append(argv)
        return self.says


def works(_wheel, _folders):
    """Every wheel works."""


TORCH = ["torch-1.dist-info", "torch.py"]
FORCED = ["--no-deps", "--no-index", "--force-reinstall"]


def test_wheels_and_what_they_require_take_one_transaction_each(tmp_path):
    pip = Pip("torchvision 0.9.1 requires torch==1.8.1, but you have torch 1.8.1+ascend which is incompatible.\n")
    torch = made(tmp_path, "torch", requirements=["numpy", "six"])
    apex = made(tmp_path, "apex", requirements=["six", "tqdm"])
    sound, notes, trouble = installing.install([torch, apex], pip, works)
    assert pip.argvs == [PIP + ["numpy", "six", "tqdm"], PIP + FORCED + [torch.path, apex.path]]
    assert (sound, trouble) == ([torch, apex], None)
    assert len(notes) == 1 and "harmless" in notes[0]
    assert os.listdir(str(tmp_path / "site")) == []


def test_where_nothing_is_required_no_index_is_asked(tmp_path):
    pip, torch = Pip(), made(tmp_path, "torch")
    assert installing.install([torch], pip, works) == ([torch], [], None)
    assert pip.argvs == [PIP + FORCED + [torch.path]]


def test_what_is_installed_and_whole_gets_what_it_requires(tmp_path):
    pip, torch = Pip(), made(tmp_path, "torch", path="", requirements=["six"])
    assert installing.install([torch], pip, lambda *_given: pytest.fail("tried")) == ([torch], [], None)
    assert pip.argvs == [PIP + ["six"]]


def test_what_each_bundle_holds_is_found(tmp_path):
    pip = Pip()
    torch = made(tmp_path, "torch", requirements=["six"])
    torch = torch._replace(order=torch.order._replace(pip_options=["--no-index", "--find-links", "/a"]))
    apex = made(tmp_path, "apex", requirements=["tqdm"])
    apex = apex._replace(order=apex.order._replace(pip_options=["--no-index", "--find-links", "/b"]))
    installing.install([torch, apex], pip, works)
    assert pip.argvs[0][5:] == ["--no-index", "--find-links", "/a", "--no-index", "--find-links", "/b", "six", "tqdm"]


@pytest.mark.parametrize("broken, stand", [("torch", []), ("apex", ["torch"])])
def test_a_wheel_that_does_not_work_here_replaces_nothing_nor_those_that_need_it(tmp_path, broken, stand):
    wanted = [made(tmp_path, "torch"), made(tmp_path, "apex")]
    # Files that a killed process of this host left.
    left = tmp_path / "site" / "{0}.{1}.1.partial".format(installing.TRIAL_SUFFIX, socket.gethostname())
    left.mkdir()
    pip, tried = Pip(), []

    def try_it(wheel, folders):
        tried.append([sorted(os.listdir(folder)) for folder in folders])
        if wheel.order.name == broken:
            raise publishing.PublishError("libopenblas.so.0 is not there")

    sound, _notes, trouble = installing.install(wanted, pip, try_it)
    assert [wheel.order.name for wheel in sound] == stand and "libopenblas" in str(trouble)
    # Each is tried with those before it, which it may need.
    assert tried == [[TORCH], [["apex-1.dist-info", "apex.py"], TORCH]][: len(stand) + 1]
    assert pip.argvs == [PIP + FORCED + [wheel.path for wheel in sound]] * bool(stand)
    assert os.listdir(str(tmp_path / "site")) == []


def test_a_wheel_is_not_installed_without_the_one_that_it_works_with(tmp_path):
    """A torch beside the plugin of another release could not be imported."""
    stock = made(tmp_path, "torch")
    stock = stock._replace(order=stock.order._replace(installed_with="apex"))
    plugin = made(tmp_path, "apex")

    def try_it(wheel, _folders):
        if wheel is plugin:
            raise publishing.PublishError("libhccl.so is not there")

    pip = Pip()
    sound, _notes, trouble = installing.install([stock, plugin], pip, try_it)
    assert sound == [] and "libhccl" in str(trouble) and pip.argvs == []
    # Where the other one is as it is to be, it is not in the transaction.
    assert installing.install([stock], pip, try_it)[0] == [stock]


def test_a_wheel_that_is_damaged_with_its_digest_is_told(tmp_path):
    torch = made(tmp_path, "torch")
    Path(torch.path).write_bytes(b"no zip")
    torch = torch._replace(sha256=fingerprint.file_digest(torch.path))
    pip = Pip()
    sound, _notes, trouble = installing.install([torch], pip, works)
    assert (sound, pip.argvs) == ([], []) and isinstance(trouble, WheelError)


def test_a_wheel_that_is_not_what_was_built(tmp_path):
    torch = made(tmp_path, "torch", sha256="0" * 64)
    with pytest.raises(publishing.PublishError, match="sha256 differs"):
        installing.install([torch], lambda argv: pytest.fail("ran pip"), works)


def test_what_a_killed_pip_stashed_is_swept(tmp_path):
    for name in (
        "~orch",
        "~orch-1.8.1+ascend.dist-info",
        "~orchvision",
        "~orch_npu",
        "torch",
        "torch-1.5.0.dist-info",
        "~umpy",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("")
    assert sorted(installing.remove_stashed([str(tmp_path), str(tmp_path / "none")], "torch")) == [
        str(tmp_path / "~orch"),
        str(tmp_path / "~orch-1.8.1+ascend.dist-info"),
    ]
    assert sorted(os.listdir(str(tmp_path))) == ["torch", "torch-1.5.0.dist-info", "~orch_npu", "~orchvision", "~umpy"]


INFO = "torch-1.8.1.dist-info"
PACKAGE = {"torch/__init__.py": "import os\n", "torch/lib/libtorch.so": "code\n", "../bin/convert": "#!/bin/sh\n"}


@pytest.fixture
def site(tmp_path):
    """A site directory with this collection's torch, and a pip that deletes what RECORD lists."""
    folder = tmp_path / "site"
    its_manifest = manifest.compose("torch", "1.8.1", "wheel", FIRST, {}, {}, "0.1.0")
    files = dict(PACKAGE)
    files[INFO + "/METADATA"] = "Name: torch\nVersion: 1.8.1\n"
    files[INFO + "/" + manifest.WHEEL_NAME] = json.dumps(its_manifest)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    rows = [
        "{0},sha256={1},{2}".format(
            name, base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("="), len(text)
        )
        for name, text in files.items()
    ]
    (folder / INFO / "RECORD").write_text(
        "\n".join(rows + [INFO + "/RECORD,,", "torch/__pycache__/__init__.cpython-39.pyc,,"]) + "\n"
    )
    (folder / "other.py").write_text("")
    return folder


def uninstall(site):
    def run(argv):
        assert argv == ["/p", "-m", "pip", "uninstall", "-y", "torch"]
        for name in [*PACKAGE, INFO + "/METADATA", INFO + "/" + manifest.WHEEL_NAME, INFO + "/RECORD"]:
            if (site / name).exists():
                (site / name).unlink()
        return ""

    return run


def whole(site):
    return sorted(str(path.relative_to(site)) for path in site.rglob("*") if not path.is_dir())


def test_a_wheel_is_taken_away(site, tmp_path):
    order = WHEEL._replace(sites=[str(tmp_path / "none"), str(site)])
    before = whole(site)
    told = installing.withdraw(order, lambda argv: pytest.fail("ran pip"), dry=True)
    assert whole(site) == before
    assert installing.withdraw(order, uninstall(site)) == told
    assert told == ([str(tmp_path / "bin/convert"), str(site / "torch"), str(site / INFO)], [])
    assert whole(site) == ["other.py"] and not (tmp_path / "bin/convert").exists()
    assert installing.withdraw(order, uninstall(site)) == ([], [])


def test_a_wheel_that_is_not_ours_is_not_taken_away(site):
    (site / INFO / manifest.WHEEL_NAME).unlink()
    order = WHEEL._replace(sites=[str(site)])
    assert installing.withdraw(order, lambda argv: pytest.fail("ran pip")) == ([], [])


@pytest.mark.parametrize("pip_fails", [False, True])
def test_what_was_changed_in_a_wheel_or_added_to_it_stays_and_is_told(site, tmp_path, pip_fails):
    (site / "torch/__init__.py").write_text("import re\n")
    (site / "torch/mine.py").write_text("mine")
    (site / "torch/__pycache__").mkdir()
    (site / "torch/__pycache__/mine.cpython-39.pyc").write_text("")
    (tmp_path / "bin/convert").write_text("#!/bin/true\n")
    order = WHEEL._replace(sites=[str(site)])

    def run(argv):
        if pip_fails:
            raise publishing.PublishError("no")
        return uninstall(site)(argv)

    try:
        _removed, notes = installing.withdraw(order, run)
        assert len(notes) == 1 and notes[0].endswith(": ../bin/convert, torch/__init__.py, torch/mine.py")
        assert not pip_fails and not (site / "torch/lib").exists()
    except publishing.PublishError:
        assert pip_fails and (site / INFO / "RECORD").exists()
    assert (site / "torch/__init__.py").read_text() == "import re\n"
    assert (site / "torch/mine.py").exists() and (tmp_path / "bin/convert").read_text() == "#!/bin/true\n"
    assert not list(tmp_path.rglob("*" + installing.ASIDE_SUFFIX))


def test_the_python_of_an_order_starts_as_in_builds(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/of/the/login/shell")
    argv = ["sh", "-c", "echo $LD_LIBRARY_PATH ${PYTHONPATH:-none} $TMPDIR"]
    surroundings = dict(
        os.environ, **installing.pip_environment(ordering.order(library_path=["/gcc/lib64", "/py/lib"], work_dir="/w"))
    )
    assert (
        subprocess.run(argv, check=True, stdout=subprocess.PIPE, env=surroundings).stdout
        == b"/gcc/lib64:/py/lib none /w\n"
    )
    # An empty variable is the same as none for the loader and for Python.
    surroundings = dict(os.environ, **installing.pip_environment(ordering.order(work_dir="/w")))
    said = subprocess.run([sys.executable, "-c", "import os"], check=False, stderr=subprocess.PIPE, env=surroundings)
    assert (said.returncode, said.stderr) == (0, b"")
