# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contract tests read out of roles, plugins and READMEs, and the rules they hold them to. Pure functions.

A rule returns the list of what is wrong, in words; nothing wrong is the empty list.
"""

import ast
import functools
import importlib.util
import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml
from checkout import ROOT

SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")
ARCHIVE = re.compile(r"[\w.+-]+\.(tar\.\w+|tgz|zip)")
_FALLBACK = re.compile(
    r"\{\{-?\s*(\w+)\s*\|\s*default\(\s*(.*?)\s*(?:,\s*true)?\s*\)\s*-?\}\}", re.IGNORECASE | re.DOTALL
)
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
CONDITIONS = ("when", "that", "until", "failed_when", "changed_when")


class Default(NamedTuple):
    """A variable's default as documents can state it: `value`, unless it is computed."""

    value: Any = None
    computed: bool = False


def default_of(raw: Any) -> Default:
    """Read the value that defaults/main.yml has for a variable.

    A plain value is its own default. `{{ x | default(LITERAL) }}`, and nothing else around it, takes the variable x of
    all roles (`ascend_…`) or of another one, and documents state LITERAL. Every other Jinja expression is computed, and
    has no default to state.
    """
    if not any("{{" in text or "{%" in text for text in strings(raw)):
        return Default(raw)
    fallback = _FALLBACK.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if fallback:
        text = {"true": "True", "false": "False", "none": "None"}.get(fallback[2].lower(), fallback[2])
        try:
            return Default(ast.literal_eval(text))
        except (SyntaxError, ValueError):
            pass
    return Default(computed=True)


def strings(value: Any) -> Iterator[str]:
    """Every string in a value of YAML, keys of mappings too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def mappings(value: Any) -> Iterator[dict]:
    """Every mapping in a value of YAML."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from mappings(item)


# --- READMEs


def variable_table(markdown: str) -> list[tuple[str, str]]:
    """The (variable, default) cells of every table of a README whose first column is headed "variable" (变量).

    The default is that of the column headed "default" (默认…), "" where there is none.
    """
    rows, default_at, inside = [], None, False
    for line in markdown.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if not line.lstrip().startswith("|"):
            inside = False
        elif not inside:
            inside = True
            heads = [cell.lower() for cell in cells]
            wanted = heads[0].startswith(("variable", "变量"))
            default_at = next((i for i, head in enumerate(heads) if head.startswith(("default", "默认"))), None)
        elif wanted and not set(cells[0]) <= set("-: "):
            for name in re.findall(r"`(\w+)`", cells[0]):
                rows.append((name, cells[default_at] if default_at is not None and default_at < len(cells) else ""))
    return rows


def shown(cell: str) -> str:
    """The value that a default cell shows: its first code span, or all of it."""
    span = re.search(r"`([^`]*)`", cell)
    return span[1] if span else cell


def shows(cell: str, default: Default) -> bool:
    """Whether a README's default cell states a default.

    A value stands in the cell as YAML, in backticks or bare. A list or mapping that is not empty may instead be a
    reference to `defaults/main.yml`. A computed default needs words, whichever they are.
    """
    if default.computed or (isinstance(default.value, (list, dict)) and default.value and "defaults/main.yml" in cell):
        return bool(cell)
    if not cell:
        return False
    try:
        return yaml.safe_load(shown(cell).replace("\\|", "|")) == default.value or shown(cell) == default.value
    except yaml.YAMLError:
        return False


# --- roles


