#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: stop
short_description: Stop the builds that are under way on a host
version_added: "0.1.0"
description:
  - Stops the builds that M(ascend.pytorch.build) started and that run detached, with all of their programs.
  - Their completed work is kept, and the next run goes on from there. A run that follows one reports that it was stopped.
author: the ascend.pytorch authors (@ascend)
options:
  work_dirs:
    description: The work directories, as C(ascend_work_dir) has them.
    type: list
    elements: str
    default: [auto]
attributes:
  check_mode:
    support: full
    description: In check mode nothing is stopped; the result says what would be.
"""

EXAMPLES = r"""
- name: Stop what is being built
  ascend.pytorch.stop:
    work_dirs: [/data/ascend-pytorch]
"""

RETURN = r"""
stopped:
  description: The builds that were stopped, or would be in check mode, in sentences.
  returned: always
  type: list
  elements: str
  sample: [cmake-3.12.1-0f3a5d1c77b2 in stage build]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import locking, outgoing, places
from ansible_collections.ascend.pytorch.plugins.module_utils.base.ask import read_json
from ansible_collections.ascend.pytorch.plugins.module_utils.build import stopping
from ansible_collections.ascend.pytorch.plugins.module_utils.host import account


def main():
    """Stop the builds, one after the other."""
    module = AnsibleModule(
        argument_spec={"work_dirs": {"type": "list", "elements": "str", "default": ["auto"]}},
        supports_check_mode=True,
    )
    who, stopped = account.user(), []
    work_dirs = sorted({places.resolve(path, "work_dir", who) for path in module.params["work_dirs"]})
    for work_dir in work_dirs:
        name = ""
        try:
            for paths in stopping.find_unfinished(work_dir):
                name = os.path.basename(paths.folder)
                stage = (read_json(paths.status) or {}).get("stage") or "start"
                if not module.check_mode:
                    stopping.stop(paths)
                stopped.append("{0} in stage {1}".format(name, stage))
        except OSError as error:
            what = "build {0} in {1} cannot be stopped" if name else "builds in {1} cannot be looked at"
            # Where there are no locks, another account has none either.
            remedy = (
                ""
                if isinstance(error, locking.LocksUnsupported)
                else ". Run this as root, or as the account that began them"
            )
            words = "the {0}: {1}{2}".format(what.format(name, work_dir), error.strerror, remedy)
            module.fail_json(**outgoing.clean_result(msg=words, stopped=stopped))
    module.exit_json(**outgoing.clean_result(changed=bool(stopped), stopped=stopped))


if __name__ == "__main__":
    main()
