# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file that sets every variable of the guide's table, and where its values come from.

Settings are a dict, any key of which may be missing:

    {"prepend": {"LD_LIBRARY_PATH": ["/a", "/b"]},   folders that go in front of a path list, in this order
     "set":     {"TASK_QUEUE_ENABLE": "0"},          plain variables
     "unset":   ["GOMP_CPU_AFFINITY"],
     "comment": {"TASK_QUEUE_ENABLE": "why"}}        explanations, written above the variable
"""

import hashlib
import re
import shlex
from typing import Any, Callable, Dict, Iterable, List, Tuple

# Its name among those of products, in results and in the ledger of a run.
ITEM = "environment file"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# The path lists that a vendor's script adds folders to; everything else that it sets is a plain variable.
_LISTS = ("LD_LIBRARY_PATH", "PYTHONPATH", "PATH", "CMAKE_PREFIX_PATH", "ASCEND_CUSTOM_OPP_PATH")
# Variables of the shell, which every script changes.
_SHELL = ("PWD", "OLDPWD", "SHLVL", "_", "IFS", "PS1", "PS4", "LINENO", "RANDOM", "SECONDS")

_SWITCH = (re.compile(r"[01]"), "0 or 1")
# The guide's table of environment variables: name -> the values it allows.
_TABLE = {
    "TASK_QUEUE_ENABLE": _SWITCH,
    "HCCL_WHITELIST_DISABLE": _SWITCH,
    "HCCL_IF_IP": (re.compile(r".*"), "an address"),  # validate says more of it
    "PTCOPY_ENABLE": _SWITCH,
    "ASCEND_SLOG_PRINT_TO_STDOUT": _SWITCH,
    "ASCEND_GLOBAL_LOG_LEVEL": (re.compile(r"[0-4]"), "0 (debug), 1 (info), 2 (warning), 3 (error) or 4 (none)"),
    "ASCEND_GLOBAL_EVENT_ENABLE": _SWITCH,
    "DYNAMIC_COMPILE_ENABLE": _SWITCH,
    "COMBINED_ENABLE": _SWITCH,
    "TRI_COMBINED_ENABLE": _SWITCH,
    "ACL_DUMP_DATA": _SWITCH,
    "DYNAMIC_OP": (re.compile(r"[A-Za-z]\w*(#[A-Za-z]\w*)*", re.ASCII), "operators joined by #, such as ADD#MUL"),
}
VARIABLES = tuple(_TABLE)
_MISPRINTS = {"RI_COMBINED_ENABLE": "TRI_COMBINED_ENABLE"}

_HEAD = """\
# Environment of the Ascend build of PyTorch. Written by the collection ascend.pytorch: changes here are overwritten.
# To be sourced by sh, bash, zsh or ksh, as often as you like:  . <this file>
"""

# Ends the head; with this digest one sees whether the file was changed since it was written.
_SEAL = "# sha256 of the lines below: "

# An empty element of a path list means the current directory, so all are removed, also those that the user has set.
_FUNCTION = """
# LIST FOLDER...: the folders, then what else LIST has, without empty elements
_ascend_pytorch_prepend() {
    _ascend_pytorch_list=":$1:"
    _ascend_pytorch_head=""
    shift
    for _ascend_pytorch_dir in "$@"; do
        _ascend_pytorch_head="$_ascend_pytorch_head$_ascend_pytorch_dir:"
        while :; do
            case "$_ascend_pytorch_list" in
                *":$_ascend_pytorch_dir:"*)
                    _ascend_pytorch_tail="${_ascend_pytorch_list#*":$_ascend_pytorch_dir:"}"
                    _ascend_pytorch_list="${_ascend_pytorch_list%%":$_ascend_pytorch_dir:"*}:$_ascend_pytorch_tail" ;;
                *) break ;;
            esac
        done
    done
    while :; do
        case "$_ascend_pytorch_list" in
            *::*) _ascend_pytorch_list="${_ascend_pytorch_list%%::*}:${_ascend_pytorch_list#*::}" ;;
            *) break ;;
        esac
    done
    _ascend_pytorch_list="$_ascend_pytorch_head${_ascend_pytorch_list#:}"
    _ascend_pytorch_list="${_ascend_pytorch_list%:}"
}
"""
_FUNCTION_END = """
unset -f _ascend_pytorch_prepend
unset _ascend_pytorch_list _ascend_pytorch_head _ascend_pytorch_dir _ascend_pytorch_tail
"""

# Where the parts of CANN are if it has no set_env.sh, relative to the toolkit's folder: those of 8.x first, then of 5.0.x,
# in which each part has its own folder. {arch} is the machine's name (aarch64).
_CANN_LISTS = {
    "LD_LIBRARY_PATH": (
        "lib64",
        "lib64/plugin/opskernel",
        "lib64/plugin/nnengine",
        "opp/built-in/op_impl/ai_core/tbe/op_tiling/lib/linux/{arch}",
        "tools/aml/lib64",
        "tools/aml/lib64/plugin",
        "fwkacllib/lib64",
        "fwkacllib/lib64/plugin/opskernel",
        "fwkacllib/lib64/plugin/nnengine",
        "atc/lib64",
        "acllib/lib64",
    ),
    "PYTHONPATH": (
        "python/site-packages",
        "opp/built-in/op_impl/ai_core/tbe",
        "fwkacllib/python/site-packages",
        "fwkacllib/python/site-packages/auto_tune.egg/auto_tune",
        "fwkacllib/python/site-packages/schedule_search.egg",
        "toolkit/python/site-packages",
        "atc/python/site-packages",
        "pyACL/python/site-packages/acl",
        "opp/op_impl/built-in/ai_core/tbe",
    ),
    "PATH": (
        "bin",
        "compiler/ccec_compiler/bin",
        "tools/ccec_compiler/bin",
        "fwkacllib/ccec_compiler/bin",
        "fwkacllib/bin",
        "atc/ccec_compiler/bin",
        "atc/bin",
        "toolkit/tools/ide_daemon/bin",
    ),
}
_DRIVER_LIBRARIES = ("lib64", "lib64/common", "lib64/driver")
_CANN_VARIABLES = (
    ("ASCEND_TOOLKIT_HOME", ""),
    ("ASCEND_HOME_PATH", ""),
    ("ASCEND_AICPU_PATH", ""),
    ("ASCEND_OPP_PATH", "opp"),
    ("TOOLCHAIN_HOME", "toolkit"),
)
_PLUGINS = tuple(
    "fwkacllib/lib64/plugin/opskernel/" + name for name in ("libfe.so", "libaicpu_engine.so", "libge_local_engine.so")
)


def render(settings: Dict[str, Any]) -> str:
    """Return the text of the environment file, in POSIX sh.

    It may be sourced any number of times, by dash, bash, busybox, ksh and zsh, under `set -eu` and with any IFS: it
    prints nothing, returns 0, defines nothing but these variables, adds no folder twice, and leaves no empty element in
    a path list that it changes.

    :raises ValueError: a name, a folder or a value that such a file cannot have; the message lists all of them
    """
    wrong = _format_problems(settings)
    if wrong:
        raise ValueError("; ".join(wrong))
    comments = settings.get("comment") or {}
    lists = [(name, folders) for name, folders in (settings.get("prepend") or {}).items() if folders]
    text = []
    if lists:
        text.append(_FUNCTION)
    for name, folders in lists:
        text.append("\n" + _comment(comments.get(name)))
        text.append(
            '_ascend_pytorch_prepend "${%s-}" \\\n    %s\n'
            % (name, " \\\n    ".join(shlex.quote(folder) for folder in _without_duplicates(folders)))
        )
        text.append('export %s="$_ascend_pytorch_list"\n' % name)
    for name, value in (settings.get("set") or {}).items():
        text.append("\n" + _comment(comments.get(name)))
        text.append("export {0}={1}\n".format(name, shlex.quote(str(value))))
    for name in settings.get("unset") or []:
        text.append("\n" + _comment(comments.get(name)))
        text.append("unset {0}\n".format(name))
    if lists:
        text.append(_FUNCTION_END)
    body = "".join(text)
    return "{0}{1}{2}\n{3}".format(_HEAD, _SEAL, _digest(body), body)


def is_as_written(text: str) -> bool:
    """Say whether a file's text was made by render(), and not changed since."""
    head, _seal, rest = text.partition(_SEAL)
    digest, _newline, body = rest.partition("\n")
    return head == _HEAD and digest == _digest(body)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def role_variable(name: str) -> str:
    """Return the role's variable that an environment variable's value comes from."""
    return "torch_npu_build_" + name.lower()


