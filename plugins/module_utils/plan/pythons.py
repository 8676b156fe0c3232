# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python that wheels are for: which it is, what it lacks, how its virtual environment is made, what its pip is told."""


def interpreter(state):
    # type: (Dict[str, Any]) -> Dict[str, Any]
    """Return the interpreter that wheels are for: the virtual environment's if one is asked for, else the chosen."""
    chosen = state["pythons"].get(state["python"] or "") or {}
    if not state["venv"]:
        return chosen
    # An environment that is not made yet will be the chosen one's, and empty.
    return state["venv_python"] or dict(chosen, path=state["venv"] + "/bin/python", sites=[], packages={})


def make_venv(state):
    # type: (Dict[str, Any]) -> List[str]
    """Return the command that makes the virtual environment, empty when none is asked for or it is there."""
    chosen = state["pythons"].get(state["python"] or "")
    if not state["venv"] or state["venv_python"] or not chosen:
        return []
    finds = ["env", "LD_LIBRARY_PATH=" + chosen["library_path"]] if chosen["library_path"] else []
    return finds + [chosen["path"], "-m", "venv", state["venv"]]


def pip_options(state):
    # type: (Dict[str, Any]) -> List[str]
    """Return what pip is told in addition: a plain user installs for himself, as the guide says."""
    return ["--user"] if state["user"]["uid"] != 0 and not state["venv"] else []


def is_packaged(python):
    # type: (Dict[str, Any]) -> bool
    """Say whether an interpreter is the distribution's own, which its packages complete: not one from source, say."""
    return bool(python.get("version")) and python["real"].startswith("/usr/bin/")


def lacks_distutils(python):
    # type: (Dict[str, Any]) -> bool
    """Say whether nothing can be built with an interpreter: it has neither distutils nor setuptools, which brings it."""
    return "distutils" in python["lacks"] and "setuptools" not in python["packages"]
