# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build on a host: its name, its folders and files, and the products that come out of it.

It is detached (starting.py), locked (locks.py), and goes stage by stage (stages.py), with a log and a status file (looking.py).

Layout of the work directory, all of it 0700 and the builder's own:
  lock                                   held together by all builds that are under way, alone by who cleans up
  downloads/, git/                       sources, kept between builds
  builds/<name>-<version>-<fp12>/        lock, mark, status.json, build.log, reserve, stamps/<stage>.json, src/, obj/,
                                         stage/, tmp/, home/
  products/<name>-<version>-<fp12>/      product.json and the archive or wheel; there whole or not at all
"""

import json
import os

from ansible_collections.ascend.pytorch.plugins.module_utils.base import durable, trust
from ansible_collections.ascend.pytorch.plugins.module_utils.base.folders import make_folder
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products

TAIL_LINES = 20

# Given up when a build fails, so that on a full disk there is room to say why.
RESERVE_BYTES = 64 * 1024


class Place:
    """The paths of one build."""

    def __init__(self, work, name):
        # type: (str, str) -> None
        """
        :param work: the work directory; :param name: that of the build's folder, the label of its order
        """
        self.work = work
        self.folder = os.path.join(work, "builds", name)
        self.product = os.path.join(work, "products", name)
        self.downloads = os.path.join(work, "downloads")
        self.git = os.path.join(work, "git")
        self.lock = os.path.join(self.folder, "lock")
        # Empty: whatever works for the build has it open, and nothing else does.
        self.mark = os.path.join(self.folder, "mark")
        self.status = os.path.join(self.folder, "status.json")
        self.log = os.path.join(self.folder, "build.log")
        self.stamps = os.path.join(self.folder, "stamps")
        self.reserve = os.path.join(self.folder, "reserve")
        self.src, self.obj, self.stage, self.tmp, self.home = (
            os.path.join(self.folder, name) for name in ("src", "obj", "stage", "tmp", "home")
        )

    def own(self):
        # type: () -> Tuple[str, ...]
        """Return the folders that a build has for itself alone."""
        return self.src, self.obj, self.stage, self.tmp, self.home

    def make(self):
        # type: () -> None
        """Make the folders of a build."""
        make_work_dir(self.work)
        for folder in (self.folder, self.downloads, self.git, self.stamps) + self.own():
            if not os.path.isdir(folder):
                os.makedirs(folder)
        if not os.path.exists(self.reserve):
            with open(self.reserve, "wb") as stream:
                stream.write(b"\0" * RESERVE_BYTES)


def place(order):
    # type: (Order) -> Place
    """Return the paths of an order's build."""
    return Place(order.work_dir, order.label())


def make_work_dir(path):
    # type: (str) -> None
    """Make the work directory, closed to others. Raises OSError where others could have put something there."""
    trust.demand(path)
    make_folder(path, 0o700)


def write_json(path, data):
    # type: (str, Any) -> None
    """Write JSON that a reader never sees half of, and that a power cut may take away."""
    durable.write(path, json.dumps(data, sort_keys=True), lasts=False)


def tail(path, lines=TAIL_LINES, most_bytes=64 * 1024):
    # type: (str, int, int) -> List[str]
    """Return the last lines of a log, as many as stand in its last bytes."""
    try:
        with open(path, "rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - most_bytes))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-lines:]


def product(order):
    # type: (Order) -> Optional[Dict[str, Any]]
    """Return {"path", "sha256", "manifest"} of the finished product in the work directory; None when there is none."""
    return products.read(place(order).product, order.fingerprint)


def note_use(order):
    # type: (Order) -> None
    """Note that the product in the work directory, if there is one, is used now, whenever it was built: see cleaning.py."""
    try:
        os.utime(place(order).product)
    except OSError:
        # It is not there, or another account's: then its age decides.
        pass


def parts(order):
    # type: (Order) -> List[Order]
    """Return the orders of the products that come out of an order's build beside the whole."""
    return [order._replace(parts=[], **part) for part in order.parts]


def maker(order):
    # type: (Order) -> Order
    """Return an order with the fingerprint of the build that it comes out of: a part's is the whole's."""
    return order._replace(fingerprint=order.part_of or order.fingerprint)
