# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What documents, specs, defaults and sources promise each other. The rules are in rules.py, in words at each function.

In short: a role's defaults, its argument spec and its README's table name the same variables with the same defaults;
`{{ ascend_x | default(LITERAL) }}` counts as LITERAL, and any other expression as computed, which has no default in the
spec and words in the README. Every source is pinned by a sha256 or a commit.
"""

import importlib
import re
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from ansible.playbook.block import Block
from ansible.playbook.task import Task
from checkout import BIN, ROOT, files
from rules import (
    FILE_LINES,
    FUNCTION_LINES,
    against_the_way,
    check_pins,
    check_role,
    conditions,
    cycles,
    included,
    mappings,
    readers_of_json,
    sets_what_stands,
    setters,
    shared_variables,
    starts_anywhere,
    task_actions,
    text_by_locale,
    too_long,
    unsafe_paths,
    uses,
    variable_table,
    waits_on,
    ways_round,
    writers_by_rename,
)

FILES = files()
ROLES = sorted({name.split("/")[1] for name in FILES if name.startswith("roles/")})
GUIDE = ("apex_build", "cann_check", "cmake", "gcc730", "torch_npu_build")
KEYWORDS = {name for kind in (Task, Block) for name in kind.fattributes} | {"local_action"}
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text())
# What opens a source file; data that tools write, prose and stand-ins for other people's files have none.
SOURCES = re.compile(r".*(\.(py|ya?ml|j2|sh|cfg|toml|txt)|/Makefile|/Containerfile)$|tools/\w+$|\.ci/run$|Makefile$")
NO_HEADER = re.compile(r"LICENSES/|changelogs/changelog\.yaml|tests/unit/data/|tests/mirror/sources/|.*/files/.*\.txt$")


def load(path: Path):
    """The value of a YAML file, {} where there is no such file."""
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def below(*patterns: str) -> list[str]:
    """The files of the checkout that match one of the regular expressions."""
    return [name for name in FILES if any(re.fullmatch(pattern, name) for pattern in patterns)]


def plugins(kind: str) -> list[str]:
    """The names of the plugins of a kind."""
    return [Path(name).stem for name in below(rf"plugins/{kind}/(?!__init__)\w+\.py")]


def offending(names: list[str], pattern: str) -> list[str]:
    """`file:line: text` for every line of the files that matches, comments left out."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name in names
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        if re.search(pattern, line.split(" # ")[0]) and not line.lstrip().startswith(("#", "{#"))
    ]


def test_the_five_roles_are_there():
    assert set(GUIDE) <= set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_role_says_one_thing(role):
    """The defaults, the argument spec and the README of a role agree: rules.check_role."""
    folder = ROOT / "roles" / role
    readme = folder / "README.md"
    specs = load(folder / "meta" / "argument_specs.yml")
    assert readme.exists()
    assert specs.get("argument_specs")
    options = {}
    for entry in specs["argument_specs"].values():
        options.update(entry.get("options", {}))
    assert not check_role(role, load(folder / "defaults" / "main.yml"), options, readme.read_text())


@pytest.mark.parametrize("role", ROLES)
def test_sources_are_pinned(role):
    """Every source is pinned: rules.check_pins."""
    variables = {}
    for name in below(rf"roles/{role}/(defaults|vars)/.+\.ya?ml"):
        variables.update(load(ROOT / name))
    # The recipe, and tables of releases.
    files = {f"__{name}": load(ROOT / name) for name in below(rf"roles/{role}/files/.+\.ya?ml")}
    assert not check_pins({**variables, **files})


def test_shared_variables_are_in_docs():
    """docs/variables.md has a table of the variables that roles share, and every one in it is read."""
    read = set()
    for name in below(r"(roles|playbooks)/.+\.(ya?ml|j2)"):
        text = (ROOT / name).read_text()
        bare = list(conditions(yaml.safe_load(text))) if not name.endswith(".j2") else []
        read |= shared_variables(text, bare)
    told = {
        name for name, _cell in variable_table((ROOT / "docs/variables.md").read_text()) if name.startswith("ascend_")
    }
    assert read == told


