# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook, run by tests as a user of the checkout runs it."""

import subprocess

from checkout import BIN, environment


def play(*argv, cwd, **variables):
    """Run ansible-playbook to its end; the result has returncode and stdout, which holds what it said of errors too.

    :param cwd: the folder that it is run in; :param variables: of its environment
    """
    return subprocess.run(
        [BIN / "ansible-playbook", *argv],
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
