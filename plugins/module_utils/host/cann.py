# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the installations of CANN on a host, choose one of them, and read the environment that it needs. Changes nothing.

Where an installation may be, below a root such as /usr/local/Ascend:

    ascend-toolkit/<release>/   and the link ascend-toolkit/latest; nnae and nnrt likewise
    cann-<release>/             and the link cann, from 8.5.0 on; ascend-toolkit/latest may then lead to it

The environment script of the first is beside the releases (ascend-toolkit/set_env.sh), of the second in them
(cann/set_env.sh).
"""

import glob
import os
import re
from typing import Any, Dict, Iterator, List, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, trust
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, text
from ansible_collections.ascend.pytorch.plugins.module_utils.host import (
    access,
    ascend_files,
    environment,
    layouts,
    npus,
)

KINDS = {"ascend-toolkit": "toolkit", "nnae": "nnae", "nnrt": "nnrt"}
_LINKS = ("latest", "cann")
_RELEASE_FOLDER = re.compile(r"(?:cann-)?([0-9].*)")
# Variables that CANN's set_env.sh sets. The start files of shells either set them or source that script.
_HOME_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME")
_NAMED = re.compile(
    r"""^\s*(?:export\s+)?(?:ASCEND_HOME_PATH|ASCEND_TOOLKIT_HOME)=["']?(?P<home>/[^\s"'$;:]+)"""
    r"""|^(?:[^#\n]*[;&\s])?(?:source|\.)\s+["']?(?P<script>/[^\s"'$;]+)/set_env\.sh""",
    re.MULTILINE,
)
# Folders of scripts that start files source besides, and that set up a part: nnal, or a compiler within CANN.
_PARTS = re.compile(r"/(nnal|share/info)/")
_START_FILES = (
    "/etc/environment",
    "/etc/profile",
    "/etc/profile.d/*.sh",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "~/.bashrc",
    "~/.bash_profile",
    "~/.profile",
)
_RECORD_FILES = ("/etc/Ascend/ascend_cann_install.info", "~/Ascend/ascend_cann_install.info")
# Relative to an installation, the record of the whole package first.
_RECORDS = (
    "*-linux/ascend_*_install.info",
    "ascend_*_install.info",
    "version.info",
    "toolkit/version.info",
    "runtime/version.info",
    "compiler/version.info",
    "opp/version.info",
    "fwkacllib/version.info",
    "share/info/*/version.info",
    "version.cfg",
)
_LIBRARIES = ("lib64", "*/lib64")
# Scripts that set_env.sh sources, and itself.
_SCRIPTS = ("set_env.sh", "bin/setenv.bash", "*/bin/setenv.bash")


def find(home: str, named: str = "") -> Dict[str, Any]:
    """Return {"there": installations, the one to use first, "aside": [..], "closed": [..]}.

    An installation is {"kind": toolkit, nnae or nnrt, "root", "path", "version": from its record, else from the name of
    its folder, else None, "half": a text on what is missing in it | "", "set_env": its environment script | None,
    "distrusted": why this account does not run that | "", "wheels": see wheels, "closed": what of it this account may not
    read}. The newest is used, a complete one before incomplete ones; if a folder has a link to one of its installations,
    that one before the others in it.

    "aside" lists paths that are not usable installations: {"path", "problem": a text on what they are}. "closed" lists what
    this account may not enter, see access.find_closed.

    :param home: of the account
    :param named: the one to use, by its path, a folder above it, its set_env.sh, or its release; empty for any
    """
    by_path = named.startswith(("/", "~/"))
    if by_path and os.path.basename(named) == "set_env.sh":
        # People may name an installation by the script that they source.
        named = os.path.dirname(named)
    there, aside, closed, seen = [], [], [], set()
    for path in _candidates_of(os.path.normpath(_expand_home(named, home))) if by_path else _candidates(home):
        shut, real = access.find_closed(path), os.path.realpath(path)
        if shut:
            closed += [] if shut in closed else [shut]
        elif not os.path.isdir(path):
            if os.path.islink(path):
                aside.append(_aside_entry(path, "leads to {0}, which does not exist".format(real)))
        elif real not in seen:
            seen.add(real)
            found = examine(path)
            if found:
                there.append(found)
            else:
                aside.append(_aside_entry(path, "is incomplete: " + _NOTHING_THERE))
    there = _best_first(there)
    if named and not by_path:
        # Several installations may have the same release number.
        meant = sorted((each for each in there if _is_release(each, named)), key=lambda each: each["version"] != named)
        others = [each for each in there if each not in meant]
        if not meant:
            aside += [
                _aside_entry(each["path"], "is CANN {0}".format(each["version"] or "of an unknown release"))
                for each in others
            ]
        there = meant + others if meant else []
    return {"there": there, "aside": aside, "closed": closed}


