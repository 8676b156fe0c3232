# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python says of itself: the one that runs this, and such that lack something or do not start."""

import os
import sys

import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import extensions, interpreters, surroundings
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import as_builds_see, ask
from ansible_collections.ascend.pytorch.plugins.module_utils.build import build_environment
from checkout import ROOT

FIELD = ROOT.parent / "shared/field"
LOST = "error while loading shared libraries: libpython3.7m.so.1.0: cannot open shared object file: No such file or directory"


def lacking(program, tmp_path, *names, before=""):
    """A Python that cannot import these modules, and does something before it starts."""
    (tmp_path / "lacks.py").write_text("import sys\nsys.modules.update(dict.fromkeys({0!r}))\n".format(names))
    (tmp_path / "start.py").write_text(
        "import lacks, sys\n"
        "at = sys.argv.index('-c')\n"
        "question = sys.argv[at + 1]\n"
        "sys.argv[:] = sys.argv[at + 1:]\n"
        "exec(compile(question, 'question', 'exec'))\n"
    )
    return program("python3.9", '{0}\nexec {1} {2}/start.py "$@"'.format(before, sys.executable, tmp_path))


def test_the_python_that_runs_this():
    found = interpreters.examine(sys.executable)
    assert found["version"] == "{0}.{1}.{2}".format(*sys.version_info[:3]) and found["problem"] == ""
    assert found["tag"] == "cp{0}{1}".format(*sys.version_info[:2]) == found["abi"]
    assert found["path"] == sys.executable and found["venv"] == (sys.prefix != sys.base_prefix)
    assert isinstance(found["headers"], bool) and isinstance(found["shared_library"], bool)
    assert {"pytest", "pip"} <= set(found["packages"])
    assert (found["user_site"] in found["sites"]) != found["venv"]


def test_no_python_and_a_broken_one(program, tmp_path, monkeypatch):
    assert interpreters.examine(str(tmp_path / "none")) is None and interpreters.examine("no-such-python") is None
    assert interpreters.examine(str(tmp_path)) is None
    path = program("python3.9", "echo libpython3.9.so: cannot open shared object; exit 127")
    found = interpreters.examine(path)
    assert (found["path"], found["version"]) == (path, None) and "libpython3.9.so" in found["problem"]
    assert interpreters.examine(program("python3.8", "echo not json"))["version"] is None
    monkeypatch.setattr(interpreters, "_ANSWERS_S", 0.3)
    assert "no answer" in interpreters.examine(program("python3.7", "sleep 300"))["problem"]


@pytest.mark.parametrize(
    "noise", ["Error: a line of gone.pth >&2", "ld.so: object gone.so ignored >&2", "hello", "{}", "5"]
)
def test_a_python_that_complains_at_every_start_is_fit(program, noise):
    script = 'echo {0}; exec {1} "$@"'.format(noise if noise.endswith("&2") else "'" + noise + "'", sys.executable)
    found = interpreters.examine(program("python3.9", script))
    assert (found["version"], found["problem"]) == ("{0}.{1}.{2}".format(*sys.version_info[:3]), "")


@pytest.mark.parametrize("answer", ["5", "{}", "[]", ""])
def test_a_python_that_answers_something_else(program, answer):
    found = interpreters.examine(program("python3.9", "echo '{0}'; echo 'no idea' >&2".format(answer)))
    assert found["version"] is None and answer in found["problem"] and "no idea" in found["problem"]