def test_translation_names_the_same_variables():
    pages = (ROOT / "docs/variables.md", ROOT / "docs/zh/variables.md")
    ours, theirs = (sorted(name for name, _cell in variable_table(page.read_text())) for page in pages)
    assert ours == theirs


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_first_page_is_short(name):
    """It leads to the pages of docs/, and is not one of them."""
    assert len((ROOT / name).read_text().splitlines()) <= 200


def test_promises_have_tests():
    """Each promise of the first page links to tests that exist, and both languages make the same promises."""
    tables = {"README.md": "| promise | test |", "README.zh-CN.md": "| 承诺 | 测试 |"}
    rows = [(ROOT / name).read_text().partition(head)[2].partition("\n\n")[0] for name, head in tables.items()]
    english, chinese = ([re.findall(r"\]\(([^)]+)\)", row) for row in table.splitlines()[2:]] for table in rows)
    assert len(english) > 10 and all(english)
    assert english == chinese
    assert [path for paths in english for path in paths if not (ROOT / path).is_file()] == []


def module(kind: str, name: str):
    """A plugin's Python module, as Ansible imports it."""
    return importlib.import_module(f"ansible_collections.ascend.pytorch.plugins.{kind}.{name}")


@pytest.mark.parametrize("name", plugins("modules"))
def test_modules_are_documented(name):
    assert "version_added" in yaml.safe_load(module("modules", name).DOCUMENTATION)


def test_actions_have_modules():
    """An action is documented by the module of its name."""
    assert set(plugins("action")) <= set(plugins("modules"))


def test_action_group_has_every_module():
    groups = load(ROOT / "meta" / "runtime.yml")["action_groups"]
    assert groups["all"] == sorted(plugins("modules"))


def test_tasks_use_full_names():
    short = [
        f"{name}: {action}"
        for name in below(r"roles/\w+/(tasks|handlers)/.+\.ya?ml")
        for action in task_actions(load(ROOT / name), KEYWORDS)
        if action.count(".") < 2
    ]
    assert not short


def test_nothing_is_put_into_tmp():
    """No task names /tmp. Python may, to refuse it or to tell of it, but makes nothing there."""
    assert not offending(below(r"(roles|playbooks)/.+\.(ya?ml|j2|sh)"), r"(?<![\w}])/tmp\b")
    default_place = r"tempfile\.(mk|Named|Temporary|Spooled)(?!.*\bdir=)"
    assert not offending(below(r"plugins/.+\.py"), rf"(?<![\w}}])/tmp/\w|{default_place}")


@pytest.mark.parametrize("name", below(r"plugins/(action|plugin_utils)/\w+\.py"))
def test_names_of_hosts_make_no_folders(name):
    """Paths of the controller that are made of what may be called anything: rules.unsafe_paths."""
    assert not list(unsafe_paths((ROOT / name).read_text()))


# The rooms of module_utils from top to bottom. Each imports from itself and from what is below it; those that stand side by
# side know nothing of one another.
ROOMS = (("checks",), ("plan",), ("provide",), ("host", "build", "publish"), ("product",), ("sources",), ("base",))


@pytest.mark.parametrize("name", below(r"plugins/module_utils/.+\.py"))
def test_rooms_import_from_below_alone(name):
    """Nothing of module_utils stands outside of the rooms, and imports lead down: rules.against_the_way."""
    assert against_the_way(name, (ROOT / name).read_text(), ROOMS) == []


def test_rooms_are_there():
    """Each with an __init__.py that holds nothing, and CONTRIBUTING.md tells their order."""
    rooms = {room for floor in ROOMS for room in floor}
    made = {name: (ROOT / name).stat().st_size for name in below(r"plugins/module_utils/(.+/)?__init__\.py")}
    assert made == {f"plugins/module_utils/{room}/__init__.py": 0 for room in rooms}
    assert " → ".join(", ".join(floor) for floor in ROOMS) in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize("name", below(r"plugins/.+\.py"))
