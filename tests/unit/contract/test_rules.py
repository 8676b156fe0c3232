# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the contract tests go red when what they guard is broken."""

import pytest
import yaml
from rules import (
    Default,
    against_the_way,
    check_pins,
    check_role,
    conditions,
    cycles,
    default_of,
    included,
    readers_of_json,
    sets_what_stands,
    setters,
    shared_variables,
    shows,
    starts_anywhere,
    task_actions,
    text_by_locale,
    too_long,
    unsafe_paths,
    uses,
    variable_table,
    waits_on,
    writers_by_rename,
)

DEFAULTS = {"cmake_version": "3.12.1", "cmake_jobs": "{{ ascend_jobs | default('auto') }}", "cmake_urls": ["{{ x }}"]}
OPTIONS = {"cmake_version": {"default": "3.12.1"}, "cmake_jobs": {"default": "auto"}, "cmake_urls": {}}
README = """
| variable | default | meaning |
|---|---|---|
| `cmake_version` | `3.12.1` | what to build |
| `cmake_jobs` | `auto` | how many |
| `cmake_urls` | cmake.org | tried in order |

| other | table |
|---|---|
| `cmake_nothing` | x |
"""


def test_a_role_that_agrees():
    assert check_role("cmake", DEFAULTS, OPTIONS, README) == []


@pytest.mark.parametrize(
    ("defaults", "options", "readme", "complaint"),
    [
        ({"jobs": 1}, {}, README, "jobs: does not begin with cmake_"),
        ({"cmake_new": 1}, {}, README, "cmake_new: in defaults, not in argument_specs"),
        ({}, {"cmake_new": {"default": 1}}, README, "cmake_new: in argument_specs with a default, not in defaults"),
        ({"cmake_version": "3.13"}, {}, README, "'3.13' in defaults, '3.12.1' in argument_specs"),
        ({}, {"cmake_jobs": {"default": 4}}, README, "'auto' in defaults, 4 in argument_specs"),
        ({}, {"cmake_urls": {"default": []}}, README, "its default is computed"),
        ({}, {}, README.replace("3.12.1", "3.12.0"), "the README shows '`3.12.0`'"),
        ({}, {}, README.replace("| `cmake_jobs` | `auto` | how many |\n", ""), "cmake_jobs: 0 times"),
        ({}, {}, README.replace("`cmake_version`", "`cmake_gone`"), "cmake_gone: in the README's table"),
    ],
)
def test_a_role_that_does_not(defaults, options, readme, complaint):
    wrong = check_role("cmake", {**DEFAULTS, **defaults}, {**OPTIONS, **options}, readme)
    assert any(complaint in text for text in wrong), wrong


@pytest.mark.parametrize(
    ("raw", "default"),
    [
        (True, Default(True)),
        ("", Default("")),
        ("{{ ascend_mirrors | default([]) }}", Default([])),
        ("{{ ascend_x | default(true) }}", Default(True)),
        ("{{ ascend_timeout_s | default(43200, true) }}", Default(43200)),
        ("{{ ascend_x | default(other) }}", Default(computed=True)),
        ("a {{ ascend_x | default('b') }}", Default(computed=True)),
        (["{{ version }}"], Default(computed=True)),
    ],
)
def test_default_of(raw, default):
    assert default_of(raw) == default


@pytest.mark.parametrize(
    ("cell", "default", "yes"),
    [
        ("`auto`", Default("auto"), True),
        ('`""`', Default(""), True),
        ("", Default(""), False),
        ("`[]`", Default([]), True),
        ('`"1"`', Default("1"), True),
        ("`1`", Default("1"), True),
        ("`true`", Default(False), False),
        ("see `defaults/main.yml`", Default(["a"]), True),
        ("see `defaults/main.yml`", Default("a"), False),
        ("that of the release", Default(computed=True), True),
        ("", Default(computed=True), False),
    ],
)
def test_shows(cell, default, yes):
    assert shows(cell, default) is yes


def test_tables_of_both_languages():
    assert variable_table("| 变量 | 默认值 |\n|---|---|\n| `a_b` | `1` |\n") == [("a_b", "`1`")]


DIGEST, COMMIT = "0" * 64, "f" * 40


@pytest.mark.parametrize(
    "variables",
    [
        {"__x": {"urls": ["u"], "sha256": DIGEST}},
        {"__x": [{"repo": "a/b", "commit": COMMIT}]},
        {"__x": {"repo": "a/b", "commit": "{{ x_commit }}"}},
        {"x_urls": [], "x_more_urls": [], "x_digests": {"a-1.tar.gz": DIGEST}},
        {"__x": {"gmp": {"file": "gmp-6.1.0.tar.bz2", "sha256": DIGEST}}},
    ],
)
def test_pinned(variables):
    assert check_pins(variables) == []


