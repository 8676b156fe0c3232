# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: whether the product of an order is installed, is whole, and works. Nothing is changed.

Every problem is one text that names the product, what is wrong with it and what to do.
"""

import glob
import os
import re
import shlex
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base import interpreters
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask
from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    diagnose,
    failures,
    fingerprint,
    libraries,
    manifest,
    published,
    recipe,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order

TIME_LIMIT_S = 120
# How many damaged files, and how many lines of a failing command's output, a problem has.
MAX_FILES = 5
TAIL_LINES = 10
# The name of the diagnosis for an import that fails because a library of CANN is missing.
CANN_LIBRARY_MISSING = "CANN library not found"

# What Python prints between an error and the one that wraps it.
_WRAPPED = "The above exception was the direct cause of the following exception"
# Changes to a folder and runs a program there with a text as its standard input.
_RUN_WITH_INPUT = 'cd "$1" && printf %s "$2" | { shift 2; exec "$@"; }'


class Verification(NamedTuple):
    """What a plan wants on a host, and is to be verified."""

    orders: List[Order]
    # The environment file as the plan has it: {"path", "text", "do", "why"}; None for none.
    environment: Optional[Dict[str, Any]]
    # Whether the host has an NPU to try products on.
    npu: bool

    @classmethod
    def of(cls, found):
        # type: (Dict[str, Any]) -> Verification
        """Return the verification from a mapping of its fields; other keys are ignored."""
        return cls([Order.of(each) for each in found["orders"]], found["environment"], found["npu"])


def verify(order, full, npu, run, pending=False):
    # type: (Order, bool, bool, Callable[..., Tuple[Optional[int], str, str]], bool) -> Dict[str, Any]
    """Verify a product; return {"ok", "problems": [words], "notes": [words], "said": [output of each proving command]}.

    :param full: compare digests too, not only presence, size and mode
    :param npu: whether the host has an NPU to try it on
    :param run: called with (argv, stdin, time limit in s); returns (status, output, why there is no status or output)
    :param pending: whether a run is about to repair what is missing, outdated or damaged: that is a note then
    """
    installed = examine_product(order, full)
    shortcomings = find_shortcomings(order, installed)
    problems, notes, said = ([], list(shortcomings), []) if pending else (list(shortcomings), [], [])
    if installed["manifest"] and order.state == "present" and not (pending and shortcomings):
        steps = order.verify + (order.verify_npu if npu else [])
        wrong, remarks, said = prove(order, installed, steps, run, _remedy(installed["damage"], full))
        problems += wrong
        notes += remarks
        if order.verify_npu and not npu:
            notes.append("{0} was not tried on an NPU: this host has none".format(_name_and_version(order, installed)))
    return {"ok": not problems, "problems": problems, "notes": notes, "said": said}


def verify_all(wanted, run, full=False, pending=False):
    # type: (Verification, Callable[..., Tuple[Optional[int], str, str]], bool, bool) -> Dict[str, Any]
    """Verify all that a plan wants on a host; return {"products": {name: see verify}, "problems": all, "notes": all}.

    :param run, full, pending: see verify
    """
    products = {order.name: verify(order, full, wanted.npu, run, pending) for order in wanted.orders}
    problems = [problem for entry in products.values() for problem in entry["problems"]]
    notes = [note for entry in products.values() for note in entry["notes"]]
    (notes if pending else problems).extend(environment_problems(wanted.environment))
    return {"products": products, "problems": problems, "notes": notes}


def format_problems(problems):
    # type: (List[str]) -> str
    """Return all problems as one text."""
    count = "1 problem" if len(problems) == 1 else "{0} problems".format(len(problems))
    lines = ["  - " + problem.replace("\n", "\n    ") for problem in problems]
    return "{0} with what is installed:\n{1}".format(count, "\n".join(lines))


# --- what is installed ------------------------------------------------------------------------------------------------


def examine_product(order, full):
    # type: (Order, bool) -> Dict[str, Any]
    """Return the state of an order's product on this host.

    {"manifest": its own | None, "version": str | None, "site": where a wheel is installed, "damage": ["path: what"],
    "occupied": words | None, "links": {path: ours|foreign|absent}, "packages": {name: version} beside a wheel}
    """
    installed = {
        "manifest": None,
        "version": None,
        "site": "",
        "damage": [],
        "occupied": None,
        "links": {},
        "packages": {},
    }
    if order.product == "wheel":
        found = wheels.installed(order.sites, order.distribution)
        if found:
            installed.update(manifest=found["manifest"], version=found["version"], site=found["site"])
        if installed["manifest"]:
            installed.update(
                damage=wheels.damage(found["dist_info"], full), packages=interpreters.installed_packages(order.sites)
            )
        return installed
    prefix, its_manifest = order.prefix, manifest.read(order.prefix)
    if its_manifest is None or its_manifest["name"] != order.name:
        return dict(installed, occupied=published.occupied_by(prefix, published.trees(prefix, order.name)))
    try:
        damage = manifest.damage(prefix, its_manifest, full)
    except OSError as error:
        damage = ["{0}: cannot be read ({1})".format(error.filename, error.strerror)]
    links = {link["path"]: published.link_state(link["path"], prefix, link["target"]) for link in order.links}
    return dict(installed, manifest=its_manifest, version=its_manifest["version"], damage=damage, links=links)


def find_shortcomings(order, installed):
    # type: (Order, Dict[str, Any]) -> List[str]
    """Return what of a product differs from its order, each with the remedy; empty when nothing differs. Pure.

    :param installed: see examine_product
    """
    its_manifest, name = installed["manifest"], _name_and_version(order, installed)
    if order.state == "absent":
        return [name + " is installed and shall be absent. Run site.yml to remove it"] if its_manifest else []
    if its_manifest is None:
        return [_not_installed(order, installed)]
    found = []
    if its_manifest["fingerprint"] != order.fingerprint:
        changes = fingerprint.describe_changes(its_manifest.get("identity", {}), order.identity) or ["recipe changed"]
        found.append(
            "{0} ({1}) is outdated: {2}. Run site.yml to publish {3} ({4})".format(
                name,
                fingerprint.short(its_manifest["fingerprint"]),
                "; ".join(changes),
                order.version,
                fingerprint.short(order.fingerprint),
            )
        )
    if installed["damage"]:
        found.append(
            "{0} is damaged: {1}. {2}".format(name, _shorten(installed["damage"]), _repair_remedy(installed["damage"]))
        )
    found += [
        "{0}: {1} is not linked to it. Run site.yml to make the link".format(name, path)
        for path, state in installed["links"].items()
        if state == "absent" or (state == "foreign" and order.replace_link)
    ]
    wanted = list(order.requirements) + list(its_manifest.get("requirements", []))
    if order.product == "wheel":
        found += [
            "{0} requires {1}, which is not installed for {2}. Run site.yml to install it".format(
                name, line, order.python
            )
            for line in published.missing_requirements(wanted, installed["packages"])
        ]
    return found


def environment_problems(planned):
    # type: (Optional[Dict[str, Any]]) -> List[str]
    """Return what is wrong with the environment file, with the remedy.

    :param planned: the plan's environment {"path", "text", "do", "why"}; the file may have been written since
    """
    if not planned or planned["do"] != "publish":
        return []
    try:
        with open(planned["path"], encoding="utf-8", errors="replace", newline="") as stream:
            found = "differs from the planned one" if stream.read() != planned["text"] else ""
    except OSError as error:
        found = "not there" if isinstance(error, FileNotFoundError) else "cannot be read: {0}".format(error.strerror)
    return ["environment file {0}: {1}. Run site.yml to write it".format(planned["path"], found)] if found else []


def _name_and_version(order, installed):
    # type: (Order, Dict[str, Any]) -> str
    return "{0} {1}".format(order.name, installed["version"] or order.version)


def _not_installed(order, installed):
    # type: (Order, Dict[str, Any]) -> str
    if installed["version"]:
        return "{0} is installed, but was not made by this collection. Run site.yml to replace it".format(
            _name_and_version(order, installed)
        )
    if installed["occupied"]:
        return (
            "{0} is not installed: {1} is {2} that this collection did not make. Move it away, or set {0}_prefix to "
            "another place, and run site.yml"
        ).format(order.name, order.prefix, installed["occupied"])
    return "{0} is not installed (no manifest at {1}). Run site.yml to build and publish it".format(
        order.name, order.prefix or order.python
    )


def _shorten(damage):
    # type: (List[str]) -> str
    rest = len(damage) - MAX_FILES
    return "; ".join(damage[:MAX_FILES]) + ("; and {0} more".format(rest) if rest > 0 else "")


def _repair_remedy(damage):
    # type: (List[str]) -> str
    # A plan compares only presence, size and mode, so a run does not repair other damage.
    if all(line.endswith(": content differs") for line in damage):
        return "Delete the files that differ, then run site.yml to restore them"
    return "Run site.yml to restore only that"


# --- whether it works -------------------------------------------------------------------------------------------------


def prove_unpacked(order, its_manifest, site, run):
    # type: (Order, Dict[str, Any], str, Callable[..., Tuple[Optional[int], str, str]]) -> str
    """Say why a wheel does not work where it was unpacked, "" when it does: its libraries are looked up, and it is imported.

    :param its_manifest: as manifest.py has it; :param site: the folder that it was unpacked into
    :param run: see verify; what it runs finds modules in that folder first
    """
    path = order.env_file
    if order.env_text:
        path = os.path.join(site, "environment-to-come.sh")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(order.env_text)
    installed = {"manifest": its_manifest, "version": its_manifest["version"], "site": site, "damage": []}
    order = order._replace(env_file=path)
    problems, _notes, _said = prove(order, installed, order.verify, run, "")
    missing = _missing_libraries(order, its_manifest.get("libraries", []), run) if problems else []
    # Those of torch are loaded with it.
    parts = glob.glob(os.path.join(glob.escape(os.path.dirname(site)), "*"))
    brought = {os.path.basename(path) for folder in parts + order.sites for path in _libraries_of_packages(folder)}
    missing = [name for name in missing if name not in brought]
    if missing:
        problems.append(
            "The loader does not find {0} on this host. Install the packages that have them".format(", ".join(missing))
        )
    return "\n".join(problems)


def _libraries_of_packages(folder):
    # type: (str) -> List[str]
    """Return the libraries that Python packages in a folder have for others, such as torch/lib/libc10.so."""
    return glob.glob(os.path.join(glob.escape(folder), "*", "lib", "*.so*"))


def _missing_libraries(order, names, run):
    # type: (Order, List[str], Any) -> List[str]
    """Return which libraries the loader of an order's Python does not find with the environment file."""
    argv = ["sh", "-c", 'if [ -r "$0" ]; then . "$0"; fi; exec "$@"', order.env_file, order.python, "-c"]
    status, said, _why = run(argv + [libraries.QUESTION] + names, "", TIME_LIMIT_S)
    return said.split() if names and status == 0 else []


