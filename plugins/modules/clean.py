#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: clean
short_description: Remove from a host's work directory what has not been used for a while
version_added: "0.1.0"
description:
  - Removes from C(builds), C(products), C(downloads), C(git) and C(mirror) in the work directory what was not used for
    O(keep_days) days. Of products the O(keep_last) last used ones of each name stay. All of that can be fetched, taken from
    the build cache or built again.
  - Nothing is removed from a work directory in which a build is under way.
author: the ascend.pytorch authors (@ascend)
options:
  work_dirs:
    description: The work directories, as C(ascend_work_dir) has them.
    type: list
    elements: str
    default: [auto]
  keep_days:
    description: How many days something stays after its last use.
    type: float
    default: 30
  keep_last:
    description: How many products of each name stay, however long ago they were used. 2 keeps the one that was used last and
      the one before.
    type: int
    default: 2
attributes:
  check_mode:
    support: full
    description: In check mode nothing is removed; the result says what would be.
"""

EXAMPLES = r"""
- name: Remove what was not used for half a year
  ascend.pytorch.clean:
    keep_days: 180
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Where it was.
      type: str
    size:
      description: Bytes on disk.
      type: int
busy:
  description: The work directories in which a build is under way, so that nothing was removed from them.
  returned: always
  type: list
  elements: str
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking, outgoing, places
from ansible_collections.ascend.pytorch.plugins.module_utils.build import cleaning
from ansible_collections.ascend.pytorch.plugins.module_utils.host import account


def main():
    """Clean each work directory once."""
    module = AnsibleModule(
        argument_spec={
            "work_dirs": {"type": "list", "elements": "str", "default": ["auto"]},
            "keep_days": {"type": "float", "default": 30},
            "keep_last": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    keep_days, keep_last = module.params["keep_days"], module.params["keep_last"]
    if keep_days < 0 or keep_last < 0:
        module.fail_json(
            **outgoing.clean_result(
                msg="keep_days and keep_last must be 0 or more; with 0 and 0 all is removed that no build uses"
            )
        )
    who, removed, busy = account.user(), [], []
    for work_dir in sorted({places.resolve(path, "work_dir", who) for path in module.params["work_dirs"]}):
        try:
            gone = cleaning.clean(work_dir, time.time() - keep_days * 86400, keep_last, module.check_mode)
        except OSError as error:
            # Where there are no locks, another account has none either.
            remedy = (
                "" if isinstance(error, locking.LocksUnsupported) else ". Run this as the account that builds there"
            )
            words = "{0} cannot be cleaned: {1}{2}".format(work_dir, error, remedy)
            module.fail_json(**outgoing.clean_result(msg=words, removed=removed, busy=busy))
        if gone is None:
            busy.append(work_dir)
        else:
            removed += gone
    module.exit_json(**outgoing.clean_result(changed=bool(removed), removed=removed, busy=busy))


if __name__ == "__main__":
    main()
