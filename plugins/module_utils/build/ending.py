# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a build ends when it does not succeed: by a failure, its time limit or a stop; and the message about it."""

import errno
import os
import signal
import tarfile
import traceback

from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds, processes
from ansible_collections.ascend.pytorch.plugins.module_utils.build import steps as recipe_steps
from ansible_collections.ascend.pytorch.plugins.module_utils.product import diagnose
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive, fetch


class BuildStopped(recipe_steps.StepError):
    """The build is ended from outside; its programs are killed."""


def explain(error, paths):
    # type: (BaseException, builds.BuildPaths) -> Dict[str, Any]
    """Return {"message", "cause", "remedy"} for what ended a build."""
    if isinstance(error, BuildStopped):
        # What its programs printed when they were killed is not the cause.
        return {
            "message": str(error),
            "cause": "",
            "remedy": "run again: it goes on from the last good stage",
            "name": "",
        }
    known = (
        diagnose.diagnose("\n".join(builds.tail(paths.log, diagnose.LAST_LINES, diagnose.LAST_BYTES) + [str(error)]))
        or {}
    )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        known = {
            "name": "disk full",
            "cause": "the disk of {0} is full".format(paths.work),
            "remedy": "free some space, or set ascend_work_dir to a disk with more, and run again",
        }
    return {
        "message": str(error) or type(error).__name__,
        "cause": known.get("cause", ""),
        "remedy": known.get("remedy", ""),
        "name": known.get("name", ""),
    }


def handle_failure(build, paths, error):
    # type: (stages.Build, builds.BuildPaths, Exception) -> None
    """Write why a build failed to its log and status, and kill the programs that it left running."""
    if os.path.exists(paths.reserve):
        os.unlink(paths.reserve)
    expected = isinstance(
        error,
        (recipe_steps.StepError, fetch.FetchError, archive.ArchiveError, wheels.WheelError, OSError, tarfile.TarError),
    )
    build.log("!!! {0}: {1}".format(build.status["stage"], error) if expected else traceback.format_exc())
    build.status.update(state="failed", error=explain(error, paths))
    build.save()
    processes.kill_all(paths)


def handle_stop(paths):
    # type: (builds.BuildPaths) -> None
    # A second signal would interrupt the handling of the first.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    processes.kill_all(paths)
    raise BuildStopped("it was stopped by the playbook stop, or because its host was shut down")


def handle_timeout(order, paths):
    # type: (Order, builds.BuildPaths) -> None
    processes.kill_all(paths)
    raise BuildStopped(
        "the build took longer than its time limit of {0} s. Raise ascend_timeout_s or the role's own _timeout_s, or "
        "give it more jobs".format(order.timeout_s)
    )