def validate(settings: Dict[str, Any], unsupported: Iterable[str] = ()) -> List[str]:
    """Return what is wrong with settings by the guide's table, each with the role's variable to change; [] if nothing is.

    :param unsupported: variables of the table that the release does not know (1.8.1: DYNAMIC_COMPILE_ENABLE)
    """
    problems = _format_problems(settings)
    chosen = settings.get("set") or {}
    for name, value in chosen.items():
        said = str(value)
        if name in _MISPRINTS:
            problems.append(
                "{0} is a misprint in the guide: set {1}, with {2}".format(
                    name, _MISPRINTS[name], role_variable(_MISPRINTS[name])
                )
            )
        elif name in unsupported:
            problems.append(
                "{0} is not supported by this release of torch: leave {1} unset".format(name, role_variable(name))
            )
        elif name == "HCCL_IF_IP":
            why = _host_address_problem(said)
            if why:
                problems.append(
                    "HCCL_IF_IP is {0!r}, which {1}: set {2} to the IPv4 address of a network card of this "
                    "host that the other hosts can reach, such as 192.168.1.10".format(said, why, role_variable(name))
                )
        elif name in _TABLE and not _TABLE[name][0].fullmatch(said):
            problems.append("{0} is {1!r}: set {2} to {3}".format(name, said, role_variable(name), _TABLE[name][1]))
    return problems


