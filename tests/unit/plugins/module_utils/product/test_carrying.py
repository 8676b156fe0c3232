# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of carrying products: what it keeps, what it sweeps, and what it does not touch."""

import email.message
import io
import json
import os
import urllib.request
import urllib.response

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import carrying, products

LABEL, MARK = "tool-1.0-ffffffffffff", "f" * 64
FILE = LABEL + ".tar.gz"


@pytest.fixture
def shelf(tmp_path):
    """A work directory with the product."""
    made = carrying.Shelf(str(tmp_path / "work"), LABEL, MARK)
    fill(tmp_path / "work/products" / LABEL, b"content")
    return made


def fill(folder, content):
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(content)
    card = products.compose(str(folder / FILE), {"name": "tool", "version": "1.0", "fingerprint": MARK})
    (folder / "product.json").write_text(json.dumps(card))
    return card


def age(path, seconds):
    for each in [*path.iterdir(), path] if path.is_dir() else [path]:
        os.utime(each, (each.stat().st_atime, each.stat().st_mtime - seconds))


def test_nothing_is_carried_to_where_others_could_have_put_something(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "work").symlink_to("elsewhere")
    with pytest.raises(carrying.CarryingError, match="work is a link.*Set ascend_work_dir"):
        carrying.Shelf(str(tmp_path / "work"), LABEL, MARK).make()
    assert os.listdir(tmp_path / "elsewhere") == []


def test_what_killed_runs_left_is_swept_in_time(shelf, tmp_path):
    top = tmp_path / "work/products"
    for name in ("a.partial-1", "b.partial-2", "c", LABEL + ".partial-123456789012"):
        fill(top / name, b"half")
    for name in ("a.partial-1", "c", LABEL + ".partial-123456789012"):
        age(top / name, carrying.IDLE_S + 9)
    shelf.sweep("1234567890123")
    assert sorted(os.listdir(top)) == ["b.partial-2", "c", LABEL, LABEL + ".partial-123456789012"]


def test_pieces_of_killed_runs_are_swept(shelf, tmp_path):
    pieces = [tmp_path / f"ansible-tmp-{number}/ascend-piece" for number in range(3)]
    for piece in pieces:
        piece.parent.mkdir()
        piece.write_bytes(b"")
    for piece in pieces[:2]:
        age(piece, carrying.PIECE_IDLE_S + 9)
    sha256 = products.card(shelf.folder)["sha256"]
    assert carrying.cut(shelf, sha256, 0, 4, str(pieces[0])) == 4
    assert [piece.exists() for piece in pieces] == [True, False, True] and pieces[0].read_bytes() == b"cont"
    assert carrying.cut(shelf, sha256, 4, 9, str(pieces[0])) == 3 and pieces[0].read_bytes() == b"ent"


def test_a_piece_is_no_link_to_elsewhere(shelf, tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "ascend-piece").symlink_to(tmp_path / "precious")
    with pytest.raises(carrying.CarryingError, match="ansible_remote_tmp"):
        carrying.cut(shelf, products.card(shelf.folder)["sha256"], 0, 4, str(tmp_path / "ascend-piece"))
    assert (tmp_path / "precious").read_text() == "mine"


def test_pieces_of_two_files_do_not_make_a_third(shelf, tmp_path):
    with pytest.raises(carrying.CarryingError, match="taken away or replaced"):
        carrying.cut(shelf, "0" * 64, 0, 4, str(tmp_path / "piece"))


def test_a_card_of_another_product_is_refused(shelf):
    named = {"name": "tool", "version": "1.0", "fingerprint": "e" * 64}
    file = "tool-1.0-" + "e" * 12 + ".tar.gz"
    other = json.dumps({"file": file, "size": 1, "sha256": "0" * 64, "manifest": named})
    with pytest.raises(carrying.CarryingError, match="is not its own") as caught:
        carrying.wanted(shelf, other, False)
    assert caught.value.damaged