def test_functions_and_files_are_short(name):
    """Whoever reads a file or a function of plugins/ can keep it in mind: rules.too_long."""
    assert not too_long((ROOT / name).read_text())


def test_how_short_is_told():
    told = f"No function of plugins/ is over {FUNCTION_LINES} lines, no file over {FILE_LINES}."
    assert told in (ROOT / "CONTRIBUTING.md").read_text()


# What reads JSON of its own making: nobody else could have written it.
OWN_JSON = {
    ("plugins/module_utils/base/ask.py", "at_once"): "from a process of its own, by a pipe",
    (
        "plugins/module_utils/base/ask.py",
        "read_json",
    ): "files of this account: builds' stamps and status, a run's notes",
    (
        "plugins/module_utils/base/interpreters.py",
        "_last_json",
    ): "what a Python of the host says of itself, to that host alone",
    ("plugins/plugin_utils/screen.py", "live_rows"): "a run's notes",
    ("plugins/plugin_utils/releases.py", ""): "the collection's own table of releases",
    ("plugins/plugin_utils/cohort.py", "_read_offers"): "a run's notes",
    ("plugins/plugin_utils/cohort.py", "order"): "a run's notes",
    ("plugins/action/fleet.py", "_write_report"): "a document that it has just written",
    ("plugins/action/fleet.py", "act"): "the answer to a question about that",
    ("plugins/module_utils/build/units.py", "_read"): "by this build's own CMake",
}


def test_foreign_json_is_read_in_one_place():
    found = {
        (name, function)
        for name in below(r"plugins/.*\.py")
        for _line, function in readers_of_json((ROOT / name).read_text())
    }
    assert {one for one in found if one[0] != "plugins/module_utils/base/foreign.py"} == set(OWN_JSON)


class Gate(NamedTuple):
    """What one module alone does for all others, and who does it too, with the reason: (file, function) -> why.

    Without a module, all who do it are listed.
    """

    module: str
    names: str
    others: dict[tuple[str, str], str]


