# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install wheels, or take one away, by pip's own transaction.

pip removes a different version first and puts it back when it cannot install the new one. It cannot tell one that is
installed and does not work: that is tried before, in a folder of its own.
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

ASIDE = ".aside-ascend"
PROOF = ".ascend-proof"


class Wheel(NamedTuple):
    """A wheel that is to stand: the path of its file is "" where it is installed and whole."""

    order: Order
    path: str
    sha256: str
    manifest: Dict[str, Any]
    # Lines that pip is to install before it.
    requirements: List[str]


# Called with argv, returns what pip said and raises where it failed.
Runner = Callable[[List[str]], str]


def install(wanted, run, prove_sane):
    # type: (List[Wheel], Runner, Callable[[Wheel, List[str]], None]) -> Tuple[List[Wheel], List[str], Optional[Exception]]
    """Install wheels for one Python, and what they require, in one transaction; for whoever holds its place.

    Return those that stand now, notes about complaints of pip that mean no harm, and what is wrong with the first that does not
    stand: it does not work here. Those after it need it, and are left out.

    :param wanted: in the order in which they need each other
    :param prove_sane: called with a wheel and the folders that it, and those before it, are unpacked into, its own first; raises
        when it does not work on this host
    """
    for wheel in wanted:
        if wheel.path and fingerprint.file_digest(wheel.path) != wheel.sha256:
            raise publishing.PublishError(
                "{0} is not the product that was built (its sha256 differs): remove it and run again".format(wheel.path)
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
    sound, trouble = _proven(wanted, prove_sane)
    paths = [wheel.path for wheel in sound if wheel.path]
    if paths:
        said += run(pip + list(order.pip_options) + ["--no-deps", "--no-index", "--force-reinstall"] + paths)
    return sound, harmless.harmless(said), trouble


def _proven(wanted, prove_sane):
    # type: (List[Wheel], Callable[[Wheel, List[str]], None]) -> Tuple[List[Wheel], Optional[Exception]]
    """Return the wheels up to the first that does not work on this host, and what is wrong with that one."""
    # Beside where they will stand: there is room for them, and what is there may be loaded.
    aside = os.path.join(os.path.dirname(publishing.lock_path(wanted[0].order)), PROOF)
    publishing.sweep_partial(aside)
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
                prove_sane(wheel, folders)
            except Exception as error:
                return wanted[: wanted.index(wheel)], error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return wanted, None


def pip_environment(order):
    # type: (Order) -> Dict[str, str]
    """Return what differs in the environment of a pip that publishes: an order's Python starts there as it does in builds.

    It unpacks things in the work directory: /tmp may be small, or noexec. Without one, pip looks on.
    """
    return {
        "LC_ALL": "C.UTF-8",
        "LD_LIBRARY_PATH": ":".join(order.library_path),
        "PYTHONPATH": "",
        "TMPDIR": order.work_dir,
    }


def withdraw(order, run, dry=False):
    # type: (Order, Runner, bool) -> Tuple[List[str], List[str]]
    """Have pip take away a wheel that is ours; return (paths that go, notes about what stays).

    pip deletes what RECORD lists, whatever it holds by now: what was changed since is laid aside before and put back
    after. What RECORD does not list, pip leaves.

    :param run: called with (argv), raises on failure
    :param dry: only say so
    """
    there = wheels.installed(order.sites, order.distribution)
    if there is None or there["manifest"] is None:
        return [], []
    site, info = there["site"], os.path.basename(there["dist_info"])
    listed = [row[0] for row in wheels.recorded(there["dist_info"])]
    roots = sorted({os.path.normpath(os.path.join(site, file_names.native(_top(relative)))) for relative in listed})
    # pip reads the dist-info to know what to do, so that goes whatever became of it.
    changed = [
        line.rpartition(": ")[0]
        for line in wheels.damage(there["dist_info"], full=True)
        if not line.endswith(": missing") and not line.startswith(info + "/")
    ]
    stay = sorted(set(changed + _unlisted(site, roots, listed)))
    if not dry:
        aside = [os.path.join(site, file_names.native(relative)) for relative in changed]
        try:
            for path in aside:
                os.rename(path, path + ASIDE)
            run([order.python, "-m", "pip", "uninstall", "-y", order.distribution])
        finally:
            for path in aside:
                if os.path.lexists(path + ASIDE):
                    os.rename(path + ASIDE, path)
        # Where something stays, pip leaves every folder, the empty ones too.
        for folder in [folder for root in roots for folder, _names, _files in os.walk(root, topdown=False)]:
            if not os.listdir(folder):
                os.rmdir(folder)
    return roots, [publishing.staying(site, stay)] if stay else []


def _top(relative):
    # type: (str) -> str
    # What stands elsewhere ("../../bin/tool") is named whole.
    return relative if relative.startswith(("../", "/")) else relative.partition("/")[0]


def _unlisted(site, roots, listed):
    # type: (str, List[str], List[str]) -> List[str]
    """Return the relative paths of what stands in a wheel's own folders beside it; what Python compiles does not count."""
    known, found = frozenset(listed), []
    for root in roots:
        for folder, names, files in os.walk(root):
            if "__pycache__" in names:
                names.remove("__pycache__")
            for name in files + [name for name in names if os.path.islink(os.path.join(folder, name))]:
                relative = file_names.told(os.path.relpath(os.path.join(folder, name), site))
                if relative not in known:
                    found.append(relative)
    return found


def sweep(sites, distribution):
    # type: (List[str], str) -> List[str]
    """Remove what a killed pip stashed in site directories (a name whose first letter became ~); return the paths."""
    swept = []
    stash = "~" + distribution[1:]
    for site in sites:
        for path in glob.glob(os.path.join(glob.escape(site), glob.escape(stash) + "*")):
            if os.path.basename(path) == stash or os.path.basename(path).startswith(stash + "-"):
                shutil.rmtree(path, ignore_errors=True)
                swept.append(path)
    return swept
