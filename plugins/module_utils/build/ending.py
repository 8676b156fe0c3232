# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a build ends other than well: by a failure, its time limit or somebody's wish, and what is told of it."""

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


class Stopped(recipe_steps.StepError):
    """The build is ended from outside, and its programs are killed."""


def explain(error, place):
    # type: (BaseException, builds.Place) -> Dict[str, Any]
    """Return {"message", "cause", "remedy"} for what ended a build."""
    if isinstance(error, Stopped):
        # What its programs said as they were ended is no cause.
        return {
            "message": str(error),
            "cause": "",
            "remedy": "run again: it goes on from the last good stage",
            "name": "",
        }
    known = (
        diagnose.diagnose("\n".join(builds.tail(place.log, diagnose.LAST_LINES, diagnose.LAST_BYTES) + [str(error)]))
        or {}
    )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        known = {
            "name": "disk full",
            "cause": "the disk of {0} is full".format(place.work),
            "remedy": "free some space, or set ascend_work_dir to a disk with more, and run again",
        }
    return {
        "message": str(error) or type(error).__name__,
        "cause": known.get("cause", ""),
        "remedy": known.get("remedy", ""),
        "name": known.get("name", ""),
    }


def fail(build, place, error):
    # type: (stages.Build, builds.Place, Exception) -> None
    """Tell what ended a build, and end what it left running."""
    if os.path.exists(place.reserve):
        os.unlink(place.reserve)
    expected = isinstance(
        error,
        (recipe_steps.StepError, fetch.FetchError, archive.ArchiveError, wheels.WheelError, OSError, tarfile.TarError),
    )
    build.log("!!! {0}: {1}".format(build.status["stage"], error) if expected else traceback.format_exc())
    build.status.update(state="failed", error=explain(error, place))
    build.save()
    processes.end(place)


def stopped(place):
    # type: (builds.Place) -> None
    # One signal is enough; another one would end what this one began.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    processes.end(place)
    raise Stopped("it was stopped, by the playbook stop or because its host went down")


def out_of_time(order, place):
    # type: (Order, builds.Place) -> None
    processes.end(place)
    raise Stopped(
        "the build took longer than its time limit of {0} s. Raise ascend_timeout_s or the role's own _timeout_s, or give it more "
        "jobs".format(order.timeout_s)
    )
