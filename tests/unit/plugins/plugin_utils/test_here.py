# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths on the controller that a user gives: what is refused, and what stays as it is documented."""

import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import here

EACH = (here.OWN, here.BESIDE, here.READ)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("use", EACH)
@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "auto",
            "/srv/ascend",
            "/media/a stick/bundle",
            "~/cache",
            "./mirror",
            "../mirror",
            "ascend-bundle",
            "a/b",
        ),
        *("/tmp/report", "/数据/包", "/root/x", "/a:b", ".hidden", "a~b"),
    ],
)
def test_paths_that_are_taken(value, use):
    assert here.objection(value, use) == ""


@pytest.mark.parametrize("use", EACH)
@pytest.mark.parametrize(
    "value",
    ["/srv/a\n", "/srv/a\nb", "/srv/a\tb", "/srv/a\x1b[2J", " /srv/a", "/srv/a ", "~bob", "~bob/x", "~no-such/x"],
)
def test_paths_that_never_are(value, use):
    assert here.objection(value, use)


@pytest.mark.parametrize(
    "value", ["/", "//", "/etc", "/etc/", "/tmp", "/srv/../tmp/.", "/usr/local", "/var/lib", "/root"]
)
def test_folders_of_the_system_are_read_alone(value):
    assert [bool(here.objection(value, use)) for use in EACH] == [True, True, False]


@pytest.mark.parametrize("value", ["~", "~/", "~/.", "/home/me"])
def test_into_the_home_no_more_than_a_report_is_put(value):
    assert [bool(here.objection(value, use)) for use in EACH] == [True, False, False]


def test_where_somebody_works_a_report_may_be_put(monkeypatch):
    monkeypatch.chdir("/tmp")
    assert [bool(here.objection(".", use)) for use in EACH] == [True, False, False]


def test_the_message_names_the_variable_and_the_remedy():
    assert here.problem("ascend_bundle_dest", "/srv/bundle", here.OWN) == ""
    words = here.problem("ascend_bundle_dest", "/etc", here.OWN)
    assert words.startswith("ascend_bundle_dest: '/etc' is refused: ") and "Give a folder of its own" in words
    # What a path has in it does not tear the message.
    assert "\n" not in here.problem("ascend_report_dir", "a\nb", here.BESIDE)


def test_places_of_the_build_cache():
    well = ["auto", "", "/srv/cache", "~/cache", "file:///mnt/cache", "https://cache.example.com/tmp", "http://h/"]
    assert here.cache_problems(well) == []
    wrong = ["/tmp", "~bob/cache", "file:///tmp", "file:///etc/", "/srv/a\n"]
    found = here.cache_problems([*well, *wrong])
    assert [words.split(" is refused")[0] for words in found] == [f"ascend_build_cache: {value!r}" for value in wrong]
    assert "file:///a/folder" in found[2]


@pytest.mark.parametrize(
    "place",
    ["ftp://x/y", "htps://x/y", "file://x/y", "https://", "http:///x", "file:////", "://x", "file:/mnt/x", "https:/x"],
)
def test_what_can_be_no_place_of_the_build_cache(place):
    (words,) = here.cache_problems(["auto", place])
    assert words.startswith(f"ascend_build_cache: {place} cannot be a build cache. Give "), words


def test_a_place_may_have_blanks_around_it_and_a_login():
    assert here.cache_problems([" https://me:secret@cache.example.com/a "]) == []


@pytest.mark.parametrize(
    "place, folder",
    [
        ("/srv/mirror", True),
        ("~/mirror", True),
        ("./mirror", True),
        ("../mirror", True),
        ("file:///srv/mirror", False),
        ("https://x/mirror", False),
        ("git@x:mirror", False),
        ("ssh://x/y", False),
    ],
)
def test_mirrors_that_are_folders(place, folder):
    assert here.is_folder(place) == folder
