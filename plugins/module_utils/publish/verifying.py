# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verification: does what an order asks for stand, is it whole, and does it work? Nothing is changed.

Every problem is one text that names the product, what is wrong with it and what to do.
"""

import os
import re
import shlex
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base import interpreters
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask
from ansible_collections.ascend.pytorch.plugins.module_utils.product import (
    diagnose,
    fingerprint,
    libraries,
    manifest,
    published,
    recipe,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order

TIME_LIMIT_S = 120
# Files that are told one by one, and lines of what a failing command said.
MOST_FILES = 5
TAIL_LINES = 10
# What diagnose calls an import that fails for want of one of CANN's libraries.
CANN_LIBRARY = "CANN library not found"

# Goes to a folder, and on as a program that is given text to read.
_WITH_INPUT_IN = 'cd "$1" && printf %s "$2" | { shift 2; exec "$@"; }'


class Asked(NamedTuple):
    """What a plan wants on a host, to be verified."""

    orders: List[Order]
    # The environment file as the plan has it: {"path", "text", "do", "why"}; None for none.
    environment: Optional[Dict[str, Any]]
    # Whether the host has an NPU to try products on.
    npu: bool

    @classmethod
    def of(cls, found):
        # type: (Dict[str, Any]) -> Asked
        """Return what a mapping of these fields asks, out of JSON; what else stands there is left out."""
        return cls([Order.of(each) for each in found["orders"]], found["environment"], found["npu"])


def verify(order, full, npu, run, pending=False):
    # type: (Order, bool, bool, Callable[..., Tuple[Optional[int], str, str]], bool) -> Dict[str, Any]
    """Return {"ok", "problems": [words], "notes": [words], "said": [what each proving command printed]} of a product.

    :param full: compare digests too, and not only presence, size and mode
    :param npu: whether the host has an NPU to try it on
    :param run: called with (argv, stdin, time limit in s); returns (status, what it said, why there is none of both)
    :param pending: whether a run is about to mend what is missing, outdated or damaged: that is a note then
    """
    there = look(order, full)
    lacks = shortcomings(order, there)
    problems, notes, said = ([], list(lacks), []) if pending else (list(lacks), [], [])
    if there["manifest"] and order.state == "present" and not (pending and lacks):
        steps = order.verify + (order.verify_npu if npu else [])
        wrong, remarks, said = prove(order, there, steps, run, _what_to_do(there["damage"], full))
        problems += wrong
        notes += remarks
        if order.verify_npu and not npu:
            notes.append("{0} was not tried on an NPU: this host has none".format(_named(order, there)))
    return {"ok": not problems, "problems": problems, "notes": notes, "said": said}


def verify_all(asked, run, full=False, pending=False):
    # type: (Asked, Callable[..., Tuple[Optional[int], str, str]], bool, bool) -> Dict[str, Any]
    """Return {"products": {name: see verify}, "problems": all of them, "notes": all of them} of what a plan wants on a host.

    :param run, full, pending: see verify
    """
    products = {order.name: verify(order, full, asked.npu, run, pending) for order in asked.orders}
    problems = [problem for entry in products.values() for problem in entry["problems"]]
    notes = [note for entry in products.values() for note in entry["notes"]]
    (notes if pending else problems).extend(environment_problems(asked.environment))
    return {"products": products, "problems": problems, "notes": notes}


def message(problems):
    # type: (List[str]) -> str
    """Return one text of all problems."""
    count = "1 problem" if len(problems) == 1 else "{0} problems".format(len(problems))
    lines = ["  - " + problem.replace("\n", "\n    ") for problem in problems]
    return "{0} with what stands:\n{1}".format(count, "\n".join(lines))


# --- what stands ------------------------------------------------------------------------------------------------------


def look(order, full):
    # type: (Order, bool) -> Dict[str, Any]
    """Return how an order's product stands on this host.

    {"manifest": its own | None, "version": str | None, "site": where a wheel is installed, "damage": ["path: what"],
    "occupied": words | None, "links": {path: ours|foreign|absent}, "packages": {name: version} beside a wheel}
    """
    there = {"manifest": None, "version": None, "site": "", "damage": [], "occupied": None, "links": {}, "packages": {}}
    if order.product == "wheel":
        found = wheels.installed(order.sites, order.distribution)
        if found:
            there.update(manifest=found["manifest"], version=found["version"], site=found["site"])
        if there["manifest"]:
            there.update(damage=wheels.damage(found["dist_info"], full), packages=interpreters.packages(order.sites))
        return there
    prefix, its_manifest = order.prefix, manifest.read(order.prefix)
    if its_manifest is None or its_manifest["name"] != order.name:
        return dict(there, occupied=published.occupied(prefix, published.trees(prefix, order.name)))
    try:
        damage = manifest.damage(prefix, its_manifest, full)
    except OSError as error:
        damage = ["{0}: cannot be read ({1})".format(error.filename, error.strerror)]
    links = {link["path"]: published.link_state(link["path"], prefix, link["target"]) for link in order.links}
    return dict(there, manifest=its_manifest, version=its_manifest["version"], damage=damage, links=links)


def shortcomings(order, there):
    # type: (Order, Dict[str, Any]) -> List[str]
    """Say what of a product is not as its order has it, each with the remedy; empty when nothing is to be done. Pure.

    :param there: see look
    """
    its_manifest, name = there["manifest"], _named(order, there)
    if order.state == "absent":
        return [name + " is there and shall be absent. Run site.yml: it takes it away"] if its_manifest else []
    if its_manifest is None:
        return [_not_installed(order, there)]
    found = []
    if its_manifest["fingerprint"] != order.fingerprint:
        changes = fingerprint.changes(its_manifest.get("identity", {}), order.identity) or ["recipe changed"]
        found.append(
            "{0} ({1}) is outdated: {2}. Run site.yml: it publishes {3} ({4})".format(
                name,
                fingerprint.short(its_manifest["fingerprint"]),
                "; ".join(changes),
                order.version,
                fingerprint.short(order.fingerprint),
            )
        )
    if there["damage"]:
        found.append("{0} is damaged: {1}. {2}".format(name, _some(there["damage"]), _mend(there["damage"])))
    found += [
        "{0}: {1} does not lead to it. Run site.yml: it makes the link".format(name, path)
        for path, state in there["links"].items()
        if state == "absent" or (state == "foreign" and order.replace_link)
    ]
    wanted = list(order.requirements) + list(its_manifest.get("requirements", []))
    if order.product == "wheel":
        found += [
            "{0} requires {1}, which is not installed for {2}. Run site.yml: it installs it".format(
                name, line, order.python
            )
            for line in published.pip_missing(wanted, there["packages"])
        ]
    return found


def environment_problems(planned):
    # type: (Optional[Dict[str, Any]]) -> List[str]
    """Say what is wrong with the environment file, with the remedy.

    :param planned: the plan's environment {"path", "text", "do", "why"}; what was to be written may have been by now
    """
    if not planned or planned["do"] != "publish":
        return []
    try:
        with open(planned["path"], encoding="utf-8", errors="replace", newline="") as stream:
            found = "differs from what is wanted" if stream.read() != planned["text"] else ""
    except OSError as error:
        found = "not there" if isinstance(error, FileNotFoundError) else "cannot be read: {0}".format(error.strerror)
    return ["environment file {0}: {1}. Run site.yml: it writes it".format(planned["path"], found)] if found else []


def _named(order, there):
    # type: (Order, Dict[str, Any]) -> str
    return "{0} {1}".format(order.name, there["version"] or order.version)


def _not_installed(order, there):
    # type: (Order, Dict[str, Any]) -> str
    if there["version"]:
        return "{0} is there, which this collection did not make. Run site.yml: it replaces it".format(
            _named(order, there)
        )
    if there["occupied"]:
        return (
            "{0} is not installed: {1} is {2} that this collection did not make. Move it away, or set {0}_prefix to "
            "another place, and run site.yml"
        ).format(order.name, order.prefix, there["occupied"])
    return "{0} is not installed (no manifest at {1}). Run site.yml: it builds and publishes it".format(
        order.name, order.prefix or order.python
    )


def _some(damage):
    # type: (List[str]) -> str
    rest = len(damage) - MOST_FILES
    return "; ".join(damage[:MOST_FILES]) + ("; and {0} more".format(rest) if rest > 0 else "")


def _mend(damage):
    # type: (List[str]) -> str
    # A plan looks at presence, size and mode alone; what it sees nothing of, it does not mend.
    if all(line.endswith(": content differs") for line in damage):
        return "Delete what differs, then run site.yml: it puts back what is missing"
    return "Run site.yml: it puts back just that"


# --- whether it works -------------------------------------------------------------------------------------------------


def prove_unpacked(order, its_manifest, site, run):
    # type: (Order, Dict[str, Any], str, Callable[..., Tuple[Optional[int], str, str]]) -> str
    """Say why a wheel does not work where it was unpacked, "" when it does: its libraries are asked for, and it is imported.

    :param its_manifest: as manifest.py has it; :param site: the folder that it was unpacked into
    :param run: see verify; what it runs finds modules in that folder first
    """
    path = order.env_file
    if order.env_text:
        path = os.path.join(site, "environment-to-come.sh")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(order.env_text)
    there = {"manifest": its_manifest, "version": its_manifest["version"], "site": site, "damage": []}
    order = order._replace(env_file=path)
    problems, _notes, _said = prove(order, there, order.verify, run, "")
    lacking = _lacking(order, its_manifest.get("libraries", []), run) if problems else []
    if lacking:
        problems.append(
            "The loader does not find {0} on this host. Install what brings them".format(", ".join(lacking))
        )
    return "\n".join(problems)


def _lacking(order, names, run):
    # type: (Order, List[str], Any) -> List[str]
    """Return which libraries the loader of an order's Python does not find, where the environment file is in force."""
    argv = ["sh", "-c", 'if [ -r "$0" ]; then . "$0"; fi; exec "$@"', order.env_file, order.python, "-c"]
    status, said, _why = run(argv + [libraries.QUESTION] + names, "", TIME_LIMIT_S)
    return said.split() if names and status == 0 else []


