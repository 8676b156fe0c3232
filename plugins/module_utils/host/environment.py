# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file that sets the environment variables of torch, and which of them a release of torch reads.

Settings are a dict, any key of which may be missing:

    {"prepend": {"LD_LIBRARY_PATH": ["/a", "/b"]},   folders that go in front of a path list, in this order
     "set":     {"TASK_QUEUE_ENABLE": "0"},          plain variables
     "unset":   ["GOMP_CPU_AFFINITY"],
     "comment": {"TASK_QUEUE_ENABLE": "why"}}        explanations, written above the variable
"""

import hashlib
import re
import shlex
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions

# Its name among those of products, in results and in the ledger of a run.
ITEM = "environment file"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# The path lists that a vendor's script adds folders to; everything else that it sets is a plain variable.
_LISTS = ("LD_LIBRARY_PATH", "PYTHONPATH", "PATH", "CMAKE_PREFIX_PATH", "ASCEND_CUSTOM_OPP_PATH")
# Variables of the shell, which every script changes.
_SHELL = ("PWD", "OLDPWD", "SHLVL", "_", "IFS", "PS1", "PS4", "LINENO", "RANDOM", "SECONDS")

# How a release of torch is built: the guide's patched trees, or the plugin torch_npu beside a stock torch.
PATCH, PLUGIN = "patch", "plugin"
_BOTH = (PATCH, PLUGIN)
# The value of a variable that the release decides on, see resolve().
AUTO = "auto"


class Variable(NamedTuple):
    """Which values an environment variable may have, and which releases read it."""

    # A pattern of the whole value, and the values in words.
    values: str
    words: str
    # The layouts whose releases read it.
    layouts: Tuple[str, ...] = (PLUGIN,)
    # The oldest series of torch_npu that reads it, see series(), and the oldest torch; "" for every one.
    since: str = ""
    torch: str = ""
    # The least and the greatest value of a number.
    limits: Tuple[int, ...] = ()
    # Values that are newer than the variable -> the oldest series of torch_npu that takes them.
    newer: Dict[str, str] = {}
    # Versions of torch whose torch_npu does not read it, although that of others of the same series does.
    not_with: Tuple[str, ...] = ()
    # What the guide recommends for the patched trees: the value of AUTO.
    guide: str = ""


_SWITCH = ("[01]", "0 or 1")
_FOLDER = r"/[^\s:]+"
_SECONDS = 2147483647
# The variables of the guide and of the vendor's documents. HCCL and CANN read those of the network and the logs, whichever
# torch there is. For the others, what counts is the series from which on torch_npu's sources read the variable.
_TABLE = {
    "TASK_QUEUE_ENABLE": Variable("[012]", "0 or 1, or 2 for torch_npu", _BOTH, newer={"2": "6.0.rc3"}, guide="1"),
    "HCCL_WHITELIST_DISABLE": Variable(*_SWITCH, layouts=_BOTH, guide="1"),
    "HCCL_IF_IP": Variable(".*", "an address", _BOTH),  # validate says more of it
    "PTCOPY_ENABLE": Variable(*_SWITCH, layouts=(PATCH,), guide="1"),
    "ASCEND_SLOG_PRINT_TO_STDOUT": Variable(*_SWITCH, layouts=_BOTH, guide="0"),
    "ASCEND_GLOBAL_LOG_LEVEL": Variable(
        "[0-4]", "0 (debug), 1 (info), 2 (warning), 3 (error) or 4 (none)", _BOTH, guide="3"
    ),
    "ASCEND_GLOBAL_EVENT_ENABLE": Variable(*_SWITCH, layouts=_BOTH, guide="0"),
    "DYNAMIC_COMPILE_ENABLE": Variable(*_SWITCH, layouts=(PATCH,)),
    "COMBINED_ENABLE": Variable(*_SWITCH, layouts=_BOTH),
    "TRI_COMBINED_ENABLE": Variable(*_SWITCH, layouts=(PATCH,)),
    "ACL_DUMP_DATA": Variable(*_SWITCH, layouts=_BOTH),
    "DYNAMIC_OP": Variable(r"[A-Za-z]\w*(#[A-Za-z]\w*)*", "operators joined by #, such as ADD#MUL", (PATCH,)),
    "ASCEND_LAUNCH_BLOCKING": Variable(*_SWITCH, since="5.0.rc3"),
    "INF_NAN_MODE_ENABLE": Variable(*_SWITCH, since="5.0.rc2"),
    "PYTORCH_NPU_ALLOC_CONF": Variable(
        ".+", "settings such as max_split_size_mb:64", since="5.0.rc1", not_with=("1.8.1",)
    ),
    "PYTORCH_ALLOC_CONF": Variable(".+", "settings such as max_split_size_mb:64", since="26.2.0", torch="2.10"),
    "MULTI_STREAM_MEMORY_REUSE": Variable(
        "[0-3]", "0, 1, 2 or 3", since="5.0.rc2.1", newer={"2": "6.0.rc1", "3": "7.3.0"}
    ),
    "PYTORCH_NO_NPU_MEMORY_CACHING": Variable("1", "1", since="6.0.rc2", not_with=("1.11.0",)),
    "CPU_AFFINITY_CONF": Variable(
        "(mode:)?[012](,(force:[01]|npu[0-9]{1,2}:[0-9]+(-[0-9]+)?|npu_affine:[01]|lazy_bind:[01]))*",
        "a mode, 0, 1 or 2, and then npuN:first-last, and 0 or 1 for npu_affine, lazy_bind and force, such as 1,npu0:0-23",
        since="6.0.rc2",
    ),
    "STREAMS_PER_DEVICE": Variable("8|32", "8 or 32", since="6.0.0.1"),
    "PER_STREAM_QUEUE": Variable(*_SWITCH, since="7.3.0"),
    "ACL_OP_COMPILER_CACHE_MODE": Variable("enable|disable|force", "enable, disable or force"),
    "ACL_OP_COMPILER_CACHE_DIR": Variable(_FOLDER, "an absolute folder"),
    "ACL_DEVICE_SYNC_TIMEOUT": Variable("[0-9]+", "seconds", since="6.0.0", limits=(1, 2147483)),
    "HCCL_SOCKET_IFNAME": Variable(r"[=^]?[^\s,]+(,[^\s,]+)*", "names of interfaces, or how they begin, such as enp"),
    "HCCL_CONNECT_TIMEOUT": Variable("[0-9]+", "seconds", limits=(1, _SECONDS)),
    "HCCL_EXEC_TIMEOUT": Variable("[0-9]+", "seconds", limits=(0, _SECONDS)),
    "HCCL_EVENT_TIMEOUT": Variable("[0-9]+", "seconds", since="6.0.rc2", limits=(0, _SECONDS), not_with=("1.11.0",)),
    "HCCL_ASYNC_ERROR_HANDLING": Variable(*_SWITCH, since="5.0.0", not_with=("2.0.1",)),
    "TORCH_HCCL_ASYNC_ERROR_HANDLING": Variable(*_SWITCH, since="26.2.0"),
    "HCCL_DESYNC_DEBUG": Variable(*_SWITCH, since="5.0.0", not_with=("2.0.1",)),
    "P2P_HCCL_BUFFSIZE": Variable("[0-9]+", "MiB", since="6.0.rc2", limits=(0, _SECONDS), not_with=("1.11.0",)),
    "TORCH_HCCL_ZERO_COPY": Variable(*_SWITCH, since="7.0.0"),
    "RANK_TABLE_FILE": Variable(_FOLDER, "an absolute path", since="6.0.rc3"),
    "OOM_SNAPSHOT_ENABLE": Variable("[012]", "0, 1 or 2", since="6.0.rc3"),
    "NPU_ASD_CONFIG": Variable(r"\w+:[^\s,:]+(,\w+:[^\s,:]+)*", "names and values, such as enable:true", since="7.1.0"),
    "TORCH_NPU_LOGS": Variable(r"[\w.:,+-]+", "names of logs, such as +memory", since="7.0.0"),
    "TORCH_NPU_COMPACT_ERROR_OUTPUT": Variable(*_SWITCH, since="7.1.0"),
    "TORCH_NPU_DISABLED_WARNING": Variable(*_SWITCH, since="6.0.rc3"),
    "TORCH_TRANSFER_TO_NPU": Variable(*_SWITCH, since="26.0.0"),
    "TORCH_DEVICE_BACKEND_AUTOLOAD": Variable(*_SWITCH, torch="2.5"),
}
VARIABLES = tuple(_TABLE)
# Both have the keys of _ALLOCATOR. torch_npu ends the program if both are set.
_ALLOCATORS = ("PYTORCH_NPU_ALLOC_CONF", "PYTORCH_ALLOC_CONF")
_FLAG = ("True|False", "True or False")
_ALLOCATOR = {
    "max_split_size_mb": Variable("[0-9]+", "MiB", limits=(21, _SECONDS), since="5.0.rc1"),
    "garbage_collection_threshold": Variable(
        r"0?\.[0-9]*[1-9][0-9]*", "a number between 0 and 1, such as 0.8", since="5.0.rc2"
    ),
    "expandable_segments": Variable(*_FLAG, since="5.0.0"),
    "base_addr_aligned_kb": Variable("[0-9]+", "KiB", limits=(0, 16), since="6.0.rc3"),
    "page_size": Variable("1g", "1g", since="7.0.0"),
    "segment_size_mb": Variable("[0-9]+", "MiB", limits=(20, 512), since="7.2.0.1"),
    "roundup_power2_divisions": Variable(
        r"{0}|\[([0-9]+|>):{0}(,([0-9]+|>):{0})*\]".format("(0|1|2|4|8|16|32|64|128|256|512|1024)"),
        "0 or a power of 2, or a list such as [256:1,512:2,>:8]",
        since="7.3.0",
    ),
    "multi_stream_lazy_reclaim": Variable(*_FLAG, since="26.0.0"),
    "pinned_use_background_threads": Variable(*_FLAG, since="26.0.0", torch="2.8"),
    "pin_memory_expandable_segments": Variable(*_FLAG, since="7.3.1", torch="2.7"),
    "pinned_mem_register": Variable(*_FLAG, since="26.0.0"),
    "large_segment_size_mb": Variable("[0-9]+", "MiB", limits=(21, _SECONDS), since="26.1.0", torch="2.11"),
}
# The first series whose programs end where one of these two is set beside expandable_segments:True.
_EXPANDABLE_ALONE, _NOT_EXPANDABLE = "6.0.rc2", ("max_split_size_mb", "garbage_collection_threshold")
_MISPRINTS = {"RI_COMBINED_ENABLE": "TRI_COMBINED_ENABLE"}
# v7.3.0-pytorch2.6.0 and v26.2.0-0day-pytorch2.13.0 are tags of the series 7.3.0 and 26.2.0.
_TAG = re.compile(r"v?([0-9]+(?:\.(?:rc)?[0-9]+)*)(?:-\w+)?-pytorch[0-9].*", re.IGNORECASE)

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


def series(release: Dict[str, Any]) -> str:
    """Return the series of torch_npu that a release is of, such as 6.0.rc2 or 7.3.0, from its tag; "" if that has none."""
    found = _TAG.fullmatch(str(release.get("tag") or ""))
    return found.group(1) if found else ""


def resolve(chosen: Dict[str, Any], release: Dict[str, Any]) -> Dict[str, str]:
    """Return the variables that are to be set for a release, from what the role's variables say: "" sets none.

    AUTO is the guide's value for the patched trees. For torch_npu it sets none: its own defaults are the recommended ones.
    """
    values = {}
    for name, value in chosen.items():
        said = str(value)
        if said == AUTO and name in _TABLE and _TABLE[name].guide:
            said = "" if _why_unread(name, release) or _layout(release) == PLUGIN else _TABLE[name].guide
        if said != "":
            values[name] = said
    return values


def validate(settings: Dict[str, Any], release: Optional[Dict[str, Any]] = None) -> List[str]:
    """Return what is wrong with settings for a release, each with the role's variable to change; [] if nothing is.

    :param release: its row, of which "torch", "tag" and "unsupported_variables" are read; by default a patched tree that
        supports all variables of the guide's table
    """
    problems, release = _format_problems(settings), release or {}
    chosen = settings.get("set") or {}
    for name, value in chosen.items():
        said = str(value)
        if name in _MISPRINTS:
            problems.append(
                "{0} is a misprint in the guide: set {1}, with {2}".format(
                    name, _MISPRINTS[name], role_variable(_MISPRINTS[name])
                )
            )
        elif name in _TABLE:
            why = _why_unread(name, release)
            problems += (
                ["{0} {1}: leave {2} unset".format(name, why, role_variable(name))]
                if why
                else _value_problems(name, said, release)
            )
    return problems + _problems_together({name: str(value) for name, value in chosen.items()})


def _layout(release: Dict[str, Any]) -> str:
    return (release.get("torch") or {}).get("layout") or PATCH


def _is_older(version: str, wanted: str) -> bool:
    try:
        return bool(version and wanted) and versions.compare(version, wanted) < 0
    except ValueError:
        # A user's own row may call its torch anything.
        return False


def _why_unread(name: str, release: Dict[str, Any]) -> str:
    """Return why a release does not read a variable; "" if it does, or if the release does not say what it is."""
    known, layout, torch = _TABLE[name], _layout(release), str((release.get("torch") or {}).get("version") or "")
    if name in release.get("unsupported_variables", []):
        return "is not supported by this release of torch"
    if layout not in known.layouts:
        if layout == PLUGIN:
            return "is for the patched torch 1.5.0 and 1.8.1, and no release of the plugin torch_npu reads it"
        return "is for the plugin torch_npu, and this release is a patched torch"
    if layout == PATCH:
        return ""
    if _is_older(series(release), known.since):
        return "is read by torch_npu from {0} on, and this release is of {1}".format(known.since, series(release))
    if _is_older(torch, known.torch):
        return "is read from torch {0} on, and this release is for torch {1}".format(known.torch, torch)
    if torch in known.not_with:
        return "is not read by the torch_npu for torch {0}".format(torch)
    return ""


def problems_with_any(chosen: Dict[str, Any]) -> List[str]:
    """Return which values of the role's variables no release takes, each with the variable to change; [] for none."""
    said = {name: str(value) for name, value in chosen.items() if name in _TABLE and str(value)}
    asked = {name: value for name, value in said.items() if not (value == AUTO and _TABLE[name].guide)}
    return [each for name, value in asked.items() for each in _problems_of_value(name, value)]


