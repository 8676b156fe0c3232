#!/usr/bin/python
# Copyright: (c) 2026, the ascend.pytorch authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
---
module: reach
short_description: Check whether the URLs of sources answer
version_added: "0.1.0"
description:
  - Tries the URLs of each source from the host until one answers. No source is fetched, and nothing is changed.
  - All sources are tried at the same time, each URL with a time limit.
author: the ascend.pytorch authors (@ascend)
options:
  sources:
    description: The sources, each with C(name), C(kind) (archive or git), C(urls), and C(file) or C(repo).
    type: list
    elements: dict
    required: true
  mirrors:
    description: Mirrors that are tried before the sources' own URLs.
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
      - The actions fill it in from the URLs.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: The module changes nothing, with or without check mode.
"""

EXAMPLES = r"""
- name: Check whether the host can reach CMake's archive
  ascend.pytorch.reach:
    sources:
      - name: cmake
        kind: archive
        file: cmake-3.12.1.tar.gz
        urls: [https://cmake.org/files/v3.12/cmake-3.12.1.tar.gz]
"""

RETURN = r"""
unanswered:
  description: The sources without a URL that answers, by name; each a list of pairs of a URL and its error.
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
    """Try the URLs of all sources at the same time."""
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
        return reaching.find_unanswered(source, mirrors, limit_s, known)

    with ThreadPoolExecutor(max(1, len(sources))) as pool:
        answers = zip([source["name"] for source in sources], pool.map(ask, sources))
        module.exit_json(
            **outgoing.clean_result(changed=False, unanswered={name: tried for name, tried in answers if tried})
        )


if __name__ == "__main__":
    main()