def prove(order, there, steps, run, remedy):
    # type: (Order, Dict[str, Any], List[Dict[str, Any]], Any, str) -> Tuple[List[str], List[str], List[str]]
    """Run the commands that prove a product, up to the first that fails; return (problems, notes, what each said).

    Where the order's npu_libraries is false, an import that fails for want of one of CANN's libraries is no problem, but a note.

    :param steps: {"run": argv, "stdin", "expect": regular expression of what it must say, "timeout_s", "remedy"}
    :param remedy: for a failure that nothing more is known of
    """
    names = {
        "prefix": order.prefix,
        "python": order.python,
        "env_file": order.env_file,
        "version": there["manifest"]["version"],
        "site": os.path.realpath(there["site"]) if there["site"] else "",
    }
    # In what is expected a name stands for itself, whatever its characters mean in a regular expression.
    literal = {name: re.escape(value) for name, value in names.items()}
    said = []
    for step in steps:
        command, expect = recipe.fill(step["run"], names), recipe.fill(step.get("expect", ""), literal)
        status, output, why = run(command, step.get("stdin", ""), step.get("timeout_s", TIME_LIMIT_S))
        output = output.strip()
        said.append(output)
        if status == 0 and re.search(expect, output, re.MULTILINE):
            continue
        if status == 0 and why:
            # What it complained of is no answer, but may say why there is none.
            output = "\n".join(filter(None, (output, why)))
        known = diagnose.diagnose(output) or {}
        if known.get("name") == CANN_LIBRARY and not order.npu_libraries:
            return [], ["{0} is installed and waits for CANN: {1}".format(_named(order, there), known["cause"])], said
        text = "{0} does not work: `{1}` {2}".format(
            _named(order, there), " ".join(map(shlex.quote, command)), _ended(status, output, why, expect)
        )
        # What a recipe says of its own step fits better than what is known of builds.
        found = "{cause} {remedy}".format(**known) if known else remedy
        return ["{0}\n{1}".format(text, step.get("remedy") or found)], [], said
    return [], [], said


