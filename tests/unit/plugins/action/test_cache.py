# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build cache looked after, as a user does it: by the playbook, with an inventory and without."""

import json
import subprocess

import cached
import playing
import pytest
from ansible_collections.ascend.pytorch.plugins.action.cache import headline
from checkout import AS_COLLECTION

LABEL = "cmake-3.12.1-abababababab"


@pytest.fixture
def play(tmp_path):
    """play(*options): run the playbook from a folder of its own; returns its status and words, line ends aside."""

    def run(*options):
        done = playing.play(
            AS_COLLECTION / "playbooks" / "cache.yml", *options, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "home")
        )
        return done.returncode, " ".join(done.stdout.split())

    return run


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "home" / "ascend-pytorch" / "products"


def damage(folder):
    next(folder.glob("*.gz")).write_bytes(b"THE PRODUCT")


def test_listed_where_nothing_is_said(play, cache):
    cached.make(cache)
    status, words = play()
    assert status == 0, words
    assert f"{cache}: cmake 3.12.1 abababababab x86_64, glibc 2.31" in words and "built 2026-11-01 on node001" in words
    assert "1 product, " in words and "changed=0" in words


def test_verified(play, cache):
    folder = cached.make(cache)
    status, words = play("-e", "ascend_cache=verify")
    assert status == 0 and "all whole" in words and "changed=0" in words
    damage(folder)
    for options in (["--check"], []):
        assert folder.exists()
        status, words = play("-e", "ascend_cache=verify", *options)
        assert status == 2, words
        assert "1 of them cannot be used" in words and f"{LABEL}: {LABEL}.tar.gz: content differs" in words
    assert [path.name for path in cache.iterdir() if path.name != ".locks"] == [LABEL + ".damaged-1"]
    assert play("-e", "ascend_cache=verify")[0] == 0


def test_verified_by_the_inventory_of_the_hosts(play, tmp_path):
    cached.make(tmp_path / "own")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    variables = {
        "ascend_build_cache": [str(tmp_path / "own"), "https://cache.example"],
        "ascend_trusted_keys": str(tmp_path / "key.pub"),
    }
    # Nobody is there to connect to.
    hosts = {"ascend": {"hosts": {"n1": {"ansible_host": "0.0.0.0"}}, "vars": variables}}
    (tmp_path / "hosts.yml").write_text(json.dumps(hosts))
    status, words = play("-i", "hosts.yml", "-e", "ascend_cache=verify")
    assert status == 2 and f"{LABEL}: it is not signed" in words
    assert "https://cache.example: not looked at, since it is not a folder of the controller" in words
    assert (tmp_path / "own" / LABEL).is_dir()


def test_pruned(play, cache):
    folder = cached.make(cache)
    options = ["-e", "ascend_cache=prune", "-e", "ascend_cache_keep_days=0"]
    status, words = play(*options)
    assert status == 0 and folder.exists() and "0 products were removed" in words
    status, words = play(*options, "-e", "ascend_cache_keep_last=0", "--check")
    assert status == 0 and folder.exists() and "1 product would be removed" in words and "changed=1" in words
    status, words = play(*options, "-e", "ascend_cache_keep_last=0")
    assert status == 0 and not folder.exists()
    assert "1 product was removed" in words and "cmake 3.12.1" in words


@pytest.mark.parametrize(
    "option, words",
    [
        ("ascend_cache=burn", "ascend_cache is burn, and has to be one of list, verify, prune"),
        ("ascend_build_cache=s3://x", "s3://x cannot be a build cache"),
    ],
)
def test_what_cannot_be_done_is_told(play, option, words):
    status, told = play("-e", option)
    assert status == 2 and words in told


@pytest.mark.parametrize("wish", ["list", "verify", "prune"])
@pytest.mark.parametrize("places", [[], ["file:///srv/products"]])
def test_no_cache_that_could_be_looked_at_is_an_error(play, wish, places):
    status, words = play("-e", json.dumps({"ascend_build_cache": places, "ascend_cache": wish}))
    assert status == 2 and "ascend_build_cache has no folder of the controller" in words
    assert all(f"{place}: not looked at" in words for place in places)


def entry(**changes):
    return dict({"status": "whole", "wrong": [], "untrusted": "", "size": 1024}, **changes)


def test_headlines():
    whole, half, aside = entry(), entry(status="partial"), entry(status="damaged")
    damaged, unsigned = entry(status="damaged", wrong=["x"]), entry(untrusted="x")
    assert headline("listed", [whole, half, aside], [], False) == "1 product, 3.0 KiB"
    assert headline("verified", [whole, half, aside], [], False) == "1 product, 3.0 KiB, all whole"
    assert headline("verified", [], [], False) == "0 products, 0 B"
    assert (
        headline("verified", [whole, damaged, unsigned], [], False) == "3 products, 3.0 KiB; 2 of them cannot be used"
    )
    assert headline("pruned", [], [whole, whole], True) == "2 products would be removed, 2.0 KiB"


@pytest.mark.parametrize("name, value", [("build_cache", "/etc"), ("trusted_keys", "~bob/keys")])
def test_paths_are_judged_before_anything_is_looked_at(play, tmp_path, name, value):
    status, words = play("-e", json.dumps({f"ascend_{name}": value}))
    assert status != 0 and f"ascend_{name}: '{value}' is refused: " in words, words
    assert not list(tmp_path.glob("home/*/products"))
