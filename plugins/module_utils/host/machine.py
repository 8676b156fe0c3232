# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks and network interfaces of a host. See resources.py for its processors and memory."""

import fcntl
import os
import socket
import struct

from ansible_collections.ascend.pytorch.plugins.module_utils.host import sharing


def disk_state(path, mounted, boot):
    # type: (str, List[mounts.Mount], str) -> Dict[str, Any]
    """Return the state of the disk for a path, which is that of its nearest parent folder that exists.

    {"path", "stands_at": that folder, "free_mib", "free_inodes", "writable", "noexec", "place"}: noexec is whether no program
    can be started there, and no shared library loaded (mount(8)); place is an id of the path that is the same on all hosts
    that share it, see sharing.place_id. free_inodes is None if the file system does not count them.

    :param mounted: see mounts.parse; :param boot: see kernel.boot
    """
    there = path
    while not os.path.isdir(there):
        there = os.path.dirname(there) or "/"
    info, entry = os.statvfs(there), os.stat(there)
    return {
        "path": path,
        "stands_at": there,
        "free_mib": info.f_bavail * info.f_frsize // (1 << 20),
        "free_inodes": info.f_favail if info.f_files else None,
        "writable": os.access(there, os.W_OK | os.X_OK),
        "noexec": bool(info.f_flag & os.ST_NOEXEC),
        "place": sharing.place_id(
            os.path.realpath(there), os.path.relpath(path, there), (entry.st_dev, entry.st_ino), mounted, boot
        ),
    }


def interfaces():
    # type: () -> Dict[str, str]
    """Return the IPv4 address of each network interface that has one."""
    found = {}
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for _number, name in socket.if_nameindex():
            try:
                # SIOCGIFADDR, linux/sockios.h; the address is at bytes 20 to 24 of struct ifreq.
                answer = fcntl.ioctl(probe.fileno(), 0x8915, struct.pack("256s", name[:15].encode("utf-8")))
                found[name] = socket.inet_ntoa(answer[20:24])
            except OSError:
                continue
    finally:
        probe.close()
    return found
