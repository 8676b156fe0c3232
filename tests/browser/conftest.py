# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser for all tests, and a way to look at a fleet with it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ansible_collections.ascend.pytorch.plugins.plugin_utils import page  # noqa: E402
from chromium import Chromium  # noqa: E402

DESKTOP = (1440, 900)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """The browser, one for all."""
    chromium = Chromium(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


@pytest.fixture
def show(browser, tmp_path):
    """show(document): open its page in a window of a desktop's size; at the end the page must not have complained."""

    def opened(document, width=DESKTOP[0], height=DESKTOP[1]):
        browser.resize(width, height)
        path = tmp_path / "report.html"
        path.write_text(page.render(document), encoding="utf-8")
        browser.open(path)
        return browser

    yield opened
    browser.prefer()
    browser.run_scripts(True)
    assert browser.complaints == []