GATES = {
    "on the disk": Gate("plugins/module_utils/base/durable.py", r"os\.(fsync|fdatasync|sync)", {}),
    "locks": Gate("plugins/module_utils/base/locking.py", r"fcntl\.(flock|lockf|LOCK_\w+|F_\w*SETLKW?|F_\w*LCK)", {}),
    # Who reads one that others made reads no more of it into memory than belongs to it.
    "zip archives": Gate("plugins/module_utils/sources/zips.py", r"(.*\.)?zipfile\.(Py)?ZipFile|zipimport\..*", {}),
    "tar archives": Gate(
        "plugins/module_utils/sources/archive.py",
        r"(.*\.)?tarfile\.(open|TarFile(\.\w+)?)|shutil\.unpack_archive",
        {
            ("plugins/module_utils/sources/packing.py", "pack"): "written, of a tree of ours",
            ("plugins/module_utils/sources/packing.py", "_add"): "written, of a tree of ours",
            ("plugins/plugin_utils/mirror.py", "pack"): "written, of the user's own mirror",
        },
    ),
    # A number that another process, machine or container has too. On the controller a run is a processes.Process.
    "who a process is": Gate(
        "plugins/plugin_utils/runs.py",
        r"os\.(getpid|getppid)",
        {
            ("plugins/plugin_utils/live.py", "_row"): "of which it makes a processes.Process",
            (
                "plugins/module_utils/build/starting.py",
                "scope_name",
            ): "a unit of this machine's systemd, while this process lives",
            ("plugins/module_utils/build/processes.py", "find_processes"): "itself, which is none of them",
            (
                "plugins/module_utils/build/stages.py",
                "__init__",
            ): "told beside the boot, and asked of with the lock alone",
            ("plugins/module_utils/base/session.py", "_call"): "the process that systemd is to move",
            (
                "plugins/module_utils/publish/publishing.py",
                "partial_path",
            ): "beside the host's name, in a place that is held",
            (
                "plugins/module_utils/product/caching.py",
                "_write_product",
            ): "beside the host's name, in a place that is held",
        },
    ),
    # Somebody may set it while one waits by it: what waits, or says how long ago, goes by time.monotonic().
    "the clock on the wall": Gate(
        "",
        r"time\.time",
        {
            ("plugins/action/plan.py", "_examine"): "the host's clock is compared with this one",
            ("plugins/module_utils/host/host.py", "examine"): "the host's clock is told",
            ("plugins/module_utils/sources/unpacking.py", "_write_tree"): "no file is from the future",
            ("plugins/module_utils/product/entries.py", "idle_s"): "the age of files",
            ("plugins/modules/clean.py", "main"): "the age of files",
            ("plugins/plugin_utils/runs.py", "_remove_if_over"): "the age of files",
            ("plugins/plugin_utils/cache_list.py", "unused"): "the age of files",
            ("plugins/plugin_utils/live.py", "_row"): "times that a host told, where it does not tell its own",
            ("plugins/module_utils/build/stages.py", "__init__"): "told to people, and to other processes",
            ("plugins/module_utils/build/looking.py", "read_status"): "told, to compare with the times in the status",
            ("plugins/module_utils/build/stages.py", "run_stage"): "told, and compared with the times of files",
            ("plugins/module_utils/build/stages.py", "run"): "told to people, and to other processes",
            ("plugins/module_utils/build/stages.py", "spent_s"): "since a time that was told; never less than nothing",
        },
    ),
    # A file system may have none: locking.LocksUnsupported, an OSError and a LockError. tests/unit/plugins/test_without_locks.py.
    "what to do without locks": Gate(
        "",
        r".*\blocking\.(lock|hold)",
        {
            ("plugins/module_utils/build/locks.py", "_open_locked"): "build, stop and clean say it",
            ("plugins/module_utils/build/results.py", "make_missing_parts"): "build says it",
            ("plugins/module_utils/product/caching.py", "_shared_lock"): "goes on: the renames alone have to do",
            ("plugins/module_utils/product/entries.py", "_locked"): "says it",
            ("plugins/module_utils/product/published.py", "lock_tree"): "goes on: the tree stays a while by itself",
            ("plugins/module_utils/product/published.py", "in_use"): "says nothing where it is not known",
            ("plugins/module_utils/publish/publishing.py", "hold_lock"): "says it",
            ("plugins/module_utils/sources/fetch.py", "hold_lock"): "says it",
            ("plugins/plugin_utils/bundling.py", "_locked"): "says it",
            ("plugins/plugin_utils/runs.py", "lock_stream"): "says it",
            ("plugins/plugin_utils/runs.py", "hold"): "goes on: the run's folder is kept for long",
            ("plugins/plugin_utils/runs.py", "_remove_if_over"): "leaves what it cannot know of",
            ("plugins/plugin_utils/screen.py", "locked"): "builds are shown as lines of a log",
            ("plugins/plugin_utils/screen.py", "take_painter_lock"): "as if there were one",
            ("plugins/plugin_utils/store.py", "_lock"): "says it, and reads",
        },
    ),
    # Of what a function has made itself, before it has its name, or of a copy: what stands keeps the mode that it has.
    "modes and owners": Gate(
        "",
        r"(.*\.)?(f|l|_remote_)?ch(mod|own)|shutil\.(copy2?|copymode|copystat|copytree|chown)|(.*\.)?set_\w+_if_different",
        {
            (
                "plugins/module_utils/sources/unpacking.py",
                "_write_tree",
            ): "files that it has just written, in a new folder",
            (
                "plugins/module_utils/sources/unpacking.py",
                "_finish_folders",
            ): "folders of the tree that was unpacked, in a new folder",
            ("plugins/module_utils/build/results.py", "pack_part"): "copied into a new folder",
            (
                "plugins/module_utils/product/caching.py",
                "_write_product",
            ): "the folder of its own that others are to take from",
            ("plugins/module_utils/base/durable.py", "write"): "the file that it writes, still open",
            (
                "plugins/module_utils/publish/publishing.py",
                "publish_tree",
            ): "the tree that was unpacked, before it is live",
            ("plugins/module_utils/build/steps.py", "_wheel"): "copied into the build's own folder",
            ("plugins/module_utils/product/wheel.py", "add_file"): "its own copy, as what it is a copy of",
            ("plugins/plugin_utils/bundling.py", "_add_products"): "copied into a new folder",
            ("plugins/plugin_utils/transfer.py", "let_in"): "a file of its own, in the task's folder",
        },
    ),
}


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_what_one_module_does_no_other_does(gate):
    """No way round a gate: who uses what is the gate's own stands in the table, and nobody is there who does not."""
    found = {
        (name, function)
        for name in below(r"plugins/.*\.py")
        for function, _what in uses((ROOT / name).read_text(), gate.names)
        if name != gate.module
    }
    assert found == set(gate.others)
    assert not gate.module or uses((ROOT / gate.module).read_text(), gate.names)


