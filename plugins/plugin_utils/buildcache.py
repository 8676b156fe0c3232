# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache as a list of places: each is asked in turn for a product, and the first writable one keeps new products."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.product import products
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import boundary, cache_places, carry, signing, store

Json = dict[str, Any]


def all_places(given: list[str]) -> list[str]:
    """Return the places of a build cache, see resolve_places; where all are read-only, the default folder comes last."""
    found = cache_places.resolve_places(given)
    if found and all(cache_places.kind(place) == cache_places.WEB for place in found):
        # New products need a place that can be written.
        found.append(cache_places.default_folder())
    return found


def writable_place(places: list[str]) -> str:
    """Return the first place that can be written. Whether it has room is seen when a product is added.

    :raises store.StoreError: there is none
    """
    for place in places:
        if cache_places.kind(place) == cache_places.FILE or (
            cache_places.kind(place) == cache_places.FOLDER and store.Store(place).is_writable()
        ):
            return place
    raise store.StoreError(
        "ascend_build_cache: none of {0} can be written, and new products have to be kept for the other hosts. Add a folder that "
        "can be written".format(", ".join(places))
    )


class BuildCache:
    """Errors are store.StoreError, signing.SigningError and transfer.TransferError, whose messages say what to do."""

    def __init__(
        self,
        places: list[str],
        carrier: carry.Carrier,
        warn: Callable[[str], None],
        sign_key: str = "",
        trusted_keys: str = "",
        builders: Sequence[str] = (),
    ) -> None:
        """
        :param places: see cache_places.resolve_places; :param carrier: of the host that is worked with
        :param warn: called with a sentence about a product that is damaged or refused
        :param sign_key: private key that new products are signed with, "" for none
        :param trusted_keys: public keys of which one must have signed what is taken, "" to take it unsigned
        :param builders: the group ascend_builders: products of other hosts are not signed
        """
        self.places = all_places(places)
        for place in self.places:
            objection = boundary.place_objection(place, trusted_keys)
            if objection:
                raise store.StoreError(objection)
        self.carrier = carrier
        self.warn = warn
        self.sign_key = sign_key
        self.trusted_keys = trusted_keys
        self.builders = builders
        self._warned_of: set[str] = set()

    def take(self, order: Order) -> Json | None:
        """Bring a product to the host; return {"changed", "place"}, None where no place has it."""
        for place in self.places:
            try:
                changed = self._take_from_place(place, order)
            except carry.Damaged as error:
                self.warn(str(error))
                changed = None
            except store.StoreError as error:
                self._warn_unreadable(place, error)
                changed = None
            if changed is not None:
                return {"changed": changed, "place": place}
        return None

    def _take_from_place(self, place: str, order: Order) -> bool | None:
        if cache_places.kind(place) != cache_places.FOLDER:
            metadata = self._look_up(place, order)
            return None if metadata is None else self.carrier.take_from(order, place, metadata)
        folder, label = store.Store(place, self.warn), order.label()
        try:
            with folder.reading(label, order.fingerprint) as entry:
                if entry is None or not self._is_trusted(label, place, entry.text, entry.signature):
                    return None
                return self.carrier.deliver(order, entry.folder, entry.metadata)
        except carry.Damaged:
            # This reads all of it, finds the damage and sets it aside.
            folder.entry(label, order.fingerprint, digest=True)
            return None

    def holds(self, order: Order) -> bool:
        """Say whether a place has a product that would be taken; nothing is brought anywhere."""
        return any(self._holds(place, order) for place in self.places)

    def _holds(self, place: str, order: Order) -> bool:
        if cache_places.kind(place) != cache_places.FOLDER:
            return self._look_up(place, order) is not None
        label = order.label()
        try:
            entry = store.Store(place, self.warn).entry(label, order.fingerprint)
        except store.StoreError as error:
            self._warn_unreadable(place, error)
            return False
        return entry is not None and self._is_trusted(label, place, entry.text, entry.signature)

    def _warn_unreadable(self, place: str, error: store.StoreError) -> None:
        """Warn once of a folder that cannot be read; without it products are built again."""
        if place not in self._warned_of:
            self._warned_of.add(place)
            self.warn(f"{error}. It is not used in this run")

    def _look_up(self, place: str, order: Order) -> Json | None:
        """Return the metadata of a product at a place that the host reaches, None where there is none to be trusted."""
        try:
            told = self.carrier.look_up(order, place, signed=bool(self.trusted_keys))
        except carry.CarryError as error:
            # Without the place the product is built again.
            self.warn(f"{order.label()}: {error}")
            return None
        metadata = told and products.parse(told[0])
        if not told or not metadata or metadata["manifest"]["fingerprint"] != order.fingerprint:
            return None
        return metadata if self._is_trusted(order.label(), place, *told) else None

    def _is_trusted(self, label: str, place: str, text: bytes, signature: bytes | None) -> bool:
        if self.trusted_keys:
            try:
                signing.verify(text, signature, self.trusted_keys)
            except signing.Refused as error:
                self.warn(f"{label} in the build cache {place} is refused: {error}")
                return False
        return True

    def keep(self, order: Order, builder: str) -> str:
        """Bring a product from the host that built it into the first writable place; return that place.

        :param builder: that host, by its name in the inventory
        """
        place = writable_place(self.places)
        if cache_places.kind(place) == cache_places.FOLDER:
            return self._keep_in_folder(place, order, builder)
        signature = self._signature(order, builder, self.carrier.held(order)) if self.sign_key else None
        self.carrier.keep_at(order, place, signature)
        return place

    def _keep_in_folder(self, place: str, order: Order, builder: str) -> str:
        folder, label = store.Store(place, self.warn), order.label()
        with folder.receiving(label) as partial:
            self.carrier.collect(order, partial)
            if self.sign_key:
                # Sign what has arrived: the host may say something else now.
                held = self.carrier.held(order)._replace(metadata=(partial / products.METADATA).read_bytes())
                signature = self._signature(order, builder, held)
                if signature:
                    signing.write(partial / products.METADATA, signature)
            folder.commit(label)
        return place

    def _signature(self, order: Order, builder: str, held: carry.Held) -> bytes | None:
        """Return a new signature by sign_key, None where the product keeps the one that it has.

        A product is signed if a builder built it; one that a builder took from elsewhere has to be signed already.

        :raises signing.SigningError: see there, and where neither is so
        """
        label = order.label()
        if builder not in self.builders:
            raise signing.SigningError(
                f"{label} is not signed, since it comes from {builder}, which is not in the group ascend_builders. Add that host "
                "to the group if all hosts may trust it, or build the product on a host of the group"
            )
        if not held.taken:
            return signing.sign(held.metadata, self.sign_key)
        try:
            if self.trusted_keys and signing.verify(held.metadata, held.signature, self.trusted_keys):
                return None
        except signing.Refused:
            pass
        raise signing.SigningError(
            f"{label} is not signed, since {builder} did not build it: it took it from {held.taken}, without a signature of "
            f"ascend_trusted_keys. Remove {order.work_dir}/products/{label} on {builder} and run again: it is built anew"
        )

    def earlier_manifests(self, name: str) -> list[Json]:
        """Return the manifests of a product's earlier builds, from the folders on the controller."""
        found: list[Json] = []
        for place in self.places:
            if cache_places.kind(place) == cache_places.FOLDER:
                # They only serve to estimate the time of a build; elsewhere an unreadable place is reported.
                with contextlib.suppress(store.StoreError):
                    found += store.Store(place).manifests(name)
        return found
