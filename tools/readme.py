# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the generated parts of the READMEs and docs/: the tables of variables, checks and releases, and the inventories.

    .venv/bin/python tools/readme.py [--check]

A generated part is between `<!-- NAME: begin -->` and `<!-- NAME: end -->`. NAME is `variables`, `checks`, `releases`, or the
path of a file whose text is shown. Variables come from the defaults/main.yml and meta/argument_specs.yml of the roles, and their Chinese
descriptions from readme.zh.yml. --check writes nothing, names the pages that differ, and exits with 1 if there are any.
"""

import functools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from checkout import ROOT

sys.path.insert(0, str(ROOT / "collections"))
from ansible_collections.ascend.pytorch.plugins.module_utils.checks import checks  # noqa: E402
from ansible_collections.ascend.pytorch.plugins.plugin_utils import release_table, releases  # noqa: E402

# Shown instead of a default that is not a plain value.
IN_DEFAULTS, REQUIRED = "see `defaults/main.yml`", "required"

# In the order of the guide, then `road`, whose tasks the others use.
ROLES = ("cann_check", "cmake", "gcc730", "torch_npu_build", "apex_build", "road")
CHINESE = Path(__file__).with_name("readme.zh.yml")
# The pages with generated parts, besides the READMEs of the roles.
ENGLISH_PAGES = ("README.md", "docs/releases.md", "docs/variables.md")
CHINESE_PAGES = ("README.zh-CN.md", "docs/zh/releases.md", "docs/zh/variables.md")

_PART = re.compile(r"<!-- ([\w/.-]+): begin -->\n.*?<!-- \1: end -->", re.DOTALL)
_FOLLOWS = re.compile(r"\{\{ (\w+) \| default\((.*)\) \}\}")
# C(x), V(x), M(x) in Ansible's documentation; x may itself contain a pair of parentheses.
_MARKUP = re.compile(r"\b[CVMOE]\(((?:[^()]|\([^()]*\))*)\)")


class Variable(NamedTuple):
    """A variable of a role. `follows` is the variable whose value it takes if that is set, "" for none."""

    name: str
    default: str
    meaning: str
    follows: str


class Language(NamedTuple):
    """The texts of generated parts in one language.

    `defaults` translates the texts for defaults that are not plain values. `meaning` returns the meaning of a variable, given
    its name and its meaning in English. `patched` marks the packages of a patched torch, and `of` says of which torches a limit
    is.
    """

    head: str
    shared_head: str
    shared_title: str
    role_title: str
    follows: str
    defaults: dict[str, str]
    meaning: Callable[[str, str], str]
    releases_head: str
    patched: str
    of: str


# Variables that playbooks read and roles do not.
PLAYBOOKS = [
    Variable(
        "ascend_hosts",
        "`ascend`",
        "The hosts that the playbooks run on: a group or pattern. Plays read it before inventories, so give it with `-e`.",
        "",
    ),
    Variable(
        "ascend_only_fit_hosts",
        "`false`",
        "Whether `site.yml` continues on the fit hosts when others are unfit. Otherwise it stops before any change.",
        "",
    ),
    Variable(
        "ascend_report_dir",
        "`.`",
        "The folder on the controller that `check.json`, `report.json` and `report.html` are written to.",
        "",
    ),
    Variable(
        "ascend_query",
        '`""`',
        "A JMESPath expression that the playbooks check and report apply to their JSON document. Empty for none.",
        "",
    ),
    Variable(
        "ascend_verify_full",
        "`false`",
        "Whether the playbooks verify and report compare the digest of every file, not only its presence, size and mode.",
        "",
    ),
    Variable("ascend_bundle_dest", "`ascend-bundle`", "The folder that the playbook bundle makes or verifies.", ""),
    Variable(
        "ascend_bundle_releases",
        "`[]`",
        "The torch releases that a bundle is for, named as in `ascend_torch_version`, but not `auto`. If `ascend_torch_version` "
        "is set, the default is only that release. Otherwise name them.",
        "",
    ),
    Variable(
        "ascend_bundle_platforms",
        "all",
        "The platforms that a bundle has wheels for, as `[{arch, python, libc}]`. By default x86_64 and aarch64, each Python of a release.",
        "",
    ),
    Variable("ascend_bundle_products", '`""`', "Folder of a build cache whose products are added to a bundle.", ""),
    Variable("ascend_bundle_state", "`present`", "`present` makes a bundle, `verified` verifies all of it.", ""),
    Variable("ascend_cache", "`list`", "What the playbook cache does: list, verify or prune.", ""),
    Variable(
        "ascend_cache_keep_days",
        "`30`",
        "Pruning the build cache keeps products that were used within this number of days.",
        "",
    ),
    Variable(
        "ascend_cache_keep_last",
        "`1`",
        "Pruning the build cache keeps this number of products of each name and platform, the last used ones, however old.",
        "",
    ),
    Variable(
        "ascend_clean_keep_days",
        "`30`",
        "The playbook clean keeps what was used within this number of days in the work directories of the hosts.",
        "",
    ),
    Variable(
        "ascend_clean_keep_last",
        "`2`",
        "The playbook clean keeps this number of products of each name there, the last used ones, however old.",
        "",
    ),
    Variable(
        "ascend_releases_json",
        '`""`',
        "File on the controller to which the playbook releases writes its table as JSON. Empty for none.",
        "",
    ),
    Variable("ascend_remove_confirmed", "`false`", "Whether the playbook remove may remove anything.", ""),
]


def default_cell(value: Any) -> str:
    """Return a default that is a plain value as the cell of a table."""
    if isinstance(value, str):
        text = value or '""'
    else:
        text = yaml.safe_dump(value, default_flow_style=True, width=9999).removesuffix("...\n").strip()
    return "`" + text.replace("|", r"\|") + "`"


def description_cell(description: str | list[str]) -> str:
    """Return a description of an argument spec as the cell of a table."""
    text = description if isinstance(description, str) else " ".join(description)
    return _MARKUP.sub(r"`\1`", " ".join(text.split())).replace("|", r"\|")


def read_variable(name: str, raw: Any, meaning: str) -> Variable:
    """Return a variable, from its raw default in defaults/main.yml and its meaning in the argument spec."""
    follows = _FOLLOWS.fullmatch(raw) if isinstance(raw, str) else None
    if follows:
        # The Jinja literals used here are valid YAML too.
        return Variable(name, default_cell(yaml.safe_load(follows[2])), meaning, follows[1])
    if "{{" in str(raw):
        return Variable(name, IN_DEFAULTS, meaning, "")
    return Variable(name, default_cell(raw), meaning, "")


def role_variables(role: str) -> list[Variable]:
    """Return the variables of a role, in the order of its argument spec."""
    folder = ROOT / "roles" / role
    specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    defaults = yaml.safe_load((folder / "defaults" / "main.yml").read_text()) or {}
    found = []
    for entry in specs.values():
        for name, option in entry["options"].items():
            meaning = description_cell(option["description"])
            if option.get("required"):
                found.append(Variable(name, REQUIRED, meaning, ""))
            else:
                found.append(read_variable(name, defaults[name], meaning))
    return found


def shared_variables(variables: list[Variable]) -> list[tuple[Variable, list[str]]]:
    """Return the variables `ascend_…` that others follow, each with the names of these others."""
    found: dict[str, tuple[Variable, list[str]]] = {}
    for each in variables:
        if each.follows.startswith("ascend_"):
            found.setdefault(each.follows, (each._replace(name=each.follows, follows=""), []))[1].append(each.name)
    return list(found.values())


def table(head: str, rows: list[list[str]]) -> str:
    """Return a table in Markdown; `head` is its first line."""
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def role_table(variables: list[Variable], words: Language) -> str:
    """Return the table of a role's variables."""
    rows = []
    for each in variables:
        follows = " " + words.follows.format(each.follows) if each.follows else ""
        default = words.defaults.get(each.default, each.default)
        rows.append([f"`{each.name}`", default, words.meaning(each.name, each.meaning) + follows])
    return table(words.head, rows)