def test_packages(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for site, names in (
        (one, ["torch-1.8.1+ascend.dist-info", "typing_extensions-4.1.1.dist-info", "x.py"]),
        (two, ["torch-1.5.0.dist-info", "six-1.16.0-py3.9.egg-info", "Old.Name.egg-info"]),
    ):
        for name in names:
            (site / name).mkdir(parents=True)
    assert interpreters.installed_packages([str(one), str(two), "/no/such"]) == {
        "torch": "1.8.1+ascend",
        "typing-extensions": "4.1.1",
        "six": "1.16.0",
        "old-name": "",
    }


# --- what it lacks ----------------------------------------------------------------------------------------------------


def test_a_python_that_lacks_nothing():
    found = interpreters.examine(sys.executable)
    # Python 3.12 has no distutils, nor have its virtual environments setuptools.
    assert set(found["lacks"]) <= {"distutils"} and found["library_path"] == ""
    by_files = {"version": found["packages"]["pip"], "problem": "", "platforms": [], "settings": None, "asked": False}
    assert found["pip"] == by_files
    pip = interpreters.examine_pip(found)
    assert pip["problem"] == "" and pip["version"] == found["packages"]["pip"]
    assert "linux_" + os.uname().machine in pip["platforms"]
    assert found["real"] == os.path.realpath(sys.executable)


@pytest.mark.parametrize("name", ["ssl", "zlib", "bz2", "lzma", "ctypes", "distutils.core", "ensurepip"])
def test_a_python_that_lacks_a_module(program, tmp_path, name):
    found = interpreters.examine(lacking(program, tmp_path, extensions.COMPILED.get(name, name)))
    assert found["version"] and name.split(".")[0] in found["lacks"] and found["lacks"][name.split(".")[0]]


@pytest.mark.parametrize("name, words", [("pip", "pip"), ("pip._internal", "pip._internal")])
def test_a_pip_that_does_not_run(program, tmp_path, name, words):
    found = interpreters.examine(lacking(program, tmp_path, name))
    # Its files are there.
    assert found["packages"]["pip"] and not found["pip"]["problem"]
    pip = interpreters.examine_pip(found)
    assert words in pip["problem"] and (pip["version"], pip["platforms"]) == ("", [])


def test_a_pip_conf_does_not_decide_whether_pip_runs(monkeypatch, tmp_path):
    (tmp_path / "pip.conf").write_text("no section\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert interpreters.examine_pip(interpreters.examine(sys.executable))["problem"] == ""


@pytest.mark.parametrize("url, is_told", [("https://mine/simple", True), ("https://joe:pw@mine/simple", False)])
def test_pips_settings_are_told_where_they_hold_no_login(monkeypatch, tmp_path, url, is_told):
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {url}\n[install]\nuser = true\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    settings = interpreters.examine_pip(interpreters.examine(sys.executable))["settings"]
    # As pip itself tells them.
    assert settings == (surroundings.pip_settings(sys.executable, os.environ, ask) if is_told else None)
    assert not is_told or (settings["PIP_INDEX_URL"] == url and "PIP_USER" not in settings)


def test_settings_that_cannot_be_read_are_asked_for_when_they_are_needed(monkeypatch, tmp_path):
    (tmp_path / "pip.conf").write_text("no section\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert interpreters.examine_pip(interpreters.examine(sys.executable))["settings"] is None


def test_all_of_it_is_one_process(program, tmp_path):
    interpreters.examine(lacking(program, tmp_path, "_ssl", before="echo x >> {0}/starts;".format(tmp_path)))
    assert (tmp_path / "starts").read_text() == "x\n"


# --- the library that the loader does not find ------------------------------------------------------------------------


def from_source(program, tmp_path, where):
    """A Python whose libpython only a LD_LIBRARY_PATH with that folder finds."""
    (tmp_path / where).mkdir(parents=True)
    (tmp_path / where / "libpython3.7m.so.1.0").write_text("")
    words = "{0}/py/bin/python3.7: {1}".format(tmp_path, LOST)
    script = 'case "$LD_LIBRARY_PATH" in {0}) exec {1} "$@";; esac; echo "{2}" >&2; exit 127'
    return program("python3.7", script.format(tmp_path / where, sys.executable, words), "py/bin")


@pytest.mark.parametrize("where", ["py/lib", "py/lib64"])
@pytest.mark.parametrize("login", ["", "/somewhere", "own"])
def test_a_python_whose_own_folder_has_its_library(program, tmp_path, monkeypatch, where, login):
    # As the login shell has it or not, builds do not.
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / where) if login == "own" else login)
    found = interpreters.examine(from_source(program, tmp_path, where))
    assert found["problem"] == "" and found["version"] and found["library_path"] == str(tmp_path / where)


def test_a_library_that_the_login_shell_alone_knows(program, tmp_path, monkeypatch):
    path = from_source(program, tmp_path, "data")
    found = interpreters.examine(path)
    assert found["version"] is None and interpreters.lost_library(found["problem"]) == "libpython3.7m.so.1.0"
    monkeypatch.setenv("LD_LIBRARY_PATH", "relative:/no/such:" + str(tmp_path / "data"))
    assert interpreters.examine(path)["library_path"] == str(tmp_path / "data")


def test_what_the_loader_says():
    assert interpreters.lost_library("does not run: /opt/py37/bin/python3.7: " + LOST) == "libpython3.7m.so.1.0"
    assert interpreters.lost_library("does not run: ImportError: libz.so.1: cannot open shared object file") == ""
    field = FIELD / "log_libpython.txt"
    if field.exists():
        assert interpreters.lost_library(field.read_text()) == "libpython3.7m.so.1.0"


def test_programs_are_asked_as_builds_see_them(monkeypatch, tmp_path):
    for name in ("LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "http_proxy"):
        monkeypatch.setenv(name, "/gone")
    order = ordering.order(work_dir=str(tmp_path))
    built = build_environment.environment(order, str(tmp_path), str(tmp_path), {})
    seen = as_builds_see(os.environ)
    # A plain user's own is where a Python looks that is told nothing.
    known = {name for name in built if name.startswith(("LD_", "PYTHON"))} - {"PYTHONUSERBASE"}
    assert known == {"PYTHONUNBUFFERED"}
    assert not {name for name in seen if name.startswith(("LD_", "PYTHON"))} and seen["http_proxy"] == "/gone"
