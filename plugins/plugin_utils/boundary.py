# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts are trusted to build for others, what is signed, and which places of the build cache need no signature.

See "Who is trusted" in docs/fleets.md. Every run loads this, so that it imports next to nothing.
"""

from __future__ import annotations


def may_build(host: str, builders: list[str]) -> bool:
    """Say whether a host may build for others, and pass on the products that it has.

    :param builders: the group ascend_builders; those alone may, and where it is empty every host
    """
    return not builders or host in builders


def signing_objection(builders: list[str]) -> str:
    """Return why nothing can be signed in a run, "" where something can: a signature says that a builder has built it."""
    if builders:
        return ""
    return (
        "ascend_sign_key is set, but the group ascend_builders is empty, and only products that its hosts built are signed. Put "
        "the hosts that all others trust into the group (all hosts, if so), or leave ascend_sign_key empty"
    )


def place_objection(place: str, trusted_keys: str) -> str:
    """Return why products cannot be taken from a place of the build cache, "" where they can.

    The metadata of the place is all that a product is checked by: nobody may change it on the way.
    """
    if trusted_keys or not place.startswith("http://"):
        return ""
    from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing

    return (
        f"ascend_build_cache: {outgoing.redact(place)} is read without TLS, so that its products could be replaced on the way. "
        "Use an https:// address; or sign products (ascend_sign_key) and set ascend_trusted_keys"
    )


def problems(places: list[str], sign_key: str, trusted_keys: str, builders: list[str]) -> list[str]:
    """Return what is wrong with the variables that say whom to trust, in words.

    :param places: of the build cache; without any, hosts hand on nothing
    """
    found = [place_objection(place, trusted_keys) for place in places]
    if places and sign_key:
        found.append(signing_objection(builders))
    return [words for words in found if words]
