# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A `make` and a `ninja` for the front of PATH, for build scripts that generate code, run CMake and then one of them.

They keep to a number of jobs, since some scripts start as many as the machine has cores. And they let a build that was
stopped continue: the script generates its code again, and what is newer than its object would be compiled again, so a
file whose content is what it was before the last call gets the time back that it had then.
"""

import os
import shlex
from typing import Mapping

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable

# "-j", "-j8", "--jobs" and "--jobs=8", and "-j 8" or "--jobs 8", whose number is an argument of its own, are replaced; all
# other arguments are kept, in their order. Below make, `$(MAKE)` is the real make, with its job server.
# What is newer than the script itself was written by the build, which begins later. Folders that only the build writes to
# are left out.
_SCRIPT = """\
#!/bin/sh
# Runs {program} with {jobs} jobs, however many its caller asks for, on files that have their former times if they are the same.
[ ! -d {tree} ] || (
  cd {tree} || exit
  find . \\( -name .git -o -path ./build -o -path ./dist \\) -prune -o -type f -newer "$0" -print | while IFS= read -r file; do
    kept={kept}/$file
    if cmp -s "$kept" "$file"; then
      touch -c -r "$kept" "$file"
    else
      # No copy is better than an old one: it would give its time to a file that objects were not compiled from.
      rm -f "$kept" && mkdir -p "${{kept%/*}}" && cp -p "$file" "$kept.new" && mv -f "$kept.new" "$kept"
    fi
  done
) || echo "{program}: not all generated files are remembered: a build that is continued compiles more" >&2
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
exec {real} "$@"
"""


def write(folder: str, programs: Mapping[str, str], jobs: int, tree: str, kept: str) -> None:
    """Write the programs into a folder. Raises OSError.

    :param programs: make, and ninja where there is one -> the real program
    :param tree: where code is generated; :param kept: the folder for copies of what was generated
    """
    os.makedirs(folder, exist_ok=True)
    for program, real in programs.items():
        text = _SCRIPT.format(
            program=program, real=shlex.quote(real), jobs=jobs, tree=shlex.quote(tree), kept=shlex.quote(kept)
        )
        durable.write(os.path.join(folder, program), text, mode=0o755)
