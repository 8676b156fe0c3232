# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install wheels or remove one in one transaction of pip.

pip removes a different version first and puts it back when it cannot install the new one. It does not notice a wheel that
is installed but does not work: each wheel is tried first, in a folder of its own.
"""

import glob
import os
import shutil
from typing import Any, Callable, Dict, List, NamedTuple

from ansible_collections.ascend.pytorch.plugins.module_utils.base import file_names
from ansible_collections.ascend.pytorch.plugins.module_utils.product import fingerprint, harmless, unpacked
from ansible_collections.ascend.pytorch.plugins.module_utils.product import wheel as wheels
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.module_utils.publish import publishing
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive

ASIDE_SUFFIX = ".aside-ascend"
TRIAL_SUFFIX = ".ascend-proof"


class Wheel(NamedTuple):
    """A wheel to install: its path is "" where it is already installed and whole."""

    order: Order
    path: str
    sha256: str
    manifest: Dict[str, Any]
    # The requirements that pip must install before it.
    requirements: List[str]


# Called with argv, returns the output of pip and raises where it failed.
Runner = Callable[[List[str]], str]


def install(wanted, run, check_sanity):
    # type: (List[Wheel], Runner, Callable[[Wheel, List[str]], None]) -> Tuple[List[Wheel], List[str], Optional[Exception]]
    """Install wheels for one Python, and their requirements, in one transaction; the caller holds the lock.

    Return the wheels that are installed now, notes about harmless complaints of pip, and the error of the first wheel that
    does not work here, None for none. That one and those after it, which need it, are not installed, nor is what is only
    installed with one of them.

    :param wanted: in the order in which they need each other
    :param check_sanity: called with a wheel and the folders that it and those before it are unpacked into, its own first; raises
        when it does not work on this host
    """
    for wheel in wanted:
        if wheel.path and fingerprint.file_digest(wheel.path) != wheel.sha256:
            raise publishing.PublishError(
                "{0} is not the product that was built: its sha256 differs. Remove it and run again".format(wheel.path)
            )
    order = wanted[0].order
    pip = [order.python, "-m", "pip", "install", "--disable-pip-version-check"]
    said, required, options = "", [], []  # type: str, List[str], List[List[str]]
    for wheel in wanted:
        for line in wheel.requirements:
            if line not in required:
                required.append(line)
        if wheel.requirements and wheel.order.pip_options not in options:
            options.append(wheel.order.pip_options)
    if required:
        said += run(pip + [option for some in options for option in some] + required)
    working, error = _try_wheels(wanted, check_sanity)
    # A wheel without the one that it works with would leave the host with less than it had.
    lost = {wheel.order.name for wheel in wanted} - {wheel.order.name for wheel in working}
    working = [wheel for wheel in working if wheel.order.installed_with not in lost]
    paths = [wheel.path for wheel in working if wheel.path]
    if paths:
        said += run(pip + list(order.pip_options) + ["--no-deps", "--no-index", "--force-reinstall"] + paths)
    return working, harmless.harmless_messages(said), error


def _try_wheels(wanted, check_sanity):
    # type: (List[Wheel], Callable[[Wheel, List[str]], None]) -> Tuple[List[Wheel], Optional[Exception]]
    """Return the wheels before the first that does not work on this host, and the error of that one."""
    # On the file system where they will be installed: it has room for them, and is not mounted noexec.
    aside = os.path.join(os.path.dirname(publishing.lock_path(wanted[0].order)), TRIAL_SUFFIX)
    publishing.remove_partial(aside)
    partial = publishing.partial_path(aside)
    folders = []  # type: List[str]
    try:
        for wheel in wanted:
            if not wheel.path:
                continue
            folders.insert(0, os.path.join(partial, wheel.order.name))
            try:
                unpacked.unpack_wheel(wheel.path, folders[0])
            except (archive.ArchiveError, wheels.WheelError, OSError) as error:
                return wanted[: wanted.index(wheel)], error
            try:
                check_sanity(wheel, folders)
            except Exception as error:
                return wanted[: wanted.index(wheel)], error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return wanted, None


def pip_environment(order):
    # type: (Order) -> Dict[str, str]
    """Return the changes to the environment of pip: the order's Python needs the same library path as in a build.

    pip unpacks in the work directory, since /tmp may be small or noexec; where that is missing, in the usual places.
    """
    return {
        "LC_ALL": "C.UTF-8",
        "LD_LIBRARY_PATH": ":".join(order.library_path),
        "PYTHONPATH": "",
        "TMPDIR": order.work_dir,
    }


def withdraw(order, run, dry=False):
    # type: (Order, Runner, bool) -> Tuple[List[str], List[str]]
    """Remove a wheel of this collection with pip; return (paths that are removed, notes about what stays).

    pip deletes what RECORD lists, also files that were changed since: those are moved aside first and moved back
    afterwards. pip leaves what RECORD does not list.

    :param run: called with (argv), raises on failure
    :param dry: only return it
    """
    there = wheels.installed(order.sites, order.distribution)
    if there is None or there["manifest"] is None:
        return [], []
    site, info = there["site"], os.path.basename(there["dist_info"])
    listed = [row[0] for row in wheels.read_record(there["dist_info"])]
    roots = sorted(
        {os.path.normpath(os.path.join(site, file_names.to_native(_top_level(relative)))) for relative in listed}
    )
    # pip needs the dist-info, so its files are removed even if they were changed.
    changed = [
        line.rpartition(": ")[0]
        for line in wheels.damage(there["dist_info"], full=True)
        if not line.endswith(": missing") and not line.startswith(info + "/")
    ]
    stay = sorted(set(changed + _find_unlisted(site, roots, listed)))
    if not dry:
        aside = [os.path.join(site, file_names.to_native(relative)) for relative in changed]
        try:
            for path in aside:
                os.rename(path, path + ASIDE_SUFFIX)
            run([order.python, "-m", "pip", "uninstall", "-y", order.distribution])
        finally:
            for path in aside:
                if os.path.lexists(path + ASIDE_SUFFIX):
                    os.rename(path + ASIDE_SUFFIX, path)
        # Where something stays, pip leaves all folders, also empty ones.
        for folder in [folder for root in roots for folder, _names, _files in os.walk(root, topdown=False)]:
            if not os.listdir(folder):
                os.rmdir(folder)
    return roots, [publishing.note_kept_files(site, stay)] if stay else []


def _top_level(relative):
    # type: (str) -> str
    # A path outside the site folder ("../../bin/tool") is returned whole.
    return relative if relative.startswith(("../", "/")) else relative.partition("/")[0]


def _find_unlisted(site, roots, listed):
    # type: (str, List[str], List[str]) -> List[str]
    """Return the relative paths of files in a wheel's own folders that RECORD does not list, except __pycache__."""
    known, found = frozenset(listed), []
    for root in roots:
        for folder, names, files in os.walk(root):
            if "__pycache__" in names:
                names.remove("__pycache__")
            for name in files + [name for name in names if os.path.islink(os.path.join(folder, name))]:
                relative = file_names.to_text(os.path.relpath(os.path.join(folder, name), site))
                if relative not in known:
                    found.append(relative)
    return found


def remove_stashed(sites, distribution):
    # type: (List[str], str) -> List[str]
    """Remove what a killed pip left in site directories (a name whose first letter is ~ instead); return the paths."""
    swept = []
    stash = "~" + distribution[1:]
    for site in sites:
        for path in glob.glob(os.path.join(glob.escape(site), glob.escape(stash) + "*")):
            if os.path.basename(path) == stash or os.path.basename(path).startswith(stash + "-"):
                shutil.rmtree(path, ignore_errors=True)
                swept.append(path)
    return swept
