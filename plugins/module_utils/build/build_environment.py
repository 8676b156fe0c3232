# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a build's programs."""

import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import places, surroundings


def environment(order, home, temporary, pip):
    # type: (Order, str, str, Dict[str, str]) -> Dict[str, str]
    """Return the whole environment of a build's programs: what the recipe says, and how to reach the network.

    It is not inherited, so that the same recipe gives the same product.

    :param pip: see surroundings.pip_settings
    """
    made = surroundings.build_environment(os.environ, home, pip)
    made.update(TZ="UTC", TMPDIR=temporary, PYTHONUNBUFFERED="1")
    made.update(order.environment)
    made["PATH"] = ":".join(list(order.path) + [places.SYSTEM_PATH])
    if order.library_path:
        made["LD_LIBRARY_PATH"] = ":".join(order.library_path)
    return made
