# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images' names, containers' options, archives and inventories, as values."""

import dataclasses
import io
import os
import tarfile
from pathlib import Path

import yaml
from fleet import dress, flavours, images
from fleet.flavours import FLAVOURS, Host
from fleet.hosts import container_options, inventory, tmpfs_option, yaml_text
from fleet.tree import File, tar_of
from hypothesis import given
from hypothesis import strategies as st

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
KEYS = st.from_regex(r"k[a-z_]{0,8}", fullmatch=True)
FOLDER = Path("/keys")


def test_an_image_is_another_one_when_the_image_below_it_is(monkeypatch):
    before = {name: images.image_name(name) for name in FLAVOURS}
    changed = dataclasses.replace(FLAVOURS["bullseye"], packages=("make",))
    monkeypatch.setitem(FLAVOURS, "bullseye", changed)
    after = {name: images.image_name(name) for name in FLAVOURS}
    assert {name for name in FLAVOURS if before[name] != after[name]} == {"bullseye", "openeuler"}


def test_a_machine_without_a_debian_mirror_leaves_the_choice_to_mmdebstrap():
    flavour = FLAVOURS["bullseye-arm64"]
    alone = images.mmdebstrap_argv(flavour, "", [], Path("/debs"), Path("/x.tar"), Path("/native"))
    assert alone[-2:] == ["bullseye", "/x.tar"]
    assert "--architectures=arm64" in alone
    told = images.mmdebstrap_argv(
        flavour, "http://m.invalid", ['A "b";'], Path("/debs"), Path("/x.tar"), Path("/native")
    )
    assert told[-2:] == ["/x.tar", "deb http://m.invalid bullseye main"]
    assert '--aptopt=A "b";' in told


def test_an_emulated_host_keeps_the_package_lists(monkeypatch):
    monkeypatch.setattr(flavours.platform, "machine", lambda: "x86_64")
    kept = {
        name: "--skip=cleanup/apt/lists"
        in images.mmdebstrap_argv(flavour, "", [], Path("/debs"), Path("/x.tar"), Path("/native"))
        for name, flavour in FLAVOURS.items()
    }
    assert [name for name, keeps in kept.items() if keeps] == ["bullseye-arm64"]


def test_an_emulated_host_gets_what_costs_most_as_this_machines_own(monkeypatch):
    monkeypatch.setattr(flavours.platform, "machine", lambda: "x86_64")
    argv = images.native_argv(FLAVOURS["bullseye-arm64"], "", [], Path("/native"))
    assert "--architectures=amd64" in argv and "--include=git,g++-aarch64-linux-gnu,binutils-aarch64-linux-gnu" in argv
    hooks = {
        name: [
            word
            for word in images.mmdebstrap_argv(flavour, "", [], Path("/debs"), Path("/x.tar"), Path("/native"))
            if "native.sh" in word
        ]
        for name, flavour in FLAVOURS.items()
        if not flavour.base
    }
    assert [name for name, found in hooks.items() if found] == ["bullseye-arm64"]
    assert hooks["bullseye-arm64"][0].endswith('/native.sh /native "$1" aarch64-linux-gnu')
    # The other way round its triplet is written otherwise by packages.
    monkeypatch.setattr(flavours.platform, "machine", lambda: "aarch64")
    argv = images.native_argv(FLAVOURS["bullseye"], "", [], Path("/native"))
    assert "--architectures=arm64" in argv and "g++-x86-64-linux-gnu" in " ".join(argv)


def test_options_become_podmans(monkeypatch):
    monkeypatch.setattr(dress, "PCI", "/nonexistent")
    asked = {"cann": "none", "memory": "1g", "cpus": "0.5", "tmpfs": "/var/lib/x:64m"}
    assert container_options(Host("a", "bullseye", options=asked)) == [
        "--memory=1g",
        "--cpus=0.5",
        "--tmpfs=/var/lib/x:size=64m,mode=0755,exec",
    ]
    assert "--device=/dev/null:/dev/davinci0" in container_options(Host("a", "bullseye"))
    assert container_options(Host("a", "bullseye", options={"npu": "none"})) == []


def test_hosts_share_a_folder(monkeypatch):
    monkeypatch.setattr(dress, "PCI", "/nonexistent")
    asked = {"cann": "none", "shared": "/srv/products"}
    assert container_options(Host("a", "bullseye", options=asked), "/here") == ["--volume=/here:/srv/products"]


def test_a_file_system_with_few_inodes(monkeypatch):
    monkeypatch.setattr(dress, "PCI", "/nonexistent")
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096}.get)
    asked = {"cann": "none", "tmpfs": "/var/lib/x:64m:1000"}
    assert container_options(Host("a", "bullseye", options=asked)) == [
        "--mount=type=volume,destination=/var/lib/x,volume-opt=type=tmpfs,volume-opt=device=tmpfs,"
        '"volume-opt=o=nr_inodes=1000,nr_blocks=16384,mode=0755"'
    ]
    # Never none, which would mean any number.
    assert "nr_blocks=1," in tmpfs_option("/x", "1k", "5")
    assert tmpfs_option("/x", "1k", "noexec") == "--tmpfs=/x:size=1k,mode=0755,noexec"


def test_a_host_does_not_see_this_machines_pci_bus(monkeypatch, tmp_path):
    monkeypatch.setattr(dress, "PCI", str(tmp_path))
    assert container_options(Host("a", "bullseye", options={"cann": "none"})) == [
        f"--tmpfs={tmp_path}:size=1m,mode=0755,notmpcopyup"
    ]


def test_an_archive_holds_the_files_and_is_the_same_every_time():
    files = {"/b/run": File("text", 0o755), "/a": File(link="/b/run"), "/c": File(b"\xff\0")}
    with tarfile.open(fileobj=io.BytesIO(tar_of(files))) as archive:
        link, run, binary = archive.getmembers()
        assert archive.extractfile(binary).read() == b"\xff\0"
        assert (link.name, link.linkname) == ("a", "/b/run")
        assert (run.name, run.mode, run.uid, archive.extractfile(run).read()) == ("b/run", 0o755, 0, b"text")
    assert tar_of(files) == tar_of(dict(reversed(files.items())))


def test_the_inventory_checks_host_keys_and_names_the_controller():
    hosts = [Host("a", "bullseye"), Host("u", "openeuler", "ascend")]
    group = inventory("f", hosts, {"a": "10.0.0.2", "u": "10.0.0.3"}, "10.0.0.1", FOLDER)["all"]["children"]["ascend"]
    assert group["vars"] == {"fleet_name": "f", "fleet_controller_address": "10.0.0.1"}
    user = group["hosts"]["u"]
    assert (user["ansible_host"], user["ansible_user"]) == ("10.0.0.3", "ascend")
    assert user["ansible_ssh_private_key_file"] == "/keys/id_ed25519"
    arguments = user["ansible_ssh_common_args"].split()
    assert "StrictHostKeyChecking=yes" in arguments
    assert "UserKnownHostsFile=/keys/known_hosts" in arguments
    assert "HostKeyAlias=ascend-fleet-f-u" in arguments


@given(st.recursive(ASCII | st.integers(), lambda inner: st.dictionaries(KEYS, inner, min_size=1), max_leaves=8))
def test_yaml_means_the_value(value):
    assert yaml.safe_load(yaml_text({"top": value})) == {"top": value}
