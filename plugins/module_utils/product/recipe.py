# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe: what to build, as data; and the checks and values that a host derives from it.

A recipe is a mapping:
  name, version     of the product
  product           "tree" (published at a prefix) or "wheel" (installed by pip)
  state             "present", or "absent": to be removed
  prefix            trees: "auto" or a path (see base/places.py)
  links             trees: [{"path": "auto"|path, "target": path below the prefix}], links outside of the prefix
  accept            trees: {"commands": [..], "minimum": v, "maximum": v}: what the host may have instead; absent: nothing.
                    The maximum may be a mapping of architectures
  distribution      wheels: its name in pip
  installed_with    wheels: the product that it works with, which is installed in the same transaction; absent: none
  in_release        false where the release has no such product, and that of another release is removed
  sources           [{name, kind: archive|file|git, dest, urls, and file + sha256, or repo + commit + ref + submodules +
                    without}]. A file, such as a wheel, is put into dest as it is. without: paths of submodules, in the tree,
                    that are left out
  built_with        names of the tools (products too) that must be installed before it: "cmake", "gcc730"
  environment       variables of every step
  stages            {"patch"|"configure"|"build"|"install"|"sanity": [step, ..]} (see build/steps.py)
  verify            steps that check the published product: {"run", "stdin", "expect", "timeout_s", "remedy"}
  verify_npu        more of them, for hosts with an NPU
  needs             what must be on the host to build (keys of host/needs.py's table)
  runs_with         what must be on every host that has the product (keys of the same table)
  runtime           trees: [pattern below the prefix]: the files that programs built with it need to run; a product of
                    their own for hosts that build nothing; absent: those hosts need none of them
  mem_gib_per_job, disk_gib   the memory and disk space that a build takes, in GiB
  mem_gib_first     the memory that one job takes if no other runs, in GiB: that of the largest file; absent: mem_gib_per_job

Names in braces in a step are filled in on the host: {src} {obj} {stage} {root} {prefix} {jobs} {python}
{python_version} {env_file} {version} {work}; in the steps of verify and verify_npu {prefix} {python} {env_file}
{version}, and {site}, where a wheel is installed.
"""

import re
from typing import Any, Dict, List

from ansible_collections.ascend.pytorch.plugins.module_utils.sources import fetch

STAGES = ("fetch", "verify", "extract", "patch", "configure", "build", "install", "sanity")

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


def fill_placeholders(value: Any, names: Dict[str, str]) -> Any:
    """Replace the known {names} in every string of nested lists and mappings; other braces are kept."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, list):
        return [fill_placeholders(item, names) for item in value]
    if isinstance(value, dict):
        return {key: fill_placeholders(item, names) for key, item in value.items()}
    return value


def problems(recipe: Dict[str, Any]) -> List[str]:
    """Return what is wrong with a recipe's pins, each with the remedy; empty when every source is pinned."""
    found = []
    for source in recipe["sources"]:
        if fetch.is_file(source) and not _SHA256.match(source.get("sha256") or ""):
            found.append(
                "{0}: the sha256 of {1} must be 64 lower-case hexadecimal digits, got {2!r} ({3} characters); "
                "set {0}'s digest variable to what `sha256sum {1}` prints".format(
                    recipe["name"], source["file"], source.get("sha256"), len(source.get("sha256") or "")
                )
            )
        elif source["kind"] == "git" and not _COMMIT.match(source.get("commit") or ""):
            found.append(
                "{0}: the commit of {1} must be 40 lower-case hexadecimal digits, got {2!r}; "
                "set it to what `git rev-parse {3}^{{commit}}` prints".format(
                    recipe["name"], source["repo"], source.get("commit"), source.get("ref") or "HEAD"
                )
            )
    return found


def memory_for_one_job(recipe: Dict[str, Any]) -> float:
    """Return the GiB of memory without which a recipe's build fails, however few jobs it runs."""
    return float(recipe.get("mem_gib_first") or recipe.get("mem_gib_per_job", 1))


def job_count(wanted: Any, cores: int, available_mib: int, recipe: Dict[str, Any]) -> int:
    """Return how many jobs to run: the number asked for, or for "auto" what both the cores and the free memory allow."""
    if str(wanted) != "auto":
        return max(1, int(wanted))
    each = float(recipe.get("mem_gib_per_job", 1))
    # One job may compile the largest file while the others compile usual ones.
    rest_gib = available_mib / 1024.0 - memory_for_one_job(recipe)
    return max(1, min(cores, 1 + int(rest_gib / each) if each else cores))
