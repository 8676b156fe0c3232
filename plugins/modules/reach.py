#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: reach
short_description: Ask the places of sources whether they answer
version_added: "0.1.0"
description:
  - Asks, from the host, the URLs of each source until one answers. Nothing of a source is fetched, and nothing changes.
  - All sources are asked at once, each URL under a time limit.
author: the ascend.pytorch authors (@ascend)
options:
  sources:
    description: The sources, each with C(name), C(kind) (archive or git), C(urls), and C(file) or C(repo).
    type: list
    elements: dict
    required: true
  mirrors:
    description: Mirrors that are asked before the sources' own URLs.
    type: list
    elements: str
    default: []
  limit_s:
    description: How long one URL may take to answer, in seconds.
    type: int
    default: 10
  logins:
    description:
      - Logins for the URLs of sources and mirrors, by address, as C(name:password).
      - The actions fill it in from the URLs themselves.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: The module changes nothing, with or without check mode.
"""

EXAMPLES = r"""
- name: Is CMake's archive to be had from here?
  ascend.pytorch.reach:
    sources:
      - name: cmake
        kind: archive
        file: cmake-3.12.1.tar.gz
        urls: [https://cmake.org/files/v3.12/cmake-3.12.1.tar.gz]
"""

RETURN = r"""
unanswered:
  description: The sources of which no URL answers, by name; each a list of pairs of a URL and what it said.
  returned: always
  type: dict
  sample:
    cmake: [["https://cmake.org/files/v3.12/cmake-3.12.1.tar.gz", "no answer for 10 s"]]
"""

from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ascend.pytorch.plugins.module_utils.base import outgoing
from ansible_collections.ascend.pytorch.plugins.module_utils.sources import reaching


def main():
    """Ask for all sources at once."""
    module = AnsibleModule(
        argument_spec={
            "sources": {"type": "list", "elements": "dict", "required": True},
            "mirrors": {"type": "list", "elements": "str", "default": []},
            "limit_s": {"type": "int", "default": 10},
            "logins": {"type": "dict", "default": {}, "no_log": True},
        },
        supports_check_mode=True,
    )
    sources, mirrors, limit_s, known = (module.params[key] for key in ("sources", "mirrors", "limit_s", "logins"))

    def ask(source):
        return reaching.unanswered(source, mirrors, limit_s, known)

    with ThreadPoolExecutor(max(1, len(sources))) as pool:
        answers = zip([source["name"] for source in sources], pool.map(ask, sources))
        module.exit_json(**outgoing.told(changed=False, unanswered={name: tried for name, tried in answers if tried}))


if __name__ == "__main__":
    main()