@pytest.mark.parametrize(
    "variables",
    [
        {"__x": {"urls": ["u"]}},
        {"__x": {"repo": "a/b", "ref": "main"}},
        {"__x": {"repo": "a/b", "commit": "97768cc4f"}},
        {"x_urls": []},
        {"x_sha256": "abc"},
        {"x_digests": {"a-1.tar.gz": "abc"}},
        {"__x": {"gmp": {"file": "gmp-6.1.0.tar.bz2"}}},
        {"__x": {"archives": ["gmp-6.1.0.tar.bz2"]}},
    ],
)
def test_not_pinned(variables):
    assert check_pins(variables)


TASKS = yaml.safe_load("""
- name: Work
  when: [ascend_x | bool]
  block:
    - name: Say
      debug: {msg: "{{ ascend_y }} and 'ascend_no'"}
      loop: []
  rescue:
    - ansible.builtin.fail:
""")


def test_tasks_are_read_inside_blocks():
    keywords = {"name", "when", "block", "rescue", "loop"}
    assert task_actions(TASKS, keywords) == ["debug", "ansible.builtin.fail"]
    assert list(conditions(TASKS)) == ["ascend_x | bool"]


def test_shared_variables():
    text = "{{ ascend_y + 'ascend_no' + my.ascend_neither + my_ascend_z }} ascend_prose {% if ascend_w %}"
    assert shared_variables(text, ["ascend_x | bool"]) == {"ascend_x", "ascend_y", "ascend_w"}


@pytest.mark.parametrize(
    "code",
    [
        "folder / host",
        "folder / f'{host}.json'",
        "folder / 'candidates' / product / 'x'",
        "f\"{candidate['host']}.json\"",
        "'mirror-{0}-{1}.lock'.format(mirror, self._host())",
        "os.path.join(folder, label)",
        "Path('tools', runs.clean(platform))",
        "path.with_name(task_vars['inventory_hostname'] + '.partial')",
        "folder / (label + '.partial')",
        "self.label + '.lock'",
    ],
)
def test_a_path_that_a_name_may_lead_astray(code):
    assert list(unsafe_paths(code))


@pytest.mark.parametrize(
    "code",
    [
        "folder / runs.file_name(host)",
        "folder / f'{runs.file_name(host)}.json'",
        "'mirror-{0}-{1}.lock'.format(mirror, runs.file_name(self._host()))",
        "self._cohort(label) / 'elected.json'",
        "os.path.join(folder, name)",
        "f'{host}: {label} is being built'",
        "', '.join(host for host in hosts)",
        "size / 2",
    ],
)
def test_a_path_that_keeps_to_its_folder(code):
    assert list(unsafe_paths(code)) == []


ROOMS = (("roof",), ("left", "right"), ("cellar",))
HALL = "ansible_collections.ascend.pytorch.plugins.module_utils"


@pytest.mark.parametrize(
    "code",
    [
        "from {0}.roof import one",
        "from {0}.roof.one import two",
        "from {0} import cellar, roof",
        "import {0}.roof.one as one",
        "def late():\n    from {0}.roof import one",
        "from ..roof import one",
        "from {0}.right import one",
        "from {0} import right",
        "from {0}.one import two",
        "from {0} import one",
        "from {0} import *",
        "import {0}",
        "from ansible_collections.ascend.pytorch.plugins import module_utils",
    ],
)
def test_an_import_against_the_way_is_seen(code):
    found = against_the_way("plugins/module_utils/left/a.py", code.format(HALL), ROOMS)
    assert [line.partition(":")[0] for line in found] == [str(code.count("\n") + 1)]


@pytest.mark.parametrize(
    "code",
    [
        "from {0}.cellar import one, roof",
        "from {0}.cellar.roof import one",
        "from {0} import cellar",
        "import {0}.cellar.one",
        "from {0}.left import right",
        "from . import right",
        "from ansible_collections.ascend.pytorch.plugins.module_utils_of_others import roof",
        "import os\nfrom typing import List",
        "",
    ],
)
def test_an_import_on_the_way_is_not(code):
    assert against_the_way("plugins/module_utils/left/a.py", code.format(HALL), ROOMS) == []


@pytest.mark.parametrize("name", ["a.py", "__init__.py", "attic/a.py", "left/nook/a.py"])
def test_a_file_in_no_room_is_seen(name):
    assert len(against_the_way(f"plugins/module_utils/{name}", "", ROOMS)) == 1