def _ended(status, output, why, expect):
    # type: (Optional[int], str, str, str) -> str
    words = why if status is None else "ended with status {0}".format(status)
    if status == 0:
        words += ", should say something that matches `{0}`".format(expect)
    lines = output.splitlines()[-TAIL_LINES:]
    return words + (" and said:\n" + "\n".join("    " + line for line in lines) if lines else " and said nothing")


def _what_to_do(damage, full):
    # type: (List[str], bool) -> str
    if damage:
        return "Mend the damage first"
    if full:
        return (
            "All its files are as they were built: what it needs is not. Try the command by hand; to have it built anew, "
            "remove it and run site.yml"
        )
    return "Verify with digests (-e ascend_verify_full=true) to see whether a file of it was changed"


def runner(folder, environment):
    # type: (Callable[[], str], Dict[str, str]) -> Callable[..., Tuple[Optional[int], str, str]]
    """Return what runs a proving command, for verify's param run: in an empty folder, and so that it leaves no traces.

    Python compiles what it imports beside it; CANN writes logs below the home, and compiled operators (kernel_meta)
    and fusion_result.json to the current directory, unless told otherwise.

    :param folder: returns the path of a folder for what is written nevertheless
    """

    def run(argv, stdin, time_limit_s):
        # type: (List[str], str, float) -> Tuple[Optional[int], str, str]
        place = folder()
        changes = {"PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}
        changes.update((name, place) for name in ("ASCEND_PROCESS_LOG_PATH", "ASCEND_WORK_PATH", "ASCEND_CACHE_PATH"))
        status, said, why = ask(
            ["sh", "-c", _WITH_INPUT_IN, "sh", place, stdin] + argv, dict(environment, **changes), time_limit_s
        )
        return status, said.decode("utf-8", "replace"), why

    return run
