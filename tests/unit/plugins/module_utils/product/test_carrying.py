# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of carrying products piece by piece."""

import json
import os

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import carrying, entries, products
from host_entries import FILE, LABEL, MARK, age, fill


def test_pieces_of_killed_runs_are_swept(entry, tmp_path):
    pieces = [tmp_path / f"ansible-tmp-{number}/ascend-piece" for number in range(3)]
    for piece in pieces:
        piece.parent.mkdir()
        piece.write_bytes(b"")
    for piece in pieces[:2]:
        age(piece, entries.PIECE_IDLE_S + 9)
    sha256 = products.metadata(entry.folder)["sha256"]
    assert carrying.write_piece(entry, sha256, 0, 4, str(pieces[0])) == 4
    assert [piece.exists() for piece in pieces] == [True, False, True] and pieces[0].read_bytes() == b"cont"
    assert carrying.write_piece(entry, sha256, 4, 9, str(pieces[0])) == 3 and pieces[0].read_bytes() == b"ent"


def test_a_piece_is_no_link_to_elsewhere(entry, tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "ascend-piece").symlink_to(tmp_path / "precious")
    with pytest.raises(entries.CarryingError, match="ansible_remote_tmp"):
        carrying.write_piece(entry, products.metadata(entry.folder)["sha256"], 0, 4, str(tmp_path / "ascend-piece"))
    assert (tmp_path / "precious").read_text() == "mine"


def test_pieces_of_two_files_do_not_make_a_third(entry, tmp_path):
    with pytest.raises(entries.CarryingError, match="removed or replaced"):
        carrying.write_piece(entry, "0" * 64, 0, 4, str(tmp_path / "piece"))


def test_metadata_of_another_product_is_refused(entry):
    named = {"name": "tool", "version": "1.0", "fingerprint": "e" * 64}
    file = "tool-1.0-" + "e" * 12 + ".tar.gz"
    other = json.dumps({"file": file, "size": 1, "sha256": "0" * 64, "manifest": named})
    with pytest.raises(entries.CarryingError, match="is of another product") as caught:
        carrying.prepare(entry, other, False)
    assert caught.value.damaged


def test_a_product_whose_last_piece_had_arrived_before(tmp_path):
    metadata = fill(tmp_path / "made", b"content")
    entry = entries.Entry(str(tmp_path / "work"), LABEL, MARK)
    assert carrying.prepare(entry, json.dumps(metadata), False) == {"present": False, "received": 0}
    (tmp_path / "made" / FILE).rename(os.path.join(entry.partial(metadata["sha256"]), FILE))
    assert carrying.prepare(entry, json.dumps(metadata), False) == {"present": False, "received": 7}
    assert carrying.receive(entry, json.dumps(metadata), None, 7, None, 0)["present"]
    assert entry.whole() and oct(os.stat(entry.top).st_mode & 0o777) == "0o700"
