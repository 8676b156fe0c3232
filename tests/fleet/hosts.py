# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts: containers of one fleet, started together, reached over ssh with keys that are known beforehand."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fleet import controller, dress, images, shell, state
from fleet import podman as pod
from fleet.flavours import FLAVOURS, Host
from fleet.shell import FleetError
from fleet.tree import File, tar_of

SSH_TIMEOUT_S = 120


def container_name(fleet: str, host: str) -> str:
    """Return the name of a host's container; ssh knows the host's key by it too."""
    return f"ascend-fleet-{fleet}-{host}"


def container_options(host: Host, shared: str = "") -> list[str]:
    """Return podman's options for what was asked of `host`.

    :param shared: this machine's folder that hosts of the fleet may have together.
    """
    # Any node will do: what counts is who may open it.
    options = [f"--device=/dev/null:/dev/{name}" for name in dress.devices(host.options)]
    # A host's PCI bus holds what its dress says, and not this machine's devices. A kernel may know no such bus.
    if Path(dress.PCI).is_dir():
        options += [f"--tmpfs={dress.PCI}:size=1m,mode=0755,notmpcopyup"]
    if "memory" in host.options:
        options += [f"--memory={host.options['memory']}"]
    if "cpus" in host.options:
        options += [f"--cpus={host.options['cpus']}"]
    if "tmpfs" in host.options:
        options += [tmpfs_option(*host.options["tmpfs"].split(":"))]
    if "shared" in host.options:
        options += [f"--volume={shared}:{host.options['shared']}"]
    return options


def tmpfs_option(path: str, size: str, limit: str = "") -> str:
    """Return podman's option for a file system in memory at `path`.

    :param size: such as 64m.
    :param limit: how many inodes it has, empty for as many as the kernel likes; or noexec, where no program starts.
    """
    if limit in ("", "noexec"):
        return f"--tmpfs={path}:size={size},mode=0755,{limit or 'exec'}"
    # podman lets no one count inodes but a volume, which takes a size for a quota: so it is told in pages.
    pages = -(-(int(size[:-1]) << {"k": 10, "m": 20, "g": 30}[size[-1]]) // os.sysconf("SC_PAGE_SIZE"))
    mount_options = f"nr_inodes={limit},nr_blocks={pages},mode=0755"
    volume = f"type=volume,destination={path},volume-opt=type=tmpfs,volume-opt=device=tmpfs"
    return f'--mount={volume},"volume-opt=o={mount_options}"'


def ssh_options(fleet: str, host: str, folder: Path) -> list[str]:
    """Return ssh's options to reach `host`: its key is looked up by name, since its address changes."""
    return [
        "-o", "StrictHostKeyChecking=yes",
        "-o", f"UserKnownHostsFile={folder}/known_hosts",
        "-o", f"HostKeyAlias={container_name(fleet, host)}",
        "-o", "IdentitiesOnly=yes",
        "-o", "ConnectTimeout=10",
    ]  # fmt: skip


def inventory(fleet: str, hosts: list[Host], addresses: dict[str, str], controller_address: str, folder: Path) -> dict:
    """Return the Ansible inventory of a fleet, as the value that its YAML holds.

    :param addresses: host's name → IPv4 address.
    :param controller_address: this machine's address as the hosts see it.
    :param folder: where the fleet's keys are.
    """
    members = {
        host.name: {
            "ansible_host": addresses[host.name],
            "ansible_port": 22,
            "ansible_user": host.user,
            "ansible_ssh_private_key_file": f"{folder}/id_ed25519",
            "ansible_ssh_common_args": " ".join(ssh_options(fleet, host.name, folder)),
            "ansible_python_interpreter": "/usr/bin/python3",
            "fleet_flavour": host.flavour,
            "fleet_python": FLAVOURS[host.flavour].python,
        }
        for host in hosts
    }
    group_vars = {"fleet_name": fleet, "fleet_controller_address": controller_address}
    return {"all": {"children": {"ascend": {"hosts": members, "vars": group_vars}}}}


def yaml_text(value: dict, indent: int = 0) -> str:
    """Return `value`, mappings of mappings of scalars, as YAML; scalars are JSON, which YAML takes in."""
    lines = ""
    for key, inner in value.items():
        held = f"\n{yaml_text(inner, indent + 1)}" if isinstance(inner, dict) else f" {json.dumps(inner)}\n"
        lines += f"{'  ' * indent}{key}:{held}"
    return lines


def _make_key(path: Path) -> Path:
    """Make an ssh key at `path` and `path`.pub unless it is there, and return `path`."""
    if not path.exists():
        shell.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)])
    return path


def _public(path: Path) -> str:
    return path.with_name(f"{path.name}.pub").read_text()


def _host_files(host: Host, client_key: Path, host_key: Path) -> dict[str, File]:
    flavour = FLAVOURS[host.flavour]
    return {
        **controller.host_files(flavour.release, flavour.apt),
        **dress.dress(flavour.machine, flavour.python, host.options),
        "/etc/ssh/ssh_host_ed25519_key": File(host_key.read_text(), 0o600),
        "/etc/ssh/ssh_host_ed25519_key.pub": File(_public(host_key)),
        "/etc/ssh/authorized_keys": File(_public(client_key)),
    }