def prove(order, installed, steps, run, remedy):
    # type: (Order, Dict[str, Any], List[Dict[str, Any]], Any, str) -> Tuple[List[str], List[str], List[str]]
    """Run the commands that prove a product, up to the first that fails; return (problems, notes, output of each).

    Where the order's npu_libraries is false, an import that fails because a library of CANN is missing is only a note.

    :param steps: {"run": argv, "stdin", "expect": regular expression that its output must match, "timeout_s", "remedy"}
    :param remedy: for a failure without a more specific one
    """
    names = {
        "prefix": order.prefix,
        "python": order.python,
        "env_file": order.env_file,
        "version": installed["manifest"]["version"],
        "site": os.path.realpath(installed["site"]) if installed["site"] else "",
    }
    # In "expect" the values are literal, not regular expressions.
    literal = {name: re.escape(value) for name, value in names.items()}
    said = []
    for step in steps:
        command, expect = (
            recipe.fill_placeholders(step["run"], names),
            recipe.fill_placeholders(step.get("expect", ""), literal),
        )
        status, output, why = run(command, step.get("stdin", ""), step.get("timeout_s", TIME_LIMIT_S))
        output = output.strip()
        said.append(output)
        if status == 0 and re.search(expect, output, re.MULTILINE):
            continue
        if status == 0 and why:
            # What it wrote to stderr may say why the output does not match.
            output = "\n".join(filter(None, (output, why)))
        known = diagnose.diagnose(output) or {}
        if _lacks_cann(known, output) and not order.npu_libraries:
            words = "{0} is installed, but needs CANN to work: {1}"
            return [], [words.format(_name_and_version(order, installed), known["cause"])], said
        text = "{0} does not work: `{1}` {2}".format(
            _name_and_version(order, installed),
            " ".join(map(shlex.quote, command)),
            _describe_end(status, output, why, expect),
        )
        # The remedy of a recipe's step is more specific than a diagnosis.
        found = "{cause} {remedy}".format(**known) if known else remedy
        return ["{0}\n{1}".format(text, step.get("remedy") or found)], [], said
    return [], [], said


