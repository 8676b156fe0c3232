# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module answers, run in this process."""

import contextlib
import io
import json

from ansible.module_utils.testing import patch_module_args


def told(module, **arguments):
    """Return the result of a module, as Ansible reads it."""
    with (
        patch_module_args(arguments),
        contextlib.redirect_stdout(io.StringIO()) as said,
        contextlib.suppress(SystemExit),
    ):
        module.main()
    return json.loads(said.getvalue())
