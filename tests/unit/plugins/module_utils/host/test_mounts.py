# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of mounts."""

from pathlib import Path

from ansible_collections.ascend.pytorch.plugins.module_utils.host import mounts


def test_mounts_of_a_host():
    content = (
        "23 29 0:21 / /sys rw,nosuid - sysfs sysfs rw\n"
        "99 29 8:1 /a\\040b /mnt/c\\134d rw shared:7 master:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
        "101 29 0:50 / /home rw,relatime shared:9 - nfs4 nas.example.com:/export/my\\040home rw,vers=4.2\n"
        "a line of another kind\n"
    )
    assert mounts.parse(content) == [
        mounts.Mount("/", "/sys", "sysfs", "sysfs", "rw"),
        mounts.Mount("/a b", "/mnt/c\\d", "ext4", "/dev/sda1", "rw,errors=remount-ro"),
        mounts.Mount("/", "/home", "nfs4", "nas.example.com:/export/my home", "rw,vers=4.2"),
    ]
    assert mounts.parse("") == []


def test_this_machine_has_a_root():
    assert "/" in [mount.where for mount in mounts.parse(Path(mounts.MOUNTINFO).read_text())]
