# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a build by CMake is, by its objects."""

import json
import os
import sys
import time

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps, units


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """A file of CMake with three objects of two libraries; the clock goes on by a minute with each look at it."""
    clock = iter(range(0, 10**6, 60))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    (tmp_path / "plugin").mkdir()
    commands = [
        {"directory": str(tmp_path), "command": "g++ -o plugin/a.cpp.o -c a.cpp", "file": "a.cpp"},
        {"directory": str(tmp_path), "command": "g++ -c b.cpp -o plugin/b.cpp.o"},
        {"directory": str(tmp_path / "plugin"), "command": "g++ -c c.cpp", "output": "c.cpp.o"},
        {"directory": str(tmp_path), "command": "python no-object.py"},
        "not a unit",
    ]
    path = tmp_path / "compile_commands.json"
    path.write_text(json.dumps(commands))
    return path


def test_objects_of_all_libraries_count(listed, tmp_path):
    known = units.Units([str(listed)])
    said = [known.percent()]
    for name in ("b", "a", "other", "c"):
        (tmp_path / "plugin" / (name + ".cpp.o")).write_text("")
        said.append(known.percent())
    # Never 100: what is compiled is still to be linked.
    assert said == [0, 33, 66, 66, 99]


def test_a_file_that_comes_later_changes_and_is_written_meanwhile(listed, tmp_path):
    text = listed.read_text()
    listed.unlink()
    known = units.Units([str(listed)])
    assert known.percent() is None
    listed.write_text("[{")
    assert known.percent() is None
    listed.write_text(text)
    os.utime(str(listed), (1, 1))
    assert known.percent() == 0
    listed.write_text(json.dumps([{"directory": str(tmp_path), "output": "compile_commands.json"}]))
    os.utime(str(listed), (2, 2))
    assert known.percent() == 99
    listed.write_text("[]")
    os.utime(str(listed), (3, 3))
    assert known.percent() is None


def test_the_file_is_in_one_of_several_places(listed, tmp_path):
    release = tmp_path / "Release" / listed.name
    known = units.Units([str(listed), str(release)])
    release.parent.mkdir()
    listed.rename(release)
    assert known.percent() == 0
    for name in ("a", "b", "c"):
        (tmp_path / "plugin" / (name + ".cpp.o")).write_text("")
    assert known.percent() == 99


def test_the_disk_is_not_asked_for_each_line(listed, tmp_path, monkeypatch):
    known, now = units.Units([str(listed)]), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert known.percent() == 0
    (tmp_path / "plugin/a.cpp.o").write_text("")
    now[0] = 1.9
    assert known.percent() == 0
    now[0] = 2.1
    assert known.percent() == 33


def test_what_one_library_says_of_itself_does_not_count(listed, tmp_path):
    (tmp_path / "plugin/a.cpp.o").write_text("")
    reported = []
    context = steps.Context(
        {"obj": str(tmp_path), "python": sys.executable},
        {"PATH": os.environ["PATH"]},
        lambda line: None,
        lambda percent, compiled: reported.append(percent),
    )
    say = {"run": ["echo", "[100%] Built target torch_npu"]}
    steps.run_step(dict(say, units=[str(listed)]), context)
    steps.run_step(dict(say, units=[str(tmp_path / "none.json")]), context)
    steps.run_step(say, context)
    assert reported == [33, 100, 100]
