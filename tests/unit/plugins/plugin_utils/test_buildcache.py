# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places that are asked in turn for a product: which of them gives it, and which keeps it."""

import subprocess

import cached
import ordering
import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.product import products
from ansible_collections.ascend.pytorch.plugins.plugin_utils import buildcache, cache_places, carry, signing, store
from plain import as_plain, open_folder

ORDER = ordering.order(name="cmake", version="3.12.1", work_dir="/data")
LABEL = ORDER.label()
WEB, SHARED = "https://cache.example.com/ascend", "file:///mnt/ascend"


class Carrier:
    """Carries nothing; knows what it was asked for. `there` has what places give to a look_up, `wrong` what fails."""

    def __init__(self, there=None, wrong=None, taken="", signature=None):
        self.there, self.wrong, self.done = there or {}, wrong or {}, []
        self.has = carry.Held(b"the metadata", signature, taken)

    def _do(self, what, *more):
        self.done.append((what, *more))
        if what in self.wrong:
            raise self.wrong[what]

    def look_up(self, order, place, signed):
        self._do("look_up", place)
        self.signed = signed
        return self.there.get(place)

    def take_from(self, order, place, metadata):
        self._do("take_from", place)
        return True

    def deliver(self, order, folder, metadata):
        self._do("deliver", str(folder))
        return True

    def collect(self, order, folder):
        self._do("collect")
        cached.fill(folder)
        if self.has.signature:
            (folder / products.SIGNATURE).write_bytes(self.has.signature)

    def held(self, order):
        return self.has

    def keep_at(self, order, place, signature=None):
        self._do("keep_at", place, signature)


@pytest.fixture
def told():
    return []


