# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module of the action of the same name: tells its temporary folder, fails, or breaks down."""

import os

from ansible.module_utils.basic import AnsibleModule


def main():
    way = {"type": "str", "choices": ["well", "fail", "break"], "required": True}
    module = AnsibleModule({"way": way}, supports_check_mode=True)
    if module.params["way"] == "break":
        os.write(1, b"this is how\n")
        os.write(2, b"this is why\n")
        os._exit(1)
    if module.params["way"] == "fail":
        module.fail_json(msg="it was told to", more="a key of its own")
    module.exit_json(tmpdir=module.tmpdir, is_folder=os.path.isdir(module.tmpdir), dry=module.check_mode)


if __name__ == "__main__":
    main()
