# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders made with a mode."""

import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.base import folders, locking
from ansible_collections.ascend.pytorch.plugins.module_utils.build import builds
from ansible_collections.ascend.pytorch.plugins.module_utils.product import entries
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import packing, unpacking


def modes(top, path):
    """The modes of the folders from top down to a path."""
    names = os.path.relpath(str(path), str(top)).split(os.sep)
    return [os.stat(os.path.join(str(top), *names[: depth + 1])).st_mode & 0o777 for depth in range(len(names))]


@pytest.fixture(autouse=True)
def python_3_6(monkeypatch):
    """Have os.makedirs give its mode to all that it makes, as that of Python 3.6 does."""

    def makedirs(path, mode=0o777, exist_ok=False):
        above = os.path.dirname(path)
        if above and not os.path.isdir(above):
            makedirs(above, mode, exist_ok)
        if not (exist_ok and os.path.isdir(path)):
            os.mkdir(path, mode)

    umask = os.umask(0o022)
    monkeypatch.setattr(os, "makedirs", makedirs)
    yield
    os.umask(umask)


def locked(path):
    with locking.hold(path + "/lock", 1):
        pass


def cached(path):
    entry = entries.Entry.__new__(entries.Entry)
    entry.top = path + "/products"
    entry.make()


def unpacked(path):
    packed = os.path.dirname(os.path.dirname(path)) + "/packed.tar.gz"
    source = os.path.dirname(packed) + "/source"
    os.makedirs(source + "/below")
    with open(source + "/below/file", "w"):
        pass
    packing.pack(source, packed)
    unpacking.unpack(packed, path, strip=0)


@pytest.mark.parametrize(
    "make, mode",
    [
        (lambda path: folders.make_folder(path, 0o700), 0o700),
        (lambda path: folders.make_folder(path + "/", 0o700), 0o700),
        (builds.make_work_dir, 0o700),
        (cached, 0o700),
        (locked, 0o755),
        (unpacked, 0o755),
    ],
)
def test_the_mode_is_the_last_ones_alone(tmp_path, make, mode):
    path = tmp_path / "data" / "pool" / "work"
    make(str(path))
    assert modes(tmp_path, path) == [0o755, 0o755, mode]


def test_one_that_is_there_keeps_its_mode(tmp_path):
    folders.make_folder(str(tmp_path), 0o711)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_two_may_make_one_at_once(tmp_path, monkeypatch):
    """Whoever looks finds none, and then another has made it."""
    path, mkdir = tmp_path / "work", os.mkdir
    monkeypatch.setattr(os, "mkdir", lambda each, mode: (mkdir(each), mkdir(each, mode)))
    folders.make_folder(str(path), 0o700)
    assert path.is_dir()