@pytest.fixture
def key(tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return tmp_path / "key"


@pytest.fixture
def metadata(tmp_path):
    """The text of a product's metadata, as a place that hosts reach has it."""
    return (cached.make(tmp_path / "elsewhere") / products.METADATA).read_bytes()


def test_the_first_place_that_has_it_gives_it(tmp_path, told, metadata):
    cached.make(tmp_path / "full")
    carrier = Carrier({SHARED: (metadata, None)})
    places = [str(tmp_path / "empty"), WEB, str(tmp_path / "full"), SHARED]
    taken = buildcache.BuildCache(places, carrier, told.append).take(ORDER)
    assert taken == {"changed": True, "place": str(tmp_path / "full")}
    assert carrier.done == [("look_up", WEB), ("deliver", str(tmp_path / "full" / LABEL))]
    assert told == []


def test_a_host_fetches_by_itself_what_is_at_a_url(told, metadata):
    carrier = Carrier({WEB: (metadata, None)})
    assert buildcache.BuildCache([WEB], carrier, told.append).take(ORDER)["place"] == WEB
    assert carrier.done == [("look_up", WEB), ("take_from", WEB)]


def test_what_no_place_has_is_not_there(tmp_path, told):
    cache = buildcache.BuildCache([str(tmp_path), WEB], Carrier(), told.append)
    assert cache.take(ORDER) is None and not cache.holds(ORDER)


def test_another_product_is_not_taken(tmp_path, told, metadata):
    cached.make(tmp_path, fingerprint="ab" * 32)
    other = ORDER._replace(fingerprint="ab" * 31 + "cd")
    assert other.label() == LABEL
    assert (
        buildcache.BuildCache([str(tmp_path), WEB], Carrier({WEB: (metadata, None)}), told.append).take(other) is None
    )


def test_a_place_that_is_down_is_told_of_and_passed_over(tmp_path, told):
    cached.make(tmp_path)
    carrier = Carrier(wrong={"look_up": carry.CarryError("no answer")})
    assert buildcache.BuildCache([WEB, str(tmp_path)], carrier, told.append).take(ORDER)["place"] == str(tmp_path)
    assert told == [LABEL + ": no answer"]


def test_what_is_damaged_is_set_aside_and_not_there(tmp_path, told):
    folder = cached.make(tmp_path)
    file = next(folder.glob("*.tar.gz"))
    file.write_bytes(file.read_bytes()[::-1])
    carrier = Carrier(wrong={"deliver": carry.Damaged("damaged")})
    assert buildcache.BuildCache([str(tmp_path)], carrier, told.append).take(ORDER) is None
    assert (tmp_path / (LABEL + ".damaged-1")).is_dir() and not folder.exists()
    assert LABEL in told[0]


def test_only_what_is_signed_by_a_trusted_key_is_there(tmp_path, told, key, metadata):
    cached.make(tmp_path / "cache")
    carrier = Carrier({WEB: (metadata, None)})
    places = [str(tmp_path / "cache"), WEB]
    cache = buildcache.BuildCache(places, carrier, told.append, trusted_keys=f"{key}.pub")
    assert not cache.holds(ORDER) and cache.take(ORDER) is None
    assert "refused" in told[0] and "not signed" in told[0]
    signed = buildcache.BuildCache([str(tmp_path / "new")], carrier, told.append, str(key), f"{key}.pub", ["b1"])
    assert signed.keep(ORDER, "b1") == str(tmp_path / "new")
    assert signed.holds(ORDER) and signed.take(ORDER)


def test_what_is_built_goes_into_the_first_place_that_can_be_written_to(tmp_path, told):
    (tmp_path / "file").write_text("no folder")
    places = [WEB, str(tmp_path / "file" / "cache"), str(tmp_path / "one"), str(tmp_path / "two")]
    assert buildcache.BuildCache(places, Carrier(), told.append).keep(ORDER, "h") == str(tmp_path / "one")
    assert store.Store(tmp_path / "one").entry(LABEL, ORDER.fingerprint, digest=True)
    assert not (tmp_path / "two").exists()


def test_into_a_shared_folder_the_host_puts_it_with_the_signature(told, key):
    carrier = Carrier()
    assert buildcache.BuildCache([WEB, SHARED], carrier, told.append, str(key), "", ["b1"]).keep(ORDER, "b1") == SHARED
    ((what, place, signature),) = carrier.done
    assert (what, place) == ("keep_at", SHARED) and signature.startswith(b"-----BEGIN SSH SIGNATURE-----")


@pytest.mark.parametrize("place", ["folder", SHARED])
def test_what_is_signed_was_built_on_a_builder(tmp_path, told, key, place):
    place = str(tmp_path / "cache") if place == "folder" else place
    cache = buildcache.BuildCache([place], Carrier(), told.append, str(key), f"{key}.pub", ["b1", "b2"])
    with pytest.raises(
        signing.SigningError, match=LABEL + " is not signed, since it comes from evil, .* ascend_builders"
    ):
        cache.keep(ORDER, "evil")
    assert not (tmp_path / "cache" / LABEL).exists() and "keep_at" not in str(cache.carrier.done)
    assert cache.keep(ORDER, "b2") == place
    # Without a key nothing is said of who has built it.
    assert buildcache.BuildCache([place], Carrier(), told.append).keep(ORDER, "any") == place


@pytest.mark.parametrize("place", ["folder", SHARED])
def test_what_a_builder_has_from_elsewhere_is_not_signed_for_it(tmp_path, told, key, place):
    place = str(tmp_path / "cache") if place == "folder" else place
    carrier = Carrier(taken="file:///mnt/any")
    for trusted in ("", f"{key}.pub"):
        cache = buildcache.BuildCache([place], carrier, told.append, str(key), trusted, ["b1"])
        with pytest.raises(signing.SigningError, match=f"from file:///mnt/any, .*Remove /data/products/{LABEL}"):
            cache.keep(ORDER, "b1")
    assert not (tmp_path / "cache" / LABEL).exists()


def test_what_a_builder_has_from_elsewhere_keeps_the_signature_that_it_has(tmp_path, told, key, metadata):
    carrier = Carrier(taken="file:///mnt/any", signature=signing.sign(metadata, str(key)))
    cache = buildcache.BuildCache([str(tmp_path / "cache")], carrier, told.append, str(key), f"{key}.pub", ["b1"])
    assert cache.keep(ORDER, "b1") and cache.holds(ORDER)
    # Of another product's metadata it is none.
    carrier.has = carrier.has._replace(signature=signing.sign(b"another", str(key)))
    with pytest.raises(signing.SigningError, match="is not signed"):
        cache.keep(ORDER, "b1")


def test_over_plain_http_nothing_is_taken_unsigned(told, key):
    with pytest.raises(store.StoreError, match="without TLS.*ascend_trusted_keys"):
        buildcache.BuildCache(["auto", "http://cache.example.com"], Carrier(), told.append)
    carrier = Carrier()
    assert not buildcache.BuildCache(["http://c.example"], carrier, told.append, trusted_keys=f"{key}.pub").holds(ORDER)
    assert carrier.signed
    # Nor is it told to a host that it may.
    assert not buildcache.BuildCache([WEB], carrier, told.append).holds(ORDER) and not carrier.signed


def test_places_to_read_from_alone_have_the_default_beside_them(tmp_path, told, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = buildcache.BuildCache([WEB], Carrier(), told.append)
    assert cache.keep(ORDER, "h") == cache_places.default_folder()
    assert [manifest["name"] for manifest in cache.earlier_manifests("cmake")] == ["cmake"] and cache.earlier_manifests(
        "gcc730"
    ) == []


def test_without_a_place_to_write_to_it_is_said_what_to_do(tmp_path, told):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(store.StoreError, match="none of .* can be written, "):
        buildcache.BuildCache([str(tmp_path / "file" / "cache")], Carrier(), told.append).keep(ORDER, "h")


def test_it_is_said_before_anything_is_built_that_nothing_keeps_it(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(store.StoreError, match="none of .* can be written, "):
        buildcache.writable_place([str(tmp_path / "file" / "cache")])
    places = [str(tmp_path / "file" / "cache"), WEB, str(tmp_path / "new" / "cache"), SHARED]
    assert buildcache.writable_place(places) == places[2] and buildcache.writable_place([WEB, SHARED]) == SHARED


def test_who_keeps_is_asked_without_asking_whom_to_trust(tmp_path, monkeypatch):
    """A build is started with the places alone; what is taken from them is looked at by whoever takes it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert (
        buildcache.writable_place(buildcache.all_places(["http://cache.example.com"])) == cache_places.default_folder()
    )


@pytest.mark.parametrize("closed", ["closed/cache", "closed"])
def test_a_folder_that_cannot_be_read_is_told_of_once_and_passed_over(closed):
    """Itself, or one above it; by an account that is not root."""
    with open_folder() as root:
        cached.make(root / "closed" / "cache")
        cached.make(root / "open")
        for folder in ("open", "closed/cache"):
            (root / folder / ".locks").mkdir()
            (root / folder / ".locks").chmod(0o777)
        (root / closed).chmod(0o000)

        def ask():
            said = []
            cache = buildcache.BuildCache([str(root / "closed" / "cache"), str(root / "open")], Carrier(), said.append)
            former = [manifest["name"] for manifest in cache.earlier_manifests("cmake")]
            return {"taken": cache.take(ORDER), "holds": cache.holds(ORDER), "former": former, "said": said}

        seen = as_plain(ask)
        assert seen["taken"]["place"] == str(root / "open") and seen["holds"] and seen["former"] == ["cmake"]
        assert len(seen["said"]) == 1, seen
        assert all("cannot be used" in words and words.endswith("It is not used in this run") for words in seen["said"])
