# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which places of hosts are one, by what each says of its own."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.host import sharing
from ansible_collections.ascend.pytorch.plugins.module_utils.host.mounts import Mount

DISK = Mount("/", "/", "ext4", "/dev/sda1", "rw")
WORK = ".local/share/ascend-pytorch"


def mounted(source, where, kind="nfs4", root="/"):
    return [DISK, Mount(root, where, kind, source, "rw")]


# What two hosts say of one folder: (folder that is there, path below it, mounts).
ONE = [
    (("/home/a", WORK, mounted("nas:/export", "/home")), ("/home/a", WORK, mounted("nas:/export", "/home"))),
    # The export, and a folder of it that automount brings when it is asked for; at another place, too.
    (("/home/a", WORK, mounted("nas:/export", "/home")), ("/home/a", WORK, mounted("nas:/export/a", "/home/a"))),
    (("/home/a", WORK, mounted("nas:/export/", "/home")), ("/nfs/a", WORK, mounted("nas:/export", "/nfs"))),
    (("/home/a", "w", mounted("//nas/export", "/home", "cifs")), ("/a", "w", mounted("//nas/export/a", "/a", "cifs"))),
    (
        ("/p/a", "w", mounted("10.0.0.1@o2ib:/fs", "/p", "lustre")),
        ("/q/a", "w", mounted("10.0.0.1@o2ib:/fs", "/q", "lustre")),
    ),
    (
        ("/p/a", "w", mounted("a@f00d.cephfs=/x", "/p", "ceph")),
        ("/q/a", "w", mounted("a@f00d.cephfs=/x", "/q", "ceph")),
    ),
    (("/gpfs/a", "w", mounted("gpfs0", "/gpfs", "gpfs")), ("/gpfs/a", "w", mounted("gpfs0", "/gpfs", "gpfs"))),
    # A folder of a mount, bound to a place of its own.
    (("/p/a", "w", mounted("nas:/x", "/p")), ("/b", "w", mounted("nas:/x", "/b", root="/a"))),
]


@pytest.mark.parametrize("here, there", ONE)
def test_hosts_call_what_a_server_has_by_one_name(here, there):
    marks = {
        sharing.place_id(folder, below, (device, 77), mounts, boot)
        for device, boot, (folder, below, mounts) in ((50, "boot-1", here), (61, "boot-2", there))
    }
    assert len(marks) == 1 and marks != {""}


OTHER = [
    # Another account, another server, another export, another file system of the same name.
    ("/home/b", WORK, mounted("nas:/export", "/home"), 77),
    ("/home/a", WORK, mounted("nas2:/export", "/home"), 77),
    ("/home/a", WORK, mounted("nas:/export2", "/home"), 77),
    ("/home/a", WORK, mounted("nas:/export", "/home"), 78),
    ("/home/a", "other", mounted("nas:/export", "/home"), 77),
    # Each host's own disk, and one that hides the server's.
    ("/home/a", WORK, [DISK], 77),
    ("/home/a", WORK, [*mounted("nas:/export", "/home"), Mount("/", "/home", "ext4", "/dev/sdb1", "rw")], 77),
    ("/home/a", WORK, [*mounted("nas:/export", "/home"), Mount("/", "/home/a", "xfs", "/dev/sdb1", "rw")], 77),
    ("/home/a", WORK, mounted("nas:/export", "/hom"), 77),
]


@pytest.mark.parametrize("folder, below, mounts, inode", OTHER)
def test_what_is_not_the_same_has_another_name(folder, below, mounts, inode):
    one = sharing.place_id("/home/a", WORK, (50, 77), mounted("nas:/export", "/home"), "boot-1")
    assert sharing.place_id(folder, below, (50, inode), mounts, "boot-2") != one


def test_hosts_of_their_own_disks_have_nothing_together():
    """Not even those that were made of one image, whose numbers are the same."""
    assert sharing.place_id("/root", "w", (8, 2), [DISK], "boot-1") != sharing.place_id(
        "/root", "w", (8, 2), [DISK], "boot-2"
    )
    assert sharing.place_id("/root", "w", (8, 2), [DISK], "") == ""


def test_one_host_under_two_names_and_containers_with_one_folder():
    volume = [Mount("/", "/", "overlay", "overlay", "rw"), Mount("/srv/v", "/v", "ext4", "/dev/sda1", "rw")]
    assert sharing.place_id("/srv/v", "w", (8, 2), [DISK], "boot") == sharing.place_id(
        "/v", "w", (8, 2), volume, "boot"
    )
    # Of the same layers, yet each its own.
    assert sharing.place_id("/", "w", (60, 2), volume, "boot") != sharing.place_id("/", "w", (61, 2), volume, "boot")


def examined(env_text="", path="/h/env.sh", **places):
    disk = {("/" + name).replace("_", "/"): {"place": place} for name, place in places.items()}
    return {"state": {"disk": disk}, "plan": {"environment": {"path": path, "text": env_text} if env_text else None}}


def test_what_hosts_have_together_is_told_once_for_the_same_hosts():
    hosts = {
        "a": examined(h="nas:/h 1", h_w="nas:/h/w 1", usr="a"),
        "b": examined(h="nas:/h 1", h_w="nas:/h/w 1", usr="b"),
        "c": examined(h="nas:/h 1", usr="c"),
        "d": examined(h="", usr=""),
        "e": examined(h="", usr=""),
        "f": {"state": {}, "plan": {}},
    }
    assert sharing.shared_places(hosts) == [
        {"hosts": ["a", "b", "c"], "paths": ["/h"], "env_file": ""},
        {"hosts": ["a", "b"], "paths": ["/h/w"], "env_file": ""},
    ]
    assert sharing.shared_places({"a": hosts["a"]}) == []


@pytest.mark.parametrize(
    "there, told",
    [
        (examined("export HCCL_IF_IP=10.0.0.2\n", h="nas:/h 1"), "/h/env.sh"),
        (examined("export HCCL_IF_IP=10.0.0.1\n", h="nas:/h 1"), ""),
        (examined("export HCCL_IF_IP=10.0.0.2\n", path="/h/b.sh", h="nas:/h 1"), ""),
        (examined("export HCCL_IF_IP=10.0.0.2\n", path="/etc/env.sh", h="nas:/h 1"), ""),
        (examined(h="nas:/h 1"), ""),
    ],
)
def test_an_environment_file_that_each_would_write_otherwise(there, told):
    here = examined("export HCCL_IF_IP=10.0.0.1\n", h="nas:/h 1")
    assert [each["env_file"] for each in sharing.shared_places({"a": here, "b": there})] == [told]
