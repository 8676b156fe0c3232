# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of the host's distribution: which are needed, whether they may be installed, and by which account."""

from ansible_collections.ascend.pytorch.plugins.module_utils.host import needs
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import pythons, requests


def to_install(request, state, missing):
    # type: (Request, State, List[str]) -> List[str]
    """Return the packages that provide the missing needs, and those that complete a Python of the distribution."""
    names, found = needs.packages_for(missing, state.os["family"]), pythons.interpreter(state)
    if not request.release or not pythons.is_packaged(found):
        return names
    debian, own = state.os["family"] == "Debian", "python" + ".".join(found["version"].split(".")[:2])
    if requests.may_build(request) and not (found["headers"] and found["shared_library"]):
        names.append(own + "-dev" if debian else "python3-devel")
    makes_environment = pythons.venv_command(state) or requests.makes_environment(request)
    if debian and makes_environment and "ensurepip" in found["lacks"]:
        names.append(own + "-venv")
    if not state.venv and "pip" not in found["packages"]:
        names.append("python3-pip")
    elif pythons.has_no_distutils(found):
        names.append("python3-setuptools")
    return names


def may_install(request, state):
    # type: (Request, State) -> bool
    """Say whether packages may be installed on this host."""
    return bool(
        request.install_packages and state.os["package_manager"] and (state.user["uid"] == 0 or request.packages_become)
    )


def becomes_root(request, state):
    # type: (Request, State) -> bool
    """Say whether packages are installed by becoming root; an account that is root already does not need to."""
    return bool(request.packages_become) and state.user["uid"] != 0


def becomes_unprivileged(state):
    # type: (State) -> bool
    """Say whether Ansible logs in as one unprivileged account and becomes another, which must be able to read what it sends."""
    return 0 not in (state.user["uid"], state.login_uid) and state.login_uid != state.user["uid"]