def _problems_of_value(name: str, said: str) -> List[str]:
    """Return what is wrong with a value whatever the release is."""
    if name == "HCCL_IF_IP":
        wanted = (
            "set {0} to the IPv4 address of a network card of this host that the other hosts can reach, such as "
            "192.168.1.10"
        ).format(role_variable(name))
        why = _host_address_problem(said)
        return ["HCCL_IF_IP is {0!r}, which {1}: {2}".format(said, why, wanted)] if why else []
    if not _is_allowed(_TABLE[name], said):
        return ["{0} is {1!r}: set {2} to {3}".format(name, said, role_variable(name), _in_words(_TABLE[name]))]
    return []


def _value_problems(name: str, said: str, release: Dict[str, Any]) -> List[str]:
    known, wrong = _TABLE[name], _problems_of_value(name, said)
    if wrong:
        return wrong
    first = known.newer.get(said, "")
    if first and (_layout(release) == PATCH or _is_older(series(release), first)):
        return ["{0}: only torch_npu from {1} on takes {2}: change {3}".format(name, first, said, role_variable(name))]
    return _allocator_problems(name, said, release) if name in _ALLOCATORS else []


def _is_allowed(known: Variable, said: str) -> bool:
    if not re.fullmatch(known.values, said, re.ASCII):
        return False
    return not known.limits or (len(said) <= len(str(_SECONDS)) and known.limits[0] <= int(said) <= known.limits[1])


