# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman, as the fleet calls it: root's, with the fleet's own settings."""

import json

from fleet import shell, state
from fleet.tree import File, tar_of

FLEET, HOST, SPEC, FLAVOUR, USER = (f"ascend-fleet.{name}" for name in ("fleet", "host", "spec", "flavour", "user"))


def podman_argv(*words: str) -> list[str]:
    """Return the command that runs podman with `words`, in which paths are absolute."""
    conf = state.containers_conf()
    # A container that runs out of memory leaves a file `oom` where podman was called.
    return shell.root_argv(["env", f"--chdir={conf.parent}", f"CONTAINERS_CONF={conf}", "podman", *words])


def podman(*words: str, stdin: bytes | None = None) -> str:
    """Run podman and return what it prints.

    :raises FleetError: when it fails.
    """
    return shell.run(podman_argv(*words), stdin=stdin)


def put_files(container: str, files: dict[str, File]) -> None:
    """Put `files` into a container, running or not."""
    podman("cp", "-", f"{container}:/", stdin=tar_of(files))


def containers(fleet: str = "") -> list[dict]:
    """Return podman's records of the containers of `fleet`, of every fleet when it is empty, sorted by name."""
    label = f"label={FLEET}={fleet}" if fleet else f"label={FLEET}"
    found = json.loads(podman("ps", "--all", "--filter", label, "--format", "json") or "[]")
    return sorted(found or [], key=lambda record: record["Names"][0])


def address(container: str) -> str:
    """Return the container's IPv4 address on the bridge; "" while it does not run."""
    return podman("inspect", "--format", "{{.NetworkSettings.IPAddress}}", container).strip()


def controller_address() -> str:
    """Return the address of this machine as hosts see it: the gateway of podman's default bridge."""
    network = json.loads(podman("network", "inspect", "podman"))[0]
    return network["subnets"][0]["gateway"]
