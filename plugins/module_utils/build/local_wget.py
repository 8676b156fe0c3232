# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A `wget` for the front of PATH that copies files which were fetched before, for sources that download them in their build."""

import os
import shlex

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable

_SCRIPT = """\
#!/bin/sh
# Copies what is downloaded in this build, which was fetched and verified before it.
from=
to=
while [ "$#" -gt 0 ]; do
  case $1 in
    -O)
      to=$2
      shift
      ;;
{cases}
    http*)
      echo "wget: $1 is not a source of this build: nothing is downloaded here" >&2
      exit 4
      ;;
  esac
  shift
done
exec cp -- "$from" "${{to:-${{from##*/}}}}"
"""
_CASE = "    {url}) from={path} ;;"


def write(path, files):
    # type: (str, Dict[str, str]) -> None
    """Write the program `path`, which copies instead of downloading. Raises OSError.

    :param files: URL -> the path of the file
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    cases = "\n".join(_CASE.format(url=shlex.quote(url), path=shlex.quote(files[url])) for url in sorted(files))
    durable.write(path, _SCRIPT.format(cases=cases), mode=0o755)