def check_role(role: str, defaults: dict, options: dict, readme: str) -> list[str]:
    """defaults/main.yml, the options of meta/argument_specs.yml and the README's table name the same variables.

    Each begins with the role's name. The spec's default equals the default; it is left out where the default is
    computed, and may be where the default is empty (null).
    """
    table = variable_table(readme)
    named = [name for name, _cell in table]
    wrong = [f"{name}: does not begin with {role}_" for name in defaults if not name.startswith(f"{role}_")]
    wrong += [f"{name}: in defaults, not in argument_specs" for name in defaults if name not in options]
    wrong += [
        f"{name}: in argument_specs with a default, not in defaults"
        for name, option in options.items()
        if name not in defaults and not option.get("required")
    ]
    wrong += [f"{name}: {named.count(name)} times in the README's table" for name in options if named.count(name) != 1]
    wrong += [f"{name}: in the README's table, not in argument_specs" for name in named if name not in options]
    for name, raw in defaults.items():
        default, option = default_of(raw), options.get(name, {})
        if default.computed and "default" in option:
            wrong.append(f"{name}: its default is computed, so argument_specs cannot state one")
        elif not default.computed and option.get("default") != default.value:
            wrong.append(f"{name}: {default.value!r} in defaults, {option.get('default')!r} in argument_specs")
        wrong += [
            f"{name}: the README shows {cell!r} as its default, which is {default.value!r}"
            for row, cell in table
            if row == name and not shows(cell, default)
        ]
    return wrong


def is_template(value: Any) -> bool:
    """Whether a value is filled in on the controller, from a table that is checked where it stands."""
    return isinstance(value, str) and ("{{" in value or "${" in value or value == "auto")


def check_pins(variables: dict) -> list[str]:
    """Every source among the variables (defaults and vars) and in the files of a role is pinned.

    A mapping with `urls` or `repo` has a `sha256` or a `commit`; an input `x_urls` or `x_more_urls` has beside it
    `x_sha256`, `x_commit` or `x_digests`; an archive's bare file name is the key of a digest, or stands in a mapping
    with one. A digest or commit is whole, unless it is filled in from a table, which is looked at where it stands.
    """
    wrong = []
    known = {name for mapping in mappings(variables) for name, value in mapping.items() if is_digest(value)}
    for mapping in mappings(variables):
        own = [mapping.get("sha256"), mapping.get("commit")]
        pinned = any(is_digest(value) or is_template(value) for value in own)
        if {"urls", "repo"} & set(mapping) and not pinned:
            wrong.append(
                f"{mapping.get('name') or mapping.get('repo') or mapping.get('urls')}: no sha256 and no commit"
            )
        for name, value in mapping.items():
            if ARCHIVE.fullmatch(str(name)) and not is_digest(value):
                wrong.append(f"{name}: {value!r} is no sha256")
            for text in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
                if isinstance(text, str) and ARCHIVE.fullmatch(text) and not pinned and text not in known:
                    wrong.append(f"{text}: no sha256")
            if re.search(r"(^|_)sha256$", str(name)) and not (is_template(value) or SHA256.fullmatch(str(value))):
                wrong.append(f"{name}: {value!r} is not 64 hexadecimal digits")
            if re.search(r"(^|_)commit$", str(name)) and not (is_template(value) or COMMIT.fullmatch(str(value))):
                wrong.append(f"{name}: {value!r} is not 40 hexadecimal digits")
    pins = [match[1] for name in variables if (match := re.fullmatch(r"(\w+)_(sha256|commit|digests)", name))]
    for name in variables:
        # Internals are parts of sources, which are mappings.
        if name.endswith("_urls") and not name.startswith("__") and not any(name.startswith(f"{pin}_") for pin in pins):
            wrong.append(f"{name}: no variable for a sha256, commit or digests beside it")
    return wrong


def is_digest(value: Any) -> bool:
    """Whether a value is a sha256 or a git commit."""
    return isinstance(value, str) and bool(SHA256.fullmatch(value) or COMMIT.fullmatch(value))


def conditions(value: Any) -> Iterator[str]:
    """Every bare Jinja expression of a task file: the strings under `when`, `that`, `until` and the like."""
    for mapping in mappings(value):
        for key in CONDITIONS:
            yield from (text for text in strings(mapping.get(key)))


def shared_variables(text: str, bare: list[str]) -> set[str]:
    """The shared variables `ascend_…` that Jinja reads in `text` and in the bare expressions."""
    expressions = _JINJA.findall(text) + bare
    return {name for part in expressions for name in re.findall(r"(?<![\w.])ascend_\w+", _QUOTED.sub("''", part))}