def all_tables(words: Language) -> str:
    """Return the tables of all variables: the shared ones with those that follow them, then each role's own."""
    roles = {role: role_variables(role) for role in ROLES}
    every = [each for variables in roles.values() for each in variables]
    rows = [
        [f"`{one.name}`", one.default, words.meaning(one.name, one.meaning), ", ".join(f"`{name}`" for name in names)]
        for one, names in shared_variables(every) + [(each, ["playbooks"]) for each in PLAYBOOKS]
    ]
    parts = [words.shared_title, table(words.shared_head, rows)]
    for role in ROLES:
        own = [each for each in roles[role] if not each.follows.startswith("ascend_") and each.default != REQUIRED]
        if own:
            parts += [words.role_title.format(role), role_table(own, words)]
    return "\n\n".join(parts)


def english() -> Language:
    return Language(
        "| variable | default | meaning |",
        "| variable | default | meaning | a role's own |",
        "## Of all roles",
        "## {0}",
        "Follows `{0}`.",
        {},
        lambda name, meaning: meaning,
        "| CANN | packages, the newest first | Python | gcc | CMake |",
        "{0} (patched)",
        "{0} for {1}",
    )


def chinese() -> Language:
    """Return the Chinese texts. Raises KeyError for a variable that has none."""
    words: dict[str, str] = yaml.safe_load(CHINESE.read_text())

    def meaning(name: str, _english: str) -> str:
        own = next((name.removeprefix(role + "_") for role in ROLES if name.startswith(role + "_")), name)
        text = words.get(name) or words.get(own) or words.get("ascend_" + own)
        if text is None:
            raise KeyError(f"{CHINESE.name} has no text for {name}")
        return text

    return Language(
        "| 变量 | 默认值 | 含义 |",
        "| 变量 | 默认值 | 含义 | 对应的角色变量 |",
        "## 所有角色共用",
        "## {0}",
        "默认取 `{0}`。",
        {IN_DEFAULTS: "见 `defaults/main.yml`", REQUIRED: "必填"},
        meaning,
        "| CANN | 软件包，新的在前 | Python | gcc | CMake |",
        "{0}（补丁版）",
        "{1} 为 {0}",
    )


