# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an action of ours fails: with its words, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleActionFail


def in_words(run: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return the `run` of an action that returns a failure, where the given one raises AnsibleActionFail.

    Up to ansible-core 2.18 that carries the traceback of an exception along, where there is none too, and each of our
    failures was told twice: first as "An exception occurred during task execution … NoneType: None".
    """

    @functools.wraps(run)
    def returning(*args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            return run(*args, **kwargs)
        except AnsibleActionFail as error:
            return {"failed": True, "msg": str(error)}

    return returning