def task_actions(tasks: Any, keywords: set[str]) -> list[str]:
    """The names of the actions of all tasks in a task file, blocks opened."""
    names = []
    for task in tasks or []:
        inner = [task[key] for key in ("block", "rescue", "always") if key in task]
        for block in inner:
            names += task_actions(block, keywords)
        if not inner:
            names += [key for key in task if key not in keywords and not key.startswith("with_")]
    return names


# --- tasks: what they set, and what they include

_OF_FILES = {"mode", "owner", "group", "attributes", "seuser", "serole", "setype", "selevel"}
_SETS = re.compile(r"\b(mode|owner|group)=|\b(chmod|chown|chgrp|setfacl)\b")
_INCLUDES = re.compile(r"(?:ansible\.(?:builtin|legacy)\.)?(include|import)_(tasks|role|playbook)")


def setters(value: Any) -> Iterator[tuple[dict, dict]]:
    """(task, arguments) of each task of Ansible's own modules that sets mode, owner or the like of what may stand there."""
    for task in mappings(value):
        for action, arguments in task.items():
            if str(action).startswith("ansible.") and not _INCLUDES.fullmatch(action):
                given = arguments if isinstance(arguments, dict) else {}
                if _OF_FILES & set(given) or any(
                    _SETS.search(text) for text in strings(list(given.values()) or arguments)
                ):
                    yield task, given


def sets_what_stands(task: dict, arguments: dict) -> bool:
    """Whether a task of setters() does so to folders that it has not made.

    One that makes a folder is given it by the plan, as the one that is to be made, and does nothing where that names none.
    """
    if arguments.get("state") != "directory" and not arguments.get("recurse"):
        return False
    makes = re.fullmatch(r"\{\{ (\S+\.makes) \}\}", str(arguments.get("path")))
    wanted = f"{makes[1]} | default('') | length > 0" if makes else ""
    return not wanted or wanted not in list(strings(task.get("when")))


_FILLED_IN = re.compile(r"\{\{.*?\}\}")


def included(name: str, value: Any) -> Iterator[tuple[str, dict]]:
    """(path, task) of each file that a file of tasks, a playbook or a role's meta/main.yml has Ansible read next.

    Whichever tasks of a role are wanted, what that depends on comes before them.
    """
    for task in mappings(value):
        roles = task.get("dependencies" if name.endswith("/meta/main.yml") else "roles" if "hosts" in task else "", ())
        for each in roles:
            role = (each if isinstance(each, str) else each.get("role", each.get("name"))).removeprefix(
                "ascend.pytorch."
            )
            paths = [f"roles/{role}/{folder}/main.yml" for folder in ("tasks", "meta")]
            # One that brings only variables has no tasks of its own.
            yield from ((path, task) for path in paths if path == paths[1] or (ROOT / path).exists())
        for key, arguments in task.items():
            action = _INCLUDES.fullmatch(str(key))
            given = arguments if isinstance(arguments, dict) else {}
            if action and action[2] == "role":
                role = given["name"].removeprefix("ascend.pytorch.")
                yield f"roles/{role}/tasks/{given.get('tasks_from', 'main').removesuffix('.yml')}.yml", task
                yield f"roles/{role}/meta/main.yml", task
            elif action:
                path = posixpath.normpath(posixpath.join(posixpath.dirname(name), given.get("file") or arguments))
                # What is filled in may be whatever has a file.
                pattern = _FILLED_IN.sub("*", path)
                there = (
                    [path] if pattern == path else sorted(str(file.relative_to(ROOT)) for file in ROOT.glob(pattern))
                )
                yield from ((each, task) for each in there or [path])


def cycles(edges: set[tuple[str, str]]) -> set[frozenset[str]]:
    """The sets of files that lead back to themselves, each with all that it leads through."""
    after: dict[str, set[str]] = {}
    for before, next_one in edges:
        after.setdefault(before, set()).add(next_one)

    def reached(name: str) -> set[str]:
        found, new = set(), {name}
        while new:
            new = set().union(*(after.get(each, ()) for each in new)) - found
            found |= new
        return found

    reach = {name: reached(name) for name in after}
    return {
        frozenset(each for each in reach if each in reach[name] and name in reach[each])
        for name in reach
        if name in reach[name]
    }