def from_vendor(before: Dict[str, str], after: Dict[str, str]) -> Dict[str, Any]:
    """Return, as settings, what a vendor's set_env.sh changes, from the environments before and after sourcing it.

    Of path lists, only the new absolute folders, each once; empty and relative elements are dropped. Of other variables,
    the new values. (Start from a clean environment: if the script was sourced before, there is no difference.)
    """
    prepend = {}  # type: Dict[str, List[str]]
    plain = {}
    for name, value in after.items():
        if name in _SHELL or not _NAME.fullmatch(name) or before.get(name) == value:
            continue
        if name in _LISTS:
            had = before.get(name, "").split(":")
            folders = [
                folder
                for folder in _without_duplicates(value.split(":"))
                if folder.startswith("/") and folder not in had
            ]
            if folders:
                prepend[name] = folders
        else:
            plain[name] = value
    return {"prepend": prepend, "set": plain}


def cann_layout(toolkit: str, driver: str, arch: str, exists: Callable[[str], bool]) -> Dict[str, Any]:
    """Return, as settings, what set_env.sh would set, for a CANN without one; only paths that exist.

    :param toolkit: the folder of CANN, such as /usr/local/Ascend/ascend-toolkit/latest
    :param driver: the driver's folder, such as /usr/local/Ascend/driver
    :param arch: aarch64 or x86_64
    :param exists: returns whether a path exists
    """
    toolkit, driver = toolkit.rstrip("/"), driver.rstrip("/")
    prepend = {"LD_LIBRARY_PATH": ["{0}/{1}".format(driver, part) for part in _DRIVER_LIBRARIES]}
    for name, parts in _CANN_LISTS.items():
        prepend[name] = prepend.get(name, []) + ["{0}/{1}".format(toolkit, part.format(arch=arch)) for part in parts]
    found = {name: [folder for folder in folders if exists(folder)] for name, folders in prepend.items()}
    paths = ((name, (toolkit + "/" + part).rstrip("/")) for name, part in _CANN_VARIABLES)
    plain = {name: path for name, path in paths if exists(path)}
    plugins = [path for path in ("{0}/{1}".format(toolkit, part) for part in _PLUGINS) if exists(path)]
    if plugins:
        plain["OPTION_EXEC_EXTERN_PLUGIN_PATH"] = ":".join(plugins)
    return {"prepend": {name: folders for name, folders in found.items() if folders}, "set": plain}


def merge(*settings: Dict[str, Any]) -> Dict[str, Any]:
    """Merge settings: the folders of the first ones come first in a path list; of a variable, the last value counts."""
    prepend = {}  # type: Dict[str, List[str]]
    plain = {}  # type: Dict[str, Any]
    unset = []  # type: List[str]
    comment = {}  # type: Dict[str, str]
    for each in settings:
        for name, folders in (each.get("prepend") or {}).items():
            prepend[name] = _without_duplicates(prepend.get(name, []) + list(folders))
        for name, value in (each.get("set") or {}).items():
            plain[name] = value
            unset = [other for other in unset if other != name]
        for name in each.get("unset") or []:
            plain.pop(name, None)
            unset = _without_duplicates(unset + [name])
        comment.update(each.get("comment") or {})
    return {"prepend": prepend, "set": plain, "unset": unset, "comment": comment}


def _without_duplicates(items: Iterable[str]) -> List[str]:
    return list(dict.fromkeys(items))


def _comment(text: Any) -> str:
    # Without control characters but the end of a line: people read this file.
    lines = re.sub(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f]", " ", str(text)).split("\n") if text else []
    return "".join("# {0}\n".format(line.strip()) for line in lines)


def _format_problems(settings: Dict[str, Any]) -> List[str]:
    wrong = []
    prepend, plain, unset = (settings.get(key) or {} for key in ("prepend", "set", "unset"))
    for name in list(prepend) + list(plain) + list(unset):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            wrong.append("{0!r} is not the name of an environment variable".format(name))
    for name, folders in prepend.items():
        for folder in folders:
            if not isinstance(folder, str) or not folder.startswith("/") or re.search(r"[:\x00\n]", folder):
                wrong.append("{0}: {1!r} is not an absolute folder that a path list can hold".format(name, folder))
    for name, value in plain.items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            wrong.append(
                "{0}: {1!r} is neither text nor a number: change {2}".format(name, value, role_variable(str(name)))
            )
        elif "\x00" in str(value):
            wrong.append("{0}: {1!r} has a NUL character: change {2}".format(name, value, role_variable(str(name))))
    return wrong


def _octets(text: str) -> Tuple[int, ...]:
    # Leading zeros are refused: some parsers read such numbers as octal.
    parts = text.split(".")
    if len(parts) != 4 or not all(re.fullmatch(r"0|[1-9][0-9]{0,2}", part) and int(part) < 256 for part in parts):
        return ()
    return tuple(int(part) for part in parts)


def _host_address_problem(text: str) -> str:
    octets = _octets(text)
    if not octets:
        return "is not a dotted IPv4 address"
    if octets[0] in (0, 127) or octets[0] >= 224:
        # Also loopback: HCCL sends this address to the other hosts. On a single host the variable is left unset.
        return "is not the address of a network card"
    return ""
