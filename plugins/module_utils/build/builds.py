# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build on a host: its name, its folders and files, and the products that come out of it.

It is detached (starting.py), locked (locks.py), and goes stage by stage (stages.py), with a log and a status file (looking.py).

Layout of the work directory, all of it 0700 and the builder's own:
  lock                                   shared by all builds that are under way, exclusive while cleaning
  downloads/, git/                       sources, kept between builds
  builds/<name>-<version>-<fp12>/        lock, mark, status.json, build.log, reserve, stamps/<stage>.json, src/, obj/,
                                         stage/, tmp/, home/
  products/<name>-<version>-<fp12>/      product.json and the archive or wheel; complete or not there
"""

import json
import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, trust
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products

TAIL_LINES = 20

# Deleted when a build fails, so that the reason can be written on a full disk.
RESERVE_BYTES = 64 * 1024


class BuildPaths:
    """The paths of one build."""

    def __init__(self, work, name):
        # type: (str, str) -> None
        """
        :param work: the work directory; :param name: name of the build's folder, which is the order's label
        """
        self.work = work
        self.folder = os.path.join(work, "builds", name)
        self.product = os.path.join(work, "products", name)
        self.downloads = os.path.join(work, "downloads")
        self.git = os.path.join(work, "git")
        self.lock = os.path.join(self.folder, "lock")
        # An empty file that the build's programs have open, and nothing else.
        self.mark = os.path.join(self.folder, "mark")
        self.status = os.path.join(self.folder, "status.json")
        self.log = os.path.join(self.folder, "build.log")
        self.stamps = os.path.join(self.folder, "stamps")
        self.reserve = os.path.join(self.folder, "reserve")
        self.src, self.obj, self.stage, self.tmp, self.home = (
            os.path.join(self.folder, name) for name in ("src", "obj", "stage", "tmp", "home")
        )

    def own_folders(self):
        # type: () -> Tuple[str, ...]
        """Return the folders that only this build uses."""
        return self.src, self.obj, self.stage, self.tmp, self.home

    def make_folders(self):
        # type: () -> None
        """Make the folders of a build."""
        make_work_dir(self.work)
        for folder in (self.folder, self.downloads, self.git, self.stamps) + self.own_folders():
            if not os.path.isdir(folder):
                os.makedirs(folder)
        if not os.path.exists(self.reserve):
            with open(self.reserve, "wb") as stream:
                stream.write(b"\0" * RESERVE_BYTES)


def paths(order):
    # type: (Order) -> BuildPaths
    """Return the paths of an order's build."""
    return BuildPaths(order.work_dir, order.label())


def make_work_dir(path):
    # type: (str) -> None
    """Make the work directory with mode 0700. Raises OSError where other accounts could have put something there."""
    trust.require_private(path)
    make_folder(path, 0o700)


def write_json(path, data):
    # type: (str, Any) -> None
    """Write JSON so that a reader never sees half of it; it may be lost in a power cut."""
    durable.write(path, json.dumps(data, sort_keys=True), synced=False)


def tail(path, lines=TAIL_LINES, max_bytes=64 * 1024):
    # type: (str, int, int) -> List[str]
    """Return the last lines of a log, from its last bytes at most."""
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - max_bytes))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]


def finished_product(order):
    # type: (Order) -> Optional[Dict[str, Any]]
    """Return {"path", "sha256", "manifest"} of the finished product in the work directory; None when there is none."""
    return products.read(paths(order).product, order.fingerprint)


def note_use(order):
    # type: (Order) -> None
    """Record that the product in the work directory, if there is one, is used now; see cleaning.py."""
    try:
        os.utime(paths(order).product)
    except OSError:
        # It is not there, or belongs to another account: then its age decides.
        pass


def part_orders(order):
    # type: (Order) -> List[Order]
    """Return the orders of the parts that come out of an order's build, apart from the whole."""
    return [order._replace(parts=[], **part) for part in order.parts]


def with_build_fingerprint(order):
    # type: (Order) -> Order
    """Return an order with the fingerprint of its build: a part comes out of the build of the whole."""
    return order._replace(fingerprint=order.part_of or order.fingerprint)
