# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the folders that hosts share: a home on NFS, a folder of the machine in its containers, a host with two names. Pure."""

import posixpath
import re
from typing import Any, Dict, List, Sequence, Tuple

from ansible_collections.ascend.pytorch.plugins.module_utils.host.mounts import Mount

# Sources of mounts that name the server: "server:/export" of NFS, CephFS, Lustre and others, "//server/share" of CIFS.
_ON_A_SERVER = re.compile(r"//|[^/]+[:=]/")
# File systems of a cluster whose source is the same on each of its hosts.
_OF_A_CLUSTER = frozenset(("beegfs", "gpfs"))


def place_id(folder: str, below: str, inode: Tuple[int, int], mounts: Sequence[Mount], boot: str) -> str:
    """Return an id of a path that is the same on all hosts that share it, and different for any other path; "" if unknown.

    For a file system of a server, it is made of the mount's source, the path in it and the inode. For others it is made of
    the kernel's boot id, which is the same in the containers of a host and for two names of it, the device and the inode.

    :param folder: the nearest parent of the path that exists, without links
    :param below: the path relative to it
    :param inode: (device, inode) of the folder; the inode is needed because on another host the name of a server may mean
        another server
    :param boot: see kernel.boot
    """
    mount = _mount_of(folder, mounts)
    if mount and (_ON_A_SERVER.match(mount.source) or mount.kind in _OF_A_CLUSTER):
        # One host may mount the export, another a folder of it.
        called = (mount.source, mount.root, posixpath.relpath(folder, mount.where), below)
        return "{0} {1}".format(posixpath.normpath("/".join(called)), inode[1])
    return posixpath.normpath("{0}/{1}/{2}/{3}".format(boot, inode[0], inode[1], below)) if boot else ""


def _mount_of(folder, mounts):
    # type: (str, Sequence[Mount]) -> Optional[Mount]
    found = None
    for mount in mounts:
        holds = (folder + "/").startswith(mount.where.rstrip("/") + "/")
        # A later mount at the same place hides the earlier one.
        if holds and (found is None or len(mount.where) >= len(found.where)):
            found = mount
    return found


def shared_places(hosts: Dict[str, Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Return the folders that hosts share, one entry for each set of hosts.

    [{"hosts": [names], "paths": [..], "env_file": the shared environment file for which their texts differ, or ""}]

    :param hosts: name -> {"state", "plan"} of an examined host; the folders in "disk" of its state are compared
    """
    having = {}  # type: Dict[str, Dict[str, str]]
    for name, known in hosts.items():
        for path, room in known["state"].get("disk", {}).items():
            if room.get("place"):
                having.setdefault(room["place"], {})[name] = path
    together = {}  # type: Dict[Tuple[str, ...], Dict[str, Any]]
    for paths in having.values():
        if len(paths) > 1:
            entry = together.setdefault(tuple(paths), {"hosts": list(paths), "paths": [], "env_file": ""})
            entry["paths"] += [path for path in sorted(set(paths.values())) if path not in entry["paths"]]
            files = _env_files(hosts, paths)
            if len({text for _path, text in files}) > 1 and len({path for path, _text in files}) == 1:
                entry["env_file"] = files[0][0]
    return list(together.values())


def _env_files(hosts, paths):
    # type: (Dict[str, Dict[str, Any]], Dict[str, str]) -> List[Tuple[str, str]]
    """Return (path, text) of the environment files that the plans of hosts have in a shared folder.

    :param paths: name of a host -> the folder's path on it
    """
    planned = [(hosts[name]["plan"].get("environment") or {}, folder) for name, folder in paths.items()]
    return [
        (env["path"], env["text"])
        for env, folder in planned
        if "text" in env and posixpath.dirname(env["path"]) == folder
    ]