def test_readers_of_json_are_seen():
    assert readers_of_json("import json\ndef plain(x):\n    return json.loads(json.dumps(x))\n") == []
    assert readers_of_json("import json\ndef told(x):\n    return json.loads(x)\n") == [(3, "told")]
    assert readers_of_json("import json\nclass A:\n    def b(self):\n        return map(json.load, self.c)\n") == [
        (4, "b")
    ]
    assert readers_of_json("from json import loads\n") == [(1, "")]
    assert readers_of_json("import json\nx = json.JSONDecoder().decode('{}')\n") == [(2, "")]
    # Plain data may be made of what was read only where that is seen, too.
    assert readers_of_json("import json\ndef a(x):\n    return json.loads(json.dumps(json.loads(x)))\n") == [(3, "a")]


def test_uses_are_seen_by_whatever_name():
    assert uses("import os\ndef one():\n    return os.getpid()\n", r"os\.getpid") == [("one", "os.getpid")]
    assert uses("import os as system\nx = [system.getpid]\n", r"os\.getpid") == [("", "os.getpid")]
    assert uses("from os import getpid as own\nclass A:\n    def b(self):\n        return own()\n", r"os\.getpid") == [
        ("b", "os.getpid")
    ]
    assert uses("import os.path\nx = os.path.join('getpid')\nos.getppid()\n", r"os\.getpid") == []


@pytest.mark.parametrize(
    "code",
    [
        "with open(path + '.partial', 'w') as stream:\n        stream.write(text)\n    os.rename(path + '.partial', path)",
        "with os.fdopen(descriptor, 'wb') as stream: pass\n    os.replace(partial, path)",
        "partial.write_text(text)\n    partial.replace(path)",
        "with partial.open('x') as stream: pass\n    partial.rename(path)",
        "json.dump(data, stream)\n    shutil.move(partial, path)",
    ],
)
def test_a_writer_by_rename_is_seen(code):
    assert writers_by_rename(f"def write(path, text):\n    {code}\n") == [(1, "write")]


@pytest.mark.parametrize(
    "code",
    [
        "path.write_text(text.replace('a', 'b'))",
        "with open(path) as stream: pass\n    os.rename(path, other)",
        "path.write_text(text)\n    durable.replace(path, other)",
    ],
)
def test_who_only_writes_or_only_renames_is_not(code):
    assert writers_by_rename(f"def write(path, text):\n    {code}\n") == []


@pytest.mark.parametrize(
    ("task", "sets"),
    [
        ({"ansible.builtin.file": {"path": "/a", "state": "directory", "mode": "0755"}}, True),
        ({"ansible.builtin.file": {"path": "{{ x.makes }}", "state": "directory", "owner": "root"}}, True),
        ({"ansible.builtin.file": {"path": "/a", "recurse": True, "group": "root"}}, True),
        (
            {
                "ansible.builtin.file": {"path": "{{ x.makes }}", "state": "directory", "mode": "0755"},
                "when": ["y", "x.makes | default('') | length > 0"],
            },
            False,
        ),
        ({"ansible.builtin.copy": {"dest": "/a", "mode": "0644"}}, False),
        ({"ansible.builtin.command": {"argv": ["chown", "root", "/a"]}}, False),
        ({"ansible.builtin.file": "path=/a state=directory mode=0755"}, False),
        ({"ansible.builtin.file": {"path": "/a", "state": "directory"}}, None),
        ({"ansible.builtin.include_tasks": "mode=.yml"}, None),
        ({"ascend.pytorch.plan": {"group": "x"}}, None),
    ],
)
def test_what_sets_a_mode_is_seen(task, sets):
    found = [sets_what_stands(task, arguments) for task, arguments in setters([{"block": [task]}])]
    assert found == ([] if sets is None else [sets])