def releases_table(words: Language) -> str:
    """Return the table of the releases of torch, a row for each CANN."""

    def limits(of: dict[str, list[str]]) -> str:
        first, *others = of.items()
        return "; ".join([first[0], *(words.of.format(limit, ", ".join(torches)) for limit, torches in others)])

    rows = []
    for group in release_table.by_cann(release_table.entries(releases.Tables({}))):
        packages = [
            words.patched.format(package) if layout == "patch" else package for package, layout in group["packages"]
        ]
        tools = [limits(group[tool]) for tool in ("gcc", "cmake")]
        rows.append([group["cann"] or "-", ", ".join(packages), group["pythons"], *tools])
    return table(words.releases_head, rows)


def checks_table() -> str:
    """Return the table of cann_check's checks, in the order in which their findings are reported."""
    rows = [[f"`{each.ident}`", each.severity, each.meaning, each.source] for each in checks.CHECKS.values()]
    return table("| id | severity | it finds that | from |", rows)


def file_part(path: str) -> str:
    """Return a file's text as a code block, without the lines about its licence at its top."""
    lines = (ROOT / path).read_text().splitlines()
    while lines and (lines[0] in ("---", "") or re.match("# (Copyright|GNU|SPDX)", lines[0])):
        del lines[0]
    return "\n".join([f"```{Path(path).suffix[1:].replace('yml', 'yaml')}", f"# {path}", *lines, "```"])


def part(name: str, variables: str, words: Language) -> str:
    """Return the text of the generated part with this name."""
    if name == "variables":
        return variables
    if name == "releases":
        return releases_table(words)
    return checks_table() if name == "checks" else file_part(name)


def filled(text: str, parts: Callable[[str], str]) -> str:
    """Return a page's text with every generated part replaced by what `parts` returns for its name."""
    return _PART.sub(lambda m: f"<!-- {m[1]}: begin -->\n\n{parts(m[1])}\n\n<!-- {m[1]}: end -->", text)


def pages() -> dict[Path, str]:
    """Return every page with generated parts, with the text that it should have."""
    tables = {
        ROOT / name: (all_tables(words), words)
        for words, names in ((english(), ENGLISH_PAGES), (chinese(), CHINESE_PAGES))
        for name in names
    }
    for role in ROLES:
        tables[ROOT / "roles" / role / "README.md"] = (role_table(role_variables(role), english()), english())
    return {
        path: filled(path.read_text(), functools.partial(part, variables=body, words=words))
        for path, (body, words) in tables.items()
    }


def main(argv: list[str]) -> int:
    """Run the command line and return the exit status."""
    stale = [path for path, text in pages().items() if path.read_text() != text]
    for path in stale:
        if argv == ["--check"]:
            print(f"{path.relative_to(ROOT)} is out of date: run tools/readme.py")
        else:
            path.write_text(pages()[path])
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if stale and argv == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
