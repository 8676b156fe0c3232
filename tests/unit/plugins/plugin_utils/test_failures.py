# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do where Ansible fails on a host: in the words of the ansible-cores and of what they call."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import failures, target_python, variables

BROKE = "Module result deserialization failed: No start of json char found "
SSH = "Failed to connect to the host via ssh: "

# (row, what is said): each text is for its row alone.
CASES = [
    ("disk full", "Failed to create temporary directory. mkdir: cannot create directory: No space left on device"),
    ("requiretty", BROKE + "sudo: sorry, you must have a tty to run sudo"),
    ("requiretty", "MODULE FAILURE sudo: sorry, you must have a tty to run sudo"),
    ("password missing", "Task failed: Missing sudo password"),
    ("password missing", "Missing ansible.builtin.su password"),
    ("password missing", BROKE + "sudo: a password is required"),
    ("password missing", "MODULE FAILURE sudo: a terminal is required to read the password; either use the -S option"),
    ("password wrong", "Task failed: Incorrect sudo password"),
    ("password wrong", BROKE + "su: Authentication failure"),
    ("sudo refused", BROKE + "ops is not in the sudoers file.  This incident will be reported."),
    ("sudo refused", "MODULE FAILURE Sorry, user ops is not allowed to execute '/bin/sh' as svc on node1."),
    ("sudo refused", "MODULE FAILURE Sorry, user ops may not run sudo on node1."),
    ("sudo missing", BROKE + "/bin/sh: 1: sudo: not found"),
    ("sudo missing", "MODULE FAILURE bash: sudo: command not found"),
    ("account missing", BROKE + "sudo: unknown user: svc"),
    ("account missing", BROKE + "su: user svc does not exist or the user entry does not contain all the required fields"),
    ("account closed", BROKE + "This account is currently not available."),
    ("become hangs", "Timeout (12s) waiting for privilege escalation prompt: "),
    ("become hangs", "timeout waiting for privilege escalation password prompt:"),
    (
        "setfacl missing",
        "Failed to set permissions on the temporary files Ansible needs to create when becoming an unprivileged user (rc: 1, "
        "err: chmod: invalid mode: 'A+user:svc:rx:allow'). For information on working around this, see https://docs",
    ),
    (
        "host key changed",
        SSH + "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
    ),
    ("host key unknown", SSH + "No ED25519 host key is known for node1 and you have requested strict checking.\n"
     "Host key verification failed."),
    ("host key unknown", "Using a SSH password instead of a key is not possible because Host Key checking is enabled and "
     "sshpass does not support this.  Please add this host's fingerprint to your known_hosts file to manage this host."),
    ("login refused", SSH + "ops@10.0.0.1: Permission denied (publickey,password)."),
    ("login refused", "Invalid/incorrect password: Permission denied, please try again."),
    ("sshpass missing", "to use the 'ssh' connection type with passwords or pkcs11_provider, you must install the sshpass "
     "program"),
    ("name unknown", SSH + "ssh: Could not resolve hostname node1: Name or service not known"),
    ("ssh refused", SSH + "ssh: connect to host 10.0.0.1 port 22: Connection refused"),
    ("no route", "ssh: connect to host 10.0.0.11 port 22: No route to host"),
    ("no answer in time", SSH + "ssh: connect to host 10.0.0.1 port 22: Connection timed out"),
    ("no answer in time", SSH + "Connection timed out during banner exchange"),
    ("connection dropped", SSH + "kex_exchange_identification: Connection closed by remote host"),
    ("connection dropped", 'Data could not be sent to remote host "10.0.0.1". Make sure this host can be reached over ssh: '),
    ("Python missing", "Task failed: The module interpreter '/usr/bin/python9' was not found."),
    ("Python missing", "The module failed to execute correctly, you probably need to set the interpreter.\n"
     "See stdout/stderr for the exact error /bin/sh: 1: /usr/bin/python9: not found"),
    ("Python missing", BROKE + "/bin/sh: /usr/bin/python3: No such file or directory"),
    ("Python too old", target_python.too_old_message("3.6.8", "2.21.1")),
    ("Python too old", "ansible-core requires a minimum of Python version 3.9. Current version: 3.6.8 (default)"),
    ("Python too old", BROKE + "SyntaxError: future feature annotations is not defined"),
    ("no temporary folder", "Failed to create temporary directory. In some cases, you may have been able to authenticate and "
     "did not have permissions on the target directory. Consider changing the remote tmp path in ansible.cfg to a path rooted "
     'in "/tmp"'),
    ("facts not gathered", "Task failed: Finalization of task args for 'ascend.pytorch.plan' failed: Error while resolving "
     "value for 'request': 'ansible_default_ipv4' is undefined"),
    ("facts not gathered", "The task includes an option with an undefined variable. The error was: 'ansible_memtotal_mb' is "
     "undefined. 'ansible_memtotal_mb' is undefined"),
    ("facts not gathered", "The error was: 'dict object' has no attribute 'default_ipv4'. 'dict object' has no attribute"),
    ("facts not gathered", "Error while resolving value: object of type 'dict' has no attribute 'default_ipv4'"),
    ("facts not gathered", variables.problem("ascend_work_dir", "'ansible_env' is undefined")),
    ("variable undefined", "Error while resolving value for 'request': 'big_disk' is undefined"),
    ("variable undefined", "Error while resolving value: 'ansible_host' is undefined"),
    ("variable undefined", "object of type 'dict' has no attribute 'size_of_it'"),
    ("variable undefined", variables.problem("ascend_mirrors", "object has no element 3")),
    ("vault closed", "Attempting to decrypt but no vault secrets found"),
    ("vault closed", "Decryption failed (no vault secrets were found that could decrypt)."),
    ("variables refused", "1 problem, nothing was changed:\n  - ascend_python: 'python2' is refused"),
    ("task timed out", "The ascend.pytorch.plan action failed to execute in the expected time frame (10) and was terminated"),
    ("task timed out", "Task failed: Timed out after 10 second(s)."),
    ("out of memory", "MODULE FAILURE MemoryError"),
    ("module broke down", BROKE + "AttributeError: 'NoneType' object has no attribute 'group'"),
    ("out of memory", "MODULE FAILURE OSError: [Errno 12] Cannot allocate memory"),
    ("not begun", "the run ended before it came to this host"),
    ("module broke down", BROKE + "OSError: [Errno 5] Input/output error"),
    ("module broke down", "MODULE FAILURE: No start of json char found\nSee stdout/stderr for the exact error"),
]  # fmt: skip

