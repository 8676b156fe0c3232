# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions take is what their modules' documentation says."""

import pytest
from ansible_collections.ascend.pytorch.plugins.module_utils.plan import releases
from ansible_collections.ascend.pytorch.plugins.plugin_utils import (
    bundle_contents,
    cache_places,
    ledger,
    options,
    request,
)
from checkout import ROOT

MODULE = '''#!/usr/bin/python

DOCUMENTATION = r"""
---
module: tool
options:
  name:
    description: Its name.
    version_added: "0.2.0"
    type: str
    required: true
  parts:
    description: Its parts.
    type: list
    elements: dict
    suboptions:
      kind:
        description: Of which kind.
        type: str
        choices: [a, b]
        default: a
  made:
    description: What is made of it. The action fills it in.
    type: dict
"""

EXAMPLES = r"""
- name: Something else
"""
'''


def test_an_argument_spec_is_what_the_documentation_says(tmp_path, monkeypatch):
    (tmp_path / "tool.py").write_text(MODULE)
    monkeypatch.setattr(options, "MODULES", tmp_path)
    assert options.argument_spec("tool", filled_in={"made"}) == {
        "name": {"type": "str", "required": True},
        "parts": {
            "type": "list",
            "elements": "dict",
            "options": {"kind": {"type": "str", "choices": ["a", "b"], "default": "a"}},
        },
    }
    assert options.argument_spec("tool")["made"] == {"type": "dict"}
    (tmp_path / "tool.py").write_text("DOCUMENTATION = ''")
    with pytest.raises(ValueError, match="tool"):
        options.argument_spec("tool")


@pytest.mark.parametrize("path", sorted((ROOT / "plugins/modules").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_the_documentation_of_each_module_can_be_read(path):
    assert options.argument_spec(path.stem)


def test_what_an_action_fills_in_is_an_option_that_says_so():
    for name in ("publish", "build"):
        module = (ROOT / f"plugins/modules/{name}.py").read_text()
        said = module.count("action fills it in")
        assert said == len(options.argument_spec(name)) - len(_action(name))


def _action(name):
    loaded = __import__(f"ansible_collections.ascend.pytorch.plugins.action.{name}", fromlist=["ARGUMENTS"])
    return loaded.ARGUMENTS


def test_documented_choices_are_those_that_the_code_knows():
    platform = options.argument_spec("bundle")["platforms"]["options"]
    assert platform["arch"]["choices"] == list(releases.ARCHES)
    assert platform["libc"]["default"] == bundle_contents.LIBC
    assert options.argument_spec("plan")["roles"]["choices"] == list(request.ROLES)
    assert options.argument_spec("account")["deeds"]["choices"] == list(ledger.NOT_DONE)
    assert options.argument_spec("cache")["cache"]["default"] == [cache_places.AUTO]