def roots(home: str) -> List[str]:
    """Return the folders below which CANN may be installed: the ones in its record, the usual one, the one in the home."""
    recorded = [ascend_files.parse_info_file(text(path)).get("Install_Path", "") for path in record_files(home)]
    found = [root for root in recorded if root.startswith("/") and "\0" not in root]
    return list(dict.fromkeys(found + [npus.ASCEND_ROOT, os.path.join(home, "Ascend")]))


def record_files(home: str) -> List[str]:
    """Return the files in which CANN's installers record the folder of the installation."""
    return [_expand_home(path, home) for path in _RECORD_FILES]


def named_homes(home: str) -> List[str]:
    """Return the installations that the environment of this process or the start files of shells name."""
    found = [os.environ.get(name, "") for name in _HOME_VARIABLES]
    for pattern in _START_FILES:
        for path in sorted(glob.glob(_expand_home(pattern, glob.escape(home)))):
            for match in _NAMED.finditer(text(path)):
                named = match.group("home") or match.group("script")
                found += [] if _PARTS.search(named) else [named]
    return list(dict.fromkeys(os.path.normpath(path) for path in found if path.startswith("/") and "\0" not in path))


def examine(path: str) -> Optional[Dict[str, Any]]:
    """Return the installation in a folder, see find; None if nothing of CANN is in it."""
    records = _glob_below(path, _RECORDS)
    shut = access.find_all_closed(records + _glob_below(path, ("*-linux",)))
    release = _release(path, records)
    scripts = [place for place in _script_places(path) if os.path.isfile(place)]
    library = bool(_glob_below(path, ["{0}/libascendcl.so*".format(folder) for folder in _LIBRARIES]))
    own = os.path.isfile(os.path.join(path, "set_env.sh"))
    if not (records or shut or own or library):
        return None
    lacks = [] if records or shut else ["a version record"]
    lacks += [] if library or scripts else ["set_env.sh", "libascendcl.so"]
    return {
        "kind": _kind(path),
        "root": _root(path),
        "path": path,
        "version": release,
        "half": "it lacks " + " and ".join(lacks) if lacks else "",
        "set_env": scripts[0] if scripts else None,
        "distrusted": _distrust_reason(path, scripts[0]) if scripts else "",
        "wheels": wheels(path),
        "closed": shut,
    }


def wheels(path: str) -> Dict[str, str]:
    """Return name -> version of the wheels te, topi and hccl in a CANN, for its Python interfaces."""
    found = {}  # type: Dict[str, str]
    for name in ("te", "topi", "hccl"):
        for folder in ("lib64", "*/lib64", "tools", "*/python"):
            for wheel in _glob_below(path, (folder + "/" + name + "-*.whl",)):
                found.setdefault(name, os.path.basename(wheel).split("-")[1])
    return found


def settings(chosen: Dict[str, Any], arch: str) -> Dict[str, Any]:
    """Return {"prepend": {...}, "set": {...}} that a CANN needs: what its own script sets, else its usual layout.

    A script that others than root and this account can write to is not run, and one that sets up another CANN is
    ignored: ascend-toolkit/set_env.sh always sets up ascend-toolkit/latest.
    """
    if chosen["set_env"] and not chosen["distrusted"]:
        sourced = sourced_settings(chosen["set_env"])
        if (sourced["prepend"] or sourced["set"]) and _sets_up(sourced, chosen["path"]):
            return sourced
    beside = os.path.join(chosen["root"], "driver")
    driver = beside if os.path.isdir(beside) else npus.driver_folder()
    return layouts.cann_layout(chosen["path"], driver, arch, os.path.exists)


def sourced_settings(script: str, *arguments: str) -> Dict[str, Any]:
    """Return, as settings, what a vendor's script changes when bash sources it; none if it fails."""
    before = {"PATH": places.SYSTEM_PATH, "HOME": "/nonexistent"}
    source = 'script=$1; shift; . "$script" "$@" >/dev/null 2>&1; env -0'
    status, said, _problem = ask(
        ["bash", "--noprofile", "--norc", "-c", source, "bash", script] + list(arguments), env=before
    )
    if status != 0:
        return {"prepend": {}, "set": {}}
    after = dict(pair.split("=", 1) for pair in said.decode("utf-8", "replace").split("\0") if "=" in pair)
    return environment.from_vendor(before, after)


