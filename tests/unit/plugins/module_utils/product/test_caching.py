# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's side of a build cache: what it puts there, and what it takes from there."""

import email.message
import io
import os
import urllib.request
import urllib.response

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import caching, entries
from host_entries import FILE, LABEL, age, fill


def test_what_others_take_already_stays_unless_it_lacks_the_signature(entry, tmp_path):
    place = (tmp_path / "shared").as_uri()
    fill(tmp_path / "shared" / LABEL, b"theirs")
    assert caching.store_product(entry, place, None) is False
    assert caching.store_product(entry, place, "signed") is True
    assert caching.store_product(entry, place, "signed") is False
    assert caching.look_up(place, LABEL, False)["signature"] == "signed"
    assert (tmp_path / "shared" / LABEL / FILE).read_bytes() == b"content"


def test_halves_at_a_shared_place_are_swept(entry, tmp_path):
    for name in ("old", "new"):
        fill(tmp_path / "shared" / (LABEL + ".partial-" + name), b"half")
    age(tmp_path / "shared" / (LABEL + ".partial-old"), entries.PIECE_IDLE_S + 9)
    caching.store_product(entry, (tmp_path / "shared").as_uri(), None)
    assert sorted(os.listdir(tmp_path / "shared")) == [".locks", LABEL, LABEL + ".partial-new"]


def test_a_file_system_that_is_not_mounted_is_not_made_up_for(entry, tmp_path):
    with pytest.raises(entries.CarryingError, match="ascend_build_cache"):
        caching.store_product(entry, (tmp_path / "mount/cache").as_uri(), None)
    with pytest.raises(entries.CarryingError, match="can only be read"):
        caching.store_product(entry, "http://cache", None)
    assert not (tmp_path / "mount").exists()


def test_a_product_damaged_where_it_was_built_is_not_shared(entry, tmp_path):
    (tmp_path / "work/products" / LABEL / FILE).write_bytes(b"CONTENT")
    with pytest.raises(entries.CarryingError, match="set aside. Run again"):
        caching.store_product(entry, (tmp_path / "shared").as_uri(), None)
    assert os.listdir(tmp_path / "shared") == [".locks"] and os.path.isdir(entry.folder + ".damaged-1")


@pytest.mark.parametrize(
    "chain, signed, said",
    [
        (["https://a.example/c"], False, None),
        (["https://a.example/c", "https://b.example/c"], False, None),
        (
            ["https://a.example/c", "https://b.example/c", "http://c.example/c"],
            False,
            "redirects to http://c.example/c",
        ),
        (["https://a.example/c", "http://c.example/c"], True, None),
        (["http://a.example/c"], False, "http://a.example/c is read without TLS"),
        (["http://a.example/c"], True, None),
    ],
)
def test_metadata_is_not_led_away_from_tls(monkeypatch, chain, signed, said):
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
        assert caching._read_url(chain[0], signed) == "text"
    else:
        with pytest.raises(entries.CarryingError, match=said) as refused:
            caching._read_url(chain[0], signed)
        assert "ascend_trusted_keys" in str(refused.value)
