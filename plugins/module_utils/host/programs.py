# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of a host: where they are, and which versions they print."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import as_builds_see, ask, last_words

_VERSION_OF = {
    "gcc": ["-dumpfullversion", "-dumpversion"],
    "g++": ["-dumpfullversion", "-dumpversion"],
    "cc": ["-dumpfullversion", "-dumpversion"],
    "c++": ["-dumpfullversion", "-dumpversion"],
}


def examine(path):
    # type: (str) -> Dict[str, Any]
    """Return {"path", "real", "version", "problem"} of a program; the version is the one that it prints, None if none."""
    argv = [path] + _VERSION_OF.get(os.path.basename(path), ["--version"])
    # A program that needs the LD_LIBRARY_PATH of a login shell does not run in a build.
    status, said, problem = ask(argv, env=as_builds_see(os.environ))
    if status != 0:
        ended = "`{0}` ended with status {1}".format(" ".join(argv), status)
        why = problem or ": ".join(filter(None, [ended, last_words(said)]))
        return {"path": path, "real": os.path.realpath(path), "version": None, "problem": why}
    version = versions.find_version(said.decode("utf-8", "replace"))
    why = "does not print its version: " + problem if problem and not version else ""
    return {"path": path, "real": os.path.realpath(path), "version": version, "problem": why}


def candidates(command, search):
    # type: (str, List[str]) -> List[str]
    """Return all programs of a name in the search path, each file once."""
    found, seen = [], set()
    for folder in search:
        path = os.path.join(folder, command)
        if os.path.isfile(path) and os.access(path, os.X_OK) and os.path.realpath(path) not in seen:
            seen.add(os.path.realpath(path))
            found.append(path)
    return found