# --- where to look ----------------------------------------------------------------------------------------------------

_NOTHING_THERE = (
    "it has neither a version record, nor set_env.sh, nor libascendcl.so; it may be what an uninstalled CANN left"
)


def _expand_home(path: str, home: str) -> str:
    return home + path[1:] if path == "~" or path.startswith("~/") else path


def _candidates(home: str) -> Iterator[str]:
    for root in roots(home):
        yield from _below_root(root)
    for named in named_homes(home):
        yield from _candidates_of(named)


def _candidates_of(path: str) -> List[str]:
    """Return the possible installations for a path that someone names: those below it, else the path itself."""
    return list(_below_root(path)) or [path]


def _below_root(root: str) -> Iterator[str]:
    """Yield the paths below a root where CANN may be installed, links before what they lead to."""
    for group in [""] + list(KINDS):
        folder = os.path.join(root, group).rstrip("/")
        for name in _LINKS:
            # Also yielded if the folder is closed, so that this is reported.
            if os.path.lexists(os.path.join(folder, name)) or access.find_closed(folder):
                yield os.path.join(folder, name)
        for name in _list_folder(folder):
            if _RELEASE_FOLDER.fullmatch(name):
                yield os.path.join(folder, name)


def _list_folder(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):
        return []


def _glob_below(path: str, patterns: Any) -> List[str]:
    return [found for pattern in patterns for found in sorted(glob.glob(os.path.join(glob.escape(path), pattern)))]


def _root(path: str) -> str:
    above = os.path.dirname(path)
    return os.path.dirname(above) if os.path.basename(above) in KINDS else above


def _script_places(path: str) -> List[str]:
    # The script beside the releases sets up the one that is linked; each release may have its own script.
    own, shared = os.path.join(path, "set_env.sh"), os.path.join(os.path.dirname(path), "set_env.sh")
    if os.path.basename(os.path.dirname(path)) not in KINDS:
        return [own]
    return [shared, own] if os.path.basename(path) in _LINKS else [own, shared]


# --- what is installed ------------------------------------------------------------------------------------------------


def _kind(path: str) -> str:
    for kind in KINDS.values():
        if _glob_below(path, ["{0}ascend_{1}_install.info".format(folder, kind) for folder in ("", "*-linux/")]):
            return kind
    return KINDS.get(os.path.basename(os.path.dirname(path)), "toolkit")


def _release(path: str, records: List[str]) -> Optional[str]:
    for record in records:
        content = text(record)
        release = ascend_files.toolkit_release(
            ascend_files.parse_info_file(content), ascend_files.parse_version_cfg(content)
        )
        if release:
            return release
    return _name_of_release(path)


def _name_of_release(path: str) -> Optional[str]:
    # Installers name the folder by the release. Used if no record has it, or none can be read.
    found = _RELEASE_FOLDER.fullmatch(os.path.basename(os.path.realpath(path)))
    return ascend_files.toolkit_release({"version": found.group(1)}, {}) if found else None


def _aside_entry(path: str, problem: str) -> Dict[str, str]:
    return {"path": path, "problem": problem}


def _is_release(found: Dict[str, Any], named: str) -> bool:
    return bool(found["version"]) and ascend_files.release_key(found["version"]) == ascend_files.release_key(named)


def _best_first(there: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    linked = {os.path.dirname(each["path"]) for each in there if os.path.basename(each["path"]) in _LINKS}

    def rank(each: Dict[str, Any]) -> Any:
        above, name = os.path.split(each["path"])
        # nnrt is only a runtime for inference.
        return bool(each["half"]), each["kind"] == "nnrt", above in linked and name not in _LINKS

    newest = sorted(there, key=lambda each: ascend_files.sort_key(each["version"]), reverse=True)
    return sorted(newest, key=rank)


def _distrust_reason(path: str, script: str) -> str:
    return find_distrusted([script, path] + _glob_below(path, _SCRIPTS))


def find_distrusted(paths: List[str]) -> str:
    """Return why this account does not run what is in one of these paths: others can write to it; "" for none."""
    for each in paths:
        why = trust.find_other_writer(each, os.geteuid())
        if why:
            return why
    return ""


def _sets_up(sourced: Dict[str, Any], path: str) -> bool:
    homes = [sourced["set"][name] for name in _HOME_VARIABLES if sourced["set"].get(name)]
    return all(os.path.realpath(home) == os.path.realpath(path) for home in homes)
