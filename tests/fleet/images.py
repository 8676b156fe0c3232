# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of hosts: a Debian release by mmdebstrap and `podman import`, other kinds by a script on top of one."""

import hashlib
import json
import os
import platform
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from fleet import controller, shell, state
from fleet.flavours import FLAVOURS, MACHINES, NATIVE, SCRIPTS, Flavour
from fleet.podman import FLEET, containers, podman, put_files
from fleet.shell import FleetError

REPOSITORY = "localhost/ascend-fleet"
NATIVE_SCRIPT = SCRIPTS / "native.sh"

# Nobody reads manuals on a simulated host or links openblas statically, and a build that is cut short is thrown away.
LEAN = (
    "--variant=apt",
    # As Debian's installer does it; mmdebstrap's own hook for that knows only releases that need no help.
    '--setup-hook=for dir in bin sbin lib lib64; do mkdir -p "$1/usr/$dir"; ln -s "usr/$dir" "$1/$dir"; done',
    "--skip=essential/unlink",
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/lib/*/openblas-pthread/*.a",
)


def fingerprint(name: str) -> str:
    """Return 12 hex digits that change with everything of ours that decides what the image of a flavour holds."""
    flavour = FLAVOURS[name]
    below = fingerprint(flavour.base) if flavour.base else ""
    inputs = [asdict(flavour), flavour.emulated, LEAN, (SCRIPTS / flavour.script).read_text(), below]
    if flavour.emulated:
        inputs += [NATIVE, NATIVE_SCRIPT.read_text()]
    return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:12]


def image_name(name: str) -> str:
    """Return the name of a flavour's image as it must be now."""
    return f"{REPOSITORY}/{name}:{fingerprint(name)}"


def native_argv(flavour: Flavour, mirror: str, apt_conf: list[str], target: Path) -> list[str]:
    """Return the command that makes a tree of what emulated hosts of a flavour get as this machine's own; see NATIVE.

    :param mirror: see mmdebstrap_argv; :param apt_conf: further lines of apt's configuration
    """
    arch = next(arch for arch, machine in MACHINES.items() if machine == platform.machine())
    packages = ",".join(name.format(triplet=flavour.triplet.replace("_", "-")) for name in NATIVE)
    argv = ["mmdebstrap", "--variant=extract", f"--architectures={arch}", f"--include={packages}"]
    argv += ['--aptopt=APT::Install-Recommends "false"', *(f"--aptopt={line}" for line in apt_conf)]
    argv += [flavour.release, str(target)]
    return [*argv, controller.sources_list(mirror, flavour.release)] if mirror else argv


def mmdebstrap_argv(
    flavour: Flavour, mirror: str, apt_conf: list[str], debs: Path, target: Path, native: Path
) -> list[str]:
    """Return the command that makes a Debian flavour's tree as a tar archive.

    :param mirror: address of a Debian mirror; "" leaves the choice to mmdebstrap.
    :param apt_conf: further lines of apt's configuration.
    :param debs: folder in which downloaded packages stay for the next time.
    :param native: tree of native_argv, for an emulated flavour.
    """
    kept, script = shlex.quote(str(debs)), shlex.quote(str(SCRIPTS / flavour.script))
    argv = ["mmdebstrap", f"--architectures={flavour.arch}", f"--include={','.join(flavour.packages)}", *LEAN]
    argv += [f"--aptopt={line}" for line in apt_conf]
    if flavour.emulated:
        # To unpack them takes a host like that a minute; apt fetches them anew when they have changed.
        argv.append("--skip=cleanup/apt/lists")
    # Hard links where the file system allows: the packages are hundreds of megabytes.
    copy = "cp --archive --update"
    argv += [
        f'--setup-hook=mkdir -p "$1/var/cache/apt/archives" && ({copy} --link {kept}/. "$1/var/cache/apt/archives/" '
        f'|| {copy} {kept}/. "$1/var/cache/apt/archives/")',
        f'--customize-hook={copy} --link "$1"/var/cache/apt/archives/*.deb {kept}/ '
        f'|| {copy} "$1"/var/cache/apt/archives/*.deb {kept}/',
        f'--customize-hook=chroot "$1" sh -eu < {script}',
    ]
    if flavour.emulated:
        argv.append(
            f'--customize-hook=sh {shlex.quote(str(NATIVE_SCRIPT))} {shlex.quote(str(native))} "$1" {flavour.triplet}'
        )
    argv += [flavour.release, str(target)]
    return [*argv, controller.sources_list(mirror, flavour.release)] if mirror else argv


def ensure_emulation(arch: str) -> None:
    """Let this machine run programs of `arch` (Debian's word), by qemu where it cannot itself.

    :raises FleetError: when the kernel or qemu-user-static lacks.
    """
    machine, registry = MACHINES[arch], Path("/proc/sys/fs/binfmt_misc")
    if machine == platform.machine():
        return
    if not (registry / "register").exists():
        shell.run(shell.root_argv(["mount", "-t", "binfmt_misc", "binfmt_misc", str(registry)]))
    if not (registry / f"qemu-{machine}").exists():
        shell.run(shell.root_argv(["update-binfmts", "--enable", f"qemu-{machine}"]))


def _build_debian(name: str, flavour: Flavour) -> None:
    temporary = state.folder("tmp")
    tar, native = temporary / f"{name}.tar", temporary / f"{name}-native"
    debs = state.folder("debs", f"{flavour.release}-{flavour.arch}")
    mirror, apt_conf = controller.read_mirror(), controller.read_apt_conf()
    argv = mmdebstrap_argv(flavour, mirror, apt_conf, debs, tar, native)
    try:
        if flavour.emulated:
            shell.run(shell.root_argv(["rm", "-rf", str(native)]))
            shell.run(shell.root_argv(["env", f"TMPDIR={temporary}", *native_argv(flavour, mirror, apt_conf, native)]))
        shell.run(shell.root_argv(["env", f"TMPDIR={temporary}", *argv]))
        podman("import", "--quiet", "--arch", flavour.arch, str(tar), image_name(name))
    finally:
        for left in (tar, native):
            if left.exists():
                shell.run(shell.root_argv(["rm", "-rf", str(left)]))


def _build_derived(name: str, flavour: Flavour) -> None:
    # One checkout's build must not take another's container for its own.
    container = f"ascend-fleet-image-{name}-{os.getpid()}"
    podman("run", "--detach", "--pull=never", "--name", container, image_name(flavour.base), "sleep", "infinity")
    try:
        put_files(container, controller.host_files(flavour.release, apt=True))
        podman("exec", "--interactive", container, "sh", "-eu", stdin=(SCRIPTS / flavour.script).read_bytes())
        podman("commit", "--quiet", container, image_name(name))
    finally:
        podman("rm", "--force", "--time", "0", container)


def ensure(name: str, say: Callable[[str], None]) -> str:
    """Return the name of a flavour's image, which is built now if it is missing.

    :param say: takes a line about what is done and how long it took.
    :raises FleetError: when the build fails.
    """
    flavour, image = FLAVOURS[name], image_name(name)
    ensure_emulation(flavour.arch)
    with state.lock(f"image-{name}"):
        if not podman("images", "--quiet", image).strip():
            if flavour.base:
                ensure(flavour.base, say)
            say(f"{name}: building its image …")
            start = time.monotonic()
            (_build_derived if flavour.base else _build_debian)(name, flavour)
            say(f"{name}: {image} built in {time.monotonic() - start:.0f} s")
    return image


def clean() -> list[str]:
    """Remove every image of the fleet and return their names.

    :raises FleetError: when there are hosts; nothing is removed then.
    """
    used = sorted({record["Labels"][FLEET] for record in containers()})
    if used:
        raise FleetError(f"hosts of fleets {', '.join(used)} use images: take them down first")
    names = podman("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={REPOSITORY}/*").split()
    if names:
        podman("rmi", *names)
    return names
