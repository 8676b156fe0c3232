# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet document as one HTML page that needs nothing else: page.html with its style, its script and its data inside.

Names of hosts and what hosts say are foreign text. It goes into the page as JSON without any `<`, and the script shows it
as text alone. The page's content security policy names its style and its script by their digests and allows nothing
else: neither another script nor any request.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from ansible_collections.ascend.pytorch.plugins.module_utils.product.recipe import STAGES
from ansible_collections.ascend.pytorch.plugins.plugin_utils import fleet

SOURCE = Path(__file__)
# Columns of the table for those whose browser runs no scripts.
TEXT_WIDTH = 110

_PLACEHOLDER = re.compile(r"@(\w+)@")


def render(document: dict[str, Any]) -> str:
    """Return the page of a fleet document (see fleet.document).

    :raises ValueError: the document holds a number that JSON has no word for, such as NaN
    """
    style, script = (_source(kind) for kind in ("css", "js"))
    data = {
        "document": document,
        "groups": fleet.groups(document),
        "summary": fleet.summary(document),
        "verdicts": fleet.VERDICTS,
        "stages": STAGES,
    }
    parts = {
        "policy": f"default-src 'none'; img-src data:; style-src '{csp_digest(style)}'; script-src '{csp_digest(script)}'; "
        "base-uri 'none'; form-action 'none'",
        "headline": html.escape(fleet.headline(document)),
        "style": style,
        "script": script,
        "data": script_json(data),
        "table": html.escape(_encodable("\n".join(fleet.table(document, TEXT_WIDTH)))),
    }
    # One pass, so that nothing that is put in is taken for a place.
    return _PLACEHOLDER.sub(lambda place: parts[place[1]], _source("html"))


def script_json(value: Any) -> str:
    """Return JSON that can stand in a script element: pure ASCII, without the `<` that could end the element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def csp_digest(text: str) -> str:
    """Return the source expression of an inline style or script, as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _source(kind: str) -> str:
    return SOURCE.with_suffix("." + kind).read_text(encoding="utf-8")


def _encodable(text: str) -> str:
    # A byte that was no UTF-8 may have become half a surrogate pair.
    return text.encode("utf-8", "replace").decode()