# --- plugins


_HALL = "ansible_collections.ascend.pytorch.plugins.module_utils"


def against_the_way(name: str, source: str, rooms: tuple[tuple[str, ...], ...]) -> list[str]:
    """What is wrong with where a file of module_utils stands, and "line: what it imports" from where it may not.

    Its folder is one of the rooms, which are given from top to bottom, with those together that stand side by side. A file
    imports from its own room and from those below; not from those above, nor beside, nor from outside of the rooms.
    """
    floors = {room: floor for floor, beside in enumerate(rooms) for room in beside}
    *above, room, _file = name.split("/")
    if above != ["plugins", "module_utils"] or room not in floors:
        return [f"{name}: stands in no room"]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            module = importlib.util.resolve_name(module, f"{_HALL}.{room}")
            imported = [f"{module}.{each.name}" for each in node.names]
        else:
            continue
        for each in imported:
            there = each.removeprefix(f"{_HALL}.").partition(".")[0] if f"{each}.".startswith(f"{_HALL}.") else room
            if there != room and floors.get(there, -1) <= floors[room]:
                found.append(f"{node.lineno}: {each}")
    return found


# What fits a few screens is read as one; of what is longer a part can be named, and stands by itself.
FILE_LINES, FUNCTION_LINES = 500, 60


def too_long(source: str) -> list[str]:
    """What of Python code is too long: "all: its lines" of the file, "line: name: its lines" of a function.

    A function has the lines from its `def` to its end, with its docstring and what is defined inside; one of those counts
    for itself too.
    """
    lines = len(source.splitlines())
    found = [f"all: {lines}"] if lines > FILE_LINES else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                found.append(f"{node.lineno}: {node.name}: {lines}")
    return found


# What may be called anything, by the names that code has for it.
_ANYTHING = {"host", "inventory_hostname", "builder", "label", "platform", "product"}
_JOINS = ("path.join", "joinpath", "Path", "with_name")
_FILE = re.compile(r"""\.(json|lock|log|row)(['"]|['"]\.format\(.*\))$""")


def unsafe_paths(source: str) -> Iterator[tuple[int, str]]:
    """(line, code) of each part of a path that is made of a host's name, a label, a platform or a product as it is.

    Each may have a slash in it, or be `..`; runs.file_name() gives it a name. Parts of a path are what stands behind `/`,
    what a function of os.path or pathlib is given, and every text that ends like the name of a file: `….json`, `….lock`.
    """
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.AST] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [node.right]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_JOINS):
            parts = list(node.args)
        elif isinstance(node, ast.JoinedStr | ast.BinOp | ast.Call) and _FILE.search(ast.unparse(node)):
            parts = [node]
        yield from ((part.lineno, ast.unparse(part)) for part in parts if _has_anything(part))


def _has_anything(node: ast.AST) -> bool:
    """Whether one of _ANYTHING stands in an expression, other than in a call of file_name()."""
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).rpartition(".")[2]
        # What a function of the module's own returns is looked at there, but for one that says which host.
        if called == "file_name" or (called.startswith("_") and called != "_host"):
            return False
    name = {ast.Name: "id", ast.Attribute: "attr", ast.Constant: "value"}.get(type(node), "")
    known = str(getattr(node, name)).lstrip("_") if name else ""
    return known in _ANYTHING or any(map(_has_anything, ast.iter_child_nodes(node)))


def readers_of_json(text: str) -> list[tuple[int, str]]:
    """(line, function) wherever Python code reads JSON with the library's own json, "" for the module's own level.

    `json.loads(json.dumps(x))` only makes plain data of x. What else reads may be handed what another machine said.
    """
    found = []

    def look(node: ast.AST, function: str) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = node.name
        names = (
            [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) and node.module == "json" else []
        )
        plain = isinstance(node, ast.Call) and _is_json(node.func, ("loads",)) and _dumped(node.args)
        if _is_json(node, ("load", "loads", "JSONDecoder")) or set(names) & {"load", "loads", "JSONDecoder"}:
            found.append((node.lineno, function))
        for inner in ast.iter_child_nodes(node):
            if not (plain and inner is node.func):
                look(inner, function)

    look(ast.parse(text), "")
    return found


