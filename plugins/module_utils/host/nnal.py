# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find nnal beside a CANN, the libraries for transformers whose atb torch_npu uses, and read the environment that it needs.

nnal/atb/set_env.sh, below the root that CANN is in, such as /usr/local/Ascend, sets up the libraries of one C++ ABI, 0 or 1. It
would ask python3 which one torch has; it is told instead, since torch may be in another Python, or not be installed yet.
"""

import os
from typing import Any, Dict, Optional

from ansible_collections.ascend.pytorch.plugins.module_utils.base import versions
from ansible_collections.ascend.pytorch.plugins.module_utils.host import cann, environment, layouts

AUTO, REQUIRED, NOT = WANTED = ("auto", "true", "false")
# The C++ ABI of stock torch, from a release of it on.
_CXX_ABI = (("2.7", {"x86_64": 1, "aarch64": 1}), ("2.6", {"x86_64": 0, "aarch64": 1}))
_OLDER_CXX_ABI = {"x86_64": 0, "aarch64": 0}


def question(wanted: str, release: Dict[str, Any]) -> Dict[str, int]:
    """Return the C++ ABI by architecture of the torch for which a host's nnal is looked for; {} if it is not wanted.

    :param wanted: one of WANTED. AUTO is for torch_npu only: no patched torch uses nnal.
    """
    torch = release.get("torch") or {}
    if wanted == NOT or (wanted != REQUIRED and torch.get("layout") != environment.PLUGIN):
        return {}
    for since, abi in _CXX_ABI:
        try:
            if versions.compare(str(torch.get("version") or ""), since) >= 0:
                return dict(abi)
        except ValueError:
            break
    return dict(_OLDER_CXX_ABI)


def find(installation: Dict[str, Any], cxx_abi: int) -> Optional[Dict[str, Any]]:
    """Return the nnal beside an installation of CANN, see cann.find; None if there is none.

    It is {"path": of atb, "set_env": its script, "cxx_abi", "distrusted": why this account does not run that | ""}.
    """
    # CANN may be named by a link from elsewhere.
    for root in (installation["root"], os.path.dirname(os.path.realpath(installation["path"]))):
        path = os.path.join(root, "nnal", "atb")
        script, inner = os.path.join(path, "set_env.sh"), os.path.join(path, "latest", "atb", "set_env.sh")
        if os.path.isfile(script):
            distrusted = cann.find_distrusted([script, path] + [each for each in [inner] if os.path.exists(each)])
            return {"path": path, "set_env": script, "cxx_abi": cxx_abi, "distrusted": distrusted}
    return None


def settings(found: Dict[str, Any]) -> Dict[str, Any]:
    """Return {"prepend": {...}, "set": {...}} that an nnal needs: what its script sets, else its usual layout.

    {} if it has no libraries for the C++ ABI.
    """
    if not found["distrusted"]:
        sourced = cann.sourced_settings(found["set_env"], "--cxx_abi={0}".format(found["cxx_abi"]))
        home = sourced["set"].get("ATB_HOME_PATH", "")
        if home.endswith("cxx_abi_{0}".format(found["cxx_abi"])) and os.path.isdir(home):
            return sourced
    return layouts.nnal_layout(found["path"], found["cxx_abi"], os.path.exists)