def test_files_are_written_by_rename_in_one_place():
    found = {name: writers_by_rename((ROOT / name).read_text()) for name in below(r"plugins/.*\.py")}
    assert [name for name, there in found.items() if there] == ["plugins/module_utils/base/durable.py"], found


# What a task gives a mode or an owner to: nothing. A folder would be given one only where the plan found none: rules.sets_what_stands.
SETTERS: dict[tuple[str, str], str] = {}


def test_no_task_sets_what_stands():
    found = {
        (name, task["name"]): sets_what_stands(task, arguments)
        for name in below(r"(roles|playbooks)/.+\.ya?ml")
        for task, arguments in setters(load(ROOT / name))
    }
    assert found == dict.fromkeys(SETTERS, False)


def test_no_action_gives_a_mode_to_what_stands():
    """By a module of Ansible's own."""
    assert not offending(below(r"plugins/(action|plugin_utils)/\w+\.py"), r"""["'](mode|owner|directory_mode)["']: """)


def test_no_task_is_delegated_to_an_empty_name():
    """From ansible-core 2.22 on such a task fails, even where it would be skipped."""
    found = {
        (name, line.strip())
        for name in below(r"(roles|playbooks)/.+\.ya?ml")
        for line in (ROOT / name).read_text().splitlines()
        if "delegate_to:" in line and "| default(inventory_hostname, true) }}" not in line
    }
    assert not found


class Cycle(NamedTuple):
    """What ends tasks that lead back to themselves: a function that an action calls, and why it does."""

    action: str
    function: str
    why: str


# Ansible nests them, each with the variables of all before: after some hundred it is slow, and then ends of it.
CYCLES = {
    frozenset({"roles/road/tasks/build.yml"}): Cycle(
        "plugins/action/publish.py",
        "next_turn_s",
        "turns grow longer: a hundred of them last longer than a build may; builders that are lost are counted, up to "
        "ascend_takeovers, and so is how often a builder is elected that is not ready",
    ),
}


def test_tasks_lead_back_to_themselves_only_where_something_ends_it():
    leads = [
        (name, there, task)
        for name in below(r"(roles|playbooks)/.+\.ya?ml")
        for there, task in included(name, load(ROOT / name))
    ]
    # Everything that is included can be followed.
    assert leads and not {there for _name, there, _task in leads} - set(FILES)
    assert cycles({(name, there) for name, there, _task in leads}) == set(CYCLES)
    for cycle, bound in CYCLES.items():
        assert uses((ROOT / bound.action).read_text(), rf"(.*\.)?{bound.function}")
        # And none for itself alone, without a condition.
        assert all("when" in task for name, there, task in leads if {name, there} <= cycle)


