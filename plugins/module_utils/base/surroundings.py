# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs that make or install a product get of the session's environment, and of pip's settings: a closed list.

What the host tells compilers, CMake, distutils, git and pip elsewhere (CFLAGS, CMAKE_*, ~/.cmake/packages,
~/.pydistutils.cfg, ~/.gitconfig, pip.conf, PIP_*, PYTHON* …) decides nothing: the home is an empty folder, and of pip's
settings those alone are taken over that say from where it gets packages. git over ssh is not concerned: ssh looks for
~/.ssh where the account's home is, whatever HOME says.
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
# pip's settings that say where packages come from and how that is reached, and the one without which pip installs nothing
# into a Python of the distribution's (PEP 668).
PIP = (
    "index-url extra-index-url find-links no-index trusted-host proxy cert client-cert timeout default-timeout retries "
    "break-system-packages"
).split()
# In what order they count, the last most: what `pip install` makes of the names that `pip config list` prints.
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
        # What a plain user has installed for himself counts, as what is in the Python itself does. Not for root: where that
        # is set, Debian's Python installs into /usr/lib/python3.x/site-packages, which it does not import from.
        environment["PYTHONUSERBASE"] = os.path.join(places.home(), ".local")
    return environment


def pip_settings(python: str, session: Mapping[str, str], ask: Asker) -> Dict[str, str]:
    """Return pip's settings on this host that are taken over, as variables: {"PIP_INDEX_URL": "https://…"}.

    :param python: whose pip is asked; one that is older than `pip config` (10.0) tells of variables alone
    :param ask: see ask.ask
    """
    status, said, _complaint = ask([python, "-m", "pip", "config", "list"], dict(session))
    return adopted_settings(said.decode("utf-8", "replace").splitlines() if status == 0 else [], session)


def adopted_settings(lines: List[str], session: Mapping[str, str]) -> Dict[str, str]:
    """Return of pip's settings those that are taken over, as variables.

    :param lines: as `pip config list` prints them; none where pip does not tell, and the session's variables alone count
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
    """Say what was taken over of pip's settings, without passwords; empty when nothing was."""
    words = ["{0} {1}".format(key, outgoing.redact(pip[_variable(key)])) for key in PIP if _variable(key) in pip]
    return (
        ["pip goes by this host's own settings for {0}, and by no others of them".format(", ".join(words))]
        if words
        else []
    )


def _variable(key: str) -> str:
    return "PIP_" + key.upper().replace("-", "_")


def _unquote(value: str) -> str:
    """Return a value of `pip config list`, which prints it as Python would; several, one a line, with blanks between them."""
    try:
        value = str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        # Not as this pip's print it: as it is.
        pass
    return " ".join(value.split())
