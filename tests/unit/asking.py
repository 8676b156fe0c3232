# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request of roles on a host with the guide's CANN and Python, or another."""

from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases as planning
from ansible_collections.ascend.pytorch.plugins.plugin_utils import releases, request

GUIDE = planning.Host("5.0.4", ["3.9"], "aarch64")


def ask(roles, source, host=GUIDE):
    """Return the request; source is of role_variables.source()."""
    tables = releases.Tables.of(source)
    return request.make(roles, source, lambda wanted, variable: tables.choose(wanted, variable, host))