# Who starts a program where it is itself, all on the controller, and why that does no harm.
STARTS_ANYWHERE = {
    ("plugins/plugin_utils/signing.py", "_keygen"): "a key may be named from the folder that the playbook is run in",
    (
        "plugins/plugin_utils/wheelhouse.py",
        "_run_pip",
    ): "so may what pip's settings name; its modules are not taken from there",
    ("plugins/plugin_utils/screen.py", "_start_painter"): "a Python that takes no modules from there (-I)",
}


# Who waits on the controller and does not look whether its run is gone, and who looks for it.
WAITS_ON = {
    ("plugins/plugin_utils/runs.py", "lock_stream"): "its callers, who are looked at here too",
    (
        "plugins/plugin_utils/screen.py",
        "locked",
    ): "live.py, around all that waits for this lock; the painter holds nothing",
    ("plugins/plugin_utils/screen.py", "remove_row"): "live.py, and it waits for two seconds at most",
    ("plugins/plugin_utils/screen.py", "paint"): "itself: a program of its own, which ends with its run",
}


def test_who_waits_on_the_controller_sees_that_its_run_is_gone():
    found = {
        (name, function)
        for name in below(r"plugins/(action|plugin_utils)/\w+\.py")
        for function, _what in waits_on((ROOT / name).read_text())
    }
    assert found == set(WAITS_ON)


def test_programs_are_started_in_a_folder_that_was_chosen():
    found = {
        (name, function)
        for name in below(r"plugins/.*\.py")
        for function, _what in starts_anywhere((ROOT / name).read_text())
    }
    assert found == set(STARTS_ANYWHERE)


def test_tasks_start_programs_in_a_folder_that_was_chosen():
    wrong = [
        f"{name}: {task['name']}"
        for name in below(r"(roles|playbooks)/.+\.ya?ml")
        for task in mappings(load(ROOT / name))
        for action in task
        if re.fullmatch(r"ansible\.builtin\.(command|shell|script|expect)", str(action))
        if "chdir" not in task[action]
    ]
    assert not wrong


# On the controller Ansible sees to it that the locale has UTF-8.
TEXT_BY_LOCALE = {("plugins/module_utils/product/carrying.py", "_open_piece"): "bytes: the mode is its callers'"}


def test_text_on_hosts_is_in_no_encoding_of_the_locale():
    found = {
        (name, function)
        for name in below(r"plugins/(modules|module_utils/\w+)/\w+\.py")
        for function, _what in text_by_locale((ROOT / name).read_text())
    }
    assert found == set(TEXT_BY_LOCALE)


def test_no_task_names_a_release():
    """What differs between releases is a row of the table, so no condition compares with a version."""
    named = [
        f"{name}: {text}"
        for name in below(r"roles/\w+/(tasks|handlers)/.+\.ya?ml", r"playbooks/.+\.ya?ml")
        for text in conditions(load(ROOT / name))
        if re.search(r"""['"]\d+(\.\d+)+""", text)
    ]
    assert not named


def test_source_files_open_with_the_licence():
    bare = [
        name
        for name in FILES
        if SOURCES.fullmatch(name) and not NO_HEADER.match(name) and (ROOT / name).stat().st_size
        if not re.search(
            r"Copyright: \(c\) .*\n.*GNU General Public License v3\.0\+",
            "\n".join((ROOT / name).read_text().splitlines()[:6]),
        )
    ]
    assert not bare


def test_versions_agree():
    version = GALAXY["version"]
    changes = load(ROOT / "changelogs" / "changelog.yaml")["releases"]
    about = (ROOT / "plugins" / "module_utils" / "base" / "about.py").read_text()
    assert list(changes)[-1] == version
    assert f"v{version}\n" in (ROOT / "CHANGELOG.rst").read_text()
    assert f'VERSION = "{version}"' in about


