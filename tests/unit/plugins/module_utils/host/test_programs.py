# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that tell their versions, and programs that misbehave."""

import functools
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import programs


@pytest.mark.parametrize(
    "name, script, version",
    [
        ("cmake", "echo 'cmake version 3.12.1'", "3.12.1"),
        ("git", "echo git version 2.30.2", "2.30.2"),
        ("gcc", '[ "$1 $2" = "-dumpfullversion -dumpversion" ] && echo 10.2.1', "10.2.1"),
        ("g++", '[ "$1" = "-dumpfullversion" ] && echo 7.3.0', "7.3.0"),
        ("patch", "echo no number", None),
    ],
)
def test_the_version_a_tool_tells(program, name, script, version):
    path = program(name, script)
    assert programs.examine(path) == {"path": path, "real": os.path.realpath(path), "version": version, "problem": ""}


def test_a_tools_version_is_not_read_from_its_complaints(program):
    warned = program("cmake", "echo 'libfoo.so.9.9.9: no version information' >&2; echo cmake version 3.12.1")
    assert (programs.examine(warned)["version"], programs.examine(warned)["problem"]) == ("3.12.1", "")
    silent = programs.examine(program("g++", "echo 'wrapper 4.5.6 finds no compiler' >&2"))
    assert silent["version"] is None and silent["problem"].endswith("its version: wrapper 4.5.6 finds no compiler")
    lost = programs.examine(
        program("gcc", "echo; echo 'gcc: libmpc.so.3: cannot open shared object file' >&2; exit 127")
    )
    assert lost["problem"].endswith("status 127: gcc: libmpc.so.3: cannot open shared object file")


@pytest.mark.parametrize(
    "script, problem",
    [
        ("echo 3.12.1; exit 1", "ended with status 1"),
        ("kill -SEGV $$", "ended with status -11"),
        ("sleep 300", "gave no answer"),
    ],
)
def test_a_tool_that_does_not_work(program, monkeypatch, script, problem):
    monkeypatch.setattr(programs, "ask", functools.partial(programs.ask, time_limit_s=0.3))
    found = programs.examine(program("cmake", script))
    assert found["version"] is None and problem in found["problem"]


def test_a_tool_of_another_machine(tmp_path):
    path = tmp_path / "cmake"
    path.write_bytes(b"\x7fELF\x00\x00garbage")
    path.chmod(0o755)
    found = programs.examine(str(path))
    assert found["version"] is None and found["problem"].startswith("cannot be started: ")


def test_candidates(program, tmp_path):
    one, two = program("cmake", "", "a"), program("cmake", "", "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/cmake").symlink_to(one)
    (tmp_path / "d/cmake").mkdir(parents=True)
    (tmp_path / "e").mkdir()
    (tmp_path / "e/cmake").write_text("not executable")
    (tmp_path / "f").mkdir()
    (tmp_path / "f/cmake").symlink_to("nowhere")
    search = [str(tmp_path / name) for name in "fedcba"] + ["/no/such"]
    # Each file once, by the name that comes first.
    assert programs.candidates("cmake", search) == [str(tmp_path / "c/cmake"), two]
