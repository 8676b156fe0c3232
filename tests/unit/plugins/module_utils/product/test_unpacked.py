# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels unpacked: as pip spreads them, and nothing outside the folder. Trees: publish/test_publishing.py."""

import zipfile

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import unpacked, wheel
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import archive

RECORD = "torch-1.dist-info/RECORD"


def unpack(tmp_path, *names, record=""):
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as out:
        for name in names:
            out.writestr(name, name)
        out.writestr(RECORD, record)
    unpacked.unpack_wheel(str(tmp_path / "x.whl"), str(tmp_path / "out"))
    return sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_packages_and_their_data(tmp_path):
    assert unpack(tmp_path, "torch/a.py", "torch/lib/b.so") == [
        RECORD,
        "torch/a.py",
        "torch/lib/b.so",
    ]


def test_what_goes_to_the_site_by_way_of_a_data_folder(tmp_path):
    found = unpack(
        tmp_path,
        "torch/a.py",
        "torch-1.data/purelib/torch/b.py",
        "torch-1.data/platlib/torch/deep/c.so",
        "torch-1.data/platlib/d.py",
        "torch-1.data/scripts/run",
    )
    assert found == ["d.py", "torch-1.data/scripts/run", RECORD, "torch/a.py", "torch/b.py", "torch/deep/c.so"]


def test_nothing_is_written_elsewhere(tmp_path):
    with pytest.raises(archive.ArchiveError):
        unpack(tmp_path, "torch/a.py", "../evil.py")
    assert not (tmp_path / "evil.py").exists()


def test_a_wheel_holds_no_more_than_its_record_says(tmp_path, monkeypatch):
    monkeypatch.setattr(wheel, "UNLISTED_BYTES", 20)
    assert "torch/a.py" in unpack(tmp_path, "torch/a.py", record="torch/a.py,,10\n")
    with pytest.raises(archive.ArchiveError):
        unpack(tmp_path, "torch/" + "a" * 40, record="torch/a.py,,10\n")


def test_what_is_no_wheel_is_told(tmp_path):
    (tmp_path / "x.whl").write_bytes(b"no zip")
    with pytest.raises(wheel.WheelError, match="cannot be read"):
        unpacked.unpack_wheel(str(tmp_path / "x.whl"), str(tmp_path / "out"))