def _start(fleet: str, host: Host, image: str, files: dict[str, File], present: dict | None) -> None:
    """Make the host's container run: as it is when it is as asked for, otherwise anew."""
    name = container_name(fleet, host.name)
    options = container_options(host, str(state.folder("fleets", fleet, "shared")))
    asked = json.dumps([image, options, host.user]).encode() + tar_of(files)
    spec = hashlib.sha256(asked).hexdigest()
    if present and present["Labels"].get(pod.SPEC) != spec:
        pod.podman("rm", "--force", "--time", "0", "--volumes", present["Id"])
        present = None
    if not present:
        labels = {pod.FLEET: fleet, pod.HOST: host.name, pod.SPEC: spec, pod.FLAVOUR: host.flavour, pod.USER: host.user}
        pod.podman(
            "create", "--pull=never", f"--arch={FLAVOURS[host.flavour].arch}", "--systemd=always",
            f"--name={name}", f"--hostname={host.name}", *(f"--label={key}={value}" for key, value in labels.items()),
            *options, image, "/sbin/init",
        )  # fmt: skip
        pod.put_files(name, files)
    pod.podman("start", name)


def ssh_argv(fleet: str, host: str, user: str, folder: Path) -> list[str]:
    """Return the ssh command that logs in to a running host.

    :raises FleetError: when the host does not run.
    """
    found = pod.address(container_name(fleet, host))
    if not found:
        raise FleetError(f"host {host} of fleet {fleet} does not run; `up` starts it")
    return ["ssh", "-i", f"{folder}/id_ed25519", *ssh_options(fleet, host, folder), f"{user}@{found}"]


def _wait_for_ssh(fleet: str, host: Host, folder: Path) -> None:
    """Return as soon as `host` lets its user in.

    :raises FleetError: when it does not within SSH_TIMEOUT_S, with what ssh said last.
    """
    argv = [*ssh_argv(fleet, host.name, host.user, folder), "-o", "BatchMode=yes", "true"]
    deadline = time.monotonic() + SSH_TIMEOUT_S
    while True:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            name = container_name(fleet, host.name)
            raise FleetError(f"{host.name}: no ssh in {SSH_TIMEOUT_S} s; see `podman logs {name}`\n  {done.stderr}")
        time.sleep(0.1)  # between two looks at the condition: a refused connection comes back at once


def up(fleet: str, hosts: list[Host], inventory_path: Path, say: Callable[[str], None]) -> None:
    """Make `fleet` consist of `hosts`, all of them reachable, and write their inventory.

    Hosts that are as asked for stay; hosts of this fleet that are not asked for go.

    :raises FleetError: when an image cannot be built or a host does not come up.
    """
    built = {flavour: images.ensure(flavour, say) for flavour in sorted({host.flavour for host in hosts})}
    with state.lock(f"fleet-{fleet}"):
        folder = state.folder("fleets", fleet)
        client_key = _make_key(folder / "id_ed25519")
        host_keys = {host.name: _make_key(folder / f"host_{host.name}") for host in hosts}
        known = (f"{container_name(fleet, name)} {_public(key)}" for name, key in host_keys.items())
        state.write(folder / "known_hosts", "".join(known))

        present = {record["Labels"][pod.HOST]: record for record in pod.containers(fleet)}
        superfluous = [record["Id"] for name, record in present.items() if name not in host_keys]
        if superfluous:
            pod.podman("rm", "--force", "--time", "0", "--volumes", *superfluous)

        def bring_up(host: Host) -> str:
            files = _host_files(host, client_key, host_keys[host.name])
            _start(fleet, host, built[host.flavour], files, present.get(host.name))
            _wait_for_ssh(fleet, host, folder)
            return pod.address(container_name(fleet, host.name))

        with ThreadPoolExecutor(max_workers=8) as pool:
            addresses = dict(zip(host_keys, pool.map(bring_up, hosts), strict=True))
        inventory_path.parent.mkdir(parents=True, exist_ok=True)
        written = inventory(fleet, hosts, addresses, pod.controller_address(), folder)
        state.write(inventory_path, f"---\n{yaml_text(written)}")
    for host in hosts:
        say(f"{host.name}: {host.flavour}, {host.user}@{addresses[host.name]}")
    say(f"inventory: {inventory_path}")


def down(fleet: str) -> list[str]:
    """Remove the hosts of `fleet` and its keys; return the hosts' names."""
    with state.lock(f"fleet-{fleet}"):
        records = pod.containers(fleet)
        if records:
            pod.podman("rm", "--force", "--time", "0", "--volumes", *(record["Id"] for record in records))
        # What hosts have put into the folder that they share is root's.
        shell.run(shell.root_argv(["rm", "-rf", str(state.folder("fleets", fleet) / "shared")]))
        shutil.rmtree(state.folder("fleets", fleet))
    return [record["Labels"][pod.HOST] for record in records]
