# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of programs that make or install a product: a fixed list of the session's variables and of pip's settings.

All other settings of the host for compilers, CMake, distutils, git and pip (CFLAGS, CMAKE_*, ~/.cmake/packages,
~/.pydistutils.cfg, ~/.gitconfig, pip.conf, PIP_*, PYTHON* …) have no effect: the home is an empty folder, and of pip's
settings only those are used that say where it gets packages. git over ssh still works: ssh looks for ~/.ssh in the
account's home, not in HOME.
"""

import ast
import os
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing, places

# They decide how the network is reached, not what is built.
NETWORK = frozenset(
    "HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy ftp_proxy all_proxy no_proxy "
    "SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE GIT_SSL_CAINFO".split()
)
ACCOUNT = frozenset(("USER", "LOGNAME"))
# pip's settings that say where packages come from and how to connect there, and the one without which pip refuses to install
# into a Python of the distribution (PEP 668).
PIP = (
    "index-url extra-index-url find-links no-index trusted-host proxy cert client-cert timeout default-timeout retries "
    "break-system-packages"
).split()
# The sections that `pip config list` prints, in the order in which `pip install` reads them: a later one overrides.
_PIP_SECTIONS = ("global", "install", ":env:")

Asker = Callable[..., Tuple[Optional[int], bytes, str]]


def build_environment(session: Mapping[str, str], home: str, pip: Mapping[str, str]) -> Dict[str, str]:
    """Return the whole environment of programs that make or install a product.

    :param session: the environment of the module; :param home: an empty folder
    :param pip: see pip_settings
    """
    environment = {name: value for name, value in session.items() if name in NETWORK | ACCOUNT}
    environment.update(pip)
    environment.update(
        PATH=places.SYSTEM_PATH,
        LC_ALL="C.UTF-8",
        HOME=home,
        PIP_CONFIG_FILE=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
    )
    if os.geteuid() != 0:
        # The packages in the account's user site are used like those of the Python itself. Not for root: with this variable,
        # Debian's Python installs into /usr/lib/python3.x/site-packages, from which it does not import.
        environment["PYTHONUSERBASE"] = os.path.join(places.home(), ".local")
    return environment


def pip_settings(python: str, session: Mapping[str, str], ask: Asker) -> Dict[str, str]:
    """Return those of pip's settings on this host that are used, as variables: {"PIP_INDEX_URL": "https://…"}.

    :param python: whose pip is run; if it is older than `pip config` (10.0), only the session's variables count
    :param ask: see ask.ask
    """
    status, said, _complaint = ask([python, "-m", "pip", "config", "list"], dict(session))
    return adopted_settings(said.decode("utf-8", "replace").splitlines() if status == 0 else [], session)


def adopted_settings(lines: List[str], session: Mapping[str, str]) -> Dict[str, str]:
    """Return those of pip's settings that are used, as variables.

    :param lines: as `pip config list` prints them; [] if it failed, then only the session's variables count
    """
    found = {}  # type: Dict[str, Dict[str, str]]
    for line in lines:
        name, _equals, value = line.partition("=")
        section, _dot, key = name.rpartition(".")
        found.setdefault(section, {})[key.replace("_", "-")] = _unquote(value)
    if not lines:
        found[":env:"] = {
            name[4:].lower().replace("_", "-"): value for name, value in session.items() if name[:4] == "PIP_"
        }
    settings = {}  # type: Dict[str, str]
    for section in _PIP_SECTIONS:
        settings.update({key: value for key, value in found.get(section, {}).items() if key in PIP})
    return {_variable(key): value for key, value in settings.items()}


def describe_settings(pip: Mapping[str, str]) -> List[str]:
    """Return a line on which of pip's settings are used, without passwords; [] if none is."""
    words = ["{0} {1}".format(key, outgoing.redact(pip[_variable(key)])) for key in PIP if _variable(key) in pip]
    return ["pip uses this host's settings for {0}, and no others".format(", ".join(words))] if words else []


def _variable(key: str) -> str:
    return "PIP_" + key.upper().replace("-", "_")


def _unquote(value: str) -> str:
    """Return a value of `pip config list`, which prints its repr(); several values, one per line, are joined with blanks."""
    try:
        value = str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        # Not a repr(): used as it is.
        pass
    return " ".join(value.split())
