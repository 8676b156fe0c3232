# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examine a host. Changes nothing; each program has a time limit, and none that fails is fatal."""

import functools
import os
import shutil
import sys
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import (
    extensions,
    interpreters,
    kernel,
    places,
    session,
    trust,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import at_once, text
from ansible_collections.ascend.pytorch.plugins.module_utils.host import (
    access,
    account,
    cann,
    environment,
    installed,
    machine,
    mounts,
    needs,
    nnal,
    npus,
    programs,
    resources,
    system,
)
from ansible_collections.ascend.pytorch.plugins.module_utils.host.state import State
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint


def examine(question):
    # type: (Dict[str, Any]) -> State
    """Return the whole state of the host that a plan is made from.

    :param question: products, tools (names of commands), needs, pythons (commands), venv, work_dir, env_file, run_user,
        cann_path, nnal (see nnal.question)
    """
    who = account.user()
    family, manager = system.package_manager()
    asked = _resolved(question, who)
    installations = cann.find(who["home"], asked["cann_path"])
    counts = next(iter(installations["there"]), None)
    abi = asked["nnal"].get(os.uname().machine)
    beside = nnal.find(counts, abi) if counts and abi is not None else None
    answers = _run_programs(asked, manager, counts, beside)
    pythons = _pythons(asked, answers)
    products = {entry["name"]: installed.product_state(entry, _sites(entry, pythons)) for entry in asked["products"]}
    # A virtual environment that is to be created gets a pip like that of the Python that creates it.
    python = pythons["venv_python"] or pythons["pythons"].get(pythons["python"] or "")
    if python and python["version"] and (question.get("pip") or _needs_pip(asked["products"], products)):
        python["pip"] = interpreters.examine_pip(python)
    return State(
        user=who,
        login_uid=account.login_uid(os.environ, who["uid"]),
        packaging_python=answers["packaging", ""],
        os=_os(family, manager),
        arch=os.uname().machine,
        libc=system.libc(),
        cores=resources.cores(len(os.sched_getaffinity(0)), text),
        memory=resources.memory(text),
        clock=time.time(),
        umask="%04o" % account.umask(),
        session=session.examine(str(who["name"])),
        work_dir=asked["work_dir"],
        work_dir_objection=trust.folder_problem(asked["work_dir"], os.geteuid()),
        env_file=_env_file(asked["env_file"]),
        disk=_disks(asked, who, pythons),
        tools={name: [answers["tool", path] for path in paths] for name, paths in asked["programs"].items()},
        missing_needs=needs.missing(question["needs"], lambda name: shutil.which(name, path=":".join(asked["search"]))),
        own_python={"path": sys.executable, "lacks": extensions.missing_modules()},
        cann=installations["there"],
        cann_aside=installations["aside"],
        cann_closed=installations["closed"] + _closed_to(asked["run_user"], counts),
        closed_records=access.find_all_closed(npus.record_files() + cann.record_files(who["home"])),
        closed=_closed(asked, pythons),
        cann_environment=answers.get(("cann", ""), {}),
        nnal=beside and dict(beside, environment=answers["nnal", ""]),
        npu=answers["npu", ""],
        interfaces=machine.interfaces(),
        products=products,
        stored=installed.stored_fingerprints(asked["work_dir"]),
        begun=installed.unfinished_builds(asked["work_dir"]),
        **dict(pythons, **npus.driver_and_firmware()),
    )


# --- what is examined -------------------------------------------------------------------------------------------------


def _resolved(question, who):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return the question with `auto` and `~` resolved to paths, and what follows from these.

    That is "prefixes", of trees; "search", the folders in which programs are looked for; "programs", name -> [paths].
    """
    wanted = [_resolved_product(entry, who) for entry in question["products"]]
    prefixes = [entry["prefix"] for entry in wanted if entry["product"] == "tree"]
    search = (
        places.SYSTEM_PATH.split(":")
        + [os.path.join(who["home"], ".local/bin")]
        + [os.path.join(prefix, "bin") for prefix in prefixes]
    )
    venv = question.get("venv") or ""
    return dict(
        question,
        products=wanted,
        prefixes=prefixes,
        search=search,
        programs={name: programs.candidates(name, search) for name in question["tools"]},
        venv=who["home"] + venv[1:] if venv.startswith("~/") else venv,
        work_dir=places.resolve(question["work_dir"], "work_dir", who),
        env_file=places.resolve(question["env_file"], "env_file", who),
        run_user=question.get("run_user") or "",
        cann_path=question.get("cann_path") or "",
        nnal=question.get("nnal") or {},
    )


def _resolved_product(entry, who):
    # type: (Dict[str, Any], Dict[str, Any]) -> Dict[str, Any]
    """Return a product of the question with `auto` and `~` resolved to paths."""
    if entry["product"] != "tree":
        return entry
    return dict(
        entry,
        prefix=places.resolve(entry["prefix"], entry["name"], who, entry["version"]),
        links=[
            dict(link, path=places.resolve(link["path"], "link", who))
            for link in entry.get("links") or []
            if link["path"]
        ],
    )


def _run_programs(asked, manager, installation, beside):
    # type: (Dict[str, Any], str, Optional[Dict[str, Any]], Optional[Dict[str, Any]]) -> Dict[Tuple[str, str], Any]
    """Return what is learned by running programs: in parallel, so that the time limits of hanging ones do not add up.

    :param asked: see _resolved; :param installation: the CANN to use; :param beside: the nnal to use
    """
    jobs = {
        ("npu", ""): lambda: npus.npus(asked["run_user"]),
        ("packaging", ""): lambda: system.packaging_python(manager),
    }  # type: Dict[Tuple[str, str], Callable[[], Any]]
    if installation:
        jobs["cann", ""] = lambda: cann.settings(installation, os.uname().machine)
    if beside:
        jobs["nnal", ""] = lambda: nnal.settings(beside)
    if asked["venv"]:
        jobs["venv", ""] = lambda: interpreters.examine(os.path.join(asked["venv"], "bin", "python"))
    for name in filter(interpreters.find, asked["pythons"]):
        jobs["python", name] = functools.partial(interpreters.examine, name)
    for path in sorted({path for paths in asked["programs"].values() for path in paths}):
        jobs["tool", path] = functools.partial(programs.examine, path)
    return at_once(jobs)


# --- parts of the state -----------------------------------------------------------------------------------------------


def _pythons(asked, answers):
    # type: (Dict[str, Any], Dict[Tuple[str, str], Any]) -> Dict[str, Any]
    """Return the fields of the state about Pythons: those looked for, the first that works, and the virtual environment's.

    :param answers: see _run_programs
    """
    pythons = {name: answers.get(("python", name)) for name in asked["pythons"]}
    return {
        "pythons": pythons,
        "python": next((name for name in asked["pythons"] if (pythons[name] or {}).get("version")), None),
        "venv": asked["venv"],
        "venv_python": answers.get(("venv", "")),
    }


def _sites(entry, pythons):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[str]
    """Return the folders in which a wheel may be installed, of the Python that it is for."""
    name = entry.get("python") or pythons["python"] or ""
    interpreter = pythons["venv_python"] if pythons["venv"] else pythons["pythons"].get(name)
    return (interpreter or {}).get("sites") or []


def _os(family, manager):
    # type: (str, str) -> Dict[str, Any]
    """Return the distribution; for the arguments see system.package_manager."""
    release = next(filter(None, map(text, system.OS_RELEASES)), "")
    return dict(
        system.os_release(release, family, system.other_release_files()), family=family, package_manager=manager
    )


def _env_file(path):
    # type: (str) -> Dict[str, Any]
    """Return the state of the environment file."""
    return {"path": path, "sha256": _digest(path), "ours": environment.is_as_written(text(path))}


def _disks(asked, who, pythons):
    # type: (Dict[str, Any], Dict[str, Any], Dict[str, Any]) -> Dict[str, Dict[str, Any]]
    """Return folder -> its disk, see machine.disk_state, for the folders that something may be written to."""
    mounted, boot = mounts.parse(text(mounts.MOUNTINFO)), kernel.boot()
    return {
        path: machine.disk_state(path, mounted, boot)
        for path in [asked["work_dir"], os.path.dirname(asked["env_file"])]
        + [os.path.dirname(prefix) for prefix in asked["prefixes"]]
        + _sites_of_wheels(who, asked["venv"], pythons["pythons"].get(pythons["python"] or ""))
    }


def _closed(asked, pythons):
    # type: (Dict[str, Any], Dict[str, Any]) -> List[Dict[str, Any]]
    """Return what this account may not read of the files that the state comes from: they may exist although it sees none."""
    return access.find_all_closed(
        system.OS_RELEASES
        + [asked["env_file"]]
        + ([os.path.join(asked["venv"], "bin", "python")] if asked["venv"] else [])
        + [name for name in asked["pythons"] if os.path.isabs(name)]
        + [path for entry in asked["products"] for path in installed.record_files(entry, _sites(entry, pythons))]
    )


def _needs_pip(wanted, products):
    # type: (List[Dict[str, Any]], Dict[str, Dict[str, Any]]) -> bool
    """Say whether pip may have to install something: a wheel is missing or of another version, or no product is wanted yet.

    Running pip takes longer than the rest of the examination, so hosts that have everything skip it. A wheel of the right
    version may still have to be replaced, which is not known here: see plan.must_query_pip.
    """
    installed_wheels = [
        bool(there["manifest"]) and there["manifest"]["version"] == entry["version"] and not there["damage"]
        for entry, there in ((entry, products[entry["name"]]) for entry in wanted)
        if entry["product"] == "wheel" and entry.get("state", "present") == "present"
    ]
    return not wanted or not all(installed_wheels)


def _sites_of_wheels(who, venv, python):
    # type: (Dict[str, Any], str, Optional[Dict[str, Any]]) -> List[str]
    """Return the folder that wheels are installed below, the virtual environment or user site; [] for the Python's own."""
    if venv:
        return [venv]
    return [python["user_site"]] if python and who["uid"] else []


def _closed_to(run_user, installation):
    # type: (str, Optional[Dict[str, Any]]) -> List[Dict[str, Any]]
    """Return what the account that will run torch may not enter of a CANN that this one may, with its name as "user"."""
    account = access.user_ids(run_user) if run_user else (None, [])
    # An account that the host does not know is reported by the checks of NPUs.
    shut = access.find_closed(installation["path"], account) if installation and account[0] is not None else None
    return [dict(shut, user=run_user)] if shut else []


def _digest(path):
    # type: (str) -> Optional[str]
    return fingerprint.file_digest(path) if os.path.isfile(path) and os.access(path, os.R_OK) else None