def test_a_product_whose_last_piece_had_arrived_before(tmp_path):
    card = fill(tmp_path / "made", b"content")
    shelf = carrying.Shelf(str(tmp_path / "work"), LABEL, MARK)
    assert carrying.wanted(shelf, json.dumps(card), False) == {"present": False, "received": 0}
    (tmp_path / "made" / FILE).rename(os.path.join(shelf.partial(card["sha256"]), FILE))
    assert carrying.wanted(shelf, json.dumps(card), False) == {"present": False, "received": 7}
    assert carrying.receive(shelf, json.dumps(card), None, 7, None, 0)["present"]
    assert shelf.whole() and oct(os.stat(shelf.top).st_mode & 0o777) == "0o700"


def test_what_others_take_already_stays_unless_it_lacks_the_signature(shelf, tmp_path):
    place = (tmp_path / "shared").as_uri()
    fill(tmp_path / "shared" / LABEL, b"theirs")
    assert carrying.keep(shelf, place, None) is False
    assert carrying.keep(shelf, place, "signed") is True
    assert carrying.keep(shelf, place, "signed") is False
    assert carrying.look_up(place, LABEL, False)["signature"] == "signed"
    assert (tmp_path / "shared" / LABEL / FILE).read_bytes() == b"content"


def test_halves_at_a_shared_place_are_swept(shelf, tmp_path):
    for name in ("old", "new"):
        fill(tmp_path / "shared" / (LABEL + ".partial-" + name), b"half")
    age(tmp_path / "shared" / (LABEL + ".partial-old"), carrying.PIECE_IDLE_S + 9)
    carrying.keep(shelf, (tmp_path / "shared").as_uri(), None)
    assert sorted(os.listdir(tmp_path / "shared")) == [".locks", LABEL, LABEL + ".partial-new"]


def test_a_file_system_that_is_not_mounted_is_not_made_up_for(shelf, tmp_path):
    with pytest.raises(carrying.CarryingError, match="ascend_build_cache"):
        carrying.keep(shelf, (tmp_path / "mount/cache").as_uri(), None)
    with pytest.raises(carrying.CarryingError, match="a place to read from"):
        carrying.keep(shelf, "http://cache", None)
    assert not (tmp_path / "mount").exists()


def test_a_product_damaged_where_it_was_built_is_not_shared(shelf, tmp_path):
    (tmp_path / "work/products" / LABEL / FILE).write_bytes(b"CONTENT")
    with pytest.raises(carrying.CarryingError, match="set aside. Run again"):
        carrying.keep(shelf, (tmp_path / "shared").as_uri(), None)
    assert os.listdir(tmp_path / "shared") == [".locks"] and os.path.isdir(shelf.folder + ".damaged-1")


@pytest.mark.parametrize(
    "chain, signed, said",
    [
        (["https://a.example/c"], False, None),
        (["https://a.example/c", "https://b.example/c"], False, None),
        (["https://a.example/c", "https://b.example/c", "http://c.example/c"], False, "leads on to http://c.example/c"),
        (["https://a.example/c", "http://c.example/c"], True, None),
        (["http://a.example/c"], False, "http://a.example/c is read without TLS"),
        (["http://a.example/c"], True, None),
    ],
)
def test_a_card_is_not_led_away_from_tls(monkeypatch, chain, signed, said):
    """By urllib's own handlers, with nobody at the other end: each address leads to the next, and the last has a text."""

    def answer(_handler, request):
        onward = dict(zip(chain, chain[1:])).get(request.full_url)
        headers = email.message.Message()
        if onward:
            headers["Location"] = onward
        found = urllib.response.addinfourl(io.BytesIO(b"text"), headers, request.full_url, 302 if onward else 200)
        found.msg = ""
        return found

    monkeypatch.setattr(urllib.request.HTTPHandler, "http_open", answer)
    monkeypatch.setattr(urllib.request.HTTPSHandler, "https_open", answer)
    if said is None:
        assert carrying._get(chain[0], signed) == "text"
    else:
        with pytest.raises(carrying.CarryingError, match=said) as refused:
            carrying._get(chain[0], signed)
        assert "ascend_trusted_keys" in str(refused.value)