def test_it_needs_no_other_collection():
    """Nothing of another collection is used, so that nothing of Galaxy is needed."""
    assert GALAXY["dependencies"] == {}
    foreign = r"\b(community\.\w+|ansible\.posix|containers\.podman)\.\w+|ansible_collections\.(?!ascend\.)"
    assert not offending(
        below(r"(roles|playbooks)/.+\.(ya?ml|j2)", r"plugins/.+\.py", r"(docs/.+|README.*)\.md"), foreign
    )


def test_sanity_ignores_nothing():
    assert not below(r"tests/sanity/ignore.*")


def test_tarball_holds_what_a_user_runs(tmp_path):
    """What is not for the user stays out, above all the link in collections/ that leads back to the checkout."""
    build = [BIN / "ansible-galaxy", "collection", "build", "--output-path", tmp_path, ROOT]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = archive.getnames()
    known = {
        "MANIFEST.json",
        "FILES.json",
        "LICENSE",
        "README.md",
        "README.zh-CN.md",
        "CHANGELOG.rst",
        "CONTRIBUTING.md",
        "CODE_OF_CONDUCT.md",
        "SECURITY.md",
        "bindep.txt",
    }
    folders = {"changelogs", "docs", "inventories", "meta", "playbooks", "plugins", "requirements", "roles"}
    assert {name.split("/")[0] for name in names} <= known | folders
    assert [name for name in names if name.startswith("requirements/")] == ["requirements/controller.txt"]
    assert not [name for name in names if "__pycache__" in name or re.search(r"/\.|\.pyc$", name)]


@pytest.mark.parametrize("name", below(r"plugins/(action|plugin_utils|modules|module_utils/\w+|filter)/\w+\.py"))
def test_what_leaves_goes_through_one_place(name):
    """Without logins, and with nothing that steers a terminal: see plugins/module_utils/base/outgoing.py."""
    if name == "plugins/plugin_utils/speaking.py":
        return
    on_controller = name.startswith(("plugins/action/", "plugins/plugin_utils/"))
    assert ways_round((ROOT / name).read_text(), on_controller) == []


def test_ways_round_are_found():
    """The rule itself: what it finds, and what not."""
    wrong = """
import ansible.utils.display
from ansible.utils.display import Display
class ActionModule(ActionBase):
    def act(self): pass
class ActionModule(speaking.Action):
    def run(self): print("x")
def main():
    module.exit_json(changed=True)
    module.fail_json(**result)
    module.fail_json(**outgoing.clean_result(msg="x"), exception=text)
    module.warn("x")
"""
    assert [line.partition(":")[0] for line in sorted(ways_round(wrong, True), key=lambda line: int(line.split(":")[0]))] == [
        "2", "3", "4", "6", "7", "9", "10", "11", "12",
    ]  # fmt: skip
    right = """
from ansible.plugins.action import ActionBase
class ActionModule(speaking.Action):
    def act(self): speaking.warn("x")
def main():
    module.exit_json(**outgoing.clean_result(changed=True))
    self.warn("x")
"""
    assert ways_round(right, True) == []


def test_no_run_leaves_facts_to_another():
    """Facts may be cached: a later run would believe in what this one only found, or promised."""
    given = r"""["']ansible_facts["']\]?\s*(=(?!=)|:)|\bansible_facts=|_facts_cacheable"""
    assert not offending(below(r"plugins/.+\.py"), given)
    assert not offending(below(r"(roles|playbooks)/.+\.ya?ml"), r"\bset_fact\b|\bcacheable\b")


def test_licence_stands_where_each_tool_looks():
    """Galaxy reads LICENSE, reuse the folder LICENSES."""
    assert (ROOT / "LICENSES" / "GPL-3.0-or-later.txt").read_text() == (ROOT / "LICENSE").read_text()