# (row, what looks like it and is none of the rows')
NEAR_MISSES = [
    ("disk full", "there is space left on the device"),
    ("requiretty", "sudo: a tty is there"),
    ("password missing", "the password of sudo is missing from the vault"),
    ("password wrong", "an incorrect number of passwords"),
    ("sudo refused", "the sudoers file is sound"),
    ("sudo missing", "/bin/sh: 1: pseudo-su: ran"),
    ("account missing", "an unknown user of the mirror"),
    ("account closed", "This mirror is currently not available"),
    ("become hangs", "Timeout waiting for the lock of a build"),
    ("setfacl missing", "Failed to set permissions on /usr/local/cmake"),
    ("host key changed", "the identification of a remote build has changed"),
    ("host key unknown", "the key verification failed: not signed by a trusted key"),
    ("login refused", "[Errno 13] Permission denied: '/data/x'"),
    ("sshpass missing", "install the program git"),
    ("name unknown", "this name of a product is not known"),
    ("ssh refused", "the connection is refused by nobody"),
    ("no route", "a host that is down by choice"),
    ("no answer in time", "the host's npu-smi gave no answer in 10 s"),
    ("connection dropped", "a pipe that is broken"),
    ("Python missing", "no Python 3.9 that goes with torch 1.8.1 was found"),
    ("Python too old", "python3 is 3.6.8, and this release needs 3.7 to 3.9"),
    ("no temporary folder", "the temporary directory was created"),
    ("facts not gathered", "ansible_facts are what they are"),
    ("variable undefined", "what this does is undefined"),
    ("vault closed", "decrypting the vault"),
    ("variables refused", "2 problems, and something was changed"),
    ("task timed out", "gave no answer in the time that it had"),
    ("out of memory", "14.5 GiB of memory are free"),
    ("not begun", "the run ended"),
    ("module broke down", "the module did what it was told"),
]  # fmt: skip


def rows_of(words):
    """The names of the rows that a text fits, the one that counts first."""
    return [name for name, expression, _remedy in failures._KNOWN if expression.search(words)]


@pytest.mark.parametrize("row, words", CASES)
def test_each_failure_has_its_own_remedy(row, words):
    assert rows_of(words)[:1] == [row]
    assert failures.remedy(words)


@pytest.mark.parametrize("row, words", NEAR_MISSES)
def test_what_only_looks_like_a_failure_has_none(row, words):
    assert rows_of(words) == [] and failures.remedy(words) == ""


def test_every_row_is_tested_and_says_something_of_its_own():
    names = [name for name, _expression, _remedy in failures._KNOWN]
    assert set(names) == {row for row, _words in CASES} == {row for row, _words in NEAR_MISSES}
    assert len(names) == len({remedy for _name, _expression, remedy in failures._KNOWN}) == len(set(names))


@pytest.mark.parametrize(
    "result, words",
    [
        ({"msg": "it failed"}, "it failed"),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback\nOSError: x\n"}, "MODULE FAILURE OSError: x"),
        # With a terminal all goes to standard output, and ssh says farewell.
        (
            {"msg": "MODULE FAILURE", "module_stdout": "Traceback\r\nOSError: x\r\n",
             "module_stderr": "Shared connection to 10.0.0.1 closed.\r\n"},
            "MODULE FAILURE OSError: x",
        ),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_module_that_broke_down_says_why_last(result, words):
    assert failures.message(result) == words
