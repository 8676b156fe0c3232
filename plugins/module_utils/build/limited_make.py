# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A `make` for the front of PATH that keeps to a number of jobs, for sources that start as many as the machine has cores."""

import os
import shlex

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable

# "-j", "-j8", "--jobs" and "--jobs=8", and "-j 8" or "--jobs 8", whose number is an argument of its own, are replaced; all
# other arguments are kept, in their order. Below it, `$(MAKE)` is the real make, with its job server.
_SCRIPT = """\
#!/bin/sh
# Runs make with {jobs} jobs, however many its caller asks for.
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  left=$((left - 1))
  case $argument in
    -j | --jobs)
      if [ "$left" -gt 0 ]; then
        case $1 in
          *[!0-9]* | '') ;;
          *)
            shift
            left=$((left - 1))
            ;;
        esac
      fi
      set -- "$@" -j{jobs}
      ;;
    -j[0-9]* | --jobs=*) set -- "$@" -j{jobs} ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec {make} "$@"
"""


def write(path, make, jobs):
    # type: (str, str, int) -> None
    """Write the program `path`, which runs the program `make` with that number of jobs. Raises OSError."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    durable.write(path, _SCRIPT.format(jobs=jobs, make=shlex.quote(make)), mode=0o755)
