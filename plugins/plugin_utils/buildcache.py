# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache as the road sees it: places that are asked in turn for a product, and of which one keeps what is built."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.product import products
from ansible_collections.ascend.pytorch.plugins.module_utils.product.order import Order
from ansible_collections.ascend.pytorch.plugins.plugin_utils import boundary, cache_places, carry, signing, store

Json = dict[str, Any]


def all_places(given: list[str]) -> list[str]:
    """Return the places of a build cache, see cache_places.places: those to read from alone have the default beside them."""
    found = cache_places.places(given)
    if found and all(cache_places.kind(place) == cache_places.WEB for place in found):
        # Those can hand nothing that is built on to the other hosts.
        found.append(cache_places.default())
    return found


def keeper(places: list[str]) -> str:
    """Return the first of all places that can be written to. Whether it has room is seen when something comes.

    :raises store.StoreError: there is none
    """
    for place in places:
        if cache_places.kind(place) == cache_places.FILE or (
            cache_places.kind(place) == cache_places.FOLDER and store.Store(place).writable()
        ):
            return place
    raise store.StoreError(
        "ascend_build_cache: none of {0} can be written to, so that what is built cannot be handed to the other hosts. "
        "Name a folder that can".format(", ".join(places))
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
        :param places: see cache_places.places; :param carrier: of the host that is worked with
        :param warn: called with a sentence about a product that is damaged or refused
        :param sign_key: private key that new products are signed with, "" for none
        :param trusted_keys: public keys of which one must have signed what is taken, "" to take it unsigned
        :param builders: the group ascend_builders: what others have built is not signed
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
        self._passed_over: set[str] = set()

    def take(self, order: Order) -> Json | None:
        """Bring a product to the host; return {"changed", "place"}, None where no place has it."""
        for place in self.places:
            try:
                changed = self._take_from(place, order)
            except carry.Damaged as error:
                self.warn(str(error))
                changed = None
            except store.StoreError as error:
                self._pass_over(place, error)
                changed = None
            if changed is not None:
                return {"changed": changed, "place": place}
        return None

    def _take_from(self, place: str, order: Order) -> bool | None:
        if cache_places.kind(place) != cache_places.FOLDER:
            metadata = self._looked_up(place, order)
            return None if metadata is None else self.carrier.take_from(order, place, metadata)
        folder, label = store.Store(place, self.warn), order.label()
        try:
            with folder.using(label, order.fingerprint) as entry:
                if entry is None or not self._trusts(label, place, entry.text, entry.signature):
                    return None
                return self.carrier.deliver(order, entry.folder, entry.metadata)
        except carry.Damaged:
            # Read whole now, it is seen to be damaged and set aside.
            folder.entry(label, order.fingerprint, digest=True)
            return None

    def holds(self, order: Order) -> bool:
        """Say whether a place has a product that would be taken; nothing is brought anywhere."""
        return any(self._holds(place, order) for place in self.places)

    def _holds(self, place: str, order: Order) -> bool:
        if cache_places.kind(place) != cache_places.FOLDER:
            return self._looked_up(place, order) is not None
        label = order.label()
        try:
            entry = store.Store(place, self.warn).entry(label, order.fingerprint)
        except store.StoreError as error:
            self._pass_over(place, error)
            return False
        return entry is not None and self._trusts(label, place, entry.text, entry.signature)

    def _pass_over(self, place: str, error: store.StoreError) -> None:
        """Tell once of a folder that cannot be read: it costs what it would have saved, and no more."""
        if place not in self._passed_over:
            self._passed_over.add(place)
            self.warn(f"{error}. It is passed over")

    def _looked_up(self, place: str, order: Order) -> Json | None:
        """Return the metadata of a product at a place that the host reaches, None where there is none to be trusted."""
        try:
            told = self.carrier.look_up(order, place, signed=bool(self.trusted_keys))
        except carry.CarryError as error:
            # A place that is down costs what it would have saved, and no more.
            self.warn(f"{order.label()}: {error}")
            return None
        metadata = told and products.parse(told[0])
        if not told or not metadata or metadata["manifest"]["fingerprint"] != order.fingerprint:
            return None
        return metadata if self._trusts(order.label(), place, *told) else None

    def _trusts(self, label: str, place: str, text: bytes, signature: bytes | None) -> bool:
        if self.trusted_keys:
            try:
                signing.verify(text, signature, self.trusted_keys)
            except signing.Refused as error:
                self.warn(f"{label} in the build cache {place} is refused: {error}")
                return False
        return True

    def keep(self, order: Order, builder: str) -> str:
        """Bring a product from the host that built it into the place that takes it; return that place.

        :param builder: that host, by its name in the inventory
        """
        place = keeper(self.places)
        if cache_places.kind(place) == cache_places.FOLDER:
            return self._keep_in(place, order, builder)
        signature = self._signature(order, builder, self.carrier.held(order)) if self.sign_key else None
        self.carrier.keep_at(order, place, signature)
        return place

    def _keep_in(self, place: str, order: Order, builder: str) -> str:
        folder, label = store.Store(place, self.warn), order.label()
        with folder.receiving(label) as partial:
            self.carrier.collect(order, partial)
            if self.sign_key:
                # What has come, and not what the host would say now.
                held = self.carrier.held(order)._replace(metadata=(partial / products.METADATA).read_bytes())
                signature = self._signature(order, builder, held)
                if signature:
                    signing.write(partial / products.METADATA, signature)
            folder.commit(label)
        return place

    def _signature(self, order: Order, builder: str, held: carry.Held) -> bytes | None:
        """Return the signature that a product gets by sign_key, None for the one that it may have.

        What is signed was built on a builder; what one has taken from elsewhere has to be signed already.

        :raises signing.SigningError: see there, and for what neither holds of
        """
        label = order.label()
        if builder not in self.builders:
            raise signing.SigningError(
                f"{label} is not signed, since {builder}, which has it, is not of the group ascend_builders. Put it there if "
                "all hosts may trust it, or have the product built on one that is"
            )
        if not held.taken:
            return signing.sign(held.metadata, self.sign_key)
        try:
            if self.trusted_keys and signing.verify(held.metadata, held.signature, self.trusted_keys):
                return None
        except signing.Refused:
            pass
        raise signing.SigningError(
            f"{label} is not signed, since {builder} has not built it but has it from {held.taken}, without a signature that "
            f"ascend_trusted_keys trusts. Remove {order.work_dir}/products/{label} there and run again: it is built anew"
        )

    def former(self, name: str) -> list[Json]:
        """Return the manifests of a product's earlier builds, from the folders on the controller."""
        found: list[Json] = []
        for place in self.places:
            if cache_places.kind(place) == cache_places.FOLDER:
                # They serve to tell how long a build will take: of one that cannot be read is told where it counts.
                with contextlib.suppress(store.StoreError):
                    found += store.Store(place).manifests(name)
        return found
