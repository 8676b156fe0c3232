#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: build
short_description: Build a product from source on a host, detached and resumable
version_added: "0.1.0"
description:
  - Starts the build of an order that M(ascend.pytorch.plan) made, in its own process that continues when the connection
    ends, and follows it to its end.
  - A build that is under way is joined. One that died goes on from its last good stage. A build that has succeeded is not
    repeated.
  - On the controller an action of the same name carries mirrors that are folders there to the host, shows the stages, and
    reports a failure with its stage, log, last lines and remedy.
author: the ascend.pytorch authors (@ascend)
options:
  name:
    description:
      - Name of a product that the host's plan, by M(ascend.pytorch.plan) earlier in the run, has an order for. With
        C(delegate_to), what is missing on the host is built on another one, by the order of that one.
    type: str
  order:
    description: The order of one product, instead of O(name).
    type: dict
  state:
    description:
      - V(started) starts or joins the build and returns.
      - V(finished) does that and follows the build to its end.
      - V(status) only returns the status; V(mirrored) unpacks a mirror that the controller has sent.
    type: str
    choices: [started, finished, status, mirrored]
    default: finished
  seen:
    description:
      - C(seen) of the last RV(status), the state and stage; O(state=status) waits until they change.
      - Without it O(state=status) waits only for the end of the build.
    type: list
    elements: raw
  wait_s:
    description: How long V(status) waits for a change, in seconds.
    type: float
    default: 0
  mirror:
    description: Digest of the mirror for V(mirrored).
    type: str
  archive:
    description: The mirror's archive on the host, for V(mirrored); without it the module only says whether it is needed.
    type: str
  cache:
    description: Places of the build cache, see O(ascend.pytorch.publish#module:cache). A product that one of them has is not
      built, and one that was built is put into the first that is writable.
    type: list
    elements: str
    default: []
  sign_key:
    description: Private key on the controller to sign the product with for the build cache; empty for none.
    type: str
    default: ""
  trusted_keys:
    description: File of public keys. What is taken from the build cache must be signed with one of them; empty for unsigned.
    type: str
    default: ""
  builders:
    description: Hosts of the group C(ascend_builders); products that other hosts built are not signed.
    type: list
    elements: str
    default: []
  lost_after_s:
    description: After how many seconds without an answer the host counts as lost.
    type: float
    default: 300
  logins:
    description:
      - Logins for the URLs of the order, by address, as C(name:password).
      - The action fills it in from the URLs.
    type: dict
    default: {}
  progress:
    description: How progress is shown, V(terminal) for a line that is refreshed, V(log) for a new line from time to time.
    type: str
    choices: [auto, terminal, log, none]
    default: auto
attributes:
  check_mode:
    support: full
    description: In check mode nothing is started; the result says whether something would be built.
  diff_mode:
    support: full
    description: Shows what is installed and what would be installed.
"""

EXAMPLES = r"""
- name: Build CMake
  ascend.pytorch.build:
    name: cmake
"""

RETURN = r"""
status:
  description: The status of the build, with C(state), C(stage), C(percent) and C(log); of one that has not failed also
    C(seconds) and C(tail).
  returned: when not in check mode
  type: dict
product:
  description: The finished product, with C(path) and C(sha256).
  returned: when the build is done
  type: dict
"""

import contextlib
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, looking
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order

# The code that starts a build is most of this module's code, and is imported only for that: reading the status must not take much
# of the host's time.


def work_dir_error(order, what, error):
    """Return the message for an error in the work directory of a build."""
    return (
        "the build of {0} cannot be {1} in {2}: {3}. Set ascend_work_dir to a folder with enough space that this account may "
        "write to".format(order.name, what, order.work_dir, error)
    )


def unpack_mirror(module, work_dir):
    """Unpack the mirror if it was sent, and exit with its folder and whether that is there."""
    from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive, unpacking

    folder = os.path.join(work_dir, "mirror", module.params["mirror"])
    sent = module.params["archive"]
    try:
        builds.make_work_dir(work_dir)
    except OSError as error:
        module.fail_json(
            **outgoing.clean_result(msg="the work directory {0} cannot be used: {1}".format(work_dir, error.strerror))
        )
    if sent and not os.path.isdir(folder):
        try:
            if not os.path.isdir(os.path.dirname(folder)):
                os.makedirs(os.path.dirname(folder))
            unpacking.unpack(sent, folder, strip=0)
            # Ansible would remove it only when the task ends. It may belong to another account.
            with contextlib.suppress(PermissionError):
                os.unlink(sent)
        except (archive.ArchiveError, OSError) as error:
            module.fail_json(
                **outgoing.clean_result(msg="the mirror cannot be unpacked on the host: {0}".format(error))
            )
    if os.path.isdir(folder):
        # Its time is that of its last use, see cleaning.py.
        os.utime(folder)
    module.exit_json(**outgoing.clean_result(changed=bool(sent), present=os.path.isdir(folder), folder=folder))


def start(module, order):
    """Start a build and return the result of starting.start(); fail where it cannot be started."""
    from ansible_collections.ascend.pytorch.plugins.module_utils.build import starting
    from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive

    try:
        return starting.start(order, module.params["logins"])
    except (archive.ArchiveError, OSError) as error:
        module.fail_json(**outgoing.clean_result(msg=work_dir_error(order, "started", error)))


def main():
    """Start a build, or return the status of one."""
    module = AnsibleModule(
        argument_spec={
            "order": {"type": "dict"},
            "state": {"type": "str", "choices": ["started", "finished", "status", "mirrored"], "default": "finished"},
            "seen": {"type": "list", "elements": "raw"},
            "wait_s": {"type": "float", "default": 0},
            "mirror": {"type": "str"},
            "archive": {"type": "str"},
            "logins": {"type": "dict", "default": {}, "no_log": True},
            # Only for the action.
            "name": {"type": "str"},
            "cache": {"type": "list", "elements": "str", "default": []},
            "sign_key": {"type": "str", "default": "", "no_log": False},
            "trusted_keys": {"type": "str", "default": "", "no_log": False},
            "builders": {"type": "list", "elements": "str", "default": []},
            "lost_after_s": {"type": "float", "default": 300},
            "progress": {"type": "str", "choices": ["auto", "terminal", "log", "none"], "default": "auto"},
        },
        required_one_of=[["name", "order"]],
        supports_check_mode=True,
    )
    order, state = Order.of(module.params["order"]), module.params["state"]
    if module.check_mode:
        module.exit_json(**outgoing.clean_result(changed=builds.finished_product(order) is None))
    if state == "mirrored":
        unpack_mirror(module, order.work_dir)
    how = start(module, order) if state != "status" else ""
    try:
        status = looking.read_status(order, module.params["seen"], module.params["wait_s"])
    except OSError as error:
        module.fail_json(**outgoing.clean_result(msg=work_dir_error(order, "looked at", error)))
    module.exit_json(
        **outgoing.clean_result(
            changed=how in ("started", "resumed"), how=how, status=status, product=status.pop("product")
        )
    )


if __name__ == "__main__":
    main()
