# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is trusted with what other hosts run."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import boundary


@pytest.mark.parametrize(
    "host, builders, may", [("h", [], True), ("h", ["h", "b"], True), ("h", ["b"], False), ("h", ["h2"], False)]
)
def test_who_may_build_for_others(host, builders, may):
    assert boundary.may_build(host, builders) is may


@pytest.mark.parametrize(
    "places, sign_key, trusted_keys, builders",
    [
        ([], "", "", []),
        (["auto", "/srv/cache", "file:///mnt/cache", "https://cache.example.com"], "", "", []),
        (["http://cache.example.com"], "", "~/keys.pub", []),
        (["auto"], "~/key", "", ["b1"]),
        # Nothing is handed on, so that nobody needs to know who has built it.
        ([], "~/key", "", []),
    ],
)
def test_nothing_is_wrong(places, sign_key, trusted_keys, builders):
    assert boundary.problems(places, sign_key, trusted_keys, builders) == []


def test_without_builders_a_signature_would_say_nothing():
    (words,) = boundary.problems(["auto"], "~/key", "~/key.pub", [])
    assert "group ascend_builders" in words and "leave ascend_sign_key empty" in words


def test_what_anybody_on_the_way_could_change_is_not_taken_unsigned():
    (words,) = boundary.problems(["auto", "http://me:secret@cache.example.com/ascend"], "", "", [])
    assert "http://cache.example.com/ascend is read without TLS" in words and "secret" not in words
    assert "https://" in words and "ascend_trusted_keys" in words