def _is_json(node: ast.AST, names: tuple[str, ...]) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name)
        and node.value.id == "json"
    )


def _dumped(arguments: list[ast.expr]) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0], ast.Call) and _is_json(arguments[0].func, ("dumps",))


# What an action has from ansible-core by which words could go past speaking.py.
PAST = {"ansible.utils.display", "ansible.plugins.action"}


def ways_round(source: str, on_controller: bool) -> list[str]:
    """What of a plugin's text goes round the one place where text leaves: "line: what it uses".

    On the controller that is plugin_utils/speaking.py: no Display of one's own and no print, and an action is a
    speaking.Action that leaves `run` to it. In a module it is outgoing.clean_result around all that it exits with.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == "ActionModule":
            bases = [ast.unparse(base) for base in node.bases]
            names = {inner.name for inner in node.body if isinstance(inner, ast.FunctionDef)}
            if bases != ["speaking.Action"] or "run" in names:
                found.append(f"{node.lineno}: an action that is no speaking.Action, or has a `run` of its own")
        elif isinstance(node, ast.ImportFrom) and on_controller and node.module in PAST:
            names = {each.name for each in node.names}
            if "Display" in names or (node.module == "ansible.plugins.action" and "ActionBase" not in names):
                found.append(f"{node.lineno}: {', '.join(sorted(names))}")
        elif isinstance(node, ast.Import):
            found += [f"{node.lineno}: {each.name}" for each in node.names if on_controller and each.name in PAST]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write"):
            found.append(f"{node.lineno}: {ast.unparse(node.func)}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("exit_json", "fail_json"):
                given = [each.value for each in node.keywords if each.arg is None]
                calls = [ast.unparse(each.func) for each in given if isinstance(each, ast.Call)]
                if node.args or len(node.keywords) != 1 or calls != ["outgoing.clean_result"]:
                    found.append(f"{node.lineno}: {node.func.attr} without outgoing.clean_result")
            elif node.func.attr in ("warn", "deprecate") and ast.unparse(node.func.value) == "module":
                found.append(f"{node.lineno}: module.{node.func.attr}")
    return found


# --- gates ------------------------------------------------------------------------------------------------------------


def uses(source: str, pattern: str) -> list[tuple[str, str]]:
    """(function, what) of everything in a plugin's text that goes by a name which matches: `fcntl.flock`, `os.getpid`.

    A function within a class is called by its own name; "" is what no function does. Names are what they were imported
    as: `from os import getpid as pid` is a use of os.getpid, wherever it is called.
    """
    named = ((function, name) for function, node, name in _all_named(source) if not isinstance(node, ast.Call))
    return [(function, name) for function, name in named if re.fullmatch(pattern, name)]


def calls(source: str, pattern: str) -> list[tuple[str, ast.Call, str]]:
    """(function, call, what) of every call of what goes by a name which matches; see uses."""
    return [
        (function, node, name)
        for function, node, name in _all_named(source)
        if isinstance(node, ast.Call) and re.fullmatch(pattern, name)
    ]


@functools.cache
def _all_named(source: str) -> list[tuple[str, ast.AST, str]]:
    # Every gate asks it of every plugin, and it takes a while.
    return list(_named(source))


def _named(source: str) -> Iterator[tuple[str, ast.AST, str]]:
    tree, known = ast.parse(source), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known.update({each.asname: each.name for each in node.names if each.asname})
        elif isinstance(node, ast.ImportFrom):
            known.update({each.asname or each.name: f"{node.module}.{each.name}" for each in node.names})

    def look(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST, str]]:
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Attribute | ast.Name | ast.Call):
            first, dot, rest = ast.unparse(node.func if isinstance(node, ast.Call) else node).partition(".")
            yield function, node, known.get(first, first) + dot + rest
        for inner in ast.iter_child_nodes(node):
            yield from look(inner, function)

    yield from look(tree, "")


def keyword(call: ast.Call, name: str) -> Any:
    """What a call gives by a keyword: its text as code, None where it gives nothing or None."""
    given = next((ast.unparse(each.value) for each in call.keywords if each.arg == name), "None")
    return None if given == "None" else given


_STARTS = (
    r"subprocess\.(Popen|run|call|check_call|check_output|getoutput|getstatusoutput)|(.*\.)?run_command"
    r"|os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?)"
)


def starts_anywhere(source: str) -> list[tuple[str, str]]:
    """(function, what) of each program that a plugin starts in the folder that it happens to be in itself.

    That is a login's home on hosts: `python -m` and `python -c` take modules from there.
    """
    return [(function, name) for function, call, name in calls(source, _STARTS) if not keyword(call, "cwd")]


_WAITS = r"time\.sleep|(.*\.)?(locking\.(lock|hold)|runs\.lock_stream)"
_LOOKS = r"(.*\.)?runs\.(end_if_over|end_with_run)"


def waits_on(source: str) -> list[tuple[str, str]]:
    """(function, what) of each wait, for time or for a lock, of a function that does not see whether its run is gone.

    Ansible's workers outlive a run that is killed, and one that waits holds what the next run waits for.
    """
    looks = {function for function, _what in uses(source, _LOOKS)}
    found = []
    for function, call, name in calls(source, _WAITS):
        # lock(descriptor, path, waits), lock_stream(stream, waits)
        only_tries = not (keyword(call, "waits") or len(call.args) > (1 if name.endswith("lock_stream") else 2))
        if function not in looks and not (only_tries and name.endswith(("lock", "lock_stream"))):
            found.append((function, name.rpartition(".")[2]))
    return found


_OPENS = r"((io\.|os\.fd|codecs\.)?open|io\.TextIOWrapper|(.*\.)?(read_text|write_text)|tempfile\.\w*TemporaryFile)"


def text_by_locale(source: str) -> list[tuple[str, str]]:
    """(function, what) of each file or program of a plugin whose text is in the encoding that the locale says.

    That is ASCII with `LANG=C` and Python 3.6, whatever is written on the host.
    """
    found = []
    for function, call, name in calls(source, rf"{_OPENS}|{_STARTS}"):
        if not re.fullmatch(_OPENS, name):
            is_text = keyword(call, "text") or keyword(call, "universal_newlines")
        elif name.startswith("tempfile."):
            is_text = "b" not in (keyword(call, "mode") or (ast.unparse(call.args[0]) if call.args else "'w+b'"))
        else:
            # One that is not written there may be any.
            modes = [each.value for each in call.args[1:2] if isinstance(each, ast.Constant)]
            is_text = "b" not in (keyword(call, "mode") or str(*modes))
        if is_text and not keyword(call, "encoding"):
            found.append((function, name))
    return found


_WRITES = re.compile(r"(\.|^)(write_text|write_bytes|open)$|^(json\.dump|os\.fdopen)$")
_RENAMES = re.compile(r"(\.|^)(rename|replace|renames|move)$")


def writers_by_rename(source: str) -> list[tuple[int, str]]:
    """(line, function) of each function that both writes a file and renames one: durable.write() does that for all."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
            if any(map(_writes, calls)) and any(map(_renames, calls)):
                found.append((node.lineno, node.name))
    return found


def _writes(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    # A path's open() has its mode first.
    modes = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
    opens = any(
        isinstance(each, ast.Constant) and re.fullmatch("[rbt]*[wax+][bt+]*", str(each.value)) for each in modes
    )
    return bool(_WRITES.search(name)) and (opens or not name.endswith("open"))


def _renames(call: ast.Call) -> bool:
    # A text's replace() has two arguments, and a path's one.
    name = ast.unparse(call.func)
    if name in ("os.rename", "os.replace", "os.renames", "shutil.move"):
        return True
    return not name.startswith("durable.") and bool(_RENAMES.search(name)) and len(call.args) == 1
