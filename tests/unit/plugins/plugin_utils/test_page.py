# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text: one file, the whole document inside, and nothing in it that hosts could make run."""

import json
import re
from html.parser import HTMLParser

import fleets
import pytest
from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet, page

EVIL = "</script><img src=x onerror=alert(1)><!--@data@"


class Reader(HTMLParser):
    """Read a page: `found` has (tag, attributes, text directly inside) of every element."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])
        self.open.append(self.found[-1])

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if self.open:
            self.open[-1][2] += data

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


def evil():
    """The document of a fleet whose names and words are markup."""
    finding = fleets.finding(EVIL, found=EVIL, wanted=EVIL, remedy=EVIL, source=EVIL)
    state = fleets.built(fleets.host(npu=fleets.npu([fleets.chip(0, EVIL, name=EVIL)])), EVIL)
    state.os["name"] = EVIL
    return fleets.document(
        {EVIL: {"planned": fleets.planned(state, finding)}, "b": {"planned": {"unreachable": True, "msg": EVIL}}}
    )


def data(text):
    (found,) = [text for attributes, text in Reader(text).all("script") if attributes.get("type") == "application/json"]
    return json.loads(found)


@pytest.mark.parametrize("document", [fleets.document(), fleets.document({}), evil()], ids=["mixed", "empty", "evil"])
def test_the_document_is_inside(document):
    assert data(page.render(document))["document"] == document


def test_what_is_worked_out_of_the_document_is_inside():
    document = fleets.document()
    inside = data(page.render(document))
    assert inside["groups"] == fleet.groups(document) and inside["summary"] == fleet.summary(document)


def test_it_is_one_file_that_asks_for_nothing():
    text = page.render(fleets.document())
    reader = Reader(text)
    assert not [tag for tag, attributes, _text in reader.found if "src" in attributes or tag in ("iframe", "object")]
    assert [attributes["href"] for attributes, _text in reader.all("link")] == ["data:,"]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(|sendBeacon", text)


def test_the_policy_allows_the_style_and_the_script_of_the_page_alone():
    reader = Reader(page.render(fleets.document()))
    (policy,) = [attributes["content"] for attributes, _text in reader.all("meta") if "http-equiv" in attributes]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    (style,) = [text for _attributes, text in reader.all("style")]
    (script,) = [text for attributes, text in reader.all("script") if not attributes]
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'{page.csp_digest(style)}'" and rules["script-src"] == f"'{page.csp_digest(script)}'"


def test_foreign_text_stays_text():
    """The same elements as for a harmless fleet of two, whatever they are called and say."""
    harmless = fleets.document(
        {"a": {"planned": fleets.planned(fleets.host())}, "b": {"planned": {"unreachable": True, "msg": "gone"}}}
    )
    tags = [[tag for tag, _attributes, _text in Reader(page.render(document)).found] for document in (harmless, evil())]
    assert tags[0] == tags[1]


def test_a_browser_without_scripts_is_given_the_table():
    document = fleets.document()
    (table,) = [text for _attributes, text in Reader(page.render(document)).all("pre")]
    assert table == "\n".join(fleet.table(document, page.TEXT_WIDTH))


def test_title_and_heading_are_the_verdict():
    reader = Reader(page.render(fleets.document()))
    assert reader.all("title")[0][1] == "5 of 12 hosts are not fit - Ascend fleet report"
    assert [text for _attributes, text in reader.all("h1")] == ["5 of 12 hosts are not fit"]
    assert reader.all("html")[0][0] == {"lang": "en"} and len(reader.all("main")) == 1


def test_half_a_character_is_no_obstacle():
    document = fleets.document({"n\udc80de": {"planned": {"unreachable": True, "msg": "\ud800"}}})
    text = page.render(document)
    assert text.encode() and data(text)["document"] == document


def test_a_number_that_json_lacks_is_refused():
    with pytest.raises(ValueError):
        page.script_json({"temp_c": float("nan")})
