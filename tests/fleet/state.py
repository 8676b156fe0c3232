# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the fleet keeps what it makes on the controller: all of it under one folder of the checkout, git-ignored."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "fleet"

# runc and low limits: what root without CAP_SYS_RESOURCE (a sandbox, a container) can run, and nobody else minds.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""


def folder(*parts: str) -> Path:
    """Return a folder of the cache, which exists from now on and keeps itself out of git."""
    CACHE.mkdir(parents=True, exist_ok=True)
    ignore = CACHE / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    path = CACHE.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write `text` to `path` at once: a reader finds the old contents or the new, never a part."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.chmod(mode)
    beside.replace(path)


def containers_conf() -> Path:
    """Return the podman settings that every call of the fleet uses."""
    path = folder() / "containers.conf"
    if not path.exists() or path.read_text() != CONTAINERS_CONF:
        write(path, CONTAINERS_CONF)
    return path


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the lock `name` of this checkout, against other runs too; waits while another run has it."""
    with (folder("locks") / name).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