def _lacks_cann(known, output):
    # type: (Dict[str, str], str) -> bool
    """Say whether a failure is only that a library of CANN is missing.

    From torch 2.5 on, `import torch` loads torch_npu, and wraps its error; where that is not shown, it is taken for this one.
    """
    wrapped = known.get("name") == failures.BACKEND_NOT_LOADED and _WRAPPED not in output
    return wrapped or known.get("name") == CANN_LIBRARY_MISSING


def _describe_end(status, output, why, expect):
    # type: (Optional[int], str, str, str) -> str
    words = why if status is None else "ended with status {0}".format(status)
    if status == 0:
        words += ", but its output must match `{0}`".format(expect)
    lines = output.splitlines()[-TAIL_LINES:]
    return words + (" and said:\n" + "\n".join("    " + line for line in lines) if lines else " and said nothing")


def _remedy(damage, full):
    # type: (List[str], bool) -> str
    if damage:
        return "Repair the damage first"
    if full:
        return (
            "All its files are as they were built, so something that it needs is missing or differs. Try the command by "
            "hand; to build the product again, remove it and run site.yml"
        )
    return "Verify with digests (-e ascend_verify_full=true) to see whether a file was changed"


def make_runner(folder, environment):
    # type: (Callable[[], str], Dict[str, str]) -> Callable[..., Tuple[Optional[int], str, str]]
    """Return the function that runs proving commands, for verify's param run: in an empty folder, without leaving files.

    By default Python writes compiled files beside what it imports; CANN writes logs below the home, and compiled operators
    (kernel_meta) and fusion_result.json to the current directory.

    :param folder: returns the path of a folder for what is written nevertheless
    """

    def run(argv, stdin, time_limit_s):
        # type: (List[str], str, float) -> Tuple[Optional[int], str, str]
        place = folder()
        changes = {"PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}
        changes.update((name, place) for name in ("ASCEND_PROCESS_LOG_PATH", "ASCEND_WORK_PATH", "ASCEND_CACHE_PATH"))
        status, said, why = ask(
            ["sh", "-c", _RUN_WITH_INPUT, "sh", place, stdin] + argv, dict(environment, **changes), time_limit_s
        )
        return status, said.decode("utf-8", "replace"), why

    return run