def test_what_is_included_can_be_followed():
    tasks = [
        {
            "block": [{"ansible.builtin.include_tasks": "b.yml"}],
            "rescue": [{"import_tasks": {"file": "../tasks/c.yml"}}],
        },
        {"ansible.builtin.include_role": {"name": "ascend.pytorch.cmake"}},
        {"ansible.builtin.import_role": {"name": "ascend.pytorch.road", "tasks_from": "plan"}},
    ]
    assert [there for there, _task in included("roles/x/tasks/a.yml", tasks)] == [
        "roles/x/tasks/b.yml",
        "roles/x/tasks/c.yml",
        "roles/cmake/tasks/main.yml",
        "roles/cmake/meta/main.yml",
        "roles/road/tasks/plan.yml",
        "roles/road/meta/main.yml",
    ]
    needs = {"dependencies": ["ascend.pytorch.road", {"role": "ascend.pytorch.cmake", "when": "x"}]}
    assert [there for there, _task in included("roles/x/meta/main.yml", needs)] == [
        "roles/road/meta/main.yml",
        "roles/cmake/tasks/main.yml",
        "roles/cmake/meta/main.yml",
    ]
    plays = [{"ansible.builtin.import_playbook": "plays/z.yml"}, {"hosts": "all", "tasks": tasks[:1]}]
    assert [there for there, _task in included("playbooks/y.yml", plays)][0] == "playbooks/plays/z.yml"
    plays = [{"hosts": "all", "roles": ["cmake"]}]
    assert [there for there, _task in included("playbooks/y.yml", plays)][0] == "roles/cmake/tasks/main.yml"
    # What a module is asked is not what Ansible reads.
    assert list(included("roles/x/tasks/a.yml", [{"ascend.pytorch.plan": {"roles": ["cmake"]}}])) == []


def test_what_is_too_long_is_seen():
    def of(lines, more=""):
        return "def a(x):\n" + "    x += 1\n" * (lines - 1) + more

    assert too_long(of(60) + "\n" * 440) == []
    assert too_long(of(60) + "\n" * 441) == ["all: 501"]
    assert too_long("\n@b\n" + of(61)) == ["3: a: 61"]
    assert too_long("async " + of(61)) == ["1: a: 61"]
    method = "class C:\n" + "".join("    " + line for line in of(61).splitlines(keepends=True))
    assert too_long(method) == ["2: a: 61"]
    # One that is inside of another counts for both.
    inner = "".join("    " + line for line in of(61).splitlines(keepends=True))
    assert too_long("def b():\n" + inner) == ["1: b: 62", "2: a: 61"]
    assert too_long("x = [\n" + "    1,\n" * 70 + "]\n") == []


def test_cycles_are_found():
    assert cycles({("a", "b"), ("b", "c"), ("a", "c")}) == set()
    assert cycles({("a", "a"), ("b", "c"), ("c", "d"), ("d", "b"), ("d", "e"), ("x", "b")}) == {
        frozenset("a"),
        frozenset("bcd"),
    }


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("subprocess.Popen(argv)", True),
        ("subprocess.run(argv, cwd=None)", True),
        ("module.run_command(argv)", True),
        ("os.execv(path, argv)", True),
        ("subprocess.run(argv, cwd=folder)", False),
        ("module.run_command(argv, cwd='/')", False),
    ],
)
def test_a_program_that_is_started_anywhere_is_seen(code, is_found):
    assert [name for name, _what in starts_anywhere(f"def a(argv):\n    {code}\n")] == ["a"] * is_found


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("time.sleep(1)", True),
        ("runs.lock_stream(stream, waits=True)", True),
        ("runs.lock_stream(stream, True)", True),
        ("locking.lock(descriptor, path, True)", True),
        ("with locking.hold(path, 60): pass", True),
        ("runs.lock_stream(stream)", False),
        ("locking.lock(descriptor, path, shared=True)", False),
        ("time.sleep(1)\n    runs.end_if_over()", False),
        ("with runs.end_with_run():\n        runs.lock_stream(stream, waits=True)", False),
    ],
)
def test_who_waits_for_a_run_that_is_gone_is_seen(code, is_found):
    source = f"from x import runs\nfrom y.base import locking\nimport time\ndef a(path):\n    {code}\n"
    assert [name for name, _what in waits_on(source)] == ["a"] * is_found


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("io.open(path, mode='a')", True),
        ("os.fdopen(descriptor, mode)", True),
        ("Path(path).read_text()", True),
        ("tempfile.NamedTemporaryFile('w')", True),
        ("subprocess.run(argv, text=True)", True),
        ("subprocess.check_output(argv, universal_newlines=True)", True),
        ("open(path, 'rb')", False),
        ("open(path, encoding='utf-8')", False),
        ("os.open(path, os.O_RDONLY)", False),
        ("archive.open(name)", False),
        ("tempfile.TemporaryFile(dir=folder)", False),
        ("subprocess.run(argv, stdout=subprocess.PIPE)", False),
        ("subprocess.run(argv, text=True, encoding='utf-8')", False),
    ],
)
def test_text_by_the_locale_is_seen(code, is_found):
    assert [name for name, _what in text_by_locale(f"def a(path):\n    {code}\n")] == ["a"] * is_found
