# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a host, as host.examine() returns it.

Between a host and the controller it is a mapping of its fields, in JSON: state._asdict() writes it, State.of() reads it.
"""

from typing import Any, Dict, List, NamedTuple, Optional


class State(NamedTuple):
    """What a host is and has."""

    # --- the machine

    # x86_64 or aarch64, as `uname -m` prints it.
    arch: str
    # Such as "glibc 2.31"; "" if unknown.
    libc: str
    # The distribution, see system.os_release(), with "family" (Debian or RedHat) and "package_manager".
    os: Dict[str, Any]
    # The number of processors that a build may use, within the quotas of its control groups.
    cores: int
    # {"total_mib", "available_mib", "limit"}, see resources.memory().
    memory: Dict[str, Any]
    # Seconds since 1970, by the host's own clock.
    clock: float
    # Network interface -> its IPv4 address.
    interfaces: Dict[str, str]
    # Folder that may be written to -> its disk, see machine.disk_state().
    disk: Dict[str, Dict[str, Any]]

    # --- the account

    # {"uid", "name", "home"} of the account that the modules run as.
    user: Dict[str, Any]
    # The uid of the account that logged in, before Ansible became another.
    login_uid: int
    # In octal, such as "0022".
    umask: str
    # Whether its programs end with its session, see session.examine().
    session: Dict[str, bool]

    # --- programs

    # Command -> the programs of that name, in search order, see programs.examine().
    tools: Dict[str, List[Dict[str, Any]]]
    # Which of the needs are missing, see host/needs.py.
    missing_needs: List[str]
    # The Python that runs the modules: {"path", "lacks"}.
    own_python: Dict[str, Any]
    # The Python of the package manager's bindings: {"path", "version"}.
    packaging_python: Dict[str, str]
    # Command -> the interpreter, see interpreters.examine(); None if there is none.
    pythons: Dict[str, Optional[Dict[str, Any]]]
    # The first of these commands that works.
    python: Optional[str]
    # Path of the virtual environment, "" if none is wanted; its interpreter, None if it does not exist yet.
    venv: str
    venv_python: Optional[Dict[str, Any]]

    # --- Ascend, see cann.py and npus.py

    # The installations of CANN; the first one is used.
    cann: List[Dict[str, Any]]
    # Paths that are not usable installations, and folders that this account may not enter.
    cann_aside: List[Dict[str, Any]]
    cann_closed: List[Dict[str, Any]]
    # The variables that CANN needs, see cann.settings(); {} without CANN.
    cann_environment: Dict[str, Any]
    # The nnal beside it, see nnal.find(), with the "environment" that it needs; None if there is none, or it is not wanted.
    nnal: Optional[Dict[str, Any]]
    # {"path", "version"}; None if it is not installed.
    driver: Optional[Dict[str, Any]]
    firmware: Optional[Dict[str, Any]]
    # None if it is unknown.
    driver_firmware_agree: Optional[bool]
    # What npu-smi, the PCI bus and the device nodes say.
    npu: Dict[str, Any]

    # --- what this collection keeps there

    # The path of the work directory, and why it cannot be trusted; "" if it can.
    work_dir: str
    work_dir_objection: str
    # {"path", "sha256", "ours"}
    env_file: Dict[str, Any]
    # Product -> what is installed of it, see installed.product_state().
    products: Dict[str, Dict[str, Any]]
    # Label of a finished product in the work directory -> its fingerprint.
    stored: Dict[str, str]
    # Label of an unfinished build -> how many of its stages are done.
    begun: Dict[str, int]
    # Files that this account may not read, see access.find_closed(): those of driver, firmware and CANN, and others.
    closed_records: List[Dict[str, Any]]
    closed: List[Dict[str, Any]]

    # --- what the plan's action adds

    # By how many seconds the host's clock is ahead of the controller's.
    clock_skew_s: float = 0.0
    # {"version", "oldest_python"} of the controller's ansible-core.
    core: Dict[str, str] = {}
    # Source that did not answer -> what was tried.
    unanswered: Dict[str, Any] = {}

    @classmethod
    def of(cls, found):
        # type: (Dict[str, Any]) -> State
        """Return the state from a mapping of its fields; unknown keys are ignored."""
        return cls(**{name: found[name] for name in cls._fields if name in found})
