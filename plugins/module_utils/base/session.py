# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login session that a process is started in, and how to leave it, so that a build outlives it and is free of its limits.

With KillUserProcesses in logind.conf(5), logind kills all processes of a session when it ends, also detached ones. It does
not kill processes in a unit of their own: so a process asks systemd for a scope (systemd.scope(5)) and is moved there, for
root by the system manager, for other users by their user manager, which outlives the session only with lingering (loginctl(1)).
"""

import glob
import os
import pwd
import re
import time

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import ask, text

# Exists if systemd is the init (sd_booted(3)).
BOOTED = "/run/systemd/system"
LINGERING = "/var/lib/systemd/linger"
# The folders with logind.conf and logind.conf.d, the one with precedence first.
_CONFIGURATION = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd")

# How long systemd may take to answer, and then to move the process, in seconds.
ANSWER_LIMIT_S = 10.0
MOVE_LIMIT_S = 5.0


# --- what logind does -------------------------------------------------------------------------------------------------


def read_configuration(folders=_CONFIGURATION):
    # type: (Sequence[str]) -> Tuple[str, List[str]]
    """Return the text of logind.conf and the texts of the files in logind.conf.d, in the order in which they are read.

    Of files with the same name only the one in the first folder counts. Files are read in the order of their names, in
    whichever folder they are.
    """
    main = next(filter(None, (text(os.path.join(folder, "logind.conf")) for folder in folders)), "")
    added = {}  # type: Dict[str, str]
    for folder in folders:
        for path in glob.glob(os.path.join(glob.escape(folder), "logind.conf.d", "*.conf")):
            added.setdefault(os.path.basename(path), path)
    return main, [text(added[name]) for name in sorted(added)]


def ends_programs(main, added, name):
    # type: (str, Sequence[str], str) -> bool
    """Say whether logind ends an account's programs with its session.

    :param main: text of logind.conf, which has the defaults as comments
    :param added: texts that override it
    """
    lists = {"KillOnlyUsers": [], "KillExcludeUsers": []}  # type: Dict[str, List[str]]
    default = re.search(r"(?m)^[#;]\s*KillUserProcesses=(.*)$", main)
    ends = default.group(1) if default else ""
    for content in [main] + list(added):
        for key, value in re.findall(r"(?m)^\s*(Kill[A-Za-z]+)\s*=(.*)$", content):
            if key == "KillUserProcesses":
                ends = value
            elif key in lists:
                # Values are added to the list; an empty value clears it.
                lists[key] = lists[key] + value.split() if value.strip() else []
    only, excluded = lists["KillOnlyUsers"], lists["KillExcludeUsers"] or ["root"]
    return (
        ends.strip().lower() in ("1", "yes", "y", "true", "t", "on")
        and name not in excluded
        and (not only or name in only)
    )


def examine(name):
    # type: (str) -> Dict[str, bool]
    """Return {"ends", "lingers"} for an account: whether its programs end with its session, and whether it lingers."""
    booted = os.path.isdir(BOOTED)
    return {"ends": booted and ends_programs(*read_configuration(), name=name), "lingers": is_lingering(name)}


def is_lingering(name):
    # type: (str) -> bool
    """Say whether an account's programs may continue to run without a session."""
    return os.path.exists(os.path.join(LINGERING, name))


# --- leaving the session ----------------------------------------------------------------------------------------------


def control_group(content):
    # type: (str) -> str
    """Return systemd's control group of a process from the text of /proc/<pid>/cgroup (cgroups(7)), "" if none."""
    found = re.findall(r"(?m)^\d+:(?:name=systemd)?:(/.*)$", content)
    return max(found, key=len) if found else ""


def is_within(content, unit):
    # type: (str, str) -> bool
    """Say whether the process whose /proc/<pid>/cgroup is given is in a unit."""
    return bool(unit) and unit in control_group(content).split("/")


def move_to_scope(unit):
    # type: (str) -> Tuple[str, str]
    """Have systemd move this process into a scope; return (the scope, "") or ("", why not).

    Both are "" if nothing ends this process where it is: without systemd, outside of a login session, or if logind does
    not end an account's programs.

    :param unit: the scope's name, which must not exist yet
    """
    if not os.path.isdir(BOOTED):
        return "", ""
    before, name = control_group(text("/proc/self/cgroup")), _account()
    if os.geteuid() and not is_lingering(name):
        if not ends_programs(*read_configuration(), name=name):
            return "", ""
        why = "{0} does not linger".format(name)
    else:
        why = _ask_for_scope(unit)
        if not why:
            return unit, ""
    if "user.slice" not in before.split("/"):
        return "", ""
    return "", (
        "it stays in the login session that it was started from ({0}), because {1}: the session's limits apply to it, and if "
        "logind has KillUserProcesses=yes, it is killed with the session".format(before, why)
    )


def _account():
    # type: () -> str
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _ask_for_scope(unit):
    # type: (str) -> str
    """Have this process moved into a scope; return why that failed, "" if it succeeded."""
    said = ""
    # Without OOMPolicy=continue (since systemd 253), the whole scope is ended when one of its programs is out of memory, and
    # nothing is left that could report it.
    for more in (["OOMPolicy", "s", "continue"], []):
        said = _call(unit, more)
        if not said:
            break
    else:
        return "systemd gives it no scope of its own ({0})".format(said)
    until = time.monotonic() + MOVE_LIMIT_S
    while not is_within(text("/proc/self/cgroup"), unit):
        if time.monotonic() >= until:
            return "systemd accepted the scope, but did not move the process there in time"
        time.sleep(0.02)
    return ""


def _call(unit, more):
    # type: (str, List[str]) -> str
    """Ask the manager for the scope (StartTransientUnit of org.freedesktop.systemd1(5)); return the error, or ""."""
    # systemd-run --scope does the same, but only for a program that it starts; this one is running already.
    uid = os.geteuid()
    properties = [["PIDs", "au", "1", str(os.getpid())], ["Description", "s", "A build of ascend.pytorch"]]
    if not uid:
        properties.append(["Slice", "s", "system.slice"])
    if more:
        properties.append(more)
    argv = ["busctl", "--system" if not uid else "--user", "call", "org.freedesktop.systemd1"]
    argv += ["/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"]
    argv += [unit, "fail", str(len(properties))] + [word for entry in properties for word in entry] + ["0"]
    environment = {"PATH": places.SYSTEM_PATH, "LC_ALL": "C", "XDG_RUNTIME_DIR": "/run/user/{0}".format(uid)}
    status, said, problem = ask(argv, env=environment, time_limit_s=ANSWER_LIMIT_S)
    if status == 0:
        return ""
    return problem or " ".join(said.decode("utf-8", "replace").split()) or "busctl ended with status {0}".format(status)
