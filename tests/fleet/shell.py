# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the controller's programs, as root where they need it."""

import os
import shlex
import subprocess


class FleetError(Exception):
    """What failed, where, and what to do: shown to the user as it is, without a traceback."""


def root_argv(argv: list[str]) -> list[str]:
    """Return `argv` as it must be run to have root's rights: behind sudo unless this process is root."""
    return argv if os.geteuid() == 0 else ["sudo", *argv]


def run(argv: list[str], *, stdin: bytes | None = None) -> str:
    """Run `argv` and return its standard output.

    :param stdin: bytes fed to the program; None gives it an empty input.
    :raises FleetError: with the command and its last 15 lines, when it fails or cannot be started.
    """
    try:
        done = subprocess.run(argv, input=stdin or b"", capture_output=True, check=False)
    except FileNotFoundError as error:
        raise FleetError(f"{argv[0]} is not installed: run `python3 tests/fleet prepare`") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        said = (output + done.stderr.decode(errors="replace")).strip().splitlines()[-15:]
        raise FleetError("\n  ".join([f"exit status {done.returncode} of: {shlex.join(argv)[:400]}", *said]))
    return output
