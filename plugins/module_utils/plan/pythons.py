# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python that wheels are for: which it is, what it is missing, its virtual environment, its pip's options."""


def interpreter(state):
    # type: (State) -> Dict[str, Any]
    """Return the interpreter that wheels are for: that of the virtual environment if one is configured, else the chosen one."""
    chosen = state.pythons.get(state.python or "") or {}
    if not state.venv:
        return chosen
    # A virtual environment that is not there yet is made with the chosen one, and is empty.
    return state.venv_python or dict(chosen, path=state.venv + "/bin/python", sites=[], packages={})


def venv_command(state):
    # type: (State) -> List[str]
    """Return the command that makes the virtual environment, empty when none is configured or it is there."""
    chosen = state.pythons.get(state.python or "")
    if not state.venv or state.venv_python or not chosen:
        return []
    finds = ["env", "LD_LIBRARY_PATH=" + chosen["library_path"]] if chosen["library_path"] else []
    return finds + [chosen["path"], "-m", "venv", state.venv]


def pip_options(state):
    # type: (State) -> List[str]
    """Return the options of pip install: an unprivileged user installs into the user's folder, as the guide says."""
    return ["--user"] if state.user["uid"] != 0 and not state.venv else []


def is_packaged(python):
    # type: (Dict[str, Any]) -> bool
    """Say whether an interpreter is the distribution's, so that the distribution's packages can complete it."""
    return bool(python.get("version")) and python["real"].startswith("/usr/bin/")


def has_no_distutils(python):
    # type: (Dict[str, Any]) -> bool
    """Say whether an interpreter has neither distutils nor setuptools, which provides it: it can build nothing."""
    return "distutils" in python["lacks"] and "setuptools" not in python["packages"]