def _in_words(known: Variable) -> str:
    return "{0} from {1} to {2}".format(known.words, *known.limits) if known.limits else known.words


def _allocator_problems(name: str, said: str, release: Dict[str, Any]) -> List[str]:
    """Return what is wrong with the settings of the allocator of memory, KEY:VALUE,KEY:VALUE."""
    problems, torch = [], str((release.get("torch") or {}).get("version") or "")
    # torch_npu ignores spaces.
    said = said.replace(" ", "")
    # A comma within brackets does not separate settings.
    for setting in re.split(r",(?![^\[]*\])", said):
        key, _colon, value = setting.partition(":")
        known = _ALLOCATOR.get(key)
        if not known:
            problems.append("there is no {0!r}, only {1}".format(key, ", ".join(_ALLOCATOR)))
        elif _is_older(series(release), known.since):
            problems.append(
                "torch_npu has {0} from {1} on, and this release is of {2}".format(key, known.since, series(release))
            )
        elif _is_older(torch, known.torch):
            problems.append(
                "torch_npu has {0} from torch {1} on, and this release is for torch {2}".format(key, known.torch, torch)
            )
        elif not _is_allowed(known, value):
            problems.append("{0} is {1!r}, but should be {2}".format(key, value, _in_words(known)))
    chosen = dict(setting.partition(":")[::2] for setting in said.split(","))
    others = [key for key in _NOT_EXPANDABLE if key in chosen]
    if chosen.get("expandable_segments") == "True" and others and not _is_older(series(release), _EXPANDABLE_ALONE):
        problems.append("expandable_segments:True ends every program beside " + " or ".join(others))
    return ["{0}: {1}: change {2}".format(name, problem, role_variable(name)) for problem in problems]


def _problems_together(chosen: Dict[str, str]) -> List[str]:
    problems = []
    if all(chosen.get(name) for name in _ALLOCATORS):
        problems.append(
            "{0} and {1} are both set, which ends every program: leave {2} unset".format(
                *_ALLOCATORS, role_variable(_ALLOCATORS[0])
            )
        )
    wait, event = (chosen.get(name, "") for name in ("HCCL_EXEC_TIMEOUT", "HCCL_EVENT_TIMEOUT"))
    # 0 is no limit.
    if re.fullmatch("[0-9]+", wait) and re.fullmatch("[0-9]+", event) and 0 < int(event) <= int(wait):
        problems.append(
            "HCCL_EVENT_TIMEOUT ({0}) does not exceed HCCL_EXEC_TIMEOUT ({1}): change {2}".format(
                event, wait, role_variable("HCCL_EVENT_TIMEOUT")
            )
        )
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
