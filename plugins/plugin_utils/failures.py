# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do where Ansible itself fails on a host: it is not reached, no task may run there, or a module breaks down.

The words are those of ansible-core, and of the ssh, sudo, su and shells that it calls; they stand in the results of tasks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# The last part of ansible_... that names a fact, and no variable of an inventory that says how a host is reached.
_NO_FACT = (
    r"(?:host|user|port|password|connection|python_interpreter|shell_\w+|ssh_\w+|become\w*|su\w*_\w+|check_mode)\b"
)
_FACT = (
    r"(?:default_ipv[46]|all_ipv[46]_addresses|interfaces|hostname|fqdn|nodename|domain|dns|distribution\w*|os_family|"
    r"architecture|machine|kernel\w*|processor\w*|mem\w+_mb|mounts|devices|env|user_(?:id|dir|gid|uid|shell)|date_time|"
    r"python\w*|pkg_mgr|service_mgr|system\w*|virtualization\w*|selinux|local|(?:eth|en|bond|ib|br)\w*)"
)
# What a terminal says in the place of a program's own last words.
_CLOSING_LINE = re.compile(r"(?:Shared c|C)onnection to \S+ closed\.?")

_PING_HINT = "`ansible <host> -m ansible.builtin.ping` tries it"

# (name, expression, remedy). The first row that fits is the answer: what says more of the cause comes before.
_KNOWN = tuple(
    (name, re.compile(expression), remedy)
    for name, expression, remedy in (
        (
            "disk full",
            r"No space left on device|Disk quota exceeded",
            "free some space on the host for the account's temporary files (`df -h`, `df -i`), then run again",
        ),
        (
            "requiretty",
            r"must have a tty to run sudo",
            "set ansible_pipelining: false for the host, so that sudo gets a terminal; or have an administrator write "
            "`Defaults:<account> !requiretty` into its sudoers; then run again",
        ),
        (
            "password missing",
            r"Missing \S+ password|sudo: (?:a password is required|a terminal is required|no password was provided"
            r"|no tty present)",
            "give the password to become another account (-K, or ansible_become_password from a vault), or allow that account "
            "sudo without one (NOPASSWD), then run again",
        ),
        (
            "password wrong",
            r"Incorrect \S+ password|incorrect password attempt|su: Authentication failure|[Ss]orry, try again",
            "give the right password to become another account (-K, ansible_become_password): sudo asks for that of the login, "
            "su for that of the account to become",
        ),
        (
            "sudo refused",
            r"is not in the sudoers file|[Ss]orry, user \S+ (?:is not allowed to execute|may not run sudo)",
            "have an administrator allow the login sudo for the account to become (ansible_become_user), or log in as an "
            "account that has it",
        ),
        (
            "sudo missing",
            r"\b(?:sudo|su|doas): (?:inaccessible or |command )?not found|\b(?:sudo|doas)\W+(?:No such file|command not found)",
            "install sudo on the host, name another way by ansible_become_method, or log in as the account that is to work "
            "(ansible_become: false)",
        ),
        (
            "account missing",
            r"sudo: (?:unknown user|unknown uid)|su: user \S+ does not exist|No passwd entry for|invalid user",
            "create the account on the host, or correct ansible_become_user",
        ),
        (
            "account closed",
            r"This account is (?:currently )?not available",
            "give the account to become a shell (usermod --shell), or correct ansible_become_user",
        ),
        (
            "become hangs",
            r"[Tt]imeout .{0,10}waiting for privilege escalation",
            "see on the host that `sudo -k true` asks within seconds (its DNS and its directory of accounts often keep it "
            "waiting); raise ansible_become_timeout or the connection's timeout (-T 60) where it is only slow",
        ),
        (
            "setfacl missing",
            r"Failed to set permissions on the temporary files",
            "install the package acl on the host (setfacl): neither the login nor the account to become is root, and Ansible "
            "passes files between them with it",
        ),
        (
            "host key changed",
            r"REMOTE HOST IDENTIFICATION HAS CHANGED|POSSIBLE DNS SPOOFING",
            "make sure that the host was reinstalled and is not another one; then remove its old key (`ssh-keygen -R <address>`) "
            "and log in once by ssh",
        ),
        (
            "host key unknown",
            r"Host key verification failed|[Hh]ost [Kk]ey checking is enabled|No \S+ host key is known",
            "log in once by ssh and compare the key that it shows, or put the host's key into known_hosts",
        ),
        (
            "login refused",
            r"Permission denied \((?:publickey|password|keyboard-interactive|gssapi|hostbased)|Invalid/incorrect "
            r"(?:username/)?password|Too many authentication failures|Permission denied, please try again",
            "see that ansible_user has a login there and that its key or password is the right one (ansible_ssh_private_key_file, "
            "-k): `ssh <user>@<address>` tries it",
        ),
        (
            "sshpass missing",
            r"must install the sshpass program",
            "install sshpass on the controller, or log in by a key",
        ),
        (
            "name unknown",
            r"Could not resolve hostname|Name or service not known|Temporary failure in name resolution",
            "set ansible_host to the host's address, or correct its name in the inventory or the DNS",
        ),
        (
            "ssh refused",
            r"Connection refused",
            "see that sshd runs on the host and listens on that port (ansible_port)",
        ),
        (
            "no route",
            r"No route to host|Network is unreachable|Host is down",
            f"see that the host is up, and its address and the network between are right; {_PING_HINT}",
        ),
        (
            "no answer in time",
            r"(?:Connection|Operation) timed out|timed out during banner exchange|server \S+ not responding",
            f"see that the host is up and no firewall drops ssh to it; {_PING_HINT}. Raise the timeout (-T 60) where it is only slow",
        ),
        (
            "connection dropped",
            r"kex_exchange_identification|Connection (?:reset by|closed by|to \S+ closed by)|Broken pipe|"
            r"Data could not be sent",
            "run again. If it stays so, see what sshd says on the host: with many hosts behind one address or a jump host "
            "lower --forks, or raise its MaxStartups",
        ),
        (
            "Python missing",
            r"probably need to set the interpreter|[Mm]odule interpreter .* was not found|No python interpreters found"
            r"|python[\d.]*: (?:inaccessible or not found|command not found|not found|No such file or directory)"
            r"|env: \W?python[\d.]*\W? ?: No such file",
            "set ansible_python_interpreter to a Python that the host has (`ansible <host> -m ansible.builtin.raw -a 'ls "
            "/usr/bin/python3*'` names them), or install one there",
        ),
        (
            "Python too old",
            r"ansible-core requires a minimum of Python|hosts need 3\.\d+ or newer|future feature annotations is not defined",
            "set ansible_python_interpreter to a newer Python of the host, or run the last ansible-core that takes this one: "
            "docs/install.md names it",
        ),
        (
            "no temporary folder",
            r"Failed to create temporary directory",
            "see that the account has a home that it may write to and that is not read-only, or set ansible_remote_tmp to another "
            "folder that is its own",
        ),
        (
            "facts not gathered",
            rf"'ansible_(?!{_NO_FACT})\w+' is undefined|\bdict(?: object)?' has no attribute '{_FACT}'",
            "gather the facts in an earlier play of the same playbook, or set the variable without them: "
            "these playbooks gather none",
        ),
        (
            "variable undefined",
            r"'[A-Za-z_]\w*' is undefined|\bdict(?: object)?' has no attribute '\w+'|cannot be filled in",
            "define the variable that the message names, or correct its name where it is used, in the inventory or in group_vars",
        ),
        (
            "vault closed",
            r"no vault secrets|Decryption failed",
            "give the vault's password (--ask-vault-pass, --vault-password-file)",
        ),
        (
            "variables refused",
            r"problems?, nothing was changed:",
            "set the variables as each line of the message says, then run again",
        ),
        (
            "task timed out",
            r"failed to execute in the expected time frame|Timed out after \d+ second",
            "see what keeps the host busy, or raise the tasks' timeout (task_timeout, ANSIBLE_TASK_TIMEOUT), then run again",
        ),
        (
            "out of memory",
            r"(?m)^Killed\b|MemoryError|[Cc]annot allocate memory",
            "free memory on the host, or raise the limit of its container or session (`dmesg` names what was killed), then run "
            "again",
        ),
        (
            "not begun",
            r"the run ended before it came to this host",
            "see above what ended the run, correct that, and run again",
        ),
        (
            "module broke down",
            r"MODULE FAILURE|Module result deserialization failed|No start of json char found|^\w*Error: ",
            "run again with -vvv, which shows all that the module and the login's shell print: output of ~/.bashrc and the like "
            "at a login without a terminal disturbs Ansible",
        ),
    )
)


def message(result: Mapping[str, Any]) -> str:
    """Return why a task failed: what Ansible says, and the last words of a module that broke down."""
    said = [
        line
        for stream in ("module_stdout", "module_stderr")
        for line in str(result.get(stream) or "").splitlines()
        if line.strip() and not _CLOSING_LINE.fullmatch(line.strip())
    ]
    return " ".join([str(result.get("msg") or "").strip(), *(line.strip() for line in said[-1:])]).strip()


def remedy(words: str) -> str:
    """Return what to do where a task failed with a message, "" where nobody knows."""
    return next((remedy for _name, expression, remedy in _KNOWN if expression.search(words)), "")
