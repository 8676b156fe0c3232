# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks get full and products of the build cache are damaged: nothing incomplete is used, and the next run goes on."""

import re

ONE, TWO, THREE = HOSTS = "first", "second", "third"
WORK = "/var/lib/ascend-pytorch"
# Otherwise a check fails before anything is started.
UNCHECKED = {"ascend_silenced_checks": ["disk-full"]}


def test_of_the_builder(crew):
    crew.disk(ONE, WORK, "48m")
    run = crew.begin(["cmake"], [ONE], **UNCHECKED).ended(well=False)
    assert "no space left on the file system of {0}".format(WORK) in run.words, run.said[-3000:]
    assert "Cause: A disk, a quota or /tmp is full" in run.words and "ascend_work_dir" in run.words
    assert not crew.stands(ONE) and crew.kept() == []
    crew.disk(ONE, WORK, "1g")
    crew.apply(["cmake"], [ONE], **UNCHECKED)
    assert crew.stands(ONE) and crew.whole(ONE)
    assert "=== verify: done before" in crew.tries(ONE)[-1]


def test_of_the_place_that_it_is_published_to(crew):
    place = {"cmake_prefix": "/opt/narrow/cmake", "cmake_link": ""}
    crew.disk(ONE, "/opt/narrow", "1g")
    crew.apply(["cmake"], [ONE], **place)
    used = int(crew.on(ONE, "df --output=used -m /opt/narrow | tail -n 1"))
    # Room for half a tree.
    crew.disk(ONE, "/opt/narrow", "{0}m".format(used + used // 2))
    former = crew.on(ONE, "readlink -f /opt/narrow/cmake")
    listing = crew.on(ONE, "ls -A /opt/narrow")
    again = {"cmake_configure_options": ["--no-system-curl"]}
    run = crew.begin(["cmake"], [ONE], **place, **again).ended(well=False)
    assert "no space left on the file system of /opt/narrow" in run.words, run.said[-3000:]
    assert crew.on(ONE, "readlink -f /opt/narrow/cmake") == former
    assert crew.on(ONE, "ls -A /opt/narrow") == listing
    assert "cmake version 3.12.1" in crew.on(ONE, "/opt/narrow/cmake/bin/cmake --version")
    crew.disk(ONE, "/opt/narrow", "1g")
    crew.apply(["cmake"], [ONE], **place, **again)
    assert crew.on(ONE, "readlink -f /opt/narrow/cmake") != former
    assert crew.built(ONE) == 2


def test_of_one_that_takes_what_another_built(crew):
    crew.disk(TWO, WORK, "4m")
    run = crew.begin(["cmake"], [ONE, TWO], **UNCHECKED).ended(well=False)
    assert run.recap("failed") == {ONE: 0, TWO: 1}
    assert re.search(r"second: .*(no space|No space|room).*ascend_work_dir", run.words), run.said[-3000:]
    assert crew.stands(ONE) and not crew.stands(TWO)
    crew.disk(TWO, WORK, "1g")
    assert crew.apply(["cmake"], [ONE, TWO], **UNCHECKED).changed == {TWO}
    assert crew.stands(TWO) and crew.built(ONE, TWO) == 1


def test_of_the_controller(crew):
    cache = crew.folder / "cache"
    crew.disk("", str(cache), "2m")
    place = {"ascend_build_cache": [str(cache)]}
    run = crew.begin(["cmake"], [ONE, TWO], **place).ended(well=False)
    assert "No space left on device" in run.words and "ascend_build_cache" in run.words, run.said[-3000:]
    assert crew.kept(cache) == []
    crew.disk("", str(cache), "1g")
    crew.apply(["cmake"], [ONE, TWO], **place)
    assert crew.stands(ONE) and crew.stands(TWO)
    assert crew.built(ONE, TWO) == 1


def test_what_is_damaged_in_the_cache_is_set_aside_and_made_anew(crew):
    crew.apply(["cmake"], [ONE])
    (label,) = crew.kept()
    (product,) = (crew.cache / label).glob("*.tar.gz")
    whole = product.stat().st_size
    with product.open("r+b") as stream:
        stream.truncate(whole // 2)
    crew.apply(["cmake"], [TWO])
    assert len(list(crew.cache.glob(label + ".damaged-*"))) == 1

    # Of the same size, so that only the digest differs.
    with product.open("r+b") as stream:
        stream.seek(whole // 2)
        byte = stream.read(1)[0]
        stream.seek(whole // 2)
        stream.write(bytes([byte ^ 0xFF]))
    crew.apply(["cmake"], [THREE])
    assert len(list(crew.cache.glob(label + ".damaged-*"))) == 2
    assert crew.kept() == [label]
    assert (crew.built(TWO), crew.built(THREE)) == (1, 1)
    assert crew.stands(TWO) and crew.stands(THREE)
